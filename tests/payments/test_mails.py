"""Mails that wait: sealed, tried again, and gone when they are taken or a day is nearly over."""

import io
import logging
import subprocess

import pytest
from flask import Flask, current_app
from sqlalchemy.exc import IntegrityError

from portal import embedded, keys, logs, mail, rekeying
from portal.db import db, transaction
from portal.errors import Unavailable
from portal.keys import Keyring
from portal.mail import MailRefused, Post
from portal.payments import mails
from portal.payments.mails import MOST, Mail, TooMany
from portal.payments.start import NoSuchPayment
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.payments import races
from tests.returns.test_refunds import paid

RAW = b"To: erika@example.org\r\n\r\nGuten Tag"
WAY = Post("portal@town.example", "mail.example")


class Server:
    """A mail server that answers as it is told."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.answer: Exception | None = None

    def send(self, way: Post, raw: bytes) -> None:
        assert not db.session().in_transaction(), "no transaction is open while mail is sent"
        if self.answer:
            raise self.answer
        self.taken.append(raw)


@pytest.fixture
def server(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Server:
    found = Server()
    monkeypatch.setattr(mails, "send", found.send)
    return found


def keyring() -> Keyring:
    found: Keyring = current_app.extensions["keyring"]
    return found


def order(payment: str) -> int:
    db.session.rollback()
    return mails.order(keyring(), (TOWN, payment), RAW)


def send() -> int:
    db.session.rollback()
    return mails.send_due(keyring(), WAY)


def row(payment: str, number: int = 1) -> Mail:
    db.session.rollback()
    return db.session.get_one(Mail, (TOWN, payment, number), populate_existing=True)


def test_a_mail_is_sent_once_and_its_address_is_gone(
    provider: FakeProvider, server: Server
) -> None:
    _, payment = paid(provider)
    assert order(payment) == 1
    assert row(payment).sealed is not None
    assert send() == 1
    assert server.taken == [RAW]
    assert (row(payment).state, row(payment).sealed) == ("taken", None)
    assert send() == 0
    assert server.taken == [RAW]


def test_what_waits_is_sealed_for_its_place_alone(provider: FakeProvider, server: Server) -> None:
    _, first = paid(provider, name="K-1")
    _, second = paid(provider, name="K-2")
    order(first)
    order(second)
    with transaction() as session:
        one, other = (session.get_one(Mail, (TOWN, each, 1)) for each in (first, second))
        one.sealed, other.sealed = other.sealed, one.sealed
    assert send() == 0
    assert server.taken == []
    assert {row(each).state for each in (first, second)} == {"given_up"}


def test_a_dump_of_the_database_holds_no_address(
    provider: FakeProvider, owner_url: str, server: Server
) -> None:
    _, payment = paid(provider)
    order(payment)
    command = [str(embedded.binary("pg_dump")), "--table=mails", owner_url]
    dump = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert payment in dump
    for word in ("erika", b"erika".hex(), "Guten Tag", b"Guten Tag".hex()):
        assert word not in dump


def test_a_silent_server_is_asked_again_later_and_later(
    provider: FakeProvider, server: Server, time: Time
) -> None:
    _, payment = paid(provider)
    order(payment)
    server.answer = Unavailable("TimeoutError")
    assert send() == 0
    server.answer = None
    assert send() == 0, "not before its pause is over"
    assert row(payment).state == "waiting"
    time.move("+70s")
    assert send() == 1
    assert row(payment).tries == 2


def test_what_a_server_will_never_take_is_given_up_at_once(
    provider: FakeProvider, server: Server
) -> None:
    _, payment = paid(provider)
    order(payment)
    server.answer = MailRefused("550")
    assert send() == 0
    assert (row(payment).state, row(payment).sealed) == ("given_up", None)


def test_after_less_than_a_day_the_address_is_gone_whatever_happened(
    provider: FakeProvider, server: Server, time: Time
) -> None:
    _, payment = paid(provider)
    order(payment)
    time.move("+22h")
    assert mails.forget() == 0
    assert row(payment).sealed is not None
    time.move("+1381m")
    assert mails.forget() == 1
    assert (row(payment).state, row(payment).sealed) == ("given_up", None)
    assert send() == 0


def test_one_that_stumbles_does_not_hold_up_the_others(
    provider: FakeProvider, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    payments = [paid(provider, name=f"K-{n}")[1] for n in range(3)]
    for payment in payments:
        order(payment)
    answers = iter([None, MailRefused("550"), None])

    def send_one(way: Post, raw: bytes) -> None:
        if answer := next(answers):
            raise answer

    monkeypatch.setattr(mails, "send", send_one)
    assert send() == 2
    assert [row(each).state for each in payments] == ["taken", "given_up", "taken"]


def test_a_payment_has_three_mails_at_most_whatever_became_of_them(
    provider: FakeProvider, server: Server
) -> None:
    _, payment = paid(provider)
    assert [order(payment) for _ in range(MOST)] == [1, 2, 3]
    send()
    with pytest.raises(TooMany):
        order(payment)


def test_of_eight_orders_at_once_three_are_taken(app: Flask, provider: FakeProvider) -> None:
    _, payment = paid(provider)
    db.session.rollback()
    taken: list[int] = []

    def act() -> None:
        try:
            taken.append(mails.order(keyring(), (TOWN, payment), RAW))
        except TooMany:
            taken.append(0)

    races.at_once(app, 8, act)
    assert sorted(taken) == [0, 0, 0, 0, 0, 1, 2, 3]


def test_what_was_not_paid_has_no_mail(provider: FakeProvider, server: Server) -> None:
    payment = builders.begin(builders.letter())
    for name in (payment, "0" * 32):
        with pytest.raises(NoSuchPayment):
            order(name)


def test_the_log_names_the_payment_and_never_the_address(
    provider: FakeProvider, server: Server
) -> None:
    _, payment = paid(provider)
    order(payment)
    logs.configure("debug")
    out = io.StringIO()
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(out)
    server.answer = MailRefused("550")
    send()
    assert "mail_refused" in out.getvalue()
    assert payment in out.getvalue()
    assert "erika" not in out.getvalue()


def test_a_leaked_key_opens_no_waiting_mail_after_it_was_revoked(
    provider: FakeProvider, server: Server
) -> None:
    _, payment = paid(provider)
    order(payment)
    old = keyring()
    newer = Keyring((*Keyring.parse(keys.new_key("k9")).keys, *old.keys))
    db.session.rollback()
    assert rekeying.counts(db.session())[old.current.id] >= 2
    db.session.rollback()
    rekeying.revoke(newer, old.current.id)
    db.session.rollback()
    sealed = row(payment).sealed
    assert sealed is not None
    assert keys.sealed_with(sealed) == "k9"
    assert mails.send_due(newer, WAY) == 1
    assert server.taken == [RAW]


def test_without_its_key_a_mail_is_given_up(provider: FakeProvider, server: Server) -> None:
    _, payment = paid(provider)
    order(payment)
    db.session.rollback()
    assert mails.send_due(Keyring.parse(keys.new_key("k9")), WAY) == 0
    assert row(payment).state == "given_up"


@pytest.mark.rows_by_hand
@pytest.mark.parametrize(
    "change", [{"number": 4}, {"state": "taken"}, {"sealed": None}, {"state": "lost"}]
)
def test_the_database_keeps_no_mail_that_cannot_be(
    provider: FakeProvider, server: Server, change: dict[str, object]
) -> None:
    _, payment = paid(provider)
    order(payment)
    with pytest.raises(IntegrityError), transaction() as session:
        session.query(Mail).update(change)


def test_the_job_sends_what_is_due(
    provider: FakeProvider, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.payments import tasks

    _, payment = paid(provider)
    order(payment)
    db.session.rollback()
    tasks.send_mails(timestamp=0)
    assert row(payment).state == "waiting", "there is no mail server"
    monkeypatch.setattr(mail, "post", lambda _: WAY)
    db.session.rollback()
    tasks.send_mails(timestamp=0)
    assert row(payment).state == "taken"
