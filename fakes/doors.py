"""For people who run an exercise, and for tests: what payers, banks and time would do.

From this machine only; of each ``/<provider>``:
``PUT /merchants/<id>`` {name, webhook_url, live? (false), currency? (EUR), credentials: as the
provider has them} · ``GET /books`` (also for others) · ``POST /test/settings`` (those of
``settings.DEFAULTS``) · ``POST /test/payments/<id>/<verb>`` {webhook?: way, amount_cents?,
currency?, fee_cents?: what really came}: a verb of the provider's edges, by default pay | pend |
decline | cancel | expire · ``POST /test/payments/<id>/leave`` · ``POST /test/payments/<id>/refund``
{amount_cents}: ordered at the provider, without the merchant's program ·
``POST /test/refunds/<id>/send|bounce`` {webhook?} · ``POST /test/payments/<id>/reverse``
{amount_cents? (all that is left), fee_cents?, reason?: chargeback | returned_debit | other,
webhook?} · ``POST /test/payments/<id>/inquire`` likewise: the payer only asks ·
``POST /test/reversals/<id>/<verb>`` {webhook?, amount_cents?: so much of it}: a verb of the
provider's edges, win | withdraw (what was won is taken again) | lose, of an inquiry settle (by a
refund) | escalate | close ·
``POST /test/merchants/<id>/settle`` {webhook?} · ``POST /test/settlements/<id>/fail`` {webhook?} ·
``POST /test/merchants/<id>/adjust`` {kind: fee | reserve | other, amount_cents, words?} ·
``POST /test/events/<event>/repeat`` {webhook?, age_seconds? (below zero: from the future),
changes?: [[old, new], ...] (words of its body, rightly signed)}.
``<id>`` is the provider's, or of payments and refunds the merchant's. A way is one of
``sandbox.notifications.WAYS``: send, lose, double, forged, before_previous, late:<seconds>.
Answers tell the deliveries with what was sent, after each was tried once (waiting at most two
seconds). A form instead of JSON is answered by 303 to ``/<provider>/`` (``trainer``).
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, current_app, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from fakes import (
    inquiries,
    merchants,
    payments,
    refunds,
    reversals,
    settings,
    settlements,
    telling,
    totals,
)
from fakes.books import Books
from fakes.fake import Fake
from sandbox import fields
from sandbox.courier import Courier
from sandbox.errors import Refused
from sandbox.here import from_here_only
from sandbox.page import WAIT_SECONDS
from sandbox.states import REASONS

_Made = tuple[sqlite3.Row, list[int]]

doors = Blueprint("doors", __name__, url_prefix="/<provider>")
doors.before_request(from_here_only)

_WAY: dict[str, fields.Reader] = {"webhook": settings.way}
_COLLECTED: dict[str, fields.Reader] = {
    "amount_cents": fields.whole(0),
    "currency": fields.currency,
    "fee_cents": fields.whole(0),
}
_TAKING = _WAY | {
    "amount_cents": fields.whole(1),
    "fee_cents": fields.whole(0),
    "reason": fields.one_of(*REASONS),
}


def changes(value: Any) -> list[tuple[str, str]]:
    """Pairs of texts: what stands there, and what shall stand there instead."""
    if not isinstance(value, list) or not all(_is_pair(pair) for pair in value):
        raise ValueError("must be a list of pairs of texts")
    return [(old, new) for old, new in value]


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and [type(text) for text in value] == [str, str]


_REPEATING = _WAY | {"age_seconds": fields.whole(-(10**8), 10**8), "changes": changes}
_ADJUSTING: dict[str, fields.Reader] = {
    "kind": fields.one_of("fee", "reserve", "other"),
    "amount_cents": fields.whole(-(10**12)),
    "words": fields.text(100, 0),
}


def fake(provider: str) -> Fake:
    """The fake of a provider; raises ``Refused`` (404)."""
    found: dict[str, Fake] = current_app.extensions["fakes"]
    if provider not in found:
        raise Refused(404, "unknown_provider", "No such provider.")
    return found[provider]


def books() -> Books:
    """The books of the running app."""
    found: Books = current_app.extensions["books"]
    return found


def courier() -> Courier:
    """The courier of the running app."""
    found: Courier = current_app.extensions["courier"]
    return found


@doors.get("/books")
def show_books(provider: str) -> ResponseReturnValue:
    """The books of all its merchants."""
    with books().reading() as db:
        return jsonify(totals.books(db, fake(provider)))


@doors.put("/merchants/<string(maxlength=64):merchant>")
def save_merchant(provider: str, merchant: str) -> ResponseReturnValue:
    """Open or change a merchant's account."""
    mine = fake(provider)
    readers: dict[str, fields.Reader] = {
        "name": fields.text(100),
        "webhook_url": fields.address,
        "live": fields.one_of(True, False),
        "currency": fields.currency,
        "credentials": _credentials(mine),
    }
    told = fields.read_fields(request.get_data(), readers, {"live", "currency"})
    with books().transaction() as db:
        merchants.save(db, provider, merchant, told)
    return jsonify({"merchant": merchant})


@doors.post("/test/settings")
def change_settings(provider: str) -> ResponseReturnValue:
    """Change how the provider behaves."""
    told = fields.read_fields(request.get_data(), settings.READERS, settings.READERS)
    with books().transaction() as db:
        settings.change(db, fake(provider).name, told)
        return jsonify(settings.read(db, provider))


