"""Asking for an approval and deciding it. Every function writes in the caller's transaction.

So the act and its approval are committed together or not at all. Who asked never approves: the
two are compared by the name of the person. What nobody approves within seven days runs out. Where
the town's rule says that one person is enough, what is asked is approved at once.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.approvals import people, standing
from portal.approvals.models import Approval
from portal.approvals.states import AlreadyDecided, Event, State, step
from portal.db import Json, lock, wait_for
from portal.errors import Conflict, Invalid, NotFound
from portal.money import Money

RUNS_OUT_AFTER = timedelta(days=7)
PERSON = "staff:"
TOLD = {Event.ONE_WAS_ENOUGH: "one_was_enough"}  # in the notes; else the new state
ORDER_NUMBER = re.compile(r"[A-Za-z0-9ÄÖÜäöüß][A-Za-z0-9ÄÖÜäöüß ./_-]{0,63}")


class NotAsked(NotFound):
    """Nobody asked for this act on this subject, or it is another tenant's."""

    code = "approval_not_found"


class AskedBefore(Conflict):
    """The same act on the same subject waits for its second person already."""

    code = "approval_waits"


class SamePerson(Conflict):
    """Who asked may not approve (Vier-Augen-Prinzip)."""

    code = "same_person"


class NotAPerson(Conflict):
    """Only a person of the staff approves; a finance system's order counts as the first."""

    code = "not_a_person"


class RunOut(Conflict):
    """Seven days are over: it must be asked for anew."""

    code = "approval_expired"


