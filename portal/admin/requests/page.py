"""One request on one page: what is asked, the link's state, the money, and all in one time line."""

from collections.abc import Sequence
from datetime import date

from flask import request as asked_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.admin import doors, gate, scope, words
from portal.admin.approvals import reach
from portal.admin.approvals.second_person import ACTS
from portal.admin.frame import page
from portal.admin.requests import acts, timeline
from portal.admin.requests import rows as request_rows
from portal.admin.requests.rows import Rows
from portal.admin.tasks import words as task_words
from portal.approvals.models import Approval
from portal.db import Json, db
from portal.finance.models import Endpoint
from portal.money import Money
from portal.payments.models import Payment
from portal.payments.states import UNDECIDED
from portal.requests import tan
from portal.requests.models import PaymentRequest, Tries
from portal.staff.roles import Right
from portal.tenants import Kind
from portal.web.language import gettext

OLDEST_FIRST = "oldest"


@doors.get("/requests/<reference>", Right.SEE)
def request_page(reference: str) -> ResponseReturnValue:
    """Never the link, the short code or the TAN: nobody of the town may pay in another's name."""
    session, found = db.session(), scope.request_of(reference, Right.SEE)
    rows = request_rows.of(session, found)
    moments = timeline.of(session, rows)
    oldest_first = asked_for.args.get("order") == OLDEST_FIRST
    return page(
        "admin/request.html",
        one=found,
        state=words.said(words.REQUEST, found.state),
        tone=words.tone(words.REQUEST, found.state),
        why=words.said(words.WITHDRAWN, found.withdrawn_reason or ""),
        figures=_figures(found),
        kind=session.get_one(Kind, (found.tenant_id, found.kind)).name,
        instalments=_instalments(found),
        unit=found.unit,
        claims=_claims(found),
        newer=_newer(session, found),
        older=_older(session, found),
        link=_link(session, found),
        payments=_payments(found, rows),
        moments=moments[::-1] if oldest_first else moments,
        oldest_first=oldest_first,
        acts=acts.offered(session, found),
        waiting=_waiting(session, found),
        tasks=[
            (task.number, task_words.title(task.kind), task_words.happened(task))
            for task in rows.told.tasks
            if task.ended_at is None
        ],
        may_send_again=gate.person().may(Right.SEND_AGAIN),
        has_endpoint=session.get(Endpoint, found.tenant_id) is not None,
    )


def _waiting(session: Session, found: PaymentRequest) -> list[tuple[int, str]]:
    """What was asked for about its money and waits for a second person: number and name."""
    query = select(Approval.id, Approval.act).where(
        Approval.tenant_id == found.tenant_id, Approval.state == "asked", reach.about(found)
    )
    return [
        (number, gettext(ACTS[act].title))
        for number, act in session.execute(query.order_by(Approval.id))
        if act in ACTS
    ]


def _figures(found: PaymentRequest) -> Json:
    currency = found.currency
    return {
        "asked": found.amount,
        "covered": Money(found.covered_cents, currency),
        "waived": Money(found.closed_cents, currency),
        "open": found.open,
    }


def _claims(found: PaymentRequest) -> Sequence[Json]:
    """The items as they were pushed, each with the finance system's claim behind it."""
    return [
        {"text": item["text"], "amount": Money(item["amount_cents"], found.currency),
         "claim": item.get("claim") or "–"}
        for item in found.content.get("items", ())
    ]  # fmt: skip


def _instalments(found: PaymentRequest) -> Sequence[tuple[date, Money]]:
    plan = sorted(found.content.get("instalments", ()), key=lambda each: str(each["due_on"]))
    return [
        (date.fromisoformat(each["due_on"]), Money(each["amount_cents"], found.currency))
        for each in plan
    ]


def _newer(session: Session, found: PaymentRequest) -> str | None:
    """The reference of what stands in its place, where this person may see that."""
    if found.replaced_by is None:
        return None
    return session.scalar(
        select(PaymentRequest.reference).where(
            PaymentRequest.tenant_id == found.tenant_id,
            PaymentRequest.id == found.replaced_by,
            scope.within(Right.SEE),
        )
    )


def _older(session: Session, found: PaymentRequest) -> Sequence[str]:
    """The references of those that it replaces, as far as this person may see them."""
    query = select(PaymentRequest.reference).where(
        PaymentRequest.tenant_id == found.tenant_id,
        PaymentRequest.reference.in_(found.content.get("replaces", ())),
        scope.within(Right.SEE),
    )
    return session.scalars(query.order_by(PaymentRequest.id)).all()


def _link(session: Session, found: PaymentRequest) -> Json:
    """The state of link and TAN, by versions and counters only."""
    tries = session.get(Tries, (found.tenant_id, found.id))
    lock = tan.is_locked(session, found)
    return {
        "purged": found.details_purged_at is not None,
        "version": found.link_version,
        "tan": found.tan_version if found.tan_required else None,
        "left": tan.tries_left(session, found),
        "of_life": tan.TRIES_IN_LIFE - (tries.in_life if tries else 0),
        "locked": lock is not None,
        "locked_until": lock.locked_until if lock else None,
    }


def _payments(found: PaymentRequest, rows: Rows) -> list[Json]:
    return [
        {
            "row": row,
            "number": timeline.payment_name(row.id),
            "state": words.said(words.PAYMENT, row.state),
            "tone": words.tone(words.PAYMENT, row.state),
            "back": Money(row.refunded_cents + row.reversed_cents, row.currency),
            **_offered(found, row),
        }
        for row in rows.money.payments
    ]


def _offered(found: PaymentRequest, row: Payment) -> Json:
    """Which acts this person may begin with a payment as it stands."""
    unit = found.unit
    changes, moves = (
        gate.person().reach(right).covers(unit, found.kind)
        for right in (Right.CHANGE_REQUEST, Right.MOVE_MONEY)
    )
    return {
        "may_ask": changes and row.state in {*UNDECIDED, "failed", "cancelled", "expired"},
        "may_refund": moves and row.state == "succeeded",
        "may_correct": moves and row.state == "unknown",
    }
