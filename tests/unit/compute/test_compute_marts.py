"""Marts from staging parts: which rows enter, which tables are needed, what is refused."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from assets.compute.marts import build_link, build_mart, mart_columns, mart_names
from assets.compute.plan import link_inputs, mart_inputs, marts_and_inputs
from assets.lake import parts
from data_contracts.closed import DefinitionError
from data_contracts.contracts import Catalog
from data_contracts.periods import Period

NOW, BEFORE = "2025Q2", "2025Q1"


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
    care = workshop.build(build_mart, "mart__hypertension_care", NOW)
    assert care.select(
        "rule_set", "person_id", "area_id", "is_managed", "is_controlled", "is_followed_in_period"
    ).rows() == [
        ("any_age_140_90", "a", "c1", True, True, True),
        ("national_2017", "a", "c1", True, True, True),
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
    assert workshop.build(build_mart, "mart__hypertension_care", NOW) is None


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
    assert whole["mart__hypertension_care"] == ("mart__residents", "mart__health_bureau__followups_hypertension")
    assert list(whole).index("mart__residents") < list(whole).index("mart__hospitals__encounters")
    few = marts_and_inputs(Catalog.load(use=["civil_affairs.population", "hospitals.encounters"]))
    assert few == {
        "mart__hospitals__encounters": ("stg_hospitals__encounters", "link__persons"),
        "mart__area_facts": ("stg_civil_affairs__population",),
    }


def test_inputs_name_every_part_that_decides() -> None:
    catalog = Catalog.load()
    care = mart_inputs(catalog, "mart__hypertension_care", Period.parse(NOW))
    assert care == [
        ("mart__residents", NOW),
        ("mart__health_bureau__followups_hypertension", BEFORE),
        ("mart__health_bureau__followups_hypertension", NOW),
    ]
    assert ("sel__hospitals__encounters", NOW) in mart_inputs(catalog, "mart__hospitals__encounters", Period.parse(NOW))
    assert ("stg_health_bureau__residents", NOW) in link_inputs(catalog, Period.parse(NOW))
