"""The page of an allocation whose rules cannot hold together: which rules, the ways out, the best that can be reached.

Put here: reshaping conflict tables for one page in two languages. Keep out: arithmetic, wording (messages).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.messages import LANGUAGES, text
from reports.jinja import environment
from reports.money_words import frame_of_page

FILES = {"zh": "conflict.html", "en": "conflict.en.html"}
_ROWS = 300
_FEN = 100


def write_refusal_pages(
    spec: AllocationSpec, words: Mapping[str, str], tables: Mapping[str, pl.DataFrame], out: Path
) -> list[Path]:
    """Write `conflict.html` (Chinese) and `conflict.en.html` into `out`; `tables` with words in both languages."""
    written = []
    for language in LANGUAGES:
        path = out / FILES[language]
        path.write_text(_render(spec, words, tables, language), encoding="utf-8", newline="\n")
        written.append(path)
    return written


def _render(
    spec: AllocationSpec, words: Mapping[str, str], tables: Mapping[str, pl.DataFrame], language: str
) -> str:  # fmt: skip
    said = {name: _said(tables, name, language) for name in ("relaxations", "best_shares", "proposal")}
    common = frame_of_page(spec, language, FILES["en" if language == "zh" else "zh"])
    return (
        environment()
        .get_template("refusal.html")
        .render(
            **common,
            references=spec.references,
            lead=words[language],
            said={**said, "conflict": sets_said(tables["conflict"], language)},
            steps=_steps(tables, language),
            proposed="proposal" in tables,
        )
    )


def sets_said(rules: pl.DataFrame, language: str) -> list[list[str]]:
    """The rules in conflict in words, set by set."""
    sets = rules.sort("stream", "set_no", "rule_no").partition_by("stream", "set_no", maintain_order=True)
    return [own[f"words_{language}"].to_list() for own in sets]


def _said(tables: Mapping[str, pl.DataFrame], name: str, language: str) -> list[str]:
    return tables[name][f"words_{language}"].to_list() if name in tables else []


def _steps(tables: Mapping[str, pl.DataFrame], language: str) -> list[dict[str, Any]]:
    if "relaxation_steps" not in tables:
        return []
    found = []
    for (family,), rows in tables["relaxation_steps"].group_by(["family"], maintain_order=True):
        shown = [
            {"payee": row["name"], "before": f"{row['before_fen'] / _FEN:,.2f}",
             "after": f"{row['after_fen'] / _FEN:,.2f}"}
            for row in rows.head(_ROWS).iter_rows(named=True)
        ]  # fmt: skip
        found.append({"family": text(f"allocate.family.{family}", language), "rows": shown})
    return found
