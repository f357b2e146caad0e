"""Registers of policies: chains of clauses with verdicts, target groups, and every fen of the ledger in its place."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from assets.compute import registers
from assets.compute.indicators import indicator_values
from assets.compute.marts import mart_columns
from assets.compute.measures import count_measures
from assets.compute.policies import own_values, territory, unknown_areas
from assets.compute.policy_money import LEDGER, policy_money
from assets.compute.registers import (
    check_registers,
    clause_chain,
    policy_register,
    service_register,
)
from data_contracts.closed import DefinitionError
from data_contracts.periods import Period
from data_contracts.settings.policies import ClauseTarget

NOW, BEFORE, EARLIER = "2025Q2", "2025Q1", "2024Q4"
CONTROL = "chronic_hypertension_control_pct"
SERVICES = """
visit:
  titles: {zh: 访, en: Visit}
  target_group: {zh: 老, en: Old, mart: mart__residents, where: age_years >= 65}
  frequency: {times: 4, per: year, mode: face_to_face}
  providers: {zh: x, en: x}
  reference: x
lecture:
  titles: {zh: 讲, en: Lecture}
  target_group: {zh: 众, en: All}
  frequency: {times: 1, per: month}
  providers: {zh: x, en: x}
  reference: x
"""
POLICIES = """
classes: {service: {titles: {zh: x, en: x}, reference: x, weights: {health_outcome: 100}}}
grades: {}
policies:
  care:
    titles: {zh: 照, en: Care}
    policy_class: service
    target_group: {zh: 众, en: All, mart: mart__residents, where: person_id is not null}
    owner: {zh: 科, en: Office}
    indicators:
      health_outcome: [{indicator: chronic_hypertension_control_pct, weight: 100, low: 0, high: 100}]
    versions:
      - {id: first, document: old, valid_from: "2020-01-01", clauses: [{zh: 旧, en: Old}]}
      - id: second
        document: new
        valid_from: "2025-04-01"
        clauses:
          - id: promise
            zh: 甲
            en: A
            services:
              - service: visit
                frequency: {times: 6, per: year}
                indicators: [{indicator: chronic_hypertension_control_pct, targets: [{value: 60, reference: x}]}]
              - {service: lecture}
          - {zh: 乙, en: B, indicators: [{indicator: self_rated_health_good_pct}]}
          - {id: lonely, zh: 丙, en: C, services: [{service: lecture}]}
          - {id: words, zh: 丁, en: D}
  later:
    titles: {zh: 后, en: Later}
    policy_class: service
    target_group: {zh: 众, en: All}
    owner: {zh: 科, en: Office}
    document: x
    valid_from: "2025-07-01"
    indicators: {}
  gone:
    titles: {zh: 前, en: Gone}
    policy_class: service
    target_group: {zh: 众, en: All}
    owner: {zh: 科, en: Office}
    document: x
    valid_from: "2020-01-01"
    valid_to: "2025-06-29"
    indicators: {}
"""


@pytest.fixture
def city(workshop: Any) -> Any:
    workshop.write_settings("services", SERVICES)
    workshop.write_settings("policies", POLICIES)
    for period in (EARLIER, BEFORE, NOW):
        workshop.put_tree(period, {"c1": ["t1", "k1", "s1"], "c2": ["t1", "k1", "s1"], "c3": ["t2", "k1", "s1"]})
    workshop.put_rows("ind__values", NOW, [_value(CONTROL, 55.0), _value("self_rated_health_good_pct", None)])
    return workshop


def _value(indicator: str, value: float | None, level: str = "city", area: str = "s1") -> dict[str, Any]:
    row = {"area_level": level, "area_id": area, "indicator_id": indicator, "rule_set": "national_2017"}
    status = "ok" if value is not None else "no_data"
    return {**row, "stratum": "all", "value": value, "method": "x", "status": status}


def _ledger(city: Any, period: str, entries: list[tuple[str | None, str | None, str, str | None, int]]) -> None:
    """Rows of the ledger's mart: area, policy, kind, source, fen."""
    names = ["area_id", "policy_id", "entry_type", "source", "amount_fen"]
    frame = pl.DataFrame(entries, schema=names, orient="row").with_columns(pl.lit(period).alias("period"))
    kinds = {"amount_fen": pl.Int64, "record_no": pl.Int32, "event_date": pl.Date, "entry_date": pl.Date}
    kinds["is_in_register"] = pl.Boolean
    columns = mart_columns(city.catalog, LEDGER)
    missing = [
        pl.lit(None, dtype=kinds.get(name, pl.String)).alias(name) for name in columns if name not in frame.columns
    ]
    city.put(LEDGER, period, frame.with_columns(missing).select(columns).cast({"source": pl.String}))


