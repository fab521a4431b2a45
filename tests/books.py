"""What must hold of the books after every test: the portal's own invariants, all of them."""

from sqlalchemy.orm import Session

from portal.proof import invariants


def check(session: Session) -> None:
    """Raise for the rules that are broken, with the rows that break them."""
    broken = invariants.broken(session)
    assert not broken, broken
