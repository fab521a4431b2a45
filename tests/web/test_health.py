"""Health and figures: who may look, and what is told."""

import base64
import dataclasses
from collections.abc import Iterator

import pytest
from flask import Flask

from portal.db import transaction
from portal.finance import acknowledging, delivery, messages, outbox
from portal.finance.models import Delivery
from portal.operating import figures
from tests import builders
from tests.builders import TOWN
from tests.fakes import FakeProvider

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
TOKEN = "h7Qz0sVx1bN4mK8r"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def with_token(app: Flask) -> Iterator[None]:
    """A portal whose figures need a token."""
    plain = app.extensions["settings"]
    app.extensions["settings"] = dataclasses.replace(plain, metrics_token=TOKEN)
    yield
    app.extensions["settings"] = plain


def status(app: Flask, **asked: object) -> int:
    return app.test_client().get("/metrics", **asked).status_code  # type: ignore[arg-type]


def from_afar(address: str) -> dict[str, str]:
    return {"REMOTE_ADDR": address}


def test_the_figures_are_for_this_machine_alone(app: Flask) -> None:
    for address in ("127.0.0.1", "::1"):
        assert status(app, environ_overrides=from_afar(address)) == 200
    for address in ("10.0.0.7", "93.184.216.34", "2001:db8::1", ""):
        assert status(app, environ_overrides=from_afar(address)) == 404


@pytest.mark.parametrize(
    "came", ["93.184.216.34", "127.0.0.1, 10.0.0.7", "93.184.216.34, ::1", "?"]
)
def test_who_came_through_a_proxy_here_is_not_this_machine(app: Flask, came: str) -> None:
    assert status(app, headers={"X-Forwarded-For": came}) == 404


def test_with_a_token_it_must_be_shown_even_here(app: Flask, with_token: None) -> None:
    assert status(app) == 404
    assert status(app, headers={"Authorization": f"Bearer {TOKEN}x"}) == 404
    assert status(app, headers={"Authorization": "Bearer ä"}) == 404
    assert status(app, auth=("x", TOKEN)) == 404
    assert status(app, headers=SHOWN, environ_overrides=from_afar("10.0.0.7")) == 200


def test_what_waits_is_counted(app: Flask, provider: FakeProvider) -> None:
    builders.begin(builders.letter())
    with transaction() as session:
        keyring = app.extensions["keyring"]
        delivery.set_endpoint(session, keyring, TOWN, "https://erp.example/events", SECRET)
        for reference in ("A", "B", "C"):
            outbox.put(session, TOWN, messages.request_changed(reference, 2, "new_version"))
    with transaction() as session:
        first = session.query(Delivery).order_by(Delivery.position).first()
        assert first is not None
        first.state = "parked"
    event = builders.events()[1]
    with transaction() as session:
        refused = acknowledging.Said(acknowledging.Result.REFUSED, None, "no such claim")
        acknowledging.acknowledge(session, TOWN, event.id, refused)
    told = app.test_client().get("/metrics").text
    assert 'quitt_events{state="parked"} 1\n' in told
    assert 'quitt_events{state="waiting"} 2\n' in told
    assert 'quitt_events{state="refused"} 1\n' in told
    assert 'quitt_payments_undecided{begun="hour"} 1\n' in told
    assert "quitt_worker_seen_seconds -1\n" in told


def test_the_figures_are_explained_and_name_nobody(app: Flask) -> None:
    builders.letter()
    told = app.test_client().get("/metrics").text
    for name in figures.EXPLAINED:
        assert f"# TYPE {name} gauge\n" in told
    assert TOWN not in told
    assert "K-2026-1" not in told
    for line in told.splitlines():
        assert line.startswith("#") or float(line.rsplit(" ", 1)[1]) >= -1


def test_readiness_names_a_database_that_is_gone(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    from portal.web import health

    def gone() -> str:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(health, "_migrations", gone)
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["database"]) == (503, "unreachable")  # type: ignore[index]
    assert app.test_client().get("/healthz").status_code == 200
