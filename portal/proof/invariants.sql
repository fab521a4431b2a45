-- What must always hold. The comment above a statement is the rule; the statement names the rows
-- that break it, the tenant first, and never what they say. Read by portal/proof/invariants.py.
-- :payment_edges is the table of portal/payments/states.py as [[old, event, new], ...],
-- :request_edges that of portal/requests/states.py as [[old, new], ...].


-- an entry balances, in one currency
SELECT e.tenant_id, e.id FROM ledger_entries e
LEFT JOIN ledger_postings p ON (p.tenant_id, p.entry_id) = (e.tenant_id, e.id)
GROUP BY e.tenant_id, e.id
HAVING count(p.line) < 2 OR sum(p.cents) <> 0 OR count(DISTINCT p.currency) <> 1;

-- a suspense account is the sum of its open items
SELECT * FROM (
    SELECT tenant_id, substr(account, 10) AS account, currency, sum(cents) AS balance
    FROM ledger_postings WHERE account LIKE 'suspense:%' GROUP BY 1, 2, 3) AS books
FULL JOIN (
    SELECT tenant_id, account, currency, sum(open_cents) AS open
    FROM suspense_items GROUP BY 1, 2, 3) AS items USING (tenant_id, account, currency)
WHERE coalesce(balance, 0) <> coalesce(open, 0);

-- a suspense item was booked under its own name, on its own account
SELECT i.tenant_id, i.id FROM suspense_items i LEFT JOIN (
    SELECT e.tenant_id, e.reference, p.account, p.currency, sum(p.cents) AS cents
    FROM ledger_entries e JOIN ledger_postings p ON (p.tenant_id, p.entry_id) = (e.tenant_id, e.id)
    WHERE p.account LIKE 'suspense:%' GROUP BY 1, 2, 3, 4) AS booked
    ON (booked.tenant_id, booked.reference, booked.account, booked.currency)
        = (i.tenant_id, i.reference, 'suspense:' || i.account, i.currency)
WHERE booked.cents IS DISTINCT FROM i.amount_cents;

-- custody is the sum of its open items
SELECT * FROM (
    SELECT tenant_id, substr(account, 9) AS cause, currency, -sum(cents) AS balance
    FROM ledger_postings WHERE account LIKE 'custody:%' GROUP BY 1, 2, 3) AS books
FULL JOIN (
    SELECT tenant_id, cause, currency, sum(open_cents) AS open
    FROM custody_items GROUP BY 1, 2, 3) AS items USING (tenant_id, cause, currency)
WHERE coalesce(balance, 0) <> coalesce(open, 0);

-- what is open of an item is the sum of its moves
SELECT i.tenant_id, 'suspense' AS items, i.id FROM suspense_items i LEFT JOIN suspense_moves m
    ON (m.tenant_id, m.item_id) = (i.tenant_id, i.id)
GROUP BY i.tenant_id, i.id HAVING coalesce(sum(m.cents), 0) <> i.open_cents
UNION ALL SELECT i.tenant_id, 'custody', i.id FROM custody_items i LEFT JOIN custody_moves m
    ON (m.tenant_id, m.item_id) = (i.tenant_id, i.id)
GROUP BY i.tenant_id, i.id HAVING coalesce(sum(m.cents), 0) <> i.open_cents;

-- what was cleared of a kind is what its requests have covered
SELECT * FROM (
    SELECT tenant_id, substr(account, 8) AS kind, currency, -sum(cents) AS cleared
    FROM ledger_postings WHERE account LIKE 'claims:%' GROUP BY 1, 2, 3) AS books
FULL JOIN (
    SELECT tenant_id, kind, currency, sum(covered_cents) AS covered
    FROM payment_requests GROUP BY 1, 2, 3) AS requests USING (tenant_id, kind, currency)
WHERE coalesce(cleared, 0) <> coalesce(covered, 0);

-- what was paid elsewhere is what was told and not undone
SELECT * FROM (
    SELECT tenant_id, currency, sum(cents) AS balance
    FROM ledger_postings WHERE account = 'elsewhere' GROUP BY 1, 2) AS books
FULL JOIN (
    SELECT f.tenant_id, r.currency, sum(f.amount_cents) AS told FROM paid_elsewhere f
    JOIN payment_requests r ON (r.tenant_id, r.id) = (f.tenant_id, f.request_id)
    WHERE f.undone_at IS NULL GROUP BY 1, 2) AS facts USING (tenant_id, currency)
WHERE coalesce(balance, 0) <> coalesce(told, 0);

