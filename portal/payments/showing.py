"""What pages show of requests, payments and offers: plain values, in the reader's language."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db import Json
from portal.faces.fields import Written
from portal.money import Money
from portal.payments import confirmations
from portal.payments.history import History
from portal.payments.models import Payment, ProviderRule
from portal.payments.offers import NOT_ANY_MORE, SENTENCES, SINCE, Offers, Reason, Refusal
from portal.payments.parts import Payable
from portal.payments.start import offers_for
from portal.requests.models import PaymentRequest, RequestVersion
from portal.tenants import Kind
from portal.web import language
from portal.web.current import tenant

# What a town has no more, or not yet, is no choice: nobody who pays needs to read of it.
NOT_SHOWN = {Reason.ACCOUNT_CLOSED, Reason.NOT_YET, Reason.NO_LONGER}

Page = Callable[[str, PaymentRequest, Payment | None], ResponseReturnValue]


@dataclass(frozen=True, slots=True)
class ShownItem:
    """One line of what is asked."""

    label: str
    amount: Money


@dataclass(frozen=True, slots=True)
class ShownInstalment:
    """How much is due by which day."""

    on: date
    amount: Money


@dataclass(frozen=True, slots=True)
class ShownMove:
    """One line of what became of the money: paid, elsewhere, returning, refunded or taken_back.

    ``method`` is the provider's label; of what was paid elsewhere, how: transfer, cash and so on.
    """

    what: str
    amount: Money
    method: str
    on: date | None
    payment: str | None = None


@dataclass(frozen=True, slots=True)
class ShownMoves:
    """What became of a request's money, in the order in which it happened."""

    moves: list[ShownMove]
    surplus: Money
    online: bool

    def of(self, *what: str) -> list[ShownMove]:
        """The lines of these kinds."""
        return [move for move in self.moves if move.what in what]


@dataclass(frozen=True, slots=True)
class ShownPart:
    """What may be chosen to pay, and with which providers it can be paid."""

    which: str
    amount: Money
    methods: list[str]
    on: date | None = None
    later: bool = False


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """What is asked: ``amount`` is open, ``whole`` was asked, ``paid`` and ``waived`` are off."""

    amount: Money
    whole: Money
    paid: Money
    waived: Money
    purpose: str
    payment_sign: str
    due_on: date | None
    items: list[ShownItem]
    instalments: list[ShownInstalment]


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
    hint: Written
    fee_note: Written


@dataclass(frozen=True, slots=True)
class ShownRefusal:
    """A provider that cannot be chosen, and why."""

    label: str
    reason: str


def request(letter: PaymentRequest) -> ShownRequest:
    """A request, with what is still open as its amount."""
    return ShownRequest(
        amount=letter.open if letter.open else letter.amount,
        whole=letter.amount,
        paid=Money(letter.covered_cents, letter.currency),
        waived=Money(letter.closed_cents, letter.currency),
        purpose=letter.purpose,
        payment_sign=letter.payment_sign or letter.reference,
        due_on=letter.due_on,
        items=_items(letter.content, letter.currency),
        instalments=_instalments(letter.content, letter.currency),
    )


def paid_request(session: Session, row: Payment) -> ShownRequest:
    """What a payment was asked for, in the words of the version that was paid."""
    key = (row.tenant_id, row.request_id, row.request_version)
    version = session.get_one(RequestVersion, key)
    letter = session.get_one(PaymentRequest, (row.tenant_id, row.request_id))
    due_on = iso_day(version.content.get("due_on"))
    return ShownRequest(
        amount=row.amount,
        whole=Money(version.amount_cents, row.currency),
        paid=Money(letter.covered_cents, letter.currency),
        waived=Money(letter.closed_cents, letter.currency),
        purpose=version.content["purpose"],
        payment_sign=version.content.get("payment_sign") or letter.reference,
        due_on=due_on,
        items=_items(version.content, row.currency),
        instalments=_instalments(version.content, row.currency),
    )


def payment(row: Payment) -> ShownPayment:
    """A payment."""
    number = confirmations.number(row.id)
    return ShownPayment(row.amount, row.label, row.started_at, row.confirmed_at, number)


