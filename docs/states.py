"""Draws the states from their tables: ``python docs/states.py`` writes ``docs/states.md``.

The pictures are never drawn by hand; ``tests/house/test_docs.py`` holds them against the tables.
"""

import sys
from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

PAGE = Path(__file__).with_name("states.md")
sys.path.insert(0, str(PAGE.parent.parent))

from portal.approvals import states as approvals  # noqa: E402 -- the path comes first
from portal.payments import refund_states as refunds  # noqa: E402
from portal.payments import states as payments  # noqa: E402
from portal.requests import states as requests  # noqa: E402

HEAD = """# States
Drawn from the tables in the code by `python docs/states.py`. What changes nothing is left out.
"""


def picture(title: str, table: Mapping[tuple[StrEnum, StrEnum], StrEnum]) -> str:
    """A state diagram (Mermaid): one arrow for each pair of states, with its events."""
    arrows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (old, event), new in table.items():
        if new is not old:
            arrows[old.value, new.value].append(event.value)
    lines = [f"    {old} --> {new}: {', '.join(events)}" for (old, new), events in arrows.items()]
    return "\n".join([f"## {title}", "```mermaid", "stateDiagram-v2", *lines, "```", ""])


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            HEAD,
            picture("Payment request (portal/requests/states.py)", requests.TRANSITIONS),
            picture("Payment (portal/payments/states.py)", payments.TRANSITIONS),
            picture("Refund (portal/payments/refund_states.py)", refunds.TRANSITIONS),
            picture("Approval (portal/approvals/states.py)", approvals.TRANSITIONS),
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
