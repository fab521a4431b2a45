"""What a person types from a letter: three blocks that behave as one, and amounts."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import references
from portal.references import ALPHABET
from portal.requests import typed
from portal.requests.typed import Fault

CODE = "7F3K9QXM2B44"
codes = st.text(ALPHABET, min_size=11, max_size=11).map(references.with_check)


def test_the_examples_in_the_text_are_true() -> None:
    assert doctest.testmod(typed) == (0, 4)


@given(codes, st.integers(0, 12), st.integers(0, 12))
def test_a_code_is_read_however_it_is_spread_over_the_blocks(
    code: str, first: int, second: int
) -> None:
    start, end = sorted((first, second))
    read = typed.read([code[:start], code[start:end], code[end:]])
    assert (read.code, read.fault) == (code, None)
    assert read.blocks == (code[:4], code[4:8], code[8:])


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("whole", ["7f3k 9qxm 2b44", "7F3K-9QXM-2B44", " 7f3k.9qxm.2b44 "])
def test_the_whole_code_may_be_pasted_into_any_block(at: int, whole: str) -> None:
    blocks = ["", "", ""]
    blocks[at] = whole
    assert typed.read(blocks).code == CODE


def test_the_whole_code_pasted_beside_an_old_entry_wins() -> None:
    assert typed.read(["7F3K", CODE, ""]).code == CODE


@pytest.mark.parametrize(
    ("blocks", "fault"),
    [
        (["", "", ""], Fault("missing")),
        ([" ", "-", ""], Fault("missing")),
        (["7F3", "9QXM", "2B44"], Fault("short", 1, 1)),
        (["7F3K", "9Q", "2B44"], Fault("short", 2, 2)),
        (["7F3K", "9QXM", ""], Fault("short", 3, 4)),
        (["7F3K", "9QXMM", "2B44"], Fault("long", 2, 1)),
        (["7F3K", "9QXM", "2B4U"], Fault("sign", 3, sign="U")),
        (["7F3K", "9ÄXM", "2B44"], Fault("sign", 2, sign="Ä")),
        (["7F3K", "9QXM", "2B45"], Fault("check")),
        (["", "7F3K9QXM2B4", ""], Fault("short", 3, 1)),
        (["7F3K9QXM2B444", "", ""], Fault("long", 3, 1)),
    ],
)
def test_the_block_is_named_in_which_something_is_wrong(blocks: list[str], fault: Fault) -> None:
    read = typed.read(blocks)
    assert (read.code, read.fault) == ("", fault)


@given(codes, st.integers(0, 11), st.sampled_from(ALPHABET))
def test_a_wrong_character_is_said_of_the_whole_code(code: str, at: int, sign: str) -> None:
    wrong = code[:at] + sign + code[at + 1 :]
    fault = None if wrong == code else Fault("check")
    assert typed.read([wrong[:4], wrong[4:8], wrong[8:]]).fault == fault


def test_what_was_typed_is_kept_as_it_was_typed() -> None:
    assert typed.read(["7f3k", "9q", "2b44"]).blocks == ("7f3k", "9q", "2b44")


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("148,50", 14_850), ("148.50", 14_850), ("148", 14_800), ("148,-", 14_800),
        ("1.234,50 €", 123_450), ("1'234.50", 123_450), ("1’234,50", 123_450),
        ("1,234.50", 123_450), ("1 234,50 EUR", 123_450), ("EUR 1\u202f234,50", 123_450),
        ("€1,234.50", 123_450), ("1.234.567,89", 123_456_789), ("1.234", 123_400),
        ("١٤٨٫٥٠", 14_850), ("\u200f148,50\u00a0€", 14_850), ("0,05", 5),
        ("148,5", None), ("1,48,50", None), ("-148,50", None), ("148,50 PLN", None),
        ("", None), ("€", None), ("12.34.56", None), ("148;50", None), ("1e3", None),
    ],
)  # fmt: skip
def test_an_amount_is_read_in_every_spelling_of_it(text: str, cents: int | None) -> None:
    assert typed.cents(text) == cents


@pytest.mark.parametrize("text", ["4821 0733", "4821-0733", "٤٨٢١ ٠٧٣٣", "４８２１０７３３"])
def test_a_tan_is_read_in_every_script(text: str) -> None:
    assert typed.tan(text) == "48210733"


@pytest.mark.parametrize(
    ("text", "can"), [("4821 0733", True), ("148,50", True), ("4821 073x", False), ("-", False)]
)
def test_what_can_be_no_second_thing_is_said_before_it_costs_a_try(text: str, can: bool) -> None:
    assert typed.can_be_second(text) == can
