"""The page of an index run: the method as the spec states it, scores, how sure they are, what they are made of.

Put here: reshaping the tables of the run for one page in two languages. Keep out: arithmetic, wording (messages).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from data_contracts.closed import Bilingual
from data_contracts.index_spec.basics import Word
from data_contracts.index_spec.document import IndexSpec
from data_contracts.index_spec.tree import Group, Indicator
from data_contracts.messages import LANGUAGES, text
from reports import format as shown
from reports.jinja import environment

_ROWS = 300
_STRIP = {"width": 1040, "row": 20, "left": 180, "right": 20}
_DRAWN = 60
_FILES = {"zh": "index.html", "en": "en.html"}
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class IndexPage:
    """What the page is made of: the spec, the tables of the run, and the hashes of spec and data."""

    spec: IndexSpec
    tables: dict[str, pl.DataFrame]
    spec_hash: str
    data_sha256: str


def write_index_pages(page: IndexPage, out: Path) -> list[Path]:
    """Write `index.html` (Chinese) and `en.html` into `out`; each stands alone. The same input gives the same bytes."""
    written = []
    for language in LANGUAGES:
        path = out / _FILES[language]
        path.write_text(render(page, language), encoding="utf-8", newline="\n")
        written.append(path)
    return written


def render(page: IndexPage, language: str) -> str:
    """One page as HTML text."""
    spec, tables = page.spec, page.tables
    return (
        environment()
        .get_template("index_engine.html")
        .render(
            t=lambda message_id, **params: text(message_id, language, **params),
            language=language,
            other=_FILES["en" if language == "zh" else "zh"],
            style=Markup((_HERE / "static" / "site.css").read_text(encoding="utf-8")),  # noqa: S704  (our own file)
            spec=spec,
            title=spec.titles.get(language),
            hashes=(page.spec_hash, page.data_sha256),
            units=tables["indicators"]["unit"].n_unique(),
            method=list(_method(spec, tables, language)),
            flags=_flags(tables, language),
            results=_results(page, language),
            strip=_strip(page),
            importance=_importance(page, language),
            sensitivity=_sensitivity(tables, language),
            submitted=_submitted(page, language),
            refused=tables["scores"].filter(part=spec.tree.id)["value"].null_count(),
        )
    )


def _title(titles: Bilingual | None, name: str, language: str) -> str:
    return titles.get(language) if titles is not None else name


def _names(spec: IndexSpec, language: str) -> dict[str, str]:
    return {part.id: _title(part.titles, part.id, language) for part, _ in _all_parts(spec)}


def _all_parts(spec: IndexSpec) -> Iterator[tuple[Group | Indicator, int]]:
    """The tree, then what is computed beside it and after it."""
    for top in (spec.tree, *spec.beside, *spec.after):
        yield from _walk(top, 0)


def _walk(part: Group | Indicator, depth: int) -> Iterator[tuple[Group | Indicator, int]]:
    yield part, depth
    for child in part.parts if isinstance(part, Group) else []:
        yield from _walk(child, depth + 1)


def _method(spec: IndexSpec, tables: dict[str, pl.DataFrame], language: str) -> Iterator[dict[str, Any]]:
    """Every part with its weight and, in words and as the spec writes it, what is done."""
    weights = {row["part"]: row for row in tables["weights"].iter_rows(named=True)}
    for part, depth in _all_parts(spec):
        weight = weights.get(part.id)
        if isinstance(part, Group):
            done = [_said(language, "combine", part.combine.how, part.combine, "how")]
            done.append(_said(language, "weights", part.weights.how, part.weights, "how"))
            done += [_said(language, "step", step.step, step, "step") for step in part.steps]
        else:
            done = [_said(language, "step", step.step, step, "step") for step in spec.steps_of(part)]
        done += [_said(language, "grades", item.how, item, "how") for item in part.grades]
        done += [_said(language, "ranks", "ranks", item, "") for item in part.ranks]
        kinds = [part.direction, *([part.kind] if part.kind else [])] if isinstance(part, Indicator) else []
        yield {
            "depth": depth,
            "title": _title(part.titles, part.id, language),
            "kinds": [text(f"index.kind.{kind}", language) for kind in kinds],
            "overall": shown.number(100 * weight["overall"], 2) if weight and weight["overall"] is not None else "",
            "done": done,
        }


def _said(language: str, room: str, name: str, model: Word, leave: str) -> dict[str, str]:
    """A step in words with its parameters as the spec states them."""
    stated = model.model_dump(mode="json", exclude_unset=True, exclude={leave})
    return {"words": text(f"index.{room}.{name}", language), "stated": _plainly(stated)[1:-1]}


def _plainly(value: Any) -> str:
    if isinstance(value, dict):
        shown_keys = [key for key in value if key != "titles"]
        return "{" + ", ".join(f"{key}: {_plainly(value[key])}" for key in shown_keys) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_plainly(item) for item in value) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _flags(tables: dict[str, pl.DataFrame], language: str) -> list[dict[str, Any]]:
    """How many figures of each indicator steps touched, by what they did."""
    counts = (
        tables["indicators"]
        .with_columns(pl.col("flags").str.split(";"))
        .explode("flags")
        .filter(pl.col("flags") != "")
        .group_by("flags")
        .agg(pl.len().alias("figures"), pl.col("indicator").n_unique().alias("indicators"))
        .sort("flags")
    )
    known = ("few_cases", "imputed", "drawn_in", "log_taken", "left_out", "capped", "limited", "at_floor",
             "at_ceiling", "beyond_knots", "by_improvement")  # fmt: skip
    return [
        {**row, "words": text(f"index.flag.{row['flags']}", language) if row["flags"] in known else row["flags"]}
        for row in counts.iter_rows(named=True)
    ]


def _results(page: IndexPage, language: str) -> dict[str, Any]:
    """The first units in the order of the root's ranking, with the scores of the parts below the root."""
    spec, tables = page.spec, page.tables
    names, below = _names(spec, language), [part.id for part in spec.tree.parts]
    wide = tables["scores"].pivot("part", index=["unit", "name"], values="value")
    ranks = [("rank_id", item.id) for item in spec.tree.ranks]
    grades = [("grade_id", item.id) for item in spec.tree.grades]
    for table, column, value, wanted in (("ranks", "rank_id", "rank", ranks), ("grades", "grade_id", "grade", grades)):
        for _, name in wanted:
            rows = tables[table].filter(pl.col("part") == spec.tree.id, pl.col(column) == name)
            wide = wide.join(rows.select("unit", pl.col(value).alias(f"{table} {name}")), on="unit", how="left")
    if "rank_intervals" in tables:
        wide = wide.join(tables["rank_intervals"].select("unit", "lower", "upper"), on="unit", how="left")
    chances = tables.get("grade_chances", pl.DataFrame())
    if chances.height and grades:
        own = chances.rename({"grade": f"grades {grades[0][1]}"})
        wide = wide.join(own, on=["unit", f"grades {grades[0][1]}"], how="left")
    first = [f"ranks {ranks[0][1]}"] if ranks else [spec.tree.id]
    wide = wide.sort(*first, "unit", descending=[not ranks, False], nulls_last=True)
    titles = {item.id: _title(item.titles, item.id, language) for grade in spec.tree.grades for item in grade.classes}
    digits = min(spec.digits, 4)
    return {
        "head": [
            names[spec.tree.id],
            *(_title(item.titles, item.id, language) for item in spec.tree.ranks),
            *(_title(item.titles, item.id, language) for item in spec.tree.grades),
            *(names[part] for part in below),
        ],
        "interval": "rank_intervals" in tables,
        "chance": "chance" in wide.columns,
        "rows": [
            {
                "unit": row["unit"],
                "name": row["name"],
                "score": shown.number(row[spec.tree.id], digits),
                "ranks": [_rank(row[f"ranks {name}"]) for _, name in ranks],
                "grades": [titles.get(row[f"grades {name}"], shown.MISSING) for _, name in grades],
                "parts": [shown.number(row[part], digits) for part in below],
                "chance": shown.number(_percent(row.get("chance")), 0),
                "interval": _interval(row.get("lower"), row.get("upper")),
            }
            for row in wide.head(_ROWS).iter_rows(named=True)
        ],
        "more": max(0, wide.height - _ROWS),
    }


