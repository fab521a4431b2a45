"""``quitt serve | worker | migrate | keys | db``: running the portal."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from portal import keys, rekeying, schema
from portal.config import Settings
from portal.db import transaction
from portal.errors import PortalError

AGAIN_AFTER = 1.0  # seconds before a print process that died is started again
LAST_MOMENT = 2.0  # seconds that it is given to end


class Quitt(click.Group):
    """Says expected errors in one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except PortalError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=Quitt)
def main() -> None:
    """The payment portal of a municipality."""


@main.command()
def serve() -> None:
    """Serve the portal's pages and its API, and run the print process."""
    from granian import Granian  # only this command needs the server
    from granian.constants import Interfaces
    from granian.log import LogLevels

    settings = Settings.from_env()
    keys.Keyring.parse(settings.keys)  # a wrong one is told now, not by the first page
    os.environ["QUITT_DATABASE_URL"] = schema.ready(settings)
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

    settings = Settings.from_env()
    working.main(replace(settings, database_url=schema.ready(settings)))


@main.command()
def migrate() -> None:
    """Bring the database to this version, as the role that owns it."""
    settings = Settings.from_env()
    schema.ready(settings)
    click.echo("The database is at this version.")


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
        use = "in use" if key is keyring.current else "opens what was made with it"
        click.echo(f"{key.id}\t{hanging[key.id]}\t{use}")


@keys_.command("revoke")
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Kill every link and TAN of a leaked key; print tenant and reference of each letter."""
    with _at_work() as keyring:
        for tenant_id, reference in rekeying.revoke(keyring, key_id):
            click.echo(f"{tenant_id}\t{reference}")
    click.echo(f"Nothing hangs on {key_id} any more. Print these letters anew.", err=True)


@contextmanager
def _at_work() -> Iterator[keys.Keyring]:
    """The keys, with the database at hand."""
    from portal import create_app

    settings = Settings.from_env()
    app = create_app(replace(settings, database_url=schema.ready(settings)))
    with app.app_context():
        yield app.extensions["keyring"]


@main.command("db", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def db_(arguments: Sequence[str]) -> None:
    """Work on the portal's tables: Flask-Migrate's commands, for those who change them."""
    from flask.cli import FlaskGroup

    url = schema.owner_url(Settings.from_env())
    group = FlaskGroup(create_app=lambda: schema.app(url), add_default_commands=False)
    group.main(["db", *arguments], prog_name="quitt")


class _PrintProcess:
    """The process that draws PDFs, started again when it dies."""

    def __init__(self, settings: Settings) -> None:
        self._command: Sequence[str] = (
            sys.executable, "-m", "portal.printing", "--socket", str(settings.print_socket),
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
            self._process.wait()
            self._ending.wait(AGAIN_AFTER)


if __name__ == "__main__":
    main(prog_name="quitt")
