"""Steps of an index: worked numbers, edges of points, rounding, direction, missing figures."""

from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from data_contracts.closed import DefinitionError
from evaluations.index import numeric
from evaluations.index.sheet import SheetError
from tests.unit.evaluations.index_world import close, one, score, spec_of

NAN = float("nan")
Z = {"step": "z", "ddof": 0}


def test_exponential_transformation_of_the_english_index():
    shares = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1]
    found = score([{"step": "exponential", "of": "fraction"}], {"v": shares})
    assert close(found, [0, 2.3903, 6.5177, 15.6468, 31.0091, 50.4267, 63.8476, 86.9573, 100], 4)


def test_exponential_transformation_of_ranks_gives_the_most_deprived_a_hundred():
    found = score([{"step": "exponential"}], {"v": [5, 1, 9, 7]})
    alone = score([{"step": "exponential", "of": "fraction"}], {"v": [0.5, 0.25, 1, 0.75]})
    assert found == alone
    assert max(found) == pytest.approx(100)


def test_z_with_mean_100_and_ten_points_a_deviation():
    found = score([{**Z, "scale": 10, "shift": 100}], {"v": [12, 15, 18, 21, 24]})
    assert close(found, [85.8579, 92.9289, 100, 107.0711, 114.1421], 4)


def test_ddof_is_stated_and_counts():
    sample = score([{"step": "z", "ddof": 1}], {"v": [1, 2, 3]})
    assert sample == [-1, 0, 1]
    with pytest.raises(DefinitionError, match="ddof"):
        spec_of(one([{"step": "z"}]))


def test_cap_of_z_depends_on_size():
    columns = {"v": [0] * 30 + [100, 100, 100], "people": [500] * 30 + [20_000, 20_001, None]}
    step = {**Z, "size": "people", "caps": [{"up_to": 20_000, "cap": 3}, {"cap": None}]}
    found = score([step], columns)
    free = score([Z], columns)
    assert free[-1] > 3
    assert found[-3:] == [3, free[-2], 3]
    assert found[:-3] == free[:-3]


def test_lower_is_better_turns_the_sign_once():
    columns = {"v": [1, 2, 4]}
    up, down = score([Z, Z], columns), score([Z, Z], columns, direction="lower_is_better")
    assert close([-value for value in up], down, 12)


UNTURNED = [
    [],
    [{"step": "winsorise", "how": "values", "low": 0}],
    [{"step": "round", "digits": 1, "how": "half_up"}],
]


@pytest.mark.parametrize("steps", UNTURNED)
def test_lower_is_better_that_no_step_turns_is_refused(steps):
    with pytest.raises(DefinitionError, match="no step turns it"):
        spec_of(one(steps, direction="lower_is_better"))


def test_goalposts_that_contradict_the_direction_are_refused():
    with pytest.raises(DefinitionError, match="opposite"):
        spec_of(one([{"step": "goalposts", "worst": 30, "best": 10}]))


def test_reference_of_z_may_be_one_unit():
    columns = {"unit": ["a", "b", "nation"], "v": [1, 3, 2.5], "level": ["state", "state", "nation"]}
    states = [{"column": "level", "among": ["state"]}]
    found = score([{"step": "z", "ddof": 1, "centre_unit": "nation", "universe": states}], columns)
    spread = 2**0.5
    assert close(found, [-1.5 / spread, 0.5 / spread, 0], 12)


def test_population_weighted_z():
    columns = {"v": [10, 20, 40], "people": [100, 300, 100]}
    found = score([{**Z, "weighted_by": "people"}], columns)
    weights, values = np.array([100, 300, 100]) / 500, np.array([10, 20, 40])
    mean = (weights * values).sum()
    assert close(found, (values - mean) / np.sqrt((weights * (values - mean) ** 2).sum()), 10)


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("inc", [0, 1 / 3, 1 / 3, 1]),
        ("exc", [0.2, 0.4, 0.4, 0.8]),
        ("mid", [0.125, 0.375, 0.375, 0.875]),
        ("of_n", [0.25, 0.5, 0.5, 1]),
    ],
)
def test_percentile_ranks_by_rule(rule, wanted):
    found = score([{"step": "percentile_rank", "rule": rule, "ties": "min"}], {"v": [1, 2, 2, 3]})
    assert close(found, wanted, 12)


