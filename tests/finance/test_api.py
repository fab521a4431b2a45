"""The feed, and what the contract says of itself."""

import contextlib
import re
import threading

import pytest

from portal.db import transaction
from portal.finance import messages, outbox
from tests.contract import bearer

FEED = "/api/v1/events"


def tell(app, tenant_id, *references, fail=False):
    with app.app_context(), transaction() as session:
        for reference in references:
            outbox.put(session, tenant_id, messages.request_changed(reference, 2, "new_version"))
        if fail:
            raise RuntimeError


def test_the_feed_goes_on_where_a_reader_stopped(app):
    token = bearer(app, "musterhausen", "events:read")
    tell(app, "musterhausen", "A", "B", "C")
    first = app.test_client().get(f"{FEED}?limit=2", headers=token).json
    assert [e["reference"] for e in first["events"]] == ["A", "B"]
    assert first["next"] == 2
    rest = app.test_client().get(f"{FEED}?after=2", headers=token).json
    assert [e["position"] for e in rest["events"]] == [3]
    end = app.test_client().get(f"{FEED}?after=3", headers=token).json
    assert end == {"events": [], "next": 3}


def test_a_reader_who_stands_further_than_the_feed_is_told(app):
    token = bearer(app, "musterhausen", "events:read")
    tell(app, "musterhausen", "A")
    answer = app.test_client().get(f"{FEED}?after=2", headers=token)
    assert (answer.status_code, answer.json["code"]) == (422, "beyond_the_feed")
    assert answer.json["detail"] == "The last position is 1."


def test_an_event_says_what_the_contract_says(app):
    tell(app, "musterhausen", "A")
    token = bearer(app, "musterhausen", "events:read")
    (event,) = app.test_client().get(FEED, headers=token).json["events"]
    assert set(event) == {"id", "position", "type", "occurred_at", "reference", "data"}
    assert event["occurred_at"].endswith("Z")
    assert event["data"] == {"version": 2, "reason": "new_version"}


def test_a_town_hears_only_its_own_events(app):
    tell(app, "musterhausen", "A")
    token = bearer(app, "beispielstadt", "events:read")
    for host in ("localhost", "127.0.0.1"):
        answer = app.test_client().get(FEED, headers=token, base_url=f"http://{host}")
        assert answer.json["events"] == []


@pytest.mark.parametrize(
    "query",
    ["after=-1", "after=x", "after=1.5", "after= 1", "after=1_0", "limit=0", "limit=1001",
     "limit=", "after=99999999999999999999", "since=1", "after=1&after=2", "after=1e3"],
)  # fmt: skip
def test_a_bad_position_or_limit_is_told(app, query):
    token = bearer(app, "musterhausen", "events:read")
    answer = app.test_client().get(f"{FEED}?{query}", headers=token)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/" + query.partition("=")[0]


def test_positions_are_gapless_under_eight_writers_of_which_some_fail(app):
    def write(writer):
        for turn in range(10):
            with contextlib.suppress(RuntimeError):
                tell(app, "musterhausen", f"W{writer}-{turn}", fail=turn % 3 == 2)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    token = bearer(app, "musterhausen", "events:read")
    events = app.test_client().get(f"{FEED}?limit=1000", headers=token).json["events"]
    assert [e["position"] for e in events] == list(range(1, 8 * 7 + 1))
    for writer in range(8):
        own = [e["reference"] for e in events if e["reference"].startswith(f"W{writer}-")]
        assert own == [f"W{writer}-{turn}" for turn in range(10) if turn % 3 != 2]


def test_openapi_names_every_operation_and_resolves_every_shape(app):
    document = app.test_client().get("/api/v1/openapi.json").json
    assert document["openapi"].startswith("3.1")
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/") and not rule.rule.endswith(("/docs", ".json")):
            path = rule.rule.replace("<", "{").replace(">", "}")
            assert path in document["paths"], path

    named = re.findall(r'"#/components/schemas/(\w+)"', app.json.dumps(document))
    assert set(named) <= set(document["components"]["schemas"])
    assert "Asked" in named


def test_every_post_may_be_repeated_under_a_key_but_the_batch_and_the_token(app):
    paths = app.test_client().get("/api/v1/openapi.json").json["paths"]
    without = {
        path
        for path, methods in paths.items()
        for method, described in methods.items()
        if method == "post"
        and "Idempotency-Key" not in {p["name"] for p in described.get("parameters", [])}
    }
    assert without == {"/api/v1/oauth/token", "/api/v1/payment-requests"}


def test_what_is_no_json_is_described_by_its_media_type(app):
    paths = app.test_client().get("/api/v1/openapi.json").json["paths"]
    drawn = paths["/api/v1/payment-requests/{reference}/qr.svg"]["get"]
    assert drawn["responses"]["200"]["content"] == {"image/svg+xml": {}}
    assert "image/svg+xml" in app.test_client().get("/api/v1/docs").text


def test_the_pages_for_reading_load_nothing_from_elsewhere(app):
    page = app.test_client().get("/api/v1/docs")
    assert page.status_code == 200
    assert "PUT /api/v1/payment-requests/{reference}" in page.text
    assert "requests:write" in page.text
    for attribute in ('src="http', 'href="http', 'src="//', 'href="//', "<script", "style="):
        assert attribute not in page.text


def test_what_is_not_there_is_a_problem_and_a_wrong_method_names_the_right_ones(app):
    client = app.test_client()
    missing = client.get("/api/v1/nothing")
    assert (missing.status_code, missing.mimetype) == (404, "application/problem+json")
    assert missing.json["type"] == "/problems/not_found"
    wrong = client.delete(FEED)
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["Allow"]


def test_health_tells_the_process_from_its_readiness(app):
    assert app.test_client().get("/healthz").json == {"status": "ok"}
    ready = app.test_client().get("/readyz")
    assert (ready.status_code, ready.json["migrations"]) == (200, "at head")


def test_a_database_behind_its_migrations_is_not_ready(app, monkeypatch):
    from portal.web import health

    monkeypatch.setattr(health, "_heads", lambda: {"9999"})
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["migrations"]) == (503, "behind")
