"""Building the marts and the crosswalk of persons for one period.

Put here: which rows each SQL text is given and the shape of what comes back. Keep out: the rules (sql/*.sql).
Every function returns None where a table it needs has nothing in force: no data is not zero.
"""

from collections.abc import Mapping

import polars as pl

from assets.compute.inputs import (
    contract_in_force,
    current_rows,
    engine_limits,
    literal,
    period_table,
    quoted,
    rule_set_table,
    whole_window,
)
from assets.compute.plan import (
    AREAS,
    CARE,
    CLOSURE,
    CONDITIONS,
    FACTS,
    LINK,
    OPTIONAL_READINGS,
    REGISTER,
    RESIDENTS,
    RULES_READ,
    Reading,
    area_sources,
    feed_mart,
    mart_plans,
    person_feeds,
)
from assets.engine.duck import Table, View, query
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.contracts import Catalog, FeedContract, polars_dtype, stored_columns
from data_contracts.messages import wrong
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables
from sql.text import read

# Columns the hand-written SQL counts on; a home's own contract must have them too.
OF_RESIDENTS = (
    "community_id",
    "sex",
    "birth_date",
    "archive_status",
)
# Columns of the register that a home may lack: they are unknown there.
_PERHAPS_OF_RESIDENTS = {
    "is_hypertension_registered": "boolean",
    "is_diabetes_registered": "boolean",
    "is_dyslipidaemia_registered": "boolean",
    "hypertension_registered_on": "date",
    "diabetes_registered_on": "date",
    "dyslipidaemia_registered_on": "date",
}
_TECHNICAL = ("person_key", "person_id_class", "warnings", "row_hash")
_ADDED = ("person_id", "area_id", "sex", "age_band")
_IN_REGISTER = "is_in_register"
_FACT_SCALE = 6


def mart_names(catalog: Catalog) -> list[str]:
    """Marts of the home in the order they are built."""
    return list(mart_plans(catalog))


def mart_columns(catalog: Catalog, mart: str) -> list[str]:
    """Columns of a mart of this home, in order."""
    known = output_tables()
    if mart in known:
        return list(known[mart].columns)
    return list(_record_schema(_feed_of(catalog, mart)))


def build_link(home: Home, settings: Settings, catalog: Catalog, period: Period) -> pl.DataFrame | None:
    """`link__persons`: every pseudonym seen in the period with its person, or None where no person feed has data."""
    tables: dict[str, Table] = {}
    selects = []
    for key in person_feeds(catalog):
        feed, rows = _rows(home, catalog, key, period)
        if feed is None or rows is None:
            continue
        tables |= rows
        selects.append(
            f"select person_key, person_id_class, {int(key == REGISTER)} as in_register from {feed.table} "  # noqa: S608
            "where person_key is not null"
        )
    if not selects:
        return None
    tables["ref__person_keys"] = View(" union all ".join(selects))
    return _output(home, settings, LINK, tables, period)


def build_mart(home: Home, settings: Settings, catalog: Catalog, mart: str, period: Period) -> pl.DataFrame | None:
    """One mart for one period, gated by its contract; None where it has no data.

    Raises DefinitionError where the home's contracts cannot feed it, EngineError where the query fails.
    """
    if mart in (CLOSURE, AREAS):
        return _areas(home, settings, catalog, mart, period)
    if mart == RESIDENTS:
        return _residents(home, settings, catalog, period)
    if mart == FACTS:
        return _facts(home, settings, catalog, period)
    if mart_plans(catalog)[mart].readings:
        return _written(home, settings, catalog, mart, period)
    return _records(home, settings, catalog, mart, period)


def _areas(home: Home, settings: Settings, catalog: Catalog, mart: str, period: Period) -> pl.DataFrame | None:
    tables: dict[str, Table] = {}
    selects: list[str] = []
    for rank, key in enumerate(area_sources(catalog)):
        feed, rows = _rows(home, catalog, key, period)
        # An earlier version of its contract may not have described areas yet.
        if feed is None or rows is None or not feed.extras.levels:
            continue
        tables |= rows
        selects.extend(_level_selects(feed, rank, settings.levels))
    if not selects:
        return None
    tables["ref__area_rows"] = View(" union all ".join(selects))
    if mart == AREAS:
        closure = _table(home, CLOSURE, [period])
        if closure is None:
            return None
        tables |= closure
    return _output(home, settings, mart, tables, period)


