"""Stage one: half a year after the last movement nobody can read what a request was for."""

import re

import pytest
from flask import Flask, current_app
from sqlalchemy import select, text, update

from portal.db import db, transaction
from portal.errors import PortalError
from portal.payments.models import Payment
from portal.payments.record import record
from portal.payments.returned import Reason
from portal.providers.protocol import Outcome
from portal.requests import grants, intake, links, orders, purged, tan
from portal.requests.asked import Asked
from portal.requests.models import Grant, PaymentRequest, RequestVersion
from portal.requests.ordered import Why
from portal.requests.orders import Subject
from portal.requests.purged import ReferenceUsed
from portal.retention import noting
from portal.retention.classes import Name
from portal.returns import refunds
from portal.tenants import Tenant
from portal.worklist import writing
from tests import builders
from tests.builders import OTHER_TOWN, TOWN, Letter
from tests.conftest import Time
from tests.retention.conftest import CARD, Town

BODY = {"amount_cents": 10_000, "currency": "EUR", "kind": "tax", "purpose": "Grundsteuer"}


def push(reference: str, tenant_id: str = TOWN) -> None:
    with transaction() as session:
        keyring = current_app.extensions["keyring"]
        intake.put(session, keyring, tenant_id, reference, Asked.model_validate(BODY))


def whole(letter: Letter) -> str:
    return letter.url.rsplit("/", 1)[1]


def opens(letter: Letter) -> bool:
    db.session.rollback()
    session, keyring = db.session(), current_app.extensions["keyring"]
    by_link = links.find_by_link(session, keyring, TOWN, whole(letter))
    return (
        by_link or links.find_by_short_code(session, keyring, TOWN, letter.short_code)
    ) is not None


def is_empty(letter: Letter) -> bool:
    return builders.request_of(letter).details_purged_at is not None


def _bare(page: str) -> str:
    """A page without what differs each time."""
    return re.sub(r'(nonce|value|href|action|content)="[^"]*"', "", page)


def withdraw(letter: Letter) -> None:
    with transaction() as session:
        orders.withdraw(session, Subject(TOWN, letter.reference, "client:1"), Why.OTHER)


def test_details_go_half_a_year_after_the_payment_and_no_day_earlier(
    town: Town, time: Time
) -> None:
    letter = town.done("K-1")
    time.move("+179d")
    assert town.night() == {}
    assert opens(letter)
    time.move("+181d")
    assert town.night() == {Name.DETAILS: 1}
    assert town.night() == {}
    request = builders.request_of(letter)
    assert (request.purpose, request.payment_sign, request.content) == ("", None, {})
    assert (request.reference, request.amount_cents, request.covered_cents) == (
        "K-1",
        10_000,
        10_000,
    )
    versions = db.session.scalars(select(RequestVersion.content)).all()
    payments = db.session.scalars(select(Payment.redirect_url)).all()
    assert (versions, payments) == ([{}], [None])


def test_an_old_letter_gets_the_quiet_answer(
    town: Town, time: Time, client: builders.FlaskClient
) -> None:
    letter = town.done("K-1")
    unknown = client.get("/Z/7F3K9QXM2B44ABCDEFGHJKMNPQR")
    time.move("+181d")
    town.night()
    assert not opens(letter)
    answer = client.get(f"/Z/{whole(letter)}")
    assert answer.status_code == unknown.status_code == 404
    assert _bare(answer.text) == _bare(unknown.text)


def test_a_visitor_who_has_the_letter_open_sees_no_more_of_it(town: Town, time: Time) -> None:
    letter = town.done("K-1")
    time.move("+181d")
    with transaction() as session:
        request = session.get_one(PaymentRequest, (TOWN, letter.request_id))
        before = (request.link_version, request.tan_version)
        grants.give(session, request, "visitor")
    town.night()
    assert db.session.scalars(select(Grant)).all() == []
    request = builders.request_of(letter)
    assert (request.link_version, request.tan_version) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize("days", [14, 400])
def test_the_town_says_how_long(town: Town, time: Time, days: int) -> None:
    with transaction() as session:
        session.get_one(Tenant, TOWN).retention_days = days
    town.done("K-1")
    time.move(f"+{days - 1}d")
    assert town.night() == {}
    time.move(f"+{days + 1}d")
    assert town.night() == {Name.DETAILS: 1}


def test_what_is_still_asked_keeps_its_details(town: Town, time: Time) -> None:
    letter = builders.letter("K-1")
    time.move("+3000d")
    assert town.night() == {}
    assert opens(letter)


