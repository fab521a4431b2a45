"""The events that the finance system is told, in a clerk's words."""

from collections.abc import Mapping

from portal.web.language import gettext
from portal.words import N_

EVENTS: Mapping[str, str] = {
    "citizen.asks": N_("question of a citizen"),
    "citizen.says_paid": N_("a citizen says to have paid"),
    "custody.assigned": N_("custody given to a request"),
    "custody.opened": N_("money taken into custody"),
    "custody.returned": N_("custody sent back"),
    "link.leaked": N_("link is of a leaked key"),
    "payment.pending": N_("payment under way"),
    "payment.reversed": N_("payment taken back"),
    "payment.succeeded": N_("payment"),
    "payout.announced": N_("settlement report"),
    "payout.arrived": N_("pay-out has arrived"),
    "payout.withdrawn": N_("settlement report taken back"),
    "refund.failed": N_("refund failed"),
    "refund.succeeded": N_("refund sent"),
    "request.changed": N_("request changed"),
    "request.expired": N_("request expired"),
    "request.replaced": N_("request replaced"),
    "request.rest_closed": N_("small rest waived"),
    "request.restored": N_("request restored"),
    "request.withdrawn": N_("request withdrawn"),
}


def told(code: str) -> str:
    """An event in words; one that the table does not know stands for itself."""
    return gettext(EVENTS[code]) if code in EVENTS else code
