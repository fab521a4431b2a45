"""``quitt events``: what waits to be handed over, and what a person does about it."""

import click

from portal.db import transaction
from portal.finance import mending
from portal.tenants import Tenant
from portal.worklist import reading

ACTOR = "operator"

position = click.argument("position", type=click.IntRange(min=1))
tenant = click.argument("tenant_id")


@click.group()
@click.pass_context
def events(context: click.Context) -> None:
    """Events for finance systems that do not arrive."""
    context.with_resource(context.obj())  # the application


@events.command("list")
@tenant
def list_(tenant_id: str) -> None:
    """Say what waits, one event a line, and the open tasks."""
    with transaction() as session:
        if session.get(Tenant, tenant_id) is None:
            raise click.BadParameter(f"There is no tenant {tenant_id}.")
        waiting = mending.waiting(session, tenant_id)
        tasks = reading.open_tasks(session, tenant_id)
    for each in waiting:
        ended = each.status or each.error or "not tried"
        _line(each.position, each.type, each.reference or "-", each.state, each.tries, ended)
    for task in tasks:
        _line(f"task {task.number}", task.kind, task.reference or "-", task.opened_at.isoformat())


@events.command()
@tenant
@position
def release(tenant_id: str, position: int) -> None:
    """Try a parked event once more."""
    with transaction() as session:
        mending.release(session, tenant_id, position, ACTOR)
    click.echo(f"Event {position} is tried once more.")


@events.command()
@tenant
@position
@click.option("--all", "since", is_flag=True, help="All from this position on.")
def resend(tenant_id: str, position: int, since: bool) -> None:
    """Hand over an event again."""
    with transaction() as session:
        if since:
            count = mending.resend_since(session, tenant_id, position, ACTOR)
        else:
            mending.resend(session, tenant_id, position, ACTOR)
            count = 1
    click.echo(f"Events to be handed over again: {count}.")


@events.command()
@tenant
@position
@click.option("--order", required=True, help="The order (Anordnung) by which it is skipped.")
def skip(tenant_id: str, position: int, order: str) -> None:
    """Do not hand over an event; those of its request that come after it go on."""
    with transaction() as session:
        mending.skip(session, tenant_id, position, ACTOR, order)
    click.echo(f"Event {position} is skipped.")


def _line(*told: object) -> None:
    click.echo("\t".join(map(str, told)))
