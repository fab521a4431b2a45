"""Delivery: at least once, in order per request, and a pause belongs to whom it concerns."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from portal import clock
from portal.db import db, transaction
from portal.finance import alone, delivery, lanes, messages, outbox, push, reach
from portal.finance.models import Delivery, Endpoint
from portal.finance.push import Outcome
from tests.contract import bearer
from tests.finance.receiver import SECRET, listening

TOWN = "musterhausen"


@pytest.fixture
def receiver(app):
    with listening() as receiver:
        with app.app_context(), transaction() as session:
            delivery.set_endpoint(session, keys(app), TOWN, receiver.url, SECRET)
        yield receiver


@pytest.fixture
def later(monkeypatch):
    """Move the clock on by so many seconds."""
    begin, moved = clock.now(), [0.0]

    def move(seconds):
        moved[0] += seconds
        monkeypatch.setattr(clock, "now", lambda: begin + timedelta(seconds=moved[0]))

    return move


def keys(app):
    return app.extensions["keyring"]


def tell(app, *references):
    with app.app_context(), transaction() as session:
        for reference in references:
            outbox.put(session, TOWN, messages.request_changed(reference, 2, "new_version"))


def payout(app, number):
    with app.app_context(), transaction() as session:
        outbox.put(session, TOWN, messages.Message("payout.announced", None, {"n": number}))


def run(app):
    with app.app_context():
        while delivery.deliver(TOWN, keys(app), anywhere=True):
            pass


def rows(app):
    with app.app_context():
        found = db.session.scalars(select(Delivery).order_by(Delivery.position))
        return {d.position: (d.state, d.tries, d.last_status, d.last_error) for d in found}


def test_each_request_hears_its_events_in_order(app, receiver):
    tell(app, *[f"R{n % 12}" for n in range(120)])
    run(app)
    assert sorted(receiver.positions()) == list(range(1, 121))
    for n in range(12):
        assert receiver.positions(f"R{n}") == sorted(receiver.positions(f"R{n}"))
    assert {state for state, *_ in rows(app).values()} == {"taken"}


def test_pushed_and_read_are_the_same_and_the_signature_holds(app, receiver):
    tell(app, "Ä-1")
    run(app)
    ((body, headers),) = receiver.raw
    signed = {name.lower(): value for name, value in headers.items()}
    event = Webhook(SECRET).verify(body, signed)
    token = bearer(app, TOWN, "events:read")
    feed = app.test_client().get("/api/v1/events", headers=token)
    assert feed.json["events"] == [event]
    assert body in feed.data
    assert signed["webhook-id"] == event["id"]
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(SECRET).verify(body.replace(b"new_version", b"old_version"), signed)


@pytest.mark.rows_by_hand
def test_events_without_a_request_keep_their_order(app, receiver):
    for number in range(5):
        payout(app, number)
    run(app)
    assert [e["data"]["n"] for e in receiver.taken] == [0, 1, 2, 3, 4]


def test_a_dead_endpoint_is_paused_and_then_everything_is_taken(app, receiver, later):
    later(0)
    tell(app, *[f"R{n}" for n in range(30)])
    receiver.status = lambda _: 503
    run(app)
    assert len(receiver.heard) == lanes.LANES
    run(app)
    assert len(receiver.heard) == lanes.LANES, "a paused endpoint is left alone"
    for turn in range(1, 5):
        later(30)
        run(app)
        assert len(receiver.heard) == lanes.LANES + turn, "one event probes"
    receiver.status = lambda _: 204
    later(30)
    run(app)
    assert sorted(receiver.positions()) == list(range(1, 31))
    with app.app_context():
        endpoint = db.session.get_one(Endpoint, TOWN)
        assert (endpoint.failures, endpoint.paused_until) == (0, None)


def test_nobody_listening_is_a_pause_and_no_loss(app, later):
    later(0)
    with listening() as receiver:
        url = receiver.url
    with app.app_context(), transaction() as session:
        delivery.set_endpoint(session, keys(app), TOWN, url, SECRET)
    tell(app, "A")
    run(app)
    assert rows(app)[1] == ("waiting", 0, None, "ConnectError")
    with app.app_context():
        assert list(lanes.tenants_due(db.session())) == []
        later(6)
        assert list(lanes.tenants_due(db.session())) == [TOWN]


def test_a_refusal_pauses_that_request_only(app, receiver, later):
    later(0)
    tell(app, "BAD", "GOOD", "BAD", "GOOD")
    receiver.status = lambda event: 422 if event["reference"] == "BAD" else 204
    run(app)
    assert receiver.positions() == [2, 4]
    assert [e["position"] for e in receiver.heard if e["reference"] == "BAD"] == [1]
    receiver.status = lambda _: 204
    run(app)
    assert receiver.positions() == [2, 4], "the request waits its pause"
    later(31)
    run(app)
    assert receiver.positions("BAD") == [1, 3]


def test_after_twenty_refusals_an_event_is_parked_and_its_request_waits(app, receiver, later):
    later(0)
    tell(app, "BAD", "BAD", "GOOD")
    receiver.status = lambda event: 410 if event["reference"] == "BAD" else 204
    for _ in range(25):
        run(app)
        later(3601)
    assert rows(app)[1][:2] == ("parked", 20)
    assert rows(app)[2][:2] == ("waiting", 0)
    assert receiver.positions() == [3]


def test_one_event_that_breaks_the_endpoint_does_not_block_the_others(app, receiver, later):
    later(0)
    tell(app, "POISON")
    receiver.status = lambda event: 500 if event["reference"] == "POISON" else 204
    run(app)
    tell(app, "A", "B", "C")
    later(6)
    run(app)
    assert sorted(receiver.positions()) == [2, 3, 4]
    assert rows(app)[1][0] == "waiting"


def test_a_redirect_is_not_followed(app, receiver, later):
    later(0)
    tell(app, "A")
    receiver.status = lambda _: 307
    run(app)
    assert len(receiver.heard) == 1
    assert rows(app)[1] == ("waiting", 1, 307, None)


def test_one_run_a_tenant_at_a_time(app, receiver):
    tell(app, "A")
    with app.app_context():
        assert alone.take(TOWN)
        run(app)
        assert receiver.heard == []
        alone.give_back(TOWN)
    run(app)
    assert receiver.positions() == [1]


def test_two_workers_hand_over_each_event_once(app, receiver):
    tell(app, *[f"R{n}" for n in range(40)])
    threads = [threading.Thread(target=run, args=(app,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run(app)
    assert sorted(e["position"] for e in receiver.heard) == list(range(1, 41))


def test_a_run_ends_after_a_hundred_events_and_says_that_there_is_more(app, receiver):
    tell(app, *[f"R{n}" for n in range(130)])
    with app.app_context():
        assert delivery.deliver(TOWN, keys(app), anywhere=True)
        assert len(receiver.heard) == delivery.MOST_EVENTS
        assert not delivery.deliver(TOWN, keys(app), anywhere=True)
    assert len(receiver.heard) == 130


def test_no_transaction_is_open_while_http_is_spoken(app, receiver):
    query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
    open_ones = []

    def count(_):
        with app.app_context(), db.engine.connect() as connection:
            open_ones.append(connection.exec_driver_sql(query).scalar())
        return 204

    tell(app, "A")
    receiver.status = count
    run(app)
    assert open_ones == [0]


def test_outside_practice_mode_a_private_address_is_not_reached(app, receiver, later):
    later(0)
    tell(app, "A")
    with app.app_context():
        delivery.deliver(TOWN, keys(app), anywhere=False)
    assert receiver.heard == []
    assert rows(app)[1][3] == "not_https"
    with app.app_context(), transaction() as session:
        address = receiver.url.replace("http:", "https:")
        delivery.set_endpoint(session, keys(app), TOWN, address, SECRET)
    later(60)
    with app.app_context():
        delivery.deliver(TOWN, keys(app), anywhere=False)
    assert receiver.heard == []
    assert rows(app)[1][3] == "private_address"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0",
     "100.64.0.1", "224.0.0.1", "::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1",
     "2002:7f00:1::", "64:ff9b:1::1"],
)  # fmt: skip
def test_addresses_that_are_not_public(address):
    assert not reach.is_public(address)


def test_public_addresses():
    assert reach.is_public("93.184.216.34")
    assert reach.is_public("2606:2800:220:1:248:1893:25c8:1946")


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("ftp://example.org/", SECRET),
        ("https:///events", SECRET),
        ("https://user:pw@example.org/", SECRET),
        ("https://example.org:99999/", SECRET),
        ("https://example.org/", "whsec_"),
        ("https://example.org/", "whsec_not base64"),
        ("https://example.org/", SECRET.removeprefix("whsec_")),
    ],
)
def test_a_bad_endpoint_is_refused(url, secret):
    with pytest.raises(reach.BadEndpoint):
        push.check(url, secret)


def test_the_secret_is_sealed_and_not_shown(app, receiver):
    with app.app_context():
        assert SECRET.encode() not in db.session.get_one(Endpoint, TOWN).secret_sealed
    assert SECRET not in repr(push.Target("https://example.org", SECRET))


@pytest.mark.parametrize(
    ("status", "alive", "verdict"),
    [(200, False, "taken"), (204, True, "taken"), (None, False, "silent"), (500, False, "silent"),
     (429, False, "silent"), (408, False, "silent"), (500, True, "refused"),
     (None, True, "refused"), (404, False, "refused"), (410, False, "refused"),
     (302, False, "refused")],
)  # fmt: skip
def test_what_an_outcome_means(status, alive, verdict):
    assert lanes.judge(Outcome(status), alive=alive) == verdict


def test_pauses_grow_to_their_limit():
    lane = [delivery.lane_pause(tries).total_seconds() for tries in (1, 2, 3, 8, 20)]
    assert lane == [30, 60, 120, 3600, 3600]
    rest = [delivery.endpoint_pause(failures).total_seconds() for failures in (1, 2, 3, 4, 999)]
    assert rest == [5, 10, 20, 20, 20]
