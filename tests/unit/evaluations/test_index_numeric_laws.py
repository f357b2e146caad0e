"""Sums, ranks and moments that are found in a quick way say the same as the slow way, at their edges too."""

from math import fsum, nextafter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kurtosis, rankdata, skew

from data_contracts.closed import DefinitionError
from data_contracts.index_spec.steps import Winsorise
from evaluations.index import numeric, treating
from tests.unit.evaluations.index_world import computed, one, spec_of

SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("count", [3, 199, 200, 3000])
@pytest.mark.parametrize("left", [0.0, 2.0**-110, -(2.0**-110), 2.0**-1060, -(2.0**-1060), 5e-324])
def test_what_is_left_decides_how_a_sum_half_way_is_rounded(count, left):
    """1 + 2⁻⁵³ lies half-way between two figures: the least thing more makes it the upper one."""
    values = np.zeros(count)
    values[:3] = [2.0**-53, 1.0, left]
    assert numeric.total(values) == numeric.total(values[::-1]) == fsum(values.tolist())
    assert numeric.total(-values) == fsum((-values).tolist())


@pytest.mark.parametrize("figures", [[-0.0], [-0.0, 0.0], [0.0, -0.0], [0.0, -0.0, 1.0] * 20, [-1.0, -0.0, 0.0] * 20])
def test_no_zero_takes_its_sign_from_the_order_of_rows(figures):
    found = numeric.settled(np.array([*figures, np.nan]))
    assert np.signbit(found[:-1]).tolist() == [own < 0 for own in figures]
    assert np.isnan(found[-1])


@settings(max_examples=60)
@given(SEEDS, st.sampled_from(["min", "max", "average"]), st.booleans())
def test_figures_that_only_binary_error_tells_apart_share_a_rank(seed, ties, some_outside):
    draws = np.random.default_rng(seed)
    plain = draws.integers(-9, 10, draws.integers(1, 60)) / 7
    figures = plain * (1 + draws.integers(-2, 3, plain.size) * 2.0**-52)
    figures[draws.random(plain.size) < 0.2] = np.nan
    learn = np.isfinite(figures) & ((draws.random(plain.size) < 0.7) if some_outside else True)
    found = numeric.ranks_in(figures, learn, ties)
    assert found[learn].tolist() == rankdata(plain[learn], method=ties).tolist()
    for at in np.flatnonzero(np.isfinite(figures) & ~learn):
        alike, below = (plain[learn] == plain[at]).sum(), (plain[learn] < plain[at]).sum()
        assert found[at] == {"min": below + 1, "max": below + alike, "average": below + (alike + 1) / 2}[ties]
    assert np.isnan(found[~np.isfinite(figures)]).all()


@settings(max_examples=60)
@given(SEEDS, st.floats(0.1, 2.5), st.floats(-5, 8))
def test_plain_moments_hold_to_nine_digits_or_are_not_given(seed, spread, middle):
    """Against scipy's moments, whatever the scale; where figures lie far from zero they are not given at all."""
    draws = np.random.default_rng(seed)
    figures = np.exp(draws.normal(size=draws.integers(4, 500)) * spread) * 10.0 ** draws.integers(-40, 40)
    figures = figures + 10.0**middle * figures.std()
    found = numeric.shape_roughly(figures)
    if found is None:
        assert figures.mean() > 9e3 * figures.std()
        return
    assert figures.mean() < 1.1e4 * figures.std()
    centred = figures - np.longdouble(figures.mean())
    scaled = (centred / centred.std()).astype(float)
    exact = numeric.skewness_and_kurtosis(figures)
    for own, other, again in zip(found, exact, (skew(scaled, bias=False), kurtosis(scaled, bias=False)), strict=True):
        assert own == pytest.approx(other, rel=1e-9, abs=1e-9)
        assert own == pytest.approx(again, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("figures", [[], [1.0, 2.0, 9.0], [3.0] * 50, [0.0, 1e-120] * 20, [1e110, 2e110] * 20])
def test_plain_moments_are_not_given_where_there_are_none(figures):
    assert numeric.shape_roughly(np.array(figures)) is None


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("which", ["skewness", "kurtosis"])
def test_a_column_at_the_limit_itself_is_treated_and_just_below_it_is_not(which, side):
    """The limit is the exact moment of the column: at it or above the column is treated, not by one bit less."""
    figures = side * np.random.default_rng(4).lognormal(0, 1, 400)
    moments = dict(zip(("skewness", "kurtosis"), numeric.skewness_and_kurtosis(figures), strict=True))
    limit = abs(moments[which])
    others = {"skewness": 0.5, "kurtosis": -3.0}
    for allowed, tail in ((nextafter(limit, 0), side), (limit, side), (nextafter(limit, 1e9), 0)):
        step = Winsorise(step="winsorise", how="skewness", **{**others, which: allowed})
        assert treating._long_tail(step, figures) == tail


SKEWED = [{"step": "winsorise", "how": "skewness", "most_points": 1}]
FAR_OUT = [*(float(at) for at in range(1, 31)), 900.0, 1000.0]


def treated(figures, **step):
    spec = spec_of(one([SKEWED[0] | step]))
    found = computed(spec, {"v": figures, "zone": ["a"] * len(figures)})[1]
    flags = {name: int(units.sum()) for _, name, units in found.notes.flags}
    facts = {fact[3]: fact[4] for fact in found.notes.facts}
    return found.treated["v"], flags, facts


def test_a_column_whose_log_is_taken_is_not_called_drawn_in():
    """One point drawn in leaves the second far out, so that all figures take the log: nobody was drawn in."""
    figures, flags, facts = treated([*FAR_OUT, None])
    assert flags == {"log_taken": 32}
    assert facts["log_taken_units"] == 32
    assert not {"points_drawn_in", "drawn_in_units"} & set(facts)
    assert np.allclose(figures[:-1], np.log(np.array(FAR_OUT) - 1 + 9.99))
    assert np.isnan(figures[-1])
    assert treated(FAR_OUT, beyond="missing")[0].tolist() == figures[:-1].tolist()


def test_points_drawn_in_are_counted_where_that_helps():
    figures, flags, facts = treated(FAR_OUT, most_points=2)
    assert flags == {"drawn_in": 2}
    assert (facts["points_drawn_in"], figures.max()) == (2, 30)
    assert treated(FAR_OUT, most_points=2, beyond="missing")[1] == {"left_out": 2}


def test_logs_in_some_strata_are_not_compared_with_plain_figures_in_others():
    within = {"within": ["zone"]}
    tree = [SKEWED[0] | within, {"step": "min_max"} | within]
    assert spec_of(one(tree))
    assert spec_of(one([tree[0] | {"then": "none"}, {"step": "min_max"}]))
    z = {"step": "z", "ddof": 1}
    assert spec_of(one(tree), uncertainty={"seed": 1, "normalise": [[z | within]]})
    for steps, more in (
        (tree[:1], {}),
        ([tree[0], {"step": "min_max"}], {}),
        ([tree[0], {"step": "goalposts", "worst": 0, "best": 9}], {}),
        (tree, {"uncertainty": {"seed": 1, "normalise": [[z]]}}),
    ):
        with pytest.raises(DefinitionError, match=r"'v' treats skewness within zone.*then: none"):
            spec_of(one(steps), **more)
