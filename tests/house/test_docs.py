"""What the docs show is what the code says."""

import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import pytest

from portal.ledger import entries
from portal.ledger.entry import Entry

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def drawer(name: str) -> ModuleType:
    """A script of the docs, as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    drawn = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawn)
    return drawn


@pytest.mark.parametrize("name", ["states", "booking", "roles"])
def test_a_page_is_drawn_from_the_code(name: str) -> None:
    drawn = drawer(name)
    page = drawn.PAGE.read_text(encoding="utf-8")
    assert page == drawn.page(), f"draw it again: python docs/{name}.py"


def test_the_cash_office_reads_of_every_event_that_books() -> None:
    constructors = {
        name
        for name, made in inspect.getmembers(entries, inspect.isfunction)
        if not name.startswith("_")
        and made.__module__ == entries.__name__
        and get_type_hints(made).get("return") is Entry
    }
    told = {example.entry.reason for example in drawer("booking").EXAMPLES}
    assert told == constructors


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS.parent).as_posix())
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_decision_is_in_the_list() -> None:
    decisions = DOCS / "decisions"
    listed = LINK.findall((decisions / "README.md").read_text(encoding="utf-8"))
    pages = (page.name for page in decisions.glob("[0-9]*.md"))
    assert listed == sorted(pages, key=lambda name: int(name.partition("-")[0]))


def test_every_place_that_a_decision_names_is_there() -> None:
    for page in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        last = page.read_text(encoding="utf-8").rstrip().splitlines()[-1]
        assert last.startswith("Where: "), page.name
        for place in re.findall(r"`([^`]+)`", last):
            assert (DOCS.parent / place).exists(), f"{page.name}: {place}"
