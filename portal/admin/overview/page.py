"""The overview: what a period brought, with every figure leading to its rows."""

from dataclasses import dataclass
from datetime import date

from flask import request
from flask.typing import ResponseReturnValue

from portal import clock
from portal.admin import doors
from portal.admin.frame import page
from portal.admin.lists import filters, showing, writing
from portal.admin.lists.of_payments import PAYMENTS
from portal.admin.lists.reading import Sum
from portal.admin.overview import charts, figures, periods
from portal.admin.overview.charts import Chart
from portal.admin.overview.figures import Figure, Overview
from portal.admin.tasks import listing
from portal.db import db
from portal.money import Money
from portal.staff.roles import Right
from portal.web import language
from portal.web.current import tenant
from portal.web.language import gettext
from portal.words import N_

MONEY = ("requested", "paid", "open", "refunded", "suspense", "custody")
COUNTED = ("undelivered", "undecided")


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure as the page says it."""

    name: str
    title: str
    text: str
    help: str
    url: str


@doors.get("/overview", Right.SEE)
def overview() -> ResponseReturnValue:
    today = clock.today(tenant().time_zone)
    name = request.args.get("period", "")
    typed = {edge: request.args.get(edge, "").strip() for edge in ("from", "to")}
    days = {edge: filters.read_day(text) for edge, text in typed.items()}
    period = periods.read(name, days["from"], days["to"], today)
    errors = {}
    if period is None:
        errors["from"] = gettext("Please give two days, the earlier one first.")
        period = periods.read(periods.USUAL, None, None, today)
        assert period is not None  # noqa: S101 -- a named period always is one
    told = figures.gather(period)
    return page(
        "admin/overview.html",
        422 if errors else 200,
        errors=errors,
        chosen=name if errors else period.name,
        names=[(each, gettext(title)) for each, title in periods.NAMES.items()],
        entered={
            "from": typed["from"] or period.first.isoformat(),
            "to": typed["to"] or period.last.isoformat(),
        },
        first=writing.short_day(period.first),
        last=writing.short_day(period.last),
        shown=[*_of_money(told), *_shares(told), *_counts(told)],
        providers=_providers(told),
        slices=_slices(told),
        way=_way(told),
        chart=_chart(told),
        tasks=sum(sum(ages.values()) for ages in listing.counts(db.session()).values()),
    )


def link(figure: Figure) -> str:
    """The list that makes a figure up, added up."""
    return showing.url(figure.listing, **figure.values, total=1)


def amounts(sums: tuple[Sum, ...]) -> str:
    """An amount a currency."""
    told = [Money(one.cents, one.currency) for one in sums] or [Money(0, tenant().currency)]
    return " + ".join(language.money(each) for each in told)


def _shown(figure: Figure, text: str) -> Shown:
    return Shown(figure.name, gettext(figure.title), text, gettext(figure.help), link(figure))


def _of_money(told: Overview) -> list[Shown]:
    return [_shown(told.figures[name], amounts(told.figures[name].sums)) for name in MONEY]


def _shares(told: Overview) -> list[Shown]:
    online, asked, days = (told.figures[name] for name in ("online", "requested", "days"))
    share = gettext("%(some)s of %(all)s", some=online.rows, all=asked.rows)
    if asked.rows:
        share = f"{share} ({_percent(online.rows, asked.rows)})"
    return [_shown(online, share), _shown(days, _average(days))]


def _counts(told: Overview) -> list[Shown]:
    found = [_shown(told.figures[name], str(told.figures[name].rows)) for name in COUNTED]
    if told.oldest is not None:
        day = told.oldest.astimezone(filters.zone()).date()
        values = {**figures.UNDECIDED, "to": day}
        text = N_("The payment that has waited longest for its provider’s word began then.")
        oldest = Figure("oldest", N_("Oldest not decided"), text, PAYMENTS, values, ())
        found.append(_shown(oldest, writing.short_moment(told.oldest)))
    return found


def _providers(told: Overview) -> list[tuple[str, Shown, str, Shown]]:
    all_rows = sum(each.paid.rows for each in told.providers)
    return [
        (
            each.account,
            _shown(each.paid, amounts(each.paid.sums)),
            f"{each.paid.rows} ({_percent(each.paid.rows, all_rows)})",
            _shown(each.fees, amounts(each.fees.sums)),
        )
        for each in told.providers
    ]


def _slices(told: Overview) -> list[tuple[str, int | None, int | None, Shown, Shown, int]]:
    return [
        (
            _named(each.first, each.last),
            each.opened,
            each.tan,
            _shown(each.chosen, str(each.chosen.rows)),
            _shown(each.paid, amounts(each.paid.sums)),
            each.paid.rows,
        )
        for each in told.slices
    ]


def _way(told: Overview) -> list[tuple[str, int]]:
    """How many took each step of the way, in the whole period."""
    steps = [
        (gettext("Provider chosen"), sum(each.chosen.rows for each in told.slices)),
        (gettext("Paid"), sum(each.paid.rows for each in told.slices)),
    ]
    if any(each.opened is None for each in told.slices):
        return steps
    counted = [
        (gettext("Letter opened"), sum(each.opened or 0 for each in told.slices)),
        (gettext("TAN right"), sum(each.tan or 0 for each in told.slices)),
    ]
    return [*counted, *steps]


def _chart(told: Overview) -> Chart:
    values = [
        (_named(each.first, each.last), sum(one.cents for one in each.paid.sums))
        for each in told.slices
    ]
    return charts.bars(values)


def _named(first: date, last: date) -> str:
    if first == last:
        return writing.short_day(first)
    return f"{writing.short_day(first)} – {writing.short_day(last)}"


def _percent(some: int, whole: int) -> str:
    return writing.decimal(100 * some, whole) + "\u00a0%"


def _average(days: Figure) -> str:
    if not days.rows:
        return "–"
    return gettext("%(days)s days", days=writing.decimal(days.total, days.rows))
