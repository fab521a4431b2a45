"""Calls of Stripe's API: who calls, once per Idempotency-Key, in pages, with errors in its shape.

Who calls is told by the key (Bearer, or Basic without a password). A POST with an Idempotency-Key
answers the same again, for another request it is an error
(docs.stripe.com/api/idempotent_requests). Lists have the newest first and go on after
``starting_after``.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from fakes import doors, merchants
from fakes.fake import Fake
from fakes.stripe import forms
from fakes.stripe.forms import StripeError, missing, only, whole
from fakes.stripe.objects import seconds
from portal import clock
from sandbox.errors import Refused
from sandbox.file import add, this_moment

routes = Blueprint("stripe", __name__)

Told = dict[str, Any]
Act = Callable[[sqlite3.Connection, sqlite3.Row, Told], Told]
PAGED = ("limit", "starting_after", "expand")


def called(act: Act, **path: str) -> ResponseReturnValue:
    """Do what is asked for, for whoever has the key; errors in Stripe's shape."""
    tree = forms.nested(request.args if request.method == "GET" else request.form)
    with doors.books().transaction() as db:
        merchant = _caller(db)
        if request.method == "GET":
            return jsonify(act(db, merchant, tree | path))
        return _once(db, merchant, act, tree | path)


def route(method: str, rule: str) -> Callable[[Act], Act]:
    """Hang an act on a path; its variables come among the parameters, as ``@name``."""

    def hang(act: Act) -> Act:
        @wraps(act)
        def view(**path: str) -> ResponseReturnValue:
            return called(act, **{f"@{name}": value for name, value in path.items()})

        routes.add_url_rule(f"/v1/{rule}", act.__name__, view, methods=[method])
        return act

    return hang


@routes.errorhandler(StripeError)
def _told_so(error: StripeError) -> ResponseReturnValue:
    return jsonify(error.body), error.status


@routes.errorhandler(Refused)
def _refused(error: Refused) -> ResponseReturnValue:
    status, code = (404, "resource_missing") if error.status == 404 else (400, error.code)
    return _told_so(StripeError(status, str(error), code=code))


def _caller(db: sqlite3.Connection) -> sqlite3.Row:
    authorization = request.authorization
    key = ""
    if authorization and authorization.type in {"bearer", "basic"}:
        key = authorization.token or authorization.username or ""
    found = merchants.by_credential(db, "stripe", "secret_key", key) if key else None
    if found is None:
        raise StripeError(401, "Invalid API Key provided.")
    return found


def _once(
    db: sqlite3.Connection, merchant: sqlite3.Row, act: Act, tree: dict[str, Any]
) -> ResponseReturnValue:
    """The answer of a POST, kept under its key for 24 hours: also when it is an error of ours."""
    key = request.headers.get("Idempotency-Key", "")
    print_of = hashlib.sha256(json.dumps([request.path, tree], sort_keys=True).encode()).hexdigest()
    known = db.execute(
        "SELECT * FROM answers WHERE provider = 'stripe' AND merchant = ? AND key = ?",
        (merchant["merchant"], key),
    ).fetchone()
    if known and _is_fresh(known):
        if known["fingerprint"] != print_of:
            raise StripeError(
                400,
                "Keys for idempotent requests can only be used with the same parameters.",
                kind="idempotency_error",
            )
        return jsonify(json.loads(known["body"])), known["status"]
    body, status = _tried(db, merchant, act, tree)
    if key:
        whose = {"provider": "stripe", "merchant": merchant["merchant"], "key": key}
        db.execute(
            "DELETE FROM answers WHERE provider = :provider AND merchant = :merchant"
            " AND key = :key",
            whose,
        )
        kept = {"fingerprint": print_of, "status": status, "body": json.dumps(body)}
        add(db, "answers", **whose, **kept, made_at=this_moment())
    return jsonify(body), status


def _tried(
    db: sqlite3.Connection, merchant: sqlite3.Row, act: Act, tree: dict[str, Any]
) -> tuple[dict[str, Any], int]:
    try:
        return act(db, merchant, tree), 200
    except StripeError as error:
        return error.body, error.status


def _is_fresh(known: sqlite3.Row) -> bool:
    made = datetime.fromisoformat(known["made_at"])
    return clock.now() - made < timedelta(hours=24)


def mine() -> Fake:
    """This fake, as the app plays it."""
    return doors.fake("stripe")


def newest(db: sqlite3.Connection, table: str, merchant: sqlite3.Row) -> list[sqlite3.Row]:
    """All of a merchant's, the newest first."""
    return db.execute(
        f"SELECT * FROM {table} WHERE provider = 'stripe' AND merchant = ?"  # noqa: S608
        " ORDER BY rowid DESC",
        (merchant["merchant"],),
    ).fetchall()


def made_between(rows: Iterable[sqlite3.Row], tree: dict[str, Any]) -> list[sqlite3.Row]:
    """Those made between the moments of ``created``."""
    created = tree.get("created", {})
    only(created, ("gt", "gte", "lt", "lte"), "created")
    limits = {name: whole(value, f"created[{name}]") for name, value in created.items()}
    kept = []
    for row in rows:
        at = seconds(row["started_at"])
        too_early = at < limits.get("gte", at) or at <= limits.get("gt", at - 1)
        too_late = at > limits.get("lte", at) or at >= limits.get("lt", at + 1)
        if not too_early and not too_late:
            kept.append(row)
    return kept


def page(
    rows: list[sqlite3.Row], tree: dict[str, Any], render: Callable[[sqlite3.Row], dict[str, Any]]
) -> dict[str, Any]:
    """A page of a list, by ``limit`` and ``starting_after``."""
    limit = whole(tree.get("limit", "10"), "limit", 1)
    if limit > 100:
        raise StripeError(400, "Invalid limit: must be at most 100.", param="limit")
    if after := tree.get("starting_after"):
        names = [row["id"] for row in rows]
        if after not in names:
            raise missing("object", after)
        rows = rows[names.index(after) + 1 :]
    path = request.path.removeprefix("/stripe")
    return {
        "object": "list",
        "data": [render(row) for row in rows[:limit]],
        "has_more": len(rows) > limit,
        "url": path,
    }


def by_intent(db: sqlite3.Connection, merchant: sqlite3.Row, name: str) -> sqlite3.Row:
    """The payment of a payment intent; 404 as Stripe tells it."""
    row = db.execute(
        "SELECT * FROM payments WHERE provider = 'stripe' AND merchant = ?"
        " AND told ->> 'intent' = ? AND status NOT IN ('open', 'timed_out')",
        (merchant["merchant"], name),
    ).fetchone()
    if row is None:
        raise missing("payment_intent", name)
    return row  # type: ignore[no-any-return]
