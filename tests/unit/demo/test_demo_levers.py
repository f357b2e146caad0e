"""Levers of communities month by month, chance by purpose, and the habits of communities in what they record."""

from itertools import pairwise
from typing import get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.closed import DefinitionError
from pipelines.demo import truth_rows
from pipelines.demo.city import City, build_city
from pipelines.demo.draws import Draws
from pipelines.demo.levers import FACTORS, OWN, SEASON, TREND, Levers, places_of
from pipelines.demo.scenario import (
    AreaChanges,
    DemoPolicy,
    LeverPath,
    Places,
    PolicyEffect,
    PolicyLever,
    Scenario,
    Shape,
    load_scenario,
)
from pipelines.demo.timeline import spans_between

MONTHS = [month for span in spans_between("2023-01", "2024-12") for month in span.months]
SHAPE = Shape(counties=2, townships=2, communities=3, rural_counties=1)
RURAL = Places(kind="rural")


def _city(shape: Shape = SHAPE) -> City:
    return build_city(Draws(1, even=False).stream("city"), shape, {})


def _scenario(**changes: object) -> Scenario:
    plain = {"shape": SHAPE, "area_changes": AreaChanges(), "events": {}, "policies": {}, "traits": []}
    return load_scenario("city").model_copy(update={**plain, **changes})


def _levers(scenario: Scenario, *, even: bool = False) -> Levers:
    return Levers.build(Draws(1, even=even), _city(), scenario)


def _policy(lever: str, size: float, **more: object) -> DemoPolicy:
    effect = PolicyEffect.model_validate({"lever": lever, "size": size, "start": "2023-07", **more})
    return DemoPolicy(effects=[effect])


# policies -----------------------------------------------------------------------------------------------------


def test_a_policy_moves_only_its_own_lever_places_and_months() -> None:
    policy = _policy("control", 0.10, months=4, until="2024-02", places=RURAL.model_dump())
    with_policy, without = _levers(_scenario(policies={"rural": policy})), _levers(_scenario())
    rural = _city().rural
    assert 0 < rural.sum() < len(rural)
    steps = {"2023-07": 0.25, "2023-08": 0.5, "2023-09": 0.75}
    for month in MONTHS:
        full = 1.0 if "2023-10" <= month.key <= "2024-02" else steps.get(month.key, 0.0)
        gain = with_policy.value("control", month) - without.value("control", month)
        np.testing.assert_allclose(gain, np.where(rural, 0.10 * full, 0.0), atol=1e-12)
        for lever in _scenario().levers:
            if lever != "control":
                assert (with_policy.value(lever, month) == without.value(lever, month)).all()


@pytest.mark.parametrize("lever", get_args(PolicyLever))
def test_the_lever_without_a_policy_is_the_lever_of_a_city_without_it(lever: str) -> None:
    policies = {name: _policy(lever, size, months=3) for name, size in (("one", 0.05), ("two", -0.04))}
    both, one = _levers(_scenario(policies=policies)), _levers(_scenario(policies={"one": policies["one"]}))
    for month in MONTHS:
        np.testing.assert_allclose(both.value(lever, month, "two"), one.value(lever, month), rtol=1e-12)
    lowered = both.value(lever, MONTHS[-1]) < both.value(lever, MONTHS[-1], "two")
    at_most = both.value(lever, MONTHS[-1], "two") == 1
    assert (lowered | at_most).all()
    assert lowered.any()


def test_parts_of_a_lever_add_up_and_are_named() -> None:
    levers = _levers(_scenario(policies={"one": _policy("manage", 0.05)}))
    parts = levers.parts("manage", MONTHS[-1])
    assert set(parts) == {TREND, OWN, SEASON, "one"}
    np.testing.assert_allclose(sum(parts.values()), levers.value("manage", MONTHS[-1]))
    assert list(levers.touched()) == [("one", "manage")]


@pytest.mark.parametrize("lever", FACTORS)
def test_factors_multiply(lever: str) -> None:
    policies = {"one": _policy(lever, -0.20), "two": _policy(lever, 0.50)}
    both, none = _levers(_scenario(policies=policies)), _levers(_scenario())
    last = MONTHS[-1]
    np.testing.assert_allclose(both.value(lever, last), none.value(lever, last) * 0.8 * 1.5)
    np.testing.assert_allclose(both.value(lever, last, "one"), none.value(lever, last) * 1.5)


