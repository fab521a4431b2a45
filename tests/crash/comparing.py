"""Three books of one thing: the provider's, the portal's and the office's. To the cent."""

from typing import Any

from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.orm import Session

from office.db import driver_url
from tests import books
from tests.stages import Demo

Rows = dict[str, int]


def differences(demo: Demo, office_url: str, prefix: str) -> list[str]:
    """In words, whatever the three books do not agree on; requests begin with ``prefix``."""
    tenant = demo.facts["tenant"]
    merchants = {
        name.removeprefix(f"{tenant}-"): told
        for name, told in demo.books().items()
        if name.startswith(f"{tenant}-")
    }
    taken = {
        one["payment"]: one["amount_cents"]
        for told in merchants.values()
        for one in told["payments"]
        if one["status"] == "paid"
    }
    with Session(
        create_engine(driver_url(demo.facts["database_url"]), poolclass=NullPool)
    ) as portal:
        found = [
            *_compared("provider", taken, "portal", _booked(portal, tenant)),
            *_suspense(portal, tenant, merchants),
            *_unpaid(portal, tenant, prefix),
            *_asked_twice(portal, merchants),
            *_broken(portal),
        ]
        told = _rows(portal, "SELECT id, position FROM events WHERE tenant_id = :tenant", tenant)
    with Session(create_engine(driver_url(office_url), poolclass=NullPool)) as office:
        items = "SELECT payment, sum(cents) FROM suspense_items GROUP BY payment"
        found += _compared("provider", taken, "office", _rows(office, items))
        events = _rows(office, "SELECT id, position FROM events")
        found += _compared("portal's events", told, "office", events)
        found += _uncleared(office, prefix)
    return found


def _compared(one: str, ours: Rows, other: str, theirs: Rows) -> list[str]:
    return [
        f"{key}: {one} {ours.get(key)}, {other} {theirs.get(key)}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]


def _booked(portal: Session, tenant: str) -> Rows:
    """What the ledger says of each payment."""
    query = """
        SELECT substr(e.reference, 9), sum(p.cents) FROM ledger_entries e
        JOIN ledger_postings p ON (p.tenant_id, p.entry_id) = (e.tenant_id, e.id)
        JOIN payments y ON (y.tenant_id, y.id) = (e.tenant_id, substr(e.reference, 9))
        WHERE e.tenant_id = :tenant AND e.reference LIKE 'payment:%'
            AND p.account LIKE 'suspense:%' AND y.state = 'succeeded' GROUP BY 1"""
    return _rows(portal, query, tenant)


def _suspense(portal: Session, tenant: str, merchants: dict[str, Any]) -> list[str]:
    query = """
        SELECT substr(account, 10), sum(cents) FROM ledger_postings
        WHERE tenant_id = :tenant AND account LIKE 'suspense:%' GROUP BY 1"""
    ours = {name: told["totals"]["succeeded_cents"] for name, told in merchants.items()}
    held = {name: cents for name, cents in ours.items() if cents}
    return _compared("provider's sum", held, "suspense", _rows(portal, query, tenant))


def _unpaid(portal: Session, tenant: str, prefix: str) -> list[str]:
    query = """
        SELECT reference, covered_cents FROM payment_requests
        WHERE tenant_id = :tenant AND reference LIKE :prefix AND state <> 'paid'"""
    rows = portal.execute(text(query), {"tenant": tenant, "prefix": f"{prefix}%"})
    return [f"{reference}: paid, and {cents} covered" for reference, cents in rows]


def _asked_twice(portal: Session, merchants: dict[str, Any]) -> list[str]:
    """Payments that the portal began when the provider had the money of the request already."""
    request_of = _rows(portal, "SELECT id, request_id FROM payments")
    orders = [one for told in merchants.values() for one in told["payments"]]
    strangers = [one["payment"] for one in orders if one["payment"] not in request_of]
    paid_at: dict[int, str] = {}
    for one in orders:
        if one["status"] == "paid" and one["payment"] in request_of:
            request = request_of[one["payment"]]
            paid_at[request] = min(one["changed_at"], paid_at.get(request, "9"))
    return [f"{one}: ordered by nobody" for one in strangers] + [
        f"{one['payment']}: begun after request {request} was paid"
        for one in orders
        if (request := request_of.get(one["payment"])) in paid_at
        and one["started_at"] > paid_at[request]
    ]


def _broken(portal: Session) -> list[str]:
    try:
        books.check(portal)
    except AssertionError as broken:
        return [str(broken)]
    return []


def _uncleared(office: Session, prefix: str) -> list[str]:
    query = """
        SELECT reference, cleared_cents, cents FROM claims
        WHERE reference LIKE :prefix AND (state <> 'cleared' OR cleared_cents <> cents)"""
    rows = office.execute(text(query), {"prefix": f"{prefix}%"})
    return [f"{reference}: office cleared {done} of {cents}" for reference, done, cents in rows]


def _rows(session: Session, query: str, tenant: str = "") -> Rows:
    rows = session.execute(text(query), {"tenant": tenant} if tenant else {})
    return {key: int(value) for key, value in rows}
