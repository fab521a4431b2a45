"""Checkout Sessions and their payment intents (docs.stripe.com/api/checkout/sessions)."""

import secrets
import sqlite3
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from fakes import payments
from fakes.books import told
from fakes.stripe import forms, objects
from fakes.stripe.calling import PAGED, Told, by_intent, made_between, mine, newest, page, route
from fakes.stripe.forms import StripeError, missing, needed, only, whole
from portal import clock
from sandbox.errors import Refused

LEAST_CENTS = 50  # docs.stripe.com/currencies#minimum-and-maximum-charge-amounts, for EUR
SHORTEST, LONGEST = timedelta(minutes=30), timedelta(hours=24)

_SESSION = (
    "mode", "line_items", "success_url", "cancel_url", "client_reference_id", "metadata",
    "payment_intent_data", "locale", "expires_at", "submit_type", "expand", "currency",
    "customer_email", "payment_method_options", "custom_text",
)  # fmt: skip


@route("POST", "checkout/sessions")
def create_session(db: sqlite3.Connection, merchant: sqlite3.Row, tree: Told) -> Told:
    """Take an order of one or more lines."""
    if "payment_method_types" in tree:
        raise StripeError(
            400,
            "payment_method_types is not supported in this API version.",
            code="parameter_unknown",
            param="payment_method_types",
        )
    only(tree, _SESSION)
    if needed(tree, "mode") != "payment":
        raise StripeError(400, "Only mode=payment is played here.", param="mode")
    cents, currency, name = _lines(needed(tree, "line_items"))
    intent = tree.get("payment_intent_data", {})
    only(intent, ("metadata", "description", "statement_descriptor_suffix"), "payment_intent_data")
    kept = {
        "metadata": forms.metadata(tree.get("metadata")),
        "intent_metadata": forms.metadata(intent.get("metadata")),
        "description": intent.get("description"),
        "locale": tree.get("locale"),
        "expires_at": _expiry(tree),
        "intent": f"pi_{secrets.token_hex(12)}",
        "charge": f"ch_{secrets.token_hex(12)}",
        "method": "card",
    }
    order = payments.Order(
        payment=str(tree.get("client_reference_id", "")),
        amount_cents=cents,
        currency=currency,
        text=name,
        language=str(tree.get("locale", "de")),
        return_url=_address(tree, "success_url"),
        cancel_url=_address(tree, "cancel_url"),
        told=kept,
        name=_name(merchant),
    )
    made = payments.start(db, mine(), merchant["merchant"], order)
    return objects.session(db, mine(), made, forms.expanded(tree))


@route("GET", "checkout/sessions/<session>")
def show_session(db: sqlite3.Connection, merchant: sqlite3.Row, tree: Told) -> Told:
    """How a session stands; one whose time is over expires by it."""
    row = _session(db, merchant, tree["@session"])
    if row["status"] == "open" and told(row)["expires_at"] <= clock.now().timestamp():
        payments.decide(db, mine(), row["id"], "expire")
        row = payments.get(db, mine(), row["id"])
    return objects.session(db, mine(), row, forms.expanded(tree))


@route("POST", "checkout/sessions/<session>/expire")
def expire_session(db: sqlite3.Connection, merchant: sqlite3.Row, tree: Told) -> Told:
    """End an open session."""
    row = _session(db, merchant, tree["@session"])
    if row["status"] != "open":
        status = objects.SESSION[row["status"]][0]
        raise StripeError(
            400, f'Only Checkout Sessions with a status in ["open"] can be expired. It is {status}.'
        )
    payments.decide(db, mine(), row["id"], "expire")
    after = payments.get(db, mine(), row["id"])
    return objects.session(db, mine(), after, forms.expanded(tree))


@route("GET", "checkout/sessions")
def list_sessions(db: sqlite3.Connection, merchant: sqlite3.Row, tree: Told) -> Told:
    """Sessions, of one payment intent, or made between two moments."""
    only(tree, (*PAGED, "payment_intent", "created", "status"))
    rows = newest(db, "payments", merchant)
    if intent := tree.get("payment_intent"):
        hidden = {"open", "timed_out"}
        rows = [
            row for row in rows if told(row)["intent"] == intent and row["status"] not in hidden
        ]
    rows = made_between(rows, tree)
    if status := tree.get("status"):
        rows = [row for row in rows if objects.SESSION[row["status"]][0] == status]
    inner = {name.removeprefix("data.") for name in forms.expanded(tree)}
    return page(rows, tree, lambda row: objects.session(db, mine(), row, inner))


@route("GET", "payment_intents/<intent>")
def show_intent(db: sqlite3.Connection, merchant: sqlite3.Row, tree: Told) -> Told:
    """A payment intent."""
    row = by_intent(db, merchant, tree["@intent"])
    return objects.intent(db, mine(), row, forms.expanded(tree))


def _name(merchant: sqlite3.Row) -> str:
    return f"cs_{'live' if merchant['live'] else 'test'}_{secrets.token_hex(29)}"


def _session(db: sqlite3.Connection, merchant: sqlite3.Row, name: str) -> sqlite3.Row:
    try:
        return payments.get(db, mine(), name, merchant["merchant"])
    except Refused:
        raise missing("checkout.session", name) from None


def _lines(lines: Told) -> tuple[int, str, str]:
    total, currencies, names = 0, set(), []
    for number, line in lines.items():
        within = f"line_items[{number}]"
        only(line, ("price_data", "quantity"), within)
        price = needed(line, "price_data", within)
        only(price, ("currency", "unit_amount", "product_data"), f"{within}[price_data]")
        amount = whole(needed(price, "unit_amount", within), f"{within}[unit_amount]")
        total += amount * whole(needed(line, "quantity", within), f"{within}[quantity]", 1)
        currencies.add(str(needed(price, "currency", within)).upper())
        names.append(str(needed(needed(price, "product_data", within), "name", within)))
    if len(currencies) != 1:
        raise StripeError(400, "All line items must have the same currency.", param="line_items")
    if total < LEAST_CENTS:
        raise StripeError(
            400,
            "The Checkout Session's total amount must convert to at least 50 cents.",
            code="amount_too_small",
        )
    return total, currencies.pop(), names[0]


def _expiry(tree: Told) -> int:
    now = clock.now()
    if "expires_at" not in tree:
        return int((now + LONGEST).timestamp())
    at = datetime.fromtimestamp(whole(tree["expires_at"], "expires_at"), UTC)
    leeway = timedelta(seconds=1)
    if not SHORTEST - leeway <= at - now <= LONGEST + leeway:
        raise StripeError(
            400,
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from now.",
            param="expires_at",
        )
    return int(at.timestamp())


def _address(tree: Told, name: str) -> str:
    url = str(needed(tree, name))
    if urlsplit(url).scheme not in {"http", "https"}:
        raise StripeError(400, "Not a valid URL", code="url_invalid", param=name)
    return url
