"""The daily mail: once a day, to the town's own mailboxes, numbers only."""

from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from portal import clock, mail
from portal.db import db
from portal.errors import Unavailable
from portal.mail import MailRefused, NoAddress, Post
from portal.proof import daily, tasks
from portal.worklist import writing
from portal.worklist.kinds import Kind
from tests import builders
from tests.builders import OTHER_TOWN, TOWN

BERLIN = ZoneInfo("Europe/Berlin")
KASSE, CHIEF = "stadtkasse@town.example", "kaemmerei@town.example"


@pytest.fixture
def box(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[EmailMessage]:
    """What the mail server took."""
    taken: list[EmailMessage] = []

    def take(_way: Post, raw: bytes) -> None:
        taken.append(message_from_bytes(raw, policy=SMTP))  # type: ignore[arg-type]

    monkeypatch.setattr(mail, "send", take)
    monkeypatch.setattr(mail, "post", lambda _settings: Post("portal@town.example"))
    return taken


def at(monkeypatch: pytest.MonkeyPatch, hour: int, days: int = 0, minute: int = 5) -> None:
    """Let it be so late in the town."""
    day = datetime.now(BERLIN).date() + timedelta(days=1 + days)
    moment = datetime.combine(day, time_of_day(hour, minute), BERLIN).astimezone(UTC)
    monkeypatch.setattr(clock, "now", lambda: moment)


def told(box: list[EmailMessage]) -> list[str]:
    return [str(each["To"]) for each in box]


def test_nothing_is_sent_until_a_mailbox_is_set(
    box: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, 12)
    tasks.send_daily_mail(timestamp=0)
    assert box == []


def test_each_mailbox_is_told_once_a_day_from_its_hour_on(
    box: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    daily.put(TOWN, [KASSE, CHIEF, KASSE], 7, "staff:admin")
    at(monkeypatch, 6, minute=59)
    tasks.send_daily_mail(timestamp=0)
    assert box == []
    for hour in (7, 8, 23):
        at(monkeypatch, hour)
        tasks.send_daily_mail(timestamp=0)
        assert told(box) == [CHIEF, KASSE]
    at(monkeypatch, 9, days=1)  # the worker stood still until nine
    tasks.send_daily_mail(timestamp=0)
    assert told(box) == [CHIEF, KASSE] * 2


def test_it_tells_numbers_no_person_and_where_to_look(
    box: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = builders.letter("K-2026-77")
    from portal.db import transaction

    with transaction() as session:
        writing.put(session, TOWN, Kind.CITIZEN_NOTE, "n-1", reference="K-2026-77")
        writing.put(session, TOWN, Kind.CUSTODY_UNCLEAR, "5")
        writing.put(session, OTHER_TOWN, Kind.CUSTODY_UNCLEAR, "6")
    daily.put(TOWN, [KASSE], 7, "staff:admin")
    at(monkeypatch, 7)
    tasks.send_daily_mail(timestamp=0)
    (message,) = box
    text = str(message.get_content())
    assert "Offene Aufgaben: 2" in text
    assert "https://localhost/admin/" in text
    assert "offene Aufgaben: 2," in str(message["Subject"])
    for private in ("K-2026-77", letter.short_code, "Grundsteuer"):
        assert private not in text
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "de"
    assert list(message.iter_attachments()) == []


@pytest.mark.parametrize(("error", "sent"), [(Unavailable("421"), 2), (MailRefused("550"), 1)])
def test_what_the_server_cannot_take_now_is_tried_again_and_what_it_refuses_is_not(
    box: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, error: Exception, sent: int
) -> None:
    tries = []

    def fail(_way: Post, _raw: bytes) -> None:
        tries.append(1)
        raise error

    monkeypatch.setattr(mail, "send", fail)
    daily.put(TOWN, [KASSE], 7, "staff:admin")
    at(monkeypatch, 7)
    tasks.send_daily_mail(timestamp=0)
    tasks.send_daily_mail(timestamp=0)
    assert len(tries) == sent


def test_two_workers_send_one_mail(
    box: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    daily.put(TOWN, [KASSE], 7, "staff:admin")
    at(monkeypatch, 7)
    due: Any = daily._due()
    monkeypatch.setattr(daily, "_due", lambda: due)  # both saw the same
    tasks.send_daily_mail(timestamp=0)
    tasks.send_daily_mail(timestamp=0)
    assert told(box) == [KASSE]


@pytest.mark.parametrize(
    ("mailboxes", "hour", "error"),
    [
        (["nobody"], 7, NoAddress),
        ([f"box{n}@town.example" for n in range(11)], 7, daily.TooManyMailboxes),
        ([KASSE], 24, daily.NoHour),
        ([KASSE], -1, daily.NoHour),
    ],
)
def test_what_cannot_be_set_changes_nothing(
    app: Flask, mailboxes: list[str], hour: int, error: type[Exception]
) -> None:
    daily.put(TOWN, [CHIEF], 6, "staff:admin")
    with pytest.raises(error):
        daily.put(TOWN, mailboxes, hour, "staff:admin")
    (row,) = daily.set_for(db.session(), TOWN)
    assert (row.address, row.hour) == (CHIEF, 6)


def test_a_mailbox_that_stays_is_not_told_twice_and_none_turns_it_off(
    box: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    daily.put(TOWN, [KASSE], 7, "staff:admin")
    at(monkeypatch, 7)
    tasks.send_daily_mail(timestamp=0)
    daily.put(TOWN, [KASSE], 6, "staff:admin")
    tasks.send_daily_mail(timestamp=0)
    assert told(box) == [KASSE]
    daily.put(TOWN, [], 6, "staff:admin")
    at(monkeypatch, 8, days=1)
    tasks.send_daily_mail(timestamp=0)
    assert told(box) == [KASSE]
