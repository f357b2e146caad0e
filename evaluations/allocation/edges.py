"""Where a rule jumps: figures of a column at which a payee crosses into another band, tier, rank or list.

Put here: edges by column. Keep out: who steps over which (levers), edges of an index that is computed (risk_moves).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal

from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.contests import Awards, ByChance, ByRank, Projects
from data_contracts.allocation_spec.customary import Factors, StandardStream
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.need import Need
from evaluations.allocation.snapshot import Snapshot

Column = tuple[str, str]
"""Table and column."""
BEYOND = Decimal("0.000001")
"""How far beyond an edge the step ends."""


def edges_of(spec: AllocationSpec, snapshot: Snapshot) -> dict[Column, list[Decimal]]:
    """Column → its edges, rising. Ranks have theirs where others stand; where a chance decides, the best figure too."""
    found: dict[Column, set[Decimal]] = defaultdict(set)
    for figure, edges in (*_stated(spec), *_by_place(spec, snapshot)):
        found[figure.table or spec.payees.table, figure.column].update(edges)
    return {column: sorted(edges) for column, edges in found.items() if edges}


def _stated(spec: AllocationSpec) -> Iterator[tuple[Figure, Iterable[Decimal]]]:
    """Edges that stand in the spec."""
    for need in spec.of_kind(Need):
        if need.risk is not None:
            yield need.risk, (edge for edge, _ in need.risk.points)
    for standard in spec.of_kind(StandardStream):
        if standard.score is not None:
            yield standard.score, (edge for edge, _ in standard.bands)
            yield standard.score, () if standard.regrant is None else (standard.regrant.at_least,)
    for projects in spec.of_kind(Projects):
        words = projects.applications
        if words.score is not None:
            lines = [line for line in (projects.minimum_score, projects.line) if line is not None]
            yield Figure(table=words.table, column=words.score), lines


def _by_place(spec: AllocationSpec, snapshot: Snapshot) -> Iterator[tuple[Figure, Iterable[Decimal]]]:
    """Edges where others stand."""
    for stream in spec.of_kind(Factors):
        for factor in stream.factors:
            if factor.best is not None and len(factor.sum) == 1:
                yield factor.sum[0], _around(_known(factor.sum[0], snapshot, None), [factor.best])
    for awards in spec.of_kind(Awards):
        for item in awards.classes:
            if isinstance(item, ByRank):
                known = _known(item.score, snapshot, item.group)
                yield item.score, _around(known, [last for last, _ in item.amounts])
            elif isinstance(item, ByChance):
                known = _known(item.score, snapshot, item.group)
                yield item.score, {tier.standard for tier in item.tiers}
                yield item.score, {*known[:1], *known[-1:], *_around(known, [item.places or len(known)])}


def _known(figure: Figure, snapshot: Snapshot, group: str | None) -> list[Decimal]:
    """Figures of who competes, the highest first."""
    figures = snapshot.some_figures(figure, figure.column, low=None)
    inside = snapshot.groups.get(group, []) if group is not None else [True] * len(figures)
    return sorted((own for own, may in zip(figures, inside, strict=False) if may and own is not None), reverse=True)


def _around(known: list[Decimal], places: Iterable[int]) -> set[Decimal]:
    """Figures on both sides of the borders behind these places."""
    return {figure for place in places for figure in known[max(0, place - 1) : place + 1]}


def beyond(edges: Iterable[Decimal], now: Decimal, turn: int) -> list[Decimal]:
    """Figures just beyond each edge ahead, the nearest first; `turn`: 1 where higher is better, −1 where lower."""
    ahead = [edge + turn * BEYOND for edge in edges if (edge - now) * turn >= 0]
    return sorted(ahead, key=lambda own: abs(own - now))