def test_a_request_that_never_had_money_goes_whole(town: Town, time: Time) -> None:
    letter = builders.letter("K-1")
    withdraw(letter)
    time.move("+179d")
    assert town.night() == {}
    time.move("+181d")
    assert town.night() == {Name.DETAILS: 1, Name.UNPAID: 1}
    assert builders.request_of(letter).reference == f"~{letter.request_id}"
    told = [(event.reference, event.data) for event in builders.events()]
    assert told == [(f"~{letter.request_id}", {"version": 1})]
    with pytest.raises(ReferenceUsed):
        push("K-1")
    push("K-1", OTHER_TOWN)


def test_a_failed_attempt_is_no_money(town: Town, time: Time) -> None:
    letter = builders.letter("K-1")
    record(town.provider.say(builders.begin(letter), Outcome.FAILED), CARD)
    withdraw(letter)
    time.move("+181d")
    assert town.night() == {Name.DETAILS: 1, Name.UNPAID: 1}


def test_money_that_comes_after_all_is_booked(town: Town, time: Time) -> None:
    letter = builders.letter("K-1")
    payment = builders.begin(letter)
    record(town.provider.say(payment, Outcome.FAILED), CARD)
    withdraw(letter)
    time.move("+181d")
    town.night()
    record(town.provider.pay(payment), CARD)
    assert builders.payment(payment).state == "succeeded"


@pytest.mark.parametrize("act", ["push", "restore", "new_link", "new_tan"])
def test_what_is_purged_never_comes_alive(town: Town, time: Time, act: str) -> None:
    letter = town.done("K-1")
    if act == "restore":
        withdraw(letter)
    time.move("+181d")
    town.night()
    keyring = current_app.extensions["keyring"]
    subject = Subject(TOWN, "K-1", "client:1")
    acts = {
        "restore": lambda session: orders.restore(session, subject, None),
        "new_link": lambda session: orders.new_link(session, keyring, subject),
        "new_tan": lambda session: orders.new_tan(session, subject),
    }

    def ordered_now() -> None:
        with transaction() as session:
            acts[act](session)

    with pytest.raises(ReferenceUsed):
        push("K-1") if act == "push" else ordered_now()
    assert not opens(letter)


def test_those_that_are_gone_are_known_among_many(town: Town, time: Time) -> None:
    town.done("K-1")
    withdraw(builders.letter("K-2"))
    builders.letter("K-3")
    time.move("+181d")
    town.night()
    with transaction() as session:
        keyring = current_app.extensions["keyring"]
        names = [f"K-{number}" for number in range(1, 6)]
        assert purged.gone(session, keyring, TOWN, names) == {"K-2"}
        assert purged.gone(session, keyring, OTHER_TOWN, names) == set()
        assert purged.gone(session, keyring, TOWN, []) == set()
    with pytest.raises(ReferenceUsed):
        push("K-1")  # its amounts are still there


# --- What holds a request -------------------------------------------------------------------------


def undecided(town: Town, time: Time) -> tuple[Letter, str]:
    letter = town.done("K-1")
    # A payment that nobody decided, as after a provider's silence.
    with transaction() as session:
        session.execute(update(Payment).values(state="unknown", current=False, ask_at=None))
    return letter, "payment_undecided"


def unsettled(town: Town, time: Time) -> tuple[Letter, str]:
    return town.paid("K-1")[0], "suspense_open"


def surplus(town: Town, time: Time) -> tuple[Letter, str]:
    letter = builders.letter("K-1", amount_cents=10_000)
    first = builders.begin(letter)
    record(town.provider.say(first, Outcome.CANCELLED), CARD)
    second = builders.begin(letter)
    record(town.provider.pay(second), CARD)
    record(town.provider.pay(first), CARD)
    town.settle(first, second)
    return letter, "custody_open"


def refund(town: Town, time: Time) -> tuple[Letter, str]:
    letter, payment = town.paid("K-1")
    town.settle(payment)
    amount = builders.eur("100.00")
    refunds.ask(refunds.Asked(TOWN, payment, amount, Reason.CLAIM_CANCELLED, "AO-1", "staff:anna"))
    return letter, "refund_open"


def waiting(town: Town, time: Time) -> tuple[Letter, str]:
    letter = town.done("K-1")
    with transaction() as session:
        session.execute(text("DELETE FROM deliveries"))
        session.execute(
            text(
                "INSERT INTO deliveries (tenant_id, position, state, tries, due_at)"
                " SELECT tenant_id, position, 'parked', 20, occurred_at FROM events"
                " WHERE reference = 'K-1'"
            )
        )
    return letter, "event_waiting"


def task(town: Town, time: Time) -> tuple[Letter, str]:
    letter = town.done("K-1")
    with transaction() as session:
        writing.put(session, TOWN, "citizen_note", "note:1", reference="K-1")
    return letter, "task_open"


def ordered(town: Town, time: Time) -> tuple[Letter, str]:
    letter = town.done("K-1")
    noting.hold(TOWN, "K-1", "Prüfung", "staff:anna")
    return letter, "ordered"


