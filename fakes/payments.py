"""Payments in the common books: from an order to money, by the edges of the provider."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fakes import merchants, settings, telling
from fakes.books import written_json
from fakes.fake import Change, Fake
from sandbox.errors import Refused
from sandbox.file import add, this_moment

PAID = "paid"  # the status with which a sale is booked


@dataclass(frozen=True, slots=True)
class Order:
    """What a merchant asks for. ``payment`` is its id of it; whether that may come twice the fake
    knows. ``name`` is the provider's, where it must be a certain one; ``told`` it keeps beside.
    """

    payment: str
    amount_cents: int
    currency: str
    return_url: str
    cancel_url: str = ""
    text: str = ""
    method: str = ""
    language: str = "de"
    told: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


def start(db: sqlite3.Connection, fake: Fake, merchant: str, order: Order) -> sqlite3.Row:
    """Take an order; the payment."""
    name, now = order.name or fake.new_id("payment"), this_moment()
    add(
        db,
        "payments",
        id=name,
        provider=fake.name,
        merchant=merchant,
        payment=order.payment,
        status="open",
        ordered_cents=order.amount_cents,
        ordered_currency=order.currency,
        amount_cents=order.amount_cents,
        currency=order.currency,
        text=order.text,
        method=order.method,
        language=order.language,
        return_url=order.return_url,
        cancel_url=order.cancel_url or order.return_url,
        told=written_json(order.told),
        started_at=now,
        changed_at=now,
    )
    made = get(db, fake, name)
    telling.tell(db, fake, Change("payment", "start", made))
    return made


def get(
    db: sqlite3.Connection, fake: Fake, payment_id: str, merchant: str | None = None
) -> sqlite3.Row:
    """A payment, of ``merchant`` if one is named; raises ``Refused`` (404)."""
    row = db.execute(
        "SELECT * FROM payments WHERE provider = ? AND id = ?", (fake.name, payment_id)
    ).fetchone()
    if row is None or merchant not in {None, row["merchant"]}:
        raise Refused(404, "unknown_payment", "No such payment.")
    return row  # type: ignore[no-any-return]


def find(db: sqlite3.Connection, fake: Fake, name: str) -> sqlite3.Row:
    """The last payment of the provider's id or the merchant's; raises ``Refused`` (404)."""
    row = db.execute(
        "SELECT * FROM payments WHERE provider = ? AND (id = ? OR payment = ?)"
        " ORDER BY rowid DESC LIMIT 1",
        (fake.name, name, name),
    ).fetchone()
    if row is None:
        raise Refused(404, "unknown_payment", "No such payment.")
    return row  # type: ignore[no-any-return]


def by_order(db: sqlite3.Connection, fake: Fake, merchant: str, payment: str) -> sqlite3.Row | None:
    """The last payment of the merchant's id."""
    return db.execute(  # type: ignore[no-any-return]
        "SELECT * FROM payments WHERE provider = ? AND merchant = ? AND payment = ?"
        " ORDER BY rowid DESC LIMIT 1",
        (fake.name, merchant, payment),
    ).fetchone()


def decide(
    db: sqlite3.Connection,
    fake: Fake,
    payment_id: str,
    verb: str,
    *,
    how: str | None = None,
    collected: Mapping[str, Any] | None = None,
) -> list[int]:
    """Do ``verb``; money that comes is booked with its fee. The deliveries.

    ``collected`` (amount_cents, currency, fee_cents) is what really came, if it is not what was
    ordered. Raises ``Refused`` (409) when the verb does not fit the status.
    """
    payment = get(db, fake, payment_id)
    status = fake.edges.get((payment["status"], verb))
    if status is None:
        raise Refused(409, "does_not_fit", f"{verb} does not fit {payment['status']}.")
    came = dict(collected or {})
    db.execute(
        "UPDATE payments SET status = ?, changed_at = ?, amount_cents = ?, currency = ?"
        " WHERE id = ?",
        (
            status,
            this_moment(),
            came.get("amount_cents", payment["amount_cents"]),
            came.get("currency", payment["currency"]),
            payment_id,
        ),
    )
    after = get(db, fake, payment_id)
    if status == PAID and payment["status"] != PAID:
        fee = came.get("fee_cents", settings.sale_fee(db, fake.name, after["amount_cents"]))
        book(db, fake, after, "sale", after["amount_cents"], fee, payment_id=payment_id)
    return telling.tell(db, fake, Change("payment", verb, after), how)


def keep(db: sqlite3.Connection, payment_id: str, told: Mapping[str, Any]) -> None:
    """Change what the provider keeps of its own beside a payment."""
    db.execute("UPDATE payments SET told = ? WHERE id = ?", (written_json(told), payment_id))


def book(
    db: sqlite3.Connection,
    fake: Fake,
    owner: sqlite3.Row,
    kind: str,
    cents: int,
    fee_cents: int = 0,
    words: str = "",
    **of: str,
) -> None:
    """Write a movement for the merchant of ``owner``; ``of`` names payment_id, refund_id,
    reversal_id or settlement.
    """
    add(
        db,
        "movements",
        id=fake.new_id("movement"),
        provider=fake.name,
        merchant=owner["merchant"],
        kind=kind,
        amount_cents=cents,
        fee_cents=fee_cents,
        currency=owner["currency"],
        words=words,
        made_at=this_moment(),
        **of,
    )


def is_live(db: sqlite3.Connection, fake: Fake, row: sqlite3.Row) -> bool:
    """Whether something belongs to an account for real money (here: only says that it does)."""
    return bool(merchants.get(db, fake.name, row["merchant"])["live"])
