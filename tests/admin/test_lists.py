"""The lists: right, page by page, filtered, taken out as files, and within everybody's reach."""

import io
import zipfile

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from portal.admin.lists import reading
from portal.admin.lists.writing import harmless
from portal.admin.words import DELIVERY
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.payments.record import record
from portal.providers.protocol import Outcome
from portal.staff.roles import Grant, Role
from tests import builders
from tests.admin.browsing import csv_of, file_of, first_column, pages
from tests.builders import OTHER_TOWN, TOWN
from tests.fakes import FakeProvider
from tests.proof import small_town
from tests.returns.test_refunds import CARD
from tests.staff.people import colleague, sign_in

LISTS = ("requests", "payments", "refunds", "held?what=suspense", "held?what=custody", "events",
         "payouts")  # fmt: skip
IN_EVERY_STATE = (
    *(f"UPDATE deliveries SET state = '{state}' WHERE position = {position}"
      for position, state in enumerate(("waiting", "parked", "skipped"), start=1)),
    "DELETE FROM deliveries WHERE position > 8",
    f"""INSERT INTO acknowledgements (tenant_id, position, result, at)
        VALUES ('{TOWN}', 4, 'booked', now()), ('{TOWN}', 5, 'refused', now()),
               ('{TOWN}', 9, 'booked', now())""",
    f"INSERT INTO read_through VALUES ('{TOWN}', 11, now())",
)  # fmt: skip


@pytest.fixture
def clerk(app: Flask) -> FlaskClient:
    """A browser in which a clerk of the town is signed in."""
    return sign_in(builders.browser(app), colleague("jansen", Role.CLERK))


def test_a_list_shows_amounts_states_and_days_in_words(clerk: FlaskClient) -> None:
    builders.letter("K-1", amount_cents=123_450, unit="20.1")
    page = clerk.get("/admin/requests?total=1")
    for shown in ("K-1", "1.234,50\u00a0€", "offen", "Kassenzeichen", "5.0101.000123.4", "20.1"):
        assert shown in page.text
    english = clerk.get("/admin/requests?lang=en")
    assert "€1,234.50" in english.text
    assert "Still open" in english.text


def test_pages_neither_lose_nor_double_a_row_while_rows_are_added(
    clerk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "A_PAGE", 4)
    wanted = [f"K-{n}" for n in range(11)]
    for reference in wanted:
        builders.letter(reference)
    seen: list[str] = []
    for number, page in enumerate(pages(clerk, "/admin/requests")):
        assert len(page) <= 4
        seen += page
        builders.letter(f"NEW-{number}")
    assert seen == wanted[::-1]


def test_every_list_pages_through_all_of_its_rows(
    app: Flask, clerk: FlaskClient, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_town.build(app, provider)
    for name in (*LISTS, "payments?paid_from=2020-01-01", "events?state=taken"):
        monkeypatch.setattr(reading, "A_PAGE", 1000)
        whole = next(pages(clerk, f"/admin/{name}"))
        monkeypatch.setattr(reading, "A_PAGE", 1)
        one_by_one = [row for page in pages(clerk, f"/admin/{name}") for row in page]
        assert one_by_one == whole, name
        assert whole, name


def test_what_is_stuck_or_failed_stands_first(clerk: FlaskClient, provider: FakeProvider) -> None:
    outcomes = {
        "K-1": Outcome.SUCCEEDED,
        "K-2": Outcome.FAILED,
        "K-3": Outcome.PENDING,
        "K-4": Outcome.CANCELLED,
    }
    for reference, outcome in outcomes.items():
        begun = builders.begin(builders.letter(reference))
        record(provider.say(begun, outcome), CARD)
    assert first_column(clerk.get("/admin/payments").text) == ["K-3", "K-2", "K-4", "K-1"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("state=payable", ["K-4", "K-3", "K-2"]),
        ("state=paid", ["K-1"]),
        ("online=yes", ["K-1"]),
        ("kind=fee", ["K-3"]),
        ("unit=20.2", ["K-2"]),
        ("amount=148,50", ["K-4", "K-3"]),
        ("amount=1.000,00&state=payable", ["K-2"]),
        ("reference=K-4", ["K-4"]),
        ("payment_sign=5.7", ["K-4"]),
        ("from=2020-01-01&to=2020-12-31", []),
        ("from=2020-01-01&to=2998-12-31&kind=fee", ["K-3"]),
    ],
)
def test_filters_stand_in_the_address(
    clerk: FlaskClient, provider: FakeProvider, filters: str, found: list[str]
) -> None:
    paid = builders.letter("K-1", amount_cents=5_000)
    record(provider.pay(builders.begin(paid)), CARD)
    builders.letter("K-2", amount_cents=100_000, unit="20.2")
    builders.letter("K-3", kind="fee")
    builders.letter("K-4", payment_sign="5.7")
    assert first_column(clerk.get(f"/admin/requests?{filters}").text) == found


