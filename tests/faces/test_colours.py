"""The action colour: what people can read is taken, for the rest it is said what would do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.faces import colours
from portal.faces.colours import BLACK, DARK, ENOUGH, LIGHT, WHITE, NotAColour, TooFaint

COLOURS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


# Pairs of WebAIM's contrast checker (webaim.org/resources/contrastchecker).
@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        (BLACK, WHITE, 21.0), (WHITE, WHITE, 1.0), ("#777777", WHITE, 4.48),
        ("#767676", WHITE, 4.54), ("#ff0000", WHITE, 4.0), ("#0000ff", WHITE, 8.59),
    ],
)  # fmt: skip
def test_contrast_is_measured_as_wcag_says(one: str, other: str, ratio: float) -> None:
    assert colours.ratio(one, other) == colours.ratio(other, one) == pytest.approx(ratio, abs=0.005)


@given(COLOURS)
def test_a_colour_is_taken_only_when_all_its_contrasts_are_enough(colour: str) -> None:
    reads = all(colours.ratio(colour, ground) >= ENOUGH for ground in LIGHT)
    try:
        assert colours.pair(colour).light == colour
        assert reads
    except TooFaint:
        assert not reads


@given(COLOURS)
def test_the_tone_for_the_dark_can_always_be_read(colour: str) -> None:
    tone = colours.for_the_dark(colour)
    assert all(colours.ratio(tone, ground) >= ENOUGH for ground in DARK)


@given(COLOURS)
def test_the_colour_that_is_proposed_passes_and_is_no_lighter_than_needed(colour: str) -> None:
    proposed = colours.nearest(colour)
    assert colours.pair(proposed)
    if colours.least(colour, LIGHT) < ENOUGH:
        assert colours.least(proposed, LIGHT) < ENOUGH + 0.15


@pytest.mark.parametrize(
    ("asked", "proposed"), [("#ffcc00", "#896c02"), ("#00aa44", "#018132"), ("#ff0000", "#e20000")]
)
def test_the_refusal_says_the_ratio_and_a_colour_of_the_same_hue(asked: str, proposed: str) -> None:
    with pytest.raises(TooFaint) as refused:
        colours.pair(asked)
    assert f"reach {colours.least(asked, LIGHT):.2f} : 1" in str(refused.value)
    assert str(refused.value).endswith(f"{proposed}.")


@pytest.mark.parametrize("colour", ["", "red", "#fff", "2044aa", "#2044a", "#2044ag", "#2044aa;}"])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    with pytest.raises(NotAColour, match="six hexadecimal digits"):
        colours.pair(colour)


def test_the_style_sheet_and_its_name_follow_the_colour() -> None:
    pair = colours.pair(" #2044AA ")
    assert pair.light == "#2044aa"
    assert f":root{{--kern-color-action-default:{pair.light}}}" in pair.css
    assert pair.css.count(pair.dark) == 1
    assert pair.fingerprint != colours.pair("#2044ab").fingerprint
