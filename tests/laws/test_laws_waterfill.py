"""Laws of sharing within bounds: the multiplier is exact, rounding moves less than a unit, groups get their share."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluations.nested_fill import nested_fill
from evaluations.waterfill import NoSolution, most, water_fill

IDS = ["C1", "C2", "C3", "C4", "C5", "C6"]
RURAL = [3, 4, 5]


def test_nearest_share_found_by_a_general_optimiser_worked_example() -> None:
    targets = [24, 19, 17, 14, 12, 4]
    floors = [26_000_000, 0, 0, 0, 0, 0]
    caps: list[int | None] = [None, None, None, 15_000_000, None, None]
    found = nested_fill(targets, floors, caps, 90_000_000, IDS, {"g": (RURAL, 32_400_000)})
    assert found.amounts == [26_000_000, 16_677_778, 14_922_222, 15_000_000, 13_050_000, 4_350_000]


def test_two_groups_each_get_their_own_and_the_rest_the_rest() -> None:
    found = nested_fill([1, 1, 8], [0] * 3, [None] * 3, 1000, ["a", "b", "c"], {"A": ([0], 400), "B": ([1], 350)})
    assert found.amounts == [400, 350, 250]


def test_a_floor_above_its_cap_is_refused() -> None:
    with pytest.raises(ValueError, match="above its cap"):
        water_fill([1, 1], [3, 0], [2, None], 10, ["a", "b"])


@pytest.mark.parametrize(
    ("pool", "side", "short"), [(29, "floors", 1), (30, None, 0), (31, None, 0), (60, None, 0), (61, "caps", 1)]
)
def test_pools_at_the_edge_of_what_bounds_allow(pool: int, side: str | None, short: int) -> None:
    arguments = ([5, 1, 3], [10, 10, 10], [20, 20, 20], pool, ["a", "b", "c"])
    if side is None:
        assert sum(water_fill(*arguments).amounts) == pool
        return
    with pytest.raises(NoSolution) as no:
        water_fill(*arguments)
    assert (no.value.side, no.value.short) == (side, short)


def test_a_place_without_target_gets_its_floor_and_holds_no_more() -> None:
    assert water_fill([0, 1], [4, 0], [9, None], 10, ["a", "b"]).amounts == [4, 6]
    with pytest.raises(NoSolution) as no:
        water_fill([0, 0], [4, 0], [9, None], 10, ["a", "b"])
    assert (no.value.side, no.value.short) == ("caps", 6)


def test_nobody_shares_nothing() -> None:
    assert water_fill([], [], [], 0, []).amounts == []


def test_the_most_a_group_can_hold() -> None:
    assert most([1, 1, 0], [0, 2, 3], [5, 7, 9], [0, 1, 2]) == 15
    assert most([1, 1], [0, 0], [5, None], [0, 1]) is None
    assert most([1, 1], [0, 0], [5, None], []) == 0


_place = st.tuples(
    st.one_of(st.integers(0, 50), st.integers(0, 10**45)),
    st.integers(0, 10**6),
    st.none() | st.integers(0, 10**6),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_place, min_size=1, max_size=14), st.integers(0, 8 * 10**6))
def test_the_multiplier_uses_the_pool_up_exactly(places: list[tuple[int, int, int | None]], pool: int) -> None:
    targets = [target for target, _, _ in places]
    floors = [floor for _, floor, _ in places]
    caps = [None if room is None else floor + room for _, floor, room in places]
    try:
        found = water_fill(targets, floors, caps, pool, [f"{at:02d}" for at in range(len(places))])
    except NoSolution as no:
        found, reason = None, no
    if found is None:
        held = [cap if target else floor for target, floor, cap in zip(targets, floors, caps, strict=True)]
        if reason.side == "floors":
            assert reason.short == sum(floors) - pool
        else:
            assert None not in held
            assert reason.short == pool - sum(amount or 0 for amount in held)
        assert reason.short > 0
        return
    exact = []
    for target, floor, cap in zip(targets, floors, caps, strict=True):
        amount = max(found.multiplier * target, Fraction(floor))
        exact.append(amount if cap is None else min(amount, Fraction(cap)))
    assert sum(exact) == pool
    assert sum(found.amounts) == pool
    for amount, wanted, floor, cap in zip(found.amounts, exact, floors, caps, strict=True):
        assert abs(amount - wanted) < 1
        assert floor <= amount
        assert cap is None or amount <= cap
    scaled = water_fill(
        [7 * target for target in targets], floors, caps, pool, [f"{at:02d}" for at in range(len(places))]
    )
    assert scaled.amounts == found.amounts


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**5)), min_size=2, max_size=12), st.integers(0, 10**7)
)
def test_who_is_taken_out_with_his_money_leaves_the_others_where_they_were(
    places: list[tuple[int, int]], pool: int
) -> None:
    targets, floors = [target for target, _ in places], [floor for _, floor in places]
    ids = [f"{at:02d}" for at in range(len(places))]
    caps: list[int | None] = [None] * len(places)
    if sum(floors) > pool:
        return
    whole = water_fill(targets, floors, caps, pool, ids).amounts
    without = water_fill(targets[1:], floors[1:], caps[1:], pool - whole[0], ids[1:]).amounts
    assert all(abs(one - other) <= 1 for one, other in zip(whole[1:], without, strict=True))
