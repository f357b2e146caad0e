"""Hostile files and what they must come to: built in code, judged by intent, never by what the program prints.

A case is a file and the fate of each of its physical records, written down by hand as Python values. `judge` sends
the file through the check a supplier runs and through the pass of the pipeline, and compares rows, record numbers,
rules, accounting and findings; and no sentence, list or trace may hold a cell of the file.
"""

import contextlib
import inspect
import io
import json
import logging
import traceback
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from assets.intake import check
from assets.intake.account import Account
from assets.intake.check import CheckResult
from assets.intake.findings import FileRefused
from assets.intake.staging import Chunk, stage
from data_contracts.closed import parse, read_yaml
from data_contracts.contracts import Catalog
from data_contracts.settings.limits import Limits
from data_contracts.settings.loading import REGISTRY
from pipelines.checking import CheckReport
from tests.hostile.records import FEED, KEY, STORED, TALLY_COLUMNS, Visit, desk, id18

LIMITS = parse(Limits, read_yaml(REGISTRY / "limits.yaml"), "limits.yaml").model_copy(
    update={"file_bytes": 60_000_000, "rows": 1_000_000, "cells": 400_000, "columns": 300, "field_length": 2_000}
)

# ------------------------------------------------------------------------------------------------------- fates


@dataclass(frozen=True)
class Fate:
    """What becomes of one physical record; `rules`: any of these names it (a prefix is enough), none: any rule."""

    kind: str
    row: Visit | tuple[Any, ...] | None = None
    rules: tuple[str, ...] = ()


def ok(record: Visit | tuple[Any, ...]) -> Fate:
    """Accepted with exactly these values."""
    return Fate("ok", record)


def bad(*rules: str) -> Fate:
    """Refused by name: quarantined under one of the rules."""
    return Fate("bad", None, rules)


def unread(*rules: str) -> Fate:
    """Unreadable by name."""
    return Fate("unread", None, rules)


def refused(*rules: str) -> Fate:
    """Quarantined or unreadable, either is a named refusal."""
    return Fate("refused", None, rules)


def safe(record: Visit | tuple[Any, ...], *rules: str) -> Fate:
    """Accepted with exactly these values, or refused by name: both are right."""
    return Fate("safe", record, rules)


def other() -> Fate:
    """No record: blank, footer, repeated header; counted as non-data."""
    return Fate("other")


def aside() -> Fate:
    """Counted as no record, or refused by name: a line that only looks like a record."""
    return Fate("aside")


@dataclass(frozen=True, repr=False)
class Case:
    """A hostile file and its verdict: `fates` if it may load, `refused` (parts of sentence ids) if it may be refused.

    Both given: either is right. `findings` must be named when it loads. `secrets` are cells beyond the usual markers.
    """

    id: str
    data: bytes | Callable[[], bytes]
    fates: Sequence[Fate] | None = None
    refused: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    name: str = "甲_2025Q1.csv"
    note: dict[str, Any] | None = None
    kind: str = "visits"
    secrets: tuple[str, ...] = ()

    def content(self) -> bytes:
        """The bytes of the file."""
        return self.data() if callable(self.data) else self.data


def parameters(cases: Iterable[Case]) -> list[Any]:
    """Cases as parameters of a test; those whose bytes are made when asked for are large, and slow."""
    return [pytest.param(case, id=case.id, marks=[pytest.mark.slow] if callable(case.data) else []) for case in cases]


# ------------------------------------------------------------------------------------------------------- verdict


@dataclass
class Passed:
    """What the pass of the pipeline gave."""

    chunks: list[Chunk] = field(default_factory=list)
    refusal: FileRefused | None = None

    def part(self, name: str) -> pl.DataFrame:
        """`accepted`, `refused` or `fixes` of all chunks."""
        parts = [getattr(chunk, name) for chunk in self.chunks]
        return pl.concat(part for part in parts if part.height) if any(p.height for p in parts) else pl.DataFrame()


def through_check(
    path: Path, catalog: Catalog, limits: Limits = LIMITS, period: str | None = None
) -> tuple[CheckResult, Passed]:
    """The check of a file, and what the pass inside it gave: with a known key, and the bytes cut small, since the
    outcome must not depend on cuts or keys."""
    passed = Passed()

    def noted(data: Iterable[bytes], *arguments: Any, **named: Any) -> Iterator[Chunk]:
        call = inspect.signature(stage).bind(data, *arguments, **named)
        call.arguments["pseudonym_key"] = KEY
        call.arguments["data"] = _recut(data)
        passed.chunks.clear()
        try:
            for chunk in stage(*call.args, **call.kwargs):
                passed.chunks.append(chunk)
                yield chunk
        except FileRefused as refusal:
            passed.refusal = refusal
            raise

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "stage", noted)
        return check.check_file(path, FEED, catalog, limits, period), passed


def _recut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        size = 997 if len(piece) < 100_000 else len(piece) // 3 + 1
        yield from (piece[at : at + size] for at in range(0, len(piece), size))


def judge(case: Case, folder: Path, caplog: Any = None, limits: Limits = LIMITS) -> CheckResult:
    """Send a case through check and pass; AssertionError says what differs from the intent."""
    catalog = desk(case.kind)
    path = folder / case.name
    content = case.content()
    path.write_bytes(content)
    if case.note is not None:
        path.with_name(path.name + ".note.yaml").write_text(yaml.safe_dump(case.note), encoding="utf-8")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), _all_logs(caplog):
        result, passed = through_check(path, catalog, limits)
    _keeps_silent(case, result, passed, printed.getvalue() + (caplog.text if caplog else ""))
    if result.refused is not None:
        sentence = result.refused.sentence
        assert case.refused, f"refused by {sentence} {result.refused.params}, should load"
        assert any(part in sentence for part in case.refused), f"refused as {sentence}, expected {case.refused}"
        return result
    assert case.fates is not None, f"loads {_counts(result.account)}, should be refused as {case.refused}"
    _compare_some(case, result.account, passed)
    said = [finding.sentence for finding in result.account.findings]
    for part in case.findings:
        assert any(part in sentence for sentence in said), f"no finding '{part}' among {said}"
    return result


