"""The pages of an allocation run: all payees, streams, reserves, sources in one.

Put here: reshaping the tables of the run for these pages in two languages. Keep out: arithmetic beyond sums shown,
statements of single payees (statement_page), refusals (refusal_page), wording (messages).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.closed import Bilingual
from data_contracts.messages import LANGUAGES, text
from reports import format as shown
from reports.jinja import environment
from reports.money_strips import DRAWN, interval_strip, money_chart
from reports.money_words import (
    FILES,
    FUND,
    Owner,
    frame_of_page,
    groups_of,
    name_of,
    names_of,
    other,
    per_head,
    percent,
    reserve_titles,
    share_of,
    sources_of,
    stream_titles,
    summed,
    years_of,
    yuan,
)

_ROWS, _PAYERS = 1000, 20
_YEARS = (("0", 0), ("1", 1), ("5", 5), ("10", 10))


@dataclass(frozen=True)
class AllocationPage:
    """What the pages are made of.

    `tables`: frames of the run by name; of `lines` with `words_zh` and `words_en`. `statements`: payee → name of the
    file of its statement without suffix. `data_sha256`: file name → hash. `period`: whose payment the pages are about
    besides the year, with tables `payments` and `period_lines`, and `payment_fen` of payees and streams; none where
    the year is divided and nothing else. `kinds`: kinds of payees that the catalogue does not name.
    """

    spec: AllocationSpec
    spec_hash: str
    tables: Mapping[str, pl.DataFrame]
    data_sha256: Mapping[str, str] = field(default_factory=dict)
    statements: Mapping[Owner, str] = field(default_factory=dict)
    statement_limit: int = 0
    period: str = ""
    kinds: Mapping[str, Bilingual] = field(default_factory=dict)
    institutions: Mapping[str, str] = field(default_factory=dict)
    """Institution → its name, where it is known."""

    def kind_title(self, kind: str, language: str) -> str:
        """What a clerk calls payees of a kind."""
        return self.kinds[kind].get(language) if kind in self.kinds else text(f"allocate.kind.{kind}", language)


def write_allocation_pages(page: AllocationPage, out: Path) -> list[Path]:
    """Write `index.html` (Chinese) and `en.html` into `out`. The same input gives the same bytes."""
    written = []
    for language in LANGUAGES:
        path = out / FILES[language]
        path.write_text(render(page, language), encoding="utf-8", newline="\n")
        written.append(path)
    return written


def render(page: AllocationPage, language: str) -> str:
    """One page as HTML text."""
    common = frame_of_page(page.spec, language, FILES[other(language)])
    return environment().get_template("allocation_engine.html").render(**common, **_content(page, language))


def _content(page: AllocationPage, language: str) -> dict[str, Any]:
    payees = page.tables["payees"].filter(pl.col("payee_kind") != FUND)
    streams = page.tables["streams"]
    return {
        "facts": [
            (text("allocate.page.budget", language), yuan(summed(streams["pool_fen"]))),
            (text("allocate.page.paid", language), yuan(summed(streams["paid_fen"]))),
            (text("allocate.page.held", language), yuan(summed(streams["held_fen"]))),
            (text("allocate.page.payees", language), shown.number(payees.height)),
        ],
        "parts": sections_of(page, language),
        "payees": _payees(page, payees, language),
        "unsure": _unsure(page, language),
        "hashes": (page.spec_hash, sorted(page.data_sha256.items())),
        "statement_limit": 0 if page.statements else page.statement_limit,
    }


def sections_of(page: AllocationPage, language: str) -> dict[str, Any]:
    """Everything about all payees together: streams, chart, reserves, pace, sources, funds."""
    tables = page.tables
    payees = tables["payees"].filter(pl.col("payee_kind") != FUND)
    return {
        "of_period": bool(page.period),
        "streams": _streams(page, language),
        "stream_sums": _stream_sums(page),
        "chart": money_chart(payees, language),
        "pace": _pace(page, language),
        "reserves": _reserves(page, language),
        "sources": sources_of(page.spec, tables["sources"], language) if "sources" in tables else None,
        "funds": _funds(page, language),
    }


def _funds(page: AllocationPage, language: str) -> list[dict[str, str]]:
    return [
        {
            "id": page.spec.fund_title(row["payee_id"]).get(language),
            "amount": yuan(row["amount_fen"]),
            "payment": yuan(row["payment_fen"]) if page.period else "",
        }
        for row in page.tables["payees"].filter(payee_kind=FUND).iter_rows(named=True)
    ]


def _stream_sums(page: AllocationPage) -> dict[str, str]:
    names = ("pool", "paid", "held", *(["payment"] if page.period else []))
    return {name: yuan(summed(page.tables["streams"][f"{name}_fen"])) for name in names}


def _streams(page: AllocationPage, language: str) -> list[dict[str, str]]:
    titles, total = stream_titles(page.spec, language), summed(page.tables["streams"]["pool_fen"])
    return [
        {
            "payment": yuan(row["payment_fen"]) if page.period else "",
            "title": titles[row["stream"]],
            "kind": text(f"allocate.stream.{row['kind']}", language),
            "pool": yuan(row["pool_fen"]),
            "share": share_of(row["pool_fen"], total),
            "paid": yuan(row["paid_fen"]),
            "held": yuan(row["held_fen"]),
            "fund": _funds_of(page.spec, row["held_by"], language),
        }
        for row in page.tables["streams"].iter_rows(named=True)
    ]


def _funds_of(spec: AllocationSpec, funds: str | None, language: str) -> str:
    """Funds that hold money of a stream, as tables have them, in words."""
    between = "、" if language == "zh" else ", "
    return between.join(spec.fund_title(fund).get(language) for fund in (funds or "").split(";") if fund)


def _payees(page: AllocationPage, payees: pl.DataFrame, language: str) -> dict[str, Any]:
    needs, names = payees["target_fen"].null_count() < payees.height, names_of(page.tables["payees"])
    return {
        "needs": needs,
        "kinds": payees["payee_kind"].n_unique() > 1,
        "rows": [_payee(page, row, names, language) for row in payees.head(_ROWS).iter_rows(named=True)],
        "more": max(0, payees.height - _ROWS),
        "total": yuan(summed(payees["amount_fen"])),
    }


def _payee(page: AllocationPage, row: Mapping[str, Any], names: Mapping[str, str], language: str) -> dict[str, Any]:
    found = page.statements.get((row["payee_kind"], row["payee_id"]))
    folder = "statements/" if language == "zh" else "statements/en/"
    return {
        "id": row["payee_id"],
        "name": name_of(row, names),
        "link": None if found is None else f"{folder}{found}.html",
        "kind": page.kind_title(row["payee_kind"], language),
        "groups": groups_of(page.spec, row["groups"], language),
        "people": shown.count(row["population"]),
        "amount": yuan(row["amount_fen"]),
        "per_head": per_head(row["amount_fen"], row["population"]),
        "need": yuan(row["need_fen"]),
        "target": yuan(row["target_fen"]),
        "before": yuan(row["before_fen"]),
        "bound": text(f"allocate.bound.{row['bound']}", language) if row["bound"] else shown.MISSING,
        "distance": f"{percent(row['distance_before'])} → {percent(row['distance_after'])}",
        "years": years_of(row, language),
        "reserve_paid": yuan(row["reserve_paid_fen"] or None),
        "leakage": yuan(row["leakage_fen"] or None),
    }


def _pace(page: AllocationPage, language: str) -> dict[str, Any] | None:
    need = page.tables.get("need")
    if need is None or need["distance_after"].null_count() == need.height:
        return None
    lines = page.tables["lines"]
    floors, caps = lines.filter(pl.col("line_id").str.starts_with("floor_")), lines.filter(line_id="cap")
    leaks = need.filter(pl.col("leakage_fen") > 0)
    known = need.filter(pl.col("distance_after").is_not_null())
    counts, below, major = [], -1, page.spec.currency.get(language)
    for name, most in _YEARS:
        within = known.filter((pl.col("years_to_target") > below) & (pl.col("years_to_target") <= most)).height
        counts.append((text(f"allocate.page.years_{name}", language), within))
        below = most
    counts.append((text("allocate.page.years_more", language), known.filter(pl.col("years_to_target") > below).height))
    counts.append((text("allocate.page.never", language), known["years_to_target"].null_count()))
    return {
        "floors": text("allocate.page.floors", language, count=floors.height,
                       amount=yuan(summed(floors["amount_fen"])), major=major),
        "caps": text("allocate.page.caps", language, count=caps.height,
                     amount=yuan(-summed(caps["amount_fen"])), major=major),
        "leaks": text("allocate.page.leaks", language, count=leaks.height,
                      amount=yuan(summed(leaks["leakage_fen"])), major=major)
        if leaks.height
        else text("allocate.page.no_leaks", language),
        "years": counts,
        "bearers": _bearers(page),
    }  # fmt: skip


def _bearers(page: AllocationPage) -> list[dict[str, str]]:
    """Whose need money makes room for floors, or is kept by caps: who gives most first."""
    names = names_of(page.tables["payees"])
    moved = page.tables["lines"].filter(
        pl.col("stage") == "S3", pl.col("payee_kind") != FUND, pl.col("line_id") != "leakage_kept"
    )
    own = moved.group_by("payee_id").agg(pl.col("amount_fen").sum()).filter(pl.col("amount_fen") < 0)
    return [
        {"name": name_of({"name": None, **row}, names), "amount": yuan(-row["amount_fen"])}
        for row in own.sort("amount_fen", "payee_id").head(_PAYERS).iter_rows(named=True)
    ]


def _reserves(page: AllocationPage, language: str) -> dict[str, Any] | None:
    rows = page.tables["reserves"]
    if rows.is_empty():
        return None
    titles = reserve_titles(page.spec, language)
    names = dict(page.tables["payees"].select("payee_id", "name").iter_rows())
    need = page.tables.get("need", pl.DataFrame(schema={"payee_id": pl.String, "reserve_paid_fen": pl.Int64}))
    payers = need.filter(pl.col("reserve_paid_fen") > 0).sort("reserve_paid_fen", "payee_id", descending=[True, False])
    return {
        "rows": [
            {
                "title": titles[row["reserve"]],
                "group": page.spec.group_title(row["group"]).get(language),
                "base": yuan(row["base_fen"]),
                "minimum": f"{yuan(row['minimum_fen'])} ({shown.number(row['minimum_share'] * 100, 2)}%)",
                "reached": yuan(row["reached_fen"])
                + ("" if row["settled"] else text("allocate.page.by_plan", language)),
                "share": shown.MISSING
                if row["reached_share"] is None
                else f"{shown.number(row['reached_share'] * 100, 4)}%",
            }
            for row in rows.iter_rows(named=True)
        ],
        "words": text(f"allocate.page.payers{'_first' if payers.height > _PAYERS else ''}", language,
                      count=payers.height, shown=_PAYERS, amount=yuan(summed(payers["reserve_paid_fen"])),
                      major=page.spec.currency.get(language))
        if payers.height
        else text("allocate.page.no_payers", language),
        "payers": [
            {"name": names.get(row["payee_id"]) or row["payee_id"], "amount": yuan(row["reserve_paid_fen"])}
            for row in payers.head(_PAYERS).iter_rows(named=True)
        ],
    }  # fmt: skip


def _unsure(page: AllocationPage, language: str) -> dict[str, Any] | None:
    found = page.tables.get("intervals", pl.DataFrame())
    if found.is_empty():
        return None
    names = dict(page.tables["payees"].select("payee_id", "name").iter_rows())
    failed = found["infeasible"][0]
    return {
        "note": text("allocate.page.unsure_note", language, draws=found["draws"][0]),
        "failed": text("allocate.page.unsure_failed", language, count=failed) if failed else "",
        "strip": interval_strip(found.filter(pl.col("payee_kind") != FUND).head(DRAWN), names),
    }
