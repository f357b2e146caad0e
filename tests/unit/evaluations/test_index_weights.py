"""Weights: pairs, entropy and its kin, equal influence; aggregation; what is done about missing parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.closed import DefinitionError
from evaluations.index import weighing
from evaluations.index.sheet import SheetError
from tests.unit.evaluations.index_world import MEAN, close, computed, root, spec_of

NAN = float("nan")
UNITS = "ABCDEFGHIJ"
ANTENATAL = [99.54, 96.52, 99.36, 92.83, 91.71, 95.35, 96.09, 99.27, 94.76, 84.80]
MATERNAL = [60.27, 59.67, 43.91, 58.99, 35.40, 44.71, 49.81, 31.69, 22.91, 81.49]
PERINATAL = [16.15, 20.10, 15.60, 17.04, 15.01, 13.93, 17.43, 13.89, 19.87, 23.63]
REGIONS = {"unit": list(UNITS), "a": ANTENATAL, "m": MATERNAL, "p": PERINATAL}


def regions(steps, combine, weights=None):
    parts = [
        {"id": "a", "steps": steps[0]},
        {"id": "m", "direction": "lower_is_better", "steps": steps[1]},
        {"id": "p", "direction": "lower_is_better", "steps": steps[1]},
    ]
    return spec_of({"id": "root", "combine": combine, "weights": weights or {"how": "equal"}, "parts": parts})


MIN_MAX = [{"step": "min_max", "high": 1}]


def applied(spec, columns):
    found = computed(spec, columns)[1]
    return weighing.scaled(found.weights["root"])[0].tolist(), found


def test_pairwise_comparison_by_the_principal_eigenvector():
    weights, largest = weighing.principal(np.array([[1, 3, 5], [1 / 3, 1, 3], [1 / 5, 1 / 3, 1]]))
    assert close(weights, [0.636986, 0.258285, 0.104729], 6)
    index, ratio = weighing.consistency(largest, 3, "saaty")
    assert close([largest, index, ratio], [3.038511, 0.019256, 0.0332], 4)


def test_pairwise_comparison_of_four_both_ways():
    table = np.array([[1, 2, 3, 5], [1 / 2, 1, 2, 3], [1 / 3, 1 / 2, 1, 2], [1 / 5, 1 / 3, 1 / 2, 1]])
    weights, largest = weighing.principal(table)
    assert close(weights, [0.482886, 0.271974, 0.156990, 0.088150], 6)
    assert close([largest, *weighing.consistency(largest, 4, "saaty")], [4.014521, 0.004840, 0.005378], 6)
    assert close(weighing.row_means(table)[0], [0.483189, 0.271717, 0.156876, 0.088218], 6)


def test_an_inconsistent_comparison_is_refused_with_its_ratio():
    comparison = [["1", "9", "1/9"], ["1/9", "1", "9"], ["9", "1/9", "1"]]
    with pytest.raises(DefinitionError, match="consistency ratio"):
        root(regions([MIN_MAX, MIN_MAX], MEAN, {"how": "ahp", "comparison": comparison}), REGIONS)
    for broken in ([["1", "2", "3"]] * 3, [["1", "1", "1"], ["1", "1", "1"], ["1", "1", "-1"]]):
        with pytest.raises(DefinitionError, match="reciprocal"):
            root(regions([MIN_MAX, MIN_MAX], MEAN, {"how": "ahp", "comparison": broken}), REGIONS)


def test_entropy_weights_and_scores_of_ten_regions():
    weights, found = applied(regions([MIN_MAX, MIN_MAX], MEAN, {"how": "entropy"}), REGIONS)
    assert close(weights, [0.294478, 0.363415, 0.342106], 6)
    wanted = [0.6888, 0.4935, 0.8061, 0.5315, 0.7267, 0.7796, 0.6399, 0.9401, 0.6945, 0]
    assert close(found.scores["root"], wanted, 4)
    entropies = [fact[4] for fact in found.notes.facts if fact[3] == "entropy"]
    assert close(entropies, [0.941715, 0.928071, 0.932288], 6)
    shifted, _ = applied(regions([MIN_MAX, MIN_MAX], MEAN, {"how": "entropy", "shift": 1e-4}), REGIONS)
    assert close(shifted, [0.294478, 0.363396, 0.342126], 6)


def test_a_constant_part_has_no_entropy_weight():
    columns = {**REGIONS, "a": [7.0] * 10}
    spec = regions([[], MIN_MAX], MEAN, {"how": "entropy"})
    assert applied(spec, columns)[0][0] == 0


def test_rank_sum_ratio_of_ten_regions():
    steps = [[], [{"step": "transform", "how": "negate"}]]
    combine = {"how": "rank_sum_ratio", "missing": "refuse"}
    found = root(regions(steps, combine), REGIONS)
    assert close(found, [0.6, 0.4, 0.7667, 0.4, 0.6, 0.6667, 0.5, 0.9, 0.5667, 0.1], 4)
    scaled = root(regions(steps, {**combine, "ranks": "scaled"}), REGIONS)
    assert close(scaled, [0.7391, 0.5590, 0.8361, 0.5816, 0.7422, 0.8018, 0.6830, 0.9495, 0.7185, 0.1], 4)


def test_topsis_of_ten_regions_with_reciprocals():
    steps = [[], [{"step": "transform", "how": "reciprocal"}]]
    found = root(regions(steps, {"how": "topsis", "missing": "refuse"}), REGIONS)
    wanted = [0.2658, 0.1797, 0.4038, 0.2364, 0.5467, 0.4288, 0.2990, 0.6566, 0.7789, 0]
    assert close(found, wanted, 4)


@pytest.mark.parametrize(
    ("weights", "arithmetic", "geometric"),
    [((50, 30, 20), 74.30, 73.9142), ((30, 50, 20), 76.90, 76.4091), ((30, 30, 40), 72.70, 72.1934)],
)
def test_three_dimensions_by_class_of_policy(weights, arithmetic, geometric):
    names = ("outcome", "process", "effectiveness")
    by_class = {"prevention": dict(zip(names, weights, strict=True)), "other": dict.fromkeys(names, 1)}
    for how, wanted, digits in (("arithmetic", arithmetic, 9), ("geometric", geometric, 4)):
        tree = {
            "id": "root",
            "combine": {"how": how, "missing": "refuse"},
            "weights": {"how": "expert", "by_class": by_class},
            "parts": [{"id": name, "steps": []} for name in names],
        }
        spec = spec_of(tree, policy_class="prevention")
        assert close(root(spec, dict(zip(names, ([72], [85], [64]), strict=True))), [wanted], digits)


def test_an_unknown_class_of_policy_is_named_with_the_nearest():
    tree = {"id": "root", "combine": MEAN, "weights": {"by_class": {"prevention": {"v": 1}}}, "parts": [{"id": "v"}]}
    with pytest.raises(DefinitionError, match="prevention"):
        spec_of(tree, policy_class="preventoin")


def pair(combine, left=1, right=3):
    parts = [{"id": "a", "weight": left, "steps": []}, {"id": "b", "weight": right, "steps": []}]
    return spec_of({"id": "root", "combine": combine, "parts": parts})


TWO = {"a": [10, 10, None, None], "b": [20, None, 20, None]}


@pytest.mark.parametrize(
    ("combine", "wanted"),
    [
        ({"how": "arithmetic", "missing": "reweigh"}, [17.5, 10, 20, NAN]),
        ({"how": "arithmetic", "missing": "refuse"}, [17.5, NAN, NAN, NAN]),
        ({"how": "arithmetic", "missing": "substitute", "substitute": 0}, [17.5, 2.5, 15, NAN]),
        ({"how": "arithmetic", "missing": "reweigh", "minimum_parts": 2}, [17.5, NAN, NAN, NAN]),
        ({"how": "arithmetic", "missing": "reweigh", "minimum_weight_share": 0.75}, [17.5, NAN, 20, NAN]),
        ({"how": "arithmetic", "missing": "reweigh", "require": [{"of": ["a"]}]}, [17.5, 10, NAN, NAN]),
        ({"how": "sum", "missing": "reweigh"}, [70, 40, 80, NAN]),
        ({"how": "sum", "missing": "substitute", "substitute": 0}, [70, 10, 60, NAN]),
        ({"how": "geometric", "missing": "reweigh"}, [10**0.25 * 20**0.75, 10, 20, NAN]),
        ({"how": "harmonic", "missing": "reweigh"}, [4 / (1 / 10 + 3 / 20), 10, 20, NAN]),
        ({"how": "power", "power": 2, "missing": "reweigh"}, [((100 + 3 * 400) / 4) ** 0.5, 10, 20, NAN]),
        ({"how": "minimum", "missing": "reweigh"}, [10, 10, 20, NAN]),
        ({"how": "maximum", "missing": "reweigh"}, [20, 10, 20, NAN]),
        ({"how": "median", "missing": "reweigh"}, [15, 10, 20, NAN]),
    ],
)
def test_missing_parts(combine, wanted):
    assert close(root(pair(combine), TWO), wanted, 9)


def test_weights_may_be_a_column_of_every_unit():
    columns = {"a": [10, 10], "b": [20, 20], "w": [3, 0]}
    found = root(pair({"how": "arithmetic", "missing": "reweigh"}, right={"column": "w"}), columns)
    assert found == [17.5, 10]
    with pytest.raises(SheetError, match="1 negative weights"):
        root(pair({"how": "arithmetic", "missing": "reweigh"}, right={"column": "w"}), {**columns, "w": [1, -1]})


def test_a_zero_annuls_a_geometric_mean_only_where_the_spec_allows_zeros():
    columns = {"a": [0, 5], "b": [20, 5]}
    with pytest.raises(SheetError, match="geometric needs positive figures \\(1 are not\\)"):
        root(pair({"how": "geometric", "missing": "refuse"}), columns)
    assert close(root(pair({"how": "geometric", "missing": "refuse", "floor": 1}, 1, 1), columns), [20**0.5, 5], 9)


def test_copeland_counts_victories_less_defeats():
    parts = [{"id": name, "steps": []} for name in "abc"]
    tree = {
        "id": "root",
        "combine": {"how": "copeland", "missing": "refuse"},
        "weights": {"how": "equal"},
        "parts": parts,
    }
    # x beats y and z in two of three, y beats z in two of three.
    columns = {"unit": ["x", "y", "z"], "a": [3, 2, 1], "b": [3, 1, 2], "c": [1, 3, 2]}
    assert root(spec_of(tree), columns) == [2, 0, -2]


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_equal_influence_gives_every_part_the_same_correlation(seed):
    draws = np.random.default_rng(seed)
    common = draws.normal(size=60)
    columns = {
        name: (spread * (common + draws.normal(size=60))).tolist()
        for name, spread in zip("abc", (1, 5, 20), strict=True)
    }
    parts = [{"id": name, "steps": []} for name in "abc"]
    spec = spec_of({"id": "root", "combine": MEAN, "weights": {"how": "equal_influence"}, "parts": parts})
    scores = computed(spec, columns)[1].scores["root"]
    found = [np.corrcoef(columns[name], scores)[0, 1] for name in "abc"]
    assert max(found) - min(found) < 1e-6


def test_first_component_follows_what_moves_together():
    draws = np.random.default_rng(5)
    common = draws.normal(size=200)
    table = np.column_stack([common + 0.3 * draws.normal(size=200) for _ in range(3)] + [draws.normal(size=200)])
    columns = {name: table[:, at].tolist() for at, name in enumerate("abcd")}
    parts = [{"id": name, "steps": []} for name in "abcd"]
    tree = {"id": "root", "combine": MEAN, "weights": {"how": "pca", "loadings": "squared"}, "parts": parts}
    weights, _ = applied(spec_of(tree), columns)
    vector = np.linalg.eigh(np.corrcoef(table.T))[1][:, -1]
    assert close(weights, vector**2, 9)


def test_learnt_weights_need_units_that_miss_no_part():
    with pytest.raises(SheetError, match="entropy needs more units"):
        root(regions([MIN_MAX, MIN_MAX], MEAN, {"how": "entropy"}), {**REGIONS, "a": [None] * 9 + [1.0]})
