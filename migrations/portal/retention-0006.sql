-- What may be purged, and the purging itself. The application may ask; these functions look
-- whether it is due and refuse what is not: they belong to the role that owns the tables.

-- This moment as far as purging goes: who asks cannot claim that it is later than it is.
CREATE FUNCTION retention_now(p_now timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$ SELECT least(p_now, now()) $$;

-- The day on which the books, or the vouchers, of a year may go; none while it is not known.
-- Begins on 1 January after the annual accounts were adopted, ends half a year after the
-- discharge at the earliest (KommHV-Doppik section 69; how long, and whether the discharge
-- counts, is the tenant's, for the Laender differ).
CREATE FUNCTION retention_year_due(p_tenant text, p_year integer, p_what text) RETURNS date
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN t.discharge_counts AND a.discharged_on IS NULL THEN NULL ELSE greatest(
        (make_date(extract(year FROM a.adopted_on)::integer + 1, 1, 1) + make_interval(
            years => CASE p_what WHEN 'vouchers' THEN t.voucher_years ELSE t.books_years END))::date,
        (a.discharged_on + interval '6 months')::date) END
    FROM tenants t CROSS JOIN LATERAL (
        SELECT adopted_on, discharged_on FROM annual_accounts
        WHERE tenant_id = p_tenant AND year = p_year ORDER BY id DESC LIMIT 1) a
    WHERE t.id = p_tenant
$$;

-- When money or an order last moved a request.
CREATE FUNCTION retention_moved_at(p_tenant text, p_id bigint, p_updated timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT greatest(p_updated,
        (SELECT max(greatest(started_at, confirmed_at)) FROM payments
         WHERE tenant_id = p_tenant AND request_id = p_id),
        (SELECT max(greatest(f.asked_at, f.ended_at)) FROM refunds f
         JOIN payments p ON (p.tenant_id, p.id) = (f.tenant_id, f.payment_id)
         WHERE p.tenant_id = p_tenant AND p.request_id = p_id),
        (SELECT max(greatest(v.heard_at, v.won_at)) FROM reversals v
         JOIN payments p ON (p.tenant_id, p.id) = (v.tenant_id, v.payment_id)
         WHERE p.tenant_id = p_tenant AND p.request_id = p_id),
        (SELECT max(greatest(told_at, undone_at)) FROM paid_elsewhere
         WHERE tenant_id = p_tenant AND request_id = p_id))
$$;

-- Why a request must stay for now; none when nothing holds it.
CREATE FUNCTION retention_hold(p_tenant text, p_id bigint, p_reference text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN CASE
    WHEN EXISTS (SELECT FROM retention_holds WHERE tenant_id = p_tenant AND ended_at IS NULL
        AND (reference IS NULL OR reference = p_reference)) THEN 'ordered'
    WHEN EXISTS (SELECT FROM payments WHERE tenant_id = p_tenant AND request_id = p_id
        AND state NOT IN ('succeeded', 'failed', 'cancelled', 'expired')) THEN 'payment_undecided'
    WHEN EXISTS (SELECT FROM refunds f
        JOIN payments p ON (p.tenant_id, p.id) = (f.tenant_id, f.payment_id)
        WHERE p.tenant_id = p_tenant AND p.request_id = p_id
        AND f.state NOT IN ('succeeded', 'failed')) THEN 'refund_open'
    WHEN EXISTS (SELECT FROM custody_items WHERE tenant_id = p_tenant AND state = 'open'
        AND request_reference = p_reference) THEN 'custody_open'
    WHEN EXISTS (SELECT FROM payments p
        LEFT JOIN refunds f ON (f.tenant_id, f.payment_id) = (p.tenant_id, p.id)
        LEFT JOIN reversals v ON (v.tenant_id, v.payment_id) = (p.tenant_id, p.id)
        JOIN suspense_items s ON s.tenant_id = p.tenant_id AND s.reference IN ('payment:' || p.id,
            'refund:' || f.id, 'reversal:' || v.account_id || ':' || v.provider_reference)
        WHERE p.tenant_id = p_tenant AND p.request_id = p_id AND s.state = 'open')
        THEN 'suspense_open'
    WHEN EXISTS (SELECT FROM events e
        JOIN deliveries d ON (d.tenant_id, d.position) = (e.tenant_id, e.position)
        WHERE e.tenant_id = p_tenant AND e.reference = p_reference
        AND d.state IN ('waiting', 'parked')) THEN 'event_waiting'
    WHEN EXISTS (SELECT FROM staff_tasks WHERE tenant_id = p_tenant AND ended_at IS NULL
        AND reference = p_reference) THEN 'task_open'
    END;
END $$;

-- Each request that has ended: when its details, and when the whole of it may go.
CREATE VIEW retention_requests AS
SELECT r.tenant_id, r.id, r.reference, r.state, r.updated_at, r.details_purged_at, r.purged_at,
    moved.at AS moved_at, money.came AS had_money, moved.at + kept.details AS details_due_at,
    CASE WHEN money.came THEN
        retention_year_due(r.tenant_id,
            extract(year FROM moved.at AT TIME ZONE t.time_zone)::integer, 'books')::timestamp
        AT TIME ZONE t.time_zone
    ELSE moved.at + kept.details END AS whole_due_at
FROM payment_requests r JOIN tenants t ON t.id = r.tenant_id
CROSS JOIN LATERAL (SELECT make_interval(days => t.retention_days) AS details) kept
CROSS JOIN LATERAL (SELECT retention_moved_at(r.tenant_id, r.id, r.updated_at) AS at) moved
CROSS JOIN LATERAL (SELECT r.covered_cents > 0 OR r.closed_cents > 0
    OR EXISTS (SELECT FROM payments p WHERE (p.tenant_id, p.request_id) = (r.tenant_id, r.id)
        AND p.state = 'succeeded')
    OR EXISTS (SELECT FROM allocations a
        WHERE (a.tenant_id, a.request_id) = (r.tenant_id, r.id))
    OR EXISTS (SELECT FROM paid_elsewhere f
        WHERE (f.tenant_id, f.request_id) = (r.tenant_id, r.id)) AS came) money
WHERE r.state IN ('paid', 'withdrawn', 'expired', 'replaced') OR r.details_purged_at IS NOT NULL;

-- Stage one: texts, pseudonym, payment sign and the way in go; amounts and reference stay.
CREATE FUNCTION purge_request_details(p_tenant text, p_ids bigint[], p_now timestamptz)
RETURNS bigint[] LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    moment timestamptz := retention_now(p_now);
    due bigint[];
BEGIN
    PERFORM set_config('quitt.purge', 'on', true);
    PERFORM FROM payment_requests WHERE tenant_id = p_tenant AND id = ANY (p_ids)
        ORDER BY id FOR UPDATE;
    SELECT coalesce(array_agg(id ORDER BY id), '{}') INTO due FROM retention_requests
        WHERE tenant_id = p_tenant AND id = ANY (p_ids) AND details_purged_at IS NULL
        AND details_due_at <= moment AND retention_hold(tenant_id, id, reference) IS NULL;
    UPDATE payment_requests SET purpose = '', payment_sign = NULL, content = '{}', language = NULL,
        key_id = '', lookup = sha256(uuid_send(gen_random_uuid())),
        link_version = link_version + 1, tan_version = tan_version + 1, details_purged_at = moment
        WHERE tenant_id = p_tenant AND id = ANY (due);
    UPDATE request_versions SET content = '{}' WHERE tenant_id = p_tenant AND request_id = ANY (due);
    UPDATE payments SET redirect_url = NULL WHERE tenant_id = p_tenant AND request_id = ANY (due);
    DELETE FROM tries WHERE tenant_id = p_tenant AND request_id = ANY (due);
    DELETE FROM grants WHERE tenant_id = p_tenant AND request_id = ANY (due);
    PERFORM set_config('quitt.purge', 'off', true);
    RETURN due;
END $$;

-- What an event, or an approval, tells without its request: amounts, words of tables, and the
-- names by which the books are proved. Of a request's events the reason may be another's reference.
CREATE FUNCTION retention_bare(p_type text, p_data jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(p_data)
    WHERE key LIKE '%\_cents' OR key IN ('payment', 'refund', 'reversal', 'item', 'currency',
        'version', 'cause', 'account', 'provider', 'suspense_account', 'started_at',
        'confirmed_at', 'effective_on', 'reopens')
        OR (key = 'reason' AND p_type NOT LIKE 'request.%')
$$;

-- Stage two: what names the demand goes; amounts of nobody stay, so that no sum ever changes.
-- The names of the references (HMACs) are the application's: the keys are not in the database.
CREATE FUNCTION purge_requests(
    p_tenant text, p_ids bigint[], p_names bytea[], p_key text, p_now timestamptz)
RETURNS bigint[] LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    moment timestamptz := retention_now(p_now);
    due bigint[];
    gone text[];
BEGIN
    PERFORM set_config('quitt.purge', 'on', true);
    PERFORM FROM payment_requests WHERE tenant_id = p_tenant AND id = ANY (p_ids)
        ORDER BY id FOR UPDATE;
    SELECT coalesce(array_agg(id ORDER BY id), '{}'), coalesce(array_agg(reference), '{}')
        INTO due, gone FROM retention_requests
        WHERE tenant_id = p_tenant AND id = ANY (p_ids) AND purged_at IS NULL
        AND details_purged_at IS NOT NULL AND whole_due_at <= moment
        AND retention_hold(tenant_id, id, reference) IS NULL;
    INSERT INTO purged_references
        (tenant_id, key_id, name, link_version, tan_version, purged_at)
        SELECT p_tenant, p_key, told.name, r.link_version, r.tan_version, moment
        FROM unnest(p_ids, p_names) AS told (id, name)
        JOIN payment_requests r ON (r.tenant_id, r.id) = (p_tenant, told.id)
        WHERE r.id = ANY (due);
    UPDATE acknowledgements a SET document = NULL, reason = NULL FROM events e
        WHERE e.tenant_id = p_tenant AND e.reference = ANY (gone)
        AND (a.tenant_id, a.position) = (e.tenant_id, e.position);
    UPDATE events e SET reference = '~' || r.id, data = retention_bare(type, data)
        FROM payment_requests r WHERE r.tenant_id = p_tenant AND r.id = ANY (due)
        AND (e.tenant_id, e.reference) = (r.tenant_id, r.reference);
    UPDATE custody_items c SET request_reference = '~' || r.id FROM payment_requests r
        WHERE r.tenant_id = p_tenant AND r.id = ANY (due)
        AND (c.tenant_id, c.request_reference) = (r.tenant_id, r.reference);
    UPDATE custody_items c SET reference = 'lowered:~' || r.id || ':' || v.version
        FROM payment_requests r JOIN request_versions v
            ON (v.tenant_id, v.request_id) = (r.tenant_id, r.id)
        WHERE r.tenant_id = p_tenant AND r.id = ANY (due) AND (c.tenant_id, c.reference)
            = (r.tenant_id, 'lowered:' || r.reference || ':' || v.version);
    UPDATE ledger_entries e SET reference = word || ':~' || r.id || ':' || v.version
        FROM payment_requests r JOIN request_versions v
            ON (v.tenant_id, v.request_id) = (r.tenant_id, r.id)
        CROSS JOIN (VALUES ('lowered'), ('kind')) AS words (word)
        WHERE r.tenant_id = p_tenant AND r.id = ANY (due) AND (e.tenant_id, e.reference)
            = (r.tenant_id, word || ':' || r.reference || ':' || v.version);
    UPDATE ledger_entries e SET reference = word || ':~' || n.request_id || ':' || n.new FROM (
        SELECT f.request_id, r.reference, f.id AS old, '~' || row_number() OVER (
            PARTITION BY f.request_id ORDER BY f.id) AS new
        FROM paid_elsewhere f JOIN payment_requests r
            ON (r.tenant_id, r.id) = (f.tenant_id, f.request_id)
        WHERE f.tenant_id = p_tenant AND f.request_id = ANY (due)) n
        CROSS JOIN (VALUES ('elsewhere'), ('elsewhere-undone')) AS words (word)
        WHERE (e.tenant_id, e.reference) = (p_tenant, word || ':' || n.reference || ':' || n.old);
    UPDATE staff_tasks SET reference = NULL, subject = '~', detail = '{}'
        WHERE tenant_id = p_tenant AND reference = ANY (gone);
    UPDATE provider_reports h SET provider_reference = '', body_sha256 = NULL FROM payments p
        WHERE p.tenant_id = p_tenant AND p.request_id = ANY (due)
        AND (h.tenant_id, h.payment) = (p.tenant_id, p.id);
    UPDATE payments SET provider_reference = NULL, redirect_url = NULL
        WHERE tenant_id = p_tenant AND request_id = ANY (due);
    UPDATE allocations SET claim = NULL WHERE tenant_id = p_tenant AND request_id = ANY (due);
    UPDATE paid_elsewhere f SET id = n.id FROM (
        SELECT request_id, id AS old, '~' || row_number() OVER (PARTITION BY request_id ORDER BY id)
            AS id FROM paid_elsewhere WHERE tenant_id = p_tenant AND request_id = ANY (due)) n
        WHERE f.tenant_id = p_tenant AND (f.request_id, f.id) = (n.request_id, n.old);
    UPDATE closed_rests c SET order_number = n.id, reason = '' FROM (
        SELECT request_id, order_number AS old, '~' || row_number() OVER (
            PARTITION BY request_id ORDER BY order_number) AS id
        FROM closed_rests WHERE tenant_id = p_tenant AND request_id = ANY (due)) n
        WHERE c.tenant_id = p_tenant AND (c.request_id, c.order_number) = (n.request_id, n.old);
    UPDATE payment_requests SET reference = '~' || id, due_on = NULL, payable_until = NULL,
        purged_at = moment
        WHERE tenant_id = p_tenant AND id = ANY (due);
    PERFORM set_config('quitt.purge', 'off', true);
    RETURN due;
END $$;

-- Staff tasks ended 400 days ago (13 months for a SEPA debit, and some): number and days stay.
CREATE FUNCTION purge_tasks(p_tenant text, p_now timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE done integer;
BEGIN
    IF EXISTS (SELECT FROM retention_holds WHERE tenant_id = p_tenant AND ended_at IS NULL
        AND reference IS NULL) THEN RETURN 0; END IF;
    UPDATE staff_tasks s SET reference = NULL, subject = '~', detail = '{}', ended_by = '~',
        reason = ''
        WHERE tenant_id = p_tenant AND ended_at <= retention_now(p_now) - interval '400 days'
        AND ended_by <> '~' AND NOT EXISTS (SELECT FROM retention_holds h
            WHERE h.tenant_id = p_tenant AND h.ended_at IS NULL AND h.reference = s.reference);
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN done;
END $$;

-- Whether the books or vouchers of a year may go now.
CREATE FUNCTION retention_year_is_due(p_tenant text, p_year integer, p_what text, p_now timestamptz)
RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(retention_year_due(p_tenant, p_year, p_what)
            <= (p_now AT TIME ZONE time_zone)::date, false)
        AND NOT EXISTS (SELECT FROM retention_holds
            WHERE tenant_id = p_tenant AND ended_at IS NULL)
        AND NOT EXISTS (SELECT FROM purged_years
            WHERE (tenant_id, year, what) = (p_tenant, p_year, p_what))
    FROM tenants WHERE id = p_tenant
$$;

-- What hangs on a year and on no request. Sums, days and accounts of the books stay as they are.
CREATE FUNCTION purge_year(p_tenant text, p_year integer, p_what text, p_now timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    moment timestamptz := retention_now(p_now);
    begins timestamptz;
    ends timestamptz;
    last_note bigint;
BEGIN
    IF p_what NOT IN ('books', 'vouchers')
        OR NOT coalesce(retention_year_is_due(p_tenant, p_year, p_what, moment), false) THEN
        RETURN false;
    END IF;
    SELECT make_date(p_year, 1, 1)::timestamp AT TIME ZONE time_zone,
        make_date(p_year + 1, 1, 1)::timestamp AT TIME ZONE time_zone
        INTO begins, ends FROM tenants WHERE id = p_tenant;
    PERFORM set_config('quitt.purge', 'on', true);
    INSERT INTO purged_years (tenant_id, year, what, purged_at)
        VALUES (p_tenant, p_year, p_what, moment);
    IF p_what = 'vouchers' THEN
        UPDATE provider_reports SET provider_reference = '', body_sha256 = NULL
            WHERE tenant_id = p_tenant AND heard_at >= begins AND heard_at < ends;
        PERFORM set_config('quitt.purge', 'off', true);
        RETURN true;
    END IF;
    UPDATE ledger_entries SET reference = '~' || id WHERE tenant_id = p_tenant
        AND booked_on BETWEEN make_date(p_year, 1, 1) AND make_date(p_year, 12, 31)
        AND reason IN ('replaced', 'custody_assigned');
    UPDATE ledger_entries e SET reference = word || ':~' || a.id || ':' || a.subject
        FROM approvals a CROSS JOIN (VALUES ('closed'), ('kept')) AS words (word)
        WHERE a.tenant_id = p_tenant AND a.state = 'approved' AND a.asked_at >= begins
        AND a.asked_at < ends AND a.act <> 'refund' AND (e.tenant_id, e.reference)
            = (a.tenant_id, word || ':' || a.order_number || ':' || a.subject);
    UPDATE refunds f SET order_number = '~' || f.id, asked_by = 'client:~',
        approved_by = CASE WHEN approved_by IS NOT NULL THEN 'staff:~' END FROM approvals a
        WHERE f.tenant_id = p_tenant AND (a.tenant_id, a.act, a.subject)
            = (f.tenant_id, 'refund', f.id) AND f.state IN ('succeeded', 'failed')
        AND a.state <> 'asked' AND a.asked_at >= begins AND a.asked_at < ends;
    UPDATE approvals a SET order_number = '~' || id,
        facts = retention_bare(act, facts) - 'item', first = 'client:~',
        second = CASE WHEN second IS NOT NULL THEN 'staff:~' END
        WHERE tenant_id = p_tenant AND state <> 'asked' AND asked_at >= begins AND asked_at < ends
        AND NOT EXISTS (SELECT FROM refunds f WHERE (a.act, f.tenant_id, f.id)
            = ('refund', a.tenant_id, a.subject) AND f.state NOT IN ('succeeded', 'failed'));
    SELECT max(seq) INTO last_note FROM audit_chain WHERE tenant_id = p_tenant AND seq < coalesce((
        SELECT min(c.seq) FROM audit_chain c
        JOIN audit n ON (n.tenant_id, n.id) = (c.tenant_id, c.audit_id)
        WHERE c.tenant_id = p_tenant AND n.at >= ends), 9223372036854775807);
    DELETE FROM audit n USING audit_chain c WHERE n.tenant_id = p_tenant
        AND (c.tenant_id, c.audit_id) = (n.tenant_id, n.id) AND c.seq <= last_note;
    UPDATE audit_heads SET purged_through = last_note
        WHERE tenant_id = p_tenant AND last_note > purged_through;
    PERFORM set_config('quitt.purge', 'off', true);
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION purge_request_details, purge_requests, purge_tasks, purge_year FROM PUBLIC;
