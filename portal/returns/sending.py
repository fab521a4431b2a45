"""Sending money back, refunds and unclear money alike: prepare, tell the provider, record its word.

No transaction is open while the provider is called. Our id is the idempotency key: a provider
that did not answer is told once more at once, then again by a task for as long as keys surely
live. One that gave the refund a name is asked by it instead, and after that time by our id, if it
can say what became of refunds; what it surely never had has failed. What is not known so is known
from a notification or a settlement report; if they say nothing either, people look it up
(``waiting``, ``looked_up``).
"""

import logging
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from portal import clock
from portal.approvals import deciding
from portal.db import transaction
from portal.keys import Keyring
from portal.payments import accounts, names, staff
from portal.payments.models import ProviderAccount
from portal.payments.record import again
from portal.payments.refund_states import NOT_SAID_BY_IT, Event, State, step
from portal.providers import registry
from portal.providers.capabilities import FetchesRefunds, FindsRefunds
from portal.providers.protocol import Account, Outcome, RefundOrder, RefundReport
from portal.returns import asking, waiting, ways
from portal.returns.asking import Answer, Prepared
from portal.returns.refunds import NoSuchRefund
from portal.returns.ways import WAYS, Row, Way

log = logging.getLogger(__name__)

MOST_AT_ONCE = 200
LONGEST_ROUND = 20.0  # seconds

SENDING = frozenset({State.APPROVED, State.SUBMITTED})
EVENT_FOR: Mapping[Outcome, Event] = {
    Outcome.PENDING: Event.PENDING,
    Outcome.SUCCEEDED: Event.SUCCEEDED,
    Outcome.FAILED: Event.FAILED,
}


def submit(keyring: Keyring, tenant_id: str, refund_id: str) -> State:
    """Tell the provider of an approved refund or return; or again, or ask, while its end is not
    known.

    Raises ``NoSuchRefund``.
    """
    prepared = again(lambda session: _prepare(session, keyring, tenant_id, refund_id))
    try:
        if prepared:
            _take(tenant_id, prepared)
    finally:
        state = again(lambda session: _stands(session, tenant_id, refund_id))
    return state


def ask(account: Account, refund_id: str, told_reference: str) -> bool:
    """Ask the provider, which has rung, what became of a refund or return, and record its word;
    ``False``: it says nothing.

    It is never told by this. ``told_reference`` is its name for it, told just now.
    """
    with transaction() as session:
        way, refund = ways.found(session, account.tenant_id, refund_id)
        order = way.order(ways.source(session, refund), refund)
        provider = accounts.get(session, account.tenant_id, account.id).provider
    name = refund.provider_reference or told_reference
    told = asking.word(Prepared(provider, account, order, name))
    if isinstance(told, Answer):
        return False
    record(account.tenant_id, account.id, told)
    return True


def record(tenant_id: str, account_id: str, report: RefundReport) -> bool:
    """Record what a provider says of a refund; ``False`` when it changes nothing.

    Money that is said to have gone back and fits no refund of ours is a task for staff; its
    settlement will show the difference. Raises ``Misdirected``, and ``IllegalRefundStep`` for what
    was never submitted.
    """
    kept = names.clean(report)
    return again(lambda session: _record(session, tenant_id, account_id, kept))


def go_on(keyring: Keyring) -> int:
    """Submit what is approved or not decided, and end what nobody approved; how many of both."""
    ends = time.monotonic() + LONGEST_ROUND
    with transaction() as session:
        over = deciding.over(session, frozenset(way.act for way in WAYS), MOST_AT_ONCE)
        due = sorted(tuple(row) for way in WAYS for row in session.execute(_due(way.row)))
    for tenant_id, _, refund_id in over:
        _run_out(tenant_id, refund_id)
    for _, tenant_id, refund_id in due:
        if time.monotonic() > ends:
            break
        try:
            submit(keyring, tenant_id, refund_id)
        except Exception as error:  # one that cannot be sent must not stop the others
            log.exception(
                "refund_not_sent", extra={"refund": refund_id, "error": type(error).__name__}
            )
    return len(over) + len(due)


def _prepare(session: Session, keyring: Keyring, tenant_id: str, refund_id: str) -> Prepared | None:
    """What the provider is told or asked; ``None`` when there is nothing to say to it (any more).

    When it is looked at next is written before the call, so that a crash does not lose it.
    """
    way, _ = ways.found(session, tenant_id, refund_id)
    source, refund = way.locked(session, tenant_id, refund_id)
    if refund.state == State.APPROVED and not way.is_left(session, source, refund):
        _fail(session, way, source, refund, Event.NOT_LEFT)
    if refund.state not in SENDING:
        return None
    refund.state = step(State(refund.state), Event.SUBMITTED)
    is_first = refund.submitted_at is None
    submitted_at = refund.submitted_at = refund.submitted_at or clock.now()
    account = accounts.get(session, tenant_id, way.account(source))
    finds, named = _finds(account), refund.provider_reference is not None
    refund.ask_at = waiting.next_look(submitted_at, can_be_asked=finds or named)
    if refund.ask_at is None:
        staff.refund_silent(session, refund, can_be_asked=finds)
    may_tell = waiting.is_known_there(submitted_at)
    can_say = isinstance(registry.get(account.provider), FetchesRefunds)
    name = (refund.provider_reference or "") if can_say else ""
    if not name and not finds and not may_tell:
        return None
    unsealed, first = accounts.unsealed(keyring, account), refund.ask_at if is_first else None
    order = way.order(source, refund)
    return Prepared(account.provider, unsealed, order, name, may_tell, first)


