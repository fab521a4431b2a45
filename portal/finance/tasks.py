"""Jobs of the finance room: the outbox's bell, and keeping the board itself in order."""

from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status

from portal import jobs
from portal.db import transaction
from portal.finance import delivery, repeating
from portal.web import current

EVERY_TEN_SECONDS = "* * * * * */10"
HOURLY = "7 * * * *"
STALLED_AFTER = 15  # seconds without a heartbeat
KEPT_HOURS = 24  # failed jobs, for whoever asks why; good ones go at once


@jobs.task("deliver")
def deliver(tenant_id: str) -> None:
    """Hand over what is due; ring again when there is more."""
    settings = current.settings()
    if delivery.deliver(tenant_id, current.keyring(), anywhere=settings.demo):
        jobs.ring(tenant_id)


@jobs.every(EVERY_TEN_SECONDS, "finance.ring")
def ring_for_all() -> None:
    """Ring for every tenant with due rows: this covers a lost bell and the end of a pause."""
    with transaction() as session:
        tenants = delivery.tenants_due(session)
    for tenant_id in tenants:
        jobs.ring(tenant_id)


@jobs.every(EVERY_TEN_SECONDS, "finance.put_back")
async def put_back_stalled() -> None:
    """Put the jobs of killed workers back on the board; every job may run twice."""
    manager = jobs.board.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER):
        try:
            await manager.retry_job(job)
        except UniqueViolation:  # one with its queueing lock waits already and does its work
            await manager.finish_job(job, Status.FAILED, delete_job=True)


@jobs.every(HOURLY, "finance.forget_answers")
def forget_answers() -> None:
    """Delete the answers that were kept for a day in case a call is repeated."""
    repeating.delete_old()


@jobs.every(HOURLY, "finance.tidy")
async def delete_finished() -> None:
    """Delete jobs that ended long ago."""
    await jobs.board.job_manager.delete_old_jobs(
        KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )
