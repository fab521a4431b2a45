"""Who somebody is, and what somebody asked for, as the pages of the admin view say it."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from portal.admin import changes, words
from portal.admin.approvals.second_person import ACTS
from portal.admin.frame import role as role_name
from portal.db import Json
from portal.money import Money
from portal.payments import confirmations
from portal.staff import members
from portal.staff.members import NoSuchMember
from portal.staff.roles import Role
from portal.web import language
from portal.web.current import tenant_id
from portal.web.language import gettext
from portal.words import N_

GONE = "~"  # what is past its time
PAYMENT = re.compile(r"[0-9a-f]{32}")
MACHINES: Mapping[str, str] = {
    "worker": N_("the portal itself"),
    "payments": N_("the portal itself"),
    "settlements": N_("the portal itself"),
    "operator": N_("who runs the portal"),
    "citizen": N_("the payer"),
    "stranger": N_("somebody who is not signed in"),
}
FACTS: Mapping[str, str] = {
    "amount_cents": N_("Amount"),
    "open_cents": N_("Open amount"),
    "up_to_cents": N_("One person is enough up to"),
    "reason": N_("Reason"),
    "payment": N_("Payment"),
    "item": N_("Item"),
    "login": N_("Login"),
    "role": N_("Role"),
    "unit": N_("Unit"),
    "kind": N_("Kind"),
    "act": N_("Act"),
    "why": N_("Reason given"),
    "order": N_("Order"),
    "account": N_("Provider account"),
    "request": N_("Request"),
    "parts": N_("For"),
    "day": N_("Day"),
    "differences": N_("Differences"),
    "called": N_("Which system it is"),
    "scopes": N_("May"),
}


def who(session: Session, actor: str) -> str:
    """Who it is: a colleague by name, the finance system, or the portal."""
    sort, _, name = actor.partition(":")
    if GONE in {actor, name}:
        return gettext("no longer kept")
    if sort == "staff":
        try:
            shown = members.by_login(session, tenant_id(), name).display
        except NoSuchMember:
            return name
        return shown if shown == name else f"{shown} ({name})"
    if sort == "client":
        return gettext("finance system (%(name)s)", name=name)
    if sort == "operator" and name:
        return gettext("who runs the portal (%(name)s)", name=name)
    return words.said(MACHINES, actor)


def facts(told: Json) -> list[tuple[str, str]]:
    """What somebody asked for, line by line: label and value."""
    if "becomes" in told:
        return changes.changes(told)
    found = []
    for key, value in told.items():
        text = "" if key == "currency" else _value(told, key, value)
        if text:
            found.append((words.said(FACTS, key), text))
    return found


def _value(told: Json, key: str, value: Any) -> str:
    if key == "up_to_cents" and value is None:
        return gettext("never: always two")
    if value is None or value == "":
        return ""
    if key == "differences":
        return "; ".join(_difference(each) for each in value)
    if key == "parts":
        return "; ".join(_part(each, told) for each in value)
    if key.endswith("_cents"):
        return language.money(Money(int(value), str(told.get("currency") or "EUR")))
    return SAID[key](str(value)) if key in SAID else str(value)


def _difference(told: Json) -> str:
    """An equation that does not hold: its number, of what, and by how much, as far as known."""
    currency = told["currency"]
    by = [language.money(Money(cents, currency)) for cents in told["cents"] if cents]
    return " ".join(filter(None, [told["equation"], told["part"], ", ".join(by)]))


def _part(part: Json, told: Json) -> str:
    """What a request gets of an item."""
    amount = Money(part["amount_cents"], told["currency"])
    return f"{part['request']}: {language.money(amount)}"


def _payment(name: str) -> str:
    """A payment of ours by the number of its confirmation."""
    return confirmations.number(name) if PAYMENT.fullmatch(name) else name


SAID: Mapping[str, Callable[[str], str]] = {
    "act": lambda code: gettext(ACTS[code].title) if code in ACTS else code,
    "day": lambda told: language.day(date.fromisoformat(told)),
    "payment": _payment,
    "reason": lambda code: words.said(words.REASON, code),
    "role": lambda code: role_name(Role(code)),
    "scopes": lambda told: ", ".join(words.said(words.SCOPES, each) for each in told.split()),
}
