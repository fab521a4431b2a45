"""The overview: every figure is exactly what its rows add up to."""

import re
from datetime import date, timedelta
from html import unescape
from itertools import pairwise

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.admin.overview import charts, periods
from portal.admin.overview.figures import Figure, Overview
from portal.db import db, transaction
from portal.payments.record import record
from portal.requests.counting import DayCount
from portal.staff.roles import Grant, Role
from tests import builders
from tests.admin.browsing import cents, csv_of
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.proof import small_town
from tests.returns.test_refunds import CARD
from tests.staff.people import colleague, sign_in


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Overview]:
    """What the overview gathered, as pages are asked for."""
    from portal.admin.overview import figures

    gathered: list[Overview] = []
    plain = figures.gather

    def gather(period: periods.Period) -> Overview:
        gathered.append(plain(period))
        return gathered[-1]

    monkeypatch.setattr(figures, "gather", gather)
    return gathered


def all_of(told: Overview) -> list[Figure]:
    """Every figure that stands on the page."""
    of_providers = [each for one in told.providers for each in (one.paid, one.fees)]
    of_slices = [each for one in told.slices for each in (one.chosen, one.paid)]
    return [*told.figures.values(), *of_providers, *of_slices]


def check(client: FlaskClient, figure: Figure, url: str) -> None:
    """Take out the rows that a figure leads to, and add them up."""
    rows = csv_of(client, url)
    assert len(rows) == figure.rows, figure.name
    if figure.column is None:
        return
    head = GERMAN[figure.listing.column(figure.column).title]
    column = figure.listing.column(figure.column)
    read = cents if column.shape == "money" else int
    assert sum(read(row[head]) for row in rows if row[head]) == figure.total, figure.name


GERMAN = {
    "Amount": "Betrag",
    "Still open": "Noch offen",
    "Fees": "Gebühren",
    "Days since the request": "Tage bis zur Zahlung",
}


@pytest.mark.parametrize("period", ["7", "own&from=2020-01-01&to=2030-12-31"])
def test_every_figure_leads_to_exactly_the_rows_that_make_it_up(
    app: Flask, provider: FakeProvider, seen: list[Overview], period: str
) -> None:
    from portal.admin.overview.page import link

    small_town.build(app, provider)
    builders.begin(builders.letter("K-30"))
    clerk = sign_in(builders.browser(app), colleague("jansen", Role.CLERK))
    page = clerk.get(f"/admin/overview?period={period}")
    (told,) = seen
    with app.test_request_context("/", base_url="https://localhost"):
        urls = {link(figure): figure for figure in all_of(told)}
    linked = set(map(unescape, re.findall(r'href="(/admin/[^"]+total=1[^"]*)"', page.text)))
    oldest = {url for url in linked - set(urls) if "state=undecided" in url}
    assert linked - set(urls) == oldest
    assert set(urls) <= linked
    walked = {url: figure for url, figure in urls.items() if figure.rows}
    for url, figure in walked.items():
        check(clerk, figure, url)
    for url in sorted(set(urls) - set(walked))[::5]:  # what is nothing has no row
        assert "<tbody>" not in clerk.get(url).text
    for url in oldest:
        assert len(csv_of(clerk, url)) == 1


def test_the_small_town_s_figures_are_what_happened(
    app: Flask, provider: FakeProvider, seen: list[Overview]
) -> None:
    small_town.build(app, provider)
    clerk = sign_in(builders.browser(app), colleague("jansen", Role.CLERK))
    clerk.get("/admin/overview")
    told = seen[0].figures
    by_hand = {
        "paid": "SELECT sum(amount_cents) FROM payments WHERE state = 'succeeded'",
        "requested": "SELECT sum(amount_cents) FROM payment_requests",
        "open": "SELECT sum(amount_cents - covered_cents - closed_cents) FROM payment_requests"
                " WHERE state IN ('open', 'partly_paid')",
        "suspense": "SELECT sum(open_cents) FROM suspense_items",
        "custody": "SELECT sum(open_cents) FROM custody_items",
        "refunded": "SELECT sum(amount_cents) FROM refunds WHERE state = 'succeeded'",
    }  # fmt: skip
    for name, query in by_hand.items():
        assert told[name].total == number(query) > 0, name
    online = "SELECT count(DISTINCT request_id) FROM payments WHERE state = 'succeeded'"
    assert told["online"].rows == number(online)


