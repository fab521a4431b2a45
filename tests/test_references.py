"""Codes that people type."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import references
from portal.references import ALPHABET, LONGEST, fold, is_valid, with_check

codes = st.text(ALPHABET, min_size=1, max_size=LONGEST - 1)
short_codes = st.text(ALPHABET, min_size=11, max_size=11)


def test_the_examples_in_the_text_are_true() -> None:
    assert doctest.testmod(references) == (0, 6)


def test_the_alphabet_has_32_signs_and_none_that_look_alike() -> None:
    assert len(set(ALPHABET)) == 32
    assert not set("ILOU") & set(ALPHABET)


@given(codes)
def test_a_code_with_its_check_character_is_right(code: str) -> None:
    assert is_valid(with_check(code))


@given(short_codes)
def test_every_single_wrong_character_is_found(code: str) -> None:
    whole = with_check(code)
    for at, right in enumerate(whole):
        for wrong in ALPHABET.replace(right, ""):
            assert not is_valid(whole[:at] + wrong + whole[at + 1 :])


@given(short_codes)
def test_every_swap_of_neighbours_is_found(code: str) -> None:
    whole = with_check(code)
    for at in range(len(whole) - 1):
        if whole[at] != whole[at + 1]:
            assert not is_valid(whole[:at] + whole[at + 1] + whole[at] + whole[at + 2 :])


@given(codes)
def test_a_code_is_read_however_it_is_typed(code: str) -> None:
    typed = "-".join(references.in_blocks(code.lower(), 4, " ").split(" "))
    typed = typed.replace("1", "l").replace("0", "o")
    assert fold(f" {typed} ") == code


@pytest.mark.parametrize("one", "iIlL")
def test_i_and_l_are_read_as_one(one: str) -> None:
    assert fold(one) == "1"


@pytest.mark.parametrize("alike", ["АВЕЗЅ1ЈКМНОРСТУХ", "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ａｂｃ１２３", "ıİ"])
def test_signs_of_other_alphabets_that_look_like_ours_are_read_as_ours(alike: str) -> None:
    ours = {"АВЕЗЅ1ЈКМНОРСТУХ": "ABE3S1JKMH0PCTYX", "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ": "ABEZH1KMN0PTYX",
            "ａｂｃ１２３": "ABC123", "ıİ": "11"}  # fmt: skip
    assert fold(alike) == ours[alike]
    assert alike == "ıİ" or fold(alike.lower()) == ours[alike]


@pytest.mark.parametrize("strange", "ßUÄЖЩΩ€ł")
def test_a_sign_that_looks_like_none_of_ours_stays(strange: str) -> None:
    assert not references.is_written_right(fold(strange))


@pytest.mark.parametrize("digits", ["٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "０１２３４５６７８９"])
def test_digits_of_every_script_are_digits(digits: str) -> None:
    assert references.digits(digits) == fold(digits) == "0123456789"


@pytest.mark.parametrize(
    "dash",
    "-\u2010\u2011\u2012\u2013\u2014\u2212 \u00a0\u202f\t._/\u00b7\u200b\u200e\u2066\ufeff",
)
def test_every_dash_and_blank_is_ignored(dash: str) -> None:
    assert fold(f"7F3K{dash}9QXM") == "7F3K9QXM"


@pytest.mark.parametrize("wrong", ["", "U", "7F3K9QXM2B4Ä", "7F3K 9QXM", "\u0661", "0" * 32])
def test_what_is_no_code_is_not_valid(wrong: str) -> None:
    assert not is_valid(wrong)


def test_a_code_longer_than_the_field_gets_no_check_character() -> None:
    with pytest.raises(ValueError, match="31"):
        with_check("0" * LONGEST)


@given(st.binary(min_size=20, max_size=40))
def test_bytes_become_characters_five_bits_each(raw: bytes) -> None:
    code = references.from_bytes(raw, 32)
    number = 0
    for sign in code:
        number = number * 32 + ALPHABET.index(sign)
    assert number == int.from_bytes(raw[:20], "big")


def test_too_few_bytes_make_no_code() -> None:
    with pytest.raises(ValueError, match="too few"):
        references.from_bytes(b"\0", 2)
