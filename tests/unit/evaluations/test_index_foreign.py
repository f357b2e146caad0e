"""What schemes of foreign agencies need of a spec: constants by group, parts beside and after, learnt thresholds, the
table as it is published; each against a plain computation, purchasing points against published ones too."""

import math
from statistics import mean, median, variance

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.closed import DefinitionError
from evaluations.index import grading, numeric
from evaluations.index.sheet import SheetError
from tests.unit.evaluations.index_world import close, computed, one, root, score, spec_in, spec_of, tables

NAN = float("nan")


def draws(seed, height):
    return np.random.default_rng(seed).normal(size=height).round(3).tolist()


# Quantiles: the definitions of the statistical packages.

METHODS = {
    "linear": "linear", "exclusive": "weibull", "averaged": "averaged_inverted_cdf", "inverted": "inverted_cdf",
    "nearest": "closest_observation", "interpolated": "interpolated_inverted_cdf", "hazen": "hazen",
    "median_unbiased": "median_unbiased", "normal_unbiased": "normal_unbiased", "lower": "lower", "higher": "higher",
    "midpoint": "midpoint",
}  # fmt: skip


@settings(max_examples=40)
@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=40), st.integers(1, 63))
def test_quantiles_are_those_of_numpy_by_every_rule(values, share):
    figures = np.array(values, dtype=float)
    for rule, method in METHODS.items():
        # Shares of 64ths are exact in binary, so no method is off by rounding.
        wanted = np.quantile(figures, share / 64, method=method)
        assert numeric.quantile(figures, share / 64, rule) == pytest.approx(wanted, rel=1e-12, abs=1e-9), rule


def test_a_quantile_at_a_whole_place_is_not_missed_by_binary_rounding():
    # 0.07 × 100 is 7.000000000000001 in binary numbers, 0.29 × 100 is 28.999999999999996.
    figures = np.arange(1.0, 101.0)
    assert numeric.quantile(figures, 0.07, "averaged") == 7.5
    assert numeric.quantile(figures, 0.29, "inverted") == 29


def test_names_of_packages_are_rules():
    step = {"step": "winsorise", "how": "percentiles", "low": 0.2, "high": 0.8}
    columns = {"v": [0, 1, 2, 10, 30]}
    assert score([{**step, "quantile": "sas5"}], columns) == score([{**step, "quantile": "averaged"}], columns)
    assert score([{**step, "quantile": "r7"}], columns) == score([step], columns)
    with pytest.raises(DefinitionError, match="quantile"):
        score([{**step, "quantile": "sas6"}], columns)


# Ties that binary numbers would break.


def test_equal_means_of_other_parts_are_a_tie():
    """0.1 + 0.2 + 0.3 in any order, ten parts of 0.3: one rank, one class."""
    weights = [0.1, 0.2, 0.3, 0.4]
    parts = [{"id": name, "weight": weight, "steps": []} for name, weight in zip("abcd", weights, strict=True)]
    tree = {
        "id": "root",
        "combine": {"how": "sum", "missing": "refuse"},
        "ranks": [{"ties": "min"}],
        "grades": [{"how": "percentiles", "quantile": "sas5", "edge": "excluded",
                    "classes": [{"id": "low"}, {"id": "high", "at_percentile": 50}]}],
        "parts": parts,
    }  # fmt: skip
    # 1 × .1 + 1 × .2 and 1 × .3 differ in binary; so do 0.7 and 0.1 + 0.2 + 0.4.
    columns = {"a": [1, 0, 1, 0], "b": [1, 0, 1, 0], "c": [0, 1, 0, 1], "d": [0, 0, 1, 1]}
    found = tables(spec_of(tree, digits=12), columns)
    assert found["ranks"]["rank"].to_list() == [3, 3, 1, 1]
    assert found["grades"]["grade"].to_list() == ["low", "low", "high", "high"]
    ranked = {**tree, "steps": [{"step": "percentile_rank", "rule": "inc", "ties": "min"}], "ranks": [], "grades": []}
    assert close(root(spec_of(ranked), columns), [0, 0, 2 / 3, 2 / 3], 9)


