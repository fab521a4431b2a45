"""What two people do: each act that may wait, what it is called, and who carries it out.

The one table of the admin view: what an approval's page offers is looked up here, so an act is
carried out by its own room's core and by nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from portal.approvals import rules
from portal.faces import addresses, bank
from portal.finance import asking as access
from portal.payments import account_asking, correcting
from portal.proof import closing as days
from portal.retention import asking as retention
from portal.returns import assigning, closing, custody_returns, looked_up, refunds
from portal.settlements import reserves
from portal.staff import directory_setting, granting, new_keys
from portal.staff.roles import Right
from portal.web.current import keyring
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


def _looked_up(act: str) -> tuple[Approve, Refuse]:
    def approve(tenant_id: str, subject: str, by: str, number: int) -> None:
        looked_up.approve(tenant_id, act, subject, by, number)

    def refuse(tenant_id: str, subject: str, by: str, why: str, number: int) -> None:
        looked_up.refuse(tenant_id, act, subject, by, why, number)

    return approve, refuse


def _whole(
    agree: Callable[[str, str, int], None], leave: Callable[[str, str, str, int], None]
) -> tuple[Approve, Refuse]:
    """An act whose only subject is the town."""
    return (
        lambda tenant_id, _, by, number: agree(tenant_id, by, number),
        lambda tenant_id, _, by, why, number: leave(tenant_id, by, why, number),
    )


def _access(act: str) -> Refuse:
    return lambda tenant_id, subject, by, why, number: access.refuse(
        tenant_id, act, subject, by, why, number
    )


def _of_account(subject: str) -> tuple[str, str]:
    account_id, _, currency = subject.rpartition(":")
    return account_id, currency


ACTS: Mapping[str, Act] = {
    refunds.ACT: Act(
        N_("Refund"),
        N_("The provider is told within a minute to send the money back."),
        refunds.approve,
        refunds.refuse,
    ),
    looked_up.MADE: Act(
        N_("Note a refund as made"),
        N_("It is booked as sent. Nothing is sent by this."),
        *_looked_up(looked_up.MADE),
    ),
    looked_up.NOT_MADE: Act(
        N_("Note a refund as not made"),
        N_("Its money is free again; a task says that it can be asked for anew."),
        *_looked_up(looked_up.NOT_MADE),
    ),
    assigning.ACT: Act(
        N_("Give money in custody to requests"),
        N_("Each request is covered by its part; what is left of the item stays in custody."),
        assigning.approve,
        assigning.refuse,
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
    new_keys.ACT: Act(
        N_("New keys of an account"),
        N_("You are shown one half of the keys on the person's page, once."),
        lambda tenant, login, by, number: new_keys.approve(keyring(), tenant, login, by, number),
        new_keys.refuse,
        Right.SEE_SETTINGS,
    ),
    directory_setting.ACT: Act(
        N_("The directory in which staff sign in"),
        N_("It counts at once. Whoever came through the directory must sign in again."),
        *_whole(
            lambda tenant, by, number: directory_setting.approve(keyring(), tenant, by, number),
            directory_setting.refuse,
        ),
        Right.SEE_SETTINGS,
    ),
    bank.ACT: Act(
        N_("The town's bank account"),
        N_("It stands on all pages from now on; letters that were printed keep the old one."),
        *_whole(bank.approve, bank.refuse),
        Right.SEE_SETTINGS,
    ),
    addresses.ACT: Act(
        N_("The addresses of the portal"),
        N_("They count at once. With another one in use all staff sign in there anew."),
        *_whole(addresses.approve, addresses.refuse),
        Right.SEE_SETTINGS,
    ),
    account_asking.ACT: Act(
        N_("An account at a provider"),
        N_("The account is as it was asked for from now on."),
        lambda tenant, account, by, number: account_asking.approve(
            keyring(), tenant, account, by, number
        ),
        account_asking.refuse,
        Right.SEE_SETTINGS,
    ),
    access.CLIENT: Act(
        N_("Access of a finance system"),
        N_("It may call the API from now on, with the key that was shown to who asked."),
        lambda tenant, client, by, number: access.approve_client(
            keyring(), tenant, client, by, number
        ),
        _access(access.CLIENT),
        Right.SEE_SETTINGS,
    ),
    access.KEY: Act(
        N_("Second key of a finance system"),
        N_("It is good beside the first one from now on."),
        lambda tenant, client, by, number: access.approve_key(
            keyring(), tenant, client, by, number
        ),
        _access(access.KEY),
        Right.SEE_SETTINGS,
    ),
    access.ENDPOINT: Act(
        N_("Where events go"),
        N_("All events go there from now on, signed with the new secret."),
        lambda tenant, _, by, number: access.approve_endpoint(keyring(), tenant, by, number),
        _access(access.ENDPOINT),
        Right.SEE_SETTINGS,
    ),
    retention.ACT: Act(
        N_("How long what is kept"),
        N_("It counts from the next night on: what is due by then is deleted."),
        *_whole(retention.approve, retention.refuse),
        Right.SEE_SETTINGS,
    ),
    days.ACT: Act(
        N_("Close a day with a difference"),
        N_("The day is closed with its difference and its reason."),
        days.approve,
        days.refuse,
    ),
    reserves.ACT: Act(
        N_("Close a reserve by order"),
        N_("So much of the reserve is booked as a loss."),
        lambda tenant, subject, by, number: reserves.approve(
            tenant, *_of_account(subject), by, number
        ),
        lambda tenant, subject, by, why, number: reserves.refuse(
            tenant, *_of_account(subject), by, why, number
        ),
    ),
}
