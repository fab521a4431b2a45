"""What waits for a second person, and what was decided lately, as far as this person may see."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from portal.admin import gate
from portal.admin.approvals.second_person import ACTS, Act
from portal.approvals import deciding
from portal.approvals.models import Approval
from portal.approvals.states import State
from portal.audit import AuditRow
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.payments.models import Payment
from portal.requests.models import PaymentRequest
from portal.returns import closing
from portal.staff.roles import Right
from portal.web.language import gettext

MOST_SHOWN = 200
MOST_DECIDED = 25


@dataclass(frozen=True, slots=True)
class Asked:
    """An approval as this person sees it. ``request`` is the one that it is about, if it is."""

    approval: Approval
    act: Act | None
    request: PaymentRequest | None
    mine: bool
    may_decide: bool

    @property
    def waits(self) -> bool:
        """Whether it is not decided yet."""
        return self.approval.state == State.ASKED


def waiting(session: Session) -> list[Asked]:
    """What waits, what runs out first at the top."""
    query = _of_town().where(Approval.state == State.ASKED)
    return _seen(session, session.scalars(query.order_by(Approval.expires_at).limit(MOST_SHOWN)))


@dataclass(frozen=True, slots=True)
class Title:
    """What waits, to be named on the page of what it is about."""

    number: int
    title: str
    subject: str


def titles(session: Session, acts: frozenset[str]) -> list[Title]:
    """What waits of these acts in this town, whoever asked for it; the oldest first."""
    query = _of_town().where(Approval.state == State.ASKED, Approval.act.in_(acts))
    rows = session.scalars(query.order_by(Approval.id).limit(MOST_SHOWN))
    return [Title(row.id, gettext(ACTS[row.act].title), row.subject) for row in rows]


def decided(session: Session) -> list[Asked]:
    """What was decided, or had run out, lately; the newest first."""
    query = _of_town().where(Approval.state != State.ASKED)
    newest = query.order_by(Approval.id.desc()).limit(MOST_DECIDED)
    return _seen(session, session.scalars(newest))


def get(session: Session, number: int) -> Asked:
    """One of them; what is out of reach is not there."""
    approval = session.get(Approval, (gate.person().tenant_id, number), populate_existing=True)
    found = _as_seen(session, approval) if approval else None
    if found is None:
        gate.refuse(f"approval {number}")
    return found


def why_refused(session: Session, approval: Approval) -> str:
    """What the person said who refused it; empty where it was taken back."""
    query = select(AuditRow.detail).where(
        AuditRow.tenant_id == approval.tenant_id,
        AuditRow.subject == approval.subject,
        AuditRow.act == f"{approval.act}.refused",
        AuditRow.at >= approval.asked_at,
    )
    detail = session.scalar(query.order_by(AuditRow.id).limit(1))
    return str(detail.get("why", "")) if detail else ""


def request_of(session: Session, approval: Approval) -> PaymentRequest | None:
    """The request that an approval is about."""
    reference = payment = None
    if approval.act == closing.CUSTODY:
        item = session.get(CustodyItem, (approval.tenant_id, int(approval.subject)))
        reference = item.request_reference if item else None
    elif approval.act == closing.SUSPENSE:
        found = session.get(SuspenseItem, (approval.tenant_id, int(approval.subject)))
        sort, _, rest = (found.reference if found else "").partition(":")
        payment = rest.partition(":")[0] if sort == "payment" else None
    else:
        payment = approval.facts.get("payment")
    if payment is not None:
        row = session.get(Payment, (approval.tenant_id, payment))
        return session.get(PaymentRequest, (approval.tenant_id, row.request_id)) if row else None
    if reference is None:
        return None
    query = select(PaymentRequest).where(
        PaymentRequest.tenant_id == approval.tenant_id, PaymentRequest.reference == reference
    )
    return session.scalar(query)


def _of_town() -> Select[Approval]:
    return select(Approval).where(Approval.tenant_id == gate.person().tenant_id)


def _seen(session: Session, approvals: Iterable[Approval]) -> list[Asked]:
    found = (_as_seen(session, each) for each in approvals)
    return [each for each in found if each is not None]


def _as_seen(session: Session, approval: Approval) -> Asked | None:
    who, act, request = gate.person(), ACTS.get(approval.act), request_of(session, approval)
    mine = deciding.same(approval.first, who.actor)
    may_decide = _reaches(Right.APPROVE, request)
    seen_by = act.seen_by if act else Right.SEE_SETTINGS
    if not (mine or may_decide or _reaches(seen_by, request)):
        return None
    for_himself = deciding.same(f"staff:{approval.facts.get('login')}", who.actor)
    decides = may_decide and act is not None and not mine and not for_himself
    return Asked(approval, act, request, mine, decides and approval.state == State.ASKED)


def _reaches(right: Right, request: PaymentRequest | None) -> bool:
    """What is about no request is the whole town's."""
    reach = gate.person().reach(right)
    if request is None:
        return reach.whole
    return reach.covers(request.unit, request.kind)
