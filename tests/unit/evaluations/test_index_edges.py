"""Whatever the data are (nothing, one unit, all the same, zeros), every step and rule answers or refuses by name."""

import warnings

import numpy as np
import pytest

from data_contracts.index_spec.tree import STEP_WORDS
from evaluations.index.sheet import SheetError
from tests.unit.evaluations.index_world import computed, spec_of, tables

DATA = {
    "nothing": [None, None, None, None],
    "one": [3.0],
    "one of many": [None, 3.0, None],
    "all the same": [3.0] * 5,
    "zeros": [0.0] * 4,
    "two": [1.0, 2.0],
    "below zero": [-3.0, -1.0, 0.0, 4.0, None],
    "many": [float(at % 7) + 1 for at in range(30)],
}
GRADES = [
    {"id": "g1", "how": "percentiles", "classes": [{"id": "a"}, {"id": "b", "at_percentile": 50}]},
    {"id": "g2", "how": "quantiles", "rule": "ntile", "classes": [{"id": "a"}, {"id": "b"}, {"id": "c"}]},
    {"id": "g3", "how": "clusters", "classes": [{"id": "a"}, {"id": "b"}, {"id": "c"}]},
    {"id": "g4", "how": "clusters", "search": "transfers", "classes": [{"id": "a"}, {"id": "b"}, {"id": "c"}]},
    {"id": "g5", "how": "probit", "probits": [4, 6], "classes": [{"id": "a"}, {"id": "b"}, {"id": "c"}]},
]
RULE = {"times": 9, "plus": 0.5, "most": 9}
STEPS = [
    {"step": "minimum_cases", "column": "w", "at_least": 1},
    *({"step": "transform", "how": how} for how in ("log", "log10", "sqrt", "reciprocal", "negate")),
    *({"step": "transform", "how": how, "of": 2} for how in ("power", "complement", "distance")),
    {"step": "shrink", "how": "beta_binomial", "denominator": "w", "scale": 10},
    {"step": "shrink", "how": "logit_normal", "denominator": "w", "scale": 10},
    {"step": "shrink", "how": "normal", "standard_error": "w"},
    {"step": "shrink", "how": "reliability", "reliability": "w"},
    *({"step": "impute", "how": how} for how in ("median", "mean", "minimum", "maximum")),
    {"step": "impute", "how": "value", "value": 1},
    {"step": "impute", "how": "column", "column": "w"},
    {"step": "impute", "how": "regression", "on": ["w"]},
    {"step": "winsorise", "how": "percentiles", "low": 0.05, "high": 0.95, "quantile": "averaged"},
    {"step": "winsorise", "how": "deviations"},
    {"step": "winsorise", "how": "values", "high": 2},
    {"step": "winsorise", "how": "skewness", "skewness": 0.1, "kurtosis": -5},
    {"step": "min_max"},
    {"step": "goalposts", "worst": {"column": "w"}, "best": 9},
    {"step": "z", "ddof": 1, "cap": 1},
    {"step": "z", "ddof": 0, "spread": "mad", "centre": "median"},
    {"step": "z", "ddof": 0, "weighted_by": "w"},
    *({"step": "percentile_rank", "rule": rule, "ties": "min"} for rule in ("inc", "exc", "mid", "of_n")),
    {"step": "rank", "ties": "ordinal"},
    {"step": "borda"},
    {"step": "exponential"},
    *({"step": "normal_scores", "rule": rule} for rule in ("of_n1", "blom", "mid")),
    *({"step": "distance_to_target", "target": 2, "start": start} for start in ("worst", "zero")),
    *({"step": "compare", "to": "mean", "how": how} for how in ("difference", "ratio", "relative")),
    {"step": "own_baseline", "to": {"column": "w"}, "how": "ratio"},
    {"step": "linear", "times": {"column": "w"}},
    {"step": "clip", "low": {"column": "w"}},
    {"step": "round", "digits": -1, "how": "half_even"},
    {"step": "adjust", "id": "x", "when": [{"column": "v", "above": 1}], "add": {"column": "w"}},
    {"step": "step_points", "below": 0, "bands": [{"at_quantile": 0.5, "points": 1}]},
    {"step": "piecewise_points", "knots": [[0, 0], [0, 1], [2, 2], [2, 0]], "outside": "missing"},
    {"step": "achievement_or_improvement", "threshold": 1, "benchmark": {"column": "w"}, "baseline": 1,
     "achievement": RULE, "improvement": RULE, "full": 10, "round": {"digits": 0}},
    {"step": "appraise", "how": "at_most", "full": 5, "baseline": {"column": "w"}, "loss": "reciprocal"},
    {"step": "appraise", "how": "at_least", "full": 5, "baseline": {"column": "w"}},
    {"step": "appraise", "how": "interval", "full": 5, "floor": 1, "baseline": {"column": "w"}},
    {"step": "grade_points", "grades": GRADES[2], "points": [1, 2, 3]},
]  # fmt: skip


def answers(work, spec, columns):
    """What `work` finds, or None after a refusal by name; a warning of the arithmetic counts as a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return work(spec, columns)
        except SheetError:
            return None


def scores_are_figures(spec, columns):
    found = answers(computed, spec, columns)
    for figures in found[1].scores.values() if found else ():
        assert not np.isinf(figures).any()


def test_every_step_is_among_these():
    assert {step["step"] for step in STEPS} == set(STEP_WORDS)


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
def test_every_step_on_every_kind_of_column(data):
    weights = {
        "plain": [float(at + 1) for at in range(len(data))],
        "zero": [0.0] * len(data),
        "none": [None] * len(data),
    }
    for step in STEPS:
        leaf = {"id": "v", "weight": 1, "steps": [step]}
        spec = spec_of({"id": "root", "combine": {"how": "sum", "missing": "reweigh"}, "parts": [leaf]})
        for given in weights.values():
            scores_are_figures(spec, {"v": data, "w": given})


COMBINE = [
    *({"how": how} for how in ("arithmetic", "sum", "median", "minimum", "maximum", "rank_sum_ratio", "copeland")),
    *({"how": how, "floor": 1} for how in ("geometric", "harmonic")),
    {"how": "power", "power": -2, "floor": 1},
    *({"how": "topsis", "normalise": how} for how in ("vector", "min_max", "none")),
    {"how": "rank_sum_ratio", "ranks": "scaled"},
    {"how": "vikor"},
    {"how": "edas"},
]
WEIGHTS = ["equal", "expert", "entropy", "critic", "deviation", "variance", "merec", "pca", "equal_influence"]
MISSING = [
    {"missing": "reweigh"},
    {"missing": "refuse"},
    {"missing": "substitute", "substitute": 2, "minimum_parts": 0},
]


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
def test_every_rule_on_every_kind_of_column(data):
    columns = {"v": data, "w": [1.0 + at for at in range(len(data))], "z": [0.0] * len(data)}
    rules = [({**combine, **missing}, "expert") for combine in COMBINE for missing in MISSING]
    rules += [({"how": "arithmetic", "missing": "reweigh"}, how) for how in reversed(WEIGHTS)]
    for combine, weights in rules:
        parts = [{"id": name, "weight": weight, "steps": []} for name, weight in (("v", 2), ("w", 1), ("z", 0))]
        ranks = [{"ties": "ordinal"}]
        tree = {"id": "root", "combine": combine, "weights": {"how": weights}, "parts": parts, "ranks": ranks}
        scores_are_figures(spec_of(tree), columns)
    found = answers(tables, spec_of({**tree, "grades": GRADES}), columns)
    assert found is None or found["grades"].height == 5 * len(data)
