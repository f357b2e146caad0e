"""Indicator values: counts to values with interval, method and status, for every area, rule set and subgroup.

Put here: pairing numerators with denominators and calling evaluations. Keep out: counting (measures.py), formulas
(evaluations) and definitions (registry). A value is shown only with status ok or unstable.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import TypeVar

import polars as pl

from assets.compute.geography import placement
from assets.compute.inputs import engine_limits, periods_per_year, quoted, whole_window
from assets.compute.marts import mart_columns, mart_names
from assets.compute.plan import CLOSURE
from assets.engine.duck import Table, query
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.contracts import Catalog
from data_contracts.messages import wrong_condition
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.counting import Indicator, SurveyDesign
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables
from evaluations.intervals import proportion_with_interval, rate_with_interval, ratio, relative_ratio
from evaluations.status import SHOWN, status_of
from evaluations.survey import survey_proportion
from sql.portability import NotPortableError, check_condition

_TABLE = "ind__values"
_COUNTS = "ind__counts"
_AREA = ["area_level", "area_id"]
_KEY = [*_AREA, "rule_set", "stratum"]
_EXACT = pl.Decimal(38, 6)
_LIMITS = ("value", "lower", "upper")
_REFERENCE = "reference_id"
_Rows = TypeVar("_Rows", pl.DataFrame, pl.DataFrame | None)


@dataclass(frozen=True)
class Geography:
    """Where the lowest-level areas lie and what was counted there: closure, rows of ind__counts.

    `partial`: areas that hold part of a lowest-level area of earlier periods, as placement() finds them.
    """

    closure: pl.DataFrame
    counts: pl.DataFrame
    partial: pl.DataFrame


def indicator_values(
    home: Home, settings: Settings, catalog: Catalog, period: Period, geography: Geography | None = None
) -> pl.DataFrame:
    """Rows of ind__values for one period: every active indicator × area of every level × rule set × stratum.

    Uses ind__counts of the period, or those of another `geography`, and, for surveys, their marts. An area without
    counts has status no_data. Counts of single policies are left to policies.py.
    """
    table = output_tables()[_TABLE]
    geography = geography or _own_geography(home, settings, catalog, period)
    rule_sets = list(settings.active_rule_sets(period))
    if geography is None or not rule_sets:
        return table.empty()
    closure, counts = (
        geography.closure,
        geography.counts.filter(~pl.col("stratum").str.contains("policy=", literal=True)),
    )
    grid = closure.select(_AREA).unique().join(pl.DataFrame({"rule_set": rule_sets}), how="cross").sort(_KEY[:3])
    found = []
    for indicator_id, indicator in settings.active_indicators().items():
        blurred = _blurred(settings, indicator, geography.partial, period)
        if indicator.survey:
            samples = _samples(home, settings, catalog, indicator_id, indicator, closure, period)
            values = _survey(grid, _outside(samples, blurred), indicator, period)
        else:
            values = _from_counts(grid, _outside(counts, blurred), closure, indicator, period)
        values = _without_history(values, blurred)
        if indicator.above_lowest_level and len(settings.levels) > 1:
            values = _not_at(values, settings.levels[0])
        found.append(values.with_columns(pl.lit(indicator_id).alias("indicator_id")))
    if not found:
        return table.empty()
    return gate(table_schema(table), table.shape(pl.concat(found).with_columns(pl.lit(period.key).alias("period"))))


def _blurred(settings: Settings, indicator: Indicator, partial: pl.DataFrame, period: Period) -> pl.DataFrame:
    """Areas that hold part of a lowest-level area which records within the windows of the indicator lie in."""
    measures = [settings.measures.get(name or "") for name in (indicator.numerator, indicator.denominator)]
    windows = {measure.window for measure in measures if measure} or {indicator.window}
    since = min(period.window(window)[0].start for window in windows)
    return partial.filter(pl.col("listed_until") >= since).select(_AREA)


def _outside(frame: _Rows, areas: pl.DataFrame) -> _Rows:
    """The rows of other areas."""
    return (
        frame if frame is None or areas.is_empty() else frame.join(areas, on=_AREA, how="anti", maintain_order="left")
    )


def _without_history(values: pl.DataFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """`values` with the reason why nothing is known in `areas`: the records of part of the window cannot be placed."""
    inside = pl.struct(_AREA).is_in(areas.select(pl.struct(_AREA).implode()).to_series())
    status = pl.when(inside & (pl.col("status") == "no_data")).then(pl.lit("not_applicable")).otherwise("status")
    return values if areas.is_empty() else values.with_columns(status.alias("status"))


def _own_geography(home: Home, settings: Settings, catalog: Catalog, period: Period) -> Geography | None:
    own = placement(home, settings, catalog, period, period)
    if own is None:
        return None
    counts = parts.read_table(home, _COUNTS, [period.key])
    return Geography(own.closure, output_tables()[_COUNTS].empty() if counts is None else counts, own.partial)


def value_inputs(settings: Settings, catalog: Catalog, period: Period) -> list[tuple[str, str]]:
    """Every (table, period) that the values of `period` read."""
    known = mart_names(catalog)
    surveys = {
        (indicator.survey.mart, step.key)
        for indicator in settings.active_indicators().values()
        if indicator.survey and indicator.survey.mart in known
        for step in period.window(indicator.window)
    }
    return sorted({(_COUNTS, period.key), (CLOSURE, period.key), *surveys})


def _from_counts(
    grid: pl.DataFrame, counts: pl.DataFrame, closure: pl.DataFrame, indicator: Indicator, period: Period
) -> pl.DataFrame:
    top = _measure(counts, indicator.numerator, "numerator")
    bottom = _measure(counts, indicator.denominator, "denominator")
    strata = sorted({"all", *(set(top["stratum"].unique()) & set(bottom["stratum"].unique()))})
    frame = grid.join(pl.DataFrame({"stratum": strata}), how="cross")
    for side in (top, bottom):
        frame = frame.join(side, on=_KEY, how="left", maintain_order="left")
    if indicator.denominator_factor == "time_progress":
        frame = frame.with_columns(_times(frame["denominator"], period.time_progress))
    return _finished(_valued(frame, closure, indicator, period), indicator, period)


def _measure(counts: pl.DataFrame, measure_id: str | None, side: str) -> pl.DataFrame:
    return counts.filter(pl.col("measure_id") == measure_id).select(*_KEY, pl.col("value").alias(side))


def _times(values: pl.Series, factor: Fraction) -> pl.Series:
    """Exact product rounded half up to 6 digits."""

    def product(value: Decimal | None) -> Decimal | None:
        if value is None:
            return None
        whole = value * factor.numerator / factor.denominator
        return whole.quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)

    with localcontext() as context:
        context.prec = 60
        return pl.Series(values.name, [product(value) for value in values], dtype=_EXACT)


def _valued(frame: pl.DataFrame, closure: pl.DataFrame, indicator: Indicator, period: Period) -> pl.DataFrame:
    multiplier, confidence = _multiplier(indicator, period), float(indicator.confidence)
    if indicator.kind == "proportion":
        return proportion_with_interval(frame, "numerator", "denominator", multiplier, confidence)
    if indicator.kind == "rate":
        return rate_with_interval(frame, "numerator", "denominator", multiplier, confidence)
    if indicator.kind == "derived":
        return _DERIVED[str(indicator.function)](frame, closure, indicator, multiplier)
    return ratio(frame, "numerator", "denominator", multiplier)


def _multiplier(indicator: Indicator, period: Period) -> float:
    """The registry's multiplier, raised to a year's worth where the indicator says that it is annualised."""
    if not indicator.annualised:
        return float(indicator.multiplier)
    return float(indicator.multiplier * periods_per_year(period) / len(period.window(indicator.window)))


def _relative(frame: pl.DataFrame, closure: pl.DataFrame, indicator: Indicator, multiplier: float) -> pl.DataFrame:
    """Each area against the area of the reference level it lies in; one that lies in none or several has no value."""
    above = closure.filter(pl.col("area_level") == indicator.reference_level)
    placed = (
        closure.join(above.select("leaf_id", pl.col("area_id").alias(_REFERENCE)), on="leaf_id")
        .group_by(_AREA)
        .agg(pl.col(_REFERENCE).unique())
        .filter(pl.col(_REFERENCE).list.len() == 1)
        .with_columns(pl.col(_REFERENCE).list.first())
    )
    joined = frame.join(placed, on=_AREA, how="left", maintain_order="left")
    whole = frame.filter(pl.col("area_level") == indicator.reference_level)
    reference = {
        (area, rules, stratum): (float(top), float(bottom))
        for area, rules, stratum, top, bottom in whole.select(
            "area_id", "rule_set", "stratum", "numerator", "denominator"
        ).iter_rows()
        if top and bottom
    }
    keys = [_REFERENCE, "rule_set", "stratum"]
    groups = [
        relative_ratio(part, "numerator", "denominator", reference.get(key, (0.0, 0.0)), multiplier)
        for key, part in joined.partition_by(keys, as_dict=True, maintain_order=True).items()
    ]
    return pl.concat(groups).drop(_REFERENCE)


_DERIVED: dict[str, Callable[[pl.DataFrame, pl.DataFrame, Indicator, float], pl.DataFrame]] = {
    "relative_ratio": _relative
}


def _samples(
    home: Home,
    settings: Settings,
    catalog: Catalog,
    indicator_id: str,
    indicator: Indicator,
    closure: pl.DataFrame,
    period: Period,
) -> pl.DataFrame | None:
    """Valid answers with their design, once for every area they lie in; None where the mart has no data."""
    design = indicator.survey
    if design is None or design.mart not in mart_names(catalog):
        return None
    files = whole_window(home, settings, design.mart, period, indicator.window)
    if not files:
        return None
    _check_design(indicator_id, design, mart_columns(catalog, design.mart))
    sql = (
        "select c.area_level, c.area_id, s.* from "  # noqa: S608  (checked conditions, quoted columns)
        f"(select area_id as leaf_id, period || '|' || {quoted(design.stratum)} as design_stratum, "
        f"{quoted(design.psu)} as design_psu, {quoted(design.weight)} as design_weight, "
        f"coalesce(({design.success}), false) as success from mart "
        f"where ({design.valid}) and {quoted(design.weight)} is not null) s "
        "inner join closure c on c.leaf_id = s.leaf_id "
        "order by c.area_level, c.area_id, s.design_stratum, s.design_psu, s.design_weight, s.success"
    )
    tables: dict[str, Table] = {"mart": files, "closure": closure}
    return query(sql, tables, limits=engine_limits(home, settings))


def _check_design(indicator_id: str, design: SurveyDesign, columns: list[str]) -> None:
    try:
        for text in (design.success, design.valid, design.stratum, design.psu, design.weight):
            check_condition(text, columns)
    except NotPortableError as error:
        raise wrong_condition(f"indicators.yaml: {indicator_id}: survey: {design.mart}", str(error)) from None


def _survey(grid: pl.DataFrame, samples: pl.DataFrame | None, indicator: Indicator, period: Period) -> pl.DataFrame:
    empty = {"numerator": _EXACT, "denominator": _EXACT, **dict.fromkeys(_LIMITS, pl.Float64()), "method": pl.String()}
    if samples is None or samples.is_empty():
        frame = grid.with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in empty.items())
    else:
        found = survey_proportion(
            samples,
            _AREA,
            stratum="design_stratum",
            psu="design_psu",
            weight="design_weight",
            success="success",
            confidence=float(indicator.confidence),
        )
        scale = float(indicator.multiplier)
        chosen = found.select(
            *_AREA,
            pl.col("numerator", "denominator").cast(_EXACT),
            *(pl.col(name) * scale for name in _LIMITS),
            "method",
        )
        frame = grid.join(chosen, on=_AREA, how="left", maintain_order="left")
    return _finished(frame.with_columns(pl.lit("all").alias("stratum")), indicator, period)


def _not_at(frame: pl.DataFrame, level: str) -> pl.DataFrame:
    """`frame` without values at `level`, where the indicator means nothing; what was counted there stays."""
    at = pl.col("area_level") == level
    return frame.with_columns(
        *(pl.when(at).then(None).otherwise(pl.col(name)).alias(name) for name in _LIMITS),
        pl.when(at).then(pl.lit("none")).otherwise("method").alias("method"),
        pl.when(at).then(pl.lit("not_applicable")).otherwise("status").alias("status"),
    )


def _finished(frame: pl.DataFrame, indicator: Indicator, period: Period) -> pl.DataFrame:
    """Status decided, digits rounded, values that may not be shown removed."""
    status = status_of(
        "numerator",
        "denominator",
        minimum_denominator=float(indicator.minimum_denominator),
        unstable_below=float(indicator.unstable_below),
        due=indicator.due is None or period.index in indicator.due,
    )
    judged = frame.with_columns(status.alias("status")).with_columns(
        # A reference that is missing or zero leaves no value although the area's own counts are there.
        pl.when(pl.col("status").is_in(SHOWN) & pl.col("value").is_null())
        .then(pl.lit("no_denominator"))
        .otherwise(pl.col("status"))
        .alias("status")
    )
    shown = pl.col("status").is_in(SHOWN)
    return judged.select(
        *_KEY,
        "numerator",
        "denominator",
        # Adding zero turns a rounded -0.0 into 0.0, which would print differently.
        *(pl.when(shown).then(pl.col(name).round(indicator.digits) + 0.0).alias(name) for name in _LIMITS),
        pl.when(shown).then(pl.col("method")).otherwise(pl.lit("none")).alias("method"),
        "status",
    )
