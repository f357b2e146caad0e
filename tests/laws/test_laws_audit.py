"""Laws of the incentive audit: the screen is the engine to a few fen, and nobody is said to lose or keep wrongly.

Oracle of the screen: the engine run again for every cell, which the audit does where the sample takes all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evaluations.allocation import audit as auditing
from evaluations.allocation.audit import AGREE, AuditResult, audit_of, may_be_approved
from evaluations.allocation.engine import allocate
from tests.laws.test_laws_allocation_engine import COUNTY, counts, decimals, paid_by, performance
from tests.unit.evaluations.allocation_world import NEED, WORKED_PAYEES, frame, need, run, spec

Row = dict[str, Any]
LOSS, LOSS_OF_FIVE, KEPT = 5_736_329, 28_681_645, 14_340_822
CENSUS = {name: {"structural": "census"} for name in ("age", "cost", "q", "share")}


def audited(
    streams: list[Row], payees: list[Row] | None = None, *, amount: Any = "9000000",
    tables: dict[str, list[Row]] | None = None, audit: Row | None = None, **more: Any,
) -> AuditResult:  # fmt: skip
    """`audit`: words of the audit; columns of the worked example are structural where a stream reads them."""
    columns = {name: known for name, known in CENSUS.items() if f"'column': '{name}'" in repr(streams)}
    more["audit"] = {"columns": columns, **(audit or {})}
    found = {"payees": frame(payees or WORKED_PAYEES)} | {name: frame(rows) for name, rows in (tables or {}).items()}
    return audit_of(spec(streams, amount, **more), found, {})


def risk(effect: str | None = "-10", **more: Any) -> Row:
    """The risk of the worked example, made of indicator `htn`."""
    own = {} if effect is None else {"effect_per_point": effect, "spread": "2"}
    return {**NEED["risk"], "indicators": {"htn": {**own, **more}}}


def cell(found: AuditResult, payee: str, indicator: str = "htn", step: str = "point") -> Row:
    rows = found.tables["audit"].filter(payee_id=payee, indicator=indicator, step=step)
    return rows.row(0, named=True)


def reasons(found: AuditResult) -> list[str]:
    return found.tables["audit_reasons"]["reason"].to_list()


DIVIDEND: Row = {
    "id": "dividend", "kind": "dividend", "amount": "1000000", "need": "need", "year": 1,
    "risk_before": {"column": "risk"}, "risk_improved": {"column": "risk"},
}  # fmt: skip


def test_worked_example_five_years_without_dividend() -> None:
    found = audited([need(risk=risk())], audit={"discount": 0})
    own = cell(found, "C5")
    assert own["exact_fen"] == own["value_fen"] == -LOSS_OF_FIVE == -5 * LOSS
    assert own["need_fen"] == -LOSS_OF_FIVE
    assert found.status == "draft"
    assert reasons(found) == ["loses"]
    assert not may_be_approved(found)


def test_worked_example_half_of_it_with_the_dividend() -> None:
    streams = [{**need(risk=risk()), "share": None, "amount": "9000000"}, DIVIDEND]
    found = audited(streams, amount="10000000", audit={"discount": 0})
    own = cell(found, "C5")
    assert abs(own["exact_fen"] + KEPT) <= 1
    assert abs(own["dividend_fen"] - KEPT) <= 1
    assert found.status == "draft"


def test_a_structural_index_passes_and_one_that_nobody_describes_is_not_audited() -> None:
    assert may_be_approved(audited([need(risk=risk(None, controllable=False, signed_reason="局长办公会"))]))
    assert reasons(audited([need(risk=risk(None, controllable=False))])) == ["excused"]
    assert reasons(audited([need()])) == ["risk_unknown"]
    assert reasons(audited([need(risk=risk(None))])) == ["effect_unknown"]
    assert reasons(audited([need(risk=risk(spread=None))])) == ["no_spread", "loses"]
    assert not may_be_approved(None)


SCORES = [
    {"id": row["id"], "indicator": "htn", "value": "0.58", "base": "0.58", "n": row["registered"]}
    for row in WORKED_PAYEES
]  # fmt: skip


def both_ways(**more: Any) -> list[Row]:
    """Need money falls by risk, performance money rises, by the same indicator: the worked example's paradox."""
    pay = {
        "id": "p", "kind": "performance", "amount": "1800000", "registered": {"column": "registered"},
        "data": {"table": "figures", "payee": "id", "indicator": "indicator", "value": "value", "baseline": "base"},
        "score": "best_of_achievement_and_improvement",
        "indicators": [{"id": "htn", "weight": 25, "threshold": "0.50", "benchmark": "0.75"},
                       {"id": "other", "weight": 75, "threshold": "0.50", "benchmark": "0.75"}],
    }  # fmt: skip
    own = {**need(risk={**risk("-1.25", **more), "signed_reason": "测试"}), "share": None, "amount": "9000000"}
    return [own, pay]


