"""Money on the road: tables come from what is in force, every fen has its sentence, what is not known pays no more."""

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.compute.allocation import allocate
from assets.compute.allocation_published import TABLES
from assets.compute.allocation_tables import check_tables
from data_contracts.closed import DefinitionError
from data_contracts.messages import both
from data_contracts.periods import Period
from data_contracts.settings.loading import load_settings

NOW, RULES = "2025Q3", ("platform_2011", "national_2017")
PEOPLE = {"c1": 3000, "c2": 1000, "c3": 500}
NAMES = {"c1": "甲社区", "c2": "乙社区", "c3": "丙社区"}
MANAGED, CONTROLLED = "chronic_hypertension_to_specification_pct", "chronic_hypertension_control_pct"
DEMO = Path(__file__).parents[3] / "pipelines" / "demo" / "settings"
ALLOCATION = f"""
id: money
titles: {{zh: 资金, en: Money}}
references: [x]
unit: yuan
payee_level: community
population: population
budgets: [{{year: 2025, amount: "1000.01", reference: x}}]
tables:
  areas:
    rows: payees
    columns:
      id: {{area: id}}
      name: {{area: name}}
      rural: {{area: is_rural}}
      people: {{measure: population}}
      risk: {{index: risk_structural}}
      score: {{policy: htn_management}}
      spent: {{measure: spending}}
      least: {{measure: population, times: "0.005", digits: 2}}
  quality: {{rows: indicators, indicators: [{MANAGED}, {CONTROLLED}], baseline_year: 2024}}
payees: {{table: areas, id: id, name: name, groups: {{rural: rural}}}}
streams:
  - {{id: rest, kind: fund, share: "0.05", fund: spare, contingency: true}}
  - id: need
    titles: {{zh: 需要, en: Need}}
    kind: need
    share: "0.75"
    population: {{column: people}}
    risk: {{column: risk, form: exponential, ratio: 2, reference: 50, missing: lowest_possible}}
    pace: {{statutory: {{column: least}}}}
  - id: deeds
    kind: performance
    share: "0.2"
    registered: {{column: people}}
    data: {{table: quality, payee: payee, indicator: indicator, quarter: quarter, numerator: numerator,
           denominator: denominator}}
    figures: year_so_far
    score: achievement
    indicators:
      - {{id: {MANAGED}, weight: 3, threshold: "0.2", benchmark: "0.8"}}
      - {{id: {CONTROLLED}, weight: 1, threshold: "0.2", benchmark: "0.8"}}
    quarterly: {{advance: "0.8"}}
sources:
  - {{id: central, kind: central, share: "0.3"}}
  - {{id: county, kind: county, residual: true}}
"""


@pytest.fixture
def city(workshop: Any) -> Any:
    for name in ("policies", "risk", "services"):
        shutil.copy(DEMO / f"{name}.yaml", workshop.home.settings)
    workshop.write_settings("allocation", ALLOCATION)
    rural = {"c1": False, "c2": True, "c3": None}
    areas = [
        {"area_level": "community", "area_id": area, "area_name": NAMES[area], "is_rural": own, "leaf_count": 1}
        for area, own in rural.items()
    ]
    workshop.put_rows("mart__areas", NOW, areas)
    counted(workshop, "population", PEOPLE)
    valued(workshop, dict.fromkeys(PEOPLE, (60, 100, "ok")))
    risked(workshop, {"c1": 50.0, "c2": 80.0, "c3": 20.0})
    workshop.put_rows("score__policies", NOW, [])
    return workshop


def counted(city: Any, measure: str, people: dict[str, int], rules: tuple[str, ...] = RULES, period: str = NOW) -> None:
    rows = [
        {"area_level": "community", "area_id": area, "measure_id": measure, "rule_set": rule, "stratum": "all",
         "value": Decimal(number)}
        for area, number in people.items() for rule in rules
    ]  # fmt: skip
    city.put_rows("ind__counts", period, rows)