def test_percentile_rank_cut_off_after_four_digits_as_spreadsheets_do():
    step = {"step": "percentile_rank", "rule": "inc", "ties": "min", "round": {"digits": 4, "how": "down"}}
    assert score([step], {"v": [1, 2, 3, 4]})[2] == 0.6666


@pytest.mark.parametrize(
    ("ties", "wanted"),
    [
        ("average", [4, 2.5, 2.5, 1]),
        ("min", [4, 2, 2, 1]),
        ("max", [4, 3, 3, 1]),
        ("dense", [3, 2, 2, 1]),
        ("ordinal", [4, 2, 3, 1]),
    ],
)
def test_ties(ties, wanted):
    assert score([{"step": "rank", "ties": ties}], {"v": [9, 5, 5, 1]}) == wanted


def test_borda_counts_the_beaten_and_half_of_the_ties():
    assert score([{"step": "borda"}], {"v": [9, 5, 5, 1, None]})[:4] == [3, 1.5, 1.5, 0]


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=40))
def test_normal_scores_follow_ranks(values):
    found = score([{"step": "normal_scores", "rule": "blom"}], {"v": values})
    wanted = stats.norm.ppf((stats.rankdata(values) - 0.375) / (len(values) + 0.25))
    assert close(found, wanted, 9)


def test_hospital_value_based_purchasing_points():
    """Worked numbers of methods.md 7.2, whose halves go down."""
    step = {
        "step": "achievement_or_improvement",
        "threshold": 0.6,
        "benchmark": 0.85,
        "baseline": {"column": "base"},
        "achievement": {"times": 9, "plus": 0.5, "least": 1, "most": 9},
        "improvement": {"times": 10, "plus": -0.5, "most": 9},
        "full": 10,
        "round": {"digits": 0, "how": "half_down"},
    }
    columns = {"v": [0.66, 0.58, 0.84, 0.85, 0.6, 0.59, 0.9, None], "base": [0.5, 0.4, 0.8, 0.8, None, None, 0.95, 0.5]}
    assert score([step], columns)[:-1] == [4, 3, 9, 10, 1, 0, 10]
    assert np.isnan(score([step], columns)[-1])
    # The other way round where less is better: the same way in the opposite sense.
    turned = {**step, "threshold": 0.4, "benchmark": 0.15}
    mirrored = {
        name: [None if cell is None else round(1 - cell, 9) for cell in cells] for name, cells in columns.items()
    }
    assert score([turned], mirrored, direction="lower_is_better")[:-1] == [4, 3, 9, 10, 1, 0, 10]
    # The rule of the programme itself: a half is rounded up.
    up = {**step, "round": {"digits": 0, "how": "half_up"}}
    assert score([up], columns)[1:3] == [4, 9]


def test_slabs_of_the_indian_health_mission():
    knots = [[0, -5], [40, -5], [40, 0], [50, 0], [100, 5]]
    found = score([{"step": "piecewise_points", "knots": knots}], {"v": [39.9, 40, 50, 65, 87, 100, 0, 101]})
    assert close(found, [-5, 0, 0, 1.5, 3.7, 5, -5, 5], 12)


def test_points_of_the_british_quality_framework():
    ratio = {"numerator": "met", "denominator": "register", "minus": "excepted", "multiplier": 100}
    step = {"step": "piecewise_points", "knots": [[40, 0], [77, 14]]}
    found = score([step], {"met": [300, 140], "register": [400, 400], "excepted": [20, 20]}, ratio=ratio)
    assert found == [14, 0]


