"""Laws of how sure an index is: intervals cover the truth, effects are those known by analysis, sums are exact."""

from math import fsum
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from data_contracts.closed import DefinitionError
from data_contracts.index_spec.document import IndexSpec, spec_hash
from evaluations.index import explaining, importance, limits, numeric, sampling, uncertainty
from evaluations.index.sensitivity import effects
from tests.unit.evaluations.index_world import MEAN, computed, one, spec_of

WEIGHTS = {"a": 5.0, "b": 3.0, "c": 2.0}
FIXED = [{"step": "goalposts", "worst": 0, "best": 100}]


def shares_of_a_city(steps=FIXED, **wanted) -> IndexSpec:
    parts = [
        {"id": name, "weight": weight, "steps": list(steps), "sampling": {"denominator": "n", "scale": 100}}
        for name, weight in WEIGHTS.items()
    ]
    tree = {"id": "root", "combine": MEAN, "parts": parts, "ranks": [{"ties": "average"}]}
    return spec_of(tree, uncertainty={"seed": 3, "draws": 200, "sampling": True, **wanted})


@pytest.mark.parametrize(("spread", "fewest", "most"), [(0.5, 100, 400), (0.1, 50, 200)])
def test_nine_of_ten_true_ranks_lie_within_their_intervals(spread, fewest, most):
    """A city whose true shares are known, seen through samples; in the second one noise is most of what is seen."""
    draws, inside = np.random.default_rng(20), []
    weights = np.array(list(WEIGHTS.values())) / sum(WEIGHTS.values())
    for _ in range(12):
        truth = 1 / (1 + np.exp(-(0.3 + spread * draws.normal(size=(60, 3)))))
        n = draws.integers(fewest, most, 60)
        seen = 100 * draws.binomial(n[:, None], truth) / n[:, None]
        columns = {**{name: seen[:, at].tolist() for at, name in enumerate(WEIGHTS)}, "n": n.tolist()}
        spec = shares_of_a_city()
        sheet, nominal = computed(spec, columns)
        found = uncertainty.drawn(spec, sheet, nominal, spec.uncertainty)
        low, high = found.interval(0.9, found.nominal)
        ranks = rankdata(-(truth @ weights))
        inside.append(((low <= ranks) & (ranks <= high)).mean())
        assert (low <= found.nominal).all()
        assert (found.nominal <= high).all()
    assert 0.86 <= np.mean(inside) <= 0.96


def test_units_that_nothing_tells_apart_keep_open_ranks():
    columns = {**{name: [50.0] * 40 for name in WEIGHTS}, "n": [100] * 40}
    spec = shares_of_a_city()
    sheet, nominal = computed(spec, columns)
    found = uncertainty.drawn(spec, sheet, nominal, spec.uncertainty)
    assert (found.quantile(0.95) - found.quantile(0.05)).min() > 25


def test_figures_believed_are_those_of_the_textbook():
    """Equal errors: m + B (y − m) and error √B with B = τ² / (τ² + σ²), τ² = s² − σ²."""
    figures, error = np.array([10.0, 14.0, 18.0, 26.0, 32.0]), 3.0
    spec = spec_of(one([], sampling={"standard_error": "e"}), uncertainty={"seed": 1, "sampling": True})
    sheet, nominal = computed(spec, {"v": figures.tolist(), "e": [error] * 5})
    raw, errors = sampling.believed(spec, nominal, sampling.standard_errors(spec, sheet, nominal))
    own = 1 - error**2 / figures.var(ddof=1)
    assert np.allclose(raw["v"], figures.mean() + own * (figures - figures.mean()))
    assert np.allclose(errors["v"].error, error * np.sqrt(own))


def test_effects_of_an_additive_index_are_shares_of_its_variance():
    """Σ wᵢ xᵢ with independent xᵢ: first and total effect are both wᵢ² σᵢ² / Σ w² σ²."""
    weights, widths = np.array([0.5, 0.3, 0.2]), np.array([1.0, 2.0, 4.0])
    found = effects(lambda rows: (rows * widths) @ weights, 3, 512, seed=5)
    wanted = (weights * widths) ** 2 / ((weights * widths) ** 2).sum()
    assert np.allclose([effect.first for effect in found], wanted, atol=0.02)
    assert np.allclose([effect.total for effect in found], wanted, atol=0.02)


