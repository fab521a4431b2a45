"""Each route names who may call it, looking changes nothing, and every answer is dressed."""

import re
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal.admin.doors import DOORS
from portal.db import Base, db, transaction
from portal.finance.clients import Scope, create_client
from portal.payments.record import Source, record
from portal.requests.models import PaymentRequest
from portal.web.api import OPERATIONS, PREFIX
from portal.web.gate import WHO, Who
from tests import builders, pages
from tests.builders import TOWN, Letter, token
from tests.fakes import FakeProvider

CITIZENS = {Who.HOLDER, Who.KNOWER}
# What the contract says of itself is open, as the token is that lets in.
OPEN = {f"{PREFIX}/openapi.json", f"{PREFIX}/docs", f"{PREFIX}/oauth/token"}
CODE = "0" * 27


def rules(app: Flask, method: str, *who: Who) -> list[Rule]:
    """The routes that take a method, of those who are named, or of all."""
    return [
        rule
        for rule in app.url_map.iter_rules()
        if method in (rule.methods or ()) and (not who or WHO.get(rule.endpoint) in who)
    ]


@dataclass(frozen=True)
class Known:
    """What a route needs to be called."""

    handle: str = "nobodys"
    payment_id: str = "0" * 32
    code: str = CODE
    reference: str = "K-2026-1"

    def path(self, rule: Rule) -> str:
        own = {"provider": "fake", "account_id": "card"}
        values = {name: getattr(self, name, own.get(name)) for name in rule.arguments}
        plain = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(rule.rule))
        return plain.format(**values)


def open_letter(client: FlaskClient, letter: Letter) -> str:
    """Follow a letter's link; the handle."""
    answer = client.get("/Z/" + letter.url.rsplit("/", 1)[1])
    assert answer.status_code == 303
    return str(answer.location).strip("/").rsplit("/", 1)[1]


def give_tan(client: FlaskClient, letter: Letter) -> str:
    """Open a letter and give its TAN; the handle."""
    handle = open_letter(client, letter)
    csrf = token(client.get(f"/r/{handle}/"))
    answer = client.post(f"/r/{handle}/tan", data={"tan": letter.tan, "csrf_token": csrf})
    assert answer.location == f"/r/{handle}/payment", answer.text
    return handle


def dump() -> dict[str, list[str]]:
    """Every row of every table of ours."""
    db.session.rollback()
    found = {}
    for table in Base.metadata.sorted_tables:
        rows = db.session.execute(text(f"SELECT t::text FROM {table.name} t ORDER BY 1"))
        found[table.name] = [str(row[0]) for row in rows]
    db.session.rollback()
    return found


def test_every_route_names_who_may_call_it(app: Flask) -> None:
    own_doors = tuple(DOORS)  # of the admin view: tests/admin
    of_api = {PREFIX + operation.rule for operation in OPERATIONS.values()} | OPEN
    nobodys = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in (*WHO, *own_doors) and rule.rule not in of_api
    }
    assert nobodys == set()


def test_the_table_names_no_route_that_is_not_there(app: Flask) -> None:
    assert set(WHO) - {rule.endpoint for rule in app.url_map.iter_rules()} == set()


