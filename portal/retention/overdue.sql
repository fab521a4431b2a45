-- Rows that are past their time for more than two nights and are held by nothing.
SELECT v.tenant_id, 'details' AS class, v.id::text AS row, v.details_due_at AS due_at
FROM retention_requests v JOIN tenants t ON t.id = v.tenant_id
WHERE v.details_purged_at IS NULL AND v.state IN ('paid', 'withdrawn', 'expired', 'replaced')
  AND v.updated_at < retention_now(:now) - make_interval(days => t.retention_days + 2)
  AND v.details_due_at < retention_now(:now) - interval '2 days'
  AND retention_hold(v.tenant_id, v.id, v.reference) IS NULL
UNION ALL
SELECT v.tenant_id, 'books', v.id::text, v.whole_due_at
FROM retention_requests v JOIN tenants t ON t.id = v.tenant_id
WHERE v.details_purged_at IS NOT NULL AND v.purged_at IS NULL
  AND v.updated_at < retention_now(:now) - make_interval(years => t.books_years)
  AND v.whole_due_at < retention_now(:now) - interval '2 days'
  AND retention_hold(v.tenant_id, v.id, v.reference) IS NULL
UNION ALL
SELECT a.tenant_id, w.what, a.year::text, NULL
FROM annual_accounts a CROSS JOIN (VALUES ('books'), ('vouchers')) AS w (what)
WHERE retention_year_is_due(a.tenant_id, a.year, w.what, retention_now(:now) - interval '2 days')
UNION ALL
SELECT s.tenant_id, 'tasks', s.number::text, s.ended_at FROM staff_tasks s
WHERE s.ended_by <> '~' AND s.ended_at < retention_now(:now) - interval '402 days'
  AND NOT EXISTS (SELECT FROM retention_holds h WHERE h.tenant_id = s.tenant_id
      AND h.ended_at IS NULL AND (h.reference IS NULL OR h.reference = s.reference))
UNION ALL
SELECT g.tenant_id, 'grants', g.request_id::text, g.ends_at FROM grants g
WHERE g.ends_at < retention_now(:now) - interval '2 days'
UNION ALL
SELECT k.tenant_id, 'answers', '', k.kept_since FROM kept_answers k
WHERE k.kept_since < retention_now(:now) - interval '3 days'
