"""Every language says all that a citizen reads; what only staff read is German and English."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from portal.web.language import LANGUAGES, Language

HOUSE = Path(__file__).parents[2]
STAFF = (
    "portal/admin/",
    "templates/admin/",
    "office/",
    "templates/office/",
    "templates/letter/",
    "templates/api/",
)
OTHERS = [language for code, language in LANGUAGES.items() if code not in {"de", "en"}]
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]")


def for_citizens() -> set[str]:
    """The sentences of the citizens' pages, by their singular."""
    return spoken(STAFF)


@cache
def spoken(without: tuple[str, ...]) -> set[str]:
    """The sentences of all files but these, by their singular."""
    with (HOUSE / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    return {
        message if isinstance(message, str) else message[0]
        for name, _, message, _, _ in extract_from_dir(HOUSE, methods, options)
        if not name.startswith(without)
    }


def catalogue(language: Language) -> Catalog:
    path = HOUSE / "translations" / language.folder / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        return read_po(file, locale=language.folder.partition("_")[0])


def forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


@pytest.mark.parametrize("language", OTHERS, ids=lambda language: language.code)
def test_a_language_says_all_that_a_citizen_reads(language: Language) -> None:
    said = {
        message.id if isinstance(message.id, str) else message.id[0]
        for message in catalogue(language)
        if message.id and not message.fuzzy and all(forms(message))
    }
    assert for_citizens() - said == set()


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=lambda language: language.code)
def test_no_catalogue_keeps_what_nobody_says_any_more(language: Language) -> None:
    kept = {
        message.id if isinstance(message.id, str) else message.id[0]
        for message in catalogue(language)
        if message.id
    }
    assert kept - spoken(()) == set()


@pytest.mark.parametrize("language", OTHERS, ids=lambda language: language.code)
def test_a_translation_names_the_same_values(language: Language) -> None:
    wrong = []
    for message in catalogue(language):
        asked = message.id if isinstance(message.id, str) else message.id[-1]
        for form in filter(None, forms(message)):
            named, wanted = set(PLACEHOLDER.findall(form)), set(PLACEHOLDER.findall(asked))
            # One of a plural's forms may do without its number.
            if named - wanted or (isinstance(message.id, str) and named != wanted):
                wrong.append(form)
    assert wrong == []
