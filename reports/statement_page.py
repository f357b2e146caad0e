"""One statement per payee: every step of its money in the words of a finance clerk, adding up to the fen.

Put here: reshaping the tables of a run for one payee at a time. Keep out: arithmetic beyond sums shown, wording
(messages), the pages of all payees (allocation_page).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from data_contracts.messages import LANGUAGES, text
from reports import format as shown
from reports.allocation_page import AllocationPage
from reports.jinja import environment
from reports.money_strips import interval_strip
from reports.money_words import (
    Owner,
    frame_of_page,
    name_of,
    per_head,
    percent,
    sources_of,
    stream_titles,
    years_of,
    yuan,
)
from reports.statement_awards import awards_of
from reports.statement_reasons import changes_of, peers_of
from reports.statement_tables import Row, StatementTables, indicator_titles

_SETTLED = ("due_fen", "prepaid_fen", "carried_over_fen", "claw_back_fen", "payable_fen", "offset_next_year_fen")
_PAYMENT = ("year_fen", "due_fen", "before_fen", "amount_fen")
_PARTS = ("reliability", "achievement", "improvement", "score")
_EARNED = ("value", "cases", "reliability", "used", "baseline", "threshold", "benchmark", "achievement", "improvement",
           "score", "potential_fen", "earned_fen")  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a statement leads to: the page of all payees, itself in the other language; and where its looks lie."""

    back: str
    switch: str
    stylesheet: str = ""


def write_statements(page: AllocationPage, out: Path) -> list[Path]:
    """Write `statements/<name>.html` (Chinese) and `statements/en/<name>.html` of every payee in `page.statements`."""
    written = []
    tables = StatementTables(page)
    for language in LANGUAGES:
        folder = out / "statements" / ("" if language == "zh" else language)
        folder.mkdir(parents=True, exist_ok=True)
        back = f"../{'index' if language == 'zh' else '../en'}.html"
        for owner, name in page.statements.items():
            path = folder / f"{name}.html"
            place = Place(back, f"en/{name}.html" if language == "zh" else f"../{name}.html")
            path.write_text(render(tables, owner, language, place), encoding="utf-8", newline="\n")
            written.append(path)
    return written


def render(tables: StatementTables, owner: Owner, language: str, place: Place) -> str:
    """The statement of one payee as HTML text."""
    page, kind = tables.page, owner[0]
    row, lines = tables.payees[owner], tables.of("lines", owner)
    total = sum(line["amount_fen"] for line in lines)
    one_off = sum(line["amount_fen"] for line in lines if line["one_off"])
    community = kind == page.spec.payees.kind
    payment = _payment(tables, owner, language) if page.period else None
    major = page.spec.currency.get(language)
    said = {"name": name_of(row, tables.names), "year": page.spec.year, "amount": yuan(total), "major": major}
    if payment is not None:
        said |= {"period": shown.period(page.period, language), "payment": payment["total"]}
    of_period = "_of_period" if payment is not None else ""
    return (
        environment()
        .get_template("allocation_statement.html")
        .render(
            **frame_of_page(page.spec, language, place.switch, place.stylesheet, page.period),
            back=place.back,
            id=owner[1],
            kind=page.kind_title(kind, language),
            heading=text(f"allocate.statement.title{of_period}", language, **said),
            lead=text(f"allocate.statement.lead{of_period}", language, **said),
            payment=payment,
            one_off=text("allocate.statement.recurring", language, one_off=yuan(one_off), major=major)
            if one_off
            else "",
            where=list(_where(row, language, major)) if community else [],
            blocks=list(_blocks(tables, lines, language)),
            total=yuan(total),
            holds=text(
                "allocate.statement.sum_holds",
                language,
                count=len(lines) + len(tables.of("period_lines", owner)),
                amount=yuan(row["payment_fen" if page.period else "amount_fen"]),
                major=major,
            ),
            sources=sources_of(page.spec, tables.frame("sources", owner), language),
            quarters=_quarters(tables, owner, language),
            settled=_settled(tables, owner, language),
            institutions=[
                {
                    "id": page.institutions.get(own["institution_id"], own["institution_id"]),
                    "share": f"{shown.number(Decimal(own['share']) * 100, 2)}%",
                    "amount": yuan(own["amount_fen"]),
                }
                for own in (tables.of("institutions", owner) if community else [])
            ],
            awards=awards_of(tables, owner, language) if community else [],
            earned=_earned(tables, owner, language) if community else None,
            changes=changes_of(tables, owner, language) if community else [],
            divided_again=bool(tables.of("changes", owner)),
            peers=peers_of(tables, owner, language) if community else None,
            unsure=_unsure(tables, owner, language),
            strip=interval_strip(tables.frame("intervals", owner), {owner[1]: row["name"]}),
            hash=page.spec_hash,
        )
    )  # fmt: skip