def moves(known: History) -> ShownMoves:
    """What became of a request's money."""
    by_id = {row.id: row for row in known.payments}
    found = [
        ShownMove("paid", row.amount, row.label, _day(row.confirmed_at), row.id)
        for row in known.payments
    ]
    found += [
        ShownMove(
            "elsewhere", Money(row.amount_cents, known.surplus.currency), row.how, row.paid_on
        )
        for row in known.elsewhere
    ]
    found += [
        ShownMove("refunded", row.amount, by_id[row.payment_id].label, _day(row.ended_at))
        for row in known.refunded
    ]
    found += [
        ShownMove("taken_back", row.away, by_id[str(row.payment_id)].label, _day(row.heard_at))
        for row in known.reversals
    ]
    found.sort(key=lambda move: move.on or date.max)
    found += [
        ShownMove("returning", row.amount, by_id[row.payment_id].label, None)
        for row in known.returning
    ]
    return ShownMoves(found, known.surplus, bool(known.payments))


def parts(session: Session, letter: PaymentRequest, now: Payable, channel: str) -> list[ShownPart]:
    """What may be chosen to pay: what is due, all, a part of one's own from the least on."""

    def methods(amount: Money) -> list[str]:
        return [offer.label for offer in offers_for(session, letter, channel, amount).offered]

    found = []
    if now.due:
        amount = now.due.amount
        found.append(ShownPart("due", amount, methods(amount), now.due.on, now.due.later))
    found.append(ShownPart("whole", now.whole, methods(now.whole)))
    if now.least:
        found.append(ShownPart("amount", now.least, methods(now.least)))
    return found


def offers(
    session: Session, found: Offers
) -> tuple[list[ShownOffer], list[ShownRefusal], int | None]:
    """What may be chosen, what may not, and the one to choose when there is only one."""
    offered = []
    for offer in found.offered:
        rule = session.get_one(ProviderRule, (tenant().id, offer.rule))
        hint = _written(rule.hint_de, rule.hint_en)
        fee_note = _written(rule.fee_note_de, rule.fee_note_en)
        offered.append(ShownOffer(offer.rule, offer.label, hint, fee_note))
    refused = [
        ShownRefusal(refusal.label, _sentence(refusal))
        for refusal in found.refused
        if refusal.reason not in NOT_SHOWN
    ]
    return offered, refused, offered[0].id if len(offered) == 1 else None


def why_not(refusal: Refusal | None) -> str:
    """Why what was chosen cannot be used; without a refusal it is no choice any more."""
    said = SINCE.get(refusal.reason, NOT_ANY_MORE) if refusal else NOT_ANY_MORE
    return language.gettext(said, method=refusal.label if refusal else "")


def sentence(session: Session, letter: PaymentRequest) -> Written:
    """What the law of its kind has the payer know, as that paying means to agree to a warning."""
    kind = session.get_one(Kind, (letter.tenant_id, letter.kind))
    return _written(kind.sentence_de, kind.sentence_en)


def _written(german: str, english: str) -> Written:
    """In the reader's language, else in the town's own, with the language that it is in."""
    said = {"de": german, "en": english}
    order = (language.spoken().tag, tenant().language, "de", "en")
    tag = next((each for each in order if said.get(each)), "de")
    return Written(said[tag], tag)


def _day(moment: datetime | None) -> date | None:
    return local_day(moment) if moment else None


def local_day(moment: datetime) -> date:
    """The day of a moment in the tenant's time zone."""
    return moment.astimezone(ZoneInfo(tenant().time_zone)).date()


def iso_day(text: object) -> date | None:
    """A day as stored in a request's content."""
    return date.fromisoformat(text) if isinstance(text, str) else None


def _items(content: Json, currency: str) -> list[ShownItem]:
    items = content.get("items", [])
    return [ShownItem(item["text"], Money(item["amount_cents"], currency)) for item in items]


def _instalments(content: Json, currency: str) -> list[ShownInstalment]:
    plan = sorted(content.get("instalments", []), key=lambda each: str(each["due_on"]))
    return [
        ShownInstalment(date.fromisoformat(each["due_on"]), Money(each["amount_cents"], currency))
        for each in plan
    ]


def _sentence(refusal: Refusal) -> str:
    sentence = SENTENCES[refusal.reason]
    limit = language.money(refusal.limit) if refusal.limit is not None else ""
    return language.gettext(sentence, method=refusal.label, limit=limit)
