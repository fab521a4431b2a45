"""The desk: where one caller's requests are taken, one at a time or many, and answered.

Whatever way a line goes, the same row is written, the same note, and the same is answered.
"""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from portal import audit
from portal.db import Json
from portal.keys import Keyring
from portal.requests import answers, intake, register
from portal.requests.asked import Asked
from portal.requests.intake import Stored
from portal.requests.register import Standing

ACT = "request.put"
STATUS = {Stored.CREATED: 201, Stored.CHANGED: 200, Stored.SAME: 200}


@dataclass(frozen=True, slots=True)
class Put:
    """What became of one pushed request, what in it may tell of a person, and its short code.

    The code only where it was derived already. Never log it.
    """

    stored: Stored
    standing: Standing
    warnings: tuple[str, ...]
    code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Desk:
    """All that taking a caller's requests needs, and no HTTP."""

    keyring: Keyring
    tenant_id: str
    actor: str
    public_url: str

    def put(self, session: Session, reference: str, asked: Asked) -> Put:
        """Store one request and note who pushed it; raises what ``intake.put`` raises."""
        taken = intake.put(session, self.keyring, self.tenant_id, reference, asked)
        if taken.stored is not Stored.SAME:
            audit.note(session, self.tenant_id, self.actor, ACT, reference, noted(taken.stored))
        return Put(taken.stored, register.standing(taken.request), taken.warnings)

    def told(self, put: Put) -> tuple[int, Json]:
        """Status and members of the answer, with link and TAN. Never log them."""
        told = answers.members(put.standing, self.keyring, self.public_url, put.warnings, put.code)
        return STATUS[put.stored], told


def noted(stored: Stored) -> Json:
    """What the audit keeps of a push beside who, when and which reference."""
    return {"stored": stored.value}
