"""The daily reconciliation as its page and its paper show it.

A closed day is told from what was kept at its closing; a figure that is another one now says so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from flask import url_for
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.admin import gate
from portal.admin.words import CAUSE, said
from portal.approvals import deciding
from portal.approvals.models import Approval
from portal.db import Json
from portal.errors import NotFound
from portal.money import Money
from portal.proof import closing
from portal.proof.models import DayClosing
from portal.staff.roles import Right
from portal.tenants import Tenant
from portal.web.language import gettext, spoken
from portal.words import N_

DAYS_LISTED = 14
GROUPS: tuple[tuple[str, str, str], ...] = (
    ("1", N_("1 Claims"),
     N_("What the town has asked for online is either cleared, still open, or ended.")),
    ("2", N_("2 Payments"),
     N_("What the book took from each provider is what payments and unclear reports say, and what"
        " the provider says itself.")),
    ("3", N_("3 Suspense and custody"),
     N_("What left suspense is explained by settlement reports, refunds and reversals; what is"
        " still in it stands item by item.")),
)  # fmt: skip
OPEN_DAYS = text("""
    SELECT d::date FROM generate_series(
        (SELECT min(booked_on) FROM ledger_entries WHERE tenant_id = :tenant)::timestamp,
        CAST(:last AS date)::timestamp, '1 day') d
    WHERE NOT EXISTS (
        SELECT FROM day_closings c WHERE c.tenant_id = :tenant AND c.day = d::date)
    ORDER BY d DESC LIMIT :most""")


@dataclass(frozen=True, slots=True)
class ShownFigure:
    """A figure as it was closed, or is; ``now`` only where that is another one."""

    name: str
    money: Money | None
    now: Money | None
    url: str


@dataclass(frozen=True, slots=True)
class ShownEquation:
    """An equation with its sides; ``differences`` are those that are not nothing."""

    name: str
    part: str
    currency: str
    holds: bool
    known: bool
    sides: list[list[ShownFigure]]
    totals: list[Money | None]
    differences: list[Money]


@dataclass(frozen=True, slots=True)
class Group:
    """One of the three equations, and those beside it that say the same of a part."""

    title: str
    help: str
    main: list[ShownEquation]
    parts: list[ShownEquation]


def groups(told: Json, now: Json) -> list[Group]:
    """The three equations of ``told`` (``telling.as_json``) against what they are now."""
    day = date.fromisoformat(told["day"])
    figures_now = dict(_figures(now))
    found = []
    for key, title, help_text in GROUPS:
        mine = [each for each in told["equations"] if each["key"].partition(".")[0] == key]
        main = [_equation(each, figures_now, day) for each in mine if each["key"] == key]
        parts = [_equation(each, figures_now, day) for each in mine if each["key"] != key]
        found.append(Group(gettext(title), gettext(help_text), main, parts))
    return found


def part_name(part: str) -> str:
    """A part as the page says it: a cause in words, an account or a kind by its own name."""
    return said(CAUSE, part)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a day stands, and what this person may do about it."""

    closed: DayClosing | None
    waiting: Approval | None
    over: bool
    may_close: bool
    may_approve: bool
    may_take_back: bool
    may_explain: bool


def standing(session: Session, town: Tenant, day: date) -> Standing:
    """Where a day stands for who is signed in."""
    who = gate.person()
    closed = session.get(DayClosing, (town.id, day))
    asked = None if closed else closing.waiting(session, town.id, day)
    mine = asked is not None and deciding.same(asked.first, who.actor)
    over, may_close = closing.is_over(town, day), who.may(Right.CLOSE_DAY)
    return Standing(
        closed=closed,
        waiting=asked,
        over=over,
        may_close=may_close and over and not closed and not asked,
        may_approve=asked is not None and not mine and who.reach(Right.APPROVE).whole,
        may_take_back=mine and may_close,
        may_explain=closed is not None and not closed.holds and may_close,
    )


def open_days(session: Session, town: Tenant, today: date) -> tuple[list[date], bool]:
    """The newest days that are over and not closed, and whether there are more."""
    last = today - timedelta(days=1)
    asked = {"tenant": town.id, "last": last, "most": DAYS_LISTED + 1}
    found = list(session.scalars(OPEN_DAYS, asked))
    return found[:DAYS_LISTED], len(found) > DAYS_LISTED


def read(day: str) -> date:
    """A day in an address; raises ``NotFound`` for what is none."""
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise NotFound from None


def whole_town(right: Right) -> None:
    """What belongs to no request is for who has the right in the whole town; else not there."""
    if not gate.person().reach(right).whole:
        gate.refuse(f"{right.value} of the whole town")


def label(told: Json) -> str:
    """The name of an equation or figure in the reader's language."""
    return str(told["german"] if spoken().tag == "de" else told["label"])


def _figures(told: Json) -> Iterator[tuple[tuple[str, str, str], int | None]]:
    for equation in told["equations"]:
        for figure in (figure for side in equation["sides"] for figure in side):
            yield (figure["figure"], equation["part"], equation["currency"]), figure["cents"]


def _equation(
    told: Json, now: Mapping[tuple[str, str, str], int | None], day: date
) -> ShownEquation:
    part, currency = told["part"], told["currency"]

    def money(cents: int | None) -> Money | None:
        return None if cents is None else Money(cents, currency)

    def figure(each: Json) -> ShownFigure:
        today = now.get((each["figure"], part, currency), each["cents"])
        place = {"day": day, "figure": each["figure"], "part": part, "currency": currency}
        return ShownFigure(
            name=label(each),
            money=money(each["cents"]),
            now=money(today) if today != each["cents"] else None,
            url=url_for("admin.reconciliation_rows", **place),
        )

    sides = [[figure(each) for each in side] for side in told["sides"]]
    return ShownEquation(
        name=label(told),
        part=part_name(part),
        currency=currency,
        holds=told["holds"],
        known=told["known"],
        sides=sides,
        totals=[_total(side, currency) for side in sides],
        differences=[Money(by, currency) for by in told["difference_cents"] if by],
    )


def _total(side: list[ShownFigure], currency: str) -> Money | None:
    known = [figure.money for figure in side if figure.money is not None]
    return sum(known, Money(0, currency)) if len(known) == len(side) else None
