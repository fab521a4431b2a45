"""What must hold of the books after every test: each query names rows that break a rule."""

from sqlalchemy import text
from sqlalchemy.orm import Session

BROKEN_RULES = {
    "an entry balances, in one currency": """
        SELECT tenant_id, entry_id FROM ledger_postings
        GROUP BY tenant_id, entry_id HAVING sum(cents) <> 0 OR count(DISTINCT currency) <> 1""",
    "a suspense account is the sum of its open items": """
        SELECT * FROM (
            SELECT tenant_id, substr(account, 10) AS account, currency, sum(cents) AS balance
            FROM ledger_postings WHERE account LIKE 'suspense:%' GROUP BY 1, 2, 3) AS books
        FULL JOIN (
            SELECT tenant_id, account, currency, sum(open_cents) AS open
            FROM suspense_items GROUP BY 1, 2, 3) AS items USING (tenant_id, account, currency)
        WHERE coalesce(balance, 0) <> coalesce(open, 0)""",
    "custody is the sum of its open items": """
        SELECT * FROM (
            SELECT tenant_id, substr(account, 9) AS cause, currency, -sum(cents) AS balance
            FROM ledger_postings WHERE account LIKE 'custody:%' GROUP BY 1, 2, 3) AS books
        FULL JOIN (
            SELECT tenant_id, cause, currency, sum(open_cents) AS open
            FROM custody_items GROUP BY 1, 2, 3) AS items USING (tenant_id, cause, currency)
        WHERE coalesce(balance, 0) <> coalesce(open, 0)""",
    "what was cleared of a kind is what its requests have covered": """
        SELECT * FROM (
            SELECT tenant_id, substr(account, 8) AS kind, currency, -sum(cents) AS cleared
            FROM ledger_postings WHERE account LIKE 'claims:%' GROUP BY 1, 2, 3) AS books
        FULL JOIN (
            SELECT tenant_id, kind, currency, sum(covered_cents) AS covered
            FROM payment_requests GROUP BY 1, 2, 3) AS requests USING (tenant_id, kind, currency)
        WHERE coalesce(cleared, 0) <> coalesce(covered, 0)""",
    "a success is allocated to the cent": """
        SELECT p.id FROM payments p LEFT JOIN allocations a
            ON (a.tenant_id, a.payment_id) = (p.tenant_id, p.id)
        GROUP BY p.tenant_id, p.id, p.state, p.amount_cents
        HAVING coalesce(sum(a.cents), 0)
            <> CASE WHEN p.state = 'succeeded' THEN p.amount_cents ELSE 0 END""",
    "positions of the feed have no gap": """
        SELECT f.tenant_id FROM event_feed f LEFT JOIN events e USING (tenant_id)
        GROUP BY f.tenant_id, f.last HAVING count(e.position) <> f.last
            OR coalesce(max(e.position), 0) <> f.last""",
    "each success was told once": """
        SELECT p.id FROM payments p LEFT JOIN events e ON e.tenant_id = p.tenant_id
            AND e.type = 'payment.succeeded' AND e.data->>'payment' = p.id
        GROUP BY p.tenant_id, p.id, p.state
        HAVING count(e.id) <> CASE WHEN p.state = 'succeeded' THEN 1 ELSE 0 END""",
    "what was paid elsewhere is what was told and not undone": """
        SELECT * FROM (
            SELECT tenant_id, currency, sum(cents) AS balance
            FROM ledger_postings WHERE account = 'elsewhere' GROUP BY 1, 2) AS books
        FULL JOIN (
            SELECT f.tenant_id, r.currency, sum(f.amount_cents) AS told FROM paid_elsewhere f
            JOIN payment_requests r ON (r.tenant_id, r.id) = (f.tenant_id, f.request_id)
            WHERE f.undone_at IS NULL GROUP BY 1, 2) AS facts USING (tenant_id, currency)
        WHERE coalesce(balance, 0) <> coalesce(told, 0)""",
    "what is in transit was settled and has not arrived": """
        SELECT * FROM (
            SELECT tenant_id, substr(account, 9) AS account, currency, sum(cents) AS balance
            FROM ledger_postings WHERE account LIKE 'transit:%' GROUP BY 1, 2, 3) AS books
        FULL JOIN (
            SELECT s.tenant_id, s.account, s.currency, sum(s.net_cents) AS on_its_way
            FROM settlements s LEFT JOIN payout_arrivals a
                ON (a.tenant_id, a.account, a.settlement) = (s.tenant_id, s.account, s.settlement)
            WHERE a.id IS NULL GROUP BY 1, 2, 3) AS payouts USING (tenant_id, account, currency)
        WHERE coalesce(balance, 0) <> coalesce(on_its_way, 0)""",
    "a waived rest was waived by order": """
        SELECT r.reference FROM payment_requests r LEFT JOIN closed_rests c
            ON (c.tenant_id, c.request_id) = (r.tenant_id, r.id)
        GROUP BY r.tenant_id, r.id, r.reference, r.closed_cents
        HAVING r.closed_cents > coalesce(sum(c.amount_cents), 0)""",
    "a request is paid when it is covered, and only then": """
        SELECT reference FROM payment_requests
        WHERE (state = 'paid' AND covered_cents < amount_cents - closed_cents)
           OR (state IN ('open', 'partly_paid') AND covered_cents >= amount_cents - closed_cents)
           OR covered_cents > amount_cents - closed_cents""",
    "no more goes back of a payment than came": """
        SELECT p.id FROM payments p
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_cents) FILTER (WHERE state = 'succeeded'), 0) AS sent,
                   coalesce(sum(amount_cents) FILTER (WHERE state = 'submitted'), 0) AS sending
            FROM refunds r WHERE (r.tenant_id, r.payment_id) = (p.tenant_id, p.id)) AS back ON true
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(counted_cents), 0) AS taken
            FROM reversals v
            WHERE (v.tenant_id, v.payment_id) = (p.tenant_id, p.id)) AS bank ON true
        WHERE p.refunded_cents <> sent OR p.reversed_cents <> taken
           OR sent + sending + taken > p.amount_cents""",
    "what two people must do, two people did": """
        SELECT act, subject FROM approvals
        WHERE state = 'approved' AND lower(trim(first)) = lower(trim(second))
        UNION ALL SELECT 'refund', r.id FROM refunds r LEFT JOIN approvals a
            ON a.tenant_id = r.tenant_id AND a.act = 'refund' AND a.subject = r.id
            AND (a.state, a.first, a.second) = ('approved', r.asked_by, r.approved_by)
        WHERE r.state IN ('approved', 'submitted', 'succeeded') AND a.id IS NULL""",
    "each refund's end was told": """
        SELECT r.id, r.state FROM refunds r LEFT JOIN events e
            ON e.tenant_id = r.tenant_id AND e.data->>'refund' = r.id
            AND e.type = 'refund.' || r.state
        GROUP BY r.tenant_id, r.id, r.state
        HAVING count(e.id) <> CASE WHEN r.state IN ('succeeded', 'failed') THEN 1 ELSE 0 END""",
    "a refund or reversal that was booked is in the book": """
        SELECT r.id FROM refunds r LEFT JOIN ledger_entries l
            ON l.tenant_id = r.tenant_id AND l.reference = 'refund:' || r.id
        WHERE r.state = 'succeeded' AND l.id IS NULL
        UNION ALL SELECT v.provider_reference FROM reversals v LEFT JOIN ledger_entries l
            ON l.tenant_id = v.tenant_id
            AND l.reference = 'reversal:' || v.account_id || ':' || v.provider_reference
        WHERE v.state = 'taken' AND l.id IS NULL""",
}


def check(session: Session) -> None:
    """Raise for the first rule that is broken, with the rows that break it."""
    for rule, query in BROKEN_RULES.items():
        rows = session.execute(text(query)).fetchall()
        assert not rows, f"{rule}: {rows}"
