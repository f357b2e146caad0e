"""Verifying a release with nothing but the release: hashes, contracts, sums, and values against their counts.

Put here: the checks. Keep out: recomputing from delivered files (a bundle's task).
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from assets.lake.atomic import read_json, sha256_file
from assets.release.publish import PROFILE, content_hash
from assets.release.tables import read_csv
from data_contracts.messages import text
from data_contracts.schemas import GateError, gate, table_schema
from data_contracts.tables import output_tables

_KINDS_FROM_COUNTS = ("proportion", "rate", "ratio", "survey")


@dataclass(frozen=True)
class Problem:
    """Something that does not hold, by sentence id."""

    sentence: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class VerifyReport:
    """What was checked and what does not hold."""

    release: str
    files: int
    tables: int
    content_hash: str | None
    problems: list[Problem]

    @property
    def passed(self) -> bool:
        """Nothing is wrong."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "passed": self.passed}

    def lines(self, language: str) -> list[str]:
        """The report in words."""
        if self.passed:
            return [text("verify_passed", language, files=self.files, tables=self.tables, hash=self.content_hash)]
        return [text(problem.sentence, language, **problem.params) for problem in self.problems]


def verify(release: Path) -> VerifyReport:
    """Check a release folder (or its profile folder)."""
    folder = release if (release / "manifest.json").is_file() else release / PROFILE
    try:
        manifest = read_json(folder / "manifest.json")
        outputs = manifest["outputs"]
    except (OSError, ValueError, KeyError):
        return VerifyReport(release.name, 0, 0, None, [Problem("verify_no_manifest", {"path": str(folder.name)})])
    problems = list(_files(folder, outputs))
    if content_hash(outputs, manifest) != manifest["content_hash"]:
        problems.append(Problem("verify_content_hash"))
    tables: dict[str, pl.DataFrame] = {}
    for name in sorted(manifest["tables"]):
        problem = _table(folder, name, tables)
        problems.extend(problem)
    if not problems:
        for check in _CHECKS:
            problems.extend(check(tables, manifest))
    return VerifyReport(release.name, len(outputs), len(tables), manifest["content_hash"], problems)


def _files(folder: Path, outputs: list[dict[str, Any]]) -> Iterator[Problem]:
    stated = {item["path"]: item for item in outputs}
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"manifest.json"}
    for name in sorted(stated.keys() - present):
        yield Problem("verify_missing", {"path": name})
    for name in sorted(present - stated.keys()):
        yield Problem("verify_extra", {"path": name})
    for name in sorted(present & stated.keys()):
        if sha256_file(folder / name) != stated[name]["sha256"]:
            yield Problem("verify_changed", {"path": name})


def _table(folder: Path, name: str, tables: dict[str, pl.DataFrame]) -> Iterator[Problem]:
    try:
        frame = read_csv(folder / "tables" / f"{name}.csv", name)
        tables[name] = gate(table_schema(output_tables()[name]), frame)
    except (OSError, KeyError, pl.exceptions.PolarsError):
        yield Problem("verify_unreadable", {"table": name})
    except GateError as error:
        yield Problem("verify_contract", {"table": name, "problem": str(error)})


def _values(tables: dict[str, pl.DataFrame], manifest: dict[str, Any]) -> Iterator[Problem]:
    """Shown values lie within their limits and follow from their counts."""
    values = tables["ind__values"]
    known = manifest["settings"]["indicators"]
    shown = values.filter(pl.col("value").is_not_null())
    if shown.filter(~pl.col("status").is_in(["ok", "unstable"])).height:
        yield Problem("verify_value_without_status")
    outside = (pl.col("lower") > pl.col("value")) | (pl.col("upper") < pl.col("value"))
    if shown.filter(outside).height:
        yield Problem("verify_value_outside_interval")
    for indicator_id, group in shown.group_by("indicator_id", maintain_order=True):
        entry = known[str(indicator_id[0])]
        if entry["kind"] not in _KINDS_FROM_COUNTS:
            continue
        expected = (
            pl.col("numerator").cast(pl.Float64) / pl.col("denominator").cast(pl.Float64) * float(entry["multiplier"])
        )
        tolerance = 0.51 * 10.0 ** -int(entry["digits"])
        wrong = group.filter((pl.col("value") - expected).abs() > tolerance)
        if wrong.height and not entry["annualised"]:
            yield Problem("verify_value_from_counts", {"indicator": str(indicator_id[0]), "rows": wrong.height})


