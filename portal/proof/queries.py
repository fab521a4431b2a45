# ruff: noqa: S608 -- put together from this file's own words, never from a value
"""The queries behind the figures of the daily reconciliation.

Each gives ``currency``, ``part`` (provider account, kind or cause, or nothing), ``day``,
``source``, ``name`` and ``cents``. Without a day it is what there is at the end of the day
``:day``: the rows of today, less what came after. What rows of other tables tell has the booking
day of its entry, and its own day where it has none.
"""


def booked(row: str, reference: str, own: str) -> str:
    """The booking day of a fact: its entry's, or its own."""
    return f"""coalesce((SELECT e.booked_on FROM ledger_entries e
        WHERE e.tenant_id = {row}.tenant_id AND e.reference = {reference}),
        ({own} AT TIME ZONE :zone)::date)"""


def postings(accounts: str, part: str = "''", sign: str = "", more: str = "") -> str:
    """Lines of the book on some accounts."""
    return f"""
    SELECT p.currency, {part} AS part, e.booked_on AS day, 'ledger_postings' AS source,
        e.reference || ' ' || p.account AS name, {sign}p.cents AS cents
    FROM ledger_postings p
    JOIN ledger_entries e ON (e.tenant_id, e.id) = (p.tenant_id, p.entry_id)
    WHERE p.tenant_id = :tenant AND p.account LIKE '{accounts}' {more}"""


def after_colon(column: str) -> str:
    return f"substr({column}, strpos({column}, ':') + 1)"


def requests(cents: str, states: str, part: str = "''") -> str:
    """Requests as they stood at the end of the day."""
    return f"""
    SELECT currency, {part} AS part, NULL::date AS day, 'payment_requests' AS source,
        reference AS name, {cents} AS cents
    FROM ({REQUESTS_THEN}) r WHERE state IN ({states})"""


def items(items: str, part: str) -> str:
    """What of each item was open at the end of the day."""
    return f"""
    SELECT i.currency, i.{part} AS part, NULL::date AS day, '{items}_items' AS source,
        i.reference AS name, i.open_cents - coalesce(later.cents, 0) AS cents
    FROM {items}_items i LEFT JOIN (
        SELECT item_id, sum(cents) AS cents FROM {items}_moves
        WHERE tenant_id = :tenant AND booked_on > :day GROUP BY item_id
    ) later ON later.item_id = i.id
    WHERE i.tenant_id = :tenant"""


def lines(cents: str, which: str = "true") -> str:
    """Lines of settlement reports, less those that were undone."""
    joined = f"""settlement_lines l JOIN settlements s
        ON (s.tenant_id, s.account, s.settlement, s.version)
            = (l.tenant_id, l.account, l.settlement, l.version) AND {which}"""
    return _settled("settlement_lines", joined, f"{SETTLEMENT} || ' ' || l.line", cents)


def settlements(cents: str) -> str:
    return _settled("settlements", "settlements s", SETTLEMENT, cents)


def _settled(source: str, joined: str, name: str, cents: str) -> str:
    """What was booked by settlement reports on their day, and taken back when they were undone."""
    return f"""
    SELECT s.currency, s.account AS part, {SETTLED_ON} AS day, '{source}' AS source,
        {name} AS name, {cents} AS cents
    FROM {joined} WHERE s.tenant_id = :tenant
    UNION ALL
    SELECT s.currency, s.account, {UNDONE_ON}, '{source}', {name} || ' undone', -({cents})
    FROM {joined} JOIN settlement_undoings u ON (u.tenant_id, u.account, u.settlement, u.version)
        = (s.tenant_id, s.account, s.settlement, s.version)
    WHERE s.tenant_id = :tenant"""


def arrivals(part: str, sign: str = "") -> str:
    day = booked("a", "'arrived:' || a.account || ':' || a.settlement", "a.told_at")
    return f"""
    SELECT a.currency, {part} AS part, {day} AS day, 'payout_arrivals' AS source, a.id AS name,
        {sign}a.amount_cents AS cents
    FROM payout_arrivals a WHERE a.tenant_id = :tenant"""


