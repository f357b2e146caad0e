"""Scores and earned money of the engine against the same rules written down naively, in fractions and one by one."""

from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluations.allocation.reported import Figures, Reported
from evaluations.allocation.snapshot import DataError
from tests.unit.evaluations.allocation_world import column, run

WEIGHTS = {"i": 3, "j": 2}
CELL = st.one_of(st.none(), st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted))
PAYEE = st.fixed_dictionaries({
    "registered": st.integers(0, 50),
    "base": st.sampled_from([None, "0.1", "0.35", "0.5", "0.725", "1"]),
    "cells": st.fixed_dictionaries({name: st.tuples(CELL, CELL, CELL, CELL) for name in WEIGHTS}),
})  # fmt: skip
VARIANT = st.fixed_dictionaries({
    "learnt": st.booleans(),
    "lower": st.booleans(),
    "minimum_cases": st.sampled_from([0, 20]),
    "reliability": st.sampled_from(["none", "empirical_bayes"]),
    "rolling_quarters": st.sampled_from([1, 2]),
})  # fmt: skip
Rows = list[dict[str, Any]]


@settings(max_examples=120, deadline=None)
@given(st.lists(PAYEE, min_size=1, max_size=5), VARIANT)
def test_scores_and_money_are_those_of_the_naive_reckoning(payees: Rows, variant: dict[str, Any]) -> None:
    rows = [
        {"id": f"P{at}", "indicator": name, "quarter": f"2025Q{quarter}", "top": cell and cell[0],
         "cases": cell and cell[1], "base": payee["base"]}
        for at, payee in enumerate(payees) for name in WEIGHTS
        for quarter, cell in enumerate(payee["cells"][name], 1)
    ]  # fmt: skip
    edges = ("p25", "p90") if variant["learnt"] else (("0.7", "0.2") if variant["lower"] else ("0.2", "0.7"))
    stream = {
        "id": "p", "kind": "performance", "share": 1, "registered": {"column": "people"},
        "data": {"table": "figures", "payee": "id", "indicator": "indicator", "quarter": "quarter",
                 "numerator": "top", "denominator": "cases", "baseline": "base"},
        "score": "best_of_achievement_and_improvement", "pool_quarters": 4,
        "through": "2025Q4", "reliability": variant["reliability"], "rolling_quarters": variant["rolling_quarters"],
        "figures": "year_so_far" if variant["rolling_quarters"] == 1 else None,
        "indicators": [
            {"id": name, "weight": weight, "threshold": edges[0], "benchmark": edges[1],
             "minimum_cases": variant["minimum_cases"],
             "direction": "lower_is_better" if variant["lower"] else "higher_is_better"}
            for name, weight in WEIGHTS.items()
        ],
    }  # fmt: skip
    people = [{"id": f"P{at}", "rural": 0, "people": own["registered"]} for at, own in enumerate(payees)]
    if variant["learnt"] and any(own["registered"] for own in payees) and meet(payees, edges, variant["lower"]):
        with pytest.raises(DataError, match="the benchmark is no better"):
            run([stream], people, amount=1000, tables={"figures": rows})
        return
    found = run([stream], people, amount=1000, tables={"figures": rows})
    if not any(own["registered"] for own in payees):
        assert found.conflict is not None
        return
    scores = {name: naive_scores([own["cells"][name] for own in payees], payees, variant, edges) for name in WEIGHTS}
    shown = [half_up(scores[name][at] * 10**6) for at in range(len(payees)) for name in WEIGHTS]
    assert [int(own * 10**6) for own in column(found, "score", "performance")] == shown
    potential, earned = (column(found, name, "earned") for name in ("potential_fen", "earned_so_far_fen"))
    for at, (due, got) in enumerate(zip(potential, earned, strict=True)):
        part = sum(scores[name][at] * weight for name, weight in WEIGHTS.items()) / sum(WEIGHTS.values())
        assert got == floor(due * part)


def meet(payees: Rows, edges: tuple[str, str], lower: bool) -> bool:
    """Whether baselines leave no room between threshold and benchmark."""
    known = sorted((Fraction(own["base"]) for own in payees if own["base"] is not None), reverse=lower)
    first, last = (between(known, edge) for edge in edges)
    return first is not None and first == last


