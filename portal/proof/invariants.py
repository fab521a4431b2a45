"""Invariants: what must hold of the whole database after every act, and which rows break it.

The rules stand in ``invariants.sql``, one statement each; one more looks for people in texts, by
the same patterns by which intake refuses them. The tests run all of them after each database
test, the worker nightly, and ``quitt doctor`` when it is asked.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from portal.payments import states as payments
from portal.requests import persons
from portal.requests import states as requests

FILE = Path(__file__).with_name("invariants.sql")
MOST_ROWS = 20  # of a rule
NO_PERSON = "no text holds an IBAN or an e-mail address, and no demand a card or telephone number"
HELD_ANYWHERE = {"an IBAN", "an e-mail address"}  # other numbers look like those of our own rows

_BLOCK = re.compile(r"^((?:-- .*\n)+)([^-\n](?:.*\n)+?.*;)$", re.MULTILINE)

# Texts with the form of an IBAN or an e-mail address; persons.held then looks closely.
_SUSPECT = (
    r"\m[A-Z]{2}([ ./_-]{0,3}[0-9]){2}([ ./_-]{0,3}[0-9A-Z]){11,30}"
    r"|\m[a-z]{2}([ ./_-]{0,3}[0-9]){13,}|\S ?@ ?\S+\.\w"
)
# What a demand says to the citizen, where it has digits enough for a card, or the sign of a
# telephone number. Its payment sign is its own and may look like a card's.
_DEMANDS = """
    SELECT v.tenant_id, concat_ws(' ', v.request_id, v.version), said.words,
        v.content ->> 'payment_sign'
    FROM request_versions v CROSS JOIN LATERAL (
        SELECT v.content ->> 'purpose' AS words
        UNION ALL SELECT item ->> 'text' FROM jsonb_array_elements(v.content -> 'items') AS item
    ) AS said WHERE said.words ~ '([0-9][ ./-]{0,3}){13}' OR said.words ~* :phone"""
_PHONE = r"[+]|00|tel|fax|mobil|handy|phone|rufnummer|tlf|cell|gsm|whatsapp|тел|هاتف"
# What a town says of itself: its imprint names offices, and how to reach them.
_OWN_TEXTS = ("tenants", "tenant_texts", "kinds", "provider_rules", "daily_mails")
# Where two people gave the town another bank account, that account is the town's own: of these rows
# all is looked at but the two IBANs. The column, and which rows these are.
_OWN_ACCOUNT = {
    "approvals": ("facts", "act = 'tenant.bank'"),
    "audit": ("detail", "act LIKE 'tenant.bank.%'"),
}
_TEXT_COLUMNS = """
    SELECT c.relname,
        array_agg(a.attname::text ORDER BY a.attnum)
            FILTER (WHERE a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'jsonb'::regtype)),
        array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attnum = ANY (k.conkey))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        AND NOT a.attisdropped
    JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND c.relname NOT LIKE 'procrastinate%' AND c.relname <> 'alembic_version'
    GROUP BY c.relname ORDER BY c.relname"""


def broken(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    """The rules that do not hold, and up to ``MOST_ROWS`` rows that break each; tenant first.

    One snapshot, so that what is paid meanwhile is no false alarm: a session that has not begun
    yet reads repeatably and ends that again; one that has begun is left as it is.
    """
    if session.in_transaction():
        return _broken(session)
    session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    try:
        return _broken(session)
    finally:
        session.rollback()


def parameters() -> Mapping[str, str]:
    """The tables of states that the rules ask for, as JSON.

    A request that comes back from an end is open for a moment and stands at once where what was
    paid on it puts it: both edges are one step.
    """
    edges = {(old, new) for (old, _), new in requests.TRANSITIONS.items()}
    edges |= {
        (old, covered)
        for old, event in requests.TRANSITIONS
        if event is requests.Event.RESTORED
        for covered in (requests.State.OPEN, requests.State.PARTLY_PAID, requests.State.PAID)
    }
    moves = [[old, event, new] for (old, event), new in payments.TRANSITIONS.items()]
    return {"payment_edges": json.dumps(moves), "request_edges": json.dumps(sorted(edges))}


def _broken(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    found, told_all = {}, parameters()
    for rule, query in rules().items():
        told = {name: value for name, value in told_all.items() if f":{name}" in query}
        found[rule] = [tuple(row) for row in session.execute(text(query), told)]
    found[NO_PERSON] = list(people(session))
    return {rule: rows for rule, rows in found.items() if rows}


@cache
def rules() -> Mapping[str, str]:
    """The rules of ``invariants.sql``: each sentence and its statement."""
    return parsed(FILE.read_text())


def parsed(script: str) -> dict[str, str]:
    """Each comment directly above a statement, and that statement, which is told to stop early."""
    found = {}
    for block in _BLOCK.finditer(script):
        rule = " ".join(line.removeprefix("-- ") for line in block[1].splitlines())
        statement = block[2].removesuffix(";")
        found[rule] = f"SELECT * FROM (\n{statement}\n) AS broken LIMIT {MOST_ROWS}"  # noqa: S608
    return found


def people(session: Session) -> Iterator[tuple[Any, ...]]:
    """Tenant, table and key of the texts that hold a person."""
    texts, demands = suspects(session)
    told = 0
    for tenant_id, table, key, words in session.execute(texts):
        if told < MOST_ROWS and persons.held(words) in HELD_ANYWHERE:
            told += 1
            yield tenant_id, table, key
    for tenant_id, key, words, sign in session.execute(demands):
        if told < MOST_ROWS and persons.held(words, sign) not in {None, *HELD_ANYWHERE}:
            told += 1
            yield tenant_id, "request_versions", key


def suspects(session: Session) -> tuple[TextClause, TextClause]:
    """Two questions, for texts of all tables and for demands, that must be looked at closely."""
    tables: Sequence[Any] = session.execute(text(_TEXT_COLUMNS)).all()
    looks = [_look(*table) for table in tables if table[0] not in _OWN_TEXTS and table[1]]
    texts = text(" UNION ALL ".join(looks)).bindparams(suspect=_SUSPECT)
    return texts, text(_DEMANDS).bindparams(phone=_PHONE)


def _look(table: str, texts: Sequence[str], key: Sequence[str]) -> str:
    """A statement that names the suspect rows of a table. The names are the catalogue's own."""
    tenant = "tenant_id" if "tenant_id" in key else "NULL"
    words = f"concat_ws(E'\\n', {', '.join(_said(table, column) for column in texts)})"
    named = ", ".join(key)
    return (
        f"SELECT {tenant}, '{table}', concat_ws(' ', {named}), {words} FROM {table}"  # noqa: S608
        f" WHERE {words} ~ :suspect"
    )


def _said(table: str, column: str) -> str:
    own, which = _OWN_ACCOUNT.get(table, ("", ""))
    if column != own:
        return column
    return (
        f"CASE WHEN {which} THEN {column} #- '{{was,iban}}' #- '{{becomes,iban}}' ELSE {column} END"
    )
