-- Names of staff go with the books of the year in which that has ended for which they stood.

-- Of each row the names go, and the words that somebody wrote; days, figures and sums stay. What is
-- in force keeps its names: a role, a rule about one or two people, an account. Only purge_year may
-- ask, and whoever else does is refused by the tables.
CREATE FUNCTION purge_names(
    p_tenant text, p_year integer, p_begins timestamptz, p_ends timestamptz)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE last_purged timestamptz;
BEGIN
    UPDATE approvals SET subject = '~' || id WHERE tenant_id = p_tenant AND first = 'client:~'
        AND act IN ('staff.grant', 'staff.keys') AND asked_at >= p_begins AND asked_at < p_ends;
    UPDATE day_explanations SET by = 'staff:~', text = '~' WHERE tenant_id = p_tenant
        AND day BETWEEN make_date(p_year, 1, 1) AND make_date(p_year, 12, 31);
    UPDATE day_closings SET closed_by = 'staff:~',
        second = CASE WHEN second IS NOT NULL THEN '~' END,
        reason = CASE WHEN reason <> '' THEN '~' ELSE '' END
        WHERE tenant_id = p_tenant
        AND day BETWEEN make_date(p_year, 1, 1) AND make_date(p_year, 12, 31);
    -- A rule has ended with the next one, and is asked for while anything rests on it.
    SELECT make_date(max(y.year) + 1, 1, 1)::timestamp AT TIME ZONE t.time_zone INTO last_purged
        FROM purged_years y JOIN tenants t ON t.id = y.tenant_id
        WHERE y.tenant_id = p_tenant AND y.what = 'books' GROUP BY t.time_zone;
    UPDATE approval_rules r SET given_by = '~' FROM (
        SELECT id, lead(given_at) OVER (PARTITION BY act ORDER BY id) AS ended_at
        FROM approval_rules WHERE tenant_id = p_tenant) stood
        WHERE r.tenant_id = p_tenant AND r.id = stood.id AND r.given_by <> '~'
        AND stood.ended_at < last_purged AND NOT EXISTS (SELECT FROM approvals a
            WHERE a.tenant_id = p_tenant AND a.act = r.act AND a.alone AND a.first <> 'client:~'
            AND a.asked_at >= r.given_at AND a.asked_at < stood.ended_at);
    UPDATE annual_accounts SET noted_by = '~'
        WHERE tenant_id = p_tenant AND noted_at >= p_begins AND noted_at < p_ends;
    UPDATE retention_holds SET reference = CASE WHEN reference IS NOT NULL THEN '~' END,
        reason = '', set_by = '~', ended_by = '~'
        WHERE tenant_id = p_tenant AND ended_at >= p_begins AND ended_at < p_ends;
    UPDATE staff_roles SET given_by = '~', ended_by = '~'
        WHERE tenant_id = p_tenant AND ended_at >= p_begins AND ended_at < p_ends;
    UPDATE staff_members SET login = '~' || id, display = '', subject = NULL, password = NULL,
        totp_sealed = NULL
        WHERE tenant_id = p_tenant AND ended_at >= p_begins AND ended_at < p_ends;
END $$;

REVOKE ALL ON FUNCTION purge_names FROM PUBLIC;

-- What hangs on a year and on no request. Sums, days and accounts of the books stay as they are.
CREATE OR REPLACE FUNCTION purge_year(p_tenant text, p_year integer, p_what text, p_now timestamptz)
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
    PERFORM purge_names(p_tenant, p_year, begins, ends);
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

-- The names of the years whose books went before this was the rule.
DO $$
DECLARE
    gone record;
BEGIN
    PERFORM set_config('quitt.purge', 'on', true);
    FOR gone IN SELECT y.tenant_id, y.year, t.time_zone FROM purged_years y
        JOIN tenants t ON t.id = y.tenant_id WHERE y.what = 'books' ORDER BY y.tenant_id, y.year
    LOOP
        PERFORM purge_names(gone.tenant_id, gone.year,
            make_date(gone.year, 1, 1)::timestamp AT TIME ZONE gone.time_zone,
            make_date(gone.year + 1, 1, 1)::timestamp AT TIME ZONE gone.time_zone);
    END LOOP;
    PERFORM set_config('quitt.purge', 'off', true);
END $$;