-- what is in transit was settled and has not arrived
SELECT * FROM (
    SELECT tenant_id, substr(account, 9) AS account, currency, sum(cents) AS balance
    FROM ledger_postings WHERE account LIKE 'transit:%' GROUP BY 1, 2, 3) AS books
FULL JOIN (
    SELECT s.tenant_id, s.account, s.currency, sum(s.net_cents) AS on_its_way
    FROM settlements s LEFT JOIN payout_arrivals a USING (tenant_id, account, settlement, version)
    LEFT JOIN settlement_undoings u USING (tenant_id, account, settlement, version)
    WHERE a.id IS NULL AND u.undone_at IS NULL
    GROUP BY 1, 2, 3) AS payouts USING (tenant_id, account, currency)
WHERE coalesce(balance, 0) <> coalesce(on_its_way, 0);

-- what is held in reserve is what reports in force held back, less what was let go or closed
SELECT * FROM (
    SELECT tenant_id, substr(account, 10) AS account, currency, sum(cents) AS balance
    FROM ledger_postings WHERE account LIKE 'reserves:%' GROUP BY 1, 2, 3) AS books
FULL JOIN (
    SELECT tenant_id, account, currency, sum(cents) AS held FROM (
        SELECT s.tenant_id, s.account, s.currency, -l.settled_cents AS cents
        FROM settlement_lines l JOIN settlements s USING (tenant_id, account, settlement, version)
        LEFT JOIN settlement_undoings u USING (tenant_id, account, settlement, version)
        WHERE l.kind = 'reserve' AND u.undone_at IS NULL
        UNION ALL SELECT tenant_id, facts ->> 'account', facts ->> 'currency',
            -(facts ->> 'amount_cents')::bigint
        FROM approvals WHERE act = 'reserve.close' AND state = 'approved') AS moved
    GROUP BY 1, 2, 3) AS reports USING (tenant_id, account, currency)
WHERE coalesce(balance, 0) <> coalesce(held, 0) OR balance < 0;

-- what a line of a settlement report settled is what it took of items, each of its own account
SELECT l.tenant_id, l.account, l.settlement, l.version, l.line FROM settlement_lines l
LEFT JOIN settled_items i USING (tenant_id, account, settlement, version, line)
LEFT JOIN suspense_items s ON (s.tenant_id, s.id) = (i.tenant_id, i.item_id)
WHERE l.kind <> 'reserve'
GROUP BY l.tenant_id, l.account, l.settlement, l.version, l.line, l.settled_cents
HAVING (count(i.item_id) > 0 AND sum(i.cents) <> l.settled_cents)
    OR bool_or(s.account <> l.account);

-- of a settlement report one version at most is in force, and what has arrived was not undone
SELECT s.tenant_id, s.account, s.settlement, count(*) FROM settlements s
LEFT JOIN settlement_undoings u USING (tenant_id, account, settlement, version)
WHERE u.undone_at IS NULL GROUP BY 1, 2, 3 HAVING count(*) > 1
UNION ALL SELECT a.tenant_id, a.account, a.settlement, a.version FROM payout_arrivals a
JOIN settlement_undoings u USING (tenant_id, account, settlement, version);

-- what stands on the bank is what has arrived
SELECT * FROM (
    SELECT tenant_id, currency, sum(cents) AS balance
    FROM ledger_postings WHERE account = 'bank' GROUP BY 1, 2) AS books
FULL JOIN (
    SELECT tenant_id, currency, sum(amount_cents) AS arrived
    FROM payout_arrivals GROUP BY 1, 2) AS payouts USING (tenant_id, currency)
WHERE coalesce(balance, 0) <> coalesce(arrived, 0);

-- a success is booked once, to the cent, and nothing is booked for money that never came
SELECT coalesce(p.tenant_id, booked.tenant_id), coalesce(p.id, booked.payment)
FROM (SELECT * FROM payments WHERE state = 'succeeded') AS p
FULL JOIN (
    SELECT e.tenant_id, substr(e.reference, 9) AS payment, max(l.account) AS account,
        max(l.currency) AS currency, sum(l.cents) AS cents, count(DISTINCT e.id) AS entries
    FROM ledger_entries e JOIN ledger_postings l ON (l.tenant_id, l.entry_id) = (e.tenant_id, e.id)
        AND l.account LIKE 'suspense:%'
    WHERE e.reason = 'payment_succeeded' GROUP BY 1, 2) AS booked
    ON (booked.tenant_id, booked.payment) = (p.tenant_id, p.id)