def reversals(cents: str, back: str) -> str:
    """What was taken back, and what of it came back; won before it was heard moved nothing."""
    name = "v.account_id || ':' || v.provider_reference"
    which = "CASE WHEN w.number > 1 THEN '-' || w.number ELSE '' END"
    taken, won = f"'reversal:' || {name}", f"'reversal-won' || {which} || ':' || {name}"
    wins = "(w.tenant_id, w.reversal_id) = (v.tenant_id, v.id)"
    return f"""
    SELECT v.currency, v.account_id AS part, {booked("v", taken, "v.heard_at")} AS day,
        'reversals' AS source, {name} AS name, {cents} AS cents
    FROM reversals v WHERE v.tenant_id = :tenant
        AND (v.state = 'taken' OR EXISTS (SELECT FROM reversal_wins w WHERE {wins}))
    UNION ALL
    SELECT v.currency, v.account_id, {booked("w", won, "w.won_at")}, 'reversals',
        {name} || ' won' || {which}, -({back})
    FROM reversal_wins w JOIN reversals v ON {wins} WHERE w.tenant_id = :tenant"""


def is_booked(row: str, reference: str) -> str:
    return f"""EXISTS (SELECT FROM ledger_entries e
        WHERE e.tenant_id = {row}.tenant_id AND e.reference = {reference})"""


def by_order(act: str, items: str, part: str, word: str) -> str:
    """What two people closed by order, as they approved it."""
    day = booked("a", f"'{word}:' || a.order_number || ':' || a.subject", "a.decided_at")
    return f"""
    SELECT a.facts->>'currency' AS currency, {part} AS part, {day} AS day, 'approvals' AS source,
        a.order_number || ' ' || i.reference AS name, (a.facts->>'open_cents')::bigint AS cents
    FROM approvals a JOIN {items}_items i ON i.tenant_id = a.tenant_id AND i.id::text = a.subject
    WHERE a.tenant_id = :tenant AND a.act = '{act}' AND a.state = 'approved'"""


def allocated(surplus: str) -> str:
    day = booked("a", "'payment:' || a.payment_id", "p.confirmed_at")
    return f"""
    SELECT p.currency, p.account_id AS part, {day} AS day, 'allocations' AS source,
        a.payment_id || ' ' || a.id AS name, a.cents AS cents
    FROM allocations a JOIN payments p ON (p.tenant_id, p.id) = (a.tenant_id, a.payment_id)
    WHERE a.tenant_id = :tenant AND a.surplus = {surplus}"""


def paid_by(accounts: str) -> str:
    """What payments' own entries booked on some accounts, by provider account."""
    own = """(SELECT substr(s.account, 10) FROM ledger_postings s
        WHERE (s.tenant_id, s.entry_id) = (p.tenant_id, p.entry_id)
        AND s.account LIKE 'suspense:%')"""
    return postings(accounts, own, "-", "AND e.reason = 'payment_succeeded'")


RESERVES_CLOSED = f"""
    SELECT a.facts->>'currency' AS currency, a.facts->>'account' AS part,
        {booked("a", "'reserve-closed:' || a.id", "a.decided_at")} AS day, 'approvals' AS source,
        a.order_number || ' ' || a.subject AS name, -(a.facts->>'amount_cents')::bigint AS cents
    FROM approvals a
    WHERE a.tenant_id = :tenant AND a.act = 'reserve.close' AND a.state = 'approved'"""

# As portal/ledger/models.py names a version.
SETTLEMENT = "s.settlement || CASE WHEN s.version = 1 THEN '' ELSE '/' || s.version END"
SETTLED_ON = booked("s", f"'settlement:' || s.account || ':' || {SETTLEMENT}", "s.booked_at")
UNDONE_ON = booked("s", f"'settlement-undone:' || s.account || ':' || {SETTLEMENT}", "u.undone_at")
RECEIVED = "('payment_succeeded', 'unclear_report', 'unclear_taken_back')"
ACCOUNT = after_colon("p.account")

