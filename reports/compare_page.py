"""The page of two divisions side by side: who gains, who loses, by which step; or which side cannot hold.

Put here: reshaping the tables of a comparison for one page in two languages. Keep out: arithmetic beyond sums shown,
wording (messages), drawing in the browser (static/compare.js).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.pay import Performance
from data_contracts.messages import LANGUAGES, text
from reports import format as shown
from reports.jinja import environment
from reports.money_words import (
    FILES,
    FUND,
    change,
    frame_of_page,
    other,
    per_head,
    source_titles,
    stream_titles,
    summed,
    title_of,
    yuan,
)
from reports.site import embed, plotly_script

_ROWS, _DRAWN, _OWN, _FIGURES = 1000, 15, 60, 200
_HERE = Path(__file__).parent
Owner = tuple[str, str]


@dataclass(frozen=True)
class Side:
    """One of two specs: its file's name, its words and hash; what it pays, or in words why its rules cannot hold."""

    file: str
    spec: AllocationSpec
    spec_hash: str
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    conflict: Mapping[str, str] | None = None


@dataclass(frozen=True)
class ComparePage:
    """What the page is made of; `payees`, `steps`, `totals` as the comparison gives them, none where a side fails."""

    a: Side
    b: Side
    payees: pl.DataFrame | None = None
    steps: pl.DataFrame | None = None
    totals: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    causes: Sequence[Mapping[str, str]] = ()
    """Of two releases: what differs in files, rules and program, in zh and en."""
    figures: pl.DataFrame | None = None
    """Of two releases: payee_kind, payee_id, figure, a_value, b_value of figures that differ."""
    names_en: Mapping[str, str] = field(default_factory=dict)
    """Payee → name in English, where it has one."""


def write_compare_pages(page: ComparePage, out: Path) -> list[Path]:
    """Write `index.html` (Chinese), `en.html` and what draws them. The same input gives the same bytes."""
    written = []
    for language in LANGUAGES:
        path = out / FILES[language]
        path.write_text(render(page, language), encoding="utf-8", newline="\n")
        written.append(path)
    if page.payees is not None:
        for name, content in (("compare.js", (_HERE / "static" / "compare.js").read_bytes()),
                              ("plotly.min.js", plotly_script())):  # fmt: skip
            path = out / name
            path.write_bytes(content)
            written.append(path)
    return written


def render(page: ComparePage, language: str) -> str:
    """One page as HTML text."""
    a, b = (side.spec.titles.get(language) for side in (page.a, page.b))
    if a == b:
        a, b = f"{a} ({page.a.file})", f"{b} ({page.b.file})"
    common = frame_of_page(page.a.spec, language, FILES[other(language)]) | {
        "title": text("allocate.compare.title", language, a=a, b=b),
        "lead": text("allocate.compare.lead", language, a=a, b=b),
        "room": text("allocate.compare.releases" if page.causes else "allocate.compare.engine", language),
        "causes": [words[language] for words in page.causes],
        "hashes": [("A", page.a.spec_hash), ("B", page.b.spec_hash)],
    }
    if page.payees is None or page.steps is None:
        return environment().get_template("allocation_one_side.html").render(**common, sides=_sides(page, language))
    payees = _in_english(page.payees, page.names_en) if language == "en" else page.payees
    payload = _payload(payees, page.steps, language, page.b.spec.currency.get(language))
    return (
        environment()
        .get_template("allocation_compare.html")
        .render(
            **common,
            **_content(page, payees, page.steps, language),
            figures=_figures(page, payees, language),
            drawn=len(payload["names"]),
            drawn_each=_DRAWN,
            payload_json=Markup(embed(payload)),  # noqa: S704  (embed leaves no character that ends a script)
        )
    )


