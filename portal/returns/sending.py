"""Sending money back, refunds and unclear money alike: prepare, tell the provider, record its word.

No transaction is open while the provider is called. Our id is the idempotency key: a provider
that did not answer is told once more at once, then again by a task for as long as keys surely
live. One that gave the refund a name is asked by it instead, if it can say what became of refunds.
What is not known so is known from a notification or a settlement report; if they say nothing
either, a person asks (``waiting``).
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from portal import clock
from portal.approvals import deciding
from portal.db import transaction
from portal.keys import Keyring
from portal.payments import accounts, names, staff
from portal.payments.record import again
from portal.payments.refund_states import Event, State, step
from portal.providers import registry
from portal.providers.capabilities import FetchesRefunds
from portal.providers.protocol import Outcome, RefundOrder, RefundReport
from portal.returns import asking, waiting, ways
from portal.returns.asking import Prepared
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
    told = asking.word(prepared) if prepared else None
    try:
        if prepared and told:
            record(tenant_id, prepared.account.id, told)
    finally:
        state = again(lambda session: _stands(session, tenant_id, refund_id))
    return state


def ask(keyring: Keyring, tenant_id: str, refund_id: str, told_reference: str) -> bool:
    """Ask the provider, which has rung, what became of a refund or return, and record its word;
    ``False``: it says nothing.

    It is never told by this. ``told_reference`` is its name for it, told just now.
    """
    with transaction() as session:
        way, refund = ways.found(session, tenant_id, refund_id)
        account = accounts.get(session, tenant_id, ways.account_of(session, refund))
        order = way.order(ways.source(session, refund), refund)
        unsealed = accounts.unsealed(keyring, account)
    name = refund.provider_reference or told_reference
    prepared = Prepared(account.provider, unsealed, order, name)
    told = asking.word(prepared)
    if told is not None:
        record(tenant_id, account.id, told)
    return told is not None


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
    submitted_at = refund.submitted_at = refund.submitted_at or clock.now()
    refund.ask_at = waiting.next_look(refund, submitted_at)
    if refund.ask_at is None:
        staff.refund_silent(session, refund)
    account = accounts.get(session, tenant_id, way.account(source))
    can_say = isinstance(registry.get(account.provider), FetchesRefunds)
    name = (refund.provider_reference or "") if can_say else ""
    if not name and not waiting.is_known_there(submitted_at):
        return None
    unsealed = accounts.unsealed(keyring, account)
    return Prepared(account.provider, unsealed, way.order(source, refund), name)


def _stands(session: Session, tenant_id: str, refund_id: str) -> State:
    """How it stands now. What should have ended by now is asked about by a person, too."""
    way, refund = ways.found(session, tenant_id, refund_id)
    if refund.state == State.SUBMITTED:
        _, refund = way.locked(session, tenant_id, refund_id)
    if refund.state == State.SUBMITTED and waiting.is_overdue(refund):
        staff.refund_silent(session, refund)
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
