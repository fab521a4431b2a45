"""What a task says: a name, what happened, and what to do."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from portal.admin.tasks.sentences import CAUSES, TITLES, TOPICS, WHY, WORDS
from portal.admin.words import EVENT, HOW, Words, said
from portal.db import Json
from portal.money import Money
from portal.returns.matching import Why
from portal.web import language
from portal.web.language import gettext
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask

NOTHING = "–"


def why(reasons: Iterable[Why]) -> str:
    """The reasons of a proposal, in words."""
    return "; ".join(gettext(WHY[reason]) for reason in reasons)


def title(kind: str) -> str:
    """The name of a kind."""
    return gettext(TITLES[Kind(kind)])


def happened(task: StaffTask) -> str:
    """One sentence in plain words."""
    return gettext(WORDS[variant(task)].happened, **_values(task))


def to_do(task: StaffTask) -> str:
    """What a person should do about it."""
    return gettext(WORDS[variant(task)].to_do)


def variant(task: StaffTask) -> str:
    """Which of the sentences of its kind fits."""
    find = VARIANTS.get(Kind(task.kind))
    sort = find(task.detail, task.subject) if find else ""
    name = f"{task.kind}.{sort}"
    return name if name in WORDS else task.kind


def money(detail: Json, name: str = "amount_cents") -> Money | None:
    """An amount that a task names."""
    cents = detail.get(name)
    return None if cents is None else Money(cents, detail.get("currency", "EUR"))


def _difference(detail: Json, subject: str) -> str:
    sort = subject.partition(":")[0]
    return "refused" if sort == "settlement" and "cause" in detail else sort


VARIANTS: Mapping[Kind, Callable[[Json, str], str]] = {
    Kind.SUSPENSE_OVERDUE: lambda detail, _: "owed" if detail["amount_cents"] < 0 else "",
    Kind.REFUND_FAILED: lambda detail, _: str(detail.get("cause", "")),
    Kind.SETTLEMENT_DIFFERENCE: _difference,
    Kind.SETTLEMENTS_MISSING: lambda _, subject: subject.partition(":")[0],
    Kind.ACCOUNT_PAUSED: lambda detail, _: str(detail.get("cause", "")),
    Kind.CITIZEN_NOTE: lambda detail, _: "says_paid" if "how" in detail else "",
}


def _values(task: StaffTask) -> dict[str, str]:
    """All that a sentence may name; what a task does not know is a dash."""
    detail = task.detail
    return {
        "amount": _amount(detail, "amount_cents"),
        "net": _signed(detail, "net_cents"),
        "expected": _signed(detail, "expected_cents"),
        "account": str(detail.get("account", NOTHING)),
        "settlement": str(detail.get("settlement", NOTHING)),
        "cause": _of(CAUSES, detail.get("cause")),
        "position": str(detail.get("position", NOTHING)),
        "event": _of(EVENT, detail.get("type")),
        "since": _moment(detail.get("since")),
        "labels": ", ".join(detail.get("labels", ())) or NOTHING,
        "last_day": _day(detail.get("last_day")),
        "gaps": "; ".join(_gap(gap) for gap in detail.get("left_without", ())),
        "wrong": str(detail.get("wrong", NOTHING)),
        "letters": str(detail.get("letters", NOTHING)),
        "rows": str(detail.get("rows", NOTHING)),
        "subject": task.subject,
        "topic": _of(TOPICS, detail.get("topic")),
        "how": _of(HOW, detail.get("how")),
        "paid_on": _day(detail.get("paid_on")),
    }


def _amount(detail: Json, name: str) -> str:
    """An amount without its sign: the sentence says which way it goes."""
    found = money(detail, name)
    return NOTHING if found is None else language.money(Money(abs(found.cents), found.currency))


def _signed(detail: Json, name: str) -> str:
    found = money(detail, name)
    return NOTHING if found is None else language.money(found)


def _of(table: Words, code: Any) -> str:
    return NOTHING if code is None else said(table, str(code))


def _moment(told: str | None) -> str:
    return NOTHING if told is None else language.moment(datetime.fromisoformat(told))


def _day(told: str | None) -> str:
    return NOTHING if told is None else language.day(date.fromisoformat(told))


def _gap(gap: Json) -> str:
    """What cannot be paid then: kinds, and from or up to which amount."""
    kinds, currency = ", ".join(gap["kinds"]), gap["currency"]
    least = language.money(Money(gap["least"], currency))
    if gap["most"] is None and gap["least"] == 1:
        return kinds
    if gap["most"] is None:
        return gettext("%(kinds)s from %(least)s", kinds=kinds, least=least)
    most = language.money(Money(gap["most"], currency))
    return gettext("%(kinds)s from %(least)s to %(most)s", kinds=kinds, least=least, most=most)
