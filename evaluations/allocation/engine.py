"""All stages in their fixed order: a spec and a snapshot in, lines and tables out, or the conflict and no payment.

Put here: the order of stages. Keep out: arithmetic of any of them, shapes of tables, files.
"""

import gc
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Context, localcontext

import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from evaluations.allocation.envelope import envelope, given_budget
from evaluations.allocation.funding import after
from evaluations.allocation.lines import StreamResult
from evaluations.allocation.problem import Again, Conflict, Infeasible
from evaluations.allocation.quarters import quarters_table
from evaluations.allocation.registry import DIVIDE, rounds
from evaluations.allocation.reserves import check_nested, reserves_table, true_ups
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import Snapshot
from evaluations.allocation.tables import lines_table, payees_table, streams_table

_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True)
class Allocation:
    """The result: `tables` by name, or `conflict` and no table at all. `budget` in fen."""

    budget: int
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    conflict: Conflict | None = None


def allocate(spec: AllocationSpec, tables: Mapping[str, pl.DataFrame]) -> Allocation:
    """Divide the year's money; a pure function of spec and tables (name → frame of text cells).

    Tables of the result: lines, payees, streams, reserves, quarters, and those of the kinds of streams that there are
    (need, performance, dividend …). Raises DefinitionError for a table or column that is not there, DataError for
    cells.
    """
    # The surroundings may have set digits and rounding otherwise; no fen depends on them.
    with localcontext(_CONTEXT), _uncollected():
        return _allocated(spec, Snapshot(spec, tables))


def _allocated(spec: AllocationSpec, snapshot: Snapshot) -> Allocation:
    budget = 0
    check_nested(spec, snapshot)
    try:
        budget, pools = envelope(spec, snapshot)
        return Allocation(budget, _tables(_divided(spec, snapshot, budget, pools)))
    except Infeasible as found:
        names = dict(zip(snapshot.ids, snapshot.names, strict=True))
        again = Again(spec, given_budget(spec, snapshot), lambda other: _divides(other, snapshot))
        return Allocation(budget, conflict=replace(found.conflict, names=names, again=again))


def _divides(spec: AllocationSpec, snapshot: Snapshot) -> Conflict | None:
    """The conflict of another spec that reads the same data; None where it divides."""
    with localcontext(_CONTEXT), _uncollected():
        try:
            _tables(_divided(spec, snapshot, *envelope(spec, snapshot)))
        except Infeasible as found:
            return found.conflict
    return None


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles: a division makes a million small objects and no cycle."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _divided(spec: AllocationSpec, snapshot: Snapshot, budget: int, pools: Mapping[str, int]) -> Setting:
    """Every stream by its function, need and dividend after the others."""
    done: dict[str, StreamResult] = {}
    for at in rounds([stream.kind for stream in spec.streams]):
        stream = spec.streams[at]
        setting = Setting(spec, snapshot, budget, pools, dict(done))
        done[stream.id] = DIVIDE[stream.kind](stream, pools[stream.id], setting)
    setting = Setting(spec, snapshot, budget, pools, done)
    return replace(setting, done=true_ups(setting))


def _tables(setting: Setting) -> dict[str, pl.DataFrame]:
    own: dict[str, list[pl.DataFrame]] = defaultdict(list)
    for stream in setting.spec.streams:
        for name, frame in setting.done[stream.id].tables.items():
            own[name].append(frame)
    joined = {name: pl.concat(frames) for name, frames in own.items()}
    lines = lines_table([line for stream in setting.spec.streams for line in setting.done[stream.id].lines])
    payees = payees_table(setting, lines, joined.get("need"))
    paid = payees.filter(payee_kind=setting.snapshot.kind).select("payee_id", "amount_fen")
    return {
        "lines": lines,
        "payees": payees,
        "streams": streams_table(setting),
        "reserves": reserves_table(setting),
        "quarters": quarters_table(setting),
        **joined,
        **after(setting.snapshot, lines, dict(paid.iter_rows())),
    }
