"""How many letters are opened, and how many TANs are right, a day: numbers only, of nobody.

Looking changes nothing, and opening a link is looking. So what is seen is kept in the process, and
written down together with the next right TAN, at most every few seconds. What a process had not
written when it ended is lost: the numbers show where people give up, they are no books.
"""

import threading
import time
from collections import Counter
from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, transaction

PAUSE = 5.0  # seconds between two writings of one process: others wait for the same row


class Step(StrEnum):
    """A step on the way to paying. What comes behind the TAN is a payment, and has rows."""

    OPENED = "opened"
    TAN = "tan"


STEPS = ", ".join(f"'{step}'" for step in Step)


class DayCount(Base):
    """How often a step was taken in a town on a day."""

    __tablename__ = "day_counts"
    __table_args__ = (
        CheckConstraint(f"step IN ({STEPS})", name="step"),
        CheckConstraint("number > 0", name="number"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


_seen: Counter[tuple[str, date, Step]] = Counter()
_lock = threading.Lock()
_next = 0.0


def see(tenant_id: str, day: date, *steps: Step) -> None:
    """Keep in mind that each of these steps was taken once. It changes no row."""
    with _lock:
        _seen.update((tenant_id, day, step) for step in steps)


def write() -> None:
    """Write down what was seen, unless that was done a moment ago. A whole act."""
    global _next  # noqa: PLW0603 -- one tally a process
    with _lock:
        if not _seen or time.monotonic() < _next:
            return
        _next = time.monotonic() + PAUSE
        seen = sorted(_seen.items())
        _seen.clear()
    with transaction() as session:
        for (tenant_id, day, step), number in seen:
            row = insert(DayCount).values(
                tenant_id=tenant_id, day=day, step=step.value, number=number
            )
            session.execute(
                row.on_conflict_do_update(
                    index_elements=["tenant_id", "day", "step"],
                    set_={"number": DayCount.number + row.excluded.number},
                )
            )
