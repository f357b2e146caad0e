"""truth/effects.csv against cities that really were made without a policy, from the same chance."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.demo import families
from pipelines.demo.generator import generate
from pipelines.demo.scenario import (
    AreaChanges,
    DemoPolicy,
    Places,
    PolicyEffect,
    Scenario,
    Shape,
    TraitOf,
    load_scenario,
)

Key = tuple[str, str, str, str, str, str]
Run = Callable[[str], Path]
FIRST_COUNTY = Places(kind="counties", numbers=[0])
CONTROL = {
    "chronic_hypertension_control_pct", "chronic_diabetes_control_pct", "chronic_lipid_control_pct",
    "three_highs_control_pct",
}  # fmt: skip
OF_PERSONS = "three_highs_all_of_control_pct"
MANAGEMENT = {name.replace("control", "to_specification") for name in CONTROL}


def _policy(lever: str, size: float) -> DemoPolicy:
    effect = PolicyEffect.model_validate(
        {"lever": lever, "size": size, "start": "2024-03", "months": 3, "places": FIRST_COUNTY.model_dump()}
    )
    return DemoPolicy(per_resident={"city": 5}, effects=[effect])


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """Two counties, a policy for control and one for management in the first, one community that has each habit."""
    habits = [
        TraitOf.model_validate({"trait": trait, "share": 0.4, "places": {"kind": "communities", "numbers": [number]}})
        for number, trait in enumerate(("copies", "dresses", "rounds", "calls"))
    ]
    return load_scenario("city").model_copy(
        update={
            "shape": Shape(counties=2, townships=2, communities=3),
            "area_changes": AreaChanges(),
            "faults": "none",
            "events": {},
            "traits": habits,
            "policies": {"at_target": _policy("control", 0.15), "managed": _policy("manage", 0.15)},
        }
    )


@pytest.fixture(scope="module")
def city(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The truth of the city, and of the cities without each policy's effects; the money stays."""
    return _with_and_without(scenario, tmp_path_factory.mktemp("effects"), 8_000)


