"""How sure scores and risk are, as the pages draw it: rank intervals, chances of grades, weights and incentives.

Put here: choosing and ordering rows of the score and risk tables. Keep out: markup, colours, and any statistic.
"""

from collections.abc import Iterable
from typing import Any

import polars as pl

from data_contracts.messages import text
from reports.context import ReportContext
from reports.index_views import IndexView
from reports.site_data import (
    DIMENSIONS,
    Frames,
    Json,
    aligned,
    indicator_view,
    main_rule_set,
    numbers,
    plain,
    table,
    titled,
)

_TOTAL = "total"


def policies_sure(context: ReportContext, frames: Frames, areas: pl.DataFrame, language: str) -> dict[str, Json]:
    """Policy → how sure its score is."""
    return {
        policy: _sure(context, frames, areas, language, "score", "policy_id", policy)
        | {"lock": _lock(context, f"policy:{policy}", language), "among": _among(context, frames, policy, areas)}
        for policy in _named(context, frames, "score__ranks", "policy_id")
    }


def risk_sure(context: ReportContext, frames: Frames, areas: pl.DataFrame, language: str) -> list[Json]:
    """The index that need follows, then those beside it, with what is wrong with each."""
    found = _named(context, frames, "risk__ranks", "index_id")
    entries = []
    for index in [
        *(key for key in context.indices if key in found),
        *(key for key in found if key not in context.indices),
    ]:
        view = context.indices.get(index)
        own = _sure(context, frames, areas, language, "risk", "index_id", index)
        entries.append(
            own
            | {
                "id": index,
                "title": view.titles.get(language) if view else index,
                "reference": view.reference if view else "",
                "used": bool(view and view.used),
                "lock": _lock(context, f"index:{index}", language),
                "values": _values(context, frames, areas, index),
                "incentives": _incentives(context, frames, areas, index, language),
                "notes": list(_notes(context, view, language)) if view else [],
            }
        )
    return entries


def incentive_words(context: ReportContext, frames: Frames, areas: pl.DataFrame, language: str) -> list[Json]:
    """What is wrong with each index of need, in sentences for the lowest level that has figures.

    An index without any component that areas can move has no defect; one with such components has it whatever the
    figures are, and a component without figures is named as one that cannot be told.
    """
    said = []
    for entry in risk_sure(context, frames, areas, language):
        depth = _lowest_known(entry["incentives"])
        rows = entry["incentives"].get(depth, [])
        level = list(reversed(list(context.levels.values())))[int(depth)].get(language) if rows else ""
        sentences = [
            text(f"reports.incentive.{'line' if row['units'] else 'unknown'}", language, title=row["title"],
                 unit=row["unit"], losing=row["losing"], units=row["units"], level=level,
                 points="" if row["mean"] is None else f"{row['mean']:.2f}")
            for row in rows
        ]  # fmt: skip
        used = "used" if entry["used"] else "beside"
        head = text(f"reports.incentive.{'defect' if rows else 'none'}", language, title=entry["title"])
        said.append({"head": head, "lines": sentences, "status": text(f"reports.incentive.{used}", language),
                     "notes": entry["notes"], "lock": entry["lock"]})  # fmt: skip
    return said


def _lowest_known(incentives: Json) -> str:
    """The lowest level at which any component has figures, else the lowest there is."""
    depths = sorted(incentives, key=int, reverse=True)
    known = [depth for depth in depths if any(row["units"] for row in incentives[depth])]
    return str([*known, *depths, "0"][0])


def _named(context: ReportContext, frames: Frames, name: str, column: str) -> list[str]:
    frame = main_rule_set(context, table(frames, name))
    return [] if frame is None else sorted(frame[column].unique().to_list())


def _rows(context: ReportContext, frames: Frames, name: str, column: str, key: str) -> pl.DataFrame | None:
    frame = main_rule_set(context, table(frames, name))
    return None if frame is None else frame.filter(pl.col(column) == key)


def _sure(
    context: ReportContext, frames: Frames, areas: pl.DataFrame, language: str, stage: str, column: str, key: str
) -> Json:
    ranks = _rows(context, frames, f"{stage}__ranks", column, key)
    result: Json = {"rank": [], "of": [], "median": [], "lo": [], "hi": [], "top": []}
    if ranks is not None:
        mine = ranks.filter(pl.col("among") == "areas") if "among" in ranks.columns else ranks
        rows = aligned(areas, mine, ["rank", "of", "median", "lower", "upper", "chance_of_top"])
        names = {"rank": "rank", "of": "of", "median": "median", "lo": "lower", "hi": "upper", "top": "chance_of_top"}
        result = {short: numbers(rows, name) for short, name in names.items()}
    view = context.indices.get(key)
    chances = _rows(context, frames, f"{stage}__grades", column, key)
    titles = view.grades if view else context.grades
    result["grades"] = []
    if chances is not None:
        known = chances["grade"].unique().to_list()
        for grade in [*(item for item in titles if item in known), *sorted(set(known) - set(titles))]:
            rows = aligned(areas, chances.filter(pl.col("grade") == grade), ["chance"])
            shares = [None if share is None else round(share, 3) for share in rows["chance"].to_list()]
            result["grades"].append({"title": titled(titles, grade, language), "chance": shares})
    weights = _rows(context, frames, f"{stage}__weights", column, key)
    result["weights"] = {} if weights is None else _weights(context, weights, view, language)
    choices = _rows(context, frames, f"{stage}__sensitivity", column, key)
    result["choices"] = {} if choices is None else _choices(context, choices, language)
    return result


