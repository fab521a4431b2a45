"""Jobs of the finance room: the outbox's bell, and keeping the board itself in order."""

from collections.abc import Awaitable

from portal import jobs, tenants
from portal.db import transaction
from portal.finance import acknowledging, delivery, lanes, repeating
from portal.finance.reach import Reach
from portal.web import current

EVERY_TEN_SECONDS = "* * * * * */10"
EVERY_TEN_MINUTES = "3-59/10 * * * *"
HOURLY = "7 * * * *"
KEPT_HOURS = 24  # failed jobs, for whoever asks why; good ones go at once


@jobs.task("deliver", queue=jobs.EVENTS)
def deliver(tenant_id: str) -> Awaitable[None]:
    """Hand over what is due; ring again when there is more. Waiting for answers takes no thread."""
    settings, keyring = current.settings(), current.keyring()
    reach = Reach(settings.finance_networks, anywhere=settings.demo)

    async def hand_over() -> None:
        if await delivery.run(tenant_id, keyring, reach, jobs.aside):
            await jobs.aside(lambda: jobs.ring(tenant_id))

    return hand_over()


@jobs.every(EVERY_TEN_SECONDS, "finance.ring")
def ring_for_all() -> None:
    """Ring for every tenant with due rows: this covers a lost bell and the end of a pause."""
    with transaction() as session:
        towns = lanes.tenants_due(session)
    for tenant_id in towns:
        jobs.ring(tenant_id)


@jobs.every(EVERY_TEN_MINUTES, "finance.acknowledged")
def look_for_words() -> None:
    """See which finance systems have no word for events that they took a day ago."""
    with transaction() as session:
        towns = acknowledging.tenants(session)
    tenants.each(acknowledging.look, towns)


@jobs.every(EVERY_TEN_SECONDS, "finance.put_back", alone=False)
async def put_back_stalled() -> None:
    """Put the jobs of killed workers back on the board; every job may run twice.

    Not alone: this one, killed, would bar the way of the next that could put it back.
    """
    await jobs.put_back(jobs.board)


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
