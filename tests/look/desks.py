"""The ways to the pages of the admin view: who sits there, and where it is.

What they show is made by ``tests.look.town``.
"""

from collections.abc import Mapping
from typing import Any

from tests.browser.citizen import Citizen
from tests.look import town
from tests.look.inside import seat
from tests.look.ways import Lead, Way, at

# Seen by other tests: a directory of the town, keys that are shown once, what a provider holds
# back (tests/admin).
SEEN_ELSEWHERE = {
    "directory_failed", "directory_leave", "directory_proved", "reserve_close", "settings_secret",
    "staff_keys",
}  # fmt: skip
# Pieces of pages, papers and mails.
NO_PAGES = {
    "layout", "macros", "staff_macros", "daily_paper",
}  # fmt: skip
SEND = "main form[method=post]:has(.kern-form-input) button[type=submit] >> nth=-1"


def sits(login: str, path: str, *then: str) -> Lead:
    """This person at this address, in which names of ``town`` stand; then clicks."""

    def lead(citizen: Citizen) -> None:
        citizen.page.context.add_cookies([seat(citizen.demo, login)])  # type: ignore[list-item]
        address = path.format_map(town.names(citizen.demo))
        citizen.page.goto(f"{citizen.demo.facts['portal']}/admin/{address}")
        for selector in then:
            citizen.page.click(selector)

    return lead


def clerk(path: str, *then: str) -> Lead:
    return sits("clerk", path, *then)


def approver(path: str, *then: str) -> Lead:
    return sits("approver", path, *then)


def admin(path: str, *then: str) -> Lead:
    return sits("tenant-admin", path, *then)


def auditor(path: str, *then: str) -> Lead:
    return sits("auditor", path, *then)


def searched(**fields: str) -> Lead:
    """The search, with what a caller knows."""

    def lead(citizen: Citizen) -> None:
        clerk("search")(citizen)
        known: Mapping[str, Any] = town.names(citizen.demo)
        for name, text in fields.items():
            citizen.page.fill(f"main [name={name}]", text.format_map(known))
        citizen.page.click(SEND)

    return lead


def left_empty(lead: Lead) -> Lead:
    """A form that is sent as it stands."""

    def empty(citizen: Citizen) -> None:
        lead(citizen)
        citizen.page.click(SEND)

    return empty


RULE = "main tr:has-text('PayPal') td a"
HISTORY = "requests/{reference}"