WHERE (booked.account, booked.currency, booked.cents, booked.entries)
    IS DISTINCT FROM ('suspense:' || p.account_id, p.currency, p.amount_cents, 1);

-- a success is allocated to the cent
SELECT p.tenant_id, p.id FROM payments p LEFT JOIN allocations a
    ON (a.tenant_id, a.payment_id) = (p.tenant_id, p.id)
GROUP BY p.tenant_id, p.id, p.state, p.amount_cents
HAVING coalesce(sum(a.cents), 0)
    <> CASE WHEN p.state = 'succeeded' THEN p.amount_cents ELSE 0 END;

-- a payment names unit, kind and day of receipt of its request
SELECT p.tenant_id, p.id FROM payments p JOIN tenants t ON t.id = p.tenant_id
JOIN payment_requests r ON (r.tenant_id, r.id) = (p.tenant_id, p.request_id)
WHERE (p.unit, p.kind, p.received_on)
    IS DISTINCT FROM (r.unit, r.kind, (r.created_at AT TIME ZONE t.time_zone)::date);

-- a request was paid online when a payment of it succeeded
SELECT r.tenant_id, r.id FROM payment_requests r WHERE r.paid_online <> EXISTS (
    SELECT FROM payments p WHERE (p.tenant_id, p.request_id) = (r.tenant_id, r.id)
    AND p.state = 'succeeded');

-- a payment moves along the edges of its table
SELECT s.tenant_id, s.payment_id, s.id FROM payment_steps s LEFT JOIN (
    SELECT edge ->> 0 AS old, edge ->> 1 AS event, edge ->> 2 AS new
    FROM jsonb_array_elements(CAST(:payment_edges AS jsonb)) AS edge) AS edges
    USING (old, event, new)
WHERE edges.old IS NULL;

-- a payment's steps follow one another and lead to where it stands
SELECT tenant_id, payment_id, id FROM (
    SELECT *, lag(new, 1, 'created') OVER (PARTITION BY tenant_id, payment_id ORDER BY id) AS stood
    FROM payment_steps) AS steps
WHERE old <> stood
UNION ALL SELECT p.tenant_id, p.id, NULL FROM payments p LEFT JOIN (
    SELECT DISTINCT ON (tenant_id, payment_id) tenant_id, payment_id, new
    FROM payment_steps ORDER BY tenant_id, payment_id, id DESC) AS last
    ON (last.tenant_id, last.payment_id) = (p.tenant_id, p.id)
WHERE p.state <> coalesce(last.new, 'created');

-- no more goes back of a payment than came
SELECT p.tenant_id, p.id FROM payments p
LEFT JOIN (
    SELECT tenant_id, payment_id,
        coalesce(sum(amount_cents) FILTER (WHERE state = 'succeeded'), 0) AS sent,
        coalesce(sum(amount_cents) FILTER (WHERE state = 'submitted'), 0) AS sending
    FROM refunds GROUP BY 1, 2) AS back ON (back.tenant_id, back.payment_id) = (p.tenant_id, p.id)
LEFT JOIN (
    SELECT tenant_id, payment_id, sum(counted_cents) AS taken FROM reversals GROUP BY 1, 2) AS bank
    ON (bank.tenant_id, bank.payment_id) = (p.tenant_id, p.id)
WHERE p.refunded_cents <> coalesce(sent, 0) OR p.reversed_cents <> coalesce(taken, 0)
    OR coalesce(sent, 0) + coalesce(sending, 0) + coalesce(taken, 0) > p.amount_cents;

-- a refund that was sent is in the book, and one that was not is not
SELECT r.tenant_id, r.id FROM refunds r LEFT JOIN ledger_entries e ON e.tenant_id = r.tenant_id
    AND e.reference IN ('refund:' || r.id, 'refund-failed:' || r.id)
GROUP BY r.tenant_id, r.id, r.state
HAVING count(*) FILTER (WHERE e.reason = 'refund')
    - count(*) FILTER (WHERE e.reason = 'refund_failed')
    <> CASE WHEN r.state = 'succeeded' THEN 1 ELSE 0 END;

-- unclear money that was sent back is in the book, and what was not is not
SELECT r.tenant_id, r.id FROM custody_returns r LEFT JOIN ledger_entries e
    ON e.tenant_id = r.tenant_id AND e.reference IN ('returned:' || r.id, 'return-failed:' || r.id)
