"""``quitt staff``: the first people of a town, and whoever has lost every way in."""

import click

from portal import tenants
from portal.db import transaction
from portal.errors import NotFound
from portal.keys import Keyring
from portal.staff import granting, members, networks, one_time
from portal.staff.members import NewKeys
from portal.staff.models import StaffMember
from portal.staff.roles import Grant, Role

BY = "operator"
ROLE = click.Choice([role.value for role in Role])


@click.group()
@click.pass_context
def staff(context: click.Context) -> None:
    """Who works in a town's admin view. The town gives further roles there, by two people."""
    context.obj = context.with_resource(context.obj())  # the application, and its keys


@staff.command()
@click.argument("tenant_id")
@click.argument("login")
@click.option("--name", default="", help="How colleagues know this person.")
@click.option("--role", "roles", type=ROLE, multiple=True, required=True)
@click.pass_obj
def add(keyring: Keyring, tenant_id: str, login: str, name: str, roles: tuple[str, ...]) -> None:
    """Make a local account for LOGIN; print its password and its app's address, once."""
    with transaction() as session:
        town = session.get(tenants.Tenant, tenant_id)
        if town is None:
            raise NotFound(f"No tenant has the id {tenant_id!r}.")
        member = members.add(session, tenant_id, login, name, BY)
        for role in roles:
            granting.give_at_the_machine(session, member, Grant(Role(role)), BY)
        keys = members.new_keys(session, keyring, member, BY)
        told = _told(member, keys, town.name)
    click.echo(told)


@staff.command("list")
@click.argument("tenant_id")
def list_(tenant_id: str) -> None:
    """Say who works there, one a line: login, name, roles, state."""
    with transaction() as session:
        for member in members.all_of(session, tenant_id):
            grants = members.grants_of(session, tenant_id, member.id)
            roles = ", ".join(_grant(grant) for grant in grants) or "-"
            state = "ended" if member.ended_at else "directory" if member.subject else "local"
            click.echo("\t".join((member.login, member.display, roles, state)))


@staff.command()
@click.argument("tenant_id")
@click.argument("login")
@click.argument("role", type=ROLE)
@click.option("--unit", help="For this unit (Bewirtschafter) only.")
@click.option("--kind", help="For this kind of request only.")
def grant(tenant_id: str, login: str, role: str, unit: str | None, kind: str | None) -> None:
    """Give LOGIN one more ROLE, where a town has nobody who could give it."""
    with transaction() as session:
        member = members.locked(session, tenant_id, login)
        granting.give_at_the_machine(session, member, Grant(Role(role), unit, kind), BY)
    click.echo(f"{login} is {role} now.")


@staff.command()
@click.argument("tenant_id")
@click.argument("login")
@click.pass_obj
def keys(keyring: Keyring, tenant_id: str, login: str) -> None:
    """Give LOGIN a new password and a new authenticator app; the old ones count no more."""
    with transaction() as session:
        member = members.locked(session, tenant_id, login)
        town = session.get_one(tenants.Tenant, tenant_id)
        told = _told(member, members.new_keys(session, keyring, member, BY), town.name)
    click.echo(told)


@staff.command()
@click.argument("tenant_id")
@click.argument("login")
def end(tenant_id: str, login: str) -> None:
    """End LOGIN's account at once. Its notes stay."""
    with transaction() as session:
        members.end(session, members.locked(session, tenant_id, login), BY)
    click.echo(f"{login} signs in no more.")


@staff.command("networks")
@click.argument("tenant_id")
@click.option("--clear", is_flag=True, help="Let everybody in again who can sign in.")
def networks_(tenant_id: str, clear: bool) -> None:
    """Say from which networks the admin view may be opened; clear it for who is locked out."""
    if clear:
        networks.clear(tenant_id, BY)
    with transaction() as session:
        for each in networks.of(session, tenant_id) or ("from everywhere",):
            click.echo(each)


def _told(member: StaffMember, keys: NewKeys, town: str) -> str:
    app = one_time.address(keys.totp_secret, member.login, town)
    return (
        f"login     {member.login}\npassword  {keys.password}\napp       {app}\n"
        "Hand them over in person. They are shown this once."
    )


def _grant(grant: Grant) -> str:
    where = "/".join(part for part in (grant.unit, grant.kind) if part)
    return f"{grant.role.value} ({where})" if where else grant.role.value
