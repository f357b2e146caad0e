"""Fix lists of a home: one workbook per feed, period and institution, where an operator finds it to send it back.

Put here: which files' faults go into which list, and when a list is out of date. Keep out: wording (intake.fixes) and
drawing (reports.fixlist). Lists hold rules and places, no value of any record; they are no part of a release.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from assets.intake import ledger
from assets.intake.delivery import StagedFile
from assets.intake.fixes import finding_list, fix_list
from assets.lake.atomic import read_json, sha256_of, write_json
from assets.lake.fingerprint import code_fingerprint, combine
from data_contracts.contracts import FeedContract
from reports.fixlist import write_fix_list

if TYPE_CHECKING:
    from assets.stages.road import Road

_CODE = ("assets/intake", "assets/stages/handback.py", "reports/fixlist.py", "reports/sheets.py")


def refresh_fix_lists(road: "Road", key: str, period: str) -> dict[str, Path]:
    """Bring the fix lists of a feed and period up to date; institution (or "") → workbook, only where faults are."""
    contract = road.catalog.feed(key, period)
    files = standing_files(road, key, period)
    folder = road.home.fix_lists / period / key
    note = road.home.lake / "_fix_lists" / key / f"{period}.json"
    mark = combine(code_fingerprint(*_CODE), contract.fingerprint, *(item.part_id for item in files))
    kept = read_json(note) if note.is_file() else {"mark": None, "lists": {}}
    lists = {institution: folder / name for institution, name in kept["lists"].items()}
    if kept["mark"] == mark and all(path.is_file() for path in lists.values()):
        return lists
    for path in lists.values():
        for suffix in (".xlsx", ".csv", ".json"):
            path.with_suffix(suffix).unlink(missing_ok=True)
    lists = {}
    for institution in sorted({item.entry.institution_id or "" for item in files}):
        own = [item for item in files if (item.entry.institution_id or "") == institution]
        rows = pl.concat([_faults(road, item, contract) for item in own])
        if rows.height:
            lists[institution] = write_fix_list(rows, folder, _base_name(key, institution))[0]
    write_json(note, {"mark": mark, "lists": {institution: path.name for institution, path in lists.items()}})
    return lists


def standing_files(road: "Road", key: str, period: str) -> list[StagedFile]:
    """The files a sender still stands by: without those sent again under the same name, or superseded by a note.

    What was wrong in a file that was sent again is settled or repeated.
    """
    gone = ledger.withdrawn([entry for entry in ledger.entries(road.home) if entry.key == key])
    files = {item.entry.landing_name: item for item in road.intake.staged(key, period)}
    return [item for item in files.values() if item.entry.file_id not in gone]


def _faults(road: "Road", item: StagedFile, contract: FeedContract) -> pl.DataFrame:
    name = Path(item.entry.landing_name).name
    refused = [item.refused] if item.refused else []
    warnings = [finding for finding in item.account.findings if finding not in refused]
    return pl.concat(
        [
            finding_list(refused, name, "error"),
            finding_list(warnings, name, "warning"),
            fix_list(road.intake.fixes(item, contract), contract, name, item.account.sheet),
        ]
    )


def _base_name(key: str, institution: str) -> str:
    """A file name for whatever a note gave as institution."""
    plain = re.sub(r"[^\w-]", "_", institution)[:40]
    if plain != institution:
        plain = f"{plain}_{sha256_of(institution.encode())[:8]}"
    return "_".join(part for part in (key, plain, "整改清单") if part)