def test_a_point_band_holds_for_a_figure_that_only_binary_numbers_put_below_it():
    bands = {"step": "step_points", "below": 0, "bands": [{"at": 0.57, "points": 1}]}
    assert score([{"step": "linear", "times": 0.1}, {"step": "linear", "times": 0.19}, bands], {"v": [30.0]}) == [1]
    ratio = {"numerator": "n", "denominator": "d", "multiplier": 100}
    assert score([], {"n": [57, 29], "d": [100, 100]}, ratio=ratio) == [57, 29]


# Purchasing points as CMS published them for 2024: threshold, benchmark, baseline, rate → achievement, improvement.

PUBLISHED = [
    ("higher", 0.869247, 0.887868, 0.869901, 0.879759, 6, 5),
    ("higher", 0.869247, 0.887868, 0.855670, 0.889560, 10, 9),
    ("higher", 0.869247, 0.887868, 0.852507, 0.877352, 4, 7),
    ("higher", 0.869247, 0.887868, 0.863746, 0.885972, 9, 9),
    ("higher", 0.882308, 0.907733, 0.874612, 0.881394, 0, 2),
    ("higher", 0.882308, 0.907733, 0.889826, 0.883252, 1, 0),
    # The baseline was beyond the benchmark already, and the rate is better still.
    ("higher", 0.882308, 0.907733, 0.921461, 0.935856, 10, 9),
    ("higher", 0.840281, 0.872976, 0.877061, 0.879154, 10, 9),
    ("lower", 0.025396, 0.018159, 0.022688, 0.022723, 4, 0),
    ("lower", 0.025396, 0.018159, 0.022597, 0.020415, 7, 4),
    ("lower", 0.025396, 0.018159, 0.034521, 0.031381, 0, 1),
    ("lower", 0.589, 0.0, 0.0, 0.0, 10, 0),
    ("lower", 0.717, 0.0, 0.820, 0.0, 10, 9),
    ("lower", 0.726, 0.0, 1.938, 0.531, 3, 7),
    ("lower", 0.520, 0.014, 0.426, 0.043, 9, 9),
    ("lower", 0.650, 0.0, 0.288, 0.183, 7, 3),
    ("lower", 0.726, 0.0, None, 0.0, 10, None),
    ("lower", 0.589, 0.0, 2.597, 2.255, 0, 1),
]
ACHIEVED = {"threshold": {"column": "t"}, "achievement": {"times": 9, "plus": 0.5, "most": 10}}
IMPROVED = {"baseline": {"column": "base"}, "improvement": {"times": 10, "plus": -0.5, "most": 9}}


@pytest.mark.parametrize("way", ["higher", "lower"])
def test_points_of_value_based_purchasing_as_they_were_published(way):
    rows = [row for row in PUBLISHED if row[0] == way]
    columns = {name: [row[at] for row in rows] for at, name in enumerate(("t", "b", "base", "v"), 1)}
    step = {"step": "achievement_or_improvement", "benchmark": {"column": "b"}, "full": 10, "round": {"digits": 0}}
    leaf = {"direction": f"{way}_is_better"}
    achieved, improved = [row[5] for row in rows], [NAN if row[6] is None else row[6] for row in rows]
    assert close(score([{**step, **ACHIEVED}], columns, **leaf), achieved, 9)
    assert close(score([{**step, **IMPROVED}], columns, **leaf), improved, 9)
    better = [max(a, 0 if math.isnan(i) else i) for a, i in zip(achieved, improved, strict=True)]
    spec = spec_of(one([{**step, **ACHIEVED, **IMPROVED}], **leaf), trace=True)
    assert close(computed(spec, columns)[1].scores["v"].tolist(), better, 9)
    traced = {name: figures.tolist() for _, name, figures in computed(spec, columns)[1].notes.trace}
    assert close(traced["1 achievement_or_improvement achievement"], achieved, 9)
    assert close(traced["1 achievement_or_improvement improvement"], improved, 9)


