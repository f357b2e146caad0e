# ruff: noqa: S608  (the texts are made of checked registry entries and quoted column names)
"""Counting: all measures of a mart from one scan, for every area of every level.

Put here: the generated SELECTs and zero-filling. Keep out: what is counted (registry) and rates (indicators.py).
Counts and sums are exact decimals. Zero is written where the population of a measure has somebody in the period and
nothing matched; figures that arrive already counted are the exception: an area for which none arrived has no row. No
data means no row: a mart that lacks a period of the window, or a population (`where`) of which nobody lies anywhere
under that rule set.
"""

from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import polars as pl

from assets.compute.geography import placement, placement_inputs
from assets.compute.inputs import contract_in_force, engine_limits, literal, quoted, whole_window
from assets.compute.marts import mart_columns, mart_names
from assets.compute.plan import FACTS
from assets.engine.duck import Session, Table, session
from assets.lake.home import Home
from data_contracts.closed import DefinitionError
from data_contracts.contracts import Catalog, stored_names
from data_contracts.messages import did_you_mean, wrong, wrong_condition
from data_contracts.periods import Period, periods_between
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.counting import Measure
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables
from sql.portability import NotPortableError, check_condition

_TABLE = "ind__counts"
_VALUE = pl.Decimal(38, 6)
_AREA = ("area_level", "area_id")
_UNKNOWN = "unknown"
_PICK_ORDER = ("event_date", "period", "file_id", "record_no")
_STRATUM_KEY = {"sex": "sex", "age_band": "age", "policy_id": "policy"}


@dataclass(frozen=True)
class _Scan:
    """Measures that one SELECT can answer: same mart, periods and way of counting; when picking, same population."""

    mart: str
    window: str
    persons: bool
    where: str | None
    pick: str | None
    by: tuple[str, ...]
    measures: dict[str, Measure] = field(default_factory=dict, compare=False, hash=False)


