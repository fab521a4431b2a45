"""What somebody wants to change, for the second person: each value as it is, and as it would be."""

from portal.db import Json
from portal.web.language import gettext
from portal.words import N_

Told = list[tuple[str, str]]
# Values as their forms call them.
NAMES = {
    "account_holder": N_("Account holder"),
    "address": N_("Address in use"),
    "further": N_("Further addresses"),
    "url": N_("Address"),
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
    "scope": N_("OpenID scope"),
    "login_claim": N_("Claim with the login"),
    "groups_claim": N_("Claim with the groups"),
    "groups": N_("Groups and roles"),
}


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


def _said(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(_said(each) for each in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_said(each)}" for name, each in value.items())
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return "–" if value in (None, "") else str(value)
