"""The smallest change of one figure of the spec after which the whole division holds, found by dividing again.

A figure moves everything that hangs on it: with the budget grow shares, and what is reserved of it. What can be divided
is convex in it, so on each side of the nearest figure that holds the way to it is known. Put here: figures of a spec as
whole numbers, the search. Keep out: changes of bounds payee by payee (relaxing.py), tables (remedies.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

from data_contracts.allocation_spec.document import AllocationSpec
from evaluations.allocation.problem import Again
from evaluations.allocation.reach import over, reach_of, rules_of, tree_of
from evaluations.allocation.snapshot import LARGEST_FEN

MILLION = 10**6
_SMALL = 10**4
"""A ten-thousandth of a figure is moved to see where it leads; less is lost in the rounding to whole fen."""
_ROUNDING, _SURE = 100, 20
"""Fen, and the part of what is missing on one side, beyond which something is missing between two figures for sure."""
_TELLING = 10**4
"""Fen that must be moved before it says something that nothing follows: less may be lost in rounding."""


@dataclass(frozen=True)
class Figure:
    """A figure of a spec: `now`, from `least` to `most`, in fen or, where `is_share`, in millionths.

    `put`: the spec with another one.
    """

    now: int
    least: int
    most: int
    put: Callable[[int], AllocationSpec]
    is_share: bool = False


class Nearest(NamedTuple):
    """The nearest figure that holds; `after` None: none of them does."""

    before: int
    after: int | None


def budget_of(again: Again) -> Figure:
    """The whole budget in fen."""
    spec = again.spec

    def put(fen: int) -> AllocationSpec:
        amount = Decimal(fen) / spec.fen_per_unit
        return spec.model_copy(update={"budget": spec.budget.model_copy(update={"amount": amount})})

    return Figure(again.budget, 1, LARGEST_FEN - 1 - sum(spec.carried_over().values()), put)


def sizes_of(again: Again) -> dict[str, Figure]:
    """The size of each stream that states one."""
    spec = again.spec
    free = 1 - sum((stream.share for stream in spec.streams if stream.share is not None), Decimal(0))
    return {
        stream.id: _share(spec, "streams", at, "share", stream.share, int((stream.share + free) * MILLION))
        if stream.share is not None
        else _figure(spec, "streams", at, "amount", spec.fen_per_unit, LARGEST_FEN - 1, stream.amount or Decimal(0))
        for at, stream in enumerate(spec.streams)
        if not stream.rest
    }


def reserve_of(again: Again, name: str) -> Figure:
    """The share that is reserved for a group."""
    at = next(at for at, own in enumerate(again.spec.reserves) if own.id == name)
    return _share(again.spec, "reserves", at, "minimum_share", again.spec.reserves[at].minimum_share)


def floor_of(again: Again, place: str, name: str, now: int) -> Figure:
    """What the budget, or the stream `place`, may not fall below, `now` fen: as an amount."""
    spec = again.spec

    def put(fen: int) -> AllocationSpec:
        def changed(holder: Any) -> Any:
            amount = {"amount": Decimal(fen) / spec.fen_per_unit}
            floors = [own.model_copy(update=amount) if own.id == name else own for own in holder.at_least]
            return holder.model_copy(update={"at_least": floors})

        if place == "budget":
            return spec.model_copy(update={"budget": changed(spec.budget)})
        streams = [changed(own) if own.id == place else own for own in spec.streams]
        return spec.model_copy(update={"streams": streams})

    return Figure(now, 0, LARGEST_FEN - 1, put)


def _share(spec: AllocationSpec, part: str, at: int, key: str, now: Decimal, most: int = MILLION) -> Figure:
    return _figure(spec, part, at, key, MILLION, most, now)


def _figure(spec: AllocationSpec, part: str, at: int, key: str, unit: int, most: int, now: Decimal) -> Figure:
    items: list[Any] = list(getattr(spec, part))

    def put(whole: int) -> AllocationSpec:
        own = items[at].model_copy(update={key: Decimal(whole) / unit})
        return spec.model_copy(update={part: [*items[:at], own, *items[at + 1 :]]})

    return Figure(int(now * unit), 0, most, put, key != "amount")


def nearest(figure: Figure, again: Again) -> Nearest | None:
    """The nearest figure with which the division holds; None where nothing can be proven.

    Rules that are not convex in the figure (payees who are spared, money that makes good) are not judged.
    """
    try:
        return Nearest(figure.now, _Search(figure, again).found())
    except _Unproven:
        return None


class _Unproven(Exception):  # noqa: N818  (an answer, not a fault)
    """A rule stands in the way of which it is not known on which side it holds."""


class _Lack(NamedTuple):
    """How far a division comes: `stage` (the later the better), whose rules they are, and fen that are missing."""

    stage: int
    whose: tuple[str, ...]
    fen: int


class _Look(NamedTuple):
    """What is missing `at` a figure; `side` where less is (0: nowhere), by `slope` fen for each unit, if known.

    `telling`: whether so much was moved to see it that rounding cannot have turned it.
    """

    at: int
    fen: int
    side: int
    slope: Fraction | None
    telling: bool


class _Search:
    """The way to the nearest figure that holds."""

    def __init__(self, figure: Figure, again: Again) -> None:
        self._figure, self._again = figure, again
        self._streams = [stream.id for stream in again.spec.streams]

    def found(self) -> int | None:
        """The nearest figure that holds, None where none does."""
        figure, look, step = self._figure, self._look(self._figure.now), 1
        while look.side:
            # What is missing is convex: by its slope one comes near the figure, but never beyond it.
            step = ceil(look.fen / abs(look.slope)) if look.slope else 2 * step
            further = min(max(look.at + look.side * step, figure.least), figure.most)
            if further == look.at:
                return None if look.telling else _none(look)
            if self._holds(further):
                return self._edge(look.at, further)
            turned = self._look(further)
            if turned.side == -look.side:
                inside = self._between(*sorted((look, turned)))
                return None if inside is None else self._edge(look.at, inside)
            look = turned
        return _none(look)

    def _between(self, low: _Look, high: _Look) -> int | None:
        """A figure that holds between two from which the way leads inwards."""
        while high.at - low.at > 1:
            middle = (low.at + high.at) // 2
            if low.slope and high.slope:
                meet = (low.fen - low.slope * low.at - high.fen + high.slope * high.at) / (high.slope - low.slope)
                if low.fen + low.slope * (meet - low.at) > _ROUNDING + low.fen // _SURE:
                    return None
                middle = min(max(round(meet), low.at + 1), high.at - 1)
            if self._holds(middle):
                return middle
            look = self._look(middle)
            if not look.side:
                return _none(look)
            low, high = (look, high) if look.side > 0 else (low, look)
        return _none(low, high)

    def _edge(self, fails: int, holds: int) -> int:
        step, side = 1, 1 if fails > holds else -1
        while abs(fails - holds) > step and self._holds(holds + side * step):
            holds, step = holds + side * step, 4 * step
        fails = holds + side * step if abs(fails - holds) > step else fails
        while abs(holds - fails) > 1:
            middle = (holds + fails) // 2
            fails, holds = (fails, middle) if self._holds(middle) else (middle, holds)
        return holds

    def _holds(self, whole: int) -> bool:
        return self._again.conflict_of(self._figure.put(whole)) is None

    def _look(self, whole: int) -> _Look:
        here, nudge = self._lacking(whole), max(_ROUNDING, whole // _SMALL)
        nudge = nudge if whole + nudge <= self._figure.most else -nudge
        there = self._lacking(whole + nudge)
        moved = abs(nudge) * self._again.budget // MILLION if self._figure.is_share else abs(nudge)
        telling = moved >= _TELLING
        if here.stage != there.stage:
            return _Look(whole, here.fen, 1 if (there.stage > here.stage) == (nudge > 0) else -1, None, telling)
        if here.whose != there.whose:
            raise _Unproven
        slope = Fraction(there.fen - here.fen, nudge)
        if not slope and not telling:
            raise _Unproven
        return _Look(whole, here.fen, (slope < 0) - (slope > 0), slope, telling)

    def _lacking(self, whole: int) -> _Lack:
        conflict, last = self._again.conflict_of(self._figure.put(whole)), len(self._streams)
        if conflict is None:
            return _Lack(last + 5, (), 0)
        if conflict.problem is not None:
            if "spared" in conflict.problem.floor_parts:
                raise _Unproven
            rules = rules_of(conflict.problem)
            reach = reach_of(rules, tree_of(rules.groups, len(rules.targets)))
            return _Lack(last + 3, (conflict.subject,), max(over(rules, reach), *(own.short for own in reach.all())))
        if conflict.sources is not None:
            return _Lack(last + 4, (*conflict.rules, conflict.subject), conflict.short)
        if conflict.rules == ("streams", "budget"):
            return _Lack(1, (), conflict.short)
        if conflict.rules[-1] == "budget":
            known = conflict.subject.removeprefix("streams.")
            return _Lack(0 if known == "budget" else 2 + self._streams.index(known), (), conflict.short)
        if conflict.rules[-1] == "streams":
            return _Lack(last + 2, conflict.rules, conflict.short)
        raise _Unproven


def _none(*looks: _Look) -> int | None:
    """No figure holds, as what is missing at the best ones is more than rounding can hide."""
    if min(look.fen for look in looks) <= _ROUNDING:
        raise _Unproven
    return None
