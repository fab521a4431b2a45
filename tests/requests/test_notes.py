"""What saves a phone call: already paid, a question, not all at once."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from portal import clock
from portal.db import db, transaction
from portal.faces import setting
from portal.faces.setting import Said
from portal.requests import notes
from portal.requests.models import PaymentRequest
from portal.requests.notes import Asks, ChangedSince, How, NotOffered, SaysPaid, Topic, Unfit, What
from portal.requests.states import State
from portal.tenants import Law, Tenant
from portal.worklist import reading, writing
from portal.worklist.reading import Task
from tests import builders, contract, pages
from tests.builders import TOWN, Letter, token
from tests.house.test_routes import give_tan
from tests.payments.races import at_once

TODAY = date(2026, 11, 21)
NO_OBJECTION = (
    "Das ist kein Einspruch und kein Widerspruch.",
    "Fristen laufen weiter. Wie Sie widersprechen können, steht am Ende Ihres Bescheids.",
)
NAMES = {
    What.SAYS_PAID: "Ich habe schon bezahlt",
    What.ASKS: "Frage zu diesem Schreiben",
    What.DEFERRAL: "Ich kann nicht alles auf einmal zahlen",
}


def today() -> date:
    return clock.today("Europe/Berlin")


def tasks() -> list[Task]:
    db.session.rollback()
    return reading.open_tasks(db.session(), TOWN)


def told() -> list[tuple[str, str | None, dict[str, Any]]]:
    return [(event.type, event.reference, event.data) for event in builders.events()]


def send(client: FlaskClient, path: str, **typed: str) -> TestResponse:
    """Open a form and send it with what it carries and what was typed."""
    page = client.get(path)
    carried = {
        one.attrib["name"]: one.attrib["value"]
        for one in pages.Look(page.text, path, "localhost").of("input")
        if one.attrib.get("type") == "hidden"
    }
    return client.post(path, data={**carried, **typed})


def shown(letter: Letter) -> notes.Shown:
    return notes.Shown(1, letter.amount_cents)


def in_state(letter: Letter, state: State) -> None:
    with transaction() as session:
        session.get_one(PaymentRequest, (TOWN, letter.request_id)).state = state


def main_of(page: TestResponse) -> str:
    look = pages.Look(page.text, page.request.path, "localhost")
    return pages.words(look.of("main")[0])


# The citizen's way.


def test_who_has_paid_says_when_and_how_and_gets_a_number(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    paid_on = today() - timedelta(days=3)
    answer = send(client, f"/r/{handle}/already-paid", paid_on=paid_on.isoformat(), how="transfer")
    assert (answer.status_code, answer.location) == (303, f"/r/{handle}/noted?number=1")

    page = client.get(answer.location)
    assert "Nummer 1" in main_of(page)
    assert "Überwiesen am" in main_of(page)
    (task,) = tasks()
    assert (task.number, task.kind, task.reference) == (1, "citizen_note", "K-2026-1")
    assert task.detail == {"version": 1, "how": "transfer", "paid_on": paid_on.isoformat()}
    data = {"how": "transfer", "paid_on": paid_on.isoformat()}
    assert told() == [("citizen.says_paid", "K-2026-1", data)]


def test_who_asks_chooses_a_topic_and_gets_a_number(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    answer = send(client, f"/r/{handle}/question", topic="amount")
    page = client.get(answer.location)
    assert "Nummer 1" in main_of(page)
    assert "Stimmt der Betrag?" in main_of(page)
    (task,) = tasks()
    assert task.detail == {"version": 1, "topic": "amount"}
    assert told() == [("citizen.asks", "K-2026-1", {"topic": "amount"})]


def test_the_finance_system_reads_both_in_its_feed(app: Flask, client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    send(client, f"/r/{handle}/question", topic="twice")
    send(client, f"/r/{handle}/already-paid", paid_on=today().isoformat(), how="cash")
    may = contract.bearer(app, TOWN, "events:read")
    events = client.get("/api/v1/events?after=0", headers=may).get_json()["events"]
    assert [(event["type"], event["data"]) for event in events] == [
        ("citizen.asks", {"topic": "twice"}),
        ("citizen.says_paid", {"how": "cash", "paid_on": today().isoformat()}),
    ]


def test_every_page_says_that_it_is_no_objection(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    for path in ("already-paid", "question", "deferral"):
        page = client.get(f"/r/{handle}/{path}")
        assert all(sentence in main_of(page) for sentence in NO_OBJECTION), path
    sent = send(client, f"/r/{handle}/question", topic="other")
    page = client.get(sent.location)
    assert all(sentence in main_of(page) for sentence in NO_OBJECTION)


def test_no_page_lets_type_freely_and_none_speaks_of_reminders(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    for path in ("already-paid", "question", "deferral"):
        page = client.get(f"/r/{handle}/{path}")
        look = pages.Look(page.text, page.request.path, "localhost")
        kinds = {one.attrib["type"] for one in look.of("input")}
        assert kinds <= {"hidden", "radio", "date"}, path
        assert not look.of("textarea")
        assert "mahn" not in main_of(page).lower()


def test_what_was_typed_stays_when_a_part_is_missing(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    path = f"/r/{handle}/already-paid"
    answer = send(client, path, paid_on=today().isoformat())
    assert answer.status_code == 422
    assert "Bitte wählen Sie aus, wie Sie bezahlt haben." in answer.text
    assert f'value="{today().isoformat()}"' in answer.text

    answer = send(client, path, paid_on="gestern", how="cash")
    assert answer.status_code == 422
    assert "Bitte geben Sie den Tag so an" in answer.text
    assert 'value="cash" checked' in answer.text
    assert send(client, f"/r/{handle}/question").status_code == 422
    assert send(client, f"/r/{handle}/question", topic="weather").status_code == 422
    assert (tasks(), told()) == ([], [])


def test_another_language_keeps_what_was_typed_and_sends_nothing(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    csrf = token(client.get(f"/r/{handle}/question"))
    carried = {"csrf_token": csrf, "version": "1", "amount_cents": "14850"}
    typed = {"paid_on": today().isoformat(), "how": "debit", **carried}
    page = client.post(f"/r/{handle}/already-paid?lang=en", data=typed)
    assert "I have already paid" in main_of(page)
    assert f'value="{today().isoformat()}"' in page.text
    assert 'value="debit" checked' in page.text
    page = client.post(f"/r/{handle}/question?lang=de", data={"topic": "twice", **carried})
    assert page.status_code == 200
    assert 'value="twice" checked' in page.text
    assert (tasks(), told()) == ([], [])


def test_sent_twice_is_the_same_number_and_told_once(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    path = f"/r/{handle}/already-paid"
    first = send(client, path, paid_on=today().isoformat(), how="transfer")
    yesterday = (today() - timedelta(days=1)).isoformat()
    again = send(client, path, paid_on=yesterday, how="cash")
    assert again.location == first.location
    assert "Überwiesen am" in main_of(client.get(again.location))  # as it was told first
    assert (len(tasks()), len(told())) == (1, 1)


def test_many_at_once_are_one_note(app: Flask) -> None:
    letter = builders.letter()
    given: list[int] = []

    def ask() -> None:
        given.append(notes.take(TOWN, letter.request_id, shown(letter), Asks(Topic.AMOUNT)))

    at_once(app, 8, ask)
    assert given == [1] * 8
    assert (len(tasks()), len(told())) == (1, 1)


def test_a_letter_has_at_most_one_open_note_of_each_name(app: Flask) -> None:
    letter = builders.letter()
    for _ in range(3):
        for note in (*map(Asks, Topic), *(SaysPaid(how, today()) for how in How)):
            notes.take(TOWN, letter.request_id, shown(letter), note)
    assert len(tasks()) == len(Topic) + 1


def test_what_was_dealt_with_may_be_said_again(app: Flask) -> None:
    letter = builders.letter()
    note = SaysPaid(How.CASH, today())
    first = notes.take(TOWN, letter.request_id, shown(letter), note)
    with transaction() as session:
        writing.end_number(session, TOWN, first, "staff:anna", "called back")
    second = notes.take(TOWN, letter.request_id, shown(letter), note)
    assert second != first
    assert len(told()) == 2


def test_all_that_is_open_stands_beside_the_number(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    send(client, f"/r/{handle}/question", topic="purpose")
    last = send(client, f"/r/{handle}/already-paid", paid_on=today().isoformat(), how="debit")
    for path in (last.location, f"/r/{handle}/noted", f"/r/{handle}/noted?number=99"):
        page = main_of(client.get(path))
        assert "Vom Konto abgebucht" in page
        assert "Wofür ist dieses Schreiben?" in page
    assert f"/r/{handle}/noted" in client.get(f"/r/{handle}/question").text


def test_another_letters_note_is_not_shown(client: FlaskClient) -> None:
    first = give_tan(client, builders.letter("K-1"))
    send(client, f"/r/{first}/question", topic="amount")
    second = give_tan(client, builders.letter("K-2"))
    answer = client.get(f"/r/{second}/noted?number=1")
    assert (answer.status_code, answer.location) == (303, f"/r/{second}/payment")


def test_nothing_is_taken_for_a_demand_that_has_changed(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    path = f"/r/{handle}/already-paid"
    page = client.get(path)
    builders.letter(amount_cents=20_000)
    typed = {"paid_on": today().isoformat(), "how": "cash", "csrf_token": token(page)}
    answer = client.post(path, data={**typed, "version": "1", "amount_cents": "14850"})
    assert answer.status_code == 409
    assert "Die Kasse hat die Forderung inzwischen geändert." in answer.text
    assert "200,00" in main_of(answer)
    assert 'value="cash" checked' in answer.text
    assert tasks() == []
    assert send(client, path, paid_on=today().isoformat(), how="cash").status_code == 303


@pytest.mark.parametrize("changed", [{"version": "x"}, {"amount_cents": ""}, {"version": "9" * 20}])
def test_a_form_without_what_it_showed_is_not_taken(
    client: FlaskClient, changed: dict[str, str]
) -> None:
    handle = give_tan(client, builders.letter())
    answer = send(client, f"/r/{handle}/question", topic="amount", **changed)
    assert answer.status_code == 409
    assert tasks() == []


def test_the_note_of_a_rolled_back_act_is_not_there(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = builders.letter()

    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(notes.outbox, "put", broken)
    with pytest.raises(RuntimeError):
        notes.take(TOWN, letter.request_id, shown(letter), Asks(Topic.OTHER))
    assert tasks() == []


# Which of them are offered, and where.


@pytest.mark.rows_by_hand
@pytest.mark.parametrize("state", State)
def test_a_letter_offers_what_fits_its_state(client: FlaskClient, state: State) -> None:
    letter = builders.letter()
    in_state(letter, state)
    handle = give_tan(client, letter)
    paths = {"already-paid": What.SAYS_PAID, "question": What.ASKS, "deferral": What.DEFERRAL}
    for path, what in paths.items():
        status = client.get(f"/r/{handle}/{path}").status_code
        assert status == (200 if what in notes.OFFERED[state] else 303), path


@pytest.mark.rows_by_hand
@pytest.mark.parametrize("state", [State.OPEN, State.PAID, State.WITHDRAWN, State.EXPIRED])
def test_the_page_of_a_letter_leads_to_what_is_offered(client: FlaskClient, state: State) -> None:
    letter = builders.letter()
    in_state(letter, state)
    page = client.get(f"/r/{give_tan(client, letter)}/payment")
    found = {what for what, name in NAMES.items() if name in main_of(page)}
    assert found == notes.OFFERED[state]


def test_before_the_tan_nothing_of_it_is_said(client: FlaskClient) -> None:
    letter = builders.letter()
    page = client.get("/Z/" + letter.url.rsplit("/", 1)[1], follow_redirects=True)
    assert not any(name in page.text for name in NAMES.values())


def test_no_state_is_without_its_offers() -> None:
    assert notes.OFFERED.keys() == set(State)


def test_a_warning_fine_is_not_deferred(client: FlaskClient) -> None:
    assert What.DEFERRAL not in notes.offered(State.OPEN, Law.WARNING)
    assert What.DEFERRAL in notes.offered(State.OPEN, Law.FINE)
    handle = give_tan(client, builders.letter(kind="warning", payable_until="2099-01-01"))
    assert NAMES[What.DEFERRAL] not in client.get(f"/r/{handle}/payment").text
    answer = client.get(f"/r/{handle}/deferral")
    assert (answer.status_code, answer.location) == (303, f"/r/{handle}/payment")


@pytest.mark.rows_by_hand
def test_what_is_not_offered_is_not_taken(client: FlaskClient) -> None:
    letter = builders.letter()
    handle = give_tan(client, letter)
    path = f"/r/{handle}/already-paid"
    csrf = token(client.get(path))
    in_state(letter, State.PAID)
    typed = {"paid_on": today().isoformat(), "how": "cash", "csrf_token": csrf}
    answer = client.post(path, data={**typed, "version": "1", "amount_cents": "14850"})
    assert (answer.status_code, answer.location) == (303, f"/r/{handle}/payment")
    incomplete = client.post(path, data={"csrf_token": csrf})
    assert (incomplete.status_code, incomplete.location) == (303, f"/r/{handle}/payment")
    with pytest.raises(NotOffered):
        notes.take(TOWN, letter.request_id, shown(letter), SaysPaid(How.CASH, today()))
    assert (tasks(), told()) == ([], [])


def test_the_version_counts_and_not_only_the_amount(app: Flask) -> None:
    letter = builders.letter()
    for other in (notes.Shown(2, letter.amount_cents), notes.Shown(1, letter.amount_cents + 1)):
        with pytest.raises(ChangedSince):
            notes.take(TOWN, letter.request_id, other, Asks(Topic.OTHER))


# The day.


# fmt: off
@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("2026-11-03",    date(2026, 11, 3)),
        ("3.11.2026",     date(2026, 11, 3)),
        (" 03. 11. 2026 ", date(2026, 11, 3)),
        ("2026-11-21",    TODAY),
        ("2026-05-25",    date(2026, 5, 25)),
        ("2026-05-24",    Unfit.LONG_AGO),
        ("2026-11-22",    Unfit.FUTURE),
        ("9999-12-31",    Unfit.FUTURE),
        ("",              Unfit.MISSING),
        ("   ",           Unfit.MISSING),
        ("2026-02-30",    Unfit.UNREADABLE),
        ("0000-01-01",    Unfit.UNREADABLE),
        ("20261103",      Unfit.UNREADABLE),
        ("٣.١١.٢٠٢٦",     Unfit.UNREADABLE),
        ("3.11.26",       Unfit.UNREADABLE),
        ("gestern",       Unfit.UNREADABLE),
    ],
)
def test_a_day_is_read_as_people_write_it(typed: str, read: date | Unfit) -> None:
    assert notes.day(typed, TODAY) == read
# fmt: on


def test_today_is_the_towns_today(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    # 14 hours before Greenwich and 11 behind: in one of them it is another day now.
    far = ("Pacific/Kiritimati", "Pacific/Pago_Pago")
    zone = next(one for one in far if clock.today(one) != clock.today("UTC"))
    here = clock.today(zone)
    with transaction() as session:
        session.get_one(Tenant, TOWN).time_zone = zone
    page = client.get(f"/r/{handle}/already-paid")
    assert f'max="{here}"' in page.text
    assert f'min="{here - timedelta(days=180)}"' in page.text


# Deferral.


def say_deferral(**texts: str) -> None:
    """The town says this, each in its language; through the door of the town's face."""
    said = [Said("deferral", written, language) for language, written in texts.items()]
    setting.put(TOWN, said, "operator")