def test_step_points_at_and_beside_their_edges():
    bands = [{"at": 10, "points": 1}, {"at": 20, "points": 2}]
    values = [9.999, 10, 10.001, 19.999, 20, 20.001]
    included = {"step": "step_points", "bands": bands, "below": 0}
    assert score([included], {"v": values}) == [0, 1, 1, 1, 2, 2]
    assert score([{**included, "edge": "excluded"}], {"v": values}) == [0, 0, 1, 1, 1, 2]


def test_step_points_at_quantiles_of_the_universe():
    step = {"step": "step_points", "bands": [{"at_quantile": 0.5, "points": 1}], "below": 0, "edge": "excluded"}
    columns = {"v": [1, 2, 3, 4, 99], "in": [1, 1, 1, 1, 0]}
    found = score([step], columns, spec={"universe": [{"column": "in", "among": [1]}]})
    assert found == [0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("step", "values", "wanted"),
    [
        ({"how": "yes", "full": 4}, [1, 0], [4, 0]),
        ({"how": "no", "full": 4}, [1, 0], [0, 4]),
        ({"how": "at_least", "full": 10, "baseline": 80}, [79.2, 80, 99, 0], [9.9, 10, 10, 0]),
        ({"how": "at_most", "full": 10, "baseline": 5}, [4, 5, 6, 10, 11], [10, 10, 8, 0, 0]),
        ({"how": "at_most", "full": 10, "baseline": 5, "loss": "reciprocal"}, [5, 10], [10, 5]),
        ({"how": "attach", "full": 3, "baseline": 6}, [0, 2, 6, 9], [0, 1, 3, 3]),
        ({"how": "deduct", "full": 3, "per": 1}, [0, 2, 7], [3, 1, 0]),
        ({"how": "interval", "full": 10, "floor": 60, "baseline": 90}, [59, 60, 75, 90, 95], [0, 0, 5, 10, 10]),
        ({"how": "manual", "full": 5}, [4.5, 5], [4.5, 5]),
    ],
)
def test_algorithms_of_appraisal_sheets(step, values, wanted):
    assert close(score([{"step": "appraise", **step}], {"v": values}), wanted, 9)


def test_a_mark_above_full_marks_is_refused():
    with pytest.raises(SheetError, match="1 marks above full marks 5"):
        score([{"step": "appraise", "how": "manual", "full": 5}], {"v": [5.1, 5]})


def test_appraisal_of_a_real_sheet_that_cuts_off():
    """770 of 1,228 at two points: 1.25 in proportion; 1.897 printed as 1.8."""
    columns = {"v": [770, 0.9485], "goal": [1228, 1]}
    steps = [{"step": "appraise", "how": "at_least", "full": 2, "baseline": {"column": "goal"}}]
    assert close(score(steps, columns), [1.254072, 1.897], 6)
    assert score([*steps, {"step": "round", "digits": 1, "how": "down"}], columns) == [1.2, 1.8]


def test_beta_binomial_shrinkage():
    cases, people = [640, 450, 150, 88, 41, 12], [800, 600, 200, 110, 60, 20]
    columns = {"cases": cases, "people": people}
    ratio = {"numerator": "cases", "denominator": "people"}
    step = {"step": "shrink", "how": "beta_binomial", "denominator": "people"}
    found = score([step], columns, ratio=ratio)
    assert close(found, [0.79513, 0.75464, 0.75972, 0.78291, 0.74799, 0.75297], 5)
    percent = score([{**step, "scale": 100}], columns, ratio={**ratio, "multiplier": 100})
    assert close(percent, [100 * value for value in found], 9)
    second = score([step], {**columns, "cases": [640, 420, 150, 99, 33, 11]}, ratio=ratio)
    assert close(second[-1:], [0.66833], 5)


def test_shrinkage_by_reliability_and_by_standard_error():
    columns = {"v": [10, 20, 30], "r": [1, 0.5, 0], "se": [0, 0, 0]}
    assert score([{"step": "shrink", "how": "reliability", "reliability": "r"}], columns) == [10, 20, 20]
    exact = score([{"step": "shrink", "how": "normal", "standard_error": "se"}], {**columns, "se": [1e-9, 1e-9, 1e-9]})
    assert close(exact, [10, 20, 30], 6)


