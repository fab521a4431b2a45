"""``quitt serve | worker | migrate | keys``: running the portal; the rooms' commands beside."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import click

from portal import keys, refusals, rekeying, schema
from portal.config import Settings
from portal.db import db, transaction
from portal.errors import Misconfigured, PortalError
from portal.faces.cli import tenant
from portal.finance.cli import events as finance_events
from portal.operating import cli as operating
from portal.operating import database
from portal.payments.accounts_cli import provider
from portal.proof.cli import audit, export, reconcile
from portal.requests.cli import request
from portal.retention.cli import retention
from portal.settlements.cli import settlement
from portal.staff.cli import staff

AGAIN_AFTER = 1.0  # seconds before a print process that died is started again
LAST_MOMENT = 2.0  # seconds that it is given to end


class Refusal(click.ClickException):
    """Settings with which nothing can be started: one line for each fault."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=True)


class Quitt(click.Group):
    """Says expected errors in one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Misconfigured as error:
            raise Refusal(str(error)) from None
        except PortalError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=Quitt)
@click.pass_context
def main(context: click.Context) -> None:
    """The payment portal of a municipality."""
    context.obj = _at_work  # a room's command opens it when it needs the application


@main.command()
def serve() -> None:
    """Serve the portal's pages and its API, and run the print process."""
    from granian import Granian  # only this command needs the server
    from granian.constants import Interfaces
    from granian.log import LogLevels

    settings = _ready()
    os.environ["QUITT_DATABASE_URL"] = settings.database_url
    printing = _PrintProcess(settings)
    printing.start()
    try:
        Granian(
            "app:app",
            address=settings.bind,
            port=settings.port,
            interface=Interfaces.WSGI,
            workers=settings.web_processes,
            blocking_threads=settings.web_threads,
            backpressure=4 * settings.web_threads,
            respawn_failed_workers=True,
            log_level=LogLevels.error,
            ssl_cert=Path(settings.tls_certificate) if settings.https_here else None,
            ssl_key=Path(settings.tls_key) if settings.https_here else None,
        ).serve()
    finally:
        printing.end()


@main.command()
def worker() -> None:
    """Hand over events, ask providers, expire requests."""
    from portal import worker as working

    working.main(_ready())


@main.command()
def migrate() -> None:
    """Bring the database to this version, as the role that owns it."""
    _ready()
    click.echo("The database is at this version.")


def _ready() -> Settings:
    """The settings with the database at hand; refuses everything that is not right, at once."""
    settings = Settings.from_env()
    refusals.refuse(refusals.of(settings))
    reach = database.connected
    if settings.database_url:  # whether it answers is told before it is worked on
        reach(settings.database_url).close()
    if settings.owner_database_url:
        reach(settings.owner_database_url, "QUITT_OWNER_DATABASE_URL").close()
    ready = replace(settings, database_url=schema.ready(settings))
    refusals.refuse(database.faults(database.ask(ready.database_url), demo=ready.demo))
    return ready


@main.group("keys")
def keys_() -> None:
    """Keys of links, TANs and cookies."""


@keys_.command("new")
@click.argument("key_id", default="k1")
def new(key_id: str) -> None:
    """Print a new key. Put it FIRST into QUITT_KEYS and keep the older ones behind it."""
    click.echo(keys.new_key(key_id))


@keys_.command("list")
def list_() -> None:
    """Say how much hangs on each configured key; one with nothing may be taken out."""
    with _at_work() as keyring, transaction() as session:
        hanging = rekeying.counts(session)
    for key in keyring.keys:
        use = "revoked" if key.revoked else "opens what was made with it"
        use = "in use" if key is keyring.current else use
        click.echo(f"{key.id}\t{hanging[key.id]}\t{use}")


@keys_.command("revoke")
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Kill every link and TAN of a leaked key; print tenant and reference of each letter."""
    with _at_work() as keyring:
        for tenant_id, reference in rekeying.revoke(keyring, key_id):
            click.echo(f"{tenant_id}\t{reference}")
        with transaction() as session:
            left = rekeying.counts(session)[key_id]
    click.echo("Print these letters anew.", err=True)
    kept = (
        f"{left} references of deleted requests are known by {key_id}:"
        f" keep it as the last one, as {key_id}:…:{keys.REVOKED}."
    )
    click.echo(kept if left else f"Nothing hangs on {key_id} any more.", err=True)


@contextmanager
def _at_work() -> Iterator[keys.Keyring]:
    """The keys, with the database at hand."""
    from portal import create_app

    settings = Settings.from_env()
    app = create_app(replace(settings, database_url=schema.ready(settings)))
    with app.app_context():
        try:
            yield app.extensions["keyring"]
        finally:
            db.session.remove()
            db.engine.dispose()


main.add_command(audit)
main.add_command(finance_events)
main.add_command(operating.doctor)
main.add_command(operating.db_)
main.add_command(provider)
main.add_command(reconcile)
main.add_command(export)
main.add_command(request)
main.add_command(retention)
main.add_command(settlement)
main.add_command(staff)
main.add_command(tenant)


class _PrintProcess:
    """The process that draws PDFs, started again when it dies."""

    def __init__(self, settings: Settings) -> None:
        self._command: Sequence[str] = (
            sys.executable, "-m", "portal.printing", "--socket", str(settings.print_socket),
            "--for", str(os.getpid()),
        )  # fmt: skip
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._watcher.start()

    def end(self) -> None:
        self._ending.set()
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(LAST_MOMENT)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _watch(self) -> None:
        while not self._ending.is_set():
            self._process = subprocess.Popen(self._command)  # noqa: S603 -- our own module
            if self._ending.is_set():  # told to end while it was started
                self._process.terminate()
            self._process.wait()
            self._ending.wait(AGAIN_AFTER)


if __name__ == "__main__":
    main(prog_name="quitt")
