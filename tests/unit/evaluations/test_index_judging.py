"""Indices of the road: missing parts, grades at their edges, limits, contributions, and many draws in one pass."""

from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from data_contracts.closed import parse
from data_contracts.index_spec.document import IndexSpec
from data_contracts.settings.indices import policy_index, short_index
from data_contracts.settings.policies import PolicyDocument
from data_contracts.settings.risk import ShortRisk
from evaluations.index import stacking, uncertainty
from evaluations.index.incentives import incentives
from evaluations.index.judging import Judged, judged
from evaluations.index.numeric import average_ranks_of_rows
from tests.unit.evaluations.index_world import MEAN, computed, spec_of

WORDS = {"zh": "x", "en": "x"}
GRADES = {"excellent": 90, "good": 80, "fair": 60, "poor": 0}
DIMENSIONS = ("health_outcome", "service_process", "policy_effectiveness")
KEYS, WORLDS = ["area_level", "area_id", "rule_set"], ["area_level", "rule_set"]


def policy(
    weights: tuple[float, float, float], parts: dict[str, list[tuple[str, float]]], coverage: float = 0.6
) -> IndexSpec:
    """The index of a policy: dimension → indicators with weights, goalposts 0 and 100."""
    document = parse(
        PolicyDocument,
        {
            "classes": {
                "any": {"titles": WORDS, "reference": "x", "weights": dict(zip(DIMENSIONS, weights, strict=True))}
            },
            "grades": {key: {"titles": WORDS, "from_score": at} for key, at in GRADES.items()},
            "policies": {
                "p": {
                    "titles": WORDS,
                    "policy_class": "any",
                    "target_group": WORDS,
                    "document": "x",
                    "valid_from": "2020-01-01",
                    "owner": WORDS,
                    "minimum_coverage": coverage,
                    "indicators": {
                        dimension: [
                            {"indicator": name, "weight": weight, "low": 0, "high": 100} for name, weight in own
                        ]
                        for dimension, own in parts.items()
                    },
                }
            },
        },
        "policies.yaml",
    )
    found = policy_index("p", document.policies["p"], document, Fraction(1))
    assert found.uncertainty is not None
    return found.model_copy(update={"uncertainty": found.uncertainty.model_copy(update={"draws": 30})})


ONE_EACH = {dimension: [(name, 100.0)] for dimension, name in zip(DIMENSIONS, "abc", strict=True)}


def frame(areas: dict[str, dict[str, float | None]], error: float = 2.0) -> pl.DataFrame:
    """Areas of one level and rule set; limits are the value ± `error`."""
    names = sorted({name for figures in areas.values() for name in figures})
    rows: list[dict[str, Any]] = []
    for area, figures in areas.items():
        row: dict[str, Any] = {"area_level": "community", "area_id": area, "rule_set": "r"}
        for name in names:
            value = figures.get(name)
            row |= {name: value}
            row |= {f"{name}.{end}": None if value is None else value + way * error
                    for end, way in (("lower", -1), ("upper", 1))}  # fmt: skip
        rows.append(row)
    floats = {name: pl.Float64 for name in rows[0] if name not in KEYS}
    return pl.DataFrame(rows, schema=dict.fromkeys(KEYS, pl.String) | floats)


def found_in(spec: IndexSpec, areas: dict[str, dict[str, float | None]], error: float = 2.0) -> Judged:
    return judged(spec, frame(areas, error), KEYS, WORLDS)


def part(found: Judged, name: str, area: str = "x") -> dict[str, Any]:
    return found.parts.filter(part=name, area_id=area).row(0, named=True)


def grade(found: Judged, area: str = "x") -> str | None:
    value: str | None = found.grades.filter(area_id=area)["grade"].item()
    return value


