"""The practice provider's pages, by plain HTTP, and its API's edges."""

import re
from pathlib import Path

import pytest

import fakes
from fakes import joined
from sandbox import words
from sandbox.app import create_app, stop
from sandbox.states import (
    REASONS,
    REFUND_STATUSES,
    REFUND_VERBS,
    REVERSAL_STATUSES,
    REVERSAL_VERBS,
    STATUSES,
    VERBS,
)
from sandbox.totals import NAMES
from sandbox.words import money
from tests.sandbox.conftest import KEY, SECRET, Desk
from tests.sandbox.mailbox import Mailbox

FAKES = Path(str(fakes.__file__)).parent


@pytest.mark.parametrize(
    ("choice", "status"),
    [("pay", "paid"), ("later", "authorising"), ("decline", "refused"), ("cancel", "aborted")],
)
def test_a_choice_decides_and_leads_back(
    desk: Desk, mailbox: Mailbox, choice: str, status: str
) -> None:
    page = desk.page()
    answer = desk.http.post(page, data={"choice": choice})
    assert answer.status_code == 303
    assert answer.headers["location"] == "http://localhost:8000/return/pay-1?from=there"
    assert len(mailbox.letters) == 1, "the merchant hears of it before the payer is back"
    assert desk.books()["payments"][0]["status"] == status


def test_leaving_decides_nothing(desk: Desk, mailbox: Mailbox) -> None:
    page = desk.page()
    answer = desk.http.post(page, data={"choice": "leave"})
    assert (answer.status_code, mailbox.letters) == (200, [])
    assert "Die Zahlung ist noch offen" in answer.text
    assert f'href="{page}"' in answer.text
    assert desk.books()["payments"][0]["status"] == "open"


def test_opening_the_page_changes_nothing(desk: Desk) -> None:
    page = desk.page()
    before = desk.http.get("/books").json()
    for call in (desk.http.get, desk.http.head, desk.http.options):
        assert call(page).status_code == 200
    assert desk.http.get("/books").json() == before


def test_a_decided_payment_says_so_and_leads_back(desk: Desk) -> None:
    page = desk.page()
    desk.http.post(page, data={"choice": "decline"})
    again = desk.http.get(page)
    assert "entschieden: abgelehnt" in again.text
    assert 'href="http://localhost:8000/return/pay-1?from=there"' in again.text
    assert "<button" not in again.text
    assert desk.http.post(page, data={"choice": "pay"}).status_code == 409
    assert desk.books()["totals"]["succeeded_cents"] == 0


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("de", ["hier fließt kein Geld", "12.480,00\u00a0EUR", "Jetzt bezahlen", 'lang="de"']),
        ("en", ["no money flows here", "12,480.00\u00a0EUR", "Pay now", 'lang="en"']),
        ("pl", ["no money flows here"]),
    ],
)
def test_the_page_speaks_the_payers_language(desk: Desk, language: str, shown: list[str]) -> None:
    page = desk.http.get(desk.page(cents=1_248_000, language=language)).text
    for text in [*shown, "Stadt Musterhausen"]:
        assert text in page


def test_every_text_stands_in_both_languages_and_is_used() -> None:
    folder = Path(words.__file__).parent
    files = [*folder.glob("templates/*.html"), *folder.glob("*.py"), *FAKES.rglob("*.py")]
    used = "".join(file.read_text() for file in files if file.name != "words.py")
    for name, (german, english) in words._TEXTS.items():
        assert german.strip(), name
        assert english.strip(), name
        assert name.removeprefix("verb_") in used or name.startswith("method_"), name
    assert words.texts("de-AT")["pay"] == "Jetzt bezahlen"


def test_every_status_and_every_button_has_a_name() -> None:
    names = words.texts("de")
    assert set(STATUSES) | {f"verb_{verb}" for verb in VERBS} <= set(names)
    for fake in joined.everyone():  # their pages are these, too
        for edges in (fake.edges, fake.refund_edges, fake.reversal_edges):
            assert set(edges.values()) <= set(names), fake.name


