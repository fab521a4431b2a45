"""The second person for what belongs to staff and settings: which acts there are, and who agrees.

An approval is listed and decided in one way, whatever it is about; ``ACTS`` says what to call. Only
one who may approve for the whole town agrees, and proves first to be it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from portal import clock
from portal.admin import doors, gate, proof
from portal.admin.frame import page, role
from portal.approvals.models import Approval
from portal.approvals.states import State
from portal.db import Json, db
from portal.errors import Conflict
from portal.faces import bank
from portal.keys import Keyring
from portal.payments import account_asking
from portal.retention import asking as retention
from portal.staff import directory_setting, granting, new_keys
from portal.staff.roles import Right, Role
from portal.web.current import keyring, tenant_id
from portal.web.language import gettext
from portal.words import N_

MOST = 100
Told = list[tuple[str, str]]
# Values as their forms call them.
NAMES = {
    "account_holder": N_("Account holder"),
    "provider": N_("Provider"),
    "merchant": N_("Merchant"),
    "live": N_("Real money"),
    "valid_from": N_("From"),
    "valid_until": N_("Until"),
    "retention_days": N_("Details of paid requests, days"),
    "books_years": N_("Books, years"),
    "voucher_years": N_("Vouchers, years"),
    "discharge_counts": N_("Only the discharge (Entlastung) begins the time"),
    "issuer": N_("Issuer"),
    "client_id": N_("Client"),
    "scope": N_("Scope"),
    "login_claim": N_("Claim with the login"),
    "groups_claim": N_("Claim with the groups"),
    "groups": N_("Groups and roles"),
}


@dataclass(frozen=True, slots=True)
class Act:
    """What may wait for a second person. ``tells`` makes lines of its facts, in words."""

    title: str
    approve: Callable[[Keyring, str, str, str], None]  # keys, tenant, subject, who
    refuse: Callable[[str, str, str], None]  # tenant, subject, who
    tells: Callable[[Json], Told]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One approval that waits, as the page shows it."""

    act: str
    subject: str
    title: str
    told: Told
    first: str
    asked_at: datetime
    own: bool


def _role(facts: Json) -> Told:
    told = [(gettext("Who"), facts["login"]), (gettext("Role"), role(Role(facts["role"])))]
    told += [(gettext("Unit"), facts["unit"])] if facts["unit"] else []
    return told + ([(gettext("Kind"), facts["kind"])] if facts["kind"] else [])


def _keys(facts: Json) -> Told:
    return [(gettext("Who"), facts["login"])]


def changes(facts: Json) -> Told:
    """Each value that becomes another: old and new."""
    was, becomes = facts.get("was") or {}, facts["becomes"]
    told = [
        (
            gettext(NAMES[name]) if name in NAMES else name.upper(),  # IBAN and BIC
            f"{_said(was.get(name))} → {_said(value)}",
        )
        for name, value in becomes.items()
        if was.get(name) != value
    ]
    return told + ([(gettext("Secret"), gettext("a new one"))] if facts.get("new_secret") else [])


