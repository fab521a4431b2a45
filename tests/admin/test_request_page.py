"""One request on one page: everything but the secrets of the letter, and acts with reasons."""

import re

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.admin.requests import rows
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.finance.models import Delivery, Endpoint
from portal.keys import Keyring
from portal.ledger.models import CustodyItem
from portal.payments.models import PaymentStep
from portal.payments.record import Source, record
from portal.payments.returned import Refund
from portal.requests import elsewhere, links, opening, tan
from portal.requests.ordered import Elsewhere, How
from portal.requests.orders import Subject
from portal.returns import proposing
from portal.staff.roles import Grant, Role
from portal.worklist import reading, writing
from tests import builders
from tests.builders import OTHER_TOWN, TOWN, Letter, eur, token
from tests.conftest import Time
from tests.fakes import FakeProvider, won
from tests.payments.test_correcting import unknown
from tests.returns import giving
from tests.returns.test_refunds import paid, paid_twice, sent
from tests.returns.test_reversals import heard
from tests.staff.people import colleague, sign_in


@pytest.fixture
def clerk(client: FlaskClient) -> FlaskClient:
    """A browser in which a clerk of the whole town is signed in."""
    return sign_in(client, colleague("jansen", Role.CLERK))


def page(clerk: FlaskClient, reference: str = "K-1") -> str:
    answer = clerk.get(f"/admin/requests/{reference}")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_each_part_of_a_dispute_that_was_won_is_told_and_booked(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    letter, payment = paid(provider)
    report = provider.reverse(payment, 10_000, fee_cents=500)
    for told in (report, won(report, 7_000), won(report, 10_000)):
        heard(told)
    told = page(clerk)
    for part in ("70,00", "30,00"):
        assert f"Von der Rückbelastung von 100,00\xa0€ kamen {part}\xa0€ zurück" in told
    db.session.rollback()
    found = rows.of(db.session(), builders.request_of(letter)).book
    names = {f"reversal-won{which}:card:cb-1" for which in ("", "-2")}
    assert names <= {item.reference for item in found.suspense}
    assert names <= {entry.reference for entry, _ in found.entries}


def post(clerk: FlaskClient, path: str, **told: str) -> TestResponse:
    csrf = token(clerk.get("/admin/account"))
    return clerk.post(f"/admin/requests/{path}", data={**told, "csrf_token": csrf})


def notes(act: str) -> list[tuple[str, dict[str, object]]]:
    db.session.rollback()
    rows = db.session.scalars(select(AuditRow).where(AuditRow.act == act))
    return [(row.actor, row.detail) for row in rows]


def secrets_of(letter: Letter) -> set[str]:
    """The link, short code and TAN of the letter as it stands, however they are written."""
    keyring: Keyring = current_app.extensions["keyring"]
    request = builders.request_of(letter)
    code = links.short_code(keyring.get(request.key_id), links.identity(request))
    proof = links.proof(keyring.get(request.key_id), links.identity(request))
    second = tan.of_request(keyring, request)
    return {code, proof, second, "-".join(re.findall("....", code)), f"{second[:4]} {second[4:]}"}


def test_the_page_tells_it_all_in_one_time_line(clerk: FlaskClient, provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    refund = sent(payment, 4_000)
    builders.letter("K-1", amount_cents=12_000)
    with transaction() as session:
        fact = Elsewhere(id="b-1", amount_cents=500, paid_on=builders.LONG_AGO, how=How.CASH)
        elsewhere.tell(session, Subject(TOWN, "K-1", "client:finance"), fact)
    told = page(clerk)
    for words in (
        "Gefordert: 100,00\xa0€", "Geändert: Fassung 2", "Betrag: 100,00\xa0€ → 120,00\xa0€",
        "Zahlung begonnen: Card 100,00\xa0€", "ist jetzt: bezahlt", "durch Benachrichtigung",
        "Erstattung: beantragt", "durch: anna", "Erstattung: freigegeben", "durch: bert",
        "Erstattung von 40,00\xa0€ ist ausgeführt", "Anordnung: AO-1", "Soll 100,00\xa0€",
        "Schwebeposten card", "Meldung an das Finanzverfahren: Zahlung bestätigt",
        "5,00\xa0€ wurden bar an die Kommune gezahlt", "zum Abruf bereit",
    ):  # fmt: skip
        assert words in told, words
    assert refund not in told
    assert builders.request_of(letter).state == "partly_paid"


def test_the_newest_stands_first_or_the_oldest(clerk: FlaskClient, provider: FakeProvider) -> None:
    paid(provider)
    for query, first in (("", "ist jetzt"), ("?order=oldest", "Gefordert")):
        told = clerk.get(f"/admin/requests/K-1{query}").text.split('class="timeline"')[1]
        assert (told.index("ist jetzt") < told.index("Gefordert: ")) == (first == "ist jetzt")


def test_neither_link_nor_short_code_nor_tan_is_on_any_page(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    letter, _ = paid(provider)
    before = secrets_of(letter)
    assert letter.tan in before
    assert letter.short_code in before
    for act in ("new-link", "new-tan"):
        assert post(clerk, f"K-1/{act}", why="verloren").status_code == 303
    hidden = before | secrets_of(letter)
    assert len(hidden) >= 8
    for path in ("", "/new-link", "/new-tan", "/withdraw", "?order=oldest"):
        told = clerk.get(f"/admin/requests/K-1{path}").text
        assert not [one for one in hidden if one in told]


@pytest.mark.parametrize("path", ["", "/withdraw", "/payments/x/refund", "/payments/x/correct"])
def test_what_is_out_of_reach_answers_as_what_is_not_there(client: FlaskClient, path: str) -> None:
    builders.letter("K-1", unit="20.1")
    builders.letter("K-2", unit="30.2")
    builders.letter("K-3", tenant_id=OTHER_TOWN)
    sign_in(client, colleague("jansen", Grant(Role.CLERK, unit="20.1")))
    assert client.get("/admin/requests/K-1").status_code == 200
    missing = client.get(f"/admin/requests/K-9{path}")
    assert missing.status_code == 404
    for reference in ("K-2", "K-3"):
        answer = client.get(f"/admin/requests/{reference}{path}")
        assert (answer.status_code, answer.data) == (404, missing.data)


def test_a_viewer_reads_and_is_offered_no_act(client: FlaskClient, provider: FakeProvider) -> None:
    paid(provider)
    sign_in(client, colleague("lesen", Role.VIEWER))
    told = page(client)
    assert "/withdraw" not in told
    assert '/refund"' not in told
    assert client.get("/admin/requests/K-1/withdraw").status_code == 404


def test_a_request_is_withdrawn_and_restored_with_a_reason(clerk: FlaskClient) -> None:
    letter = builders.letter("K-1")
    for wrong, field in (
        ({"reason": "", "why": "erledigt"}, "reason"),
        ({"reason": "made-up", "why": "erledigt"}, "reason"),
        ({"reason": "cancelled", "why": ""}, "why"),
        ({"reason": "cancelled", "why": "an a@example.org"}, "why"),
    ):
        answer = post(clerk, "K-1/withdraw", **wrong)
        assert (answer.status_code, builders.request_of(letter).state) == (422, "open")
        assert f'id="{field}-error"' in answer.text
    assert post(clerk, "K-1/withdraw", reason="deferred", why="Antrag").status_code == 303
    assert builders.request_of(letter).state == "withdrawn"
    assert notes("request.withdraw") == [("staff:jansen", {"reason": "deferred", "why": "Antrag"})]
    assert [event.type for event in builders.events()] == ["request.withdrawn"]
    assert "gestundet" in page(clerk)
    answer = post(clerk, "K-1/restore", until="2020-01-01", why="zurück")
    assert (answer.status_code, 'id="until-error"' in answer.text) == (422, True)
    assert post(clerk, "K-1/restore", until="", why="zurück").status_code == 303
    assert builders.request_of(letter).state == "open"


def test_after_a_new_link_the_old_one_is_dead_and_the_finance_system_is_told(
    clerk: FlaskClient,
) -> None:
    letter = builders.letter("K-1")
    assert "neues Schreiben" in clerk.get("/admin/requests/K-1/new-link").text
    assert post(clerk, "K-1/new-link", why="verloren").status_code == 303
    assert builders.request_of(letter).link_version == 2
    keyring: Keyring = current_app.extensions["keyring"]
    code = letter.url.rsplit("/", 1)[1]
    assert links.find_by_link(db.session(), keyring, TOWN, code) is None
    assert [event.data["reason"] for event in builders.events()] == ["new_link"]
    assert notes("request.new_link")[0][1]["why"] == "verloren"


def test_a_locked_letter_is_unlocked_or_needs_a_new_tan(clerk: FlaskClient, time: Time) -> None:
    letter = builders.letter("K-1")
    wrong = f"{(int(letter.tan) + 1) % 10**8:08d}"

    def guess(many: int) -> None:
        for _ in range(many):
            opening.by_tan(current_app.extensions["keyring"], TOWN, letter.request_id, wrong, "v")

    guess(5)
    assert "Gesperrt" in page(clerk)
    assert post(clerk, "K-1/unlock", why="Anruf").status_code == 303
    assert "Gesperrt" not in page(clerk)
    guess(5)
    answer = post(clerk, "K-1/unlock", why="Anruf")
    assert (answer.status_code, "Nur eine neue TAN" in answer.text) == (422, True)
    assert "bis es eine neue TAN gibt" in page(clerk)
    assert post(clerk, "K-1/new-tan", why="Anruf").status_code == 303
    assert "Gesperrt" not in page(clerk)


def test_a_refund_is_asked_for_with_errors_beside_the_field(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    _, payment = paid_twice(provider)
    right = {"amount": "100,00", "reason": "surplus", "order": "AO-1"}
    path = f"K-2026-1/payments/{payment}/refund"
    for wrong, field, status in (
        ({"amount": "viel"}, "amount", 422), ({"amount": "100,01"}, "amount", 409),
        ({"reason": ""}, "reason", 422), ({"order": ""}, "order", 422),
        ({"order": "!"}, "order", 422),
    ):  # fmt: skip
        answer = post(clerk, path, **{**right, **wrong})
        assert (answer.status_code, f'id="{field}-error"' in answer.text) == (status, True), wrong
    assert post(clerk, path, **right).status_code == 303
    assert "stands for a refund already" not in clerk.get("/admin/requests/K-2026-1").text
    assert post(clerk, path, **right).status_code == 303  # sent twice it is one
    shown = clerk.get("/admin/requests/K-2026-1").text
    assert "Diese Anordnung steht schon für eine Erstattung" in shown
    db.session.rollback()
    (row,) = db.session.scalars(select(Refund)).all()
    assert (row.state, row.asked_by, row.amount_cents) == ("requested", "staff:jansen", 10_000)


def test_an_amount_that_has_become_stale_answers_with_what_is_left_now(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    _, payment = paid_twice(provider)
    sent(payment, 4_000, "surplus", "AO-9")
    right = {"amount": "100,00", "reason": "surplus", "order": "AO-1"}
    answer = post(clerk, f"K-2026-1/payments/{payment}/refund", **right)
    assert (answer.status_code, 'id="amount-error"' in answer.text) == (409, True)
    assert "60,00" in answer.text


def test_what_was_paid_too_much_is_proposed_to_go_back(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    _, payment = paid_twice(provider)
    shown = clerk.get(f"/admin/requests/K-2026-1/payments/{payment}/refund").text
    assert 'name="amount" type="text" value="100,00"' in shown
    assert '<option value="surplus" selected>' in shown
    _, other = paid(provider)
    shown = clerk.get(f"/admin/requests/K-1/payments/{other}/refund").text
    assert 'name="amount" type="text" value=""' in shown


def test_what_is_to_be_done_about_a_request_stands_on_its_page(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    paid_twice(provider)
    proposing.look()
    (task,) = reading.open_tasks(db.session(), TOWN)
    assert f'href="/admin/tasks/{task.number}"' in page(clerk, "K-2026-1")
    with transaction() as session:
        writing.end_number(session, TOWN, task.number, "staff:jansen", "erledigt")
    assert f'href="/admin/tasks/{task.number}"' not in page(clerk, "K-2026-1")


def test_money_is_asked_for_only_after_a_fresh_proof(
    clerk: FlaskClient, provider: FakeProvider, time: Time
) -> None:
    _, payment = paid(provider)
    time.move("+6m")
    right = {"amount": "10,00", "reason": "wrong_payer", "order": "AO-1"}
    answer = post(clerk, f"K-1/payments/{payment}/refund", **right)
    assert (answer.status_code, 'id="code-error"' in answer.text) == (422, True)
    assert 'value="AO-1"' in answer.text
    db.session.rollback()
    assert db.session.scalars(select(Refund)).all() == []


def test_the_provider_is_asked_now_and_its_word_stands_with_who_asked(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    payment = builders.begin(letter)
    provider.pay(payment)
    assert post(clerk, f"K-1/payments/{payment}/ask").status_code == 303
    assert builders.payment(payment).state == "succeeded"
    sources = db.session.scalars(select(PaymentStep.source).where(PaymentStep.new == "succeeded"))
    assert list(sources) == ["staff"]
    assert notes("payment.asked") == [("staff:jansen", {})]
    assert "auf Nachfrage des Personals" in page(clerk)


def test_a_provider_that_is_silent_changes_nothing(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    payment = builders.begin(builders.letter("K-1"))
    provider.down = 9
    assert post(clerk, f"K-1/payments/{payment}/ask").status_code == 303
    assert "antwortet gerade nicht" in page(clerk)
    assert builders.payment(payment).state == "started"


def test_an_unknown_payment_is_corrected_by_two(clerk: FlaskClient, provider: FakeProvider) -> None:
    _, payment = unknown(provider)
    answer = post(clerk, f"K-1/payments/{payment}/correct", order="")
    assert (answer.status_code, 'id="order-error"' in answer.text) == (422, True)
    assert post(clerk, f"K-1/payments/{payment}/correct", order="AO-1").status_code == 303
    assert builders.payment(payment).state == "unknown"
    assert "Zahlung mit unbekanntem Ausgang berichtigen: beantragt" in page(clerk)


def test_a_payment_of_another_request_is_not_there(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    _, payment = paid(provider)
    builders.letter("K-2")
    for act in ("refund", "correct"):
        assert clerk.get(f"/admin/requests/K-2/payments/{payment}/{act}").status_code == 404
    assert post(clerk, f"K-2/payments/{payment}/ask").status_code == 404


def test_an_event_is_sent_again_by_who_may(clerk: FlaskClient, provider: FakeProvider) -> None:
    paid(provider)
    position = builders.events()[0].position
    assert post(clerk, f"K-1/events/{position}/resend").status_code == 303
    assert "holt die Meldungen selbst ab" in page(clerk)
    with transaction() as session:
        session.add(Endpoint(tenant_id=TOWN, url="https://finance.example/", secret_sealed=b"x"))
    assert post(clerk, f"K-1/events/{position}/resend").status_code == 303
    db.session.rollback()
    assert db.session.get_one(Delivery, (TOWN, position)).state == "waiting"
    told = page(clerk)
    assert ">wartet<" in told
    assert "Meldung erneut übermittelt" in told
    builders.letter("K-2")
    assert post(clerk, f"K-2/events/{position}/resend").status_code == 404


def test_each_part_of_an_item_stands_where_it_was_given(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    """Two of the parts are alike, and one item is another request's: each part is told once."""
    paid_twice(provider, 10_000)
    with transaction() as session:
        item = session.scalars(select(CustodyItem.id)).one()
    for name in ("K-2", "K-3", "K-4"):
        builders.letter(name, amount_cents=5_000)
    giving.split(TOWN, item, {"K-2": eur("20"), "K-3": eur("20")}, "staff:jansen")
    giving.split(TOWN, item, {"K-4": eur("30"), "K-2": eur("10")}, "staff:jansen")
    booked = {
        name: re.findall(r"Forderungen tax: Haben ([0-9,]+)", page(clerk, name))
        for name in ("K-2", "K-3", "K-4")
    }
    assert booked == {"K-2": ["10,00", "20,00"], "K-3": ["20,00"], "K-4": ["30,00"]}


def test_what_is_beyond_ones_reach_is_not_named_on_the_page_of_what_is_not(
    app: Flask, clerk: FlaskClient, provider: FakeProvider
) -> None:
    letter = builders.letter("K-1", amount_cents=10_000, unit="20.1")
    record(provider.pay(builders.begin(letter)), Source(TOWN, "card", "notification"))
    builders.letter("K-1", amount_cents=9_000, unit="20.1")
    builders.letter("K-FERN", amount_cents=10_000, unit="30.2")
    with transaction() as session:
        item = session.scalars(select(CustodyItem.id)).one()
    giving.assign(TOWN, item, "K-FERN", eur("4"), "staff:jansen")
    builders.letter("K-NEU", amount_cents=10_000, unit="30.2", replaces=["K-1"])
    near = colleague("nah", Grant(Role.CLERK, unit="20.1"))
    told = page(sign_in(builders.browser(app), near), "K-1")
    assert "Verwahrung" in told
    assert ("K-FERN" in told, "K-NEU" in told) == (False, False)
    told = page(clerk, "K-1")
    assert ("K-FERN" in told, "K-NEU" in told) == (True, True)
    far = colleague("fern", Grant(Role.CLERK, unit="30.2"))
    told = page(sign_in(builders.browser(app), far), "K-NEU")
    assert "/admin/requests/K-1" not in told


def test_asking_for_what_is_not_there_leaves_as_much_behind_as_for_what_is_elsewhere(
    client: FlaskClient,
) -> None:
    """A note takes time: without one for what is not there, the time would tell which is which."""
    builders.letter("K-2", unit="30.2")
    sign_in(client, colleague("jansen", Grant(Role.CLERK, unit="20.1")))
    for reference in ("K-2", "K-9"):
        assert client.get(f"/admin/requests/{reference}").status_code == 404
    assert len(notes("staff.refused")) == 2
    assert "K-9" not in str(db.session.scalars(select(AuditRow.subject)).all())
