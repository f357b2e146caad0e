"""Laws of what the incentive audit asks: whatever brings money is declared, and no declaration excuses by itself.

Every configuration here once passed, or was not asked, while getting healthier cost a payee money over five years.
"""

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from pydantic import BaseModel

from data_contracts.allocation_spec import reached
from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.reached import asked_columns, is_moved, undeclared
from data_contracts.allocation_spec.streams import AnyStream
from data_contracts.closed import DefinitionError, parse
from evaluations.allocation import audit as auditing
from evaluations.allocation.audit import AuditResult, audit_of, may_be_approved
from tests.unit.evaluations.allocation_world import frame

Row = dict[str, Any]
ROWS: list[Row] = [
    {"id": f"P{at}", "people": 10000, "registered": 1000, "risk": 50 + 3 * at, "deaths": 10 + at,
     "sick": 2000 + 100 * at, "prevalence": f"{0.2 + 0.02 * at:.3f}", "score": 70 + 3 * at, "frail": int(at >= 4),
     "star": "甲" if at > 5 else ""}
    for at in range(8)
]  # fmt: skip
FIGURES = [{"id": row["id"], "indicator": "htn", "value": "0.6"} for row in ROWS]
NEED: Row = {"id": "need", "kind": "need", "amount": "900000", "population": {"column": "people"}}
RISK: Row = {"column": "risk", "form": "exponential", "ratio": 10, "reference": 50,
             "indicators": {"smoke": {"effect_per_point": -1, "spread": 5}}}  # fmt: skip
PAYS: Row = {
    "id": "pay", "kind": "performance", "amount": "1000", "registered": {"column": "registered"},
    "score": "achievement",
    "data": {"table": "figures", "payee": "id", "indicator": "indicator", "value": "value"},
    "indicators": [{"id": "htn", "weight": 1, "threshold": "0.5", "benchmark": "0.9"}],
}  # fmt: skip
LOWER = {"better": "lower"}


