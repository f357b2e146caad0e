"""Awards: by how sure we are that a community reaches an absolute standard, by rank, by grade. All are one-offs.

Put here: the posterior, tiers and places. Keep out: how scores are made; an award never enters next year's base.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from statistics import NormalDist

_PRECISION = 40
_PUBLISHED = Decimal(1).scaleb(-6)


@dataclass(frozen=True)
class Measured:
    """A score with its standard error; None where there is none, and no award then."""

    id: str
    score: Decimal | None
    error: Decimal | None


@dataclass(frozen=True)
class Prior:
    """What the scores of all say about one: their mean, its variance, the variance between true scores."""

    mean: Decimal
    mean_variance: Decimal
    between: Decimal


@dataclass(frozen=True)
class Posterior:
    """Mean and standard deviation of a true score given its own figure and all the others."""

    mean: Decimal
    deviation: Decimal

    def chance(self, standard: Decimal) -> Decimal:
        """P(true score ≥ `standard`), rounded to the six decimals that are published and decide."""
        if not self.deviation:
            return Decimal(int(self.mean >= standard)).quantize(_PUBLISHED)
        with localcontext() as context:
            context.prec = _PRECISION
            distance = (self.mean - standard) / self.deviation
        return Decimal(repr(NormalDist().cdf(float(distance)))).quantize(_PUBLISHED)


@dataclass(frozen=True)
class Tier:
    """An award of `amount` fen for those who reach `standard` with the required probability."""

    id: str
    standard: Decimal
    amount: int


@dataclass(frozen=True)
class Award:
    """The highest tier reached (None: none) and the chance of reaching it, or the lowest tier where none is.

    `no_place`: the tier is reached, but all places went to others; the amount is then 0, as it is without a tier.
    """

    id: str
    tier: str | None
    amount: int
    posterior: Posterior | None
    chance: Decimal | None
    no_place: bool = False


def prior_of(figures: Sequence[Measured]) -> Prior | None:
    """Moments of the normal model (DerSimonian and Laird); None without any figure that has an error above 0.

    Raises ValueError for a negative error.
    """
    if any(figure.error is not None and figure.error < 0 for figure in figures):
        raise ValueError("a standard error is negative")
    known = sorted(
        ((x.id, x.score, x.error * x.error) for x in figures if x.score is not None and x.error), key=lambda x: x[0]
    )
    if not known:
        return None
    with localcontext() as context:
        context.prec = _PRECISION
        weights = [1 / variance for _, _, variance in known]
        whole = sum(weights, Decimal(0))
        mean = _mean(weights, [score for _, score, _ in known])
        spread = _mean(weights, [(score - mean) ** 2 for _, score, _ in known]) * whole
        room = whole - _mean(weights, weights)
        between = max(Decimal(0), (spread - (len(known) - 1)) / room) if room > 0 else Decimal(0)
        weights = [1 / (between + variance) for _, _, variance in known]
        whole = sum(weights, Decimal(0))
        mean = _mean(weights, [score for _, score, _ in known])
        return Prior(mean, 1 / whole, between)


def _mean(weights: Sequence[Decimal], figures: Sequence[Decimal]) -> Decimal:
    """In the precision of the caller."""
    weighted = (weight * figure for weight, figure in zip(weights, figures, strict=True))
    return sum(weighted, Decimal(0)) / sum(weights, Decimal(0))


def posterior_of(figure: Measured, prior: Prior | None) -> Posterior | None:
    """Shrunk towards the prior mean, whose own uncertainty is carried; an error of 0 leaves the score as it is."""
    if figure.score is None or figure.error is None:
        return None
    if not figure.error or prior is None:
        return Posterior(figure.score, Decimal(0))
    with localcontext() as context:
        context.prec = _PRECISION
        variance = figure.error * figure.error
        own = prior.between / (prior.between + variance)
        mean = prior.mean + own * (figure.score - prior.mean)
        return Posterior(mean, (own * variance + (1 - own) ** 2 * prior.mean_variance).sqrt())


def by_chance(
    figures: Sequence[Measured], tiers: Sequence[Tier], probability: Decimal, places: int | None = None
) -> list[Award]:
    """Each the highest tier whose standard it reaches with at least `probability`, in the order of the figures.

    With `places`, only so many: the highest tier first, the surest first within it, then the higher posterior mean,
    then the smaller id.
    """
    prior = prior_of(figures)
    falling = sorted(tiers, key=lambda tier: -tier.standard)
    found = []
    for figure in figures:
        own = posterior_of(figure, prior)
        if own is None:
            found.append(Award(figure.id, None, 0, None, None))
            continue
        won = next((tier for tier in falling if own.chance(tier.standard) >= probability), None)
        shown = own.chance((won or falling[-1]).standard)
        found.append(Award(figure.id, won.id if won else None, won.amount if won else 0, own, shown))
    if places is None:
        return found
    rank = {tier.id: at for at, tier in enumerate(falling)}
    winners = sorted(
        (x for x in found if x.tier and x.posterior),
        key=lambda x: (rank[x.tier or ""], -(x.chance or 0), -(x.posterior.mean if x.posterior else 0), x.id),
    )
    kept = {award.id for award in winners[:places]}
    return [x if x.id in kept or x.tier is None else replace(x, amount=0, no_place=True) for x in found]


def ranks(scores: Sequence[Decimal | None]) -> list[int | None]:
    """Competition ranks from 1 for the highest; equal scores share a rank (并列)."""
    known = sorted((score for score in scores if score is not None), reverse=True)
    first: dict[Decimal, int] = {}
    for place, score in enumerate(known, 1):
        first.setdefault(score, place)
    return [None if score is None else first[score] for score in scores]


def by_rank(places: Sequence[int | None], amounts: Sequence[tuple[int, int]]) -> list[int]:
    """Fen by rank: `amounts` are (last rank, fen) in rising order; behind the last of them, and unranked, nothing."""
    return [0 if place is None else next((fen for last, fen in amounts if place <= last), 0) for place in places]


def by_grade(grades: Sequence[str | None], amounts: Mapping[str, int]) -> list[int]:
    """Fen by grade; a grade that has no amount gets nothing."""
    return [0 if grade is None else amounts.get(grade, 0) for grade in grades]
