"""A need target as a sum: equal money per head, what each factor adds or takes, down to the fen.

Factors by the logarithmic mean (LMDI): L(core, equal) × ln(factor), L(a, b) = (a − b) / (ln a − ln b). Exact, and in no
order of factors. Put here: additive explanation of multiplicative parts. Keep out: sentences, what is paid.
"""

from collections.abc import Sequence, Set
from decimal import Decimal, localcontext
from fractions import Fraction
from math import floor

from data_contracts.allocation_spec.need import Need
from evaluations.allocation.need import QUANTUM, Targets
from evaluations.allocation.ratios import Ratio

_PRECISION = 50
# Closer than this to equal money per head, the logarithmic mean is the amount itself to every digit that counts.
_EQUAL = Decimal(1).scaleb(-20)
_NEAR = Decimal("0.05")
SCALING = "scaling"


class NeedStatement:
    """Explains the targets of one stream by its factors and `scaling`, what their mean not being 1 takes or adds."""

    def __init__(self, stream: Need, targets: Targets) -> None:
        self.targets = targets
        self.factors = [name for name, _ in targets.figures.factors]
        self.means = {name: self._mean(found) if stream.normalise else Fraction(1)
                      for name, found in targets.figures.factors}  # fmt: skip
        with localcontext() as context:
            context.prec = _PRECISION
            self._logs = logs({own for _, found in targets.figures.factors for own in found if own})
            self._means = {name: log(mean * QUANTUM) for name, mean in self.means.items() if mean}
            self._scaling = self._scaling_log()

    def _mean(self, found: Sequence[int]) -> Fraction:
        """The mean of a factor over all people."""
        people = self.targets.figures.people
        weighted = sum(own * count for own, count in zip(found, people, strict=True))
        return Fraction(weighted, sum(people) * QUANTUM) if any(people) else Fraction(1)

    def _scaling_log(self) -> Decimal:
        """The same for everybody: people over weighted people, times the means."""
        figures = self.targets.figures
        whole = sum(figures.weights())
        if not whole:
            return Decimal(0)
        scaling = Fraction(sum(figures.people) * QUANTUM ** len(self.factors), whole)
        for mean in self.means.values():
            scaling *= mean
        return log(scaling)

    def of(self, at: int) -> dict[str, int]:
        """Fen by line: equal, each factor, scaling, inequality, fixed_grant; they sum to the rounded target."""
        targets = self.targets
        with localcontext() as context:
            context.prec = _PRECISION
            parts = {"equal": decimal(targets.equal[at])}
            parts |= self._by_factor(at)
            parts["inequality"] = decimal(targets.inequality[at])
            parts["fixed_grant"] = decimal(targets.fixed[at])
            whole = rounded_parts(list(parts.values()), targets.fen[at])
        return dict(zip(parts, whole, strict=True))

    def _by_factor(self, at: int) -> dict[str, Decimal]:
        """Core target less the same money by people alone, factor by factor."""
        core, equal = self.targets.core[at], self.targets.equal_core[at]
        found = {name: own[at] for name, own in self.targets.figures.factors}
        difference = decimal((core[0] * equal[1] - equal[0] * core[1], core[1] * equal[1]))
        if not core[0] or not equal[0]:
            # A factor of 0 takes everything, whatever the others would add.
            zero = [name for name, own in found.items() if not own] or [SCALING]
            return {name: difference / len(zero) if name in zero else Decimal(0) for name in (*found, SCALING)}
        logs = {name: self._logs[own] - self._means[name] for name, own in found.items()} | {SCALING: self._scaling}
        whole = sum(logs.values(), Decimal(0))
        mean = decimal(core) if abs(whole) < _EQUAL else difference / whole
        return {name: mean * own for name, own in logs.items()}


def logs(figures: Set[int]) -> dict[int, Decimal]:
    """Natural logarithm of each figure above 0, in the precision of the context but for its last digits.

    Each from the next smaller one where that is near, which is many times faster: ln b = ln a + 2 artanh((b − a) ÷
    (b + a)), by its series.
    """
    found: dict[int, Decimal] = {}
    last = 0
    for figure in sorted(figures):
        part = Decimal(figure - last) / (figure + last)
        found[figure] = found[last] + 2 * _artanh(part) if part < _NEAR else Decimal(figure).ln()
        last = figure
    return found


def _artanh(part: Decimal) -> Decimal:
    """`part` + part³ ÷ 3 + part⁵ ÷ 5 … until nothing is added."""
    total, power, square, number = part, part, part * part, 1
    while True:
        power, number = power * square, number + 2
        longer = total + power / number
        if longer == total:
            return total
        total = longer


def log(figure: Fraction) -> Decimal:
    """Natural logarithm in the precision of the context."""
    return Decimal(figure.numerator).ln() - Decimal(figure.denominator).ln()


def decimal(figure: Ratio) -> Decimal:
    """A ratio in the precision of the context."""
    return Decimal(figure[0]) / Decimal(figure[1])


def rounded_parts(parts: Sequence[Decimal] | Sequence[Fraction], total: int) -> list[int]:
    """Whole units that sum to `total`, which the exact sum misses by less than one; ties to the earlier part."""
    floors = [floor(part) for part in parts]
    less = [floors[at] - parts[at] for at in range(len(parts))]
    # A sort is stable: of equal parts the earlier comes first.
    for at in sorted(range(len(parts)), key=less.__getitem__)[: total - sum(floors)]:
        floors[at] += 1
    return floors