def spec(*streams: Row, **more: Any) -> AllocationSpec:
    document = {
        "id": "x", "titles": {"zh": "x", "en": "x"}, "references": ["x"], "year": 2025, "unit": "yuan",
        "payees": {"table": "payees", "id": "id", "groups": {"frail": "frail"}}, "budget": {"amount": 1000000},
        "streams": [*streams, {"id": "left", "kind": "fund", "fund": "left", "rest": True}], **more,
        "audit": {"sample": 2, **more.get("audit", {})},
    }  # fmt: skip
    return parse(AllocationSpec, document, "spec.yaml")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the screen sees is believed but for two cells, as in a large place."""
    monkeypatch.setattr(auditing, "FEW", 0)


def audited(own: AllocationSpec, rows: list[Row] = ROWS, figures: list[Row] = FIGURES) -> AuditResult:
    return audit_of(own, {"payees": frame(rows), "figures": frame(figures)}, {})


def reasons(found: AuditResult) -> list[str]:
    assert (found.status == "passed") == may_be_approved(found) == found.tables["audit_reasons"].is_empty()
    return found.tables["audit_reasons"]["reason"].to_list()


def need(**more: Any) -> Row:
    return {**NEED, **more}


COLUMNS: dict[str, tuple[Row, str, Row, Row]] = {
    "inequality": (need(inequality={"share": 1, "column": "deaths"}), "deaths", LOWER, {}),
    "need factor": (
        need(factors=[{"id": "ill", "column": "prevalence"}]), "prevalence", {**LOWER, "point": "0.01"}, {}),
    "factors by the sick": (
        {"id": "f", "kind": "factors", "amount": "900000",
         "factors": [{"id": "sick", "weight": 1, "sum": [{"column": "sick"}]}]}, "sick", LOWER, {}),
    "group by risk": (
        need(), "frail", {"worst_first": ["1", "0"]},
        {"reserves": [{"id": "v", "group": "frail", "minimum_share": "0.8", "base": ["need"]}]}),
    "award to the highest": (
        {"id": "a", "kind": "awards", "amount": "900000",
         "classes": [{"id": "x", "by": "rank", "score": {"column": "risk"}, "amounts": [[1, "400000"]]}]},
        "risk", LOWER, {}),
    "award by chance": (
        {"id": "a", "kind": "awards", "amount": "900000",
         "classes": [{"id": "x", "by": "chance", "score": {"column": "risk"}, "error": "none",
                      "tiers": [{"id": "t", "standard": 65, "amount": "100000"}]}]}, "risk", LOWER, {}),
    "award by grade": (
        {"id": "a", "kind": "awards", "amount": "900000",
         "classes": [{"id": "x", "by": "grade", "grade": "star", "amounts": {"甲": "9000"}}]},
        "star", {"worst_first": ["甲", ""]}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_that_brings_money_is_declared_and_loses_where_health_lowers_it(name: str) -> None:
    stream, column, known, more = COLUMNS[name]
    silent = spec(stream, **more)
    assert is_moved(silent)
    assert reasons(audited(silent)) == ["undeclared"]
    assert undeclared(silent) == [column]
    told = audited(spec(stream, **more, audit={"columns": {column: known}}))
    assert reasons(told) == ["loses"]
    assert set(told.tables["audit"].filter(verdict="loses")["indicator"]) == {column}
    structural = spec(stream, **more, audit={"columns": {column: {"structural": "census"}}})
    assert not is_moved(structural)
    assert reasons(audited(structural)) == []


GOOD: dict[str, tuple[Row, str, Row]] = {
    "standard": ({"id": "s", "kind": "standard", "amount": "900000", "population": {"column": "people"}, "standard": 9,
                  "score": {"column": "score"}, "bands": [[0, "0.5"], [80, 1]]}, "score", {"better": "higher"}),
    "award": (COLUMNS["award by chance"][0], "risk", {"better": "higher"}),
    "grade": (COLUMNS["award by grade"][0], "star", {"worst_first": ["", "甲"]}),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_money_that_rises_with_what_is_better_passes_beyond_every_edge(name: str) -> None:
    stream, column, known = GOOD[name]
    found = audited(spec(stream, audit={"columns": {column: known}}))
    assert reasons(found) == []
    edges = found.tables["audit"].filter(pl.col("step").str.starts_with("edge"), status="ok")
    assert edges.height
    assert edges["value_fen"].max() > 0


def risky(indicators: Any = None, form: Row | None = None, **more: Any) -> Row:
    own = {**RISK, **(form or {})}
    return need(risk={**own, **({} if indicators is None else {"indicators": indicators}), **more})


EXCUSES: dict[str, tuple[list[Row], Row, list[str]]] = {
    "plain": ([risky()], {}, ["loses"]),
    "reset after the end": ([risky()], {"reset_year": 6}, ["short_replay"]),
    "reset at the end": ([risky()], {"reset_year": 5}, ["short_replay", "loses"]),
    "one year": ([risky()], {"years": 1}, ["short_replay", "loses"]),
    "discount": ([risky()], {"discount": 1}, ["high_discount", "loses"]),
    "not controllable": ([risky({"smoke": {"controllable": False}})], {}, ["excused"]),
    "no effect": ([risky({"smoke": {"effect_per_point": 0, "spread": 5}})], {}, ["effect_excuses"]),
    "paid": ([risky({"htn": {"controllable": False}}, signed_reason="x"), PAYS], {}, ["excused"]),
    "another id": ([risky({"htn_poor": {"controllable": False}}), PAYS], {}, ["excused"]),
    "same as": ([risky({"htn_poor": {"effect_per_point": -1, "spread": 3, "same_as": "htn"}}, signed_reason="x"), PAYS],
                {}, ["loses"]),
    "no rule reads it": ([risky({"smoke": {"controllable": False, "signed_reason": "x"}})],
                         {"columns": {"sickk": {"structural": "x"}}}, ["unread_column"]),
    "like nothing": ([need(factors=[{"id": "ill", "column": "sick"}])],
                     {"columns": {"sick": {"same_as": "smok", "effect_per_point": 1}}}, ["same_as_nothing"]),
}  # fmt: skip


@pytest.mark.parametrize("name", EXCUSES)
def test_no_declaration_excuses_by_itself(name: str) -> None:
    streams, audit, expected = EXCUSES[name]
    assert reasons(audited(spec(*streams, audit=audit))) == expected


def test_a_measure_that_is_paid_under_another_id_needs_a_reason_at_once() -> None:
    with pytest.raises(DefinitionError, match="htn"):
        spec(risky({"htn_poor": {"effect_per_point": -1, "same_as": "htn"}}), PAYS)


def test_figures_on_a_straight_line_with_those_of_a_paid_indicator_are_not_structural() -> None:
    rows = [{**row, "ill": 100 - at} for at, row in enumerate(ROWS)]
    figures = [{**row, "value": f"{0.5 + 0.02 * at:.2f}"} for at, row in enumerate(FIGURES)]
    own = spec(need(factors=[{"id": "ill", "column": "ill"}]), PAYS, audit={"columns": {"ill": {"structural": "x"}}})
    assert reasons(audited(own, rows, figures)) == ["same_figures"]
    # The same fact, said as it is: both move together, and need loses more than pay brings.
    told = {"columns": {"ill": {"same_as": "htn", "effect_per_point": "-0.5"}}}
    assert reasons(audited(spec(need(factors=[{"id": "ill", "column": "ill"}]), PAYS, audit=told), rows, figures)) == [
        "loses"
    ]


def test_a_cliff_far_from_everybody_is_found() -> None:
    form = {"form": "points", "points": [[0, 1], [62, 3]], "ratio": None, "reference": None}
    own = risky({"smoke": {"effect_per_point": -1, "spread": 1}}, form)
    rows = [{**row, "risk": risk} for row, risk in zip(ROWS, (10, 20, 30, 40, 70, 75, 80, 90), strict=True)]
    found = audited(spec(own), rows)
    losing = found.tables["audit"].filter(verdict="loses")
    assert losing["payee_id"].to_list() == ["P4", "P5", "P6", "P7"]
    assert set(losing["step"]) == {"edge1"}
    assert float(losing["step_points"].max()) == pytest.approx(28, abs=1e-5)


def test_an_award_by_the_rank_of_risk_is_seen_beside_audited_pay() -> None:
    """The screen divides such a stream by the engine for every cell; only one payee is concerned."""
    award = {"id": "a", "kind": "awards", "amount": "90000", "classes": [
        {"id": "x", "by": "rank", "score": {"column": "risk"}, "amounts": [[1, "90000"]]}]}  # fmt: skip
    flat = risky(form={"ratio": "1.0000001"})
    found = audited(spec(flat, PAYS, award))
    assert reasons(found) == ["loses"]
    losing = found.tables["audit"].filter(verdict="loses")
    assert set(losing["payee_id"]) == {"P7"}
    assert losing["other_fen"].max() < -9_000_000


def test_without_any_figure_nothing_is_asked_and_what_stands_in_need_still_loses() -> None:
    blank = [{**row, "value": None} for row in FIGURES]
    assert reasons(audited(spec(PAYS), figures=blank)) == ["nothing_asked"]
    both = risky({"htn": {"effect_per_point": -1, "spread": 3}}, signed_reason="x")
    assert reasons(audited(spec(both, PAYS), figures=blank)) == ["loses"]
    empty = [{**row, "sick": None} for row in ROWS]
    stream = {**need(), "population": {"column": "people"}}
    awards = {"id": "a", "kind": "awards", "amount": "1000", "classes": [
        {"id": "x", "by": "rank", "score": {"column": "sick"}, "amounts": [[1, "10"]]}]}  # fmt: skip
    own = spec(stream, awards, audit={"columns": {"sick": LOWER}})
    assert reasons(audited(own, empty)) == ["nobody_reports", "nothing_asked"]
    rising = spec(stream, awards, PAYS, audit={"columns": {"sick": {"better": "higher"}}})
    assert reasons(audited(rising, empty)) == []


FALLING = {
    "bands": {**GOOD["standard"][0], "bands": [[0, 1], [80, "0.5"]]},
    "points": risky(form={"form": "points", "points": [[0, 2], [62, 1]], "ratio": None, "reference": None}),
    "tiers": {"id": "a", "kind": "awards", "amount": "1", "classes": [
        {"id": "x", "by": "chance", "score": {"column": "score"}, "error": "none",
         "tiers": [{"id": "t", "standard": 60, "amount": 2}, {"id": "u", "standard": 80, "amount": 1}]}]},
    "ranks": {"id": "a", "kind": "awards", "amount": "1", "classes": [
        {"id": "x", "by": "rank", "score": {"column": "score"}, "amounts": [[1, 1], [2, 2]]}]},
}  # fmt: skip


@pytest.mark.parametrize("name", FALLING)
def test_pay_that_falls_as_the_score_rises_is_refused_at_load(name: str) -> None:
    with pytest.raises(DefinitionError, match=r"less|fall"):
        spec(FALLING[name])


def test_what_is_too_much_to_replay_is_said_and_never_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, column, known, more = COLUMNS["group by risk"]
    monkeypatch.setattr(auditing, "MOST", 0)
    audit = {"columns": {column: known}, "sample": 1}
    found = audited(spec(stream, **more, audit=audit))
    assert "not_all_replayed" in reasons(found)
    assert found.tables["audit"].filter(verdict="skipped").height == 3
    whole = audited(spec(stream, **more, audit={**audit, "sample": 4}))
    assert reasons(whole) == ["loses"]


BY_ROLE = {
    "Need.population", "Need.risk", "Need.planned", "Pace.previous", "Pace.population_before", "Performance.registered",
    "StandardStream.population", "ByChance.error", "Dividend.risk_before", "Dividend.risk_improved", "Least.population",
}  # fmt: skip


def test_every_figure_of_every_stream_has_a_role() -> None:
    """A word for a column that is added to a stream must be asked about, or be known by its role."""
    asked = {f"{model.__name__}.{name}" for model, names in reached.ASKED.items() for name in names}
    figures = {place for stream in AnyStream.__args__ for place in _figures(stream)}
    assert figures - asked == BY_ROLE
    assert asked - figures == {
        "Performance.strata", "Work.count", "Work.performance", "Contracts.verified", "Claims.units", "Requests.base",
        "Applications.score", "ByGrade.grade",
    }  # fmt: skip


def _figures(model: type[BaseModel], seen: frozenset[type[BaseModel]] = frozenset()) -> Iterator[str]:
    for name, field in model.model_fields.items():
        for kind in _models(field.annotation):
            if issubclass(kind, Figure):
                yield f"{model.__name__}.{name}"
            if kind not in seen:
                yield from _figures(kind, seen | {kind})


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for own in getattr(annotation, "__args__", ()):
        yield from _models(own)
    for own in getattr(annotation, "__metadata__", ()):
        yield from _models(own)


def test_people_and_rural_groups_are_facts_by_their_role() -> None:
    own = spec(
        need(factors=[{"id": "again", "column": "people"}]),
        reserves=[{"id": "r", "group": "rural", "minimum_share": "0.1"}],
        payees={"table": "payees", "id": "id", "groups": {"rural": "frail"}},
    )
    assert asked_columns(own) == []
    assert not is_moved(own)
