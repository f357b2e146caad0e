"""How sure an amount is: the same division with uncertain figures drawn again and again, seeded. Never payable.

Put here: drawing figures, intervals of amounts. Keep out: dividing (rerun.py), the words of the spec.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

import numpy as np
import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.uncertainty import Uncertain, Uncertainty
from evaluations.allocation.lines import PAYEE_KINDS, frame_of
from evaluations.allocation.rerun import amounts
from evaluations.allocation.snapshot import DataError, Snapshot

INTERVALS_SCHEMA = {
    "payee_kind": pl.String, "payee_id": pl.String, "amount_fen": pl.Int64, "lower_fen": pl.Int64,
    "middle_fen": pl.Int64, "upper_fen": pl.Int64, "draws": pl.Int64, "infeasible": pl.Int64, "payable": pl.Boolean,
}  # fmt: skip
_MOST = 300_000
_LOWER, _UPPER = 5, 95
Tables = Mapping[str, pl.DataFrame]


def draws_made(uncertainty: Uncertainty, payees: int) -> int:
    """How many draws are made of so many payees: payees × draws stay within a fixed amount of work."""
    return min(uncertainty.draws, max(20, _MOST // max(payees, 1)))


def intervals_table(
    spec: AllocationSpec, tables: Tables, progress: Callable[[int, int], None] = lambda *_: None
) -> pl.DataFrame:
    """INTERVALS_SCHEMA: the 5th, 50th and 95th per cent of what each payee and fund gets over all draws.

    `draws`: those whose rules hold; `infeasible`: those whose rules do not. A percentile is an amount that was drawn.
    Empty where the spec states no uncertainty or its rules do not hold as it is. Raises DataError for cells and for
    standard errors that are missing.
    """
    uncertainty = spec.uncertainty
    if uncertainty is None:
        return frame_of([], **INTERVALS_SCHEMA)
    snapshot = Snapshot(spec, tables)
    known = amounts(snapshot)
    if known.conflict is not None:
        return frame_of([], **INTERVALS_SCHEMA)
    columns = [_Drawn(own, spec, snapshot) for own in uncertainty.columns]
    touched = frozenset((own.table, own.column) for own in columns)
    total = draws_made(uncertainty, len(snapshot.ids))
    found: list[Mapping[tuple[str, str], int]] = []
    for draw in range(total):
        generator = np.random.default_rng([uncertainty.seed, draw])
        drawn = snapshot
        for own in columns:
            drawn = drawn.moved(own.table, own.column, own.cells(generator))
        try:
            again = amounts(drawn, known, touched)
        except DataError as error:
            raise DataError("allocate_draw_refused", draw=draw + 1, reason=error.words) from None
        if again.conflict is None:
            found.append(again.paid)
        progress(draw + 1, total)
    return _intervals(known.paid, found, total - len(found))


def _intervals(
    known: Mapping[tuple[str, str], int], found: list[Mapping[tuple[str, str], int]], infeasible: int
) -> pl.DataFrame:
    order = {kind: at for at, kind in enumerate(PAYEE_KINDS)}
    owners = sorted({*known, *(owner for paid in found for owner in paid)}, key=lambda own: (order[own[0]], own[1]))
    rows = []
    for owner in owners:
        drawn = sorted(paid.get(owner, 0) for paid in found)
        ends = [drawn[-(-len(drawn) * per // 100) - 1] if drawn else None for per in (_LOWER, 50, _UPPER)]
        rows.append((*owner, known.get(owner, 0), *ends, len(drawn), infeasible, False))
    return frame_of(rows, **INTERVALS_SCHEMA)


class _Drawn:
    """One uncertain column: its figures, and new cells of it for every draw."""

    def __init__(self, words: Uncertain, spec: AllocationSpec, snapshot: Snapshot) -> None:
        self._words, self.column, self.table = words, words.column, words.table or spec.payees.table
        named = {"column": words.column, **({"se": words.se} if words.se is not None else {})}
        rows = snapshot.rows(self.table, named, "uncertainty.columns")
        self._figures = rows.figures(words.column)
        if words.distribution == "lognormal":
            rows.between(words.column, self._figures)
        if words.se is not None:
            errors = rows.figures(words.se)
            rows.between(words.se, errors)
            lacking = [own is not None and se is None for own, se in zip(self._figures, errors, strict=True)]
            rows.refuse(lacking, "allocate_missing", words.se)
        else:
            part = words.relative_sd or Decimal(0)
            errors = [None if own is None else abs(own) * part for own in self._figures]
        self._means = np.array([float(own or 0) for own in self._figures])
        self._errors = np.array([float(own or 0) for own in errors])
        if words.distribution == "lognormal":
            above = self._means > 0
            ratio = np.divide(self._errors, self._means, out=np.zeros_like(self._means), where=above)
            self._sigma = np.sqrt(np.log1p(ratio**2))
            self._log = np.log(self._means, out=np.zeros_like(self._means), where=above) - self._sigma**2 / 2

    def cells(self, generator: np.random.Generator) -> list[str]:
        """The column drawn once: as many numbers as rows, also for empty cells, so that rows do not shift draws."""
        normal = generator.standard_normal(len(self._figures))
        if self._words.distribution == "lognormal":
            drawn = np.where(self._means > 0, np.exp(self._log + self._sigma * normal), 0.0)
        else:
            drawn = self._means + self._errors * normal
        low, high = self._words.low, self._words.high
        drawn = np.clip(drawn, None if low is None else float(low), None if high is None else float(high))
        return [
            "" if own is None else f"{value + 0.0:.{self._words.digits}f}"
            for own, value in zip(self._figures, drawn.tolist(), strict=True)
        ]