# Born with the first version; what came after the day is taken off again.
REQUESTS_THEN = """
    SELECT r.reference, r.currency,
        coalesce(later.kind, r.kind) AS kind, coalesce(later.state, r.state) AS state,
        r.amount_cents - coalesce(later.amount, 0) AS amount_cents,
        r.covered_cents - coalesce(later.covered, 0) AS covered_cents,
        r.closed_cents - coalesce(later.closed, 0) AS closed_cents
    FROM payment_requests r
    LEFT JOIN request_versions v ON (v.tenant_id, v.request_id, v.version) = (r.tenant_id, r.id, 1)
    LEFT JOIN (
        SELECT request_id, sum(amount_cents) AS amount, sum(covered_cents) AS covered,
            sum(closed_cents) AS closed, (array_agg(old_state ORDER BY id))[1] AS state,
            (array_agg(old_kind ORDER BY id))[1] AS kind
        FROM request_steps WHERE tenant_id = :tenant AND booked_on > :day GROUP BY request_id
    ) later ON later.request_id = r.id
    WHERE r.tenant_id = :tenant
        AND (coalesce(v.created_at, r.created_at) AT TIME ZONE :zone)::date <= :day"""
REST = "amount_cents - covered_cents - closed_cents"

REQUESTED = """
    SELECT r.currency, '' AS part,
        coalesce(s.booked_on, (v.created_at AT TIME ZONE :zone)::date) AS day,
        'request_versions' AS source, r.reference || ' ' || v.version AS name,
        v.amount_cents - lag(v.amount_cents, 1, 0::bigint)
            OVER (PARTITION BY v.request_id ORDER BY v.version) AS cents
    FROM request_versions v
    JOIN payment_requests r ON (r.tenant_id, r.id) = (v.tenant_id, v.request_id)
    LEFT JOIN (
        SELECT request_id, version, min(booked_on) AS booked_on FROM request_steps
        WHERE tenant_id = :tenant GROUP BY request_id, version
    ) s ON (s.request_id, s.version) = (v.request_id, v.version) AND v.version > 1
    WHERE v.tenant_id = :tenant"""

FACT = "r.reference || ':' || f.id"
ELSEWHERE = f"""
    SELECT r.currency, '' AS part, {booked("f", f"'elsewhere:' || {FACT}", "f.told_at")} AS day,
        'paid_elsewhere' AS source, {FACT} AS name, f.amount_cents AS cents
    FROM paid_elsewhere f
    JOIN payment_requests r ON (r.tenant_id, r.id) = (f.tenant_id, f.request_id)
    WHERE f.tenant_id = :tenant
    UNION ALL
    SELECT r.currency, '', {booked("f", f"'elsewhere-undone:' || {FACT}", "f.undone_at")},
        'paid_elsewhere', {FACT} || ' undone', -f.amount_cents
    FROM paid_elsewhere f
    JOIN payment_requests r ON (r.tenant_id, r.id) = (f.tenant_id, f.request_id)
    WHERE f.tenant_id = :tenant AND f.undone_at IS NOT NULL"""

SUCCEEDED = f"""
    SELECT p.currency, p.account_id AS part,
        {booked("p", "'payment:' || p.id", "coalesce(p.confirmed_at, p.started_at)")} AS day,
        'payments' AS source, p.id AS name, p.amount_cents AS cents
    FROM payments p WHERE p.tenant_id = :tenant AND p.state = 'succeeded'"""

UNCLEAR = f"""
    SELECT i.currency, i.account AS part, {booked("i", "i.reference", "i.opened_at")} AS day,
        'custody_items' AS source, i.reference AS name, i.amount_cents AS cents
    FROM custody_items i WHERE i.tenant_id = :tenant AND i.cause = 'unclear'
        AND i.reference LIKE 'unclear:%'
    UNION ALL
    SELECT i.currency, i.account, m.booked_on, 'custody_moves', i.reference || ' ' || m.id, m.cents
    FROM custody_moves m JOIN custody_items i ON (i.tenant_id, i.id) = (m.tenant_id, m.item_id)
    WHERE m.tenant_id = :tenant AND i.cause = 'unclear' AND m.reason = 'taken_back'"""

# Unclear money: on which day the provider took it, and on which it was booked.
UNCLEAR_TAKEN = """
    SELECT i.tenant_id, i.id, i.reference, i.currency, i.account, i.amount_cents, e.booked_on,
        coalesce(i.taken_on, e.booked_on) AS taken_on
    FROM custody_items i
    JOIN ledger_entries e ON (e.tenant_id, e.reference) = (i.tenant_id, i.reference)
    WHERE i.tenant_id = :tenant AND i.cause = 'unclear' AND i.reference LIKE 'unclear:%'"""

