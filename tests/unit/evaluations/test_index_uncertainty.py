"""How sure an index is: draws, rank intervals, chances of grades, Sobol effects, importance, removal."""

import math
import time

import numpy as np
import polars as pl
import pytest

from data_contracts.index_spec.tree import Sampling
from evaluations.index import importance, sampling, uncertainty
from evaluations.index.scoring import scored
from evaluations.index.sensitivity import effects
from evaluations.index.sheet import sheet_of
from tests.unit.evaluations.index_world import MEAN, close, computed, frame_of, one, spec_of, tables

GRADES = [{"how": "fixed", "classes": [{"id": "low"}, {"id": "high", "at": 50}]}]
STEPS = [{"step": "impute", "how": "median"}, {"step": "goalposts", "worst": 0, "best": 100}]


def city(height=30, seed=1):
    draws = np.random.default_rng(seed)
    common = draws.normal(size=height)
    return {
        **{name: np.clip(50 + 12 * common + 8 * draws.normal(size=height), 1, 99).round(2).tolist() for name in "abc"},
        "n": draws.integers(30, 900, height).tolist(),
    }


def three(**wanted):
    parts = [
        {"id": name, "weight": weight, "steps": STEPS, "sampling": {"denominator": "n", "scale": 100}}
        for name, weight in (("a", 5), ("b", 3), ("c", 2))
    ]
    tree = {"id": "root", "combine": MEAN, "parts": parts, "ranks": [{"ties": "min"}], "grades": GRADES}
    return spec_of(tree, uncertainty={"seed": 3, "draws": 120, **wanted})


ALL = {
    "weights": {"how": "dirichlet"},
    "normalise": [[{"step": "percentile_rank", "rule": "mid", "ties": "average", "scale": 100}]],
    "combine": [{"how": "geometric", "missing": "reweigh", "floor": 1}],
    "impute": [{"step": "impute", "how": "mean"}],
    "sampling": True,
}


def ishigami(rows):
    x = (rows - 0.5) * 2 * math.pi
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def test_sobol_effects_of_the_ishigami_function():
    found = effects(ishigami, 3, 2048, seed=7)
    wanted = [(0.313905, 0.557589), (0.442411, 0.442411), (0, 0.243684)]
    for effect, (first, total) in zip(found, wanted, strict=True):
        assert abs(effect.first - first) < 0.02
        assert abs(effect.total - total) < 0.02
        assert effect.first_lower <= first <= effect.first_upper
        assert effect.total_lower <= total <= effect.total_upper


def test_effects_of_what_does_not_matter_are_nothing():
    found = effects(lambda rows: rows[:, 0], 2, 256, seed=1)
    assert found[1].total == 0
    assert found[0].first == pytest.approx(1, abs=0.05)
    assert math.isnan(effects(lambda rows: np.ones(len(rows)), 1, 16, seed=1)[0].total)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not():
    spec, other = three(**ALL), three(**{**ALL, "seed": 4})
    one_run, again, moved = (tables(item, city()) for item in (spec, spec, other))
    for name in ("rank_intervals", "grade_chances", "draws"):
        assert one_run[name].write_csv() == again[name].write_csv()
    assert one_run["rank_intervals"].write_csv() != moved["rank_intervals"].write_csv()


def test_without_anything_drawn_every_rank_is_certain():
    found = tables(three(), city())
    intervals = found["rank_intervals"]
    assert (intervals["lower"] == intervals["rank"]).all()
    assert (intervals["upper"] == intervals["rank"]).all()
    assert set(found["grade_chances"]["chance"].to_list()) == {0.0, 1.0}
    assert found["draws"]["kendall"].min() == 1


def test_chances_of_grades_sum_to_one_and_intervals_hold_their_share():
    spec = three(**ALL)
    columns = city()
    found = tables(spec, columns)
    sums = found["grade_chances"].group_by("unit").agg(pl.col("chance").sum())["chance"].to_list()
    assert close(sums, [1.0] * len(sums), 5)
    sheet, nominal = computed(spec, columns)
    ranks = uncertainty.drawn(spec, sheet, nominal, spec.uncertainty).ranks
    intervals = found["rank_intervals"].sort("unit")
    inside = ((ranks >= intervals["lower"].to_numpy()) & (ranks <= intervals["upper"].to_numpy())).mean(axis=0)
    assert inside.min() >= 0.9 - 0.05


def test_sampling_error_alone_widens_small_units_more():
    height = 60
    columns = {**city(height), "n": [20 if at % 2 else 20_000 for at in range(height)]}
    intervals = tables(three(sampling=True), columns)["rank_intervals"].sort("unit")
    width = (intervals["upper"] - intervals["lower"]).to_numpy()
    assert width[1::2].mean() > 3 * width[::2].mean()


def test_error_of_a_proportion_is_half_a_wilson_interval():
    """Wilson 95 % of 65 in 100: 0.552544–0.736358."""
    columns = {"v": [65.0], "n": [100.0]}
    spec = spec_of(one([], sampling={"denominator": "n", "scale": 100}), uncertainty={"seed": 1, "sampling": True})
    sheet, nominal = computed(spec, columns)
    error, low, high = sampling.standard_errors(spec, sheet, nominal)["v"]
    assert error[0] == pytest.approx(100 * (0.736358 - 0.552544) / 2 / 1.959964, rel=1e-5)
    assert (low, high) == (0, 100)
    assert Sampling(lower="l", upper="u").confidence == 0.95