def _level_selects(feed: FeedContract, rank: int, levels: list[str]) -> list[str]:
    """One SELECT per level of a feed, each giving the distinct areas of that level with their lowest-level areas."""
    stated = feed.extras.levels
    leaf = stated[0].id
    if leaf is None:
        raise wrong("wrong_lowest_level", where=feed.source)
    ids = [quoted(level.id) if level.id else literal(level.constant.id if level.constant else "") for level in stated]
    selects = []
    for place, level in enumerate(stated):
        if level.level not in levels:
            raise wrong("wrong_no_level", where=feed.source, level=level.level, levels=", ".join(levels))
        name, name_en = _column(level.name), _column(level.name_en)
        if level.constant:
            name, name_en = literal(level.constant.name.zh), literal(level.constant.name.en)
        parent = ids[place + 1] if place + 1 < len(ids) else _column(None)
        rural = quoted(level.rural) if level.rural and place == 0 else "cast(null as boolean)"
        selects.append(
            f"select distinct {rank} as source_rank, {literal(level.level)} as area_level, "  # noqa: S608
            f"{levels.index(level.level)} as level_no, {ids[place]} as area_id, {name} as area_name, "
            f"{name_en} as area_name_en, {parent} as parent_id, {quoted(leaf)} as leaf_id, {rural} as is_rural "
            f"from {feed.table}"
        )
    return selects


def _column(name: str | None) -> str:
    return quoted(name) if name else "cast(null as varchar)"


def _residents(home: Home, settings: Settings, catalog: Catalog, period: Period) -> pl.DataFrame | None:
    feed, rows = _rows(home, catalog, REGISTER, period)
    link = _table(home, LINK, [period])
    if feed is None or rows is None or link is None:
        return None
    _need_columns(feed, OF_RESIDENTS)
    return _output(home, settings, RESIDENTS, _with_unknown(feed, rows) | link, period)


def _with_unknown(feed: FeedContract, rows: dict[str, Table]) -> dict[str, Table]:
    """The register with every column the SQL names: one the home lacks is unknown for everybody."""
    stored = {name for name, _ in stored_columns(feed)}
    unknown = [f"cast(null as {kind}) as {name}" for name, kind in _PERHAPS_OF_RESIDENTS.items() if name not in stored]
    if not unknown:
        return rows
    named = {f"{name}__as_stored" if name == feed.table else name: table for name, table in rows.items()}
    return named | {feed.table: View(f"select *, {', '.join(unknown)} from {feed.table}__as_stored")}  # noqa: S608


def _written(home: Home, settings: Settings, catalog: Catalog, mart: str, period: Period) -> pl.DataFrame | None:
    """A mart written by hand over other marts; of a feed that looks back it takes every period of the year so far.

    `ref__arrived` names the feeds that arrived in the period, `ref__incomplete` those of the home that did not arrive
    in every period looked at.
    """
    plan = mart_plans(catalog)[mart]
    tables: dict[str, Table] = {}
    arrived, incomplete = [], []
    for reading in plan.readings:
        name = catalog.feed(reading.feed).mart
        delivered = contract_in_force(catalog, reading.feed, period) is not None
        whole = bool(whole_window(home, settings, name, period, reading.window))
        if (reading.whole and delivered and not whole) or not (delivered or reading.optional):
            return None
        found = _table(home, name, period.window(reading.window)) if delivered else None
        tables |= found or {name: _no_rows(reading)}
        arrived += [reading.feed] if delivered and _table(home, name, [period]) else []
        incomplete += [reading.feed] if delivered and not whole else []
    lacking = [reading for reading in OPTIONAL_READINGS.get(mart, ()) if reading not in plan.readings]
    tables |= {feed_mart(reading.feed): _no_rows(reading) for reading in lacking}
    others = {name: _table(home, name, [period]) for name in plan.tables if name not in tables}
    if any(table is None for table in others.values()) or (
        mart == CARE and not set(arrived) & set(CONDITIONS.values())
    ):
        return None
    for table in others.values():
        tables |= table or {}
    tables["ref__rule_sets"] = _rules(settings, mart, period)
    for name, feeds in (("ref__arrived", arrived), ("ref__incomplete", incomplete)):
        tables[name] = pl.DataFrame({"feed": feeds}, schema={"feed": pl.String()})
    return _output(home, settings, mart, tables, period)


def _rules(settings: Settings, mart: str, period: Period) -> pl.DataFrame:
    stated = rule_set_table(settings, period)
    missing = [name for name in RULES_READ.get(mart, ()) if name not in stated.columns]
    if missing:
        raise wrong("wrong_rule_sets_lack", keys=", ".join(stated["rule_set"]), name=missing[0], mart=mart)
    return stated


def _no_rows(reading: Reading) -> pl.DataFrame:
    """What stands for a feed that is not there; flags keep their type, the rest is text."""
    own = {name: pl.Boolean() if name.startswith("is_") else pl.String() for name in reading.columns}
    return pl.DataFrame(schema={"person_id": pl.String(), "event_date": pl.Date(), **own})


