"""What must hold of the books after every test: the portal's own invariants, all of them."""

from functools import cache

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from portal.proof import invariants


def check(session: Session) -> None:
    """Raise for the rules that are broken, with the rows that break them."""
    if any(session.execute(_any_broken(), invariants.PARAMETERS).one()) or any(
        invariants.people(session)
    ):
        session.rollback()
        raise AssertionError(invariants.broken(session))


@cache
def _any_broken() -> TextClause:
    """All rules in one question: forty of them cost more than many a test."""
    asked = ", ".join(f"EXISTS ({query})" for query in invariants.rules().values())
    return text(f"SELECT {asked}")
