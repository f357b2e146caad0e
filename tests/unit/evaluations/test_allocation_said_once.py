"""What a spec must say, and say once; floors that are the target itself; plans that are audited; steps without need."""

from typing import Any

import pytest
from pydantic import ValidationError

from data_contracts.messages import DefinitionError
from evaluations.allocation.audit import PASSED, audit_of
from evaluations.allocation.quarters import base_of
from evaluations.allocation.snapshot import DataError
from tests.unit.evaluations.allocation_world import column, frame, run, spec

PLAIN: dict[str, Any] = {"id": "need", "kind": "need", "rest": True, "population": {"column": "people"}}
CLASS: dict[str, Any] = {"id": "best", "by": "chance", "score": {"column": "s"}, "error": "none",
                         "tiers": [{"id": "t", "standard": 80, "amount": 5}]}  # fmt: skip
REFUSED = (ValidationError, DefinitionError)


def awards(**own: Any) -> dict[str, Any]:
    return {"id": "aw", "kind": "awards", "rest": True, "classes": [{**CLASS, **own}]}


@pytest.mark.parametrize(
    ("streams", "more", "place"),
    [
        ([PLAIN], {"reserves": [{"id": "r", "group": "rural", "minimum_share": "0.3", "base": ["need", "need"]}]},
         "reserves.r.base"),
        ([PLAIN], {"sources": [{"id": "a", "kind": "central", "share": 1, "for": ["need", "need"]}]}, "sources.a.for"),
        ([PLAIN], {"priorities": ["reserve", "cap", "reserve"]}, "priorities"),
        ([{**PLAIN, "risk": {"column": "r", "form": "linear", "slope": 1, "indicators": ["x", "x"]}}], {},
         "risk.indicators"),
        ([{**PLAIN, "at_least": [{"id": "x", "amount": 1}, {"id": "x", "amount": 2}]}], {}, "streams.need.at_least"),
    ],
)  # fmt: skip
def test_an_id_twice_in_a_list_is_refused_where_it_stands(streams: Any, more: Any, place: str) -> None:
    with pytest.raises(REFUSED, match=f"{place}: the id '.*' is used twice"):
        spec(streams, **more)


def test_a_base_named_once_is_what_it_says() -> None:
    rows = [{"id": "A", "rural": 1, "people": 10}, {"id": "B", "rural": 0, "people": 90}]
    reserve = {"id": "r", "group": "rural", "minimum_share": "0.3", "base": ["need"]}
    assert column(run([PLAIN], rows, amount=1000, reserves=[reserve]), "amount_fen") == [30_000, 70_000]


def test_awards_by_chance_say_how_sure_a_score_is() -> None:
    for silent in ({"error": None}, {"error": ""}):
        with pytest.raises(REFUSED):
            spec([awards(**silent)])
    with pytest.raises(REFUSED, match="error: none where the score has none"):
        spec([awards(error=None)])
    with pytest.raises(REFUSED, match="greater than 0"):
        spec([awards(probability=0)])
    rows = [{"id": "A", "rural": 0, "s": 80}, {"id": "B", "rural": 0, "s": "79.9"}]
    found = run([awards()], rows, amount=5)
    assert found.tables["awards"]["chance"].to_list() == ["1.000000", "0.000000"]


@pytest.mark.parametrize("part", ["1", "0.99999999"])
def test_a_floor_at_the_target_fits_into_the_pool_that_the_targets_fill(part: str) -> None:
    rows = [{"id": name, "rural": 0, "people": 1} for name in "ABC"]
    found = run([{**PLAIN, "pace": {"min_vs_target": part}}], rows, amount=1000)
    assert column(found, "amount_fen") == [33_334, 33_333, 33_333]
    assert column(found, "floor_fen") == [33_334, 33_333, 33_333]


def test_the_base_of_next_year_is_need_money_alone() -> None:
    pay = {"id": "p", "kind": "performance", "share": "0.5", "registered": {"column": "people"}, "score": "given",
           "data": {"table": "f", "payee": "id", "indicator": "indicator", "score": "score"},
           "indicators": [{"id": "i", "weight": 1}]}  # fmt: skip
    figures = [{"id": name, "indicator": "i", "score": 1} for name in "AB"]
    rows = [{"id": name, "rural": 0, "people": 1} for name in "AB"]
    found = run([{**PLAIN, "rest": False, "share": "0.5"}, pay], rows, amount=100, tables={"f": figures})
    assert column(found, "amount_fen", "payees") == [5000, 5000]
    assert column(found, "next_base_fen", "payees") == column(found, "amount_fen") == [2500, 2500]


def test_who_has_no_need_money_is_paid_in_steps_of_its_potential() -> None:
    assert base_of({"A": 400, "B": 0}, "A", 80, 2) == 100
    assert base_of({"A": 400, "B": 0}, "B", 80, 2) == 40


def plan(figures: list[dict[str, Any]]) -> tuple[Any, dict[str, Any]]:
    pay = {"id": "p", "kind": "performance", "share": 1, "registered": {"column": "people"}, "score": "achievement",
           "figures": "year_so_far", "through": "2025Q1", "quarterly": {"advance": "0.8"},
           "data": {"table": "f", "payee": "id", "indicator": "indicator", "quarter": "quarter", "value": "value"},
           "indicators": [{"id": "i", "weight": 1, "threshold": "0.3", "benchmark": "0.9"}]}  # fmt: skip
    rows = [{"id": name, "rural": 0, "people": 1} for name in "AB"]
    return spec([pay], "1000", phase="plan"), {"payees": frame(rows), "f": frame(figures)}


def test_a_plan_is_audited_by_the_last_figures_that_there_are() -> None:
    figures = [{"id": name, "indicator": "i", "quarter": f"2023Q{quarter}", "value": value}
               for name, value in (("A", "0.5"), ("B", "0.6")) for quarter in (1, 2, 3, 4)]  # fmt: skip
    empty = [{"id": name, "indicator": "i", "quarter": "2024Q4", "value": None} for name in "AB"]
    found = audit_of(*plan(figures + empty), {})
    assert found.status == PASSED
    gains = found.tables["audit"].filter(step="point").select("payee_id", "value_fen").rows()
    # A point is a sixtieth of 50,000 fen, in five years discounted by three per cent.
    assert [payee for payee, _ in gains] == ["A", "B"]
    assert all(abs(value - sum(50_000 / 60 / 1.03**year for year in range(5))) < 5 for _, value in gains)
    with pytest.raises(DataError, match="no figure for any quarter of 2025"):
        audit_of(*plan(empty), {})


def test_rules_that_cannot_hold_next_year_end_the_look_ahead() -> None:
    """Everybody has to fall by a tenth, which A, at the money that law owes it, cannot do twice."""
    rows = [{"id": "A", "rural": 0, "people": 1, "before": 110, "law": 100},
            {"id": "B", "rural": 0, "people": 9, "before": 500, "law": 0}]  # fmt: skip
    pace = {"previous": {"column": "before"}, "cap_change": "-0.09", "statutory": {"column": "law"}}
    found = run([{**PLAIN, "pace": pace}], rows, amount=550)
    assert column(found, "amount_fen") == [10_000, 45_000]
    assert column(found, "years_to_target") == [None, None]
