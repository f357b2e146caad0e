"""Published tables turned into the compact lists that a page draws.

Put here: choosing columns and rows, ordering them like the list of areas, replacing names by positions.
Keep out: markup, colours, files, and any statistic.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import polars as pl

from data_contracts.closed import Bilingual
from data_contracts.messages import catalogue, text
from data_contracts.periods import GRAINS, Period, periods_between
from reports import format as shown
from reports.context import IndicatorView, ReportContext

Frames = Mapping[str, pl.DataFrame]
Json = dict[str, Any]

STATUSES = (
    "ok", "unstable", "no_data", "not_due", "no_denominator",
    "small_denominator", "not_applicable", "suppressed", "error",
)  # fmt: skip
DIMENSIONS = ("health_outcome", "service_process", "policy_effectiveness")
FILE_COUNTS = ("records", "unreadable", "non_data", "quarantined", "current", "superseded", "duplicate")
# A trend of every small area would make pages of many megabytes; upper levels come first.
TREND_CELLS = 150_000
_NO_DATA = STATUSES.index("no_data")


def table(frames: Frames, name: str) -> pl.DataFrame | None:
    """The table when it was given and has rows."""
    frame = frames.get(name)
    return frame if frame is not None and frame.height else None


def areas_of(context: ReportContext, frames: Frames) -> pl.DataFrame:
    """Areas of the period, top level first, then by id, with `position` 0, 1, …; empty when there are none."""
    frame = frames.get("areas")
    if frame is None:
        frame = pl.DataFrame(schema=dict.fromkeys(("period", "area_level", "area_id"), pl.String))
    depth = {level: order for order, level in enumerate(reversed(list(context.levels)))}
    return (
        frame.filter(pl.col("period") == context.period, pl.col("area_level").is_in(list(depth)))
        .with_columns(depth=pl.col("area_level").replace_strict(depth, default=0, return_dtype=pl.Int64))
        .sort("depth", "area_id")
        .with_row_index("position")
        .with_columns(pl.col("position").cast(pl.Int64))
    )


def area_lists(areas: pl.DataFrame, language: str) -> Json:
    """Parallel lists over areas; `parent` is a position or -1. The other language's name is kept for search."""
    if areas.is_empty():
        return {key: [] for key in ("id", "name", "alt", "level", "parent", "rural", "leaves")}
    ids = areas["area_id"].to_list()
    positions = {
        (depth, area): position for depth, area, position in areas.select("depth", "area_id", "position").iter_rows()
    }
    chinese, english = areas["area_name"].to_list(), areas["area_name_en"].to_list()
    names = [zh or en or area for zh, en, area in zip(chinese, english, ids, strict=True)]
    others = [en or zh or area for zh, en, area in zip(chinese, english, ids, strict=True)]
    own, other = (names, others) if language == "zh" else (others, names)
    return {
        "id": ids,
        "name": own,
        "alt": ["" if first == second else second for first, second in zip(own, other, strict=True)],
        "level": areas["depth"].to_list(),
        "parent": [
            positions.get((depth - 1, parent), -1) for depth, parent in areas.select("depth", "parent_id").iter_rows()
        ],
        "rural": areas["is_rural"].to_list(),
        "leaves": areas["leaf_count"].to_list(),
    }


def plain(value: Decimal | float | int | None) -> float | int | None:
    """A published number as JSON writes it: whole numbers without a point."""
    if value is None or value != value:
        return None
    return int(value) if value == int(value) else float(value)


