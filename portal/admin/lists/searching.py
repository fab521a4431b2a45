"""One search box: one hit leads straight there. It is sent as a form, for it may hold a code."""

from flask import redirect, request
from flask.typing import ResponseReturnValue

from portal.admin import doors
from portal.admin.frame import page
from portal.admin.lists import filters, finding, showing, writing
from portal.admin.lists.columns import Field
from portal.admin.lists.finding import Hit
from portal.admin.lists.of_money import CUSTODY_ITEMS
from portal.admin.words import CUSTODY, PAYMENT, REQUEST
from portal.money import Money
from portal.payments import parts
from portal.staff.roles import Right
from portal.web.language import gettext

FIELDS = ("q", "amount", "day", "account")


@doors.get("/search", Right.SEE)
def search() -> ResponseReturnValue:
    return _answer({name: filters.plain(request.args.get(name, "")) for name in FIELDS})


@doors.post("/search", Right.SEE)
def find() -> ResponseReturnValue:
    return _answer({name: filters.plain(request.form.get(name, "")) for name in FIELDS})


def _answer(typed: dict[str, str]) -> ResponseReturnValue:
    asked = any(value.strip() for value in typed.values())
    hits, errors = _hits(typed) if asked else ([], {})
    to = {_leads_to(hit) for hit in hits}
    if len(to) == 1 and (only := to.pop()):
        return redirect(only, 303)
    if finding.is_secret(typed["q"]):
        typed = typed | {"q": ""}
    return page(
        "admin/search.html",
        422 if errors else 200,
        entered=typed,
        errors=errors,
        accounts=filters.accounts(),
        asked=asked and not errors,
        hits=[(_leads_to(hit), _told(hit)) for hit in hits],
        more=len(hits) >= finding.MOST,
    )


def _hits(typed: dict[str, str]) -> tuple[list[Hit], dict[str, str]]:
    if typed["q"].strip():
        return finding.by_words(typed["q"]), {}
    errors = {}
    day, cents = filters.read_day(typed["day"].strip()), parts.read(typed["amount"].strip())
    if cents is None or cents >= 2**63:
        errors["amount"] = gettext(filters.WRONG[Field.AMOUNT])
    if typed["day"].strip() and day is None:
        errors["day"] = gettext(filters.WRONG[Field.DAY])
    if errors or cents is None:
        return [], errors
    return finding.by_amount(cents, day, typed["account"].strip() or None), {}


def _leads_to(hit: Hit) -> str | None:
    if hit.item is not None:
        return showing.url(CUSTODY_ITEMS, item=hit.item.reference)
    return showing.request_url(hit.request.reference) if hit.request else None


def _told(hit: Hit) -> dict[str, object]:
    """A hit in one line: what it is, its state, its day and its amount."""
    if hit.item is not None:
        return {
            "name": hit.item.reference,
            "what": gettext("Custody item"),
            "state": CUSTODY.get(hit.item.state),
            "at": writing.short_moment(hit.item.opened_at),
            "amount": Money(hit.item.open_cents, hit.item.currency),
        }
    of = hit.payment or hit.request
    assert of is not None and hit.request is not None  # noqa: S101, PT018 -- a hit is one of them
    words = PAYMENT if hit.payment else REQUEST
    moment = hit.payment.started_at if hit.payment else hit.request.created_at
    return {
        "name": hit.request.reference,
        "what": gettext("Payment by %(account)s", account=hit.payment.account_id)
        if hit.payment
        else gettext("Request"),
        "state": words.get(of.state),
        "at": writing.short_moment(moment),
        "amount": of.amount,
    }