def _choices(context: ReportContext, effects: pl.DataFrame, language: str) -> Json:
    """Depth of the level, as text → what each drawn choice does to the ranks."""
    names = {"first": "first", "first_lo": "first_lower", "first_hi": "first_upper",
             "total": "total", "total_lo": "total_lower", "total_hi": "total_upper"}  # fmt: skip
    return {
        depth: [
            {"title": text(f"index.choice.{row['choice']}", language)}
            | {short: plain(row[name]) for short, name in names.items()}
            for row in rows.to_dicts()
        ]
        for depth, rows in _by_level(context, effects)
    }


def _weights(context: ReportContext, weights: pl.DataFrame, view: IndexView | None, language: str) -> Json:
    """Depth of the level, as text → rows by falling weight; groups only where there are any below the whole."""
    return {
        depth: [
            {
                "title": _title(context, view, row["part"], language),
                "kind": text(f"reports.kind_of_part.{row['kind']}", language),
                "overall": plain(row["overall"]),
                "importance": plain(row["importance"]),
                "flag": text(f"reports.importance.{row['flag']}", language) if row["flag"] else "",
                "shift": plain(row["mean_shift"]),
                "most": plain(row["largest_shift"]),
                "lost": row["units_lost"],
            }
            for row in rows.filter(pl.col("kind") != "group")
            .sort("overall", "part", descending=[True, False])
            .to_dicts()
        ]
        for depth, rows in _by_level(context, weights)
    }


def _by_level(context: ReportContext, frame: pl.DataFrame) -> Iterable[tuple[str, pl.DataFrame]]:
    for depth, level in enumerate(reversed(list(context.levels))):
        rows = frame.filter(pl.col("area_level") == level)
        if rows.height:
            yield str(depth), rows


def _title(context: ReportContext, view: IndexView | None, part: str, language: str) -> str:
    if view and part in view.parts:
        return view.parts[part][0].get(language)
    if part in DIMENSIONS:
        return text(f"reports.dimension.{part}", language)
    return indicator_view(context, part.rpartition("/")[2]).titles.get(language)


def _values(context: ReportContext, frames: Frames, areas: pl.DataFrame, index: str) -> Json:
    """Totals of an index over areas, wherever they are published."""
    for name in ("risk__areas", "risk__compared"):
        rows = _rows(context, frames, name, "index_id", index) if _has_index(frames, name) else None
        if rows is not None and rows.height:
            total = aligned(areas, rows.filter(pl.col("component") == _TOTAL), ["value", "lower", "upper"])
            return {"val": numbers(total, "value"), "lo": numbers(total, "lower"), "hi": numbers(total, "upper")}
    return {"val": [], "lo": [], "hi": []}


def _has_index(frames: Frames, name: str) -> bool:
    frame = table(frames, name)
    return frame is not None and "index_id" in frame.columns


def _incentives(context: ReportContext, frames: Frames, areas: pl.DataFrame, index: str, language: str) -> Json:
    del areas
    rows = _rows(context, frames, "risk__incentives", "index_id", index)
    view = context.indices.get(index)
    return {
        depth: [
            {
                "title": _title(context, view, row["component"], language),
                "unit": _unit(context, view, row["component"], language),
                "units": row["units"],
                "losing": row["losing"],
                "mean": plain(row["mean_loss"]),
                "most": plain(row["most_loss"]),
            }
            for row in part.sort("component").to_dicts()
        ]
        for depth, part in (_by_level(context, rows) if rows is not None else ())
    }


def _unit(context: ReportContext, view: IndexView | None, part: str, language: str) -> str:
    own = view.parts[part][1] if view and part in view.parts else ""
    return own or indicator_view(context, part).unit.get(language)


def _notes(context: ReportContext, view: IndexView, language: str) -> Iterable[str]:
    """Signed exceptions and what keeps better detection from being read as worse health."""
    for part, reason, who, day in view.exceptions:
        yield text("reports.index.exception", language, title=_title(context, view, part, language),
                   reason=reason.get(language), by=who, on=day)  # fmt: skip
    for part, other in view.detection:
        yield text("reports.index.detection", language, title=_title(context, view, part, language),
                   other=_title(context, view, other, language))  # fmt: skip


def _lock(context: ReportContext, entry: str, language: str) -> str:
    lock = context.locks.get(entry)
    if lock is None:
        return text("reports.lock.none", language)
    at, who, mark = lock
    return text("reports.lock.set", language, at=at[:10], by=who, hash=mark[:12])


def _among(context: ReportContext, frames: Frames, policy: str, areas: pl.DataFrame) -> list[Any]:
    """Rank among policies in the whole area: rank, of, lower, upper; empty without."""
    rows = _rows(context, frames, "score__ranks", "policy_id", policy)
    if rows is None or areas.is_empty():
        return []
    top = areas.row(0, named=True)
    here = rows.filter(pl.col("among") == "policies", pl.col("area_id") == top["area_id"], pl.col("rank").is_not_null())
    return [] if here.is_empty() else [plain(here[name][0]) for name in ("rank", "of", "lower", "upper")]
