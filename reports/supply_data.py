"""What is supplied: how well each sender shares, and what serves each national basic public-health service.

Put here: rows of these two tables in words. Keep out: markup, and any statistic.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from data_contracts.messages import text
from reports import format as shown
from reports.context import ReportContext
from reports.site_data import Frames, Json, indicator_view, main_rule_set, plain, table, titled

if TYPE_CHECKING:
    from data_contracts.national_services import ServiceRow


def sharing(context: ReportContext, frames: Frames, language: str) -> list[Json]:
    """One row per sender: title, counts as `part / whole` and shares in percent, a dash where there is nothing."""
    frame = table(frames, "quality__sharing")
    if frame is None:
        return []
    return [
        {
            "sender": titled(context.senders, row["sender"], language),
            "feeds": _of(row, "delivered_feeds", "expected_feeds"),
            "made": _of(row, "deliveries", "expected_deliveries"),
            "made_pct": shown.with_unit(row["delivered_pct"], 1, "%"),
            "lacks": row["deliveries"] < row["expected_deliveries"],
            "time": _of(row, "deliveries_on_time", "timed_deliveries"),
            "time_pct": shown.with_unit(row["on_time_pct"], 1, "%"),
            "records": shown.count(row["records"]),
            "linked": _of(row, "linked_records", "person_records"),
            "linked_pct": shown.with_unit(row["linked_pct"], 1, "%"),
        }
        for row in frame.filter(pl.col("period") == context.period).sort("sender").iter_rows(named=True)
    ]


def _of(row: Mapping[str, Any], part: str, whole: str) -> str:
    return f"{shown.count(row[part])} / {shown.count(row[whole])}" if row[whole] else shown.MISSING


def matrix(context: ReportContext, frames: Frames, areas: pl.DataFrame, language: str) -> list[Json]:
    """One row per national service in force: its feeds with what they delivered, its indicators with their values.

    Feeds are `delivered`, `nothing` (none this period) or `none` (not in this home). Values are those of the whole
    area under the first rule set. `gaps` are sentences; a row without gaps is served: all its feeds delivered, all its
    indicators have a value.
    """
    delivered = _delivered(context, frames)
    values = _whole_area(context, frames, areas)
    return [
        {"number": number, **_service(context, row, delivered, values, language)}
        for number, row in enumerate(context.national_services, 1)
    ]


def _service(
    context: ReportContext, row: "ServiceRow", delivered: set[str], values: Mapping[str, Json], language: str
) -> Json:
    silent = [key for key in row.feeds_present if key not in delivered]
    gaps = [row.words(language, context.feeds)] if row.gap != "none" else []
    if silent:
        gaps.append(text("reports.services.nothing", language, feeds=_named(context, silent, language)))
    indicators = [
        _indicator(context, key, values, _silent(row, key, delivered), language) for key in row.indicators_present
    ]
    gaps += [
        text("reports.services.no_value", language, indicator=item["title"], why=item["why"])
        for item in indicators
        if item["value"] == shown.MISSING
    ]
    if row.indicators_present and row.indicators_missing:
        unused = [indicator_view(context, key).titles.get(language) for key in row.indicators_missing]
        gaps.append(text("reports.services.not_used", language, indicators=_listed(unused, language)))
    states = {
        **{key: "nothing" if key in silent else "delivered" for key in row.feeds_present},
        **dict.fromkeys(row.feeds_missing, "none"),
    }
    return {
        "title": row.titles.get(language),
        "reference": row.reference,
        "feeds": [
            {
                "title": titled(context.feeds, key, language),
                "words": text(f"reports.services.feed.{state}", language),
                "look": "good" if state == "delivered" else "bad",
            }
            for key, state in states.items()
        ],
        "indicators": indicators,
        "gaps": gaps,
    }


def _silent(row: "ServiceRow", indicator: str, delivered: set[str]) -> list[str]:
    """The feeds an indicator is made from of which no records came."""
    return [key for key in row.reads.get(indicator, ()) if key not in delivered]


def _named(context: ReportContext, feeds: Iterable[str], language: str) -> str:
    return _listed([titled(context.feeds, key, language) for key in feeds], language)


def _listed(names: Iterable[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(names)


def _indicator(
    context: ReportContext, key: str, values: Mapping[str, Json], silent: Sequence[str], language: str
) -> Json:
    """`silent`: feeds it is made from that brought nothing, the likely reason where it has no value."""
    view, row = indicator_view(context, key), values.get(key)
    status = str(row["status"]) if row else "no_data"
    why = "" if status == "ok" else text(f"reports.status.{status}", language)
    if why and silent:
        feeds = _named(context, silent, language)
        why = text("reports.services.for_lack", language, why=why, feeds=feeds)
    value = plain(row["value"]) if row else None
    counts = [shown.count(row[name]) for name in ("numerator", "denominator")] if row and value is not None else []
    return {
        "id": key,
        "title": view.titles.get(language),
        "value": shown.with_unit(value, view.digits, view.unit.get(language)),
        "counts": " / ".join(counts),
        "why": why,
    }


def _delivered(context: ReportContext, frames: Frames) -> set[str]:
    """Feeds of which records of the period are in force."""
    files = table(frames, "quality__files")
    if files is None:
        return set()
    known = files.filter(pl.col("period") == context.period, pl.col("current") > 0)
    return {f"{sender}.{feed}" for sender, feed in known.select("sender", "feed").unique().iter_rows()}


def _whole_area(context: ReportContext, frames: Frames, areas: pl.DataFrame) -> dict[str, Json]:
    """Indicator → its row for the one area that holds all others; nothing where there is no such area."""
    top = areas.filter(pl.col("depth") == 0) if areas.height else areas
    values = main_rule_set(context, table(frames, "ind__values"))
    if top.height != 1 or values is None:
        return {}
    here = (pl.col("area_level") == top["area_level"][0]) & (pl.col("area_id") == top["area_id"][0])
    rows = values.filter(here, pl.col("stratum") == "all").iter_rows(named=True)
    return {row["indicator_id"]: row for row in rows}