def valued(city: Any, counts: dict[str, tuple[int, int, str]], period: str = NOW) -> None:
    """Numerator, denominator and status of both indicators."""
    rows = [
        {"area_level": "community", "area_id": area, "indicator_id": indicator, "rule_set": rule, "stratum": "all",
         "numerator": Decimal(top), "denominator": Decimal(bottom), "method": "x", "status": status,
         "value": 100.0 * top / bottom if status in ("ok", "unstable") else None}
        for area, (top, bottom, status) in counts.items()
        for indicator in (MANAGED, CONTROLLED)
        for rule in RULES
    ]  # fmt: skip
    city.put_rows("ind__values", period, rows)


def risked(city: Any, risks: dict[str, float | None]) -> None:
    rows = [
        {"area_level": "community", "area_id": area, "rule_set": rule, "component": "total", "value": risk,
         "weight": 100.0, "status": "ok" if risk is not None else "no_data", "method": "x",
         "index_id": "risk_structural"}
        for area, risk in risks.items() for rule in RULES
    ]  # fmt: skip
    city.put_rows("risk__areas", NOW, rows)


def divided(city: Any, period: str = NOW) -> Any:
    return allocate(city.home, city.settings, Period.parse(period))


def amounts(found: Any) -> dict[str, int]:
    assert found.status == "ok", found.message
    return dict(found.payees.select("payee_id", "amount_fen").iter_rows())


def test_every_table_sums_to_the_instalment_and_every_line_has_its_sentence(city: Any) -> None:
    found = divided(city)
    assert (found.status, found.message) == ("ok", None)
    # 100001 fen in four instalments with rounded-down running sums: 25000, 25000, 25000, 25001
    assert found.budget == 25000
    for name in ("alloc__lines", "alloc__payees", "alloc__payments", "alloc__streams", "alloc__sources"):
        assert found.tables[name]["amount_fen"].sum() == 25000, name
    for line in found.lines.iter_rows(named=True):
        words = both(line["sentence_id"], **json.loads(line["sentence_params"]))
        assert all(words.values())
    keys = ["payee_kind", "payee_id"]
    lines = found.lines.group_by(keys).agg(sum=pl.col("amount_fen").sum())
    joined = found.payees.join(lines, on=keys, how="full", coalesce=True)
    assert joined.filter(pl.col("amount_fen") != pl.col("sum").fill_null(0)).is_empty()
    assert set(found.payees["payee_kind"]) == {"community", "fund"}
    assert dict(found.payees.select("payee_id", "is_rural").iter_rows())["c3"] is None
    assert set(found.tables) == set(TABLES)


def test_figures_of_the_paying_rule_set_reach_the_engine_exactly(city: Any) -> None:
    heads = divided(city).lines.filter(line_id="equal", payee_id="c1").row(0, named=True)
    # three quarters of 100001 fen for 3000 of 4500 people
    assert (heads["quantity"], heads["amount_fen"]) == (Decimal(3000), 50_001)
    performance = divided(city).tables["alloc__performance"].filter(payee_id="c1", indicator=MANAGED).row(0, named=True)
    assert (performance["value"], performance["score"]) == (Decimal("0.6"), Decimal("0.666667"))
    counted(city, "population", PEOPLE, RULES[:1])
    assert divided(city).status == "no_population"


@pytest.mark.parametrize("status", ["small_denominator", "suppressed", "no_data"])
def test_a_figure_that_may_not_be_shown_earns_nothing(city: Any, status: str) -> None:
    before = amounts(divided(city))
    valued(city, {"c1": (60, 100, "ok"), "c2": (100, 100, status), "c3": (60, 100, "ok")})
    found = divided(city)
    assert amounts(found)["c2"] < before["c2"]
    assert amounts(found)["c1"] == before["c1"]
    lines = found.lines.filter(payee_id="c2", stream="deeds", stage="S4")
    assert set(lines["amount_fen"]) == {0}


