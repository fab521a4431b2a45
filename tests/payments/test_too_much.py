"""Of money that cleared nothing nobody reads that all is done: not on page, paper, mail, nor check.

What is told is how much was too much, what happens with it, and of a fine that it is not settled.
"""

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
from flask import current_app
from flask.testing import FlaskClient

from portal.db import db, transaction
from portal.payments import confirmations, receipts
from portal.payments.confirmations import Kept, Word
from portal.payments.confirming_pages import TITLES
from portal.payments.record import record
from portal.providers.protocol import Outcome
from portal.requests import elsewhere
from portal.requests.ordered import Elsewhere, How
from portal.requests.orders import Subject
from tests import builders
from tests.builders import TOWN, Letter, token
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.house.test_pages_of_states import told
from tests.payments.test_confirming import (
    LONGEST,
    TO,
    address,
    ask,
    drawn,
    folder,
    name_the_town_long,
    opened,
    paper,
    said,
    send,
)
from tests.returns.test_refunds import CARD, paid_twice, sent

__all__ = ["drawn", "folder"]  # fixtures

DONE = "You need not do anything more"
KEPT = "was paid too much. We keep this money safe for you."
BACK = "We send it back in the way in which you paid"
NOT_SETTLED = "The demand is not settled by this payment."
LATE = "This payment came too late"
TWICE = "Too much was paid for this letter"
CLEAN = "Your payment is confirmed"

Came = Callable[[FakeProvider, Time], tuple[Letter, str]]


def too_late(provider: FakeProvider, time: Time) -> tuple[Letter, str]:
    """A warning fine that was begun on its last day and paid on the next."""
    last = builders.today()
    letter = builders.letter(amount_cents=3_000, kind="warning", payable_until=last.isoformat())
    payment = builders.begin(letter)
    time.move("+24h")
    record(provider.pay(payment), CARD)
    return letter, payment


def twice(provider: FakeProvider, time: Time) -> tuple[Letter, str]:
    """A payment of a letter that was paid before."""
    return paid_twice(provider, 3_000)


def partly(provider: FakeProvider, time: Time) -> tuple[Letter, str]:
    """A payment of 30.00, of which 20.00 were paid by transfer while it was under way."""
    letter = builders.letter(amount_cents=3_000)
    payment = builders.begin(letter)
    with transaction() as session:
        told = Elsewhere(id="t-1", amount_cents=2_000, paid_on=builders.today(), how=How.TRANSFER)
        elsewhere.tell(session, Subject(TOWN, letter.reference, "client:1"), told)
    record(provider.pay(payment), CARD)
    return letter, payment


# fmt: off
CASES = pytest.mark.parametrize(
    ("came", "heading", "much"),
    [(too_late, LATE, "€30.00"), (twice, TWICE, "€30.00"), (partly, TWICE, "€20.00")],
)
# fmt: on


@CASES
def test_page_and_paper_say_how_much_was_too_much_and_what_happens_with_it(
    client: FlaskClient, provider: FakeProvider, time: Time, came: Came, heading: str, much: str
) -> None:
    letter, payment = came(provider, time)
    client.get("/impressum?lang=en")
    handle = opened(client, letter)
    page = told(client.get(f"/r/{handle}/payment/{payment}"))
    on_paper = said(client.get(address(payment, ".pdf", handle)).data)
    for text in (page, on_paper):
        assert DONE not in text
        assert f"{much} {KEPT}" in text
        assert BACK in text
        assert (NOT_SETTLED in text) is (came is too_late)
        assert ("The authority decides how it goes on" in text) is (came is too_late)
    assert heading in page
    assert CLEAN not in page
    assert "Still to pay" not in page + on_paper
    assert ("Still counts €10.00" in page) is (came is partly)


@CASES
def test_the_mail_says_it_too(
    client: FlaskClient, provider: FakeProvider, time: Time, folder: Path, came: Came,
    heading: str, much: str,
) -> None:  # fmt: skip
    letter, payment = came(provider, time)
    client.get("/impressum?lang=en")
    ask(client, opened(client, letter), payment, TO)
    assert send() == 1
    (file,) = folder.iterdir()
    message = message_from_bytes(file.read_bytes(), policy=SMTP)
    body = isinstance(message, EmailMessage) and message.get_body()
    assert isinstance(body, EmailMessage)
    text = " ".join(body.get_content().replace("\xa0", " ").split())
    assert f"{much} {KEPT}" in text
    assert BACK in text
    assert (NOT_SETTLED in text) is (came is too_late)
    assert "Money of this payment went back" not in text
    title = TITLES[kept_of(payment).word]
    assert str(message["Subject"]) == f"{title} {confirmations.number(payment)}"
    assert title != TITLES[Word.CONFIRMED]


