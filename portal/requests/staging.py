"""Staging: many requests in one breath, by COPY: a yearly run has a hundred thousand letters.

The rows go into a table that ends with the transaction, and from there, in the order of their
references, to the requests. What is known with the same content is only read. Whatever is neither
new nor the same is left to ``intake.put``, which alone says what a push means.

How long it takes must not hang on how many requests a town has: each staged row asks an index.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import itemgetter
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import (
    ARRAY,
    CTE,
    DateTime,
    FromClause,
    Select,
    Text,
    any_,
    bindparam,
    collate,
    column,
    literal,
    select,
    table,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from portal import clock
from portal.audit import AuditRow
from portal.db import Base, Json
from portal.errors import PortalError
from portal.requests import desk, intake, links, purged
from portal.requests.asked import Asked
from portal.requests.desk import Desk, Put
from portal.requests.intake import Stored
from portal.requests.models import PaymentRequest, RequestVersion
from portal.requests.register import Standing
from portal.tenants import Kind

STAGED = "staged_requests"
REQUESTS = PaymentRequest.__table__
STANDING = [REQUESTS.c[name] for name in Standing._fields]
STANDING_OF = itemgetter(*Standing._fields)
RETURNED = ("tenant_id", "id", "version", "reference", "amount_cents", "content")
NOW = bindparam("now", type_=DateTime(timezone=True))

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Staged:
    """One request ready to be copied: by its first link, and with its content as JSON."""

    line: int
    reference: str
    asked: Asked
    warnings: tuple[str, ...]
    code: str = field(repr=False)
    row: Json = field(repr=False)


def staged(at: Desk, line: int, reference: str, asked: Asked) -> Staged:
    """Make a request ready, without the database."""
    key, of = at.keyring.current, links.Identity(at.tenant_id, reference, 1)
    code = links.short_code(key, of)
    row = intake.row(key, of, code, asked)
    row["content"] = asked.model_dump_json(exclude_defaults=True)
    return Staged(line, reference, asked, asked.warnings(), code, row)


def put(session: Session, at: Desk, lines: Sequence[Staged]) -> dict[int, Put]:
    """Store what is new; give that, and what was there with the same content, by line.

    Each line has a reference of its own. What is missing in the answer was left as it was.
    """
    fitting = _fitting(session, at.tenant_id, lines)
    if not fitting:
        return {}
    names = tuple(fitting[0].row)
    _copy(session, names, fitting)
    found = session.execute(_known(names)).all()
    stored = {row.reference: (Stored.SAME, Standing._make(row[:-1])) for row in found if row.same}
    unknown = {each.reference for each in fitting} - {row.reference for row in found}
    if unknown:
        new = unknown - purged.gone(session, at.keyring, at.tenant_id, unknown)
        given = {"new": list(new), "actor": at.actor, "now": (now := clock.now())}
        created, begun = set(session.scalars(_insert(names), given)), _begun(names, now)
        for each in fitting:
            if each.reference in created:
                standing = Standing._make(STANDING_OF({**begun, **each.row}))
                stored[each.reference] = (Stored.CREATED, standing)
    return {
        each.line: _outcome(each, *stored[each.reference])
        for each in fitting
        if each.reference in stored
    }


def _outcome(line: Staged, stored: Stored, standing: Standing) -> Put:
    first = (standing.key_id, standing.link_version) == (line.row["key_id"], 1)
    return Put(stored, standing, line.warnings, line.code if first else None)


def _fitting(session: Session, tenant_id: str, lines: Sequence[Staged]) -> list[Staged]:
    """Those whose kind takes what is asked."""
    kinds = {
        kind.code: kind for kind in session.scalars(select(Kind).where(Kind.tenant_id == tenant_id))
    }
    return [each for each in lines if _fits(kinds.get(each.asked.kind), each.asked)]


def _fits(kind: Kind | None, asked: Asked) -> bool:
    try:
        intake.check_kind(kind, asked)
    except PortalError:
        return False
    return True


def _copy(session: Session, names: Names, lines: Sequence[Staged]) -> None:
    columns = ", ".join(names)
    session.execute(
        text(
            f"CREATE TEMPORARY TABLE {STAGED} ON COMMIT DROP AS"  # noqa: S608 -- our own names
            f" SELECT {columns} FROM payment_requests WITH NO DATA"
        )
    )
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)  # noqa: S101 -- the one engine
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(STAGED), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for each in lines:
            copy.write_row(tuple(each.row.values()))


# Built once: to build them anew for every thousand lines would cost as much as to run them.


@cache
def _known(names: Names) -> Select[Any]:
    """Those of the staged references that are known: how they stand, and if all is the same."""
    copied = _copied(names)
    same = (REQUESTS.c.content == copied.c.content).label("same")
    named = (
        REQUESTS.c.tenant_id == copied.c.tenant_id,
        REQUESTS.c.reference == copied.c.reference,
    )
    # With its limit it is asked row by row: a join read all requests until a town had very many.
    known = select(*STANDING, same).where(*named).limit(1).lateral("known")
    return select(known).join_from(copied, known, true())


@cache
def _insert(names: Names) -> Select[Any]:
    """Make the requests of the given references, with their first version and their note."""
    copied = _copied(names)
    begun = {
        name: first if first is NOW else literal(first, REQUESTS.c[name].type)
        for name, first in _begun(names, NOW).items()
    }
    # In one order everywhere: two batches with the same references wait, and never deadlock.
    rows = (
        select(*copied.c, *begun.values())
        .where(copied.c.reference == any_(bindparam("new", type_=ARRAY(Text))))
        .order_by(collate(copied.c.reference, "C"))
    )
    new = (
        insert(PaymentRequest)
        .from_select([*names, *begun], rows, include_defaults=False)
        # A short code that is taken stops all of them: it shows when they go one by one.
        .on_conflict_do_nothing(index_elements=["tenant_id", "reference"])
        .returning(*(REQUESTS.c[name] for name in RETURNED))
        .cte("new")
    )
    versions = _filled(RequestVersion, new, {
        "tenant_id": new.c.tenant_id, "request_id": new.c.id, "version": new.c.version,
        "amount_cents": new.c.amount_cents, "content": new.c.content, "created_at": NOW,
    })  # fmt: skip
    notes = _filled(AuditRow, new, {
        "tenant_id": new.c.tenant_id, "at": NOW, "actor": bindparam("actor", type_=Text),
        "act": literal(desk.ACT), "subject": new.c.reference,
        "detail": literal(desk.noted(Stored.CREATED), JSONB),
    })  # fmt: skip
    return select(new.c.reference).add_cte(versions, notes)


def _begun(names: Names, now: Any) -> dict[str, Any]:
    """What the other columns begin with, as the single way leaves to the model."""
    return {
        each.name: each.default.arg if each.default.is_scalar else now
        for each in REQUESTS.columns
        if each.default is not None and each.name not in names
    }


def _copied(names: Names) -> FromClause:
    return table(STAGED, *(column(name, REQUESTS.c[name].type) for name in names))


def _filled(model: type[Base], new: CTE, values: dict[str, Any]) -> CTE:
    """A row of another table for each new request."""
    rows = select(*values.values()).select_from(new)
    filled = insert(model).from_select(list(values), rows, include_defaults=False)
    return filled.cte(model.__tablename__)
