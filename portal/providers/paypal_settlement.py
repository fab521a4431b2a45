"""PayPal pays out by transfers between its balance and the town's bank account: each is one
settlement report, with all that moved in the balance since the one before.

What stays in the balance after a transfer is a ``reserve``, which the next one lets go again; so
the net is what stands on the bank account, to the cent. It is read from the transaction search
and checked against the balances that PayPal tells for both moments.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from portal import clock
from portal.money import Money
from portal.providers.paypal_events import captured, case, whose_is
from portal.providers.paypal_report import (
    SECOND,
    TRANSFER,
    WINDOW,
    Movement,
    balance,
    search,
)
from portal.providers.protocol import Account, ProviderDown, Settlement, SettlementLine, Unwilling
from portal.providers.wire import sensibly, text

LOOK_BACK = 12  # windows: the first transfer of an account settles a year at most
COMPLETE_AFTER = timedelta(days=1)  # what does not add up by then stays as a difference
_STAMP = "%Y%m%dT%H%M%S"


def settlements(account: Account, since: datetime) -> tuple[str, ...]:
    """Ids of the transfers since a moment, in order, of which the report is complete."""
    made: list[Movement] = []
    start, now = since.astimezone(UTC), clock.now() + SECOND
    while start < now:
        end = min(start + WINDOW, now)
        found = search(account, start, end)
        made += [one for one in transfers(found.movements) if one.at <= found.complete_until]
        start = end
    return tuple(dict.fromkeys(name_of(one) for one in sorted(made, key=_order)))


def settlement(account: Account, name: str) -> Settlement:
    """The settlement of one transfer; raises ``ProviderDown`` while its report is not complete."""
    merchant, transfer, before, movements = _since_last(account, name)
    currency, at = transfer.amount.currency, transfer.at
    moved = [one for one in movements if one.counts and one.amount.currency == currency]
    mine = [one for one in moved if one.kind != TRANSFER and (not before or one.at > before.at)]
    start = before.at if before else min((one.at for one in mine), default=at) - SECOND
    kept = balance(account, start, currency) - balance(account, at, currency)
    rest = -transfer.net - kept - _sum(mine, currency)
    late = [one for one in moved if one.kind != TRANSFER and one.at <= start < one.updated_at <= at]
    if rest and rest == _sum(late, currency):
        mine, rest = mine + late, Money(0, currency)
    if rest and clock.now() < at + COMPLETE_AFTER:
        raise ProviderDown("its report does not add up yet")
    nothing = Money(0, currency)
    own = (
        SettlementLine("fee", "", transfer.id, nothing, transfer.fee),
        SettlementLine("reserve", "", f"{name}-balance", kept, nothing),
        SettlementLine("other", "", f"{name}-rest", rest, nothing),
    )
    lines = (line for line in (*_lines(account, mine), *own) if line.gross or line.fee)
    return Settlement(name, merchant, at, -transfer.amount, tuple(lines))


def transfers(movements: Iterable[Movement]) -> list[Movement]:
    """Those between the balance and the bank account, in order."""
    return sorted((one for one in movements if one.kind == TRANSFER and one.counts), key=_order)


def name_of(transfer: Movement) -> str:
    """A settlement's id: it says when to look for it."""
    return f"{transfer.at.strftime(_STAMP)}Z-{transfer.id}"


def _since_last(
    account: Account, name: str
) -> tuple[str, Movement, Movement | None, list[Movement]]:
    """Merchant, the transfer of this name, the one before it, and what moved up to it."""
    end = _moment_of(name) + SECOND
    found = search(account, end - WINDOW, end)
    transfer = next((one for one in transfers(found.movements) if name_of(one) == name), None)
    if transfer is None or found.complete_until < transfer.at:
        raise ProviderDown("it has no such settlement, or not yet")
    moved = dict.fromkeys(found.movements)
    for back in range(1, LOOK_BACK + 1):
        earlier = [one for one in transfers(moved) if _order(one) < _order(transfer)]
        same = [one for one in earlier if one.amount.currency == transfer.amount.currency]
        if same or back == LOOK_BACK:
            break
        until = end - back * WINDOW
        moved |= dict.fromkeys(search(account, until - WINDOW, until).movements)
    upto = [one for one in moved if one.at <= transfer.at]
    return found.merchant, transfer, same[-1] if same else None, upto


