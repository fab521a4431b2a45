"""The daily reconciliation: figures, rows, closing, the paper, and the list of open items."""

import csv
import io
import re
from datetime import date
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, select, text
from werkzeug.test import TestResponse

from portal import pdf
from portal.audit import AuditRow
from portal.db import db
from portal.payments.record import Source, record
from portal.proof.models import DayClosing
from portal.staff.roles import Grant, Role
from tests import builders
from tests.builders import TOWN, token
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.staff.people import colleague, sign_in

CARD = Source(TOWN, "card", "notification")
DIFFERENCE = "UPDATE payments SET amount_cents = amount_cents + 7 WHERE state = 'succeeded'"
CELL = re.compile(r'data-label="Betrag"><a|<a href="([^"]+/rows[^"]*)">([^<]+)</a>')


def paid(provider: FakeProvider, name: str = "K-1", cents: int = 10_000) -> str:
    payment = builders.begin(builders.letter(name, amount_cents=cents))
    record(provider.pay(payment), CARD)
    return payment


def send(client: FlaskClient, path: str, page: str, **data: str) -> TestResponse:
    """Send a form of a page."""
    shown = client.get(page)
    if asked := re.search(r'name="number" value="(\d+)"', shown.text):
        data = {"number": asked[1], **data}
    return client.post(path, data={**data, "csrf_token": token(shown)})


@pytest.fixture
def yesterday(provider: FakeProvider, time: Time) -> date:
    day = builders.today()
    paid(provider)
    time.move("+25h")
    return day


@pytest.fixture
def broken(yesterday: date, owner_url: str) -> date:
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(text(DIFFERENCE))
    engine.dispose()
    return yesterday


def test_every_figure_leads_to_rows_that_sum_to_it(client: FlaskClient, yesterday: date) -> None:
    sign_in(client, colleague("jansen", Role.CLERK))
    page = client.get(f"/admin/reconciliation/{yesterday}").text
    figures = {(url, shown) for url, shown in CELL.findall(page) if url}
    assert len(figures) > 15
    for url, shown in figures:
        behind = client.get(url.replace("&amp;", "&"))
        assert behind.status_code == 200
        assert f"<dd>{shown}</dd>" in behind.text, url


