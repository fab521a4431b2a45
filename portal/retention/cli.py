"""``quitt retention``: what is due when, the purge by hand, annual accounts and holds."""

from datetime import datetime

import click
from sqlalchemy import select

from portal.db import transaction
from portal.keys import Keyring
from portal.retention import due, noting, purging
from portal.retention.classes import CLASSES
from portal.tenants import Tenant

BY = "operator"
DAY = click.DateTime(["%Y-%m-%d"])


@click.group("retention")
@click.pass_context
def retention(context: click.Context) -> None:
    """What is kept how long, and letting it go."""
    context.obj = context.with_resource(context.obj())  # the application, and its keys


@retention.command("show")
def show() -> None:
    """Say what is due when in each town, and what is held by what."""
    for each in CLASSES:
        click.echo(f"{each.name}\t{each.kept}\tfrom: {each.counts_from}\tgoes: {each.holds}")
    _forecasts()


@retention.command("run")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.pass_obj
def run(keyring: Keyring, dry_run: bool) -> None:
    """Let go of what is due now, as the worker does each night."""
    if dry_run:
        _forecasts()
        return
    for gone in purging.night(keyring):
        told = ", ".join(f"{name}: {count}" for name, count in gone.counts.items() if count)
        click.echo(f"{gone.tenant_id}\t{told or 'nothing was due'}")


@retention.command("accounts")
@click.argument("tenant_id")
@click.argument("year", type=int)
@click.option("--adopted", type=DAY, required=True, help="Day of the council's resolution.")
@click.option("--discharged", type=DAY, help="Day of the discharge (Entlastung).")
def accounts(tenant_id: str, year: int, adopted: datetime, discharged: datetime | None) -> None:
    """Note that the annual accounts of YEAR were adopted: the clock of the books begins."""
    told = noting.Accounts(year, adopted.date(), discharged.date() if discharged else None)
    noting.accounts(tenant_id, told, BY)


@retention.command("hold")
@click.argument("tenant_id")
@click.option("--reference", help="One request only; all of the town without it.")
@click.option("--reason", required=True)
def hold(tenant_id: str, reference: str | None, reason: str) -> None:
    """Let nothing go while an audit or a court case lasts."""
    click.echo(f"Hold {noting.hold(tenant_id, reference, reason, BY)}")


@retention.command("release")
@click.argument("tenant_id")
@click.argument("hold_id", type=int)
def release(tenant_id: str, hold_id: int) -> None:
    """End a hold."""
    noting.release(tenant_id, hold_id, BY)


def _forecasts() -> None:
    with transaction() as session:
        for tenant_id in session.scalars(select(Tenant.id).order_by(Tenant.id)).all():
            for each in due.forecast(session, tenant_id):
                first = each.first_due_at.date() if each.first_due_at else "accounts not adopted"
                held = f"\theld: {each.hold}" if each.hold else ""
                told = f"{each.requests} requests\t{each.due} due\tfirst: {first}"
                click.echo(f"{tenant_id}\t{each.name}\t{told}{held}")
            for year, what in due.years(session, tenant_id):
                click.echo(f"{tenant_id}\t{what} of {year}\tdue")