@pytest.mark.parametrize(
    ("cents", "language", "text"),
    [
        (1, "de", "0,01\u00a0EUR"),
        (123_456_789, "de", "1.234.567,89\u00a0EUR"),
        (-150, "en", "\u22121.50\u00a0EUR"),
    ],
)
def test_an_amount_is_written_as_people_do(cents: int, language: str, text: str) -> None:
    assert money(cents, "EUR", language) == text


def test_the_page_needs_nothing_inline_and_nothing_from_elsewhere(desk: Desk) -> None:
    answer = desk.http.get(desk.page())
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://localhost:8000" in policy
    assert not re.search(r"<script|<style| style=| on\w+=|://", answer.text)
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text):
        assert desk.http.get(path).status_code == 200


def test_what_a_merchant_writes_is_text_on_the_page(desk: Desk) -> None:
    page = desk.http.get(desk.page(text="<script>alert(1)</script>")).text
    assert "<script" not in page


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "//evil.example", "http://a.example;x/", "http://a b/", "ftp://a"],
)
def test_a_return_address_must_be_a_plain_one(desk: Desk, url: str) -> None:
    assert desk.order(return_url=url).status_code == 422


def test_an_unknown_page_and_choice_are_quiet(desk: Desk) -> None:
    assert desk.http.get("/pay/sp_unknown").status_code == 404
    assert desk.http.post(desk.page(), data={"choice": "all"}).status_code == 400
    assert desk.http.post("/pay/sp_unknown", data={"choice": "pay"}).status_code == 404


def test_the_trainers_page_settles_by_a_button(desk: Desk) -> None:
    desk.http.post(desk.page(), data={"choice": "pay"})
    page = desk.http.get("/").text
    assert 'action="/test/merchants/town/settle"' in page
    answer = desk.http.post("/test/merchants/town/settle", data={"settle": "1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    (settlement,) = desk.books()["settlements"]
    assert settlement["gross_cents"] == 4200
    assert settlement["id"] in desk.http.get("/").text
    again = desk.http.post("/test/merchants/town/settle", data={"settle": "1"})
    assert (again.status_code, "nichts abzurechnen" in again.text) == (409, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_what_does_not_come_from_here_may_not_run_the_exercise(
    desk: Desk, headers: dict[str, str]
) -> None:
    desk.order()
    answer = desk.http.post("/test/payments/pay-1/pay", json={}, headers=headers)
    assert answer.status_code == 403
    assert desk.books()["payments"][0]["status"] == "open"


def test_another_machine_sees_the_payers_page_only(tmp_path: Path) -> None:
    app = create_app(tmp_path, "http://localhost")
    there = {"REMOTE_ADDR": "192.0.2.7"}
    client = app.test_client()
    for path in ("/", "/books"):
        assert client.get(path, environ_base=there).status_code == 403
        assert client.get(path).status_code == 200
    assert client.put("/merchants/m", json={}, environ_base=there).status_code == 403
    assert client.post("/test/settings", json={}, environ_base=there).status_code == 403
    assert client.get("/pay/sp_unknown", environ_base=there).status_code == 404
    stop(app)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"amount_cents": True}, 422),
        ({"amount_cents": 42.0}, 422),
        ({"amount_cents": 0}, 422),
        ({"currency": "euro"}, 422),
        ({"iban": "DE89"}, 422),
        ({}, 201),
    ],
)
def test_an_order_is_read_strictly(desk: Desk, changed: dict[str, object], status: int) -> None:
    assert desk.order(**changed).status_code == status


def test_one_id_with_other_words_is_a_conflict(desk: Desk) -> None:
    desk.order()
    assert desk.order(cents=4201).status_code == 409
    assert desk.order(text="other").status_code == 409
    assert desk.order().status_code == 201


def test_without_the_key_nothing_is_told(desk: Desk) -> None:
    payment = desk.order().json()["id"]
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {KEY}"}):
        answer = desk.http.get(f"/v1/payments/{payment}", headers=headers)
        assert answer.status_code == 401