def test_worked_example_of_the_paradox_fails_and_structural_need_passes() -> None:
    """Eight points bring 16,984.62 a year and cost 57,363.29; kept out of the index, only the gain stays."""
    figures = SCORES + [{**row, "indicator": "other"} for row in SCORES]
    found = audited(both_ways(), amount="10800000", tables={"figures": figures}, audit={"discount": 0})
    assert reasons(found) == ["loses"]
    own = cell(found, "C5")
    assert abs(own["performance_fen"] - 5 * 1_698_462 / 8) <= 5
    assert own["need_fen"] < -5 * 5_736_329 / 8 * 0.95
    structural = audited(
        both_ways(controllable=False, signed_reason="测试"),
        amount="10800000",
        tables={"figures": figures},
        audit={"discount": 0},
    )
    assert reasons(structural) == []
    assert may_be_approved(structural)
    assert cell(structural, "C5")["value_fen"] == own["performance_fen"]


def test_who_is_at_the_end_of_the_scale_has_nothing_left_to_gain() -> None:
    figures = [{**row, "value": None, "top": row["n"] if row["id"] == "C1" else 1} for row in SCORES]
    stream = {**both_ways()[1], "amount": None, "share": 1}
    stream["data"] = {**stream["data"], "value": None, "numerator": "top", "denominator": "n"}
    stream["indicators"] = stream["indicators"][:1]
    found = audited([stream], tables={"figures": figures})
    assert cell(found, "C1")["status"] == "at_limit"
    assert cell(found, "C2")["verdict"] == "keeps"


CHANCES: list[Row] = [
    {"id": f"c{at}", "rural": 0, "people": 100, "score": score, "error": error}
    for at, (score, error) in enumerate([
        ("77", "1.16"), ("64", "4.59"), ("70", "5.3"), ("72", "4.15"), ("62", "6.74"), ("89", "4.93"),
    ])
]  # fmt: skip


