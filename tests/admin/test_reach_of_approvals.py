"""What waits for a second person is seen and decided as far as a person's rights go."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.admin.approvals import waiting
from portal.admin.approvals.second_person import ACTS
from portal.approvals.models import Approval
from portal.db import db
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments.record import record
from portal.returns import assigning, closing, refunds
from portal.staff.roles import Grant, Role
from tests import builders
from tests.admin.test_approvals import approve, number
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.returns.test_custody_returns import unclear
from tests.returns.test_refunds import ANNA, BERT, CARD, asked, item
from tests.staff.people import colleague, sign_in

MINE, OTHERS = "20.1", "30.2"


@pytest.fixture
def bert(client: FlaskClient) -> FlaskClient:
    """Who approves for one unit."""
    return sign_in(client, colleague("bert", Grant(Role.APPROVER, unit=MINE)))


def paid(name: str, unit: str | None, provider: FakeProvider) -> str:
    payment = builders.begin(builders.letter(name, amount_cents=10_000, unit=unit))
    record(provider.pay(payment), CARD)
    return payment


def _refund(name: str, unit: str | None, provider: FakeProvider) -> None:
    asked(paid(name, unit, provider), 1_000, order=f"AO-{name}")


def _suspense(name: str, unit: str | None, provider: FakeProvider) -> None:
    found = item(f"payment:{paid(name, unit, provider)}").id
    closing.ask(TOWN, closing.SUSPENSE, found, f"AO-{name}", ANNA)


def _custody(name: str, unit: str | None, provider: FakeProvider) -> None:
    letter = builders.letter(name, amount_cents=10_000, unit=unit)
    record(provider.pay(builders.begin(letter)), CARD)
    builders.letter(name, amount_cents=9_000, unit=unit)
    db.session.rollback()
    query = select(CustodyItem.id).where(CustodyItem.request_reference == name)
    found = db.session.scalars(query).one()
    closing.ask(TOWN, closing.CUSTODY, found, f"AO-{name}", ANNA)


def _assign(name: str, unit: str | None, provider: FakeProvider) -> None:
    found = unclear(provider, name=f"x-{name}")
    builders.letter(name, amount_cents=1_000, unit=unit)
    assigning.ask(TOWN, found, {name: Money(500)}, ANNA)


ABOUT: dict[str, Callable[[str, str | None, FakeProvider], None]] = {
    refunds.ACT: _refund, closing.SUSPENSE: _suspense, closing.CUSTODY: _custody,
    assigning.ACT: _assign,
}  # fmt: skip


@pytest.mark.parametrize("act", ABOUT)
def test_what_is_about_a_request_of_another_unit_is_not_there(
    bert: FlaskClient, provider: FakeProvider, act: str
) -> None:
    ABOUT[act]("K-1", MINE, provider)
    mine = number()
    assert 'href="/admin/requests/K-1"' in bert.get(f"/admin/approvals/{mine}").text
    assert f'href="/admin/approvals/{mine}"' in bert.get("/admin/approvals").text
    assert approve(bert, mine).status_code == 303
    bert.get("/admin/approvals")  # where it is told
    missing = bert.get("/admin/approvals/0")
    for name, unit in (("K-2", OTHERS), ("K-3", None)):
        ABOUT[act](name, unit, provider)
        theirs = number()
        page = bert.get(f"/admin/approvals/{theirs}")
        assert (page.status_code, page.data) == (404, missing.data)
        assert f'href="/admin/approvals/{theirs}"' not in bert.get("/admin/approvals").text
        assert approve(bert, theirs).status_code == 404
        db.session.rollback()
        subject = db.session.get_one(Approval, (TOWN, theirs)).subject
        ACTS[act].refuse(TOWN, subject, BERT, "", theirs)


def test_money_for_several_units_is_given_by_who_may_approve_for_all_of_them(
    bert: FlaskClient, provider: FakeProvider
) -> None:
    found = unclear(provider)
    for name, unit in (("K-1", MINE), ("K-2", OTHERS)):
        builders.letter(name, amount_cents=1_000, unit=unit)
    assigning.ask(TOWN, found, {"K-1": Money(500), "K-2": Money(500)}, ANNA)
    assert bert.get(f"/admin/approvals/{number()}").status_code == 404
    assert approve(bert, number()).status_code == 404
    whole = sign_in(builders.browser(bert.application), colleague("carla", Role.APPROVER))
    assert approve(whole, number()).status_code == 303


def test_who_sees_a_part_is_not_told_what_others_were_to_get_of_its_surplus(
    bert: FlaskClient, provider: FakeProvider
) -> None:
    paid("K-1", MINE, provider)
    builders.letter("K-1", amount_cents=8_000, unit=MINE)
    for name in ("K-2", "K-3"):
        builders.letter(name, amount_cents=2_000, unit=OTHERS)
    db.session.rollback()
    found = db.session.scalars(select(CustodyItem.id)).one()
    parts = {"K-2": Money(713), "K-3": Money(304)}
    assigning.ask(TOWN, found, parts, ANNA)
    assigning.refuse(TOWN, str(found), ANNA)
    assigning.ask(TOWN, found, parts, ANNA)
    assigning.approve(TOWN, str(found), BERT)
    told = ("K-2", "K-3", "7,13", "3,04", "10,17")
    whole = sign_in(builders.browser(bert.application), colleague("carla", Role.VIEWER))
    page = whole.get("/admin/requests/K-1").text
    assert [each for each in told if each in page] == list(told)
    part = sign_in(builders.browser(bert.application), colleague("paul", Grant(Role.VIEWER, MINE)))
    page = part.get("/admin/requests/K-1").text
    assert "Verwahrtes Geld zuordnen: beantragt" in page
    assert [each for each in ("K-2", "K-3", "10,17") if each in page] == []


def test_what_is_out_of_reach_takes_no_place_in_the_lists(
    bert: FlaskClient, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for most in ("MOST_SHOWN", "MOST_DECIDED"):
        monkeypatch.setattr(waiting, most, 1)
    theirs, mine = paid("K-2", OTHERS, provider), paid("K-1", MINE, provider)
    done, left = asked(mine, 1_100, order="AO-1"), asked(theirs, 1_200, order="AO-2")
    refunds.approve(TOWN, done, BERT)
    refunds.approve(TOWN, left, BERT)
    for payment, cents in ((theirs, 1_300), (mine, 1_400), (theirs, 1_500)):
        asked(payment, cents, order=f"AO-{cents}")
    page = bert.get("/admin/approvals").text
    shown = {cents for cents in (11, 12, 13, 14, 15) if f"{cents},00" in page}
    assert shown == {11, 14}
