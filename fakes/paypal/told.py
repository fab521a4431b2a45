"""What PayPal says of orders, captures, refunds and disputes, as published
(github.com/paypal/paypal-rest-api-specifications: checkout_orders_v2, payments_payment_v2,
customer_disputes_v1).
"""

import sqlite3
from typing import Any

from fakes import payments, refunds, reversals
from fakes.books import told
from fakes.fake import Fake

ORDER_STATUS = {
    "open": "PAYER_ACTION_REQUIRED",
    "approved": "APPROVED",
    "approved_later": "APPROVED",
    "approved_in_vain": "APPROVED",
    "approved_refused": "APPROVED",
    "voided": "VOIDED",
    "authorising": "COMPLETED",
    "paid": "COMPLETED",
    "refused": "COMPLETED",
}
CAPTURE_STATUS = {"authorising": "PENDING", "paid": "COMPLETED", "refused": "DECLINED"}
REFUND_STATUS = {"under_way": "PENDING", "sent": "COMPLETED", "bounced": "FAILED"}
OUTCOME = {
    "won": "RESOLVED_SELLER_FAVOUR",
    "partly_won": "RESOLVED_BUYER_FAVOUR",
    "lost": "RESOLVED_BUYER_FAVOUR",
    "settled_by_refund": "RESOLVED_BUYER_FAVOUR",
    "closed": "CANCELED_BY_BUYER",
}
INQUIRIES = {"inquiry", "settled_by_refund", "closed"}
CHANNEL = {"chargeback": "EXTERNAL", "returned_debit": "EXTERNAL", "other": "INTERNAL"}

PAYER = {"given_name": "Erika", "surname": "Mustermann", "email": "erika@mustermann.example"}
_HOST = "https://api-m.sandbox.paypal.com"
_FULL = "PARTIALLY_REFUNDED", "REFUNDED"


def money(cents: int, currency: str) -> dict[str, str]:
    """``{"currency_code": "EUR", "value": "42.50"}``"""
    sign, whole = "-" if cents < 0 else "", abs(cents)
    return {"currency_code": currency, "value": f"{sign}{whole // 100}.{whole % 100:02}"}


def moment(written: str) -> str:
    """A moment of the books, as PayPal writes it."""
    return written.replace("+00:00", "Z")


def order(db: sqlite3.Connection, mine: Fake, row: sqlite3.Row, page: str) -> dict[str, Any]:
    """An order."""
    kept, amount = told(row), money(row["ordered_cents"], row["ordered_currency"])
    unit: dict[str, Any] = {
        "reference_id": "default",
        "amount": amount,
        "payee": {"email_address": "kasse@town.example", "merchant_id": row["merchant"]},
        **{name: kept[name] for name in ("custom_id", "invoice_id", "description") if name in kept},
    }
    if kept.get("capture_id"):
        captures = [capture(db, row)]
        back = [refund(db, mine, one) for one in refunds.of_payment(db, row["id"])]
        unit["payments"] = {"captures": captures} | ({"refunds": back} if back else {})
    found: dict[str, Any] = {
        "id": row["id"],
        "intent": "CAPTURE",
        "status": ORDER_STATUS[row["status"]],
        "purchase_units": [unit],
        "create_time": moment(row["started_at"]),
        "update_time": moment(row["changed_at"]),
        "links": [
            {"href": f"{_HOST}/v2/checkout/orders/{row['id']}", "rel": "self", "method": "GET"},
            {"href": page, "rel": "payer-action", "method": "GET"},
        ],
    }
    if row["status"] != "open":
        name = {"given_name": PAYER["given_name"], "surname": PAYER["surname"]}
        found["payer"] = {"name": name, "email_address": PAYER["email"]}
        found["payment_source"] = {"paypal": {"email_address": PAYER["email"], "name": name}}
    return found