def _facts(home: Home, settings: Settings, catalog: Catalog, period: Period) -> pl.DataFrame | None:
    tables: dict[str, Table] = {}
    selects: list[str] = []
    for key in mart_plans(catalog)[FACTS].feeds:
        feed, rows = _rows(home, catalog, key, period)
        if feed is None or rows is None:
            continue
        tables |= rows
        selects.extend(_fact_selects(feed))
    if not selects:
        return None
    tables["ref__fact_rows"] = View(" union all ".join(selects))
    return _output(home, settings, FACTS, tables, period)


def _fact_selects(feed: FeedContract) -> list[str]:
    if feed.extras.area is None:
        raise wrong("wrong_aggregate_area", where=feed.source)
    area = quoted(feed.extras.area.column)
    return [
        f"select {literal(feed.key)} as feed, {literal(column.extras.fact or column.name)} as fact, "  # noqa: S608
        f"{area} as area_id, {literal(column.extras.stratum.get('sex', 'all'))} as sex, "
        f"{literal(column.extras.stratum.get('age_band', 'all'))} as age_band, "
        f"cast({quoted(column.name)} as decimal(28, {_FACT_SCALE})) as value from {feed.table}"
        for column in feed.facts
    ]


def _records(home: Home, settings: Settings, catalog: Catalog, mart: str, period: Period) -> pl.DataFrame | None:
    newest = _feed_of(catalog, mart)
    feed, rows = _rows(home, catalog, newest.key, period)
    if feed is None or rows is None:
        return None
    known = output_tables()
    people: dict[str, Table] = {LINK: known[LINK].empty(), RESIDENTS: known[RESIDENTS].empty()}
    if feed.extras.person:
        people |= _table(home, LINK, [period]) or {}
        people |= _table(home, RESIDENTS, [period]) or {}
    tables = rows | {"ref__records": View(_record_select(feed))} | people
    frame = query(read("mart__records"), tables, limits=engine_limits(home, settings))
    # One shape for all periods, that of the newest contract: what an earlier one did not ask for is unknown.
    schema = _record_schema(newest)
    frame = frame.with_columns(pl.lit(None).alias(name) for name in schema if name not in frame.columns)
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _record_select(feed: FeedContract) -> str:
    """The rows of a feed with what the record itself says of area, sex and age band under names of their own."""
    names = [name for name, _ in stored_columns(feed)]
    for name in ("person_id", _IN_REGISTER):
        if name in names:
            raise wrong("wrong_added_name", where=feed.source, name=name)
    own = {
        "own_area_id": feed.extras.area.column if feed.extras.area else "area_id",
        "own_sex": "sex",
        "own_age_band": "age_band",
        "person_key": "person_key",
    }
    kept = [quoted(name) for name in names if name not in (*_TECHNICAL, *_ADDED)]
    stated = [f"{quoted(name) if name in names else 'cast(null as varchar)'} as {alias}" for alias, name in own.items()]
    return f"select {', '.join([*kept, *stated])} from {feed.table}"  # noqa: S608


def _record_schema(feed: FeedContract) -> dict[str, pl.DataType]:
    stored = {name: dtype for name, dtype in stored_columns(feed) if name not in (*_TECHNICAL, *_ADDED)}
    return stored | {name: polars_dtype("text") for name in _ADDED} | {_IN_REGISTER: polars_dtype("boolean")}


def _feed_of(catalog: Catalog, mart: str) -> FeedContract:
    for feed in catalog.current():
        if feed.mart == mart:
            return feed
    raise wrong("wrong_mart", mart=mart, marts=", ".join(mart_names(catalog)))


def _rows(
    home: Home, catalog: Catalog, key: str, period: Period
) -> tuple[FeedContract | None, dict[str, Table] | None]:
    feed = contract_in_force(catalog, key, period)
    return feed, current_rows(home, feed, period) if feed else None


def _table(home: Home, table: str, periods: list[Period] | tuple[Period, ...]) -> dict[str, Table] | None:
    files = parts.files_in_force(home, table, [period.key for period in periods])
    return {table: files} if files else None


def _need_columns(feed: FeedContract, columns: tuple[str, ...]) -> None:
    stored = {name for name, _ in stored_columns(feed)}
    missing = [name for name in columns if name not in stored]
    if missing:
        raise wrong("wrong_needs_column", where=feed.source, name=missing[0])


def _output(home: Home, settings: Settings, table: str, tables: Mapping[str, Table], period: Period) -> pl.DataFrame:
    contract = output_tables()[table]
    given = {"ref__period": period_table(period), **tables}
    frame = query(read(table), given, limits=engine_limits(home, settings))
    return gate(table_schema(contract), contract.shape(frame))