# clauses ----------------------------------------------------------------------------------------------------------


def test_the_chain_names_service_frequency_indicator_target_value_and_what_is_missing(city: Any) -> None:
    chain = clause_chain(city.home, city.settings, city.catalog, Period.parse(NOW)).filter(rule_set="national_2017")
    columns = ["clause_id", "service_id", "times", "mode", "indicator_id", "target", "value", "status", "gap"]
    assert chain.select(columns).rows() == [
        # of the year to date, so judged when the year ends
        ("promise", "visit", 6, "any", CONTROL, 60.0, 55.0, "not_due", "none"),
        ("promise", "lecture", 1, "any", None, None, None, "not_measured", "none"),
        ("2", None, None, None, "self_rated_health_good_pct", None, None, "no_target", "no_service"),
        ("lonely", "lecture", 1, "any", None, None, None, "not_measured", "no_indicator"),
        ("words", None, None, None, None, None, None, "not_measured", "no_service_no_indicator"),
    ]
    assert set(chain["version"]) == {"second"}
    assert set(chain["area_id"]) == {"s1"}


def test_the_version_in_force_at_the_end_of_the_period_counts(city: Any) -> None:
    chain = clause_chain(city.home, city.settings, city.catalog, Period.parse(BEFORE))
    assert set(chain.filter(policy_id="care")["version"]) == {"first"}


def test_without_one_whole_area_there_is_no_value(city: Any) -> None:
    two = [_value(CONTROL, 55.0), _value(CONTROL, 99.0, area="s2")]
    city.put_rows("ind__values", NOW, two)
    chain = clause_chain(city.home, city.settings, city.catalog, Period.parse(NOW)).filter(indicator_id=CONTROL)
    assert set(chain["value"]) == {None}
    assert set(chain["status"]) == {"no_data"}


def at(period: str) -> Period:
    return Period.parse(period)


def _target(by: str | None) -> ClauseTarget:
    return ClauseTarget(value=Decimal(60), by=date.fromisoformat(by) if by else None, reference="x")


@pytest.mark.parametrize(
    ("value", "by", "period", "indicator", "expected"),
    [
        # at any time: exactly the target is enough, a hundredth less is not
        (60.0, None, "2025Q1", "archive_coverage_pct", "met"),
        (59.99, None, "2025Q1", "archive_coverage_pct", "not_met"),
        (None, None, "2025Q1", "archive_coverage_pct", "no_data"),
        # the day before, the day, the day after
        (59.99, "2025-07-01", "2025Q2", "archive_coverage_pct", "not_due"),
        (59.99, "2025-06-30", "2025Q2", "archive_coverage_pct", "not_met"),
        (59.99, "2025-06-29", "2025Q2", "archive_coverage_pct", "not_met"),
        (60.0, "2025-12-31", "2025Q2", "archive_coverage_pct", "met"),
        # a figure of the year to date is judged when its year ends: until then it can fall below what it had reached
        (60.0, "2025-12-31", "2025Q3", "elderly_health_management_pct", "not_due"),
        (60.0, "2025-12-31", "2025Q4", "elderly_health_management_pct", "met"),
        (59.99, "2025-12-31", "2025Q4", "elderly_health_management_pct", "not_met"),
        (99.0, "2025-12-31", "2025Q1", "chronic_hypertension_control_pct", "not_due"),
        (99.0, None, "2025Q3", "chronic_hypertension_control_pct", "not_due"),
        (59.99, None, "2025Q4", "chronic_hypertension_control_pct", "not_met"),
        # a day within the year is judged at its end as well; a day of an earlier year was judged in that year
        (59.99, "2025-01-01", "2025Q3", "elderly_health_management_pct", "not_due"),
        (59.99, "2024-12-31", "2025Q3", "elderly_health_management_pct", "past"),
        (60.0, "2024-12-31", "2025Q3", "elderly_health_management_pct", "past"),
        (None, "2024-12-31", "2025Q3", "elderly_health_management_pct", "no_data"),
        (59.99, "2024-12-31", "2025Q4", "elderly_health_management_pct", "not_met"),
        # lower is better and it can only rise
        (60.0, "2025-12-31", "2025Q3", "related_admissions_per_1k", "not_due"),
        (60.0, "2025-12-31", "2025Q4", "related_admissions_per_1k", "met"),
        (60.01, "2025-12-31", "2025Q4", "related_admissions_per_1k", "not_met"),
    ],
)
def test_verdicts(
    workshop: Any, value: float | None, by: str | None, period: str, indicator: str, expected: str
) -> None:
    known = workshop.settings.indicators[indicator]
    assert registers.verdict(value, _target(by), known, Period.parse(period)) == expected


