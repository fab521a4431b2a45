"""Tasks for staff (Aufgaben) of this room: what each is about, and what ends it.

All take a session. What is mended ends its task by itself; a person ends the others.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, literal, or_, select
from sqlalchemy.orm import Session

from portal import audit
from portal.db import Json
from portal.ledger.items import Place
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.money import Money
from portal.payments.models import Payment
from portal.payments.refund_states import Event, State
from portal.payments.returned import CustodyReturn, Refund, Reversal
from portal.providers.protocol import RefundReport
from portal.requests.models import PaymentRequest
from portal.worklist import writing
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask

BY_ITSELF = "payments"
ASKED = "asked for"  # why a proposal is over: if nothing comes of it, it is made again
# The others are a person's own doing.
A_TASK = frozenset({Event.FAILED, Event.NOT_LEFT, Event.NEVER_ARRIVED, Event.FOUND_NOT_MADE})


def payment_unknown(session: Session, payment: Payment, _: datetime) -> None:
    """Nobody can say what became of a payment, or what was said of it does not fit."""
    request = session.get_one(PaymentRequest, (payment.tenant_id, payment.request_id))
    detail = {"payment": payment.id, "account": payment.account_id, **_money(payment.amount)}
    writing.put(
        session,
        payment.tenant_id,
        Kind.PAYMENT_UNKNOWN,
        payment.id,
        reference=request.reference,
        detail=detail,
    )


def payment_known(session: Session, payment: Payment, _: datetime) -> None:
    """It was told, or decided, after all."""
    tenant_id, reason = payment.tenant_id, str(payment.state)
    writing.end(session, tenant_id, Kind.PAYMENT_UNKNOWN, payment.id, BY_ITSELF, reason)


def custody_unclear(
    session: Session, place: Place, item: int, amount: Money, provider_reference: str
) -> None:
    """Money came that fits no payment of ours."""
    detail = {"item": item, "account": place.account, "provider_reference": provider_reference}
    told = {**detail, **_money(amount)}
    writing.put(session, place.tenant_id, Kind.CUSTODY_UNCLEAR, str(item), detail=told)


def custody_ended(session: Session, item: CustodyItem | SuspenseItem, by: str) -> None:
    """Nothing of an item is open any more: its money was assigned, returned or kept; or, of a
    suspense item, it will not come.
    """
    if item.open_cents:
        return
    if isinstance(item, SuspenseItem):
        writing.end(session, item.tenant_id, Kind.SUSPENSE_OVERDUE, str(item.id), by, item.state)
        return
    if item.cause == "surplus":
        writing.end(session, item.tenant_id, *_proposed(item), by, item.state)
    if item.cause == "unclear":
        kind, subject = Kind.CUSTODY_UNCLEAR, str(item.id)
        writing.end(session, item.tenant_id, kind, subject, by, item.state)
        writing.end(session, item.tenant_id, Kind.REFUND_FAILED, _of_item(item), by, item.state)


def refund_proposed(session: Session, item: CustodyItem, parts: list[Json]) -> None:
    """Surplus that may go back by these payments: somebody asks for it, or decides otherwise."""
    detail, reference = _of_parts(item, parts), item.request_reference
    writing.put(session, item.tenant_id, *_proposed(item), reference=reference, detail=detail)


def refund_proposed_anew(session: Session, item: CustodyItem, parts: list[Json]) -> None:
    """Another amount may go back by now; nothing any more: then it is over."""
    if parts:
        writing.renew(session, item.tenant_id, *_proposed(item), _of_parts(item, parts))
    else:
        refund_asked(session, [item], BY_ITSELF)


def refund_asked(session: Session, items: Sequence[CustodyItem], by: str) -> None:
    """Somebody has asked for all of it to go back."""
    for item in items:
        writing.end(session, item.tenant_id, *_proposed(item), by, ASKED)


def proposal(item_id: Any) -> Any:
    """The subject of a proposal: of a row's number, or of the column."""
    return literal("surplus:") + cast(item_id, String)


def return_failed(session: Session, item: CustodyItem, row: CustodyReturn) -> None:
    """Unclear money that should have gone back did not, and is still open."""
    if row.failed_by in A_TASK and item.open_cents:
        detail = {"item": item.id, "refund": row.id, "account": row.account_id}
        told = {**detail, "cause": row.failed_by, **_money(row.amount)}
        writing.put(session, row.tenant_id, Kind.REFUND_FAILED, _of_item(item), detail=told)


def returned_anew(session: Session, item: CustodyItem, by: str) -> None:
    """It is ordered anew."""
    writing.end(session, item.tenant_id, Kind.REFUND_FAILED, _of_item(item), by, "ordered anew")


def returned_in_vain(session: Session, row: CustodyReturn, lost: Money) -> None:
    """Unclear money went back and had found its place meanwhile: it was booked as a loss."""
    detail = {"account": row.account_id, "refund": row.id, "item": row.item_id, **_money(lost)}
    subject = f"returned:{row.id}"
    writing.put(session, row.tenant_id, Kind.SETTLEMENT_DIFFERENCE, subject, detail=detail)


def refund_failed(session: Session, refund: Refund, reference: str) -> None:
    """Money that should have gone back did not: it is ordered anew, or sent by the town itself."""
    if refund.failed_by not in A_TASK:
        return
    detail = {"refund": refund.id, "payment": refund.payment_id, "order": refund.order_number}
    writing.put(
        session,
        refund.tenant_id,
        Kind.REFUND_FAILED,
        refund.id,
        reference=reference,
        detail={**detail, "cause": refund.failed_by, **_money(refund.amount)},
    )


def refund_silent(session: Session, row: Refund | CustodyReturn, *, can_be_asked: bool) -> None:
    """A provider is told no more, and never said a word, or not how it ended: people look it up.

    Without a name of its own for it not every provider can be asked.
    """
    cause = "silent" if can_be_asked else "not_asked"
    cause = "pending" if row.provider_reference else cause
    told = {"refund": row.id, "cause": cause, **_money(row.amount)}
    reference = None
    if isinstance(row, Refund):
        payment = session.get_one(Payment, (row.tenant_id, row.payment_id))
        request = session.get_one(PaymentRequest, (row.tenant_id, payment.request_id))
        reference = request.reference
        told |= {"payment": row.payment_id, "order": row.order_number}
    else:
        told |= {"item": row.item_id, "account": row.account_id}
    subject = _of_row(row)
    writing.put(
        session, row.tenant_id, Kind.REFUND_FAILED, subject, reference=reference, detail=told
    )


def refund_heard(session: Session, row: Refund | CustodyReturn) -> None:
    """It said something after all."""
    refund_known(session, row, BY_ITSELF, "the provider said")


def refund_known(session: Session, row: Refund | CustodyReturn, by: str, why: str) -> None:
    """Whether it was made is known by now."""
    writing.end(session, row.tenant_id, Kind.REFUND_FAILED, _of_row(row), by, why)


def ordered_anew(session: Session, refund: Refund) -> None:
    """A refund stands for one of the same payment that failed: for that of the same order, else
    for the oldest of the same amount and reason.
    """
    of_task = (StaffTask.tenant_id == Refund.tenant_id) & (StaffTask.subject == Refund.id)
    same_order = Refund.order_number == refund.order_number
    alike = (Refund.amount_cents == refund.amount_cents) & (Refund.reason == refund.reason)
    failed = (
        select(Refund.id)
        .join(StaffTask, of_task)
        .where(
            Refund.tenant_id == refund.tenant_id,
            Refund.payment_id == refund.payment_id,
            Refund.state == State.FAILED,
            StaffTask.kind == Kind.REFUND_FAILED,
            StaffTask.ended_at.is_(None),
            or_(same_order, alike),
        )
        .order_by(same_order.desc(), StaffTask.opened_at, Refund.asked_at, Refund.id)
    )
    old = session.scalar(failed.limit(1))
    if old is not None:
        tenant_id, by = refund.tenant_id, refund.asked_by
        writing.end(session, tenant_id, Kind.REFUND_FAILED, old, by, "ordered anew")


def refund_of_nobody(
    session: Session, tenant_id: str, account_id: str, report: RefundReport
) -> None:
    """A provider sent money back that we did not order so."""
    name = f"refund:{account_id}:{report.provider_reference or report.refund}"
    detail = {"refund": report.refund, "payment": report.payment, **_money(report.amount)}
    told = {"account": account_id, "provider_reference": report.provider_reference, **detail}
    writing.put(session, tenant_id, Kind.SETTLEMENT_DIFFERENCE, name[:200], detail=told)


def reversal_of_nobody(session: Session, row: Reversal) -> None:
    """A bank took money back that fits no payment of ours: it was booked as a loss."""
    detail = {"account": row.account_id, "reversal": row.provider_reference, **_money(row.amount)}
    told = {**detail, "fee_cents": row.fee_cents}
    writing.put(session, row.tenant_id, Kind.SETTLEMENT_DIFFERENCE, _name(row), detail=told)


def reversal_won(session: Session, row: Reversal) -> None:
    """It came back."""
    tenant_id, subject = row.tenant_id, _name(row)
    writing.end(session, tenant_id, Kind.SETTLEMENT_DIFFERENCE, subject, BY_ITSELF, row.state)


def account_paused(
    session: Session, tenant_id: str, account_id: str, since: datetime, cause: str
) -> None:
    """An account's provider does not answer, or takes its key no more: no new payments are offered
    on it.
    """
    detail = {"account": account_id, "since": since.isoformat(), "cause": cause}
    writing.end(session, tenant_id, Kind.ACCOUNT_PAUSED, account_id, BY_ITSELF, "not so any more")
    writing.put(session, tenant_id, Kind.ACCOUNT_PAUSED, account_id, detail=detail)
    audit.note(session, tenant_id, BY_ITSELF, "account.paused", account_id)


def account_resumed(session: Session, tenant_id: str, account_id: str, why: str) -> None:
    """It answers again, or is over."""
    writing.end(session, tenant_id, Kind.ACCOUNT_PAUSED, account_id, BY_ITSELF, why)
    audit.note(session, tenant_id, BY_ITSELF, "account.resumed", account_id)


def _money(amount: Money) -> dict[str, object]:
    return {"amount_cents": amount.cents, "currency": amount.currency}


def _proposed(item: CustodyItem) -> tuple[Kind, str]:
    return Kind.REFUND_PROPOSED, f"surplus:{item.id}"


def _of_parts(item: CustodyItem, parts: list[Json]) -> Json:
    amount = Money(sum(part["amount_cents"] for part in parts), item.currency)
    return {"item": item.id, "payments": parts, **_money(amount)}


def _of_row(row: Refund | CustodyReturn) -> str:
    return row.id if isinstance(row, Refund) else f"custody:{row.item_id}"


def _of_item(item: CustodyItem) -> str:
    return f"custody:{item.id}"


def _name(row: Reversal) -> str:
    return f"reversal:{row.account_id}:{row.provider_reference}"