# Home health: thresholds learnt from the baseline year of the cohort.

COHORTS = """
tree:
  id: total
  weights: {how: equal}
  combine: {how: arithmetic, missing: reweigh}
  parts:
    - id: v
      steps:
        - step: achievement_or_improvement
          within: [cohort]
          threshold: {learnt: median, column: base}
          benchmark: {learnt: mean_of_highest, share: 0.1, column: base}
          achievement: {times: 10, plus: 0, most: 10}
          full: 10
    - id: w
      column: v
      steps:
        - {step: goalposts, worst: {learnt: quantile, at: 0.05}, best: {learnt: mean_of_highest, units: 3}, high: 1}
"""


def test_thresholds_learnt_within_a_cohort():
    height = 60
    columns = {"v": draws(1, height), "base": draws(2, height), "cohort": ["ab"[at % 2] for at in range(height)]}
    found = computed(spec_in(COHORTS), columns)[1].scores
    for cohort in "ab":
        rows = [at for at in range(height) if columns["cohort"][at] == cohort]
        known = [columns["base"][at] for at in rows]
        threshold, top = median(known), np.quantile(known, 0.9)
        benchmark = mean(value for value in known if value >= top)
        for at in rows:
            way = 10 * (columns["v"][at] - threshold) / (benchmark - threshold)
            assert found["v"][at] == pytest.approx(min(10, max(0, way)), abs=1e-9)
    low, high = np.quantile(columns["v"], 0.05), mean(sorted(columns["v"])[-3:])
    assert close(found["w"].tolist(), [min(1, max(0, (own - low) / (high - low))) for own in columns["v"]], 9)


# Readmissions: peer groups found by the engine, constants by year, a factor after the tree.

PEERS = """
digits: 12
beside:
  - {id: dual, steps: [], grades: [{id: third, how: quantiles, classes: [{id: low}, {id: mid}, {id: high}]}]}
strata: {peers: {part: dual, grade: third}}
tree:
  id: excess
  combine: {how: arithmetic, missing: reweigh}
  parts:
    - {id: v, weight: {by: peers, values: {low: 1, mid: 2, high: 3}}, steps: [{step: compare, to: median, how: difference, within: [peers]}]}
    - {id: w, weight: 1, steps: [{step: linear, times: {by: year, values: {2024: 2}, otherwise: 1/3}}]}
after:
  - id: factor
    weights: {how: equal}
    combine: {how: product, missing: refuse}
    parts:
      - {id: share, part: excess, steps: [{step: compare, to: {learnt: mean, weighted_by: pay}, how: difference}, {step: linear, plus: 1}]}
      - {id: dual_too, part: dual, steps: [{step: linear, times: {part: w}, plus: 1}]}
summaries:
  - {id: regions, by: [region], part: excess, how: mean, weighted_by: pay}
  - {id: high, by: [region], part: dual, how: share, grade: third, among: [high]}
"""  # noqa: E501  (lines of YAML)


