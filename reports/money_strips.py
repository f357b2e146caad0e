"""Drawings of money that need no script: bars with marks at a target, intervals with marks at what is paid.

Put here: where lines and names of these drawings stand. Keep out: templates, what is drawn where.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from data_contracts.messages import text
from reports import format as shown
from reports.money_words import name_of, names_of, yuan

DRAWN = 60
"""So many payees have room in a drawing."""
_STRIP = {"width": 1040, "row": 20, "right": 200}
_NARROW, _WIDE = 7, 12


def interval_strip(rows: pl.DataFrame, names: Mapping[str, str | None]) -> dict[str, Any]:
    """Intervals of amounts as lines with a mark at what is paid; from 0 to the largest."""
    ends = [max(row["upper_fen"] or 0, row["amount_fen"]) for row in rows.iter_rows(named=True)]
    most = max([*ends, 1])
    shorts = [_short(names.get(payee) or payee) for payee in (rows["payee_id"].to_list() if rows.height else [])]
    strip = _strip(shorts)
    return {
        **strip,
        "lines": [
            {
                "y": _STRIP["row"] * at + 14,
                "name": shorts[at],
                "from": _place(strip, row["lower_fen"] or 0, most),
                "to": _place(strip, row["upper_fen"] or 0, most),
                "at": _place(strip, row["amount_fen"], most),
                "words": f"{yuan(row['lower_fen'], 0)} – {yuan(row['upper_fen'], 0)}",
            }
            for at, row in enumerate(rows.iter_rows(named=True))
        ],
    }


def money_chart(payees: pl.DataFrame, language: str) -> dict[str, Any]:
    """Bars of need money per head with marks at the target; of all money where there is no need."""
    needs = payees.filter(pl.col("target_fen").is_not_null() & (pl.col("population") > 0))
    heads, names = payees.filter(pl.col("population") > 0), names_of(payees)
    bars: Sequence[tuple[str, Decimal, Decimal | None]]
    if needs.height:
        kind, bars = "need", [_bar(row, "need_fen", "target_fen") for row in needs.iter_rows(named=True)]
    elif heads.height:
        kind, bars = "head", [_bar(row, "amount_fen", None) for row in heads.iter_rows(named=True)]
    else:
        kind = "amount"
        bars = [(name_of(row, names), Decimal(row["amount_fen"]), None)
                for row in payees.iter_rows(named=True)]  # fmt: skip
    first = sorted(bars, key=lambda bar: -bar[1])[:DRAWN]
    most = max((max(bar[1], bar[2] or bar[1]) for bar in first), default=Decimal(1)) or Decimal(1)
    note = "chart_need_note" if kind == "need" else "chart_plain_note"
    strip = _strip([_short(name) for name, _, _ in first])
    return {
        **strip,
        "title": text(f"allocate.page.chart_{kind}", language),
        "note": text(f"allocate.page.{note}", language, shown=len(first), all=len(bars)),
        "bars": [
            {
                "y": _STRIP["row"] * at,
                "name": _short(name),
                "to": _place(strip, max(money, Decimal(0)), most),
                "mark": None if target is None else _place(strip, target, most),
                "words": shown.number(money / 100, 2),
            }
            for at, (name, money, target) in enumerate(first)
        ],
    }


def _bar(row: Mapping[str, Any], money: str, target: str | None) -> tuple[str, Decimal, Decimal | None]:
    people = row["population"]
    return (row["name"] or row["payee_id"], row[money] / people, None if target is None else row[target] / people)


def _strip(names: Sequence[str]) -> dict[str, Any]:
    """Measures of a drawing with a row for each name, and room for the longest."""
    wide = max((sum(_NARROW if letter.isascii() else _WIDE for letter in name) for name in names), default=0)
    return {**_STRIP, "left": wide + 14, "height": _STRIP["row"] * max(len(names), 1) + 10}


def _place(strip: Mapping[str, Any], money: Decimal | int, most: Decimal | int) -> str:
    room = strip["width"] - strip["left"] - strip["right"]
    return f"{strip['left'] + room * float(Decimal(money) / Decimal(most)):.1f}"


def _short(name: str) -> str:
    """What tells two names that are alike apart comes last, so there must be room for it."""
    return name if len(name) <= (40 if name.isascii() else 20) else f"{name[:19]}…"
