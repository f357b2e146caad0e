"""A whole table in a coarser unit so that everything that summed still sums: controlled rounding of a circulation.

Put here: the rounding. Keep out: what the columns of a table mean (evaluations.allocation.printed).
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

Step = tuple[int, int]
"""The place of an arc, and 1 along it or -1 against it."""


class Arc(NamedTuple):
    """An amount that goes from one sum of a table into another; at every node as much comes in as goes out."""

    tail: str
    head: str
    amount: int


def controlled(arcs: Sequence[Arc], unit: int, total: int, largest: Sequence[int]) -> list[int]:
    """Every amount in whole `unit`s, rounded down or up, such that at every node as much comes in as goes out.

    `total`: the arc that goes to the nearest unit, a half up. `largest`: arcs of which the largest remainders go up as
    far as other sums allow, ties to the earlier one; where these arcs are all there is, exactly those. Raises
    ValueError where the amounts are no circulation.
    """
    rounding = _Rounding(arcs, unit)
    falling = sorted(largest, key=lambda at: (-rounding.rest[at], at))
    rounding.settle(total, up=2 * rounding.rest[total] >= unit)
    for at in (*falling, *range(len(arcs))):
        while rounding.rest[at]:
            rounding.push(rounding.cycle(at))
    return rounding.whole


class _Rounding:
    """Amounts on their way to whole units: what is pushed around a cycle leaves every sum as it is."""

    def __init__(self, arcs: Sequence[Arc], unit: int) -> None:
        self.arcs, self.unit = arcs, unit
        self.whole, self.rest = ([part[at] for part in (divmod(arc.amount, unit) for arc in arcs)] for at in (0, 1))
        self.leaving: dict[str, list[int]] = {}
        self.entering: dict[str, list[int]] = {}
        balance: dict[str, int] = {}
        for arc in arcs:
            balance[arc.tail] = balance.get(arc.tail, 0) - arc.amount
            balance[arc.head] = balance.get(arc.head, 0) + arc.amount
        if any(balance.values()):
            raise ValueError("the amounts are no circulation")
        # The last of a list is taken first: what rises is best what has most above its whole units, what falls what
        # has least.
        rising = sorted((at for at, rest in enumerate(self.rest) if rest), key=lambda at: (self.rest[at], -at))
        for at in rising:
            self.leaving.setdefault(arcs[at].tail, []).append(at)
        for at in reversed(rising):
            self.entering.setdefault(arcs[at].head, []).append(at)

    def settle(self, at: int, *, up: bool) -> None:
        """Push around cycles through this arc, upwards or downwards, until it is whole."""
        while self.rest[at]:
            tail, head, _ = self.arcs[at]
            way = self._way(head, tail, at) if up else self._way(tail, head, at)
            self.push([(at, 1 if up else -1), *way])

    def push(self, cycle: Sequence[Step]) -> None:
        """As much around the cycle as makes one of its arcs whole."""
        amount = min(self.unit - self.rest[at] if sign > 0 else self.rest[at] for at, sign in cycle)
        for at, sign in cycle:
            more, self.rest[at] = divmod(self.rest[at] + sign * amount, self.unit)
            self.whole[at] += more

    def cycle(self, start: int) -> list[Step]:
        """A cycle met on a walk that begins upwards through this arc; a walk has no end, see `_way`."""
        walk: list[Step] = [(start, 1)]
        node, places = self.arcs[start].head, {self.arcs[start].tail: 0}
        while node not in places:
            places[node] = len(walk)
            at, sign, node = next(self._steps(node, walk[-1][0]))
            walk.append((at, sign))
        return walk[places[node] :]

    def _way(self, start: str, end: str, without: int) -> list[Step]:
        """The shortest way from `start` to `end` over arcs that are not whole yet.

        There is one: a sum with a single part that is not whole would not add up.
        """
        came: dict[str, tuple[int, int, str]] = {}
        waiting = deque([start])
        while end not in came:
            node = waiting.popleft()
            for at, sign, other in self._steps(node, without):
                if other != start and other not in came:
                    came[other] = (at, sign, node)
                    waiting.append(other)
        way, node = list[Step](), end
        while node != start:
            at, sign, node = came[node]
            way.append((at, sign))
        return way

    def _steps(self, node: str, without: int) -> Iterator[tuple[int, int, str]]:
        for at in self._open(self.leaving.get(node, []), without):
            yield at, 1, self.arcs[at].head
        for at in self._open(self.entering.get(node, []), without):
            yield at, -1, self.arcs[at].tail

    def _open(self, arcs: list[int], without: int) -> Iterator[int]:
        """What is not whole yet; what is, leaves the end of the list for good."""
        while arcs and not self.rest[arcs[-1]]:
            arcs.pop()
        for at in reversed(arcs):
            if at != without and self.rest[at]:
                yield at