# fmt: off
DESKS: Mapping[str, Way] = {
    "desk sign in":        Way("sign_in", "Sign in to the administration", at("/admin/sign-in")),
    "desk sign in refused": Way("sign_in", "Sign in to the administration",
                               left_empty(at("/admin/sign-in"))),
    "desk signed out":     Way("signed_out", "You are signed out", at("/admin/signed-out")),
    "desk not there":      Way("error", "There is nothing here", clerk("nothing")),
    "desk account":        Way("account", "My access", left_empty(clerk("account"))),
    "desk overview":       Way("overview", "Overview", clerk("overview?period=month")),
    "desk requests":       Way("list", "Requests", clerk("requests?total=1")),
    "desk payments":       Way("list", "Payments", clerk("payments")),
    "desk refunds":        Way("list", "Refunds", clerk("refunds")),
    "desk suspense":       Way("list", "Suspense items", clerk("held")),
    "desk custody":        Way("list", "Custody items", clerk("held?what=custody")),
    "desk payouts":        Way("list", "Pay-outs", clerk("payouts")),
    "desk events":         Way("list", "Events", clerk("events")),
    "desk list wrong":     Way("list", "Payments", clerk("payments?amount=viel")),
    "desk search":         Way("search", "Search", clerk("search")),
    "desk search found":   Way("search", "Search", searched(amount="148,50", day="{yesterday}")),
    "desk search in vain": Way("search", "Search", searched(q="0815")),
    "desk request":        Way("request", "Request ", clerk(HISTORY)),
    "desk request act":    Way("request_act", "End online payment",
                               left_empty(clerk(f"{HISTORY}/withdraw"))),
    "desk request restore": Way("request_act", "Make payable online again",
                               clerk("requests/G-2026-004663/restore")),
    "desk refund":         Way("refund", "Refund", left_empty(
                               clerk(f"{HISTORY}/payments/{{twice}}/refund"))),
    "desk correct":        Way("correct", "Correct an unknown payment",
                               clerk("requests/{unknown_of}/payments/{unknown}/correct")),
    "desk tasks":          Way("tasks", "Tasks", clerk("tasks")),
    "desk task event":     Way("task", "Event that was not booked",
                               clerk("tasks/{tasks[event_refused]}")),
    "desk task unclear":   Way("task", "Unclear money", clerk("tasks/{tasks[custody_unclear]}")),
    "desk task act":       Way("task_act", "It was booked by hand", left_empty(
                               clerk("tasks/{tasks[event_refused]}/booked"))),
    "desk task return":    Way("task_act", "Send it back",
                               clerk("tasks/{tasks[custody_unclear]}/return")),
    "desk task assign":    Way("task_assign", "Give the money to requests", left_empty(
                               clerk("tasks/{tasks[custody_unclear]}/assign"))),
    "desk approvals":      Way("approvals", "Approvals", approver("approvals")),
    "desk approval":       Way("approval", "Refund", approver("approvals/{approvals[refund]}")),
    "desk approval of mine": Way("approval", "Refund", clerk("approvals/{approvals[refund]}")),
    "desk approval rules": Way("approval_rules", "One person or two", admin("approvals/rules")),
    "desk deliveries":     Way("deliveries", "Deliveries to the finance system",
                               clerk("deliveries?show=all")),
    "desk endpoint":       Way("endpoint", "Finance system", clerk("deliveries/endpoint")),
    "desk daily":          Way("daily", "Daily reconciliation",
                               clerk("reconciliation/{yesterday}")),
    "desk daily closed":   Way("daily", "Daily reconciliation", clerk("reconciliation/{first}")),
    "desk daily rows":     Way("daily_rows", "",
                               clerk("reconciliation/{yesterday}", ".sums a >> nth=0")),
    "desk open items":     Way("open_items", "Open items on ", clerk("open-items/{yesterday}")),
    "desk daily mail":     Way("daily_mail", "Daily mail", admin("daily-mail")),
    "desk audit":          Way("audit", "Audit", auditor("audit")),
    "desk audit checked":  Way("audit", "Audit",
                               auditor("audit", "form[action$='/audit/check'] button")),
    "desk rules":          Way("rules", "Rules for payment methods",
                               admin("rules?amount=812,00&kind=tax&channel=web")),
    "desk rule":           Way("rule", "Rule ", admin("rules", RULE)),
    "desk rule preview":   Way("rule_preview", "What changes", admin(
                               "rules", RULE, "main form[method=post] button >> nth=0")),
    "desk settings":       Way("settings", "Settings", admin("settings")),
    "desk face":           Way("settings_form", "", admin("settings/face")),
    "desk bank wrong":     Way("settings_form", "", left_empty(admin("settings/bank"))),
    "desk directory":      Way("settings_form", "", admin("settings/directory")),
    "desk networks":       Way("settings_form", "Networks", admin("settings/networks")),
    "desk new account":    Way("settings_form", "", left_empty(admin("settings/new-account"))),
    "desk texts":          Way("settings_texts", "Texts", admin("settings/texts")),
    "desk text":           Way("settings_form", "", admin("settings/texts/imprint_more")),
    "desk kinds":          Way("settings_kinds", "Kinds of request", admin("settings/kinds")),
    "desk kind":           Way("settings_form", "", admin("settings/kinds/tax")),
    "desk accounts":       Way("settings_accounts", "Accounts at providers",
                               admin("settings/accounts")),
    "desk clients":        Way("settings_clients", "Access of finance systems",
                               admin("settings/clients")),
    "desk destination":    Way("settings_form", "", admin("settings/endpoint")),
    "desk retention":      Way("settings_retention", "Retention", admin("settings/retention")),
    "desk addresses":      Way("settings_form", "", admin("settings/addresses")),
    "desk languages":      Way("settings_form", "", admin("settings/languages")),
    "desk deadlines":      Way("settings_form", "", admin("settings/deadlines")),
    "desk reserves":       Way("reserves", "", clerk("reserves")),
    "desk staff":          Way("staff", "Staff", admin("staff")),
    "desk member":         Way("staff_member", "", admin("staff/clerk")),
    "desk new person":     Way("staff_new", "Add a person", left_empty(admin("new-person"))),
}
# fmt: on
