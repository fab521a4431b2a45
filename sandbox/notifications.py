"""Notifications: what happened, and how it is told, well or badly on purpose.

An event is one thing that happened, written with it; a delivery is one telling of it, due at a
moment and repeated by ``courier`` until it is taken. Signed as Standard Webhooks
(github.com/standard-webhooks/standard-webhooks, spec 1.0.0).
"""

import json
import re
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from standardwebhooks import Webhook

from portal import clock
from sandbox import merchants
from sandbox.courier import Parcel
from sandbox.file import File, add, this_moment

WAYS = ("send", "lose", "double", "forged", "before_previous", "late:<seconds>")

_LATE = re.compile(r"late:(\d{1,8})")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One telling of an event, ``after`` so many seconds."""

    event: str
    after: int = 0
    forged: bool = False
    age_seconds: int = 0


def is_way(how: str) -> bool:
    """Whether ``how`` is one of the ways in which an event can be told."""
    return how in WAYS[:-1] or bool(_LATE.fullmatch(how))


def note(
    db: sqlite3.Connection,
    merchant: str,
    about: str,
    kind: str,
    facts: Mapping[str, Any],
    *,
    genuine: bool = True,
) -> str:
    """Write down what happened (or, not ``genuine``, what shall be pretended); its event id."""
    event = f"ev_{secrets.token_hex(16)}"
    said = {"type": kind, "event": event, "made_at": this_moment(), **facts}
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    add(db, "events", id=event, merchant=merchant, about=about, body=body, genuine=int(genuine))
    return event


def send(db: sqlite3.Connection, event: str, how: str, *, age_seconds: int = 0) -> list[int]:
    """Plan the deliveries of an event in one of the ``WAYS``; their numbers."""
    return [_plan(db, delivery) for delivery in _deliveries(db, event, how, age_seconds)]


def earlier(db: sqlite3.Connection, about: str) -> str:
    """The event before the last about something; the last, if it is the only one."""
    rows = db.execute(
        "SELECT id FROM events WHERE about = ? AND genuine ORDER BY n DESC LIMIT 2", (about,)
    ).fetchall()
    return str(rows[-1]["id"])


def _deliveries(
    db: sqlite3.Connection, event: str, how: str, age_seconds: int
) -> tuple[Delivery, ...]:
    once = Delivery(event, age_seconds=age_seconds)
    if late := _LATE.fullmatch(how):
        return (Delivery(event, after=int(late[1]), age_seconds=age_seconds),)
    ways = {
        "send": (once,),
        "lose": (),
        "double": (once, once),
        "forged": (Delivery(event, forged=True, age_seconds=age_seconds),),
        "before_previous": (once, *_previous(db, event)),
    }
    return ways[how]


def _previous(db: sqlite3.Connection, event: str) -> tuple[Delivery, ...]:
    row = db.execute(
        "SELECT earlier.id FROM events AS this JOIN events AS earlier"
        " ON earlier.about = this.about AND earlier.n < this.n AND earlier.genuine"
        " WHERE this.id = ? ORDER BY earlier.n DESC LIMIT 1",
        (event,),
    ).fetchone()
    return (Delivery(row["id"]),) if row else ()


def _plan(db: sqlite3.Connection, delivery: Delivery) -> int:
    due = clock.now() + timedelta(seconds=delivery.after)
    row = db.execute(
        "INSERT INTO deliveries (event, about, forged, age_seconds, due_at)"
        " SELECT id, about, ?, ?, ? FROM events WHERE id = ? RETURNING n",
        (int(delivery.forged), delivery.age_seconds, due.timestamp(), delivery.event),
    ).fetchone()
    return int(row["n"])


def parcel(books: File, delivery: sqlite3.Row) -> Parcel:
    """A delivery, signed now, or with a key that nobody has."""
    with books.reading() as db:
        merchant = merchants.get(db, delivery["merchant"])
    secret = secrets.token_bytes(32) if delivery["forged"] else merchant["webhook_secret"]
    body = delivery["body"]
    headers = signed_headers(secret, delivery["event"], body, delivery["age_seconds"])
    return Parcel(merchant["webhook_url"], headers, body.encode())


def signed_headers(secret: str | bytes, event: str, body: str, age_seconds: int) -> dict[str, str]:
    """The headers of a telling that happens now (``age_seconds`` ago)."""
    at = clock.now() - timedelta(seconds=age_seconds)
    return {
        "content-type": "application/json",
        "webhook-id": event,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event, at, body),
    }


def told(db: sqlite3.Connection, delivery: int) -> dict[str, Any]:
    """How a delivery stands: state waiting, taken or given_up, and the last answer."""
    row = db.execute(
        "SELECT event, state, tries, answer, due_at FROM deliveries WHERE n = ?", (delivery,)
    ).fetchone()
    return dict(row)
