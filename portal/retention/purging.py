"""The purge: asks the database to let go of what is due, in small transactions, and notes it.

It may be broken off and begun again, and run twice at once: the database looks at each row again
under its lock. After a restore the same run purges again all that the backup still held.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from portal import audit, clock, tenants
from portal.db import transaction
from portal.keys import Keyring
from portal.requests import purged
from portal.retention import due
from portal.retention.classes import Name
from portal.retention.due import Place

PURGE_DETAILS = text("SELECT unnest(purge_request_details(:tenant, :ids, :now))")
PURGE_WHOLE = text("SELECT unnest(purge_requests(:tenant, :ids, :names, :key, :now))")
PURGE_YEAR = text("SELECT purge_year(:tenant, :year, :what, :now)")
PURGE_TASKS = text("SELECT purge_tasks(:tenant, :now)")

Find = Callable[[Session, str, Place], Sequence[Row[tuple[int, datetime]]]]
Purge = Callable[[Session, Keyring, str, list[int]], Counter[Name]]


@dataclass(frozen=True, slots=True)
class Gone:
    """How much of a tenant's went by which class."""

    tenant_id: str
    counts: Counter[Name]


def night(keyring: Keyring) -> list[Gone]:
    """Purge what is due in every town: whole acts, one for each few hundred requests."""
    return tenants.each(lambda tenant_id: Gone(tenant_id, _purge(keyring, tenant_id)))


def again(keyring: Keyring) -> list[Gone]:
    """After a restore, before the doors open: what the backup still held is due again and goes.

    Annual accounts and holds that were noted after the backup must be noted again first.
    """
    return night(keyring)


def _purge(keyring: Keyring, tenant_id: str) -> Counter[Name]:
    counts = _walk(keyring, tenant_id, due.details, _details)
    counts += _walk(keyring, tenant_id, due.whole, _whole)
    with transaction() as session:
        years = due.years(session, tenant_id)
    for year, what in years:
        counts += _year(tenant_id, year, what)
    return counts + _tasks(tenant_id)


def _walk(keyring: Keyring, tenant_id: str, find: Find, purge: Purge) -> Counter[Name]:
    counts: Counter[Name] = Counter()
    place: Place | None = Place()
    while place is not None:
        with transaction() as session:
            found = find(session, tenant_id, place)
            done = purge(session, keyring, tenant_id, [int(row.id) for row in found])
            _note(session, tenant_id, done)
            place = Place(found[-1].updated_at, found[-1].id) if found else None
        counts += done
    return counts


def _details(session: Session, keyring: Keyring, tenant_id: str, ids: list[int]) -> Counter[Name]:
    """The details of these; those that never had money go whole at once."""
    told = {"tenant": tenant_id, "ids": ids, "now": clock.now()}
    done = list(session.scalars(PURGE_DETAILS, told))
    unpaid = _gone(session, keyring, tenant_id, done)
    return Counter({Name.DETAILS: len(done), Name.UNPAID: unpaid})


def _whole(session: Session, keyring: Keyring, tenant_id: str, ids: list[int]) -> Counter[Name]:
    return Counter({Name.BOOKS: _gone(session, keyring, tenant_id, ids)})


def _gone(session: Session, keyring: Keyring, tenant_id: str, ids: list[int]) -> int:
    """How many of these are gone whole, with an HMAC of each reference left behind."""
    found = due.whole_among(session, tenant_id, ids)
    key = keyring.current
    told = {
        "tenant": tenant_id,
        "ids": list(found),
        "names": [purged.name(key, tenant_id, reference) for reference in found.values()],
        "key": key.id,
        "now": clock.now(),
    }
    return len(session.scalars(PURGE_WHOLE, told).all()) if found else 0


def _year(tenant_id: str, year: int, what: str) -> Counter[Name]:
    with transaction() as session:
        told = {"tenant": tenant_id, "year": year, "what": what, "now": clock.now()}
        name = Name.YEAR if what == "books" else Name.VOUCHERS
        done = Counter({name: int(bool(session.scalar(PURGE_YEAR, told)))})
        _note(session, tenant_id, done, year)
        return done


def _tasks(tenant_id: str) -> Counter[Name]:
    with transaction() as session:
        told = {"tenant": tenant_id, "now": clock.now()}
        done = Counter({Name.TASKS: int(session.scalar(PURGE_TASKS, told) or 0)})
        _note(session, tenant_id, done)
        return done


def _note(session: Session, tenant_id: str, counts: Counter[Name], year: int | None = None) -> None:
    for name, count in counts.items():
        if count:
            detail = {"count": count} | ({"year": year} if year else {})
            audit.note(session, tenant_id, "worker", "retention.purge", name.value, detail)
