"""How the office says things: amounts and days as people write them, and machine words as
sentences. The sentences are msgids; the catalogues hold the German.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import g
from flask_babel import format_currency, format_date, format_datetime, get_locale, gettext
from flask_babel import lazy_gettext as _l

from office.invoices import Refusal
from portal.money import Money

# fmt: off
REASONS: Mapping[str, Any] = {
    "empty_file":      _l("The file is empty."),
    "column_missing":  _l("These columns are missing. Nothing was imported."),
    "column_twice":    _l("These columns stand in the file twice. Nothing was imported."),
    "quotes":          _l("A quotation mark is not closed or stands in the wrong place."),
    "cells":           _l("The line has another number of fields than the first line."),
    "missing":         _l("The field is empty."),
    "kind":            _l("This kind is not in the town's list."),
    "twice":           _l("This document number stands in the file twice."),
    "amount":          _l("This is not an amount such as 1.234,56."),
    "amount_positive": _l("The amount must be more than zero."),
    "date":            _l("This is not a date such as 31.12.2026."),
    "instalments":     _l("These are not instalments such as 15.02.2027 75,00 / 15.05.2027 75,00."),
    "instalments_sum": _l("The instalments do not sum to the amount."),
    "too_long":        _l("The text is too long."),
    "characters":      _l("The line holds characters that cannot be read or printed."),
    "reference":       _l("A document number has 1 to 64 letters, digits, dots, dashes or _."),
    "word":            _l("This word is not known here."),
}

EVENTS: Mapping[str, Any] = {
    "payment.pending":    _l("A payment is under way."),
    "payment.succeeded":  _l("Paid online; the provider has the money."),
    "payment.reversed":   _l("A payment was taken back by the bank."),
    "refund.succeeded":   _l("Money was given back."),
    "refund.failed":      _l("Giving money back has failed."),
    "custody.opened":     _l("Money has come that belongs to no claim yet."),
    "custody.assigned":   _l("Money in custody was given to a claim."),
    "custody.returned":   _l("Money in custody was given back."),
    "payout.announced":   _l("The provider has announced a pay-out."),
    "payout.arrived":     _l("A pay-out has arrived on the bank account."),
    "payout.withdrawn":   _l("A pay-out was announced wrongly; its money is open again."),
    "reserve.closed":     _l("What a provider held back was closed by order."),
    "request.changed":    _l("The payment request has a new version."),
    "request.withdrawn":  _l("The payment request can no longer be paid online."),
    "request.restored":   _l("The payment request can be paid online again."),
    "request.expired":    _l("The last day for paying online is over."),
    "request.replaced":   _l("A newer letter has replaced the payment request."),
    "request.rest_closed": _l("A small rest was closed."),
    "citizen.says_paid":  _l("The citizen says that it is paid."),
    "citizen.asks":       _l("The citizen has a question."),
    "audit.anchored":     _l("Where the portal's audit chain ends; kept here, it shows a cut."),
    "unreadable":         _l("Something that this office cannot read."),
}

# What a citizen says or asks, by the words of citizen.says_paid and citizen.asks.
WAYS: Mapping[str, Any] = {
    "transfer": _l("by bank transfer"),
    "cash":     _l("in cash"),
    "debit":    _l("by direct debit"),
    "other":    _l("in another way"),
}
TOPICS: Mapping[str, Any] = {
    "purpose":     _l("What is this letter for?"),
    "amount":      _l("Is the amount right?"),
    "address":     _l("My name or my address is not right."),
    "instalments": _l("Can I pay in instalments?"),
    "twice":       _l("I got this letter twice."),
    "other":       _l("Something else"),
}

EVENT_STATES: Mapping[str, Any] = {
    "booked":     _l("booked"),
    "noted":      _l("noted"),
    "waiting":    _l("waits for its claim"),
    "by_hand":    _l("book by hand"),
    "unknown":    _l("unknown kind of event"),
    "unreadable": _l("cannot be read"),
}

STATES: Mapping[str, Any] = {
    "open":           _l("open"),
    "partly_cleared": _l("partly cleared"),
    "cleared":        _l("cleared"),
    "settled":        _l("settled"),
    "reversed":       _l("reversed"),
    "announced":      _l("announced"),
    "arrived":        _l("arrived"),
    "withdrawn":      _l("withdrawn"),
}

ACCOUNTS: Mapping[str, Any] = {
    "claims":      _l("Clearing account"),
    "suspense":    _l("Suspense account"),
    "transit":     _l("Money in transit"),
    "fees":        _l("Provider's fees"),
    "reserves":    _l("Held back by the provider"),
    "custody":     _l("Custody"),
    "bank":        _l("Bank account"),
    "differences": _l("Differences"),
}

LEFT_OUT: Mapping[str, Any] = {
    "not_pushed": _l("No letter: not pushed yet."),
    "changed":    _l("No letter: it has changed since the last push. Push first."),
    "refused":    _l("No letter: the portal has not taken it as it is now."),
    "paid":       _l("No letter: nothing is open any more."),
    "withdrawn":  _l("No letter: it was withdrawn at the portal."),
    "expired":    _l("No letter: the last day for paying online is over."),
    "replaced":   _l("No letter: a newer letter has taken its place at the portal."),
    "address":    _l("No letter: the address does not fit."),
}

# What the portal may answer to a pushed claim, by its codes; the rest is told by the code.
REFUSED: Mapping[str, Any] = {
    "unknown_kind":            _l("The portal does not know this kind."),
    "parts_not_allowed":       _l("Claims of this kind are not paid in parts."),
    "currency_changed":        _l("The currency of a claim cannot be changed."),
    "reference_used":          _l("This document number was used before."),
    "replaces_itself":         _l("A claim cannot replace itself."),
    "request_not_found":       _l("The claim that is to be replaced is not known to the portal."),
    "missing":                 _l("A value is missing."),
    "string_too_long":         _l("The text is too long."),
    "string_too_short":        _l("The text is too short."),
    "string_pattern_mismatch": _l("The text holds characters that the portal does not take."),
    "greater_than_equal":      _l("The value is too small."),
    "less_than_equal":         _l("The value is too large."),
    "too_large":               _l("The line is too long."),
    "personal_data":           _l(
        "The text holds an account, card or phone number, or an e-mail address."
    ),
}
PLACES: Mapping[str, str] = {
    "amount_cents": "Betrag", "kind": "Art", "purpose": "Zweck", "payment_sign": "Kassenzeichen",
    "unit": "Amt", "issued_on": "Datum", "due_on": "Faellig", "payable_until": "Zahlbar bis",
    "reference": "Belegnummer", "replaces": "Ersetzt", "language": "Sprache",
    "instalments": "Raten", "partial": "Teilzahlung ab",
}  # columns of the file, as its author knows them

CUSTODY: Mapping[str, Any] = {
    "surplus": _l("surplus"),
    "unclear": _l("unclear"),
}
# fmt: on


def money(amount: Money) -> str:
    """``148,50 €``."""
    return str(format_currency(Decimal(amount.cents).scaleb(-2), amount.currency))


def day(when: date) -> str:
    """``15. November 2026``: never in figures alone, which two countries read differently."""
    return str(format_date(when, "long"))


def moment(when: datetime) -> str:
    """``21.11.2026, 20:14``, in the town's time zone."""
    pattern = "dd.MM.y, HH:mm" if str(get_locale()) == "de" else "d MMM y, HH:mm"
    return str(format_datetime(when, pattern))