def number(query: str) -> int:
    from sqlalchemy import text

    return int(db.session.scalar(text(f"{query.replace('WHERE', 'WHERE true AND')}")) or 0)


def test_who_sees_one_unit_has_its_figures_only(
    app: Flask, provider: FakeProvider, seen: list[Overview]
) -> None:
    small_town.build(app, provider)
    mine = builders.letter("MINE", unit="20.1", amount_cents=4_711)
    record(provider.pay(builders.begin(mine)), CARD)
    count()
    part = sign_in(builders.browser(app), colleague("klein", Grant(Role.CLERK, unit="20.1")))
    page = part.get("/admin/overview")
    told = seen[0].figures
    totals = {name: figure.total for name, figure in told.items() if figure.column == "amount"}
    assert totals == {"requested": 4_711, "paid": 4_711, "refunded": 0}
    assert (told["suspense"].total, told["custody"].rows, told["open"].total) == (4_711, 0, 0)
    assert all(each.opened is None for each in seen[0].slices)
    assert [each.fees.rows for each in seen[0].providers] == [0]
    assert "4.242" not in page.text


def count() -> None:
    today = builders.today()
    with transaction() as session:
        for step, times in (("opened", 4_242), ("tan", 17)):
            session.add(DayCount(tenant_id=TOWN, day=today, step=step, number=times))


def test_the_way_to_paying_counts_openings_tans_choices_and_payments(
    app: Flask, provider: FakeProvider, seen: list[Overview]
) -> None:
    record(provider.pay(builders.begin(builders.letter("K-1"))), CARD)
    builders.begin(builders.letter("K-2"))
    count()
    clerk = sign_in(builders.browser(app), colleague("jansen", Role.CLERK))
    page = clerk.get("/admin/overview?period=today").text
    last = seen[0].slices[-1]
    assert (last.opened, last.tan, last.chosen.rows, last.paid.rows) == (4_242, 17, 2, 1)
    assert page.count("4242") == 2


@pytest.mark.parametrize("ends", ["", "from=2026-11-02&to=2026-11-01", "from=x&to=2026-11-01"])
def test_two_days_that_make_no_period_are_told(app: Flask, ends: str) -> None:
    clerk = sign_in(builders.browser(app), colleague("jansen", Role.CLERK))
    answer = clerk.get(f"/admin/overview?period=own&{ends}")
    assert answer.status_code == 422
    assert 'id="from-error"' in answer.text


def test_a_long_period_is_cut_into_its_months_without_a_gap() -> None:
    year = periods.read("year", None, None, date(2026, 12, 3))
    assert year
    slices = year.slices()
    assert len(slices) == 12
    assert (slices[0][0], slices[-1][1]) == (date(2026, 1, 1), date(2026, 12, 3))
    for (_, end), (begin, _) in pairwise(slices):
        assert begin - end == timedelta(days=1)
    week = periods.read("7", None, None, date(2026, 12, 3))
    assert week
    assert len(week.slices()) == 7


def test_yesterday_is_one_day() -> None:
    found = periods.read("yesterday", None, None, date(2026, 12, 1))
    assert found
    assert (found.first, found.last) == (date(2026, 11, 30), date(2026, 11, 30))


def test_bars_keep_within_the_picture() -> None:
    drawn = charts.bars([("a", 0), ("b", 50), ("c", 100), ("d", -5)])
    assert [bar.height for bar in drawn.bars] == [0, 80, 160, 0]
    assert all(bar.x + bar.width <= drawn.width for bar in drawn.bars)
    assert charts.bars([]).bars == []
