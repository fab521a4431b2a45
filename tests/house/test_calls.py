"""Every call for a payment goes through one door, where a provider's silence is counted."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PORTAL = Path(__file__).resolve().parents[2] / "portal"
COUNTED = {"start", "fetch", "cancel", "collect", "refund"}
FILES = [path for path in sorted(PORTAL.rglob("*.py")) if path.parent.name != "providers"]


def passed_by(source: str) -> Iterator[int]:
    """The lines in which an adapter is called by itself."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = ast.unparse(node.func.value)
            if node.func.attr in COUNTED and (of == "adapter" or of.startswith("registry.get(")):
                yield node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PORTAL).as_posix())
def test_no_call_for_a_payment_passes_the_door_by(path: Path) -> None:
    assert list(passed_by(path.read_text("utf-8"))) == [], "call it by portal.payments.calls.made"


def test_who_passes_it_by_is_seen() -> None:
    assert list(passed_by("registry.get(name).fetch(account, '', '')\nadapter.refund(a, b)")) == [
        1, 2
    ]  # fmt: skip
    assert list(passed_by("calls.made(adapter.start, account, order)\nregistry.get(name)")) == []