@contextlib.contextmanager
def _all_logs(caplog: Any) -> Any:
    if caplog is None:
        yield
    else:
        with caplog.at_level(logging.DEBUG):
            yield


def _counts(account: Account) -> dict[str, int]:
    names = ("records", "unreadable", "non_data", "quarantined", "accepted")
    return {name: getattr(account, name) for name in names}


def _compare_some(case: Case, account: Account, passed: Passed) -> None:
    """Compare; lines set aside may all be counted in either way."""
    fates = case.fates or ()
    ways = ("other", "refused") if any(fate.kind == "aside" for fate in fates) else ("other",)
    faults = []
    for way in ways:
        settled = [Fate(way) if fate.kind == "aside" else fate for fate in fates]
        try:
            _compare(replace(case, fates=settled), account, passed)
        except AssertionError as fault:
            faults.append(str(fault))
    assert len(faults) < len(ways), " | or: ".join(faults)


def _compare(case: Case, account: Account, passed: Passed) -> None:
    accepted, quarantine, fixes = (passed.part(name) for name in ("accepted", "refused", "fixes"))
    got = accepted_rows(case.kind, accepted)
    fates = _settled(case.fates or (), got)
    records = [fate for fate in fates if fate.kind != "other"]
    good = {number: fate for number, fate in enumerate(records, start=1) if fate.kind == "ok"}
    wrong = {number: fate for number, fate in enumerate(records, start=1) if fate.kind != "ok"}
    counts = _counts(account)
    assert counts["records"] == sum(counts.values()) - counts["records"], f"the account does not close: {counts}"
    want = {number: _row(fate) for number, fate in good.items()}
    differing = {number: (got.get(number), want.get(number)) for number in sorted({*got, *want})}
    differing = {number: pair for number, pair in differing.items() if pair[0] != pair[1]}
    assert not differing, "record: (is, should be): " + str(differing)[:1500]
    named = dict(quarantine.select("record_no", "rules").rows()) if quarantine.height else {}
    assert sorted(named) == sorted(wrong), f"refused records {named}, expected {sorted(wrong)}"
    listed = set(fixes.filter(severity="error")["record_no"]) if fixes.height else set()
    assert listed == set(wrong), "the fix list names other records than the quarantine"
    for number, fate in wrong.items():
        rules = named[number].split(";")
        fits = not fate.rules or any(rule.startswith(wanted) for rule in rules for wanted in fate.rules)
        assert fits, f"record {number} refused by {rules}, expected {fate.rules}"
    assert counts["non_data"] == sum(fate.kind == "other" for fate in fates), counts
    unread_now = counts["unreadable"]
    assert sum(f.kind == "unread" for f in fates) <= unread_now <= sum(f.kind in ("unread", "refused") for f in fates)
    assert counts["accepted"] == len(good), counts


def _settled(fates: Sequence[Fate], got: dict[int, tuple[Any, ...]]) -> list[Fate]:
    """The fates with each `safe` one settled by what became of its record."""
    settled, number = [], 0
    for fate in fates:
        number += fate.kind != "other"
        taken = Fate("ok", fate.row) if number in got else Fate("refused", None, fate.rules)
        settled.append(taken if fate.kind == "safe" else fate)
    return settled


def _row(fate: Fate) -> tuple[Any, ...]:
    assert fate.row is not None
    return fate.row.typed() if isinstance(fate.row, Visit) else fate.row


def accepted_rows(kind: str, frame: pl.DataFrame) -> dict[int, tuple[Any, ...]]:
    """Record number → typed row, in the columns of the feed."""
    if frame.is_empty():
        return {}
    names = ["person_key", *STORED] if kind == "visits" else [column["name"] for column in TALLY_COLUMNS]
    return {row[0]: row[1:] for row in frame.select("record_no", *names).rows()}


# ----------------------------------------------------------------------------------------------------- silence


MARKERS = tuple(
    text for number in range(1, 30) for text in (f"张三marker{number}", id18(number)[:17], f"备注marker{number}")
)


def assert_silent(text: str, secrets: Iterable[str] = ()) -> None:
    """No marker and no other secret stands in a text (nor its escaped form)."""
    for secret in (*MARKERS, *secrets):
        for form in (secret, json.dumps(secret)[1:-1], ascii(secret)[1:-1]):
            assert form not in text, f"a cell of the file is told: …{text[max(0, text.index(form) - 80) :][:200]!r}"


def _keeps_silent(case: Case, result: CheckResult, passed: Passed, printed: str) -> None:
    report = CheckReport(case.name, result, [])
    words = [printed, json.dumps(report.as_dict(), ensure_ascii=False, default=str)]
    words += [line for language in ("zh", "en") for line in report.lines(language)]
    if passed.refusal is not None:
        words += [
            "".join(traceback.format_exception(passed.refusal)),
            repr(passed.refusal),
            repr(passed.refusal.finding),
        ]
    words += [repr(finding) for finding in result.account.findings]
    words.append(str(result.fixes.rows()))
    assert_silent("\n".join(words), case.secrets)


def text_of(path: Path) -> str:
    """The bytes of a file as text, a package's parts unpacked."""
    data = path.read_bytes()
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            data = b"\n".join(package.read(name) for name in package.namelist())
    return data.decode("utf-8", "replace")
