"""Verifying a release with nothing but the release: hashes, contracts, sums, and values against their counts.

Put here: the checks. Keep out: recomputing from delivered files (a bundle's task).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from assets.lake.atomic import read_json, sha256_file
from assets.release.alone import alone_problems
from assets.release.approval import standing
from assets.release.decided import Problem, finance_problems, last_words, mode_of, record_problems
from assets.release.publish import PROFILE, content_hash
from assets.release.records import read, remembered
from assets.release.subject import MANIFEST, RUN, Subject, alone_files, alone_hash, outputs_of, subject_of
from assets.release.tables import read_csv
from data_contracts.closed import DefinitionError
from data_contracts.messages import text
from data_contracts.schemas import GateError, gate, table_schema
from data_contracts.settings.approvers import Approver
from data_contracts.tables import output_tables

# Figures with six digits sum to within half of the last one; chances are published with four.
_EXACT, _ROUNDED = 1e-6, 1e-3
_KINDS_FROM_COUNTS = ("proportion", "rate", "ratio", "survey")


@dataclass(frozen=True)
class VerifyReport:
    """What was checked and what does not hold."""

    release: str
    files: int
    tables: int
    content_hash: str | None
    problems: list[Problem]
    state: str = "draft"
    records: list[dict[str, Any]] = field(default_factory=list)
    """Decisions so far: act, name, role, at, key, reason; `applies`: to the content as it is."""
    registered: bool = True
    """Whether keys were looked up in a register; without one a signature only says that somebody holds the key."""
    home_records: int = 0
    """How many records the home has of this release, where one was named."""

    @property
    def passed(self) -> bool:
        """Nothing is wrong."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "passed": self.passed}

    def lines(self, language: str) -> list[str]:
        """The report in words."""
        if not self.passed:
            return [text(problem.sentence, language, **problem.params) for problem in self.problems]
        passed = text("verify_passed", language, files=self.files, tables=self.tables, hash=self.content_hash)
        if not self.records:
            return [passed, text("verify_no_record", language)]
        acts = [
            {**record, "act": text(f"approval_act_{record['act']}", language),
             "reason": record["reason"] if record["applies"] else text("approval_of_other", language)}
            for record in self.records
        ]  # fmt: skip
        state = text("verify_state", language, state=text(f"approval_state_{self.state}", language))
        said = [passed, state, *(text("approval_record", language, **record).rstrip() for record in acts)]
        if self.home_records > len(self.records):
            said.append(text("verify_home_knows_more", language, count=self.home_records))
        return said if self.registered else [*said, text("approval_any_key", language)]


def verify(release: Path, approvers: Sequence[Approver] | None = None, releases: Path | None = None) -> VerifyReport:
    """Check a release folder, its profile folder, or the result of an engine alone.

    `approvers`: whose keys count, where a home or a list says so; otherwise signatures are checked with the keys that
    the records bring. `releases`: those of the home that a copy is compared with: a copy without any of the records
    that the home has does not pass.
    """
    if (release / RUN).is_file() and not (release / PROFILE / MANIFEST).is_file():
        return _verify_alone(release, approvers)
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
    return _with_decisions(subject_of(folder), problems, len(outputs), len(tables), approvers, releases)


def _verify_alone(out: Path, approvers: Sequence[Approver] | None) -> VerifyReport:
    """Files and hash of an engine alone, then its finance files and records."""
    try:
        run = read_json(out / RUN)
        pages, stated = run["pages"], {item["path"]: item for item in run["outputs"]}
        found = {item["path"]: item for item in outputs_of(alone_files(out, pages), out)}
        hashed, subject = alone_hash(run), subject_of(out)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, DefinitionError):
        return VerifyReport(out.name, 0, 0, None, [Problem("verify_no_manifest", {"path": out.name})])
    problems = [Problem("verify_missing", {"path": name}) for name in sorted(stated.keys() - found.keys())]
    problems += [Problem("verify_extra", {"path": name}) for name in sorted(found.keys() - stated.keys())]
    problems += [
        Problem("verify_changed", {"path": name})
        for name in sorted(found.keys() & stated.keys())
        if found[name]["sha256"] != stated[name]["sha256"]
    ]
    if hashed != subject.content_hash:
        problems.append(Problem("verify_content_hash"))
    if not problems:
        problems += alone_problems(out, run)
    return _with_decisions(subject, problems, len(stated), len(run["tables"]), approvers)