GROUP BY r.tenant_id, r.id, r.state
HAVING count(*) FILTER (WHERE e.reason = 'custody_returned')
    - count(*) FILTER (WHERE e.reason = 'custody_return_failed')
    <> CASE WHEN r.state = 'succeeded' THEN 1 ELSE 0 END;

-- a reversal is in the book, and so is each part of it that came back
SELECT v.tenant_id, v.id FROM reversals v
LEFT JOIN (
    SELECT tenant_id, reversal_id, count(*) AS times, sum(amount_cents) AS cents,
        sum(fee_cents) AS fee
    FROM reversal_wins GROUP BY 1, 2) AS back
    ON (back.tenant_id, back.reversal_id) = (v.tenant_id, v.id)
LEFT JOIN ledger_entries e ON e.tenant_id = v.tenant_id
    AND e.reference = 'reversal:' || v.account_id || ':' || v.provider_reference
WHERE (e.id IS NULL) <> (v.state = 'won' AND back.times IS NULL) OR (e.id IS NOT NULL
    AND (v.back_cents, v.fee_back_cents) <> (coalesce(back.cents, 0), coalesce(back.fee, 0)))
UNION ALL SELECT w.tenant_id, w.reversal_id FROM reversal_wins w
JOIN reversals v ON (v.tenant_id, v.id) = (w.tenant_id, w.reversal_id)
LEFT JOIN ledger_entries e ON (e.tenant_id, e.reason) = (w.tenant_id, 'reversal_won')
    AND e.reference = 'reversal-won' || CASE WHEN w.number > 1 THEN '-' || w.number ELSE '' END
        || ':' || v.account_id || ':' || v.provider_reference
LEFT JOIN ledger_postings p ON (p.tenant_id, p.entry_id) = (e.tenant_id, e.id)
    AND p.account = 'suspense:' || v.account_id
WHERE p.cents IS DISTINCT FROM w.amount_cents + w.fee_cents;

-- a request is paid when it is covered, and only then
SELECT tenant_id, id FROM payment_requests
WHERE (state = 'paid' AND covered_cents < amount_cents - closed_cents)
    OR (state IN ('open', 'partly_paid') AND covered_cents >= amount_cents - closed_cents)
    OR covered_cents > amount_cents - closed_cents;

-- a request asks what its newest version asks
SELECT r.tenant_id, r.id FROM payment_requests r LEFT JOIN (
    SELECT DISTINCT ON (tenant_id, request_id) tenant_id, request_id, version, amount_cents
    FROM request_versions ORDER BY tenant_id, request_id, version DESC) AS newest
    ON (newest.tenant_id, newest.request_id) = (r.tenant_id, r.id)
WHERE (newest.version, newest.amount_cents) IS DISTINCT FROM (r.version, r.amount_cents);

-- a request is what its first version asked, and the sum of its steps
SELECT r.tenant_id, r.id FROM payment_requests r
LEFT JOIN request_versions v ON (v.tenant_id, v.request_id, v.version) = (r.tenant_id, r.id, 1)
LEFT JOIN (
    SELECT tenant_id, request_id, sum(amount_cents) AS amount, sum(covered_cents) AS covered,
        sum(closed_cents) AS closed
    FROM request_steps GROUP BY 1, 2) AS steps
    ON (steps.tenant_id, steps.request_id) = (r.tenant_id, r.id)
WHERE (r.amount_cents, r.covered_cents, r.closed_cents) IS DISTINCT FROM
    (v.amount_cents + coalesce(amount, 0), coalesce(covered, 0), coalesce(closed, 0));

-- a request moves along the edges of its table
SELECT s.tenant_id, s.request_id, s.id FROM request_steps s LEFT JOIN (
    SELECT edge ->> 0 AS old_state, edge ->> 1 AS state
    FROM jsonb_array_elements(CAST(:request_edges AS jsonb)) AS edge) AS edges
    USING (old_state, state)
WHERE edges.state IS NULL;

-- a request's steps follow one another and lead to where it stands
SELECT tenant_id, request_id, id FROM (
    SELECT *, lag(state, 1, 'open') OVER (PARTITION BY tenant_id, request_id ORDER BY id) AS stood
    FROM request_steps) AS steps
WHERE old_state <> stood
UNION ALL SELECT r.tenant_id, r.id, NULL FROM payment_requests r LEFT JOIN (
    SELECT DISTINCT ON (tenant_id, request_id) tenant_id, request_id, state
    FROM request_steps ORDER BY tenant_id, request_id, id DESC) AS last
    ON (last.tenant_id, last.request_id) = (r.tenant_id, r.id)
WHERE r.state <> coalesce(last.state, 'open');

