"""What a change of a rule would do to the requests that are open now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Integer, cast, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT
from sqlalchemy.orm import Session

from portal.admin.lists.open_requests import OPEN, STILL_ASKED
from portal.money import Money
from portal.payments import accounts, offering, previewing
from portal.payments.offering import Case
from portal.payments.offers import CHANNELS
from portal.payments.previewing import NEW, Change, Draft, Group, draft
from portal.payments.rule_setting import Said
from portal.requests.models import PaymentRequest

ONE_DAY = timedelta(days=1)

# A new rule as far as nothing is said of it; as ``rule_setting`` has it.
EMPTY: dict[str, Any] = {
    "id": NEW, "account_id": "", "label": "", "kind": None, "channel": None,
    "minimum_cents": None, "maximum_cents": None, "currency": "EUR", "position": 100,
    "valid_until": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Day:
    """What is different on a day."""

    day: date
    changes: tuple[Change, ...]


def of(session: Session, tenant_id: str, number: int | None, said: Said) -> list[Day]:
    """What is different today, and on the days on which the rule begins and is over."""
    before = [draft(row) for row in accounts.rules(session, tenant_id)]
    after = _after(before, number, said, offering.today(session, tenant_id))
    return [
        Day(day, tuple(_changes(session, tenant_id, before, after, day)))
        for day in _days(before, after, offering.today(session, tenant_id))
    ]


def _after(before: Sequence[Draft], number: int | None, said: Said, today: date) -> list[Draft]:
    told: Any = {name: value for name, value in said.items() if name in Draft.__dataclass_fields__}
    if number is not None:
        return [replace(each, **told) if each.id == number else each for each in before]
    return [*before, Draft(**(EMPTY | {"valid_from": today} | told))]


def _days(before: Sequence[Draft], after: Sequence[Draft], today: date) -> list[date]:
    """Today, and each later day on which what changed begins, or is over the day before."""
    different = set(before) ^ set(after)
    begins = {each.valid_from for each in different}
    over = {each.valid_until + ONE_DAY for each in different if each.valid_until is not None}
    return sorted({today} | {day for day in begins | over if day > today})


def _changes(
    session: Session, tenant_id: str, before: Sequence[Draft], after: Sequence[Draft], day: date
) -> list[Change]:
    case = Case(Money(0), "", CHANNELS[0], day)
    now = offering.situation(session, tenant_id, case)
    least = previewing.limits([*before, *after])
    return previewing.changes(before, after, _groups(session, tenant_id, least, day), now)


def _groups(session: Session, tenant_id: str, least: Sequence[int], day: date) -> list[Group]:
    """The open requests that can still be paid on a day, added up by kind and stretch."""
    limits = cast(list(least), ARRAY(BIGINT))
    stretch = func.width_bucket(OPEN, limits, type_=Integer).label("stretch")
    query = (
        select(PaymentRequest.kind, PaymentRequest.currency, stretch, func.count(), func.sum(OPEN))
        .where(
            PaymentRequest.tenant_id == tenant_id,
            STILL_ASKED,
            OPEN > 0,
            or_(PaymentRequest.payable_until.is_(None), PaymentRequest.payable_until >= day),
        )
        .group_by(PaymentRequest.kind, PaymentRequest.currency, literal_column("stretch"))
    )
    return [
        Group(kind, currency, where, many, int(cents))
        for kind, currency, where, many, cents in session.execute(query)
    ]
