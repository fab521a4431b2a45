"""``quitt doctor`` and ``quitt db backup | restore | upgrade``."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from portal import embedded, refusals, schema
from portal.config import Settings
from portal.db import db
from portal.embedded_folder import files
from portal.errors import Misconfigured
from portal.keys import Keyring
from portal.operating import aftercare, backup, database, manifest, restore
from portal.operating import doctor as examining
from portal.operating.backup import Wing
from portal.operating.findings import Level, worst
from portal.operating.manifest import Manifest

COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}
A_BACKUP = click.Path(exists=True, dir_okay=False, path_type=Path)
A_PLACE = click.Path(path_type=Path)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of findings.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Look whether all is well and say what to do. Ends with 1 when something must be mended."""
    found = examining.examine(Settings.from_env())
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=1))
    else:
        for each in found:
            click.secho(str(each), fg=COLOURS[each.level])
        counts = {level: sum(each.level is level for each in found) for level in Level}
        click.echo(
            f"{counts[Level.FAIL]} to mend, {counts[Level.WARN]} to look at,"
            f" {counts[Level.OK]} in order."
        )
    ctx.exit(1 if worst(found) is Level.FAIL else 0)


class _Database(click.Group):
    """Our own commands; every other word is one of Flask-Migrate's."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "db", developers, args


@click.command(
    "db", context_settings={"ignore_unknown_options": True}, add_help_option=False, hidden=True
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def developers(arguments: Sequence[str]) -> None:
    """Flask-Migrate's commands."""
    from flask.cli import FlaskGroup

    url = schema.owner_url(Settings.from_env())
    group = FlaskGroup(create_app=lambda: schema.app(url), add_default_commands=False)
    group.main(["db", *arguments], prog_name="quitt")


@click.group("db", cls=_Database)
def db_() -> None:
    """The database as a whole: backup, restore, upgrade.

    Who changes the tables finds Flask-Migrate's commands here, too: check, current, downgrade,
    history, revision …
    """


@db_.command("backup")
@click.argument("target", required=False, type=A_PLACE)
@click.option("--office", is_flag=True, help="The office's database, which knows people.")
def backup_(target: Path | None, office: bool) -> None:
    """Write a backup to TARGET, a file or a folder (else QUITT_BACKUPS), while all goes on."""
    settings = Settings.from_env()
    made = backup.make(_wing(settings, office), target or settings.backup_folder)
    told = manifest.read(made)
    click.echo(f"{made}\n{sum(told.rows.values())} rows, {told.bytes} bytes, read back and good.")
    if office:
        click.echo("It holds names and addresses: keep it apart and locked.")


@db_.command("restore")
@click.argument("file", type=A_BACKUP)
@click.option("--replace", is_flag=True, help="Give up everything that is in the database now.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--keep", is_flag=True, help="Purge nothing yet: holds were noted since the backup.")
@click.option("--office", is_flag=True, help="The office's database.")
def restore_(file: Path, replace: bool, yes: bool, keep: bool, office: bool) -> None:
    """Put a backup back: all of it, or nothing."""
    settings = Settings.from_env()
    if not office:
        Keyring.parse(settings.keys)  # what is restored opens with them, and is asked about
    wing = _wing(settings, office)
    told = restore.examined(file, wing, _migrations(office))
    click.echo(
        f"Made {told.made_at:%Y-%m-%d %H:%M} UTC: {sum(told.rows.values())} rows of the"
        f" {told.wing}, tables at {told.alembic}."
    )
    if replace and not yes:
        name = _name(wing)
        typed = click.prompt(f"All that is in {name} now will be gone. Type its name to go on")
        if typed != name:
            raise click.ClickException("That is another name; nothing was changed.")
    restore.from_file(wing, file, replace=replace)
    click.echo("Restored.")
    for line in _after_office(settings) if office else _after(settings, told, purge=not keep):
        click.echo(line)


@db_.command("upgrade")
def upgrade() -> None:
    """Bring the database to this version; the embedded one is backed up before."""
    settings = Settings.from_env()
    refusals.refuse(refusals.of(settings))
    if not settings.database_url and (files(settings.data) / "PG_VERSION").exists():
        wing = _wing(settings, office=False)
        at = _at(wing)
        if at and at != database.heads():
            click.echo(f"Backed up to {backup.make(wing, settings.backup_folder)}")
    schema.ready(settings)
    click.echo("The database is at this version.")


def _wing(settings: Settings, office: bool) -> Wing:
    if not office:
        variable = "QUITT_OWNER_DATABASE_URL" if settings.database_url else "QUITT_DATA"
        return Wing("portal", variable, schema.owner_url(settings))
    from office import schema as offices

    if settings.office_database_url:
        if not settings.office_owner_database_url:
            raise Misconfigured("QUITT_OFFICE_OWNER_DATABASE_URL is needed: only it owns tables.")
        url = settings.office_owner_database_url
        return Wing("office", "QUITT_OFFICE_OWNER_DATABASE_URL", url)
    cluster = embedded.start(settings.data)
    embedded.ensure(cluster, {offices.DATABASE: (offices.OWNER, offices.APP)})
    return Wing("office", "QUITT_DATA", embedded.url(cluster, offices.DATABASE, offices.OWNER))


def _migrations(office: bool) -> Path:
    if not office:
        return schema.MIGRATIONS
    from office import schema as offices

    return offices.MIGRATIONS


def _name(wing: Wing) -> str:
    with database.connected(wing.owner_url, wing.variable) as connection:
        return connection.info.dbname


def _at(wing: Wing) -> frozenset[str]:
    with database.connected(wing.owner_url, wing.variable) as connection:
        return database.at(connection)


def _after_office(settings: Settings) -> list[str]:
    from office import schema as offices

    offices.ready(settings)
    return ["Read the portal's events again: ./quitt office sync"]


def _after(settings: Settings, told: Manifest, *, purge: bool) -> list[str]:
    """Migrations, rights, and what must follow."""
    url = schema.ready(settings)
    refusals.refuse(database.faults(database.ask(url), demo=settings.demo))
    with schema.app(url).app_context():
        try:
            return list(aftercare.follow(Keyring.parse(settings.keys), told, purge=purge))
        finally:
            db.engine.dispose()
