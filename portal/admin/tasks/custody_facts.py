"""What is known of a custody item, and which requests its money may be meant for.

The rows are looked for here, by indexes; what they are worth is judged by ``returns.matching``.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from portal.admin.approvals import waiting
from portal.admin.approvals.waiting import Title
from portal.admin.lists.open_requests import OPEN, STILL_ASKED
from portal.admin.scope import within
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments.models import Payment, ProviderReport
from portal.requests.models import PaymentRequest, RequestVersion
from portal.returns import assigning, closing
from portal.returns.matching import Candidate, Found, Proposal, proposals
from portal.staff.roles import Right
from portal.tenants import Tenant
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask

# Other kinds name items of suspense, which have numbers of their own.
OF_CUSTODY = frozenset({Kind.CUSTODY_UNCLEAR, Kind.REFUND_PROPOSED, Kind.REFUND_FAILED})
MOST_LOOKED_AT = 100  # of each way


def item_of(session: Session, task: StaffTask) -> CustodyItem | None:
    """The custody item that a task is about, if it is about one."""
    number = task.detail.get("item") if task.kind in OF_CUSTODY else None
    return session.get(CustodyItem, (task.tenant_id, number)) if number else None


def waits(session: Session, item: CustodyItem) -> list[Title]:
    """What was asked for about an item and waits for a second person."""
    found = waiting.titles(session, frozenset({assigning.ACT, closing.CUSTODY}))
    return [each for each in found if each.subject == str(item.id)]


def proposed(session: Session, item: CustodyItem) -> list[Proposal]:
    """The requests that an item's money may be meant for, the likeliest first."""
    found = found_of(session, item)
    rows = _likely(session, item, found)
    return proposals(found, _candidates(session, rows))


def found_of(session: Session, item: CustodyItem) -> Found:
    """An item as it is matched."""
    zone = _zone(session, item.tenant_id)
    letter = _letter(session, item)
    return Found(
        Money(item.open_cents, item.currency),
        tuple(_texts(session, item)),
        item.taken_on or item.opened_at.astimezone(zone).date(),
        item.account,
        letter.reference if letter else None,
        letter.payment_sign if letter else None,
        letter.content.get("debtor") if letter else None,
    )


def _letter(session: Session, item: CustodyItem) -> PaymentRequest | None:
    query = select(PaymentRequest).where(
        PaymentRequest.tenant_id == item.tenant_id,
        PaymentRequest.reference == item.request_reference,
    )
    return session.scalar(query)


def _texts(session: Session, item: CustodyItem) -> list[str]:
    """What the provider wrote of it: how it names the payment, ours and its own."""
    named = item.reference.removeprefix(f"unclear:{item.account}:")
    query = select(ProviderReport.payment, ProviderReport.provider_reference).where(
        ProviderReport.tenant_id == item.tenant_id,
        ProviderReport.account_id == item.account,
        ProviderReport.provider_reference == named[:128],
    )
    texts = {text for row in session.execute(query) for text in row if text}
    return sorted(texts | {named})


def _likely(session: Session, item: CustodyItem, found: Found) -> Sequence[PaymentRequest]:
    """Requests that still ask and for which anything at all may speak."""
    asked = select(PaymentRequest).where(
        PaymentRequest.tenant_id == item.tenant_id,
        PaymentRequest.currency == item.currency,
        STILL_ASKED,
        OPEN > 0,
        within(Right.SEE),
    )
    rows = dict[int, PaymentRequest]()
    for fits in _ways(session, item, found):
        for row in session.scalars(asked.where(fits).limit(MOST_LOOKED_AT)):
            rows[row.id] = row
    return list(rows.values())


def _ways(session: Session, item: CustodyItem, found: Found) -> Iterable[ColumnElement[bool]]:
    """Each is a question to one index."""
    names = set(found.texts) | {word for text in found.texts for word in text.split()}
    yield PaymentRequest.reference.in_([*names, found.reference or ""])
    yield PaymentRequest.payment_sign.in_([*names, found.payment_sign or ""])
    yield item.open_cents == OPEN
    named = or_(
        Payment.id.in_(found.texts),
        (Payment.account_id == item.account) & Payment.provider_reference.in_(found.texts),
    )
    begins = datetime.combine(found.day, time(), _zone(session, item.tenant_id))
    then = (Payment.amount_cents == item.open_cents) & Payment.started_at.between(
        begins, begins + timedelta(days=1)
    )
    for about in (named, then):
        query = select(Payment.request_id).where(Payment.tenant_id == item.tenant_id, about)
        yield PaymentRequest.id.in_(session.scalars(query.limit(MOST_LOOKED_AT)).all())


def _candidates(session: Session, rows: Sequence[PaymentRequest]) -> list[Candidate]:
    """The requests with all that was ever printed of them and paid on them."""
    ids = [row.id for row in rows]
    tenants = {row.tenant_id for row in rows}
    payments = defaultdict[int, list[Payment]](list)
    printed = defaultdict[int, set[int]](set)
    mine = Payment.tenant_id.in_(tenants) & Payment.request_id.in_(ids)
    for payment in session.scalars(select(Payment).where(mine)):
        payments[payment.request_id].append(payment)
    versions = select(RequestVersion.request_id, RequestVersion.amount_cents).where(
        RequestVersion.tenant_id.in_(tenants), RequestVersion.request_id.in_(ids)
    )
    for request_id, cents in session.execute(versions):
        printed[request_id].add(cents)
    return [
        _candidate(row, payments[row.id], printed[row.id], _zone(session, row.tenant_id))
        for row in rows
    ]


def _candidate(
    row: PaymentRequest, payments: Sequence[Payment], printed: set[int], zone: ZoneInfo
) -> Candidate:
    names = {each.id for each in payments} | {each.provider_reference or "" for each in payments}
    return Candidate(
        row.reference,
        row.open,
        row.payment_sign,
        row.content.get("debtor"),
        row.due_on,
        frozenset(printed),
        frozenset((each.started_at.astimezone(zone).date(), each.account_id) for each in payments),
        frozenset(names - {""}),
    )


def _zone(session: Session, tenant_id: str) -> ZoneInfo:
    return ZoneInfo(session.get_one(Tenant, tenant_id).time_zone)
