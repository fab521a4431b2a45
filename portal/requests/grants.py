"""Grants: a right TAN opens one request for one visitor.

The row says that the TAN was right, and ends after half a day; that a visitor is still active is
known to his signed cookie, so looking at a page writes nothing. A new TAN or link ends a grant.
"""

import hashlib
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import clock
from portal.db import transaction
from portal.requests.models import Grant, PaymentRequest

LONGEST = timedelta(hours=12)


def give(session: Session, request: PaymentRequest, visitor: str) -> None:
    """This visitor knew the TAN."""
    now = clock.now()
    row = {
        "link_version": request.link_version,
        "tan_version": request.tan_version,
        "given_at": now,
        "ends_at": now + LONGEST,
    }
    session.execute(
        insert(Grant)
        .values(tenant_id=request.tenant_id, request_id=request.id, visitor=_hashed(visitor), **row)
        .on_conflict_do_update(index_elements=["tenant_id", "request_id", "visitor"], set_=row)
    )


def holds(session: Session, request: PaymentRequest, visitor: str) -> bool:
    """Whether this visitor's grant for this request is still good."""
    grant = session.get(Grant, (request.tenant_id, request.id, _hashed(visitor)))
    return (
        grant is not None
        and grant.ends_at > clock.now()
        and (grant.link_version, grant.tan_version) == (request.link_version, request.tan_version)
    )


def end(session: Session, tenant_id: str, visitor: str) -> None:
    """The visitor is done: all his grants end."""
    mine = (Grant.tenant_id == tenant_id) & (Grant.visitor == _hashed(visitor))
    session.execute(delete(Grant).where(mine))


def delete_ended() -> int:
    """Forget the grants that have ended; how many there were. A whole act."""
    with transaction() as session:
        ended = delete(Grant).where(Grant.ends_at < clock.now()).returning(Grant.request_id)
        return len(session.scalars(ended).all())


def _hashed(visitor: str) -> bytes:
    return hashlib.sha256(visitor.encode()).digest()
