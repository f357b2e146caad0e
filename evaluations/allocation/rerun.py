"""The same division with other figures: amounts only, and only of the streams that a change can reach.

For questions that are asked hundreds of times: what one point more would bring, draws over uncertain figures. The
amounts are those of the engine to the fen. Put here: which streams must be divided again. Keep out: which figures
change (changes.py, draws.py), explanation.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.need import Need
from evaluations.allocation.envelope import envelope
from evaluations.allocation.lines import PAYEE_KINDS, StreamResult
from evaluations.allocation.problem import Conflict, Guarantee, Infeasible
from evaluations.allocation.registry import DIVIDE, rounds
from evaluations.allocation.reserves import check_nested, guarantees, reached_reserves, true_ups
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import Snapshot

Column = tuple[str, str]
"""Table and column of a figure."""
Owner = tuple[str, str]
"""Kind and id of a payee."""
Instead = dict[str, Callable[[Setting], StreamResult]]
"""Stream → who divides it in the place of its own function, with the same result."""


@dataclass(frozen=True)
class Rerun:
    """The division, before and after funds made good what reserved shares lack, or `conflict`.

    The rest is what further runs may take over.
    """

    setting: Setting | None = None
    settled: Setting | None = None
    minima: Mapping[str, list[tuple[int, ...]]] | None = None
    conflict: Conflict | None = None
    memory: dict[str, dict[Hashable, Any]] = field(default_factory=dict)

    @cached_property
    def paid(self) -> dict[Owner, int]:
        """Fen of every payee and fund."""
        return {} if self.settled is None else _paid(self.settled)

    def paid_to(self, kind: str, payee: str) -> int:
        """Fen of one payee."""
        return 0 if self.settled is None else sum(own.paid_to(kind, payee) for own in self.settled.done.values())


def amounts(
    snapshot: Snapshot,
    known: Rerun | None = None,
    touched: frozenset[Column] = frozenset(),
    instead: Instead | None = None,
) -> Rerun:
    """Divide again. `known`: an earlier run of a snapshot that differs in no column but those `touched`.

    Columns that nobody reads but streams that are divided by `instead` need not be among them. Raises as the engine
    does for tables, columns and cells; rules that cannot hold stand in `conflict`.
    """
    spec, others = snapshot.spec, instead or {}
    before = known.setting if known is not None else None
    if before is None or touched:
        check_nested(spec, snapshot)
    done: dict[str, StreamResult] = {}
    minima: dict[str, list[tuple[int, ...]]] = {}
    try:
        budget, pools = envelope(spec, snapshot) if before is None or touched else (before.budget, before.pools)
        for at in rounds([stream.kind for stream in spec.streams]):
            stream = spec.streams[at]
            if stream.id in others:
                done[stream.id] = others[stream.id](Setting(spec, snapshot, budget, pools, dict(done), explained=False))
                continue
            again = known is None or reads(spec, stream, touched)
            memory = {} if known is None or again else known.memory.setdefault(stream.id, {})
            setting = Setting(spec, snapshot, budget, pools, dict(done), explained=False, memory=memory)
            # Nobody else makes up for reserved shares.
            own = guarantees(stream.id, setting) if isinstance(stream, Need) else []
            minima[stream.id] = [_numbers(guarantee) for guarantee, _ in own]
            same = (
                known is not None
                and before is not None
                and not again
                and stream.kind != "dividend"
                and pools[stream.id] == before.pools[stream.id]
                and minima[stream.id] == (known.minima or {}).get(stream.id)
            )
            done[stream.id] = (
                before.done[stream.id]
                if same and before is not None
                else DIVIDE[stream.kind](stream, pools[stream.id], setting)
            )
        plain = Setting(spec, snapshot, budget, pools, done, explained=False)
        settled = replace(plain, done=true_ups(plain))
        reached_reserves(settled)
    except Infeasible as found:
        return Rerun(conflict=found.conflict)
    return Rerun(plain, settled, minima)


def _numbers(own: Guarantee) -> tuple[int, ...]:
    return own.minimum, own.base, own.elsewhere


def _paid(setting: Setting) -> dict[Owner, int]:
    found: dict[Owner, int] = {(setting.snapshot.kind, payee): 0 for payee in setting.snapshot.ids}
    for result in setting.done.values():
        for kind in PAYEE_KINDS:
            for payee, amount in result.paid(kind).items():
                found[kind, payee] = found.get((kind, payee), 0) + amount
    return found


def reads(spec: AllocationSpec, stream: Any, touched: frozenset[Column]) -> bool:
    """Whether the stream may read one of these columns: it names a column of payees, or another table that holds it.

    Columns of groups may matter to every stream.
    """
    if not touched:
        return False
    words = {*_words(stream.model_dump()), *spec.payees.groups.values()}
    return any((column if table == spec.payees.table else table) in words for table, column in touched)


def _words(item: Any) -> Iterator[str]:
    if isinstance(item, str):
        yield item
    elif isinstance(item, Mapping):
        for value in item.values():
            yield from _words(value)
    elif isinstance(item, list | tuple):
        for value in item:
            yield from _words(value)
