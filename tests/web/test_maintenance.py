"""While the operator's file is there, everybody is told to come again, and what goes on."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from portal import clock, tenants
from tests import builders
from tests.house.test_routes import give_tan


@pytest.fixture
def file(app: Flask, tmp_path: Path) -> Iterator[Path]:
    settings = app.extensions["settings"]
    found = tmp_path / "maintenance"
    app.extensions["settings"] = replace(settings, maintenance=found)
    yield found
    app.extensions["settings"] = settings


def test_without_the_file_all_is_as_ever(client: FlaskClient, file: Path) -> None:
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("de", "Wir arbeiten gerade an diesem Bezahlportal"),
     ("en", "We are working on this payment portal")],
)  # fmt: skip
def test_every_page_says_that_nothing_is_lost(
    client: FlaskClient, file: Path, language: str, sentence: str
) -> None:
    handle = give_tan(client, builders.letter())
    file.touch()
    for path in ("/", "/impressum", f"/r/{handle}/payment", "/nothing"):
        page = client.get(path, headers={"Accept-Language": language})
        assert (page.status_code, page.headers["Retry-After"]) == (503, "300")
        assert sentence in page.text


def test_nothing_is_done_while_it_lasts(client: FlaskClient, file: Path) -> None:
    letter = builders.letter()
    handle = give_tan(client, letter)
    csrf = builders.token(client.get(f"/r/{handle}/choice"))
    file.touch()
    answer = client.post(f"/r/{handle}/pay", data={"csrf_token": csrf, "offer": "1"})
    assert answer.status_code == 503
    file.unlink()
    assert client.get(f"/r/{handle}/payment").status_code == 200  # nobody has to begin anew


def test_machines_get_a_problem_document_and_a_time(client: FlaskClient, file: Path) -> None:
    file.touch()
    for path in ("/api/v1/events", "/webhooks/fake/card"):
        answer = client.post(path)
        assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
        assert answer.headers["Retry-After"] == "300"
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_the_file_says_until_when(client: FlaskClient, file: Path) -> None:
    until = clock.now().astimezone(ZoneInfo("Europe/Berlin")) + timedelta(minutes=30)
    file.write_text(until.isoformat())
    page = client.get("/", headers={"Accept-Language": "de"})
    assert f"Bitte kommen Sie ab {until.day}. " in page.text
    assert f"{until:%H:%M} Uhr wieder." in page.text
    assert 1_700 < int(page.headers["Retry-After"]) <= 1_800


@pytest.mark.parametrize("text", ["soon", "2020-01-01T00:00+00:00", "2999-01-01T00:00"])
def test_what_cannot_be_read_or_is_over_is_not_told(
    client: FlaskClient, file: Path, text: str
) -> None:
    file.write_text(text)
    page = client.get("/", headers={"Accept-Language": "en"})
    assert page.status_code == 503
    assert "Please come back later." in page.text


def test_it_needs_no_database(
    client: FlaskClient, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("select", {}, Exception("away"))

    file.write_text("2999-01-01T00:00+01:00")
    monkeypatch.setattr(tenants, "by_host", away)
    page = client.get("/", headers={"Accept-Language": "xx"})
    assert page.status_code == 503
    assert "Wir arbeiten gerade an diesem Bezahlportal" in page.text
