"""A whole table in a coarser unit so that everything that summed still sums: controlled rounding of a circulation.

Put here: the rounding. Keep out: what the columns of a table mean (evaluations.allocation.printed).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Arc(NamedTuple):
    """An amount that goes from one sum of a table into another; at every node as much comes in as goes out."""

    tail: str
    head: str
    amount: int


def controlled(arcs: Sequence[Arc], unit: int, first: Sequence[int], then: Sequence[int]) -> list[int]:
    """Every amount in whole `unit`s, rounded down or up, such that at every node as much comes in as goes out.

    `first`: arcs that go to the nearest unit, a half up, the earlier the surer. `then`: arcs of which the largest
    remainders go up, ties to the earlier one. The others go to the nearest as far as the sums allow. Raises
    ValueError where the amounts are no circulation.
    """
    rounding = _Rounding(arcs, unit)
    largest = sorted(then, key=lambda at: (-rounding.rest[at], at))
    for at in first:
        rounding.settle(at, up=2 * rounding.rest[at] >= unit)
    for at in largest:
        rounding.settle(at, up=True)
    for at in range(len(arcs)):
        rounding.settle(at, up=2 * rounding.rest[at] >= unit)
    return rounding.whole


class _Rounding:
    """Amounts on their way to whole units: what is pushed around a cycle leaves every sum as it is."""

    def __init__(self, arcs: Sequence[Arc], unit: int) -> None:
        self.arcs, self.unit = arcs, unit
        self.whole, self.rest = ([part[at] for part in (divmod(arc.amount, unit) for arc in arcs)] for at in (0, 1))
        self.leaving: dict[str, dict[int, None]] = {}
        self.entering: dict[str, dict[int, None]] = {}
        balance: dict[str, int] = {}
        for arc in arcs:
            balance[arc.tail] = balance.get(arc.tail, 0) - arc.amount
            balance[arc.head] = balance.get(arc.head, 0) + arc.amount
        if any(balance.values()):
            raise ValueError("the amounts are no circulation")
        # What rises on the way is best what has most above its whole units, what falls what has least.
        for at in sorted((at for at, rest in enumerate(self.rest) if rest), key=lambda at: (-self.rest[at], at)):
            self.leaving.setdefault(arcs[at].tail, {})[at] = None
        for at in sorted((at for at, rest in enumerate(self.rest) if rest), key=lambda at: (self.rest[at], -at)):
            self.entering.setdefault(arcs[at].head, {})[at] = None

    def settle(self, at: int, *, up: bool) -> None:
        """Push around cycles through this arc, upwards or downwards, until it is whole."""
        while self.rest[at]:
            around = [(at, 1), *self._way(self.arcs[at].head, self.arcs[at].tail, at)]
            sign = 1 if up else -1
            steps = [(arc, own * sign) for arc, own in around]
            amount = min(self.unit - self.rest[arc] if own > 0 else self.rest[arc] for arc, own in steps)
            for arc, own in steps:
                self._push(arc, own * amount)

    def _push(self, at: int, amount: int) -> None:
        more, self.rest[at] = divmod(self.rest[at] + amount, self.unit)
        self.whole[at] += more
        if not self.rest[at]:
            del self.leaving[self.arcs[at].tail][at], self.entering[self.arcs[at].head][at]

    def _way(self, start: str, end: str, without: int) -> list[tuple[int, int]]:
        """Arcs from `start` to `end` that are not whole yet, 1 along the arc and -1 against it.

        There is one: a sum with a single part that is not whole would not add up.
        """
        seen, way = {start}, list[tuple[int, int]]()
        waiting = [self._steps(start, without)]
        while True:
            step = next((step for step in waiting[-1] if step[2] not in seen), None)
            if step is None:
                waiting.pop()
                way.pop()
                continue
            way.append(step[:2])
            if step[2] == end:
                return way
            seen.add(step[2])
            waiting.append(self._steps(step[2], without))

    def _steps(self, node: str, without: int) -> Iterator[tuple[int, int, str]]:
        for at in self.leaving.get(node, ()):
            if at != without:
                yield at, 1, self.arcs[at].head
        for at in self.entering.get(node, ()):
            if at != without:
                yield at, -1, self.arcs[at].tail
