"""The fields of a town: what they take, what stays a placeholder, how their text is read."""

import pytest

from portal.faces import fields
from portal.faces.fields import FIELDS, Block, NotWritten, UnknownField, Written

NEEDED = {field.name for field in FIELDS.values() if field.needed}


def test_whatever_is_needed_and_not_said_is_a_placeholder() -> None:
    assert set(fields.missing([], {})) == NEEDED
    for name in NEEDED:
        assert fields.missing(NEEDED - {name}, {}) == [name]
    assert fields.missing(NEEDED, {"accessibility_state": "full"}) == []


@pytest.mark.parametrize("state", ["partial", "none"])
def test_who_is_not_accessible_in_full_must_say_what_is_missing(state: str) -> None:
    said = {"accessibility_state": state}
    assert fields.missing(NEEDED, said) == ["accessibility_barriers"]
    assert fields.missing(NEEDED | {"accessibility_barriers"}, said) == []


def test_every_placeholder_has_a_name_to_show() -> None:
    shown = [*NEEDED, "accessibility_barriers"]
    assert all(FIELDS[name].says for name in shown)


@pytest.mark.parametrize(
    ("name", "text", "because"),
    [
        ("accessibility_state", "perfect", "one of: full, partial, none"),
        ("accessibility_method", "FULL", "one of: self, other"),
        ("accessibility_made_on", "15.1.2026", "a day, as 2026-11-21"),
        ("hours", "x" * 201, "200 signs and has 201"),
        ("legal_form", "a\x00b", "nobody can read"),
    ],
)
def test_what_a_field_cannot_take_is_refused_with_the_reason(
    name: str, text: str, because: str
) -> None:
    with pytest.raises(NotWritten, match=because):
        fields.checked(name, text)


def test_a_field_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(UnknownField, match=r"represented_by, .*enforcement_body"):
        fields.checked("mayor", "x")


def test_a_text_is_headings_and_paragraphs_and_nothing_else() -> None:
    text = fields.checked("easy", "\r\n# One\r\nA. \r\nB.\r\n \r\n\r\n*C* <b>\r\n## D\r\n# E\r\n")
    assert Written(text, "de").blocks == [
        Block(True, ("One",)),
        Block(False, ("A.", "B.")),
        Block(False, ("*C* <b>", "## D")),
        Block(True, ("E",)),
    ]


@pytest.mark.parametrize(
    ("wanted", "text", "language"),
    [
        ("de", "Rathaus", "de"), ("en", "Town hall", "en"), ("tr", "Rathaus", "de"),
        ("de-simple", "Rathaus", "de"), ("ar", "Rathaus", "de"),
    ],
)  # fmt: skip
def test_a_text_that_is_not_translated_stays_german_and_says_so(
    wanted: str, text: str, language: str
) -> None:
    rows = [("contact", "de", "Rathaus"), ("contact", "en", "Town hall"), ("gone", "de", "x")]
    found = fields.in_language(rows, wanted, "de")
    assert list(found) == ["contact"]
    assert (found["contact"], found["contact"].language) == (text, language)


def test_simple_german_may_have_its_own_words() -> None:
    rows = [("contact", "de", "Rathaus"), ("contact", "de-simple", "Im Rathaus")]
    found = fields.in_language(rows, "de-simple", "de")["contact"]
    assert (found, found.language) == ("Im Rathaus", "de")
