"""The one way to commit, and the one way to lock."""

import threading

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import advisory_lock, after_commit, before_commit, db, kept, lock, transaction
from portal.finance.models import EventFeed
from tests.builders import TOWN

pytestmark = pytest.mark.rows_by_hand


def last() -> int:
    db.session.rollback()
    return db.session.scalars(select(EventFeed.last).where(EventFeed.tenant_id == TOWN)).one()


def test_a_transaction_commits_everything_or_nothing(app: Flask) -> None:
    with transaction() as session:
        session.get_one(EventFeed, TOWN).last = 1
    assert last() == 1
    with pytest.raises(ZeroDivisionError), transaction() as session:
        session.get_one(EventFeed, TOWN).last = 1 // 0
    assert last() == 1


def test_acts_do_not_nest(app: Flask) -> None:
    with pytest.raises(AssertionError, match="inside another"), transaction(), transaction():
        pass
    with transaction():
        pass


def test_the_last_thing_comes_before_the_commit_and_the_follower_behind_it(app: Flask) -> None:
    told = []
    with transaction() as session:
        after_commit(session, lambda: told.append(("after", last())))
        before_commit(session, lambda: told.append(("before", 0)))
        session.get_one(EventFeed, TOWN).last = 7
        told.append(("act", 0))
    assert told == [("act", 0), ("before", 0), ("after", 7)]


def test_after_a_rollback_nothing_follows_and_nothing_is_kept(app: Flask) -> None:
    told: list[str] = []

    def undone() -> None:
        with transaction() as session:
            kept(session)["something"] = 1
            after_commit(session, lambda: told.append("after"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    with transaction() as session:
        assert kept(session) == {}
    assert told == []


def test_a_failing_last_thing_undoes_the_act(app: Flask) -> None:
    def failing() -> None:
        with transaction() as session:
            session.get_one(EventFeed, TOWN).last = 1
            before_commit(session, lambda: 1 // 0)  # type: ignore[arg-type,return-value]

    with pytest.raises(ZeroDivisionError):
        failing()
    assert last() == 0


def test_eight_who_lock_and_add_one_make_eight(app: Flask) -> None:
    gate = threading.Barrier(8, timeout=10)

    def add() -> None:
        with app.app_context():
            with transaction() as session:
                known = session.get_one(EventFeed, TOWN)  # as it was before the lock was ours
                gate.wait()
                assert lock(session, EventFeed, TOWN) is known
                known.last += 1
            db.session.remove()

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert last() == 8


def test_locking_what_is_not_there_gives_nothing(app: Flask) -> None:
    with transaction() as session:
        assert lock(session, EventFeed, "nowhere") is None


def test_an_advisory_lock_is_held_by_one(app: Flask) -> None:
    other = []

    def try_it() -> None:
        with app.app_context(), transaction() as session:
            other.append(advisory_lock(session, "sweep"))

    with transaction() as session:
        assert advisory_lock(session, "sweep")
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
    assert other == [False]


def test_every_key_begins_with_the_tenant() -> None:
    # Clients are found by their own id: the tenant stands in the token, not beside it.
    own = {"tenants", "tenant_hosts", "clients"}
    for table in db.metadata.sorted_tables:
        if table.name not in own:
            assert next(iter(table.primary_key.columns)).name == "tenant_id", table.name


def test_every_foreign_key_between_rooms_stays_in_its_tenant() -> None:
    for table in db.metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            # A client is one tenant's and is found by its own id.
            if table.name != "tenant_hosts" and key.referred_table.name != "clients":
                assert "tenant_id" in key.column_keys, f"{table.name}: {key.column_keys}"
