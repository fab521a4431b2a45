"""References that were used and whose request is purged: a letter of old never comes alive.

Links are derived from the reference, so the same reference pushed again would revive the old
letter's link. From the purge of a request's details on, its reference is used up; once the whole
request is gone, HMAC(key, tenant, reference) is all that is left of it.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.db import Base
from portal.errors import Conflict
from portal.keys import Key, Keyring, mac
from portal.requests.models import PaymentRequest


class PurgedReference(Base):
    """All that is left of the reference of a purged request: ``name`` is an HMAC of it."""

    __tablename__ = "purged_references"
    __table_args__ = (CheckConstraint("octet_length(name) = 32", name="name"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    key_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[bytes] = mapped_column(primary_key=True)
    link_version: Mapped[int]
    tan_version: Mapped[int]
    purged_at: Mapped[datetime]


class ReferenceUsed(Conflict):
    """The request of this reference is purged; a new demand needs a reference of its own."""

    code = "reference_used"

    def __init__(self) -> None:
        super().__init__("This reference was used before and its request is deleted. Use another.")


def name(key: Key, tenant_id: str, reference: str) -> bytes:
    """The 32 bytes that are left of a reference."""
    return mac(key.child("purged-reference"), tenant_id, reference)


def gone(
    session: Session, keyring: Keyring, tenant_id: str, references: Collection[str]
) -> set[str]:
    """Those of the references whose request is gone; one without details still is a request."""
    found: set[str] = set()
    for key in keyring.keys:
        if _any_left(session, tenant_id, key):
            found |= _left(session, tenant_id, key, references)
    return found


def refuse(request: PaymentRequest) -> None:
    """Raise ``ReferenceUsed`` when the details of a request are purged."""
    if request.details_purged_at is not None:
        raise ReferenceUsed


def _any_left(session: Session, tenant_id: str, key: Key) -> bool:
    some = exists().where(PurgedReference.tenant_id == tenant_id, PurgedReference.key_id == key.id)
    return bool(session.scalar(select(some)))


def _left(session: Session, tenant_id: str, key: Key, references: Collection[str]) -> set[str]:
    names = {name(key, tenant_id, reference): reference for reference in references}
    query = select(PurgedReference.name).where(
        PurgedReference.tenant_id == tenant_id,
        PurgedReference.key_id == key.id,
        PurgedReference.name.in_(names),
    )
    return {names[found] for found in session.scalars(query)}
