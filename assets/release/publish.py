"""Putting a release in force: built aside, hashed, renamed into place, the pointer switched last.

Put here: the order of writing and the manifest. Keep out: what is in tables and pages.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from assets.lake.atomic import canonical_json, read_json, sha256_file, sha256_of, sync_folder, write_json
from assets.lake.home import Home
from assets.release.records import is_withdrawn, read
from assets.release.tables import write_database, write_tables

PROFILE = "internal"
DATABASE = "db/kangheng.duckdb"
FORMAT = 1
_RELEASED, _CANDIDATE = "released", "candidate"


@dataclass(frozen=True)
class ReleaseContent:
    """Everything a release is made of. `draw` writes pages and workbooks below the folder it is given."""

    period: str
    tables: Mapping[str, pl.DataFrame]
    draw: Callable[[Path], None]
    inputs: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Any]
    code: Mapping[str, str]
    approved: bool = True
    draft_reasons: Sequence[Mapping[str, str]] = ()
    """Why nobody may approve it, in zh and en."""


def publish(home: Home, content: ReleaseContent, examine: Callable[[Path], None]) -> tuple[Path, bool]:
    """Write the release and put it in force; returns its folder and whether it is new.

    `examine` is given the finished release before anybody can read it and raises where it is not sound; then nothing
    is put in force and nothing of it stays.

    If the newest release of the period has the same content hash, that one stands and nothing is written. A release
    that still needs approval is written as a candidate and does not become current; so is one whose content was
    withdrawn, whatever approval the home asks for: it gets a number of its own, and somebody has to publish it.
    """
    with alone(home):
        _clear(home)
        aside = home.releases / f".tmp-{content.period}"
        manifest = _build(aside, content)
        existing = releases_of(home, content.period)
        newest = existing[-1] if existing else None
        withdrawn = _was_withdrawn(manifest["content_hash"], existing)
        if newest and not withdrawn and _manifest(newest)["content_hash"] == manifest["content_hash"]:
            shutil.rmtree(aside)
            if _manifest(newest)["status"] == _RELEASED:
                point(home, content.period, newest)
            return newest, False
        number = _number(newest) + 1 if newest else 1
        manifest["release"] = f"{content.period}-r{number}"
        manifest["previous"] = _link(newest)
        manifest["status"] = _RELEASED if content.approved and not withdrawn else _CANDIDATE
        write_json(aside / PROFILE / "manifest.json", manifest)
        examine(aside)
        _sync(aside)
        place = home.releases / manifest["release"]
        aside.rename(place)
        sync_folder(home.releases)
        if manifest["status"] == _RELEASED:
            point(home, content.period, place)
        return place, True


def last_withdrawn(home: Home, period: str) -> Path | None:
    """The newest release of a period that was withdrawn, unless a later one is in force."""
    in_force = current(home)["periods"].get(period)
    for place in reversed(releases_of(home, period)):
        if place.name == in_force:
            return None
        if _is_withdrawn(place):
            return place
    return None


def _was_withdrawn(content: str, releases: Sequence[Path]) -> bool:
    """Whether the newest of `releases` with this content was withdrawn."""
    alike = next((place for place in reversed(releases) if _manifest(place)["content_hash"] == content), None)
    return alike is not None and _is_withdrawn(alike)


def _is_withdrawn(release: Path) -> bool:
    return is_withdrawn(read(release)[0], _manifest(release)["content_hash"])


def releases_of(home: Home, period: str) -> list[Path]:
    """The releases of a period, oldest first."""
    return sorted(home.releases.glob(f"{period}-r*"), key=_number)


def current(home: Home) -> dict[str, Any]:
    """The pointer: release in force per period, and the latest period."""
    path = home.releases / "current.json"
    found: dict[str, Any] = read_json(path) if path.is_file() else {"latest": None, "periods": {}}
    return found


def content_hash(outputs: Sequence[Mapping[str, Any]], manifest: Mapping[str, Any]) -> str:
    """The same-bytes promise: outputs but the database, inputs, settings; without links, code and names of releases."""
    promised = [item for item in outputs if item["path"] != DATABASE]
    inputs = sorted((item["file_id"], item["sha256"]) for item in manifest["inputs"])
    drafts = manifest.get("draft_reasons", [])
    parts = [manifest["period"], promised, inputs, manifest["settings"], *([drafts] if drafts else [])]
    return sha256_of(canonical_json(parts))


def _build(aside: Path, content: ReleaseContent) -> dict[str, Any]:
    folder = aside / PROFILE
    folder.mkdir(parents=True)
    write_tables(content.tables, folder / "tables")
    write_database(content.tables, folder / DATABASE)
    content.draw(folder)
    outputs = [
        {"path": path.relative_to(folder).as_posix(), "sha256": sha256_file(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "period": content.period,
        "profile": PROFILE,
        "inputs": list(content.inputs),
        "settings": dict(content.settings),
        "code": dict(content.code),
        "outputs": outputs,
        "draft_reasons": [dict(reason) for reason in content.draft_reasons],
        "tables": {name: frame.height for name, frame in sorted(content.tables.items())},
    }
    manifest["content_hash"] = content_hash(outputs, manifest)
    return manifest


def _number(release: Path) -> int:
    return int(release.name.rsplit("-r", 1)[1])


def _manifest(release: Path) -> dict[str, Any]:
    document: dict[str, Any] = read_json(release / PROFILE / "manifest.json")
    return document


def _link(previous: Path | None) -> dict[str, str] | None:
    if previous is None:
        return None
    return {"release": previous.name, "manifest": sha256_file(previous / PROFILE / "manifest.json")}


def point(home: Home, period: str, release: Path | None) -> None:
    """Put a release of the period in force, or none, in one step."""
    pointer = current(home)
    periods = {key: name for key, name in pointer["periods"].items() if key != period}
    if release is not None:
        periods[period] = release.name
    document = {"periods": periods, "latest": periods[max(periods)] if periods else None}
    if document != pointer:
        write_json(home.releases / "current.json", document)


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            sync_folder(path)


def _clear(home: Home) -> None:
    for leftover in home.releases.glob(".tmp-*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """One publisher at a time."""
    with (home.releases / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
