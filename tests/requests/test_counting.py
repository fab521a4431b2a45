"""Letters opened and TANs a day: numbers only, and looking still changes no row."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal import clock
from portal.db import db
from portal.requests import counting
from portal.requests.counting import DayCount
from tests import builders
from tests.builders import TOWN
from tests.house.test_routes import dump, give_tan, open_letter


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "PAUSE", 0.0)
    monkeypatch.setattr(counting, "_next", 0.0)
    counting._seen.clear()


def counted() -> dict[str, int]:
    db.session.rollback()
    query = select(DayCount).where(DayCount.tenant_id == TOWN)
    today = clock.today("Europe/Berlin")
    rows = list(db.session.scalars(query))
    assert {row.day for row in rows} <= {today}
    return {row.step: row.number for row in rows}


def test_opening_is_written_down_with_the_next_right_tan_and_not_before(
    app: Flask, client: FlaskClient
) -> None:
    letter = builders.letter()
    before = dump()
    open_letter(builders.browser(app), letter)
    open_letter(builders.browser(app), letter)
    builders.browser(app).head("/Z/" + letter.url.rsplit("/", 1)[1])
    assert dump() == before
    give_tan(client, letter)
    assert counted() == {"opened": 3, "tan": 1}


def test_who_opens_a_letter_again_is_not_counted_again(client: FlaskClient) -> None:
    letter = builders.letter()
    for _ in range(3):
        open_letter(client, letter)
    give_tan(client, letter)
    assert counted() == {"opened": 1, "tan": 1}


def test_a_letter_without_a_tan_is_open_at_once(client: FlaskClient) -> None:
    open_letter(client, builders.letter("K-1", tan=False))
    give_tan(client, builders.letter("K-2"))
    assert counted() == {"opened": 2, "tan": 2}


def test_a_wrong_tan_is_not_counted(client: FlaskClient) -> None:
    letter = builders.letter()
    handle = open_letter(client, letter)
    csrf = builders.token(client.get(f"/r/{handle}/"))
    wrong = "0" * 8 if letter.tan != "0" * 8 else "1" * 8
    client.post(f"/r/{handle}/tan", data={"tan": wrong, "csrf_token": csrf})
    assert counted() == {}


def test_a_process_writes_once_in_a_while(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "PAUSE", 3600.0)
    give_tan(client, builders.letter("K-1"))
    give_tan(client, builders.letter("K-2"))
    assert counted() == {"opened": 1, "tan": 1}
    monkeypatch.setattr(counting, "_next", 0.0)
    counting.write()
    assert counted() == {"opened": 2, "tan": 2}
