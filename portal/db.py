"""The database, and the one way to commit.

A function that takes ``session`` writes but never commits.
A function that does not is a whole act: it opens ``transaction()`` exactly once.
Every key begins with the tenant. SQL never asks for the time: ``clock.now()`` is passed in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, LargeBinary, MetaData, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, registry

Json = dict[str, Any]
Row = TypeVar("Row")

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
TYPES: dict[Any, Any] = {datetime: DateTime(timezone=True), Json: JSONB, bytes: LargeBinary}


class Base(DeclarativeBase):
    """What every row of the portal's database is."""

    registry = registry(metadata=MetaData(naming_convention=NAMES), type_annotation_map=TYPES)


db = SQLAlchemy(model_class=Base)


@contextmanager
def transaction(database: SQLAlchemy = db) -> Iterator[Session]:
    """Commit everything inside the block, or nothing. Acts do not nest.

    What ``before_commit`` collected runs last inside the transaction, what ``after_commit``
    collected once it is committed.
    """
    session = database.session()
    assert not session.info.get("act"), "an act was called from inside another act"  # noqa: S101
    session.info.update(act=True, before_commit=[], after_commit=[], kept={})
    try:
        yield session
        for last in session.info["before_commit"]:
            last()
        session.commit()
        followers = session.info["after_commit"]
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.update(act=False, before_commit=[], after_commit=[], kept={})
    for follower in followers:
        follower()


def kept(session: Session) -> dict[str, Any]:
    """What this act keeps until it is committed or rolled back."""
    found: dict[str, Any] = session.info["kept"]
    return found


def before_commit(session: Session, last: Callable[[], None]) -> None:
    """Have ``last`` run as the last thing before the commit of this act."""
    session.info["before_commit"].append(last)


def after_commit(session: Session, follower: Callable[[], None]) -> None:
    """Have ``follower`` run once the act is committed; never when it is rolled back."""
    session.info["after_commit"].append(follower)


def lock(session: Session, model: type[Row], *key: Any) -> Row | None:
    """Lock a row and read it afresh: the only way to lock.

    A bare ``with_for_update()`` hands back the object that the session already knew, as it was
    before the lock was ours. Only the row itself is locked, not what is loaded beside it.
    """
    session.flush()
    return session.get(model, key, with_for_update={"of": model}, populate_existing=True)


def wait_for(session: Session, name: str) -> None:
    """Take a PostgreSQL advisory lock for the rest of the transaction, however long it takes."""
    held = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
    session.execute(held, {"name": name})


def advisory_lock(session: Session, name: str) -> bool:
    """Try a PostgreSQL advisory lock for the rest of the transaction."""
    held = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
    return bool(session.scalar(held, {"name": name}))
