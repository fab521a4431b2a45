"""The handbook of the cash office names what is on the screen, by its name there."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from flask import Flask
from werkzeug.exceptions import NotFound

from portal.proof.figures import FIGURES
from portal.staff.roles import Role
from portal.worklist.kinds import Kind

HOUSE = Path(__file__).parents[2]
CATALOGUE = HOUSE / "translations/de/LC_MESSAGES/messages.po"
HANDBOOK = HOUSE / "docs/kasse/handbuch.md"
PAGES = sorted(HANDBOOK.parent.glob("*.md"))
QUOTED = re.compile(r"„([^“]+)“")
ADDRESS = re.compile(r"`(/(?:admin|receipt)[a-z/-]*)(?:…)?`")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@pytest.fixture(scope="module")
def words() -> frozenset[str]:
    """All that a page may say in German; what is filled in is left out."""
    with CATALOGUE.open("rb") as file:
        said = [message.string for message in read_po(file, locale="de")]
    texts = [text for each in said for text in ((each,) if isinstance(each, str) else each)]
    texts += [figure.german for figure in FIGURES.values()]
    return frozenset(re.sub(r"%\(\w+\)s", "", text).strip() for text in texts)


@each_page
def test_what_stands_in_quotes_is_said_by_a_page(page: Path, words: frozenset[str]) -> None:
    named = {" ".join(each.split()) for each in QUOTED.findall(page.read_text("utf-8"))}
    assert sorted(named - words) == []


@each_page
def test_every_address_is_there(app: Flask, page: Path) -> None:
    at_a_host = app.url_map.bind("localhost")
    for address in ADDRESS.findall(page.read_text("utf-8")):
        told = f"{address}K-1" if address.endswith("requests/") else address
        try:
            at_a_host.match(told, method="GET")
        except NotFound:
            pytest.fail(f"{page.name}: {address}")


def test_every_page_of_its_table_is_called_so_on_the_screen(words: frozenset[str]) -> None:
    for row in rows("Die Seiten"):
        named = (
            re.sub(r"\(`[^)]*\)", "", row[0]).removeprefix("eine ").replace(" und Verw", "§Verw")
        )
        for name in re.split(r",|§", named):
            assert name.strip() in words | {"Verwahrung"}, row[0]


def test_every_kind_of_task_and_every_role_is_explained(words: frozenset[str]) -> None:
    told = [code for row in rows("Aufgaben und was zu tun ist") for code in codes(row[0])]
    assert sorted(told) == sorted(Kind)
    roles = [row[0] for row in rows("Wer was darf")]
    assert len(roles) == len(Role)
    assert set(roles) <= words


def codes(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def rows(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, without its head."""
    text = HANDBOOK.read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert lines, heading
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