def _with_decisions(
    subject: Subject, problems: list[Problem], files: int, tables: int, approvers: Sequence[Approver] | None,
    releases: Path | None = None,
) -> VerifyReport:  # fmt: skip
    """The report, with what does not hold of finance files and records; those of changed files say nothing more."""
    sound = [] if problems else list(finance_problems(subject))
    problems = [*problems, *sound, *record_problems(subject, approvers)]
    known, _ = read(subject.place)
    of_home = remembered(releases, subject.name) if releases is not None else 0
    if of_home and not known and subject.home is None:
        problems.append(Problem("verify_records_gone", {"release": subject.name, "count": of_home}))
    state = "draft" if problems else standing(subject, mode_of(subject)).state
    said = last_words(subject, known)
    registered = approvers is not None
    return VerifyReport(subject.name, files, tables, subject.content_hash, problems, state, said, registered, of_home)


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
    if wrong := _unequal(payees, lines, ["payee_kind", "payee_id"]):
        yield Problem("verify_lines", {"payees": wrong})
    budget = manifest.get("settings", {}).get("budget_of_period")
    if payees.height and int(payees["amount_fen"].sum()) != budget:
        yield Problem("verify_budget", {"found": int(payees["amount_fen"].sum()), "stated": budget})
    # A fund may give back in one period what it held in others.
    if payees.filter(pl.col("amount_fen") < 0, pl.col("payee_kind") != "fund").height:
        yield Problem("verify_negative")


def _money_by_stream_and_source(tables: dict[str, pl.DataFrame], manifest: dict[str, Any]) -> Iterator[Problem]:
    """Payments of streams sum to payees; sources in cash sum to every line, where the allocation names any."""
    del manifest
    payments, sources = tables.get("alloc__payments"), tables.get("alloc__sources")
    if payments is not None and (wrong := _unequal(tables["alloc__payees"], payments, ["payee_kind", "payee_id"])):
        yield Problem("verify_payments", {"payees": wrong})
    if sources is None or sources.is_empty():
        return
    keys = ["payee_kind", "payee_id", "line_no"]
    if wrong := _unequal(tables["alloc__lines"], sources.filter(pl.col("cash")), keys):
        yield Problem("verify_sources", {"lines": wrong})


def _drafts(tables: dict[str, pl.DataFrame], manifest: dict[str, Any]) -> Iterator[Problem]:
    """What the incentive audit found against the division stands in the manifest, which alone decides on approval."""
    reasons = tables.get("alloc__incentive_reasons")
    stated = [(reason["zh"], reason["en"]) for reason in manifest.get("draft_reasons", [])]
    if reasons is not None and any(row not in stated for row in reasons.select("zh", "en").iter_rows()):
        yield Problem("verify_drafts")


def _settlement(tables: dict[str, pl.DataFrame], manifest: dict[str, Any]) -> Iterator[Problem]:
    """Due and owed are paid before, carried over, clawed back and payable together; payable is the amount."""
    del manifest
    settled = tables.get("alloc__settlement")
    if settled is None or settled.is_empty():
        return
    uses = pl.sum_horizontal("prepaid_fen", "carried_over_fen", "claw_back_fen", "payable_fen")
    wrong = settled.filter(pl.col("due_fen") + pl.col("offset_next_year_fen") != uses).height
    keys = ["payee_kind", "payee_id"]
    payable = settled.select(*keys, amount_fen="payable_fen")
    if wrong or (wrong := _unequal(tables["alloc__payees"].filter(pl.col("payee_kind") != "fund"), payable, keys)):
        yield Problem("verify_settlement", {"payees": wrong})


def _unequal(whole: pl.DataFrame, parts: pl.DataFrame, keys: list[str]) -> int:
    """How many amounts are not the sum of their parts."""
    sums = parts.group_by(keys).agg(pl.col("amount_fen").sum().alias("parts"))
    both = whole.join(sums, on=keys, how="full", coalesce=True)
    return both.filter(pl.col("amount_fen").fill_null(0) != pl.col("parts").fill_null(0)).height


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


def _scores(tables: dict[str, pl.DataFrame], manifest: dict[str, Any]) -> Iterator[Problem]:
    """Contributions of indicators sum to the total of a policy; chances of grades are shares of one whole."""
    del manifest
    keys = ["policy_id", "area_level", "area_id", "rule_set"]
    parts, scores, chances = (tables.get(f"score__{name}") for name in ("indicators", "policies", "grades"))
    if parts is not None and scores is not None and "contribution" in parts.columns:
        sums = parts.group_by(keys).agg(pl.col("contribution").sum().alias("parts"))
        totals = scores.filter(pl.col("dimension") == "total", pl.col("value").is_not_null()).join(sums, on=keys)
        wrong = totals.filter((pl.col("value") - pl.col("parts")).abs() > _EXACT)
        if wrong.height:
            yield Problem("verify_score_contributions", {"scores": wrong.height})
    if chances is not None:
        whole = chances.group_by(keys).agg(pl.col("chance").sum())
        wrong = whole.filter(pl.col("chance") > 1 + _ROUNDED)
        if wrong.height:
            yield Problem("verify_chances", {"scores": wrong.height})


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
    _money_by_stream_and_source,
    _settlement,
    _policy_money,
    _policy_money_of_levels,
    _accounts,
    _scores,
    _risk,
    _drafts,
)