@pytest.mark.parametrize("how", ["uniform", "dirichlet"])
def test_drawn_weights_keep_their_sum_and_move_by_the_stated_spread(how):
    draws = np.random.default_rng(0)
    shares = np.array([0.5, 0.3, 0.2])
    if how == "dirichlet":
        factors = np.array([uncertainty._dirichlet(shares, 0.25, draws) for _ in range(4000)])
    else:
        factors = uncertainty._keeping_sum(shares, draws.uniform(0.75, 1.25, (4000, 3)))
    assert np.allclose((factors * shares).sum(axis=1), 1)
    spread = factors.std(axis=0)
    assert spread.max() < 0.4
    if how == "dirichlet":
        assert np.sqrt((spread**2).mean()) == pytest.approx(0.25, abs=0.02)
    assert factors.min() >= 0


def test_only_what_is_drawn_has_an_effect():
    found = tables(three(weights={"how": "uniform"}, sobol={"runs": 16, "bootstrap": 50}), city())
    assert found["sensitivity"]["choice"].to_list() == ["weights"]
    assert found["sensitivity"]["total"][0] > 0.3


def test_importance_follows_the_spread_not_the_stated_weight():
    draws = np.random.default_rng(2)
    columns = {"wide": (40 * draws.normal(size=80)).tolist(), "narrow": draws.normal(size=80).tolist()}
    parts = [{"id": "wide", "weight": 1, "steps": []}, {"id": "narrow", "weight": 9, "steps": []}]
    spec = spec_of({"id": "root", "combine": MEAN, "parts": parts})
    wide, narrow = importance.importances(spec, computed(spec, columns)[1])
    assert (wide.flag, narrow.flag) == ("over", "under")
    assert wide.importance + narrow.importance == pytest.approx(1)
    whole = 0.1 * np.array(columns["wide"]) + 0.9 * np.array(columns["narrow"])
    assert wide.squared == pytest.approx(np.corrcoef(columns["wide"], whole)[0, 1] ** 2)


def test_removal_of_a_part_that_is_alone_in_its_dimension_leaves_the_others_weighed_up():
    parts = [
        {
            "id": "one",
            "weight": 1,
            "combine": {"how": "arithmetic", "missing": "refuse"},
            "parts": [{"id": "a", "weight": 1, "steps": []}],
        },
        {"id": "b", "weight": 1, "steps": []},
    ]
    tree = {"id": "root", "combine": {"how": "arithmetic", "missing": "refuse"}, "parts": parts}
    found = tables(spec_of(tree), {"a": [1, 2, 9], "b": [3, 2, 1]})["removals"]
    rows = {row["indicator"]: row for row in found.iter_rows(named=True)}
    # Full: 2, 2, 5. Without a: 3, 2, 1. Without b: 1, 2, 9.
    assert rows["a"]["mean_shift"] == pytest.approx((1.5 + 0.5 + 2) / 3)
    assert rows["b"]["mean_shift"] == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert [row["units_lost"] for row in rows.values()] == [0, 0]


def test_clusters_keep_their_edges_while_scores_are_drawn():
    spec = three(**ALL)
    tree = spec.model_dump(mode="json", exclude_unset=True)["tree"]
    tree["grades"] = [{"how": "clusters", "classes": [{"id": "low"}, {"id": "high"}]}]
    found = tables(spec_of(tree, uncertainty={"seed": 3, "draws": 30, **ALL}), city())
    sums = found["grade_chances"].group_by("unit").agg(pl.col("chance").sum())["chance"].to_list()
    assert close(sums, [1.0] * len(sums), 5)


def test_three_thousand_areas_and_thirty_indicators_are_drawn_fast_enough():
    """A thousand draws take thirty seconds at most: fifty take a twentieth of the processor's time, with room."""
    height, draws = 3000, np.random.default_rng(4)
    common = draws.normal(size=height)
    columns = {f"x{at}": (50 + 10 * common + 10 * draws.normal(size=height)).round(2).tolist() for at in range(30)}
    columns |= {"n": draws.integers(50, 2000, height).tolist()}
    parts = [
        {"id": f"x{at}", "weight": 1, "steps": STEPS, "sampling": {"denominator": "n", "scale": 100}}
        for at in range(30)
    ]
    tree = {"id": "root", "combine": MEAN, "parts": parts, "ranks": [{"ties": "min"}], "grades": GRADES}
    spec = spec_of(tree, uncertainty={"seed": 1, "draws": 50, **ALL})
    sheet = sheet_of(frame_of(columns), spec)
    nominal = scored(spec, sheet)
    uncertainty.drawn(spec, sheet, nominal, spec.uncertainty.model_copy(update={"draws": 2}))
    begun = time.process_time()
    uncertainty.drawn(spec, sheet, nominal, spec.uncertainty)
    assert time.process_time() - begun < 4.5
