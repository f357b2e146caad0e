"""Marts from staging parts: which rows enter, which tables are needed, what is refused."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

import data_contracts
from assets.compute.marts import build_link, build_mart, mart_columns, mart_names
from assets.compute.plan import RULES_READ, link_inputs, mart_inputs, marts_and_inputs
from assets.lake import parts
from data_contracts.closed import DefinitionError, read_yaml
from data_contracts.contracts import Catalog
from data_contracts.periods import Period
from sql.text import read

NOW, BEFORE = "2025Q2", "2025Q1"
FOLLOW_UPS = ("followups_hypertension", "followups_diabetes", "followups_dyslipidaemia")
HAND_WRITTEN = (
    "mart__chronic_care",
    "mart__chronic_costs",
    "mart__contract_renewals",
    "mart__elderly_care",
    "mart__encounters",
    "mart__three_highs",
)


def _resident(key: str, community: str = "c1", **more: Any) -> dict[str, Any]:
    day = date(2020, 1, 1)
    return {
        "person_key": key,
        "person_id_class": "id18",
        "sex": "F",
        "birth_date": date(1950, 1, 1),
        "community_id": community,
        "archive_date": day,
        "event_date": day,
        "archive_status": "active",
        "is_hypertension_registered": True,
        "is_diabetes_registered": False,
        **more,
    }


def _area(community: str, rural: bool = False) -> dict[str, Any]:
    return {
        "community_id": community,
        "community_name": f"社区{community}",
        "community_name_en": None,
        "township_id": "t1",
        "township_name": "镇",
        "county_id": "k1",
        "county_name": "县",
        "city_id": "city",
        "city_name": "市",
        "city_name_en": "City",
        "urban_rural_code": "111",
        "is_rural": rural,
    }


def _visit(key: str, day: date, number: str) -> dict[str, Any]:
    return {
        "person_key": key,
        "person_id_class": "id15",
        "event_date": day,
        "followup_date": day,
        "followup_no": number,
        "visit_mode": "home",
        "sbp_mmhg": 120,
        "dbp_mmhg": 80,
    }


def _people(workshop: Any, period: str) -> None:
    workshop.stage("health_bureau.residents", period, [_resident("a"), _resident("b", archive_status="dead")])
    workshop.stage("health_bureau.followups_hypertension", period, [_visit("a", Period.parse(period).start, period)])
    workshop.build(build_link, "link__persons", period)
    for mart in ("mart__residents", "mart__health_bureau__followups_hypertension"):
        workshop.build(build_mart, mart, period)
    _nothing_in(workshop, period, "exams")


def _nothing_in(workshop: Any, period: str, *feeds: str) -> None:
    """A delivery of the bureau without a record of anybody."""
    for feed in feeds:
        workshop.stage(f"health_bureau.{feed}", period, [])
        workshop.build(build_mart, f"mart__health_bureau__{feed}", period)


def test_crosswalk_says_who_is_in_the_register(workshop: Any) -> None:
    workshop.stage("health_bureau.residents", NOW, [_resident("a")])
    workshop.stage(
        "health_bureau.followups_hypertension",
        NOW,
        [_visit("a", date(2025, 4, 1), "1"), _visit("z", date(2025, 4, 1), "2")],
    )
    link = workshop.build(build_link, "link__persons", NOW)
    assert link.select("person_key", "match_class", "in_register").rows() == [("a", "id18", True), ("z", "id15", False)]


def test_residents_then_records_then_care(workshop: Any) -> None:
    _people(workshop, BEFORE)
    _people(workshop, NOW)
    care = workshop.build(build_mart, "mart__chronic_care", NOW)
    assert care.select(
        "rule_set", "person_id", "area_id", "is_managed", "is_controlled", "is_followed_in_period"
    ).rows() == [
        ("national_2017", "a", "c1", True, True, True),
        ("platform_2011", "a", "c1", True, True, True),
    ]
    visits = workshop.build(build_mart, "mart__health_bureau__followups_hypertension", NOW)
    assert list(visits.columns) == mart_columns(workshop.catalog, "mart__health_bureau__followups_hypertension")
    assert visits.select("person_id", "area_id", "sex", "age_band").rows() == [("a", "c1", "F", "65+")]
    assert not {"person_key", "row_hash", "warnings"} & set(visits.columns)


def test_rows_that_are_not_current_do_not_enter(workshop: Any) -> None:
    workshop.stage("civil_affairs.welfare", NOW, [{"beneficiary_no": n, "community_id": "c1"} for n in "xyz"])
    staged = parts.read_table(workshop.home, "stg_civil_affairs__welfare", [NOW])
    assert staged is not None
    hidden = staged.filter(beneficiary_no="y").select("file_id", "record_no", pl.lit("superseded").alias("verdict"))
    workshop.put("sel__civil_affairs__welfare", NOW, hidden)
    mart = workshop.build(build_mart, "mart__civil_affairs__welfare", NOW)
    assert mart["beneficiary_no"].to_list() == ["x", "z"]


def test_no_data_is_none_not_an_empty_mart(workshop: Any) -> None:
    for mart in mart_names(workshop.catalog):
        assert build_mart(workshop.home, workshop.settings, workshop.catalog, mart, Period.parse(NOW)) is None
    assert build_link(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW)) is None


def test_care_needs_the_follow_ups_of_the_period_itself(workshop: Any) -> None:
    _people(workshop, BEFORE)
    workshop.stage("health_bureau.residents", NOW, [_resident("a")])
    workshop.build(build_link, "link__persons", NOW)
    workshop.build(build_mart, "mart__residents", NOW)
    assert workshop.build(build_mart, "mart__chronic_care", NOW) is None


def test_areas_and_their_closure(workshop: Any) -> None:
    workshop.stage("civil_affairs.areas", NOW, [_area("c1", rural=True), _area("c2")])
    closure = workshop.build(build_mart, "mart__area_closure", NOW)
    areas = workshop.build(build_mart, "mart__areas", NOW)
    assert closure.height == 8
    assert areas.select(
        "area_level", "area_id", "area_name", "area_name_en", "parent_id", "is_rural", "leaf_count"
    ).rows() == [
        ("city", "city", "市", "City", None, None, 2),
        ("community", "c1", "社区c1", None, "t1", True, 1),
        ("community", "c2", "社区c2", None, "t1", False, 1),
        ("county", "k1", "县", None, "city", None, 2),
        ("township", "t1", "镇", None, "k1", None, 2),
    ]


def test_area_facts_keep_zero_and_drop_missing(workshop: Any) -> None:
    row = {"community_id": "c1", "community_name": "x", "population_m_65_plus": 7, "population_f_65_plus": 0}
    workshop.stage("civil_affairs.population", NOW, [row])
    facts = workshop.build(build_mart, "mart__area_facts", NOW)
    shown = facts.select("feed", "fact", "area_id", "sex", "age_band", pl.col("value").cast(pl.Int64)).rows()
    assert shown == [
        ("civil_affairs.population", "population", "c1", "F", "65+", 0),
        ("civil_affairs.population", "population", "c1", "M", "65+", 7),
    ]


def test_a_home_with_other_levels_is_told_so(workshop: Any) -> None:
    text = (workshop.home.path / "home.yaml").read_text(encoding="utf-8").replace("id: township", "id: ward")
    (workshop.home.path / "home.yaml").write_text(text, encoding="utf-8")
    workshop.stage("civil_affairs.areas", NOW, [_area("c1")])
    with pytest.raises(DefinitionError, match="no level 'township'"):
        workshop.build(build_mart, "mart__area_closure", NOW)


def test_marts_follow_from_the_feeds_of_a_home() -> None:
    whole = marts_and_inputs(Catalog.load())
    assert whole["mart__chronic_care"] == (
        "mart__residents",
        "mart__health_bureau__followups_hypertension",
        "mart__health_bureau__followups_diabetes",
        "mart__health_bureau__followups_dyslipidaemia",
        "mart__health_bureau__exams",
    )
    assert not any("device_readings" in name for mart in whole for name in whole[mart] if mart in HAND_WRITTEN)
    assert list(whole).index("mart__residents") < list(whole).index("mart__hospitals__encounters")
    few = marts_and_inputs(Catalog.load(use=["civil_affairs.population", "hospitals.encounters"]))
    assert few == {
        "mart__hospitals__encounters": ("stg_hospitals__encounters", "link__persons"),
        "mart__area_facts": ("stg_civil_affairs__population",),
    }


def test_inputs_name_every_part_that_decides() -> None:
    catalog = Catalog.load()
    care = mart_inputs(catalog, "mart__chronic_care", Period.parse(NOW))
    assert care == [
        ("mart__residents", NOW),
        *(
            (f"mart__health_bureau__{feed}", period)
            for feed in ("followups_hypertension", "followups_diabetes", "followups_dyslipidaemia", "exams")
            for period in (BEFORE, NOW)
        ),
    ]
    assert ("sel__hospitals__encounters", NOW) in mart_inputs(catalog, "mart__hospitals__encounters", Period.parse(NOW))
    assert ("stg_health_bureau__residents", NOW) in link_inputs(catalog, Period.parse(NOW))


def _stage_people(workshop: Any, period: str, *people: dict[str, Any]) -> None:
    workshop.stage("health_bureau.residents", period, people)
    workshop.build(build_link, "link__persons", period)
    workshop.build(build_mart, "mart__residents", period)


def _stage_visits(workshop: Any, feed: str, period: str, rows: list[dict[str, Any]]) -> None:
    workshop.stage(f"health_bureau.{feed}", period, rows)
    workshop.build(build_link, "link__persons", period)
    workshop.build(build_mart, f"mart__health_bureau__{feed}", period)


def _sugar_visit(key: str, day: date, number: str) -> dict[str, Any]:
    kept = {name: value for name, value in _visit(key, day, number).items() if not name.endswith("mmhg")}
    return {**kept, "glucose_mmol_l": None, "glucose_test": "fasting"}


def test_a_reading_of_a_device_is_no_follow_up(workshop: Any) -> None:
    day = date(2025, 4, 1)
    _nothing_in(workshop, BEFORE, "followups_hypertension")
    _stage_people(workshop, NOW, _resident("a"), _resident("b"))
    device = {"person_key": "a", "person_id_class": "id18", "event_date": day, "measured_on": day, "reading_no": "1"}
    workshop.stage("health_bureau.device_readings", NOW, [{**device, "sbp_mmhg": 120, "dbp_mmhg": 80}])
    _stage_visits(workshop, "followups_hypertension", NOW, [_visit("b", day, "1")])
    workshop.build(build_mart, "mart__health_bureau__device_readings", NOW)
    care = workshop.build(build_mart, "mart__chronic_care", NOW)
    assert care.filter(rule_set="platform_2011").select("person_id", "is_managed", "is_controlled").rows() == [
        ("a", False, False),
        ("b", True, True),
    ]


def test_conditions_whose_follow_ups_did_not_arrive_have_no_rows(workshop: Any) -> None:
    day = date(2025, 4, 1)
    _stage_people(workshop, NOW, _resident("a", is_diabetes_registered=True, is_dyslipidaemia_registered=True))
    _stage_visits(workshop, "followups_hypertension", NOW, [_visit("a", day, "1")])
    care = workshop.build(build_mart, "mart__chronic_care", NOW)
    assert set(care["condition"]) == {"hypertension"}
    assert workshop.build(build_mart, "mart__three_highs", NOW) is None


def test_the_three_conditions_stand_together_when_all_have_arrived(workshop: Any) -> None:
    day = date(2025, 4, 1)
    _nothing_in(workshop, BEFORE, *FOLLOW_UPS, "exams")
    _nothing_in(workshop, NOW, "exams")
    _stage_people(workshop, NOW, _resident("a", is_diabetes_registered=True))
    _stage_visits(workshop, "followups_hypertension", NOW, [_visit("a", day, "1")])
    _stage_visits(workshop, "followups_diabetes", NOW, [_sugar_visit("a", day, "1")])
    lipids = {name: v for name, v in _sugar_visit("b", day, "1").items() if not name.startswith("glucose")}
    _stage_visits(workshop, "followups_dyslipidaemia", NOW, [{**lipids, "ldl_mmol_l": None}])
    workshop.build(build_mart, "mart__chronic_care", NOW)
    joint = workshop.build(build_mart, "mart__three_highs", NOW)
    shown = joint.filter(rule_set="national_2017").select("person_id", "registrations_managed", "is_all_controlled")
    assert shown.rows() == [("a", 2, False)]


QUARTERS = ("2025Q1", "2025Q2", "2025Q3")


@pytest.mark.parametrize(
    ("missing", "arrived"), [((), True), (("2025Q1",), False), (("2025Q2",), False), (("2025Q3",), False)]
)
@pytest.mark.parametrize("lost", ["followups_hypertension", "exams"])
def test_a_year_to_date_with_a_gap_is_not_known(
    workshop: Any, lost: str, missing: tuple[str, ...], arrived: bool
) -> None:
    last = QUARTERS[-1]
    _stage_people(workshop, last, _resident("a", is_diabetes_registered=True))
    for period in QUARTERS:
        _nothing_in(
            workshop, period, *(feed for feed in (*FOLLOW_UPS, "exams") if feed != lost or period not in missing)
        )
        workshop.stage("insurers.settlements", period, [])
        workshop.build(build_mart, "mart__insurers__settlements", period)
    if lost != "followups_hypertension":
        _stage_visits(workshop, "followups_hypertension", last, [_visit("a", date(2025, 7, 1), "1")])
    care = workshop.build(build_mart, "mart__chronic_care", last)
    known = {key: set() for key in ("national_2017", "platform_2011")}
    for rules, condition, managed in care.select("rule_set", "condition", "is_managed").rows():
        known[rules] |= {condition} if managed is not None else set()
    both = {"hypertension", "diabetes"}
    unknown = both if lost == "exams" else {lost.removeprefix("followups_")}
    assert known["national_2017"] == (both if arrived else both - unknown)
    # Without examinations in its rules the other rule set knows all the same.
    assert known["platform_2011"] == (both if arrived or lost == "exams" else both - unknown)
    for mart in ("mart__three_highs", "mart__chronic_costs", "mart__elderly_care"):
        needs = {"exams"} if mart == "mart__elderly_care" else set(FOLLOW_UPS)
        assert (workshop.build(build_mart, mart, last) is not None) == (arrived or lost not in needs), mart


def test_a_quarter_before_the_calendar_is_a_gap_even_if_something_is_left_of_it(workshop: Any) -> None:
    for period in QUARTERS:
        _nothing_in(workshop, period, "exams")
    _stage_people(workshop, QUARTERS[-1], _resident("a"))
    assert workshop.build(build_mart, "mart__elderly_care", QUARTERS[-1]) is not None
    home = workshop.home.path / "home.yaml"
    home.write_text(home.read_text(encoding="utf-8").replace("first: 2024Q1", "first: 2025Q2"), encoding="utf-8")
    assert workshop.build(build_mart, "mart__elderly_care", QUARTERS[-1]) is None


def test_settlements_with_a_gap_are_no_cost_of_the_year(workshop: Any) -> None:
    last = QUARTERS[-1]
    _stage_people(workshop, last, _resident("a"))
    for period in QUARTERS:
        _nothing_in(workshop, period, *FOLLOW_UPS, "exams")
    workshop.build(build_mart, "mart__chronic_care", last)
    for period in ("2025Q3", "2025Q1", "2025Q2"):
        assert workshop.build(build_mart, "mart__chronic_costs", last) is None
        workshop.stage("insurers.settlements", period, [])
        workshop.build(build_mart, "mart__insurers__settlements", period)
    assert workshop.build(build_mart, "mart__chronic_costs", last) is not None


def test_nobody_is_known_to_be_in_a_register_that_did_not_arrive(workshop: Any) -> None:
    row = {"beneficiary_no": "1", "community_id": "c1", "person_key": "a", "person_id_class": "id18"}
    workshop.stage("civil_affairs.welfare", NOW, [row])
    workshop.build(build_link, "link__persons", NOW)
    listed = workshop.build(build_mart, "mart__civil_affairs__welfare", NOW)
    assert listed.select("person_id", "is_in_register").rows() == [("a", None)]
    _stage_people(workshop, NOW, _resident("b"))
    listed = workshop.build(build_mart, "mart__civil_affairs__welfare", NOW)
    assert listed.select("person_id", "is_in_register").rows() == [("a", False)]


def test_a_register_without_the_new_columns_still_makes_residents(workshop: Any) -> None:
    source = Path(data_contracts.__file__).parent / "feeds" / "health_bureau.residents" / "2017-01-01.yaml"
    document = read_yaml(source)
    gone = ("is_hypertension_registered", "is_dyslipidaemia_registered", "hypertension_registered_on")
    properties = document["schema"][0]["properties"]
    document["schema"][0]["properties"] = [item for item in properties if item["name"] not in gone]
    folder = workshop.home.contracts / "feeds" / "health_bureau.residents"
    folder.mkdir(parents=True)
    (folder / source.name).write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    own = replace(workshop, catalog=Catalog.load(workshop.home.contracts))
    row = {name: value for name, value in _resident("a").items() if name not in gone}
    _stage_people(own, NOW, row)
    people = parts.read_table(own.home, "mart__residents", [NOW])
    assert people is not None
    assert people.select("person_id", "is_diabetes_registered", *gone).rows() == [("a", False, None, None, None)]


def test_a_rule_set_that_lacks_a_parameter_is_named(workshop: Any) -> None:
    rules = read_yaml(Path(data_contracts.__file__).parent / "registry" / "rule_sets.yaml")
    for entry in rules.values():
        del entry["parameters"]["patient_age_years"]
    workshop.write_settings("rule_sets", yaml.safe_dump(rules, allow_unicode=True))
    _people(workshop, NOW)
    with pytest.raises(DefinitionError, match="'patient_age_years' is not stated, and mart__chronic_care needs it"):
        workshop.build(build_mart, "mart__chronic_care", NOW)


def test_the_parameters_that_marts_count_on_are_those_of_their_sql_and_of_the_package() -> None:
    rules = read_yaml(Path(data_contracts.__file__).parent / "registry" / "rule_sets.yaml")
    stated = set(rules["national_2017"]["parameters"])
    for mart in HAND_WRITTEN:
        words = set(re.findall(r"\b[a-z_]+\b", "\n".join(x.split("--")[0] for x in read(mart).splitlines())))
        assert set(RULES_READ.get(mart, ())) == words & stated, mart
    assert stated == {name for names in RULES_READ.values() for name in names}
