"""Appraisals of townships and institutions as the page lists them: blocks, total, submitted beside recomputed.

Put here: choosing and ordering rows of score__appraisals. Keep out: markup, colours, and any statistic.
"""

from typing import Any

import polars as pl

from data_contracts.settings.appraisals import INSTITUTION
from reports import format as shown
from reports.context import ReportContext
from reports.index_views import AppraisalView
from reports.site_data import Frames, Json, areas_of, table, titled

_NO_RULES = "all"


def appraisals(context: ReportContext, frames: Frames, language: str) -> list[Json]:
    """One entry per appraisal with rows of the period: head of the blocks and a row per unit by falling total."""
    found = table(frames, "score__appraisals")
    if found is None:
        return []
    found = found.filter(pl.col("period") == context.period)
    names = _names(context, frames, language)
    entries = []
    for key in sorted(found["appraisal_id"].unique().to_list()):
        view = context.appraisals.get(key)
        rows = found.filter(pl.col("appraisal_id") == key)
        known = rows["rule_set"].unique().to_list()
        rule_set = next((name for name in (*context.rule_sets, _NO_RULES) if name in known), known[0])
        if view is not None:
            entries.append(_entry(view, rows.filter(pl.col("rule_set") == rule_set), names, language))
    return entries


def _names(context: ReportContext, frames: Frames, language: str) -> dict[tuple[str, str], str]:
    """Kind and id of a unit → its name: institutions by their register, areas by the tree of the period."""
    register = {(INSTITUTION, code): name for code, name in context.institutions.items()}
    areas = areas_of(context, frames)
    if areas.is_empty():
        return register
    columns = ["area_level", "area_id", "area_name", "area_name_en"]
    return register | {
        (level, area): (english if language == "en" else chinese) or chinese or english or area
        for level, area, chinese, english in areas.select(columns).iter_rows()
    }


def _entry(view: AppraisalView, rows: pl.DataFrame, names: dict[tuple[str, str], str], language: str) -> Json:
    by_unit = rows.partition_by("unit_kind", "unit_id", as_dict=True, maintain_order=True)
    lines = []
    for (kind, unit), own in by_unit.items():
        parts = {row["part"]: row for row in own.to_dicts()}
        total = parts[view.root]
        lines.append(
            {
                "order": (-(total["value"] if total["value"] is not None else float("-inf")), str(unit)),
                "name": names.get((str(kind), str(unit)), str(unit)),
                "blocks": [_number(parts[block]["value"], view.digits) for block in view.blocks],
                "total": _number(total["value"], view.digits),
                "submitted": _number(total["submitted"], view.digits),
                "difference": _number(total["difference"], view.digits),
                "differs": bool(total["difference"]),
                "rank": shown.MISSING if total["rank"] is None else f"{total['rank']:g} / {total['of']}",
                "grade": titled(view.grades, total["grade"], language) or shown.MISSING,
            }
        )
    return {
        "title": view.titles.get(language),
        "reference": view.reference,
        "blocks": [titled(view.parts, block, language) for block in view.blocks],
        "submits": any(line["submitted"] != shown.MISSING for line in lines),
        "rows": sorted(lines, key=lambda line: line["order"]),
    }


def _number(value: Any, digits: int) -> str:
    return shown.MISSING if value is None else f"{value:.{digits}f}"
