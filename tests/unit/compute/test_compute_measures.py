"""Counts against a plain-Python oracle, and the rules for zero, no data and wrong registry entries."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from assets.compute.marts import mart_columns
from assets.compute.measures import count_measures, measure_inputs
from data_contracts.closed import DefinitionError
from data_contracts.periods import Period
from data_contracts.settings.loading import REGISTRY

WELFARE = "mart__civil_affairs__welfare"
NOW, BEFORE = "2025Q2", "2025Q1"
TREE = {
    "c1": ("t1", "k1", "city"),
    "c2": ("t1", "k1", "city"),
    "c3": ("t2", "k2", "city"),
}
_BODIES = {
    "rows_of_a": "aggregate: count, filter: \"category = 'a'\", window: in_period",
    "records_to_date": "aggregate: sum, column: record_no, where: \"category <> 'b'\", window: year_to_date",
    "persons": "aggregate: count_persons, filter: \"category = 'a'\", window: year_to_date",
    "persons_by_sex": "aggregate: count_persons, window: in_period, by: [sex]",
    "last_is_a": (
        "aggregate: count_persons, where: \"category <> 'c'\", pick: last, filter: \"category = 'a'\", "
        "window: year_to_date"
    ),
    "first_is_a": "aggregate: count, pick: first, filter: \"category = 'a'\", window: year_to_date",
}
MEASURES = "\n".join(f"{key}: {{titles: {{zh: x, en: x}}, mart: {WELFARE}, {body}}}" for key, body in _BODIES.items())

# Of the columns of the list of welfare those that are no text.
_TYPES = {"record_no": pl.Int32(), "event_date": pl.Date(), "start_date": pl.Date(), "has_ended": pl.Boolean()}

_row = st.fixed_dictionaries(
    {
        "period": st.sampled_from([BEFORE, NOW]),
        "area_id": st.sampled_from(["c1", "c2", "c3", "elsewhere", None]),
        "person_id": st.sampled_from(["p1", "p2", "p3", None]),
        "event_date": st.integers(0, 3).map(lambda days: date(2025, 1, 1) + timedelta(days=days)),
        "category": st.sampled_from(["a", "b", "c", None]),
        "sex": st.sampled_from(["F", "M", None]),
    }
)


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["event_date"], row["period"], row["file_id"], row["record_no"]


def _one_per_person(rows: list[dict[str, Any]], last: bool) -> list[dict[str, Any]]:
    chosen: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=_order, reverse=last):
        if row["person_id"] is not None:
            chosen.setdefault(row["person_id"], row)
    return list(chosen.values())


def _oracle(measure: str, rows: list[dict[str, Any]]) -> dict[str, int]:
    """Stratum → value of one measure over the rows of the year to date that lie in one area tree's area.

    `rows` carry `here`, whether they lie in the area; picking looks at all rows, counting at those here.
    """
    now = [row for row in rows if row["period"] == NOW and row["here"]]
    here = [row for row in rows if row["here"]]
    if measure == "rows_of_a":
        return {"all": sum(row["category"] == "a" for row in now)}
    if measure == "records_to_date":
        return {"all": sum(row["record_no"] for row in here if row["category"] in ("a", "c"))}
    if measure == "persons":
        return {"all": len({row["person_id"] for row in here if row["category"] == "a"} - {None})}
    if measure == "persons_by_sex":
        strata = {"all": len({row["person_id"] for row in now} - {None})}
        for sex in ("F", "M", "unknown"):
            strata[f"sex={sex}"] = len({row["person_id"] for row in now if (row["sex"] or "unknown") == sex} - {None})
        return strata
    population = [row for row in rows if row["category"] in ("a", "b")] if measure == "last_is_a" else rows
    picked = _one_per_person(population, last=measure == "last_is_a")
    return {"all": sum(row["here"] and row["category"] == "a" for row in picked)}


@given(rows=st.lists(_row, min_size=1, max_size=14))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # every example writes a home: shrinking would take minutes
)
def test_counts_agree_with_plain_python(make_workshop: Callable[[], Any], rows: list[dict[str, Any]]) -> None:
    workshop = make_workshop()
    workshop.write_settings("measures", MEASURES)
    workshop.put_tree(NOW, TREE)
    full = [{**row, "file_id": row["period"], "record_no": number} for number, row in enumerate(rows, 1)]
    columns = mart_columns(workshop.catalog, WELFARE)
    schema = _TYPES
    for period in (BEFORE, NOW):
        mine = [{name: row.get(name) for name in columns} for row in full if row["period"] == period]
        types = {name: schema.get(name, pl.String) for name in columns}
        workshop.put(WELFARE, period, pl.DataFrame(mine, schema=types))

    counts = count_measures(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))

    # A registered zero differs from a missing row only in strata that never occur.
    found = {
        (level, area, measure, rules, stratum): value
        for level, area, measure, rules, stratum, value in counts.select(
            "area_level", "area_id", "measure_id", "rule_set", "stratum", "value"
        ).iter_rows()
    }
    expected = {}
    for measure in _BODIES:
        window = [row for row in full if measure not in ("rows_of_a", "persons_by_sex") or row["period"] == NOW]
        for number, level in enumerate(("community", "township", "county", "city")):
            areas = {leaf if number == 0 else above[number - 1] for leaf, above in TREE.items()}
            for area in areas:
                inside = {leaf for leaf, above in TREE.items() if area in (leaf, *above)}
                placed = [{**row, "here": row["area_id"] in inside} for row in window]
                for stratum, value in _oracle(measure, placed).items():
                    for rules in ("national_2017", "platform_2011"):
                        expected[level, area, measure, rules, stratum] = Decimal(value)
    mine = {key: value for key, value in found.items() if key[2] in {k[2] for k in expected}}
    unknown = _without_population(full)
    for key, value in expected.items():
        if key[2] in unknown:
            assert key not in mine, key
        elif key[4] != "all":
            assert mine.get(key, Decimal(0)) == value, key
        else:
            assert mine[key] == value, key
    assert set(mine) <= set(expected)


def _without_population(rows: list[dict[str, Any]]) -> set[str]:
    """Measures that nothing is known of: nobody who lies anywhere in their population in their window."""
    rows = [row for row in rows if row["area_id"] is not None]
    if not rows:
        return set(_BODIES)
    categories = {row["category"] for row in rows}
    populations = {"records_to_date": {"a", "c"}, "last_is_a": {"a", "b"}}
    unknown = {measure for measure, population in populations.items() if not categories & population}
    return unknown if any(row["period"] == NOW for row in rows) else unknown | {"rows_of_a", "persons_by_sex"}


def _care(person: str, **more: Any) -> dict[str, Any]:
    return {
        "rule_set": "national_2017",
        "condition": "hypertension",
        "person_id": person,
        "area_id": "c1",
        "sex": "M",
        "age_band": "65+",
        "is_managed": True,
        "is_managed_to_specification": False,
        "is_controlled": False,
        "is_followed_in_period": False,
        **more,
    }


def test_zero_where_nothing_matched_and_no_row_where_there_is_no_data(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    workshop.put_rows("mart__chronic_care", NOW, [_care("p"), _care("p", rule_set="platform_2011", is_managed=False)])
    counts = count_measures(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    managed = {
        (area, rules): int(value)
        for area, rules, value in counts.filter(measure_id="hypertension_managed")
        .select("area_id", "rule_set", "value")
        .iter_rows()
    }
    assert managed["c1", "national_2017"] == managed["t1", "national_2017"] == managed["city", "national_2017"] == 1
    assert managed["c3", "national_2017"] == managed["k2", "national_2017"] == 0
    assert managed["c1", "platform_2011"] == 0
    assert counts.filter(measure_id="admissions").is_empty()
    assert counts.filter(measure_id="population").is_empty()
    assert counts.filter(measure_id="diabetes_managed").is_empty()


def test_what_one_rule_set_does_not_know_is_no_zero_under_it(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    rows = [
        _care("p", is_managed_to_specification=None),
        _care("p", rule_set="platform_2011"),
        _care("q", rule_set="platform_2011", is_managed_to_specification=True),
    ]
    workshop.put_rows("mart__chronic_care", NOW, rows)
    counts = count_measures(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    found = counts.filter(measure_id="hypertension_to_specification", area_id="c1").select("rule_set", "value").rows()
    assert found == [("platform_2011", Decimal(1))]
    managed = counts.filter(measure_id="hypertension_managed", area_id="c1").select("rule_set", "value").rows()
    assert managed == [("national_2017", Decimal(1)), ("platform_2011", Decimal(2))]


def test_a_figure_that_did_not_arrive_is_not_a_zero(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    fact = {"feed": "civil_affairs.population", "fact": "population", "sex": "M", "age_band": "65+"}
    workshop.put_rows("mart__area_facts", NOW, [{**fact, "area_id": "c1", "value": Decimal(0)}])
    counts = count_measures(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    for stratum in ("all", "age=65+"):
        rows = counts.filter(measure_id="population", rule_set="national_2017", stratum=stratum)
        assert sorted(rows["area_id"]) == ["c1", "city", "k1", "t1"]


QUARTERS = ("2024Q4", "2025Q1", "2025Q2", "2025Q3")
_SUMS = "\n".join(
    f"{window}: {{titles: {{zh: x, en: x}}, mart: {WELFARE}, aggregate: count, window: {window}}}"
    for window in ("in_period", "year_to_date", "rolling_12m")
)


@pytest.mark.parametrize(
    ("by", "lost", "known"),
    [
        ("delivery", None, {"in_period": 1, "year_to_date": 3, "rolling_12m": 4}),
        ("delivery", "2024Q4", {"in_period": 1, "year_to_date": 3}),
        ("delivery", "2025Q1", {"in_period": 1}),
        ("delivery", "2025Q2", {"in_period": 1}),
        ("delivery", "2025Q3", {}),
        ("calendar", "2024Q4", {"in_period": 1, "year_to_date": 3}),
        ("calendar", "2025Q1", {"in_period": 1}),
        ("calendar", "2025Q2", {"in_period": 1}),
    ],
)
def test_a_window_with_a_gap_has_no_sum(workshop: Any, by: str, lost: str | None, known: dict[str, int]) -> None:
    workshop.write_settings("measures", _SUMS)
    if by == "calendar" and lost is not None:
        home = workshop.home.path / "home.yaml"
        first = QUARTERS[QUARTERS.index(lost) + 1]
        home.write_text(home.read_text(encoding="utf-8").replace("first: 2024Q1", f"first: {first}"), encoding="utf-8")
    columns = mart_columns(workshop.catalog, WELFARE)
    types = dict.fromkeys(columns, pl.String) | _TYPES
    for period in QUARTERS:
        workshop.put_tree(period, TREE)
        if period != lost or by == "calendar":
            row = {"file_id": period, "record_no": 1, "period": period, "area_id": "c1"}
            workshop.put(WELFARE, period, pl.DataFrame([{name: row.get(name) for name in columns}], schema=types))
    last = Period.parse(QUARTERS[-1])
    counts = count_measures(workshop.home, workshop.settings, workshop.catalog, last)
    own = counts.filter(pl.col("measure_id").is_in(["in_period", "year_to_date", "rolling_12m"]), area_id="c1")
    found = own.filter(rule_set="national_2017").select("measure_id", "value").rows()
    assert {measure: int(value) for measure, value in found} == known


def test_records_that_lie_nowhere_are_no_zero_for_every_area(workshop: Any) -> None:
    workshop.write_settings("measures", _SUMS)
    workshop.put_tree(NOW, TREE)
    columns = mart_columns(workshop.catalog, WELFARE)
    types = dict.fromkeys(columns, pl.String) | _TYPES
    row = {"file_id": "f", "record_no": 1, "period": NOW}
    for area, expected in ((None, []), ("elsewhere", [0, 0, 0])):
        frame = pl.DataFrame([{name: (row | {"area_id": area}).get(name) for name in columns}], schema=types)
        workshop.put(WELFARE, NOW, frame)
        counts = count_measures(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
        mine = counts.filter(measure_id="in_period", area_level="community", rule_set="national_2017")
        assert [int(value) for value in mine["value"]] == expected


def test_without_area_tree_there_are_no_counts(workshop: Any) -> None:
    assert count_measures(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW)).is_empty()


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ("aggregate: count, filter: \"categry = 'a'\"", "no column 'categry'"),
        ("aggregate: sum, column: amunt", "no column 'amunt'"),
        ('aggregate: count, filter: "exists (select 1)"', "not among the allowed"),
        ("aggregate: count, by: [age_band], where: \"read_text('x') = ''\"", "not among the allowed"),
    ],
)
def test_wrong_measure_is_named(workshop: Any, entry: str, named: str) -> None:
    workshop.write_settings(
        "measures", f"odd: {{titles: {{zh: x, en: x}}, mart: {WELFARE}, window: in_period, {entry}}}"
    )
    workshop.put_tree(NOW, TREE)
    with pytest.raises(DefinitionError, match=named) as error:
        count_measures(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    assert "measures.yaml: odd" in str(error.value)


def test_inputs_cover_the_window(workshop: Any) -> None:
    inputs = measure_inputs(workshop.settings, workshop.catalog, Period.parse(NOW))
    assert ("mart__health_bureau__fund_ledger", BEFORE) in inputs
    assert ("mart__chronic_care", BEFORE) not in inputs
    assert ("mart__area_closure", NOW) in inputs


def test_threads_change_no_count(workshop: Any) -> None:
    workshop.write_settings("measures", MEASURES)
    workshop.put_tree(NOW, TREE)
    columns = mart_columns(workshop.catalog, WELFARE)
    rows = [
        {
            "file_id": "f",
            "record_no": number,
            "period": NOW,
            "event_date": date(2025, 1, 1) + timedelta(days=number * 7 % 5),
            "person_id": f"p{number * 31 % 1500}",
            "area_id": f"c{number * 17 % 3 + 1}",
            "sex": "FM"[number % 2],
            "category": "abc"[number * 13 % 7 % 3],
        }
        for number in range(4000)
    ]
    types = _TYPES
    schema = {name: types.get(name, pl.String) for name in columns}
    workshop.put(WELFARE, NOW, pl.DataFrame([{name: row.get(name) for name in columns} for row in rows], schema=schema))
    limits = (REGISTRY / "limits.yaml").read_text(encoding="utf-8")
    found = []
    for threads in (1, 2):
        workshop.write_settings("limits", re.sub(r"threads: \d+", f"threads: {threads}", limits))
        assert workshop.settings.limits.threads == threads
        found.append(count_measures(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW)))
    assert found[0].equals(found[1])
    assert not found[0].is_empty()
