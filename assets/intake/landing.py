"""What lies in the landing folder: files with sender, feed, institution and delivery note.

Put here: finding files, hashing them, reading notes. Keep out: accepting them (ledger.py) and their content.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeAlias

from assets.intake.findings import Finding
from assets.lake.atomic import read_json, sha256_file, write_json
from assets.lake.home import Home
from data_contracts.closed import Closed, DefinitionError, nearest, parse, read_yaml
from data_contracts.contracts import Catalog

NOTE = ".note.yaml"
_NOT_YET = (".part", ".filepart", ".tmp", ".crdownload")
_OF_THE_SYSTEM = ("thumbs.db", "desktop.ini")


Hashes: TypeAlias = dict[str, list[object]]


class Note(Closed):
    """A delivery note beside a file: `<file>.note.yaml`. Everything is optional.

    `supersedes` names files by SHA-256, or by file name within the same institution and period. A `received_at`
    without an offset is in the time zone of the home.
    """

    institution: str | None = None
    period: str | None = None
    sequence: int | None = None
    supersedes: list[str] = []
    received_at: datetime | None = None
    rows: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Landed:
    """A file in the landing folder; `refusal` says why it cannot be taken at all."""

    name: str
    path: Path
    sender: str
    feed: str
    institution: str | None
    note: Note
    sha256: str
    size: int
    refusal: Finding | None = None


def scan(home: Home, catalog: Catalog, names: Collection[str] | None = None) -> list[Landed]:
    """Every file below landing/<sender>/<feed>/[<institution>/], by name; notes and unfinished copies are not files.

    With `names`, only the files of these names are read.
    """
    known = known_hashes(home)
    fresh: Hashes = {} if names is None else dict(known)
    found = [
        _landed(home, path, catalog, known, fresh)
        for path in deliveries(home)
        if names is None or path.relative_to(home.landing).as_posix() in names
    ]
    if fresh != known:
        write_json(_hashes(home), fresh)
    return [file for file in found if file is not None]


def deliveries(home: Home) -> list[Path]:
    """The files that may be deliveries, by name, unread."""
    return [
        path
        for path in sorted(home.landing.rglob("*"))
        if (path.is_symlink() or path.is_file()) and _is_delivery(path.relative_to(home.landing))
    ]


def stamp(path: Path) -> list[int]:
    """Size and time of a file and of the note beside it, zeros where there is none: unequal when either changed."""
    marks = []
    for part in (path, path.with_name(path.name + NOTE)):
        try:
            stat = part.stat()
        except OSError:
            marks += [0, 0]
        else:
            marks += [stat.st_size, stat.st_mtime_ns]
    return marks


def forget_hashes(home: Home) -> None:
    """Make the next scan hash every file again."""
    _hashes(home).unlink(missing_ok=True)


def _hashes(home: Home) -> Path:
    return home.temporary / "hashes.json"


def known_hashes(home: Home) -> Hashes:
    """What earlier scans hashed: name → stamp of the file at that time, then its hash."""
    try:
        known: Hashes = read_json(_hashes(home))
    except (OSError, ValueError):
        # Only a hint, which costs time when it is lost.
        return {}
    return known


def _is_delivery(path: Path) -> bool:
    name = path.name.lower()
    hidden = any(step.startswith(".") for step in path.parts)
    return not (hidden or name.startswith("~$") or name.endswith((NOTE, *_NOT_YET)) or name in _OF_THE_SYSTEM)


def _landed(home: Home, path: Path, catalog: Catalog, known: Hashes, fresh: Hashes) -> Landed | None:
    """The file at `path`; None where the sender has taken it away again."""
    name = path.relative_to(home.landing).as_posix()
    steps = name.split("/")
    sender, feed = (steps[0], steps[1]) if len(steps) > 2 else (steps[0], "")
    institution = steps[2] if len(steps) > 3 else None
    if path.is_symlink():
        # A link could bring in any file the program may read.
        return _unread(name, path, sender, feed, institution, "landing_link")
    try:
        # Size and time only spare us hashing again; what counts is the hash.
        size = path.stat().st_size
        mark = stamp(path)
        seen = known.get(name)
        sha256 = str(seen[4]) if seen and len(seen) == 5 and seen[:2] == mark[:2] else sha256_file(path)
    except FileNotFoundError:
        return None
    except OSError:
        return _unread(name, path, sender, feed, institution, "landing_unreadable")
    fresh[name] = [*mark, sha256]
    note, refusal = read_note(path, name)
    refusal = refusal or _refusal(f"{sender}.{feed}", path.name, name, catalog)
    if refusal is None and note.sha256 is not None and note.sha256.lower() != sha256:
        refusal = Finding("landing_note_hash", {"name": name})
    return Landed(name, path, sender, feed, note.institution or institution, note, sha256, size, refusal)


def _unread(name: str, path: Path, sender: str, feed: str, institution: str | None, sentence: str) -> Landed:
    return Landed(name, path, sender, feed, institution, Note(), "", 0, Finding(sentence, {"name": name}))


def read_note(path: Path, name: str) -> tuple[Note, Finding | None]:
    """The delivery note beside a file (empty where there is none), and why it cannot be used."""
    beside = path.with_name(path.name + NOTE)
    if not beside.is_file():
        return Note(), None
    try:
        document = read_yaml(beside, only_text=True) or {}
        if isinstance(document, dict):
            document = {key: value for key, value in document.items() if value != ""}
        return parse(Note, document, name + NOTE), None
    except DefinitionError as error:
        return Note(), Finding("landing_note_wrong", {"name": name, "problem": str(error)})


def _refusal(key: str, file_name: str, name: str, catalog: Catalog) -> Finding | None:
    if key not in catalog.feeds:
        return Finding("landing_unknown_feed", {"name": name, "nearest": nearest(key, sorted(catalog.feeds)) or "—"})
    patterns = catalog.feeds[key][-1].extras.file.file_names
    if not any(fnmatch(file_name, pattern) for pattern in patterns):
        return Finding("landing_file_name", {"name": name, "patterns": ", ".join(patterns)})
    return None