# registers --------------------------------------------------------------------------------------------------------


def _register(city: Any, period: str = NOW) -> pl.DataFrame:
    return policy_register(city.home, city.settings, city.catalog, Period.parse(period))


def test_the_register_says_what_is_in_force_or_why_not(city: Any) -> None:
    rows = {row["policy_id"]: row for row in _register(city).to_dicts()}
    assert {key: row["status"] for key, row in rows.items()} == {
        "care": "in_force",
        "later": "not_yet",
        "gone": "ended",
    }
    care = rows["care"]
    assert (care["version"], care["clauses"], care["without_service"], care["without_indicator"]) == ("second", 4, 2, 2)
    assert (rows["later"]["version"], rows["later"]["valid_from"]) == (None, date(2025, 7, 1))


def test_target_groups_count_persons_once_and_only_where_the_policy_holds(city: Any) -> None:
    people = [("p1", "c1", 70), ("p2", "c1", 65), ("p3", "c2", 64), ("p4", "c3", 80)]
    known = {"sex": "F", "age_band": "x", "birth_date": date(1950, 1, 1)}
    city.put_rows(
        "mart__residents", NOW, [{"person_id": p, "area_id": a, "age_years": years, **known} for p, a, years in people]
    )
    services = service_register(city.home, city.settings, Period.parse(NOW))
    assert services.select("service_id", "target_persons", "policies").rows() == [
        ("lecture", None, "care"),
        ("visit", 3, "care"),
    ]
    assert _register(city)["target_persons"].to_list() == [4, None, None]
    city.write_settings("policies", POLICIES.replace("    versions:", "    areas: {township: [t1]}\n    versions:"))
    assert _register(city)["target_persons"].to_list() == [3, None, None]


@pytest.mark.parametrize(
    ("areas", "within"),
    [
        ("community: [c1]", {("community", "c1")}),
        ("community: [c1, c2]", {("community", "c1"), ("community", "c2"), ("township", "t1")}),
        ("township: [t1]", {("community", "c1"), ("community", "c2"), ("township", "t1")}),
        ("community: [c3], township: [t1]", "all"),
        ("community: [c404]", set()),
    ],
)
def test_a_policy_holds_in_an_area_if_it_holds_in_all_of_it(city: Any, areas: str, within: Any) -> None:
    every = {("community", c) for c in ("c1", "c2", "c3")} | {("township", t) for t in ("t1", "t2")}
    every |= {("county", "k1"), ("city", "s1")}
    city.write_settings("policies", POLICIES.replace("    versions:", f"    areas: {{{areas}}}\n    versions:"))
    policy = city.settings.policy_document.policies["care"]
    found = territory(city.home, city.settings, city.catalog, policy, Period.parse(NOW))
    assert found is not None
    assert set(found.rows()) == (every if within == "all" else within)
    status = _register(city).filter(policy_id="care")["status"].item()
    assert status == ("in_force" if within else "no_area")


MERGED = {"a": ["t1", "k1", "s1"], "b": ["t1", "k1", "s1"], "u": ["t2", "k1", "s1"]}


