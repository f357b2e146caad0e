"""Stage S2: each payee's need target, exactly.

Put here: figures of the need stream and targets. Keep out: what is paid (pace.py), explanation (statement.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from math import gcd

from data_contracts.allocation_spec.need import Need, Risk
from evaluations.allocation.problem import Conflict, Infeasible
from evaluations.allocation.ratios import Ratio
from evaluations.allocation.snapshot import DataError, Snapshot
from evaluations.rounding import largest_remainder

PEOPLE, QUANTUM = 10**6, 10**12
_PRECISION = 40
_HIGHEST_RISK = 100


@dataclass(frozen=True)
class NeedInput:
    """Figures behind targets: people × 10⁶, and per factor (id, multipliers × 10¹²); the risk is the factor `risk`."""

    population: list[Decimal]
    people: list[int]
    factors: list[tuple[str, list[int]]]
    risks: list[Decimal | None]
    disadvantage: list[int]

    def weights(self) -> list[int]:
        """People × all factors."""
        found = list(self.people)
        for _, multipliers in self.factors:
            found = [weight * multiplier for weight, multiplier in zip(found, multipliers, strict=True)]
        return found


@dataclass(frozen=True)
class Targets:
    """Targets in fen: `scaled` / `scale` exactly, `fen` rounded once so that they sum to the pool."""

    figures: NeedInput
    scaled: list[int]
    scale: int
    fen: list[int]
    core: list[Ratio]
    """The part of the target that follows people × factors."""
    equal_core: list[Ratio]
    """The same money by people alone."""
    equal: list[Ratio]
    """The whole pool by people alone."""
    inequality: list[Ratio]
    """What the inequality slice adds to its money by people alone."""
    fixed: list[Ratio]
    """What fixed grants add to the same money by people alone."""


def need_input(stream: Need, snapshot: Snapshot) -> NeedInput:
    """Figures of the need stream. Raises DataError for missing, negative or impossible ones."""
    place = f"streams.{stream.id}"
    population = snapshot.figures(stream.population, f"{place}.population")
    people = [_whole(figure, PEOPLE) for figure in population]
    factors = [
        (factor.id, [_whole(figure, QUANTUM) for figure in snapshot.figures(factor, f"{place}.factors.{factor.id}")])
        for factor in stream.factors
    ]
    risks: list[Decimal | None] = [None] * len(people)
    if stream.risk is not None:
        risks = risks_of(stream.risk, snapshot, f"{place}.risk")
        factors.append(("risk", multipliers(stream.risk, risks, people)))
    disadvantage = [0] * len(people)
    if stream.inequality is not None:
        found = snapshot.figures(stream.inequality, f"{place}.inequality")
        disadvantage = [_whole(figure, QUANTUM) for figure in found]
    return NeedInput(population, people, factors, risks, disadvantage)


def risks_of(risk: Risk, snapshot: Snapshot, place: str) -> list[Decimal | None]:
    """Risk of each payee from 0 to 100; None where it is missing and the spec allows that."""
    rows = snapshot.rows_of(risk, place)
    found = snapshot.some_figures(risk, place, high=_HIGHEST_RISK)
    return list(rows.known(risk.column, found)) if risk.missing == "refuse" else found


def multipliers(
    risk: Risk, risks: Sequence[Decimal | None], people: Sequence[int], reference: Fraction | None = None
) -> list[int]:
    """Risk multiplier of each payee × 10¹², without risk that of risk 0; `reference`: not that of these risks but this.

    Raises DataError for one below 0.
    """
    reference = reference_of(risk, risks, people) if reference is None else reference
    with localcontext() as context:
        context.prec = _PRECISION
        power = (risk.ratio or Decimal(1)).ln()
        of_risk = {own: _multiplier(risk, own or Decimal(0), reference, power) for own in set(risks)}
    found = [of_risk[own] for own in risks]
    if min(found, default=0) < 0:
        raise DataError("allocate_negative_risk", column=risk.column, count=sum(own < 0 for own in found))
    return found


def reference_of(risk: Risk, risks: Sequence[Decimal | None], people: Sequence[int]) -> Fraction:
    """The risk at which nothing changes: as stated, or the mean weighted by people."""
    return Fraction(risk.reference) if risk.reference is not None else _mean(risks, people)


def _mean(risks: Sequence[Decimal | None], people: Sequence[int]) -> Fraction:
    known = [(Fraction(risk), count) for risk, count in zip(risks, people, strict=True) if risk is not None]
    whole = sum(count for _, count in known)
    return sum((risk * count for risk, count in known), Fraction(0)) / whole if whole else Fraction(0)


def _multiplier(risk: Risk, own: Decimal, reference: Fraction, power: Decimal) -> int:
    """× 10¹², in the precision of the context; `power`: logarithm of the ratio."""
    if risk.form == "points":
        return _whole([factor for edge, factor in risk.points if edge <= own][-1], QUANTUM)
    if risk.reference is not None:
        distance = (own - risk.reference) / 100
    else:
        beyond = (Fraction(own) - reference) / 100
        distance = Decimal(beyond.numerator) / Decimal(beyond.denominator)
    if risk.form == "linear":
        return _whole(1 + (risk.slope or Decimal(0)) * distance, QUANTUM)
    # Not libm's pow, whose last digit depends on the machine.
    return _whole((power * distance).exp(), QUANTUM)


def _whole(figure: Decimal, scale: int) -> int:
    return int((figure * scale).to_integral_value())


def targets_of(stream: Need, pool: int, figures: NeedInput, ids: Sequence[str], fixed_grant: int) -> Targets:
    """The targets, which sum to the pool. Raises Infeasible where nobody counts or fixed grants take more than that."""
    weights, people = _smaller(figures.weights()), figures.people
    slices = _smaller([own * count for own, count in zip(figures.disadvantage, people, strict=True)])
    part = Fraction(stream.inequality.share) if stream.inequality is not None else Fraction(0)
    whole, sliced, heads = sum(weights), sum(slices), sum(people)
    fixed_whole = fixed_grant * sum(count > 0 for count in people)
    left = pool - fixed_whole
    if left < 0:
        raise Infeasible(Conflict(("fixed_grant", "streams"), stream.id, -left, pool))
    if left and ((part < 1 and not whole) or (part and not sliced)):
        raise Infeasible(Conflict(("no_weights",), stream.id, left, 0))
    whole, sliced, heads = whole or 1, sliced or 1, heads or 1
    scale = whole * sliced * part.denominator
    core_rate, slice_rate = left * (part.denominator - part.numerator) * sliced, left * part.numerator * whole
    fixed = [fixed_grant if count else 0 for count in people]
    scaled = [
        own * scale + core_rate * weight + slice_rate * sliced_own
        for own, weight, sliced_own in zip(fixed, weights, slices, strict=True)
    ]
    core, spread = left * (part.denominator - part.numerator), left * part.numerator
    return Targets(
        figures,
        scaled,
        scale,
        largest_remainder(scaled, pool, ids),
        [(core * weight, part.denominator * whole) for weight in weights],
        [(core * count, part.denominator * heads) for count in people],
        [(pool * count, heads) for count in people],
        [
            (spread * (own * heads - count * sliced), part.denominator * sliced * heads)
            for own, count in zip(slices, people, strict=True)
        ],
        [(own * heads - fixed_whole * count, heads) for own, count in zip(fixed, people, strict=True)],
    )


def _smaller(weights: list[int]) -> list[int]:
    common = gcd(*weights) or 1
    return [weight // common for weight in weights]
