"""``quitt audit | reconcile | export``: whether notes and books are as they must be."""

import json
import re
from datetime import date, datetime
from pathlib import Path

import click
from sqlalchemy import select

from portal import clock
from portal.db import db, transaction
from portal.payments import figures
from portal.proof import chain, exporting, reconciling, telling
from portal.tenants import Tenant

HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


@click.group()
@click.pass_context
def audit(context: click.Context) -> None:
    """The audit chain: who did what, unchanged."""
    context.with_resource(context.obj())  # the application


@audit.command()
@click.option("--tenant", help="Only this one.")
@click.option("--head", metavar="SEQ:HASH", help="A head of this tenant that was written down.")
def verify(tenant: str | None, head: str | None) -> None:
    """Check the chain of every tenant; exit code 1 when one is broken.

    A tail that was cut shows only against a head that was printed before (quitt audit head).
    """
    anchor = _anchor(tenant, head)
    broken = False
    for tenant_id in _tenants(tenant):
        verdict = chain.verify(db.session(), tenant_id, anchor)
        db.session.rollback()
        broken = broken or verdict.wrong > 0
        _tell(verdict)
    if broken:
        raise SystemExit(1)


@audit.command("head")
@click.option("--tenant", help="Only this one.")
def head_(tenant: str | None) -> None:
    """Print where each chain ends now. Keep it where this machine's owner cannot change it."""
    for tenant_id in _tenants(tenant):
        with transaction() as session:
            click.echo(f"{tenant_id}\t{chain.head_of(session, tenant_id)}")


def _tenants(wanted: str | None) -> list[str]:
    with transaction() as session:
        known = sorted(session.scalars(select(Tenant.id)))
    if wanted is None:
        return known
    if wanted not in known:
        raise click.BadParameter(f"There is no tenant {wanted}.", param_hint="--tenant")
    return [wanted]


def _anchor(tenant: str | None, head: str | None) -> chain.Head | None:
    if head is None:
        return None
    found = HEAD.fullmatch(head.strip().lower())
    if found is None:
        raise click.BadParameter("Give it as quitt audit head prints it.", param_hint="--head")
    if tenant is None:
        raise click.UsageError("A head is one tenant's: name it by --tenant.")
    return chain.Head(int(found[1]), bytes.fromhex(found[2]))


def _tell(verdict: chain.Verdict) -> None:
    holds = "holds" if not verdict.wrong else f"is broken, {verdict.wrong} findings"
    purged = f", the notes of the first {verdict.purged} may be purged" if verdict.purged else ""
    click.echo(f"{verdict.tenant_id}\t{holds}\t{verdict.links} links{purged}\t{verdict.head}")
    for what, seq, audit_id in verdict.found:
        click.echo(f"{verdict.tenant_id}\tlink {seq or '-'}\tnote {audit_id or '-'}\t{what}")


@click.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The business day; today if left.")
@click.option("--tenant", help="Only this one.")
@click.option("--rows", is_flag=True, help="Show the rows behind each figure.")
@click.option("--ask", is_flag=True, help="Ask the providers for their own figures first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a tenant and line.")
@click.pass_context
def reconcile(
    context: click.Context,
    day: datetime | None,
    tenant: str | None,
    *,
    rows: bool,
    ask: bool,
    as_json: bool,
) -> None:
    """The daily reconciliation: exit code 1 when an equation does not hold."""
    keyring = context.with_resource(context.obj())
    holds = True
    for tenant_id in _tenants(tenant):
        on = day.date() if day else _today(tenant_id)
        if ask:
            figures.ask(keyring, tenant_id, on)
        found = reconciling.at(tenant_id, on, rows=rows)
        holds = holds and found.holds
        told = [json.dumps(telling.as_json(found))] if as_json else telling.lines(found)
        click.echo("\n".join(told))
    if not holds:
        raise SystemExit(1)


@click.command()
@click.option("--audit", "year", type=int, required=True, metavar="YEAR", help="Of this year.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Where the folders are made, one for each tenant.",
)
@click.option("--tenant", help="Only this one.")
@click.pass_context
def export(context: click.Context, year: int, out: Path, tenant: str | None) -> None:
    """Entries, items and audit of a year for the auditor: CSV files and what they mean."""
    context.with_resource(context.obj())
    for tenant_id in _tenants(tenant):
        click.echo(exporting.export(tenant_id, year, out))


def _today(tenant_id: str) -> date:
    with transaction() as session:
        return clock.today(session.get_one(Tenant, tenant_id).time_zone)
