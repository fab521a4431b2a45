"""How much waits, and for how long: for ``quitt doctor`` and for whoever collects ``/metrics``.

Counts and ages only: nothing of a town, a request or a person. Times of the board are the
database's, as its heartbeats are; all others are the portal's.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. ``labels`` are written in braces behind its name (Prometheus text format)."""

    name: str
    value: float
    labels: str = ""


EXPLAINED = {
    "quitt_events": "Events that are not taken, by state of delivery, and those that were refused.",
    "quitt_event_oldest_seconds": "Age of the oldest event that waits to be handed over.",
    "quitt_endpoints_silent": "Finance systems that do not answer.",
    "quitt_accounts_paused": "Provider accounts that do not answer and are not offered.",
    "quitt_payments_undecided": "Payments whose end is not known, by how long ago they began.",
    "quitt_jobs": "Jobs on the board, by state.",
    "quitt_job_oldest_seconds": "How long the oldest bell or job waits for a worker.",
    "quitt_job_running_seconds": "How long the oldest job that was begun has been running.",
    "quitt_worker_seen_seconds": "Time since a worker was last seen; -1: never.",
    "quitt_tasks_open": "Tasks that wait for staff, by kind.",
}

DELIVERIES = """
SELECT state, count(*), coalesce(extract(epoch FROM :now - min(e.occurred_at)), 0)
  FROM deliveries d JOIN events e USING (tenant_id, position)
 WHERE state IN ('waiting', 'parked') GROUP BY state
"""
REFUSED = "SELECT count(*) FROM acknowledgements WHERE result = 'refused'"
SILENT = "SELECT count(*) FROM endpoints WHERE failures > 0"
PAUSED = "SELECT count(*) FROM account_silences WHERE paused_at IS NOT NULL"
UNDECIDED = """
SELECT CASE WHEN started_at > CAST(:now AS timestamptz) - interval '1 hour' THEN 'hour'
            WHEN started_at > CAST(:now AS timestamptz) - interval '1 day' THEN 'day'
            ELSE 'longer' END, count(*)
  FROM payments WHERE state IN ('created', 'started', 'pending', 'unknown') GROUP BY 1
"""
JOBS = """
SELECT j.status::text, count(DISTINCT j.id), coalesce(extract(epoch FROM now() - min(e.at)), 0)
  FROM procrastinate_jobs j LEFT JOIN procrastinate_events e
    ON e.job_id = j.id AND e.type = 'deferred'
 WHERE j.status IN ('todo', 'doing', 'failed') GROUP BY 1
"""
RUNNING = """
SELECT coalesce(extract(epoch FROM now() - min(begun)), 0) FROM (
    SELECT max(e.at) AS begun FROM procrastinate_jobs j JOIN procrastinate_events e
        ON e.job_id = j.id AND e.type = 'started'
     WHERE j.status = 'doing' GROUP BY j.id) AS running
"""
SEEN = "SELECT extract(epoch FROM now() - max(last_heartbeat)) FROM procrastinate_workers"
TASKS = "SELECT kind, count(*) FROM staff_tasks WHERE ended_at IS NULL GROUP BY kind ORDER BY kind"


def gather(session: Session, now: datetime) -> list[Figure]:
    """All figures, at the moment ``now``."""
    seen = session.scalar(text(SEEN))
    return [
        *_deliveries(session, now),
        Figure("quitt_endpoints_silent", session.scalar(text(SILENT)) or 0),
        Figure("quitt_accounts_paused", session.scalar(text(PAUSED)) or 0),
        *_undecided(session, now),
        *_jobs(session),
        Figure("quitt_worker_seen_seconds", -1 if seen is None else float(seen)),
        *(
            Figure("quitt_tasks_open", count, f'kind="{kind}"')
            for kind, count in session.execute(text(TASKS))
        ),
    ]


def written(figures: list[Figure]) -> str:
    """The figures as a collector reads them (Prometheus text format, version 0.0.4)."""
    lines = []
    for name, explained in EXPLAINED.items():
        lines += [f"# HELP {name} {explained}", f"# TYPE {name} gauge"]
        for figure in figures:
            if figure.name == name:
                labels = f"{{{figure.labels}}}" if figure.labels else ""
                lines.append(f"{name}{labels} {figure.value:g}")
    return "\n".join(lines) + "\n"


def _deliveries(session: Session, now: datetime) -> list[Figure]:
    rows = {
        state: (count, age) for state, count, age in session.execute(text(DELIVERIES), {"now": now})
    }
    counts = [
        Figure("quitt_events", rows.get(state, (0, 0))[0], f'state="{state}"')
        for state in ("waiting", "parked")
    ]
    refused = session.scalar(text(REFUSED)) or 0
    counts.append(Figure("quitt_events", refused, 'state="refused"'))
    return [*counts, Figure("quitt_event_oldest_seconds", float(rows.get("waiting", (0, 0))[1]))]


def _undecided(session: Session, now: datetime) -> list[Figure]:
    rows = {row[0]: row[1] for row in session.execute(text(UNDECIDED), {"now": now})}
    return [
        Figure("quitt_payments_undecided", rows.get(since, 0), f'begun="{since}"')
        for since in ("hour", "day", "longer")
    ]


def _jobs(session: Session) -> list[Figure]:
    rows = {state: (count, age) for state, count, age in session.execute(text(JOBS))}
    counts = [
        Figure("quitt_jobs", rows.get(state, (0, 0))[0], f'state="{state}"')
        for state in ("todo", "doing", "failed")
    ]
    return [
        *counts,
        Figure("quitt_job_oldest_seconds", float(rows.get("todo", (0, 0))[1])),
        Figure("quitt_job_running_seconds", float(session.scalar(text(RUNNING)) or 0)),
    ]
