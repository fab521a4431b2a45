"""Stripe's objects, rendered from the common books, in the shape of its fixtures of August 2026."""

import sqlite3
from typing import Any

from fakes import payments, refunds, reversals
from fakes.books import told
from fakes.fake import Fake
from fakes.page import page_url
from sandbox.file import moment
from sandbox.payments import PAYER

# fmt: off
SESSION = {  # status here -> session status, payment_status, status of the payment intent
    "open":        ("open",     "unpaid", "requires_payment_method"),
    "authorising": ("complete", "unpaid", "processing"),
    "paid":        ("complete", "paid",   "succeeded"),
    "refused":     ("complete", "unpaid", "requires_payment_method"),
    "timed_out":   ("expired",  "unpaid", "canceled"),
}
# fmt: on

_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
_CONNECTED = ("application", "on_behalf_of", "transfer_data", "transfer_group")
# What is null here.
_SESSION_NULL = (
    "after_expiration", "allow_promotion_codes", "billing_address_collection", "client_secret",
    "collected_information", "consent", "consent_collection", "currency_conversion",
    "customer", "customer_account", "customer_email", "discounts", "integration_identifier",
    "invoice", "managed_payments", "origin_context", "payment_link",
    "payment_method_configuration_details", "permissions", "recovered_from",
    "saved_payment_method_options", "setup_intent", "shipping_address_collection",
    "shipping_cost", "submit_type", "subscription", "wallet_options",
)  # fmt: skip
_INTENT_NULL = (
    *_CONNECTED, "application_fee_amount", "canceled_at", "cancellation_reason",
    "customer", "customer_account", "excluded_payment_method_types", "last_payment_error",
    "managed_payments", "next_action", "payment_method",
    "payment_method_configuration_details", "processing", "receipt_email", "review",
    "setup_future_usage", "shipping", "source", "statement_descriptor",
    "statement_descriptor_suffix",
)  # fmt: skip
_CHARGE_NULL = (
    *_CONNECTED, "application_fee", "application_fee_amount", "balance_transaction",
    "calculated_statement_descriptor", "customer", "failure_balance_transaction",
    "failure_code", "failure_message", "receipt_email", "receipt_number", "receipt_url",
    "review", "shipping", "source", "source_transfer", "statement_descriptor",
    "statement_descriptor_suffix",
)  # fmt: skip
Told = dict[str, Any]
_INVOICE = (
    "account_tax_ids", "custom_fields", "description", "footer", "issuer", "metadata",
    "rendering_options",
)  # fmt: skip
_TEXTS = "after_submit", "shipping_address", "submit", "terms_of_service_acceptance"
# What each session here has in common: one payment on Stripe's own page, no tax, no shipping.
_SESSION_ALWAYS: Told = dict.fromkeys(_SESSION_NULL) | {
    "object": "checkout.session",
    "adaptive_pricing": {"enabled": False},
    "automatic_tax": {"enabled": False, "liability": None, "status": None, "provider": None},
    "custom_fields": [],
    "custom_text": dict.fromkeys(_TEXTS),
    "customer_creation": "if_required",
    "invoice_creation": {"enabled": False, "invoice_data": dict.fromkeys(_INVOICE)},
    "mode": "payment",
    "payment_method_collection": "if_required",
    "payment_method_options": {},
    "payment_method_types": ["card", "sepa_debit"],
    "phone_number_collection": {"enabled": False},
    "shipping_options": [],
    "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
    "ui_mode": "hosted_page",
}


def seconds(text: str) -> int:
    """A moment of the books as Stripe tells it."""
    return int(moment(text).timestamp())


