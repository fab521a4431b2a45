"""The office's commands: ``quitt office import | push | print | sync | run | town | serve``."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask_babel import gettext as _
from flask_babel import ngettext
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from office import importing, pseudonyms, pushing, schema, syncing, town, words
from office.client import Portal
from office.db import office_db
from office.models import EventState
from office.web import create_app
from portal.config import Settings
from portal.errors import PortalError

console = Console(highlight=False, soft_wrap=True)

A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
A_FOLDER = click.Path(file_okay=False, path_type=Path)


class Office(click.Group):
    """Says expected errors in one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PortalError as error:
            console.print(f"[bold red]✗[/] {escape(str(error))}")
            ctx.exit(1)


@click.group(cls=Office)
@click.option("--language", type=click.Choice(["de", "en"]), default="de", show_default=True)
@click.pass_context
def office(ctx: click.Context, language: str) -> None:
    """The finance side: reads invoices, pushes them, prints letters, keeps claims."""
    ctx.obj = language


@office.command("town")
@click.argument("file", type=A_FILE)
@click.pass_obj
def town_(language: str, file: Path) -> None:
    """Tell who the town is (TOML, see demo/musterhausen.toml)."""
    with _open(language):
        facts = town.read(file.read_bytes())
        town.settle_in(facts)
        console.print(_("Letters now speak of %(town)s.", town=escape(facts.name)))


@office.command("import")
@click.argument("file", type=A_FILE)
@click.pass_obj
def import_(language: str, file: Path) -> None:
    """Read invoices from FILE (CSV with semicolons)."""
    with _open(language):
        _import(file)


@office.command()
@click.pass_obj
def push(language: str) -> None:
    """Push claims to the portal, pseudonymised; get links and TANs."""
    with _open(language) as settings:
        _push(settings)


@office.command("print")
@click.option("--out", type=A_FOLDER, required=True, help="Folder for the PDFs.")
@click.option("--one", metavar="REF", help="Only the letter with this document number.")
@click.option("--again", is_flag=True, help="Also letters that were printed before.")
@click.pass_obj
def print_(language: str, out: Path, one: str | None, again: bool) -> None:
    """Print new and changed letters: one PDF each, and one for the run."""
    with _open(language) as settings:
        _print(settings, out, one=one, again=again)


@office.command()
@click.option(
    "--again-after",
    type=click.IntRange(min=0),
    metavar="POSITION",
    help="Read again from behind this position: the portal restored a backup and names it.",
)
@click.pass_obj
def sync(language: str, again_after: int | None) -> None:
    """Read what the portal reports and book it."""
    with _open(language) as settings:
        _sync(settings, again_after)


@office.command()
@click.argument("file", type=A_FILE)
@click.option("--out", type=A_FOLDER, required=True, help="Folder for the PDFs.")
@click.pass_obj
def run(language: str, file: Path, out: Path) -> None:
    """Import, sync, push and print: so no letter asks for what the portal says is paid."""
    with _open(language) as settings:
        _import(file)
        _sync(settings)
        _push(settings)
        _print(settings, out)


@office.command()
@click.pass_obj
def serve(language: str) -> None:
    """Show the office's page on 127.0.0.1 and take pushed events."""
    from granian import Granian  # only this command needs the server
    from granian.constants import Interfaces
    from granian.log import LogLevels

    settings = Settings.from_env()
    pseudonyms.key(settings.office_pseudonym_key)  # a wrong one is told now, not by the first page
    token = settings.office_token or secrets.token_urlsafe(24)
    os.environ.update(QUITT_OFFICE_DATABASE_URL=schema.ready(settings), QUITT_OFFICE_TOKEN=token)
    with _open(language):
        console.print(_("The office's page; the address works once:"))
    console.print(f"http://127.0.0.1:{settings.office_port}/?token={token}")
    Granian(
        "office.web:from_env",
        factory=True,
        address="127.0.0.1",
        port=settings.office_port,
        interface=Interfaces.WSGI,
        blocking_threads=4,
        backpressure=16,
        log_level=LogLevels.error,
    ).serve()


@contextmanager
def _open(language: str) -> Iterator[Settings]:
    settings = Settings.from_env()
    app: Flask = create_app(settings, schema.ready(settings))
    app.config["OFFICE_LANGUAGE"] = language
    with app.app_context():
        try:
            yield settings
        finally:
            office_db.engine.dispose()


def _import(file: Path) -> None:
    report = importing.import_file(file.read_bytes())
    for refused in report.refused:
        line = _("Line %(number)s", number=refused.line)
        console.print(f"[yellow]{line}[/] {escape(words.refusal(refused))}")
    counts = {name: report.taken[kind] for kind in importing.Taken for name in (kind.value,)}
    console.print(
        _("Imported: %(new)s new, %(changed)s changed, %(same)s unchanged.", **counts)
        + " "
        + ngettext("%(num)s line refused.", "%(num)s lines refused.", len(report.refused))
    )


def _push(settings: Settings) -> None:
    key = pseudonyms.key(settings.office_pseudonym_key)
    with Portal.of(settings) as portal, _progress(_("Push")) as progress:
        report = pushing.push(portal, key, progress)
    for reference, reason in report.refused:
        console.print(f"[yellow]{escape(reference)}[/] {escape(words.refused(reason))}")
    for reference in report.still_payable:
        said = _("Turned to direct debit, still payable online: withdraw it at the portal.")
        console.print(f"[yellow]{escape(reference)}[/] {said}")
    console.print(
        ngettext("%(num)s claim pushed.", "%(num)s claims pushed.", report.pushed)
        + " "
        + ngettext("%(num)s refused.", "%(num)s refused.", len(report.refused))
    )


def _print(settings: Settings, out: Path, *, one: str | None = None, again: bool = False) -> None:
    from office.printing import print_letters  # WeasyPrint takes a second

    key = pseudonyms.key(settings.office_pseudonym_key)
    with _progress(_("Print")) as progress:
        printed = print_letters(out, key, progress, one=one, again=again)
    for reference, why in printed.left_out:
        console.print(f"[yellow]{escape(reference)}[/] {words.LEFT_OUT[why]}")
    letters = ngettext("%(num)s letter printed to", "%(num)s letters printed to", printed.letters)
    console.print(f"{letters} {escape(str(out))}")


def _sync(settings: Settings, again_after: int | None = None) -> None:
    with Portal.of(settings) as portal:
        taken = syncing.sync(portal, lambda _count: None, again_after)
    console.print(ngettext("%(num)s new event.", "%(num)s new events.", taken.total()))
    for state in EventState:
        if taken[state]:
            console.print(f"  {taken[state]} {words.EVENT_STATES[state]}")


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task(label, total=None)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield told
        if bar.tasks[0].total is None:
            bar.update(task, completed=0, total=0)