@doors.post("/test/payments/<payment>/<verb>")
def let_happen(provider: str, payment: str, verb: str) -> ResponseReturnValue:
    """Do what the payer, the bank or time would do."""
    mine, told = fake(provider), options(_WAY | _COLLECTED)
    with books().transaction() as db:
        found = payments.find(db, mine, payment)
        sent = _let_happen(db, mine, found, verb, told)
    return answer(sent, payment=found["id"])


@doors.post("/test/payments/<payment>/refund")
def refund(provider: str, payment: str) -> ResponseReturnValue:
    """Somebody sends money back by the provider's own pages."""
    mine, told = fake(provider), options(_WAY | {"amount_cents": fields.whole(1)})
    with books().transaction() as db:
        found = payments.find(db, mine, payment)
        cents = told.get("amount_cents", refunds.left_cents(db, found))
        made, sent = refunds.order(db, mine, found, refund="", amount_cents=cents)
    return answer(sent, refund=made["id"])


@doors.post("/test/refunds/<refund_id>/<any(send,bounce):verb>")
def decide_refund(provider: str, refund_id: str, verb: str) -> ResponseReturnValue:
    """A refund is sent, or bounces."""
    mine, told = fake(provider), options(_WAY)
    with books().transaction() as db:
        sent = refunds.decide(db, mine, refund_id, verb, how=told.get("webhook"))
    return answer(sent)


@doors.post("/test/payments/<payment>/reverse", defaults={"begin": reversals.take})
@doors.post("/test/payments/<payment>/inquire", defaults={"begin": reversals.inquire})
def reverse(provider: str, payment: str, begin: Callable[..., _Made]) -> ResponseReturnValue:
    """The payer's bank takes money back, or the payer asks what a payment was for."""
    mine, told = fake(provider), options(_TAKING)
    with books().transaction() as db:
        found = payments.find(db, mine, payment)
        made, sent = begin(db, mine, found["id"], told, how=told.get("webhook"))
    return answer(sent, reversal=made["id"])


@doors.post("/test/reversals/<reversal>/<verb>")
def decide_reversal(provider: str, reversal: str, verb: str) -> ResponseReturnValue:
    """The dispute is won, or goes on as the provider's edges say."""
    mine, told = fake(provider), options(_WAY | {"amount_cents": fields.whole(1)})
    decide = inquiries.settle if verb == "settle" else reversals.decide
    with books().transaction() as db:
        sent = decide(db, mine, reversal, verb, how=told.get("webhook"), told=told)
    return answer(sent, reversal=reversal)


@doors.post("/test/merchants/<merchant>/settle")
def settle(provider: str, merchant: str) -> ResponseReturnValue:
    """Pay out what is unsettled."""
    mine, told = fake(provider), options(_WAY)
    with books().transaction() as db:
        made, sent = settlements.settle(db, mine, merchant, how=told.get("webhook"))
    return answer(sent, settlement=made["id"])


@doors.post("/test/settlements/<settlement>/fail")
def fail_settlement(provider: str, settlement: str) -> ResponseReturnValue:
    """A pay-out comes back."""
    mine, told = fake(provider), options(_WAY)
    with books().transaction() as db:
        made, sent = settlements.fail(db, mine, settlement, how=told.get("webhook"))
    return answer(sent, settlement=made["id"])


@doors.post("/test/merchants/<merchant>/adjust")
def adjust(provider: str, merchant: str) -> ResponseReturnValue:
    """Book a fee, a reserve or something other that is of no one payment."""
    mine = fake(provider)
    told = fields.read_fields(request.get_data(), _ADJUSTING, {"words"})
    with books().transaction() as db:
        settlements.adjust(
            db, mine, merchant, told["kind"], told["amount_cents"], told.get("words", "")
        )
    return answer(())


@doors.post("/test/events/<event>/repeat")
def repeat(provider: str, event: str) -> ResponseReturnValue:
    """Tell an event again, or something else."""
    mine, told = fake(provider), options(_REPEATING)
    with books().transaction() as db:
        how = told.get("webhook", "send")
        age, words = told.get("age_seconds", 0), told.get("changes", ())
        sent = telling.again(db, mine.name, event, how, age, words)
    return answer(sent)


def options(readers: dict[str, fields.Reader]) -> dict[str, Any]:
    """What was asked for; nothing of it must be, and a form's buttons ask for nothing special."""
    return {} if request.form else fields.read_fields(request.get_data(), readers, readers)


def answer(deliveries: Sequence[int], **told: Any) -> ResponseReturnValue:
    """What was done, with its deliveries after each was tried once; a form is led to the page."""
    courier().wait(deliveries, WAIT_SECONDS)
    if request.form:
        return redirect(f"/{request.view_args['provider']}/", 303)  # type: ignore[index]
    with books().reading() as db:
        tellings = [telling.told(db, number) for number in deliveries]
    return jsonify(told | {"deliveries": tellings})


def _let_happen(
    db: sqlite3.Connection, mine: Fake, payment: sqlite3.Row, verb: str, told: dict[str, Any]
) -> list[int]:
    if verb == "leave":
        return []
    collected = {name: told[name] for name in _COLLECTED if name in told}
    how = told.get("webhook")
    return payments.decide(db, mine, payment["id"], verb, how=how, collected=collected)


def _credentials(mine: Fake) -> fields.Reader:
    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or set(value) != set(mine.credentials):
            raise ValueError(f"must have {', '.join(mine.credentials)}")
        return {name: read_one(value[name]) for name, read_one in mine.credentials.items()}

    return read
