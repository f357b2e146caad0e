"""Each scenario, run through the whole road, gives its figures; its twin does not; rules in conflict are refused."""

from pathlib import Path

import polars as pl
import pytest

from assets.intake import ledger
from assets.stages.road import Road
from pipelines.demo.scenario import DEFAULT, load_scenario, scenario_names
from pipelines.demo_home import make_demo_home
from pipelines.expectations import as_promised, compare
from pipelines.outcomes import SaysNo
from pipelines.run import run_period
from tests.road.faults import found_faults, planted_faults

# The county of the old has half a million archives: `make scenarios` runs it.
LARGE = ("elderly-county",)
WITH_FIGURES = [name for name in scenario_names() if load_scenario(name).expected and name not in LARGE]


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_FIGURES)
def test_a_scenario_gives_its_figures_and_a_twin_does_not(name: str, tmp_path: Path) -> None:
    make_demo_home(tmp_path / "home", scenario=name)
    scenario = load_scenario(name)
    found = compare(scenario, run_period(tmp_path / "home", None).release)
    assert bool(scenario.misses) == bool(scenario.twin_of)
    assert as_promised(scenario, found), {item.expected.id: item.value for item in found if not item.holds}


@pytest.mark.slow
def test_a_large_scenario_gives_its_rates_at_a_smaller_size(tmp_path: Path) -> None:
    """Counts of people need the stated size, rates and changes hold at any."""
    make_demo_home(tmp_path / "home", scenario="elderly-county", residents=60_000)
    found = compare(load_scenario("elderly-county"), run_period(tmp_path / "home", None).release)
    rates = [item for item in found if item.expected.figure == "value"]
    assert len(rates) >= 4
    assert not [(item.expected.id, item.value) for item in rates if not item.holds]


@pytest.mark.slow
def test_rules_in_conflict_are_refused_by_name_and_hold_when_relaxed(tmp_path: Path) -> None:
    make_demo_home(tmp_path / "tight", scenario="rural-reserve")
    with pytest.raises(SaysNo) as refusal:
        run_period(tmp_path / "tight", None)
    assert all(words in str(refusal.value) for words in load_scenario("rural-reserve").refused)
    assert not list((tmp_path / "tight/releases").glob("*-r*"))
    make_demo_home(tmp_path / "loose", scenario="rural-reserve-loose")
    release = run_period(tmp_path / "loose", None).release
    payees = pl.read_parquet(release / "internal/tables/alloc__payees.parquet")
    lines = pl.read_parquet(release / "internal/tables/alloc__lines.parquet")
    held = lines.filter(line_id="held")["amount_fen"].sum()
    assert payees.filter("is_rural")["amount_fen"].sum() * 10 >= (payees["amount_fen"].sum() - held) * 3


@pytest.mark.slow
def test_of_a_hostile_city_exactly_what_was_planted_is_refused(tmp_path: Path) -> None:
    make_demo_home(tmp_path / "home", scenario="hostile")
    run_period(tmp_path / "home", None)
    planted = planted_faults(tmp_path / "home")
    copies = {fault[0] for fault in planted if fault[1:] == (0, "", "duplicate")}
    road = Road.open(tmp_path / "home")
    assert found_faults(road) == {fault for fault in planted if fault[0] not in copies}
    assert copies
    assert not copies & {entry.landing_name for entry in ledger.entries(road.home)}


def test_every_scenario_reads_and_every_twin_promises_what_its_original_does() -> None:
    assert DEFAULT in scenario_names()
    for name in scenario_names():
        scenario = load_scenario(name)
        assert scenario.traps or scenario.twin_of
        if scenario.twin_of:
            assert scenario.expected == load_scenario(scenario.twin_of).expected