def naive_scores(cells: list[Any], payees: Rows, variant: dict[str, Any], edges: tuple[str, str]) -> list[Fraction]:
    """Score of every payee in the last quarter, by the words of the spec."""
    turn = -1 if variant["lower"] else 1
    bases = [None if own["base"] is None else Fraction(own["base"]) for own in payees]
    known = sorted((base for base in bases if base is not None), key=lambda base: base * turn)
    least, scores = variant["minimum_cases"], [Fraction(0)] * len(payees)
    figures = {}
    few = []
    for at, own in enumerate(cells):
        if own[3] is None:
            continue
        figure = summed(own[4 - variant["rolling_quarters"] :])
        if figure[1] < least or not figure[1]:
            figure = summed(own)
        if figure[1] < least:
            few.append(at)
        elif figure[1]:
            figures[at] = figure
    used = drawn(figures) if variant["reliability"] == "empirical_bayes" else {
        at: Fraction(*figure) for at, figure in figures.items()
    }  # fmt: skip
    for at, own in used.items():
        low, high = (Fraction(edge) if edge[0] != "p" else between(known, edge) for edge in edges)
        base = bases[at]
        if low is None or high is None or (variant["learnt"] and base is None):
            continue
        scores[at] = way(own, low, high, turn)
        if base is not None and (high - base) * turn > 0:
            scores[at] = max(scores[at], Fraction("0.9") * way(own, base, high, turn))
    twelfth = [floor(scores[at] * 10**12) for at in figures]
    for at in few:
        scores[at] = Fraction(sum(twelfth) // len(twelfth), 10**12) if twelfth else Fraction(0)
    return scores


def summed(cells: Any) -> tuple[int, int]:
    there = [cell for cell in cells if cell is not None]
    return sum(top for top, _ in there), sum(cases for _, cases in there)


def between(ordered: list[Fraction], edge: str) -> Fraction | None:
    if not ordered:
        return None
    place = Fraction(edge[1:]) / 100 * (len(ordered) - 1)
    below = floor(place)
    above = ordered[min(below + 1, len(ordered) - 1)]
    return ordered[below] * (1 - (place - below)) + above * (place - below)


def drawn(figures: dict[int, tuple[int, int]]) -> dict[int, Fraction]:
    """Empirical Bayes by the method of moments, to twelve decimals."""
    whole = sum(cases for _, cases in figures.values())
    if not whole:
        return {}
    mean = Fraction(sum(top for top, _ in figures.values()), whole)
    spread = sum(cases * (Fraction(top, cases) - mean) ** 2 for top, cases in figures.values())
    effective = whole - Fraction(sum(cases**2 for _, cases in figures.values()), whole)
    true = Fraction(0)
    if len(figures) > 1 and effective:
        true = max(true, (spread - (len(figures) - 1) * mean * (1 - mean)) / effective)
    found = {}
    for at, (top, cases) in figures.items():
        total = true + mean * (1 - mean) / cases
        share = true / total if total else Fraction(1)
        found[at] = Fraction(half_up((share * Fraction(top, cases) + (1 - share) * mean) * 10**12), 10**12)
    return found


def way(figure: Fraction, start: Fraction, end: Fraction, turn: int) -> Fraction:
    """Which part of the way is gone."""
    if (figure - end) * turn >= 0:
        return Fraction(1)
    return Fraction(0) if (figure - start) * turn <= 0 else (figure - start) / (end - start)


def half_up(figure: Fraction) -> int:
    return floor(figure + Fraction(1, 2))


RATIO = st.one_of(st.none(), st.tuples(st.integers(0, 9), st.integers(1, 4)))
HISTORIES = st.dictionaries(
    st.integers(0, 2), st.dictionaries(st.integers(8100, 8101), st.builds(Reported, RATIO, RATIO, RATIO), min_size=2)
)


@settings(max_examples=60, deadline=None)
@given(HISTORIES.filter(len), HISTORIES)
def test_figures_with_other_cells_are_those_read_anew(data: Any, moved: Any) -> None:
    """Also where a payee loses a figure or gets its first; counts up to the unit that they are in."""
    found, wanted = Figures(data, 3).with_histories(moved), Figures({**data, **moved}, 3)
    for quarter in (8100, 8101):
        assert found.known(quarter).tolist() == wanted.known(quarter).tolist()
        for own, other in zip(found.scores(quarter), wanted.scores(quarter), strict=True):
            assert own.tolist() == other.tolist()
        for own, other in zip(found.pooled([quarter]), wanted.pooled([quarter]), strict=True):
            assert (own * wanted.unit).tolist() == (other * found.unit).tolist()
