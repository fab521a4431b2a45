"""Transfers (Überweisungen) as a choice beside the providers. No payment is made, nothing barred.

What is transferred arrives on the town's own account, and the finance system tells of it
(``portal.requests.elsewhere``). So all that is decided here is whether to offer it now.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy.orm import Session

from portal import clock, epc
from portal.epc import Transfer
from portal.money import Money
from portal.payments.under_way import undecided
from portal.requests import register
from portal.requests.models import PaymentRequest
from portal.requests.states import PAYABLE
from portal.tenants import Tenant


class Hindrance(StrEnum):
    """Why no transfer is offered now."""

    NO_ACCOUNT = "no_account"
    NOT_PAYABLE = "not_payable"
    UNDECIDED = "undecided"
    TOO_LATE = "too_late"


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides; ``closes_on`` is the last day of a kind that takes no money after it."""

    has_account: bool
    payable: bool
    undecided: bool
    closes_on: date | None
    day: date


# The first that is true is the hindrance. A transfer is credited on the next banking day (§ 675s
# BGB): where the kind closes, one that is begun on the last day may come too late.
# fmt: off
HINDERED_WHEN: tuple[tuple[Hindrance, Callable[[Situation], bool]], ...] = (
    (Hindrance.NOT_PAYABLE, lambda now: not now.payable),
    (Hindrance.UNDECIDED,   lambda now: now.undecided),
    (Hindrance.NO_ACCOUNT,  lambda now: not now.has_account),
    (Hindrance.TOO_LATE,    lambda now: now.closes_on is not None and now.day >= now.closes_on),
)
# fmt: on


def judge(now: Situation) -> Hindrance | None:
    """Why a transfer is not offered in this situation; ``None`` when it is."""
    return next((hindrance for hindrance, holds in HINDERED_WHEN if holds(now)), None)


def hindrance(session: Session, request: PaymentRequest) -> Hindrance | None:
    """Why a transfer is not offered for a request today; ``None`` when it is."""
    tenant = session.get_one(Tenant, request.tenant_id)
    today = clock.today(tenant.time_zone)
    return judge(
        Situation(
            has_account=bool(tenant.iban and tenant.account_holder),
            payable=request.state in PAYABLE and not request.is_over(today),
            undecided=undecided(session, request) is not None,
            closes_on=register.closes_on(session, request),
            day=today,
        )
    )


def transfer(tenant: Tenant, request: PaymentRequest, amount: Money) -> Transfer:
    """What to fill in for so much of what a request still asks."""
    text = request.payment_sign or request.reference
    return Transfer(tenant.account_holder, tenant.iban, tenant.bic, amount, text)


def code(session: Session, request: PaymentRequest, amount: Money) -> bytes | None:
    """What the EPC code for so much says; ``None`` when none is offered or there is none."""
    if hindrance(session, request):
        return None
    return epc.payload(transfer(session.get_one(Tenant, request.tenant_id), request, amount))
