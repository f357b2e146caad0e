"""Allocated money turned into the lists that a page and the workbook show: payees, streams, lines of statements.

Put here: names and order of payees and streams, statement lines in words. Keep out: any sum and any markup.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from data_contracts.closed import Bilingual
from data_contracts.messages import LANGUAGES, both, catalogue, text
from reports.context import ReportContext
from reports.site_data import Frames, Json, areas_of, numbers, plain, table

_NEEDS = {
    "target": "target_fen", "need": "need_fen", "distance": "distance_after", "untilTarget": "years_to_target",
    "given": "reserve_paid_fen", "leakage": "leakage_fen",
}  # fmt: skip


def payee_titles(context: ReportContext, frames: Frames) -> dict[tuple[str, str], dict[str, str]]:
    """(payee kind, payee id) → name in both languages: area names, then names of the allocation, then the id."""
    payees = table(frames, "alloc__payees")
    names: dict[tuple[str, str], dict[str, str]] = {}
    if payees is None:
        return names
    areas = areas_of(context, frames)
    if areas.height:
        for level, area, zh, en in areas.select("area_level", "area_id", "area_name", "area_name_en").iter_rows():
            names[(level, area)] = {"zh": zh or en or area, "en": en or zh or area}
    own = context.allocation.payees if context.allocation else {}
    for kind, payee in payees.select("payee_kind", "payee_id").iter_rows():
        bilingual = own.get(payee)
        default = {"zh": bilingual.zh, "en": bilingual.en} if bilingual else {"zh": payee, "en": payee}
        names.setdefault((kind, payee), default)
    return names


def payee_kind_title(context: ReportContext, kind: str) -> dict[str, str]:
    """An area level's name, a catalogued kind's, or the kind itself."""
    if kind in context.levels:
        return {"zh": context.levels[kind].zh, "en": context.levels[kind].en}
    message_id = f"reports.payee_kind.{kind}"
    return both(message_id) if message_id in catalogue() else {"zh": kind, "en": kind}


def stream_titles(context: ReportContext, frames: Frames) -> dict[str, dict[str, str]]:
    """Streams in the allocation's order, then those only the lines name, sorted."""
    known = context.allocation.streams if context.allocation else {}
    lines = table(frames, "alloc__lines")
    present = set(lines.filter(pl.col("period") == context.period)["stream"].to_list()) if lines is not None else set()
    ordered = [key for key in known if key in present] + sorted(present - set(known))
    return {
        key: {"zh": known[key].zh, "en": known[key].en} if key in known else {"zh": key, "en": key} for key in ordered
    }


def sentence(sentence_id: str, params: str | None, language: str, major: str) -> str:
    """A statement line in words, parameters given in both languages in the reader's. `major`: the currency."""
    values = json.loads(params) if params else {}
    chosen = {
        key: value[language] if isinstance(value, dict) and language in value else value
        for key, value in values.items()
    }
    return text(sentence_id, language, major=major, **chosen)


def worded(lines: pl.DataFrame, currency: Bilingual) -> pl.DataFrame:
    """Released lines with `words_zh` and `words_en`, their sentences in money of that currency."""
    rows = list(lines.select("sentence_id", "sentence_params").iter_rows())
    words = [
        pl.Series(
            f"words_{language}",
            [sentence(line, params, language, currency.get(language)) for line, params in rows],
            dtype=pl.String,
        )
        for language in LANGUAGES
    ]
    return lines.with_columns(*words)


def money_payload(
    context: ReportContext,
    frames: Frames,
    areas: pl.DataFrame,
    language: str,
    statements: Mapping[tuple[str, str], str],
) -> Json | None:
    """Payees as parallel lists and their lines [stream, words, quantity, rate, minor units] in statement order.

    `statements`: kind and id of a payee → its own page.
    """
    payees, lines = table(frames, "alloc__payees"), table(frames, "alloc__lines")
    if payees is None:
        return None
    payees = payees.filter(pl.col("period") == context.period).sort("payee_kind", "payee_id")
    if payees.is_empty():
        return None
    positions = (
        {
            (level, area): position
            for level, area, position in areas.select("area_level", "area_id", "position").iter_rows()
        }
        if areas.height
        else {}
    )
    keys = list(payees.select("payee_kind", "payee_id").iter_rows())
    names, streams = payee_titles(context, frames), stream_titles(context, frames)
    return {
        "key": [f"{kind}:{payee}" for kind, payee in keys],
        "id": [payee for _, payee in keys],
        "kind": [payee_kind_title(context, kind)[language] for kind, _ in keys],
        "name": [names[key][language] for key in keys],
        "area": [positions.get(key, -1) for key in keys],
        "rural": payees["is_rural"].to_list(),
        "population": numbers(payees, "population"),
        "amount": payees["amount_fen"].to_list(),
        "page": [statements.get(key, "") for key in keys],
        "year": _years(context, frames, keys),
        **{short: _optional(payees, column) for short, column in _NEEDS.items()},
        "equal": payees["equal_share_fen"].to_list(),
        "bound": [text(f"reports.bound.{bound}", language) if bound else "" for bound in payees["bound"].to_list()],
        "streams": [titles[language] for titles in streams.values()],
        "lines": _statement_lines(context, lines, keys, list(streams), language),
        "budget": context.allocation.budget_minor if context.allocation else None,
    }


def _years(context: ReportContext, frames: Frames, keys: Sequence[tuple[str, str]]) -> list[int]:
    """What each payee has in the year by its lines; awards that are not decided yet are in none."""
    payments = table(frames, "alloc__payments")
    if payments is None:
        return []
    own = payments.filter(pl.col("period") == context.period).group_by("payee_kind", "payee_id")
    sums = {(kind, payee): amount for kind, payee, amount in own.agg(pl.col("year_fen").sum()).iter_rows()}
    return [sums.get(key, 0) for key in keys]


def _optional(payees: pl.DataFrame, column: str) -> list[float | int | None]:
    """A column that only needs of a payee fill; empty where it has none for anybody."""
    return numbers(payees, column) if column in payees.columns and payees[column].null_count() < payees.height else []


def _statement_lines(
    context: ReportContext,
    lines: pl.DataFrame | None,
    keys: list[tuple[str, str]],
    streams: list[str],
    language: str,
) -> list[list[list[Any]]]:
    by_payee: dict[tuple[str, str], list[list[Any]]] = {key: [] for key in keys}
    if lines is None:
        return list(by_payee.values())
    chosen = lines.filter(pl.col("period") == context.period).sort("payee_kind", "payee_id", "line_no", "line_id")
    columns = ["payee_kind", "payee_id", "stream", "sentence_id", "sentence_params", "quantity", "rate", "amount_fen"]
    for kind, payee, stream, sentence_id, params, quantity, rate, amount in chosen.select(columns).iter_rows():
        words = sentence(sentence_id, params, language, context.currency.major.get(language))
        by_payee.setdefault((kind, payee), []).append(
            [streams.index(stream), words, plain(quantity), rate or "", amount]
        )
    return [by_payee[key] for key in keys]
