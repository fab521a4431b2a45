"""Opening a letter: the acts behind the link, the typed code and the TAN."""

from dataclasses import dataclass
from enum import StrEnum

from portal.db import transaction
from portal.keys import Keyring
from portal.requests import grants, links, register, tan
from portal.requests.models import PaymentRequest
from portal.requests.tan import Checked, Verdict


class Refused(StrEnum):
    """Why a typed code and second thing open nothing. Which of the two was wrong is never said."""

    REFUSED = "refused"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Opened:
    """A letter that may be opened, or why not."""

    request: PaymentRequest | None
    refused: Refused | None = None
    checked: Checked | None = None


def by_code(keyring: Keyring, tenant_id: str, typed: str, second: str, visitor: str) -> Opened:
    """The typed path: a short code and the TAN, or the amount where the letter has no TAN."""
    with transaction() as session:
        request = links.find_by_short_code(session, keyring, tenant_id, typed)
        if request is None:
            return Opened(None, Refused.REFUSED)
        checked = tan.check(session, keyring, request, second)
        if checked.verdict is Verdict.LOCKED:
            return Opened(None, Refused.LOCKED, checked)
        if checked.verdict is Verdict.WRONG:
            return Opened(None, Refused.REFUSED, checked)
        grants.give(session, request, visitor)
        session.flush()
        session.expunge(request)
        return Opened(request)


def by_tan(keyring: Keyring, tenant_id: str, request_id: int, typed: str, visitor: str) -> Checked:
    """The TAN of a letter whose whole link was opened."""
    with transaction() as session:
        request = register.get(session, tenant_id, request_id)
        checked = tan.check(session, keyring, request, typed)
        if checked.verdict is Verdict.RIGHT:
            grants.give(session, request, visitor)
        return checked


def end(tenant_id: str, visitor: str) -> None:
    """The visitor is done."""
    with transaction() as session:
        grants.end(session, tenant_id, visitor)
