"""The TAN: 8 digits of the letter, derived, never stored, and the counting of wrong ones.

A try is taken *before* it is looked at, by one atomic statement: of parallel guesses only as many
are looked at as are left. A right one gives its try back and resets the hour. The amount, where a
letter carries no TAN, shares the counters.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import lock
from portal.errors import Conflict
from portal.keys import Key, Keyring, mac
from portal.requests import reasons, typed
from portal.requests.models import PaymentRequest, RequestVersion, Tries
from portal.requests.register import Standing

DIGITS = typed.TAN_LENGTH
_TANS = 10**DIGITS
TRIES_IN_HOUR = 5
TRIES_IN_LIFE = 10
HOUR = timedelta(hours=1)


class OnlyANewTan(Conflict):
    """The TAN's life is over: only another one opens the letter."""

    code = "only_a_new_tan"


class Verdict(StrEnum):
    """What became of a try."""

    RIGHT = "right"
    WRONG = "wrong"
    LOCKED = "locked"  # not even looked at


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict; how many tries are left now; until when it is locked (``None``: by staff)."""

    verdict: Verdict
    left: int = 0
    locked_until: datetime | None = None


def derive(key: Key, tenant_id: str, reference: str, version: int) -> str:
    """The TAN of a request's TAN version: 8 digits."""
    raw = mac(key.child("tan"), tenant_id, reference, version)
    return str(int.from_bytes(raw, "big") % _TANS).zfill(DIGITS)


def of_request(keyring: Keyring, request: PaymentRequest | Standing) -> str:
    """The TAN that the letter of a stored request carries."""
    key = keyring.get(request.key_id)
    return derive(key, request.tenant_id, request.reference, request.tan_version)


def renew(session: Session, request: PaymentRequest) -> None:
    """A new TAN for a locked request: the old one is dead, wrong tries are forgotten."""
    request.tan_version += 1
    mine = (Tries.tenant_id == request.tenant_id) & (Tries.request_id == request.id)
    session.execute(delete(Tries).where(mine))


def unlock(session: Session, request: PaymentRequest, actor: str, reason: str) -> int:
    """Forget the wrong tries of this hour for a locked request; how many there are now.

    Those of the TAN's life stay counted. Raises ``OnlyANewTan``, ``ReasonMissing``,
    ``PersonalData``.
    """
    reason = reasons.checked(reason)
    tries = lock(session, Tries, request.tenant_id, request.id)
    in_life = tries.in_life if tries else 0
    if in_life >= TRIES_IN_LIFE:
        raise OnlyANewTan("All tries of this TAN are used up. Order a new one for the letter.")
    if tries is not None:
        tries.in_hour = 0
    detail = {"reason": reason, "in_life": in_life}
    audit.note(session, request.tenant_id, actor, "request.unlock", request.reference, detail)
    return min(TRIES_IN_HOUR, TRIES_IN_LIFE - in_life)


def check(session: Session, keyring: Keyring, request: PaymentRequest, second: str) -> Checked:
    """Look at a typed TAN, or amount where the letter has none, if a try is left."""
    tries = _take_try(session, request)
    if tries is None:
        return _locked(session, request)
    if request.tan_required:
        told = typed.tan(second).encode()
        right = hmac.compare_digest(of_request(keyring, request).encode(), told)
    else:
        right = typed.cents(second) in _printed_amounts(session, request)
    if right:
        _give_back(session, request)
        return Checked(Verdict.RIGHT)
    left = min(TRIES_IN_HOUR - tries.in_hour, TRIES_IN_LIFE - tries.in_life)
    return Checked(Verdict.WRONG, left) if left > 0 else _locked(session, request)


def is_locked(session: Session, request: PaymentRequest) -> Checked | None:
    """The lock of a request, if no try is left now. Changes nothing."""
    tries = session.get(Tries, (request.tenant_id, request.id))
    if tries is None:
        return None
    in_hour = tries.in_hour if tries.hour_began_at > clock.now() - HOUR else 0
    if in_hour < TRIES_IN_HOUR and tries.in_life < TRIES_IN_LIFE:
        return None
    return _locked(session, request)


def tries_left(session: Session, request: PaymentRequest) -> int:
    """How many tries are left now, of this hour and of the TAN's life. Changes nothing."""
    tries = session.get(Tries, (request.tenant_id, request.id))
    if tries is None:
        return TRIES_IN_HOUR
    in_hour = tries.in_hour if tries.hour_began_at > clock.now() - HOUR else 0
    return max(0, min(TRIES_IN_HOUR - in_hour, TRIES_IN_LIFE - tries.in_life))


def _take_try(session: Session, request: PaymentRequest) -> Tries | None:
    now = clock.now()
    fresh = Tries.hour_began_at <= now - HOUR
    row = {"hour_began_at": now, "in_hour": 1, "in_life": 1}
    statement = (
        insert(Tries)
        .values(tenant_id=request.tenant_id, request_id=request.id, **row)
        .on_conflict_do_update(
            index_elements=["tenant_id", "request_id"],
            set_={
                "hour_began_at": case((fresh, now), else_=Tries.hour_began_at),
                "in_hour": case((fresh, 1), else_=Tries.in_hour + 1),
                "in_life": Tries.in_life + 1,
            },
            where=(Tries.in_life < TRIES_IN_LIFE) & (fresh | (Tries.in_hour < TRIES_IN_HOUR)),
        )
        .returning(Tries)
        .execution_options(populate_existing=True)
    )
    return session.scalar(statement)


def _give_back(session: Session, request: PaymentRequest) -> None:
    mine = (Tries.tenant_id == request.tenant_id) & (Tries.request_id == request.id)
    session.execute(update(Tries).where(mine).values(in_hour=0, in_life=Tries.in_life - 1))


def _locked(session: Session, request: PaymentRequest) -> Checked:
    key = (request.tenant_id, request.id)
    tries = session.get(Tries, key, populate_existing=True)
    if tries is None or tries.in_life >= TRIES_IN_LIFE:
        return Checked(Verdict.LOCKED)
    return Checked(Verdict.LOCKED, locked_until=tries.hour_began_at + HOUR)


def _printed_amounts(session: Session, request: PaymentRequest) -> set[int]:
    return set(
        session.scalars(
            select(RequestVersion.amount_cents).where(
                RequestVersion.tenant_id == request.tenant_id,
                RequestVersion.request_id == request.id,
            )
        )
    )
