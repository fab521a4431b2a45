"""New keys for a local account: never in one hand, for whoever has them is that person.

One asks, another person who may approve agrees. Then password and authenticator app are made, and
each of the two is shown one of them, once: the password to the one who asked, the app's secret to
the other. Together they hand them over; neither can sign in alone.
"""

from portal.approvals import deciding, sealed
from portal.approvals.deciding import Wanted
from portal.db import transaction
from portal.errors import Conflict
from portal.keys import Keyring
from portal.staff import members
from portal.staff.granting import AccountEnded, OfTheDirectory

ACT = "staff.keys"
PASSWORD, APP = "password", "app"


class OwnKeys(Conflict):
    """Whose keys they are is signed out when they are made, and could not read a half of them."""

    code = "own_keys"


def ask(tenant_id: str, login: str, by: str) -> None:
    """Ask for new keys; the old ones count until another person agrees. A whole act.

    Raises ``AccountEnded``, ``OfTheDirectory``, ``OwnKeys`` and what ``deciding.ask`` raises.
    """
    with transaction() as session:
        member = members.locked(session, tenant_id, login)
        _check(member.ended_at is not None, member.subject is not None)
        _check_others(by, member.actor)
        deciding.ask(session, tenant_id, Wanted(ACT, login, None, {"login": login}), by)


def approve(
    keyring: Keyring, tenant_id: str, login: str, by: str, number: int | None = None
) -> None:
    """The second person agrees: new keys are made, the old ones end. A whole act.

    Neither of the two may be the person whose keys they are.
    """
    with transaction() as session:
        approval = deciding.approve(session, tenant_id, ACT, login, by, number)
        member = members.locked(session, tenant_id, login)
        _check(member.ended_at is not None, member.subject is not None)
        if deciding.same(by, member.actor):
            raise deciding.SamePerson("Nobody approves his own keys.")
        _check_others(approval.first, member.actor)
        keys = members.new_keys(session, keyring, member, f"{approval.first} {by}")
        told = {PASSWORD: (keys.password, approval.first), APP: (keys.totp_secret, by)}
        for part, (secret, who) in told.items():
            sealed.put(session, keyring, approval, part, {"secret": secret}, who)


def refuse(tenant_id: str, login: str, by: str, why: str = "", number: int | None = None) -> None:
    """The old keys go on. A whole act."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, ACT, login, by, why, number)


def waiting_for(tenant_id: str, who: str) -> list[tuple[str, str]]:
    """(login, part) of what this person may be shown, once. A whole act."""
    with transaction() as session:
        return sealed.waiting_for(session, tenant_id, ACT, who)


def show(keyring: Keyring, tenant_id: str, login: str, who: str) -> tuple[str, str] | None:
    """(part, secret) for this person, who is shown it this once. A whole act."""
    with transaction() as session:
        found = sealed.show(session, keyring, tenant_id, ACT, login, who)
        return (found[0], found[1]["secret"]) if found else None


def _check_others(first: str, whose: str) -> None:
    if deciding.same(first, whose):
        raise OwnKeys("Somebody else has to ask for these keys.")


def _check(has_ended: bool, is_of_directory: bool) -> None:
    if has_ended:
        raise AccountEnded("The account has ended.")
    if is_of_directory:
        raise OfTheDirectory("This account signs in through the directory.")