def _money(tables: dict[str, pl.DataFrame], manifest: dict[str, Any]) -> Iterator[Problem]:
    """Lines sum to payees, payees to the stated budget of the period."""
    lines, payees = tables["alloc__lines"], tables["alloc__payees"]
    keys = ["payee_kind", "payee_id"]
    sums = lines.group_by(keys).agg(pl.col("amount_fen").sum().alias("lines"))
    both = payees.join(sums, on=keys, how="full", coalesce=True)
    wrong = both.filter(pl.col("amount_fen").fill_null(0) != pl.col("lines").fill_null(0))
    if wrong.height:
        yield Problem("verify_lines", {"payees": wrong.height})
    budget = manifest.get("settings", {}).get("budget_of_period")
    if payees.height and int(payees["amount_fen"].sum()) != budget:
        yield Problem("verify_budget", {"found": int(payees["amount_fen"].sum()), "stated": budget})
    if payees.filter(pl.col("amount_fen") < 0).height:
        yield Problem("verify_negative")


def _policy_money(tables: dict[str, pl.DataFrame], manifest: dict[str, Any]) -> Iterator[Problem]:
    """The total of a policy in an area is the sum of its sources."""
    del manifest
    if (money := tables.get("policy__money")) is None:
        return
    signed = pl.when(pl.col("source") == "total").then(-1).otherwise(1)
    columns = [name for name in money.columns if name.endswith("_fen")]
    sums = money.group_by("policy_id", "area_level", "area_id").agg((pl.col(columns) * signed).sum())
    wrong = sums.filter(pl.any_horizontal(pl.col(columns) != 0))
    if wrong.height:
        yield Problem("verify_policy_money", {"rows": wrong.height})


def _policy_money_of_levels(tables: dict[str, pl.DataFrame], manifest: dict[str, Any]) -> Iterator[Problem]:
    """Where every area lies in one of the next level, all levels hold the same money, with what is in no area there."""
    money, areas = tables.get("policy__money"), tables.get("mart__areas")
    if money is None or areas is None:
        return
    levels = [level["id"] for level in manifest["settings"]["home"]["levels"]]
    ids = {level: areas.filter(pl.col("area_level") == level)["area_id"] for level in levels}
    parents = {level: areas.filter(pl.col("area_level") == level)["parent_id"] for level in levels}
    if not all(set(parents[low]) <= set(ids[high]) for low, high in pairwise(levels)):
        return
    columns = [name for name in money.columns if name.endswith("_fen")]
    totals = money.filter(pl.col("source") == "total")
    sums = []
    for place, level in enumerate(levels):
        counted = pl.col("counted_from").is_in(levels[: place + 1]).fill_null(value=False)
        here = (pl.col("area_level") == level) | ((pl.col("area_level") == "unplaced") & ~counted)
        sums.append(totals.filter(here).group_by("policy_id").agg(pl.col(columns).sum()))
    found = pl.concat(sums).group_by("policy_id").agg(pl.col(columns).n_unique(), pl.len().alias("levels"))
    wrong = found.filter(pl.any_horizontal(pl.col(columns) > 1) | (pl.col("levels") < len(levels)))
    if wrong.height:
        yield Problem("verify_policy_money_of_levels", {"policies": wrong.height})


def _accounts(tables: dict[str, pl.DataFrame], manifest: dict[str, Any]) -> Iterator[Problem]:
    """Every record of every file is in exactly one class; the files are those of the manifest."""
    files = tables["quality__files"]
    parts = pl.sum_horizontal("unreadable", "non_data", "quarantined", "current", "superseded", "duplicate")
    wrong = files.filter(pl.col("records") != parts)
    if wrong.height:
        yield Problem("verify_accounts", {"files": wrong.height})
    if set(files["file_id"]) - {item["file_id"] for item in manifest["inputs"]}:
        yield Problem("verify_inputs")


def _risk(tables: dict[str, pl.DataFrame], manifest: dict[str, Any]) -> Iterator[Problem]:
    """Contributions sum to the index."""
    del manifest
    keys = ["area_level", "area_id", "rule_set"]
    risk = tables["risk__areas"]
    parts = risk.filter(pl.col("component") != "total").group_by(keys).agg(pl.col("contribution").sum().alias("parts"))
    whole = risk.filter((pl.col("component") == "total") & pl.col("value").is_not_null()).join(parts, on=keys)
    wrong = whole.filter((pl.col("value") - pl.col("parts")).abs() > 1e-6)
    if wrong.height:
        yield Problem("verify_contributions", {"areas": wrong.height})


_CHECKS: tuple[Callable[[dict[str, pl.DataFrame], dict[str, Any]], Iterator[Problem]], ...] = (
    _values,
    _money,
    _policy_money,
    _policy_money_of_levels,
    _accounts,
    _risk,
)