class NoOrder(Invalid):
    """An order number (Anordnung) of 1 to 64 letters, digits, blanks and ``. / _ -`` is needed."""

    code = "order_missing"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants done: the act, on what, on which order, and the facts to be approved.

    ``order_number`` is ``None`` for an act that rests on no instruction, as a role that is given;
    ``amount`` is what the town's rules about one person ask for, ``None`` where two must act.
    """

    act: str
    subject: str
    order_number: str | None
    facts: Json
    amount: Money | None = None


def checked_order(number: str) -> str:
    """The number of an order, as it is kept. Raises ``NoOrder``."""
    if not ORDER_NUMBER.fullmatch(number):
        raise NoOrder("An order number of 1 to 64 characters is needed.")
    return number


def ask(session: Session, tenant_id: str, wanted: Wanted, by: str) -> Approval:
    """Ask for a second person. Raises ``NoOrder``, ``AskedBefore``.

    The caller holds the lock of what it is about, and carries it out at once where the answer is
    approved already: then one person is enough.
    """
    if wanted.order_number is not None:
        checked_order(wanted.order_number)
    # Not everything that is asked about has a row to lock.
    wait_for(session, f"approval:{tenant_id}:{wanted.act}:{wanted.subject}")
    if _find(session, tenant_id, wanted.act, wanted.subject, State.ASKED) is not None:
        raise AskedBefore("It waits for its second person already.")
    now = clock.now()
    approval = Approval(
        tenant_id=tenant_id,
        act=wanted.act,
        subject=wanted.subject,
        order_number=wanted.order_number or "",
        facts=wanted.facts,
        first=by,
        asked_at=now,
        expires_at=now + RUNS_OUT_AFTER,
        state=State.ASKED,
    )
    session.add(approval)
    session.flush()
    _note(session, approval, by, "asked")
    if is_person(by) and _needed(session, tenant_id, wanted) == 1:
        approval.alone = True
        _decide(session, approval, Event.ONE_WAS_ENOUGH, by)
    return approval


def approve(
    session: Session, tenant_id: str, act: str, subject: str, by: str, number: int | None = None
) -> Approval:
    """The second person approves; the caller carries out ``facts`` and nothing else.

    ``number`` is that of the approval that this person saw: what was asked for anew is another.
    Raises ``NotAsked``, ``AlreadyDecided``, ``RunOut``, ``NotAPerson``, ``SamePerson``.
    """
    approval = _locked(session, tenant_id, act, subject, number)
    step(State(approval.state), Event.APPROVED)
    if approval.expires_at <= clock.now():
        raise RunOut("Seven days are over. Ask for it anew.")
    if not is_person(by):
        raise NotAPerson("Only a person may approve.")
    if same(approval.first, by):
        raise SamePerson("Who asked for it may not approve it.")
    approval.second = by
    _decide(session, approval, Event.APPROVED, by)
    return approval


def refuse(
    session: Session,
    tenant_id: str,
    act: str,
    subject: str,
    by: str,
    why: str = "",
    number: int | None = None,
) -> Approval:
    """A person refuses, or takes back what he asked for. Raises as ``approve``, but for two."""
    approval = _locked(session, tenant_id, act, subject, number)
    step(State(approval.state), Event.REFUSED)
    if not is_person(by):
        raise NotAPerson("Only a person may refuse.")
    _decide(session, approval, Event.REFUSED, by, why)
    return approval


def last(session: Session, tenant_id: str, act: str, subject: str) -> Approval:
    """The last one asked for, not locked: its facts say what is to be locked before it.

    Raises ``NotAsked``.
    """
    found = _find(session, tenant_id, act, subject)
    approval = session.get(Approval, (tenant_id, found)) if found is not None else None
    if approval is None:
        raise NotAsked("Nobody has asked for this.")
    return approval


def run_out(session: Session, tenant_id: str, act: str, subject: str) -> bool:
    """End an approval whose seven days are over; ``False`` when there is nothing to end."""
    approval = _locked(session, tenant_id, act, subject)
    if approval.state != State.ASKED or approval.expires_at > clock.now():
        return False
    _decide(session, approval, Event.RUN_OUT, "worker")
    return True


def over(session: Session, acts: frozenset[str], most: int) -> list[tuple[str, str, str]]:
    """(tenant, act, subject) of approvals whose seven days are over."""
    query = (
        select(Approval.tenant_id, Approval.act, Approval.subject)
        .where(
            Approval.state == State.ASKED,
            Approval.act.in_(acts),
            Approval.expires_at <= clock.now(),
        )
        .order_by(Approval.expires_at)
        .limit(most)
    )
    return [(tenant, act, subject) for tenant, act, subject in session.execute(query)]


def is_person(who: str) -> bool:
    """Whether an actor is a person of the staff."""
    return who.startswith(PERSON) and bool(who.removeprefix(PERSON).strip())


def is_named(who: str) -> bool:
    """A person, or whoever has the machine and says a name. Two people are persons only."""
    sort, _, name = who.partition(":")
    return is_person(who) or (sort == "operator" and bool(name.strip()))


def same(one: str, other: str) -> bool:
    """Whether two actors are one: capitals and outer blanks do not make another person."""
    return _name(one) == _name(other)


def _name(who: str) -> str:
    kind, _, name = who.partition(":")
    return f"{kind.strip()}:{name.strip()}".casefold()


def _find(
    session: Session, tenant_id: str, act: str, subject: str, state: State | None = None
) -> int | None:
    query = (
        select(Approval.id)
        .where(Approval.tenant_id == tenant_id, Approval.act == act, Approval.subject == subject)
        .order_by(Approval.id.desc())
        .limit(1)
    )
    return session.scalar(query if state is None else query.where(Approval.state == state))


def _needed(session: Session, tenant_id: str, wanted: Wanted) -> int:
    rules = standing.in_force(session, tenant_id)
    return people.people_needed(wanted.act, wanted.amount, rules)


def _locked(
    session: Session, tenant_id: str, act: str, subject: str, number: int | None = None
) -> Approval:
    """The last one asked for, locked and read afresh."""
    found = _find(session, tenant_id, act, subject)
    approval = lock(session, Approval, tenant_id, found) if found is not None else None
    if approval is None:
        raise NotAsked("Nobody has asked for this.")
    if number not in {None, approval.id}:
        raise AlreadyDecided("It was decided, and asked for anew: look at it again.")
    return approval


def _decide(session: Session, approval: Approval, event: Event, by: str, why: str = "") -> None:
    approval.state = step(State(approval.state), event)
    approval.decided_at = clock.now()
    session.flush()
    _note(session, approval, by, TOLD.get(event, approval.state), why)


def _note(session: Session, approval: Approval, by: str, what: str, why: str = "") -> None:
    order = {"order": approval.order_number} if approval.order_number else {}
    detail = {**order, **approval.facts, **({"why": why} if why else {})}
    act = f"{approval.act}.{what}"
    audit.note(session, approval.tenant_id, by, act, approval.subject, detail)


__all__ = [
    "AlreadyDecided", "AskedBefore", "NoOrder", "NotAPerson", "NotAsked", "RunOut", "SamePerson",
    "Wanted", "approve", "ask", "is_named", "is_person", "last", "over", "refuse", "run_out",
    "same",
]  # fmt: skip