def test_strata_found_on_the_way_and_parts_beside_and_after():
    height = 45
    columns = {"v": draws(1, height), "w": draws(2, height), "dual": draws(3, height)}
    columns |= {"year": [2023 + at % 3 for at in range(height)], "pay": [at + 1 for at in range(height)]}
    columns |= {"region": ["nes"[at % 3] for at in range(height)]}
    found = tables(spec_in(PEERS), columns)
    order = np.argsort(np.argsort(columns["dual"]))
    peers = [("low", "mid", "high")[int(place) // 15] for place in order]
    centre = {peer: median(v for v, own in zip(columns["v"], peers, strict=True) if own == peer) for peer in set(peers)}
    weight = {"low": 1, "mid": 2, "high": 3}
    last = [w * (2 if year == 2024 else 1 / 3) for w, year in zip(columns["w"], columns["year"], strict=True)]
    excess = [
        (weight[peer] * (v - centre[peer]) + w) / (weight[peer] + 1)
        for v, w, peer in zip(columns["v"], last, peers, strict=True)
    ]
    scores = found["scores"]
    assert close(scores.filter(part="excess")["value"].to_list(), excess, 9)
    whole = sum(pay * own for pay, own in zip(columns["pay"], excess, strict=True)) / sum(columns["pay"])
    factor = [(own - whole + 1) * (dual * w + 1) for own, dual, w in zip(excess, columns["dual"], last, strict=True)]
    assert close(scores.filter(part="factor")["value"].to_list(), factor, 9)
    applied = scores.filter(part="v")["weight"].to_list()
    assert close(applied, [weight[peer] / (weight[peer] + 1) for peer in peers], 9)
    given = np.array(scores.filter(part="v")["given"].to_list()) + np.array(scores.filter(part="w")["given"].to_list())
    assert close(given.tolist(), excess, 9)
    areas = {(row["summary"], row["area"]): row for row in found["summaries"].iter_rows(named=True)}
    for start, region in enumerate("nes"):
        own = range(start, height, 3)
        wanted = sum(columns["pay"][at] * excess[at] for at in own) / sum(columns["pay"][at] for at in own)
        assert areas["regions", region]["value"] == pytest.approx(wanted, abs=1e-9)
        assert areas["high", region]["value"] == pytest.approx(sum(peers[at] == "high" for at in own) / 15, abs=1e-9)
    ranked = sorted("nes", key=lambda region: -areas["regions", region]["value"])
    assert [areas["regions", region]["rank"] for region in ranked] == [1, 2, 3]


def test_a_word_without_a_number_is_refused_by_count_and_a_part_after_by_name():
    columns = {"v": [1, 2, 3], "w": [1, 2, 3], "dual": [1, 2, 3], "year": [2024, 2025, "x"]}
    columns |= {"pay": [1, 1, 1], "region": ["n", "n", "n"]}
    with pytest.raises(SheetError, match="'year' has 2 cells that codes does not list"):
        computed(spec_in(PEERS.replace(", otherwise: 1/3", "")), columns)
    with pytest.raises(DefinitionError, match="'w' refers to 'excess', which is not among the parts computed before"):
        spec_in(PEERS.replace("{by: year, values: {2024: 2}, otherwise: 1/3}", "{part: excess}"))
    with pytest.raises(DefinitionError, match=r"dual: .*|'peers' refers to 'thirds'"):
        spec_in(PEERS.replace("grade: third}}", "grade: thirds}}"))


# Stars of plans: mean and spread of stars, halves, the better of two totals, the best few.


def group(combine, **more):
    parts = [{"id": name, "weight": weight, "steps": []} for name, weight in zip("abc", (3, 1, 2), strict=True)]
    return spec_of({"id": "root", "combine": {"missing": "reweigh", **combine}, "parts": parts, **more})


def test_spread_of_parts_and_the_best_of_them():
    columns = {"a": [5, 1, 2, None], "b": [3, 1, 2, 4], "c": [4, 1, None, None]}
    weights = {"a": 3, "b": 1, "c": 2}
    wanted, best, product = [], [], []
    for at in range(4):
        own = [(weights[name], columns[name][at]) for name in "abc" if columns[name][at] is not None]
        whole, n = sum(w for w, _ in own), len(own)
        centre = sum(w * x for w, x in own) / whole
        wanted.append(n / (n - 1) * sum(w * (x - centre) ** 2 for w, x in own) / whole if n > 1 else NAN)
        two = sorted(own, key=lambda pair: -pair[1])[:2]
        best.append(sum(w * x for w, x in two) / sum(w for w, _ in two))
        product.append(math.prod(x**w for w, x in own))
    assert close(root(group({"how": "variance", "ddof": 1}), columns), wanted, 9)
    assert close(root(group({"how": "deviation", "ddof": 1}), columns), [math.sqrt(item) for item in wanted], 9)
    assert variance([5, 3]) == 2  # the unweighted definition that the weighted one meets with equal weights
    equal = {"weights": {"how": "equal"}}
    assert close(root(group({"how": "variance", "ddof": 1}, **equal), {"a": [5], "b": [3], "c": [None]}), [2], 9)
    assert close(root(group({"how": "arithmetic", "best": 2}), columns), best, 9)
    assert close(root(group({"how": "product"}), columns), product, 9)
    zero = {"how": "geometric", "floor": 0}
    assert close(root(group(zero, **equal), {"a": [0, 1], "b": [2, 4], "c": [4, 2]}), [0, 2], 9)


def test_contributions_sum_to_every_kind_of_score():
    columns = {"a": [5, 1, 2, 0], "b": [3, 1, 2, 4], "c": [4, 1, 7, 1]}
    for combine in ({"how": "variance", "ddof": 0}, {"how": "product"}, {"how": "arithmetic", "best": 2},
                    {"how": "geometric", "floor": 0}):  # fmt: skip
        found = tables(group(combine), columns)
        lines = found["contributions"].group_by("unit").agg(pl.col("contribution").sum()).sort("unit")
        assert close(lines["contribution"].to_list(), found["scores"].filter(part="root")["value"].to_list(), 6)


def test_halves_and_functions():
    halves = [{"step": "round", "to": 0.5, "how": "half_up"}]
    assert score(halves, {"v": [3.24, 3.25, 3.749, 3.75, -0.25]}) == [3.0, 3.5, 3.5, 4.0, -0.5]
    steps = [{"step": "linear", "times": "1/10", "plus": -5}, {"step": "transform", "how": "logistic"}]
    assert close(score(steps, {"v": [50, 0]}), [0.5, 1 / (1 + math.exp(5))], 12)
    income = [{"step": "goalposts", "worst": 100, "best": 75000, "high": 1, "scale": "log"}]
    wanted = math.log(5000 / 100) / math.log(750)
    assert close(score(income, {"v": [100, 5000, 80000]}), [0, wanted, 1], 12)
    with pytest.raises(DefinitionError, match="needs 'digits / to'"):
        score([{"step": "round", "how": "half_up"}], {"v": [1]})


def test_standard_scores_by_the_mean_and_spread_of_a_baseline_year():
    columns = {"v": [3.0, 5.0, 9.0, 4.0], "base": [1.0, 2.0, 6.0, 8.0], "state": ["a", "a", "b", "b"]}
    step = {"step": "z", "ddof": 1, "within": ["state"], "centre": {"learnt": "mean", "column": "base"},
            "spread": {"learnt": "sd", "ddof": 1, "column": "base"}}  # fmt: skip
    low, high = math.sqrt(0.5), math.sqrt(2)
    assert close(score([step], columns), [(3 - 1.5) / low, (5 - 1.5) / low, (9 - 7) / high, (4 - 7) / high], 9)


# Extremes beyond fences, equal figures, Ward's classes.


def test_figures_beyond_fences_are_left_out_or_drawn_in():
    columns = {"v": [1, 2, 3, 4, 100]}
    step = {"step": "winsorise", "how": "fences", "times": 1.5}
    # Quartiles 2 and 4: fences −1 and 7.
    assert score([step], columns) == [1, 2, 3, 4, 7]
    assert close(score([{**step, "beyond": "missing"}], columns), [1, 2, 3, 4, NAN], 9)


def test_equal_figures_have_the_score_that_is_stated():
    columns = {"v": [2, 2, None]}
    assert close(score([{"step": "z", "ddof": 1}], columns), [NAN] * 3, 9)
    assert close(score([{"step": "z", "ddof": 1, "constant": 0}], columns), [0, 0, NAN], 9)
    assert close(score([{"step": "min_max", "constant": 50}], columns), [50, 50, NAN], 9)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 300), min_size=5, max_size=25, unique=True))