@pytest.mark.parametrize(
    ("weights", "expected"), [((50.0, 30.0, 20.0), 74.30), ((30.0, 50.0, 20.0), 76.90), ((30.0, 30.0, 40.0), 72.70)]
)
def test_three_dimensions_by_class_of_policy(weights: tuple[float, float, float], expected: float) -> None:
    found = found_in(policy(weights, ONE_EACH), {"x": {"a": 72.0, "b": 85.0, "c": 64.0}})
    total = part(found, "total")
    assert total["value"] == pytest.approx(expected, abs=1e-9)
    assert grade(found) == "fair"
    spread = sum((weight / 100 * 2) ** 2 for weight in weights) ** 0.5
    assert total["lower"] == pytest.approx(expected - spread, abs=1e-6)
    assert total["upper"] == pytest.approx(expected + spread, abs=1e-6)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [((50.0, 30.0, 20.0), 73.9142), ((30.0, 50.0, 20.0), 76.4091), ((30.0, 30.0, 40.0), 72.1934)],
)
def test_the_geometric_alternative_of_the_draws(weights: tuple[float, float, float], expected: float) -> None:
    """Worked example 7.14: with every draw combined geometrically, and nothing else drawn, all draws say so."""
    spec = policy(weights, ONE_EACH)
    tree = spec.tree.model_copy(update={"combine": spec.tree.combine.model_copy(update={"how": "geometric"})})
    found = found_in(
        spec.model_copy(update={"tree": tree, "uncertainty": None}), {"x": {"a": 72.0, "b": 85.0, "c": 64.0}}
    )
    assert part(found, "total")["value"] == pytest.approx(expected, abs=5e-5)
    assert grade(found) == "fair"


@pytest.mark.parametrize(("missing", "known"), [("c", True), ("bc", False)])
def test_missing_parts_are_weighed_up_until_too_little_is_left(missing: str, known: bool) -> None:
    spec = policy((100, 0, 0), {"health_outcome": [("a", 50), ("b", 30), ("c", 20)]})
    figures = {name: None if name in missing else 70.0 for name in "abc"}
    found = found_in(spec, {"x": figures, "y": dict.fromkeys("abc", 70.0)})
    for name in ("health_outcome", "total"):
        assert part(found, name)["value"] == (70.0 if known else None)


@pytest.mark.parametrize(
    ("weights", "missing", "total"),
    [
        # the smallest of three weighs a fifth, far less than what the minimum coverage of 0.1 would forgive
        ((50.0, 30.0, 20.0), "c", None),
        ((99.0, 0.5, 0.5), "c", None),
        ((50.0, 30.0, 20.0), "", 70.0),
        # a dimension without weight is not asked for
        ((70.0, 30.0, 0.0), "c", 70.0),
    ],
)
def test_without_a_whole_dimension_there_is_no_total_and_no_grade(
    weights: tuple[float, float, float], missing: str, total: float | None
) -> None:
    figures = {name: None if name in missing else 70.0 for name in "abc"}
    found = found_in(policy(weights, ONE_EACH, 0.1), {"x": figures, "y": dict.fromkeys("abc", 70.0)})
    x = part(found, "total")
    assert (x["value"], grade(found), x["lower"] is None) == (total, "fair" if total else None, total is None)
    assert (part(found, "total", "y")["value"], grade(found, "y")) == (70.0, "fair")
    assert part(found, "health_outcome")["value"] == 70.0
    ranked = found.ranks.filter(area_id="x").row(0, named=True)
    assert (ranked["rank"] is None) == (total is None)
    assert found.chances.filter(area_id="x")["chance"].null_count() == (4 if total is None else 0)


@pytest.mark.parametrize(
    ("score", "expected"),
    [(59.99, "poor"), (60.0, "fair"), (79.99, "fair"), (80.0, "good"), (89.99, "good"), (90.0, "excellent")],
)
def test_grades_at_their_edges(score: float, expected: str) -> None:
    assert grade(found_in(policy((100, 0, 0), {"health_outcome": [("a", 100)]}), {"x": {"a": score}})) == expected


@pytest.mark.parametrize(
    ("grades", "score", "expected"),
    [
        ({"pass": 60}, 59.99, None),
        ({"pass": 60}, 60.0, "pass"),
        ({"any": 0}, 0.0, "any"),
        ({"good": 80, "pass": 60}, 59.0, None),
        ({"good": 80, "pass": 60}, 61.0, "pass"),
        ({}, 61.0, None),
    ],
)
def test_a_score_below_the_lowest_grade_has_none(
    monkeypatch: pytest.MonkeyPatch, grades: dict[str, int], score: float, expected: str | None
) -> None:
    monkeypatch.setitem(globals(), "GRADES", grades)
    found = found_in(policy((100, 0, 0), {"health_outcome": [("a", 100)]}), {"x": {"a": score}})
    assert grade(found) == expected
    assert set(found.chances["grade"]) == set(grades)


