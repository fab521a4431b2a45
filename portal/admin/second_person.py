"""What two people do: each act that may wait, what it is called, and who carries it out.

The one table of the admin view: what an approval's page offers is looked up here, so an act is
carried out by its own room's core and by nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from portal.approvals import rules
from portal.payments import correcting
from portal.returns import closing, custody_returns, refunds
from portal.staff import granting
from portal.staff.roles import Right
from portal.words import N_

Approve = Callable[[str, str, str, int], None]  # tenant, subject, by, the approval's number
Refuse = Callable[[str, str, str, str, int], None]  # tenant, subject, by, why, number


@dataclass(frozen=True, slots=True)
class Act:
    """One sort of act, what the town hall calls it, and what its approval does.

    ``seen_by`` is the right of who may read of it beside the two people.
    """

    title: str
    effect: str
    approve: Approve
    refuse: Refuse
    seen_by: Right = Right.SEE


def _close(act: str) -> tuple[Approve, Refuse]:
    def approve(tenant_id: str, subject: str, by: str, number: int) -> None:
        closing.approve(tenant_id, act, int(subject), by, number)

    def refuse(tenant_id: str, subject: str, by: str, why: str, number: int) -> None:
        closing.refuse(tenant_id, act, int(subject), by, why, number)

    return approve, refuse


ACTS: Mapping[str, Act] = {
    refunds.ACT: Act(
        N_("Refund"),
        N_("The provider is told within a minute to send the money back."),
        refunds.approve,
        refunds.refuse,
    ),
    custody_returns.ACT: Act(
        N_("Send unclear money back"),
        N_("The provider is told within a minute to send the money back."),
        custody_returns.approve,
        custody_returns.refuse,
    ),
    closing.CUSTODY: Act(
        N_("Keep a custody item by order"),
        N_("The item is booked as income of the town and is closed."),
        *_close(closing.CUSTODY),
    ),
    closing.SUSPENSE: Act(
        N_("Close a suspense item by order"),
        N_("The item is booked as a loss and is closed."),
        *_close(closing.SUSPENSE),
    ),
    correcting.ACT: Act(
        N_("Correct an unknown payment"),
        N_(
            "The payment is called failed and the request can be paid again. Money that comes"
            " after all is booked as ever."
        ),
        correcting.approve,
        correcting.refuse,
    ),
    granting.ACT: Act(
        N_("Give a role"),
        N_("The person has the role from the next page on."),
        granting.approve,
        granting.refuse,
        Right.SEE_SETTINGS,
    ),
    rules.ACT: Act(
        N_("Change how many people an act needs"),
        N_("The rule counts for everything that is asked for from now on."),
        rules.approve,
        rules.refuse,
        Right.SEE_SETTINGS,
    ),
}
