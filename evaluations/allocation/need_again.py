"""A need stream year after year, when one payee's figures change: what cannot differ is taken over.

The amounts are those of need_stream.py to the fen: targets, bounds and the division are its own functions. Put here:
what of a year another year may take over. Keep out: which figures change (replay.py), arithmetic (need.py, pace.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from data_contracts.allocation_spec.need import Need
from evaluations.allocation.lines import StreamResult
from evaluations.allocation.need import Targets, need_input, targets_of
from evaluations.allocation.need_stream import amounts_only
from evaluations.allocation.pace import Paced, Past, bounds_after, paced, past_of
from evaluations.allocation.problem import Guarantee
from evaluations.allocation.reserves import guarantees
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import Snapshot

Guarantees = Sequence[tuple[Guarantee, Fraction | None]]


@dataclass(frozen=True)
class NeedFigures:
    """Targets of a pool from the figures of one snapshot, and what is known there of the year before."""

    pool: int
    targets: Targets
    past: Past


@dataclass(frozen=True)
class NeedYear:
    """One year of the stream. `before`: money of the year before, None in the first; `result`: what is paid."""

    figures: NeedFigures
    before: list[int] | None
    reserved: Guarantees
    paced: Paced
    result: StreamResult

    def same(self, figures: NeedFigures, before: list[int] | None, reserved: Guarantees, *, hold: bool) -> bool:
        """Whether these lead to the same amounts: nothing differs but what reserved shares that are met ask for."""
        if figures is not self.figures or (before is not self.before and before != self.before):
            return False
        now, then = ([(own.minimum, own.places, below) for own, below in each] for each in (reserved, self.reserved))
        return now == then or not (self._binds(reserved, hold=hold) or self._binds(self.reserved, hold=hold))

    def _binds(self, reserved: Guarantees, *, hold: bool) -> bool:
        """Whether a group has less than its minimum of itself, or may have kept what would have been held."""
        return any(
            natural < own.minimum or (hold and paid <= own.minimum)
            for (own, _), (natural, paid) in zip(reserved, self._sums, strict=True)
        )

    @cached_property
    def _sums(self) -> list[tuple[int, int]]:
        """Natural and paid money of each group."""
        columns = self.paced.natural, self.paced.amounts
        return [(_sum(columns[0], own.places), _sum(columns[1], own.places)) for own, _ in self.reserved]


def _sum(amounts: Sequence[int], places: Sequence[int]) -> int:
    return sum([amounts[at] for at in places])


def figures_of_need(need: Need, pool: int, snapshot: Snapshot) -> NeedFigures:
    """Raises as the engine does for the figures of the stream."""
    figures = need_input(need, snapshot)
    targets = targets_of(need, pool, figures, snapshot.ids, snapshot.spec.fen(need.fixed_grant))
    return NeedFigures(pool, targets, past_of(need.pace, snapshot, targets, f"streams.{need.id}.pace"))


def divided(
    need: Need, setting: Setting, figures: NeedFigures, before: NeedYear | None, known: Sequence[NeedYear]
) -> NeedYear:
    """One year. `before`: the year before, None in the first; `known`: years that may be taken over.

    Raises Infeasible as the engine does.
    """
    hold = need.pace is not None and need.pace.leakage == "hold_in_transition"
    follows = before is not None and need.pace is not None and need.pace.previous is not None
    money = before.paced.amounts if before is not None and follows else None
    reserved = guarantees(need.id, setting)
    for own in known:
        if own.same(figures, money, reserved, hold=hold):
            return own
    ids, targets = setting.snapshot.ids, figures.targets
    past = figures.past if money is None else _after(figures, money)
    bounds = bounds_after(past, need.pace, targets, ids, need.id)
    found = paced(figures.pool, targets, bounds, reserved, ids, need.id, hold=hold)
    result = amounts_only(need, figures.pool, setting.snapshot, targets, found)
    return NeedYear(figures, money, reserved, found, result)


def _after(figures: NeedFigures, money: list[int]) -> Past:
    """What a year knows of the one before; nobody moves."""
    people = figures.targets.figures.population
    start = [None if not own else Fraction(own if now else 0) for own, now in zip(money, people, strict=True)]
    return Past([*money], start, figures.past.statutory)