@pytest.mark.parametrize("few", [auditing.FEW, 0])
def test_a_better_score_that_costs_the_place_of_an_award_is_found(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """One point more of the first payee makes the award of the best likelier: it reaches the only place instead."""
    monkeypatch.setattr(auditing, "FEW", few)
    tiers = [{"id": "gold", "standard": 80, "amount": 1000}, {"id": "silver", "standard": 70, "amount": 500}]
    best: Row = {"id": "x", "by": "chance", "score": {"column": "score"}, "error": {"column": "error"},
                 "probability": "0.8", "places": 1, "tiers": tiers}  # fmt: skip
    streams: list[Row] = [need(risk=None, factors=[], inequality=None, share=None, rest=True),
                          {"id": "best", "kind": "awards", "amount": 1000, "classes": [best]}]  # fmt: skip
    words = {"columns": {"score": {"better": "higher"}}, "discount": 0}
    found = audited(streams, CHANCES, amount=10_000, audit=words)
    lost = cell(found, "c0", "score")
    assert (lost["verdict"], lost["exact_fen"], lost["other_fen"]) == ("loses", -250_000, -250_000)
    assert found.status == "draft"
    # Where nobody has a score nobody has an award; there is nothing to ask, and nothing to lose.
    empty = audited(streams, [{**row, "score": None} for row in CHANCES], amount=10_000, audit=words)
    assert reasons(empty) == ["nothing_asked"]


def test_late_scores_that_follow_late_scores_are_left_to_the_engine() -> None:
    """The last payee reports nothing of this year: its score is learnt in the second quarter, and again in the third.

    The others have a bonus for equity, so that what it earns changes what they earn.
    """
    payees = [{"id": own, "rural": 0, "people": 100, "registered": 1000, "share": "0.5"} for own in "ABCL"]
    given = {"A": "0.3 0.3 0.6", "B": "0.4 0.4 0.7", "C": "0.5 0.5 0.8"}
    figures = [{"id": own, "indicator": "a", "quarter": f"2025Q{quarter}", "score": score}
               for own, scores in given.items() for quarter, score in enumerate(scores.split(), 1)]  # fmt: skip
    figures.append({"id": "L", "indicator": "a", "quarter": "2024Q4", "score": "0.9"})
    pay = performance(score="given", indicators=[{"id": "a", "weight": 1}], quarterly={},
                      equity={"share": {"column": "share"}, "strength": "0.5"}, unearned_to="support_fund")  # fmt: skip
    pay["data"] = {"table": "figures", "payee": "id", "indicator": "indicator", "quarter": "quarter", "score": "score"}
    found = audited([pay], payees, amount=10_000, tables={"figures": figures}).tables["audit"]
    assert found.filter(pl.col("status") == "ok")["exact_fen"].null_count() == 0
    assert found.filter((pl.col("performance_fen") - pl.col("exact_fen")).abs() > AGREE).is_empty()


def test_a_screen_that_differs_from_the_engine_is_replayed_or_no_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    right = audited([need(risk=risk())]).tables["audit"]
    honest = auditing.Screening.of

    def biased(self: Any, step: Any) -> Any:
        found = honest(self, step)
        found.need[:] += 1000
        return found

    monkeypatch.setattr(auditing.Screening, "of", biased)
    monkeypatch.setattr(auditing, "FEW", 0)
    healed = audited([need(risk=risk())], audit={"sample": 1})
    assert healed.tables["audit"]["exact_fen"].equals(right["exact_fen"])
    assert reasons(healed) == ["loses"]
    monkeypatch.setattr(auditing, "MOST", 0)
    assert reasons(audited([need(risk=risk())], audit={"sample": 1})) == ["disagrees", "loses"]


def test_the_sample_is_drawn_by_seed_and_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "FEW", 0)

    def exact(seed: str) -> list[tuple[str, str]]:
        found = audited([need(risk=risk())], audit={"sample": 3, "seed": seed})
        return found.tables["audit"].filter(pl.col("exact_fen").is_not_null()).select("payee_id", "step").rows()

    assert exact("a") == exact("a")
    assert len({tuple(exact(seed)) for seed in "abcdef"}) > 1


PACES = st.fixed_dictionaries({
    "previous": st.just({"column": "previous"}),
    "floor_change": st.sampled_from([None, "-0.02", "-0.3"]),
    "cap_change": st.sampled_from([None, "0.12", "0.5", "4"]),
    "min_vs_target": st.sampled_from([None, "0.5"]),
})  # fmt: skip
FORMS = st.sampled_from([
    {"form": "exponential", "ratio": 3, "reference": 50}, {"form": "linear", "slope": "0.8", "reference": 50},
    {"form": "linear", "slope": "0.5"}, {"form": "points", "points": [[0, 1], [30, "1.2"], [60, "1.9"]]},
])  # fmt: skip


