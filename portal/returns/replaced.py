"""Letters that took each other's place: whose payments count for a request."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal.requests.models import PaymentRequest


@dataclass(frozen=True, slots=True)
class Letter:
    """A request's reference, and the id of the one that took its place."""

    reference: str
    replaced_by: int | None


def with_older(session: Session, tenant_id: str, request_ids: Collection[int]) -> dict[int, Letter]:
    """Requests with all that they have replaced, by id: what is paid on those counts for them."""
    found: dict[int, Letter] = {}
    newest = set(request_ids)
    while newest:
        rows = session.execute(
            select(PaymentRequest.id, PaymentRequest.reference, PaymentRequest.replaced_by).where(
                PaymentRequest.tenant_id == tenant_id,
                or_(PaymentRequest.id.in_(newest), PaymentRequest.replaced_by.in_(newest)),
            )
        ).all()
        new = {row.id: Letter(row.reference, row.replaced_by) for row in rows}
        newest = new.keys() - found.keys() - newest
        found |= new
    return found


def line(letters: Mapping[int, Letter], request_id: int) -> tuple[str, ...]:
    """The references of a request, of the one in its place, and so on as far as they are known."""
    found, now = list[str](), letters.get(request_id)
    while now is not None:
        found.append(now.reference)
        now = letters.get(now.replaced_by) if now.replaced_by is not None else None
    return tuple(found)
