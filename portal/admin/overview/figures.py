"""The figures of the overview. Each is what a column of a list adds up to under some filters, so
that it leads to exactly the rows that make it up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from portal.admin import gate
from portal.admin.lists import reading
from portal.admin.lists.columns import Listing
from portal.admin.lists.filters import begins, stretch_of
from portal.admin.lists.of_events import EVENTS
from portal.admin.lists.of_money import CUSTODY_ITEMS, PAYOUTS, SUSPENSE_ITEMS
from portal.admin.lists.of_payments import PAYMENTS, REFUNDS
from portal.admin.lists.of_requests import REQUESTS
from portal.admin.lists.reading import Part, Sum
from portal.admin.overview.periods import Period
from portal.db import db
from portal.payments.models import Payment
from portal.requests.counting import DayCount, Step
from portal.staff.roles import Right
from portal.words import N_

OPEN = {"state": "open"}
UNDECIDED = {"state": "undecided"}
PAYABLE = {"state": "payable"}
ONLINE = {"online": "yes"}
Paid = Mapping[tuple[str, int], Mapping[str, list[Sum]]]  # by account and number of the slice


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its list. ``column``: what is added up; without one rows are counted."""

    name: str
    title: str
    help: str
    listing: Listing
    values: Mapping[str, Any]
    sums: tuple[Sum, ...]
    column: str | None = None

    @property
    def rows(self) -> int:
        """How many rows make it up."""
        return sum(one.rows for one in self.sums)

    @property
    def total(self) -> int:
        """What the column adds up to, for a column that is no money."""
        return sum(one.cents for one in self.sums)


@dataclass(frozen=True, slots=True)
class Provider:
    """What came by one provider account, and what it kept of it."""

    account: str
    paid: Figure
    fees: Figure