def test_a_figure_without_any_row_earns_nothing_either(city: Any) -> None:
    valued(city, {"c1": (60, 100, "ok"), "c3": (60, 100, "ok")})
    assert set(divided(city).lines.filter(payee_id="c2", stream="deeds", stage="S4")["amount_fen"]) == {0}


def test_a_missing_risk_never_pays_more(city: Any) -> None:
    before = amounts(divided(city))
    risked(city, {"c1": 50.0, "c2": 80.0, "c3": None})
    found = divided(city)
    assert amounts(found)["c3"] < before["c3"]
    assert found.lines.filter(payee_id="c3", line_id="need_risk_missing").height == 1


def test_advances_are_held_back_until_the_settlement_pays_what_is_left(city: Any) -> None:
    quarters = {}
    for number, period in enumerate(("2025Q1", "2025Q2", "2025Q3", "2025Q4"), 1):
        valued(city, dict.fromkeys(PEOPLE, (60, 100, "ok")), period)
        for table in ("mart__areas", "ind__counts", "risk__areas"):
            frame = pl.concat([pl.read_parquet(path) for path in _parts(city, table)])
            city.put(table, period, frame.with_columns(pl.lit(period).alias("period")))
        found = divided(city, period)
        quarters[number] = found.tables["alloc__payments"].filter(stream="deeds", payee_id="c1")
    paid = [own["amount_fen"].item() for own in quarters.values()]
    # two thirds of 13333 fen are earned: four fifths of it so far, and at the end the rest
    assert sum(paid) == quarters[4]["due_fen"].item() == 13333 * 2 // 3
    assert paid[0] == 13333 // 4 * 2 // 3 * 8 // 10
    assert paid[3] > paid[0]
    fund = divided(city, "2025Q4").payees.filter(payee_id="pending")["amount_fen"].item()
    assert fund < 0


def _parts(city: Any, table: str) -> list[Path]:
    from assets.lake import parts

    return parts.files_in_force(city.home, table, [NOW])


def test_last_year_bounds_who_was_there_last_year(city: Any) -> None:
    pace = "pace: {previous: {column: before}, floor_change: 0, cap_change: 0.5}"
    before = '      before: {measure: population, times: "0.1", digits: 2, year_before: true}\n      risk:'
    changed = ALLOCATION.replace("pace: {statutory: {column: least}}", pace).replace("      risk:", before, 1)
    city.write_settings("allocation", changed)
    counted(city, "population", {"c1": 2000, "c2": 1500}, period="2024Q4")
    found = {row["payee_id"]: row for row in divided(city).payees.to_dicts()}
    assert {area: found[area]["last_year_fen"] for area in PEOPLE} == {"c1": 20_000, "c2": 15_000, "c3": None}
    assert [found[area]["bound"] for area in ("c1", "c3")] == ["cap", "new"]
    assert found["c1"]["need_fen"] == 30_000


def test_baselines_are_the_counts_of_the_base_year(city: Any) -> None:
    improving = ALLOCATION.replace("score: achievement", "score: best_of_achievement_and_improvement")
    city.write_settings(
        "allocation", improving.replace("denominator: denominator}", "denominator: denominator, baseline: baseline}")
    )
    valued(city, {"c1": (1, 3, "ok"), "c2": (20, 100, "small_denominator")}, "2024Q4")
    table = divided(city).tables["alloc__performance"].filter(indicator=MANAGED)
    assert dict(table.select("payee_id", "baseline").iter_rows()) == {
        "c1": Decimal("0.333333"), "c2": None, "c3": None,
    }  # fmt: skip