-- what was paid on a request counts for it, or for one that stands in its place
WITH RECURSIVE line AS (
    SELECT DISTINCT a.tenant_id, p.request_id AS asked, p.request_id AS at
    FROM allocations a JOIN payments p ON (p.tenant_id, p.id) = (a.tenant_id, a.payment_id)
    WHERE a.request_id <> p.request_id
    UNION SELECT line.tenant_id, line.asked, r.replaced_by FROM line
    JOIN payment_requests r ON (r.tenant_id, r.id) = (line.tenant_id, line.at)
    WHERE r.replaced_by IS NOT NULL)
SELECT a.tenant_id, a.payment_id, a.id FROM allocations a
JOIN payments p ON (p.tenant_id, p.id) = (a.tenant_id, a.payment_id)
LEFT JOIN line ON (line.tenant_id, line.asked, line.at) = (a.tenant_id, p.request_id, a.request_id)
WHERE a.request_id <> p.request_id AND line.at IS NULL;

-- a replaced request names the newer one and has nothing covered; a withdrawn one says why
SELECT tenant_id, id FROM payment_requests
WHERE (state = 'replaced') <> (replaced_by IS NOT NULL)
    OR (state = 'replaced' AND covered_cents <> 0)
    OR (state = 'withdrawn' AND withdrawn_reason IS NULL);

-- a waived rest was waived by order
SELECT r.tenant_id, r.id FROM payment_requests r LEFT JOIN closed_rests c
    ON (c.tenant_id, c.request_id) = (r.tenant_id, r.id)
GROUP BY r.tenant_id, r.id, r.closed_cents
HAVING r.closed_cents > coalesce(sum(c.amount_cents), 0);

-- what two people must do, two people did; one alone only where the town's rule let him
SELECT tenant_id, act, subject FROM approvals
WHERE state = 'approved' AND (lower(trim(first)) = lower(trim(second))
    OR alone AND act NOT IN ('refund', 'custody.assign', 'custody.return', 'custody.keep',
        'suspense.close', 'payment.correct', 'refund.made', 'refund.not_made'))
UNION ALL SELECT r.tenant_id, 'refund', r.id FROM refunds r LEFT JOIN approvals a
    ON a.tenant_id = r.tenant_id AND a.act = 'refund' AND a.subject = r.id
    AND (a.state, a.first) = ('approved', r.asked_by)
    AND a.second IS NOT DISTINCT FROM r.approved_by
WHERE r.state IN ('approved', 'submitted', 'succeeded') AND a.id IS NULL
UNION ALL SELECT r.tenant_id, 'custody.return', r.id FROM custody_returns r LEFT JOIN approvals a
    ON (a.tenant_id, a.act, a.subject, a.state) = (r.tenant_id, 'custody.return', r.id, 'approved')
WHERE r.state IN ('approved', 'submitted', 'succeeded') AND a.id IS NULL;

-- positions of the feed have no gap
SELECT f.tenant_id FROM event_feed f LEFT JOIN events e USING (tenant_id)
GROUP BY f.tenant_id, f.last HAVING count(e.position) <> f.last
    OR coalesce(max(e.position), 0) <> f.last;

-- nobody has read further than the feed goes
SELECT r.tenant_id, r.position FROM read_through r LEFT JOIN event_feed f USING (tenant_id)
WHERE r.position > coalesce(f.last, 0);

-- each success was told once
SELECT coalesce(p.tenant_id, told.tenant_id), coalesce(p.id, told.payment)
FROM (SELECT * FROM payments WHERE state = 'succeeded') AS p
FULL JOIN (
    SELECT tenant_id, data ->> 'payment' AS payment, count(*) AS times
    FROM events WHERE type = 'payment.succeeded' GROUP BY 1, 2) AS told
    ON (told.tenant_id, told.payment) = (p.tenant_id, p.id)
WHERE p.id IS NULL OR told.times IS DISTINCT FROM 1;

-- each refund's end was told once
SELECT r.tenant_id, r.id FROM refunds r LEFT JOIN events e
    ON e.tenant_id = r.tenant_id AND e.data ->> 'refund' = r.id AND e.type = 'refund.' || r.state
GROUP BY r.tenant_id, r.id, r.state
HAVING count(e.id) <> CASE WHEN r.state IN ('succeeded', 'failed') THEN 1 ELSE 0 END;

