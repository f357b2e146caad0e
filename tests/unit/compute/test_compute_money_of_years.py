"""Money between years and between areas: what a stream carried over, what heirs of merged and divided areas take over.

And how sure a score is, where an award asks for it. The oracles know the rules in words only.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import sqrt
from statistics import NormalDist
from typing import Any

import polars as pl
import pytest
import yaml

from assets.compute import cells, succession
from assets.compute.allocation import allocate
from assets.compute.allocation_tables import RoadTables
from assets.compute.auditing import known_of
from assets.compute.settlements import record_found
from assets.lake import parts
from data_contracts.allocation_spec.auditing import KnownColumn
from data_contracts.closed import DefinitionError
from data_contracts.periods import Period
from data_contracts.settings.allocation_tables import PayeeFigure
from data_contracts.settings.loading import REGISTRY
from data_contracts.tables import output_tables
from evaluations.allocation.snapshot import DataError
from evaluations.rounding import instalments
from tests.unit.compute.test_compute_allocation import MANAGED, RULES, counted

LAST, NOW = "2024Q4", "2025Q1"
# a and x are a now; b stayed; old d was divided into d and e, and y joined e; nobody took over from z.
PEOPLE = {
    LAST: {"a": 1000, "x": 400, "b": 1001, "d": 700, "y": 300, "z": 50},
    NOW: {"a": 1500, "b": 1000, "d": 300, "e": 600},
}
CHANGES = [("x", "a", "merge"), ("d", "d", "split"), ("d", "e", "split"), ("y", "e", "merge")]
PERCENT = {LAST: {"a": 50, "x": 80, "b": 35, "d": 20, "y": 60, "z": 20}, NOW: {"a": 80, "b": 80, "d": 50, "e": 20}}
BUDGET = {2024: 100_000_01, 2025: 120_000_03}
MONEY = f"""
id: money
titles: {{zh: 资金, en: Money}}
references: [x]
unit: yuan
payee_level: community
population: population
budgets:
  - {{year: 2024, amount: "100000.01", reference: x}}
  - {{year: 2025, amount: "120000.03", reference: x}}
tables:
  areas:
    rows: payees
    columns:
      id: {{area: id}}
      people: {{measure: population}}
      people_then: {{measure: population, year_before: true}}
      before: {{money: need}}
      score: {{policy: htn_management}}
      error: {{policy: htn_management, standard_error: true}}
      mark: {{appraisal: communities}}
      mark_error: {{appraisal: communities, standard_error: true}}
      rating: {{appraisal: communities, grade: true}}
  quality: {{rows: indicators, indicators: [{MANAGED}]}}
payees: {{table: areas, id: id}}
streams:
  - id: need
    kind: need
    share: "0.6"
    population: {{column: people}}
    pace: {{previous: {{column: before}}, floor_change: "-0.9", cap_change: 9}}
  - id: deeds
    kind: performance
    share: "0.3"
    registered: {{column: people}}
    data: {{table: quality, payee: payee, indicator: indicator, numerator: numerator, denominator: denominator}}
    score: achievement
    indicators: [{{id: {MANAGED}, weight: 1, threshold: "0.2", benchmark: "0.8"}}]
    unearned_to: carry_over
  - id: awards
    kind: awards
    share: "0.1"
    over_pool: pro_rata
    classes:
      - {{id: best, by: chance, score: {{column: score}}, error: {{column: error}}, probability: "0.8",
         tiers: [{{id: top, standard: 80, amount: 100}}]}}
sources:
  - {{id: central, kind: central, share: "0.5"}}
  - {{id: last_year, kind: carried_over, for: [deeds]}}
  - {{id: county, kind: county, residual: true}}
"""
APPRAISAL = f"""
of: community
valid_from: "2023-01-01"
spec:
  id: communities
  titles: {{zh: 社区评价, en: Appraisal}}
  reference: x
  unit: area_id
  tree:
    id: total
    combine: {{how: arithmetic, missing: refuse}}
    parts: [{{id: managed, column: {MANAGED}, weight: 1}}]
    grades: [{{how: fixed, classes: [{{id: poor}}, {{id: good, at: 60}}]}}]