def test_an_area_without_people_is_named_and_gets_nothing(city: Any) -> None:
    counted(city, "population", {"c1": 3000, "c2": 0})
    found = divided(city)
    assert found.message is not None
    assert "c2, c3" in found.message["en"]
    rows = {row["payee_id"]: (row["population"], row["amount_fen"]) for row in found.payees.to_dicts()}
    assert (rows["c2"], rows["c3"]) == ((Decimal(0), 0), (None, 0))
    assert found.payees["amount_fen"].sum() == found.budget


def test_no_population_no_budget_no_rules_are_answers(city: Any) -> None:
    counted(city, "population", {})
    assert divided(city).status == "no_population"
    other_year = divided(city, "2024Q3")
    assert other_year.status == "no_budget"
    assert "2024" in other_year.message["zh"]
    (city.home.settings / "allocation.yaml").unlink()
    assert divided(city).status == "none"


def test_impossible_rules_are_named_with_ways_out_and_nothing_is_paid(city: Any) -> None:
    city.write_settings("allocation", ALLOCATION.replace('"0.005"', '"0.5"'))
    found = divided(city)
    assert found.status == "infeasible"
    assert found.lines.is_empty()
    assert found.payees.is_empty()
    assert "保底线" in found.message["zh"]
    assert set(found.tables["alloc__conflict"]["kind"]) >= {"floor"}
    assert found.tables["alloc__relaxations"].height > 1
    # A clerk reads names of payees and titles of rules, never their ids.
    floors = found.tables["alloc__conflict"].filter(kind="floor")
    for area, words in floors.select("subject", "words_zh").iter_rows():
        assert words.startswith(f"{NAMES[area]} 的")
    assert "需要：保底线" in found.message["zh"]


def test_cells_that_do_not_allow_the_division_are_said_and_nothing_is_paid(city: Any) -> None:
    city.write_settings("allocation", ALLOCATION.replace(", digits: 2", "").replace('"0.005"', '"0.00001"'))
    found = divided(city)
    assert found.status == "no_data"
    assert all(word in found.message["en"] for word in ("'areas'", "'least'", "row c3"))
    assert found.lines.is_empty()


def test_the_instalments_of_a_year_sum_to_its_budget(city: Any) -> None:
    budgets = [divided(city, f"2025Q{number}").budget for number in (1, 2, 3, 4)]
    assert budgets == [25000, 25000, 25000, 25001]


def test_a_year_may_have_sources_of_its_own(city: Any) -> None:
    own = 'sources: [{id: city, kind: city, share: "0.9"}, {id: county, kind: county, residual: true}]'
    city.write_settings("allocation", ALLOCATION.replace("reference: x}]\ntables", f"reference: x, {own}}}]\ntables"))
    sources = divided(city).tables["alloc__sources"]
    assert dict(sources.group_by("source").agg(pl.col("amount_fen").sum()).iter_rows()) == {
        "city": 22_500, "county": 2_500,
    }  # fmt: skip


def test_money_of_a_measure_comes_in_the_unit_of_the_rules(city: Any) -> None:
    changed = ALLOCATION.replace("pace: {statutory: {column: least}}", "pace: {statutory: {column: spent}}")
    city.write_settings("allocation", changed)
    rows = [
        {"area_level": "community", "area_id": area, "measure_id": measure, "rule_set": RULES[1], "stratum": "all",
         "value": Decimal(value)}
        for measure, own in (("population", PEOPLE), ("spending", {"c1": 0, "c2": 0, "c3": 20_000}))
        for area, value in own.items()
    ]  # fmt: skip
    city.put_rows("ind__counts", NOW, rows)
    found = divided(city)
    assert found.status == "ok", found.message
    row = found.payees.filter(payee_id="c3").row(0, named=True)
    assert (row["need_fen"], row["bound"]) == (20_000, "floor")


PURCHASES = """
  - id: bought
    kind: purchases
    share: "0.75"
    contracts: {table: contracts, contract: contract, payee: payee, price: price, verified: done}
    payee_kind: partner
"""


