"""Finding what a caller asks about, by whatever stands on the paper or the account statement.

Each way is one look into an index. What is out of a person's reach is not found.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, and_, or_, select

from portal import references
from portal.admin import gate, scope
from portal.admin.lists.filters import begins
from portal.db import db
from portal.ledger.models import CustodyItem
from portal.payments.models import Payment, ProviderAccount
from portal.payments.returned import Refund, Reversal
from portal.requests import links
from portal.requests.models import PaymentRequest
from portal.requests.typed import CODE_LENGTH
from portal.staff.roles import Right
from portal.web.current import keyring

MOST = 50  # of one way: more cannot be told apart by looking
R, P = PaymentRequest, Payment


@dataclass(frozen=True, slots=True)
class Hit:
    """A request that was found, or a payment of it, or an item that belongs to no request."""

    request: PaymentRequest | None
    payment: Payment | None = None
    item: CustodyItem | None = None


def by_words(typed: str) -> list[Hit]:
    """By reference, payment sign, short code, provider's reference or payment id."""
    words = typed.strip()
    ways: tuple[Callable[[str], list[Hit]], ...] = (
        _by_reference, _by_code, _by_payment, _by_payment_sign, _by_money_back, _by_item,
    )  # fmt: skip
    return next((found for way in ways if (found := way(words))), [])


def by_amount(cents: int, day: date | None, account: str | None) -> list[Hit]:
    """Payments of an amount, begun or paid on a day, by a provider account."""
    conditions = [P.amount_cents == cents]
    if day is not None:
        started = and_(P.started_at >= begins(day), P.started_at < begins(day + timedelta(days=1)))
        conditions.append(or_(P.effective_on == day, started))
    if account:
        conditions.append(P.account_id == account)
    return _payments(and_(*conditions))


def is_secret(typed: str) -> bool:
    """Whether it is a short code or a whole link's, which is not repeated on a page."""
    return bool(_code(typed))


def _code(typed: str) -> str:
    """The short code in what was typed: alone, or as the beginning of a personal link."""
    code = references.fold(typed.strip().rsplit("/", 1)[-1])
    if len(code) not in {CODE_LENGTH, links.CODE_LENGTH}:
        return ""
    code = code[:CODE_LENGTH]
    return code if references.is_valid(code) else ""


def _by_reference(typed: str) -> list[Hit]:
    return _requests(R.reference == typed)


def _by_payment_sign(typed: str) -> list[Hit]:
    return _requests(R.payment_sign == typed)


def _by_code(typed: str) -> list[Hit]:
    who, code = gate.person(), _code(typed)
    if not code:
        return []
    found = links.find_by_short_code(db.session(), keyring(), who.tenant_id, code)
    return _requests(R.id == found.id) if found else []


def _by_payment(typed: str) -> list[Hit]:
    """Our own id, or the provider's name of it."""
    named = and_(P.account_id.in_(_accounts()), P.provider_reference == typed)
    return _payments(P.id == typed.lower()) or _payments(named)


def _by_money_back(typed: str) -> list[Hit]:
    """A refund's or a reversal's name at the provider, or a refund's own."""
    mine = gate.person().tenant_id
    refunds = select(Refund.payment_id).where(
        Refund.tenant_id == mine, or_(Refund.provider_reference == typed, Refund.id == typed)
    )
    reversals = select(Reversal.payment_id).where(
        Reversal.tenant_id == mine,
        Reversal.account_id.in_(_accounts()),
        Reversal.provider_reference == typed,
    )
    return _payments(P.id.in_(refunds)) or _payments(P.id.in_(reversals))


def _by_item(typed: str) -> list[Hit]:
    """Unclear money, by the name that its provider gave it: of no request, so for the whole."""
    who = gate.person()
    if not who.reach(Right.SEE).whole:
        return []
    names = [typed, *(f"unclear:{account}:{typed}" for account in _accounts())]
    names.append(f"unclear:{typed}")
    query = select(CustodyItem).where(
        CustodyItem.tenant_id == who.tenant_id, CustodyItem.reference.in_(names)
    )
    return [Hit(None, item=item) for item in db.session.scalars(query.limit(MOST))]


def _requests(condition: ColumnElement[bool]) -> list[Hit]:
    query = select(R).where(
        R.tenant_id == gate.person().tenant_id, condition, scope.within(Right.SEE)
    )
    newest = query.order_by(R.created_at.desc(), R.id.desc()).limit(MOST)
    return [Hit(request) for request in db.session.scalars(newest)]


def _payments(condition: ColumnElement[bool]) -> list[Hit]:
    query = (
        select(R, P)
        .join(P, and_(P.tenant_id == R.tenant_id, P.request_id == R.id))
        .where(P.tenant_id == gate.person().tenant_id, condition, scope.within(Right.SEE))
        .order_by(P.started_at.desc(), P.id.desc())
        .limit(MOST)
    )
    return [Hit(request, payment) for request, payment in db.session.execute(query)]


def _accounts() -> list[str]:
    query = select(ProviderAccount.id).where(ProviderAccount.tenant_id == gate.person().tenant_id)
    return list(db.session.scalars(query))
