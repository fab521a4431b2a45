"""The page around the pages of the admin view: town, menu, who is signed in."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, render_template, request, url_for

from portal.admin import gate
from portal.staff.roles import Right, Role
from portal.staff.sittings import Person
from portal.web import language
from portal.web.language import gettext
from portal.words import N_


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu, for who has the right; ``whole``: in the whole town."""

    endpoint: str
    title: str
    right: Right | None = None
    whole: bool = False


# In the order in which a day in the town hall needs them.
MENU: tuple[Entry, ...] = (
    Entry("admin.overview", N_("Overview"), Right.SEE),
    Entry("admin.tasks", N_("Tasks"), Right.SEE),
    Entry("admin.approvals", N_("Approvals")),
    Entry("admin.search", N_("Search"), Right.SEE),
    Entry("admin.requests", N_("Requests"), Right.SEE),
    Entry("admin.payments", N_("Payments"), Right.SEE),
    Entry("admin.refunds", N_("Refunds"), Right.SEE),
    Entry("admin.held", N_("Suspense and custody"), Right.SEE),
    Entry("admin.payouts", N_("Pay-outs"), Right.SEE),
    Entry("admin.events", N_("Events"), Right.SEE),
    Entry("admin.deliveries", N_("Deliveries"), Right.SEE),
    Entry("admin.endpoint", N_("Finance system"), Right.SEND_AGAIN),
    Entry("admin.reconciliation", N_("Daily reconciliation"), Right.SEE, whole=True),
    Entry("admin.audit", N_("Audit"), Right.SEE_AUDIT),
    Entry("admin.rules", N_("Rules"), Right.SEE_SETTINGS),
    Entry("admin.settings", N_("Settings"), Right.SEE_SETTINGS),
    Entry("admin.daily_mail", N_("Daily mail"), Right.SEE_SETTINGS),
    Entry("admin.staff", N_("Staff"), Right.SEE_SETTINGS),
    Entry("admin.account", N_("My access")),
)
ROLES: Mapping[Role, str] = {
    Role.VIEWER: N_("Viewer"),
    Role.CLERK: N_("Clerk"),
    Role.APPROVER: N_("Approver"),
    Role.CASHIER: N_("Cashier"),
    Role.TENANT_ADMIN: N_("Town administrator"),
    Role.AUDITOR: N_("Auditor"),
    Role.OPERATOR: N_("Operator"),
}


def init_app(app: Flask) -> None:
    """Give the templates of the admin view what stands on each of its pages."""
    app.context_processor(_around)


def page(template: str, status: int = 200, **told: object) -> tuple[str, int]:
    """A page of the admin view."""
    return render_template(template, **told), status


def entries() -> list[Entry]:
    """The menu of who is signed in."""
    who = gate.signed_in()
    return [e for e in MENU if who and _open_to(who, e)]


def _open_to(who: Person, entry: Entry) -> bool:
    if entry.right is None:
        return True
    return who.may(entry.right) and (not entry.whole or who.reach(entry.right).whole)


def role(of: Role) -> str:
    """A role as the page says it."""
    return gettext(ROLES[of])


def _around() -> dict[str, object]:
    if request.blueprint != "admin":
        return {}
    return {
        "person": gate.signed_in(),
        "menu": [
            (url_for(each.endpoint), gettext(each.title), each.endpoint == request.endpoint)
            for each in entries()
        ],
        "staff_languages": language.choices(),
        "role_name": role,
    }
