"""Named places where a test may make the program stumble.

``at("name")`` is a call of an empty function until a test arms it; production never does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_armed: dict[str, Callable[[], None]] = {}


def at(name: str) -> None:
    """Stumble here, if a test asked for it."""
    if _armed and (stumble := _armed.get(name)):
        stumble()


@contextmanager
def armed(name: str, stumble: Callable[[], None]) -> Iterator[None]:
    """Call ``stumble`` whenever the place ``name`` is passed, for as long as the block lasts."""
    _armed[name] = stumble
    try:
        yield
    finally:
        del _armed[name]
