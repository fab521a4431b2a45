"""What must hold of the books after every test: the portal's own invariants, all of them."""

from functools import cache

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from portal.proof import invariants


def check(session: Session) -> None:
    """Raise for the rules that are broken, with the rows that break them.

    A session that has not begun yet is left so: who changes tables would wait for it for ever.
    """
    had_begun = session.in_transaction()
    asked = session.execute(_any_broken(), invariants.parameters()).one()
    is_broken = any(asked) or any(invariants.people(session))
    if not had_begun:
        session.rollback()
    if is_broken:
        raise AssertionError(invariants.broken(session))


@cache
def _any_broken() -> TextClause:
    """All rules in one question: forty of them cost more than many a test."""
    asked = ", ".join(f"EXISTS ({query})" for query in invariants.rules().values())
    return text(f"SELECT {asked}")
