"""``quitt request``: what staff do about a single payment request."""

import click

from portal.db import transaction
from portal.requests import register, tan

ACTOR = "operator"


@click.group()
@click.pass_context
def request(context: click.Context) -> None:
    """A single payment request."""
    context.with_resource(context.obj())  # the application


@request.command()
@click.argument("tenant_id")
@click.argument("reference")
@click.option("--reason", required=True, help="Why, as: caller named sender and date.")
def unlock(tenant_id: str, reference: str, reason: str) -> None:
    """Give back the tries of this hour, after wrong TANs; those of its life stay counted."""
    with transaction() as session:
        known = register.by_reference(session, tenant_id, reference)
        found = register.locked(session, tenant_id, known.id)
        left = tan.unlock(session, found, ACTOR, reason)
    click.echo(f"{reference} can be tried {left} times.")