def count_measures(
    home: Home, settings: Settings, catalog: Catalog, period: Period, closure: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Rows of ind__counts for one period: every measure of the home's marts × area of every level × rule set × stratum.

    `closure` places the lowest-level areas on another geography than the period's own (geography.py).
    Raises DefinitionError for a measure that names an unknown column or steps outside the allowed expressions.
    """
    table = output_tables()[_TABLE]
    if closure is None:
        own = placement(home, settings, catalog, period, period)
        if own is None:
            return table.empty()
        closure = own.closure
    scans = {
        scan: whole_window(home, settings, scan.mart, period, scan.window) for scan in _scans(settings, catalog, period)
    }
    rule_sets = list(settings.active_rule_sets(period))
    with session((path for files in scans.values() for path in files), engine_limits(home, settings)) as engine:
        counted = [_counted(engine, catalog, scan, files, closure, rule_sets) for scan, files in scans.items() if files]
    rows = pl.concat([frame for frame in counted if frame is not None] or [table.empty().drop("period")])
    return gate(table_schema(table), table.shape(rows.with_columns(pl.lit(period.key).alias("period"))))


def measure_inputs(settings: Settings, catalog: Catalog, period: Period) -> list[tuple[str, str]]:
    """Every (table, period) that the counts of `period` read."""
    scanned = {(scan.mart, step.key) for scan in _scans(settings, catalog) for step in period.window(scan.window)}
    calendar = periods_between(settings.home.calendar.first, period.key)
    return sorted({*placement_inputs(catalog, period, calendar), *scanned})


def _scans(settings: Settings, catalog: Catalog, period: Period | None = None) -> list[_Scan]:
    """The scans that answer all measures, or those of them that can be answered in `period`."""
    known = mart_names(catalog)
    meant = _meant(settings)
    scans: dict[_Scan, _Scan] = {}
    for measure_id, measure in sorted(settings.measures.items()):
        if measure.mart not in known:
            continue
        columns = mart_columns(catalog, measure.mart)
        if not _fits(measure_id, measure, columns, refuse=measure_id in meant):
            continue
        unknown = _not_asked(catalog, measure, period)
        if unknown and not _fits(measure_id, measure, [c for c in columns if c not in unknown], refuse=False):
            continue
        persons = measure.aggregate == "count_persons" and measure.pick is None
        where = measure.where if measure.pick else None
        scan = _Scan(measure.mart, measure.window, persons, where, measure.pick, tuple(sorted(measure.by)))
        scans.setdefault(scan, scan).measures[measure_id] = measure
    return list(scans.values())


def _meant(settings: Settings) -> set[str]:
    """Measures of the home itself and of indicators it asks for by name: what they count must be there.

    The package has more of them than a home with feeds of its own can answer; of those nothing is known there.
    """
    own = {source.entry for source in settings.sources if (source.file, source.source) == ("measures.yaml", "home")}
    asked = settings.active_indicators().values() if settings.home.indicators is not None else ()
    return own | {name for indicator in asked for name in (indicator.numerator, indicator.denominator) if name}


def _fits(measure_id: str, measure: Measure, columns: list[str], *, refuse: bool) -> bool:
    """Whether the columns suffice for the measure; where they must, DefinitionError says what is wrong."""
    try:
        _check(measure_id, measure, columns)
    except DefinitionError:
        if refuse:
            raise
        return False
    return True


def _not_asked(catalog: Catalog, measure: Measure, period: Period | None) -> set[str]:
    """Columns that a contract in force within the window did not ask for yet: unknown, which is not zero."""
    feed = next((feed for feed in catalog.current() if feed.mart == measure.mart), None)
    if feed is None or period is None:
        return set()
    versions = [contract_in_force(catalog, feed.key, step) for step in period.window(measure.window)]
    own = set(stored_names(feed))
    return {name for version in versions if version for name in own - set(stored_names(version))}


def _check(measure_id: str, measure: Measure, columns: list[str]) -> None:
    where = f"measures.yaml: {measure_id}"
    needed = [*measure.by, *([measure.column] if measure.column else [])]
    if measure.pick:
        needed += ["person_id", *_PICK_ORDER]
    elif measure.aggregate == "count_persons":
        needed.append("person_id")
    for name in needed:
        if name not in columns:
            hint = did_you_mean(name, columns)
            raise wrong("wrong_mart_column", where=where, mart=measure.mart, name=name, hint=hint)
    for text in (measure.where, measure.filter):
        if text is not None:
            try:
                check_condition(text, columns)
            except NotPortableError as error:
                raise wrong_condition(where, str(error)) from None


def _counted(
    engine: Session, catalog: Catalog, scan: _Scan, files: list[Path], closure: pl.DataFrame, rule_sets: list[str]
) -> pl.DataFrame | None:
    tables: dict[str, Table] = {"mart": files, "closure": closure}
    keys = ["rule_set"] if "rule_set" in mart_columns(catalog, scan.mart) else []
    known = _known(scan, keys, engine.query(_populations(scan, keys), tables), rule_sets)
    if not any(known.values()):
        return None
    areas = closure.select(_AREA).unique()
    groups = [by for size in range(len(scan.by) + 1) for by in combinations(scan.by, size)]
    wide = [engine.query(_select(scan, keys, by), tables) for by in groups]
    return pl.concat(_long(frame, scan, keys, by, areas, known) for frame, by in zip(wide, groups, strict=True))


def _populations(scan: _Scan, keys: list[str]) -> str:
    """The SELECT that says how many rows that lie anywhere the population of each measure has, under each rule set."""
    sums = [
        f"sum(case when {_where(m)} and area_id is not null then 1 else 0 end) as {quoted(key)}"
        for key, m in scan.measures.items()
    ]
    groups = f" group by {', '.join(keys)}" if keys else ""
    return f"select {', '.join([*keys, *sums])} from mart{groups}"


def _where(measure: Measure) -> str:
    return f"({measure.where})" if measure.where else "true"


def _known(scan: _Scan, keys: list[str], sizes: pl.DataFrame, rule_sets: list[str]) -> dict[str, list[str]]:
    """Measure → rule sets under which its population has somebody in it."""
    return {
        measure_id: [
            rules
            for rules in rule_sets
            if any(row[measure_id] and (not keys or row["rule_set"] == rules) for row in sizes.iter_rows(named=True))
        ]
        for measure_id in scan.measures
    }


def _select(scan: _Scan, keys: list[str], by: tuple[str, ...]) -> str:
    """The SELECT of a scan: a row per area of every level, key and subgroup; per measure its sum and matching rows."""
    groups = "".join(f", {name}" for name in [*map(quoted, keys), *(f"by_{name}" for name in by)])
    steps = {
        "chosen": f"select area_id{_groups_of(keys, by)}{', person_id' if scan.persons else ''}, {_flags(scan)} "
        f"from {'picked where place = 1' if scan.pick else 'mart'}"
    }
    if scan.pick:
        steps = {"picked": _picked(scan, keys), **steps}
    if scan.persons:
        # One row per person and area first, so that a person counts once whatever the number of records. Whoever has
        # one area counts there and above as they are; only those of several have to be told apart on every level.
        flags = _columns(scan)
        highest = ", ".join(f"max({name}) as {name}" for name in flags)
        # Who matches nothing counts nowhere, but shows that a subgroup has somebody in it.
        matching = "" if by else f" and ({' or '.join(f'{name} > 0' for name in flags)})"
        steps["leaf"] = (
            f"select area_id{groups}, person_id, {highest} from chosen where person_id is not null{matching} "
            f"group by area_id{groups}, person_id"
        )
        steps["several"] = "select person_id from leaf group by person_id having count(*) > 1"
        own = f"l.area_id{groups.replace(', ', ', l.')}"
        steps["alone"] = (
            f"select {own}, {_sums(scan, 'l.')} from leaf l left join several s on s.person_id = l.person_id "
            f"where s.person_id is null group by {own}"
        )
        steps["placed"] = (
            f"select c.area_level, c.area_id{groups}, l.person_id, {highest.replace('max(', 'max(l.')} from leaf l "
            f"inner join several s on s.person_id = l.person_id inner join closure c on c.leaf_id = l.area_id "
            f"group by c.area_level, c.area_id{groups}, l.person_id"
        )
        names = ", ".join(flags)
        steps["counted"] = (
            f"select c.area_level, c.area_id{groups}, {names} from alone l "
            "inner join closure c on c.leaf_id = l.area_id "
            f"union all select area_level, area_id{groups}, {names} from placed"
        )
        final = f"select area_level, area_id{groups}, {_sums(scan)} from counted group by area_level, area_id{groups}"
    else:
        steps["leaf"] = f"select area_id{groups}, {_sums(scan)} from chosen group by area_id{groups}"
        final = (
            f"select c.area_level, c.area_id{groups}, {_sums(scan, 'l.')} from leaf l "
            f"inner join closure c on c.leaf_id = l.area_id group by c.area_level, c.area_id{groups}"
        )
    return "with " + ", ".join(f"{name} as ({text})" for name, text in steps.items()) + " " + final


def _groups_of(keys: list[str], by: tuple[str, ...]) -> str:
    """Key and subgroup columns as they are taken from the mart; a missing subgroup value gets a name."""
    own = [*map(quoted, keys), *(f"coalesce({quoted(name)}, {literal(_UNKNOWN)}) as by_{name}" for name in by)]
    return "".join(f", {text}" for text in own)


def _picked(scan: _Scan, keys: list[str]) -> str:
    """Every person's records of the population in order, first or last first; equal dates go by place in the files."""
    direction = "desc" if scan.pick == "last" else "asc"
    order = ", ".join(f"{name} {direction} nulls last" for name in _PICK_ORDER)
    partition = ", ".join([*map(quoted, keys), "person_id"])
    population = f" and ({scan.where})" if scan.where else ""
    return (
        f"select *, row_number() over (partition by {partition} order by {order}) as place "
        f"from mart where person_id is not null{population}"
    )


def _columns(scan: _Scan) -> list[str]:
    return [name for measure_id in scan.measures for name in (quoted(measure_id), _rows(measure_id))]


def _rows(measure_id: str) -> str:
    return quoted(f"{measure_id} rows")


def _flags(scan: _Scan) -> str:
    texts = []
    for measure_id, measure in scan.measures.items():
        match = f"{_where(measure)} and ({measure.filter})" if measure.filter else _where(measure)
        amount = f"coalesce({quoted(measure.column)}, 0)" if measure.column else "1"
        texts.append(f"case when {match} then {amount} else 0 end as {quoted(measure_id)}")
        texts.append(f"case when {match} then 1 else 0 end as {_rows(measure_id)}")
    return ", ".join(texts)


def _sums(scan: _Scan, prefix: str = "") -> str:
    return ", ".join(f"cast(sum({prefix}{name}) as decimal(38, 6)) as {name}" for name in _columns(scan))


def _long(
    wide: pl.DataFrame,
    scan: _Scan,
    keys: list[str],
    by: tuple[str, ...],
    areas: pl.DataFrame,
    known: dict[str, list[str]],
) -> pl.DataFrame:
    """From a column per measure to ind__counts rows, zero where nothing matched, for every rule set that is known."""
    rule_sets = sorted({rules for found in known.values() for rules in found})
    groups = [*keys, *(f"by_{name}" for name in by)]
    filled = areas.join(pl.DataFrame({"rule_set": rule_sets}), how="cross")
    if by:
        filled = filled.join(wide.select(f"by_{name}" for name in by).unique(), how="cross")
    filled = filled.join(wide, on=[*_AREA, *groups], how="left")
    shown = filled.select(*_AREA, "rule_set", _stratum(by).alias("stratum"), *_names(scan))
    rows = [
        shown.filter(pl.col("rule_set").is_in(known[measure_id])).select(
            *_AREA,
            pl.lit(measure_id).alias("measure_id"),
            "rule_set",
            "stratum",
            pl.col(measure_id).fill_null(0).cast(_VALUE).alias("value"),
            pl.col(f"{measure_id} rows").fill_null(0).alias("matched"),
        )
        for measure_id in scan.measures
    ]
    long = pl.concat(rows)
    # A figure that did not arrive is unknown; a record that did not happen is a zero.
    return (long.filter(pl.col("matched") > 0) if scan.mart == FACTS else long).drop("matched")


def _names(scan: _Scan) -> list[str]:
    return [name for measure_id in scan.measures for name in (measure_id, f"{measure_id} rows")]


def _stratum(by: tuple[str, ...]) -> pl.Expr:
    named = sorted((_STRATUM_KEY[name], name) for name in by)
    if not named:
        return pl.lit("all")
    return pl.concat_str([pl.concat_str(pl.lit(f"{key}="), pl.col(f"by_{name}")) for key, name in named], separator=";")
