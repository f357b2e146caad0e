"""The incentive audit on the road: an index that punishes getting better makes a draft, the structural one does not."""

import re
import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.compute.allocation import Allocation, allocate
from assets.compute.allocation_tables import RoadTables
from assets.compute.auditing import RoadAudit
from assets.compute.risk import risk_tables
from assets.lake import parts
from assets.stages.road import Road
from assets.vault.crypto import VaultKeys
from data_contracts.index_spec.document import indicators_of
from data_contracts.periods import Period
from data_contracts.tables import output_tables

NOW, RULES = "2025Q4", ("national_2017", "platform_2011")
DEMO = Path(__file__).parents[3] / "pipelines" / "demo" / "settings"
PAID = "chronic_hypertension_control_pct"
COVERED, LITERATE = "contract_coverage_pct", "health_literacy_pct"
# percent by community: what the structural and the literal index read, and what pays
FIGURES = {
    "population_aged_65_plus_pct": (12, 20, 30, 8),
    "welfare_recipients_pct": (2, 5, 8, 1),
    "hospital_admissions_per_1k": (20, 30, 50, 15),
    "related_admissions_per_1k": (20, 30, 50, 15),
    "archive_coverage_pct": (80, 90, 95, 85),
    LITERATE: (30, 25, 40, 35),
    COVERED: (40, 50, 60, 30),
    PAID: (45, 55, 60, 35),
}
PEOPLE = {"c1": 3000, "c2": 1000, "c3": 500, "c4": 2000}
ALLOCATION = f"""
id: money
titles: {{zh: 资金, en: Money}}
references: [x]
unit: yuan
payee_level: community
population: population
budgets: [{{year: 2025, amount: "100000.00", reference: x}}]
tables:
  areas:
    rows: payees
    columns:
      id: {{area: id}}
      people: {{measure: population}}
      risk: {{index: INDEX}}
  quality: {{rows: indicators, indicators: [{PAID}]}}
payees: {{table: areas, id: id}}
streams:
  - id: need
    titles: {{zh: 需要, en: Need}}
    kind: need
    share: "0.8"
    population: {{column: people}}
    risk: {{column: risk, form: exponential, ratio: 2, reference: 50}}
  - id: deeds
    kind: performance
    share: "0.2"
    registered: {{column: people}}
    data: {{table: quality, payee: payee, indicator: indicator, quarter: quarter, numerator: numerator,
           denominator: denominator}}
    figures: year_so_far
    score: achievement
    indicators: [{{id: {PAID}, weight: 1, threshold: "0.2", benchmark: "0.8"}}]
    quarterly: {{advance: "0.8"}}
"""


def filled(workshop: Any, index: str, figures: dict[str, tuple[float, ...]] = FIGURES) -> Any:
    for name in ("policies", "services"):
        shutil.copy(DEMO / f"{name}.yaml", workshop.home.settings)
    workshop.write_settings("risk", f'valid_from: "2023-01-01"\nuses: {index}\n')
    workshop.write_settings("allocation", ALLOCATION.replace("INDEX", index))
    areas = [
        {"area_level": "community", "area_id": area, "area_name": f"社区{area}", "is_rural": False, "leaf_count": 1}
        for area in PEOPLE
    ]
    workshop.put_rows("mart__areas", NOW, areas)
    key = {"area_level": "community", "stratum": "all"}
    counts = [
        {**key, "area_id": area, "measure_id": "population", "rule_set": rule, "value": Decimal(count)}
        for area, count in PEOPLE.items() for rule in RULES
    ]  # fmt: skip
    workshop.put_rows("ind__counts", NOW, counts)
    values = [
        {**key, "area_id": area, "indicator_id": name, "rule_set": rule, "value": float(own), "status": "ok",
         "method": "x", "numerator": Decimal(repr(own)) * 10, "denominator": Decimal(1000)}
        for name, row in figures.items() for area, own in zip(PEOPLE, row, strict=True) for rule in RULES
    ]  # fmt: skip
    workshop.put_rows("ind__values", NOW, values)
    for name, frame in risk_tables(workshop.home, workshop.settings, Period.parse(NOW)).items():
        workshop.put(name, NOW, frame)
    return workshop


def divided(workshop: Any) -> Allocation:
    found = allocate(workshop.home, workshop.settings, Period.parse(NOW))
    assert found.status == "ok", found.message
    return found


def audited(workshop: Any) -> dict[str, pl.DataFrame]:
    audit = divided(workshop).audit
    assert audit is not None
    return audit.run()


