"""``quitt tenant``: a town's own face, set by who runs the portal for it."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from portal.db import transaction
from portal.faces import fields, setting, town
from portal.faces.setting import LANGUAGES, NoSuchTown, Said
from portal.tenants import Tenant

BY = "operator"
DAY = click.DateTime(["%Y-%m-%d"])
A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
TO_DO = "(to be filled in)"


@click.group("tenant")
@click.pass_context
def tenant(context: click.Context) -> None:
    """A town's crest, colour and texts."""
    context.obj = context.with_resource(context.obj())  # the application, and its keys


@tenant.command("show")
@click.argument("tenant_id")
@click.option("--language", default="de", type=click.Choice(LANGUAGES))
def show(tenant_id: str, language: str) -> None:
    """Print what TENANT_ID says of itself."""
    with transaction() as session:
        row = session.get(Tenant, tenant_id)
        if row is None:
            raise NoSuchTown(f"There is no tenant {tenant_id!r}.")
        for name, value in _told(row, town.texts(session, row, language)):
            click.echo(f"{name}\t{value}")
        gaps = town.missing(session, row)
    if gaps:
        click.echo(f"{len(gaps)} placeholders stand on the pages.", err=True)


@tenant.command("set")
@click.argument("tenant_id")
@click.argument("field")
@click.argument("text")
@click.option("--language", type=click.Choice(LANGUAGES), help="Of the text; else its own.")
def set_(tenant_id: str, field: str, text: str, language: str | None) -> None:
    """Set one FIELD to TEXT; an empty TEXT takes back what was said. The fields: show."""
    setting.put(tenant_id, [Said(field, text, language)], BY)


@tenant.command("texts")
@click.argument("tenant_id")
@click.argument("files", nargs=-1, required=True, type=A_FILE)
def texts(tenant_id: str, files: tuple[Path, ...]) -> None:
    """Set fields from FILES called FIELD.txt or, in another language, FIELD.en.txt.

    Plain text in UTF-8: an empty line parts two paragraphs, a line that begins with "# " is a
    heading. Nothing else is understood.
    """
    setting.put(tenant_id, [setting.read(file) for file in files], BY)
    click.echo(f"{len(files)} fields set.")


@tenant.command("crest")
@click.argument("tenant_id")
@click.argument("file", type=A_FILE)
def crest(tenant_id: str, file: Path) -> None:
    """Take FILE, an SVG or a PNG, as the town's crest."""
    click.echo(f"Shown at {town.FOLDER}/{setting.put_crest(tenant_id, file.read_bytes(), BY)}")


@tenant.command("colour")
@click.argument("tenant_id")
@click.argument("colour")
def colour(tenant_id: str, colour: str) -> None:
    """Take COLOUR, as #2044aa, for buttons and links, if people can read it."""
    pair = setting.put_colour(tenant_id, colour, BY)
    click.echo(f"{pair.light}, and {pair.dark} on a dark screen")


@tenant.command("easy")
@click.argument("tenant_id")
@click.option("--tested-by", default="", help="The organisation whose readers tested the text.")
@click.option("--tested-on", type=DAY, help="The day of the test.")
@click.option("--hide", is_flag=True, help="Hide the page again.")
def easy(tenant_id: str, tested_by: str, tested_on: datetime | None, hide: bool) -> None:
    """Show the page in Leichte Sprache, once its readers have tested it."""
    if hide:
        setting.hide(tenant_id, BY)
        return
    if tested_on is None:
        raise click.UsageError("Say --tested-by and --tested-on, or --hide.")
    setting.tested(tenant_id, tested_by, tested_on.date(), BY)


def _told(row: Tenant, own: dict[str, fields.Written]) -> Iterator[tuple[str, str]]:
    for name in setting.OF_THE_ROW:
        yield name, own.get(name) or getattr(row, name)
    yield "colour", row.colour
    yield "crest", row.crest
    gaps = fields.missing(own, own)
    for name in fields.FIELDS:
        if name not in setting.OF_THE_ROW:
            said = own.get(name, TO_DO if name in gaps else "")
            yield name, " / ".join(said.splitlines())
    yield "easy_tested", f"{row.easy_tested_on} {row.easy_tested_by}" if row.easy_tested_on else ""
