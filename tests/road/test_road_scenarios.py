"""Scenarios give their figures, twins miss those they say; rules in conflict are refused; hostile files are found."""

import shutil
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from assets.intake import ledger
from assets.stages.road import Road
from data_contracts.closed import read_yaml
from pipelines.demo.generator import generate
from pipelines.demo.scenario import DEFAULT, Scenario, load_scenario, scenario_names
from pipelines.demo_home import make_demo_home
from pipelines.expectations import Found, as_promised, figures_of
from pipelines.outcomes import SaysNo
from pipelines.run import run_period
from tests.computed import compute
from tests.road.faults import found_faults, planted_faults

# These are computed from their files here, by month and by quarter; the others are judged by the truth, which the road
# gives to the last count (test_road_truth.py). All walk the whole road with `make scenarios`. The county of the old has
# half a million archives.
ON_THE_ROAD = ("doctor-left", "kiosk")
LARGE = ("elderly-county",)
MONEY = (
    ("score", ["score__policies"]),
    ("risk", ["risk__areas"]),
    ("alloc", ["alloc__lines", "alloc__payees", "alloc__reserves"]),
)
BY_TRUTH = [name for name in scenario_names() if load_scenario(name).expected and name not in (*ON_THE_ROAD, *LARGE)]


def by_truth(folder: Path, scenario: Scenario, residents: int | None = None) -> list[Found]:
    """The figures of a scenario by the truth of its city."""
    generate(folder, scenario=scenario, residents=residents)
    counts = pl.read_csv(folder / "truth/indicators.csv", infer_schema=False)
    registry = read_yaml(files("data_contracts").joinpath("registry", "indicators.yaml"))
    times = {name: float(item.get("multiplier", 1)) for name, item in registry.items()}
    values = counts.with_columns(pl.col("numerator", "denominator").cast(pl.Float64)).with_columns(
        (pl.col("numerator") / pl.col("denominator") * pl.col("indicator_id").replace_strict(times)).alias("value")
    )
    return figures_of(scenario, values)


def missed(found: list[Found]) -> dict[str, float | None]:
    return {item.expected.id: item.value for item in found if not item.holds}


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_THE_ROAD)
def test_a_scenario_computed_from_its_files_gives_its_figures(name: str, tmp_path: Path) -> None:
    make_demo_home(tmp_path / "home", scenario=name)
    scenario = load_scenario(name)
    found = figures_of(scenario, compute(tmp_path / "home").table("ind__values"))
    assert as_promised(scenario, found), missed(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_TRUTH)
def test_a_scenario_gives_its_figures_and_a_twin_misses_those_it_says(name: str, tmp_path: Path) -> None:
    scenario = load_scenario(name)
    assert bool(scenario.misses) == bool(scenario.twin_of)
    found = by_truth(tmp_path, scenario)
    assert as_promised(scenario, found), missed(found)


@pytest.mark.slow
def test_a_large_scenario_gives_its_rates_at_a_smaller_size(tmp_path: Path) -> None:
    """Counts of people need the stated size, rates and changes hold at any."""
    found = by_truth(tmp_path, load_scenario("elderly-county"), residents=60_000)
    rates = [item for item in found if item.expected.figure == "value"]
    assert len(rates) >= 4
    assert not missed(rates)


@pytest.mark.slow
def test_rules_in_conflict_are_refused_by_name_and_hold_when_relaxed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    make_demo_home(home, scenario="rural-reserve")
    with pytest.raises(SaysNo) as refusal:
        run_period(home, None)
    assert all(words in refusal.value.words["zh"] for words in load_scenario("rural-reserve").refused)
    assert not list((home / "releases").glob("*-r*"))
    # The twin is the same city under another rule, so nothing below money has to be computed again.
    make_demo_home(tmp_path / "loose", scenario="rural-reserve-loose")
    shutil.copyfile(tmp_path / "loose/settings/allocation.yaml", home / "settings/allocation.yaml")
    loose = compute(home, MONEY)
    payees, lines = loose.table("alloc__payees"), loose.table("alloc__lines")
    reserve = loose.table("alloc__reserves").row(0, named=True)
    assert payees.filter("is_rural")["year_fen"].sum() == reserve["reached_fen"]
    assert reserve["reached_fen"] * 10 >= reserve["base_fen"] * 3
    assert payees["amount_fen"].sum() == lines["amount_fen"].sum() > 0


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