@pytest.mark.parametrize(("value", "points"), [(-5.0, 0.0), (20.0, 0.0), (50.0, 50.0), (80.0, 100.0), (95.0, 100.0)])
def test_goalposts_clip(value: float, points: float) -> None:
    for low, high, expected in ((20, 80, points), (80, 20, 100 - points)):
        components = [{"indicator": "a", "weight": 100, "low": low, "high": high, "kind": "structural"}]
        spec = risk_of(components)
        assert part(found_in(spec, {"x": {"a": value}}), "a")["value"] == expected


def risk_of(components: list[dict[str, Any]], coverage: float = 0.6) -> IndexSpec:
    document = {"titles": WORDS, "reference": "x", "components": components, "minimum_coverage": coverage}
    found = short_index(parse(ShortRisk, document, "risk.yaml"))
    assert found.uncertainty is not None
    return found.model_copy(update={"uncertainty": found.uncertainty.model_copy(update={"draws": 20})})


def plain_risk(weights: dict[str, float], coverage: float = 0.6) -> IndexSpec:
    return risk_of([{"indicator": name, "weight": weight, "low": 0, "high": 100, "kind": "structural"}
                    for name, weight in weights.items()], coverage)  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.1, 50), st.booleans()), min_size=1, max_size=6))
def test_contributions_sum_to_the_index(parts: list[tuple[float, float, bool]]) -> None:
    names = [f"c{at}" for at in range(len(parts))]
    spec = plain_risk({name: weight for name, (_, weight, _) in zip(names, parts, strict=True)}, 0.5)
    found = found_in(spec, {"x": {n: v if there else None for n, (v, _, there) in zip(names, parts, strict=True)}})
    total = part(found, "total")["value"]
    lines = found.lines["contribution"]
    if total is None:
        assert lines.null_count() == len(lines)
    else:
        assert sum(round(line * 10**6) for line in lines) == round(total * 10**6)
        assert all(line >= 0 for line in lines)
        exact = sum(Fraction(v) * Fraction(w) for v, w, there in parts if there)
        assert total == pytest.approx(float(exact / sum(Fraction(w) for _, w, there in parts if there)), abs=1e-6)


def test_rounding_differences_go_to_the_largest_contribution() -> None:
    found = found_in(plain_risk({"a": 1, "b": 1, "c": 1}, 1.0), {"x": {"a": 10.0, "b": 10.0, "c": 50.0}})
    assert found.lines.select("part", "contribution").rows() == [("a", 3.333333), ("b", 3.333333), ("c", 16.666667)]
    assert part(found, "total")["value"] == 23.333333


@pytest.mark.parametrize(("minimum", "known"), [(0.69, True), (0.7, True), (0.71, False)])
def test_coverage_at_its_edge(minimum: float, known: bool) -> None:
    spec = plain_risk({"a": 40, "b": 30, "c": 30}, minimum)
    total = part(found_in(spec, {"x": {"a": 50.0, "b": 50.0, "c": None}, "y": dict.fromkeys("abc", 1.0)}), "total")
    assert total["value"] == (50.0 if known else None)
    assert total["coverage"] == 0.7


def test_the_total_counts_what_its_dimensions_lack() -> None:
    parts = {"health_outcome": [("a", 100.0)], "service_process": [("b", 50.0), ("c", 50.0)]}
    figures: dict[str, dict[str, float | None]] = {
        "x": {"a": 80.0, "b": 60.0, "c": None}, "y": dict.fromkeys("abc", 1.0)
    }  # fmt: skip
    found = found_in(policy((50, 50, 0), parts, 0.5), figures)
    coverage = {name: part(found, name)["coverage"] for name in ("health_outcome", "service_process", "total")}
    assert coverage == {"health_outcome": 1.0, "service_process": 0.5, "total": 0.75}
    assert part(found, "total")["value"] == 70.0
    # Asked for more, the half-known dimension has no score and half of the weight is left.
    strict = found_in(policy((50, 50, 0), parts, 0.6), figures)
    assert part(strict, "service_process")["value"] is None
    assert (part(strict, "total")["value"], part(strict, "total")["coverage"], grade(strict)) == (None, 0.5, None)


