"""Areas over time: where the lowest-level areas of one period lie on the geography of another.

Put here: recorded changes of areas, following them, and the closure that a count uses. Keep out: counting
(measures.py) and the table of rebased values (rebased.py).
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date

import polars as pl

from assets.compute.inputs import contract_in_force, current_rows, engine_limits
from assets.compute.plan import CLOSURE, change_feeds, feed_inputs
from assets.engine.duck import query
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.contracts import AREA_CHANGE_COLUMNS, AREA_CHANGE_KINDS, Catalog, FeedContract, stored_columns
from data_contracts.messages import wrong
from data_contracts.periods import Period, periods_between
from data_contracts.settings.resolved import Settings

AREA = ["area_level", "area_id"]
_PLACE = {"leaf_id": pl.String(), "level_no": pl.Int64(), "area_level": pl.String(), "area_id": pl.String()}
_SPLIT = "split"

Change = tuple[str, str, date, str]
Areas = dict[int, tuple[str, str]]


@dataclass(frozen=True)
class Changes:
    """Recorded changes of lowest-level areas: old code → dates in order, each with the codes it became that day."""

    of: Mapping[str, tuple[tuple[date, frozenset[str]], ...]]

    @classmethod
    def read(cls, rows: Iterable[Change], source: str) -> "Changes":
        """Changes from rows of old code, new code, date and kind; changes of one day take place at once.

        Raises DefinitionError where a code becomes two without a split, codes of one day lead in a circle, or a kind
        is unknown.
        """
        days: dict[tuple[str, date], set[str]] = {}
        split: set[tuple[str, date]] = set()
        for old, new, day, kind in rows:
            if kind not in AREA_CHANGE_KINDS:
                raise wrong("wrong_change_kind", where=source, kinds=", ".join(AREA_CHANGE_KINDS))
            days.setdefault((old, day), set()).add(new)
            if kind == _SPLIT:
                split.add((old, day))
        for (old, day), codes in sorted(days.items()):
            if len(codes) > 1 and (old, day) not in split:
                named = ", ".join(sorted(codes))
                raise wrong("wrong_change_split", where=source, old=old, count=len(codes), day=day, codes=named)
        _refuse_circles({key: next(iter(codes)) for key, codes in days.items() if len(codes) == 1}, source)
        found: dict[str, list[tuple[date, frozenset[str]]]] = {}
        for (old, day), codes in sorted(days.items()):
            if codes != {old}:
                found.setdefault(old, []).append((day, frozenset(codes)))
        return cls({old: tuple(steps) for old, steps in found.items()})

    def became(self, leaf: str, since: date, current: Set[str]) -> frozenset[str]:
        """The codes that `leaf`, in use on `since`, has become; more than one only after a split.

        A code that is still in use follows changes after `since` only, since it may have been given out anew; one
        that is not follows its last change before `since` too, since senders may use a code for a while longer.
        """
        steps = self.of.get(leaf, ())
        if leaf in current or not steps or steps[-1][0] > since:
            return self._followed(leaf, since)
        day, new = steps[-1]
        return frozenset().union(*(self._followed(code, day) for code in new))

    def _followed(self, code: str, after: date) -> frozenset[str]:
        step = next((step for step in self.of.get(code, ()) if step[0] > after), None)
        if step is None:
            return frozenset([code])
        return frozenset().union(*(self._followed(new, step[0]) for new in step[1]))


def _refuse_circles(single: Mapping[tuple[str, date], str], source: str) -> None:
    for start, day in sorted(single):
        seen, code = {start}, single[start, day]
        while code not in seen and (code, day) in single:
            seen.add(code)
            code = single[code, day]
        if code == start and len(seen) > 1:
            raise wrong("wrong_change_circle", where=source, day=day, start=start, codes=", ".join(sorted(seen)))


@dataclass(frozen=True)
class Placement:
    """Lowest-level areas of a period on a geography.

    `closure`: leaf_id, level_no, area_level, area_id, as in the mart of that name, the areas being those of the
    geography. `inexact`: area_level, area_id of areas that hold some but not all of a lowest-level area that was split
    since the period. `partial`: area_level, area_id, listed_until of those that hold some but not all of one that was
    listed until that day, be it earlier in the windows of the period. `areas`: area_level, area_id of every area of the
    geography.
    """

    closure: pl.DataFrame
    inexact: pl.DataFrame
    partial: pl.DataFrame
    areas: pl.DataFrame


def placement(home: Home, settings: Settings, catalog: Catalog, period: Period, geography: Period) -> Placement | None:
    """The areas of `period` and of the periods its windows reach back to, on `geography`; None without an area tree.

    A lowest-level area that is gone and became nothing stays in the lowest of the areas it lay in that is still there,
    and in what contains that one now.
    """
    target = parts.read_table(home, CLOSURE, [geography.key]) if area_tree(catalog) else None
    if target is None:
        return None
    known = _areas_by_leaf(target)
    listed: dict[str, tuple[date, Areas]] = {}
    for step in window_steps(period):
        tree = target if step == geography else parts.read_table(home, CLOSURE, [step.key])
        if tree is not None:
            listed |= {leaf: (step.end, areas) for leaf, areas in _areas_by_leaf(tree).items()}
    changes = known_changes(home, settings, catalog, geography)
    return _placed(listed, period.end, known, changes)


def area_tree(catalog: Catalog) -> bool:
    """Whether the home has an area tree at all."""
    return any(feed.extras.levels for feed in catalog.current())


def window_steps(period: Period) -> list[Period]:
    """The period and the earlier ones that its longest windows look at, in order."""
    return sorted({*period.window("year_to_date"), *period.window("rolling_12m")})


def placement_inputs(catalog: Catalog, period: Period, calendar: Iterable[Period]) -> list[tuple[str, str]]:
    """Every (table, period) that the placement of `period` on its own geography reads."""
    trees = [(CLOSURE, step.key) for step in window_steps(period)]
    changes = [
        pair for step in calendar if step <= period for pair in feed_inputs(catalog, change_feeds(catalog), step)
    ]
    return [*trees, *changes]


def known_changes(home: Home, settings: Settings, catalog: Catalog, period: Period) -> Changes:
    """The changes in force by the end of `period`, as they are known from deliveries up to it.

    Of a feed that delivers snapshots the newest counts, of one that delivers increments all.
    """
    rows: list[Change] = []
    keys = change_feeds(catalog)
    for key in keys:
        for step in reversed(periods_between(settings.home.calendar.first, period.key)):
            feed = contract_in_force(catalog, key, step)
            tables = current_rows(home, feed, step) if feed else None
            if feed is None or tables is None:
                continue
            limits = engine_limits(home, settings)
            found = query(_changes_select(feed), tables, limits=limits, parameters={"until": period.end})
            rows.extend(_of_lowest_level(found, feed, settings.levels))
            if feed.delivery == "snapshot":
                break
    return Changes.read(rows, ", ".join(keys))


def _changes_select(feed: FeedContract) -> str:
    """A change without a new code says that an area is gone, which its absence from the tree says as well."""
    level = "level" if "level" in dict(stored_columns(feed)) else "cast(null as varchar)"
    return (
        f"select {', '.join(AREA_CHANGE_COLUMNS)}, {level} as level from {feed.table} "  # noqa: S608
        "where old_id is not null and new_id is not null and changed_on <= $until"
    )


def _of_lowest_level(found: pl.DataFrame, feed: FeedContract, levels: list[str]) -> Iterable[Change]:
    """Changes of higher areas say nothing that the area trees do not; a change without a level is a lowest one's."""
    unknown = sorted(set(found["level"].drop_nulls()) - set(levels))
    if unknown:
        raise wrong("wrong_no_level", where=feed.key, level=unknown[0], levels=", ".join(levels))
    lowest = found.filter(pl.col("level").is_null() | (pl.col("level") == levels[0]))
    return lowest.select(AREA_CHANGE_COLUMNS).iter_rows()