def test_effects_within_worlds_are_those_of_each_world_alone():
    draws = np.random.default_rng(1)
    columns = {name: draws.uniform(20, 80, 40).round(2).tolist() for name in WEIGHTS} | {"n": [60] * 40}
    spec = shares_of_a_city(weights={"how": "uniform"}, sobol={"runs": 16, "bootstrap": 30}, sampling=False)
    sheet, nominal = computed(spec, columns)
    everybody, nobody = np.ones(40, dtype=bool), np.zeros(40, dtype=bool)
    both, neither = uncertainty.sobol_effects_within(spec, sheet, nominal, spec.uncertainty, [everybody, nobody])
    assert both == uncertainty.sobol_effects(spec, sheet, nominal, spec.uncertainty)
    assert np.isnan(neither["weights"].first)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 600), st.integers(0, 150), st.booleans())
def test_sums_are_exactly_rounded_whatever_the_order(seed, count, orders, cancels):
    draws = np.random.default_rng(seed)
    values = draws.normal(size=count) * 10.0 ** draws.uniform(-orders, orders, count)
    values[0] = 5e-324
    if cancels:
        values = np.concatenate([values, -values[1:]])
    assert numeric.total(values) == numeric.total(values[::-1]) == fsum(values.tolist())


@pytest.mark.parametrize("how", ["geometric", "harmonic", "power"])
def test_contributions_with_a_floor_and_a_cap_sum_to_the_score(how):
    draws = np.random.default_rng(7)
    columns = {name: draws.uniform(-20, 120, 30).round(2).tolist() for name in WEIGHTS}
    parts = [{"id": name, "weight": weight, "steps": FIXED} for name, weight in WEIGHTS.items()]
    combine = {"how": how, "missing": "reweigh", "floor": 1, **({"power": 0.5} if how == "power" else {})}
    steps = [{"step": "adjust", "id": "bonus", "add": 7}, {"step": "clip", "low": 10, "high": 60}]
    spec = spec_of({"id": "root", "combine": combine, "parts": parts, "steps": steps})
    _, found = computed(spec, columns)
    lines, score = explaining.contributions(spec, found), found.scores["root"]
    assert {line.kind for line in lines} == {"indicator", "steps"}
    assert np.allclose(np.sum([line.amounts for line in lines], axis=0), score)
    units = explaining.in_units(lines, score, spec.digits)
    assert (units.sum(axis=0) == np.rint(score * 10**spec.digits)).all()


def test_importance_of_independent_parts_is_their_share_of_the_variance():
    draws = np.random.default_rng(3)
    spreads = {"a": 1.0, "b": 2.0, "c": 4.0}
    columns = {name: (spread * draws.normal(size=4000)).tolist() for name, spread in spreads.items()}
    parts = [{"id": name, "weight": weight, "steps": []} for name, weight in WEIGHTS.items()]
    spec = spec_of({"id": "root", "combine": MEAN, "parts": parts})
    found = {item.indicator: item for item in importance.importances(spec, computed(spec, columns)[1])}
    squares = {name: (WEIGHTS[name] * spread) ** 2 for name, spread in spreads.items()}
    for name, square in squares.items():
        assert found[name].importance == pytest.approx(square / sum(squares.values()), abs=0.04)


def test_a_tree_that_learns_from_units_has_limits_too():
    """A z-score of many units: the limits of one are ± 1.96 errors over the spread, for the spread hardly moves."""
    draws = np.random.default_rng(11)
    figures = draws.normal(50, 10, 400).round(3)
    spec = spec_of(one([{"step": "z", "ddof": 1, "scale": 10, "shift": 50}], sampling={"standard_error": "e"}))
    sheet, found = computed(spec, {"v": figures.tolist(), "e": [1.0] * 399 + [4.0]})
    low, high = limits.limits(spec, sheet, found)["root"]
    assert (low <= found.scores["root"]).all()
    assert (found.scores["root"] <= high).all()
    widths = (high - low) / 2
    assert np.median(widths[:-1]) == pytest.approx(10 * 1.96 / figures.std(ddof=1), rel=0.1)
    assert widths[-1] == pytest.approx(4 * np.median(widths[:-1]), rel=0.3)


