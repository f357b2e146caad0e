"""The incentive audit on the money page: its verdict, the reasons of a draft, and the least favourable cases.

Put here: choosing and wording what the page shows. Keep out: the audit (evaluations), any markup.
"""

from string import digits

import polars as pl

from data_contracts.messages import text
from reports import format as shown
from reports.context import ReportContext
from reports.money_data import payee_titles
from reports.site_data import Frames, Json, indicator_view

_WORST = 5


def audit_words(context: ReportContext, frames: Frames, language: str) -> Json | None:
    """`verdict`, `draft`, `reasons` and `worst` (rows of words); None without tables of an audit."""
    reasons, cells = frames.get("alloc__incentive_reasons"), frames.get("alloc__incentives")
    if reasons is None or cells is None:
        return None
    said = reasons.filter(pl.col("period") == context.period).sort("number")[language].to_list()
    rows = cells.filter(pl.col("period") == context.period, pl.col("npv_fen").is_not_null())
    words = "draft" if said else "passed" if rows.height else "nothing"
    return {
        "verdict": text(f"reports.audit.{words}", language, cells=shown.count(rows.height)),
        "draft": bool(said),
        "reasons": said,
        "worst": _worst(context, frames, rows, language),
    }


def _worst(context: ReportContext, frames: Frames, rows: pl.DataFrame, language: str) -> list[list[str]]:
    """The lowest present values first."""
    payees = payee_titles(context, frames)
    lowest = rows.sort("npv_fen", "payee_id", "indicator", "step").head(_WORST)
    columns = ["payee_kind", "payee_id", "indicator", "step", "step_points", "npv_fen", "computed"]
    return [
        [
            payees[kind, payee][language] if (kind, payee) in payees else payee,
            _title(context, indicator, language),
            text(f"reports.audit.step.{step.rstrip(digits)}", language, points=f"{round(points, 2).normalize():f}"),
            shown.money(npv, context.currency, language),
            text(f"reports.audit.computed.{computed}", language),
        ]
        for kind, payee, indicator, step, points, npv, computed in lowest.select(columns).iter_rows()
    ]


def _title(context: ReportContext, indicator: str, language: str) -> str:
    """Of an indicator, or of a component of an index."""
    parts = {name: titles for view in context.indices.values() for name, (titles, _) in view.parts.items()}
    known = indicator not in context.indicators and indicator in parts
    return (parts[indicator] if known else indicator_view(context, indicator).titles).get(language)
