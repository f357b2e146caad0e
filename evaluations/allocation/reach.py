"""What nested groups can get at least and at most under floors, caps and minima: exact, by adding up from the inside.

Put here: the rules of a problem as plain bounds, and how far each group reaches under them. Keep out: which rules are
in conflict (conflict.py), changing them (relaxing.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evaluations.allocation.problem import Problem


@dataclass(frozen=True)
class Rules:
    """Bounds in fen that may be loosened one family at a time.

    `parts`: rule of a floor → its floor per place; a place's floor is the highest. `caps` None: no cap. A place without
    target gets its floor, whatever its cap; with `idle`, at most so much. `minima`: per group of `groups`, places in
    each. `pool` None: any money.
    """

    targets: Sequence[int]
    parts: Mapping[str, Sequence[int]]
    caps: Sequence[int | None]
    groups: Sequence[Sequence[int]]
    minima: Sequence[int]
    pool: int | None
    idle: Sequence[int] | None = None

    @property
    def floors(self) -> list[int]:
        """The highest floor of each place."""
        return [max(own) for own in zip(*self.parts.values(), strict=True)] if self.parts else [0] * len(self.targets)

    @property
    def highs(self) -> list[int | None]:
        """The most that each place can hold."""
        lows = self.idle or self.floors
        return [cap if target else low for target, cap, low in zip(self.targets, self.caps, lows, strict=True)]


def rules_of(problem: Problem) -> Rules:
    """The rules of a problem."""
    parts = dict(problem.floor_parts) or {
        rule: [
            floor if own == rule else 0 for floor, own in zip(problem.floors, problem.floor_rules, strict=True)
        ]
        for rule in sorted({own for own, floor in zip(problem.floor_rules, problem.floors, strict=True) if floor})
    }  # fmt: skip
    used = {rule: list(own) for rule, own in parts.items() if any(own)}
    return Rules(
        list(problem.targets), used, list(problem.caps), [list(own.places) for own in problem.guarantees],
        [own.minimum for own in problem.guarantees], problem.pool,
    )  # fmt: skip


@dataclass(frozen=True)
class Node:
    """A group, or all places: `at` its number among the groups, None for all; `own`: places in no smaller group."""

    at: int | None
    own: list[int]
    inner: list["Node"]

    def places(self) -> list[int]:
        """All places of the group, those of smaller groups in it too."""
        return [*self.own, *(place for node in self.inner for place in node.places())]


def tree_of(groups: Sequence[Sequence[int]], size: int) -> Node:
    """All places with the groups within them; groups are nested or disjoint, equal ones lie within each other."""
    loose: list[Node] = []
    free = set(range(size))
    for at in sorted(range(len(groups)), key=lambda number: (len(groups[number]), number)):
        places = set(groups[at])
        inner = [node for node in loose if places >= set(node.places()) and node.at is not None]
        loose = [node for node in loose if node not in inner]
        loose.append(Node(at, sorted(places & free), inner))
        free -= places
    return Node(None, sorted(free), loose)


@dataclass(frozen=True)
class Reach:
    """The least and the most (None: any amount) that the places of a node can get.

    `least_inner`: what floors and smaller groups take without the own `minimum`. `within`: the groups in it.
    """

    node: Node
    minimum: int
    least_inner: int
    most: int | None
    within: list["Reach"]

    @property
    def least(self) -> int:
        """The most of own minimum and what is within."""
        return max(self.minimum, self.least_inner)

    @property
    def short(self) -> int:
        """Fen by which caps miss the least."""
        return 0 if self.most is None else max(0, self.least - self.most)

    def all(self) -> list["Reach"]:
        """This and all within, from the inside out."""
        return [*(found for own in self.within for found in own.all()), self]


def reach_of(rules: Rules, tree: Node) -> Reach:
    """How far each group reaches; that of all places has the pool as its minimum."""
    return _reach(rules, tree, rules.floors, rules.highs)


def _reach(rules: Rules, node: Node, lows: Sequence[int], highs: Sequence[int | None]) -> Reach:
    within = [_reach(rules, own, lows, highs) for own in node.inner]
    inner = sum(lows[at] for at in node.own) + sum(own.least for own in within)
    tops = [*(highs[at] for at in node.own), *(own.most for own in within)]
    known = [top for top in tops if top is not None]
    minimum = (rules.pool or 0) if node.at is None else rules.minima[node.at]
    return Reach(node, minimum, inner, sum(known) if len(known) == len(tops) else None, within)


def over(rules: Rules, reach: Reach) -> int:
    """Fen by which floors and minima together exceed the pool."""
    return 0 if rules.pool is None else max(0, reach.least - rules.pool)


def can_hold(rules: Rules, tree: Node | None = None) -> bool:
    """Whether some division keeps all rules."""
    reach = reach_of(rules, tree or tree_of(rules.groups, len(rules.targets)))
    return not over(rules, reach) and not any(own.short for own in reach.all())


def with_minimum(rules: Rules, at: int, minimum: int) -> Rules:
    """The same rules with another minimum of one group."""
    return replace(rules, minima=[minimum if number == at else own for number, own in enumerate(rules.minima)])