@st.composite
def city(draw: st.DrawFn) -> tuple[list[Row], list[Row], list[Row], Row]:
    """Payees, their figures, streams and the rest of a spec."""
    rows = [{**row, "q": row["q"] + 1, "age": row["age"] + 1} for row in draw(COUNTY)]
    equity = draw(st.sampled_from([None, {"share": {"column": "share"}, "strength": "0.5"}]))
    rows = [{**row, "share": draw(decimals(0, 1, 1))} for row in rows]
    figures = counts(rows, draw)
    pay = performance(
        **paid_by(figures),
        reliability=draw(st.sampled_from(["none", "empirical_bayes"])), rolling_quarters=draw(st.integers(1, 6)),
        unearned_to=draw(st.sampled_from(["support_fund", "earners"])), equity=equity,
    )  # fmt: skip
    pay |= {"share": "0.3", "quarterly": None}
    form = draw(FORMS)
    effects = {"a": {"effect_per_point": draw(st.sampled_from(["-0.7", "0.4"]))},
               "smoke": {"effect_per_point": "-1.5", "spread": "3.5"}}  # fmt: skip
    pace = draw(st.one_of(st.none(), PACES))
    own = {**NEED, "share": "0.5", "risk": {"column": "risk", **form, "indicators": effects, "signed_reason": "x"}}
    own |= {} if pace is None else {"pace": {name: rule for name, rule in pace.items() if rule is not None}}
    dividend = {**DIVIDEND, "amount": None, "share": "0.2"}
    shares = draw(st.lists(st.sampled_from(["0.2", "0.4", "0.6"]), max_size=1))
    mode = draw(st.sampled_from(["planned_with_true_up", "worst_case"]))
    moving = draw(st.sampled_from([{"better": "lower", "point": "0.1"}, {"same_as": "a", "effect_per_point": "0.05"}]))
    known = {name: own for name, own in CENSUS.items() if name != "share" or equity is not None} | {"age": moving}
    more = {
        "reserves": [{"id": "r", "group": "rural", "minimum_share": own, "mode": mode} for own in shares],
        "audit": {"sample": 10_000, "years": 3, "reset_year": draw(st.integers(1, 2)), "columns": known},
    }  # fmt: skip
    assume(not shares or any(row["rural"] for row in rows))
    return rows, figures, [own, pay, dividend], more


@contextmanager
def all_replayed() -> Iterator[None]:
    """Nothing is taken to stand still: the engine replays every cell."""
    honest = auditing.Screening.of

    def moving(self: Any, step: Any) -> Any:
        found = honest(self, step)
        return replace(found, still=np.zeros_like(found.still))

    auditing.Screening.of = moving  # type: ignore[method-assign]
    try:
        yield
    finally:
        auditing.Screening.of = honest  # type: ignore[method-assign]


@settings(max_examples=8)
@given(city(), decimals(1000, 100_000, 2))
def test_the_screen_is_the_engine_to_a_few_fen(world: tuple[Any, ...], budget: Decimal) -> None:
    rows, figures, streams, more = world
    names = ["a", "b"]
    assume({row["indicator"] for row in figures} == set(names) and any(row["registered"] for row in rows))
    assume(any(row["people"] for row in rows))
    assume(run(streams, rows, amount=budget, tables={"figures": figures}, reserves=more["reserves"]).conflict is None)
    found = audited(streams, rows, amount=budget, tables={"figures": figures}, **more)
    with all_replayed():
        whole = audited(streams, rows, amount=budget, tables={"figures": figures}, **more)
    for name in ("payee_id", "indicator", "step", "verdict"):
        assert found.tables["audit"][name].equals(whole.tables["audit"][name])
    table = whole.tables["audit"]
    parts = sum(pl.col(f"{name}_fen") for name in ("need", "performance", "dividend", "other"))
    assert table.filter((parts - pl.col("exact_fen")).abs() > AGREE + len(names)).is_empty()
    assume("no_replay" not in reasons(found))
    looked = table.filter(pl.col("status") == "ok")
    assert looked.filter(verdict="no_replay")["exact_fen"].null_count() == looked.filter(verdict="no_replay").height
    assert looked.filter(pl.col("verdict") != "no_replay")["exact_fen"].null_count() == 0
    assert (found.status == "passed") == may_be_approved(found) == (reasons(found) == [])
    assert ("loses" in reasons(found)) == bool(table.filter(verdict="loses").height)


def test_the_audit_changes_nothing_in_the_division() -> None:
    tables = {"payees": frame(WORKED_PAYEES)}
    own = spec([need(risk=risk())])
    before = allocate(own, tables).tables["lines"]
    audit_of(own, tables, {})
    assert allocate(own, tables).tables["lines"].equals(before)
