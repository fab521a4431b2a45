"""What a confirmation says, in the reader's language: on its page, on paper and by e-mail."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from email.headerregistry import Address
from itertools import accumulate
from typing import Any

from flask import render_template, url_for
from sqlalchemy.orm import Session

from portal import clock, references
from portal import mail as post
from portal.db import db
from portal.errors import Invalid
from portal.money import Money
from portal.payments import confirmations, mails, receipts, showing
from portal.payments.confirmations import Kept, Word
from portal.payments.models import Payment
from portal.payments.showing import ShownItem
from portal.printing import draw
from portal.requests.models import PaymentRequest, RequestVersion
from portal.requests.states import PAYABLE
from portal.web import language
from portal.web.current import keyring, public_url, settings, tenant, tenant_id
from portal.words import N_

ITEM_LINES, SIGNS_A_LINE = 5, 70  # on paper: more would not leave room for the rest of the page
FILE_NAMES = {"de": "Zahlungsbestaetigung"}  # ASCII: RFC 6266, section 4.3

# What the paper is called: nothing that went back, or was too much, gets a clean one.
TITLES = {
    Word.CONFIRMED: N_("Confirmation of payment"),
    Word.TOO_MUCH: N_("Confirmation of payment with an overpayment"),
    Word.TOO_LATE: N_("Statement on a payment that came too late"),
    Word.PARTLY_BACK: N_("Confirmation of a payment that partly went back"),
    Word.REFUNDED: N_("Statement on a refunded payment"),
    Word.TAKEN_BACK: N_("Statement on a payment that the bank took back"),
}


@dataclass(frozen=True, slots=True)
class ShownReceipt:
    """The check code in blocks, where it can be checked, and that place as it is read."""

    code: str
    url: str
    address: str


@dataclass(frozen=True, slots=True)
class ShownItems:
    """What was paid for, as far as the page has room; the rest as one sum."""

    items: list[ShownItem]
    more: int
    rest: Money


def told(letter: PaymentRequest, payment: Payment, handle: str) -> dict[str, Any]:
    """What the page ``citizen/confirmed.html`` needs."""
    session = db.session()
    names: dict[str, Any] = {"handle": handle, "payment_id": payment.id}
    return {
        **facts(session, letter, payment),
        "pdf_url": url_for("confirming.paper", **names),
        "mail_url": url_for("confirming.mail", **names) if can_mail(session, payment) else None,
        "status_url": url_for("payments.status", handle=handle),
    }


def facts(session: Session, letter: PaymentRequest, payment: Payment) -> dict[str, Any]:
    """What page, paper and mail tell of a confirmed payment."""
    kept = confirmations.kept(session, payment)
    asks = letter.state in PAYABLE and kept.word is not Word.TOO_LATE
    return {
        "payment": showing.payment(payment),
        "request": showing.paid_request(session, payment),
        "paid_on": paid_on(payment),
        "reference": letter.reference,
        "kept": kept,
        "title": language.gettext(TITLES[kept.word]),
        "open_amount": (letter.open or None) if asks else None,
        "receipt": receipt(payment),
    }


def can_mail(session: Session, payment: Payment) -> bool:
    """Whether one more mail of this payment may be ordered, and mail leaves at all."""
    ordered = mails.ordered(session, payment.tenant_id, payment.id)
    return post.post(settings()) is not None and ordered < mails.MOST


def receipt(payment: Payment) -> ShownReceipt:
    """The check code of a payment."""
    code = receipts.code(keyring().current, tenant_id(), payment.id)
    url = public_url() + url_for("confirming.receipt")
    return ShownReceipt(references.in_blocks(code), url, url.partition("://")[2])


def paid_on(payment: Payment) -> date | None:
    """The day of payment (Tag der Zahlung)."""
    confirmed = payment.confirmed_at
    return payment.effective_on or (showing.local_day(confirmed) if confirmed else None)


def paper(letter: PaymentRequest, payment: Payment) -> post.Paper:
    """The PDF as it stands now; raises ``Unavailable`` when nobody can draw it."""
    session = db.session()
    html = render_template(
        "confirmation.html",
        **facts(session, letter, payment),
        shown=items(session, payment),
        drawn_at=clock.now(),
    )
    name = FILE_NAMES.get(language.spoken().tag, "confirmation")
    number = confirmations.number(payment.id)
    session.rollback()  # drawing may take a moment, and needs no connection
    return post.Paper(f"{name}-{number}.pdf", draw(settings().print_socket, html))


def items(session: Session, payment: Payment) -> ShownItems | None:
    """The items of what was asked, where the payment was all of it and is still all there."""
    key = (payment.tenant_id, payment.request_id, payment.request_version)
    asked = session.get_one(RequestVersion, key)
    found = showing.paid_request(session, payment).items
    whole = asked.amount_cents == payment.amount_cents
    clean = confirmations.kept(session, payment).word is Word.CONFIRMED
    return _fitting(found, payment.currency) if whole and clean and len(found) > 1 else None


def _fitting(found: list[ShownItem], currency: str) -> ShownItems:
    """The first items, as many as there is room for, and the sum of the others. Pure."""
    lines = list(accumulate(-(-len(item.label) // SIGNS_A_LINE) for item in found))
    fit = bisect_right(lines, ITEM_LINES)
    listed, rest = found[:fit], found[fit:]
    return ShownItems(listed, len(rest), Money(sum(i.amount.cents for i in rest), currency))


def message(letter: PaymentRequest, payment: Payment, to: str, drawn: post.Paper) -> bytes:
    """The e-mail with the confirmation. Its subject names no amount."""
    way = post.post(settings())
    if way is None:
        raise Invalid("No mail server is set.")
    said = facts(db.session(), letter, payment)
    text = render_template("mail/confirmation.txt", **said)
    subject = f"{said['title']} {said['payment'].number}"
    words = post.Words(subject, text, language.spoken().tag)
    sender = Address(display_name=tenant().name, addr_spec=way.sender)
    return post.message(sender, _reply_to(), to, words, drawn)


def _reply_to() -> str:
    """The town's own address, where it is one."""
    try:
        return post.address(tenant().email)
    except post.NoAddress:
        return ""


def shown_kept(kept: Kept) -> list[tuple[str, Money]]:
    """The lines on what went back or was too much, in order; none for a clean payment."""
    lines = (
        (N_("Of it too much"), kept.surplus),
        (N_("Refunded"), kept.refunded),
        (N_("Taken back by the bank"), kept.taken_back),
        (N_("Refund on its way"), kept.on_its_way),
    )
    return [(language.gettext(name), amount) for name, amount in lines if amount]
