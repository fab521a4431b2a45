"""Refunds, disputes, balance transactions and pay-outs, rendered from the common books."""

import sqlite3
from typing import Any

from fakes import payments, refunds, reversals, settlements
from fakes.books import told
from fakes.fake import Fake
from fakes.stripe.objects import Told, charge, seconds
from sandbox.payments import PAYER

# fmt: off
REFUND = {"under_way": "pending", "sent": "succeeded", "bounced": "failed"}
DISPUTE = {"taken": "needs_response", "partly_won": "won", "won": "won", "lost": "lost"}
REASON = {"chargeback": "fraudulent", "returned_debit": "insufficient_funds", "other": "general"}
MOVEMENT = {  # kind here -> type, reporting_category
    "sale":         ("charge",         "charge"),
    "return":       ("refund",         "refund"),
    "return_back":  ("refund_failure", "refund_failure"),
    "reversal":     ("adjustment",     "dispute"),
    "reversal_won": ("adjustment",     "dispute_reversal"),
    "fee":          ("stripe_fee",     "fee"),
    "reserve":      ("reserved_funds", "risk_reserved_funds"),
    "other":        ("adjustment",     "other_adjustment"),
    "payout":       ("payout",         "payout"),
    "payout_back":  ("payout_failure", "payout_reversal"),
}
# fmt: on


def refund(db: sqlite3.Connection, fake: Fake, row: sqlite3.Row) -> Told:
    """A refund. What it failed of is told only then."""
    of = told(payments.get(db, fake, row["payment_id"]))
    nothing = (
        "customer", "customer_account", "receipt_number", "source_transfer_reversal",
        "transfer_reversal",
    )  # fmt: skip
    failed = {"failure_reason": "expired_or_canceled_card"} if row["status"] == "bounced" else {}
    return (
        dict.fromkeys(nothing)
        | failed
        | {
            "id": row["id"],
            "object": "refund",
            "amount": row["amount_cents"],
            "balance_transaction": _movement_of(db, "refund_id", row["id"]),
            "charge": of["charge"],
            "created": seconds(row["started_at"]),
            "currency": row["currency"].lower(),
            "destination_details": {"card": {"type": "refund"}, "type": "card"},
            "metadata": told(row).get("metadata", {}),
            "payment_intent": of["intent"],
            "payment_method": "pm_x",
            "reason": told(row).get("reason"),
            "status": REFUND[row["status"]],
        }
    )


def dispute(db: sqlite3.Connection, fake: Fake, row: sqlite3.Row) -> Told:
    """A dispute with its balance transactions: what was taken, and what came back."""
    of = told(payments.get(db, fake, row["payment_id"]))
    moved = reversals.moved(db, row["id"])
    return {
        "id": row["id"],
        "object": "dispute",
        "amount": row["amount_cents"],
        "balance_transactions": [movement(db, fake, each, set()) for each in moved],
        "charge": of["charge"],
        "created": seconds(row["started_at"]),
        "currency": row["currency"].lower(),
        "enhanced_eligibility_types": [],
        "evidence": _evidence(),
        "evidence_details": {
            "due_by": seconds(row["started_at"]) + 7 * 86400,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "enhanced_eligibility": {},
        },
        "is_charge_refundable": False,
        "livemode": payments.is_live(db, fake, row),
        "metadata": {},
        "payment_intent": of["intent"],
        "payment_method_details": {
            "card": {
                "brand": "visa",
                "case_type": "chargeback",
                "network_reason_code": "10.4",
                "network": "visa",
            },
            "type": "card",
        },
        "reason": REASON[row["reason"]],
        "status": DISPUTE[row["status"]],
    }


def _evidence() -> Told:
    return dict.fromkeys(_EVIDENCE) | {
        "customer_email_address": PAYER["email"],
        "customer_name": PAYER["name"],
        "uncategorized_text": PAYER["iban"],
        "enhanced_evidence": {},
    }


def movement(db: sqlite3.Connection, fake: Fake, row: sqlite3.Row, expand: set[str]) -> Told:
    """A balance transaction; ``source`` expands."""
    kind, category = MOVEMENT[row["kind"]]
    fee, currency = row["fee_cents"], row["currency"].lower()
    detail = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    return {
        "id": row["id"],
        "object": "balance_transaction",
        "amount": row["amount_cents"],
        "available_on": seconds(row["made_at"]),
        "balance_type": "payments",
        "created": seconds(row["made_at"]),
        "currency": currency,
        "description": row["words"] or None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [detail] if fee else [],
        "net": row["amount_cents"] - fee,
        "reporting_category": category,
        "source": _source(db, fake, row, expand=bool(expand & {"source", "data.source"})),
        "status": "available",
        "type": kind,
    }


def payout(db: sqlite3.Connection, fake: Fake, row: sqlite3.Row) -> Told:
    """A pay-out."""
    nothing = (
        "application_fee", "application_fee_amount", "failure_balance_transaction",
        "failure_code", "failure_message", "original_payout", "payout_method", "reversed_by",
        "statement_descriptor",
    )  # fmt: skip
    failed = {}
    if row["status"] == "failed":
        back = "SELECT id FROM movements WHERE settlement = ? AND kind = 'payout_back'"
        failed = {
            "failure_balance_transaction": db.execute(back, (row["id"],)).fetchone()["id"],
            "failure_code": "account_closed",
            "failure_message": "The bank account has been closed.",
        }
    return (
        dict.fromkeys(nothing)
        | {
            "id": row["id"],
            "object": "payout",
            "amount": row["net_cents"],
            "arrival_date": seconds(row["started_at"]),
            "automatic": True,
            "balance_transaction": _movement_of(db, "settlement", row["id"]),
            "created": seconds(row["started_at"]),
            "currency": row["currency"].lower(),
            "description": "STRIPE PAYOUT",
            "destination": "ba_x",
            "livemode": payments.is_live(db, fake, row),
            "metadata": {},
            "method": "standard",
            "reconciliation_status": told(row).get("reconciliation", "completed"),
            "source_type": "card",
            "status": row["status"],
            "trace_id": {"status": "unsupported", "value": None},
            "type": "bank_account",
        }
        | failed
    )


def _source(db: sqlite3.Connection, fake: Fake, row: sqlite3.Row, *, expand: bool) -> Any:
    if row["reversal_id"]:
        reversal = reversals.get(db, fake, row["reversal_id"])
        return dispute(db, fake, reversal) if expand else reversal["id"]
    if row["refund_id"]:
        back = refunds.get(db, fake, row["refund_id"])
        return refund(db, fake, back) if expand else back["id"]
    if row["payment_id"]:
        paid = payments.get(db, fake, row["payment_id"])
        return charge(db, fake, paid) if expand else told(paid)["charge"]
    if row["settlement"]:
        made = settlements.get(db, fake, row["settlement"])
        return payout(db, fake, made) if expand else made["id"]
    return None


def _movement_of(db: sqlite3.Connection, column: str, name: str) -> str | None:
    row = db.execute(
        f"SELECT id FROM movements WHERE {column} = ? ORDER BY n LIMIT 1",  # noqa: S608
        (name,),
    ).fetchone()
    return row["id"] if row else None


_EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy",
    "cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication",
    "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
    "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address",
    "shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number",
    "uncategorized_file", "uncategorized_text",
)  # fmt: skip
