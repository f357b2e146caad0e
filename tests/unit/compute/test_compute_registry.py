"""What the shipped measures count, at the edges of their conditions; the expected answers are written by hand."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from assets.compute.indicators import indicator_values
from assets.compute.marts import _record_schema, mart_columns
from assets.compute.measures import count_measures
from data_contracts.periods import Period

NOW = "2025Q4"
TREE = {"c1": ("t1", "k1", "city"), "c2": ("t1", "k1", "city")}


def _counted(workshop: Any, measure: str, area: str = "city", stratum: str = "all") -> int | None:
    counts = count_measures(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    rows = counts.filter(measure_id=measure, area_id=area, rule_set="national_2017", stratum=stratum)
    return int(rows["value"].item()) if rows.height else None


def _encounter(number: int, **more: Any) -> dict[str, Any]:
    return {
        "encounter_no": str(number),
        "person_id": f"p{number}",
        "area_id": "c1",
        "encounter_class": "inpatient",
        "diagnosis_category": "I10",
        "diagnosis_subcategory": "x",
        "is_chronic_registered": True,
        **more,
    }


def _put_encounters(workshop: Any, rows: list[dict[str, Any]], earlier: list[dict[str, Any]] | None = None) -> None:
    """Encounters of the last quarter and of the one before; in the others of the year nobody came."""
    for period, of_period in (("2025Q1", []), ("2025Q2", []), ("2025Q3", earlier or []), (NOW, rows)):
        workshop.put_rows("mart__encounters", period, of_period)


@pytest.mark.parametrize(
    ("category", "subcategory", "related"),
    [
        ("I09", "9", 0), ("I10", None, 1), ("I10", "x", 1), ("I13", "9", 1), ("I14", None, 0), ("I15", "0", 0),
        ("I20", "0", 1), ("I25", "9", 1), ("I26", "0", 0), ("I59", None, 0), ("I60", "0", 1), ("I69", "4", 1),
        ("I70", "0", 0), ("E09", "2", 0), ("E10", "0", 1), ("E11", "8", 1), ("E11", "9", 0), ("E11", None, 0),
        ("E11", "x", 0), ("E14", "7", 1), ("E15", "0", 0), ("N17", "0", 0), ("N18", "9", 1), ("N19", None, 0),
        ("O10", "0", 0), ("G45", "9", 0), (None, None, 0),
    ],
)  # fmt: skip
def test_related_admissions_are_those_of_the_declared_list(
    workshop: Any, category: str | None, subcategory: str | None, related: int
) -> None:
    workshop.put_tree(NOW, TREE)
    case = {"diagnosis_category": category, "diagnosis_subcategory": subcategory}
    rows = [
        _encounter(1, **case),
        _encounter(2, **case, encounter_class="outpatient"),
        _encounter(3, **case, is_chronic_registered=False),
    ]
    _put_encounters(workshop, rows)
    assert _counted(workshop, "admissions_related") == related


def test_admissions_and_persons_are_both_counted_over_the_year_to_date(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    earlier = [_encounter(1, person_id="p"), _encounter(2, person_id="p")]
    _put_encounters(workshop, [_encounter(3, person_id="p"), _encounter(4, person_id="q")], earlier)
    assert (_counted(workshop, "admissions_related"), _counted(workshop, "persons_admitted_related")) == (4, 2)


def test_visits_of_known_level_and_those_in_primary_care_of_the_period(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    visit = {"encounter_class": "outpatient", "institution_level": "primary"}
    workshop.put_rows("mart__encounters", "2025Q3", [_encounter(9, **visit)])
    rows = [
        _encounter(1, **visit),
        _encounter(2, **(visit | {"encounter_class": "emergency"})),
        _encounter(3, **(visit | {"institution_level": "tertiary"})),
        _encounter(4, **(visit | {"institution_level": None})),
        _encounter(5, **(visit | {"encounter_class": "inpatient"})),
        _encounter(6, **visit, area_id=None),
    ]
    workshop.put_rows("mart__encounters", NOW, rows)
    assert (_counted(workshop, "visits_primary"), _counted(workshop, "visits_known_level")) == (2, 3)


def _put_records(workshop: Any, mart: str, rows: list[dict[str, Any]]) -> None:
    feed = next(feed for feed in workshop.catalog.current() if feed.mart == mart)
    schema = _record_schema(feed)
    assert list(schema) == mart_columns(workshop.catalog, mart)
    full = [{"file_id": "f", "record_no": n, "period": NOW, **row} for n, row in enumerate(rows, 1)]
    workshop.put(mart, NOW, pl.DataFrame([{name: row.get(name) for name in schema} for row in full], schema=schema))


def test_linkage_is_of_records_those_without_identity_included(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    rows = [
        {"area_id": "c1", "person_id": "p", "is_in_register": True},
        {"area_id": "c1", "person_id": "p", "is_in_register": True},
        {"area_id": "c1", "person_id": "q", "is_in_register": False},
        {"area_id": "c1", "person_id": None, "is_in_register": False},
    ]
    _put_records(workshop, "mart__civil_affairs__welfare", rows)
    assert (_counted(workshop, "welfare_records_linked"), _counted(workshop, "welfare_records")) == (2, 4)


def test_who_is_on_a_welfare_list_counts_once_and_not_when_every_benefit_has_ended(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    rows = [
        {"area_id": "c1", "person_id": "goes_on", "has_ended": None},
        {"area_id": "c1", "person_id": "still", "has_ended": False},
        {"area_id": "c1", "person_id": "one_of_two", "has_ended": True},
        {"area_id": "c1", "person_id": "one_of_two", "has_ended": None},
        {"area_id": "c1", "person_id": "over", "has_ended": True},
        {"area_id": "c1", "person_id": None, "has_ended": None},
    ]
    _put_records(workshop, "mart__civil_affairs__welfare", rows)
    assert _counted(workshop, "welfare_recipients") == 3


def test_a_resident_with_two_contracts_counts_once_and_only_contracts_with_items_due_can_be_fulfilled(
    workshop: Any,
) -> None:
    workshop.put_tree(NOW, TREE)
    rows = [
        {"person_id": "p", "is_in_force": True, "items_due": 4, "is_fulfilled": True},
        {"person_id": "p", "is_in_force": True, "items_due": 4, "is_fulfilled": False},
        {"person_id": "q", "is_in_force": True, "items_due": 0, "is_fulfilled": True},
        {"person_id": "r", "is_in_force": False, "items_due": 4, "is_fulfilled": True},
    ]
    _put_records(workshop, "mart__health_bureau__contracts", [{"area_id": "c1", **row} for row in rows])
    found = {name: _counted(workshop, name) for name in ("contracted", "contracts_in_force", "contracts_fulfilled")}
    assert found == {"contracted": 2, "contracts_in_force": 2, "contracts_fulfilled": 1}


def test_general_practitioners_in_post_are_summed_in_full_time_equivalents(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    rows = [
        {"post": "general_practitioner", "fte": Decimal("0.50"), "is_in_post": True},
        {"post": "general_practitioner", "fte": Decimal("1.00"), "is_in_post": True},
        {"post": "general_practitioner", "fte": Decimal("1.00"), "is_in_post": False},
        {"post": "nurse", "fte": Decimal("1.00"), "is_in_post": True},
    ]
    _put_records(workshop, "mart__health_bureau__staff", [{"area_id": "c1", **row} for row in rows])
    counts = count_measures(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    rows_found = counts.filter(measure_id="general_practitioners", area_id="c1", rule_set="national_2017")
    assert rows_found["value"].to_list() == [Decimal("1.500000")]


def test_three_conditions_by_registration_and_by_person_are_different_figures(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    base = {"rule_set": "national_2017", "area_id": "c1", "sex": "F", "age_band": "65+"}
    names = ("registrations_managed", "registrations_to_specification", "registrations_controlled",
             "is_all_to_specification", "is_all_controlled")  # fmt: skip
    people = {"a": (3, 3, 2, True, False), "b": (2, 1, 1, False, False), "c": (1, 1, 1, True, True)}
    rows = [{**base, "person_id": person, **dict(zip(names, values, strict=True))} for person, values in people.items()]
    many = [{**row, "person_id": f"{row['person_id']}{n}"} for row in rows for n in range(10)]
    workshop.put_rows("mart__three_highs", NOW, many)
    counts = count_measures(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    workshop.put("ind__counts", NOW, counts)
    values = indicator_values(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    shown = {
        key: (int(top), int(bottom))
        for key, top, bottom in values.filter(
            pl.col("indicator_id").str.starts_with("three_highs"), area_id="city", rule_set="national_2017"
        )
        .select("indicator_id", "numerator", "denominator")
        .iter_rows()
    }
    assert shown == {
        "three_highs_to_specification_pct": (50, 60),
        "three_highs_control_pct": (40, 60),
        "three_highs_all_of_to_specification_pct": (20, 30),
        "three_highs_all_of_control_pct": (10, 30),
    }


def test_archives_and_population_meet_in_every_age_band(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    residents = [
        ("p1", "0-14", "c1"),
        ("p2", "65+", "c1"),
        ("p3", "65+", "c1"),
        ("p4", None, "c1"),
        ("p5", "15-34", "c2"),
    ]
    workshop.put_rows(
        "mart__residents", NOW, [{"person_id": p, "area_id": area, "age_band": band} for p, band, area in residents]
    )
    facts = [("0-14", 500), ("15-34", 300), ("65+", 200)]
    fact = {"feed": "civil_affairs.population", "fact": "population", "area_id": "c1", "sex": "F"}
    workshop.put_rows("mart__area_facts", NOW, [{**fact, "age_band": b, "value": Decimal(n)} for b, n in facts])
    workshop.put(
        "ind__counts", NOW, count_measures(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    )
    values = indicator_values(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    rows = values.filter(indicator_id="archive_coverage_pct", area_id="c1", rule_set="national_2017")
    found = {stratum: (int(a), int(b)) for stratum, a, b in rows.select("stratum", "numerator", "denominator").rows()}
    assert found == {"all": (4, 1000), "age=0-14": (1, 500), "age=15-34": (0, 300), "age=65+": (2, 200)}
