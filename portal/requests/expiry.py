"""The last day: requests that may be paid online until a day, and no longer."""

from sqlalchemy import select

from portal import clock
from portal.db import transaction
from portal.finance import messages, outbox
from portal.requests import register
from portal.requests.models import PaymentRequest
from portal.requests.states import PAYABLE
from portal.tenants import Tenant

MOST_AT_ONCE = 1000


def expire_due() -> int:
    """End every request whose last day is over in its town; a whole act for each."""
    with transaction() as session:
        zones = session.execute(select(Tenant.id, Tenant.time_zone)).all()
        over = [
            (tenant_id, request_id)
            for tenant_id, zone in zones
            for request_id in session.scalars(
                select(PaymentRequest.id)
                .where(
                    PaymentRequest.tenant_id == tenant_id,
                    PaymentRequest.state.in_(PAYABLE),
                    PaymentRequest.payable_until < clock.today(zone),
                )
                .limit(MOST_AT_ONCE)
            )
        ]
    for tenant_id, request_id in over:
        _expire(tenant_id, request_id)
    return len(over)


def _expire(tenant_id: str, request_id: int) -> None:
    with transaction() as session:
        request = register.locked(session, tenant_id, request_id)
        zone = session.get_one(Tenant, tenant_id).time_zone
        if request.is_over(clock.today(zone)) and register.expire(request):
            outbox.put(
                session, tenant_id, messages.request_expired(request.reference, request.version)
            )
