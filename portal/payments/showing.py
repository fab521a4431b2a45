"""What pages show of requests, payments and offers: plain values, in the reader's language."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db import Json
from portal.money import Money
from portal.payments import confirmations
from portal.payments.models import Payment, ProviderRule
from portal.payments.offers import SENTENCES, Offers, Refusal
from portal.requests.models import PaymentRequest, RequestVersion
from portal.web import language
from portal.web.current import tenant

Page = Callable[[str, PaymentRequest, Payment | None], ResponseReturnValue]


@dataclass(frozen=True, slots=True)
class ShownItem:
    """One line of what is asked."""

    label: str
    amount: Money


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """What is asked."""

    amount: Money
    purpose: str
    payment_sign: str
    due_on: date | None
    items: list[ShownItem]


@dataclass(frozen=True, slots=True)
class ShownPayment:
    """One payment."""

    amount: Money
    method: str
    started_at: datetime
    confirmed_at: datetime | None
    number: str


@dataclass(frozen=True, slots=True)
class ShownOffer:
    """A provider to choose."""

    id: int
    label: str
    hint: str
    fee_note: str


@dataclass(frozen=True, slots=True)
class ShownRefusal:
    """A provider that cannot be chosen, and why."""

    label: str
    reason: str


def request(letter: PaymentRequest) -> ShownRequest:
    """A request, with what is still open as its amount."""
    return ShownRequest(
        amount=letter.open if letter.open else letter.amount,
        purpose=letter.purpose,
        payment_sign=letter.payment_sign or letter.reference,
        due_on=letter.due_on,
        items=_items(letter.content, letter.currency),
    )


def paid_request(session: Session, row: Payment) -> ShownRequest:
    """What a payment was asked for, in the words of the version that was paid."""
    key = (row.tenant_id, row.request_id, row.request_version)
    version = session.get_one(RequestVersion, key)
    letter = session.get_one(PaymentRequest, (row.tenant_id, row.request_id))
    due_on = iso_day(version.content.get("due_on"))
    return ShownRequest(
        amount=row.amount,
        purpose=version.content["purpose"],
        payment_sign=version.content.get("payment_sign") or letter.reference,
        due_on=due_on,
        items=_items(version.content, row.currency),
    )


def payment(row: Payment) -> ShownPayment:
    """A payment."""
    number = confirmations.number(row.id)
    return ShownPayment(row.amount, row.label, row.started_at, row.confirmed_at, number)


def offers(
    session: Session, found: Offers
) -> tuple[list[ShownOffer], list[ShownRefusal], int | None]:
    """What may be chosen, what may not, and the one to choose when there is only one."""
    offered = []
    for offer in found.offered:
        rule = session.get_one(ProviderRule, (tenant().id, offer.rule))
        german = language.spoken().tag == "de"
        hint = rule.hint_de if german else rule.hint_en
        fee_note = rule.fee_note_de if german else rule.fee_note_en
        offered.append(ShownOffer(offer.rule, offer.label, hint, fee_note))
    refused = [ShownRefusal(refusal.label, _sentence(refusal)) for refusal in found.refused]
    return offered, refused, offered[0].id if len(offered) == 1 else None


def local_day(moment: datetime) -> date:
    """The day of a moment in the tenant's time zone."""
    return moment.astimezone(ZoneInfo(tenant().time_zone)).date()


def iso_day(text: object) -> date | None:
    """A day as stored in a request's content."""
    return date.fromisoformat(text) if isinstance(text, str) else None


def _items(content: Json, currency: str) -> list[ShownItem]:
    items = content.get("items", [])
    return [ShownItem(item["text"], Money(item["amount_cents"], currency)) for item in items]


def _sentence(refusal: Refusal) -> str:
    sentence = SENTENCES[refusal.reason]
    if refusal.limit is None:
        return language.gettext(sentence)
    return language.gettext(sentence, limit=language.money(refusal.limit))