def test_limits_stay_unequal_and_end_at_the_goalposts() -> None:
    spec = plain_risk({"a": 60, "b": 40})
    shown = frame({"x": {"a": 95.0, "b": 50.0}}, 10.0).with_columns(pl.lit(49.0).alias("b.lower"))
    total = judged(spec, shown, KEYS, WORLDS).parts.filter(part="total").row(0, named=True)
    # 10 below and 5 above for the first, 1 below and 10 above for the second
    assert total["lower"] == pytest.approx(77 - ((0.6 * 10) ** 2 + (0.4 * 1) ** 2) ** 0.5, abs=1e-6)
    assert total["upper"] == pytest.approx(77 + ((0.6 * 5) ** 2 + (0.4 * 10) ** 2) ** 0.5, abs=1e-6)


def test_a_figure_without_limits_counts_as_exact() -> None:
    shown = frame({"x": {"a": 50.0, "b": 50.0}}).with_columns(pl.lit(None, dtype=pl.Float64).alias("a.lower"))
    total = judged(plain_risk({"a": 60, "b": 40}), shown, KEYS, WORLDS).parts.filter(part="total").row(0, named=True)
    assert total["upper"] == pytest.approx(50 + 0.4 * 2, abs=1e-6)
    nothing = shown.with_columns(pl.lit(None, dtype=pl.Float64).alias("b.lower"))
    total = judged(plain_risk({"a": 60, "b": 40}), nothing, KEYS, WORLDS).parts.filter(part="total").row(0, named=True)
    assert (total["value"], total["lower"], total["upper"]) == (50.0, None, None)


def test_worlds_together_are_worlds_alone() -> None:
    """What one level and rule set is told does not depend on what else is judged with it."""
    spec = plain_risk({"a": 60, "b": 40})
    luck = np.random.default_rng(3)
    areas: dict[str, dict[str, float | None]] = {
        f"u{at:02d}": {"a": float(luck.uniform(0, 100)), "b": None if at == 4 else float(luck.uniform(0, 100))}
        for at in range(9)
    }
    one = frame(areas)
    other = one.with_columns(pl.lit("s").alias("rule_set"), *(pl.col(n) * 0.5 for n in one.columns if n not in KEYS))
    both, alone = judged(spec, pl.concat([one, other]), KEYS, WORLDS), judged(spec, one, KEYS, WORLDS)
    for name in ("parts", "grades", "lines", "weights"):
        assert getattr(both, name).filter(rule_set="r").equals(getattr(alone, name)), name
    assert both.ranks.filter(rule_set="r")["rank"].equals(alone.ranks["rank"])


DRAWN: dict[str, Any] = {
    "seed": 5,
    "draws": 40,
    "weights": {"how": "uniform", "spread": 0.25},
    "combine": [{"how": "geometric", "missing": "reweigh", "floor": 1}],
    "normalise": [[{"step": "linear", "times": 1.1}, {"step": "clip", "high": 100}]],
    "sampling": True,
}


@pytest.mark.parametrize("how", ["uniform", "dirichlet"])
@pytest.mark.parametrize("missing", ["reweigh", "refuse"])
def test_many_draws_in_one_pass_are_the_same_as_one_by_one(
    monkeypatch: pytest.MonkeyPatch, how: str, missing: str
) -> None:
    luck = np.random.default_rng(11)
    columns = {name: luck.uniform(1, 99, 23).round(2).tolist() for name in "abc"} | {"n": [80.0] * 23}
    columns["b"][3] = columns["c"][3] = None
    parts = [
        {"id": name, "weight": weight, "steps": [{"step": "goalposts", "worst": 0, "best": 90}],
         "sampling": {"denominator": "n", "scale": 100}}
        for name, weight in (("a", 5), ("b", 3), ("c", 2))
    ]  # fmt: skip
    group = {"id": "pair", "weight": 2, "combine": MEAN, "parts": parts[1:]}
    tree = {
        "id": "root", "combine": {"how": "arithmetic", "missing": missing, "minimum_weight_share": 0.6},
        "parts": [parts[0] | {"weight": 3}, group], "ranks": [{"ties": "min"}],
        "grades": [{"how": "fixed", "classes": [{"id": "low"}, {"id": "high", "at": 50}]}],
    }  # fmt: skip
    spec = spec_of(tree, uncertainty={**DRAWN, "weights": {"how": how}})
    sheet, nominal = computed(spec, columns)
    assert spec.uncertainty is not None
    together = uncertainty.drawn(spec, sheet, nominal, spec.uncertainty)
    monkeypatch.setattr(uncertainty, "_stackable", lambda *_: False)
    alone = uncertainty.drawn(spec, sheet, nominal, spec.uncertainty)
    assert np.allclose(together.scores, alone.scores, rtol=0, atol=1e-9, equal_nan=True)
    assert np.array_equal(together.ranks, alone.ranks, equal_nan=True)
    assert together.chances is not None
    assert np.array_equal(together.chances, alone.chances)
    monkeypatch.undo()
    monkeypatch.setattr(stacking, "_ROWS", 50)
    small = uncertainty.drawn(spec, sheet, nominal, spec.uncertainty)
    assert np.array_equal(small.ranks, together.ranks, equal_nan=True)


