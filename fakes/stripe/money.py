"""Refunds, disputes, pay-outs, balance transactions and events (docs.stripe.com/api)."""

import json
import sqlite3

from fakes import payments, refunds, reversals, settlements
from fakes.stripe import forms, moved
from fakes.stripe.calling import PAGED, Told, by_intent, made_between, mine, newest, page, route
from fakes.stripe.forms import StripeError, missing, needed, only, whole
from sandbox.errors import Refused


@route("POST", "refunds")
def create_refund(db: sqlite3.Connection, merchant: sqlite3.Row, tree: Told) -> Told:
    """Send money of a payment intent back."""
    only(tree, ("payment_intent", "amount", "metadata", "reason", "expand"))
    reason = tree.get("reason")
    if reason not in {None, "duplicate", "fraudulent", "requested_by_customer"}:
        raise StripeError(400, "Invalid reason.", param="reason")
    row = by_intent(db, merchant, needed(tree, "payment_intent"))
    left = refunds.left_cents(db, row)
    cents = whole(tree["amount"], "amount", 1) if "amount" in tree else left
    if row["status"] != payments.PAID:
        raise StripeError(400, "This PaymentIntent does not have a successful charge to refund.")
    if left <= 0:
        raise StripeError(400, "Charge has already been refunded.", code="charge_already_refunded")
    if cents > left:
        raise StripeError(
            400,
            f"Refund amount ({cents}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    kept = {"metadata": forms.metadata(tree.get("metadata")), "reason": reason}
    name = forms.metadata(tree.get("metadata")).get("refund", "")
    made, _ = refunds.order(db, mine(), row, refund=name, amount_cents=cents, told=kept)
    return moved.refund(db, mine(), made)


@route("GET", "refunds")
def list_refunds(db: sqlite3.Connection, merchant: sqlite3.Row, tree: Told) -> Told:
    """Refunds, of one payment intent."""
    only(tree, (*PAGED, "payment_intent", "charge", "created"))
    rows = made_between(newest(db, "refunds", merchant), tree)
    if intent := tree.get("payment_intent"):
        of = by_intent(db, merchant, intent)
        rows = [row for row in rows if row["payment_id"] == of["id"]]
    return page(rows, tree, lambda row: moved.refund(db, mine(), row))


@route("GET", "refunds/<refund>")
def show_refund(db: sqlite3.Connection, merchant: sqlite3.Row, tree: Told) -> Told:
    """A refund."""
    row = refunds.get(db, mine(), tree["@refund"], merchant["merchant"])
    return moved.refund(db, mine(), row)


@route("GET", "disputes/<dispute>")
def show_dispute(db: sqlite3.Connection, merchant: sqlite3.Row, tree: Told) -> Told:
    """A dispute."""
    row = reversals.get(db, mine(), tree["@dispute"], merchant["merchant"])
    return moved.dispute(db, mine(), row)


@route("GET", "payouts")
def list_payouts(db: sqlite3.Connection, merchant: sqlite3.Row, tree: Told) -> Told:
    """Pay-outs."""
    only(tree, (*PAGED, "created", "status", "arrival_date"))
    rows = made_between(newest(db, "settlements", merchant), tree)
    return page(rows, tree, lambda row: moved.payout(db, mine(), row))


@route("GET", "payouts/<payout>")
def show_payout(db: sqlite3.Connection, merchant: sqlite3.Row, tree: Told) -> Told:
    """A pay-out."""
    return moved.payout(db, mine(), _payout(db, merchant, tree["@payout"]))


@route("GET", "balance_transactions")
def list_movements(db: sqlite3.Connection, merchant: sqlite3.Row, tree: Told) -> Told:
    """Balance transactions; of a pay-out with the pay-out's own among them."""
    only(tree, (*PAGED, "payout", "source", "type", "created", "currency"))
    rows = newest(db, "movements", merchant)
    if name := tree.get("payout"):
        made = _payout(db, merchant, name)
        settled = {line["n"] for line in settlements.lines(db, made["id"])}
        rows = [
            row
            for row in rows
            if row["n"] in settled or (row["kind"], row["settlement"]) == ("payout", name)
        ]
    expand = forms.expanded(tree)
    return page(rows, tree, lambda row: moved.movement(db, mine(), row, expand))


@route("GET", "events")
def list_events(db: sqlite3.Connection, merchant: sqlite3.Row, tree: Told) -> Told:
    """What happened, whether it was told or not."""
    only(tree, (*PAGED, "type", "created"))
    found = db.execute(
        "SELECT id, body FROM events WHERE provider = 'stripe' AND merchant = ? AND genuine"
        " ORDER BY n DESC",
        (merchant["merchant"],),
    ).fetchall()
    rows = [row for row in found if tree.get("type") in {None, json.loads(row["body"])["type"]}]
    return page(rows, tree, lambda row: dict(json.loads(row["body"])))


@route("GET", "account")
def show_account(_: sqlite3.Connection, merchant: sqlite3.Row, __: Told) -> Told:
    """Whose key it is."""
    return {
        "id": merchant["merchant"],
        "object": "account",
        "charges_enabled": True,
        "country": "DE",
        "default_currency": merchant["currency"].lower(),
        "details_submitted": True,
        "payouts_enabled": True,
        "type": "standard",
    }


def _payout(db: sqlite3.Connection, merchant: sqlite3.Row, name: str) -> sqlite3.Row:
    try:
        return settlements.get(db, mine(), name, merchant["merchant"])
    except Refused:
        raise missing("payout", name) from None