@pytest.mark.parametrize(
    ("areas", "after", "changes", "within"),
    [
        # both parts of what became one area: it is the policy's
        ("community: [a, b]", ["m", "u"], [("a", "m", "merge"), ("b", "m", "merge")], {"m"}),
        # one part only: the policy says nothing of the other
        ("community: [a]", ["m", "u"], [("a", "m", "merge"), ("b", "m", "merge")], set()),
        ("community: [a, u]", ["m", "u"], [("a", "m", "merge"), ("b", "m", "merge")], {"u"}),
        # into an area that keeps its code and of which the policy says nothing
        ("community: [a]", ["b", "u"], [("a", "b", "merge")], set()),
        # a new code; a split
        ("community: [a]", ["q", "b", "u"], [("a", "q", "recode")], {"q"}),
        ("community: [a]", ["x", "y", "b", "u"], [("a", "x", "split"), ("a", "y", "split")], {"x", "y"}),
        # a township that is gone with the communities it was made of, changed or not
        ("township: [t1]", ["m", "u"], [("a", "m", "merge"), ("b", "m", "merge")], {"m"}),
        ("township: [t1]", ["a", "b", "u"], [], {"a", "b"}),
        # gone and became nothing
        ("community: [a]", ["b", "u"], [], set()),
    ],
)
def test_a_policy_follows_its_areas_through_changes(
    city: Any, areas: str, after: list[str], changes: list[tuple[str, str, str]], within: set[str]
) -> None:
    city.write_settings("policies", POLICIES.replace("    versions:", f"    areas: {{{areas}}}\n    versions:"))
    for period in (EARLIER, BEFORE):
        city.put_tree(period, MERGED)
    # In the period every community but u lies in a township of another name.
    city.put_tree(NOW, {leaf: ["t2" if leaf == "u" else "t9", "k1", "s1"] for leaf in after})
    rows = [
        {"old_id": old, "new_id": new, "changed_on": date(2025, 4, 1), "change_kind": kind, "level": "community"}
        for old, new, kind in changes
    ]
    city.stage("civil_affairs.area_changes", NOW, rows)
    found = territory(city.home, city.settings, city.catalog, city.settings.policy_document.policies["care"], at(NOW))
    assert found is not None
    assert set(found.filter(area_level="community")["area_id"]) == within
    whole = {leaf for leaf in after if leaf != "u"}
    assert (("township", "t9") in found.rows()) == (whole <= within)
    assert _register(city).filter(policy_id="care")["status"].item() == ("in_force" if within else "no_area")
    assert unknown_areas(city.home, city.settings, at(NOW)) == []


def test_for_an_area_that_is_gone_speaks_what_it_became(city: Any) -> None:
    city.write_settings("policies", POLICIES.replace("    versions:", "    areas: {township: [t1]}\n    versions:"))
    city.put_tree(BEFORE, MERGED)
    city.put_tree(NOW, {leaf: ["t2" if leaf == "u" else "t9", "k1", "s1"] for leaf in "abu"})
    cells = [("community", "a", 1.0), ("community", "b", 2.0), ("township", "t9", 61.0), ("city", "s1", 3.0)]
    city.put_rows("ind__values", NOW, [_value(CONTROL, value, level, area) for level, area, value in cells])
    city.stage("civil_affairs.area_changes", NOW, [])
    chain = clause_chain(city.home, city.settings, city.catalog, at(NOW)).filter(indicator_id=CONTROL)
    shown = chain.filter(rule_set="national_2017").select("area_level", "area_id", "value")
    assert shown.rows() == [("township", "t9", 61.0)]


def test_areas_that_no_tree_has_are_named(city: Any) -> None:
    areas = "    areas: {community: [c1, c404], township: [t405, t1]}\n    versions:"
    city.write_settings("policies", POLICIES.replace("    versions:", areas))
    assert unknown_areas(city.home, city.settings, at(NOW)) == [("care", "c404"), ("care", "t405")]


@pytest.mark.parametrize(
    ("feed", "words"),
    [
        ("no_such_feed", "services.yaml: visit: feeds: this home has no feed 'no_such_feed'"),
        ("health_bureau.exam", "no feed 'health_bureau.exam'; did you mean 'health_bureau.exams'"),
    ],
)
def test_a_service_names_feeds_of_the_home(city: Any, feed: str, words: str) -> None:
    known = SERVICES.replace("providers:", "feeds: [health_bureau.exams]\n  providers:", 1)
    city.write_settings("services", known)
    check_registers(city.settings, city.catalog)
    city.write_settings("services", known.replace("health_bureau.exams", feed))
    with pytest.raises(DefinitionError) as refused:
        check_registers(city.settings, city.catalog)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("mart: mart__resident, where: age_years > 1", "this home has no mart 'mart__resident'; did you mean"),
        ("mart: mart__residents, where: age_year > 1", "mart__residents: no column 'age_year'"),
        ("mart: mart__residents, where: 'exists (select 1)'", "is not among the allowed functions and operators"),
        ("mart: mart__areas, where: is_rural", "mart__areas is not about persons"),
        ("mart: mart__residents", "mart and where go together"),
    ],
)
def test_a_target_group_that_cannot_be_counted_is_refused_by_name(city: Any, group: str, words: str) -> None:
    check_registers(city.settings, city.catalog)
    city.write_settings("services", SERVICES.replace("mart: mart__residents, where: age_years >= 65", group))
    with pytest.raises(DefinitionError) as error:
        check_registers(city.settings, city.catalog)
    assert str(error.value).startswith("services.yaml: visit: target_group: ")
    assert words in str(error.value)


