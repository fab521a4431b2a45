"""How long a refund is waited for: when the provider is told again or asked, and when a person is.

It is told again only for as long as it surely knows our key, and never after that. Then it is asked
for thirty days, if it can say what became of refunds: by its own name for this one, or by ours. A
person hears of it as soon as nobody else asks, or asking has brought nothing: after a day where it
never gave a name, after a week where it did, for a transfer may be on its way so long.
"""

from datetime import datetime, timedelta

from portal import clock
from portal.returns.ways import Row

# Within a day: some providers forget an idempotency key after 24 hours (docs.stripe.com/api,
# "Idempotent requests"), and would send the money twice.
TELL_AGAIN_AFTER = tuple(timedelta(minutes=minutes) for minutes in (2, 10, 30, 120, 480, 1200))
ROUNDS_APART = timedelta(minutes=10)  # that the worker may come late
A_DAY = timedelta(days=1)
ASK_AFTER = tuple(days * A_DAY for days in range(1, 31))
MOST_PENDING = 7 * A_DAY
NOT_LET_IN_AGAIN_AFTER = timedelta(minutes=10)  # a key that was refused is seldom mended sooner


def next_look(submitted_at: datetime, *, can_be_asked: bool) -> datetime | None:
    """When a refund is looked at next; ``None``: nobody does, and a person must."""
    apart = (*TELL_AGAIN_AFTER, *ASK_AFTER) if can_be_asked else TELL_AGAIN_AFTER
    later = (submitted_at + after for after in apart)
    return next((moment for moment in later if moment > clock.now()), None)


def is_known_there(submitted_at: datetime) -> bool:
    """Whether the provider surely still knows our key; after that it is never told again."""
    return clock.now() <= submitted_at + TELL_AGAIN_AFTER[-1] + ROUNDS_APART


def is_overdue(refund: Row) -> bool:
    """Whether the provider should have said by now what it did, or how it ended."""
    submitted_at = refund.submitted_at
    if submitted_at is None:
        return False
    if refund.provider_reference is None:
        return not is_known_there(submitted_at)
    return clock.now() >= submitted_at + MOST_PENDING
