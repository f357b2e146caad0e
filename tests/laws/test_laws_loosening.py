"""Laws of ways out by figures of the spec: put into it, the division holds; one unit nearer it does not.

Oracles: the division itself, sums worked by hand, every figure of a small budget tried.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from data_contracts.allocation_spec.document import AllocationSpec
from evaluations.allocation.conflict import collisions
from evaluations.allocation.engine import allocate
from evaluations.allocation.loosening import budget_of
from evaluations.allocation.problem import Conflict
from evaluations.allocation.remedies import conflict_tables
from tests.unit.evaluations.allocation_world import WORKED_PAYEES, frame, need, spec

Row = dict[str, Any]
DATA = {"payees": frame(WORKED_PAYEES)}
RURAL = {"id": "rural30", "group": "rural", "minimum_share": "0.30"}
BOUNDS = {"floor_change": "-0.02", "cap_change": "0.12"}


def fund(name: str, **size: Any) -> Row:
    return {"id": name, "kind": "fund", "fund": name, **size}


def rest(**more: Any) -> Row:
    return need(share=None, rest=True, **more)


def conflict_of(rules: AllocationSpec) -> Conflict | None:
    return allocate(rules, DATA).conflict


def ways_of(rules: AllocationSpec) -> list[Row]:
    found = conflict_of(rules)
    assert found is not None
    return list(conflict_tables(found, [])["relaxations"].iter_rows(named=True))


def with_way(rules: AllocationSpec, way: Row, nearer: int = 0) -> AllocationSpec:
    """The document of the rules with a figure that was offered, or so many units nearer to what it is now."""
    document = rules.model_dump(mode="json", by_alias=True, exclude_none=True)
    sort = "share" if way["share_after"] is not None else "fen"
    before, after = (
        way[f"{sort}_before" if sort == "share" else "before_fen"],
        way["share_after" if sort == "share" else "after_fen"],
    )
    unit = Decimal("0.000001") if sort == "share" else 1
    value = after + nearer * unit * (1 if before > after else -1)
    money = str(value if sort == "share" else Decimal(value) / 100)
    if way["family"] == "budget":
        document["budget"]["amount"] = money
    elif way["family"] == "size":
        stream = next(own for own in document["streams"] if own["id"] == way["subject"])
        stream["share" if sort == "share" else "amount"] = money
    elif way["family"] == "reserve":
        next(own for own in document["reserves"] if own["id"] == way["subject"])["minimum_share"] = money
    else:
        holders = [document["budget"], *document["streams"]]
        floor = next(own for at in holders for own in at.get("at_least", []) if own["id"] == way["subject"])
        floor["amount"] = money
    return AllocationSpec.model_validate(document)


FIGURES = ("budget", "size", "reserve", "at_least")


def check_each(rules: AllocationSpec) -> Mapping[str, Row]:
    ways = [own for own in ways_of(rules) if own["family"] in FIGURES]
    for way in ways:
        if way["possible"]:
            assert conflict_of(with_way(rules, way)) is None, way
            assert conflict_of(with_way(rules, way, 1)) is not None, way
    return {f"{own['family']}:{own['subject'] or ''}": own for own in ways}


SHARES = [fund("a", share="0.95"), fund("b", share="0.03"), fund("c", amount="2350000"), rest()]


def test_shares_grow_with_the_budget_that_is_to_hold_them() -> None:
    """0.98 B + 2,350,000 ≤ B from B = 117,500,000; a fen less is a fen short."""
    ways = check_each(spec(SHARES, 40_000_000))
    assert ways["budget:"]["after_fen"] == 11_750_000_000
    assert ways["size:a"]["share_after"] == Decimal("0.911250")
    assert ways["size:c"]["after_fen"] == 80_000_000
    assert not ways["size:b"]["possible"]


@pytest.mark.parametrize("share", ["0.97"])
def test_no_budget_holds_shares_of_all_of_it_and_an_amount(share: str) -> None:
    ways = check_each(spec([fund("a", share=share), *SHARES[1:]], 40_000_000))
    assert not ways["budget:"]["possible"]


def test_a_budget_of_which_nothing_may_be_left_over_falls() -> None:
    """Without a stream for the rest, 0.5 B + 1,000,000 = B only at 2,000,000."""
    ways = check_each(spec([need(share="0.5"), fund("c", amount="1000000")], 9_000_000))
    assert (ways["budget:"]["before_fen"], ways["budget:"]["after_fen"]) == (900_000_000, 200_000_000)
    assert ways["size:c"]["after_fen"] == 450_000_000


def test_a_line_that_has_a_part_of_the_budget_reaches_its_floor_with_much_more_of_it() -> None:
    law = {"id": "law", "amount": "1000000"}
    ways = check_each(spec([rest(), fund("a", share="0.1", at_least=[law])], 9_000_000))
    # The largest remainder rounds up from half a fen.
    assert 0 <= 1_000_000_000 - ways["budget:"]["after_fen"] <= 5
    assert ways["at_least:law"]["after_fen"] == 90_000_000
    assert ways["size:a"]["share_after"] == Decimal("0.111112")


def test_floors_of_payees_are_met_by_what_a_larger_budget_leaves() -> None:
    streams = [fund("a", share="0.6"), need(BOUNDS, share=None, rest=True)]
    found = conflict_of(spec(streams, 9_000_000))
    assert found is not None
    assert found.rules == ("floors",)
    ways = check_each(spec(streams, 9_000_000))
    assert ways["budget:"]["after_fen"] > ways["budget:"]["before_fen"]


@settings(max_examples=6)
@given(
    st.integers(0, 55), st.integers(0, 60), st.integers(1, 12), st.integers(0, 9), st.booleans(),
    st.sampled_from([None, {"floor_change": "-0.02"}, BOUNDS]),
)  # fmt: skip
def test_every_figure_that_is_offered_holds_and_one_unit_less_does_not(
    a: int, least: int, budget: int, amount: int, whole: bool, bounds: Row | None
) -> None:
    streams = [
        fund("a", share=str(Decimal(a) / 100)), fund("c", amount=amount * 777_777),
        need(bounds, **({"share": None, "rest": True} if whole else {"share": "0.4"})),
    ]  # fmt: skip
    reserve = {**RURAL, "minimum_share": str(Decimal(least) / 100)}
    rules = spec(streams, budget * 1_000_003, reserves=[reserve])
    found = conflict_of(rules)
    assume(found is not None)
    for name, way in check_each(rules).items():
        event(f"{name}: {'helps' if way['possible'] else 'never'}")
        if not way["possible"] and name == "budget:":
            for tried in (10**5, 10**6, 10**7, 10**8, 10**9, 10**10, 10**11, 10**12):
                assert found is not None
                assert found.again is not None
                assert found.again.conflict_of(budget_of(found.again).put(tried)) is not None


@settings(max_examples=12)
@given(st.integers(0, 59), st.integers(0, 40), st.integers(0, 60), st.integers(1, 60), st.booleans())
def test_where_fen_are_lost_in_rounding_nothing_is_said_to_be_of_no_use(
    a: int, b: int, least: int, budget: int, whole: bool
) -> None:
    """So few fen that every budget can be tried."""
    streams = [
        fund("a", share=str(Decimal(a) / 100)), fund("c", amount=str(Decimal(b) / 100)),
        need(**({"share": None, "rest": True} if whole else {"share": "0.4"})),
    ]  # fmt: skip
    reserve = {**RURAL, "minimum_share": str(Decimal(least) / 100)}
    rules = spec(streams, str(Decimal(budget) / 100), reserves=[reserve])
    found = conflict_of(rules)
    assume(found is not None and found.again is not None)
    way = check_each(rules).get("budget:")
    if way is not None and not way["possible"]:
        assert found is not None
        assert found.again is not None
        put = budget_of(found.again).put
        assert [fen for fen in range(1, 121) if found.again.conflict_of(put(fen)) is None] == []


def test_the_most_that_a_reserve_can_reach_is_one_number() -> None:
    """Floors of others leave less than caps of the group allow: 9,000,000 − 0.98 × 8,600,000 of the others."""
    tables = None
    for least in ("0.5", "0.9"):
        found = conflict_of(spec([need({"floor_change": "-0.02"})], reserves=[{**RURAL, "minimum_share": least}]))
        assert found is not None
        tables = conflict_tables(found, [])
        best, way = tables["best_shares"].row(0, named=True), tables["relaxations"].filter(family="reserve")
        assert found.reachable == best["most_fen"] == way["after_fen"][0]
        assert found.short == best["wanted_fen"] - best["most_fen"] == way["total_fen"][0]


def test_the_headline_reckons_with_floors_of_others_and_caps_of_the_group_alike() -> None:
    found = conflict_of(
        spec([need({"floor_change": "0.02", "cap_change": "0.12"})], 8_330_000,
             reserves=[{**RURAL, "minimum_share": "0.40"}])
    )  # fmt: skip
    assert found is not None
    assert found.problem is not None
    best = conflict_tables(found, [])["best_shares"].row(0, named=True)
    if best["most_fen"] is None:
        assert found.reachable == found.problem.pool
    else:
        assert (found.reachable, found.short) == (best["most_fen"], best["wanted_fen"] - best["most_fen"])


def test_floors_that_bind_besides_caps_are_a_set_of_their_own() -> None:
    found = conflict_of(
        spec([need(BOUNDS)], 8_330_000, reserves=[{**RURAL, "minimum_share": "0.60"}])
    )  # fmt: skip
    assert found is not None
    assert found.problem is not None
    sets = collisions(found.problem)
    kinds = [{rule.kind for rule in own} for own in sets]
    assert len(kinds) == 2
    assert {"cap", "reserve"} in kinds
    assert any({"floor", "pool_limit"} <= own for own in kinds)
    table = conflict_tables(found, [])["conflict"]
    assert isinstance(table, pl.DataFrame)
    assert table["set_no"].unique().sort().to_list() == [1, 2]
    assert table["rule_no"].to_list() == list(range(1, table.height + 1))
