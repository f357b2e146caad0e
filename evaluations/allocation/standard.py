"""Population × standard × share × coefficient: the official formula and the customary one of counties (method A).

Put here: what is due by a standard, what an appraisal takes off it, who gets that instead. Keep out: which standards
and shares are in force (data_contracts.national_funding), what was paid before (settlement).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from evaluations.allocation.exact import split


@dataclass(frozen=True)
class Band:
    """Scores from `at_least` up earn `coefficient` of the standard, unless a higher band is reached."""

    at_least: Fraction
    coefficient: Fraction


@dataclass(frozen=True)
class Dues:
    """By a standard, in fen, in the order of the payees.

    `standard`: in full; `change`: what the coefficient changed, below 0 for one below 1.
    """

    standard: list[int]
    change: list[int]

    @property
    def due(self) -> list[int]:
        """What is due to each."""
        return [full + change for full, change in zip(self.standard, self.change, strict=True)]

    @property
    def deducted(self) -> int:
        """What coefficients below 1 took off, together."""
        return -sum(change for change in self.change if change < 0)


def coefficients(scores: Sequence[Fraction | None], bands: Sequence[Band]) -> list[Fraction]:
    """The coefficient of the highest band each score reaches; without a score the lowest coefficient there is.

    Raises ValueError for a score below every band.
    """
    falling = sorted(bands, key=lambda band: -band.at_least)
    lowest = min(band.coefficient for band in bands)
    each: dict[Fraction | None, Fraction] = {None: lowest}
    for score in set(scores):
        if score is not None:
            reached = next((band for band in falling if score >= band.at_least), None)
            if reached is None:
                raise ValueError("a score lies below every band")
            each[score] = reached.coefficient
    return [each[score] for score in scores]


def dues(
    population: Sequence[Fraction],
    standard: Sequence[Fraction],
    shares: Sequence[Fraction],
    coefficient: Sequence[Fraction],
) -> Dues:
    """`standard` in fen per head, `shares` the part of it that is paid here; each figure rounded half up to the fen."""
    full = [
        (people.numerator * rate.numerator * share.numerator, people.denominator * rate.denominator * share.denominator)
        for people, rate, share in zip(population, standard, shares, strict=True)
    ]
    whole = [(2 * top + bottom) // (2 * bottom) for top, bottom in full]
    due = [
        (2 * top * factor.numerator + bottom * factor.denominator) // (2 * bottom * factor.denominator)
        for (top, bottom), factor in zip(full, coefficient, strict=True)
    ]
    return Dues(whole, [after - before for after, before in zip(due, whole, strict=True)])


def regranted(deducted: int, weights: Sequence[Fraction], earns: Sequence[bool], ids: Sequence[str]) -> list[int]:
    """What was deducted, shared by `weights` among those who `earn` it; nothing where nobody does."""
    return split([weight if earn else Fraction(0) for weight, earn in zip(weights, earns, strict=True)], deducted, ids)
