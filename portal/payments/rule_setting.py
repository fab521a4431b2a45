"""Setting a town's rules: when a provider is offered. Each is a whole act and leaves a note.

A rule is never deleted: it ends by a day.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypedDict

from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import Json, lock, transaction
from portal.errors import NotFound
from portal.payments import accounts, announcing
from portal.payments.account_setting import NotSet, check_days, checked_end, town_of
from portal.payments.models import ProviderRule
from portal.payments.offers import CHANNELS
from portal.providers.ended import end_of
from portal.tenants import Kind, Tenant

LONGEST_LABEL, LONGEST_METHOD, LONGEST_TEXT = 40, 64, 200
HIGHEST_CENTS = 10**12


class NoSuchRule(NotFound):
    """The town has no such rule."""

    code = "unknown_rule"


class Said(TypedDict, total=False):
    """What is said of a rule, by the row's names; what is left out stays as it is."""

    account_id: str
    method: str
    label: str
    hint_de: str
    hint_en: str
    fee_note_de: str
    fee_note_en: str
    kind: str | None
    channel: str | None
    minimum_cents: int | None
    maximum_cents: int | None
    currency: str
    position: int
    valid_from: date
    valid_until: date | None


def put(tenant_id: str, rule_id: int | None, said: Said, by: str) -> int:
    """Set a rule, or change one; its number. A whole act.

    Raises ``NoSuchTown``, ``NoSuchRule``, ``NoSuchAccount`` and ``NotSet``.
    """
    with transaction() as session:
        town = town_of(session, tenant_id)
        row = _new(town, said) if rule_id is None else _locked(session, tenant_id, rule_id)
        for name, value in said.items():
            setattr(row, name, value)
        _check(session, town, row)
        session.add(row)
        session.flush()
        audit.note(session, tenant_id, by, "rule.put", str(row.id), _noted(said))
        announcing.look(session, tenant_id)
        return row.id


def end(tenant_id: str, rule_id: int, last_day: date | None, by: str) -> date:
    """End a rule by its last day, else today; that day. A whole act.

    Raises ``NoSuchTown``, ``NoSuchRule`` and ``NotSet``.
    """
    with transaction() as session:
        town = town_of(session, tenant_id)
        row = _locked(session, tenant_id, rule_id)
        row.valid_until = checked_end(town, last_day)
        audit.note(
            session, tenant_id, by, "rule.end", str(rule_id), {"until": str(row.valid_until)}
        )
        announcing.look(session, tenant_id)
        return row.valid_until


def _locked(session: Session, tenant_id: str, rule_id: int) -> ProviderRule:
    row = lock(session, ProviderRule, tenant_id, rule_id)
    if row is None:
        raise NoSuchRule("There is no such rule.")
    return row


def _new(town: Tenant, said: Said) -> ProviderRule:
    if missing := {"account_id", "label"} - set(said):
        raise NotSet(f"A new rule needs {' and '.join(sorted(missing))}, too.")
    return ProviderRule(
        tenant_id=town.id,
        method="",
        currency=town.currency,
        position=100,
        hint_de="",
        hint_en="",
        fee_note_de="",
        fee_note_en="",
        valid_from=clock.today(town.time_zone),
    )


def _check(session: Session, town: Tenant, row: ProviderRule) -> None:
    """Raise ``NotSet`` for a rule that cannot be meant."""
    account = accounts.get(session, town.id, row.account_id)
    for name, (is_right, because) in LINES.items():
        if not is_right(getattr(row, name)):
            raise NotSet(f"{name.removesuffix('_cents')} {because}.")
    if row.kind is not None and session.get(Kind, (town.id, row.kind)) is None:
        raise NotSet(f"There is no kind {row.kind!r} in this town.")
    if row.maximum_cents is not None and row.maximum_cents < (row.minimum_cents or 0):
        raise NotSet("The maximum is below the minimum.")
    check_days(row.valid_from, row.valid_until)
    _check_method(town, account.provider, row)


def _check_method(town: Tenant, provider: str, row: ProviderRule) -> None:
    """A method that has ended, or will have before the rule begins, is not offered anew."""
    ended = end_of(provider, row.method)
    is_over = row.valid_until is not None and row.valid_until < clock.today(town.time_zone)
    if ended and not is_over and ended.last_day < max(row.valid_from, clock.today(town.time_zone)):
        raise NotSet(f"{row.method} ended on {ended.last_day} ({ended.source}).")


def _line(shortest: int, longest: int) -> tuple[Callable[[str], bool], str]:
    def is_right(text: str) -> bool:
        return shortest <= len(text) <= longest and text.strip() == text and (
            text.isprintable() or not text
        )  # fmt: skip

    return is_right, f"has from {shortest} to {longest} signs in one line"


def _is_amount(cents: int | None) -> bool:
    return cents is None or 0 <= cents <= HIGHEST_CENTS


# fmt: off
LINES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "label":         _line(1, LONGEST_LABEL),
    "method":        _line(0, LONGEST_METHOD),
    "hint_de":       _line(0, LONGEST_TEXT),
    "hint_en":       _line(0, LONGEST_TEXT),
    "fee_note_de":   _line(0, LONGEST_TEXT),
    "fee_note_en":   _line(0, LONGEST_TEXT),
    "minimum_cents": (_is_amount, "is an amount from 0 on"),
    "maximum_cents": (_is_amount, "is an amount from 0 on"),
    "position":      (lambda position: 0 <= position <= 10_000, "is a number from 0 to 10000"),
    "currency":      (lambda code: bool(re.fullmatch("[A-Z]{3}", code)), "has three letters"),
    "channel":       (lambda channel: channel in {None, *CHANNELS},
                      f"is {' or '.join(CHANNELS)}, or any"),
}
# fmt: on


def _noted(said: Said) -> Json:
    return {name: str(value) if isinstance(value, date) else value for name, value in said.items()}