def blocks(text: str) -> str:
    """An IBAN or a TAN in blocks of four."""
    plain = text.replace(" ", "")
    return " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))


def _said(words: Mapping[str, Any]) -> Callable[[str], str]:
    return lambda word: str(words.get(word, word))


def account(name: str) -> str:
    """``Clearing account Steuer`` for ``claims:tax``, in the town's own word for the kind."""
    head, _, rest = name.partition(":")
    facts = g.get("town")
    kinds = {code: word for word, code in facts.kinds.items()} if facts else {}
    said = {"claims": kinds, "custody": CUSTODY}.get(head, {}).get(rest, rest)
    return f"{ACCOUNTS.get(head, head)} {said}".strip()


def refusal(refused: Refusal) -> str:
    """Why a line of a file was not taken."""
    column = f"{refused.column}: " if refused.column else ""
    value = f" ({refused.value})" if refused.value else ""
    return f"{column}{REASONS[refused.reason]}{value}"


def refused(codes: str) -> str:
    """Why the portal did not take a claim; ``codes`` as ``pushing`` keeps them."""
    return " ".join(_refused(*one.partition(" ")[::2]) for one in codes.split("; "))


def _refused(code: str, pointer: str) -> str:
    known = REFUSED.get(code)
    said = (
        str(known) if known else gettext("The portal refused the line (code %(code)s).", code=code)
    )
    place = PLACES.get(pointer.strip("/").partition("/")[0])
    return f"{place}: {said}" if place else said


def event(kind: str) -> str:
    """What an event says, in a sentence."""
    known = EVENTS.get(kind)
    return str(known) if known else gettext("The portal tells “%(kind)s”.", kind=kind)


def told(data: Mapping[str, Any]) -> str:
    """What a citizen said or asked; nothing of any other event."""
    topic, how = data.get("topic"), data.get("how")
    if isinstance(topic, str):
        return str(TOPICS.get(topic, topic))
    if not isinstance(how, str):
        return ""
    way, paid_on = str(WAYS.get(how, how)), data.get("paid_on")
    try:
        return f"{day(date.fromisoformat(str(paid_on)))}, {way}"
    except ValueError:
        return way


FILTERS: Mapping[str, Callable[[Any], str]] = {
    "money": money,
    "day": day,
    "moment": moment,
    "blocks": blocks,
    "state": _said(STATES),
    "event_state": _said(EVENT_STATES),
    "event": event,
    "told": told,
    "refused": refused,
    "account": account,
}