-- each reversal, and each that was won, was told once
SELECT coalesce(booked.tenant_id, told.tenant_id), coalesce(booked.name, told.name)
FROM (
    SELECT tenant_id, regexp_replace(reference, '^reversal(-won(-[0-9]+)?|-corrected:[0-9]+)?:', '') AS name,
        reason AS act, count(*) AS times
    FROM ledger_entries WHERE reason IN ('reversal', 'reversal_won', 'reversal_corrected')
    GROUP BY 1, 2, 3) AS booked
FULL JOIN (
    SELECT tenant_id, substr(data ->> 'suspense_account', 10) || ':' || (data ->> 'reversal')
        AS name, CASE WHEN data ->> 'reason' IN ('won', 'corrected')
            THEN 'reversal_' || (data ->> 'reason') ELSE 'reversal' END AS act, count(*) AS times
    FROM events WHERE type = 'payment.reversed' GROUP BY 1, 2, 3) AS told
    ON (told.tenant_id, told.name, told.act) = (booked.tenant_id, booked.name, booked.act)
WHERE told.times IS DISTINCT FROM booked.times;

-- each item in custody was told once
SELECT coalesce(i.tenant_id, told.tenant_id), coalesce(i.id::text, told.item)
FROM custody_items i FULL JOIN (
    SELECT tenant_id, data ->> 'item' AS item, count(*) AS times
    FROM events WHERE type = 'custody.opened' GROUP BY 1, 2) AS told
    ON (told.tenant_id, told.item) = (i.tenant_id, i.id::text)
WHERE i.id IS NULL OR told.times IS DISTINCT FROM 1;

-- unclear money that went back was told once
SELECT coalesce(booked.tenant_id, told.tenant_id), coalesce(booked.item, told.item)
FROM (
    SELECT tenant_id, item_id::text AS item, count(*) AS times FROM (
        SELECT r.tenant_id, r.item_id FROM custody_returns r JOIN ledger_entries e
            ON (e.tenant_id, e.reference) = (r.tenant_id, 'returned:' || r.id)
        UNION ALL SELECT tenant_id, item_id FROM custody_moves WHERE reason = 'reversed') AS went
    GROUP BY 1, 2) AS booked
FULL JOIN (
    SELECT tenant_id, data ->> 'item' AS item, count(*) AS times
    FROM events WHERE type = 'custody.returned' AND data ->> 'cause' = 'unclear'
    GROUP BY 1, 2) AS told
    ON (told.tenant_id, told.item) = (booked.tenant_id, booked.item)
WHERE told.times IS DISTINCT FROM booked.times;

-- a request's new versions, waived rests, last days and replacements were told once
SELECT coalesce(was.tenant_id, told.tenant_id), coalesce(was.reference, told.reference),
    coalesce(was.type, told.type)
FROM (
    SELECT r.tenant_id, r.reference, act.type, count(*) AS times FROM payment_requests r JOIN (
        SELECT tenant_id, request_id, 'request.' || state AS type FROM request_steps
        WHERE state IN ('expired', 'replaced') AND old_state <> state
        UNION ALL SELECT c.tenant_id, c.request_id, 'request.rest_closed' FROM closed_rests c
        LEFT JOIN refunds f ON (f.tenant_id, 'refund:' || f.id) = (c.tenant_id, c.order_number)
        WHERE f.id IS NULL
        UNION ALL SELECT tenant_id, request_id, 'request.changed' FROM request_versions
        WHERE version > 1) AS act ON (act.tenant_id, act.request_id) = (r.tenant_id, r.id)
    GROUP BY 1, 2, 3) AS was
FULL JOIN (
    SELECT tenant_id, reference, type, count(*) AS times
    FROM events JOIN payment_requests USING (tenant_id, reference)
    WHERE type IN ('request.expired', 'request.replaced', 'request.rest_closed')
        OR (type = 'request.changed' AND data ->> 'reason' = 'new_version') GROUP BY 1, 2, 3) AS told
    ON (told.tenant_id, told.reference, told.type) = (was.tenant_id, was.reference, was.type)
WHERE told.times IS DISTINCT FROM was.times
    -- of a purged request the reason of a change, and the order of a rest, are gone
    AND NOT (coalesce(was.reference, '') LIKE '~%'
        AND was.type IN ('request.changed', 'request.rest_closed'));