def test_money_that_follows_the_structural_index_may_be_approved(workshop: Any) -> None:
    found = audited(filled(workshop, "risk_structural"))
    assert found["alloc__incentive_reasons"].is_empty()
    cells = found["alloc__incentives"]
    # Nobody can move a structural part: what pays is all that is asked about.
    assert set(cells["indicator"]) == {PAID}
    assert set(cells["payee_id"]) == set(PEOPLE)
    assert set(cells["payee_kind"]) == {"community"}
    assert set(cells["step"]) == {"point", "sd"}
    assert set(cells["verdict"]) == {"keeps"}
    assert cells["npv_fen"].min() > 0
    assert set(cells["computed"]) <= {"exact", "screened"}
    totals = found["alloc__incentive_totals"]
    assert totals["cells"].sum() == cells.height
    assert totals["total_fen"].sum() == cells["npv_fen"].sum()
    assert totals["losing"].sum() == 0


def test_money_that_follows_the_literal_text_is_a_draft_that_says_who_loses(workshop: Any) -> None:
    found = audited(filled(workshop, "risk_literal"))
    losing = found["alloc__incentives"].filter(verdict="loses")
    assert {COVERED, LITERATE} <= set(losing["indicator"])
    assert losing["npv_fen"].max() < 0
    reasons = found["alloc__incentive_reasons"]
    assert set(reasons["reason"]) == {"loses"}
    assert reasons["number"].to_list() == list(range(1, reasons.height + 1))
    worst = losing.filter(indicator=COVERED).sort("npv_fen").row(0, named=True)
    own = [row for row in reasons.iter_rows(named=True) if f"{-worst['npv_fen'] / 100:,.2f} 元" in row["zh"]]
    # In a clerk's words: titles and names, no ids.
    assert len(own) == 1
    assert f"社区{worst['payee_id']}" in own[0]["zh"]
    assert not re.search(r"[a-z]+_[a-z_]+", "".join(row["zh"] for row in own))
    assert COVERED not in own[0]["en"]


def test_the_road_itself_pays_less_need_money_after_such_a_step(workshop: Any, make_workshop: Any) -> None:
    """An oracle without any audit: change the figure in the home, compute the index and divide again."""
    before = divided(filled(workshop, "risk_literal"))
    better = {**FIGURES, COVERED: (41, *FIGURES[COVERED][1:])}
    after = divided(filled(make_workshop(), "risk_literal", better))
    need = [
        own.tables["alloc__payments"].filter(stream="need", payee_id="c1")["due_fen"].item() for own in (before, after)
    ]
    audit = before.audit
    assert audit is not None
    cell = audit.run()["alloc__incentives"].filter(payee_id="c1", indicator=COVERED, step="point").row(0, named=True)
    years = sum(1.03**-at for at in range(5))
    assert need[1] < need[0]
    assert cell["need_fen"] == pytest.approx((need[1] - need[0]) * years, abs=5 * 2)


def test_a_risk_that_is_not_the_index_cannot_be_audited(workshop: Any) -> None:
    city = filled(workshop, "risk_structural")
    risks = risk_tables(city.home, city.settings, Period.parse(NOW))["risk__areas"]
    other = pl.when(area_id="c2", component="total").then(pl.col("value") + 1).otherwise("value").alias("value")
    city.put("risk__areas", NOW, risks.with_columns(other))
    assert audited(city)["alloc__incentive_reasons"]["reason"].to_list() == ["index_differs"]


def test_a_figure_that_is_no_index_and_says_nothing_of_its_parts_cannot_be_audited(workshop: Any) -> None:
    city = filled(workshop, "risk_structural")
    city.write_settings("allocation", ALLOCATION.replace("index: INDEX", f"indicator: {COVERED}"))
    assert audited(city)["alloc__incentive_reasons"]["reason"].to_list() == ["risk_unknown"]


def test_an_audit_that_can_ask_nothing_for_want_of_figures_is_not_passed(workshop: Any) -> None:
    without = {name: own for name, own in FIGURES.items() if name != PAID}
    found = audited(filled(workshop, "risk_structural", without))
    assert found["alloc__incentive_reasons"]["reason"].to_list() == ["nothing_asked"]
    assert set(found["alloc__incentives"]["verdict"]) == {"no_figure"}


