"""What two people have agreed to, done at once: how an item's money comes to requests."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from portal.money import Money
from portal.payments.record import again
from portal.returns import custody


def split(tenant_id: str, item_id: int, parts: Mapping[str, Money], by: str) -> None:
    """Give parts of an item to requests, as ``assigning`` does."""

    def whole(session: Session) -> None:
        item = custody.locked(session, tenant_id, item_id, *parts)
        custody.give(session, item, parts, by)

    again(whole)


def assign(tenant_id: str, item_id: int, reference: str, amount: Money, by: str) -> None:
    """Give so much of an item to one request."""
    split(tenant_id, item_id, {reference: amount}, by)