def _payment(tables: StatementTables, owner: Owner, language: str) -> dict[str, Any]:
    """From the amount of the year to the payment of the period: its lines, and the same by stream."""
    titles, rows = stream_titles(tables.page.spec, language), tables.of("payments", owner)
    total = yuan(sum(row["amount_fen"] for row in rows))
    return {
        "lines": [
            {**_line(line, language), "words": text("allocate.statement.of_stream", language,
                                                    stream=titles[line["stream"]], words=line[f"words_{language}"])}
            for line in tables.of("period_lines", owner)
        ],
        "words": text("allocate.statement.total_of_payment", language,
                      period=shown.period(tables.page.period, language)),
        "total": total,
        "head": [text(f"allocate.statement.payment.{name}", language) for name in _PAYMENT],
        "streams": [(titles[row["stream"]], [yuan(row[name]) for name in _PAYMENT]) for row in rows],
        "sums": [yuan(sum(row[name] for row in rows)) for name in _PAYMENT],
    }  # fmt: skip


def _where(row: Row, language: str, major: str) -> Iterator[str]:
    """Facts about the payee beside its target."""
    if row["population"]:
        yield text("allocate.statement.per_head_of", language,
                   amount=per_head(row["amount_fen"], row["population"]),
                   people=shown.count(row["population"]), major=major)  # fmt: skip
    if row.get("last_year_from") in ("recoded", "merged", "divided"):
        yield text(f"allocate.statement.last_year_{row['last_year_from']}", language)
    if row["distance_after"] is not None:
        since = "_since" if row["distance_before"] is not None else ""
        yield text(f"allocate.statement.distance{since}", language, before=percent(row["distance_before"]),
                   after=percent(row["distance_after"]))  # fmt: skip
        years = years_of(row, language)
        known = {None: "years_never", 0: "years_there"}.get(row["years_to_target"], "years")
        yield text(f"allocate.statement.{known}", language, years=years)
    if row["reserve_paid_fen"]:
        yield text("allocate.statement.paid_reserve", language, amount=yuan(row["reserve_paid_fen"]), major=major)
    if row["leakage_fen"]:
        yield text("allocate.statement.leaked", language, amount=yuan(row["leakage_fen"]), major=major)


def _blocks(tables: StatementTables, lines: Sequence[Row], language: str) -> Iterator[dict[str, Any]]:
    """Lines stream by stream, each with its sum; within need also the sum up to the target."""
    titles = stream_titles(tables.page.spec, language)
    kinds = {stream.id: stream.kind for stream in tables.page.spec.streams}
    by_stream: dict[str, list[Row]] = defaultdict(list)
    for line in lines:
        by_stream[line["stream"]].append(line)
    for stream, own in by_stream.items():
        need = kinds[stream] == "need" and any(line["stage"] == "S2" for line in own)
        rows: list[dict[str, str]] = []
        sum_so_far = 0
        for at, line in enumerate(own):
            sum_so_far += line["amount_fen"]
            rows.append(_line(line, language))
            ends = at + 1 == len(own) or own[at + 1]["stage"] != "S2"
            if need and line["stage"] == "S2" and ends:
                rows.append(_sum(text("allocate.statement.target", language), sum_so_far))
        if need:
            rows.append(_sum(text("allocate.statement.need", language), sum_so_far))
        elif len(own) > 1:
            rows.append(_sum(text("allocate.statement.subtotal", language), sum_so_far))
        yield {"title": titles[stream], "rows": rows}


