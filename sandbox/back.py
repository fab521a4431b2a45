"""For people who run an exercise, and for tests: money that goes back. Told in ``trainer``."""

import sqlite3
from collections.abc import Callable
from typing import Any

from flask.typing import ResponseReturnValue

from sandbox import fields, notifications, refunds, reversals, settings
from sandbox.api import books
from sandbox.states import (
    REASONS,
    REFUND_STATUSES,
    REFUND_VERBS,
    REVERSAL_STATUSES,
    REVERSAL_VERBS,
)
from sandbox.trainer import COLLECTED, FLAG, TELLING, answer, find, options, trainer, way

_TAKING: dict[str, fields.Reader] = {
    "webhook": way,
    "amount_cents": fields.whole(1),
    "fee_cents": fields.whole(0),
    "reason": fields.one_of(*REASONS),
}
_LIES = COLLECTED | {"payment": fields.text(64), "live": FLAG}
_REFUND_LIES = _LIES | {
    "refund": fields.text(64),
    "status": fields.one_of(*REFUND_STATUSES, "on_the_moon"),
}
_REVERSAL_LIES = _LIES | {
    "payment_id": fields.text(64),
    "fee_cents": fields.whole(0),
    "reason": fields.one_of(*REASONS, "on_the_moon"),
    "status": fields.one_of(*REVERSAL_STATUSES, "on_the_moon"),
}
_Tell = Callable[[sqlite3.Connection, sqlite3.Row, str, dict[str, Any], int], list[int]]


@trainer.post("/test/payments/<payment_id>/reverse")
def reverse(payment_id: str) -> ResponseReturnValue:
    """The payer's bank takes money back."""
    told = options(_TAKING)
    with books().transaction() as db:
        payment = find(db, payment_id)
        taken, deliveries = reversals.take(db, payment["id"], told, how=_how(db, told))
        found = reversals.facts(db, reversals.get(db, taken))
    return answer(deliveries, reversal=found)


@trainer.post(f"/test/reversals/<reversal_id>/<any({','.join(REVERSAL_VERBS)}):verb>")
def decide_reversal(reversal_id: str, verb: str) -> ResponseReturnValue:
    """The dispute is won."""
    told = options({"webhook": way})
    with books().transaction() as db:
        deliveries = reversals.decide(db, reversal_id, verb, how=_how(db, told))
        found = reversals.facts(db, reversals.get(db, reversal_id))
    return answer(deliveries, reversal=found)


@trainer.post(f"/test/refunds/<refund_id>/<any({','.join(REFUND_VERBS)}):verb>")
def decide_refund(refund_id: str, verb: str) -> ResponseReturnValue:
    """A refund is sent, or bounces."""
    told = options({"webhook": way})
    with books().transaction() as db:
        deliveries = refunds.decide(db, refund_id, verb, how=_how(db, told))
        found = refunds.facts(db, refunds.get(db, refund_id))
    return answer(deliveries, refund=found)


@trainer.post("/test/refunds/<refund_id>/notify")
def tell_refund(refund_id: str) -> ResponseReturnValue:
    """Tell how a refund stands again, or something else."""
    with books().transaction() as db:
        refund = refunds.get(db, refund_id)
        deliveries = _told_again(db, refund, refunds.tell, _REFUND_LIES)
        found = refunds.facts(db, refund)
    return answer(deliveries, refund=found)


@trainer.post("/test/reversals/<reversal_id>/notify")
def tell_reversal(reversal_id: str) -> ResponseReturnValue:
    """Tell how a reversal stands again, or something else."""
    with books().transaction() as db:
        reversal = reversals.get(db, reversal_id)
        deliveries = _told_again(db, reversal, reversals.tell, _REVERSAL_LIES)
        found = reversals.facts(db, reversal)
    return answer(deliveries, reversal=found)


def _told_again(
    db: sqlite3.Connection, row: sqlite3.Row, tell: _Tell, lying: dict[str, fields.Reader]
) -> list[int]:
    told = options(TELLING | lying)
    age_seconds, how = told.get("age_seconds", 0), _how(db, told)
    if told.get("earlier"):
        event = notifications.earlier(db, row["id"])
        return notifications.send(db, event, how, age_seconds=age_seconds)
    lies = {name: value for name, value in told.items() if name in lying}
    return tell(db, row, how, lies, age_seconds)


def _how(db: sqlite3.Connection, told: dict[str, Any]) -> str:
    how: str = told.get("webhook", settings.read(db)["webhooks"])
    return how