def _in_english(payees: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    own = pl.col("payee_id").replace_strict(names, default=None, return_dtype=pl.String)
    return payees.with_columns(pl.coalesce(own, "name").alias("name"))


def _figures(page: ComparePage, payees: pl.DataFrame, language: str) -> dict[str, Any] | None:
    """Figures of payees that differ, those of payees whose money moves most first."""
    if page.figures is None or page.figures.is_empty():
        return None
    moved = payees.select("payee_kind", "payee_id", "name", pl.col("difference_fen").abs().alias("by"))
    rows = page.figures.join(moved, on=["payee_kind", "payee_id"], how="left", maintain_order="left")
    rows = rows.sort("by", "payee_id", descending=[True, False], nulls_last=True, maintain_order=True)
    titles = {name: text(f"allocate.compare.figure.{name}", language) for name in ("people", "risk")}
    for side in (page.a, page.b):
        titles |= {
            item.id: title_of(item.titles, item.id, language)
            for stream in side.spec.of_kind(Performance)
            for item in stream.indicators
        }
    return {
        "rows": [
            [row["name"] or row["payee_id"], titles.get(row["figure"], row["figure"]), _plain(row["a_value"]),
             _plain(row["b_value"])]
            for row in rows.head(_FIGURES).iter_rows(named=True)
        ],
        "more": max(0, rows.height - _FIGURES),
    }  # fmt: skip


def _plain(value: float | None) -> str:
    return shown.MISSING if value is None else f"{value:.6f}".rstrip("0").rstrip(".")


def _sides(page: ComparePage, language: str) -> list[dict[str, str]]:
    """In words which side holds and which does not."""
    found = []
    for name, side in (("A", page.a), ("B", page.b)):
        if side.conflict is not None:
            found.append({"head": text("allocate.compare.one_side", language, side=name),
                          "words": side.conflict[language]})  # fmt: skip
        else:
            payees = side.tables["payees"]
            words = text("allocate.compare.holds", language, side=name, title=side.spec.titles.get(language),
                         budget=yuan(summed(payees["amount_fen"])), major=side.spec.currency.get(language),
                         payees=payees.filter(pl.col("payee_kind") != FUND).height)  # fmt: skip
            found.append({"head": words, "words": ""})
    return found


def _content(page: ComparePage, payees: pl.DataFrame, steps: pl.DataFrame, language: str) -> dict[str, Any]:
    own = payees.filter(pl.col("payee_kind") != FUND)
    gain, lose = own.filter(pl.col("difference_fen") > 0), own.filter(pl.col("difference_fen") < 0)
    moved = own.filter(pl.col("difference_fen") != 0)
    order = moved.sort(pl.col("difference_fen").abs(), "payee_id", descending=[True, False])
    titles, major = _subjects(steps, language), page.a.spec.currency.get(language)
    return {
        "facts": [
            text("allocate.compare.winners", language, count=gain.height,
                 amount=yuan(summed(gain["difference_fen"])), major=major),
            text("allocate.compare.losers", language, count=lose.height,
                 amount=yuan(-summed(lose["difference_fen"])), major=major),
            text("allocate.compare.same", language, count=own.height - moved.height),
        ],
        "streams": _streams(page, payees, language),
        "steps": _steps(steps.filter(pl.col("payee_kind") != FUND), language),
        "total": _sums(own),
        "sources": _sources(page, language),
        "payers": [_payers(name, side, language) for name, side in (("A", page.a), ("B", page.b))],
        "payees": [_payee(row, titles, language) for row in order.head(_ROWS).iter_rows(named=True)],
        "more": max(0, order.height - _ROWS),
        "details": _details(order.head(_OWN), steps, language),
        "funds": [
            _row(page.b.spec.fund_title(row["payee_id"]).get(language), row)
            for row in payees.filter(payee_kind=FUND).iter_rows(named=True)
        ],
    }  # fmt: skip


def _row(title: str, row: Mapping[str, Any]) -> dict[str, str]:
    return {"title": title, "a": yuan(row["a_fen"]), "b": yuan(row["b_fen"]),
            "difference": change(row["difference_fen"])}  # fmt: skip


def _sums(frame: pl.DataFrame) -> dict[str, str]:
    return _row("", {name: summed(frame[name]) for name in ("a_fen", "b_fen", "difference_fen")})


def _streams(page: ComparePage, payees: pl.DataFrame, language: str) -> dict[str, Any]:
    titles = stream_titles(page.a.spec, language) | stream_titles(page.b.spec, language)
    return {
        "rows": [_row(titles[row["stream"]], row) for row in page.totals["streams"].iter_rows(named=True)],
        "total": _sums(payees),
    }


def _sources(page: ComparePage, language: str) -> list[dict[str, str]]:
    titles = {**source_titles(page.a.spec, language), **source_titles(page.b.spec, language)}
    return [_row(titles[row["source"]], row) for row in page.totals["sources"].iter_rows(named=True)]


def _payers(name: str, side: Side, language: str) -> str:
    need = side.tables.get("need", pl.DataFrame(schema={"reserve_paid_fen": pl.Int64}))
    paid = need.filter(pl.col("reserve_paid_fen") > 0)["reserve_paid_fen"]
    return text("allocate.compare.payers_line", language, side=name, count=paid.len(), amount=yuan(summed(paid)),
                major=side.spec.currency.get(language))  # fmt: skip


def _subjects(steps: pl.DataFrame, language: str) -> dict[tuple[str, str], str]:
    rows = steps.select("step", "subject", f"subject_{language}").unique(maintain_order=True)
    return {(step, subject): _said(step, title, language) for step, subject, title in rows.iter_rows()}


def _said(step: str, subject: str, language: str) -> str:
    words = text(f"allocate.step.{step}", language)
    return text("allocate.step.about", language, step=words, subject=subject) if subject else words


def _steps(steps: pl.DataFrame, language: str) -> list[dict[str, str]]:
    sums = steps.group_by("step", "subject", f"subject_{language}", maintain_order=True).agg(
        pl.col("a_fen", "b_fen", "difference_fen").sum()
    )
    moved, same = sums.filter(pl.col("difference_fen") != 0), sums.filter(pl.col("difference_fen") == 0)
    rows = [_row(_said(row["step"], row[f"subject_{language}"], language), row) for row in moved.iter_rows(named=True)]
    rest = text("allocate.compare.unchanged", language, count=same.height)
    return [*rows, {**_sums(same), "title": rest}] if same.height else rows


def _payee(row: Mapping[str, Any], titles: Mapping[tuple[str, str], str], language: str) -> dict[str, str]:
    before, difference = row["a_fen"], row["difference_fen"]
    part = f"{shown.number(Decimal(difference) / before * 100, 2)}%" if before else shown.MISSING
    main = f"{titles[row['main_step'], row['main_subject']]} {change(row['main_fen'])}"
    return {
        **_row(row["name"] or row["payee_id"], row),
        "id": row["payee_id"],
        "kind": text(f"allocate.kind.{row['payee_kind']}", language),
        "per_head": per_head(difference, row["population"]),
        "change": f"+{part}" if before and difference > 0 else part,
        "reason": main,
    }


def _details(order: pl.DataFrame, steps: pl.DataFrame, language: str) -> list[dict[str, Any]]:
    """Step by step, the payees whose money moves most."""
    own: dict[Owner, list[Mapping[str, Any]]] = defaultdict(list)
    wanted = steps.join(order.select("payee_kind", "payee_id"), on=["payee_kind", "payee_id"], how="semi")
    for row in wanted.iter_rows(named=True):
        own[row["payee_kind"], row["payee_id"]].append(row)
    return [
        {
            "name": row["name"] or row["payee_id"],
            "difference": change(row["difference_fen"]),
            "rows": [
                _row(_said(step["step"], step[f"subject_{language}"], language), step)
                for step in own[row["payee_kind"], row["payee_id"]]
            ],
            "total": _row("", row),
        }
        for row in order.iter_rows(named=True)
    ]


def _payload(payees: pl.DataFrame, steps: pl.DataFrame, language: str, major: str) -> dict[str, Any]:
    """The first gainers and losers with their parts by step, and all payees as points; money in `major`."""
    own = payees.filter((pl.col("payee_kind") != FUND) & (pl.col("difference_fen") != 0))
    order = own.sort("difference_fen", "payee_id", descending=[True, False])
    first = order if order.height <= 2 * _DRAWN else pl.concat([order.head(_DRAWN), order.tail(_DRAWN)])
    places = {(row["payee_kind"], row["payee_id"]): at for at, row in enumerate(first.iter_rows(named=True))}
    parts: dict[str, list[float]] = {}
    for row in steps.iter_rows(named=True):
        at = places.get((row["payee_kind"], row["payee_id"]))
        if at is not None:
            words = text(f"allocate.step.{row['step']}", language)
            parts.setdefault(words, [0.0] * len(places))[at] += row["difference_fen"] / 100
    everybody = payees.filter(pl.col("payee_kind") != FUND)
    return {
        "language": language,
        "names": [row["name"] or row["payee_id"] for row in first.iter_rows(named=True)],
        "differences": [row["difference_fen"] / 100 for row in first.iter_rows(named=True)],
        "steps": [{"name": name, "parts": cells} for name, cells in parts.items() if any(cells)],
        "all": [
            [row["name"] or row["payee_id"], row["a_fen"] / 100, row["b_fen"] / 100]
            for row in everybody.iter_rows(named=True)
        ],
        "words": {"major": major, **{name: text(f"allocate.{name}", language)
                                         for name in ("compare.difference", "compare.scatter")}},
    }  # fmt: skip
