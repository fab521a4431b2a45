"""The worklist: each kind of task in plain words, with the button that mends it."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from portal import clock
from portal.admin.tasks import acts as task_acts
from portal.admin.tasks import causes, listing
from portal.admin.tasks.sentences import TITLES, WORDS
from portal.admin.tasks.words import VARIANTS
from portal.approvals.models import Approval
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.finance.models import Acknowledgement, Delivery
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments.models import PaymentStep
from portal.payments.returned import CustodyReturn, Reason, Refund
from portal.returns import looked_up, refunds
from portal.staff.roles import Grant, Role
from portal.worklist import writing
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask
from tests import builders
from tests.admin import kinds_of_tasks as made
from tests.builders import TOWN, token
from tests.fakes import FakeProvider
from tests.returns.test_looked_up import silent
from tests.returns.test_refunds import row
from tests.staff.people import colleague, sign_in

# What a clerk's page of each kind offers, beside ending it with a reason.
OFFERED = {
    Kind.EVENT_REFUSED: {"resend", "booked"},
    Kind.EVENT_PARKED: {"release", "skip"},
    Kind.EVENT_NOT_ACKNOWLEDGED: set[str](),
    Kind.ENDPOINT_SILENT: set[str](),
    Kind.CUSTODY_UNCLEAR: {"assign", "return", "keep"},
    Kind.SUSPENSE_OVERDUE: {"close"},
    Kind.PAYMENT_UNKNOWN: {"ask", "correct"},
    Kind.REFUND_FAILED: {"anew", "end"},
    Kind.REFUND_PROPOSED: {"assign", "return", "keep"},
    Kind.SETTLEMENT_DIFFERENCE: {"end"},
    Kind.SETTLEMENTS_MISSING: {"end"},
    Kind.ACCOUNT_PAUSED: {"probe"},
    Kind.METHOD_ENDS: {"end"},
    Kind.LAST_METHOD_ENDS: {"end"},
    Kind.TANS_GUESSED: set[str](),
    Kind.BOOKS_BROKEN: set[str](),
    Kind.CITIZEN_NOTE: {"end"},
}


@pytest.fixture
def clerk(client: FlaskClient) -> FlaskClient:
    """A clerk's browser, in English."""
    sign_in(client, colleague("jansen", Role.CLERK))
    client.get("/admin/account?lang=en")
    return client


def send(browser: FlaskClient, path: str, **told: str) -> TestResponse:
    csrf = token(browser.get("/admin/account"))
    return browser.post(path, data={**told, "csrf_token": csrf})


def offered(page: TestResponse, number: int) -> set[str]:
    return set(re.findall(rf'/admin/tasks/{number}/([a-z_]+)["?]', page.text))


def stands(number: int) -> StaffTask:
    db.session.rollback()
    return db.session.get_one(StaffTask, (TOWN, number), populate_existing=True)


def notes(act: str) -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(AuditRow.actor).where(AuditRow.act == act)))


def test_every_kind_has_its_words_and_a_test_of_its_acts() -> None:
    assert set(TITLES) == set(Kind) == set(OFFERED) == set(made.OPENED)
    assert {name.partition(".")[0] for name in WORDS} == set(Kind)
    assert set(VARIANTS) <= set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_a_task_says_what_happened_and_offers_what_mends_it(
    clerk: FlaskClient, provider: FakeProvider, kind: Kind
) -> None:
    number = made.opened(kind, provider)
    page = clerk.get(f"/admin/tasks/{number}")
    assert page.status_code == 200
    main = page.text.split("<main")[1]
    assert "%(" not in main
    assert "None" not in main
    assert "–" not in main.split('class="lead">')[1].split("</p>")[0], "a value is missing"
    assert offered(page, number) == OFFERED[kind]
    assert f'"/admin/tasks/{number}"' in clerk.get(f"/admin/tasks?kind={kind}").text


def test_what_is_mended_elsewhere_leads_there(clerk: FlaskClient, provider: FakeProvider) -> None:
    number = made.opened(Kind.ENDPOINT_SILENT, provider)
    assert "/admin/deliveries/endpoint" in clerk.get(f"/admin/tasks/{number}").text
    ends = made.opened(Kind.METHOD_ENDS, provider)
    assert "/admin/rules" not in clerk.get(f"/admin/tasks/{ends}").text.split("<main")[1]
    nothing = {kind for kind, acts in OFFERED.items() if not acts} - set(task_acts.LEADS)
    assert nothing == {Kind.TANS_GUESSED, Kind.BOOKS_BROKEN}, "only these a person cannot mend"