def test_the_rows_are_paged_and_the_file_holds_them_all(
    client: FlaskClient, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.proof import rows

    monkeypatch.setattr(rows, "A_PAGE", 2)
    monkeypatch.setattr(rows.page, "__defaults__", (("", ""), 2))
    for number in range(5):
        paid(provider, f"K-{number}", 1_000 + number)
    sign_in(client, colleague("jansen", Role.CLERK))
    place = "?figure=requested&part=&currency=EUR"
    url, names = f"/admin/reconciliation/{builders.today()}/rows{place}", []
    for _ in range(3):
        page = client.get(url).text
        names += re.findall(r'data-label="Name">([^<]+)<', page)
        if more := re.search(r'href="([^"]+)">Weitere Zeilen', page):
            url = more[1].replace("&amp;", "&")
    assert names == [f"K-{number} 1" for number in range(5)]
    answer = send(
        client, f"/admin/reconciliation/{builders.today()}/rows/file{place}", "/admin/account"
    )
    assert answer.mimetype == "text/csv"
    table = list(csv.reader(io.StringIO(answer.text), delimiter=";"))
    assert table[0] == ["Herkunft", "Name", "Betrag", "Währung"]
    assert [row[2] for row in table[1:]] == ["10,00", "10,01", "10,02", "10,03", "10,04"]


def test_a_day_that_holds_is_closed_by_one(client: FlaskClient, yesterday: date) -> None:
    sign_in(client, colleague("jansen", Role.CLERK))
    page = f"/admin/reconciliation/{yesterday}"
    answer = send(client, f"{page}/close", page)
    assert answer.location == page
    shown = client.get(page).text
    assert "Der Tag ist abgeschlossen." in shown
    assert "Kollegin Jansen (jansen)" in shown
    row = db.session.get_one(DayClosing, (TOWN, yesterday))
    assert row.head_hash.hex() in shown
    assert "Tag abschließen" not in shown
    again = send(client, f"{page}/close", "/admin/account")
    assert again.status_code == 409
    assert "Dieser Tag ist bereits abgeschlossen." in again.text


@pytest.mark.rows_by_hand
def test_a_day_with_a_difference_takes_a_reason_and_another_person(
    app: Flask, client: FlaskClient, broken: date
) -> None:
    page = f"/admin/reconciliation/{broken}"
    sign_in(client, colleague("jansen", Role.CLERK, Role.APPROVER))
    second = sign_in(builders.browser(app), colleague("berg", Role.APPROVER))
    assert "geht nicht auf" in client.get(page).text
    assert "Tag abschließen<" not in client.get(page).text
    refused = send(client, f"{page}/close", page)
    assert (refused.status_code, "Bitte geben Sie einen Grund an" in refused.text) == (409, True)
    empty = send(client, f"{page}/ask", page, reason=" ")
    assert empty.status_code == 422
    held = send(client, f"{page}/ask", page, reason="DE02 1203 0000 0000 2020 51 fehlt")
    assert "DE02 1203 0000 0000 2020 51 fehlt" in held.text  # nothing typed is lost
    assert send(client, f"{page}/ask", page, reason="Sieben Cent, Betreiber prüft").location == page
    alone = send(client, f"{page}/approve", page)
    assert "Freigeben muss es eine zweite Person." in alone.text
    assert db.session.get(DayClosing, (TOWN, broken)) is None
    assert "Sieben Cent, Betreiber prüft" in second.get(page).text
    assert send(second, f"{page}/approve", page).location == page
    shown = client.get(page).text
    assert "mit Differenz abgeschlossen" in shown
    assert "Mit Differenz abgeschlossen und noch nicht geklärt" in shown
    assert send(client, f"{page}/explain", page, reason="Zeile berichtigt").location == page
    assert "noch nicht geklärt" not in client.get(page).text


@pytest.mark.rows_by_hand
def test_what_was_asked_for_anew_is_not_agreed_to_by_an_older_page(
    app: Flask, client: FlaskClient, broken: date
) -> None:
    page = f"/admin/reconciliation/{broken}"
    sign_in(client, colleague("jansen", Role.CLERK))
    second = sign_in(builders.browser(app), colleague("berg", Role.APPROVER))
    send(client, f"{page}/ask", page, reason="Sieben Cent, Betreiber prüft")
    shown = second.get(page)
    seen = re.search(r'name="number" value="(\d+)"', shown.text)
    assert seen is not None
    send(client, f"{page}/take-back", page)
    send(client, f"{page}/ask", page, reason="Alles in Ordnung")
    for act in ("approve", "refuse"):
        for number in (seen[1], ""):
            told = {"number": number, "csrf_token": token(shown)}
            answer = second.post(f"{page}/{act}", data=told)
            assert answer.status_code == 409
            assert "Darüber wurde inzwischen entschieden" in answer.text
    assert db.session.get(DayClosing, (TOWN, broken)) is None
    assert send(second, f"{page}/approve", page).location == page


@pytest.mark.rows_by_hand
def test_the_second_person_proves_to_be_it(
    app: Flask, client: FlaskClient, broken: date, time: Time
) -> None:
    page = f"/admin/reconciliation/{broken}"
    sign_in(client, colleague("jansen", Role.CLERK))
    berg = colleague("berg", Role.APPROVER)
    second = sign_in(builders.browser(app), berg)
    send(client, f"{page}/ask", page, reason="Sieben Cent, Betreiber prüft")
    time.move("+1506m")  # six minutes after they signed in
    assert send(second, f"{page}/approve", page).status_code == 422
    assert db.session.get(DayClosing, (TOWN, broken)) is None
    assert send(second, f"{page}/approve", page, code=berg.code()).location == page


@pytest.mark.rows_by_hand
def test_who_asked_takes_it_back_and_nobody_else(
    app: Flask, client: FlaskClient, broken: date
) -> None:
    page = f"/admin/reconciliation/{broken}"
    sign_in(client, colleague("jansen", Role.CLERK))
    other = sign_in(builders.browser(app), colleague("berg", Role.CLERK))
    send(client, f"{page}/ask", page, reason="Sieben Cent")
    assert send(other, f"{page}/take-back", "/admin/account").status_code == 404
    assert send(client, f"{page}/take-back", page).location == page
    assert "wartet auf eine zweite Person" not in client.get(page).text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER, Role.AUDITOR])