-- a request's withdrawals and ways back were told
SELECT was.tenant_id, was.reference, was.type FROM (
    SELECT r.tenant_id, r.reference, CASE WHEN s.state = 'withdrawn' THEN 'request.withdrawn'
        ELSE 'request.restored' END AS type, count(*) AS times
    FROM request_steps s JOIN payment_requests r
        ON (r.tenant_id, r.id) = (s.tenant_id, s.request_id)
    WHERE s.state <> s.old_state AND (s.state = 'withdrawn'
        OR s.old_state IN ('withdrawn', 'replaced') AND s.state <> 'replaced') GROUP BY 1, 2, 3)
    AS was LEFT JOIN (
    SELECT tenant_id, reference, type, count(*) AS times FROM events
    WHERE type IN ('request.withdrawn', 'request.restored') GROUP BY 1, 2, 3) AS told
    ON (told.tenant_id, told.reference, told.type) = (was.tenant_id, was.reference, was.type)
WHERE coalesce(told.times, 0) < was.times;

-- money under way was told once each time
SELECT coalesce(was.tenant_id, told.tenant_id), coalesce(was.payment, told.payment) FROM (
    SELECT tenant_id, payment_id AS payment, count(*) AS times FROM payment_steps
    WHERE new = 'pending' AND old <> new GROUP BY 1, 2) AS was
FULL JOIN (
    SELECT tenant_id, data ->> 'payment' AS payment, count(*) AS times FROM events
    WHERE type = 'payment.pending' GROUP BY 1, 2) AS told
    ON (told.tenant_id, told.payment) = (was.tenant_id, was.payment)
WHERE told.times IS DISTINCT FROM was.times;

-- custody that found its request was told once each time
SELECT coalesce(was.tenant_id, told.tenant_id), coalesce(was.item, told.item) FROM (
    SELECT tenant_id, item_id::text AS item, count(*) AS times FROM custody_moves
    WHERE reason IN ('assigned', 'taken_back') GROUP BY 1, 2) AS was
FULL JOIN (
    SELECT tenant_id, data ->> 'item' AS item, count(*) AS times FROM events
    WHERE type = 'custody.assigned' GROUP BY 1, 2) AS told
    ON (told.tenant_id, told.item) = (was.tenant_id, was.item)
WHERE told.times IS DISTINCT FROM was.times;

-- each pay-out was announced once, and withdrawn or arrived once
SELECT coalesce(fact.tenant_id, told.tenant_id), coalesce(fact.account, told.account),
    coalesce(fact.payout, told.payout)
FROM (
    SELECT tenant_id, account, settlement AS payout, version, 'payout.announced' AS type
    FROM settlements
    UNION ALL SELECT tenant_id, account, settlement, version, 'payout.withdrawn'
    FROM settlement_undoings
    UNION ALL SELECT tenant_id, account, settlement, version, 'payout.arrived'
    FROM payout_arrivals) AS fact
FULL JOIN (
    SELECT tenant_id, data ->> 'account' AS account, data ->> 'payout' AS payout,
        coalesce((data ->> 'version')::integer, 1) AS version, type, count(*) AS times
    FROM events WHERE type IN ('payout.announced', 'payout.withdrawn', 'payout.arrived')
    GROUP BY 1, 2, 3, 4, 5) AS told
    ON (told.tenant_id, told.account, told.payout, told.version, told.type)
        = (fact.tenant_id, fact.account, fact.payout, fact.version, fact.type)
WHERE fact.payout IS NULL OR told.times IS DISTINCT FROM 1;

-- each reserve that was closed by order was told once
SELECT coalesce(closed.tenant_id, told.tenant_id), coalesce(closed.id::text, told.closing)
FROM (SELECT * FROM approvals WHERE act = 'reserve.close' AND state = 'approved') AS closed
FULL JOIN (
    SELECT tenant_id, data ->> 'closing' AS closing, count(*) AS times
    FROM events WHERE type = 'reserve.closed' GROUP BY 1, 2) AS told
    ON (told.tenant_id, told.closing) = (closed.tenant_id, closed.id::text)
WHERE closed.id IS NULL OR told.times IS DISTINCT FROM 1;