"""


@pytest.fixture
def county(workshop: Any) -> Any:
    from tests.unit.compute.test_compute_allocation import DEMO

    for name in ("policies", "risk", "services"):
        (workshop.home.settings / f"{name}.yaml").write_bytes((DEMO / f"{name}.yaml").read_bytes())
    (workshop.home.settings / "appraisals").mkdir()
    (workshop.home.settings / "appraisals" / "communities.yaml").write_text(APPRAISAL, encoding="utf-8")
    workshop.write_settings("allocation", MONEY)
    for period, people in PEOPLE.items():
        tree(workshop, period, people)
        areas = [
            {"area_level": "community", "area_id": own, "area_name": own, "is_rural": False, "leaf_count": 1}
            for own in people
        ]
        workshop.put_rows("mart__areas", period, areas)
        counted(workshop, "population", people, period=period)
        values = [
            {"area_level": "community", "area_id": own, "indicator_id": MANAGED, "rule_set": rule, "stratum": "all",
             "numerator": Decimal(pct), "denominator": Decimal(100), "value": float(pct), "method": "x", "status": "ok"}
            for own, pct in PERCENT[period].items() for rule in RULES
        ]  # fmt: skip
        workshop.put_rows("ind__values", period, values)
    changes = [
        {"old_id": old, "new_id": new, "changed_on": date(2025, 1, 1), "change_kind": kind, "level": "community"}
        for old, new, kind in CHANGES
    ]
    workshop.stage("civil_affairs.area_changes", NOW, changes)
    return workshop


def tree(workshop: Any, period: str, areas: dict[str, int]) -> None:
    rows = [
        {"leaf_id": leaf, "level_no": number, "area_level": level, "area_id": area}
        for leaf in areas
        for number, (level, area) in enumerate([("community", leaf), ("township", "t"), ("county", "k"), ("city", "c")])
    ]
    workshop.put_rows("mart__area_closure", period, rows)


def by_largest_remainder(weights: dict[str, int], total: int) -> dict[str, int]:
    shares = {own: Fraction(weight * total, sum(weights.values())) for own, weight in weights.items()}
    found = {own: int(share) for own, share in shares.items()}
    for own in sorted(shares, key=lambda own: (found[own] - shares[own], own))[: total - sum(found.values())]:
        found[own] += 1
    return found


def earned_of(period: str, pool: int) -> dict[str, int]:
    potential = by_largest_remainder(PEOPLE[period], pool)
    return {own: int(potential[own] * Fraction(PERCENT[period][own] - 20, 60)) for own in potential}


def now_of(then: dict[str, int]) -> dict[str, int]:
    """By hand: a took x in whole; d gave two thirds of its own to e, where 600 of 900 live; e took y in whole."""
    parts = by_largest_remainder({"d": 300, "e": 600}, then["d"])
    return {"a": then["a"] + then["x"], "b": then["b"], "d": parts["d"], "e": parts["e"] + then["y"]}


def test_a_stream_spends_next_year_what_nobody_earned_and_heirs_start_from_what_was_theirs(county: Any) -> None:
    settings = county.settings
    first = allocate(county.home, settings, Period.parse(LAST), lambda _: None, county.catalog)
    assert first.status == "ok", first.message
    # Nobody has a score, so that nobody wins: that is said.
    assert "best" in str(first.message)
    # Before the first year of the home nothing was carried over.
    assert set(first.tables["alloc__sources"]["source"]) == {"central", "county"}
    pool = BUDGET[2024] * 3 // 10
    carried = pool - sum(earned_of(LAST, pool).values())
    fund = first.tables["alloc__payments"].filter(payee_id="carry_over")
    assert fund["year_fen"].to_list() == [carried]

    released = {LAST: {**first.tables, "release": pl.DataFrame({"release": ["2024Q4-r7"]})}}
    then = first.tables["alloc__payments"].filter(stream="need")
    found = allocate(county.home, settings, Period.parse(NOW), released.get, county.catalog)
    assert found.status == "ok", found.message
    pools = dict(found.tables["alloc__streams"].select("stream", "pool_fen").iter_rows())
    own = by_largest_remainder({"awards": 1, "deeds": 3, "need": 6}, BUDGET[2025])
    assert pools == {**own, "deeds": own["deeds"] + carried}
    deeds = found.tables["alloc__payments"].filter(stream="deeds", payee_kind="community")
    assert dict(deeds.select("payee_id", "year_fen").iter_rows()) == earned_of(NOW, pools["deeds"])
    # The first of four instalments, and of each source its own part; last year's money pays its stream alone.
    assert found.budget == (BUDGET[2025] + carried) // 4
    sources = found.tables["alloc__sources"].group_by("source").agg(pl.col("amount_fen").sum())
    paid = dict(sources.iter_rows())
    assert sum(paid.values()) == found.budget
    assert abs(paid["last_year"] - Fraction(carried, 4)) < 1
    assert set(found.tables["alloc__sources"].filter(source="last_year")["stream"]) == {"deeds"}
    assert found.spec is not None
    origin = found.spec.sources[1]
    assert (origin.amount, origin.reference) == (Decimal(carried) / 100, "2024Q4-r7")
    assert origin.titles is not None
    assert "2024Q4-r7" in origin.titles.zh

    starts = dict(found.payees.select("payee_id", "last_year_fen").iter_rows())
    mine = dict(then.select("payee_id", "year_fen").iter_rows())
    assert {own: starts[own] for own in PEOPLE[NOW]} == now_of(mine)
    marks = dict(found.payees.filter(payee_kind="community").select("payee_id", "last_year_from").iter_rows())
    assert marks == {"a": "merged", "b": "own", "d": "divided", "e": "divided"}


def reading(county: Any, released: Any = None) -> RoadTables:
    settings = county.settings
    document = settings.allocation
    assert document is not None
    return RoadTables(county.home, settings, document, Period.parse(NOW), county.catalog, released or (lambda _: None))


def test_sums_of_last_year_follow_their_areas_and_scores_bring_their_error(county: Any) -> None:
    rows = [
        {"policy_id": "htn_management", "area_level": "community", "area_id": own, "rule_set": RULES[1],
         "dimension": "total", "value": value, "lower": lower, "upper": upper, "weight": 100.0, "coverage": 1.0,
         "status": "ok", "method": "x"}
        for own, value, lower, upper in [("a", 90.0, 84.0, 92.0), ("b", 70.0, 60.0, 85.0), ("d", 100.0, 100.0, 100.0)]
    ]  # fmt: skip
    county.put_rows("score__policies", NOW, [{**row, "rule_set": rule} for row in rows for rule in RULES])
    marked = [
        {"appraisal_id": "communities", "unit_kind": "community", "unit_id": own, "rule_set": rule, "part": "total",
         "value": value, "value_lower": value - 9.8, "value_upper": value + 4.9, "grade": grade, "status": "ok"}
        for own, value, grade in [("a", 50.0, "poor"), ("b", 75.5, "good")] for rule in RULES
    ]  # fmt: skip
    county.put_rows("score__appraisals", NOW, marked)
    paid = output_tables()["alloc__payments"].empty()
    tables = reading(county, lambda _: {"alloc__payments": paid})
    cells_of = {row["id"]: row for row in tables.all(tables.areas())["areas"].iter_rows(named=True)}
    assert {own: int(row["people_then"]) for own, row in cells_of.items()} == now_of(PEOPLE[LAST])
    # The wider side in standard errors of a 95 % interval; no score is surer than its last digit.
    assert [cells_of[own]["error"] for own in "abde"] == ["3.0613", "7.6532", "0.0001", ""]
    assert [cells_of[own]["mark"] for own in "abde"] == ["50", "75.5", "", ""]
    assert cells_of["a"]["mark_error"] == "5.0001"
    assert [cells_of[own]["rating"] for own in "abde"] == ["poor", "good", "", ""]


def test_an_award_is_as_sure_as_its_score(county: Any) -> None:
    pace = '    pace: {previous: {column: before}, floor_change: "-0.9", cap_change: 9}\n'
    carried = "  - {id: last_year, kind: carried_over, for: [deeds]}\n"
    county.write_settings(
        "allocation", MONEY.replace(pace, "").replace(carried, "").replace("{money: need}", "{area: id}")
    )
    figures = {"a": (95.0, 4.0), "b": (82.0, 4.0), "d": (60.0, 4.0), "e": (75.0, 4.0)}
    rows = [
        {"policy_id": "htn_management", "area_level": "community", "area_id": own, "rule_set": rule,
         "dimension": "total", "value": value, "lower": value - 1.959963984540054 * error, "upper": value,
         "weight": 1.0, "coverage": 1.0, "status": "ok", "method": "x"}
        for own, (value, error) in figures.items() for rule in RULES
    ]  # fmt: skip
    county.put_rows("score__policies", NOW, rows)
    found = allocate(county.home, county.settings, Period.parse(NOW), lambda _: None, county.catalog)
    assert found.status == "ok", found.message
    # Equal errors: the variance between true scores is the sample variance less that of the error, at least 0.
    mean = sum(value for value, _ in figures.values()) / 4
    between = max(0.0, sum((value - mean) ** 2 for value, _ in figures.values()) / 3 - 16)
    own = between / (between + 16)
    spread = sqrt(own * 16 + (1 - own) ** 2 * (between + 16) / 4)
    awards = found.tables["alloc__awards"]
    assert not awards["decided"].any()
    assert awards["due_fen"].sum() == 0
    chances = dict(awards.select("payee_id", "chance").iter_rows())
    for payee, (value, _) in figures.items():
        wanted = NormalDist(mean + own * (value - mean), spread).cdf(80)
        assert float(chances[payee]) == pytest.approx(1 - wanted, abs=2e-4), payee
    assert chances["a"] > Decimal("0.8") > chances["b"] > chances["e"] > chances["d"]


def test_who_has_a_score_of_unknown_error_wins_nothing_and_reads_why(county: Any) -> None:
    pace = '    pace: {previous: {column: before}, floor_change: "-0.9", cap_change: 9}\n'
    carried = "  - {id: last_year, kind: carried_over, for: [deeds]}\n"
    county.write_settings(
        "allocation", MONEY.replace(pace, "").replace(carried, "").replace("{money: need}", "{area: id}")
    )
    spent, cost = "fund_execution_against_time_pct", "cost_per_managed_patient"
    lacking = {"a": f"{spent}, {cost}", "b": None, "d": None, "e": spent}
    rows = [
        {"policy_id": "htn_management", "area_level": "community", "area_id": own, "rule_set": rule,
         "dimension": "total", "value": 99.0, "lower": 98.9, "upper": 99.1, "without_limits": names,
         "weight": 1.0, "coverage": 1.0, "status": "ok", "method": "x"}
        for own, names in lacking.items() for rule in RULES
    ]  # fmt: skip
    county.put_rows("score__policies", NOW, rows)
    found = allocate(county.home, county.settings, Period.parse(NOW), lambda _: None, county.catalog)
    assert found.status == "ok", found.message
    assert found.message is not None
    awards = {row["payee_id"]: row for row in found.tables["alloc__awards"].iter_rows(named=True)}
    titles = {name: county.settings.indicators[name].titles for name in (spent, cost)}
    for payee, names in lacking.items():
        row = awards[payee]
        assert (row["chance"] is None) == (row["tier"] is None) == (row["words_zh"] is not None) == bool(names)
        for name in (names or "").split(", ") if names else ():
            assert titles[name].zh in row["words_zh"]
            assert titles[name].en in row["words_en"]
    for language in ("zh", "en"):
        assert all(getattr(own, language) in found.message[language] for own in titles.values())
        assert {"zh": "2 个对象", "en": "2 payees"}[language] in found.message[language]


def test_an_indicator_with_limits_is_as_sure_as_its_own_confidence_says(county: Any) -> None:
    county.write_settings(
        "allocation", MONEY.replace("error: {policy: htn_management", f"error: {{indicator: {MANAGED}")
    )
    registry = yaml.safe_load((REGISTRY / "indicators.yaml").read_text(encoding="utf-8"))
    county.write_settings("indicators", yaml.safe_dump({MANAGED: {**registry[MANAGED], "confidence": 0.8}}))
    values = parts.read_table(county.home, "ind__values", [NOW])
    assert values is not None
    half = 4 * NormalDist().inv_cdf(0.9)
    sides = [pl.when(pl.col("area_id") != "e").then(pl.col("value") + way * half).alias(name)
             for name, way in (("lower", -1), ("upper", 1))]  # fmt: skip
    county.put("ind__values", NOW, values.with_columns(sides))
    tables = reading(county, lambda _: {"alloc__payments": output_tables()["alloc__payments"].empty()})
    found = tables.all(tables.areas())["areas"]
    errors = dict(found.select("id", "error").iter_rows())
    assert [float(errors[own]) for own in "abd"] == pytest.approx([4, 4, 4])
    assert errors["e"] == ""
    document = county.settings.allocation
    assert tables.without_limits(document.tables["areas"].columns["error"]) == {"e": [MANAGED]}


def test_scores_that_do_not_say_what_has_no_limits_tell_no_error(county: Any) -> None:
    county.put("score__policies", NOW, output_tables()["score__policies"].empty().drop("without_limits"))
    tables = reading(county, lambda _: {"alloc__payments": output_tables()["alloc__payments"].empty()})
    error = tables.document.tables["areas"].columns["error"]
    for ask in (lambda: tables.without_limits(error), lambda: tables.all(tables.areas())):
        with pytest.raises(DataError) as no:
            ask()
        assert "kangheng run --period" in no.value.words["en"]


def test_how_sure_a_figure_is_has_no_better_side(county: Any) -> None:
    tables = reading(county)
    for words in ({"policy": "htn_management"}, {"appraisal": "communities"}, {"indicator": MANAGED}):
        own = PayeeFigure.model_validate(words)
        assert known_of(tables, own) == KnownColumn(better="higher")
        assert known_of(tables, own.model_copy(update={"standard_error": True})) is None


@pytest.mark.parametrize("said", ["figures: quarter", "rolling_quarters: 4"])
def test_a_figure_of_the_year_so_far_is_no_figure_of_a_quarter(workshop: Any, said: str) -> None:
    from tests.unit.compute.test_compute_allocation import ALLOCATION, DEMO

    for name in ("policies", "risk", "services"):
        (workshop.home.settings / f"{name}.yaml").write_bytes((DEMO / f"{name}.yaml").read_bytes())
    workshop.write_settings("allocation", ALLOCATION.replace("figures: year_so_far", said))
    with pytest.raises(DefinitionError, match=f"deeds.*{said}.*year_to_date"):
        _ = workshop.settings


def test_what_merged_areas_were_paid_in_the_year_counts_for_who_took_over(county: Any) -> None:
    table = output_tables()["alloc__payments"]
    row = {"period": "2024Q3", "allocation_id": "money", "payee_kind": "community", "stream": "need", "year_fen": 0,
           "due_fen": 0, "set_off_fen": 0}  # fmt: skip
    paid = {"a": 100, "x": 40, "b": 7, "d": 100, "y": 5}
    rows = [{**row, "payee_id": own, "before_fen": 3 * fen, "amount_fen": fen} for own, fen in paid.items()]
    fund = {**row, "payee_kind": "fund", "payee_id": "a", "before_fen": 9, "amount_fen": 1}
    frame = table.shape(pl.DataFrame([*rows, fund], table.schema))
    settings = county.settings
    document = settings.allocation
    assert document is not None
    period = Period.parse("2025Q2")
    tree(county, "2025Q2", PEOPLE[NOW])
    # Areas of 2025Q1 are those of the year before: the change is only known, and made, in the second quarter.
    tree(county, NOW, PEOPLE[LAST])
    county.stage("civil_affairs.area_changes", NOW, [])
    changes = [
        {"old_id": old, "new_id": new, "changed_on": date(2025, 5, 1), "change_kind": kind, "level": "community"}
        for old, new, kind in CHANGES
    ]
    county.stage("civil_affairs.area_changes", "2025Q2", changes)
    counted(county, "population", PEOPLE[NOW], period="2025Q2")
    tables = RoadTables(county.home, settings, document, period, county.catalog)
    spec = document.spec(2025)
    assert spec is not None
    record, _ = record_found(spec, tables, lambda key: {"alloc__payments": frame} if key == NOW else None)
    assert record is not None
    assert {key[1]: history for key, history in record.paid.items() if key[0] == "community"} == {
        "a": [140], "b": [7], "d": [33], "e": [72],
    }  # fmt: skip
    assert record.paid["fund", "a", "need"] == [1]


@pytest.mark.parametrize(("amount", "people", "wanted"), [
    (100, {"p": 1, "q": 2}, {"p": 33, "q": 67}),
    (-101, {"p": 1, "q": 1}, {"p": -51, "q": -50}),
    (1, {"p": 0, "q": 0}, {"p": 1, "q": 0}),
    (7, {}, {}),
])  # fmt: skip
def test_no_fen_is_lost_between_heirs(amount: int, people: dict[str, int], wanted: dict[str, int]) -> None:
    took_over = {"old": {own: Decimal(number) for own, number in people.items()}}
    assert succession.passed_on({"old": amount}, took_over) == wanted
    figures = succession.figures_passed_on({"old": Decimal(amount) / 100, "other": Decimal("0.5")}, took_over)
    assert sum(figures.values()) == Decimal(sum(wanted.values())) / 100 + Decimal("0.5")


def test_a_figure_without_both_limits_has_no_error() -> None:
    frame = pl.DataFrame({"area_id": ["a", "b"], "value": [1.0, 2.0], "lower": [0.0, None], "upper": [1.5, 3.0]})
    assert cells.errors(frame, 2, 0.95) == {"a": Decimal("0.51")}
    lacking = frame.with_columns(pl.Series("without_limits", ["x", None]))
    assert cells.errors(lacking, 2, 0.95) == {}


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_an_error_is_read_by_what_its_limits_hold(level: float) -> None:
    half = 4 * NormalDist().inv_cdf(0.5 + level / 2)
    frame = pl.DataFrame({"area_id": ["a"], "value": [80.0], "lower": [80 - half], "upper": [80 + half]})
    assert cells.errors(frame, 4, level) == {"a": Decimal("4.0000")}


@pytest.mark.parametrize("words", [
    {"measure": "population", "standard_error": True}, {"area": "id", "standard_error": True},
    {"measure": "population", "grade": True}, {"policy": "p", "grade": True, "times": "2"},
    {"policy": "p", "grade": True, "standard_error": True}, {"policy": "p", "appraisal": "q"},
])  # fmt: skip
def test_words_that_make_no_figure_are_refused(words: dict[str, Any]) -> None:
    with pytest.raises((DefinitionError, ValueError)):
        PayeeFigure.model_validate(words)


def test_what_an_area_was_paid_that_is_gone_without_an_heir_is_not_paid_again(county: Any) -> None:
    pace = '    pace: {previous: {column: before}, floor_change: "-0.9", cap_change: 9}\n'
    carried = "  - {id: last_year, kind: carried_over, for: [deeds]}\n"
    county.write_settings(
        "allocation", MONEY.replace(pace, "").replace(carried, "").replace("{money: need}", "{area: id}")
    )
    # In the second quarter the list of areas lacks z, and nobody lives in b any more.
    quarters = {NOW: {"a": 1000, "b": 1000, "z": 1000}, "2025Q2": {"a": 1000, "b": 0}}
    for period, people in quarters.items():
        tree(county, period, people)
        areas = [
            {"area_level": "community", "area_id": own, "area_name": own, "is_rural": False, "leaf_count": 1}
            for own in people
        ]
        county.put_rows("mart__areas", period, areas)
        counted(county, "population", people, period=period)
        county.put_rows("ind__values", period, [])
        county.stage("civil_affairs.area_changes", period, [])
    released: dict[str, Any] = {}
    for period in quarters:
        found = allocate(county.home, county.settings, Period.parse(period), released.get, county.catalog)
        assert found.status == "ok", found.message
        assert found.budget == instalments(BUDGET[2025], 4)[int(period[-1]) - 1]
        released[period] = found.tables
    first = dict(released[NOW]["alloc__payees"].select("payee_id", "amount_fen").iter_rows())
    settled = {row["payee_id"]: row for row in found.tables["alloc__settlement"].to_dicts()}
    for gone in ("b", "z"):
        assert settled[gone]["prepaid_fen"] == settled[gone]["offset_next_year_fen"] == first[gone] > 0
        assert settled[gone]["payable_fen"] == 0
    # Each of them is one payee still, to whom a statement goes.
    assert sorted(found.payees.filter(payee_kind="community")["payee_id"]) == ["a", "b", "z"]