def _areas_by_leaf(closure: pl.DataFrame) -> dict[str, Areas]:
    found: dict[str, Areas] = {}
    for leaf, number, level, area in closure.select(*_PLACE).iter_rows():
        found.setdefault(leaf, {})[number] = (level, area)
    return found


def _containing(known: Mapping[str, Areas]) -> dict[tuple[str, str], Areas]:
    """Every area with those that contain it; at a level where it lies in several, none."""
    found: dict[tuple[str, str], dict[int, set[tuple[str, str]]]] = {}
    for areas in known.values():
        for number, area in areas.items():
            upper = found.setdefault(area, {})
            for higher in areas:
                if higher > number:
                    upper.setdefault(higher, set()).add(areas[higher])
    return {area: {n: next(iter(of)) for n, of in upper.items() if len(of) == 1} for area, upper in found.items()}


def _placed(
    listed: Mapping[str, tuple[date, Areas]], end: date, known: Mapping[str, Areas], changes: Changes
) -> Placement:
    """`listed`: lowest-level areas by the last day on which they were listed; `known`: those of the geography."""
    there = {area for areas in known.values() for area in areas.values()}
    above = _containing(known)
    rows: list[tuple[str, int, str, str]] = []
    partial: dict[tuple[str, str], date] = {}
    for leaf, (since, before) in listed.items():
        became = changes.became(leaf, since, known.keys())
        # What is gone stays where it lay; the lowest level is the area itself, which is gone.
        left = {number: area for number, area in before.items() if number and area in there}
        left |= above[left[min(left)]] if left else {}
        places = [known.get(code, left) for code in became]
        for number in {number for place in places for number in place}:
            areas = {place.get(number) for place in places}
            named = sorted(area for area in areas if area is not None)
            if len(areas) == 1:
                rows.append((leaf, number, *named[0]))
            else:
                partial |= {area: max(since, partial.get(area, since)) for area in named}
    closure = pl.DataFrame(rows, schema=_PLACE, orient="row").sort(*_PLACE)
    schema = dict.fromkeys(AREA, pl.String())
    until = [(*area, day) for area, day in sorted(partial.items())]
    return Placement(
        closure,
        pl.DataFrame([area for *area, day in until if day == end], schema=schema, orient="row"),
        pl.DataFrame(until, schema=schema | {"listed_until": pl.Date()}, orient="row"),
        pl.DataFrame(sorted(there), schema=schema, orient="row"),
    )
