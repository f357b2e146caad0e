# ruff: noqa: S608  (the texts are made of checked registry entries and quoted column names)
"""Counting: all measures of a mart from one scan, for every area of every level.

Put here: the generated SELECTs and zero-filling. Keep out: what is counted (registry) and rates (indicators.py).
Counts and sums are exact decimals. Zero is written where a mart has data for the period and nothing matched; figures
that arrive already counted are the exception: an area for which none arrived has no row. No data means no row.
"""

from dataclasses import dataclass, field
from itertools import combinations

import polars as pl

from assets.compute.geography import placement, placement_inputs
from assets.compute.inputs import engine_limits, literal, quoted
from assets.compute.marts import mart_columns, mart_names
from assets.compute.plan import FACTS
from assets.engine.duck import Table, query
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.closed import DefinitionError, nearest
from data_contracts.contracts import Catalog
from data_contracts.periods import Period, periods_between
from data_contracts.schemas import gate, table_schema
from data_contracts.settings import Measure, Settings
from data_contracts.tables import output_tables
from sql.portability import NotPortableError, check_condition

_TABLE = "ind__counts"
_VALUE = pl.Decimal(38, 6)
_AREA = ("area_level", "area_id")
_UNKNOWN = "unknown"
_PICK_ORDER = ("event_date", "period", "file_id", "record_no")
_STRATUM_KEY = {"sex": "sex", "age_band": "age"}


@dataclass(frozen=True)
class _Scan:
    """Measures that one SELECT can answer: same mart, periods, population and way of counting."""

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
    counted = [_counted(home, settings, catalog, scan, period, closure) for scan in _scans(settings, catalog)]
    rows = pl.concat([frame for frame in counted if frame is not None] or [table.empty().drop("period")])
    return gate(table_schema(table), table.shape(rows.with_columns(pl.lit(period.key).alias("period"))))


def measure_inputs(settings: Settings, catalog: Catalog, period: Period) -> list[tuple[str, str]]:
    """Every (table, period) that the counts of `period` read."""
    scanned = {(scan.mart, step.key) for scan in _scans(settings, catalog) for step in period.window(scan.window)}
    calendar = periods_between(settings.home.calendar.first, period.key)
    return sorted({*placement_inputs(catalog, period, calendar), *scanned})


def _scans(settings: Settings, catalog: Catalog) -> list[_Scan]:
    known = mart_names(catalog)
    scans: dict[_Scan, _Scan] = {}
    for measure_id, measure in sorted(settings.measures.items()):
        if measure.mart not in known:
            continue
        _check(measure_id, measure, mart_columns(catalog, measure.mart))
        persons = measure.aggregate == "count_persons" and measure.pick is None
        scan = _Scan(measure.mart, measure.window, persons, measure.where, measure.pick, tuple(sorted(measure.by)))
        scans.setdefault(scan, scan).measures[measure_id] = measure
    return list(scans.values())


def _check(measure_id: str, measure: Measure, columns: list[str]) -> None:
    where = f"measures.yaml: {measure_id}"
    needed = [*measure.by, *([measure.column] if measure.column else [])]
    if measure.pick:
        needed += ["person_id", *_PICK_ORDER]
    elif measure.aggregate == "count_persons":
        needed.append("person_id")
    for name in needed:
        if name not in columns:
            near = nearest(name, columns)
            hint = f"; did you mean '{near}'?" if near else ""
            raise DefinitionError(f"{where}: {measure.mart} has no column '{name}'{hint}")
    for text in (measure.where, measure.filter):
        if text is not None:
            try:
                check_condition(text, columns)
            except NotPortableError as error:
                raise DefinitionError(f"{where}: {error}") from None


def _counted(
    home: Home, settings: Settings, catalog: Catalog, scan: _Scan, period: Period, closure: pl.DataFrame
) -> pl.DataFrame | None:
    if not parts.files_in_force(home, scan.mart, [period.key]):
        return None
    files = parts.files_in_force(home, scan.mart, [step.key for step in period.window(scan.window)])
    limits = engine_limits(home, settings)
    if query("select count(*) as n from mart", {"mart": files}, limits=limits)["n"][0] == 0:
        return None
    rule_sets = list(settings.active_rule_sets(period))
    keys = ["rule_set"] if "rule_set" in mart_columns(catalog, scan.mart) else []
    tables: dict[str, Table] = {"mart": files, "closure": closure}
    areas = query("select distinct area_level, area_id from closure", {"closure": closure}, limits=limits)
    found = []
    for size in range(len(scan.by) + 1):
        for by in combinations(scan.by, size):
            wide = query(_select(scan, keys, by), tables, limits=limits)
            found.append(_long(wide, scan, keys, by, areas, rule_sets))
    return pl.concat(found)


def _select(scan: _Scan, keys: list[str], by: tuple[str, ...]) -> str:
    """The SELECT of a scan: a row per area of every level, key and subgroup; per measure its sum and matching rows."""
    groups = "".join(f", {name}" for name in [*map(quoted, keys), *(f"by_{name}" for name in by)])
    population = f"({scan.where})" if scan.where and not scan.pick else "true"
    steps = {
        "chosen": f"select area_id{_groups_of(keys, by)}{', person_id' if scan.persons else ''}, {_flags(scan)} "
        f"from {'picked where place = 1' if scan.pick else f'mart where {population}'}"
    }
    if scan.pick:
        steps = {"picked": _picked(scan, keys), **steps}
    if scan.persons:
        # One row per person and area first, so that a person counts once whatever the number of records.
        highest = ", ".join(f"max({name}) as {name}" for name in _columns(scan))
        steps["leaf"] = (
            f"select area_id{groups}, person_id, {highest} from chosen where person_id is not null "
            f"group by area_id{groups}, person_id"
        )
        steps["placed"] = (
            f"select c.area_level, c.area_id{groups}, l.person_id, {highest.replace('max(', 'max(l.')} from leaf l "
            f"inner join closure c on c.leaf_id = l.area_id group by c.area_level, c.area_id{groups}, l.person_id"
        )
        final = f"select area_level, area_id{groups}, {_sums(scan)} from placed group by area_level, area_id{groups}"
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
        match = f"({measure.filter})" if measure.filter else "true"
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
    rule_sets: list[str],
) -> pl.DataFrame:
    """From a column per measure to ind__counts rows, zero where nothing matched, for every rule set."""
    groups = [*keys, *(f"by_{name}" for name in by)]
    filled = areas.join(pl.DataFrame({"rule_set": rule_sets}), how="cross")
    if by:
        filled = filled.join(wide.select(f"by_{name}" for name in by).unique(), how="cross")
    filled = filled.join(wide, on=[*_AREA, *groups], how="left")
    shown = filled.select(*_AREA, "rule_set", _stratum(by).alias("stratum"), *_names(scan))
    rows = [
        shown.select(
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