-- of one request no later event is taken before an earlier one
SELECT tenant_id, position FROM (
    SELECT tenant_id, position, state, taken_at,
        bool_or(state IN ('waiting', 'parked') AND taken_at IS NULL) OVER earlier AS waits,
        max(taken_at) OVER earlier AS taken_before
    FROM deliveries JOIN events USING (tenant_id, position)
    WHERE NOT out_of_order
    WINDOW earlier AS (PARTITION BY tenant_id, coalesce(reference, '') ORDER BY position
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS lanes
WHERE state = 'taken' AND (waits OR taken_before > taken_at);

-- no row points into another town, or to what is not there
SELECT k.tenant_id, 'kept_answers', k.client_id FROM kept_answers k JOIN clients c
    ON c.id = k.client_id WHERE c.tenant_id <> k.tenant_id
UNION ALL SELECT r.tenant_id, 'payment_requests', r.id::text
    FROM payment_requests r LEFT JOIN payment_requests newer
    ON (newer.tenant_id, newer.id) = (r.tenant_id, r.replaced_by)
    WHERE r.replaced_by IS NOT NULL AND newer.id IS NULL
UNION ALL SELECT e.tenant_id, 'events', e.position::text FROM events e LEFT JOIN payments p
    ON (p.tenant_id, p.id) = (e.tenant_id, e.data ->> 'payment')
    WHERE e.data ->> 'payment' IS NOT NULL AND p.id IS NULL
UNION ALL SELECT named.tenant_id, named.place, named.account FROM (
    SELECT DISTINCT tenant_id, 'suspense_items' AS place, account FROM suspense_items
    UNION ALL SELECT DISTINCT tenant_id, 'custody_items', account FROM custody_items
    UNION ALL SELECT DISTINCT tenant_id, 'settlements', account FROM settlements
    UNION ALL SELECT DISTINCT tenant_id, 'ledger_postings', split_part(account, ':', 2)
        FROM ledger_postings
        WHERE split_part(account, ':', 1)
            IN ('suspense', 'transit', 'fees', 'reserves', 'losses', 'differences')
    ) AS named LEFT JOIN provider_accounts a ON (a.tenant_id, a.id) = (named.tenant_id, named.account)
    WHERE named.account IS NOT NULL AND a.id IS NULL;

-- the book has no account but the known ones
SELECT DISTINCT p.tenant_id, p.account FROM ledger_postings p LEFT JOIN kinds k
    ON (k.tenant_id, 'claims:' || k.code) = (p.tenant_id, p.account)
WHERE k.code IS NULL AND p.account !~ '^(suspense|transit|fees|reserves|losses|differences):.'
    AND p.account NOT IN ('bank', 'elsewhere', 'custody:surplus', 'custody:unclear',
        'income:surplus');

-- what is kept as a hash is a whole one
SELECT tenant_id, 'clients', id FROM clients WHERE octet_length(secret_sha256) <> 32
UNION ALL SELECT tenant_id, 'payment_requests', id::text FROM payment_requests
    WHERE octet_length(lookup) <> 32
UNION ALL SELECT tenant_id, 'grants', request_id::text FROM grants
    WHERE octet_length(visitor) <> 32
UNION ALL SELECT tenant_id, 'provider_reports', id::text FROM provider_reports
    WHERE octet_length(body_sha256) <> 32
UNION ALL SELECT tenant_id, 'kept_answers', client_id FROM kept_answers
    WHERE octet_length(key_sha256) <> 32 OR octet_length(asked_sha256) <> 32
UNION ALL SELECT tenant_id, 'audit_chain', seq::text FROM audit_chain
    WHERE octet_length(previous) <> 32 OR octet_length(hash) <> 32;

-- the audit chain has no gap and ends at its head
SELECT tenant_id, h.seq FROM audit_heads h FULL JOIN (
    SELECT tenant_id, max(seq) AS last, count(*) AS links FROM audit_chain GROUP BY 1) AS chain
    USING (tenant_id)
LEFT JOIN audit_chain tail USING (tenant_id, seq)
WHERE coalesce(h.seq, 0) <> coalesce(last, 0) OR coalesce(links, 0) <> coalesce(last, 0)
    OR (h.seq > 0 AND tail.hash IS DISTINCT FROM h.hash);

-- no column could hold a person, but the town's own
SELECT NULL AS tenant_id, c.relname, a.attname
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
    AND c.relname NOT LIKE 'procrastinate%' AND a.attname::text ~* ('(^|_)(name|vorname|nachname|surname|firstname'
        '|payer|holder|person|address|anschrift|street|strasse|plz|zip|postcode|city|ort|birth'
        '|geburt|email|mail|phone|telefon|iban|bic|pan|card|plate|kennzeichen|steuer|ip)($|_)')
    AND (c.relname, a.attname) NOT IN (
        ('tenants', 'name'), ('tenants', 'account_holder'), ('tenants', 'iban'),
        ('tenants', 'bic'), ('tenants', 'phone'), ('tenants', 'street'),
        ('tenants', 'postcode_city'), ('tenants', 'email'), ('kinds', 'name'),
        ('daily_mails', 'address'),  -- the town's own mailboxes
        -- an HMAC
        ('purged_references', 'name'));
