"""What files of one feed do to each other, in findings: replaced, added, tied, reported twice.

Put here: from the outcome of a selection and from the ledger to findings per file. Keep out: the decisions themselves
(assets.lake.selection, precedence.py) and what is wrong within one file.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assets.intake.findings import Finding
from assets.intake.ledger import Entry
from data_contracts.contracts import FeedContract

Found = dict[str, list[Finding]]


def noticed(entries: Sequence[Entry], contract: FeedContract, period: str, notes: Mapping[str, Any]) -> Found:
    """File id → findings about the files that hold records of `period`.

    `entries` are all files of the feed that stand, `notes` what the selection of the period left (`contests`,
    `meetings`: rows as dicts).
    """
    known = {entry.file_id: entry for entry in entries}
    found: Found = {}
    for file_id, finding in (
        *_between_snapshots(notes.get("meetings", []), known),
        *_by_key(notes.get("contests", []), known),
        *_in_two_periods(entries, contract, period),
    ):
        found.setdefault(file_id, []).append(finding)
    return found


def _name(entry: Entry) -> str:
    return Path(entry.landing_name).name


def _between_snapshots(
    meetings: Sequence[Mapping[str, Any]], known: Mapping[str, Entry]
) -> Iterable[tuple[str, Finding]]:
    """What a later snapshot of the same institution did to an earlier one."""
    replaced = {item["older"] for item in meetings if item["replaced"]}
    for item in meetings:
        if item["older"] not in known:
            continue
        other, counts = _name(known[item["older"]]), {"keys": item["keys"], "shared": item["shared"]}
        if item["replaced"]:
            if item["shared"] < item["keys"]:
                gone = item["keys"] - item["shared"]
                yield item["newer"], Finding("accounting_snapshot_dropped", {"other": other, "count": gone})
        elif not replaced & {item["older"], item["newer"]} and not _parts_of_one(item, known):
            sentence = "accounting_snapshot_added" if item["whole"] else "accounting_snapshot_unsound"
            yield item["newer"], Finding(sentence, {"other": other, **counts})


def _parts_of_one(item: Mapping[str, Any], known: Mapping[str, Entry]) -> bool:
    """Whether two files share no record and their notes give them one number: then they are meant to be two."""
    older, newer = known[item["older"]], known.get(item["newer"])
    return item["shared"] == 0 and newer is not None and older.sequence == newer.sequence > 0


def _by_key(contests: Sequence[Mapping[str, Any]], known: Mapping[str, Entry]) -> Iterable[tuple[str, Finding]]:
    """Records of two institutions under one key, and files whose order nothing tells."""
    shared: dict[tuple[str, str], int] = {}
    for item in contests:
        loser, winner = known.get(item["file_id"]), known.get(item["winner"])
        if loser is None or winner is None or loser is winner:
            continue
        if loser.institution_id != winner.institution_id:
            place = (loser.file_id, winner.institution_id or "—")
            shared[place] = shared.get(place, 0) + item["rows"]
        order = (loser.sequence, loser.received_at) == (winner.sequence, winner.received_at)
        if order and item["verdict"] == "superseded":
            params = {"other": _name(loser), "count": item["rows"]}
            yield winner.file_id, Finding("accounting_order_unknown", params)
    for (file_id, institution), count in sorted(shared.items()):
        yield file_id, Finding("accounting_key_elsewhere", {"institution": institution, "count": count})


def _in_two_periods(entries: Sequence[Entry], contract: FeedContract, period: str) -> Iterable[tuple[str, Finding]]:
    """The same bytes for two periods: events counted twice, or a register that nobody brought up to date."""
    if contract.delivery == "snapshot" and contract.extras.person is None:
        # Lists of areas or institutions may well stay as they are.
        return
    for entry in entries:
        if entry.period != period:
            continue
        others = [e for e in entries if e.sha256 == entry.sha256 and e.institution_id == entry.institution_id]
        for other in others:
            if other.period != period:
                params = {"other": _name(other), "period": other.period}
                yield entry.file_id, Finding("accounting_two_periods", params)
