"""What lies in the landing folder: files with sender, feed, institution and delivery note.

Put here: finding files, hashing them, reading notes. Keep out: accepting them (ledger.py) and their content.
"""

import glob
import os
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field

from assets.intake.findings import Finding
from assets.lake.atomic import canonical_json, read_json, sha256_file, sha256_of, write_json
from assets.lake.home import Home
from data_contracts.closed import Closed, DefinitionError, nearest, parse, read_yaml
from data_contracts.contracts import Catalog

NOTE = ".note.yaml"
_NOT_YET = (".part", ".filepart", ".tmp", ".crdownload")
_OF_THE_SYSTEM = ("thumbs.db", "desktop.ini")
_ALONE = "landing_note_alone"
# Stands for what a note says where the file cannot be taken.
_REFUSED = "!"

Hashes: TypeAlias = dict[str, list[object]]
_REMEMBERED = 6
# Reading a file keeps one core busy.
_AT_ONCE = 2


@dataclass(frozen=True)
class Stated:
    """Control totals: rows, column → sum as it is written in the file, column → number of different values.

    `whole`: the hash of the file is stated, and is right, so that nothing of it is missing.
    """

    rows: int | None = None
    sums: Mapping[str, str] = field(default_factory=dict)
    distinct: Mapping[str, int] = field(default_factory=dict)
    whole: bool = False