def test_years_are_replayed_only_where_something_changed(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    city, runs = filled(workshop, "risk_structural"), []
    run = RoadAudit.run
    monkeypatch.setattr(RoadAudit, "run", lambda own: runs.append(own.mark) or run(own))
    names = [name for name in output_tables() if name.startswith("alloc__")]

    def advance() -> dict[str, Any]:
        road = Road(city.home, city.settings, city.catalog, VaultKeys.load(city.home))
        return road.advance("alloc", names, NOW)

    first = advance()
    assert first["alloc__incentives"].rows == 2 * len(PEOPLE)
    again = advance()
    assert len(runs) == 1
    assert again["alloc__incentives"].computed == []
    assert again["alloc__incentives"].rows == first["alloc__incentives"].rows
    filled(city, "risk_structural", {**FIGURES, PAID: (46, 55, 60, 35)})
    assert advance()["alloc__incentives"].computed == [NOW]
    city.write_settings("allocation", ALLOCATION.replace("INDEX", "risk_structural") + "audit: {years: 3}\n")
    advance()
    assert len(set(runs)) == len(runs) == 3


def test_a_part_of_the_index_without_any_figure_cannot_be_audited(workshop: Any) -> None:
    without = {name: own for name, own in FIGURES.items() if name != LITERATE}
    reasons = audited(filled(workshop, "risk_literal", without))["alloc__incentive_reasons"]
    assert set(reasons["reason"]) == {"loses", "no_figures"}


def test_columns_say_by_where_they_come_from_whether_health_moves_them(
    workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(filled.__globals__, "risk_tables", lambda *_: {})
    city = filled(workshop, "risk_structural")
    risk, people, need = "risk: {index: INDEX}", "people: {measure: population}", "population: {column: people}\n"
    columns = [people, "urban: {area: is_urban}", f"covered: {{indicator: {COVERED}}}",
               "old: {indicator: population_aged_65_plus_pct}", "again: {measure: population, times: 2}"]  # fmt: skip
    factors = ", ".join(f"{{id: f_{name}, column: {name}}}" for name in ("urban", "covered", "old", "again"))
    text = ALLOCATION.replace(people, "\n      ".join(columns)).replace(f"      {risk}\n", "")
    text = re.sub(r"    risk: .*\n", "", text.replace(need, f"{need}    factors: [{factors}]\n", 1))
    city.write_settings("allocation", text)
    found = audited(city)
    # An indicator without a good side says nothing; one with a good side is asked about, and more of it brings more.
    assert found["alloc__incentive_reasons"]["reason"].to_list() == ["undeclared"]
    assert "「old」" in found["alloc__incentive_reasons"]["zh"][0]
    covered = found["alloc__incentives"].filter(indicator="covered")
    assert set(covered["verdict"]) == {"keeps"}
    assert covered["need_fen"].min() > 0


def test_wording_that_changed_is_not_kept(workshop: Any) -> None:
    audit = divided(filled(workshop, "risk_structural")).audit
    assert audit is not None
    named = {**audit.titles, PAID: {"zh": "血压达标", "en": "Controlled"}}
    assert replace(audit, titles=named).mark != audit.mark == replace(audit).mark


def test_what_payees_made_of_their_risk_themselves_is_a_figure(workshop: Any) -> None:
    """An oracle by hand: the index of last year's figures, but for what payees control, is what the road reads."""
    changed = {**FIGURES, COVERED: (70, 20, 60, 30), "related_admissions_per_1k": (50, 20, 20, 15)}
    figures = "{index: risk_literal, year_before: true, improved: true}"
    before = "{index: risk_literal, year_before: true}"
    words = ALLOCATION.replace("{index: INDEX}", f"{figures}\n      before: {before}")
    found = []
    for year, own in (("2024Q4", FIGURES), ("2025Q4", changed)):
        filled(workshop, "risk_literal", own)
        rows = parts.read_table(workshop.home, "ind__values", [NOW])
        workshop.put("ind__values", year, rows.with_columns(pl.lit(year).alias("period")))
        found.append(_risks(workshop))
    workshop.write_settings("allocation", words)
    reading = RoadTables(workshop.home, workshop.settings, workshop.settings.allocation, Period.parse(NOW))
    areas = reading.all(reading.areas())["areas"]
    read = {column: dict(zip(areas["id"], map(float, areas[column]), strict=True)) for column in ("before", "risk")}
    assert read["before"] == pytest.approx(found[0])
    # Coverage is controllable, admissions are as they are: only the first has moved.
    spec = workshop.settings.indices["risk_literal"]
    kinds = {item.id: item.kind for item in indicators_of(spec.tree)}
    assert kinds[COVERED] == "controllable"
    moved = {name: own if kinds.get(name) == "controllable" else FIGURES[name] for name, own in changed.items()}
    filled(workshop, "risk_literal", moved)
    assert read["risk"] == pytest.approx(_risks(workshop))
    assert read["risk"] != pytest.approx(read["before"])


def _risks(workshop: Any) -> dict[str, float]:
    risks = parts.read_table(workshop.home, "risk__areas", [NOW])
    own = risks.filter(component="total", rule_set=RULES[0])
    return dict(own.select("area_id", "value").iter_rows())
