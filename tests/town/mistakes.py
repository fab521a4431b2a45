"""Mistakes in the books, made by hand as the owner of the tables, and which equations they break.

``:tenant`` is the town. ``on`` names the day that is looked at, by default the last one.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is done, and what must be found."""

    breaks: tuple[str, ...]
    statements: tuple[str, ...]
    on: str | None = None


def change(table: str, what: str, where: str, key: str = "id", order: str = "DESC") -> str:
    """Change the last row of a table of which something is true."""
    return f"""UPDATE {table} SET {what} WHERE tenant_id = :tenant AND {key} = (
        SELECT {key} FROM {table} WHERE tenant_id = :tenant AND {where}
        ORDER BY {key} {order} LIMIT 1)"""


def remove(table: str, where: str) -> str:
    """Remove the last row of which something is true."""
    return f"""DELETE FROM {table} WHERE tenant_id = :tenant AND id = (
        SELECT id FROM {table} WHERE tenant_id = :tenant AND {where} ORDER BY id DESC LIMIT 1)"""


def entry(which: str, what: str) -> str:
    """Do something to the lines of the last entry of a reason that has cleared something."""
    return f"""{what} tenant_id = :tenant AND entry_id = (
        SELECT max(e.id) FROM ledger_entries e JOIN ledger_postings p
            ON (p.tenant_id, p.entry_id) = (e.tenant_id, e.id) AND p.account LIKE 'claims:%'
        WHERE e.tenant_id = :tenant AND e.reason = '{which}')"""


IN_FORCE = """UPDATE request_versions v SET amount_cents = amount_cents + 1
    WHERE tenant_id = :tenant AND (request_id, version) = (
        SELECT id, version FROM payment_requests WHERE tenant_id = :tenant
        ORDER BY id DESC LIMIT 1)"""
VERSION_GONE = """DELETE FROM request_versions v WHERE tenant_id = :tenant
    AND (request_id, version) = (
        SELECT r.id, r.version FROM payment_requests r JOIN request_versions b
            ON (b.tenant_id, b.request_id, b.version) = (r.tenant_id, r.id, r.version - 1)
        WHERE r.tenant_id = :tenant AND b.amount_cents <> r.amount_cents
        ORDER BY r.id DESC LIMIT 1)"""
ANOTHER_KIND = """UPDATE ledger_postings SET account = 'claims:care'
    WHERE account LIKE 'claims:%' AND"""
ANOTHER_ACCOUNT = """UPDATE ledger_postings SET account = CASE account
        WHEN 'suspense:card' THEN 'suspense:paypal' ELSE 'suspense:card' END
    WHERE account LIKE 'suspense:%' AND tenant_id = :tenant AND entry_id = (
        SELECT max(id) FROM ledger_entries WHERE tenant_id = :tenant
        AND reason = 'unclear_report')"""
LINES = """UPDATE settlement_lines l SET {what} WHERE tenant_id = :tenant
    AND (account, settlement, version, line) = (
        SELECT l.account, l.settlement, l.version, l.line FROM settlement_lines l
        LEFT JOIN settlement_undoings u USING (tenant_id, account, settlement, version)
        WHERE l.tenant_id = :tenant AND u.undone_at IS NULL AND {where}
        ORDER BY l.settlement DESC, l.line LIMIT 1)"""
REPORTS = """UPDATE settlements s SET {what} WHERE tenant_id = :tenant
    AND (account, settlement, version) = (
        SELECT s.account, s.settlement, s.version FROM settlements s
        LEFT JOIN settlement_undoings u USING (tenant_id, account, settlement, version)
        WHERE s.tenant_id = :tenant AND u.undone_at IS NULL
        ORDER BY s.settlement DESC LIMIT 1)"""