@pytest.mark.parametrize(
    ("steps", "more", "alone"),
    [
        ([{"step": "goalposts", "worst": 0, "best": 1}], {}, True),
        ([{"step": "min_max"}], {}, False),
        ([{"step": "impute", "how": "mean"}, {"step": "goalposts", "worst": 0, "best": 1}], {}, False),
        ([{"step": "goalposts", "worst": 0, "best": 1}], {"coverage": {"units_at_least": 0.5}}, False),
    ],
)
def test_which_trees_judge_unit_by_unit(steps: list[dict[str, Any]], more: dict[str, Any], alone: bool) -> None:
    tree = {"id": "root", "combine": MEAN, "parts": [{"id": "v", "weight": 1, "steps": steps}]}
    assert stacking.unit_by_unit(spec_of(tree, **more)) == alone
    for how, still in (("geometric", alone), ("topsis", False), ("rank_sum_ratio", False)):
        assert stacking.unit_by_unit(spec_of({**tree, "combine": {**MEAN, "how": how}}, **more)) == still
    learnt = {**tree, "weights": {"how": "entropy"}}
    assert not stacking.unit_by_unit(spec_of(learnt, **more))


@given(
    st.lists(st.lists(st.sampled_from([1.0, 2.0, 3.0, float("nan")]), min_size=5, max_size=5), min_size=1, max_size=4)
)
def test_ranks_of_rows_are_those_of_scipy(rows: list[list[float]]) -> None:
    table = np.array(rows)
    found = average_ranks_of_rows(table)
    for row, own in zip(table, found, strict=True):
        known = np.isfinite(row)
        assert np.array_equal(own[known], rankdata(row[known]))
        assert np.isnan(own[~known]).all()


def test_incentives_are_named_even_where_they_cannot_be_computed() -> None:
    leaf = {"id": "v", "weight": 1, "kind": "controllable", "steps": [{"step": "min_max"}]}
    spec = spec_of({"id": "root", "combine": MEAN, "parts": [leaf]}, purpose="need")
    sheet, found = computed(spec, {"v": [1.0, 2.0]})
    rows = incentives(spec, sheet, found, np.array([True, True]))
    assert [(row.indicator, row.units, row.losing) for row in rows] == [("v", 0, 0)]
    plain = {**leaf, "steps": [{"step": "goalposts", "worst": 0, "best": 10}]}
    spec = spec_of({"id": "root", "combine": MEAN, "parts": [plain]}, purpose="need")
    sheet, found = computed(spec, {"v": [0.5, 2.0, 12.0]})
    (row,) = incentives(spec, sheet, found, np.array([True, True, True]))
    # half a point from the goalpost only half is lost, and nothing beyond the other one
    assert (row.units, row.losing, row.most_loss) == (3, 2, 10.0)
    assert row.mean_loss == pytest.approx((5 + 10 + 0) / 3)


def test_what_lies_in_units_is_not_controllable_when_it_is_said_to_be_structural() -> None:
    leaf = {"id": "v", "weight": 1, "kind": "structural", "steps": [{"step": "goalposts", "worst": 0, "best": 10}]}
    spec = spec_of({"id": "root", "combine": MEAN, "parts": [leaf]}, purpose="need")
    sheet, found = computed(spec, {"v": [1.0]})
    assert incentives(spec, sheet, found, np.array([True])) == []