def ordered_for_all(town: Town, time: Time) -> tuple[Letter, str]:
    letter = town.done("K-1")
    noting.hold(TOWN, None, "Prüfung", "staff:anna")
    return letter, "ordered"


HOLDS = (undecided, unsettled, surplus, refund, waiting, task, ordered, ordered_for_all)


@pytest.mark.rows_by_hand
@pytest.mark.parametrize("held", HOLDS, ids=lambda held: held.__name__)
def test_what_is_open_holds_the_details(town: Town, time: Time, held: object) -> None:
    letter, why = held(town, time)  # type: ignore[operator]
    other = town.done("K-2")
    time.move("+200d")
    gone = town.night()
    assert not is_empty(letter)
    db.session.rollback()
    hold = text("SELECT retention_hold(:tenant, :id, 'K-1')")
    assert db.session.scalar(hold, {"tenant": TOWN, "id": letter.request_id}) == why
    assert (gone == {}) is (held is ordered_for_all)
    assert is_empty(other) is (held is not ordered_for_all)
    assert town.overdue() == []


def test_what_is_released_goes_the_next_night(town: Town, time: Time) -> None:
    letter = town.done("K-1")
    number = noting.hold(TOWN, None, "Prüfung", "staff:anna")
    time.move("+200d")
    assert town.night() == {}
    noting.release(TOWN, number, "staff:anna")
    assert town.night() == {Name.DETAILS: 1}
    assert is_empty(letter)
    with pytest.raises(PortalError):
        noting.release(TOWN, number, "staff:anna")


# --- The database looks itself --------------------------------------------------------------------

ASK = text("SELECT purge_request_details(:tenant, ARRAY[:id]::bigint[], :now)")


@pytest.mark.parametrize("claimed", ["2040-01-01T00:00:00Z", "infinity"])
def test_the_application_cannot_claim_that_it_is_later(
    app: Flask, provider: object, claimed: str
) -> None:
    town = Town(provider)  # type: ignore[arg-type]
    letter = town.done("K-1")
    with transaction() as session:
        told = {"tenant": TOWN, "id": letter.request_id, "now": claimed}
        assert session.scalar(ASK, told) == []
    assert opens(letter)


def test_what_is_not_due_or_held_is_refused_by_the_database(town: Town, time: Time) -> None:
    early, held = town.done("K-1"), town.paid("K-2")[0]
    time.move("+200d")
    late = town.done("K-3")
    with transaction() as session:
        for letter, answer in ((early, [early.request_id]), (held, []), (late, [])):
            told = {"tenant": TOWN, "id": letter.request_id, "now": time.now}
            assert session.scalar(ASK, told) == answer


def test_the_application_cannot_empty_what_is_append_only_itself(town: Town, time: Time) -> None:
    letter = town.done("K-1")
    time.move("+200d")
    with transaction() as session:
        told = {"tenant": TOWN, "id": letter.request_id, "now": time.now}
        assert session.scalar(ASK, told) == [letter.request_id]
        session.execute(text("SET LOCAL quitt.purge = 'on'"))
        for statement in (
            "UPDATE request_versions SET content = '{}'",
            "UPDATE events SET data = '{}'",
            "DELETE FROM purged_references",
            "UPDATE annual_accounts SET year = 1",
        ):
            with pytest.raises(Exception, match="permission denied"), session.begin_nested():
                session.execute(text(statement))


def test_each_night_says_in_the_audit_how_much_went(town: Town, time: Time) -> None:
    for number in range(3):
        town.done(f"K-{number}")
    withdraw(builders.letter("K-9"))
    time.move("+181d")
    town.night()
    db.session.rollback()
    noted = text(
        "SELECT actor, subject, detail FROM audit WHERE act = 'retention.purge' ORDER BY id"
    )
    assert [tuple(row) for row in db.session.execute(noted)] == [
        ("worker", "details", {"count": 4}),
        ("worker", "unpaid", {"count": 1}),
    ]


def test_a_leaked_key_revives_no_purged_letter(town: Town, time: Time) -> None:
    letter = town.done("K-1")
    time.move("+181d")
    town.night()
    db.session.rollback()
    request = builders.request_of(letter)
    assert request.key_id == ""
    keyring = current_app.extensions["keyring"]
    with pytest.raises(PortalError):
        tan.of_request(keyring, request)


def test_what_stayed_too_long_is_named(town: Town, time: Time) -> None:
    letter = town.done("K-1")
    time.move("+181d")
    assert town.overdue() == []
    time.move("+183d")
    assert [row[:3] for row in town.overdue()] == [(TOWN, "details", str(letter.request_id))]
    town.night()
    assert town.overdue() == []
