"""Words and figures that all pages of the allocation engine share: money, shares, titles, names, sources.

Put here: turning values of its tables into text, and what every page is given. Keep out: what a page shows.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.funding import FundingSource
from data_contracts.closed import Bilingual
from data_contracts.messages import text
from reports import format as shown

FUND = "fund"
FILES = {"zh": "index.html", "en": "en.html"}
Owner = tuple[str, str]
"""Kind and id of a payee."""
_HERE = Path(__file__).parent


def other(language: str) -> str:
    """The other of the two languages."""
    return "en" if language == "zh" else "zh"


def frame_of_page(
    spec: AllocationSpec, language: str, switch: str, stylesheet: str = "", period: str = ""
) -> dict[str, Any]:
    """What every page of the engine needs.

    `stylesheet`: where looks lie; with none they stand in the page. `period`: whose payment it is about.
    """
    major = spec.currency.get(language)
    return {
        "t": lambda message_id, **params: text(message_id, language, **{"major": major, **params}),
        "language": language,
        "switch": switch,
        "stylesheet": stylesheet,
        "style": "" if stylesheet else _style(),
        "spec": spec,
        "title": spec.titles.get(language),
        "year": shown.period(period, language) if period else text(
            "allocate.page.year", language, year=spec.year, phase=text(f"allocate.page.phase.{spec.phase}", language)
        ),
    }  # fmt: skip


@cache
def _style() -> Markup:
    return Markup((_HERE / "static" / "site.css").read_text(encoding="utf-8"))  # noqa: S704  (our own file)


def yuan(fen: int | None, digits: int = 2) -> str:
    """Fen as yuan."""
    return shown.MISSING if fen is None else shown.number(Decimal(fen).scaleb(-2), digits)


def summed(column: pl.Series) -> int:
    """The sum of a column of fen."""
    return int(column.sum())


def change(fen: int | None) -> str:
    """Fen as yuan with its sign."""
    return f"+{yuan(fen)}" if fen is not None and fen > 0 else yuan(fen)


def percent(share: Decimal | None) -> str:
    """A share with its sign in per cent, two decimals."""
    if share is None:
        return shown.MISSING
    return f"{'+' if share > 0 else ''}{shown.number(share * 100, 2)}%"


def per_head(fen: int | None, people: Decimal | None) -> str:
    """Yuan for each person."""
    if fen is None or not people:
        return shown.MISSING
    return shown.number(Decimal(fen).scaleb(-2) / people, 2)


def title_of(titles: Bilingual | None, name: str, language: str) -> str:
    """The title, or the id where there is none."""
    return titles.get(language) if titles is not None else name


def stream_titles(spec: AllocationSpec, language: str) -> dict[str, str]:
    """Stream → its title."""
    return {stream.id: title_of(stream.titles, stream.id, language) for stream in spec.streams}


def groups_of(spec: AllocationSpec, groups: str | None, language: str) -> str:
    """Groups of a payee, as tables have them, in words."""
    between = "、" if language == "zh" else ", "
    return between.join(spec.group_title(group).get(language) for group in (groups or "").split(";") if group)


def reserve_titles(spec: AllocationSpec, language: str) -> dict[str, str]:
    """Reserve → its title."""
    return {reserve.id: title_of(reserve.titles, reserve.id, language) for reserve in spec.reserves}


def source_titles(spec: AllocationSpec, language: str) -> dict[str, str]:
    """Source → its title, else what its kind is called; with its id where several without a title are of one kind."""
    alike = Counter(source.kind for source in spec.sources if source.titles is None)

    def own(source: FundingSource) -> str:
        kind = text(f"allocate.source.{source.kind}", language)
        return kind if alike[source.kind] == 1 else f"{kind} {source.id}"

    return {source.id: source.titles.get(language) if source.titles else own(source) for source in spec.sources}


def sources_of(spec: AllocationSpec, frame: pl.DataFrame, language: str) -> dict[str, Any] | None:
    """Rows of a table of sources added up by source: cash with its sum and shares, then values in kind."""
    if frame.is_empty():
        return None
    sums = dict(frame.group_by("source", maintain_order=True).agg(pl.col("amount_fen").sum()).iter_rows())
    cash = {source.id: sums.get(source.id, 0) for source in spec.sources if source.kind != "in_kind"}
    kinds = {source.id: text(f"allocate.source.{source.kind}", language) for source in spec.sources}
    titles = source_titles(spec, language)
    total = sum(cash.values())
    return {
        "rows": [
            {"title": titles[name], "kind": kinds[name], "amount": yuan(amount), "share": share_of(amount, total)}
            for name, amount in cash.items()
        ],
        "total": yuan(total),
        "in_kind": [
            {"title": titles[source.id], "amount": yuan(sums[source.id])}
            for source in spec.sources
            if source.kind == "in_kind" and source.id in sums
        ],
    }


def share_of(part: int, whole: int) -> str:
    """A part of a whole in per cent."""
    return f"{shown.number(Decimal(part) / Decimal(whole) * 100, 2)}%" if whole else shown.MISSING


def names_of(payees: pl.DataFrame) -> dict[str, str]:
    """Id → name, of payees that have one; totals of families go by the name of their community."""
    named = payees.filter(pl.col("name").is_not_null())
    return dict(named.select("payee_id", "name").iter_rows())


def name_of(row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """What a payee is called."""
    return str(row["name"] or names.get(row["payee_id"], row["payee_id"]))


def years_of(row: Mapping[str, Any], language: str) -> str:
    """Years to target; a dash without target, `never` where the rules do not lead there."""
    if row["target_fen"] is None or row["distance_after"] is None:
        return shown.MISSING
    return text("allocate.page.never", language) if row["years_to_target"] is None else str(row["years_to_target"])