def test_ward_merges_what_costs_least(values):
    """Every pair may merge here; on a line it is always neighbours."""
    classes = [[float(value)] for value in sorted(values)]
    while len(classes) > 4:
        pairs = [(at, other) for at in range(len(classes)) for other in range(at + 1, len(classes))]
        cost = {
            (at, other): len(classes[at]) * len(classes[other]) / (len(classes[at]) + len(classes[other]))
            * (mean(classes[at]) - mean(classes[other])) ** 2
            for at, other in pairs
        }  # fmt: skip
        least = min(cost.values())
        at, other = min(pair for pair in pairs if cost[pair] <= least + 1e-9)
        classes[at] += classes.pop(other)
        classes.sort(key=min)
    edges = grading.ward_partition(np.array(values, dtype=float), 4).tolist()
    assert edges == [min(own) for own in classes[1:]]


@pytest.mark.parametrize("weight_at", ["end", "middle"])
def test_classes_of_equal_numbers_of_people(weight_at):
    columns = {"v": [*draws(1, 40), 0.0, 0.0, None], "people": [1 + at % 7 for at in range(42)] + [5]}
    grades = {"how": "quantiles", "weighted_by": "people", "weight_at": weight_at,
              "classes": [{"id": str(number)} for number in range(1, 6)]}  # fmt: skip
    found = tables(spec_of(one([], root={"grades": [grades]})), columns)["grades"]["grade"].to_list()
    known = [(v, n) for v, n in zip(columns["v"], columns["people"], strict=True) if v is not None]
    whole = sum(n for _, n in known)
    for v, grade in zip(columns["v"], found, strict=True):
        if v is None:
            assert grade is None
            continue
        below, here = sum(n for other, n in known if other < v), sum(n for other, n in known if other == v)
        reached = below + (here / 2 if weight_at == "middle" else here)
        assert grade == str(math.ceil(5 * reached / whole - 1e-12))