def _rank(value: float | None) -> str:
    return shown.MISSING if value is None else f"{value:g}"


def _interval(lower: float | None, upper: float | None) -> str:
    return shown.MISSING if lower is None or upper is None else f"{lower:g}–{upper:g}"


def _strip(page: IndexPage) -> dict[str, Any] | None:
    """Rank intervals as lines, one per unit, best first; None without draws."""
    intervals = page.tables.get("rank_intervals")
    if intervals is None:
        return None
    names = dict(page.tables["scores"].select("unit", "name").unique().iter_rows())
    rows = intervals.filter(pl.col("rank").is_not_null() & pl.col("lower").is_not_null()).sort("rank", "unit")
    rows = rows.head(_DRAWN)
    if rows.is_empty():
        return None
    last = float(rows.select(pl.max_horizontal(pl.col("upper").max(), pl.col("rank").max())).item())
    scale = (_STRIP["width"] - _STRIP["left"] - _STRIP["right"]) / max(last - 1, 1)

    def place(rank: float) -> str:
        return f"{_STRIP['left'] + (rank - 1) * scale:.1f}"

    return {
        **_STRIP,
        "height": _STRIP["row"] * rows.height + 10,
        "lines": [
            {
                "y": _STRIP["row"] * at + 14,
                "name": names[row["unit"]],
                "from": place(row["lower"]),
                "to": place(row["upper"]),
                "at": place(row["rank"]),
                "words": f"{_rank(row['rank'])} ({_rank(row['lower'])}–{_rank(row['upper'])})",
            }
            for at, row in enumerate(rows.iter_rows(named=True))
        ],
    }


