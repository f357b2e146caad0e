"""Verifying what the allocation engine wrote alone: its spec, the sums of its tables, its audit against what it states.

Put here: checks of tables and of run.json against each other. Keep out: finance files and records (decided), releases.
The list of files and its hash are no secret of anybody, so that the tables must hold by themselves.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from assets.release.decided import Problem
from data_contracts.allocation_spec.document import AllocationSpec, spec_hash
from data_contracts.allocation_spec.reached import is_moved, undeclared
from data_contracts.closed import DefinitionError, parse
from reports.harmless import as_meant

_KEYS = ["payee_kind", "payee_id"]


def alone_problems(out: Path, run: Mapping[str, Any]) -> Iterator[Problem]:
    """What does not hold; `run`: what run.json says."""
    try:
        spec = parse(AllocationSpec, run["spec_document"], "run.json")
        lines, payees = (_read(out, name) for name in ("lines", "payees"))
    except (DefinitionError, KeyError, OSError, pl.exceptions.PolarsError):
        yield Problem("verify_alone_form")
        return
    if spec_hash(spec) != run["spec_hash"]:
        yield Problem("verify_alone_spec")
    if wrong := _unequal(payees, lines, _KEYS):
        yield Problem("verify_alone_lines", {"payees": wrong})
    if _sum(payees) != run["budget_fen"]:
        yield Problem("verify_alone_budget")
    if (out / "tables/sources.csv").is_file():
        cash = _read(out, "sources").filter(pl.col("cash") == "true")
        if wrong := _unequal(lines, cash, [*_KEYS, "line_no"]):
            yield Problem("verify_sources", {"lines": wrong})
    yield from _audited(out, run, spec)


def _audited(out: Path, run: Mapping[str, Any], spec: AllocationSpec) -> Iterator[Problem]:
    """A failing audit, or none where one is asked for, is stated as a reason for a draft."""
    stated = [(own["zh"], own["en"]) for own in run["draft_reasons"]]
    if not (out / "tables/audit_reasons.csv").is_file():
        if is_moved(spec) and not stated:
            yield Problem("verify_alone_audit")
        return
    found = pl.read_csv(out / "tables/audit_reasons.csv", infer_schema=False, empty_string_is_null=False)
    cells = pl.read_csv(out / "tables/audit.csv", infer_schema=False)
    known = set(found.select("reason", "subject").iter_rows())
    # What cells and spec say by themselves, whatever became of the list of reasons.
    needed = {("loses", indicator) for indicator in cells.filter(pl.col("verdict") == "loses")["indicator"]}
    needed |= {("undeclared", column) for column in undeclared(spec)}
    unsure = cells.filter(pl.col("verdict").is_in(["no_replay", "skipped"])).height
    if (
        not needed <= known
        or (unsure and not known)
        or not set(found.select("words_zh", "words_en").iter_rows()) <= {*stated}
    ):
        yield Problem("verify_alone_audit")


def _read(out: Path, name: str) -> pl.DataFrame:
    frame = pl.read_csv(out / "tables" / f"{name}.csv", infer_schema=False, empty_string_is_null=False)
    meant = [as_meant(pl.col(key)).alias(key) for key in _KEYS]
    return frame.with_columns(*meant, pl.col("amount_fen").cast(pl.Int64))


def _unequal(whole: pl.DataFrame, parts: pl.DataFrame, keys: list[str]) -> int:
    """How many amounts are not the sum of their parts."""
    sums = parts.group_by(keys).agg(pl.col("amount_fen").sum().alias("parts"))
    both = whole.join(sums, on=keys, how="full", coalesce=True)
    return both.filter(pl.col("amount_fen").fill_null(0) != pl.col("parts").fill_null(0)).height


def _sum(frame: pl.DataFrame) -> int:
    return int(frame["amount_fen"].sum())
