"""Gain-share simulator: what an insurer would share of costs that stayed below what was to be expected.

Put here: expected against observed cost, interval, minimum savings rate, cap. Keep out: money that is paid: every
figure here is an estimate, labelled as simulation. A before–after figure is refused: expected cost must come from a
comparison or a risk model, because cost also moves for reasons that are nobody's doing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data_contracts.allocation_spec.funding import EXPECTED_FROM

Z_95 = 1.959963984540054
LABEL = "simulation, not payable"


class BeforeAfter(ValueError):  # noqa: N818  (an answer, not a fault)
    """Expected cost is not from a comparison or a risk model; `given` is what it is from."""

    def __init__(self, given: str) -> None:
        self.given = given
        super().__init__(f"expected cost from {given}")


@dataclass(frozen=True)
class Terms:
    """Terms of a contract, each a part from 0 to 1.

    `minimum_rate`: savings below this part of expected cost are not shared; `sharing_rate`: part of savings that is
    shared; `cap`: at most this part of expected cost. `loss_rate`: part of losses that is borne, 0 for one-sided terms.
    """

    minimum_rate: float
    sharing_rate: float
    cap: float
    loss_rate: float = 0.0

    def __post_init__(self) -> None:
        if not all(0 <= part <= 1 for part in (self.minimum_rate, self.sharing_rate, self.cap, self.loss_rate)):
            raise ValueError("rates and the cap lie from 0 to 1")


@dataclass(frozen=True)
class Costs:
    """Costs of the people of one payee, in fen: observed, expected, standard error of their difference."""

    id: str
    observed: float
    expected: float
    error: float


@dataclass(frozen=True)
class Simulated:
    """Per payee, fen rounded to the whole: savings with 95 % interval, what would be shared (below 0: to be borne).

    `reason`: shared | borne | below_minimum_rate | loss_not_shared; `sure`: whether the interval leaves out 0.
    """

    id: str
    observed: int
    expected: int
    savings: int
    lower: int
    upper: int
    sure: bool
    rate: float
    shared: int
    reason: str
    label: str = LABEL


def check_expected(given: str) -> None:
    """Raise BeforeAfter unless expected cost is `given` from one of EXPECTED_FROM."""
    if given not in EXPECTED_FROM:
        raise BeforeAfter(given)


def simulated(
    costs: Sequence[Costs],
    terms: Terms,
    expected_from: str,
    intervals: Mapping[str, tuple[float, float]] | None = None,
) -> list[Simulated]:
    """What the terms would share, in the order of `costs`; intervals of savings by payee, else by the delta method.

    Raises BeforeAfter, and ValueError where an expected cost is not above 0 or an error is negative.
    """
    check_expected(expected_from)
    if any(item.expected <= 0 or item.error < 0 for item in costs):
        raise ValueError("expected costs are above 0, standard errors are not negative")
    return [_simulated(item, terms, (intervals or {}).get(item.id) or _delta(item)) for item in costs]


def _delta(item: Costs) -> tuple[float, float]:
    savings, half = item.expected - item.observed, Z_95 * item.error
    return savings - half, savings + half


def _simulated(item: Costs, terms: Terms, interval: tuple[float, float]) -> Simulated:
    savings = item.expected - item.observed
    rate = savings / item.expected
    limit = terms.cap * item.expected
    if abs(rate) < terms.minimum_rate or not savings:
        shared, reason = 0.0, "below_minimum_rate"
    elif savings > 0:
        shared, reason = min(savings * terms.sharing_rate, limit), "shared"
    elif terms.loss_rate:
        shared, reason = -min(-savings * terms.loss_rate, limit), "borne"
    else:
        shared, reason = 0.0, "loss_not_shared"
    lower, upper = interval
    return Simulated(
        item.id, round(item.observed), round(item.expected), round(savings), round(lower), round(upper),
        lower > 0 or upper < 0, round(rate, 6), round(shared), reason,
    )  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """People of one payee in one stratum (age, sex, disease group): how many, their cost, the sum of its squares."""

    id: str
    stratum: str
    people: int
    cost: float
    squares: float


def standardised(cells: Sequence[Cell], reference: Mapping[str, float]) -> list[Costs]:
    """Expected cost by indirect standardisation: people × cost per head of the `reference` in their stratum.

    The reference must not be the payees' own earlier cost. Error: spread of observed cost among people, the reference
    taken as known. Raises ValueError for a stratum without reference or impossible sums of squares; sorted by payee.
    """
    found = []
    for payee in sorted({cell.id for cell in cells}):
        observed = expected = variance = 0.0
        for cell in sorted((cell for cell in cells if cell.id == payee), key=lambda cell: cell.stratum):
            if cell.stratum not in reference:
                raise ValueError(f"no reference cost for stratum {cell.stratum}")
            spread = cell.squares - cell.cost**2 / cell.people if cell.people else 0.0
            if spread < -1e-6 * max(cell.squares, 1.0):
                raise ValueError("the sum of squares is smaller than costs allow")
            observed += cell.cost
            expected += cell.people * reference[cell.stratum]
            # Variance of a sum of n independent costs: n times the sample variance.
            variance += cell.people * max(spread, 0.0) / (cell.people - 1) if cell.people > 1 else 0.0
        found.append(Costs(payee, observed, expected, variance**0.5))
    return found


def bootstrapped(
    people: Mapping[str, tuple[Sequence[float], Sequence[float]]], seed: int, draws: int = 1000
) -> dict[str, tuple[float, float]]:
    """Payee → 95 % interval of its savings, by drawing its people anew; same bytes for the same seed.

    `people`: payee → (observed cost, expected cost) of each person, in fen.
    """
    found = {}
    for at, payee in enumerate(sorted(people)):
        observed, expected = (np.asarray(part, dtype=np.float64) for part in people[payee])
        own = np.random.default_rng([seed, at])
        savings = expected - observed
        chosen = own.integers(0, len(savings), size=(draws, len(savings)))
        lower, upper = np.quantile(savings[chosen].sum(axis=1), [0.025, 0.975])
        found[payee] = (float(lower), float(upper))
    return found
