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
    """First and total effect of each input of `function`, which maps rows of numbers in [0, 1) to results."""
    return estimates(function(plan(inputs, runs, seed)), inputs, seed, bootstrap)


def plan(inputs: int, runs: int, seed: int) -> Table:
    """Where to evaluate: (inputs + 2) × runs rows of numbers in [0, 1), runs rounded up to a power of two.

    Two independent tables of runs, then the first with each of its columns in turn taken from the second.
    """
    from scipy.stats.qmc import Sobol

    power = max(1, int(np.ceil(np.log2(runs))))
    both = Sobol(2 * inputs, scramble=True, rng=np.random.default_rng(seed)).random_base2(power)
    first, second = both[:, :inputs], both[:, inputs:]
    mixed = [np.where(np.arange(inputs) == at, second, first) for at in range(inputs)]
    return np.concatenate([first, second, *mixed])


def estimates(results: NDArray[np.float64], inputs: int, seed: int, bootstrap: int = 200) -> list[Effect]:
    """The effects from the results at the rows of `plan`.

    Saltelli 2010 for first effects, Jansen 1999 for total effects. Results that never vary have effects of NaN.
    """
    one, two, *moved = np.split(results, inputs + 2)
    rows = np.random.default_rng([seed, 1]).integers(0, len(one), (bootstrap, len(one)))
    result = []
    for own in moved:
        first, total = (float(found) for found in _estimate(one, two, own))
        (first_low, total_low), (first_high, total_high) = np.quantile(
            _estimate(one[rows], two[rows], own[rows]), [0.025, 0.975], axis=1
        ).tolist()
        result.append(Effect(first, first_low, first_high, total, total_low, total_high))
    return result


def _estimate(one: Table, two: Table, own: Table) -> tuple[Table, Table]:
    """First and total effect along the last axis."""
    both = np.concatenate([one, two], axis=-1)
    variance, centre = np.var(both, axis=-1), np.mean(both, axis=-1, keepdims=True)
    moving = np.where(variance > 0, variance, np.nan)
    return np.mean((two - centre) * (own - one), axis=-1) / moving, np.mean((one - own) ** 2, axis=-1) / (2 * moving)
