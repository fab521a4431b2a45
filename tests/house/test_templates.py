"""Templates and catalogues as a whole: each is used, none trusts a text, none loses a value."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

HOUSE = Path(__file__).parents[2]
# Where Jinja looks, the innermost first.
FOLDERS = (
    HOUSE / "templates" / "letter", HOUSE / "templates", HOUSE / "sandbox" / "templates"
)  # fmt: skip
TEMPLATES = sorted({file for folder in FOLDERS for file in folder.rglob("*.html")})
CODE = sorted(
    file
    for room in ("portal", "office", "sandbox", "fakes")
    for file in (HOUSE / room).rglob("*.py")
)
CATALOGUES = sorted(HOUSE.glob("translations/*/LC_MESSAGES/messages.po"))
NAMED = re.compile(r"[\"']([\w/{}.-]+\.html)[\"']")
FOLDER_NAMED = re.compile(r"[\"']([\w/]+/)[\"'] ~")  # include "citizen/pages/" ~ page
# A text that is taken as markup; what a template itself writes ("<b>"|safe) may be.
TRUSTING = re.compile(r"(?<![\"'])\s*\|\s*safe\b|\bMarkup\(|autoescape\s+false", re.IGNORECASE)
VALUE = re.compile(r"%\(\w+\)[sd]")


def name(template: Path) -> str:
    """As the code names it."""
    folder = next(folder for folder in FOLDERS if folder in template.parents)
    return template.relative_to(folder).as_posix()


def forms(message: Message) -> list[str]:
    """What a message is translated to: one text, or one for each plural form."""
    return [message.string] if isinstance(message.string, str) else list(message.string)


def test_every_template_is_used() -> None:
    texts = [file.read_text("utf-8") for file in (*CODE, *TEMPLATES)]
    named = {found for text in texts for found in NAMED.findall(text)}
    folders = tuple({found for text in texts for found in FOLDER_NAMED.findall(text)})
    unused = {name(file) for file in TEMPLATES} - named
    assert {one for one in unused if not one.startswith(folders)} == set()


def test_every_template_that_is_named_is_there() -> None:
    named = {found for file in CODE for found in NAMED.findall(file.read_text("utf-8"))}
    known = {name(file) for file in TEMPLATES}
    assert {one for one in named if "{" not in one} - known == set()


@pytest.mark.parametrize("file", [*TEMPLATES, *CODE], ids=lambda f: str(f.relative_to(HOUSE)))
def test_no_text_is_trusted_as_markup(file: Path) -> None:
    assert TRUSTING.search(file.read_text("utf-8")) is None


@pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.parts[-3])
def test_a_translation_loses_no_value_and_makes_none_up(file: Path) -> None:
    with file.open("rb") as po:
        catalogue = read_po(po)
    for message in catalogue:
        asked = {message.id} if isinstance(message.id, str) else set(message.id)
        values = [set(VALUE.findall(one)) for one in asked]
        for text in filter(None, forms(message)) if message.id else ():
            assert set(VALUE.findall(text)) in values, message.id


@pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.parts[-3])
def test_a_translation_holds_no_markup(file: Path) -> None:
    with file.open("rb") as po:
        messages = [message for message in read_po(po) if message.id]
    for message in messages:
        assert not any(re.search(r"<\w|&\w+;", text or "") for text in forms(message))