def _finds(account: ProviderAccount) -> bool:
    return isinstance(registry.get(account.provider), FindsRefunds)


def _take(tenant_id: str, prepared: Prepared) -> None:
    """Tell or ask, and write down what came of it."""
    told, refund_id = asking.word(prepared), prepared.order.refund
    if isinstance(told, RefundReport):
        record(tenant_id, prepared.account.id, told)
    elif told is Answer.NOT_THERE:
        again(lambda session: _never_arrived(session, tenant_id, refund_id))
    elif told is Answer.NOT_LET_IN and prepared.first is not None:
        again(lambda session: _not_let_in(session, tenant_id, refund_id, prepared.first))


def _never_arrived(session: Session, tenant_id: str, refund_id: str) -> None:
    """The provider has no such refund, and its key has ended: unless it rang meanwhile."""
    way, _ = ways.found(session, tenant_id, refund_id)
    source, refund = way.locked(session, tenant_id, refund_id)
    if refund.state == State.SUBMITTED and refund.provider_reference is None:
        staff.refund_heard(session, refund)
        _fail(session, way, source, refund, Event.NEVER_ARRIVED)


def _not_let_in(session: Session, tenant_id: str, refund_id: str, looked: datetime | None) -> None:
    """Our key was refused when it was told first: it is told for the first time later on, if so
    much is left then. Unless somebody else has told it meanwhile.
    """
    way, _ = ways.found(session, tenant_id, refund_id)
    _, refund = way.locked(session, tenant_id, refund_id)
    if refund.state == State.SUBMITTED and refund.ask_at == looked:
        refund.state = step(State(refund.state), Event.KEY_REFUSED)
        refund.submitted_at = None
        refund.ask_at = clock.now() + waiting.NOT_LET_IN_AGAIN_AFTER


def _stands(session: Session, tenant_id: str, refund_id: str) -> State:
    """How it stands now. What should have ended by now is asked about by a person, too."""
    way, refund = ways.found(session, tenant_id, refund_id)
    if refund.state == State.SUBMITTED:
        source, refund = way.locked(session, tenant_id, refund_id)
        if refund.state == State.SUBMITTED and waiting.is_overdue(refund):
            account = accounts.get(session, tenant_id, way.account(source))
            staff.refund_silent(session, refund, can_be_asked=_finds(account))
    return State(refund.state)


def _fail(session: Session, way: Way, source: Any, refund: Row, by: Event) -> None:
    step(State(refund.state), by)
    way.failed(session, source, refund, by)


def _record(session: Session, tenant_id: str, account_id: str, report: RefundReport) -> bool:
    accounts.check(accounts.get(session, tenant_id, account_id), report.merchant, report.live)
    try:
        way, _ = ways.found(session, tenant_id, report.refund)
    except NoSuchRefund:
        return _does_not_fit(session, tenant_id, account_id, report)
    source, refund = way.locked(session, tenant_id, report.refund)
    if way.account(source) != account_id or not _fits(
        session, refund, account_id, way.order(source, refund), report
    ):
        return _does_not_fit(session, tenant_id, account_id, report)
    event = EVENT_FOR[report.outcome]
    old, new = State(refund.state), step(State(refund.state), event)
    _hear(session, refund, report)
    if new is old:
        if event is Event.SUCCEEDED and refund.failed_by in NOT_SAID_BY_IT:
            staff.refund_of_nobody(session, tenant_id, account_id, report)
        return False
    if new is State.SUCCEEDED:
        way.succeeded(session, source, refund)
    else:
        way.failed(session, source, refund, event)
    return True


def _hear(session: Session, refund: Row, report: RefundReport) -> None:
    """It said something new: how it ended, or at least its own name, by which one may ask."""
    named = bool(report.provider_reference) and not refund.provider_reference
    if named:
        refund.provider_reference = report.provider_reference
    if refund.state == State.SUBMITTED and (named or report.outcome is not Outcome.PENDING):
        staff.refund_heard(session, refund)
        refund.ask_at = refund.ask_at or clock.now() + waiting.A_DAY


def _fits(
    session: Session, refund: Row, account_id: str, ordered: RefundOrder, report: RefundReport
) -> bool:
    """Amount, payment where it is told, and the provider's name: never another's, nor another."""
    told = report.provider_reference
    holder = ways.by_reference(session, refund.tenant_id, account_id, told) if told else None
    return (
        report.amount == refund.amount
        and (not report.payment or not ordered.payment or report.payment == ordered.payment)
        and (not told or refund.provider_reference in {None, told})
        and (holder is None or holder[1].id == refund.id)
    )


def _does_not_fit(session: Session, tenant_id: str, account_id: str, report: RefundReport) -> bool:
    log.warning("refund_does_not_fit", extra={"account": account_id})
    if report.outcome is Outcome.SUCCEEDED:
        staff.refund_of_nobody(session, tenant_id, account_id, report)
    return False


def _run_out(tenant_id: str, refund_id: str) -> None:
    def act(session: Session) -> None:
        way, _ = ways.found(session, tenant_id, refund_id)
        source, refund = way.locked(session, tenant_id, refund_id)
        if deciding.run_out(session, tenant_id, way.act, refund_id):
            _fail(session, way, source, refund, Event.RUN_OUT)

    again(act)


def _due(row: type[Row]) -> Select[Any, str, str]:
    return (
        select(row.ask_at, row.tenant_id, row.id)
        .where(row.ask_at <= clock.now())
        .order_by(row.ask_at)
        .limit(MOST_AT_ONCE)
    )