PROVIDER_SAYS = """
    SELECT currency, account_id AS part, NULL::date AS day, 'provider_figures' AS source,
        to_char(told_at AT TIME ZONE :zone, 'YYYY-MM-DD HH24:MI') AS name, taken_cents AS cents
    FROM (
        SELECT DISTINCT ON (account_id, currency) * FROM provider_figures
        WHERE tenant_id = :tenant AND day = :day ORDER BY account_id, currency, id DESC
    ) last
    WHERE told_at >= (CAST(:day AS date) + 1)::timestamp AT TIME ZONE :zone OR NOT EXISTS (
        SELECT FROM ledger_entries e
        JOIN ledger_postings p ON (p.tenant_id, p.entry_id) = (e.tenant_id, e.id)
        WHERE e.tenant_id = :tenant AND p.account = 'suspense:' || account_id
            AND e.reason IN ('payment_succeeded', 'unclear_report')
            AND e.booked_on <= :day AND e.booked_at > told_at)"""

# Unclear money whose place is found is taken back and booked anew as the payment's: if that is of
# the day or before, what was not heard by then leaves twice, and comes back once.
HEARD_LATER = f"""
    SELECT p.currency, p.account_id AS part, NULL::date AS day, 'payments' AS source, p.id AS name,
        -p.amount_cents AS cents
    FROM payments p
    JOIN ledger_entries e ON e.tenant_id = p.tenant_id AND e.reference = 'payment:' || p.id
    WHERE p.tenant_id = :tenant AND p.state = 'succeeded' AND p.effective_on <= :day
        AND e.booked_on > :day
    UNION ALL
    SELECT i.currency, i.account, NULL::date, 'custody_items', i.reference, -i.amount_cents
    FROM ({UNCLEAR_TAKEN}) i WHERE i.taken_on <= :day AND i.booked_on > :day
    UNION ALL
    SELECT i.currency, i.account, NULL::date, 'custody_moves', i.reference || ' ' || m.id, -m.cents
    FROM custody_moves m JOIN ({UNCLEAR_TAKEN}) i ON i.id = m.item_id
    JOIN events e ON e.tenant_id = i.tenant_id AND e.type = 'custody.assigned'
        AND e.data ->> 'item' = i.id::text
    JOIN payments p ON (p.tenant_id, p.id) = (e.tenant_id, e.data ->> 'payment')
    WHERE m.tenant_id = :tenant AND m.reason = 'taken_back' AND m.booked_on > :day
        AND i.taken_on <= :day AND p.effective_on <= :day"""

REFUNDED = f"""
    SELECT f.currency, p.account_id AS part,
        {booked("f", "'refund:' || f.id", "f.ended_at")} AS day,
        'refunds' AS source, f.id AS name, f.amount_cents AS cents
    FROM refunds f JOIN payments p ON (p.tenant_id, p.id) = (f.tenant_id, f.payment_id)
    WHERE f.tenant_id = :tenant
        AND (f.state = 'succeeded' OR {is_booked("f", "'refund-failed:' || f.id")})
    UNION ALL
    SELECT f.currency, p.account_id, {booked("f", "'refund-failed:' || f.id", "f.ended_at")},
        'refunds', f.id || ' failed', -f.amount_cents
    FROM refunds f JOIN payments p ON (p.tenant_id, p.id) = (f.tenant_id, f.payment_id)
    WHERE f.tenant_id = :tenant AND f.state = 'failed'
        AND {is_booked("f", "'refund-failed:' || f.id")}
    UNION ALL
    SELECT c.currency, c.account_id, {booked("c", "'returned:' || c.id", "c.ended_at")},
        'custody_returns', c.id, c.amount_cents
    FROM custody_returns c WHERE c.tenant_id = :tenant
        AND (c.state = 'succeeded' OR {is_booked("c", "'return-failed:' || c.id")})
    UNION ALL
    SELECT c.currency, c.account_id, {booked("c", "'return-failed:' || c.id", "c.ended_at")},
        'custody_returns', c.id || ' failed', -c.amount_cents
    FROM custody_returns c WHERE c.tenant_id = :tenant AND c.state = 'failed'
        AND {is_booked("c", "'return-failed:' || c.id")}"""
