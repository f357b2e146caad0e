"""Scenarios: their closed form, what twins inherit, and that what they expect can be looked up."""

from pathlib import Path

import pytest
import yaml

from data_contracts.closed import DefinitionError, parse
from data_contracts.periods import periods_between
from pipelines.demo.city import City, build_city
from pipelines.demo.draws import Draws
from pipelines.demo.levers import Levers
from pipelines.demo.scenario import Scenario, load_scenario, scenario_folder, scenario_names
from pipelines.demo.timeline import spans_between

_ROOT = Path(__file__).parents[3]
NAMES = scenario_names()
ASKED_FOR = {
    "city", "three-highs", "three-highs-trend", "doctor-left", "doctor-left-new-cases", "doctor-left-forty", "kiosk",
    "health-community", "elderly-county", "pilot-three", "rural-reserve", "hostile",
}  # fmt: skip


def _document(name: str = "city") -> dict[str, object]:
    document: dict[str, object] = yaml.safe_load((scenario_folder(name) / "scenario.yaml").read_text(encoding="utf-8"))
    return document


def test_every_scenario_asked_for_is_there() -> None:
    assert set(NAMES) >= ASKED_FOR
    assert sorted(NAMES) == NAMES


def test_an_unknown_scenario_names_the_nearest() -> None:
    with pytest.raises(DefinitionError, match=r"--scenario three-hihgs: known are .*; did you mean 'three-highs'\?"):
        load_scenario("three-hihgs")


def test_a_name_like_none_has_no_hint() -> None:
    with pytest.raises(DefinitionError) as error:
        load_scenario("0000")
    assert "did you mean" not in str(error.value)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("resident",), 5, "unknown key 'resident'; did you mean 'residents'"),
        (("levers", "controll"), {"path": {"2023-01": 0.5}}, "controll"),
        (("levers", "control"), {"pathe": {"2023-01": 0.5}}, "did you mean 'path'"),
        (("policies", "new"), {"effects": [{"lever": "manag", "size": 1, "start": "2023-01"}]}, "'manage'"),
        (("policies", "new"), {"effects": [{"lever": "manage", "size": 1, "begin": "2023-01"}]}, "begin"),
        (("traits",), [{"trait": "copy", "share": 0.5, "places": {}}], "'copies'"),
        (("shape",), {"counties": 10}, "counties"),
        (("shape",), {"counties": 0}, "counties"),
        (("mild_found_late",), 1.0, "mild_found_late"),
        (("faults",), "some", "'usual'"),
    ],
)
def test_what_a_scenario_may_not_say_is_refused_by_its_name(
    place: tuple[str, ...], value: object, message: str
) -> None:
    document = _document()
    inside = document
    for step in place[:-1]:
        inside = inside[step]  # type: ignore[assignment]
    inside[place[-1]] = value
    with pytest.raises(DefinitionError) as error:
        parse(Scenario, document, "scenario.yaml")
    assert "scenario.yaml" in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize("name", [name for name in NAMES if load_scenario(name).twin_of])
def test_a_twin_has_everything_that_it_does_not_state_from_its_original(name: str) -> None:
    twin, stated = load_scenario(name), _document(name)
    original = load_scenario(str(twin.twin_of))
    for key in Scenario.model_fields:
        if key not in stated and key != "levers":
            assert getattr(twin, key) == getattr(original, key), key
    levers = stated.get("levers", {})
    assert isinstance(levers, dict)
    assert {lever for lever in twin.levers if twin.levers[lever] != original.levers[lever]} <= set(levers)
    assert twin != original
    assert twin.titles != original.titles


def test_twins_are_judged_by_the_same_expectations() -> None:
    """What is expected of a scenario must fail for a twin, so a twin repeats or replaces it knowingly."""
    for name in NAMES:
        scenario = load_scenario(name)
        if scenario.twin_of and "expected" not in _document(name):
            assert scenario.expected == load_scenario(scenario.twin_of).expected


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_has_every_lever_of_the_default(name: str) -> None:
    assert set(load_scenario(name).levers) == set(load_scenario("city").levers)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_expected_can_be_looked_up(name: str) -> None:
    scenario = load_scenario(name)
    registry = yaml.safe_load((_ROOT / "data_contracts/registry/indicators.yaml").read_text(encoding="utf-8"))
    rule_sets = yaml.safe_load((_ROOT / "data_contracts/registry/rule_sets.yaml").read_text(encoding="utf-8"))
    periods = {period.key for period in periods_between(scenario.first, scenario.last)}
    base = _city_of(scenario).base
    for item in scenario.expected:
        assert item.indicator in registry
        assert item.rule_set in rule_sets
        assert item.area in set(base[f"{item.level}_id"])
        assert item.period in periods
        assert item.change_from is None or item.change_from in periods
        assert item.tolerance >= 0
        assert item.at_least or item.change_from or item.tolerance < abs(item.expected) or item.expected == 0


@pytest.mark.parametrize("name", NAMES)
def test_effects_traits_and_departures_are_in_the_city_and_its_time(name: str) -> None:
    scenario = load_scenario(name)
    city = _city_of(scenario)
    Levers.build(Draws(1, scenario.even), city, scenario)
    months = [month for span in spans_between(scenario.first, scenario.last) for month in span.months]
    for actor in (*scenario.policies.values(), *scenario.events.values()):
        for effect in actor.effects:
            assert months[0].key <= effect.start <= months[-1].key
            assert effect.until is None or effect.start <= effect.until
    for departure in scenario.departures:
        assert departure.township in city.township
        assert months[0].key <= departure.left_on[:7] <= months[-1].key
        assert departure.left_on < departure.replaced_on
    assert all(0 <= place < len(city.size) for place in scenario.sizes)
    assert sum(scenario.sizes.values()) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_says_in_both_languages_what_it_is_and_which_traps_it_has(name: str) -> None:
    scenario = load_scenario(name)
    for text in (scenario.titles, scenario.story, scenario.residents_note, *scenario.traps):
        assert any("一" <= letter <= "鿿" for letter in text.zh)
        assert text.en.isascii() or "–" in text.en
    assert scenario.traps or scenario.twin_of


def _city_of(scenario: Scenario) -> City:
    months = [month for span in spans_between(scenario.first, scenario.last) for month in span.months]
    stream = Draws(1, scenario.even).stream("city")
    return build_city(stream, scenario.shape, scenario.sizes, months, scenario.area_changes)
