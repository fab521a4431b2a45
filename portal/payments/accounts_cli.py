"""``quitt provider``: a town's accounts and rules, set by who runs the portal for it."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import IO, Any

import click
from sqlalchemy import select

from portal import clock
from portal.db import transaction
from portal.keys import Keyring
from portal.payments import account_setting, accounts, announcing, parts, probing, rule_setting
from portal.payments.account_setting import NotSet
from portal.payments.models import ProviderAccount, ProviderRule

BY = "operator"
ANY = "any"
LONGEST_FILE = 64 * 1024
NOTHING = "-"


class Day(click.ParamType[date]):
    """A day in ISO 8601."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        try:
            return datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 -- a day, no moment
        except ValueError:
            self.fail(f"{value!r} is no day such as 2026-12-31.", param, ctx)


class Amount(click.ParamType[int | str]):
    """An amount in the rule's currency as people write it, in cents; ``any`` is none."""

    name = "AMOUNT"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | str:
        if value == ANY:
            return ANY
        cents = parts.read(value)
        if cents is None:
            self.fail(f"{value!r} is no amount such as 800 or 800.00, nor any.", param, ctx)
        return cents


DAY, AMOUNT = Day(), Amount()
A_FILE = click.File("r", encoding="utf-8")


@click.group()
@click.pass_context
def provider(context: click.Context) -> None:
    """Provider accounts of a town, and the rules by which they are offered."""
    context.obj = context.with_resource(context.obj())  # the application, and its keys


@provider.command("list")
@click.argument("tenant_id")
def list_(tenant_id: str) -> None:
    """Say which accounts and rules TENANT_ID has, one a line."""
    with transaction() as session:
        town = account_setting.town_of(session, tenant_id)
        mine = ProviderAccount.tenant_id == tenant_id
        rows = session.scalars(select(ProviderAccount).where(mine).order_by(ProviderAccount.id))
        today, paused = clock.today(town.time_zone), probing.paused(session, tenant_id)
        for row in rows:
            state = "paused" if row.id in paused else _state(row, today)
            mode = "live" if row.live else "test"
            _line("account", row.id, row.provider, row.merchant, mode, *_days(row), state)
        rules = accounts.rules(session, tenant_id)
        for rule in sorted(rules, key=lambda rule: (rule.position, rule.id)):
            _line("rule", rule.id, *_told(rule), *_days(rule), _state(rule, today))


@provider.group("account")
def account() -> None:
    """A town's account at a provider. It ends by a day and is never deleted."""


@account.command("put")
@click.argument("tenant_id")
@click.argument("account_id")
@click.option("--adapter", help="Which provider it is at, as sandbox or stripe.")
@click.option("--merchant", help="What the provider calls this account.")
@click.option("--live/--test", default=None, help="Whether it moves real money.")
@click.option("--credentials", type=A_FILE, help="A TOML or JSON file; - is the standard input.")
@click.option("--from", "valid_from", type=DAY, help="First day; for a new one else today.")
@click.option("--until", "valid_until", type=DAY, help="Last day.")
@click.option("--endless", is_flag=True, help="It has no last day any more.")
@click.pass_obj
def put_account(
    keyring: Keyring, /, tenant_id: str, account_id: str, credentials: IO[str] | None, **said: Any
) -> None:
    """Set ACCOUNT_ID of TENANT_ID, or change what is said of it.

    Credentials are lines of NAME = "VALUE"; they are kept sealed. The name of the account stands in
    the address to which its provider sends notifications.
    """
    told = account_setting.Said(credentials=_credentials(credentials), **said)
    is_new = account_setting.put(keyring, tenant_id, account_id, told, BY)
    click.echo(f"Account {account_id} is {'set' if is_new else 'changed'}.")
    _say_ends(tenant_id)


@account.command("end")
@click.argument("tenant_id")
@click.argument("account_id")
@click.option("--on", "last_day", type=DAY, help="Its last day; else today.")
def end_account(tenant_id: str, account_id: str, last_day: date | None) -> None:
    """Offer nothing on ACCOUNT_ID after its last day. What was paid there goes on as before."""
    until = account_setting.end(tenant_id, account_id, last_day, BY)
    click.echo(f"Account {account_id} ends on {until}.")
    _say_ends(tenant_id)