@pytest.fixture(scope="module")
def settled(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same of a city in which nobody moves from one county to the other, taking along what was done there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(families, "_MOVE", 1e-9)
        return _with_and_without(scenario, tmp_path_factory.mktemp("settled"), 4_000)


def _with_and_without(scenario: Scenario, folder: Path, residents: int) -> dict[str, Path]:
    homes = {}
    for left_out in ("", *scenario.policies):
        policies = {
            name: policy.model_copy(update={"effects": []}) if name == left_out else policy
            for name, policy in scenario.policies.items()
        }
        homes[left_out] = folder / (left_out or "all")
        generate(
            homes[left_out],
            scenario=scenario.model_copy(update={"policies": policies}),
            residents=residents,
            seed=3,
            first="2024Q1",
            last="2024Q4",
        )
    return homes


def _counts(home: Path) -> dict[Key, tuple[float, float]]:
    with (home / "truth/indicators.csv").open(encoding="utf-8", newline="") as stream:
        return {
            (r["area_level"], r["area_id"], r["period"], r["indicator_id"], r["rule_set"], r["stratum"]): (
                float(r["numerator"]),
                float(r["denominator"]),
            )
            for r in csv.DictReader(stream)
        }


def _effects(home: Path, policy: str) -> dict[Key, tuple[float, float, float]]:
    """Numerator, numerator without the policy and denominator, by place, period, indicator and rule set."""
    with (home / "truth/effects.csv").open(encoding="utf-8", newline="") as stream:
        return {
            (r["area_level"], r["area_id"], r["period"], r["indicator_id"], r["rule_set"], "all"): (
                float(r["numerator"]),
                float(r["numerator_without"]),
                float(r["denominator"]),
            )
            for r in csv.DictReader(stream)
            if r["policy_id"] == policy
        }


def test_effects_name_the_indicators_that_the_lever_moves(city: dict[str, Path]) -> None:
    """Where calls count as visits, nothing is said of management: too many come without it."""
    both = ("national_2017", "platform_2011")
    control, management = (
        {(key[3], key[4]) for key in _effects(city[""], policy)} for policy in ("at_target", "managed")
    )
    assert control == {(indicator, rule_set) for indicator in CONTROL for rule_set in both}
    assert management == {(indicator, "national_2017") for indicator in MANAGEMENT}


def test_the_numerator_of_effects_is_that_of_the_indicators(city: dict[str, Path]) -> None:
    counts = _counts(city[""])
    for policy in ("at_target", "managed"):
        for key, (numerator, _, denominator) in _effects(city[""], policy).items():
            assert (numerator, denominator) == counts[key]


def test_control_without_the_policy_is_what_the_city_without_it_counts(city: dict[str, Path]) -> None:
    """Exactly, under both rule sets and whatever the habits: visits are the same, only readings differ."""
    without = _counts(city["at_target"])
    effects = _effects(city[""], "at_target")
    assert {key: (before, bottom) for key, (_, before, bottom) in effects.items()} == {
        key: without[key] for key in effects
    }
    gains = {
        key[3:5]: top - before for key, (top, before, _) in effects.items() if key[:3] == ("city", "9901", "2024Q4")
    }
    assert len(gains) == 8
    assert all(gain > 5 for gain in gains.values())


def test_a_policy_for_control_changes_nothing_else(city: dict[str, Path]) -> None:
    with_policy, without = _counts(city[""]), _counts(city["at_target"])
    assert with_policy.keys() == without.keys()
    assert {key[3] for key in without if with_policy[key] != without[key]} == {*CONTROL, OF_PERSONS}


@pytest.mark.parametrize("policy", ["at_target", "managed"])
def test_effects_are_nil_where_the_policy_does_not_reach(city: dict[str, Path], policy: str) -> None:
    elsewhere = [
        (top, before) for key, (top, before, _) in _effects(city[""], policy).items() if key[1].startswith("990102")
    ]
    rule_sets = 2 if policy == "at_target" else 1
    assert len(elsewhere) == 4 * rule_sets * 4 * (6 + 2 + 1)
    assert all(top == before for top, before in elsewhere)
    assert any(top > 0 for top, _ in elsewhere)


def test_no_policy_changes_the_care_of_places_it_does_not_reach(settled: dict[str, Path]) -> None:
    """Not even by shifting the chance of others: every count of the second county is the same without it."""
    with_policy = _counts(settled[""])
    for policy in ("at_target", "managed"):
        without = _counts(settled[policy])
        assert with_policy != without
        assert [key for key in without if key[1].startswith("990102") and with_policy[key] != without[key]] == []


def test_management_without_the_policy_is_nearly_what_the_city_without_it_counts(city: dict[str, Path]) -> None:
    """Nearly: who is managed well only by the policy may come often enough without it."""
    without = _counts(city["managed"])
    for key, (top, before, _) in _effects(city[""], "managed").items():
        if key[0] in ("county", "city") and key[1] != "990102" and key[2] in ("2024Q3", "2024Q4"):
            gain = top - before
            assert gain > 10
            assert abs(before - without[key][0]) <= 0.1 * gain + 2, (key, top, before, without[key])


# Levers with the indicator they move and how far the effect may lie off the one of a city really made without the
# policy: where people take part below a lever hardly, where events follow it in proportion by chance.
_OTHERS = {
    "exam": (0.2, "elderly_health_management_pct", 3),
    "points": (0.2, "health_points_members_pct", 3),
    "fulfil": (-0.3, "contract_fulfilment_pct", 3),
    "on_time": (-0.3, "tasks_on_time_pct", 3),
    "satisfied": (0.1, "service_satisfaction_pct", 3),
    "literate": (-0.1, "health_literacy_pct", 3),
    "healthy": (0.1, "self_rated_health_good_pct", 3),
    "contract": (0.1, "contract_coverage_pct", 12),
    "renew": (-0.3, "contract_renewal_pct", 25),
    "primary": (0.2, "primary_visit_share_pct", 60),
    "admissions": (-0.3, "related_admissions_per_1k", 12),
    "emergency": (-0.3, "emergency_admissions_per_1k", 12),
    "cost": (-0.3, "cost_per_managed_patient", 100_000),
    "spend": (-0.3, "fund_execution_against_time_pct", 100_000),
}


@pytest.mark.slow
def test_effects_of_other_levers_are_those_of_a_city_made_without_the_policy(tmp_path: Path) -> None:
    """Policies that begin within the year and rise over months: the year's count must not move by the last month's."""

    def policy(lever: str, size: float) -> DemoPolicy:
        effect = {"lever": lever, "size": size, "start": "2024-10", "months": 9}
        return DemoPolicy.model_validate({"per_resident": {"city": 5}, "effects": [effect]})

    policies = {f"on_{lever}": policy(lever, size) for lever, (size, _, _) in _OTHERS.items()}
    base = load_scenario("city").model_copy(
        update={
            "shape": Shape(counties=1, townships=2, communities=3),
            "area_changes": load_scenario("three-highs").area_changes,
            "faults": "none",
            "events": {},
            "traits": [],
            "even": True,
        }
    )

    def made(name: str, chosen: dict[str, DemoPolicy]) -> Path:
        scenario = base.model_copy(update={"policies": chosen})
        generate(tmp_path / name, scenario=scenario, residents=8_000, seed=3, first="2024Q1", last="2024Q4")
        return tmp_path / name / "truth"

    def count(truth: Path, indicator: str, name: str = "indicators", column: str = "numerator", **more: str) -> float:
        wanted = {"area_level": "city", "period": "2024Q4", "indicator_id": indicator, "rule_set": "national_2017"}
        with (truth / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if (wanted | more).items() <= row.items()]
        return float(rows[0][column])

    whole = made("whole", policies)
    off = {}
    for lever, (_, indicator, allowed) in _OTHERS.items():
        name = f"on_{lever}"
        without = policies | {name: policies[name].model_copy(update={"effects": []})}
        true = count(whole, indicator) - count(made(lever, without), indicator)
        stated = count(whole, indicator, "effects", policy_id=name) - count(
            whole, indicator, "effects", "numerator_without", policy_id=name
        )
        if abs(stated - true) > allowed + 0.02 * abs(true):
            off[lever] = (stated, true)
    assert not off
