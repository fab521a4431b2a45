"""Items: what a suspense or custody account consists of, one row a thing that can be named."""

from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import clock
from portal.db import lock
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.money import Money

Item = TypeVar("Item", SuspenseItem, CustodyItem)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item belongs: its tenant, the provider account and its own unique reference."""

    tenant_id: str
    account: str | None
    reference: str


def open_suspense(session: Session, place: Place, amount: Money) -> None:
    """The provider has this much of ours for one thing (a payment, an unclear report)."""
    session.execute(
        insert(SuspenseItem)
        .values(
            tenant_id=place.tenant_id,
            account=place.account,
            reference=place.reference,
            amount_cents=amount.cents,
            open_cents=amount.cents,
            currency=amount.currency,
            state="open",
            opened_at=clock.now(),
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "reference"])
    )


def settle(session: Session, place: Place, gross: Money) -> Money:
    """Take what a report settles off an open item; returns what fitted (up to what is open)."""
    known = select(SuspenseItem.id).where(
        SuspenseItem.tenant_id == place.tenant_id,
        SuspenseItem.reference == place.reference,
        SuspenseItem.account == place.account,
        SuspenseItem.currency == gross.currency,
    )
    item_id = session.scalar(known)
    item = lock(session, SuspenseItem, place.tenant_id, item_id) if item_id else None
    if item is None:
        return Money(0, gross.currency)
    fitting = max(0, min(gross.cents, item.open_cents))
    item.open_cents -= fitting
    if item.open_cents == 0 and item.state == "open":
        item.state, item.closed_at = "settled", clock.now()
    return Money(fitting, gross.currency)


def take_back_unclear(session: Session, place: Place) -> CustodyItem | None:
    """Close both items of an unclear report whose place was found; ``None`` if they moved on."""
    suspense = _locked(session, SuspenseItem, place)
    custody = _locked(session, CustodyItem, place)
    if suspense is None or custody is None:
        return None
    if suspense.open_cents != suspense.amount_cents or custody.open_cents != custody.amount_cents:
        return None
    now = clock.now()
    suspense.open_cents, suspense.state, suspense.closed_at = 0, "reversed", now
    custody.open_cents, custody.state, custody.closed_at = 0, "assigned", now
    session.flush()
    return custody


def _locked(session: Session, model: type[Item], place: Place) -> Item | None:
    query = select(model.id).where(
        model.tenant_id == place.tenant_id, model.reference == place.reference
    )
    item_id = session.scalar(query)
    return lock(session, model, place.tenant_id, item_id) if item_id is not None else None


def open_custody(
    session: Session, place: Place, cause: str, amount: Money, request_reference: str | None
) -> int | None:
    """We have this much that is nobody's yet (``surplus`` or ``unclear``); the item's id.

    ``None`` when the item was opened before.
    """
    return session.scalar(
        insert(CustodyItem)
        .values(
            tenant_id=place.tenant_id,
            account=place.account,
            reference=place.reference,
            cause=cause,
            request_reference=request_reference,
            amount_cents=amount.cents,
            open_cents=amount.cents,
            currency=amount.currency,
            state="open",
            opened_at=clock.now(),
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "reference"])
        .returning(CustodyItem.id)
    )