def test_imputation_within_strata_leaves_a_stratum_without_figures_missing():
    columns = {"v": [1, 3, None, None, None], "g": ["a", "a", "a", "b", "b"]}
    assert score([{"step": "impute", "how": "mean", "within": ["g"]}], columns)[:3] == [1, 3, 2]
    assert np.isnan(score([{"step": "impute", "how": "mean", "within": ["g"]}], columns)[3:]).all()


def test_imputation_by_regression_on_another_column():
    columns = {"v": [1, 3, 5, None, 9], "w": [0, 1, 2, 3, 4]}
    assert close(score([{"step": "impute", "how": "regression", "on": ["w"]}], columns), [1, 3, 5, 7, 9], 9)


def test_minimum_cases_at_and_beside_the_edge():
    found = score(
        [{"step": "minimum_cases", "column": "n", "at_least": 25}], {"v": [1, 1, 1, 1], "n": [24, 25, 26, None]}
    )
    assert np.isnan(found).tolist() == [True, False, False, True]


def test_a_step_that_is_not_defined_for_a_figure_refuses_and_names_no_value():
    with pytest.raises(SheetError, match="'v': log needs positive figures") as refused:
        score([{"step": "transform", "how": "log"}], {"v": [-77.125, 1]})
    assert "77" not in str(refused.value.words)


@pytest.mark.parametrize(
    ("how", "mode"),
    [("half_up", ROUND_HALF_UP), ("half_down", ROUND_HALF_DOWN), ("half_even", ROUND_HALF_EVEN), ("down", ROUND_DOWN),
     ("up", ROUND_UP), ("floor", ROUND_FLOOR), ("ceiling", ROUND_CEILING)],
)  # fmt: skip
@given(units=st.integers(-(10**7), 10**7), digits=st.integers(0, 3))
def test_rounding_is_that_of_the_decimal_figure(how, mode, units, digits):
    """A figure of four decimals is rounded as on paper, whatever its binary form."""
    exact = Decimal(units) / 10_000
    found = numeric.rounded(np.array([float(exact)]), digits, how)[0]
    assert found == float(exact.quantize(Decimal(1).scaleb(-digits), rounding=mode))


def test_figures_with_more_digits_than_a_binary_number_holds_stay_as_they_are():
    figures = np.array([123.456789012345, 1e9 + 0.1, -98765.4321])
    assert numeric.rounded(figures, 12, "half_up").tolist() == figures.tolist()


def test_a_sum_of_tenths_that_should_be_a_half_is_one():
    assert numeric.rounded(np.array([0.1 + 0.2 + 0.2 - 1e-17, 2.675]), 0, "half_up").tolist() == [1, 3]
    assert numeric.rounded(np.array([2.675, 1.005]), 2, "half_up").tolist() == [2.68, 1.01]


@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=30), st.floats(0, 1))
def test_quantile_of_the_linear_rule_is_that_of_numpy(values, share):
    figures = np.array(values)
    assert numeric.quantile(figures, share, "linear") == pytest.approx(np.quantile(figures, share), rel=1e-9, abs=1e-9)


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=30), st.sampled_from(["average", "min", "max", "dense"]))
def test_ranks_are_those_of_scipy(values, ties):
    figures = np.array(values, dtype=float)
    assert numeric.ranks_among(figures, figures, ties).tolist() == stats.rankdata(figures, method=ties).tolist()
    # A copy of the universe in another order takes the other way through the code.
    assert (
        numeric.ranks_among(figures[::-1], figures, ties).tolist()
        == stats.rankdata(figures[::-1], method=ties).tolist()
    )


def test_ordinal_ranks_are_those_of_the_universe_only():
    columns = {"v": [5, 7, 6, 5], "in": [1, 1, 0, 1]}
    found = score([{"step": "rank", "ties": "ordinal"}], columns, spec={"universe": [{"column": "in", "among": [1]}]})
    assert found == [1, 3, 3, 2]
