"""Fix lists of a home: one workbook per feed, period and institution, where an operator finds it to send it back.

Put here: which files' faults go into which list, and when a list is out of date. Keep out: wording (intake.fixes) and
drawing (reports.fixlist). Lists hold rules and places, no value of any record; they are no part of a release.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from assets.intake import ledger
from assets.intake.delivery import StagedFile
from assets.intake.findings import Finding
from assets.intake.fixes import finding_list, fix_list
from assets.intake.headers import ABSENT
from assets.lake.atomic import read_json, sha256_of, write_json
from assets.lake.fingerprint import code_fingerprint, combine
from assets.lake.home import Home
from data_contracts.contracts import FeedContract
from reports.fixlist import write_fix_list

if TYPE_CHECKING:
    from assets.stages.road import Road

_CODE = ("assets/intake", "assets/stages/handback.py", "reports/fixlist.py", "reports/sheets.py")
_SUFFIXES = (".xlsx", ".csv", ".json")
# Where the lists about files are that no feed and period could be found for, or that were not taken in at all.
NOT_TAKEN = "not_taken"


def refresh_fix_lists(road: "Road", key: str, period: str) -> dict[str, Path]:
    """Bring the fix lists of a feed and period up to date; institution (or "") → workbook, only where faults are."""
    contract = road.catalog.feed(key, period)
    files = standing_files(road, key, period)
    noticed = road.intake.noticed(key, period) if files else {}
    mark = combine(code_fingerprint(*_CODE), contract.fingerprint, *(item.part_id for item in files), str(noticed))
    note = road.home.lake / "_fix_lists" / key / f"{period}.json"
    current = _current(note, mark, road.home.fix_lists / period / key)
    if current is not None:
        return current
    own: dict[str, list[pl.DataFrame]] = {}
    for item in files:
        rows = _faults(road, item, contract, noticed.get(item.entry.file_id, []))
        own.setdefault(item.entry.institution_id or "", []).append(rows)
    lists = {institution: pl.concat(frames) for institution, frames in sorted(own.items())}
    return _replace(note, mark, road.home.fix_lists / period / key, key, lists)


def refresh_lists_of_refusals(home: Home) -> dict[str, Path]:
    """Bring the lists about files that were not taken from the landing folder up to date; sender → workbook."""
    refused = sorted(ledger.refusals(home), key=lambda item: str(item["name"]))
    mark = combine(code_fingerprint(*_CODE), str(refused))
    note, folder = home.lake / "_fix_lists" / f"{NOT_TAKEN}.json", home.fix_lists / NOT_TAKEN
    current = _current(note, mark, folder)
    if current is not None:
        return current
    lists: dict[str, pl.DataFrame] = {}
    for item in refused:
        rows = finding_list([Finding(item["sentence"], item["params"])], item["name"], "error")
        sender = sender_of(item)
        lists[sender] = pl.concat([lists[sender], rows]) if sender in lists else rows
    return _replace(note, mark, folder, "", lists)


def sender_of(refused: Mapping[str, Any]) -> str:
    """Whose folder a refused file lies in; none where it lies beside those folders, its own name standing for one."""
    return str(refused["sender"]) if "/" in str(refused["name"]) else ""


def _current(note: Path, mark: str, folder: Path) -> dict[str, Path] | None:
    """The lists as they are, where nothing they depend on has changed and nobody has taken one away."""
    kept = read_json(note) if note.is_file() else {"mark": None, "lists": {}}
    lists = {name: folder / file for name, file in kept["lists"].items()}
    return lists if kept["mark"] == mark and all(_written(path) for path in lists.values()) else None


def _written(path: Path) -> bool:
    return all(path.with_suffix(suffix).is_file() for suffix in _SUFFIXES)


def _replace(note: Path, mark: str, folder: Path, key: str, lists: Mapping[str, pl.DataFrame]) -> dict[str, Path]:
    """Write the lists that have rows and remove those written before that have none; the note is written last."""
    kept: dict[str, Any] = read_json(note) if note.is_file() else {"lists": {}}
    found = {name: f"{_base_name(key, name)}.xlsx" for name, rows in lists.items() if rows.height}
    for file in set(kept["lists"].values()) - set(found.values()):
        for suffix in _SUFFIXES:
            (folder / file).with_suffix(suffix).unlink(missing_ok=True)
    written = {name: write_fix_list(lists[name], folder, Path(file).stem)[0] for name, file in found.items()}
    write_json(note, {"mark": mark, "lists": found})
    return written


def standing_files(road: "Road", key: str, period: str) -> list[StagedFile]:
    """The files a sender still stands by: without those sent again under the same name, or superseded by a note.

    What was wrong in a file that was sent again is settled or repeated; one refused as a whole settles nothing.
    """
    gone, standing = road.intake.withdrawn(key), list[StagedFile]()
    for item in road.intake.staged(key, period):
        name, settles = item.entry.landing_name, item.refused is None
        standing = [other for other in standing if other.entry.landing_name != name or not (settles or other.refused)]
        standing.append(item)
    return [item for item in standing if item.entry.file_id not in gone]


def _faults(road: "Road", item: StagedFile, contract: FeedContract, noticed: list[Finding]) -> pl.DataFrame:
    name = Path(item.entry.landing_name).name
    refused = [item.refused] if item.refused else []
    # An optional column that does not come is nothing to put right.
    warnings = [finding for finding in item.account.findings if finding not in refused and finding.sentence != ABSENT]
    return pl.concat(
        [
            finding_list(refused, name, "error"),
            finding_list([*warnings, *noticed], name, "warning"),
            fix_list(road.intake.fixes(item, contract), contract, name, item.account.sheet),
        ]
    )


def _base_name(key: str, institution: str) -> str:
    """A file name for whatever a note gave as institution."""
    plain = re.sub(r"[^\w-]", "_", institution)[:40]
    if plain != institution:
        plain = f"{plain}_{sha256_of(institution.encode())[:8]}"
    return "_".join(part for part in (key, plain, "整改清单") if part)
