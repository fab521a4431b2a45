"""What a version of a request changed against the one before, in words."""

from collections.abc import Iterator
from datetime import date

from portal.admin.words import said
from portal.db import Json
from portal.money import Money
from portal.requests.models import RequestVersion
from portal.web import language
from portal.web.language import gettext
from portal.words import N_

WORDS = {
    "purpose": N_("Purpose"),
    "kind": N_("Kind"),
    "unit": N_("Unit"),
    "payment_sign": N_("Payment sign"),
    "language": N_("Language of the letter"),
}
DAYS = {"due_on": N_("Due on"), "payable_until": N_("Payable online until")}
WHOLE = {
    "items": N_("The items were changed."),
    "instalments": N_("The instalments were changed."),
    "replaces": N_("It replaces other requests."),
    "tan": N_("Whether the letter carries a TAN was changed."),
    "partial": N_("Whether parts may be paid was changed."),
}


def changes(old: RequestVersion, new: RequestVersion, currency: str) -> Iterator[str]:
    """Line by line; nothing of the contents where they were deleted after their time."""
    if old.amount_cents != new.amount_cents:
        amounts = (language.money(Money(row.amount_cents, currency)) for row in (old, new))
        yield _line(gettext("Amount"), *amounts)
    before, now = old.content, new.content
    for name in _changed(before, now) if before and now else ():
        if name in WHOLE:
            yield said(WHOLE, name)
        elif name in DAYS:
            yield _line(said(DAYS, name), _day(before.get(name)), _day(now.get(name)))
        else:
            pair = (str(content.get(name) or "–") for content in (before, now))
            yield _line(said(WORDS, name), *pair)


def _changed(old: Json, new: Json) -> list[str]:
    """The fields that differ, in the order in which they are told."""
    return [name for name in (*WORDS, *DAYS, *WHOLE) if old.get(name) != new.get(name)]


def _day(value: object) -> str:
    return language.day(date.fromisoformat(value)) if isinstance(value, str) else "–"


def _line(what: str, old: str, new: str) -> str:
    return f"{what}: {old} → {new}"