@pytest.mark.parametrize("kind", causes.CHECKS)
def test_what_still_stands_is_not_ended_by_hand(
    clerk: FlaskClient, provider: FakeProvider, kind: Kind
) -> None:
    if kind in {Kind.REFUND_FAILED, Kind.SETTLEMENTS_MISSING}:
        pytest.skip("what was opened here may be explained; see below")
    number = made.opened(kind, provider)
    answer = send(clerk, f"/admin/tasks/{number}/end", reason="erledigt")
    assert answer.status_code == 303
    assert stands(number).ended_at is None
    assert "cause still stands" in clerk.get(f"/admin/tasks/{number}").text
    assert notes("task.end") == []


def test_a_task_ends_by_hand_with_a_reason_and_a_note(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    number = made.opened(Kind.CITIZEN_NOTE, provider)
    for reason in ("", "x" * 201, "IBAN DE02120300000000202051"):
        assert send(clerk, f"/admin/tasks/{number}/end", reason=reason).status_code == 422
    assert stands(number).ended_at is None
    assert send(clerk, f"/admin/tasks/{number}/end", reason="Geld ist da").status_code == 303
    ended = stands(number)
    assert (ended.ended_by, ended.reason) == ("staff:jansen", "Geld ist da")
    assert notes("task.end") == ["staff:jansen"]
    assert "Geld ist da" in clerk.get("/admin/tasks?show=ended").text


def test_a_refused_event_is_sent_again_or_noted_as_booked_by_hand(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    number = made.opened(Kind.EVENT_REFUSED, provider)
    position = stands(number).detail["position"]
    assert "Konto fehlt" in clerk.get(f"/admin/tasks/{number}").text
    send(clerk, f"/admin/tasks/{number}/resend")
    db.session.rollback()
    assert db.session.get_one(Delivery, (TOWN, position)).state == "waiting"
    assert stands(number).ended_at is None
    assert send(clerk, f"/admin/tasks/{number}/booked", document=" ").status_code == 422
    assert send(clerk, f"/admin/tasks/{number}/booked", document="B-77").status_code == 303
    word = db.session.get_one(Acknowledgement, (TOWN, position), populate_existing=True)
    assert (word.result, word.document) == ("booked", "B-77")
    assert stands(number).ended_at is not None
    assert notes("event.booked_by_hand") == ["staff:jansen"]


def test_a_stuck_event_is_tried_again_or_skipped_by_order(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    number = made.opened(Kind.EVENT_PARKED, provider)
    send(clerk, f"/admin/tasks/{number}/release")
    position = stands(number).detail["position"]
    assert db.session.get_one(Delivery, (TOWN, position)).state == "waiting"
    assert send(clerk, f"/admin/tasks/{number}/release").status_code == 409
    assert send(clerk, f"/admin/tasks/{number}/skip", order="AO-9").status_code == 303
    assert stands(number).reason == "AO-9"


def test_unclear_money_goes_back_only_on_an_order_and_by_two(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    provider.strays["x-1"] = 10_000
    number = made.opened(Kind.CUSTODY_UNCLEAR, provider)
    assert send(clerk, f"/admin/tasks/{number}/return", order="").status_code == 422
    assert send(clerk, f"/admin/tasks/{number}/return", order="AO-1").status_code == 303
    db.session.rollback()
    assert db.session.scalars(select(CustodyReturn)).one().state == "requested"
    assert db.session.scalars(select(Approval)).one().first == "staff:jansen"
    refused = send(clerk, f"/admin/tasks/{number}/keep", order="AO-2")
    assert (refused.status_code, "not decided yet" in refused.text) == (409, True)


def test_surplus_goes_back_by_the_payments_that_were_proposed(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    number = made.opened(Kind.REFUND_PROPOSED, provider)
    assert send(clerk, f"/admin/tasks/{number}/return", order="AO-1").status_code == 303
    db.session.rollback()
    refund = db.session.scalars(select(Refund)).one()
    assert (refund.amount_cents, refund.reason, refund.asked_by) == (
        10_000, "surplus", "staff:jansen",
    )  # fmt: skip
    assert stands(number).reason == "asked for"


def test_a_stale_proposal_shows_what_is_left_now_and_is_asked_for_then(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    number = made.opened(Kind.REFUND_PROPOSED, provider)
    (part,) = stands(number).detail["payments"]
    refunds.ask(
        refunds.Asked(TOWN, part["payment"], Money(4_000), Reason.SURPLUS, "AO-9", "client:f")
    )
    answer = send(clerk, f"/admin/tasks/{number}/return", order="AO-1")
    assert (answer.status_code, "60.00" in answer.text) == (409, True)
    assert 'value="AO-1"' in answer.text
    assert send(clerk, f"/admin/tasks/{number}/return", order="AO-1").status_code == 303
    db.session.rollback()
    asked = db.session.scalars(select(Refund).filter_by(order_number="AO-1")).one()
    assert asked.amount_cents == 6_000


def test_a_failed_refund_is_asked_for_anew_with_the_same_words(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    number = made.opened(Kind.REFUND_FAILED, provider)
    assert send(clerk, f"/admin/tasks/{number}/anew", order="AO-2").status_code == 303
    db.session.rollback()
    new = db.session.scalars(select(Refund).filter_by(order_number="AO-2")).one()
    assert (new.amount_cents, new.reason, new.state) == (4_000, "wrong_payer", "requested")
    assert stands(number).ended_at is not None


@pytest.mark.parametrize(("act", "end"), [("made", "succeeded"), ("not_made", "failed")])
def test_a_refund_that_nobody_answered_is_looked_up_and_noted_by_two(
    clerk: FlaskClient, provider: FakeProvider, act: str, end: str
) -> None:
    refund = silent(provider)
    number = made.number(Kind.REFUND_FAILED)
    page = clerk.get(f"/admin/tasks/{number}")
    assert offered(page, number) == {"made", "not_made"}
    assert "cannot be asked what became of it" in page.text
    assert send(clerk, f"/admin/tasks/{number}/{act}", order="").status_code == 422
    assert send(clerk, f"/admin/tasks/{number}/{act}", order="AZ-7").status_code == 303
    looked_up.approve(TOWN, f"refund.{act}", refund, "staff:bert")
    assert row(refund).state == end
    assert stands(number).ended_at is not None


def test_an_item_is_kept_or_closed_by_two_only(clerk: FlaskClient, provider: FakeProvider) -> None:
    number = made.opened(Kind.SUSPENSE_OVERDUE, provider)
    assert send(clerk, f"/admin/tasks/{number}/close", order="AO-3").status_code == 303
    db.session.rollback()
    asked = db.session.scalars(select(Approval)).one()
    assert (asked.act, asked.order_number, asked.second) == ("suspense.close", "AO-3", None)
    assert stands(number).ended_at is None


def test_a_suspense_item_is_never_taken_for_the_custody_item_of_its_number(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    made.unclear(provider)
    number = made.opened(Kind.SUSPENSE_OVERDUE, provider)
    with transaction() as session:
        unclear = session.scalars(select(CustodyItem)).one()
        task = session.get_one(StaffTask, (TOWN, number))
        task.detail = {**task.detail, "item": unclear.id}
    page = clerk.get(f"/admin/tasks/{number}")
    assert offered(page, number) == {"close"}
    assert clerk.get(f"/admin/tasks/{number}/assign").status_code == 404


def test_money_asks_for_a_proof_and_loses_nothing_typed(
    clerk: FlaskClient, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = made.opened(Kind.CUSTODY_UNCLEAR, provider)
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(minutes=6))
    answer = send(clerk, f"/admin/tasks/{number}/keep", order="AO-42")
    assert (answer.status_code, "AO-42" in answer.text) == (422, True)
    db.session.rollback()
    assert db.session.scalars(select(Approval)).all() == []


def test_a_payment_is_asked_about_now(clerk: FlaskClient, provider: FakeProvider) -> None:
    payment = made.unknown_payment(provider)
    provider.pay(payment.id)
    number = made.number(Kind.PAYMENT_UNKNOWN)
    send(clerk, f"/admin/tasks/{number}/ask")
    assert builders.payment(payment.id).state == "succeeded"
    assert stands(number).ended_at is not None
    sources = db.session.scalars(select(PaymentStep.source).where(PaymentStep.new == "succeeded"))
    assert list(sources) == ["staff"]
    assert notes("payment.asked") == ["staff:jansen"]


def test_a_provider_is_not_asked_twice_in_a_breath(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    made.unknown_payment(provider)
    number = made.number(Kind.PAYMENT_UNKNOWN)
    for _ in range(2):
        assert send(clerk, f"/admin/tasks/{number}/ask").status_code == 303
    assert notes("payment.asked") == ["staff:jansen"]


@pytest.mark.parametrize(
    ("kind", "act", "note"),
    [(Kind.ACCOUNT_PAUSED, "probe", "account.asked"),
     (Kind.SETTLEMENTS_MISSING, "fetch", "settlement.asked")],
)  # fmt: skip
def test_who_has_a_provider_asked_is_noted(
    clerk: FlaskClient,
    provider: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    kind: Kind,
    act: str,
    note: str,
) -> None:
    monkeypatch.setattr(FakeProvider, "settlements", lambda *_: (), raising=False)
    number = made.opened(kind, provider)
    assert send(clerk, f"/admin/tasks/{number}/{act}").status_code == 303
    assert notes(note) == ["staff:jansen"]


def test_the_list_is_told_by_kind_and_age_and_the_oldest_is_first(clerk: FlaskClient) -> None:
    ages = (0, 2, 3, 7, 8, 30, 31, 90)
    for age in ages:
        with transaction() as session:
            number = writing.put(session, TOWN, Kind.BOOKS_BROKEN, f"age-{age}", detail={"rows": 1})
            moment = clock.now() - timedelta(days=age, minutes=1)
            of_this = StaffTask.number == number
            session.execute(update(StaffTask).where(of_this).values(opened_at=moment))

    def told(query: str) -> list[str]:
        return re.findall(r"rule: (age-\d+)", clerk.get(f"/admin/tasks?{query}").text)

    assert told("") == [f"age-{age}" for age in reversed(ages)]
    assert [told(f"age={band}") for band in ("0-2", "3-7", "8-30", "older")] == [
        ["age-2", "age-0"], ["age-7", "age-3"], ["age-30", "age-8"], ["age-90", "age-31"],
    ]  # fmt: skip
    assert told("kind=citizen_note") == []
    assert told("age=1000&kind=nonsense&behind=x") == told("")
    assert "8 open tasks" in clerk.get("/admin/tasks").text


def test_pages_follow_each_other_without_a_gap(
    clerk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(listing, "PAGE", 3)
    for name in range(7):
        with transaction() as session:
            writing.put(session, TOWN, Kind.BOOKS_BROKEN, f"r-{name}", detail={"rows": 1})
    seen, url = list[str](), "/admin/tasks?kind=books_broken"
    while url:
        page = clerk.get(url).text
        seen += re.findall(r"rule: (r-\d)", page)
        found = re.search(r'class="pager".*?href="([^"]+)"', page)
        url = found[1].replace("&amp;", "&") if found else ""
    assert seen == [f"r-{name}" for name in range(7)]


def test_who_may_see_one_kind_sees_its_tasks_only(
    client: FlaskClient, provider: FakeProvider
) -> None:
    number = made.opened(Kind.CITIZEN_NOTE, provider)
    with transaction() as session:
        other = writing.put(session, TOWN, Kind.BOOKS_BROKEN, "x", detail={"rows": 1})
    sign_in(client, colleague("fee", Grant(Role.CLERK, kind="fee")))
    assert client.get(f"/admin/tasks/{number}").status_code == 404
    assert client.get(f"/admin/tasks/{other}").status_code == 404
    assert "/admin/tasks/" not in client.get("/admin/tasks").text.split("<main")[1]
    assert client.get("/admin/tasks/999").data == client.get(f"/admin/tasks/{number}").data


def test_another_towns_task_is_not_there(client: FlaskClient) -> None:
    with transaction() as session:
        writing.put(session, builders.OTHER_TOWN, Kind.BOOKS_BROKEN, "x", detail={"rows": 1})
    sign_in(client, colleague("jansen", Role.CLERK))
    assert client.get("/admin/tasks/1").status_code == 404


def test_a_viewer_sees_and_does_nothing(client: FlaskClient, provider: FakeProvider) -> None:
    number = made.opened(Kind.CITIZEN_NOTE, provider)
    sign_in(client, colleague("sieht", Role.VIEWER))
    page = client.get(f"/admin/tasks/{number}")
    assert offered(page, number) == set()
    answer = send(client, f"/admin/tasks/{number}/end", reason="so")
    assert answer.status_code == 404
    assert stands(number).ended_at is None


def test_every_act_has_its_route_and_right() -> None:
    from portal.admin.doors import DOORS

    for act in task_acts.ACTS:
        assert DOORS[f"admin.task_{act.name}"] is act.right