UNDOING = """DELETE FROM settlement_undoings u WHERE tenant_id = :tenant
    AND (account, settlement, version) = (
        SELECT s.account, s.settlement, s.version FROM settlements s
        JOIN settlement_undoings USING (tenant_id, account, settlement, version)
        JOIN settlement_lines l USING (tenant_id, account, settlement, version)
        WHERE s.tenant_id = :tenant AND s.net_cents = s.gross_cents - s.fee_cents
        GROUP BY s.tenant_id, s.account, s.settlement, s.version
        HAVING bool_and(l.settled_cents = l.gross_cents - l.booked_fee_cents
                AND l.kind <> 'reserve')
            AND sum(l.settled_cents) <> 0 AND sum(l.fee_cents - l.booked_fee_cents) <> 0
        ORDER BY s.settlement DESC LIMIT 1)"""
COVERING = """tenant_id = :tenant AND covered_cents <> 0 AND booked_on > (
    SELECT min(booked_on) + 20 FROM request_steps) AND request_id IN (
    SELECT request_id FROM request_versions WHERE tenant_id = :tenant AND version = 1
    AND created_at::date < request_steps.booked_on - 1)"""

MISTAKES: Mapping[str, Mistake] = {
    "an allocation of another amount": Mistake(
        ("2.claims",), (change("allocations", "cents = cents + 1", "NOT surplus"),)
    ),
    "an allocation is gone": Mistake(("2.surplus",), (remove("allocations", "surplus"),)),
    "a surplus that is said to have cleared a claim": Mistake(
        ("2.claims", "2.surplus"), (change("allocations", "surplus = false", "surplus"),)
    ),
    "a posting on another kind": Mistake(
        ("1.kind",), (entry("payment_succeeded", ANOTHER_KIND),)
    ),
    "a posting on another provider account": Mistake(
        ("2", "3.suspense"), (ANOTHER_ACCOUNT,)
    ),
    "a pair of postings too much": Mistake(
        ("3", "3.suspense"),
        ("""INSERT INTO ledger_entries (tenant_id, reference, reason, booked_on, booked_at)
            VALUES (:tenant, 'by hand', 'by_hand', :day, now())""",
         """INSERT INTO ledger_postings (tenant_id, entry_id, line, account, cents, currency)
            SELECT tenant_id, id, line, account, cents, 'EUR' FROM ledger_entries, (VALUES
                (1, 'losses:card', 700), (2, 'suspense:card', -700)) lines (line, account, cents)
            WHERE reference = 'by hand'"""),
    ),
    "an entry is gone": Mistake(
        ("1", "1.kind", "3.custody"),
        (entry("custody_assigned", "DELETE FROM ledger_postings WHERE"),),
    ),
    "a payment that did not succeed": Mistake(
        ("2",), (change("payments", "state = 'failed'", "state = 'succeeded'"),)
    ),
    "a request with another covered amount": Mistake(
        ("1", "1.kind"),
        (change("payment_requests", "covered_cents = covered_cents + 1", "state <> 'paid'"),),
    ),
    "a request of another kind": Mistake(
        ("1.kind",), (change("payment_requests", "kind = 'care'", "covered_cents > 0"),)
    ),
    "a version of another amount": Mistake(("1",), (IN_FORCE,)),
    "a version is gone": Mistake(("1",), (VERSION_GONE,)),
    "a suspense item of another open amount": Mistake(
        ("3.suspense",),
        (change("suspense_items", "open_cents = open_cents - 1", "open_cents > 1"),),
    ),
    "a custody item of another open amount": Mistake(
        ("3.custody",), (change("custody_items", "open_cents = open_cents - 1", "open_cents > 1"),)
    ),
    "a custody item that was closed by hand": Mistake(
        ("3.custody",),
        (change("custody_items", "open_cents = 0, state = 'returned'", "state = 'open'"),),
    ),
    "an unclear report over another amount": Mistake(
        ("2",), (change("custody_items", "amount_cents = amount_cents + 1", "cause = 'unclear'"),)
    ),
    "a settlement line of another gross": Mistake(
        ("3.differences",),
        (LINES.format(what="gross_cents = gross_cents + 1", where="kind <> 'reserve'"),),
    ),
    "a settlement line of another fee": Mistake(
        ("3.fees",), (LINES.format(what="fee_cents = fee_cents + 1", where="true"),)
    ),
    "a settlement line that settled more": Mistake(
        ("3", "3.differences"),
        (LINES.format(what="settled_cents = settled_cents + 1", where="kind <> 'reserve'"),),
    ),
    "a reserve of another amount": Mistake(
        ("3.differences", "3.reserves"),
        (LINES.format(what="settled_cents = settled_cents - 1", where="kind = 'reserve'"),),
    ),
    "an undoing is gone": Mistake(("3", "3.fees", "3.transit"), (UNDOING,)),
    "a settlement of another net": Mistake(
        ("3.differences", "3.transit"),
        (REPORTS.format(what="net_cents = net_cents - 1"),),
    ),
    "an arrival of another amount": Mistake(
        ("3.bank", "3.transit"),
        (change("payout_arrivals", "amount_cents = amount_cents + 1", "amount_cents <> 0"),),
    ),
    "an arrival is gone": Mistake(
        ("3.bank", "3.transit"), (remove("payout_arrivals", "amount_cents <> 0"),)
    ),
    "a refund of another amount": Mistake(
        ("3",),
        (change("refunds", "amount_cents = amount_cents + 1, loss_cents = loss_cents + 1",
                "state = 'succeeded'"),),
    ),
    "a refund that did not succeed": Mistake(
        ("3",),
        (change("refunds", "state = 'failed', surplus_cents = 0, claim_cents = 0, loss_cents = 0",
                "state = 'succeeded'"),),
    ),
    "unclear money of another amount that went back": Mistake(
        ("3",), (change("custody_returns", "amount_cents = amount_cents + 1",
                        "state = 'succeeded'"),)
    ),
    "unclear money that did not go back": Mistake(
        ("3",), (change("custody_returns", "state = 'failed'", "state = 'succeeded'"),)
    ),
    "a reversal with another fee": Mistake(
        ("3", "3.fees"), (change("reversals", "fee_cents = fee_cents + 1", "state = 'taken'"),)
    ),
    "a reversal that was won with another fee": Mistake(
        ("3", "3.fees"),
        (change("reversal_wins", "fee_cents = fee_cents + 1", "true", "reversal_id"),),
    ),
    "a reversal is gone": Mistake(
        ("3",), (remove("reversals", "state = 'taken' AND fee_cents = 0"),)
    ),
    "a provider's figure of another amount": Mistake(
        ("2",), (change("provider_figures", "taken_cents = taken_cents - 1", "day = :day"),)
    ),
    "paid elsewhere with another amount": Mistake(
        ("1.elsewhere",), (change("paid_elsewhere", "amount_cents = amount_cents + 1",
                                  "undone_at IS NULL"),)
    ),
    "paid elsewhere that was undone by hand": Mistake(
        ("1.elsewhere",), (change("paid_elsewhere", "undone_at = told_at", "undone_at IS NULL"),)
    ),
    "a closing over another amount": Mistake(
        ("3",), (change("approvals", "facts = jsonb_set(facts, '{open_cents}', '1')",
                        "act = 'suspense.close' AND state = 'approved'"),)
    ),
    "a keeping that nobody approved": Mistake(
        ("3.kept",), (change("approvals", "state = 'refused', second = NULL",
                             "act = 'custody.keep' AND state = 'approved'"),)
    ),
    "a move of an item is gone": Mistake(
        ("3.suspense",), (remove("suspense_moves", "reason = 'opened'"),),
        "SELECT max(booked_on) - 1 FROM suspense_moves"
        " WHERE tenant_id = :tenant AND reason = 'opened'",
    ),
    "a step of a request is gone": Mistake(
        ("1", "1.kind"), (remove("request_steps", COVERING),),
        f"SELECT booked_on - 1 FROM request_steps WHERE {COVERING} ORDER BY id DESC LIMIT 1",
    ),
}  # fmt: skip
