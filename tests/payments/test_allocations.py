"""Which part of a payment goes to which claim."""

from hypothesis import given
from hypothesis import strategies as st

from portal.payments.allocations import Part, allocate, parts, without

TAX, FEE, REST = Part("tax", 10_000, 1), Part("fee", 500, 2), Part(None, 300, 3)


def test_a_request_without_items_is_one_claim_without_a_name() -> None:
    assert parts({}, 14_850) == (Part(None, 14_850, 1),)
    assert parts({"items": []}, 14_850) == (Part(None, 14_850, 1),)


def test_items_are_filled_by_rank_then_as_they_stand() -> None:
    items = [
        {"amount_cents": 1, "claim": "b", "rank": 2},
        {"amount_cents": 2, "claim": "c"},
        {"amount_cents": 3, "claim": "a", "rank": 2},
        {"amount_cents": 4},
    ]
    found = parts({"items": items}, 10)
    assert [(part.claim, part.cents) for part in found] == [
        ("c", 2), (None, 4), ("b", 1), ("a", 3),
    ]  # fmt: skip


def test_a_whole_payment_fills_every_claim() -> None:
    assert allocate([TAX, FEE, REST], {}, 10_800) == (("tax", 10_000), ("fee", 500), (None, 300))


def test_a_part_fills_the_first_claims_first() -> None:
    assert allocate([TAX, FEE], {}, 10_200) == (("tax", 10_000), ("fee", 200))


def test_what_earlier_payments_gave_counts() -> None:
    assert allocate([TAX, FEE], {"tax": 9_000}, 1_400) == (("tax", 1_000), ("fee", 400))


def test_two_items_of_one_claim_are_told_as_one() -> None:
    assert allocate([TAX, Part("tax", 100, 1)], {"tax": 50}, 10_050) == (("tax", 10_050),)


def test_what_no_claim_asks_any_more_goes_to_the_last() -> None:
    assert allocate([TAX, FEE], {"tax": 10_000, "fee": 500}, 70) == (("fee", 70),)


def test_what_goes_back_is_taken_from_the_last_filled_first() -> None:
    assert without([TAX, FEE], {"tax": 10_000, "fee": 500}, 700) == {"tax": 9_800, "fee": 0}


def test_a_claim_that_is_not_asked_any_more_gives_first() -> None:
    assert without([TAX], {"old": 300, "tax": 100}, 350) == {"old": 0, "tax": 50}


def test_nothing_went_back_where_more_is_covered_than_was_given() -> None:
    assert without([TAX], {"tax": 100}, -50) == {"tax": 100}


part = st.builds(
    Part, st.sampled_from(["a", "b", "c", None]), st.integers(1, 10_000), st.integers(1, 3)
)
given_before = st.dictionaries(
    st.sampled_from(["a", "b", "c", None]), st.integers(0, 10_000), max_size=4
)


@given(st.lists(part, min_size=1, max_size=6), given_before, st.integers(1, 100_000))
def test_no_cent_is_lost_and_none_is_made(
    asked: list[Part], before: dict[str | None, int], cents: int
) -> None:
    found = allocate(asked, before, cents)
    assert sum(each for _, each in found) == cents
    assert all(each > 0 for _, each in found)
    assert len({claim for claim, _ in found}) == len(found)
    assert {claim for claim, _ in found} <= {part.claim for part in asked}


@given(st.lists(part, min_size=1, max_size=6), st.data())
def test_payments_in_parts_give_each_claim_what_one_payment_would(
    asked: list[Part], data: st.DataObject
) -> None:
    whole = sum(part.cents for part in asked)
    first = data.draw(st.integers(0, whole))
    given: dict[str | None, int] = {}
    for cents in (first, whole - first):
        for claim, each in allocate(asked, dict(given), cents):
            given[claim] = given.get(claim, 0) + each
    assert given == dict(allocate(asked, {}, whole))


@given(st.lists(part, min_size=1, max_size=6), given_before, st.integers(0, 100_000))
def test_so_much_less_was_given_and_nowhere_below_nothing(
    asked: list[Part], before: dict[str | None, int], cents: int
) -> None:
    left = without(asked, before, cents)
    assert sum(left.values()) == max(0, sum(before.values()) - cents)
    assert all(0 <= left[claim] <= before[claim] for claim in before)