# money ------------------------------------------------------------------------------------------------------------


def _book(city: Any) -> None:
    _ledger(city, EARLIER, [("c1", "care", "spending", "central", 7_000_000)])
    _ledger(
        city,
        BEFORE,
        [
            ("c1", "care", "budget", "central", 1_000_000),
            ("c1", "care", "budget", "city", 500_001),
            ("c2", "care", "spending", "central", 33),
            ("c3", "nobody_knows", "spending", "city", 11),
        ],
    )
    _ledger(
        city,
        NOW,
        [
            ("c1", "care", "spending", "central", 99),
            ("c1", "care", "spending", "central", -9),
            ("c1", "care", "appropriation", None, 5),
            ("c9", "care", "spending", "central", 2),
            (None, "care", "spending", "central", 4),
        ],
    )


def test_every_fen_of_the_year_to_date_is_in_its_area_and_source(city: Any) -> None:
    _book(city)
    money = policy_money(city.home, city.settings, city.catalog, Period.parse(NOW))
    rows = {tuple(row[:4]): row[4:] for row in money.select(
        "policy_id", "area_level", "area_id", "source",
        "budget_ytd_fen", "appropriation_ytd_fen", "spending_ytd_fen", "spending_fen",
    ).rows()}  # fmt: skip
    assert rows["care", "city", "s1", "central"] == (1_000_000, 0, 33 + 99 - 9, 90)
    assert rows["care", "city", "s1", "city"] == (500_001, 0, 0, 0)
    assert rows["care", "city", "s1", "unstated"] == (0, 5, 0, 0)
    assert rows["care", "city", "s1", "total"] == (1_500_001, 5, 123, 90)
    assert rows["care", "community", "c2", "total"] == (0, 0, 33, 0)
    assert rows["care", "unplaced", "c9", "total"] == (0, 0, 2, 2)
    assert rows["care", "unplaced", "unknown", "total"] == (0, 0, 4, 4)
    by_level = money.filter(pl.col("source") == "total").group_by("area_level").agg(pl.col("spending_ytd_fen").sum())
    sums = dict(by_level.iter_rows())
    # counted from the entries above: 33 + 11 + 99 − 9 in known areas, 2 + 4 in none; last year's money is not here
    assert sums == {"community": 134, "township": 134, "county": 134, "city": 134, "unplaced": 6}


def test_money_of_an_unknown_policy_is_named_not_lost(city: Any) -> None:
    _book(city)
    money = policy_money(city.home, city.settings, city.catalog, Period.parse(NOW))
    strange = money.filter(~pl.col("in_register"))
    assert set(strange["policy_id"]) == {"nobody_knows"}
    assert strange.filter(area_level="city", source="total")["spending_ytd_fen"].to_list() == [11]


def test_no_ledger_is_no_money(city: Any) -> None:
    assert policy_money(city.home, city.settings, city.catalog, Period.parse(NOW)).is_empty()


def test_own_values_come_from_the_records_of_the_policy_alone(city: Any) -> None:
    _ledger(
        city,
        BEFORE,
        [
            ("c1", "care", "budget", "city", 1000),
            ("c1", "care", "spending", "city", 300),
            ("c1", "later", "budget", "city", 1000),
            ("c1", "later", "spending", "city", 100),
        ],
    )
    _ledger(city, NOW, [("c1", "care", "spending", "city", 150)])
    period = Period.parse(NOW)
    counts = count_measures(city.home, city.settings, city.catalog, period)
    city.put("ind__counts", NOW, counts)
    values = own_values(city.home, city.settings, city.catalog, period).filter(
        area_id="s1", rule_set="national_2017", indicator_id="fund_execution_against_time_pct"
    )
    # half of the year has gone: 450 of 500 and 100 of 500
    assert dict(values.select("policy_id", "value").iter_rows()) == {"care": 90.0, "later": 20.0}
    whole = indicator_values(city.home, city.settings, city.catalog, period)
    assert not [stratum for stratum in whole["stratum"].unique() if "policy" in stratum]
    execution = whole.filter(area_id="s1", rule_set="national_2017", indicator_id="fund_execution_against_time_pct")
    assert execution.select("stratum", "value").rows() == [("all", 55.0)]
