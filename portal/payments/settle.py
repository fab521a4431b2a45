"""Settlement reports: suspense becomes transit, each item by the line that settles it.

A report also names payments whose success we never heard: they are asked about first. What still
does not fit stays visible on the account for differences.
"""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import clock
from portal.db import Json, transaction
from portal.errors import Unavailable
from portal.finance import messages, outbox
from portal.keys import Keyring
from portal.ledger import book, entries, items
from portal.ledger.items import Place
from portal.ledger.models import SettlementLineRow, SettlementRow
from portal.money import Money
from portal.payments import accounts, netted, refunds, staff, sweep
from portal.payments.models import Payment, ProviderAccount
from portal.payments.netted import Settled
from portal.payments.states import State
from portal.providers import registry
from portal.providers.protocol import Account, ProviderDown, Settlement, SettlementLine, Settles


class NoSettlements(Unavailable):
    """The provider hands out no settlement reports, or not now."""

    code = "no_settlement"


class WrongMerchant(Unavailable):
    """The settlement report speaks of another merchant. It changes nothing."""

    code = "wrong_merchant"


def settle(keyring: Keyring, tenant_id: str, account_id: str, settlement_id: str) -> bool:
    """Fetch a settlement report and book it once; ``False`` when it was booked before.

    Raises ``NoSettlements`` when the provider does not answer: its notification is not
    acknowledged then and comes again.
    """
    with transaction() as session:
        row = accounts.get(session, tenant_id, account_id)
        account, provider = accounts.unsealed(keyring, row), row.provider
    adapter = registry.get(provider)
    if not isinstance(adapter, Settles):
        raise NoSettlements("This provider hands out no settlement reports.")
    try:
        report = adapter.settlement(account, settlement_id)
    except ProviderDown:
        raise NoSettlements("The provider does not answer.") from None
    if report.merchant != account.merchant:
        raise WrongMerchant("The settlement report is another merchant's.")
    _hear(keyring, account, report)
    with transaction() as session:
        return _book(session, tenant_id, account_id, report)


def _hear(keyring: Keyring, account: Account, report: Settlement) -> None:
    """What the report settles and we never heard of is asked about, or believed, first."""
    for payment in _unheard(account.tenant_id, report):
        if sweep.ask(keyring, account.tenant_id, payment, "settlement") is None:
            raise NoSettlements("The provider does not say what became of a payment it settles.")
    for line in report.lines:
        if not netted.hear(keyring, account, line):
            raise NoSettlements("The provider does not say what became of a refund it settles.")


def _unheard(tenant_id: str, report: Settlement) -> list[str]:
    """Payments that the report settles and that are not booked yet."""
    named = [line.payment for line in report.lines if line.kind == "payment"]
    with transaction() as session:
        rows = [session.get(Payment, (tenant_id, payment)) for payment in named]
        return [row.id for row in rows if row is not None and row.state != State.SUCCEEDED]


def _book(session: Session, tenant_id: str, account_id: str, report: Settlement) -> bool:
    currency = report.net.currency
    gross = Money(sum(line.gross.cents for line in report.lines), currency)
    fee = Money(sum(line.fee.cents for line in report.lines), currency)
    new = session.scalar(
        insert(SettlementRow)
        .values(
            tenant_id=tenant_id,
            account=account_id,
            settlement=report.settlement,
            gross_cents=gross.cents,
            fee_cents=fee.cents,
            net_cents=report.net.cents,
            currency=currency,
            booked_at=clock.now(),
        )
        .on_conflict_do_nothing()
        .returning(SettlementRow.settlement)
    )
    if new is None:
        return False
    fitting, own_fee = Money(0, currency), fee
    in_order = sorted(report.lines, key=lambda line: (line.payment, line.provider_reference))
    for number, line in enumerate(in_order, start=1):
        settled = _settle_line(session, tenant_id, account_id, line)
        _keep(session, (tenant_id, account_id, report.settlement, number), line, settled)
        fitting, own_fee = fitting + settled.gross, own_fee - settled.fee
    if fitting or own_fee or report.net:  # a day without payments has an empty report
        entry = entries.settlement(report.settlement, account_id, fitting, own_fee, report.net)
        book.post(session, tenant_id, entry)
    if fitting - own_fee != report.net:
        staff.settlement_difference(session, tenant_id, account_id, report, fitting - own_fee)
    account = session.get_one(ProviderAccount, (tenant_id, account_id))
    sums = (gross, fee, report.net)
    lines = [_told(session, tenant_id, account_id, line) for line in report.lines]
    message = messages.payout_announced(
        account.provider, account_id, report.settlement, sums, lines
    )
    outbox.put(session, tenant_id, message)
    return True


def _keep(
    session: Session, key: tuple[str, str, str, int], line: SettlementLine, settled: Settled
) -> None:
    tenant_id, account_id, settlement, number = key
    row = SettlementLineRow(
        tenant_id=tenant_id,
        account=account_id,
        settlement=settlement,
        line=number,
        kind=line.kind,
        payment=line.payment[:64],
        provider_reference=line.provider_reference[:128],
        gross_cents=line.gross.cents,
        fee_cents=line.fee.cents,
        settled_cents=settled.gross.cents,
        booked_fee_cents=settled.fee.cents,
    )
    session.add(row)


def _settle_line(
    session: Session, tenant_id: str, account_id: str, line: SettlementLine
) -> Settled:
    """How much of a line settles an open item of ours."""
    if line.kind in netted.ITEMS:
        return netted.settle(session, tenant_id, account_id, line)
    nothing = Money(0, line.gross.currency)
    if line.kind != "payment":
        return Settled(nothing, nothing)
    ours = Place(tenant_id, account_id, f"payment:{line.payment}")
    fitting = items.settle(session, ours, line.gross)
    name = f"unclear:{account_id}:{line.provider_reference}"
    unclear = Place(tenant_id, account_id, name)
    return Settled(fitting + items.settle(session, unclear, line.gross - fitting), nothing)


def _told(session: Session, tenant_id: str, account_id: str, line: SettlementLine) -> Json:
    return {
        line.kind: _subject(session, tenant_id, account_id, line),
        "provider_reference": line.provider_reference,
        "gross_cents": line.gross.cents,
        "fee_cents": line.fee.cents,
    }


def _subject(session: Session, tenant_id: str, account_id: str, line: SettlementLine) -> str:
    """What a line is about: our payment or refund, or the provider's name for it."""
    if line.kind == "refund":
        refund = refunds.by_reference(session, tenant_id, account_id, line.provider_reference)
        return refund.id if refund else line.provider_reference
    if line.kind == "reversal":
        return line.provider_reference
    return line.payment or line.provider_reference
