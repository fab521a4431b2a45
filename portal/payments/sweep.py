"""Asking providers what became of payments, before expiring one and when notifications are lost."""

import logging
import time
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import transaction
from portal.errors import Misconfigured, Unavailable
from portal.keys import CannotUnseal, Keyring
from portal.payments import accounts, calls, collecting, unexpected
from portal.payments.models import AccountSilence, Payment
from portal.payments.record import Source, Verdict, advance, came_otherwise, record
from portal.payments.schedule import DAILY, NOT_AGAIN_WITHIN, next_ask, runs_out
from portal.payments.start import locked
from portal.payments.states import UNDECIDED, Event, State
from portal.providers import registry
from portal.providers.capabilities import Cancels, Collects
from portal.providers.protocol import (
    Account,
    Moved,
    Outcome,
    ProviderDown,
    Report,
    ReversalReport,
    UnknownWord,
)

log = logging.getLogger(__name__)

MOST_AT_ONCE = 200
LONGEST_ROUND = 20.0  # seconds


class ProviderSilent(Unavailable):
    """The provider does not say what became of a payment it speaks of: it shall come again."""

    code = "provider_silent"


@dataclass(frozen=True, slots=True)
class _Asked:
    tenant_id: str
    payment: str
    provider: str
    provider_reference: str
    account: Account


def sweep(keyring: Keyring) -> int:
    """Ask about payments that are due; how many were asked about. A whole act for each.

    A round ends after 20 seconds, and an account that does not answer is left alone for the rest
    of it: one slow provider shall not hold up everything else that a worker has to do. One that is
    paused is probed beside this, and asked about its payments when it answers again.
    """
    ends, asked = time.monotonic() + LONGEST_ROUND, 0
    silent: set[tuple[str, str]] = set()
    for tenant_id, account_id, payment_id in _due():
        if time.monotonic() > ends:
            break
        if (tenant_id, account_id) in silent:
            continue
        asked += 1
        try:
            answered = ask(keyring, tenant_id, payment_id, "sweep") is not None
        except Exception as error:  # one that cannot be asked about must not stop the others
            log.exception("not_asked", extra={"payment": payment_id, "error": type(error).__name__})
        else:
            silent |= set() if answered else {(tenant_id, account_id)}
    return asked


def _due() -> list[tuple[str, str, str]]:
    paused = exists().where(
        AccountSilence.tenant_id == Payment.tenant_id,
        AccountSilence.account_id == Payment.account_id,
        AccountSilence.paused_at.is_not(None),
    )
    query = (
        select(Payment.tenant_id, Payment.account_id, Payment.id)
        .where(Payment.ask_at <= clock.now(), ~paused)
        .order_by(Payment.ask_at)
        .limit(MOST_AT_ONCE)
    )
    with transaction() as session:
        return [(tenant, account, payment) for tenant, account, payment in session.execute(query)]


def ask(
    keyring: Keyring, tenant_id: str, payment_id: str, way: str, told_reference: str = ""
) -> Verdict | None:
    """Ask the provider about one payment and record its word; ``None`` when it does not answer.

    So it is, too, where no key opens the account: whoever comes back from paying is shown how the
    payment stands. What the payer has agreed to is collected, if it is still asked for.
    ``told_reference`` is the provider's name for it, told just now, where we have none yet.
    """
    _note_asking(tenant_id, payment_id)
    asked = _asked(keyring, tenant_id, payment_id, told_reference)
    if asked is None:
        return None
    try:
        fetch = registry.get(asked.provider).fetch
        report = calls.made(fetch, asked.account, asked.payment, asked.provider_reference)
    except (ProviderDown, UnknownWord) as error:
        log.warning("no_answer", extra={"payment": payment_id, "error": type(error).__name__})
        return None
    if report.outcome is Outcome.NOT_FOUND and way == "notification":
        log.warning("no_answer", extra={"payment": payment_id, "error": "it rang for nothing"})
        return None
    verdict = _take(asked, report, way)
    if report.outcome is Outcome.AGREED and verdict is not Verdict.MISFIT:
        return _collect(asked, way, verdict)
    return verdict


def hear(keyring: Keyring, account: Account, word: Moved) -> bool:
    """Ask about a payment that a notification names; ``False``: it shall come again.

    So it is when the provider does not answer, or says that there is none (it has rung itself), and
    when it was asked a moment ago: a genuine bell can be rung by whoever has it, as often as he
    likes. What has come is not asked about. What is none of this account's is ``unexpected``.
    """
    tenant_id, told = account.tenant_id, word.provider_reference
    with transaction() as session:
        ours = named(session, tenant_id, account.id, word)
        payment = session.get(Payment, (tenant_id, ours))
        if payment is None or not _is_meant(payment, account, told):
            asks = None
        elif payment.state == State.SUCCEEDED or unexpected.has_come(session, account, word):
            return True
        else:
            asks = not asked_lately(payment)
    if asks is None:
        return unexpected.hear(account, word)
    return asks and ask(keyring, tenant_id, ours, "notification", told) is not None


def _is_meant(payment: Payment, account: Account, told: str) -> bool:
    """Whether a bell speaks of this payment, as far as it says: not of other money in its name."""
    known = payment.provider_reference
    return payment.account_id == account.id and (not told or known in {None, told})