def test_shares_stay_between_nothing_and_all() -> None:
    levers = _levers(_scenario(policies={"up": _policy("control", 5.0), "down": _policy("manage", -5.0)}))
    assert (levers.value("control", MONTHS[-1]) == 1).all()
    assert (levers.value("manage", MONTHS[-1]) == 0).all()
    for lever in load_scenario("city").levers:
        for month in MONTHS:
            values = levers.value(lever, month)
            assert (values >= 0).all()
            assert lever in FACTORS or (values <= 1).all()


def test_a_factor_never_reaches_nothing() -> None:
    levers = _levers(_scenario(policies={"end": _policy("admissions", -0.999)}))
    assert (levers.value("admissions", MONTHS[-1]) > 0).all()


def test_winter_differs_from_summer_unless_the_scenario_is_even() -> None:
    flat = {name: LeverPath(path={"2023-01": path.path["2023-01"]}) for name, path in _scenario().levers.items()}
    january, july = (next(month for month in MONTHS if month.key == key) for key in ("2023-01", "2023-07"))
    seasonal, even = (_levers(_scenario(levers=flat, even=even), even=even) for even in (False, True))
    for lever, more_in_winter in (("admissions", True), ("emergency", True), ("control", False)):
        winter, summer = seasonal.value(lever, january), seasonal.value(lever, july)
        assert ((winter > summer) == more_in_winter).all()
        assert (winter != summer).all()
        assert (even.value(lever, january) == even.value(lever, july)).all()
    assert (seasonal.value("manage", january) == seasonal.value("manage", july)).all()


def test_a_path_is_straight_between_its_points_and_flat_outside() -> None:
    path = {"manage": LeverPath(path={"2023-03": 0.2, "2023-07": 0.6})}
    levers = _levers(_scenario(levers={**_scenario().levers, **path}))
    values = {month.key: levers.value("manage", month) for month in MONTHS}
    for key, expected in (("2023-01", 0.2), ("2023-03", 0.2), ("2023-05", 0.4), ("2023-07", 0.6), ("2024-12", 0.6)):
        np.testing.assert_allclose(values[key], expected)


def test_communities_differ_by_the_spread_and_keep_their_order() -> None:
    levers = _levers(_scenario())
    first, last = (levers.value("manage", month) for month in (MONTHS[0], MONTHS[-1]))
    assert len(set(first)) == len(first)
    assert (np.argsort(first) == np.argsort(last)).all()


def test_places_without_any_community_are_refused() -> None:
    with pytest.raises(DefinitionError, match=r"counties \[7\]"):
        places_of(_city(), Places(kind="counties", numbers=[7]))


# chance -------------------------------------------------------------------------------------------------------


def test_a_stream_depends_on_seed_and_purpose_alone() -> None:
    first = Draws(4, even=False).stream("visits", "2024-01").random(5)
    assert (Draws(4, even=True).stream("visits", "2024-01").random(5) == first).all()
    for other in (Draws(5, even=False).stream("visits", "2024-01"), Draws(4, even=False).stream("visits", "2024-02")):
        assert not np.isclose(other.random(5), first).any()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_even_shares_go_up_in_equal_steps_in_every_group(members: list[int]) -> None:
    groups = np.array(members)
    shares = Draws(2, even=True).shares("x", groups)
    for group in set(members):
        mine = np.sort(shares[groups == group])
        np.testing.assert_allclose(mine, (np.arange(len(mine)) + 0.5) / len(mine), atol=1e-6)


