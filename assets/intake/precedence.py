"""Which delivered file gives way to which: ranks by note, time and hash, and files superseded as a whole.

Put here: order among entries of the ledger. Keep out: which rows give way (assets.lake.selection), reading the ledger.
"""

from collections.abc import Collection
from pathlib import Path
from unicodedata import normalize

from assets.intake.ledger import Entry


def ranks(found: list[Entry]) -> dict[str, int]:
    """Precedence of files: note sequence, then time received, then hash; the higher rank wins."""
    ordered = sorted(found, key=lambda entry: (entry.sequence, entry.received_at, entry.sha256))
    return {entry.file_id: rank for rank, entry in enumerate(ordered)}


def withdrawn(found: list[Entry], refused: Collection[str] = ()) -> set[str]:
    """Files that the delivery note of another file of the same feed supersedes as a whole.

    Named by hash in any period, or by file name within the same institution and period. Of two files that name each
    other, as two corrections sent under one file name do, the one of higher rank stands. `refused`: ids of files that
    were refused as a whole, which supersede nothing.
    """
    rank = ranks(found)
    gone = set()
    for newer in found:
        for entry in found if newer.supersedes and newer.file_id not in refused else ():
            mutual = _names(entry, newer) and rank[entry.file_id] > rank[newer.file_id]
            if entry.file_id != newer.file_id and _names(newer, entry) and not mutual:
                gone.add(entry.file_id)
    return gone


def _names(newer: Entry, entry: Entry) -> bool:
    if entry.key != newer.key:
        return False
    if entry.sha256 in {name.lower() for name in newer.supersedes}:
        return True
    same = (entry.institution_id, entry.period) == (newer.institution_id, newer.period)
    named = {normalize("NFC", name) for name in newer.supersedes}
    return same and normalize("NFC", Path(entry.landing_name).name) in named
