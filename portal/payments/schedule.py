"""When a provider is asked what became of a payment. Pure.

After 2, 10 and 30 minutes, 2 and 24 hours; then daily, for 30 days, for everything that was ever
handed over and has no success, whatever its state: a notification may have been lost.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ASK_AFTER = (
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=24),
)
DAILY = timedelta(days=1)
LONGEST = timedelta(days=30)
RUNS_OUT_AFTER = ASK_AFTER[-1]
NOT_AGAIN_WITHIN = timedelta(seconds=10)  # whoever else wants to know
PAYABLE_FOR = timedelta(hours=23)  # nobody begins to pay what is given up the hour after


def payable_until(started_at: datetime, closes_on: date | None, zone: ZoneInfo) -> datetime:
    """When nobody may begin to pay any more: what closes, not beyond its last day."""
    ends_at = started_at + PAYABLE_FOR
    if closes_on is None:
        return ends_at
    midnight = datetime.combine(closes_on + timedelta(days=1), time.min, zone)
    return min(ends_at, midnight.astimezone(UTC))


def first_ask(started_at: datetime) -> datetime:
    """When a new payment is asked about first."""
    return started_at + ASK_AFTER[0]


def next_ask(started_at: datetime, now: datetime) -> datetime | None:
    """The next moment after ``now``; ``None`` when 30 days are over."""
    for after in ASK_AFTER:
        if started_at + after > now:
            return started_at + after
    days = (now - started_at) // DAILY + 1
    return started_at + days * DAILY if days * DAILY <= LONGEST else None


def runs_out(started_at: datetime, now: datetime) -> bool:
    """Whether a payment that the provider still calls open is given up."""
    return now >= started_at + RUNS_OUT_AFTER
