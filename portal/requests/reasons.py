"""Why a person of the staff does something: a short note, kept for years, that names nobody."""

from portal.errors import Invalid
from portal.requests import persons

LONGEST_REASON = 140


class ReasonMissing(Invalid):
    """Who does it says why."""

    code = "reason_missing"


class PersonalData(Invalid):
    """Notes are kept for years and name nobody."""

    code = "personal_data"


WRONG = (ReasonMissing, PersonalData)


def checked(reason: str, longest: int = LONGEST_REASON) -> str:
    """The reason as it is noted. Raises ``ReasonMissing``, ``PersonalData``."""
    reason = reason.strip()
    if not 0 < len(reason) <= longest:
        raise ReasonMissing(f"Say why, in 1 to {longest} characters.")
    if what := persons.held(reason):
        raise PersonalData(f"The reason holds {what}: leave it out.")
    return reason
