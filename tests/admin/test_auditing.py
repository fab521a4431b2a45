"""The audit page: searched by who, what, which and when; its chain checked; acts in plain words."""

import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

from portal import audit, clock
from portal.admin.approvals.second_person import ACTS as ASKED
from portal.admin.audit import page as auditing
from portal.admin.audit.words import ACTS
from portal.db import transaction
from portal.proof import chain
from portal.staff.roles import Role
from tests.builders import OTHER_TOWN, TOWN, today, token
from tests.conftest import Time
from tests.staff.people import colleague, sign_in

PORTAL = Path(__file__).parents[2] / "portal"
SUBJECT = re.compile(r'data-label="Gegenstand">([^<]*)<')


def note(actor: str, act: str, subject: str, tenant_id: str = TOWN, **detail: object) -> None:
    with transaction() as session:
        audit.note(session, tenant_id, actor, act, subject, detail)


def subjects(client: FlaskClient, query: str = "") -> list[str]:
    answer = client.get(f"/admin/audit{query}")
    assert answer.status_code == 200
    return SUBJECT.findall(answer.text)


@pytest.fixture
def auditor(client: FlaskClient) -> FlaskClient:
    return sign_in(client, colleague("pruefer", Role.AUDITOR))


def test_notes_are_found_by_who_what_which_and_when(auditor: FlaskClient, time: Time) -> None:
    first = today()
    note("client:finance", "request.put", "K-1", stored="created")
    note("staff:anna", "request.withdraw", "K-1", reason="cancelled")
    note("staff:anna", "refund.approved", "r1")
    note("staff:anna", "request.put", "K-1", tenant_id=OTHER_TOWN)
    time.move("+30h")
    sign_in(auditor, colleague("zweite", Role.AUDITOR))
    note("staff:bert", "day.closed", "2026-11-20")
    assert subjects(auditor)[0] == "2026-11-20"
    assert subjects(auditor, "?actor=anna") == ["r1", "K-1"]
    assert subjects(auditor, "?actor=staff:anna&act=refund.approved") == ["r1"]
    assert subjects(auditor, "?subject=K-1") == ["K-1", "K-1"]
    second = first + timedelta(days=1)
    assert "2026-11-20" not in subjects(auditor, f"?until={first}")
    assert "K-1" not in subjects(auditor, f"?since={second + timedelta(days=0)}&actor=anna")
    assert subjects(auditor, "?subject=K-2") == []
    assert "Erstattung: freigegeben" in auditor.get("/admin/audit?subject=r1").text
    assert "reason: cancelled" in auditor.get("/admin/audit?subject=K-1").text


def test_the_pages_hold_each_note_once(
    auditor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "A_PAGE", 3)
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)  # all at the same moment
    for number in range(7):
        note("staff:anna", "request.put", f"K-{number}")
    found, url = [], "/admin/audit?actor=anna"
    for _ in range(4):
        page = auditor.get(url).text
        found += SUBJECT.findall(page)
        more = re.search(r'href="([^"]+)">Ältere Einträge', page)
        if not more:
            break
        url = more[1].replace("&amp;", "&")
    assert found == [f"K-{number}" for number in reversed(range(7))]


def test_looking_and_checking_tell_the_state_of_the_chain(
    auditor: FlaskClient, owner_url: str
) -> None:
    note("staff:anna", "request.put", "K-1")
    note("staff:anna", "request.put", "K-2")
    chain.extend_all()
    with transaction() as session:
        head = chain.head_of(session, TOWN)
    page = auditor.get("/admin/audit")
    assert str(head) in page.text
    csrf = token(page)
    assert "alle halten" in auditor.post("/admin/audit/check", data={"csrf_token": csrf}).text
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL quitt.purge = 'on'"))
        connection.execute(text("UPDATE audit SET actor = 'staff:bert' WHERE subject = 'K-1'"))
    checked = auditor.post("/admin/audit/check", data={"csrf_token": csrf}).text
    assert "gebrochen" in checked
    assert "Der Eintrag oder sein Glied wurde geändert." in checked
    with engine.begin() as connection:  # the books are checked after each test
        connection.execute(text("SET LOCAL quitt.purge = 'on'"))
        connection.execute(text("UPDATE audit SET actor = 'staff:anna' WHERE subject = 'K-1'"))
    engine.dispose()


@pytest.mark.parametrize("query", ["?since=x", "?until=2026-13-01", "?after=1", "?after=9_x",
                                   "?since=0001-01-01", "?after=999999999999999999_1"])  # fmt: skip
def test_what_is_no_day_and_no_place_is_not_there(auditor: FlaskClient, query: str) -> None:
    assert auditor.get(f"/admin/audit{query}").status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CLERK, Role.APPROVER, Role.CASHIER])
def test_who_may_not_see_the_audit_finds_no_door(client: FlaskClient, role: Role) -> None:
    sign_in(client, colleague("jansen", role))
    assert client.get("/admin/audit").status_code == 404
    csrf = token(client.get("/admin/account"))
    assert client.post("/admin/audit/check", data={"csrf_token": csrf}).status_code == 404


def noted() -> set[str]:
    """Every act that the code writes down by its own word."""
    found = set()
    for file in PORTAL.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            name = ast.unparse(node.func)
            place = {"audit.note": 3, "subject.note": 1}.get(name)
            if place is not None and isinstance(node.args[place], ast.Constant):
                found.add(str(node.args[place].value))
    return found


def asked() -> set[str]:
    """Every act that waits for a second person."""
    acts = set()
    for file in PORTAL.rglob("*.py"):
        source = file.read_text("utf-8")
        if "deciding" in source and (named := re.search(r'^ACT = "([a-z_.]+)"', source, re.M)):
            acts.add(named[1])
    return acts | {"suspense.close", "custody.keep"}


def test_every_act_has_its_plain_words() -> None:
    assert len(noted()) > 30
    assert noted() - set(ACTS) == set()
    assert asked() - {"request.put"} - set(ASKED) == set()


def test_what_has_no_words_is_shown_by_its_code(auditor: FlaskClient) -> None:
    note("worker", "something.new", "x")
    assert "something.new" in auditor.get("/admin/audit").text