# Who is classed, and as what without a score; the worst score for whoever sent nothing.


def test_units_without_a_score_or_outside_the_programme():
    grades = {"how": "percentiles", "edge": "excluded", "only": [{"column": "state", "not_among": ["MD"]}],
              "without_score": "kept", "classes": [{"id": "kept"}, {"id": "cut", "at_percentile": 50}]}  # fmt: skip
    missing = {"step": "adjust", "id": "unsent", "when": [{"column": "note", "among": ["11"]}],
               "set": {"learnt": "maximum"}}  # fmt: skip
    spec = spec_of(one([missing], root={"grades": [grades]}))
    columns = {"v": [1, 2, 3, None, None, 9], "note": ["", "", "", "11", "13", ""], "state": [*"ABCDE", "MD"]}
    found = tables(spec, columns)
    assert found["scores"].filter(part="root")["value"].to_list() == [1, 2, 3, 9, None, 9]
    assert found["grades"]["grade"].to_list() == ["kept", "kept", "kept", "cut", "kept", None]
    with pytest.raises(DefinitionError, match="did you mean 'kept'"):
        spec_of(one([], root={"grades": [{**grades, "without_score": "keept"}]}))


# The shrinkage of the deprivation indices of the United Kingdom.


def test_rates_drawn_towards_the_district():
    people, cases = [50, 80, 120, 400, 60, 90], [3, 20, 10, 90, 9, 2]
    district = ["a", "a", "a", "a", "b", "b"]
    step = {"step": "shrink", "how": "logit_normal", "denominator": "n", "within": ["d"], "centre": "pooled",
            "between": "whole", "noise": "one"}  # fmt: skip
    columns = {"v": [r / n for r, n in zip(cases, people, strict=True)], "n": people, "d": district}
    wanted = []
    for name in "ab":
        own = [(r, n) for r, n, d in zip(cases, people, district, strict=True) if d == name]
        odds = [math.log((r + 0.5) / (n - r + 0.5)) for r, n in own]
        events, whole = sum(r for r, _ in own), sum(n for _, n in own)
        centre = math.log((events + 0.5) / (whole - events + 0.5))
        between = sum((item - centre) ** 2 for item in odds) / (len(own) - 1)
        for (r, n), item in zip(own, odds, strict=True):
            noise = (n + 1) * (n + 2) / (n * (r + 1) * (n - r + 1))
            weight = (1 / noise) / (1 / noise + 1 / between)
            wanted.append(1 / (1 + math.exp(-(weight * item + (1 - weight) * centre))))
    assert close(score([step], columns), wanted, 12)