def test_a_route_that_names_nobody_is_not_there(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.web import gate

    assert client.get("/impressum").status_code == 200
    fewer = {endpoint: who for endpoint, who in WHO.items() if endpoint != "pages.imprint"}
    monkeypatch.setattr(gate, "WHO", fewer)
    assert client.get("/impressum").status_code == 404


def test_whatever_holds_a_handle_is_for_who_opened_a_letter(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        assert ("handle" in rule.arguments) == (WHO.get(rule.endpoint) in CITIZENS), rule


def test_before_the_tan_there_is_nothing_but_its_page() -> None:
    holders = {endpoint for endpoint, who in WHO.items() if who is Who.HOLDER}
    assert holders == {"visits.overview", "visits.check_tan"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_stranger_is_led_to_the_start(app: Flask, client: FlaskClient, method: str) -> None:
    csrf = token(client.get("/"))
    found = rules(app, method, *CITIZENS)
    assert found
    for rule in found:
        answer = client.open(Known().path(rule), method=method, data={"csrf_token": csrf})
        assert (answer.status_code, answer.location) == (303, "/?over=1"), rule


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_the_tan_nothing_of_the_claim_is_shown(
    app: Flask, client: FlaskClient, method: str
) -> None:
    letter = builders.letter()
    known = Known(handle=open_letter(client, letter))
    page = client.get(f"/r/{known.handle}/")
    csrf = token(page)
    for private in ("148", "Grundsteuer", "5.0101", "15."):
        assert private not in page.text
    for rule in rules(app, method, Who.KNOWER):
        answer = client.open(known.path(rule), method=method, data={"csrf_token": csrf})
        assert (answer.status_code, answer.location) == (303, f"/r/{known.handle}/"), rule


def test_a_handle_in_another_browser_opens_nothing(app: Flask, client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    assert client.get(f"/r/{handle}/payment").status_code == 200
    stranger = builders.browser(app)
    open_letter(stranger, builders.letter("K-2"))
    for rule in rules(app, "GET", *CITIZENS):
        answer = stranger.get(Known(handle=handle).path(rule))
        assert (answer.status_code, answer.location) == (303, "/?over=1"), rule


def test_a_new_link_ends_what_the_old_one_opened(app: Flask, client: FlaskClient) -> None:
    letter = builders.letter()
    handle = give_tan(client, letter)
    with transaction() as session:
        session.get_one(PaymentRequest, (TOWN, letter.request_id)).link_version += 1
    for rule in rules(app, "GET", *CITIZENS):
        answer = client.get(Known(handle=handle).path(rule))
        assert (answer.status_code, answer.location) == (303, "/?over=1"), rule


def test_another_letters_payment_is_not_there(client: FlaskClient, provider: FakeProvider) -> None:
    other = builders.letter("K-2")
    payment = builders.begin(other)
    record(provider.pay(payment), Source(TOWN, "card", "notification"))
    handle = give_tan(client, builders.letter("K-1"))
    for page in ("payment/{}", "leaving/{}", "confirmation/{}.pdf"):
        assert client.get(f"/r/{handle}/" + page.format(payment)).status_code == 404


def test_without_a_token_the_contract_is_closed(app: Flask, client: FlaskClient) -> None:
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith(PREFIX) or rule.rule in OPEN:
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = client.open(Known().path(rule), method=method)
            assert answer.status_code == 401, rule


def all_may(app: Flask) -> dict[str, str]:
    """The headers of a client that may do everything."""
    with transaction() as session:
        client_id, secret = create_client(session, TOWN, list(Scope))
    answer = builders.browser(app).post(
        f"{PREFIX}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(client_id, secret),
    )
    return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


@pytest.fixture
def visitors(
    app: Flask, client: FlaskClient, provider: FakeProvider
) -> list[tuple[FlaskClient, Known, dict[str, str]]]:
    """A stranger, one who opened a letter, one who gave its TAN and has paid, and a client."""
    held, paid = builders.letter("K-1"), builders.letter("K-2026-1")
    holder = builders.browser(app)
    payment = builders.begin(paid)
    record(provider.pay(payment), Source(TOWN, "card", "notification"))
    code = paid.url.rsplit("/", 1)[1]
    return [
        (builders.browser(app), Known(payment_id=payment, code=code), {}),
        (holder, Known(open_letter(holder, held), payment, code), {}),
        (client, Known(give_tan(client, paid), payment, code), {}),
        (builders.browser(app), Known(), all_may(app)),
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing(
    app: Flask,
    visitors: list[tuple[FlaskClient, Known, dict[str, str]]],
    method: str,
) -> None:
    before = dump()
    assert any(before.values())
    for visitor, known, headers in visitors:
        for rule in rules(app, method):
            answer = visitor.open(known.path(rule), method=method, headers=headers)
            assert answer.status_code < 500 or rule.endpoint == "confirming.paper", rule
            answer.close()
    assert dump() == before


def test_opening_a_link_twice_or_by_a_scanner_costs_no_try(app: Flask, client: FlaskClient) -> None:
    letter = builders.letter()
    before = dump()
    for _ in range(12):
        builders.browser(app).get("/Z/" + letter.url.rsplit("/", 1)[1], follow_redirects=True)
        client.head("/Z/" + letter.url.rsplit("/", 1)[1])
    assert dump() == before
    give_tan(client, letter)


def assert_dressed(answer: TestResponse) -> None:
    assert list(pages.undressed(answer)) == [], answer.status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/impressum", 200),
        ("GET", "/robots.txt", 200),
        ("GET", "/healthz", 200),
        ("GET", "/r/nobodys/", 303),
        ("GET", f"/Z/{CODE}", 404),
        ("GET", "/nothing", 404),
        ("POST", "/impressum", 405),
        ("POST", "/", 400),
        ("POST", "/webhooks/fake/nobodys", 404),
        ("GET", f"{PREFIX}/openapi.json", 200),
        ("GET", f"{PREFIX}/docs", 200),
        ("GET", f"{PREFIX}/events", 401),
        ("GET", f"{PREFIX}/nothing", 404),
        ("DELETE", f"{PREFIX}/events", 405),
    ],
)
def test_every_answer_is_dressed(client: FlaskClient, method: str, path: str, status: int) -> None:
    answer = client.open(path, method=method)
    if status != 405 or path != "/impressum":
        assert answer.status_code == status
    assert_dressed(answer)


def test_405_says_what_may_be_done(client: FlaskClient) -> None:
    csrf = token(client.get("/"))
    answer = client.post("/impressum", data={"csrf_token": csrf})
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert_dressed(answer)


def test_too_long_a_body_is_refused_and_the_refusal_dressed(client: FlaskClient) -> None:
    for path in ("/", f"{PREFIX}/oauth/token"):
        answer = client.post(path, data={"code": "x" * 300 * 1024})
        assert answer.status_code == 413, path
        assert_dressed(answer)


def test_a_fault_is_dressed_and_tells_nothing(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.requests import links

    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr(links, "find_by_link", broken)
    answer = client.get(f"/Z/{CODE}")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert_dressed(answer)


def test_a_form_without_its_token_is_refused_everywhere(app: Flask, client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    before = dump()
    for rule in rules(app, "POST", Who.ANYONE, *CITIZENS):
        for csrf in ({}, {"csrf_token": "forged"}):
            answer = client.post(Known(handle=handle).path(rule), data=csrf)
            assert answer.status_code == 400, rule
    assert dump() == before


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_a_form_sent_from_elsewhere_is_refused_even_with_its_token(
    app: Flask, client: FlaskClient, site: str
) -> None:
    handle = give_tan(client, builders.letter())
    csrf = token(client.get(f"/r/{handle}/payment"))
    before = dump()
    for rule in rules(app, "POST", Who.ANYONE, *CITIZENS):
        answer = client.post(
            Known(handle=handle).path(rule),
            data={"csrf_token": csrf},
            headers={"Sec-Fetch-Site": site},
        )
        assert answer.status_code == 403, rule
    assert dump() == before


def test_another_visitors_form_token_is_refused(app: Flask, client: FlaskClient) -> None:
    theirs = token(builders.browser(app).get("/"))
    client.get("/")
    assert client.post("/end", data={"csrf_token": theirs}).status_code == 400


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-origin"}])
def test_over_https_a_form_needs_no_referrer(client: FlaskClient, headers: dict[str, str]) -> None:
    letter = builders.letter()
    csrf = token(client.get("/"))
    answer = client.post(
        "/",
        data={"code1": letter.short_code, "secret": letter.tan, "csrf_token": csrf},
        headers=headers,
    )
    assert answer.status_code == 303
    assert "/r/" in str(answer.location)


def test_the_cookie_is_bound_to_the_host_and_kept_from_scripts(client: FlaskClient) -> None:
    (cookie,) = client.get("/").headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-")
    for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert word in cookie.split("; ")
    assert "Domain" not in cookie


def test_a_changed_cookie_opens_nothing(app: Flask, client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    cookie = client.get_cookie("__Host-quitt", domain="localhost")
    assert cookie is not None
    forger = builders.browser(app)
    body, rest = cookie.value.split(".", 1)
    forger.set_cookie("__Host-quitt", f"{body[:-1]}A.{rest}", domain="localhost", secure=True)
    assert forger.get(f"/r/{handle}/payment").location == "/?over=1"


def test_an_unknown_host_is_nobodys(app: Flask) -> None:
    stranger = builders.browser(app, "elsewhere.example")
    for rule in rules(app, "GET", Who.ANYONE):
        answer = stranger.get(Known().path(rule))
        if not rule.endpoint.startswith("health.") and rule.endpoint != "pages.robots":
            assert answer.status_code == 404, rule
        assert "Musterhausen" not in answer.text
        assert_dressed(answer)