def test_a_lock_holds_what_is_said_however_defaults_are_written():
    short = one([{"step": "min_max"}])
    long = one([{"step": "min_max", "low": 0, "high": 100, "within": []}], kind=None, pays=False)
    lock = spec_hash(spec_of(short))
    low_default = spec_of(short).tree.parts[0].steps[0].low  # type: ignore[union-attr,index]
    long["parts"][0]["steps"][0] |= {"low": low_default, "high": spec_of(short).tree.parts[0].steps[0].high}  # type: ignore[union-attr,index]
    assert spec_hash(spec_of(long)) == lock
    assert spec_of(long, lock=lock, coverage={"units_at_least": 0})
    with pytest.raises(DefinitionError, match="not the one that was locked"):
        spec_of(short, lock=lock, coverage={"units_at_least": 0.5})


def test_limits_of_a_score_are_those_of_its_figures_each_by_its_own_confidence():
    """Errors 3 and 4 of equal weight: 2.5, whatever share of draws the limits of either figure hold."""
    levels, errors = {"a": 0.8, "b": 0.99}, {"a": 3.0, "b": 4.0}
    columns, parts = {}, []
    for name, level in levels.items():
        half = errors[name] * NormalDist().inv_cdf(0.5 + level / 2)
        columns |= {name: [50.0], f"{name}_low": [50 - half], f"{name}_high": [50 + half]}
        stated = {"lower": f"{name}_low", "upper": f"{name}_high", "confidence": level}
        parts.append({"id": name, "weight": 1, "steps": FIXED, "sampling": stated})
    spec = spec_of({"id": "root", "combine": MEAN, "parts": parts})
    sheet, found = computed(spec, columns)
    low, high = limits.limits(spec, sheet, found)["root"]
    half = 2.5 * NormalDist().inv_cdf(0.975)
    assert np.allclose([low[0], high[0]], [50 - half, 50 + half])


@pytest.mark.parametrize("steps", [FIXED, [{"step": "z", "ddof": 1}]])
def test_a_score_names_every_figure_in_it_whose_error_nobody_states(steps):
    """Not one that has no figure, weighs nothing, or says itself that it has no error."""
    ways = {
        "limits": {"lower": "low", "upper": "high"}, "se": {"standard_error": "e"},
        "cases": {"denominator": "n", "scale": 100}, "silent": None, "nothing": None,
    }  # fmt: skip
    parts = [
        {"id": name, "weight": int(name != "nothing"), "steps": steps, **({"sampling": way} if way else {})}
        for name, way in ways.items()
    ]
    groups = [
        {"id": "left", "weight": 1, "combine": MEAN, "parts": parts[:3]},
        {"id": "right", "weight": 1, "combine": MEAN, "parts": parts[3:]},
    ]
    spec = spec_of({"id": "root", "combine": MEAN, "parts": groups})
    columns = {name: [10.0, 20.0, 30.0, 45.0] for name in ways} | {
        "low": [5.0, None, 20.0, 40.0], "high": [15.0, 30.0, 40.0, 50.0], "e": [0.0, 1.0, None, 1.0],
        "n": [9, 0, 9, None], "silent": [10.0, None, 30.0, 45.0],
    }  # fmt: skip
    sheet, found = computed(spec, columns)
    by_part = limits.without_limits(spec, sheet, found)
    named = [{name for name, units in by_part["root"].items() if units[at]} for at in range(4)]
    assert named == [{"silent"}, {"limits", "cases"}, {"se", "silent"}, {"cases", "silent"}]
    assert [name for name, units in by_part["left"].items() if units[1]] == ["limits", "cases"]
    assert not by_part["right"]["nothing"].any()
