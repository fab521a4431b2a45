"""What people note for retention: annual accounts that were adopted, holds, and their end."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import lock, transaction
from portal.errors import Invalid, NotFound
from portal.retention.models import AnnualAccounts, RetentionHold
from portal.tenants import Tenant


class NoSuchTenant(NotFound):
    """There is no such town."""

    code = "tenant_not_found"


class NoSuchHold(NotFound):
    """There is no such hold, or it has ended."""

    code = "hold_not_found"


class NotYet(Invalid):
    """Accounts are adopted after their year, and no day lies in the future."""

    code = "not_yet"


@dataclass(frozen=True, slots=True)
class Accounts:
    """The annual accounts of a year, as a person notes them."""

    year: int
    adopted_on: date
    discharged_on: date | None = None


def accounts(tenant_id: str, told: Accounts, by: str) -> None:
    """Note the annual accounts of a year; noted again, the last word counts. A whole act.

    Raises ``NoSuchTenant``, ``NotYet``.
    """
    with transaction() as session:
        today = clock.today(_tenant(session, tenant_id).time_zone)
        days = [day for day in (told.adopted_on, told.discharged_on) if day is not None]
        if min(days).year <= told.year or max(days) > today:
            raise NotYet(f"The accounts of {told.year} are adopted after it and not after today.")
        row = AnnualAccounts(
            tenant_id=tenant_id,
            year=told.year,
            adopted_on=told.adopted_on,
            discharged_on=told.discharged_on,
            noted_by=by,
            noted_at=clock.now(),
        )
        session.add(row)
        detail = {"days": [day.isoformat() for day in days]}
        audit.note(session, tenant_id, by, "retention.accounts", str(told.year), detail)


def hold(tenant_id: str, reference: str | None, reason: str, by: str) -> int:
    """Hold one request, or everything of the town; its number. A whole act.

    Raises ``NoSuchTenant``.
    """
    with transaction() as session:
        _tenant(session, tenant_id)
        row = RetentionHold(
            tenant_id=tenant_id, reference=reference, reason=reason, set_by=by, set_at=clock.now()
        )
        session.add(row)
        session.flush()
        audit.note(session, tenant_id, by, "retention.hold", str(row.id), {"reason": reason})
        return row.id


def release(tenant_id: str, hold_id: int, by: str) -> None:
    """End a hold: what is due goes in the next night. A whole act. Raises ``NoSuchHold``."""
    with transaction() as session:
        row = lock(session, RetentionHold, tenant_id, hold_id)
        if row is None or row.ended_at is not None:
            raise NoSuchHold("There is no such hold, or it has ended.")
        row.ended_by, row.ended_at = by, clock.now()
        audit.note(session, tenant_id, by, "retention.release", str(hold_id))


def _tenant(session: Session, tenant_id: str) -> Tenant:
    found = session.get(Tenant, tenant_id)
    if found is None:
        raise NoSuchTenant(f"There is no tenant {tenant_id!r}.")
    return found