@CASES
def test_the_page_of_return_says_it_without_the_letter(
    client: FlaskClient, provider: FakeProvider, time: Time, came: Came, heading: str, much: str
) -> None:
    _, payment = came(provider, time)
    page = told(client.get(f"/return/{payment}?lang=en"))
    assert heading in page
    assert DONE not in page
    assert CLEAN not in page
    assert f"{much} {KEPT}" in page
    assert (NOT_SETTLED in page) is (came is too_late)


@CASES
def test_who_checks_the_paper_reads_it(
    client: FlaskClient, provider: FakeProvider, time: Time, came: Came, heading: str, much: str
) -> None:
    _, payment = came(provider, time)
    csrf = token(client.get("/receipt?lang=en"))
    code = receipts.code(current_app.extensions["keyring"].current, TOWN, payment)
    page = told(client.post("/receipt", data={"code": code, "csrf_token": csrf}))
    assert heading in page
    assert f"Too much {much}" in page
    assert (NOT_SETTLED in page) is (came is not partly)
    assert ("Only the rest still counts." in page) is (came is partly)


def test_a_fine_that_was_paid_in_time_and_again_is_settled(
    client: FlaskClient, provider: FakeProvider, time: Time
) -> None:
    last = builders.today().isoformat()
    letter = builders.letter(amount_cents=3_000, kind="warning", payable_until=last, language="en")
    first = builders.begin(letter)
    record(provider.say(first, Outcome.CANCELLED), CARD)
    second = builders.begin(letter)
    record(provider.pay(second), CARD)
    time.move("+24h")
    record(provider.pay(first), CARD)
    handle = opened(client, letter)
    assert CLEAN in told(client.get(f"/r/{handle}/payment/{second}"))
    again = told(client.get(f"/r/{handle}/payment/{first}"))
    assert TWICE in again
    assert NOT_SETTLED not in again


def kept_of(payment: str) -> Kept:
    return confirmations.kept(db.session(), builders.payment(payment))


def test_what_went_back_of_it_is_not_too_much_any_more(
    client: FlaskClient, provider: FakeProvider, time: Time
) -> None:
    _, payment = partly(provider, time)
    sent(payment, 500, "surplus")
    kept = kept_of(payment)
    assert (kept.refunded.cents, kept.surplus.cents, kept.safe.cents, kept.left.cents) == (
        500, 1_500, 1_500, 1_000,
    )  # fmt: skip
    sent(payment, 1_500, "surplus", "AO-2")
    kept = kept_of(payment)
    assert (kept.surplus.cents, kept.safe.cents, kept.left.cents) == (0, 0, 1_000)
    assert kept.word is Word.PARTLY_BACK


@pytest.mark.parametrize("language", ["de", "de-simple", "ar", "tr"])
def test_the_longest_paper_of_what_came_too_late_has_one_page(
    client: FlaskClient, provider: FakeProvider, time: Time, language: str
) -> None:
    name_the_town_long()
    until = builders.today().isoformat()
    asked = {**LONGEST, "kind": "warning", "payable_until": until}
    letter = builders.letter("R" * 64, amount_cents=20_000_000, **asked)
    payment = builders.begin(letter)
    time.move("+24h")
    record(provider.pay(payment), CARD)
    client.get(f"/?lang={language}")
    with pypdfium2.PdfDocument(paper(client, letter, payment)) as document:
        assert len(document) == 1


# --- The order's end ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "days", "ends"),
    [
        ("warning", 0, "midnight"),
        ("warning", 1, "23h"),
        ("warning", None, "23h"),
        ("tax", 0, "23h"),
    ],
)
def test_what_closes_can_be_paid_until_the_end_of_its_last_day_in_the_town(
    provider: FakeProvider, kind: str, days: int | None, ends: str
) -> None:
    today = builders.today()
    until = None if days is None else (today + timedelta(days=days)).isoformat()
    payment = builders.begin(builders.letter(kind=kind, payable_until=until))
    order = provider.books[payment].order
    began = builders.payment(payment).started_at
    assert order.ends_at is not None
    if ends == "midnight":
        there = order.ends_at.astimezone(ZoneInfo("Europe/Berlin"))
        assert (there.date(), there.hour, there.minute) == (today + timedelta(days=1), 0, 0)
    else:
        assert order.ends_at == began + timedelta(hours=23)