class Note(Closed):
    """A delivery note beside a file: `<file>.note.yaml`. Everything is optional.

    `supersedes` names files by SHA-256, or by file name within the same institution and period. A `received_at`
    without an offset is in the time zone of the home. Control totals: `rows` of the file, `sums` and `distinct`
    values of columns, by header or by our name; a sum of money is in the unit of the file, by our name in minor units.
    """

    institution: str | None = None
    period: str | None = None
    sequence: int | None = None
    supersedes: list[str] = []
    received_at: datetime | None = None
    rows: int | None = Field(None, ge=0)
    sums: dict[str, str] = {}
    distinct: dict[str, Annotated[int, Field(ge=0)]] = {}
    sha256: str | None = None

    @property
    def stated(self) -> Stated:
        """The control totals."""
        return Stated(self.rows, self.sums, self.distinct, self.sha256 is not None)

    @property
    def mark(self) -> str:
        """Tells two notes apart by what they say; empty where a note says nothing, like one that is not there."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        return sha256_of(canonical_json(said))[:16] if said else ""


@dataclass(frozen=True)
class Landed:
    """A file in the landing folder, or a note without one; `refusal` says why it cannot be taken at all."""

    name: str
    path: Path
    sender: str
    feed: str
    institution: str | None
    note: Note
    sha256: str
    size: int
    refusal: Finding | None = None

    @property
    def announced(self) -> str | None:
        """Of a note without its file the name of that file."""
        return self.name.removesuffix(NOTE) if self.refusal and self.refusal.sentence == _ALONE else None


def scan(home: Home, catalog: Catalog, names: Collection[str] | None = None) -> list[Landed]:
    """Every file below landing/<sender>/<feed>/[<institution>/], by name; unfinished copies are no files.

    After them the notes without a file, each refused. With `names`, only the files of these names are read.
    """
    known = known_hashes(home)
    fresh: Hashes = {} if names is None else dict(known)
    paths = [path for path in deliveries(home) if names is None or path.relative_to(home.landing).as_posix() in names]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(lambda path: _landed(home, path, catalog, known, fresh), paths))
    if fresh != known:
        write_json(_hashes(home), fresh)
    alone = _notes_alone(home) if names is None else []
    return [*(file for file in found if file is not None), *alone]


def still_lies(home: Home, name: str) -> bool:
    """Whether what bears `name` is in the landing folder; a note is left alone only while its file is not."""
    path = home.landing / name
    alone = not name.endswith(NOTE) or not os.path.lexists(path.with_name(path.name.removesuffix(NOTE)))
    return alone and os.path.lexists(path)


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
    """What earlier scans read: name → stamp of the file at that time, its hash, the mark of its note."""
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
    sender, feed, institution = _place(name)
    if path.is_symlink():
        # A link could bring in any file the program may read.
        return _unread(name, path, sender, feed, institution, Finding("landing_link", {"name": name}))
    try:
        # Size and time only spare us hashing again; what counts is the hash.
        size = path.stat().st_size
        mark = stamp(path)
        seen = known.get(name)
        sha256 = str(seen[4]) if seen and len(seen) == _REMEMBERED and seen[:2] == mark[:2] else sha256_file(path)
    except FileNotFoundError:
        return None
    except OSError:
        return _unread(name, path, sender, feed, institution, Finding("landing_unreadable", {"name": name}))
    note, refusal = _noted(path, name, f"{sender}.{feed}", sha256, catalog)
    fresh[name] = [*mark, sha256, _REFUSED if refusal else note.mark]
    return Landed(name, path, sender, feed, note.institution or institution, note, sha256, size, refusal)


def alone(path: Path, key: str, catalog: Catalog, institution: str | None = None) -> Landed:
    """A file that lies anywhere, as it would be found in the landing folder of its feed.

    `institution` stands for the folder.
    """
    sender, _, feed = key.partition(".")
    sha256, size = sha256_file(path), path.stat().st_size
    note, refusal = _noted(path, path.name, key, sha256, catalog)
    return Landed(path.name, path, sender, feed, note.institution or institution, note, sha256, size, refusal)


def _notes_alone(home: Home) -> list[Landed]:
    """Delivery notes without the file they speak of: what was announced and has not come.

    A note is not alone while its file is still being copied, nor where it belongs to a file of another ending, which
    is refused for that.
    """
    found = []
    for beside in sorted(path for path in home.landing.rglob("*") if path.name.lower().endswith(NOTE)):
        name = beside.relative_to(home.landing).as_posix()
        if beside.is_dir() or any(step.startswith(".") for step in Path(name).parts):
            continue
        path = beside.with_name(beside.name[: -len(NOTE)])
        sender, feed, institution = _place(name)
        if not name.endswith(NOTE):
            # Nobody would read it: a note is found by its exact name.
            wrong = Finding("landing_note_name", {"note": beside.name, "wanted": path.name + NOTE})
            found.append(_unread(name, beside, sender, feed, institution, wrong))
            continue
        coming = [path, *(path.with_name(path.name + ending) for ending in _NOT_YET)]
        if any(map(os.path.lexists, coming)) or _is_misnamed(beside, path.name):
            continue
        note, refusal = read_note(path, name.removesuffix(NOTE))
        refusal = refusal or Finding(_ALONE, {"file": path.name})
        found.append(Landed(name, beside, sender, feed, note.institution or institution, note, "", 0, refusal))
    return found


def _is_misnamed(note: Path, stem: str) -> bool:
    """Whether the note is that of a file beside it whose ending its name lacks; see `read_note`."""
    beside = [path for path in note.parent.glob(f"{glob.escape(stem)}.*") if path.stem == stem and path.suffix]
    return any(_is_delivery(Path(path.name)) and not path.with_name(path.name + NOTE).is_file() for path in beside)


def _place(name: str) -> tuple[str, str, str | None]:
    """Sender, feed and institution by the folders a file lies in."""
    steps = name.split("/")
    sender, feed = (steps[0], steps[1]) if len(steps) > 2 else (steps[0], "")
    return sender, feed, steps[2] if len(steps) > 3 else None


def _noted(path: Path, name: str, key: str, sha256: str, catalog: Catalog) -> tuple[Note, Finding | None]:
    """The note of a file, and why the file cannot be taken whatever it holds."""
    note, refusal = read_note(path, name)
    refusal = refusal or _refusal(key, path.name, name, catalog)
    if refusal is None and note.sha256 is not None and note.sha256.lower() != sha256:
        refusal = Finding("landing_note_hash", {"name": name})
    return note, refusal


def _unread(name: str, path: Path, sender: str, feed: str, institution: str | None, why: Finding) -> Landed:
    return Landed(name, path, sender, feed, institution, Note(), "", 0, why)


def read_note(path: Path, name: str) -> tuple[Note, Finding | None]:
    """The delivery note beside a file (empty where there is none), and why it cannot be used."""
    beside = path.with_name(path.name + NOTE)
    if not beside.is_file():
        # What a note says must not be passed over because it lacks the ending of the file in its name.
        short = path.with_name(path.stem + NOTE)
        astray = path.suffix and short.is_file() and not path.with_name(path.stem).exists()
        return Note(), Finding("landing_note_name", {"note": short.name, "wanted": beside.name}) if astray else None
    try:
        document = read_yaml(beside, only_text=True) or {}
        if isinstance(document, dict):
            document = {key: value for key, value in document.items() if value != ""}
        return parse(Note, document, name + NOTE), None
    except DefinitionError as error:
        problems = {"problem": str(error), "problem_zh": error.words("zh")}
        return Note(), Finding("landing_note_wrong", {"name": name, **problems})


def _refusal(key: str, file_name: str, name: str, catalog: Catalog) -> Finding | None:
    if key in catalog.not_in_use:
        return Finding("landing_feed_not_in_use", {"name": name, "feed": key})
    if key not in catalog.feeds:
        return Finding("landing_unknown_feed", {"name": name, "nearest": nearest(key, sorted(catalog.feeds)) or "—"})
    patterns = catalog.feeds[key][-1].extras.file.file_names
    if not any(fnmatch(file_name, pattern) for pattern in patterns):
        return Finding("landing_file_name", {"name": name, "patterns": ", ".join(patterns)})
    return None
