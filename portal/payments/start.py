"""Starting a payment: write it down, ask the provider, write down where the citizen goes.

No transaction is open while the provider is called. If it timed out it is asked once more with
the same idempotency key; then the payment is *unknown*, because money may be under way.
"""

import logging
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.orm import Session

from portal import clock, references
from portal.db import lock, transaction
from portal.errors import Conflict, NotFound
from portal.keys import Keyring
from portal.money import Money
from portal.payments import accounts, calls, offering, parts
from portal.payments.models import Payment, ProviderAccount, ProviderRule
from portal.payments.offering import Case
from portal.payments.offers import Offers, Refusal
from portal.payments.parts import Payable, Which
from portal.payments.record import advance, expected_reference
from portal.payments.schedule import first_ask, payable_until
from portal.payments.states import Event
from portal.payments.under_way import undecided
from portal.providers import registry
from portal.providers.protocol import Account, Handover, Order, OrderRefused, ProviderDown
from portal.requests import links, register
from portal.requests.models import PaymentRequest
from portal.requests.states import PAYABLE, State
from portal.tenants import Kind, Tenant

log = logging.getLogger(__name__)


class ChangedSince(Conflict):
    """The request is not any more what the page showed."""

    code = "changed_since"


class NotPayable(Conflict):
    """The request cannot be paid online now."""

    code = "not_payable"


class NotOffered(Conflict):
    """The provider may not be used now; ``refusal`` says why, if it is a choice at all."""

    code = "not_offered"

    def __init__(self, refusal: Refusal | None) -> None:
        super().__init__("This provider may not be used now.")
        self.refusal = refusal


class Undecided(Conflict):
    """Another payment is not decided yet: the request's own, or money that is under way for it."""

    code = "payment_undecided"


class NoSuchPayment(NotFound):
    """Not there, or another tenant's."""

    code = "payment_not_found"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the citizen chose, and what the page had shown when he did.

    ``amount_cents`` is all that was open; ``part_cents`` what of it is paid, unless it is all.
    """

    tenant_id: str
    request_id: int
    rule: int
    version: int
    amount_cents: int
    channel: str
    language: str
    which: Which = Which.WHOLE
    part_cents: int = 0


@dataclass(frozen=True, slots=True)
class _Prepared:
    payment: str
    provider: str
    account: Account
    order: Order


def offers_for(
    session: Session, request: PaymentRequest, channel: str, amount: Money | None = None
) -> Offers:
    """Which providers may be used for an amount (else all that is open); why not the others."""
    day = _today(session, request.tenant_id)
    case = Case(amount or request.open, request.kind, channel, day)
    return offering.on(session, request.tenant_id, case)


def payable_now(session: Session, request: PaymentRequest) -> Payable:
    """What of a request may be paid today: all, what is due, or a part of one's own."""
    kind = session.get_one(Kind, (request.tenant_id, request.kind))
    today = _today(session, request.tenant_id)
    return parts.payable(request.open, request.covered_cents, request.content, kind, today)


def start(keyring: Keyring, choice: Choice, public_url: str) -> str:
    """Start a payment and return its id; where to send the citizen stands in its row.

    Raises ``ChangedSince``, ``NotPayable``, ``NotAPart``, ``NotOffered``, ``Undecided``.
    """
    with transaction() as session:
        prepared = _prepare(session, keyring, choice, public_url)
    handover = _call(prepared)
    with transaction() as session:
        _hand_over(session, choice.tenant_id, prepared.payment, handover)
    return prepared.payment


def _prepare(session: Session, keyring: Keyring, choice: Choice, public_url: str) -> _Prepared:
    request = register.locked(session, choice.tenant_id, choice.request_id)
    if State(request.state) not in PAYABLE or request.is_over(_today(session, choice.tenant_id)):
        raise NotPayable(f"The request is {request.state}, or its last day is over.")
    if (request.version, request.open.cents) != (choice.version, choice.amount_cents):
        raise ChangedSince("The request has changed since the page was shown.")
    if undecided(session, request):
        raise Undecided("A payment of this request is under way.")
    cents = choice.amount_cents if choice.which is Which.WHOLE else choice.part_cents
    amount = parts.chosen(payable_now(session, request), choice.which, cents).amount
    rule = _rule(session, request, choice, amount)
    account = accounts.get(session, choice.tenant_id, rule.account_id)
    payment = _write_down(session, request, rule, choice, amount)
    order = _order(session, keyring, request, payment, account, choice, public_url)
    return _Prepared(payment.id, account.provider, accounts.unsealed(keyring, account), order)