@provider.group("rule")
def rule() -> None:
    """When an account is offered. Rules under one label are one choice, the first by position."""


@rule.command("put")
@click.argument("tenant_id")
@click.option("--rule", "rule_id", type=int, help="Change this one; else a new one is set.")
@click.option("--account", "account_id", help="The account that it offers.")
@click.option("--label", help="What the citizen reads, as PayPal.")
@click.option("--method", help="The provider's word for the method its page begins with.")
@click.option("--kind", help="Only for this kind of request; any.")
@click.option("--channel", help="Only on this channel; any.")
@click.option("--minimum", "minimum_cents", type=AMOUNT, help="From this amount on; any.")
@click.option("--maximum", "maximum_cents", type=AMOUNT, help="Up to this amount; any.")
@click.option("--currency", help="Three letters; for a new one else the town's.")
@click.option("--hint-de", help="A line below the label.")
@click.option("--hint-en", help="The same in English, for all other languages.")
@click.option("--fee-note-de", help="What the provider itself takes of the payer, if anything.")
@click.option("--fee-note-en", help="The same in English, for all other languages.")
@click.option("--position", type=int, help="Its place, the lowest first; for a new one else 100.")
@click.option("--from", "valid_from", type=DAY, help="First day; for a new one else today.")
@click.option("--until", "valid_until", type=DAY, help="Last day.")
@click.option("--endless", is_flag=True, help="It has no last day any more.")
def put_rule(tenant_id: str, rule_id: int | None, endless: bool, **said: Any) -> None:
    """Set a rule of TENANT_ID, or change one. Both amounts are inclusive."""
    told: Any = {name: None if value == ANY else value for name, value in _given(said)}
    if endless:
        told["valid_until"] = None
    number = rule_setting.put(tenant_id, rule_id, told, BY)
    click.echo(f"Rule {number} is {'set' if rule_id is None else 'changed'}.")
    _say_ends(tenant_id)


@rule.command("end")
@click.argument("tenant_id")
@click.argument("rule_id", type=int)
@click.option("--on", "last_day", type=DAY, help="Its last day; else today.")
def end_rule(tenant_id: str, rule_id: int, last_day: date | None) -> None:
    """Offer nothing by RULE_ID after its last day."""
    until = rule_setting.end(tenant_id, rule_id, last_day, BY)
    click.echo(f"Rule {rule_id} ends on {until}.")
    _say_ends(tenant_id)


def _say_ends(tenant_id: str) -> None:
    """What is about to end in this town with nothing to follow it."""
    with transaction() as session:
        for ending, left in announcing.coming(session, tenant_id):
            click.echo(f"Nothing follows: {announcing.sentence(ending, left)}", err=True)


def _credentials(file: IO[str] | None) -> dict[str, str] | None:
    if file is None:
        return None
    try:
        text = file.read(LONGEST_FILE + 1)
    except UnicodeDecodeError:
        raise NotSet("The credentials are not UTF-8.") from None
    if len(text) > LONGEST_FILE:
        raise NotSet("The credentials are too long.")
    return account_setting.read(text)


def _given(said: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in said.items() if value is not None)


def _told(rule: ProviderRule) -> tuple[str, ...]:
    amounts = (
        "" if cents is None else f"{cents // 100}.{cents % 100:02d}"
        for cents in (rule.minimum_cents, rule.maximum_cents)
    )
    least, most = amounts
    limits = f"{least}..{most} {rule.currency}" if least or most else rule.currency
    method, kind, channel = rule.method or NOTHING, rule.kind or ANY, rule.channel or ANY
    return rule.account_id, rule.label, method, kind, channel, limits, str(rule.position)


def _days(row: ProviderAccount | ProviderRule) -> tuple[str, str]:
    return str(row.valid_from), str(row.valid_until or NOTHING)


def _state(row: ProviderAccount | ProviderRule, today: date) -> str:
    if today < row.valid_from:
        return "not yet"
    return "over" if row.valid_until and row.valid_until < today else "open"


def _line(*told: object) -> None:
    click.echo("\t".join(str(each) for each in told))