def capture(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """The capture of an order."""
    kept, name = told(row), told(row)["capture_id"]
    currency = row["currency"]
    sale = db.execute(
        "SELECT fee_cents FROM movements WHERE payment_id = ? AND kind = 'sale'", (row["id"],)
    ).fetchone()
    fee = sale["fee_cents"] if sale else 0
    back = sum(
        one["amount_cents"] for one in refunds.of_payment(db, row["id"]) if one["status"] == "sent"
    )
    status = CAPTURE_STATUS[row["status"]]
    if row["status"] == "paid" and back:
        status = _FULL[back >= row["amount_cents"]]
    found: dict[str, Any] = {
        "id": name,
        "status": status,
        "amount": money(row["amount_cents"], currency),
        "final_capture": True,
        **{field: kept[field] for field in ("custom_id", "invoice_id") if field in kept},
        "create_time": moment(kept["captured_at"]),
        "update_time": moment(row["changed_at"]),
        "links": [
            {"href": f"{_HOST}/v2/payments/captures/{name}", "rel": "self", "method": "GET"},
            {"href": f"{_HOST}/v2/checkout/orders/{row['id']}", "rel": "up", "method": "GET"},
        ],
    }
    if status == "PENDING":
        found["status_details"] = {"reason": "PENDING_REVIEW"}
    if row["status"] == "paid":
        found["seller_receivable_breakdown"] = {
            "gross_amount": money(row["amount_cents"], currency),
            "paypal_fee": money(fee, currency),
            "net_amount": money(row["amount_cents"] - fee, currency),
        }
    return found


def whole_capture(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """A capture as it is told on its own: with its order and for whom it is."""
    return capture(db, row) | {
        "supplementary_data": {"related_ids": {"order_id": row["id"]}},
        "payee": {"email_address": "kasse@town.example", "merchant_id": row["merchant"]},
    }


def refund(db: sqlite3.Connection, mine: Fake, row: sqlite3.Row) -> dict[str, Any]:
    """A refund; one that was ordered at PayPal itself has the invoice id of its payment."""
    payment = payments.get(db, mine, row["payment_id"])
    kept, name = told(row), told(payment)["capture_id"]
    found: dict[str, Any] = {
        "id": row["id"],
        "status": REFUND_STATUS[row["status"]],
        "amount": money(row["amount_cents"], row["currency"]),
        "custom_id": kept.get("custom_id") or payment["payment"],
        "invoice_id": row["refund"] or payment["payment"],
        "payer": {"email_address": "kasse@town.example", "merchant_id": row["merchant"]},
        "create_time": moment(row["started_at"]),
        "update_time": moment(row["changed_at"]),
        "links": [
            {"href": f"{_HOST}/v2/payments/refunds/{row['id']}", "rel": "self", "method": "GET"},
            {"href": f"{_HOST}/v2/payments/captures/{name}", "rel": "up", "method": "GET"},
        ],
    }
    return found | (
        {"status_details": {"reason": "ECHECK"}} if row["status"] == "under_way" else {}
    )


def reversed_capture(db: sqlite3.Connection, mine: Fake, row: sqlite3.Row) -> dict[str, Any]:
    """What is told of a capture that was taken back: a refund in form, of no id of the merchant."""
    name = told(payments.get(db, mine, row["payment_id"]))["capture_id"]
    return {
        "id": row["id"].replace("-", "")[-17:],
        "status": "COMPLETED",
        "amount": money(row["amount_cents"], row["currency"]),
        "note_to_payer": "Payment reversed",
        "create_time": moment(row["started_at"]),
        "update_time": moment(row["changed_at"]),
        "links": [
            {"href": f"{_HOST}/v2/payments/captures/{name}", "rel": "up", "method": "GET"},
        ],
    }


def dispute(db: sqlite3.Connection, mine: Fake, row: sqlite3.Row) -> dict[str, Any]:
    """A dispute, with what it moved until now."""
    payment = payments.get(db, mine, row["payment_id"])
    resolved = row["status"] in OUTCOME
    moved = [part for each in reversals.moved(db, row["id"]) for part in _movements(each)]
    found: dict[str, Any] = {
        "dispute_id": row["id"],
        "create_time": moment(row["started_at"]),
        "update_time": moment(row["changed_at"]),
        "disputed_transactions": [
            {
                "seller_transaction_id": told(payment)["capture_id"],
                "create_time": moment(payment["started_at"]),
                "gross_amount": money(payment["amount_cents"], payment["currency"]),
                "custom": payment["payment"],
                "buyer": {"name": f"{PAYER['given_name']} {PAYER['surname']}"},
                "seller": {"merchant_id": row["merchant"], "name": "Town"},
            }
        ],
        "reason": "UNAUTHORISED",
        "status": "RESOLVED" if resolved else "UNDER_REVIEW",
        "dispute_amount": money(row["amount_cents"], row["currency"]),
        "dispute_life_cycle_stage": "INQUIRY" if row["status"] in INQUIRIES else "CHARGEBACK",
        "dispute_channel": CHANNEL[row["reason"]],
        **({"money_movements": moved} if moved else {}),
        "links": [
            {"href": f"{_HOST}/v1/customer/disputes/{row['id']}", "rel": "self", "method": "GET"}
        ],
    }
    if resolved:
        found["dispute_outcome"] = {
            "outcome_code": OUTCOME[row["status"]],
            "amount_refunded": money(
                told(row).get("refunded_cents", reversals.away_cents(db, row["id"])),
                row["currency"],
            ),
        }
    return found


def disputes(db: sqlite3.Connection, mine: Fake, capture_id: str, merchant: str) -> dict[str, Any]:
    """The disputes about a capture, the latest first."""
    rows = db.execute(
        "SELECT r.id FROM reversals AS r JOIN payments AS p ON p.id = r.payment_id"
        " WHERE r.provider = ? AND r.merchant = ? AND p.told ->> 'capture_id' = ?"
        " ORDER BY r.rowid DESC",
        (mine.name, merchant, capture_id),
    ).fetchall()
    whole = [dispute(db, mine, reversals.get(db, mine, row["id"])) for row in rows]
    names = (
        "dispute_id", "create_time", "update_time", "reason", "status", "dispute_amount",
    )  # fmt: skip
    items = [{name: one[name] for name in names} for one in whole]
    return {"items": items, "links": _SELF} if items else {"links": _SELF}


def _movements(row: sqlite3.Row) -> list[dict[str, Any]]:
    """A movement as a dispute tells it: the money, and the fee beside it."""
    return [
        {
            "affected_party": "SELLER",
            "amount": money(abs(cents), row["currency"]),
            "initiated_time": moment(row["made_at"]),
            "type": "CREDIT" if cents > 0 else "DEBIT",
            "reason": why,
        }
        for cents, why in (
            (row["amount_cents"], "DISPUTE_SETTLEMENT"),
            (-row["fee_cents"], "CHARGEBACK_FEE"),
        )
        if cents
    ]


_SELF = [{"href": f"{_HOST}/v1/customer/disputes", "rel": "self", "method": "GET"}]
