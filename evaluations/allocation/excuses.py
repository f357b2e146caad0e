"""Declarations that an audit may not believe: facts that excuse, replays that end too early, columns nobody speaks of.

Put here: which reasons follow from the words of a spec and from figures that look the same. Keep out: money
(screening.py, replay.py), sentences. What cannot be known: whether a declared reason is true, and whether a column of
people or prices hides a measure of health.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.need import Need, Risk
from data_contracts.allocation_spec.pay import Performance
from data_contracts.allocation_spec.reached import asked_columns, key_of, names_read, undeclared
from data_contracts.index_spec.document import IndexSpec, indicators_of
from evaluations.allocation.column_levers import ColumnLever
from evaluations.allocation.levers import Reported
from evaluations.allocation.risk_moves import leaf_moves, meant_by
from evaluations.allocation.snapshot import DataError, Snapshot

Reason = tuple[str, str, int]
"""Id of a sentence, what it is about, how many."""
YEARS, DISCOUNT = 5, Decimal("0.10")
"""So many years must be replayed after need shares follow; more discount hides the later ones."""
_ALIKE, _FEWEST = 1 - 1e-9, 5


def excuses_of(spec: AllocationSpec, snapshot: Snapshot, indices: Mapping[str, IndexSpec]) -> list[Reason]:
    """Why a spec may not be approved whatever its replay says. `indices`: need stream → spec of the index behind."""
    found: list[Reason] = []
    seen = spec.audit.years - spec.audit.reset_year + 1
    if seen < YEARS:
        found.append(("short_replay", str(YEARS), max(seen, 0)))
    if spec.audit.discount > DISCOUNT:
        found.append(("high_discount", f"{spec.audit.discount:f}", 1))
    found += [("undeclared", name, 1) for name in undeclared(spec)]
    found += [("unread_column", name, 1) for name in spec.audit.columns if name not in names_read(spec)]
    paid = {item.id for stream in spec.of_kind(Performance) for item in stream.indicators}
    for need in spec.of_kind(Need):
        if need.risk is not None:
            found += _of_risk(need.risk, indices.get(need.id), paid)
    return [*found, *_alike(spec, snapshot)]


def strays(spec: AllocationSpec, levers: Sequence[str]) -> list[Reason]:
    """Columns that are said to be what an indicator measures that nobody is audited at."""
    return [
        ("same_as_nothing", name, 1)
        for name, known in spec.audit.columns.items()
        if known.same_as is not None and known.same_as not in levers
    ]


def _of_risk(risk: Risk, index: IndexSpec | None, paid: set[str]) -> Iterator[Reason]:
    """Parts of the risk that are said to be out of reach, or to rise when they get better, and nobody signed."""
    leaves = {} if index is None else {item.id: item for item in indicators_of(index.tree)}
    for name, own in risk.indicators.items():
        leaf = leaves.get(name)
        known = leaf is not None and leaf.kind == "structural" and meant_by(leaf, risk, paid) not in paid
        if own.signed_reason is None and not own.controllable and not known:
            yield "excused", name, 1
        declared = own.effect_per_point if own.controllable and index is None else None
        if own.signed_reason is None and declared is not None and declared >= 0:
            yield "effect_excuses", name, 1
    for name, leaf in leaves.items():
        if name not in risk.indicators and not leaf_moves(leaf, risk) and meant_by(leaf, risk, paid) in paid:
            yield "excused", name, 1


def _alike(spec: AllocationSpec, snapshot: Snapshot) -> Iterator[Reason]:
    """Columns said to be structural whose figures are those of a paid indicator, on a straight line."""
    reported = {stream.id: Reported(stream, snapshot) for stream in spec.of_kind(Performance)}
    paid = [reported[stream.id].means(item) for stream in spec.of_kind(Performance) for item in stream.indicators]
    told: set[str] = set()
    for own in asked_columns(spec):
        name = key_of(spec, own.table, own.column)
        known = spec.audit.columns.get(name)
        if known is None or known.structural is None or own.payee is not None or name in told:
            continue
        try:
            figures = ColumnLever(own, known, snapshot).means()
        except DataError:  # words, which are no figures of anything
            continue
        if any(_same(figures, other) for other in paid):
            told.add(name)
            yield "same_figures", name, 1


def _same(left: NDArray[np.float64], right: NDArray[np.float64]) -> bool:
    both = np.isfinite(left) & np.isfinite(right)
    if both.sum() < _FEWEST or not left[both].std() or not right[both].std():
        return False
    return bool(abs(np.corrcoef(left[both], right[both])[0, 1]) >= _ALIKE)