def aligned(areas: pl.DataFrame, rows: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """`columns` of `rows` in the order of `areas`, null where an area has no row."""
    keys = ["area_level", "area_id"]
    return (
        areas.select("position", *keys)
        .join(rows.select(*keys, *columns), on=keys, how="left", maintain_order="left")
        .sort("position")
    )


def numbers(frame: pl.DataFrame, column: str) -> list[float | int | None]:
    """A column as JSON writes its numbers."""
    return [plain(value) for value in frame[column].to_list()]


def indicator_keys(context: ReportContext, frames: Frames) -> list[tuple[str, str]]:
    """(indicator, rule set) pairs of the period: dictionary order, then any others by id; main rule set first."""
    values = table(frames, "ind__values")
    if values is None:
        return []
    found = set(
        values.filter(pl.col("period") == context.period, pl.col("stratum") == "all")
        .select("indicator_id", "rule_set")
        .unique()
        .iter_rows()
    )
    first, second = list(context.indicators), list(context.rule_sets)

    def order(key: tuple[str, str]) -> tuple[int, str, int, str]:
        places = (
            first.index(key[0]) if key[0] in first else len(first),
            second.index(key[1]) if key[1] in second else len(second),
        )
        return (places[0], key[0], places[1], key[1])

    return sorted(found, key=order)


def indicator_view(context: ReportContext, indicator_id: str) -> IndicatorView:
    """The dictionary entry, or a bare one that shows the id."""
    return context.indicators.get(indicator_id) or IndicatorView(Bilingual(zh=indicator_id, en=indicator_id))


def indicators_payload(
    context: ReportContext, frames: Frames, areas: pl.DataFrame, keys: list[tuple[str, str]], language: str
) -> list[Json]:
    """One entry per (indicator, rule set): dictionary words and number lists over areas; `past` = last year."""
    if not keys:
        return []
    # One pass over the table; filtering it again for every indicator would cost a scan each.
    parts = series(context, frames).partition_by("indicator_id", "rule_set", as_dict=True)
    entries = []
    for indicator_id, rule_set in keys:
        history = parts[(indicator_id, rule_set)]
        now = aligned(
            areas,
            history.filter(pl.col("period") == context.period),
            ["numerator", "denominator", "value", "lower", "upper", "status"],
        )
        entry = _dictionary(context, indicator_id, rule_set, language)
        entry |= {
            "num": numbers(now, "numerator"),
            "den": numbers(now, "denominator"),
            "val": numbers(now, "value"),
            "lo": numbers(now, "lower"),
            "hi": numbers(now, "upper"),
            "st": [STATUSES.index(status) if status in STATUSES else _NO_DATA for status in now["status"].to_list()],
            "past": numbers(
                aligned(areas, history.filter(pl.col("period") == _last_year(context)), ["value"]), "value"
            ),
        }
        entry["trend"] = _trend(context, history, areas, len(keys), language)
        entries.append(entry)
    return entries


def _last_year(context: ReportContext) -> str:
    period = Period.parse(context.period)
    return period.shift(-GRAINS[period.grain]).key


def _dictionary(context: ReportContext, indicator_id: str, rule_set: str, language: str) -> Json:
    view = indicator_view(context, indicator_id)
    rules, stated = context.rule_sets.get(rule_set), context.parameters.get(rule_set, {})
    return {
        "id": indicator_id,
        "ruleSet": rule_set,
        "ruleSetTitle": rules.get(language) if rules else rule_set,
        "title": view.titles.get(language),
        "definition": view.definition.get(language),
        "unit": view.unit.get(language),
        "digits": view.digits,
        "direction": view.direction,
        "targets": [[value, reference] for value, reference in view.targets],
        "owner": view.owner.get(language),
        "method": view.method.get(language),
        "numWords": view.numerator.get(language),
        "denWords": view.denominator.get(language),
        "reference": view.reference,
        "parameters": [[word.get(language) for word in stated[name]] for name in view.parameters if name in stated],
        "numIn": view.numerator_in,
        "denIn": view.denominator_in,
    }


def _trend(context: ReportContext, history: pl.DataFrame, areas: pl.DataFrame, entries: int, language: str) -> Json:
    """Values of all periods up to this one for the upper levels that fit; lists by period, then by position.

    A period without any data between others keeps its place and has empty lists. `moved`: by period the positions
    whose value was counted anew on the areas of this period.
    """
    past = history.filter(pl.col("period") <= context.period)
    parts = past.partition_by("period", as_dict=True)
    known = sorted(past["period"].unique().to_list())
    periods = [period.key for period in periods_between(known[0], known[-1])]
    included, budget = 0, TREND_CELLS // max(1, entries * len(known))
    for size in areas.group_by("depth").len().sort("depth")["len"].to_list():
        if included + size > budget:
            break
        included += size
    trend: Json = {
        "keys": periods,
        "periods": [shown.period(period, language) for period in periods],
        "count": included,
    }
    nothing, columns = past.clear(), ["value", "lower", "upper", "moved"]
    rows = [aligned(areas.head(included), parts.get((period,), nothing), columns) for period in periods]
    for short, column in (("val", "value"), ("lo", "lower"), ("hi", "upper")):
        lists = [numbers(frame, column) for frame in rows]
        trend[short] = [row if period in known else [] for period, row in zip(periods, lists, strict=True)]
    trend["moved"] = [frame.filter("moved")["position"].to_list() for frame in rows]
    return trend


def series(context: ReportContext, frames: Frames) -> pl.DataFrame:
    """Values of all periods, those of earlier ones on the areas of this period where they are not the same."""
    values = frames["ind__values"].filter(pl.col("stratum") == "all")
    anew = table(frames, "ind__rebased")
    if anew is None:
        return values.with_columns(moved=pl.lit(value=False))
    anew = anew.filter(pl.col("geography") == context.period, pl.col("stratum") == "all").select(values.columns)
    own = values.join(anew, on=["area_level", "area_id", "period", "indicator_id", "rule_set"], how="anti")
    return pl.concat([own.with_columns(moved=pl.lit(value=False)), anew.with_columns(moved=pl.lit(value=True))])


def scores_payload(context: ReportContext, frames: Frames, areas: pl.DataFrame, language: str) -> list[Json]:
    """One entry per policy: value, bounds and weight of every dimension and of the total, grade and status."""
    scores = table(frames, "score__policies")
    scores = main_rule_set(context, scores)
    entries = []
    for policy_id in sorted(scores["policy_id"].unique().to_list()) if scores is not None else []:
        mine = scores.filter(pl.col("policy_id") == policy_id)  # type: ignore[union-attr]
        view = context.policies.get(policy_id)
        parts: Json = {}
        held: list[bool] = []
        for dimension in (*DIMENSIONS, "total"):
            rows = aligned(
                areas,
                mine.filter(pl.col("dimension") == dimension),
                ["value", "lower", "upper", "weight", "coverage", "grade", "status"],
            )
            parts[dimension] = {
                "val": numbers(rows, "value"),
                "lo": numbers(rows, "lower"),
                "hi": numbers(rows, "upper"),
                "weight": next((plain(weight) for weight in rows["weight"].to_list() if weight is not None), None),
            }
            if dimension == "total":
                parts["st"] = [status_code(status) for status in rows["status"].to_list()]
                parts["grade"] = [titled(context.grades, grade, language) for grade in rows["grade"].to_list()]
                parts["coverage"] = numbers(rows, "coverage")
                held = [status is not None for status in rows["status"].to_list()]
        entries.append(
            {
                "id": policy_id,
                "title": view.titles.get(language) if view else policy_id,
                "class": view.class_titles.get(language) if view else "",
                "document": view.document if view else "",
                "group": view.target_group.get(language) if view else "",
                "owner": view.owner.get(language) if view else "",
                "parts": parts,
                "holds": held,
            }
        )
    return entries


def main_rule_set(context: ReportContext, frame: pl.DataFrame | None) -> pl.DataFrame | None:
    """Rows of this period under the most important rule set that has any; None without rows."""
    if frame is None:
        return None
    frame = frame.filter(pl.col("period") == context.period)
    chosen = chosen_rule_set(context, frame)
    return frame.filter(pl.col("rule_set") == chosen) if chosen is not None else None


def chosen_rule_set(context: ReportContext, frame: pl.DataFrame) -> str | None:
    """The most important rule set that has rows."""
    present = sorted(frame["rule_set"].unique().to_list())
    return next((key for key in context.rule_sets if key in present), present[0] if present else None)


def status_code(status: str | None) -> int:
    """The place of a status in the list that every page carries."""
    return STATUSES.index(status) if status in STATUSES else _NO_DATA


def titled(titles: Mapping[str, Bilingual], key: str | None, language: str) -> str:
    """The title of `key`, or the key itself where none is known."""
    if key is None:
        return ""
    return titles[key].get(language) if key in titles else key


def risk_payload(context: ReportContext, frames: Frames, areas: pl.DataFrame, language: str) -> Json | None:
    """Total with bounds and the contribution of every component, as lists over areas."""
    risk = main_rule_set(context, table(frames, "risk__areas"))
    if risk is None:
        return None
    total = aligned(areas, risk.filter(pl.col("component") == "total"), ["value", "lower", "upper", "status"])
    # Components that are no indicators are called as their index says.
    named = next((index.parts for index in context.indices.values() if index.used), {})
    components = []
    for component in sorted(set(risk["component"].to_list()) - {"total"}):
        rows = aligned(
            areas, risk.filter(pl.col("component") == component), ["raw_value", "value", "weight", "contribution"]
        )
        view = indicator_view(context, component)
        components.append(
            {
                "id": component,
                "title": named[component][0].get(language) if component in named else view.titles.get(language),
                "unit": view.unit.get(language) or (named[component][1] if component in named else ""),
                "digits": view.digits,
                "weight": next((plain(weight) for weight in rows["weight"].to_list() if weight is not None), None),
                "raw": numbers(rows, "raw_value"),
                "points": numbers(rows, "value"),
                "contribution": numbers(rows, "contribution"),
            }
        )
    return {
        "val": numbers(total, "value"),
        "lo": numbers(total, "lower"),
        "hi": numbers(total, "upper"),
        "st": [status_code(status) for status in total["status"].to_list()],
        "components": components,
    }


def script_strings(language: str) -> dict[str, str]:
    """Every label the pages' script uses, by the part of its id after the prefix."""
    prefix = "reports.js."
    strings = {
        key[len(prefix) :]: words[language] for key, words in sorted(catalogue().items()) if key.startswith(prefix)
    }
    for status in STATUSES:
        strings[f"status.{status}"] = text(f"reports.status.{status}", language)
    for dimension in (*DIMENSIONS, "total"):
        strings[f"dimension.{dimension}"] = text(f"reports.dimension.{dimension}", language)
    for name in FILE_COUNTS:
        strings[f"count.{name}"] = text(f"reports.count.{name}", language)
    return strings
