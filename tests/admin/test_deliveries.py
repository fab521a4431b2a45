"""Deliveries: what is not in order, sending again once, and the endpoint's test in words."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.admin.deliveries import listing
from portal.audit import AuditRow
from portal.db import db
from portal.finance import delivery, trying
from portal.finance.models import Delivery
from portal.finance.push import Outcome
from portal.finance.trying import Found, meaning
from portal.staff.roles import Grant, Role
from tests import builders
from tests.admin import kinds_of_tasks as made
from tests.admin.test_tasks import send
from tests.builders import TOWN
from tests.finance.receiver import listening
from tests.staff.people import colleague, sign_in

SAYS = {
    Found.GOOD: "answered as it should (204)",
    Found.SIGNATURE: "does not take our signature",
    Found.NO_SUCH_PAGE: "nobody takes events at this address",
    Found.MOVED: "sends us on",
    Found.BUSY: "too busy",
    Found.REFUSED: "did not take the event",
    Found.BROKEN: "something is broken there",
    Found.SLOW: "too slow",
    Found.NOT_ALLOWED: "may not be sent to this address",
    Found.DEAD: "Nobody answers at this address",
}


@pytest.fixture
def clerk(client: FlaskClient) -> FlaskClient:
    sign_in(client, colleague("jansen", Role.CLERK))
    client.get("/admin/account?lang=en")
    return client


def handed_over(app: Flask) -> None:
    with app.app_context():
        while delivery.deliver(TOWN, app.extensions["keyring"], anywhere=True):
            pass


def state(position: int) -> tuple[str, int]:
    db.session.rollback()
    row = db.session.get_one(Delivery, (TOWN, position), populate_existing=True)
    return row.state, row.tries


def figures(page: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>([^<]+)</dt><dd><a [^>]+>(\d+)</a>", page))


def test_the_page_tells_what_waits_is_stuck_and_was_refused(clerk: FlaskClient) -> None:
    parked = made.parked_event()
    refused = made.refused_event()
    page = clerk.get("/admin/deliveries").text
    assert figures(page) == {
        "Waiting": "2", "Stuck": "1", "Not booked": "1", "Events in all": str(refused.position),
    }  # fmt: skip
    assert "nobody takes events at this address (410)" in page
    assert "Konto fehlt" in page
    shown = clerk.get("/admin/deliveries?show=parked").text
    assert f">{parked.position}</td>" in shown
    assert f">{refused.position}</td>" not in shown
    assert f">{refused.position}</td>" in clerk.get("/admin/deliveries?show=refused").text
    assert "no such event" in clerk.get("/admin/deliveries?show=booked").text


def test_what_is_sent_again_comes_once_and_with_its_own_number(
    app: Flask, clerk: FlaskClient
) -> None:
    with listening() as receiver:
        made.endpoint(receiver.url)
        refused = made.refused_event()
        handed_over(app)
        assert receiver.positions() == [refused.position]
        for told in ("1 event is", "0 events are"):  # pressed twice
            send(clerk, "/admin/deliveries/resend-refused")
            assert f"{told} sent again" in clerk.get("/admin/deliveries/endpoint").text
        handed_over(app)
        assert receiver.positions() == [refused.position] * 2
        assert [event["id"] for event in receiver.taken] == [refused.id] * 2
        send(clerk, f"/admin/deliveries/{refused.position}/resend")
        handed_over(app)
        assert receiver.positions() == [refused.position] * 3
    db.session.rollback()
    query = select(AuditRow.act).where(AuditRow.actor == "staff:jansen").order_by(AuditRow.id)
    notes = db.session.scalars(query)
    told = [act for act in notes if act.startswith("event")]
    assert told == ["events.resend_refused"] * 2 + ["event.resend"]


def test_what_is_stuck_and_sent_again_ends_its_task_when_it_is_taken(
    app: Flask, clerk: FlaskClient
) -> None:
    parked = made.parked_event()
    with listening() as receiver:
        made.endpoint(receiver.url)
        send(clerk, f"/admin/deliveries/{parked.position}/resend")
        assert state(parked.position) == ("waiting", 20)
        handed_over(app)
        assert parked.position in receiver.positions()
    assert builders.tasks() == {}


def test_nothing_is_sent_again_where_the_finance_system_reads(clerk: FlaskClient) -> None:
    refused = made.refused_event()
    answer = send(clerk, f"/admin/deliveries/{refused.position}/resend")
    assert answer.status_code == 303
    assert "reads the events itself" in clerk.get("/admin/deliveries").text
    assert send(clerk, "/admin/deliveries/999/resend").status_code == 404


@pytest.mark.parametrize("status", [204, 401, 404, 500])
def test_the_endpoint_test_says_in_words_what_came_back(
    app: Flask, clerk: FlaskClient, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    _from_anywhere(monkeypatch)
    with listening() as receiver:
        receiver.status = lambda _: status
        made.endpoint(receiver.url)
        page = send(clerk, "/admin/deliveries/endpoint/try")
        assert [event["type"] for event in receiver.heard] == ["endpoint.test"]
    found = meaning(Outcome(status)).found
    assert SAYS[found] in page.text
    assert ("kern-alert--success" in page.text.split("<main")[1]) == (found is Found.GOOD)


@pytest.mark.parametrize("error", ["ConnectError", "ReadTimeout", "private_address"])
def test_a_dead_a_slow_and_a_forbidden_endpoint_are_told_apart(
    clerk: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    made.endpoint()

    async def came(*_: object) -> Outcome:
        return Outcome(None, error)

    monkeypatch.setattr(trying.push, "post", came)
    page = send(clerk, "/admin/deliveries/endpoint/try").text
    assert SAYS[meaning(Outcome(None, error)).found] in page


def test_no_secret_and_no_event_stands_on_the_page_of_the_endpoint(clerk: FlaskClient) -> None:
    made.endpoint("https://finanz.example/events")
    page = clerk.get("/admin/deliveries/endpoint").text
    assert "https://finanz.example/events" in page
    assert "whsec_" not in page


def test_who_sees_only_one_kind_sees_its_events_only_and_no_figures(client: FlaskClient) -> None:
    made.event()
    sign_in(client, colleague("fee", Grant(Role.CLERK, kind="fee")))
    page = client.get("/admin/deliveries?show=all").text.split("<main")[1]
    assert "K-1" not in page
    assert "figures" not in page
    assert client.get("/admin/deliveries/endpoint").status_code == 404


def test_the_operator_tests_and_sends_but_sees_no_request(client: FlaskClient) -> None:
    made.parked_event()
    sign_in(client, colleague("betrieb", Role.OPERATOR))
    assert client.get("/admin/deliveries/endpoint").status_code == 200
    assert client.get("/admin/deliveries").status_code == 404


def test_a_viewer_cannot_send_again(client: FlaskClient) -> None:
    parked = made.parked_event()
    sign_in(client, colleague("sieht", Role.VIEWER))
    assert "/resend" not in client.get("/admin/deliveries").text
    assert send(client, f"/admin/deliveries/{parked.position}/resend").status_code == 404
    assert state(parked.position)[0] == "parked"


def test_pages_of_events_follow_each_other(
    clerk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(listing, "PAGE", 2)
    for _ in range(3):
        made.event()
    seen, url = list[str](), "/admin/deliveries?show=all"
    while url:
        page = clerk.get(url).text
        seen += re.findall(r'data-label="Number">(\d+)<', page)
        found = re.search(r'class="pager".*?href="([^"]+)"', page)
        url = found[1].replace("&amp;", "&") if found else ""
    last = builders.events()[-1].position
    assert seen == [str(position) for position in range(last, 0, -1)]


def _from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in practice mode: this machine may be called without TLS."""
    from portal.admin.deliveries import page as deliveries
    from portal.finance.reach import Reach

    monkeypatch.setattr(deliveries, "Reach", lambda *_, **__: Reach(anywhere=True))


def test_every_meaning_has_its_sentence() -> None:
    from portal.admin.deliveries.page import ANSWERS

    assert set(ANSWERS) == set(SAYS) == set(Found)