def session(db: sqlite3.Connection, fake: Fake, row: sqlite3.Row, expand: set[str]) -> Told:
    """A Checkout Session; ``payment_intent`` and ``payment_intent.latest_charge`` expand."""
    kept, (status, paid, _) = told(row), SESSION[row["status"]]
    known = row["status"] not in {"open", "timed_out"}
    return _SESSION_ALWAYS | {
        "id": row["id"],
        "amount_subtotal": row["amount_cents"],
        "amount_total": row["amount_cents"],
        "cancel_url": row["cancel_url"],
        "client_reference_id": row["payment"] or None,
        "created": seconds(row["started_at"]),
        "currency": row["currency"].lower(),
        "customer_details": _customer() if known else None,
        "expires_at": kept["expires_at"],
        "livemode": payments.is_live(db, fake, row),
        "locale": kept["locale"],
        "metadata": kept["metadata"],
        "payment_intent": _intent(db, fake, row, expand) if known else None,
        "payment_status": paid,
        "status": status,
        "success_url": row["return_url"],
        "url": page_url(fake, row["id"]) if row["status"] == "open" else None,
    }


def intent(db: sqlite3.Connection, fake: Fake, row: sqlite3.Row, expand: set[str]) -> Told:
    """The Payment Intent of a session; ``latest_charge`` expands."""
    kept, status = told(row), SESSION[row["status"]][2]
    charged = row["status"] in {"authorising", "paid", "refused"}
    latest: Any = kept["charge"] if charged else None
    if latest and "latest_charge" in expand:
        latest = charge(db, fake, row)
    return dict.fromkeys(_INTENT_NULL) | {
        "id": kept["intent"],
        "object": "payment_intent",
        "amount": row["amount_cents"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": row["amount_cents"] if row["status"] == "paid" else 0,
        "automatic_payment_methods": {"enabled": True},
        "capture_method": "automatic_async",
        "client_secret": f"{kept['intent']}_secret_x",
        "confirmation_method": "automatic",
        "created": seconds(row["started_at"]),
        "currency": row["currency"].lower(),
        "description": kept["description"],
        "latest_charge": latest,
        "livemode": payments.is_live(db, fake, row),
        "metadata": kept["intent_metadata"],
        "payment_method_options": {},
        "payment_method_types": ["card", "sepa_debit"],
        "status": status,
    }


def charge(db: sqlite3.Connection, fake: Fake, row: sqlite3.Row) -> Told:
    """The charge of a session."""
    kept, paid = told(row), row["status"] == "paid"
    back = refunds.back_cents(db, row["id"])
    statuses = {"paid": "succeeded", "authorising": "pending"}
    return dict.fromkeys(_CHARGE_NULL) | {
        "id": kept["charge"],
        "object": "charge",
        "amount": row["amount_cents"],
        "amount_captured": row["amount_cents"] if paid else 0,
        "amount_refunded": back,
        "billing_details": _customer("address", "email", "name", "phone", "tax_id"),
        "captured": paid,
        "created": seconds(row["changed_at"]),
        "currency": row["currency"].lower(),
        "description": kept["description"],
        "disputed": reversals.taken_cents(db, row["id"]) > 0,
        "fraud_details": {},
        "livemode": payments.is_live(db, fake, row),
        "metadata": kept["intent_metadata"],
        "outcome": None,
        "paid": paid,
        "payment_intent": kept["intent"],
        "payment_method": "pm_x",
        "payment_method_details": {"type": kept["method"], kept["method"]: {"last4": "3000"}},
        "refunded": back >= row["amount_cents"],
        "refunds": {
            "object": "list",
            "data": [],
            "has_more": back > 0,
            "url": f"/v1/charges/{kept['charge']}/refunds",
        },
        "status": statuses.get(row["status"], "failed"),
    }


def _intent(db: sqlite3.Connection, fake: Fake, row: sqlite3.Row, expand: set[str]) -> Any:
    if not any(name.split(".")[0] == "payment_intent" for name in expand):
        return told(row)["intent"]
    inner = {name.partition(".")[2] for name in expand}
    return intent(db, fake, row, inner)


def _customer(*names: str) -> Told:
    told_of: Told = {
        "address": _ADDRESS,
        "business_name": None,
        "email": PAYER["email"],
        "individual_name": None,
        "name": PAYER["name"],
        "phone": PAYER["iban"],  # no telephone number, but something that must not get through
        "tax_exempt": "none",
        "tax_ids": [],
        "tax_id": None,
    }
    wanted = names or tuple(name for name in told_of if name != "tax_id")
    return {name: told_of[name] for name in wanted}
