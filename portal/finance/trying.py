"""Trying the endpoint: a signed event that tells nothing, and in a word what came back.

It stands in no feed and is handed over to nobody else. No pause follows from it, and none is ended:
only a real event shows that events are taken.
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum

from portal import audit, clock
from portal.db import transaction
from portal.finance import push
from portal.finance.lanes import SERVER_ERRORS, SUCCESS
from portal.finance.mending import NoEndpoint
from portal.finance.models import Endpoint
from portal.finance.push import Outcome, Parcel, Target
from portal.finance.reach import Reach
from portal.keys import Keyring

TYPE = "endpoint.test"


class Found(StrEnum):
    """What a try has shown."""

    GOOD = "good"
    SIGNATURE = "signature"  # 401, 403: it does not take our signature, or asks for a login
    NO_SUCH_PAGE = "no_such_page"  # 404, 405, 410
    MOVED = "moved"  # 3xx is not followed
    BUSY = "busy"  # 408, 429
    REFUSED = "refused"  # another 4xx
    BROKEN = "broken"  # 5xx
    SLOW = "slow"
    NOT_ALLOWED = "not_allowed"  # an address that the operator does not allow
    DEAD = "dead"  # nobody answers there, or not in our tongue


Check = Callable[[Outcome], bool]

# The first that is true.
# fmt: off
MEANINGS: tuple[tuple[Found, Check], ...] = (
    (Found.NOT_ALLOWED,  lambda came: came.error in {"private_address", "not_https"}),
    (Found.SLOW,         lambda came: came.error is not None
                                      and ("Timeout" in came.error or came.error == "TooLate")
                                      and came.error != "ConnectTimeout"),
    (Found.DEAD,         lambda came: came.status is None),
    (Found.GOOD,         lambda came: came.status in SUCCESS),
    (Found.MOVED,        lambda came: came.status in range(300, 400)),
    (Found.SIGNATURE,    lambda came: came.status in {401, 403}),
    (Found.NO_SUCH_PAGE, lambda came: came.status in {404, 405, 410}),
    (Found.BUSY,         lambda came: came.status in {408, 429}),
    (Found.BROKEN,       lambda came: came.status in SERVER_ERRORS),
    (Found.REFUSED,      lambda _: True),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Tried:
    """What came back: its meaning, and the status or the kind of the error."""

    found: Found
    status: int | None
    error: str | None


def meaning(came: Outcome) -> Tried:
    """What an outcome means. Pure."""
    found = next(found for found, holds in MEANINGS if holds(came))
    return Tried(found, came.status, came.error)


def endpoint(keyring: Keyring, tenant_id: str, reach: Reach, by: str) -> Tried:
    """Try a tenant's endpoint once and write down who did. Raises ``NoEndpoint``."""
    with transaction() as session:
        row = session.get(Endpoint, tenant_id)
        if row is None:
            raise NoEndpoint("This tenant has no endpoint: its finance system reads the feed.")
        secret = keyring.unseal(row.secret_sealed, "endpoint", tenant_id).decode()
        target = Target(row.url, secret, reach)
    tried = meaning(asyncio.run(_post(target, parcel())))
    with transaction() as session:
        detail = {"found": tried.found.value, "status": tried.status, "error": tried.error}
        audit.note(session, tenant_id, by, "endpoint.try", tenant_id, detail)
    return tried


def parcel() -> Parcel:
    """An event that a finance system need not know: it leaves alone what it does not know."""
    name = f"evt_{secrets.token_hex(16)}"
    at = clock.now().astimezone(UTC).isoformat().replace("+00:00", "Z")
    told: Mapping[str, object] = {
        "id": name, "position": 0, "type": TYPE, "occurred_at": at, "reference": None, "data": {},
    }  # fmt: skip
    return Parcel(name, json.dumps(told, separators=(",", ":")))


async def _post(target: Target, one: Parcel) -> Outcome:
    async with push.client() as client:
        return await push.post(client, target, one)
