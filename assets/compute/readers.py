"""Which indicators read which feeds and columns, so that a doubtful delivery names the figures it makes doubtful.

Put here: following an indicator through its measures and marts down to columns of feeds. Keep out: building marts and
judging deliveries. Where a mart's SQL cannot be told apart by column, every column it counts on is taken.
"""

from collections import defaultdict
from collections.abc import Iterator

import sqlglot
from sqlglot import expressions as sx

from assets.compute.marts import OF_RESIDENTS, mart_names
from assets.compute.plan import CONDITIONS, FACTS, REGISTER, RESIDENTS, area_sources, mart_plans
from data_contracts.contracts import Catalog, FeedContract
from data_contracts.settings.counting import Measure
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables

Place = tuple[str, str | None]
# What every count of records of a feed rests on, whatever it counts: who, when, where.
_WHOLE = None


def hurt_by(settings: Settings, catalog: Catalog) -> dict[Place, list[str]]:
    """(feed, column) → indicators that would be wrong with the column; (feed, None) → all that read the feed."""
    found: dict[Place, set[str]] = defaultdict(set)
    for indicator_id in settings.active_indicators():
        for feed, column in _places(settings, catalog, indicator_id):
            found[feed, column].add(indicator_id)
            found[feed, _WHOLE].add(indicator_id)
    for contract in map(catalog.feed, area_sources(catalog)):
        # Without the tree of areas no figure can be placed.
        if contract.kind == "areas":
            for column in (_WHOLE, *(level.id for level in contract.extras.levels)):
                found[contract.key, column] |= set(settings.active_indicators())
    return {place: sorted(indicators) for place, indicators in found.items()}


def feeds_of(settings: Settings, catalog: Catalog, indicator_id: str) -> list[str]:
    """The feeds an indicator reads, through whatever marts."""
    return sorted({feed for feed, _ in _places(settings, catalog, indicator_id)})


def _places(settings: Settings, catalog: Catalog, indicator_id: str) -> Iterator[Place]:
    indicator = settings.indicators[indicator_id]
    for measure_id in (indicator.numerator, indicator.denominator):
        measure = settings.measures.get(measure_id or "")
        if measure:
            yield from _read(catalog, measure.mart, *_words(measure))
    if indicator.survey:
        design = indicator.survey
        texts = (design.stratum, design.psu, design.weight, design.success, design.valid)
        yield from _read(catalog, design.mart, *_parsed(" and ".join(f"({text})" for text in texts)))


def _words(measure: Measure) -> tuple[set[str], set[str]]:
    """Columns and text literals a measure mentions."""
    texts = [text for text in (measure.where, measure.filter) if text]
    columns, literals = _parsed(" and ".join(f"({text})" for text in texts)) if texts else (set(), set())
    return columns | set(measure.by) | ({measure.column} if measure.column else set()), literals


def _parsed(text: str) -> tuple[set[str], set[str]]:
    tree = sqlglot.parse_one(text, read="duckdb")
    return {node.name for node in tree.find_all(sx.Column)}, {
        node.name for node in tree.find_all(sx.Literal) if node.is_string
    }


def _read(catalog: Catalog, mart: str, columns: set[str], literals: set[str]) -> Iterator[Place]:
    """Columns of feeds behind `columns` of a mart; `literals` narrow down which condition or fact is meant."""
    if mart not in mart_names(catalog):
        return
    if mart == RESIDENTS:
        yield from _of_register(catalog, columns, literals)
    elif mart == FACTS:
        yield from _facts(catalog, literals)
    elif mart_plans(catalog)[mart].readings:
        yield from _written(catalog, mart, literals)
    else:
        feed = next(feed for feed in catalog.current() if feed.mart == mart)
        yield from _of_feed(feed, columns)
        if feed.extras.person and feed.extras.area is None:
            yield from _of_register(catalog, set(), literals)


def _of_feed(feed: FeedContract, columns: set[str]) -> Iterator[Place]:
    """Derived columns are followed to what they are made of; a figure that names no column still counts records."""
    made_of = {item.name: item.expression for item in feed.extras.derived}
    pending, seen = set(columns), set()
    while pending:
        name = pending.pop()
        seen.add(name)
        if name in made_of:
            pending |= _parsed(made_of[name])[0] - seen
    yield feed.key, _WHOLE
    where = feed.extras.area.column if feed.extras.area else None
    named = {*seen, feed.extras.event_date, where} & set(feed.by_name)
    yield from ((feed.key, column) for column in sorted(map(str, named)))


def _of_register(catalog: Catalog, columns: set[str], literals: set[str]) -> Iterator[Place]:
    """Who is in the register and where; of its flags those named, else those of the conditions meant."""
    if REGISTER not in catalog.feeds:
        return
    others = _other_conditions(literals)
    named = {name for name in columns if not any(other in name for other in others)}
    yield from _of_feed(catalog.feed(REGISTER), named | set(OF_RESIDENTS))


def _facts(catalog: Catalog, literals: set[str]) -> Iterator[Place]:
    for feed in catalog.current():
        if feed.kind != "aggregate":
            continue
        for column in feed.facts:
            if not literals or (column.extras.fact or column.name) in literals:
                yield feed.key, _WHOLE
                yield feed.key, column.name


def _written(catalog: Catalog, mart: str, literals: set[str]) -> Iterator[Place]:
    plan = mart_plans(catalog)[mart]
    others = {CONDITIONS[name] for name in _other_conditions(literals)}
    for reading in plan.readings:
        if reading.feed not in others:
            yield from _of_feed(catalog.feed(reading.feed), set(reading.columns))
    for table in plan.tables:
        if table == RESIDENTS:
            yield from _of_register(catalog, set(output_tables()[RESIDENTS].columns), literals)
        else:
            yield from _read(catalog, table, set(), literals)


def _other_conditions(literals: set[str]) -> set[str]:
    """Conditions that are not meant where literals name one."""
    return set(CONDITIONS) - literals if set(CONDITIONS) & literals else set()