def test_money_under_way_comes_by_the_api(desk: Desk, mailbox: Mailbox) -> None:
    page = desk.page()
    payment = page.removeprefix("/pay/")
    assert desk.as_merchant(f"/v1/payments/{payment}/complete", {}).json()["status"] == "open"
    desk.http.post(page, data={"choice": "later"})
    assert desk.as_merchant(f"/v1/payments/{payment}/complete", {}).json()["status"] == "paid"
    mailbox.wait_for(2)


def test_down_does_nothing_and_down_after_does_it_silently(desk: Desk) -> None:
    desk.test("settings", down=True)
    assert desk.order("pay-1").status_code == 503
    desk.test("settings", down="after")
    assert desk.order("pay-2").status_code == 503
    desk.test("settings", down=False)
    assert [row["payment"] for row in desk.books()["payments"]] == ["pay-2"]


# fmt: off
@pytest.mark.parametrize(
    ("host", "base", "status"),
    [
        ("127.0.0.1:8001",         "",                          200),
        ("localhost",              "",                          200),
        ("[::1]:8001",             "",                          200),
        ("LOCALHOST:8001",         "",                          200),
        ("evil.example:8001",      "",                          403),
        ("127.0.0.1.evil.example", "",                          403),
        ("192.168.1.7:8001",       "",                          403),
        ("192.168.1.7:8001",       "http://192.168.1.7:8001",   200),
        ("192.168.1.8:8001",       "http://192.168.1.7:8001",   403),
        ("pay.example:8001",       "https://pay.example:8001",  403),
        ("[",                      "",                          403),
    ],
)
def test_the_trainer_answers_to_the_names_of_this_machine_alone(
    tmp_path: Path, host: str, base: str, status: int
) -> None:
    app = create_app(tmp_path, base or "http://localhost:8001")
    try:
        for path in ("/", "/books"):
            answer = app.test_client().get(path, headers={"Host": host})
            assert answer.status_code in ({status} if status == 200 else {400, status})
    finally:
        stop(app)
# fmt: on


def test_the_trainers_page_lets_money_go_back(desk: Desk) -> None:
    path = desk.page().replace("/pay/", "/v1/payments/") + "/refunds"
    desk.test("payments/pay-1/pay")
    told = {"refund": "ref-1", "amount_cents": 200, "currency": "EUR"}
    desk.as_merchant(path, told, "ref-1")

    def press(label: str) -> str:
        """Press the first button that lets this happen; the page afterwards."""
        page = desk.http.get("/", headers={"Accept-Language": "en"}).text
        found = re.search(rf'action="([^"]+)"><button name="do"[^>]*>{label}<', page)
        assert found, f"no button says {label}"
        answer = desk.http.post(found[1], data={"do": "x"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        return desk.http.get("/", headers={"Accept-Language": "en"}).text

    assert "taken back (Chargeback of a card)" in press("Bank takes money back")
    assert "won (Chargeback of a card)" in press("Win the dispute")
    assert "bounced" in press("Let bounce")
    assert desk.books()["totals"]["unsettled_cents"] == 4200


def test_every_status_and_verb_of_what_goes_back_has_its_words() -> None:
    needed = {*REFUND_STATUSES, *REVERSAL_STATUSES, *REASONS, "verb_reverse"}
    needed |= {f"verb_{verb}" for verb in (*REFUND_VERBS, *REVERSAL_VERBS)}
    needed |= set(NAMES)
    assert needed <= set(words.texts("de"))


def test_a_caller_from_the_local_net_is_no_trainer(tmp_path: Path) -> None:
    app = create_app(tmp_path, "http://192.168.1.7:8001")
    try:
        answer = app.test_client().get(
            "/books",
            headers={"Host": "192.168.1.7:8001"},
            environ_base={"REMOTE_ADDR": "192.168.1.9"},
        )
        assert answer.status_code == 403
    finally:
        stop(app)


@pytest.mark.parametrize(
    "url",
    ["http://town.example:99999/", "http://town.example:0/", "http://town.example:port/",
     "http://:80/", "http://[::1/"],
)  # fmt: skip
def test_a_webhook_address_that_cannot_be_called_is_refused(desk: Desk, url: str) -> None:
    told = {"name": "X", "secret": "k", "webhook_secret": SECRET, "webhook_url": url}
    assert desk.http.put("/merchants/other", json=told).status_code == 422