def test_who_may_not_close_sees_no_button_and_finds_no_door(
    client: FlaskClient, yesterday: date, role: Role
) -> None:
    page = f"/admin/reconciliation/{yesterday}"
    sign_in(client, colleague("jansen", role))
    assert "Tag abschließen" not in client.get(page).text
    for act in ("close", "ask", "take-back", "explain"):
        assert send(client, f"{page}/{act}", "/admin/account").status_code == 404


def test_the_whole_towns_figures_are_not_there_for_a_part_of_it(
    client: FlaskClient, yesterday: date
) -> None:
    sign_in(client, colleague("jansen", Grant(Role.CLERK, unit="20")))
    for path in (
        "/admin/reconciliation", f"/admin/reconciliation/{yesterday}.pdf",
        "/admin/open-items/2025-12-31",
        f"/admin/reconciliation/{yesterday}/rows?figure=open&part=&currency=EUR",
    ):  # fmt: skip
        assert client.get(path).status_code == 404, path
    file = send(client, "/admin/open-items/2025-12-31/file", "/admin/account")
    assert file.status_code == 404
    assert "Tagesabstimmung" not in client.get("/admin/account").text


@pytest.mark.parametrize(
    "path",
    ["/admin/reconciliation/2999-01-01", "/admin/reconciliation/x", "/admin/open-items/2999-12-31",
     "/admin/reconciliation/2026-01-01/rows?figure=x&part=&currency=EUR",
     "/admin/reconciliation/2026-01-01/rows?figure=open",
     "/admin/open-items/2025-12-31?after=x", "/admin/open-items/2025-12-31?after=x_suspense_1"],
)  # fmt: skip
def test_what_is_no_day_and_no_figure_is_not_there(client: FlaskClient, path: str) -> None:
    sign_in(client, colleague("jansen", Role.CLERK))
    assert client.get(path).status_code == 404


def test_the_paper_says_the_same_and_is_tagged(
    client: FlaskClient, yesterday: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.admin.daily.page.draw", lambda _path, html: pdf.render(html))
    sign_in(client, colleague("jansen", Role.CLERK))
    page = f"/admin/reconciliation/{yesterday}"
    send(client, f"{page}/close", page)
    answer = client.get(f"{page}.pdf")
    assert answer.mimetype == "application/pdf"
    assert f"Tagesabstimmung-{yesterday}.pdf" in answer.headers["Content-Disposition"]
    document = pypdfium2.PdfDocument(answer.data)
    words = " ".join(page.get_textpage().get_text_range() for page in document)
    assert "Tagesabstimmung" in words
    assert "Vereinnahmt, laut Buch" in words
    assert "100,00" in words
    assert "Kollegin Jansen (jansen)" in words
    with pikepdf.open(io.BytesIO(answer.data)) as tagged:
        assert tagged.Root.MarkInfo.Marked
        assert str(tagged.Root.Lang) == "de"


def test_the_list_for_the_annual_accounts_tells_age_and_adds_up(
    client: FlaskClient, provider: FakeProvider, time: Time
) -> None:
    paid(provider, "K-1", 1_234)
    paid(provider, "K-2", 2_000)
    time.move("+72h")
    sign_in(client, colleague("jansen", Role.CLERK))
    first = client.get("/admin/open-items")
    assert first.location == f"/admin/open-items/{builders.today().year - 1}-12-31"
    assert "An diesem Tag war nichts offen." in client.get(first.location).text
    page = client.get(f"/admin/open-items/{builders.today()}").text
    assert page.count('data-label="Alter in Tagen">3<') == 2
    assert "32,34" in page
    file = send(
        client,
        f"/admin/open-items/{builders.today()}/file",
        f"/admin/open-items/{builders.today()}",
    )
    table = list(csv.reader(io.StringIO(file.text), delimiter=";"))
    taken = select(AuditRow.actor, AuditRow.subject).where(AuditRow.act == "list.exported")
    assert [tuple(row) for row in db.session.execute(taken)] == [("staff:jansen", "open-items")]
    assert [row[6] for row in table[1:]] == ["12,34", "20,00"]
    assert {row[5] for row in table[1:]} == {"3"}


def test_a_paper_needs_its_stylesheet() -> None:
    sheet = Path(pdf.STATIC) / "reconciliation.css"
    assert "@page" in sheet.read_text("utf-8")
