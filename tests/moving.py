"""Moving time while others read it."""

import os
from pathlib import Path


def move(clock: Path, text: str) -> None:
    """Write the clock's file in one step.

    Written in place it is empty for a moment, in which whoever reads it has the real time: a
    courier that notes then when it will come again comes in months.
    """
    aside = clock.with_name(f"{clock.name}.new")
    aside.write_text(text)
    os.replace(aside, clock)
