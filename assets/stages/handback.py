"""Fix lists of a home: one workbook per feed, period and institution, where an operator finds it to send it back.

Put here: which files' faults go into which list, and when a list is out of date. Keep out: wording (intake.fixes) and
drawing (reports.fixlist). Lists hold rules and places, no value of any record; they are no part of a release.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from assets.compute import references
from assets.compute.inputs import contract_in_force
from assets.intake import ledger
from assets.intake.delivery import StagedFile
from assets.intake.findings import Finding
from assets.intake.fixes import finding_list, fix_list
from assets.intake.headers import ABSENT
from assets.intake.landing import still_lies
from assets.intake.period import covered
from assets.intake.staging import FIX_COLUMNS
from assets.intake.standing import labels
from assets.lake import parts
from assets.lake.atomic import read_json, sha256_of, write_json
from assets.lake.fingerprint import code_fingerprint, combine
from assets.lake.home import Home
from assets.lake.parts import read_manifest
from data_contracts.contracts import FeedContract
from data_contracts.periods import Period
from reports.fixlist import write_fix_list

if TYPE_CHECKING:
    from assets.stages.road import Road

_CODE = (
    "assets/intake",
    "assets/compute/references.py",
    "assets/stages/handback.py",
    "reports/fixlist.py",
    "reports/sheets.py",
)
_SUFFIXES = (".xlsx", ".csv", ".json")
# Where the lists about files are that no feed and period could be found for, or that were not taken in at all.
NOT_TAKEN = "not_taken"


def refresh_fix_lists(road: "Road", key: str, period: str) -> dict[str, Path]:
    """Bring the fix lists of a feed and period up to date; institution (or "") → workbook, only where faults are."""
    contract = contract_in_force(road.catalog, key, Period.parse(period))
    if contract is None:
        return {}
    files = standing_files(road, key, period)
    noticed = road.intake.noticed(key, period) if files else {}
    named = (code_fingerprint(*_CODE), contract.fingerprint, *(item.part_id for item in files), str(noticed))
    mark = combine(*named, _verdict_on_references(road, contract, period))
    note = road.home.lake / "_fix_lists" / key / f"{period}.json"
    current = _current(note, mark, road.home.fix_lists / period / key)
    if current is not None:
        return current
    own: dict[str, list[pl.DataFrame]] = {}
    names, broken = labels(road.intake.staged(key, period)), _broken_references(road, contract, period)
    for item in files:
        name = names[item.entry.file_id]
        rows = _faults(road, item, contract, name, noticed.get(item.entry.file_id, []), broken)
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
    """The files whose faults are still open; one refused as a whole only as long as it lies in the landing folder."""
    files = road.intake.standing(key, period)
    return [item for item in files if item.refused is None or still_lies(road.home, item.entry.landing_name)]


def _faults(
    road: "Road", item: StagedFile, contract: FeedContract, name: str, noticed: list[Finding], broken: pl.DataFrame
) -> pl.DataFrame:
    refused = [item.refused] if item.refused else []
    # An optional column that does not come is nothing to put right.
    warnings = [finding for finding in item.account.findings if finding not in refused and finding.sentence != ABSENT]
    return pl.concat(
        [
            finding_list(refused, name, "error"),
            finding_list([*warnings, *noticed], name, "warning"),
            fix_list(
                pl.concat([road.intake.fixes(item, contract), _placed(road, item, contract, broken)]),
                contract,
                name,
                item.account.sheet,
            ),
        ]
    )


def _verdict_on_references(road: "Road", contract: FeedContract, period: str) -> str:
    """What lists depend on beside their files: whether what their feed refers to was there when that was judged."""
    steps = [step.key for step in covered(contract, Period.parse(period))] if contract.extras.references else []
    judged = [read_manifest(road.home, references.TABLE, step) for step in steps]
    return combine(*(manifest.content if manifest else "-" for manifest in judged))


def _broken_references(road: "Road", contract: FeedContract, period: str) -> pl.DataFrame:
    """Records that refer to what another feed has not, where quality__references says that there are any."""
    first = Period.parse(road.settings.home.calendar.first)
    found = [pl.DataFrame(schema=references.BROKEN)]
    for step in covered(contract, Period.parse(period)):
        judged = parts.read_table(road.home, references.TABLE, [step.key])
        if judged is not None and judged.filter(feed=contract.key, status="broken").height:
            found.append(references.broken_records(road.home, road.settings, road.catalog, contract, step, first))
    return pl.concat(found)


def _placed(road: "Road", item: StagedFile, contract: FeedContract, broken: pl.DataFrame) -> pl.DataFrame:
    """The broken references of one file, as its other faults are kept: record, line, rule, severity."""
    own = broken.filter(file_id=item.entry.file_id)
    if own.is_empty():
        return pl.DataFrame(schema=FIX_COLUMNS)
    lines = road.intake.lines(item, contract, own["record_no"].unique())
    placed = own.join(lines, on="record_no", how="left").with_columns(pl.lit("warning").alias("severity"))
    return placed.select(pl.col(name).cast(kind) for name, kind in FIX_COLUMNS.items())


def _base_name(key: str, institution: str) -> str:
    """A file name for whatever a note gave as institution."""
    plain = re.sub(r"[^\w-]", "_", institution)[:40]
    if plain != institution:
        plain = f"{plain}_{sha256_of(institution.encode())[:8]}"
    return "_".join(part for part in (key, plain, "整改清单") if part)