# The table as it is published.

MESSY = """
unit: [state, county]
figures: {strip: ["%", "$", out of 10, "*"]}
missing_words: ["", N/A, "-999"]
rows: [{column: county, not_among: ["000"]}, {column: year, at_least: 2024}]
tree:
  id: root
  weights: {how: equal}
  combine: {how: arithmetic, missing: reweigh}
  parts: [{id: v, steps: []}, {id: w, steps: []}]
"""


def test_marks_totals_other_years_and_ids_of_two_columns():
    columns = {
        "state": ["01", "01", "02", "01"],
        "county": ["001", "003", "001", "000"],
        "year": ["2024", "2025", "2024", "2024"],
        "v": ["79.5%", "$1,200", "4 out of 10*", "7"],
        "w": ["-999", "N/A", "-2", "x"],
    }
    columns = {name: [*cells, cells[0]] for name, cells in columns.items()}
    columns["year"][-1] = "2023"
    found = tables(spec_in(MESSY), columns)["scores"].filter(part="root")
    assert found["unit"].to_list() == ["01 · 001", "01 · 003", "02 · 001"]
    assert found["value"].to_list() == [79.5, 1200, 1]
    with pytest.raises(SheetError, match=r"'v' has 1 cells that are no number"):
        tables(spec_in(MESSY), {**columns, "v": ["%", *columns["v"][1:]]})


def test_decimal_commas_and_numbers_that_mean_nothing():
    spec = spec_of(one([]), figures={"decimal": "comma"}, missing_words=["-999"])
    assert close(root(spec, {"v": ["1.234,5", "0,25", "-999", "12"]}), [1234.5, 0.25, NAN, 12], 9)
    with pytest.raises(SheetError, match="1 cells that are no number"):
        root(spec, {"v": ["12.5", "1", "2", "3"]})
    assert close(root(spec, {"v": [1.5, -999.0]}), [1.5, NAN], 9)


def test_draws_vary_the_tree_and_nothing_beside_or_after_it():
    height = 30
    columns = {"v": draws(1, height), "w": draws(2, height), "dual": draws(3, height)}
    columns |= {"year": [2024] * height, "pay": [1] * height, "region": ["n"] * height}
    uncertain = "uncertainty: {seed: 1, draws: 20, weights: {how: uniform}}\n"
    found, plain = tables(spec_in(PEERS + uncertain), columns), tables(spec_in(PEERS), columns)
    assert found["scores"].equals(plain["scores"])
    nominal = np.argsort(np.argsort(-np.array(plain["scores"].filter(part="excess")["value"].to_list()))) + 1
    assert found["rank_intervals"]["rank"].to_list() == nominal.tolist()
    assert (found["rank_intervals"]["lower"] < found["rank_intervals"]["upper"]).any()
    # Without the indicator that its peers judge, only the other is left.
    assert found["removals"]["indicator"].to_list() == ["v", "w"]