def test_the_towns_text_on_deferral_is_shown_with_its_contact(client: FlaskClient) -> None:
    say_deferral(de="# Antrag\nErster <b>Absatz</b>.\n\nZweiter Absatz.")
    handle = give_tan(client, builders.letter())
    page = client.get(f"/r/{handle}/deferral")
    assert "<h2>Antrag</h2>" in page.text
    assert "<p>Erster &lt;b&gt;Absatz&lt;/b&gt;.</p>" in page.text
    assert "<p>Zweiter Absatz.</p>" in page.text
    assert "0123 45678" in main_of(page)
    assert tasks() == []


@pytest.mark.parametrize(
    ("language", "texts", "found", "marked"),
    [
        ("de", {"de": "Hier.", "en": "Here."}, "Hier.", None),
        ("en", {"de": "Hier.", "en": "Here."}, "Here.", None),
        ("en", {"de": "Hier."}, "Hier.", "de"),
        ("uk", {"de": "Hier.", "en": "Here."}, "Hier.", "de"),
    ],
)
def test_the_text_is_in_the_readers_language_or_marked_as_another(
    client: FlaskClient, language: str, texts: dict[str, str], found: str, marked: str | None
) -> None:
    say_deferral(**texts)
    handle = give_tan(client, builders.letter())
    page = client.get(f"/r/{handle}/deferral?lang={language}").text
    assert f"<p>{found}</p>" in page
    assert (f'<div lang="{marked}">' in page) is (marked is not None)


def test_on_a_page_from_right_to_left_the_towns_text_runs_its_own_way(client: FlaskClient) -> None:
    say_deferral(de="Hier.")
    handle = give_tan(client, builders.letter())
    page = client.get(f"/r/{handle}/deferral?lang=ar").text
    assert '<div lang="de" dir="ltr">' in page


def test_a_town_without_a_text_names_its_contact(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    page = main_of(client.get(f"/r/{handle}/deferral"))
    assert "0123 45678" in page
    assert "bleibt der Betrag" in page


def test_the_note_names_the_citizen_by_nothing(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    send(client, f"/r/{handle}/question", topic="address")
    db.session.rollback()
    audit = db.session.execute(text("SELECT actor, act, subject, detail FROM audit")).all()
    assert ("citizen", "citizen.asks", "K-2026-1", {"task": 1}) in [tuple(row) for row in audit]