def _importance(page: IndexPage, language: str) -> list[dict[str, Any]]:
    names = _names(page.spec, language)
    rows = page.tables["importance"].join(page.tables["removals"], on="indicator", how="left", maintain_order="left")
    return [
        {
            "title": names[row["indicator"]],
            "weight": shown.number(_percent(row["weight"]), 2),
            "importance": shown.number(_percent(row["importance"]), 2),
            "correlation": shown.number(row["correlation"], 3),
            "shift": shown.number(row["mean_shift"], 2),
            "largest": _rank(row["largest_shift"]),
            "flag": text(f"index.importance.{row['flag']}", language) if row["flag"] else "",
        }
        for row in rows.iter_rows(named=True)
    ]


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _sensitivity(tables: dict[str, pl.DataFrame], language: str) -> list[dict[str, str]]:
    found = tables.get("sensitivity")
    return [
        {
            "choice": text(f"index.choice.{row['choice']}", language),
            **{name: shown.number(row[name], 3) for name in ("first", "total")},
            **{
                f"{name}_interval": shown.interval(row[f"{name}_lower"], row[f"{name}_upper"], 3)
                for name in ("first", "total")
            },
        }
        for row in ([] if found is None else found.iter_rows(named=True))
    ]


def _submitted(page: IndexPage, language: str) -> dict[str, Any]:
    """Claims that differ from what was recomputed."""
    names, digits = _names(page.spec, language), min(page.spec.digits, 4)
    claims = page.tables["submitted"].filter(pl.col("submitted").is_not_null())
    differing = claims.filter(~pl.col("agrees").fill_null(value=False))
    return {
        "claims": claims.height,
        "differing": differing.height,
        "rows": [
            {
                "unit": row["unit"],
                "title": names[row["part"]],
                **{name: shown.number(row[name], digits) for name in ("submitted", "recomputed", "difference")},
            }
            for row in differing.head(_ROWS).iter_rows(named=True)
        ],
    }
