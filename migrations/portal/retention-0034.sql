-- A year's notes stay while those of an earlier year must: the chain goes from its beginning only.

-- The notes up to the first year whose books have not gone. Only purge_year may ask.
CREATE FUNCTION purge_notes(p_tenant text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    zone text;
    kept integer;
    last_note bigint;
BEGIN
    SELECT time_zone INTO zone FROM tenants WHERE id = p_tenant;
    SELECT extract(year FROM min(at) AT TIME ZONE zone) INTO kept FROM audit
        WHERE tenant_id = p_tenant;
    WHILE EXISTS (SELECT FROM purged_years
        WHERE (tenant_id, year, what) = (p_tenant, kept, 'books')) LOOP
        kept := kept + 1;
    END LOOP;
    SELECT max(seq) INTO last_note FROM audit_chain WHERE tenant_id = p_tenant AND seq < coalesce((
        SELECT min(c.seq) FROM audit_chain c
        JOIN audit n ON (n.tenant_id, n.id) = (c.tenant_id, c.audit_id)
        WHERE c.tenant_id = p_tenant
        AND n.at >= make_date(kept, 1, 1)::timestamp AT TIME ZONE zone), 9223372036854775807);
    DELETE FROM audit n USING audit_chain c WHERE n.tenant_id = p_tenant
        AND (c.tenant_id, c.audit_id) = (n.tenant_id, n.id) AND c.seq <= last_note;
    UPDATE audit_heads SET purged_through = last_note
        WHERE tenant_id = p_tenant AND last_note > purged_through;
END $$;

REVOKE ALL ON FUNCTION purge_notes FROM PUBLIC;

-- What hangs on a year and on no request. Sums, days and accounts of the books stay as they are.
CREATE OR REPLACE FUNCTION purge_year(p_tenant text, p_year integer, p_what text, p_now timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    moment timestamptz := retention_now(p_now);
    begins timestamptz;
    ends timestamptz;
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
    PERFORM purge_names(p_tenant, p_year, begins, ends);
    PERFORM purge_notes(p_tenant);
    PERFORM set_config('quitt.purge', 'off', true);
    RETURN true;
END $$;
