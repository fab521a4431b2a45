"""PayPal's transaction search: what moved in the balance, of allow-listed fields.

developer.paypal.com/docs/api/transaction-search/v1: at most 31 days and 10,000 transactions a
search, complete after up to three hours. Event codes:
developer.paypal.com/reports/reference/t-codes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from portal import clock
from portal.money import Money
from portal.providers.paypal_wire import call, child, maybe, money, rows
from portal.providers.protocol import Account, ProviderDown, Unwilling
from portal.providers.wire import HIGHEST_CENTS, Told, mapped, moment, sensibly, text

TRANSFER = "transfer"

# fmt: off
# What moves in the balance: by its group, and single codes that are something else.
KIND_OF_GROUP = {
    "T00": "payment",  "T01": "fee",      "T02": "other",    "T03": TRANSFER,   "T04": TRANSFER,
    "T05": "other",    "T06": "other",    "T07": "other",    "T08": "other",    "T09": "other",
    "T10": "other",    "T11": "reversal", "T12": "other",    "T13": "other",    "T14": "other",
    "T15": "reserve",  "T16": "other",    "T17": TRANSFER,   "T18": "other",    "T19": "other",
    "T20": "other",    "T21": "reserve",  "T22": "other",    "T30": "other",    "T97": "other",
}
KIND_OF_CODE = {
    "T1101": TRANSFER,    # a withdrawal came back from the bank
    "T1104": TRANSFER,    # a deposit went back to the bank
    "T1105": "reserve",   # a hold is let go
    "T1107": "refund",
    "T1108": "fee",       # a fee given back
    "T1109": "fee",
    "T1115": "refund",
    "T1201": "reversal",  # chargeback
    "T1202": "reversal",  # a chargeback given back
    "T1205": "reversal",
    "T1207": "reversal",
    "T1208": "reversal",
}
# Money that is only held while a dispute goes on, and let go again.
HOLDS = {"T1110", "T1111"}
# Whether a transaction moved the balance. One that was reversed (V) moved it, too: what took it
# back is another transaction. A transfer under way (P) has left the balance already.
COUNTS = {"S": True, "V": True, "P": False, "D": False}
TRANSFER_COUNTS = {"S": True, "V": True, "P": True, "D": False}
# fmt: on

WINDOW = timedelta(days=31)  # the most that one search may ask for
PAGE = 500
LAG = timedelta(hours=3)  # until an executed transaction appears
TOO_MANY = "RESULTSET_TOO_LARGE"
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Movement:
    """One transaction. ``about`` is the transaction that it refers to, ``order`` its order."""

    id: str
    at: datetime
    updated_at: datetime
    kind: str
    amount: Money
    fee: Money  # above zero where PayPal charges it
    about: str
    order: str
    payment: str  # our id
    invoice: str
    counts: bool
    hold: bool = False

    @property
    def net(self) -> Money:
        """What it moves in the balance."""
        return self.amount - self.fee


@dataclass(frozen=True, slots=True)
class Found:
    """What a search says: movements, for which merchant, and up to when it is complete."""

    merchant: str
    complete_until: datetime
    movements: tuple[Movement, ...]


def search(account: Account, start: datetime, end: datetime) -> Found:
    """All that moved from ``start`` to ``end``, at most 31 days; raises ``ProviderDown``.

    What is too much for one answer is asked for in halves.
    """
    try:
        pages = _pages(account, start, end)
    except Unwilling as no:
        if TOO_MANY not in {no.name, no.issue} or end - start <= SECOND:
            raise
        middle = (start + (end - start) / 2).replace(microsecond=0)
        return _joined(search(account, start, middle), search(account, middle, end))
    return sensibly(lambda: _found(pages))


def balance(account: Account, at: datetime, currency: str) -> Money:
    """What was available in the balance at a moment; raises ``ProviderDown``."""
    query = urlencode({"as_of_time": _written(at), "currency_code": currency})
    told = call(account, "GET", f"/v1/reporting/balances?{query}")
    return sensibly(lambda: _balance(told, currency))


def _pages(account: Account, start: datetime, end: datetime) -> list[Told]:
    asked = {
        "start_date": _written(start),
        "end_date": _written(end),
        "fields": "transaction_info",  # nothing of the payer
        "balance_affecting_records_only": "Y",
        "page_size": str(PAGE),
    }
    path, pages = "/v1/reporting/transactions?", list[Told]()
    while not pages or len(pages) < _number(pages[0], "total_pages"):
        query = urlencode(asked | {"page": str(len(pages) + 1)})
        pages.append(call(account, "GET", path + query))
    if sum(len(_details(page)) for page in pages) != _number(pages[0], "total_items"):
        raise ProviderDown("its report does not have as many lines as it says")
    return pages


def _found(pages: list[Told]) -> Found:
    first = pages[0]
    refreshed = "last_refreshed_datetime"
    until = moment(first, refreshed) if refreshed in first else clock.now() - LAG
    told = [child(row, "transaction_info") for page in pages for row in _details(page)]
    return Found(text(first, "account_number"), until, tuple(_movement(info) for info in told))


def _joined(left: Found, right: Found) -> Found:
    until = min(left.complete_until, right.complete_until)
    both = dict.fromkeys((*left.movements, *right.movements))  # the moment between is in both
    return Found(left.merchant, until, tuple(both))


def _movement(info: Told) -> Movement:
    code = text(info, "transaction_event_code", 5)
    kind = kind_of(code)
    amount, fee = money(info, "transaction_amount", -HIGHEST_CENTS), Money(0, "")
    if "fee_amount" in info:
        fee = -money(info, "fee_amount", -HIGHEST_CENTS)
    if kind == "payment" and amount.cents < 0:
        kind = "other"  # the town paid somebody
    about = maybe(info, "paypal_reference_id")
    is_order = info.get("paypal_reference_id_type") == "ODR"
    counting = TRANSFER_COUNTS if kind == TRANSFER else COUNTS
    return Movement(
        id=text(info, "transaction_id"),
        at=moment(info, "transaction_initiation_date"),
        updated_at=moment(info, "transaction_updated_date"),
        kind=kind,
        amount=amount,
        fee=fee if fee else Money(0, amount.currency),
        about="" if is_order else about,
        order=about if is_order else "",
        payment=maybe(info, "custom_field"),
        invoice=maybe(info, "invoice_id"),
        counts=mapped(counting, text(info, "transaction_status")),
        hold=code in HOLDS,
    )


def kind_of(code: str) -> str:
    """What an event code is to us; raises ``UnknownWord`` for a group that no table has."""
    return KIND_OF_CODE.get(code) or mapped(KIND_OF_GROUP, code[:3])


def _balance(told: Told, currency: str) -> Money:
    mine = [row for row in rows(told, "balances") if row.get("currency") == currency]
    if not mine:
        return Money(0, currency)  # the account had none of it yet
    name = "available_balance" if "available_balance" in mine[0] else "total_balance"
    return money(mine[0], name, -HIGHEST_CENTS)


def _details(page: Told) -> list[Told]:
    return sensibly(lambda: [*rows(page, "transaction_details")])


def _number(told: Told, name: str) -> int:
    value = told.get(name)
    if type(value) is not int or not 0 <= value <= 10**6:
        raise ProviderDown("its answer is not readable")
    return value


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
