"""One run a tenant at a time, over all processes, by advisory locks of PostgreSQL.

All runs of a process share one connection, which is held while there are any: a connection each
would be as many as there are towns. No transaction is open on it. A killed process lets go.
"""

import threading

from sqlalchemy import Connection, text

from portal.db import db

TAKE = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
GIVE_BACK = text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")

_one = threading.Lock()
_held: set[str] = set()  # one session may take the same lock twice; one process may not
_connection: Connection | None = None


def take(tenant_id: str) -> bool:
    """Whether this is now the tenant's only run."""
    with _one:
        if tenant_id in _held:
            return False
        try:
            taken = bool(_open().scalar(TAKE, {"name": f"deliver:{tenant_id}"}))
        except BaseException:
            _let_go(broken=True)
            raise
        if taken:
            _held.add(tenant_id)
        elif not _held:
            _let_go()
        return taken


def give_back(tenant_id: str) -> None:
    """The run has ended."""
    with _one:
        _held.discard(tenant_id)
        if _connection is None:  # it broke meanwhile, and the lock went with it
            return
        try:
            _connection.execute(GIVE_BACK, {"name": f"deliver:{tenant_id}"})
        except BaseException:
            _let_go(broken=True)
            raise
        if not _held:
            _let_go()


def _open() -> Connection:
    global _connection  # noqa: PLW0603 -- one connection a process
    if _connection is None:
        _connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    return _connection


def _let_go(*, broken: bool = False) -> None:
    global _connection  # noqa: PLW0603
    if _connection is None:
        return
    if broken:
        _connection.invalidate()  # not back into the pool: no lock may live on unseen
    _connection.close()
    _connection = None
