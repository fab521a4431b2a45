"""Words of the time line: by whom a step came about, and the accounts of the book."""

from collections.abc import Mapping

from portal.admin.words import CAUSE, said
from portal.web.language import gettext
from portal.words import N_

# By whom a step of a payment came about.
SOURCES: Mapping[str, str] = {
    "start": N_("the payer"),
    "citizen": N_("the payer"),
    "return": N_("the provider, asked when the payer came back"),
    "notification": N_("the provider, by a notification"),
    "sweep": N_("the provider, asked by the portal"),
    "staff": N_("the provider, asked by a colleague"),
    "settlement": N_("the provider's settlement report"),
    "correction": N_("the staff, by a correction"),
}
ACCOUNTS: Mapping[str, str] = {
    "suspense": N_("suspense %(name)s"),
    "claims": N_("claims %(name)s"),
    "custody": N_("custody %(name)s"),
    "transit": N_("on the way to the bank %(name)s"),
    "reserves": N_("held back %(name)s"),
    "fees": N_("fees %(name)s"),
    "losses": N_("losses %(name)s"),
    "differences": N_("differences %(name)s"),
    "bank": N_("bank"),
    "elsewhere": N_("paid elsewhere"),
    "income": N_("income from surplus"),
}


def account(name: str) -> str:
    """An account of the book: ``suspense:card`` is the suspense of the account card."""
    sort, _, rest = name.partition(":")
    if sort == "custody":
        rest = said(CAUSE, rest)
    return gettext(ACCOUNTS[sort], name=rest) if sort in ACCOUNTS else name