@dataclass(frozen=True, slots=True)
class Slice:
    """A day or a month: letters opened, TANs, providers chosen, paid. The first two have no rows,
    and are unknown (``None``) to who sees a part of the town only.
    """

    first: date
    last: date
    opened: int | None
    tan: int | None
    chosen: Figure
    paid: Figure


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it."""

    figures: dict[str, Figure]
    oldest: datetime | None
    providers: list[Provider]
    slices: list[Slice]


def gather(period: Period) -> Overview:
    """All figures of a period, as far as this person sees."""
    paid = _paid(period)
    figures = [*_requests(period), *_payments(period, paid), *_money()]
    return Overview(
        {figure.name: figure for figure in figures},
        reading.oldest(PAYMENTS, UNDECIDED, "started"),
        _providers(period, paid),
        _slices(period, paid),
    )


def within(period: Period) -> dict[str, Any]:
    """The days of a period as most lists filter them."""
    return {"from": period.first, "to": period.last}


def paid_within(first: date, last: date) -> dict[str, Any]:
    """Payments by their day of payment."""
    return {"state": "succeeded", "paid_from": first, "paid_to": last}


def _requests(period: Period) -> list[Figure]:
    base = within(period)
    parts = {"requested": Part({}, "amount"), "open": Part(PAYABLE, "open"), "online": Part(ONLINE)}
    told = reading.sums(REQUESTS, base, parts).get((), {})
    texts = {
        "requested": (
            N_("Requested"),
            N_("What the requests ask that came in in this period, in the version in force."),
        ),
        "open": (N_("Open"), N_("What of these requests is still to be paid today.")),
        "online": (N_("Paid online"), N_("Requests of this period that were paid online.")),
    }
    return [
        Figure(
            name, *texts[name], REQUESTS, base | dict(part.values), tuple(told.get(name, ())),
            part.column,
        )
        for name, part in parts.items()
    ]  # fmt: skip


def _paid(period: Period) -> Paid:
    """What was paid by each account in each slice of the period: the payments are read once."""
    parts = {"paid": Part({}, "amount"), "days": Part({}, "days")}
    slices = stretch_of(Payment.effective_on, [first for first, _ in period.slices()])
    asked = paid_within(period.first, period.last)
    return reading.sums(PAYMENTS, asked, parts, Payment.account_id, slices)


def _payments(period: Period, paid: Paid) -> list[Figure]:
    asked = paid_within(period.first, period.last)
    by_all = list(paid.values())
    help_paid = N_("Payments that providers confirmed, by their day of payment.")
    help_days = N_("From the day on which a request came in to the day of payment, on average.")
    refunded = {"state": "succeeded", **within(period)}
    sums = reading.sums(REFUNDS, refunded, {"refunded": Part({}, "amount")}).get((), {})
    return [
        Figure("paid", N_("Paid"), help_paid, PAYMENTS, asked, _added(by_all, "paid"), "amount"),
        Figure(
            "days", N_("Days until payment"), help_days, PAYMENTS, asked,
            _added(by_all, "days"), "days",
        ),
        Figure(
            "refunded", N_("Refunded"), N_("Money that went back to those who paid."), REFUNDS,
            refunded, tuple(sums.get("refunded", ())), "amount",
        ),
    ]  # fmt: skip


def _money() -> list[Figure]:
    """What stands as of now, whatever the period."""
    wanted = (
        ("suspense", N_("Suspense"), N_("At the providers until their pay-out, as of now."),
         SUSPENSE_ITEMS, OPEN, "open"),
        ("custody", N_("Custody"), N_("Here and nobody’s yet, as of now."),
         CUSTODY_ITEMS, OPEN, "open"),
        ("undelivered", N_("Not taken over"),
         N_("Events that the finance system has not taken over yet, as of now."),
         EVENTS, {"state": "undelivered"}, None),
        ("undecided", N_("Not decided"),
         N_("Payments of which the provider has not said the end, as of now."),
         PAYMENTS, UNDECIDED, None),
    )  # fmt: skip
    found = []
    for name, title, text, listing, values, column in wanted:
        told = reading.sums(listing, values, {name: Part({}, column)}).get((), {})
        sums = tuple(told.get(name, ()))
        found.append(Figure(name, title, text, listing, values, sums, column))
    return found


def _added(groups: Iterable[Mapping[str, list[Sum]]], name: str) -> tuple[Sum, ...]:
    """What all groups add up to, a sum a currency."""
    found: dict[str, Sum] = {}
    for one in (each for group in groups for each in group[name]):
        had = found.get(one.currency, Sum(one.currency, 0, 0))
        found[one.currency] = Sum(one.currency, had.rows + one.rows, had.cents + one.cents)
    return tuple(found[currency] for currency in sorted(found))


def _providers(period: Period, paid: Paid) -> list[Provider]:
    base = {"state": "in_force", **within(period)}
    account = PAYOUTS.column("account").of
    fees = reading.sums(PAYOUTS, base, {"fees": Part({}, "fee")}, account)
    of_paid = paid_within(period.first, period.last)
    return [
        Provider(
            name,
            Figure(
                f"paid {name}", N_("Paid"), "", PAYMENTS, {**of_paid, "account": name},
                _added((sums for (by, _), sums in paid.items() if by == name), "paid"), "amount",
            ),
            Figure(
                f"fees {name}", N_("Fees"), "", PAYOUTS, {**base, "account": name},
                tuple(fees.get((name,), {}).get("fees", ())), "fee",
            ),
        )
        for name in sorted({by for by, *_ in (*paid, *fees)})
    ]  # fmt: skip


def _slices(period: Period, paid: Paid) -> list[Slice]:
    slices = period.slices()
    begun = stretch_of(Payment.started_at, [begins(first) for first, _ in slices])
    chosen = reading.sums(PAYMENTS, within(period), {"n": Part()}, begun)
    counts = _counts(period)
    found = []
    for number, (first, last) in enumerate(slices, start=1):
        inside = Period("", first, last)
        of_chosen = tuple(chosen.get((number,), {}).get("n", ()))
        of_paid = _added((sums for (_, at), sums in paid.items() if at == number), "paid")
        found.append(
            Slice(
                first,
                last,
                _counted(counts, Step.OPENED, inside),
                _counted(counts, Step.TAN, inside),
                Figure("chosen", N_("Provider chosen"), "", PAYMENTS, within(inside), of_chosen),
                Figure(
                    "paid", N_("Paid"), "", PAYMENTS, paid_within(first, last), of_paid, "amount"
                ),
            )
        )
    return found


def _counts(period: Period) -> dict[tuple[date, str], int] | None:
    """The daily counters: of the whole town, or not at all."""
    who = gate.person()
    if not who.reach(Right.SEE).whole:
        return None
    query = select(DayCount.day, DayCount.step, DayCount.number).where(
        DayCount.tenant_id == who.tenant_id, DayCount.day.between(period.first, period.last)
    )
    return {(day, step): number for day, step, number in db.session.execute(query)}


def _counted(
    counts: Mapping[tuple[date, str], int] | None, step: Step, inside: Period
) -> int | None:
    if counts is None:
        return None
    days = (n for (day, s), n in counts.items() if s == step and inside.first <= day <= inside.last)
    return sum(days)
