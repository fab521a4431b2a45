"""How a claim's request stands at the portal: its link and TAN, its state, what is open.

None of this is kept from what the portal tells: an event only says that what the last push was
answered is out of date. The next push asks anew, and no letter is printed before.
"""

from sqlalchemy import update
from sqlalchemy.orm import Session

from office.facts import Event
from office.models import Claim, EventState
from portal.db import lock

OUT_OF_DATE = "out of date"  # in the place of a claim's ``pushed``
REPLACED = "request.replaced"
OUR_OWN = ("request.changed", "new_version")  # a push of ours, which has been answered

# fmt: off
TELLING = {
    "payment.succeeded", "payment.reversed", "refund.succeeded", "custody.assigned",
    "request.changed", "request.withdrawn", "request.restored", "request.expired", REPLACED,
    "request.rest_closed",
}
# fmt: on


def ask_anew(session: Session, event: Event) -> None:
    """Let the next push ask for what this event may have changed."""
    reason = event.data.get("reason")
    if event.type not in TELLING or (event.type, reason) == OUR_OWN:
        return
    named = [event.reference]
    if event.type == REPLACED and isinstance(reason, str):
        named.append(reason)  # the newer one: what was paid counts for it
    session.execute(update(Claim).where(Claim.reference.in_(named)).values(pushed=OUT_OF_DATE))


def replaced(session: Session, event: Event) -> EventState:
    """A newer letter has taken its place; what was paid on it counts there: a person books that."""
    claim = lock(session, Claim, event.reference) if event.reference else None
    if claim is None:
        return EventState.WAITING
    return EventState.BY_HAND if claim.cleared_cents else EventState.NOTED
