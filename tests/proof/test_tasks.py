"""The nightly look: what is broken becomes a task of its town, and ends when it holds again."""

import logging

import pytest
from flask import Flask
from sqlalchemy import Engine, NullPool, create_engine, text

from portal import audit, clock, logs
from portal.db import db, transaction
from portal.proof import chain, closing, tasks
from portal.worklist import reading
from portal.worklist.kinds import Kind
from tests import builders
from tests.builders import OTHER_TOWN, TOWN
from tests.conftest import Time


@pytest.fixture
def owner(owner_url: str) -> Engine:
    return create_engine(owner_url, poolclass=NullPool)


def look() -> None:
    db.session.rollback()
    tasks.look(timestamp=0)
    db.session.rollback()


def open_tasks(tenant_id: str) -> list[str]:
    found = reading.open_tasks(db.session(), tenant_id, kinds=[Kind.BOOKS_BROKEN])
    db.session.rollback()
    return [task.subject for task in found]


def by_hand(owner: Engine, *statements: str) -> None:
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL quitt.purge = 'on'"))
        for statement in statements:
            connection.execute(text(statement))


def test_what_is_broken_is_a_task_of_its_town_until_it_holds(
    app: Flask, owner: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    by_hand(owner, f"UPDATE event_feed SET last = 1 WHERE tenant_id = '{TOWN}'")
    with caplog.at_level(logging.ERROR, "portal.proof.tasks"):
        look()
        look()
    assert open_tasks(TOWN) == ["positions of the feed have no gap"]
    assert open_tasks(OTHER_TOWN) == []
    logged = caplog.records[0].__dict__
    assert (logged["rule"], logged["count"], logged["rows"]) == (
        "positions of the feed have no gap", 1, [TOWN]
    )  # fmt: skip
    by_hand(owner, "UPDATE event_feed SET last = 0")
    look()
    assert open_tasks(TOWN) == []


@pytest.mark.rows_by_hand
def test_a_broken_audit_chain_is_a_task(app: Flask, owner: Engine) -> None:
    with transaction() as session:
        audit.note(session, OTHER_TOWN, "worker", "act", "thing")
    chain.extend_all()
    by_hand(owner, "UPDATE audit SET actor = 'nobody'")
    look()
    assert open_tasks(OTHER_TOWN) == [tasks.CHAIN]
    assert open_tasks(TOWN) == []


def test_the_night_leaves_no_task_where_all_is_well(app: Flask) -> None:
    with transaction() as session:
        audit.note(session, TOWN, "worker", "act", "thing")
    look()
    assert open_tasks(TOWN) == []
    assert chain.verify(db.session(), TOWN).links == 1


def test_what_should_be_deleted_by_now_is_a_task_too(app: Flask, owner: Engine) -> None:
    builders.letter()
    by_hand(
        owner,
        "INSERT INTO grants (tenant_id, request_id, visitor, link_version, tan_version, given_at,"
        f" ends_at) SELECT tenant_id, id, sha256('v'), 1, 1, now() - interval '9 days',"
        f" now() - interval '8 days' FROM payment_requests WHERE tenant_id = '{TOWN}'",
    )
    look()
    assert open_tasks(TOWN) == [tasks.KEPT]
    assert open_tasks(OTHER_TOWN) == []


def test_the_head_of_each_chain_is_written_into_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    with transaction() as session:
        audit.note(session, TOWN, "worker", "act", "thing")
    chain.extend_all()
    with caplog.at_level(logging.INFO, "portal.proof.tasks"):
        tasks.anchor(timestamp=0)
    told = {each.__dict__["tenant"]: each.__dict__["head"] for each in caplog.records}
    assert set(told) == {TOWN, OTHER_TOWN}
    head = chain.Head(1, bytes.fromhex(told[TOWN].removeprefix("1:")))
    assert chain.verify(db.session(), TOWN, head).wrong == 0
    assert "head" in logs.ALLOWED
    db.session.rollback()


@pytest.mark.rows_by_hand
def test_the_night_tells_the_finance_system_where_a_chain_that_holds_ends(
    app: Flask, owner: Engine
) -> None:
    with transaction() as session:
        audit.note(session, TOWN, "staff:anna", "staff.added", "bert")
    look()
    told = text("SELECT tenant_id, data ->> 'head', data ->> 'day' FROM events")
    with transaction() as session:
        head = chain.head_of(session, TOWN)
        assert session.execute(told).all() == [(TOWN, head.hash.hex(), None)]
    by_hand(owner, "UPDATE audit SET actor = 'staff:bert' WHERE subject = 'bert'")
    look()
    with transaction() as session:
        assert len(session.execute(told).all()) == 1


@pytest.mark.rows_by_hand
def test_the_night_sees_a_tail_that_was_cut_behind_a_closing(
    app: Flask, owner: Engine, time: Time
) -> None:
    day = clock.today("Europe/Berlin")
    for name in ("bert", "carl"):
        with transaction() as session:
            audit.note(session, TOWN, "staff:anna", "staff.added", name)
    time.move("+25h")
    closing.close(TOWN, day, "staff:anna")
    by_hand(owner, "DELETE FROM audit WHERE subject <> 'bert'")
    by_hand(owner, "DELETE FROM audit_chain WHERE seq > 1")
    put_back = "UPDATE audit_heads h SET seq = 1, hash = c.hash FROM audit_chain c WHERE c.seq = 1"
    by_hand(owner, f"{put_back} AND c.tenant_id = h.tenant_id")
    assert chain.verify(db.session(), TOWN).wrong == 0, "a chain alone cannot show it"
    look()
    assert tasks.CHAIN in open_tasks(TOWN)
