"""What files of one feed do to each other: replaced, added, tied, reported twice, sent again.

Put here: from the outcome of a selection and from the ledger to findings and counts per file. Keep out: the decisions
themselves (assets.lake.selection, precedence.py) and what is wrong within one file.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assets.intake.findings import Finding
from assets.intake.ledger import Entry
from assets.intake.precedence import sends_again
from data_contracts.contracts import FeedContract

Found = dict[str, list[Finding]]


def noticed(
    entries: Sequence[Entry],
    contract: FeedContract,
    period: str,
    notes: Mapping[str, Any],
    more: Iterable[tuple[str, Finding]] = (),
) -> Found:
    """File id → findings about the files that hold records of `period`.

    `entries` are all files of the feed that stand, `notes` what the selection of the period left (`contests`,
    `meetings`: rows as dicts), `more` what was found by file id already.
    """
    known = {entry.file_id: entry for entry in entries}
    found: Found = {}
    for file_id, finding in (
        *_between_snapshots(notes.get("meetings", []), known),
        *_by_key(notes.get("contests", []), known),
        *_in_two_periods(entries, contract, period),
        *more,
    ):
        found.setdefault(file_id, []).append(finding)
    return found


def resent(entries: Sequence[Entry], notes: Mapping[str, Any]) -> dict[str, int]:
    """File id → duplicates of it in a file that is declared, or by the rule of snapshots counts as, it sent again.

    What is sent again with corrections repeats the rest as a matter of course; all other duplicates are a fault.
    """
    known = {entry.file_id: entry for entry in entries}
    replaced = {(item["older"], item["newer"]) for item in notes.get("meetings", []) if item["replaced"]}
    counts: dict[str, int] = {}
    for item in notes.get("contests", []):
        older, newer = item["file_id"], item["winner"]
        if item["verdict"] != "duplicate" or older == newer or not {older, newer} <= known.keys():
            continue
        if (older, newer) in replaced or sends_again(known[newer], known[older]):
            counts[older] = counts.get(older, 0) + item["rows"]
    return counts


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
    """Records of two institutions under one key, and files whose order nothing tells.

    Two institutions: of the deliveries, or, where one file holds records of many, of the records.
    """
    shared: dict[tuple[str, bool, str], int] = {}
    untold: dict[tuple[str, str, str], int] = {}
    for item in contests:
        loser, winner = known.get(item["file_id"]), known.get(item["winner"])
        if loser is None or winner is None or loser is winner:
            continue
        # What an earlier version left in a manifest says nothing of the records.
        named = item.get("institution")
        other = winner.institution_id or "—" if loser.institution_id != winner.institution_id else named
        tied = (loser.sequence, loser.received_at) == (winner.sequence, winner.received_at)
        by_chance = tied and item["verdict"] == "superseded"
        if other is not None:
            at = (loser.file_id, by_chance, other)
            shared[at] = shared.get(at, 0) + item["rows"]
        if by_chance:
            whose = loser.institution_id or "—" if loser.institution_id != winner.institution_id else ""
            between = (winner.file_id, _name(loser), whose)
            untold[between] = untold.get(between, 0) + item["rows"]
    for (file_id, name, whose), count in sorted(untold.items()):
        sentence = "accounting_order_unknown_between" if whose else "accounting_order_unknown"
        yield file_id, Finding(sentence, {"other": name, "count": count, **({"institution": whose} if whose else {})})
    # Both sides of a tie must hear the same: which file counts for now, and that nothing says so for good.
    for (file_id, by_chance, institution), count in sorted(shared.items()):
        sentence = "accounting_key_elsewhere_untold" if by_chance else "accounting_key_elsewhere"
        yield file_id, Finding(sentence, {"institution": institution, "count": count})


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
