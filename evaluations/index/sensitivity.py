"""Sobol effects: which of several inputs moves a result, alone (first) and with all it interacts in (total).

Put here: sampling and estimators for any function. Keep out: what the function is.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]


class Effect(NamedTuple):
    """Effects of one input with their percentile intervals over bootstrap samples of the runs."""

    first: float
    first_lower: float
    first_upper: float
    total: float
    total_lower: float
    total_upper: float


def effects(
    function: Callable[[Table], NDArray[np.float64]], inputs: int, runs: int, seed: int, bootstrap: int = 200
) -> list[Effect]:
    """First and total effect of each input of `function`, which maps rows of numbers in [0, 1) to results.

    Evaluates (inputs + 2) × runs rows, runs rounded up to a power of two. Saltelli 2010 for first effects, Jansen 1999
    for total effects. A result that never varies has effects of NaN.
    """
    from scipy.stats.qmc import Sobol

    power = max(1, int(np.ceil(np.log2(runs))))
    plan = Sobol(2 * inputs, scramble=True, rng=np.random.default_rng(seed)).random_base2(power)
    first, second = plan[:, :inputs], plan[:, inputs:]
    one, two = function(first), function(second)
    mixed = []
    for at in range(inputs):
        rows = first.copy()
        rows[:, at] = second[:, at]
        mixed.append(function(rows))
    draws = np.random.default_rng([seed, 1]).integers(0, len(plan), (bootstrap, len(plan)))
    result = []
    for own in mixed:
        drawn = np.array([_estimate(one[rows], two[rows], own[rows]) for rows in draws])
        found = _estimate(one, two, own)
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        result.append(Effect(found[0], low[0], high[0], found[1], low[1], high[1]))
    return result


def _estimate(one: Table, two: Table, own: Table) -> tuple[float, float]:
    variance = float(np.var(np.concatenate([one, two])))
    if variance == 0:
        return float("nan"), float("nan")
    centre = float(np.mean(np.concatenate([one, two])))
    first = float(np.mean((two - centre) * (own - one))) / variance
    return first, float(np.mean((one - own) ** 2)) / (2 * variance)
