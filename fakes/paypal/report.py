"""PayPal's transaction search and balances (reporting_transactions_v1): the books, line by line."""

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

from fakes import payments, refunds
from fakes.books import told
from fakes.fake import Fake
from fakes.paypal.errors import No
from fakes.paypal.told import PAYER, moment, money
from portal import clock
from sandbox.file import written

WINDOW = timedelta(days=31)
MOST = 10_000
LAG = timedelta(0)  # by which the report is behind; up to three hours at the real one

# kind of a movement -> event code for money that goes, and for money that comes
CODES = {
    "sale": ("T0006", "T0006"),
    "return": ("T1107", "T1107"),
    "return_back": ("T1107", "T1107"),
    "reversal": ("T1201", "T1201"),
    "reversal_won": ("T1202", "T1202"),
    "fee": ("T0100", "T1108"),
    "reserve": ("T2103", "T2104"),
    "other": ("T1200", "T1200"),
    "payout": ("T0400", "T0300"),
    "payout_back": ("T1104", "T1101"),
}
_MOVED = """
SELECT * FROM movements WHERE provider = ? AND merchant = ? AND made_at >= ? AND made_at <= ?
ORDER BY n
"""
_BALANCE = """
SELECT currency, sum(amount_cents - fee_cents) AS cents FROM movements
WHERE provider = ? AND merchant = ? AND made_at <= ? GROUP BY currency
"""


def search(
    db: sqlite3.Connection, mine: Fake, merchant: str, asked: dict[str, str]
) -> dict[str, Any]:
    """One page of what moved in a time."""
    start, end = (_read(asked, name) for name in ("start_date", "end_date"))
    if end < start or end - start > WINDOW:
        raise No(400, "INVALID_DATE_RANGE")
    found = db.execute(_MOVED, (mine.name, merchant, written(start), written(end))).fetchall()
    lines = [line for row in found for line in _lines(db, mine, row)]
    if len(lines) > MOST:
        raise No(400, "RESULTSET_TOO_LARGE", "RESULTSET_TOO_LARGE")
    size, page = int(asked.get("page_size", "100")), int(asked.get("page", "1"))
    if not 1 <= size <= 500:
        raise No(400, "INVALID_PARAMETER_VALUE")
    shown = lines[(page - 1) * size : page * size]
    if "payer_info" in asked.get("fields", "transaction_info") or asked.get("fields") == "all":
        name = {"given_name": PAYER["given_name"], "surname": PAYER["surname"]}
        shown = [line | {"payer_info": {"payer_name": name}} for line in shown]
    until = clock.now() - LAG
    return {
        **({"transaction_details": shown} if shown else {}),
        "account_number": merchant,
        "start_date": moment(start.isoformat()),
        "end_date": moment(min(end, until).isoformat()),
        "last_refreshed_datetime": moment(until.isoformat()),
        "page": page,
        "total_items": len(lines),
        "total_pages": -(-len(lines) // size),
    }


def balances(
    db: sqlite3.Connection, mine: Fake, merchant: str, asked: dict[str, str]
) -> dict[str, Any]:
    """What was in the balance at a moment."""
    at = _read(asked, "as_of_time")
    rows = db.execute(_BALANCE, (mine.name, merchant, written(at))).fetchall()
    wanted = asked.get("currency_code")
    return {
        "balances": [
            {
                "currency": row["currency"],
                "primary": True,
                "total_balance": money(row["cents"], row["currency"]),
                "available_balance": money(row["cents"], row["currency"]),
            }
            for row in rows
            if wanted in {None, row["currency"]}
        ],
        "account_id": merchant,
        "as_of_time": moment(at.isoformat()),
        "last_refresh_time": moment((clock.now() - LAG).isoformat()),
    }


def _lines(db: sqlite3.Connection, mine: Fake, row: sqlite3.Row) -> list[dict[str, Any]]:
    """A movement as PayPal reports it: a bank's fee is a transaction of its own."""
    apart = row["kind"] in {"reversal", "reversal_won"}
    code = CODES[row["kind"]][row["amount_cents"] > 0]
    named = _named(db, mine, row)
    made = [_line(row, code, row["amount_cents"], 0 if apart else row["fee_cents"], named)]
    if apart and row["fee_cents"]:
        own = {"transaction_id": f"{row['id']}F"}
        about = {name: named[name] for name in named if name.startswith("paypal_reference")}
        made.append(_line(row, "T0106", -row["fee_cents"], 0, about | own))
    return made


def _line(
    row: sqlite3.Row, code: str, cents: int, fee: int, named: dict[str, str]
) -> dict[str, Any]:
    at = moment(row["made_at"])
    info: dict[str, Any] = {
        **named,
        "transaction_event_code": code,
        "transaction_initiation_date": at,
        "transaction_updated_date": at,
        "transaction_amount": money(cents, row["currency"]),
        "transaction_status": "S",
    }
    return {
        "transaction_info": info | ({"fee_amount": money(-fee, row["currency"])} if fee else {})
    }


def _named(db: sqlite3.Connection, mine: Fake, row: sqlite3.Row) -> dict[str, str]:
    """The names of a movement: its own, what it is about, and the merchant's."""
    if not row["payment_id"]:
        return {"transaction_id": row["settlement"] if row["kind"] == "payout" else row["id"]}
    payment = payments.get(db, mine, row["payment_id"])
    kept = told(payment)
    capture = {"paypal_reference_id": kept["capture_id"], "paypal_reference_id_type": "TXN"}
    if row["kind"] == "sale":
        order = {"paypal_reference_id": payment["id"], "paypal_reference_id_type": "ODR"}
        ours = {"custom_field": kept.get("custom_id"), "invoice_id": kept.get("invoice_id")}
        given = {name: value for name, value in ours.items() if value}
        return {"transaction_id": kept["capture_id"]} | order | given
    if row["refund_id"]:
        refund = refunds.get(db, mine, row["refund_id"])
        ours = {
            "custom_field": payment["payment"],
            "invoice_id": refund["refund"] or payment["payment"],
        }
        if row["kind"] == "return":
            return {"transaction_id": refund["id"]} | capture | ours
        about = {"paypal_reference_id": refund["id"], "paypal_reference_id_type": "TXN"}
        return {"transaction_id": row["id"]} | about | ours
    return {"transaction_id": row["id"]} | capture


def _read(asked: dict[str, str], name: str) -> datetime:
    try:
        at = datetime.fromisoformat(asked[name])
    except (KeyError, ValueError):
        raise No(400, "INVALID_PARAMETER_SYNTAX") from None
    if at.tzinfo is None:
        raise No(400, "INVALID_PARAMETER_SYNTAX")
    return at.astimezone(UTC)