@pytest.mark.rows_by_hand
def test_each_state_finds_exactly_the_events_that_say_it(
    app: Flask, clerk: FlaskClient, provider: FakeProvider
) -> None:
    """Filters ask for the rows behind a state, one by one; the column says it by a CASE."""
    small_town.build(app, provider)
    with transaction() as session:
        for statement in IN_EVERY_STATE:
            session.execute(text(statement))
    clerk.get("/admin/events?lang=en")
    said = [row["State"] for row in csv_of(clerk, "/admin/events")]
    assert set(said) == {word.text for word in DELIVERY.values()}
    for code, word in DELIVERY.items():
        found = [row["State"] for row in csv_of(clerk, f"/admin/events?state={code}")]
        assert found == [word.text] * said.count(word.text), code


def test_an_amount_finds_its_requests_whatever_has_happened_to_them(
    app: Flask, clerk: FlaskClient, provider: FakeProvider
) -> None:
    small_town.build(app, provider)
    rows = csv_of(clerk, "/admin/requests")
    assert len({row["Status"] for row in rows}) >= 5
    for amount in {row["Betrag"] for row in rows}:
        wanted = [row["Belegnummer"] for row in rows if row["Betrag"] == amount]
        found = csv_of(clerk, f"/admin/requests?amount={amount}")
        assert [row["Belegnummer"] for row in found] == wanted, amount


@pytest.mark.parametrize("wrong", ["amount=1,234,5", "from=yesterday", "state=lost", "kind=x"])
def test_a_filter_that_cannot_be_read_is_told_beside_it_and_nothing_is_shown(
    clerk: FlaskClient, wrong: str
) -> None:
    builders.letter("K-1")
    answer = clerk.get(f"/admin/requests?{wrong}")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert "K-1" not in answer.text


@pytest.mark.parametrize("after", ["x", "[]", "[1,2]", '["2026-01-01T00:00:00+00:00",1e99]', "{}",
                                   "[" * 9000, '["2026-13-01T00:00:00+00:00",1]'])  # fmt: skip
def test_a_place_that_is_none_is_the_beginning(clerk: FlaskClient, after: str) -> None:
    builders.letter("K-1")
    answer = clerk.get("/admin/requests", query_string={"after": after})
    assert first_column(answer.text) == ["K-1"]


def test_a_file_holds_exactly_what_is_filtered(clerk: FlaskClient) -> None:
    builders.letter("K-1", amount_cents=123_450, kind="fee")
    builders.letter("K-2")
    rows = csv_of(clerk, "/admin/requests?kind=fee")
    assert [row["Belegnummer"] for row in rows] == ["K-1"]
    assert (rows[0]["Betrag"], rows[0]["Währung"]) == ("1234,50", "EUR")
    assert rows[0]["Status"] == "offen"
    assert rows[0]["Fällig am"] == "15.11.2026"


def test_an_english_page_gives_a_file_with_points_and_iso_days(clerk: FlaskClient) -> None:
    builders.letter("K-1", amount_cents=123_450)
    clerk.get("/admin/requests?lang=en")
    row = csv_of(clerk, "/admin/requests")[0]
    assert (row["Amount"], row["Due on"]) == ("1234.50", "2026-11-15")


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_taken_for_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless(f"x{text}") == f"x{text}"


def test_a_unit_that_looks_like_a_formula_is_harmless_in_both_files(clerk: FlaskClient) -> None:
    builders.letter("K-1", unit="=1+1", payment_sign="-5;6")
    row = csv_of(clerk, "/admin/requests")[0]
    assert (row["Bewirtschafter"], row["Kassenzeichen"]) == ("'=1+1", "'-5;6")
    book = zipfile.ZipFile(io.BytesIO(file_of(clerk, "/admin/requests", "xlsx")))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "&#39;=1+1" in sheet or "'=1+1" in sheet
    assert "<v>148.5</v>" in sheet


