"""The people of the demo's first town: one for each role, made once, with keys that are kept.

So that everyone can try the admin view without an app at hand, ``./quitt demo code LOGIN`` says the
code that such an app would show. Nothing of the kind exists outside of the demo.
"""

import json
from typing import Any

import pyotp
from sqlalchemy.orm import Session

from portal import clock
from portal.keys import Keyring
from portal.staff import granting, members
from portal.staff.roles import Grant, Role

KEPT = "staff"
BY = "operator"

NAMES = {
    Role.VIEWER: "Vera Blick",
    Role.CLERK: "Klaus Buch",
    Role.APPROVER: "Anja Gegenzeichner",
    Role.CASHIER: "Karin Kasse",
    Role.TENANT_ADMIN: "Tom Einrichter",
    Role.AUDITOR: "Paula Prüfer",
    Role.OPERATOR: "Olaf Rechenzentrum",
}


def seed(session: Session, keyring: Keyring, tenant_id: str, kept: dict[str, str]) -> None:
    """Make the people if they are not there yet, and keep what they sign in with."""
    if KEPT in kept:
        return
    told = []
    for role, name in NAMES.items():
        login = role.value.replace("_", "-")
        member = members.add(session, tenant_id, login, name, BY)
        granting.give_at_the_machine(session, member, Grant(role), BY)
        keys = members.new_keys(session, keyring, member, BY)
        told.append(
            {
                "user": login,
                "password": keys.password,
                "totp_secret": keys.totp_secret,
                "role": role.value,
            }
        )
    kept[KEPT] = json.dumps(told)


def told(kept: dict[str, str]) -> list[dict[str, Any]]:
    """Who can sign in, and with what."""
    found: list[dict[str, Any]] = json.loads(kept[KEPT])
    return found


def code(secret: str) -> str:
    """What the authenticator app shows just now, by the demo's clock."""
    return pyotp.TOTP(secret).at(clock.now())