def test_shares_that_are_not_even_are_uniform_and_differ_between_purposes() -> None:
    groups = np.zeros(40_000, dtype=np.int64)
    one, two = (Draws(2, even=False).shares(name, groups) for name in ("one", "two"))
    np.testing.assert_allclose(np.quantile(one, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.01)
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.02


def test_the_luck_of_a_ticket_is_the_same_in_any_company() -> None:
    tickets = np.array([7, 2**40, 0, 11, 12])
    all_of_them, some = (Draws(2, even=False).luck(at, "x") for at in (tickets, tickets[[3, 1]]))
    for _ in range(3):
        drawn = all_of_them.random()
        assert (some.random() == drawn[[3, 1]]).all()
    other_seed, other_purpose = Draws(3, even=False).luck(tickets, "x"), Draws(2, even=False).luck(tickets, "y")
    first = Draws(2, even=False).luck(tickets, "x").random()
    assert not np.isclose(other_seed.random(), first).any()
    assert not np.isclose(other_purpose.random(), first).any()


def test_luck_is_uniform_normal_and_without_any_pattern_in_running_numbers() -> None:
    luck = Draws(2, even=False).luck(np.arange(60_000), "x")
    one, two, normal = luck.random(), luck.random(), luck.normal()
    assert 0 < one.min() < one.max() < 1
    np.testing.assert_allclose(np.quantile(one, [0.01, 0.25, 0.5, 0.99]), [0.01, 0.25, 0.5, 0.99], atol=0.01)
    assert abs(normal.mean()) < 0.02
    assert abs(normal.std() - 1) < 0.02
    assert abs((normal**3).mean()) < 0.05
    for left, right in ((one, two), (one, normal), (one[1:], one[:-1]), (one[1:], two[:-1]), (one[5:], one[:-5])):
        assert abs(np.corrcoef(left, right)[0, 1]) < 0.02


@given(st.floats(0.001, 0.4), st.integers(0, 1000))
def test_even_events_have_totals_without_luck_in_groups_and_along_the_order(rate: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rates, groups, along = np.full(500, rate), np.arange(500) % 5, rng.random(500)
    counts = Draws(seed, even=True).events(rng, rates, groups, along)
    assert (counts >= 0).all()
    assert abs(counts.sum() - rates.sum()) < 1 + 1e-9
    for group in range(5):
        inside = groups == group
        assert abs(counts[inside].sum() - rates[inside].sum()) < 1 + 1e-9
        first = inside & (along < 0.4)
        assert abs(counts[first].sum() - rates[first].sum()) < 1 + 1e-9


def test_events_that_are_not_even_vary_like_poisson() -> None:
    rates, groups = np.full(50_000, 0.3), np.zeros(50_000, dtype=np.int64)
    counts = Draws(1, even=False).events(np.random.default_rng(1), rates, groups, np.arange(50_000))
    assert abs(counts.mean() - 0.3) < 0.01
    assert abs(counts.var() - 0.3) < 0.02


def test_events_happen_more_where_rates_are_higher() -> None:
    rates, none = np.repeat([0.0, 0.1, 0.5], 4_000), np.zeros(12_000, dtype=np.int64)
    rng = np.random.default_rng(1)
    counts = Draws(1, even=True).events(rng, rates, none, rng.random(12_000))
    means = [counts[at : at + 4_000].mean() for at in (0, 4_000, 8_000)]
    assert means[0] == 0
    assert all(low < high for low, high in pairwise(means))


def test_even_normal_numbers_are_so_in_every_part_of_the_order() -> None:
    rng = np.random.default_rng(3)
    along = rng.random(3_000)
    even = Draws(1, even=True).normal(rng, along)
    for low in (0.0, 0.3, 0.6):
        part = even[(along >= low) & (along < low + 0.2)]
        assert abs(np.exp(0.6 * part).mean() / np.exp(0.18) - 1) < 0.01
    assert (even != Draws(1, even=True).normal(rng, along)).any()
    free = Draws(1, even=False).normal(rng, np.zeros(40_000))
    np.testing.assert_allclose(np.quantile(free, [0.1, 0.5, 0.9]), [-1.2816, 0, 1.2816], atol=0.03)
    assert len(Draws(1, even=True).normal(rng, np.array([]))) == 0


# causes -------------------------------------------------------------------------------------------------------


def test_causes_are_the_parts_of_levers() -> None:
    scenario = _scenario(policies={"one": _policy("manage", 0.05, places=RURAL.model_dump())})
    levers, span = _levers(scenario), spans_between("2023-01", "2024-12")[-1]
    areas = _city().base
    rows = truth_rows.cause_rows(levers, ["manage"], span, areas)
    sums = rows.group_by("area_id").agg(pl.col("part").sum()).sort("area_id")
    np.testing.assert_allclose(sums["part"], levers.value("manage", span.months[-1]), atol=1e-5)
    assert set(rows.filter(cause="one")["area_id"]) == set(areas["community_id"].filter(pl.Series(_city().rural)))
