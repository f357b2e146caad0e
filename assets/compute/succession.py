"""Money and counts of areas that were merged or divided since, on the areas of now: their heirs have what was theirs.

An area that went wholly into another one gives it all; one that was divided gives by the people who live in its parts
now, by largest remainder. So the whole stays the same to the fen. An area that is gone and became nothing gives nothing
to anybody: a figure of it is forgotten, and what it was paid, or owes, stays its own (`lasting`).

Put here: who took over from whom, and passing on. Keep out: following recorded changes (geography), figures that are no
sums, such as rates (rebased, baselines).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from math import lcm

from assets.compute.geography import Changes
from assets.compute.plan import CLOSURE
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.periods import Period
from evaluations.rounding import largest_remainder

OWN, RECODED, MERGED, DIVIDED = "own", "recoded", "merged", "divided"
Heirs = Mapping[str, Mapping[str, Decimal]]
"""Area of then → areas of now that took over from it, each with its people; only areas that changed.

Nobody took over from one that is gone and became nothing.
"""


def heirs(
    home: Home, changes: Changes, level: str, then: Period, now: Period, people: Mapping[str, Decimal]
) -> dict[str, dict[str, Decimal]]:
    """Who took over from the areas of `level` that changed from `then` to `now`. `people`: of the lowest level, now.

    Empty without area trees of both periods.
    """
    old, new = (_areas_of_leaves(home, level, step) for step in (then, now))
    if not old or not new:
        return {}
    return heirs_of(old, new, lambda leaf: changes.became(leaf, then.end, new.keys()), people)


def heirs_of(
    old: Mapping[str, str],
    new: Mapping[str, str],
    became: Callable[[str], Collection[str]],
    people: Mapping[str, Decimal],
) -> dict[str, dict[str, Decimal]]:
    """The same from lowest-level area → area, then and now, and what lowest-level areas became.

    Parts of an area that are one now are one part of it: the people there are counted once.
    """
    codes: dict[str, dict[str, set[str]]] = {}
    for leaf, area in sorted(old.items()):
        own = codes.setdefault(area, {})
        for code in became(leaf):
            if code in new:
                own.setdefault(new[code], set()).add(code)
    took_over: dict[str, set[str]] = {}
    for area, parts_of in codes.items():
        for heir in parts_of:
            took_over.setdefault(heir, set()).add(area)
    return {
        area: {heir: sum((people.get(code, Decimal(0)) for code in own), Decimal(0)) for heir, own in parts_of.items()}
        for area, parts_of in codes.items()
        if set(parts_of) != {area} or took_over[area] != {area}
    }  # fmt: skip


def _areas_of_leaves(home: Home, level: str, period: Period) -> dict[str, str]:
    """Lowest-level area → the area of `level` that it lies in."""
    tree = parts.read_table(home, CLOSURE, [period.key])
    return {} if tree is None else dict(tree.filter(area_level=level).select("leaf_id", "area_id").iter_rows())


def lasting(took_over: Heirs) -> Heirs:
    """Heirs for what must not be forgotten, such as payments and debts: an area without any keeps its own."""
    return {area: parts_of for area, parts_of in took_over.items() if parts_of}


def together(known: Iterable[Heirs]) -> list[list[str]]:
    """Areas of now that divided an area among them, also by way of a third, each group in order."""
    groups: list[set[str]] = []
    for parts_of in (own for took_over in known for own in took_over.values() if len(own) > 1):
        met = [group for group in groups if not group.isdisjoint(parts_of)]
        groups = [group for group in groups if group not in met] + [set(parts_of).union(*met)]
    return sorted(sorted(group) for group in groups)


def passed_on(amounts: Mapping[str, int], took_over: Heirs) -> dict[str, int]:
    """Amounts by areas of then on the areas of now; the sum of those who have an heir stays."""
    found: dict[str, int] = {}
    for area, amount in amounts.items():
        for heir, share in _shares(amount, took_over[area]).items() if area in took_over else [(area, amount)]:
            found[heir] = found.get(heir, 0) + share
    return found


def _shares(amount: int, people: Mapping[str, Decimal]) -> dict[str, int]:
    """By people; where nobody lives in the parts, they share alike."""
    names = sorted(people)
    scale = lcm(*(people[name].as_integer_ratio()[1] for name in names))
    weights = [int(people[name] * scale) for name in names]
    shares = largest_remainder(weights if any(weights) else [1] * len(names), abs(amount), names)
    return {name: share if amount > 0 else -share for name, share in zip(names, shares, strict=True)}


def figures_passed_on(figures: Mapping[str, Decimal], took_over: Heirs) -> dict[str, Decimal]:
    """The same for decimals, exact to the last digit that any of them needs: people stay whole."""
    digits = max((-int(figure.normalize().as_tuple().exponent) for figure in figures.values()), default=0)
    digits = max(digits, 0)
    whole = passed_on({area: int(figure.scaleb(digits)) for area, figure in figures.items()}, took_over)
    return {area: Decimal(amount).scaleb(-digits) for area, amount in whole.items()}


def origins(took_over: Heirs) -> dict[str, str]:
    """Area of now → DIVIDED where some of what it took over was only a part of an area; else RECODED or MERGED.

    RECODED: all of one area, which now has another code; MERGED: all of several.
    """
    found: dict[str, str] = {}
    for parts_of in took_over.values():
        for heir in parts_of:
            divided = len(parts_of) > 1 or found.get(heir) == DIVIDED
            found[heir] = DIVIDED if divided else MERGED if heir in found else RECODED
    return found