def _rule(session: Session, request: PaymentRequest, choice: Choice, amount: Money) -> ProviderRule:
    """What was chosen, or what stands for the same label by now. Raises ``NotOffered``."""
    chosen = session.get(ProviderRule, (choice.tenant_id, choice.rule))
    found = offers_for(session, request, choice.channel, amount)
    offer = found.under(chosen.label) if chosen else None
    if offer is None:
        raise NotOffered(found.against(chosen.label) if chosen else None)
    return session.get_one(ProviderRule, (choice.tenant_id, offer.rule))


def _write_down(
    session: Session, request: PaymentRequest, rule: ProviderRule, choice: Choice, amount: Money
) -> Payment:
    mine = (Payment.tenant_id == request.tenant_id) & (Payment.request_id == request.id)
    session.execute(update(Payment).where(mine, Payment.current).values(current=False))
    now = clock.now()
    payment = Payment(
        tenant_id=request.tenant_id,
        id=secrets.token_hex(16),
        request_id=request.id,
        request_version=request.version,
        unit=request.unit,
        kind=request.kind,
        account_id=rule.account_id,
        method=rule.method,
        label=rule.label,
        channel=choice.channel,
        amount_cents=amount.cents,
        currency=amount.currency,
        received_on=_day(session, request.tenant_id, request.created_at),
        started_at=now,
        ask_at=first_ask(now),
    )
    session.add(payment)
    session.flush()
    return payment


def _order(
    session: Session,
    keyring: Keyring,
    request: PaymentRequest,
    payment: Payment,
    account: ProviderAccount,
    choice: Choice,
    public_url: str,
) -> Order:
    """What the provider gets to know: our id, the amount and a neutral text, no purpose or kind."""
    town = session.get_one(Tenant, request.tenant_id)
    closes_on = register.closes_on(session, request)
    code = links.short_code(keyring.get(request.key_id), links.identity(request))
    return Order(
        payment=payment.id,
        amount=Money(payment.amount_cents, payment.currency),
        text=f"{town.name} {references.in_blocks(code[:8])}",
        method=payment.method,
        language=choice.language,
        return_url=f"{public_url}/return/{payment.id}",
        notify_url=f"{public_url}/webhooks/{account.provider}/{account.id}",
        ends_at=payable_until(payment.started_at, closes_on, ZoneInfo(town.time_zone)),
        began_at=payment.started_at,
    )


def _call(prepared: _Prepared) -> Handover | Event:
    """Where the citizen goes, or what happened instead."""
    adapter = registry.get(prepared.provider)
    for _ in range(2):
        try:
            return calls.made(adapter.start, prepared.account, prepared.order)
        except OrderRefused:
            log.warning("order_refused", extra={"payment": prepared.payment})
            return Event.NEVER_ARRIVED
        except ProviderDown:
            log.warning("provider_down", extra={"payment": prepared.payment})
    return Event.CANNOT_SAY


def _hand_over(
    session: Session, tenant_id: str, payment_id: str, handover: Handover | Event
) -> None:
    payment = locked(session, tenant_id, payment_id)
    if isinstance(handover, Event):
        advance(session, payment, handover, "start")
        return
    told = handover.provider_reference
    expected = expected_reference(session, payment, told)
    account = accounts.get(session, tenant_id, payment.account_id)
    if expected not in {None, told} or not _leads_to_web(handover.redirect_url, live=account.live):
        log.warning("bad_handover", extra={"payment": payment.id})
        advance(session, payment, Event.CANNOT_SAY, "start")
        return
    payment.provider_reference, payment.redirect_url = told, handover.redirect_url
    advance(session, payment, Event.HANDED_OVER, "start")


def _today(session: Session, tenant_id: str) -> date:
    return _day(session, tenant_id, clock.now())


def _day(session: Session, tenant_id: str, moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(session.get_one(Tenant, tenant_id).time_zone)).date()


def _leads_to_web(url: str, *, live: bool) -> bool:
    """Whether an address may be put before a citizen: https, or http in practice."""
    parts = urlsplit(url)
    return bool(parts.hostname) and parts.scheme in ({"https"} if live else {"https", "http"})


def locked(session: Session, tenant_id: str, payment_id: str) -> Payment:
    """The payment under its request's lock; raises ``NoSuchPayment``."""
    known = session.get(Payment, (tenant_id, payment_id))
    if known is None:
        raise NoSuchPayment("There is no such payment.")
    register.locked(session, tenant_id, known.request_id)
    payment = lock(session, Payment, tenant_id, payment_id)
    assert payment is not None  # noqa: S101 -- payments are never deleted
    return payment
