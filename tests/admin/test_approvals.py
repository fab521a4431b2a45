"""What two people do is done by two people, once, and by what the second one saw."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from werkzeug.test import TestResponse

from portal.admin.approvals.second_person import ACTS
from portal.approvals import rules, standing
from portal.approvals import tasks as of_approvals
from portal.approvals.models import Approval, SealedPart
from portal.approvals.people import ONE_MAY_BE_ENOUGH
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.faces import addresses, bank
from portal.finance import asking as access
from portal.finance import clients
from portal.keys import Keyring
from portal.money import Money
from portal.payments import account_asking, correcting
from portal.payments import tasks as of_payments
from portal.payments.account_setting import Said
from portal.payments.record import record
from portal.payments.returned import CustodyReturn, Refund
from portal.proof import closing as days
from portal.providers.protocol import Outcome, SettlementLine
from portal.retention import asking
from portal.returns import (
    assigning,
    closing,
    custody_returns,
    looked_up,
    refunds,
    reversals,
    sending,
)
from portal.returns import tasks as of_returns
from portal.settlements import booking, reserves, settle
from portal.settlements import tasks as of_settlements
from portal.staff import directory_setting, granting, members, new_keys
from portal.staff import tasks as of_staff
from portal.staff.roles import Grant, Role
from portal.tenants import Tenant
from tests import builders
from tests.builders import TOWN, token
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.payments import races
from tests.payments.test_correcting import unknown
from tests.returns.test_custody import assigned
from tests.returns.test_custody_returns import custody_item, unclear
from tests.returns.test_looked_up import report as said_of
from tests.returns.test_looked_up import silent
from tests.returns.test_refunds import ANNA, CARD, asked, item, paid, row, sent
from tests.staff.people import Colleague, colleague, sign_in


@dataclass(frozen=True)
class Case:
    """An act that waits: asking for it (anew), how its subject stands, what may come in between."""

    ask: Callable[[str], object]
    state: Callable[[], str]
    waits: str
    done: str
    between: Callable[[], object] | None = None  # then it must not be done any more


def _last(column: object, when: object) -> str:
    db.session.rollback()
    return db.session.scalars(select(column).order_by(when.desc())).first() or ""


def _refund(provider: FakeProvider) -> Case:
    _, payment = paid(provider)
    return Case(
        lambda order: asked(payment, 4_000, order=order),
        lambda: _last(Refund.state, Refund.asked_at), "requested", "approved",
    )  # fmt: skip


def _assign(provider: FakeProvider) -> Case:
    found = unclear(provider)
    letters = [builders.letter(name, amount_cents=1_000) for name in ("K-8", "K-9")]
    parts = {letter.reference: Money(1_000) for letter in letters}
    return Case(
        lambda _: assigning.ask(TOWN, found, parts, ANNA),
        lambda: str(custody_item("unclear:card:x-1").open_cents), "10000", "8000",
        lambda: record(provider.pay(builders.begin(letters[1])), CARD),
    )  # fmt: skip


def _return(provider: FakeProvider) -> Case:
    found = unclear(provider)
    return Case(
        lambda order: custody_returns.ask(TOWN, found, order, ANNA),
        lambda: _last(CustodyReturn.state, CustodyReturn.asked_at), "requested", "approved",
    )  # fmt: skip


def _keep(provider: FakeProvider) -> Case:
    found = unclear(provider)
    builders.letter("K-9", amount_cents=1_000)
    return Case(
        lambda order: closing.ask(TOWN, closing.CUSTODY, found, order, ANNA),
        lambda: custody_item("unclear:card:x-1").state, "open", "kept_by_order",
        lambda: assigned(found, "K-9", 1_000),
    )  # fmt: skip


def _close(provider: FakeProvider) -> Case:
    _, payment = paid(provider)
    name = f"payment:{payment}"
    return Case(
        lambda order: closing.ask(TOWN, closing.SUSPENSE, item(name).id, order, ANNA),
        lambda: item(name).state, "open", "closed_by_order",
    )  # fmt: skip


def _correct(provider: FakeProvider) -> Case:
    _, payment = unknown(provider)
    return Case(
        lambda order: correcting.ask(TOWN, payment, order, ANNA),
        lambda: builders.payment(payment).state, "unknown", "failed",
        lambda: record(provider.say(payment, Outcome.FAILED), CARD),
    )  # fmt: skip


def _looked_up(act: str, done: str) -> Callable[[FakeProvider], Case]:
    def case(provider: FakeProvider) -> Case:
        refund = silent(provider)
        return Case(
            lambda order: looked_up.ask(TOWN, act, refund, order, ANNA),
            lambda: _last(Refund.state, Refund.asked_at), "submitted", done,
            lambda: sending.record(TOWN, "card", said_of(refund, Outcome.SUCCEEDED)),
        )  # fmt: skip

    return case


def _grant(_: FakeProvider) -> Case:
    who = colleague("jansen")

    def roles() -> str:
        with transaction() as session:
            member = members.by_login(session, TOWN, who.login)
            return " ".join(g.role for g in members.grants_of(session, TOWN, member.id))

    def at_the_machine() -> None:
        with transaction() as session:
            member = members.locked(session, TOWN, who.login)
            granting.give_at_the_machine(session, member, Grant(Role.VIEWER), "operator")

    return Case(
        lambda _: granting.ask(TOWN, who.login, Grant(Role.VIEWER), ANNA), roles, "", "viewer",
        at_the_machine,
    )  # fmt: skip


def _rule(_: FakeProvider) -> Case:
    def state() -> str:
        db.session.rollback()
        return " ".join(str(r.up_to.cents) for r in standing.in_force(db.session(), TOWN))

    return Case(lambda _: rules.ask(TOWN, "refund", Money(5_000), ANNA), state, "", "5000")


def _count(table: str) -> str:
    db.session.rollback()
    return str(db.session.scalar(text(f"SELECT count(*) FROM {table}")))


def _keyring() -> Keyring:
    found: Keyring = current_app.extensions["keyring"]
    return found


def _keys(_: FakeProvider) -> Case:
    who = colleague("jansen")
    return Case(
        lambda _: new_keys.ask(TOWN, who.login, ANNA),
        lambda: _count("approval_sealed_parts"), "0", "2",
    )  # fmt: skip


def _directory(_: FakeProvider) -> Case:
    groups = (("clerks", Grant(Role.CLERK)),)
    said = directory_setting.Said("https://login.example", "quitt", groups)
    return Case(
        lambda _: directory_setting.ask(_keyring(), TOWN, said, ANNA),
        lambda: _count("staff_directories"), "0", "1",
    )  # fmt: skip


def _town(column: str) -> Callable[[], str]:
    def state() -> str:
        db.session.rollback()
        return str(getattr(db.session.get_one(Tenant, TOWN, populate_existing=True), column))

    return state


def _bank(_: FakeProvider) -> Case:
    told = {"account_holder": "Stadtkasse", "iban": "DE75512108001245126199", "bic": ""}
    return Case(
        lambda _: bank.ask(TOWN, told, ANNA), _town("account_holder"),
        "Stadt Musterhausen", "Stadtkasse",
    )  # fmt: skip


def _account(_: FakeProvider) -> Case:
    said = Said("fake", "m-9", live=False, credentials={"secret": "s4"})
    return Case(
        lambda _: account_asking.ask(_keyring(), TOWN, "new", said, ANNA),
        lambda: _count("provider_accounts WHERE id = 'new'"), "0", "1",
    )  # fmt: skip


def _addresses(_: FakeProvider) -> Case:
    return Case(
        lambda _: addresses.ask(TOWN, "localhost", ["pay.town.example"], "localhost", ANNA),
        lambda: _count("tenant_hosts WHERE host = 'pay.town.example'"), "0", "1",
    )  # fmt: skip


def _retention(_: FakeProvider) -> Case:
    told = {"retention_days": 90, "books_years": 10, "voucher_years": 10}
    return Case(lambda _: asking.ask(TOWN, told, True, ANNA), _town("retention_days"), "180", "90")


def _reserve(provider: FakeProvider) -> Case:
    hold = SettlementLine("reserve", "", "hold-1", Money(-1_000), Money(0))
    provider.settle("s2", [], 0, hold)
    settle.settle(_keyring(), TOWN, "card", "s2")

    def state() -> str:
        db.session.rollback()
        return str(booking.held(db.session(), TOWN, "card", "EUR").cents)

    return Case(
        lambda order: reserves.ask(TOWN, "card", Money(400), order, ANNA), state, "1000", "600"
    )


def _client(_: FakeProvider) -> Case:
    return Case(
        lambda _: access.ask_client(_keyring(), TOWN, ["events:read"], "ERP", ANNA),
        lambda: _count("clients"), "0", "1",
    )  # fmt: skip


def _key(_: FakeProvider) -> Case:
    with transaction() as session:
        client_id, _secret = clients.create_client(session, TOWN, ["events:read"])
    return Case(
        lambda _: access.ask_key(_keyring(), TOWN, client_id, ANNA),
        lambda: _count("clients WHERE second_sha256 IS NOT NULL"), "0", "1",
    )  # fmt: skip


def _endpoint(_: FakeProvider) -> Case:
    return Case(
        lambda _: access.ask_endpoint(_keyring(), TOWN, "https://erp.example/events", "", ANNA),
        lambda: _count("endpoints"), "0", "1",
    )  # fmt: skip


CASES: dict[str, Callable[[FakeProvider], Case]] = {
    refunds.ACT: _refund, custody_returns.ACT: _return, closing.CUSTODY: _keep,
    assigning.ACT: _assign, looked_up.MADE: _looked_up(looked_up.MADE, "succeeded"),
    looked_up.NOT_MADE: _looked_up(looked_up.NOT_MADE, "failed"),
    closing.SUSPENSE: _close, correcting.ACT: _correct, granting.ACT: _grant, rules.ACT: _rule,
    new_keys.ACT: _keys, directory_setting.ACT: _directory, bank.ACT: _bank,
    account_asking.ACT: _account, asking.ACT: _retention, reserves.ACT: _reserve,
    addresses.ACT: _addresses,
    access.CLIENT: _client, access.KEY: _key, access.ENDPOINT: _endpoint,
}  # fmt: skip
each_act = pytest.mark.parametrize("act", CASES)


def number() -> int:
    """The approval that waits."""
    db.session.rollback()
    return db.session.scalars(select(Approval.id).where(Approval.state == "asked")).one()


def approve(browser: FlaskClient, which: int, csrf: str = "") -> TestResponse:
    told = csrf or token(browser.get("/admin/account"))
    return browser.post(f"/admin/approvals/{which}/approve", data={"csrf_token": told})


def notes(act: str) -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(AuditRow.actor).where(AuditRow.act == act)))


def both() -> Colleague:
    """Who asks has the right to approve, too."""
    return colleague("anna", Role.CLERK, Role.APPROVER)


def copy(app: Flask, browser: FlaskClient) -> FlaskClient:
    """The same sitting in another window."""
    other = builders.browser(app)
    other._cookies = dict(browser._cookies or {})
    return other


def test_every_act_that_may_wait_can_be_decided_here() -> None:
    # A day with a difference needs rows that no act writes: tests/admin/test_daily.py.
    assert set(ACTS) == {*CASES, days.ACT}
    assert set(ONE_MAY_BE_ENOUGH) <= set(ACTS)


@each_act
def test_no_single_person_does_it_and_two_do_it_once(
    app: Flask, client: FlaskClient, provider: FakeProvider, act: str
) -> None:
    anna, bert = both(), colleague("bert", Role.APPROVER)
    case = CASES[act](provider)
    case.ask("AO-1")
    which = number()
    for window in (sign_in(client, anna), sign_in(builders.browser(app), anna)):
        page = window.get(f"/admin/approvals/{which}").text
        assert f"/approvals/{which}/approve" not in page
        assert "Zurücknehmen" in page
        answer = approve(window, which)
        assert (answer.status_code, case.state()) == (409, case.waits)
        assert "Freigeben muss es eine zweite Person" in answer.text
    other = sign_in(builders.browser(app), bert)
    csrf = token(other.get(f"/admin/approvals/{which}"))
    granting.take_back(TOWN, "bert", Grant(Role.APPROVER), "staff:admin")
    assert (approve(other, which, csrf).status_code, case.state()) == (404, case.waits)
    with transaction() as session:
        member = members.locked(session, TOWN, "bert")
        granting.give_at_the_machine(session, member, Grant(Role.APPROVER), "operator")
    assert f"/approvals/{which}/approve" in other.get(f"/admin/approvals/{which}").text
    assert (approve(other, which, csrf).status_code, case.state()) == (303, case.done)
    assert (approve(other, which, csrf).status_code, case.state()) == (409, case.done)
    assert notes(f"{act}.approved") == ["staff:bert"]


@each_act
def test_what_nobody_agreed_to_in_seven_days_is_ended_by_a_job(
    provider: FakeProvider, time: Time, act: str
) -> None:
    case = CASES[act](provider)
    case.ask("AO-1")
    time.move("+7d")
    for tidy in (of_approvals.tidy, of_staff.tidy, of_returns.send_refunds,
                 of_payments.end_corrections, of_settlements.end_closings):  # fmt: skip
        db.session.rollback()
        tidy(timestamp=0)
    db.session.rollback()
    assert db.session.scalars(select(Approval.state).where(Approval.act == act)).all() == [
        "expired"
    ]
    assert case.state() in (case.waits, "failed")
    assert db.session.scalars(select(SealedPart)).all() == []


@each_act
def test_of_eight_approvals_at_once_one_counts(
    app: Flask, client: FlaskClient, provider: FakeProvider, act: str
) -> None:
    case = CASES[act](provider)
    case.ask("AO-1")
    which = number()
    sign_in(client, colleague("bert", Role.APPROVER))
    csrf = token(client.get("/admin/account"))
    windows = [copy(app, client) for _ in range(8)]
    answers: list[int] = []
    races.at_once(app, 8, lambda: answers.append(approve(windows.pop(), which, csrf).status_code))
    assert sorted(answers) == [303, *[409] * 7]
    assert case.state() == case.done
    assert notes(f"{act}.approved") == ["staff:bert"]


@each_act
def test_what_was_taken_back_and_asked_anew_is_not_what_was_looked_at(
    client: FlaskClient, provider: FakeProvider, act: str
) -> None:
    case = CASES[act](provider)
    case.ask("AO-1")
    seen = number()
    subject = db.session.scalars(select(Approval.subject).where(Approval.id == seen)).one()
    ACTS[act].refuse(TOWN, subject, ANNA, "", seen)
    case.ask("AO-2")
    sign_in(client, colleague("bert", Role.APPROVER))
    assert (approve(client, seen).status_code, case.state()) == (409, case.waits)
    assert (approve(client, number()).status_code, case.state()) == (303, case.done)


@pytest.mark.parametrize(
    "act", [assigning.ACT, closing.CUSTODY, correcting.ACT, granting.ACT, looked_up.NOT_MADE]
)
def test_what_has_changed_in_between_is_not_done(
    client: FlaskClient, provider: FakeProvider, act: str
) -> None:
    case = CASES[act](provider)
    case.ask("AO-1")
    assert case.between
    case.between()
    before = case.state()
    sign_in(client, colleague("bert", Role.APPROVER))
    answer = approve(client, number())
    assert (answer.status_code, case.state()) == (409, before)
    assert notes(f"{act}.approved") == []


def test_money_that_another_order_has_sent_in_between_goes_back_no_second_time(
    client: FlaskClient, provider: FakeProvider
) -> None:
    _, payment = paid(provider)
    asked(payment, 6_000)
    which = number()
    with pytest.raises(refunds.NotRefundable):
        asked(payment, 6_000, order="AO-2", by="client:finance")
    sent(payment, 4_000, order="AO-3")
    sign_in(client, colleague("bert", Role.APPROVER))
    assert approve(client, which).status_code == 303
    with transaction() as session:
        query = select(func.sum(Refund.amount_cents)).where(Refund.state != "failed")
        assert session.scalar(query) == 10_000


def test_a_refund_that_a_bank_was_faster_with_is_not_approved(
    client: FlaskClient, provider: FakeProvider
) -> None:
    _, payment = paid(provider)
    refund = asked(payment, 6_000)
    taken = provider.reverse(payment, 5_000)
    reversals.record_reversal(_keyring(), TOWN, "card", taken)
    sign_in(client, colleague("bert", Role.APPROVER))
    answer = approve(client, number())
    assert answer.status_code == 409
    assert "So viel" in answer.text
    assert row(refund).state == "requested", "it can still be refused"
    assert notes("refund.approved") == []


def test_who_approves_has_proved_to_be_it_a_moment_ago(
    client: FlaskClient, provider: FakeProvider, time: Time
) -> None:
    bert = colleague("bert", Role.APPROVER)
    case = CASES[refunds.ACT](provider)
    case.ask("AO-1")
    which = number()
    sign_in(client, bert)
    time.move("+6m")
    page = client.get(f"/admin/approvals/{which}")
    assert 'name="code"' in page.text
    told = {"csrf_token": token(page), "code": "000000"}
    answer = client.post(f"/admin/approvals/{which}/approve", data=told)
    assert (answer.status_code, case.state()) == (422, "requested")
    assert 'id="code-error"' in answer.text
    told["code"] = bert.code()
    answer = client.post(f"/admin/approvals/{which}/approve", data=told)
    assert (answer.status_code, case.state()) == (303, "approved")


def test_who_refuses_says_why_and_who_asked_takes_back_without(
    client: FlaskClient, provider: FakeProvider, app: Flask
) -> None:
    case = CASES[refunds.ACT](provider)
    case.ask("AO-1")
    sign_in(client, colleague("bert", Role.APPROVER))
    which, csrf = number(), token(client.get("/admin/account"))
    for why in ("", "x" * 141, "bitte auf DE02120300000000202051"):
        answer = client.post(
            f"/admin/approvals/{which}/refuse", data={"csrf_token": csrf, "why": why}
        )
        assert (answer.status_code, case.state()) == (422, "requested")
        assert 'id="why-error"' in answer.text
    told = {"csrf_token": csrf, "why": "Betrag stimmt nicht"}
    assert client.post(f"/admin/approvals/{which}/refuse", data=told).status_code == 303
    assert case.state() == "failed"
    detail = db.session.scalars(select(AuditRow.detail).where(AuditRow.act == "refund.refused"))
    assert detail.one()["why"] == "Betrag stimmt nicht"
    mine = sign_in(builders.browser(app), colleague("anna", Role.CLERK))
    assert "Betrag stimmt nicht" in mine.get(f"/admin/approvals/{which}").text
    case.ask("AO-2")
    told = {"csrf_token": token(mine.get("/admin/account"))}
    assert mine.post(f"/admin/approvals/{number()}/refuse", data=told).status_code == 303
    assert case.state() == "failed"


def test_an_approver_of_a_unit_decides_about_its_requests_only(
    client: FlaskClient, provider: FakeProvider
) -> None:
    sign_in(client, colleague("bert", Grant(Role.APPROVER, unit="20.1")))
    for name, unit, status in (("K-1", "20.1", 303), ("K-2", "30.2", 404)):
        letter = builders.letter(name, amount_cents=10_000, unit=unit)
        payment = builders.begin(letter)
        record(provider.pay(payment), CARD)
        asked(payment, 1_000)
        assert (name in client.get(f"/admin/approvals/{number()}").text) == (status == 303)
        assert approve(client, number()).status_code == status
    page, missing = client.get(f"/admin/approvals/{number()}"), client.get("/admin/approvals/0")
    assert (page.status_code, page.data) == (404, missing.data)


def test_a_rule_is_asked_for_on_its_page_and_agreed_to_by_another(
    client: FlaskClient, app: Flask
) -> None:
    sign_in(client, colleague("admin", Role.TENANT_ADMIN))
    csrf = token(client.get("/admin/approvals/rules"))
    for wrong in ({"act": "refund", "up_to": "viel"}, {"act": "staff.grant", "up_to": "5,00"}):
        answer = client.post("/admin/approvals/rules", data={**wrong, "csrf_token": csrf})
        assert answer.status_code == 422
    told = {"act": "refund", "up_to": "50,00", "csrf_token": csrf}
    assert client.post("/admin/approvals/rules", data=told).status_code == 303
    bert = sign_in(builders.browser(app), colleague("bert", Role.APPROVER))
    assert approve(bert, number()).status_code == 303
    assert "eine bis 50,00" in client.get("/admin/approvals/rules").text


def test_the_list_shows_what_waits_with_who_asked_and_what_was_decided(
    client: FlaskClient, provider: FakeProvider
) -> None:
    for act in (refunds.ACT, granting.ACT):
        CASES[act](provider).ask("AO-1")
    sign_in(client, colleague("bert", Role.APPROVER))
    page = client.get("/admin/approvals").text
    assert "Rolle vergeben" in page
    assert "40,00" in page
    assert "AO-1" in page
    assert "entscheiden" in page