def test_records_of_a_mart_are_a_table_with_money_in_the_unit_of_the_rules(city: Any) -> None:
    mart = "mart__health_bureau__purchase_contracts"
    need = ALLOCATION[ALLOCATION.index("  - id: need") : ALLOCATION.index("  - id: deeds")]
    table = (
        f"  contracts: {{rows: records, mart: {mart}, columns: "
        "{contract: contract_no, payee: supplier_code, price: amount_fen, done: quantity_done}}\npayees:"
    )
    city.write_settings("allocation", ALLOCATION.replace(need, PURCHASES).replace("payees:", table, 1))
    check_tables(city.settings, city.catalog)
    rows = {"contract_no": ["k1", "k2"], "supplier_code": ["S1", "S2"], "amount_fen": [50, 1_250],
            "quantity_done": [10, 2]}  # fmt: skip
    city.put(mart, NOW, pl.DataFrame(rows))
    found = divided(city)
    assert found.status == "ok", found.message
    bought = found.tables["alloc__payments"].filter(payee_kind="partner")
    assert dict(bought.select("payee_id", "year_fen").iter_rows()) == {"S1": 500, "S2": 2500}


MISTAKES: dict[str, tuple[str, str, str]] = {
    "table": ("table: quality", "table: qualitty", "tables has no 'qualitty', which the rules use; did you mean 'qual"),
    "column": ("{column: people}", "{column: peopel}", "tables.areas has no column 'peopel', which the rules use; did"),
    "measure": ("{measure: population}", "{measure: populaton}", "tables.areas.people: no measure 'populaton'; did"),
    "index": ("{index: risk_structural}", "{index: risk_structral}", "tables.areas.risk: no index 'risk_structral'; d"),
    "policy": ("{policy: htn_management}", "{policy: htn_managment}", "tables.areas.score: no policy 'htn_managment'"),
    "indicator": (f"indicators: [{MANAGED},", "indicators: [chronic_hypertension_pct,", "no indicator 'chronic_hyper"),
    "kind of rows": ("rows: indicators", "rows: indicator", "indicator"),
    "two ways": ("{index: risk_structural}", "{index: a, policy: b}", "exactly one of measure, indicator, index"),
    "fen": ('"1000.01"', '"1000.001"', "budgets"),
    "quarters": ("    quarterly: {advance: \"0.8\"}\n", "", "stream deeds reads quarters"),
    "cap without last year": ("{statutory: {column: least}}", '{cap_change: "0.1"}', "previous"),
    "unknown word": ("payee_level:", "payee_leval: x\npayee_level:", "did you mean 'payee_level'"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_binding_is_named_when_settings_are_read(city: Any, mistake: str) -> None:
    old, new, words = MISTAKES[mistake]
    assert old in ALLOCATION
    city.write_settings("allocation", ALLOCATION.replace(old, new, 1))
    with pytest.raises(DefinitionError) as error:
        load_settings(city.home.path)
    assert words in error.value.words("en")
    assert "allocation.yaml" in error.value.words("zh")


@pytest.mark.parametrize(
    ("mart", "column", "words"),
    [
        (
            "mart__health_bureau__purchase_contract",
            "contract_no",
            "no mart 'mart__health_bureau__purchase_contract'",
        ),
        ("mart__health_bureau__purchase_contracts", "contract_nr", "has no column 'contract_nr'; did you mean"),
        ("mart__health_bureau__contracts", "person_id", "names persons"),
    ],
)
def test_a_mart_a_column_or_persons_are_refused_by_name(city: Any, mart: str, column: str, words: str) -> None:
    table = f"  more: {{rows: records, mart: {mart}, columns: {{a: {column}}}}}\npayees:"
    city.write_settings("allocation", ALLOCATION.replace("payees:", table, 1))
    with pytest.raises(DefinitionError) as error:
        check_tables(city.settings, city.catalog)
    assert words in error.value.words("en")
