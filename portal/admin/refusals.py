"""What the cores refuse, in a sentence for the clerk: by its code."""

from collections.abc import Mapping

from portal.admin.tasks.doing import Unfit
from portal.errors import PortalError
from portal.web.language import gettext
from portal.words import N_

SENTENCES: Mapping[str, str] = {
    "order_missing": N_("Please give the number of the order, in up to 64 signs."),
    "reason_missing": N_("Please give the number of the order, in up to 140 signs."),
    "document_missing": N_("Please give the number of the document, in up to 64 signs."),
    "approval_waits": N_("It waits for its second person already."),
    "order_used": N_("This order stands for another refund of the same payment."),
    "not_refundable": N_("So much is not left of the payment any more."),
    "refunds_not_offered": N_(
        "This provider sends nothing back. The town has to do it from its own account."
    ),
    "not_returnable": N_(
        "The provider gave this money no name of its own, or nothing of it is left: it cannot be"
        " sent back. Give it to a request, or have it kept."
    ),
    "custody_promised": N_("Whether it goes back is not decided yet. Please decide that first."),
    "item_changed": N_("Nothing of this item is open any more."),
    "item_not_found": N_("This item is not there."),
    "request_not_found": N_("There is no request of this reference."),
    "not_assignable": N_("A request does not ask for so much, or so much is not left of the item."),
    "payment_not_unknown": N_("The end of this payment is known by now."),
    "not_parked": N_("This event is not stuck any more."),
    "already_taken": N_("This event was taken by now."),
    "already_booked": N_("This event is booked by now."),
    "not_refused": N_("This event is not refused any more."),
    "no_endpoint": N_("The town has no endpoint: its finance system reads the events itself."),
    "event_not_found": N_("There is no such event."),
    "no_settlement": N_("The provider does not list its settlement reports just now."),
}
FIELDS: Mapping[str, str] = {
    "order_missing": "order",
    "reason_missing": "order",
    "document_missing": "document",
    "order_used": "order",
    "approval_waits": "order",
}


def told(error: PortalError, otherwise: str) -> dict[str, str]:
    """The field that an error belongs beside (else ``otherwise``), and its sentence.

    What nobody expected goes on to the page of errors.
    """
    if isinstance(error, Unfit):
        return {error.field: str(error)}
    if error.code not in SENTENCES:
        raise error
    return {FIELDS.get(error.code, otherwise): gettext(SENTENCES[error.code])}
