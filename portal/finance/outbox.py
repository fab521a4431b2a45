"""Putting an event into the outbox, in the transaction of the fact it tells.

The row is the job; the bell only wakes the worker. Positions are taken as the last statement
before the commit, by UPDATE on one row a tenant: commit order is position order, and a rollback
gives the position back. An event is put only while its request is locked.
"""

import secrets
from collections.abc import Collection

from sqlalchemy import literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import clock, jobs
from portal.db import after_commit, before_commit, kept
from portal.finance.messages import Message
from portal.finance.models import Delivery, Endpoint, EventFeed, EventRow


def put(session: Session, tenant_id: str, message: Message) -> None:
    """Tell ``message`` when, and only when, this transaction commits."""
    waiting = kept(session).setdefault("outbox", [])
    if not waiting:
        before_commit(session, lambda: _write(session))
        after_commit(session, lambda: jobs.ring(tenant_id))
    waiting.append((tenant_id, message, clock.now()))


def told(
    session: Session, tenant_id: str, type_: str, references: Collection[str]
) -> frozenset[str]:
    """Of which of these requests an event of this type was told."""
    query = select(EventRow.reference).where(
        EventRow.tenant_id == tenant_id,
        EventRow.reference.in_(references),
        EventRow.type == type_,
    )
    return frozenset(reference for reference in session.scalars(query) if reference)


def _write(session: Session) -> None:
    waiting = kept(session).pop("outbox")
    tenants = {tenant_id for tenant_id, _, _ in waiting}
    if len(tenants) != 1:
        raise ValueError("the events of one transaction belong to one tenant")
    tenant_id = tenants.pop()
    session.flush()
    last = session.execute(
        update(EventFeed)
        .where(EventFeed.tenant_id == tenant_id)
        .values(last=EventFeed.last + len(waiting))
        .returning(EventFeed.last)
    ).scalar_one()
    first = last - len(waiting) + 1
    events = [
        {
            "tenant_id": tenant_id,
            "position": position,
            "id": f"evt_{secrets.token_hex(16)}",
            "type": message.type,
            "reference": message.reference,
            "occurred_at": at,
            "data": message.data,
        }
        for position, (_, message, at) in enumerate(waiting, start=first)
    ]
    session.execute(insert(EventRow), events)
    endpoint = select(Endpoint.tenant_id).where(Endpoint.tenant_id == tenant_id).exists()
    due = select(
        EventRow.tenant_id, EventRow.position, literal("waiting"), literal(0), EventRow.occurred_at
    ).where(EventRow.tenant_id == tenant_id, EventRow.position >= first, endpoint)
    columns = ["tenant_id", "position", "state", "tries", "due_at"]
    session.execute(insert(Delivery).from_select(columns, due))
