"""Settlement reports: fetched from the provider, heard, and booked once.

A report also names payments whose success we never heard: they are asked about first. What still
does not fit stays visible on the account for differences.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.db import transaction
from portal.errors import Unavailable
from portal.keys import Keyring
from portal.ledger import settlements
from portal.payments import accounts, names, sweep
from portal.payments.models import Payment
from portal.payments.states import State
from portal.providers import registry
from portal.providers.capabilities import Settles
from portal.providers.protocol import Account, ProviderDown, Settlement, SettlementLine, UnknownWord
from portal.settlements import booking, netted, unbooked

log = logging.getLogger(__name__)


class NoSettlements(Unavailable):
    """The provider hands out no settlement reports, or not now."""

    code = "no_settlement"


class WrongMerchant(Unavailable):
    """The settlement report speaks of another merchant. It changes nothing."""

    code = "wrong_merchant"


class MixedCurrencies(Unavailable):
    """The settlement report adds up money of several currencies. It changes nothing."""

    code = "mixed_currencies"


class UnknownWords(Unavailable):
    """The settlement report has a word that no table of ours has. It changes nothing."""

    code = "unknown_word"


STAYS = (WrongMerchant, MixedCurrencies, UnknownWords, accounts.Misdirected)  # until it is mended


def settle(
    keyring: Keyring, tenant_id: str, account_id: str, settlement_id: str, *, anew: bool = False
) -> bool:
    """Fetch a settlement report and book it once; ``False`` when it was booked before.

    One that was undone is booked again only ``anew``. Raises ``WrongMerchant``,
    ``MixedCurrencies``, ``UnknownWords``, and ``NoSettlements`` when the provider does not answer.
    What cannot be booked is written down and tried again; its notification is not acknowledged.
    """
    with transaction() as session:
        row = accounts.get(session, tenant_id, account_id)
        account, provider = accounts.unsealed(keyring, row), row.provider
        before = booking.last(session, tenant_id, account_id, settlement_id)
        if before is not None and not (anew and booking.is_undone(session, before)):
            return False
    try:
        (told,) = hear(keyring, account, [_fetched(provider, account, settlement_id)])
        with transaction() as session:
            booked = booking.book_report(session, tenant_id, account_id, told, anew=anew)
            return booked is not None
    except Exception as error:
        _note(account, settlement_id, error)
        raise


def _fetched(provider: str, account: Account, settlement_id: str) -> Settlement:
    adapter = registry.get(provider)
    if not isinstance(adapter, Settles):
        raise NoSettlements("This provider hands out no settlement reports.")
    try:
        return adapter.settlement(account, settlement_id)
    except UnknownWord:
        raise UnknownWords("The settlement report has a word that we do not know.") from None
    except ProviderDown as error:
        log.warning("no_settlement", extra={"account": account.id, "error": str(error)})
        raise NoSettlements("The provider does not answer.") from None


def _note(account: Account, settlement_id: str, error: Exception) -> None:
    place, cause = (account.tenant_id, account.id), getattr(error, "code", "fault")
    with transaction() as session:
        settlements.one_at_a_time(session, *place)
        if booking.last(session, *place, settlement_id) is None:  # nobody was faster
            may_pass = not isinstance(error, STAYS)
            unbooked.note(session, account, settlement_id, cause, may_pass=may_pass)


def hear(keyring: Keyring, account: Account, reports: Sequence[Settlement]) -> list[Settlement]:
    """Check reports, and learn what they settle and we never heard of; as they are to be booked.

    Payments are asked about; of refunds and reversals the line is believed. Raises
    ``WrongMerchant``, ``MixedCurrencies``, and ``NoSettlements`` when the provider is silent.
    """
    for report in reports:
        check(account, report)
    with transaction() as session:
        told = [named(session, account, report) for report in reports]
        payments = [payment for report in told for payment in unheard(session, account, report)]
    for payment in dict.fromkeys(payments):
        if sweep.ask(keyring, account.tenant_id, payment, "settlement") is None:
            raise NoSettlements("The provider does not say what became of a payment it settles.")
    lines = [line for report in told for line in report.lines]
    for line in lines:
        if not netted.hear(keyring, account, line, lines):
            raise NoSettlements("The provider does not say what became of a refund it settles.")
    return told


def check(account: Account, report: Settlement) -> None:
    """Raise unless a report is this account's, and of one currency."""
    if report.merchant != account.merchant:
        raise WrongMerchant("The settlement report is another merchant's.")
    moneys = (money for line in report.lines for money in (line.gross, line.fee))
    if {money.currency for money in moneys} - {report.net.currency}:
        raise MixedCurrencies("The settlement report is in several currencies.")


def named(session: Session, account: Account, report: Settlement) -> Settlement:
    """The report with names only (``names.clean``), and ours of the payments that only the
    provider's is told of.
    """
    return replace(report, lines=tuple(_named(session, account, line) for line in report.lines))


def _named(session: Session, account: Account, line: SettlementLine) -> SettlementLine:
    line = names.clean(line)
    if line.kind != "payment" or line.payment or not line.provider_reference:
        return line
    return replace(line, payment=payment_called(session, account, line.provider_reference))


def payment_called(session: Session, account: Account, reference: str) -> str:
    """Our name of the payment that the provider calls so; empty if it is none of ours."""
    ours = select(Payment.id).where(
        Payment.tenant_id == account.tenant_id,
        Payment.account_id == account.id,
        Payment.provider_reference == reference,
    )
    return session.scalar(ours) or ""


def unheard(session: Session, account: Account, report: Settlement) -> list[str]:
    """Payments of this account that the report settles and that are not booked yet."""
    names = [line.payment for line in report.lines if line.kind == "payment"]
    rows = [session.get(Payment, (account.tenant_id, payment)) for payment in names]
    return [
        row.id
        for row in rows
        if row is not None and row.state != State.SUCCEEDED and row.account_id == account.id
    ]
