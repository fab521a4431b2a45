"""What must hold of the books after every test: the portal's own invariants, all of them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from portal.proof import invariants

# For an engine that does nothing but check: a question is planned the first time it is asked. What
# was planned for a few rows must do for many, too: without loops inside loops.
PLANNED_ONCE: Mapping[str, Any] = {
    "prepare_threshold": 0,
    "options": "-c plan_cache_mode=force_generic_plan -c enable_nestloop=off -c jit=off",
}


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
