"""Which indicators a doubtful feed or column hurts: exactly those that would move if it were wrong."""

from typing import Any

import pytest

from assets.compute.readers import feeds_of, hurt_by
from data_contracts.contracts import Catalog
from data_contracts.settings.loading import load_settings
from data_contracts.settings.resolved import Settings

PRESSURE, GLUCOSE = "health_bureau.followups_hypertension", "health_bureau.followups_diabetes"
REGISTER, SURVEY, ENCOUNTERS = "health_bureau.residents", "health_bureau.survey", "hospitals.encounters"


_HOME = """
format: 1
name: {zh: 测试市, en: Test city}
level: city
calendar: {grain: quarter, first: 2025Q1, last: 2025Q4}
levels: [{id: community, titles: {zh: 社区, en: Community}}, {id: city, titles: {zh: 市, en: City}}]
rule_sets: [national_2017]
"""


@pytest.fixture(scope="module")
def bureau(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Catalog]:
    home = tmp_path_factory.mktemp("home")
    (home / "home.yaml").write_text(_HOME, encoding="utf-8")
    return load_settings(home), Catalog.load()


@pytest.fixture(scope="module")
def hurts(bureau: tuple[Settings, Catalog]) -> dict[tuple[str, str | None], set[str]]:
    return {place: set(named) for place, named in hurt_by(*bureau).items()}


def test_a_reading_hurts_the_control_of_its_own_condition_and_of_all_together(hurts: Any) -> None:
    hit = hurts[PRESSURE, "sbp_mmhg"]
    assert "chronic_hypertension_control_pct" in hit
    assert "three_highs_control_pct" in hit
    assert not hit & {"chronic_diabetes_control_pct", "chronic_lipid_control_pct", "contract_coverage_pct"}
    assert "chronic_diabetes_control_pct" in hurts[GLUCOSE, "glucose_mmol_l"]
    assert "chronic_hypertension_control_pct" not in hurts[GLUCOSE, None]


def test_a_column_no_measure_mentions_hurts_nothing(hurts: Any) -> None:
    assert (PRESSURE, "medication_adherence") not in hurts
    assert (ENCOUNTERS, "department") not in hurts


def test_a_survey_answer_hurts_its_own_indicator_and_the_design_hurts_all(hurts: Any) -> None:
    assert hurts[SURVEY, "literacy_score"] == {"health_literacy_pct"}
    assert hurts[SURVEY, "service_satisfaction"] == {"service_satisfaction_pct"}
    assert hurts[SURVEY, "weight"] == hurts[SURVEY, None] >= {"health_literacy_pct", "self_rated_health_good_pct"}


def test_a_derived_column_is_followed_to_what_it_is_made_of(hurts: Any, bureau: Any) -> None:
    contract = bureau[1].feed("health_bureau.tasks")
    assert "is_done_on_time" in {item.name for item in contract.extras.derived}
    assert hurts["health_bureau.tasks", "done_on"] == hurts["health_bureau.tasks", "due_on"] == {"tasks_on_time_pct"}
    assert ("health_bureau.tasks", "is_done_on_time") not in hurts


def test_money_hurts_where_it_is_summed(hurts: Any) -> None:
    assert hurts[ENCOUNTERS, "total_cost_fen"] == {"cost_per_admission"}
    assert hurts[ENCOUNTERS, "encounter_class"] >= {"cost_per_admission", "hospital_admissions_per_1k"}


def test_flags_of_the_register_hurt_their_own_condition_and_its_dates_too(hurts: Any) -> None:
    hit = hurts[REGISTER, "is_diabetes_registered"]
    assert "chronic_diabetes_control_pct" in hit
    assert "chronic_hypertension_control_pct" not in hit
    assert "chronic_hypertension_control_pct" in hurts[REGISTER, "hypertension_registered_on"]
    assert {"archive_coverage_pct", "chronic_hypertension_control_pct"} <= hurts[REGISTER, "archive_status"]


def test_a_fact_hurts_what_counts_it_and_areas_hurt_everything(hurts: Any, bureau: Any) -> None:
    assert "archive_coverage_pct" in hurts["civil_affairs.population", "population_m_0_14"]
    assert hurts["civil_affairs.areas", "community_id"] == set(bureau[0].active_indicators())
    assert ("civil_affairs.areas", "community_name") not in hurts


def test_what_a_feed_hurts_is_what_any_of_its_columns_does(hurts: Any) -> None:
    for feed in {feed for feed, _ in hurts}:
        columns = [named for (key, column), named in hurts.items() if key == feed and column is not None]
        assert set().union(*columns) <= hurts[feed, None]


def test_the_feeds_of_an_indicator_are_those_it_can_be_hurt_by(hurts: Any, bureau: Any) -> None:
    for indicator in ("chronic_hypertension_control_pct", "cost_per_managed_patient", "archive_coverage_pct"):
        feeds = feeds_of(*bureau, indicator)
        assert feeds == sorted(
            {feed for (feed, _), named in hurts.items() if indicator in named and feed != "civil_affairs.areas"}
        )
    assert PRESSURE in feeds_of(*bureau, "chronic_hypertension_control_pct")


def test_a_national_service_lists_every_feed_its_indicators_are_made_from(bureau: tuple[Settings, Catalog]) -> None:
    settings, catalog = bureau
    for key, service in settings.national_services.items():
        read = {feed for indicator in service.indicators for feed in feeds_of(settings, catalog, indicator)}
        # The population is what services are set against, not what shows that they were given.
        assert read - {"civil_affairs.population"} <= set(service.feeds), key
