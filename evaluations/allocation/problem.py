"""Rules that cannot hold together, with the numbers that show it.

Put here: the problem of bounds and reserved shares, the conflict, the exception that carries it. Keep out: finding an
irreducible set of rules (conflict.py) and the smallest relaxations (relaxing.py, loosening.py), sentences.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

from data_contracts.allocation_spec.document import AllocationSpec
from evaluations.allocation.source_conflict import SourcesProblem


@dataclass(frozen=True)
class Guarantee:
    """A reserved share as the need stream meets it: at least `minimum` fen for `places`.

    `base`: fen of which the share is taken. `elsewhere`: fen that the group has in other streams of the base.
    """

    reserve: str
    places: Sequence[int]
    minimum: int
    base: int
    elsewhere: int


@dataclass(frozen=True)
class Problem:
    """Money within bounds: floors ≤ amounts ≤ caps (None: none), sum = pool, groups at least their guarantees.

    `targets`: integers on any common scale. `floor_rules`: per payee which rule sets its floor (hold_harmless,
    min_vs_target, statutory, or none). `floor_parts`: rule → the floor it alone would set, per payee. Amounts in fen,
    lists in the order of `ids`.
    """

    stream: str
    ids: Sequence[str]
    targets: Sequence[int]
    floors: Sequence[int]
    caps: Sequence[int | None]
    floor_rules: Sequence[str]
    pool: int
    guarantees: Sequence[Guarantee] = ()
    floor_parts: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Again:
    """The same data under another spec: `conflict_of` divides again; None where the rules hold together.

    `budget`: fen that `spec` gives, without money carried over.
    """

    spec: AllocationSpec
    budget: int
    conflict_of: Callable[[AllocationSpec], Optional["Conflict"]]


@dataclass(frozen=True)
class Conflict:
    """Rules that cannot hold together, by how many fen, and the best that can be reached.

    `rules`: budget, streams, planned, floors, caps, floor_over_cap, spared, no_weights, at_least:<id>, reserve:<id>.
    `subject`: the stream or budget line. `payees`: whose floors or caps they are, where few. `reachable`: the most fen
    the group, the line or everybody can get. `problem`, `sources`: what was to be solved, by which ways out are found.
    `names`: what payees are called, by id. `surplus`: `short` is money too much, not too little. `again`: for ways out
    that only another division can tell.
    """

    rules: tuple[str, ...]
    subject: str
    short: int
    reachable: int
    payees: tuple[str, ...] = ()
    problem: Problem | None = None
    sources: SourcesProblem | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    surplus: bool = False
    again: Again | None = field(default=None, compare=False, repr=False)


class Infeasible(Exception):  # noqa: N818  (an answer, not a fault)
    """Raised by any stage; the engine then makes no payment table."""

    def __init__(self, conflict: Conflict) -> None:
        self.conflict = conflict
        super().__init__(conflict.rules)