def named(session: Session, tenant_id: str, account_id: str, word: Moved | ReversalReport) -> str:
    """Our id of the payment: some providers name it by their own only."""
    if word.payment or not word.provider_reference:
        return word.payment
    ours = select(Payment.id).where(
        Payment.tenant_id == tenant_id,
        Payment.account_id == account_id,
        Payment.provider_reference == word.provider_reference,
    )
    return session.scalar(ours) or ""


def give_up(keyring: Keyring, tenant_id: str, payment_id: str) -> None:
    """The citizen starts again: cancel at the provider if it can, else ask it what became of the
    payment, then let go of it. What is let go is never collected.

    Only the provider's word makes it cancelled. If that word is that it was paid, it was paid; a
    success that comes later is booked, too.
    """
    _note_asking(tenant_id, payment_id)
    asked = _asked(keyring, tenant_id, payment_id)
    report = _ended(asked) if asked else None
    if asked and report:
        _take(asked, report, "citizen")
    with transaction() as session:
        payment = locked(session, tenant_id, payment_id)
        if report is not None:
            collecting.forget(payment)
        if not must_stay(session, payment):
            payment.current = False


def _ended(asked: _Asked) -> Report | None:
    """The provider's word on a payment that was cancelled there; ``None`` when it says nothing."""
    adapter = registry.get(asked.provider)
    end = adapter.cancel if isinstance(adapter, Cancels) else adapter.fetch
    try:
        return calls.made(end, asked.account, asked.payment, asked.provider_reference)
    except (ProviderDown, UnknownWord):
        log.warning("no_answer", extra={"payment": asked.payment, "error": "give_up"})
        return None


def must_stay(session: Session, payment: Payment) -> bool:
    """Whether an undecided payment cannot be let go: its money may be under way, or here."""
    if payment.state == State.PENDING or collecting.is_under_way(payment):
        return True
    return waits_for_a_person(session, payment)


def asked_lately(payment: Payment) -> bool:
    """Whether the provider was asked a moment ago: a page that refreshes need not ask again."""
    return payment.asked_at is not None and payment.asked_at > clock.now() - NOT_AGAIN_WITHIN


def _note_asking(tenant_id: str, payment_id: str) -> None:
    """Write down that we ask and when we ask next, so that a crash in between loses nothing."""
    with transaction() as session:
        payment = locked(session, tenant_id, payment_id)
        now = clock.now()
        payment.asked_at = now
        if payment.state != State.SUCCEEDED:
            payment.ask_at = next_ask(payment.started_at, now)
            if payment.ask_at is None and payment.state in UNDECIDED:
                payment.ask_at = now + DAILY  # money may be under way: it is not forgotten


def _asked(
    keyring: Keyring, tenant_id: str, payment_id: str, told_reference: str = ""
) -> _Asked | None:
    """Whom to ask about which payment; ``None`` where no key opens the account."""
    with transaction() as session:
        payment = session.get_one(Payment, (tenant_id, payment_id))
        account = accounts.get(session, tenant_id, payment.account_id)
        try:
            opened = accounts.unsealed(keyring, account)
        except (CannotUnseal, Misconfigured):
            log.error("account_sealed", extra={"account": account.id})  # noqa: TRY400 -- no text
            return None
        name = payment.provider_reference or told_reference
        return _Asked(tenant_id, payment.id, account.provider, name, opened)


def waits_for_a_person(session: Session, payment: Payment) -> bool:
    """Whether money came that did not fit: nobody is asked to pay again before it is looked at."""
    return payment.state == State.UNKNOWN and came_otherwise(session, payment)


def _take(asked: _Asked, report: Report, way: str) -> Verdict:
    verdict = record(report, Source(asked.tenant_id, asked.account.id, way))
    if report.outcome is Outcome.STARTED:
        _run_out(asked)
    return verdict


def _collect(asked: _Asked, way: str, told: Verdict) -> Verdict | None:
    """Take what the payer has agreed to; ``None`` when it is not known whether it was taken.

    What is not asked for any more is not taken: it runs out there, and here a day after the start.
    """
    adapter = registry.get(asked.provider)
    began = collecting.begin(asked.tenant_id, asked.payment)
    if began is None or not isinstance(adapter, Collects):
        _run_out(asked)
        return told
    try:
        named = (asked.payment, asked.provider_reference)
        report = calls.made(adapter.collect, asked.account, *named)
    except (ProviderDown, UnknownWord) as error:
        log.warning("no_answer", extra={"payment": asked.payment, "error": type(error).__name__})
        return None
    verdict = _take(asked, report, way)
    collecting.end(asked.tenant_id, asked.payment, began)
    return verdict


def _run_out(asked: _Asked) -> None:
    """The provider, asked just now, still calls it open after a day: nobody will finish it."""
    with transaction() as session:
        payment = locked(session, asked.tenant_id, asked.payment)
        collecting.forget(payment)
        left_open = payment.state in {State.CREATED, State.STARTED}
        if left_open and runs_out(payment.started_at, clock.now()):
            advance(session, payment, Event.EXPIRED, "sweep")
