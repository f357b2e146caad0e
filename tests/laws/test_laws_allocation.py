"""Laws of filling and rounding: worked examples of floors and caps, sums exact, more money lowers nobody."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluations.rounding import instalments, largest_remainder
from evaluations.waterfill import NoSolution, water_fill
from tests.laws import plain_county

TARGETS = [241_598_089, 191_794_357, 166_812_205, 141_776_124, 115_923_343, 42_095_882]
BEFORE = [295_000_000, 210_000_000, 130_000_000, 100_000_000, 80_000_000, 35_000_000]
FLOORS = [amount * 98 // 100 for amount in BEFORE]
IDS = ["C1", "C2", "C3", "C4", "C5", "C6"]
NO_CAPS: list[int | None] = [None] * 6


def test_floors_and_caps_worked_example() -> None:
    caps: list[int | None] = [amount * 112 // 100 for amount in BEFORE]
    found = water_fill(TARGETS, FLOORS, caps, 900_000_000, IDS)
    assert found.amounts == [289_100_000, 224_500_000, 145_600_000, 112_000_000, 89_600_000, 39_200_000]
    assert found.bounds == ["floor", "free", "cap", "cap", "cap", "cap"]


def test_floors_alone_worked_example() -> None:
    found = water_fill(TARGETS, FLOORS, NO_CAPS, 900_000_000, IDS)
    assert found.amounts == [289_100_000, 205_800_000, 144_823_254, 123_087_394, 100_642_490, 36_546_862]


def test_a_reserved_share_of_thirty_percent_worked_example() -> None:
    rural = water_fill(TARGETS[3:], FLOORS[3:], NO_CAPS[3:], 270_000_000, IDS[3:])
    others = water_fill(TARGETS[:3], FLOORS[:3], NO_CAPS[:3], 630_000_000, IDS[:3])
    assert rural.amounts == [127_685_615, 104_402_229, 37_912_156]
    assert others.amounts == [289_100_000, 205_800_000, 135_100_000]


def test_caps_that_cannot_hold_thirty_percent_miss_by_the_stated_amount() -> None:
    caps: list[int | None] = [amount * 112 // 100 for amount in BEFORE]
    with pytest.raises(NoSolution) as no:
        water_fill(TARGETS[3:], FLOORS[3:], caps[3:], 270_000_000, IDS[3:])
    assert (no.value.side, no.value.short) == ("caps", 29_200_000)


@pytest.mark.parametrize(
    ("weights", "total", "expected"),
    [
        ([1, 1, 1], 100, [34, 33, 33]),
        ([5, 3, 1], 25, [14, 8, 3]),
        ([47000, 16000, 15900, 12000, 6000, 3100], 10, [5, 2, 1, 1, 1, 0]),
        ([6, 6, 2], 10, [4, 4, 2]),
        ([6, 6, 2], 11, [5, 5, 1]),
        ([133731, 279184, 300007, 214478], 83466, [12036, 25126, 27001, 19303]),
    ],
)
def test_largest_remainder(weights: list[int], total: int, expected: list[int]) -> None:
    assert largest_remainder(weights, total, [f"{at}" for at in range(len(weights))]) == expected


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (100_000_001, [25_000_000, 25_000_000, 25_000_000, 25_000_001]),
        (7, [1, 2, 2, 2]),
        (10, [2, 3, 2, 3]),
        (289_100_003, [72_275_000, 72_275_001, 72_275_001, 72_275_001]),
    ],
)
def test_instalments(total: int, expected: list[int]) -> None:
    assert instalments(total, 4) == expected


@given(
    st.lists(st.integers(0, 9) | st.integers(0, 10**9), min_size=1, max_size=30), st.integers(0, 10**12), st.booleans()
)
def test_rounding_sums_stays_within_one_and_keeps_order(weights: list[int], total: int, turned: bool) -> None:
    """And of equal remainders the smaller id comes first, wherever it stands."""
    ids = [f"{at:03d}" for at in range(len(weights))][:: -1 if turned else 1]
    found = largest_remainder(weights, total, ids)
    assert found == plain_county.largest_remainder(weights, total, ids)
    whole = sum(weights)
    assert sum(found) == (total if whole else 0)
    for weight, amount in zip(weights, found, strict=True):
        if whole:
            assert abs(amount * whole - weight * total) < whole
    for one in range(len(weights)):
        for other in range(len(weights)):
            assert weights[one] <= weights[other] or found[one] >= found[other]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**5), st.integers(0, 10**5)), min_size=1, max_size=12),
    st.integers(0, 10**6),
    st.integers(0, 10**5),
)
def test_more_money_lowers_nobody(places: list[tuple[int, int, int]], pool: int, more: int) -> None:
    targets = [target for target, _, _ in places]
    floors = [floor for _, floor, _ in places]
    caps: list[int | None] = [floor + room for _, floor, room in places]
    ids = [f"{at:02d}" for at in range(len(places))]
    try:
        less, rich = (water_fill(targets, floors, caps, amount, ids) for amount in (pool, pool + more))
    except NoSolution:
        return
    assert sum(less.amounts) == pool
    assert sum(rich.amounts) == pool + more
    # One unit of rounding may move between places; the exact amounts never fall.
    assert all(after >= before - 1 for before, after in zip(less.amounts, rich.amounts, strict=True))
