"""Unclear money that goes back to where it came from: one person asks, another approves.

``sending`` has the provider send it, as it does with refunds. All that is open of an item goes
back; until that is decided the item is kept for it. No finance system orders it: staff only.
"""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.approvals import deciding
from portal.approvals.models import Approval
from portal.db import lock
from portal.errors import Conflict, NotFound
from portal.ledger import items
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments import accounts, staff
from portal.payments.models import ProviderReport
from portal.payments.record import Verdict, again
from portal.payments.refund_states import Event, State, step
from portal.payments.returned import CustodyReturn
from portal.providers import registry
from portal.providers.capabilities import Refunds
from portal.returns import return_booking
from portal.returns.refunds import NoRefunds

ACT = "custody.return"


class NoSuchReturn(NotFound):
    """Not there, or another tenant's."""

    code = "return_not_found"


class NotReturnable(Conflict):
    """Nothing is open of the item, or nobody knows by what it came."""

    code = "not_returnable"


def ask(tenant_id: str, item_id: int, order: str, by: str) -> str:
    """Ask for all that is open of an item to go back; the id. The same order is the same return.

    Raises ``NoSuchItem``, ``NotReturnable``, ``NoRefunds``, ``NotAPerson``, ``AskedBefore``,
    ``NoOrder``.
    """
    return again(lambda session: _ask(session, tenant_id, item_id, order, by))


def approve(tenant_id: str, return_id: str, by: str, number: int | None = None) -> None:
    """The second person approves; ``sending.submit`` sends it. Raises as ``deciding.approve``, and

    ``NotReturnable`` when so much is not open any more.
    """

    def act(session: Session) -> None:
        item, row = locked(session, tenant_id, return_id)
        deciding.approve(session, tenant_id, ACT, return_id, by, number)
        if item.open_cents != row.amount_cents:
            raise NotReturnable("So much of it is not open any more.")
        _approved(row)

    again(act)


def refuse(
    tenant_id: str, return_id: str, by: str, why: str = "", number: int | None = None
) -> None:
    """A person refuses it, or takes it back. Raises as ``deciding.refuse``."""

    def act(session: Session) -> None:
        item, row = locked(session, tenant_id, return_id)
        deciding.refuse(session, tenant_id, ACT, return_id, by, why, number)
        step(State(row.state), Event.REFUSED)
        return_booking.failed(session, item, row, Event.REFUSED)

    again(act)


def by_reference(
    session: Session, tenant_id: str, account_id: str, provider_reference: str
) -> CustodyReturn | None:
    """Our return of the provider's name."""
    return session.scalar(
        select(CustodyReturn).where(
            CustodyReturn.tenant_id == tenant_id,
            CustodyReturn.account_id == account_id,
            CustodyReturn.provider_reference == provider_reference,
        )
    )


def locked(session: Session, tenant_id: str, return_id: str) -> tuple[CustodyItem, CustodyReturn]:
    """A return and its item, the item locked first."""
    known = session.get(CustodyReturn, (tenant_id, return_id))
    if known is None:
        raise NoSuchReturn("There is no such return.")
    item = items.locked(session, CustodyItem, tenant_id, known.item_id)
    row = lock(session, CustodyReturn, tenant_id, return_id)
    assert row is not None  # noqa: S101 -- never deleted
    return item, row


def _ask(session: Session, tenant_id: str, item_id: int, order: str, by: str) -> str:
    if not deciding.is_person(by):
        raise deciding.NotAPerson("Only a person may ask for this.")
    item = items.locked(session, CustodyItem, tenant_id, item_id)
    known = _standing(session, item)
    if known is not None and _order(session, known) == order:
        return known.id
    if known is not None and known.state != State.SUCCEEDED:
        raise deciding.AskedBefore("It is to go back already, on another order.")
    if item.cause != "unclear" or item.account is None or not item.open_cents:
        raise NotReturnable("Nothing is open of it that fits no payment.")
    account = accounts.get(session, tenant_id, item.account)
    if not isinstance(registry.get(account.provider), Refunds):
        raise NoRefunds("This provider sends nothing back.")
    payment, reference = _came_by(session, item, account.id)
    row = CustodyReturn(
        tenant_id=tenant_id,
        id=secrets.token_hex(16),
        item_id=item.id,
        account_id=account.id,
        payment=payment,
        payment_reference=reference,
        amount_cents=item.open_cents,
        currency=item.currency,
        asked_at=clock.now(),
        state=State.REQUESTED,
    )
    session.add(row)
    facts = {"item": item.reference, "amount_cents": row.amount_cents, "currency": row.currency}
    # What went out of it before may have been one person's act, too: all of it counts.
    whole = Money(item.amount_cents, item.currency)
    wanted = deciding.Wanted(ACT, row.id, order, facts, whole)
    if deciding.ask(session, tenant_id, wanted, by).alone:
        _approved(row)
    staff.returned_anew(session, item, by)
    return row.id


def _approved(row: CustodyReturn) -> None:
    row.ask_at, row.state = clock.now(), step(State(row.state), Event.APPROVED)


def _standing(session: Session, item: CustodyItem) -> CustodyReturn | None:
    """The return of an item that has not failed; there is one at most."""
    return session.scalar(
        select(CustodyReturn).where(
            CustodyReturn.tenant_id == item.tenant_id,
            CustodyReturn.item_id == item.id,
            CustodyReturn.state != State.FAILED,
        )
    )


def _order(session: Session, row: CustodyReturn) -> str | None:
    query = select(Approval.order_number).where(
        Approval.tenant_id == row.tenant_id, Approval.act == ACT, Approval.subject == row.id
    )
    return session.scalar(query)


def _came_by(session: Session, item: CustodyItem, account_id: str) -> tuple[str, str]:
    """How the provider named what came: by the merchant's id, and by its own."""
    before = session.get(
        CustodyReturn, (item.tenant_id, item.reference.removeprefix("return-failed:"))
    )
    if before is not None:
        return before.payment, before.payment_reference
    name = item.reference.removeprefix(f"unclear:{account_id}:")
    told = session.scalars(
        select(ProviderReport.payment)
        .where(
            ProviderReport.tenant_id == item.tenant_id,
            ProviderReport.account_id == account_id,
            ProviderReport.provider_reference == name[:128],
            ProviderReport.currency == item.currency,
            ProviderReport.amount_cents == item.amount_cents,
            ProviderReport.verdict == Verdict.MISFIT,
        )
        .limit(1)
    ).first()
    if told is None:
        raise NotReturnable("The provider gave it no name of its own.")
    return told, name