def test_who_took_out_what_is_noted(clerk: FlaskClient) -> None:
    builders.letter("K-1", kind="fee")
    for kind in ("csv", "xlsx"):
        file_of(clerk, "/admin/requests?kind=fee", kind)
    db.session.rollback()
    notes = db.session.scalars(select(AuditRow).where(AuditRow.act == "list.exported"))
    told = [(note.actor, note.subject, note.detail) for note in notes]
    filters = {"kind": "fee"}
    assert told == [
        ("staff:jansen", "requests", {"format": kind, "filters": filters})
        for kind in ("csv", "xlsx")
    ]


def test_what_a_caller_said_is_in_no_note(clerk: FlaskClient) -> None:
    said = "from=2026-11-01&amount=148,50&reference=Erika+Mustermann&payment_sign=0171+5551234"
    file_of(clerk, f"/admin/requests?{said}", "csv")
    db.session.rollback()
    (detail,) = db.session.scalars(
        select(AuditRow.detail).where(AuditRow.act == "list.exported")
    ).all()
    assert detail["filters"] == {
        "from": "2026-11-01", "amount": "14850", "reference": "…", "payment_sign": "…",
    }  # fmt: skip


def test_who_may_not_take_lists_out_has_no_button_and_no_file(app: Flask) -> None:
    viewer = sign_in(builders.browser(app), colleague("klein", Role.VIEWER))
    builders.letter("K-1")
    page = viewer.get("/admin/requests")
    assert "CSV" not in page.text
    csrf = builders.token(page)
    told = {"format": "csv", "csrf_token": csrf}
    assert viewer.post("/admin/requests/file", data=told).status_code == 404


def test_too_many_rows_for_excel_are_told(
    clerk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.admin.lists import exporting

    monkeypatch.setattr(exporting, "MOST_IN_A_SHEET", 1)
    builders.letter("K-1")
    assert file_of(clerk, "/admin/requests", "xlsx")
    builders.letter("K-2")
    csrf = builders.token(clerk.get("/admin/requests"))
    told = {"format": "xlsx", "csrf_token": csrf}
    answer = clerk.post("/admin/requests/file", data=told)
    assert answer.location == "/admin/requests"
    assert "CSV-Datei" in clerk.get(answer.location).text


def test_what_is_out_of_reach_is_in_no_list_and_no_file(app: Flask, provider: FakeProvider) -> None:
    small_town.build(app, provider)
    mine = builders.letter("MINE", unit="20.1")
    record(provider.pay(builders.begin(mine)), CARD)
    whole = sign_in(builders.browser(app), colleague("jansen", Role.CLERK))
    part = sign_in(builders.browser(app), colleague("klein", Grant(Role.CLERK, unit="20.1")))
    for name in LISTS:
        url = f"/admin/{name}"
        assert csv_of(whole, url), name
        shown = clean(part.get(url).text)
        if name in {"refunds", "payouts", "held?what=custody"}:
            assert first_column(shown) == []
            continue
        rows = csv_of(part, url)
        assert {row.get("Zahlungsaufforderung", row.get("Belegnummer")) for row in rows} == {"MINE"}
        assert "K-2" not in shown


def test_a_payment_goes_with_its_request_to_another_unit(
    app: Flask, provider: FakeProvider
) -> None:
    record(provider.pay(builders.begin(builders.letter("K-1", unit="20.1"))), CARD)
    units = {}
    for unit in ("20.1", "20.2"):
        who = colleague(f"of{unit[-1]}", Grant(Role.CLERK, unit=unit))
        units[unit] = sign_in(builders.browser(app), who)

    def seen(unit: str) -> list[list[str]]:
        lists = ("requests", "payments", "held?what=suspense", "events")
        return [first_column(units[unit].get(f"/admin/{name}").text) for name in lists]

    assert all(seen("20.1"))
    assert not any(seen("20.2"))
    builders.letter("K-1", unit="20.2")
    assert all(seen("20.2"))
    assert not any(seen("20.1"))


def clean(text: str) -> str:
    return text.partition("<main")[2]


def test_another_town_sees_nothing_of_it(app: Flask, provider: FakeProvider) -> None:
    small_town.build(app, provider)
    theirs = colleague("jansen", Role.CLERK, tenant_id=OTHER_TOWN)
    other = sign_in(builders.browser(app, "127.0.0.1"), theirs)
    for name in LISTS:
        assert first_column(other.get(f"/admin/{name}").text) == [], name
