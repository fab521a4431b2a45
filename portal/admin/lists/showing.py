"""The lists of the admin view, each with its files: one table of columns serves all three."""

from typing import Any

from flask import Response, current_app, flash, redirect, request, send_file, stream_with_context
from flask import url_for as address
from flask.typing import ResponseReturnValue

from portal import audit, clock
from portal.admin import doors, gate
from portal.admin.frame import page
from portal.admin.lists import exporting, filters, reading, writing
from portal.admin.lists.columns import Listing
from portal.admin.lists.filters import Asked
from portal.admin.lists.of_events import EVENTS
from portal.admin.lists.of_money import CUSTODY_ITEMS, PAYOUTS, SUSPENSE_ITEMS
from portal.admin.lists.of_payments import PAYMENTS, REFUNDS
from portal.admin.lists.of_requests import REQUESTS
from portal.admin.lists.reading import Part
from portal.db import transaction
from portal.money import Money
from portal.staff.roles import Right
from portal.web import language
from portal.web.current import tenant
from portal.web.language import gettext

LISTS = (REQUESTS, PAYMENTS, REFUNDS, SUSPENSE_ITEMS, CUSTODY_ITEMS, EVENTS, PAYOUTS)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def on(path: str) -> list[Listing]:
    """The lists under an address."""
    return [listing for listing in LISTS if listing.path == path]


def url(listing: Listing, **values: Any) -> str:
    """The address of a list under these filters, written as fields send them."""
    told: dict[str, Any] = {name: _sent(value) for name, value in values.items()}
    if len(on(listing.path)) > 1:
        told["what"] = listing.name
    return address(f"admin.{listing.path}", **told)


def beside(path: str) -> list[tuple[str, str]]:
    """What stands under one entry of the menu: address and title of each."""
    found = [(url(each), gettext(each.title)) for each in on(path)]
    if path == SUSPENSE_ITEMS.path and gate.person().reach(Right.SEE).whole:
        found.append((address("admin.reserves_list"), gettext("Reserves")))
    return found if len(found) > 1 else []


def request_url(reference: str | None) -> str | None:
    """The page of a request; where it is not built in, its line in the list."""
    if reference is None:
        return None
    if "admin.request_page" in current_app.view_functions:
        return address("admin.request_page", reference=reference)
    return url(REQUESTS, reference=reference)


def _hang(path: str) -> None:
    def looked_at() -> ResponseReturnValue:
        return _list_page(_chosen(path))

    def taken_out() -> ResponseReturnValue:
        return _file(_chosen(path))

    looked_at.__name__, taken_out.__name__ = path, f"{path}_file"
    doors.get(f"/{path}", Right.SEE)(looked_at)
    doors.post(f"/{path}/file", Right.EXPORT)(taken_out)


for each in dict.fromkeys(listing.path for listing in LISTS):
    _hang(each)


def _chosen(path: str) -> Listing:
    found = on(path)
    asked = request.args.get("what", "")
    return next((listing for listing in found if listing.name == asked), found[0])


def _list_page(listing: Listing) -> ResponseReturnValue:
    asked = filters.read(listing, request.args)
    found = reading.Page((), None)
    if not asked.errors:
        found = reading.page(listing, asked.values, request.args.get("after", ""))
    rows = [
        (request_url(row._mapping["leads_to"]), writing.cells(listing.columns, row))
        for row in found.rows
    ]
    summed = "total" in request.args and not asked.errors
    return page(
        "admin/list.html",
        422 if asked.errors else 200,
        listing=listing,
        beside=beside(listing.path),
        fields=[(each, each.choices() if each.choices else None) for each in listing.filters],
        entered=asked.typed,
        errors=asked.errors,
        rows=rows,
        later="after" in request.args,
        onward=url(listing, **asked.typed, after=found.onward) if found.onward else None,
        first=url(listing, **asked.typed),
        totals=_totals(listing, asked) if summed else None,
        totals_url=url(listing, **asked.typed, total=1),
        file_url=_file_url(listing, asked) if gate.person().may(Right.EXPORT) else None,
    )


def _totals(listing: Listing, asked: Asked) -> list[tuple[str, str]]:
    """How many rows there are, and what the columns with amounts add up to."""
    money = [column for column in listing.columns if column.shape == "money"]
    parts = {"rows": Part()} | {column.name: Part({}, column.name) for column in money}
    found = reading.sums(listing, asked.values, parts).get((), {name: [] for name in parts})
    nothing = [reading.Sum(tenant().currency, 0, 0)]
    told = [(gettext("Rows"), str(sum(one.rows for one in found["rows"])))]
    for column in money:
        amounts = (Money(s.cents, s.currency) for s in found[column.name] or nothing)
        told.append((gettext(column.title), " + ".join(language.money(m) for m in amounts)))
    return told


def _file_url(listing: Listing, asked: Asked) -> str:
    told: dict[str, Any] = {**asked.typed, "what": listing.name}
    return address(f"admin.{listing.path}_file", **told)


def _file(listing: Listing) -> ResponseReturnValue:
    """What is filtered, as a file. Who took out what is noted before anything is sent."""
    asked = filters.read(listing, request.args)
    kind = request.form.get("format", "csv")
    back = url(listing, **asked.typed)
    if asked.errors or kind not in {"csv", "xlsx"}:
        return redirect(back, 303)
    if kind == "xlsx" and reading.is_longer(listing, asked.values, exporting.MOST_IN_A_SHEET):
        flash(gettext("These are more rows than an Excel file should hold. Please take the CSV."))
        return redirect(back, 303)
    who = gate.person()
    with transaction() as session:
        detail = {"format": kind, "filters": filters.noted(listing, asked)}
        audit.note(session, who.tenant_id, who.actor, "list.exported", listing.name, detail)
    name = f"{listing.name}-{clock.today(tenant().time_zone).isoformat()}.{kind}"
    rows, how = reading.everything(listing, asked.values), writing.manner()
    heads = exporting.headings(listing)
    if kind == "xlsx":
        book = exporting.as_xlsx(listing, heads, rows, how)
        return send_file(book, XLSX, as_attachment=True, download_name=name)
    lines = stream_with_context(exporting.as_csv(listing, heads, rows, how))
    answer = Response(lines, mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def _sent(value: Any) -> str:
    """A value as a filter's field sends it."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
