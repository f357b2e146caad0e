"""Who pays for floors, caps and reserved shares; and audits of an index that is computed."""

from typing import Any

import polars as pl
import pytest

from data_contracts.index_spec.document import IndexSpec
from evaluations.allocation.audit import audit_of
from evaluations.allocation.engine import allocate
from tests.unit.evaluations.allocation_world import NEED, WORKED_PAYEES, frame, need, run, spec

PACE = {"floor_change": "-0.02", "cap_change": "0.50"}


def test_in_the_worked_example_the_urban_community_below_target_pays_for_the_reserve() -> None:
    found = run([need({"floor_change": "-0.02"})], reserves=[{"id": "r", "group": "rural", "minimum_share": "0.30"}])
    payers = found.tables["payers"]
    reserve = dict(payers.filter(rule="reserve:r").select("payee_id", "amount_fen").iter_rows())
    assert reserve["C3"] == -(144_823_254 - 135_100_000)
    assert {payee for payee, change in reserve.items() if change < 0} == {"C3"}
    bounds = dict(payers.filter(rule="floors_and_caps").select("payee_id", "amount_fen").iter_rows())
    assert {payee for payee, change in bounds.items() if change > 0} == {"C1", "C2"}
    assert payers.group_by("rule").agg(pl.col("amount_fen").sum()).sort("rule")["amount_fen"].to_list() == [0, 0]
    assert set(payers.filter(pl.col("amount_fen") < 0)["role"]) == {"pays"}


def test_without_pace_and_reserves_nobody_pays_for_anybody() -> None:
    assert run([need()]).tables["payers"].is_empty()


INDEX: dict[str, Any] = {
    "id": "risk", "titles": {"zh": "风险", "en": "Risk"}, "reference": "无", "purpose": "need", "unit": "id",
    "tree": {
        "id": "risk", "titles": {"zh": "风险", "en": "Risk"}, "weights": {"how": "expert"},
        "combine": {"how": "arithmetic", "missing": "refuse"},
        "parts": [
            {"id": "smoke", "titles": {"zh": "吸烟", "en": "Smoking"}, "weight": 0.4, "direction": "higher_is_better",
             "kind": "controllable", "steps": [{"step": "min_max"}]},
            {"id": "old", "titles": {"zh": "老龄", "en": "Old"}, "weight": 0.6, "direction": "higher_is_better",
             "kind": "structural", "steps": [{"step": "min_max"}]},
        ],
    },
}  # fmt: skip
FIGURES = [
    {"id": row["id"], "smoke": smoke, "old": old}
    for row, smoke, old in zip(WORKED_PAYEES, (20, 31, 25, 40, 35, 22), (10, 14, 12, 25, 30, 18), strict=True)
]


def computed(wrong: float = 0.0) -> tuple[IndexSpec, dict[str, pl.DataFrame]]:
    """The index, and tables of an allocation whose risk it is."""
    from evaluations.index.tables import index_tables

    index = IndexSpec.model_validate(INDEX)
    scores = index_tables(index, frame(FIGURES))["scores"].filter(part="risk")
    risks = [{"id": unit, "risk": value + wrong} for unit, value in scores.select("unit", "value").iter_rows()]
    return index, {"payees": frame(WORKED_PAYEES), "figures": frame(FIGURES), "risks": frame(risks)}


OWN = need(risk={**NEED["risk"], "table": "risks", "index": {"spec": "risk.yaml", "table": "figures"}})


def test_an_index_is_recomputed_for_everybody_who_gets_better() -> None:
    """Min-max compares payees: who smokes least moves the scale of all others, and the audit still agrees."""
    index, tables = computed()
    found = audit_of(spec([OWN], audit={"sample": 100}), tables, {"need": index})
    table = found.tables["audit"]
    assert set(table["indicator"]) == {"smoke"}
    assert table["exact_fen"].null_count() == 0
    assert found.status == "draft"
    # A percentage point of smoking is 1 of its figure: 0.4 × 100 / (40 − 20) points of risk for who is in between.
    moved = tables["risks"].with_columns(
        risk=pl.when(pl.col("id") == "C5")
        .then((pl.col("risk").cast(pl.Float64) - 2).round(6).cast(pl.String))
        .otherwise("risk")
    )
    before, after = (allocate(spec([OWN]), {**tables, "risks": own}).tables["need"] for own in (tables["risks"], moved))
    lost = after["amount_fen"][4] - before["amount_fen"][4]
    inside = table.filter(payee_id="C5", step="point").row(0, named=True)
    assert inside["exact_fen"] == pytest.approx(lost * sum(1.03**-year for year in range(5)), abs=1)


def test_a_risk_that_is_not_that_of_the_index_is_not_audited() -> None:
    index, tables = computed(0.5)
    reasons = audit_of(spec([OWN]), tables, {"need": index}).tables["audit_reasons"]
    assert ("index_differs", "need", 6) in reasons.rows()
