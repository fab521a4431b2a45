"""Notices of what happened, kept with it, and how they are told, well or badly on purpose."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from fakes import merchants, settings
from fakes.books import Books
from fakes.fake import Change, Fake, Letter, Notice
from portal import clock
from sandbox import notifications
from sandbox.courier import Parcel
from sandbox.errors import Refused
from sandbox.file import add, this_moment


def tell(db: sqlite3.Connection, fake: Fake, change: Change, how: str | None = None) -> list[int]:
    """Write down what the provider says of a change and plan its deliveries; their numbers.

    ``how`` is one of ``sandbox.notifications.WAYS``; else the setting says it.
    """
    row = change.row
    way = how or settings.read(db, fake.name)["webhooks"]
    planned: list[int] = []
    for notice in fake.tell(db, change):
        keep(db, fake.name, row["merchant"], row["id"], notice)
        if notice.told:
            planned += notifications.send(db, notice.id, way)
    return planned


def keep(
    db: sqlite3.Connection,
    provider: str,
    merchant: str,
    about: str,
    notice: Notice,
    *,
    genuine: bool = True,
) -> None:
    """Write a notice down."""
    add(
        db,
        "events",
        id=notice.id,
        provider=provider,
        merchant=merchant,
        about=about,
        body=notice.body,
        genuine=int(genuine),
        made_at=this_moment(),
    )


def again(
    db: sqlite3.Connection,
    provider: str,
    event: str,
    how: str,
    age_seconds: int,
    changes: Sequence[tuple[str, str]],
) -> list[int]:
    """Tell an event again, as if it were older (below zero: from the future), or with words
    changed; rightly signed unless ``how`` says otherwise. The books stay as they are.
    """
    row = db.execute(
        "SELECT * FROM events WHERE provider = ? AND id = ?", (provider, event)
    ).fetchone()
    if row is None:
        raise Refused(404, "unknown_event", "No such event.")
    if changes:
        body = row["body"]
        for old, new in changes:
            if old not in body:
                raise Refused(422, "invalid_field", f"{old} does not stand in it.")
            body = body.replace(old, new)
        number = db.execute("SELECT count(*) FROM events").fetchone()[0]
        event = f"{event}_{number}"
        keep(db, provider, row["merchant"], row["about"], Notice(event, body), genuine=False)
    return notifications.send(db, event, how, age_seconds=age_seconds)


def parcel(books: Books, fakes: dict[str, Fake], delivery: sqlite3.Row) -> Parcel:
    """A delivery as it goes now; what goes is written down beside it."""
    with books.reading() as db:
        event = db.execute("SELECT * FROM events WHERE id = ?", (delivery["event"],)).fetchone()
        merchant = merchants.get(db, event["provider"], event["merchant"])
    letter = Letter(
        event=event["id"],
        body=event["body"],
        merchant=merchant,
        credentials=merchants.credentials(merchant),
        at=clock.now() - timedelta(seconds=delivery["age_seconds"]),
        forged=bool(delivery["forged"]),
    )
    made = fakes[event["provider"]].parcel(letter)
    sent = {
        "method": made.method,
        "url": made.url,
        "headers": dict(made.headers),
        "body": made.content.decode(),
    }
    with books.transaction() as db:
        db.execute("UPDATE deliveries SET sent = ? WHERE n = ?", (json.dumps(sent), delivery["n"]))
    return made


def told(db: sqlite3.Connection, delivery: int) -> dict[str, Any]:
    """How a delivery stands: state waiting, taken or given_up, the last answer, what was sent."""
    row = db.execute(
        "SELECT event, state, tries, answer, due_at, sent FROM deliveries WHERE n = ?", (delivery,)
    ).fetchone()
    return dict(row) | {"sent": json.loads(row["sent"])}
