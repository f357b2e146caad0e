"""Which delivered file gives way to which: ranks by note, time and hash, and files superseded as a whole.

Put here: order among entries of the ledger. Keep out: which rows give way (assets.lake.selection), reading the ledger.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

from assets.intake.ledger import Entry


def ranks(found: list[Entry]) -> dict[str, int]:
    """Precedence of files: note sequence, then time received, then hash; the higher rank wins."""
    ordered = sorted(found, key=lambda entry: (entry.sequence, entry.received_at, entry.sha256))
    return {entry.file_id: rank for rank, entry in enumerate(ordered)}


def withdrawn(found: list[Entry], unsound: Collection[str] = ()) -> set[str]:
    """Files that the delivery note of another file of the same feed supersedes as a whole.

    Named by hash in any period, or by file name within the same institution and period. Of files that name each other,
    as two corrections sent under one file name do, the one of highest rank stands. `unsound`: ids of files that
    supersede nothing, for they or too many of their records were refused; a sound one that supersedes such a file takes
    over what it had named.
    """
    named = _named(found)
    gone: set[str] = set()
    while True:
        acting = {newer: older for newer, older in named.items() if newer not in unsound or newer in gone}
        found_gone = {file_id for older in acting.values() for file_id in older}
        if found_gone <= gone:
            return gone
        gone |= found_gone


def without_effect(found: list[Entry], unsound: Collection[str]) -> list[tuple[str, str]]:
    """Pairs of file ids: an unsound file, and one that its note supersedes and that stands all the same."""
    gone = withdrawn(found, unsound)
    pairs = [(newer, older) for newer, named in _named(found).items() if newer in unsound for older in named]
    return [(newer, older) for newer, older in pairs if not {newer, older} & gone]


def in_effect(found: list[Entry], unsound: Collection[str]) -> dict[str, list[str]]:
    """File id → the files that its note supersedes, and those that these were to, of every file that stands itself."""
    gone, named = withdrawn(found, unsound), _named(found)
    standing = [newer for newer, older in named.items() if older and newer not in unsound and newer not in gone]
    return {newer: sorted(_reached(named, newer) - {newer}) for newer in standing}


def unknown_names(entry: Entry, found: list[Entry]) -> int:
    """How many of the names under `supersedes` of a file are those of no other file."""
    others = [other for other in found if other.file_id != entry.file_id]
    each = [replace(entry, supersedes=[name]) for name in entry.supersedes]
    return sum(not any(_names(alone, other) for other in others) for alone in each)


def sends_again(newer: Entry, older: Entry) -> bool:
    """Whether a file is declared to be another one sent again: its note supersedes it, or it took its place."""
    return _names(newer, older) or newer.landing_name == older.landing_name


def _named(found: list[Entry]) -> dict[str, list[str]]:
    """Files with `supersedes` in their note → the other files that it means.

    Where files name each other, in a ring of however many, none gives way to one of lower rank.
    """
    rank = ranks(found)
    direct = {
        newer.file_id: [older.file_id for older in found if older.file_id != newer.file_id and _names(newer, older)]
        for newer in found
        if newer.supersedes
    }
    return {
        newer: [older for older in named if rank[older] < rank[newer] or newer not in _reached(direct, older)]
        for newer, named in direct.items()
    }


def _reached(direct: Mapping[str, list[str]], start: str) -> set[str]:
    """Everything that `start` names, and what those name in turn."""
    found: set[str] = set()
    ahead = list(direct.get(start, []))
    while ahead:
        file_id = ahead.pop()
        if file_id not in found:
            found.add(file_id)
            ahead += direct.get(file_id, [])
    return found


def _names(newer: Entry, entry: Entry) -> bool:
    if entry.key != newer.key:
        return False
    if entry.sha256 in {name.lower() for name in newer.supersedes}:
        return True
    same = (entry.institution_id, entry.period) == (newer.institution_id, newer.period)
    named = {normalize("NFC", name) for name in newer.supersedes}
    return same and normalize("NFC", Path(entry.landing_name).name) in named