def _moment_of(name: str) -> datetime:
    try:
        return datetime.strptime(name.partition("-")[0], f"{_STAMP}%z")
    except ValueError:
        raise ProviderDown("it has no such settlement") from None


def _lines(account: Account, movements: list[Movement]) -> Iterator[SettlementLine]:
    reversed_ = [one for one in movements if one.kind == "reversal"]
    fees_of = {one.about for one in reversed_} - {""}
    refunded = [one for one in movements if one.kind == "refund"]
    yield from _refunds(refunded)
    with_fees = [one for one in movements if one.kind == "fee" and one.about in fees_of]
    yield from _reversals(account, reversed_, with_fees)
    for one in movements:
        if one.kind == "payment":
            yield SettlementLine("payment", one.payment, one.order or one.id, one.amount, one.fee)
        elif one.kind == "fee" and one not in with_fees:
            yield SettlementLine("fee", "", one.id, Money(0, one.amount.currency), -one.net)
        elif one.kind in {"reserve", "other"}:
            yield SettlementLine(one.kind, one.payment, one.id, one.amount, one.fee)


def _refunds(movements: list[Movement]) -> Iterator[SettlementLine]:
    """A refund by its name; money of one that came back refers to it."""
    groups: dict[str, list[Movement]] = defaultdict(list)
    for one in movements:
        groups[one.id if one.amount.cents < 0 or not one.about else one.about].append(one)
    for name, group in groups.items():
        first = group[0]
        ours = "" if first.invoice == first.payment else first.invoice
        for part in _went_and_came(group):
            yield _summed("refund", first.payment, name, part, ours)


def _reversals(
    account: Account, movements: list[Movement], fees: list[Movement]
) -> Iterator[SettlementLine]:
    """A reversal by its dispute's name, with its fee: holds, their end and debits are summed."""
    groups: dict[str, list[Movement]] = defaultdict(list)
    for one in movements:
        dispute = case(account, one.about, one.at) if one.about else None
        name = sensibly(lambda told=dispute: text(told, "dispute_id")) if dispute else ""  # type: ignore[misc]
        groups[name or one.about or one.id].append(one)
    for name, group in groups.items():
        about = {one.about for one in group}
        charged = [one for one in fees if one.about in about]
        fees = [one for one in fees if one.about not in about]
        payment = _payment(account, group[0])
        for part in _went_and_came(group):
            line = _summed("reversal", payment, name, part)
            came = line.gross.cents > 0
            own = [one for one in charged if part is group or (one.net.cents > 0) is came]
            fee = line.fee - _sum(own, line.fee.currency)
            yield SettlementLine(line.kind, payment, name, line.gross, fee)


def _went_and_came(group: list[Movement]) -> tuple[list[Movement], ...]:
    """What went and what came, for their sum would tell of neither. Money that was held goes into
    the sum, unless all has come back: it went once, however often it was held and let go.
    """
    went = [one for one in group if one.amount.cents < 0]
    came = [one for one in group if one.amount.cents > 0]
    in_sum = any(one.hold for one in group) and bool(sum(one.amount.cents for one in group))
    return (group,) if in_sum or not went or not came else (went, came)


def _payment(account: Account, reversal: Movement) -> str:
    """Our id of what was taken back, as its capture says; empty for what is none of ours."""
    if reversal.payment or not reversal.about:
        return reversal.payment
    try:
        whole = captured(account, reversal.about)
    except Unwilling:
        return ""
    return sensibly(lambda: whose_is(whole)[0])


def _summed(
    kind: str, payment: str, name: str, group: list[Movement], refund: str = ""
) -> SettlementLine:
    currency = group[0].amount.currency
    gross = Money(sum(one.amount.cents for one in group), currency)
    fee = Money(sum(one.fee.cents for one in group), currency)
    return SettlementLine(kind, payment, name, gross, fee, refund)


def _sum(movements: Iterable[Movement], currency: str) -> Money:
    return Money(sum(one.net.cents for one in movements), currency)


def _order(one: Movement) -> tuple[datetime, str]:
    return one.at, one.id
