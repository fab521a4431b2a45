"""Giving unclear money to requests: proposed with reasons, split to the cent, by two people."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.admin.tasks import assigning
from portal.db import db
from portal.ledger import book
from portal.ledger.models import CustodyItem
from portal.staff.roles import Role
from portal.worklist.kinds import Kind
from tests import builders
from tests.admin import kinds_of_tasks as made
from tests.admin.test_tasks import notes, send, stands
from tests.approvals.test_people import one_is_enough
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.staff.people import colleague, sign_in


@pytest.fixture
def clerk(client: FlaskClient) -> FlaskClient:
    sign_in(client, colleague("jansen", Role.CLERK))
    client.get("/admin/account?lang=en")
    return client


def item() -> CustodyItem:
    db.session.rollback()
    return db.session.scalars(select(CustodyItem)).one()


def lines(*given: tuple[str, str]) -> dict[str, str]:
    told = {}
    for row, (reference, amount) in enumerate(given, 1):
        told |= {f"reference-{row}": reference, f"amount-{row}": amount}
    return told


def test_the_likeliest_request_is_proposed_first_with_its_reasons(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    builders.letter("K-FAR", amount_cents=99_900, payment_sign="9.9999.999999.9")
    builders.letter("K-SAME", amount_cents=10_000, payment_sign="8.8888.888888.8")
    builders.letter("K-SIGN", amount_cents=50_000, payment_sign="77310045")
    made.unclear(provider, name="77310045")
    page = clerk.get(f"/admin/tasks/{made.number(Kind.CUSTODY_UNCLEAR)}").text
    assert page.index("K-SIGN") < page.index("K-SAME")
    assert "the provider names its payment sign" in page
    assert "just this amount is open" in page
    assert "K-FAR" not in page


def test_the_payment_that_was_begun_is_found_by_its_day(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    made.unclear(provider, 14_850)  # the letter K-U was begun today, with the same amount
    page = clerk.get(f"/admin/tasks/{made.number(Kind.CUSTODY_UNCLEAR)}").text
    assert "K-U" in page
    assert "a payment of it was begun that day" in page


def test_money_is_split_over_several_requests_by_two_people_and_adds_up(
    clerk: FlaskClient, app: Flask, provider: FakeProvider
) -> None:
    made.unclear(provider)
    number = made.number(Kind.CUSTODY_UNCLEAR)
    two = builders.letter("K-2", amount_cents=4_000)
    three = builders.letter("K-3", amount_cents=9_000, kind="fee")
    told = lines(("K-2", "40,00"), ("K-3", "59.99"))
    assert send(clerk, f"/admin/tasks/{number}/assign", **told).status_code == 303
    page = clerk.get(f"/admin/tasks/{number}").text
    assert "It is asked for. Another person finds it under Approvals." in page
    assert "waits for a second person" in page
    assert (item().open_cents, builders.request_of(two).covered_cents) == (10_000, 0)
    assert "waits for a second person" in clerk.get("/admin/requests/K-3").text
    approver = sign_in(builders.browser(app), colleague("bert", Role.APPROVER))
    approver.get("/admin/account?lang=en")
    (link,) = re.findall(r"/admin/approvals/\d+", page)
    shown = approver.get(link).text
    assert "K-2: €40.00; K-3: €59.99" in shown
    assert all(f'href="/admin/requests/{name}"' in shown for name in ("K-2", "K-3"))
    assert send(approver, f"{link}/approve").status_code == 303
    assert (item().open_cents, stands(number).ended_at) == (1, None)
    assert builders.request_of(two).state == "paid"
    assert builders.request_of(three).covered_cents == 5_999
    db.session.rollback()
    balances = [
        book.balance(db.session(), TOWN, account).cents
        for account in ("custody:unclear", "claims:tax", "claims:fee")
    ]
    assert balances == [-1, -4_000, -5_999]
    assert notes("custody.assign.asked") == ["staff:jansen"]
    assert notes("custody.assigned") == ["staff:bert"] * 2


def test_where_the_town_says_that_one_is_enough_it_is_given_at_once(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    one_is_enough("custody.assign", 10_000)
    made.unclear(provider)
    number = made.number(Kind.CUSTODY_UNCLEAR)
    builders.letter("K-2", amount_cents=10_000)
    send(clerk, f"/admin/tasks/{number}/assign", **lines(("K-2", "100")))
    assert "€100.00 is given." in clerk.get(f"/admin/tasks/{number}").text
    assert (item().state, stands(number).ended_by) == ("assigned", "staff:jansen")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "name a request"),
        ([("K-2", "")], "amount such as"),
        ([("K-2", "0")], "amount such as"),
        ([("K-9", "1")], "no request of this reference"),
        ([("K-2", "40.01")], "asks for €40.00 only"),
        ([("K-2", "10"), ("K-2", "10")], "stands here twice"),
        ([("K-2", "40"), ("K-3", "60.01")], "more than €100.00"),
    ],
)
def test_what_cannot_be_meant_is_said_beside_its_line_and_nothing_is_given(
    clerk: FlaskClient, provider: FakeProvider, given: list[tuple[str, str]], said: str
) -> None:
    made.unclear(provider)
    number = made.number(Kind.CUSTODY_UNCLEAR)
    builders.letter("K-2", amount_cents=4_000)
    builders.letter("K-3", amount_cents=9_000)
    answer = send(clerk, f"/admin/tasks/{number}/assign", **lines(*given))
    assert (answer.status_code, said in answer.text) == (422, True), answer.text
    for reference, amount in given:
        assert f'value="{reference}"' in answer.text
        assert f'value="{amount}"' in answer.text
    assert item().open_cents == 10_000


def test_of_a_split_that_fails_nothing_is_done(
    clerk: FlaskClient, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second request was paid while the clerk typed: the core sees it, the form did not."""

    made.unclear(provider)
    number = made.number(Kind.CUSTODY_UNCLEAR)
    two = builders.letter("K-2", amount_cents=4_000)
    builders.letter("K-3", amount_cents=100)
    monkeypatch.setattr(assigning, "_faults", lambda *_: {})
    told = lines(("K-2", "40"), ("K-3", "50"))
    answer = send(clerk, f"/admin/tasks/{number}/assign", **told)
    assert (answer.status_code, "does not ask for so much" in answer.text) == (409, True)
    assert item().open_cents == 10_000
    assert builders.request_of(two).covered_cents == 0


def test_a_form_for_what_was_given_meanwhile_leads_back(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    one_is_enough("custody.assign", 10_000)
    made.unclear(provider)
    number = made.number(Kind.CUSTODY_UNCLEAR)
    builders.letter("K-2", amount_cents=10_000)
    for _ in range(2):
        answer = send(clerk, f"/admin/tasks/{number}/assign", **lines(("K-2", "100")))
        assert answer.location == f"/admin/tasks/{number}"
    assert notes("custody.assigned") == ["staff:jansen"]


def test_a_proposal_fills_the_form(clerk: FlaskClient, provider: FakeProvider) -> None:
    made.unclear(provider)
    builders.letter("K-2", amount_cents=4_000)
    number = made.number(Kind.CUSTODY_UNCLEAR)
    page = clerk.get(f"/admin/tasks/{number}/assign?to=K-2").text
    assert 'value="K-2"' in page
    assert 'value="40.00"' in page