def _line(line: Row, language: str) -> dict[str, str]:
    return {"no": str(line["line_no"]), "words": line[f"words_{language}"], "amount": yuan(line["amount_fen"]),
            "sum": ""}  # fmt: skip


def _sum(words: str, fen: int) -> dict[str, str]:
    return {"no": "", "words": words, "amount": yuan(fen), "sum": "sum"}


def _earned(tables: StatementTables, owner: Owner, language: str) -> dict[str, Any] | None:
    """What each indicator earned and why, with only the columns that this way of scoring has."""
    rows = tables.of("performance", owner)
    if not rows:
        return None
    there = [name for name in _EARNED if any(row[name] is not None for row in rows)]
    titles = indicator_titles(tables.page, language)
    return {
        "head": [text(f"allocate.statement.earned.{name}", language) for name in there],
        "rows": [
            {
                "title": titles[row["stream"], row["indicator"]],
                "cells": [_figure(name, row[name]) for name in there],
            }
            for row in rows
        ],
    }


def _figure(name: str, figure: Any) -> str:
    if figure is None:
        return shown.MISSING
    if name.endswith("_fen"):
        return yuan(figure)
    if name in _PARTS:
        return f"{shown.number(figure * 100, 2)}%"
    return f"{figure.normalize():f}"


def _quarters(tables: StatementTables, owner: Owner, language: str) -> dict[str, Any] | None:
    """Payments by quarter and stream, what is to be taken back of them, and the sums; None where nothing is known."""
    rows = tables.of("quarters", owner)
    if not rows:
        return None
    titles = stream_titles(tables.page.spec, language)
    streams = list(dict.fromkeys(row["stream"] for row in rows))
    quarters = sorted({row["quarter"] for row in rows})
    paid = {(row["quarter"], row["stream"]): row for row in rows}
    # Of what is paid whole in the last quarter nothing is paid before it.
    last = {stream: max(row["quarter"] for row in rows if row["stream"] == stream) for stream in streams}
    back = [sum(row["claw_back_fen"] for row in rows if row["stream"] == stream) for stream in streams]
    return {
        "streams": [titles[stream] for stream in streams],
        "rows": [
            {
                "quarter": shown.period(quarter, language),
                "cells": [yuan(own["paid_fen"] if (own := paid.get((quarter, stream))) else
                               0 if quarter < last[stream] else None) for stream in streams],
                "sum": yuan(sum(own["paid_fen"] for (name, _), own in paid.items() if name == quarter)),
                "notes": [note for stream in streams for note in _notes(paid.get((quarter, stream)), language)],
            }
            for quarter in quarters
        ],
        "back": [yuan(-amount) for amount in [*back, sum(back)]] if any(back) else [],
        "sums": [yuan(sum(own["paid_fen"] for (_, name), own in paid.items() if name == stream) - amount)
                 for stream, amount in zip(streams, back, strict=True)],
        "total": yuan(sum(row["paid_fen"] for row in rows) - sum(back)),
    }  # fmt: skip


def _notes(row: Row | None, language: str) -> Iterator[str]:
    if row is None:
        return
    if row["bound"] != "none":
        yield text(f"allocate.statement.{row['bound']}", language)
    if row["late"]:
        yield text("allocate.statement.late", language, count=row["late"])


def _settled(tables: StatementTables, owner: Owner, language: str) -> list[tuple[str, str]]:
    rows = tables.of("settlement", owner)
    return [(text(f"allocate.statement.{name}", language), yuan(rows[0][name])) for name in _SETTLED] if rows else []


def _unsure(tables: StatementTables, owner: Owner, language: str) -> str:
    rows = tables.of("intervals", owner)
    if not rows or rows[0]["lower_fen"] is None:
        return ""
    row = rows[0]
    return text("allocate.statement.unsure_line", language, draws=row["draws"], lower=yuan(row["lower_fen"]),
                upper=yuan(row["upper_fen"]), amount=yuan(row["amount_fen"]),
                major=tables.page.spec.currency.get(language))  # fmt: skip