ACTS: dict[str, Act] = {
    granting.ACT: Act(
        N_("A role"), lambda _, tenant, subject, by: granting.approve(tenant, subject, by),
        granting.refuse, _role,
    ),
    new_keys.ACT: Act(N_("New keys of an account"), new_keys.approve, new_keys.refuse, _keys),
    directory_setting.ACT: Act(
        N_("The directory in which staff sign in"),
        lambda keys, tenant, _, by: directory_setting.approve(keys, tenant, by),
        lambda tenant, _, by: directory_setting.refuse(tenant, by),
        changes,
    ),
    bank.ACT: Act(
        N_("The town's bank account"), lambda _, tenant, __, by: bank.approve(tenant, by),
        lambda tenant, _, by: bank.refuse(tenant, by), changes,
    ),
    account_asking.ACT: Act(
        N_("An account at a provider"), account_asking.approve, account_asking.refuse, changes
    ),
    retention.ACT: Act(
        N_("How long what is kept"), lambda _, tenant, __, by: retention.approve(tenant, by),
        lambda tenant, _, by: retention.refuse(tenant, by), changes,
    ),
}  # fmt: skip
# What to say when it cannot be done, by the error's code.
SENTENCES: Mapping[str, str] = {
    "same_person": N_("Who asked for it, or gains by it, cannot agree. It needs another person."),
    "already_decided": N_("Somebody else has decided this already."),
    "approval_expired": N_("Seven days are over. Please ask for it anew."),
    "approval_not_found": N_("This is not asked for any more."),
    "approval_waits": N_("This waits for its second person already."),
    "incompatible_roles": N_(
        "The two roles do not go together: nobody may both book and approve, or hold cash and"
        " approve."
    ),
    "has_role": N_("This person has the role already."),
    "account_ended": N_("This account has ended."),
    "of_the_directory": N_("Roles and keys of this person are the directory's."),
    "nothing_changes": N_("It is so already."),
    "changed_since": N_("It was changed since it was asked for. Please ask for it anew."),
}


def waiting(acts: frozenset[str] | None = None) -> list[Waiting]:
    """What waits in this town, the oldest first; all of our acts, or these."""
    mine, who = acts or frozenset(ACTS), gate.person()
    query = select(Approval).where(
        Approval.tenant_id == who.tenant_id,
        Approval.state == State.ASKED,
        Approval.act.in_(mine),
        Approval.expires_at > clock.now(),
    )
    return [
        Waiting(
            row.act, row.subject, gettext(ACTS[row.act].title), ACTS[row.act].tells(row.facts),
            row.first.partition(":")[2], row.asked_at, row.first == who.actor,
        )
        for row in db.session().scalars(query.order_by(Approval.asked_at).limit(MOST))
    ]  # fmt: skip


def may_agree() -> bool:
    """Whether this person may be the second one here: with the right for the whole town."""
    return gate.person().reach(Right.APPROVE).whole


def sentence(error: Conflict) -> str:
    """What to say of an error of ours."""
    return gettext(SENTENCES.get(error.code, N_("This cannot be done as things stand now.")))


@doors.get("/second-person", Right.SEE_SETTINGS)
def second_person() -> ResponseReturnValue:
    """What waits for a second person, of staff and settings."""
    return _page({})


@doors.post("/second-person", Right.SEE_SETTINGS)
def agree() -> ResponseReturnValue:
    """Agree or refuse; who asked may take it back."""
    act, subject = request.form.get("act", ""), request.form.get("subject", "")
    if act not in ACTS:
        gone = SENTENCES["approval_not_found"]
        return _page({"waiting": gettext(gone)}, 422)
    if not _may_decide(act, subject):
        gate.refuse(f"agree {act}")
    is_agreed = request.form.get("decision") == "approve"
    if is_agreed and (errors := proof.faults()):
        return _page(errors, 422)
    try:
        if is_agreed:
            ACTS[act].approve(keyring(), tenant_id(), subject, gate.person().actor)
        else:
            ACTS[act].refuse(tenant_id(), subject, gate.person().actor)
    except Conflict as error:
        return _page({"waiting": sentence(error)}, error.status)
    flash(gettext("Done.") if is_agreed else gettext("It stays as it was."))
    return redirect(url_for("admin.second_person"), 303)


def _may_decide(act: str, subject: str) -> bool:
    own = any(each.own and (each.act, each.subject) == (act, subject) for each in waiting())
    return may_agree() or (own and request.form.get("decision") != "approve")


def _page(errors: dict[str, str], status: int = 200) -> ResponseReturnValue:
    return page(
        "admin/second_person.html", status, errors=errors, waiting=waiting(), may_agree=may_agree()
    )


def _said(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(_said(each) for each in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_said(each)}" for name, each in value.items())
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return "–" if value in (None, "") else str(value)
