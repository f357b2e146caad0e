"""Laws of money: nothing lost, bounds and reserves kept, names do not matter, impossible rules pay nothing."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluations.allocation_v1 import Allocation, AllocationRule, Payee, ReserveRule, StreamRule, allocate
from evaluations.rounding import instalments, largest_remainder
from evaluations.waterfill import NoSolution, water_fill

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


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=30), st.integers(0, 10**12))
def test_rounding_sums_stays_within_one_and_keeps_order(weights: list[int], total: int) -> None:
    ids = [f"{at:03d}" for at in range(len(weights))]
    found = largest_remainder(weights, total, ids)
    whole = sum(weights)
    assert sum(found) == (total if whole else 0)
    for weight, amount in zip(weights, found, strict=True):
        if whole:
            assert abs(amount * whole - weight * total) < whole
    for one in range(len(weights)):
        for other in range(len(weights)):
            assert weights[one] <= weights[other] or found[one] >= found[other]


_people = st.one_of(st.integers(1, 60_000), st.integers(0, 5)).map(Decimal)
_hundredths = st.integers(0, 10_000).map(lambda value: Decimal(value) / 100)


@st.composite
def _cities(draw: st.DrawFn) -> tuple[AllocationRule, list[Payee]]:
    count = draw(st.integers(2, 14))
    payees = [
        Payee(
            f"p{at:02d}",
            draw(_people),
            draw(_people),
            draw(st.none() | _hundredths),
            draw(st.none() | _hundredths),
            frozenset(["rural"] if draw(st.booleans()) else ["urban"]),
        )
        for at in range(count)
    ]
    shares = draw(
        st.sampled_from([("0.6", "0.25", "0.1", "0.05"), ("0.5", "0.5", "0", "0"), ("0.333", "0.467", "0.2", "0")])
    )
    kinds = ("per_head", "need", "performance", "reserve")
    tilt = (Decimal(draw(st.integers(1, 4))), Decimal(50))
    streams = [
        StreamRule(kind, kind, Decimal(share), tilt if kind == "need" else None)
        for kind, share in zip(kinds, shares, strict=True)
    ]
    rule = AllocationRule(
        draw(st.integers(0, 10**12)),
        "community",
        streams,
        draw(st.none() | st.sampled_from([Decimal("0.5"), Decimal("0.85")])),
        draw(st.none() | st.sampled_from([Decimal("1.3"), Decimal("2.5")])),
        draw(st.just(()) | st.just((ReserveRule("rural_30", "rural", Decimal("0.30")),))),
    )
    return rule, payees


@settings(max_examples=200, deadline=None)
@given(_cities())
def test_no_unit_is_lost_and_rules_hold_or_nothing_is_paid(case: tuple[AllocationRule, list[Payee]]) -> None:
    rule, payees = case
    found = allocate(rule, payees)
    if found.conflict is not None:
        assert found == Allocation([], {}, {}, found.conflict)
        assert found.conflict.short > 0
        return
    assert sum(line.amount for line in found.lines) == rule.budget
    for stream in rule.streams:
        exact = rule.budget * Fraction(stream.share)
        if stream.kind in ("performance", "reserve"):
            # What is earned and what is not make up the stream; so does what is held back.
            assert abs(sum(line.amount for line in found.lines if line.stream == stream.id) - exact) < 1
    totals = _totals(found)
    base = _totals(found, without=("performance", "not_earned"))
    assert all(amount >= 0 for amount in totals.values())
    pool, people = sum(base.values()), sum(payee.population for payee in payees)
    for payee in payees:
        if not payee.population:
            assert totals[payee.id] == 0
            continue
        equal = pool * Fraction(payee.population) / Fraction(people)
        assert abs(found.equal_shares[payee.id] - equal) < 1
        floor = equal * Fraction(rule.floor or 0)
        assert base[payee.id] >= floor
        if rule.cap is not None:
            # Only where no whole unit lies between floor and cap the floor may be kept beyond the cap.
            assert base[payee.id] <= max(equal * Fraction(rule.cap), -(-floor // 1))
    held = sum(line.amount for line in found.lines if line.line_id == "held")
    for reserve in rule.reserves:
        group = sum(totals[payee.id] for payee in payees if reserve.group in payee.groups)
        assert group >= (rule.budget - held) * reserve.minimum_share


def _totals(found: Allocation, without: tuple[str, ...] = ()) -> dict[str, int]:
    totals = dict.fromkeys(found.bounds, 0)
    for line in found.lines:
        if line.payee_kind != "fund" and line.line_id not in without:
            totals[line.payee_id] += line.amount
    return totals


@settings(max_examples=60, deadline=None)
@given(_cities())
def test_names_and_the_unit_in_which_people_are_counted_do_not_matter(case: tuple[AllocationRule, list[Payee]]) -> None:
    rule, payees = case
    renamed = [
        replace(payee, id=f"q{payee.id}", population=payee.population * 12, weighted=payee.weighted * 7)
        for payee in payees
    ]
    before, after = allocate(rule, payees), allocate(rule, renamed)
    assert before.conflict == after.conflict
    assert {f"q{payee}": amount for payee, amount in _totals(before).items()} == _totals(after)
    assert {f"q{payee}": bound for payee, bound in before.bounds.items()} == after.bounds


@settings(max_examples=60, deadline=None)
@given(_cities())
def test_equals_are_paid_alike(case: tuple[AllocationRule, list[Payee]]) -> None:
    rule, payees = case
    twin = replace(payees[0], id="twin")
    found = allocate(rule, [*payees, twin])
    if found.conflict is None:
        totals = _totals(found)
        # One unit per rounding: two shared streams, the bounds, the performance stream and its earned part.
        assert abs(totals["twin"] - totals[payees[0].id]) <= 4


@settings(max_examples=60, deadline=None)
@given(_cities(), st.integers(0, 13))
def test_a_missing_risk_never_raises_pay(case: tuple[AllocationRule, list[Payee]], which: int) -> None:
    rule, payees = case
    at = which % len(payees)
    own = payees[at].risk
    others = [payee.risk for place, payee in enumerate(payees) if place != at and payee.risk is not None]
    if own is None or not others or min(others) > own:
        return
    hidden = [replace(payee, risk=None) if place == at else payee for place, payee in enumerate(payees)]
    before, after = allocate(rule, payees), allocate(rule, hidden)
    if before.conflict is None and after.conflict is None:
        # Roundings of the two streams, the bounds and the reserve may each differ by one unit.
        assert _totals(after)[payees[at].id] <= _totals(before)[payees[at].id] + 4


@settings(max_examples=60, deadline=None)
@given(_cities(), st.randoms())
def test_the_order_of_payees_does_not_matter(case: tuple[AllocationRule, list[Payee]], random: object) -> None:
    rule, payees = case
    shuffled = list(payees)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert allocate(rule, shuffled) == allocate(rule, payees)


@settings(max_examples=60, deadline=None)
@given(_cities(), st.integers(0, 13))
def test_a_missing_score_never_raises_pay(case: tuple[AllocationRule, list[Payee]], which: int) -> None:
    rule, payees = case
    at = which % len(payees)
    if payees[at].score is None:
        return
    hidden = [replace(payee, score=None) if place == at else payee for place, payee in enumerate(payees)]
    before, after = allocate(rule, payees), allocate(rule, hidden)
    if before.conflict or after.conflict or rule.reserves:
        return

    def earned(found: object) -> int:
        lines = found.lines  # type: ignore[attr-defined]
        return sum(x.amount for x in lines if x.payee_id == payees[at].id and x.stream == "performance")

    others = [payee.score for place, payee in enumerate(payees) if place != at and payee.score is not None]
    if others and min(others) <= payees[at].score:
        assert earned(after) <= earned(before)


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
