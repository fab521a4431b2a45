"""``quitt settlement``: files of settlement reports, fetching reports by hand, and undoing them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from portal.db import transaction
from portal.keys import Keyring
from portal.ledger.entries import PaidOut
from portal.money import Money
from portal.settlements import booking, fetching, file_mapping, files, settle, unbooked, undoing
from portal.settlements.files import BadFile, File, Fit, Seen
from portal.tenants import Tenant

FITS = {
    Fit.FITS: "fits",
    Fit.IN_PART: "fits in part, the rest is a difference",
    Fit.ASKED_FIRST: "not heard yet: the provider is asked about it first",
    Fit.BELIEVED: "news: it is recorded first",
    Fit.FEE: "fee",
    Fit.NOTHING: "no open item of ours: a difference",
}

tenant = click.option("--tenant", "tenant_id", required=True, help="The town.")
account = click.option("--account", "account_id", required=True, help="Its provider account.")
person = click.option("--by", required=True, metavar="NAME", help="Who does it, for the audit.")
mapping = click.option("--mapping", required=True, help="A shipped mapping's name, or a TOML file.")
named = click.option("--settlement", help="The report's name, where the file tells none.")
csv_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


def _at_the_machine(name: str) -> str:
    """Nobody has proved a login here: it is whoever runs the portal, who says this name."""
    return f"operator:{name}"


@click.group("settlement")
@click.pass_context
def settlement(context: click.Context) -> None:
    """Settlement reports (Abrechnungen): files, fetching, undoing."""
    context.obj = context.with_resource(context.obj())  # the application, and its keys


@settlement.command("preview")
@csv_file
@account
@tenant
@mapping
@named
@click.pass_obj
def preview(
    keyring: Keyring,
    file: Path,
    account_id: str,
    tenant_id: str,
    mapping: str,
    settlement: str | None,
) -> None:
    """Say line by line what a file would book; book nothing."""
    read = _file(file, account_id, tenant_id, mapping, settlement)
    try:
        seen = files.preview(keyring, read)
    except BadFile as bad:
        _refuse(bad)
    for report in seen:
        for each in report.lines:
            line = each.line
            name = line.provider_reference or line.payment or "-"
            _line(each.number, line.kind, name, line.gross, line.fee, FITS[each.fit])
        _sums(report)
    click.echo("Nothing was booked.", err=True)


@settlement.command("import")
@csv_file
@account
@tenant
@mapping
@named
@person
@click.pass_obj
def import_(
    keyring: Keyring,
    file: Path,
    account_id: str,
    tenant_id: str,
    mapping: str,
    settlement: str | None,
    by: str,
) -> None:
    """Book a file, all of it or nothing."""
    read = _file(file, account_id, tenant_id, mapping, settlement)
    try:
        imported = files.import_file(keyring, read, _at_the_machine(by))
    except BadFile as bad:
        _refuse(bad)
    for report in imported.reports:
        _sums(report)
    click.echo(f"Imported as file {imported.file}.")


@settlement.command("undo")
@tenant
@click.option("--file", "file_id", type=int, help="Number of the file, as list prints it.")
@click.option("--account", "account_id", help="Instead of a file: the account of a report ...")
@click.option("--settlement", help="... that its provider told, and the report's name.")
@click.option("--reason", required=True)
@person
def undo(
    tenant_id: str,
    file_id: int | None,
    account_id: str | None,
    settlement: str | None,
    reason: str,
    by: str,
) -> None:
    """Take a file back as one unit: entries are reversed, items are open again."""
    if file_id is not None and not (account_id or settlement):
        count = undoing.undo_file(tenant_id, file_id, reason, _at_the_machine(by))
        click.echo(f"File {file_id} is undone: {count} reports.")
        return
    if file_id is None and account_id and settlement:
        undoing.undo_report(tenant_id, account_id, settlement, reason, _at_the_machine(by))
        click.echo(f"The report {settlement} is undone.")
        return
    raise click.UsageError("Name either --file, or --account and --settlement.")


@settlement.command("list")
@tenant
def list_(tenant_id: str) -> None:
    """Say which reports are booked, from which file, which were undone; what is held in reserve."""
    with transaction() as session:
        if session.get(Tenant, tenant_id) is None:
            raise click.BadParameter(f"There is no tenant {tenant_id}.", param_hint="--tenant")
        rows = files.listed(session, tenant_id)
        for row in rows:
            state = "undone" if booking.is_undone(session, row) else "booked"
            source = f"file {row.file_id}" if row.file_id else "provider"
            net = Money(row.net_cents, row.currency)
            _line(row.account, row.name, row.booked_at.date(), source, _amount(net), state)
        for account_id, currency in sorted({(row.account, row.currency) for row in rows}):
            held = booking.held(session, tenant_id, account_id, currency)
            if held:
                _line(account_id, "held in reserve", _amount(held))
        for each in unbooked.of_town(session, tenant_id):
            told = f"not booked since {each.since.date()}"
            _line(each.account_id, each.settlement, told, each.cause)


@settlement.command("mappings")
def mappings() -> None:
    """Name the mappings that come with the program."""
    for name, shipped in file_mapping.shipped().items():
        _line(name, shipped.title)


@settlement.command("fetch")
@account
@tenant
@click.option("--settlement", help="Only this report, also if it was undone.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="All made since this day.")
@click.pass_obj
def fetch(
    keyring: Keyring, account_id: str, tenant_id: str, settlement: str | None, since: object
) -> None:
    """Ask the provider for reports now, as is done each night."""
    if settlement:
        booked = settle.settle(keyring, tenant_id, account_id, settlement, anew=True)
        click.echo("It is booked." if booked else "It was booked before.")
        return
    begins = since.replace(tzinfo=UTC) if isinstance(since, datetime) else None
    found = fetching.fetch(keyring, tenant_id, account_id, begins)
    click.echo(f"Booked: {found.booked}.")
    for each in found.failed:
        click.echo(f"Not booked: {each}.", err=True)
    if found.failed:
        raise SystemExit(1)


def _file(
    file: Path, account_id: str, tenant_id: str, mapping: str, settlement: str | None
) -> File:
    read = file_mapping.load(mapping)
    return File(tenant_id, account_id, file.read_bytes(), read, settlement)


def _refuse(bad: BadFile) -> NoReturn:
    for fault in bad.faults:
        where = f"line {fault.line}" if fault.line else "the file"
        click.echo(f"{where}: {fault.reason}", err=True)
    raise bad


def _sums(report: Seen) -> None:
    sums: PaidOut = report.sums
    told: Iterable[tuple[str, Money]] = (
        ("settled", sums.gross),
        ("fees", sums.fee),
        ("held back", sums.held),
        ("pay-out", sums.net),
        ("difference", sums.difference),
    )
    _line(report.settlement, *(f"{name} {_amount(money)}" for name, money in told))


def _amount(money: Money) -> str:
    whole, cents = divmod(abs(money.cents), 100)
    return f"{'-' if money.cents < 0 else ''}{whole:,}.{cents:02} {money.currency}"


def _line(*told: object) -> None:
    click.echo("\t".join(_amount(each) if isinstance(each, Money) else str(each) for each in told))
