"""The form of a rule: from what was typed to what is said, with each fault beside its field."""

from collections.abc import Mapping
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.admin import own_account
from portal.money import Money
from portal.payments import offering, parts
from portal.payments.models import ProviderAccount, ProviderRule
from portal.payments.offers import CHANNELS
from portal.payments.rule_setting import LONGEST_LABEL, LONGEST_METHOD, LONGEST_TEXT, Said
from portal.tenants import Kind, Tenant
from portal.web import language
from portal.web.language import gettext

LINES: Mapping[str, int] = {
    "label": LONGEST_LABEL, "method": LONGEST_METHOD,
    "hint_de": LONGEST_TEXT, "hint_en": LONGEST_TEXT,
    "fee_note_de": LONGEST_TEXT, "fee_note_en": LONGEST_TEXT,
}  # fmt: skip
FIELDS = (
    *LINES, "account_id", "kind", "channel", "minimum", "maximum", "position", "valid_from",
    "valid_until",
)  # fmt: skip
ONE_DAY = timedelta(days=1)
Form = dict[str, str]
Errors = dict[str, str]


def of_row(row: ProviderRule) -> Form:
    """A rule as the form shows it."""
    told = {name: str(getattr(row, name) or "") for name in FIELDS if hasattr(row, name)}
    for name in ("minimum", "maximum"):
        cents = getattr(row, f"{name}_cents")
        told[name] = "" if cents is None else language.digits(Money(cents, row.currency))
    return told | {"position": str(row.position)}


def typed(form: Mapping[str, str]) -> Form:
    """What was typed, field by field."""
    return {name: form.get(name, "").strip() for name in FIELDS}


def read(
    session: Session, town: Tenant, told: Form, was: ProviderRule | None
) -> tuple[Said, Errors]:
    """What is said of a rule, and what cannot be meant."""
    errors = Errors()
    said = Said(
        account_id=told["account_id"],
        label=told["label"],
        method=told["method"],
        hint_de=told["hint_de"],
        hint_en=told["hint_en"],
        fee_note_de=told["fee_note_de"],
        fee_note_en=told["fee_note_en"],
        kind=told["kind"] or None,
        channel=told["channel"] or None,
        minimum_cents=_cents(told, "minimum", errors),
        maximum_cents=_cents(told, "maximum", errors),
        position=_position(told, errors),
        valid_from=_day(told, "valid_from", errors) or offering.today(session, town.id),
        valid_until=_day(told, "valid_until", errors),
    )
    errors |= _lines(told) | _known(session, town, told)
    return said, errors or _order(said, was, offering.today(session, town.id))


def accounts_of(session: Session, tenant_id: str) -> list[ProviderAccount]:
    """The accounts that a rule may offer."""
    mine = ProviderAccount.tenant_id == tenant_id
    return list(session.scalars(select(ProviderAccount).where(mine).order_by(ProviderAccount.id)))


def kinds_of(session: Session, tenant_id: str) -> list[Kind]:
    """The kinds that a town asks for."""
    mine = Kind.tenant_id == tenant_id
    return list(session.scalars(select(Kind).where(mine).order_by(Kind.name)))


def _cents(told: Form, name: str, errors: Errors) -> int | None:
    if not told[name]:
        return None
    cents = parts.read(told[name])
    if cents is None:
        errors[name] = gettext("Please give an amount such as 800 or 800.00, or nothing.")
    return cents


def _position(told: Form, errors: Errors) -> int:
    text = told["position"] or "100"
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= 10_000):
        errors["position"] = gettext("Please give a number from 0 to 10000.")
        return 100
    return int(text)


def _day(told: Form, name: str, errors: Errors) -> date | None:
    try:
        return date.fromisoformat(told[name]) if told[name] else None
    except ValueError:
        errors[name] = gettext("Please give a day such as 2026-12-31.")
        return None


def _lines(told: Form) -> Errors:
    long = gettext("Please keep it to one line of at most %(most)s characters.")
    errors = {
        name: long % {"most": most}
        for name, most in LINES.items()
        if len(told[name]) > most or not (told[name].isprintable() or not told[name])
    }
    errors |= {name: wrong for name in LINES if (wrong := own_account.fault(told[name]))}
    if not told["label"]:
        errors["label"] = gettext("Please say what the citizen reads.")
    return errors


def _known(session: Session, town: Tenant, told: Form) -> Errors:
    errors = Errors()
    if told["account_id"] not in {row.id for row in accounts_of(session, town.id)}:
        errors["account_id"] = gettext("Please choose an account.")
    if told["kind"] and session.get(Kind, (town.id, told["kind"])) is None:
        errors["kind"] = gettext("Please choose a kind.")
    if told["channel"] not in {"", *CHANNELS}:
        errors["channel"] = gettext("Please choose a channel.")
    return errors


def _order(said: Said, was: ProviderRule | None, today: date) -> Errors:
    least, most = said["minimum_cents"], said["maximum_cents"]
    if most is not None and most < (least or 0):
        return {"maximum": gettext("The highest amount is below the lowest.")}
    last = said["valid_until"]
    if last is not None and last < said["valid_from"]:
        return {"valid_until": gettext("The last day comes before the first.")}
    if last is not None and last < today - ONE_DAY and (was is None or was.valid_until != last):
        return {"valid_until": gettext("The last day can be yesterday at the earliest.")}
    return {}
