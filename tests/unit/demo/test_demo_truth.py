"""truth/indicators.csv and rebased.csv equal a count written out record by record from the files without faults."""

import csv
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from data_contracts.periods import Period, periods_between
from pipelines.demo.city import build_city
from pipelines.demo.draws import Draws
from pipelines.demo.generator import generate
from pipelines.demo.scenario import Shape
from pipelines.demo.timeline import spans_between
from pipelines.demo.truth_basis import Count
from pipelines.demo.truth_rows import indicator_rows
from tests.unit.demo.conftest import LONG_FIRST, LONG_LAST, SEED, Files
from tests.unit.demo.oracle import LEVELS, RULES, Landing, rows

Row = tuple[str, ...]
Table = dict[Row, tuple[Decimal, Decimal]]
KEYS = ("area_level", "area_id", "period", "indicator_id", "rule_set", "stratum")
LENGTHS = {"community": 12, "township": 9, "county": 6, "city": 4}
PERIODS = periods_between(LONG_FIRST, LONG_LAST)
MERGED, SPLIT = Period.parse("2024Q4"), Period.parse("2025Q2")
BY_RULE_SET = ("chronic_", "three_highs_", "cost_per_managed_patient", "elderly_health_management", "contract_renewal")


def _table(files: Files, name: str) -> Table:
    found: Table = {}
    with (files.home / f"truth/{name}.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            key = tuple(row[column] for column in KEYS)
            assert key not in found, key
            found[key] = (Decimal(row["numerator"]), Decimal(row["denominator"]))
    return found


def _differences(found: Table, expected: Table) -> list[tuple[Row, object, object]]:
    keys = sorted(found.keys() | expected.keys())
    return [(key, found.get(key), expected.get(key)) for key in keys if found.get(key) != expected.get(key)]


@pytest.fixture(scope="module")
def landing(changing_city: Files) -> Landing:
    return Landing(changing_city, PERIODS)


@pytest.fixture(scope="module")
def truth(changing_city: Files) -> Table:
    return _table(changing_city, "indicators")


@pytest.mark.parametrize("period", PERIODS, ids=lambda period: period.key)
def test_truth_agrees_with_a_count_from_the_files(landing: Landing, truth: Table, period: Period) -> None:
    mine = {key: counts for key, counts in truth.items() if key[2] == period.key}
    assert _differences(mine, rows(landing.quarter(period), period)) == []


def test_the_registers_hold_young_people_who_are_no_patients_yet(landing: Landing) -> None:
    """Otherwise the count above could not tell whether truth leaves them out."""
    patients = landing.quarter(PERIODS[-1]).patients.values()
    young = [patient.registered for patient in patients if patient.age < 35 and patient.registered]
    assert {condition for registered in young for condition in registered} >= {"hypertension", "dyslipidaemia"}


def test_truth_by_month_agrees_with_a_count_and_judges_no_visits_before_one_is_due(tmp_path: Path) -> None:
    months = periods_between("2025-01", "2025-03")
    generate(tmp_path, residents=2000, seed=SEED, first="2025-01", last="2025-03", faults=False)
    files = Files(tmp_path)
    landing, truth = Landing(files, months), _table(files, "indicators")
    for month in months:
        mine = {key: counts for key, counts in truth.items() if key[2] == month.key}
        assert _differences(mine, rows(landing.quarter(month), month)) == []
        assert any("to_specification" in key[3] for key in mine) == (month.key == "2025-03")


def test_rebased_agrees_with_a_count_on_the_last_areas(changing_city: Files, landing: Landing) -> None:
    rebased = _table(changing_city, "rebased")
    last = PERIODS[-1]
    expected: Table = {}
    for period in PERIODS:
        if landing.areas(period) != landing.areas(last):
            expected |= rows(landing.quarter(period), last)
    assert {key[2] for key in rebased} == {period.key for period in PERIODS if period.start < SPLIT.start}
    assert _differences(rebased, expected) == []


def test_truth_lists_every_area_indicator_and_rule_set_once(truth: Table) -> None:
    for period in PERIODS:
        mine = [key for key in truth if key[2] == period.key]
        areas = {(level, area) for level, area, *_ in mine}
        counted = {level: sum(at == level for at, _ in areas) for level in LEVELS}
        merged, split = period.start >= MERGED.start, period.start >= SPLIT.start
        assert counted == {"community": 59 if merged else 60, "township": 11 if split else 10, "county": 2, "city": 1}
        assert all(len(area) == LENGTHS[level] for level, area in areas)
        what = {key[3:] for key in mine}
        assert len(mine) == len(areas) * len(what)
        assert {rule_set for _, rule_set, _ in what} == set(RULES)


def test_truth_knows_every_indicator_of_the_registry(truth: Table) -> None:
    registry = Path(__file__).parents[3] / "data_contracts" / "registry" / "indicators.yaml"
    known = yaml.safe_load(registry.read_text(encoding="utf-8"))
    assert {indicator for _, _, _, indicator, _, _ in truth} == set(known)


def test_only_what_a_rule_set_decides_differs_between_them(truth: Table) -> None:
    differing = set()
    for key, counts in truth.items():
        if counts != truth[(*key[:4], "platform_2011", key[5])]:
            differing.add(key[3])
    deciding = {key[3] for key in truth if key[3].startswith(BY_RULE_SET)}
    assert differing == deciding


def test_a_merged_community_counts_what_its_parts_counted(changing_city: Files, truth: Table) -> None:
    """Before they merged, on the last areas; persons once, should they have lived in both."""
    rebased = _table(changing_city, "rebased")
    parts, whole = ("990101002001", "990101002002"), "990101002101"
    assert not any(key[1] in parts for key in rebased)
    some = 0
    for key in (key for key in truth if key[1] == parts[0]):
        _, _, period, indicator, *_ = key
        assert Period.parse(period).start < MERGED.start
        sums = tuple(map(sum, zip(*(truth[(key[0], part, *key[2:])] for part in parts), strict=True)))
        if indicator != "related_admitted_persons_per_1k":
            assert rebased[(key[0], whole, *key[2:])] == sums
            some += sums[0] > 0
    assert some > 100


def test_a_divided_township_counts_what_both_townships_counted(changing_city: Files, truth: Table) -> None:
    rebased = _table(changing_city, "rebased")
    both = ("990102204", "990102254")
    found: dict[Row, list[Decimal]] = defaultdict(list)
    for key, (numerator, _) in rebased.items():
        if key[1] in both and key[3] != "related_admitted_persons_per_1k":
            found[key[2:]].append(numerator)
    assert found
    for key, numerators in found.items():
        assert len(numerators) == 2
        assert truth[("township", both[0], *key)][0] == sum(numerators)
    assert all(area != both[1] for _, area, period, *_ in truth if period != SPLIT.key)


def test_persons_are_fewer_than_admissions_and_more_than_in_one_community(truth: Table) -> None:
    """Somebody is admitted twice, so a count of admissions in place of persons would be seen."""
    persons = "related_admitted_persons_per_1k"
    for (level, area, period, indicator, *rest), (numerator, denominator) in truth.items():
        if indicator == persons:
            admissions = truth[(level, area, period, "related_admissions_per_1k", *rest)]
            assert numerator <= admissions[0]
            assert denominator == admissions[1]
    city = [(key, counts) for key, counts in truth.items() if key[0] == "city" and key[3] == persons]
    assert any(counts[0] < truth[(*key[:3], "related_admissions_per_1k", *key[4:])][0] for key, counts in city)


def test_a_person_admitted_in_two_communities_counts_once_in_what_is_above_both() -> None:
    """Community 0 and 1 are of one township, community 6 of another."""
    span = spans_between("2024Q1", "2024Q1")[0]
    city = build_city(
        Draws(1, even=False).stream("city"), Shape(counties=1, townships=2, communities=6, rural_counties=0), {}
    )
    persons = pl.DataFrame({"person": [7, 7, 7, 8], "community": [0, 1, 6, 1]})
    zero = np.zeros(12, dtype=np.int64)
    found = {("related_admitted_persons_per_1k", "national_2017", "all"): Count(zero, zero, persons=persons)}
    counted = indicator_rows(found, city.areas(span), span).filter(pl.col("numerator") > 0)
    assert {area: int(number) for area, number in counted.select("area_id", "numerator").iter_rows()} == {
        "990101001001": 1,
        "990101001002": 2,
        "990101002001": 1,
        "990101001": 2,
        "990101002": 1,
        "990101": 2,
        "9901": 2,
    }
