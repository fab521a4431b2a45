"""What the docs show is what the code says."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_pictures_of_the_states_are_drawn_from_the_tables() -> None:
    spec = importlib.util.spec_from_file_location("states_drawn", DOCS / "states.py")
    assert spec is not None
    assert spec.loader is not None
    drawn = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawn)
    page = (DOCS / "states.md").read_text(encoding="utf-8")
    assert page == drawn.page(), "draw them again: python docs/states.py"
