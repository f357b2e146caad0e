"""What a decision can be about: the release of a home, or the folder that an engine alone wrote.

Put here: finding out what lies in a folder, by which hashes it is known, in which home it stands. Keep out: records and
rules of approval, checking the files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.lake.atomic import canonical_json, read_json, sha256_file, sha256_of
from assets.lake.home import Home
from assets.release.publish import PROFILE
from data_contracts.messages import wrong

MANIFEST, RUN = "manifest.json", "run.json"
FINANCE = "finance"
ALONE = ("tables", FINANCE, "statements")


@dataclass(frozen=True)
class Subject:
    """`place`: folder with the records; `files`: folder with the content; `manifest`: its list of files.

    `period`, `home`: of a release; None for an engine alone. `draft_reasons`: why it may not be approved, in zh and en.
    """

    place: Path
    files: Path
    name: str
    manifest_path: Path
    manifest: Mapping[str, Any]
    home: Home | None

    @property
    def period(self) -> str | None:
        """Period of a release."""
        return self.manifest.get("period")

    @property
    def content_hash(self) -> str:
        """As the manifest states it."""
        return str(self.manifest["content_hash"])

    @property
    def manifest_hash(self) -> str:
        """Of the manifest as it is."""
        return sha256_file(self.manifest_path)

    @property
    def draft_reasons(self) -> Sequence[Mapping[str, str]]:
        """Why it may not be approved."""
        return list(self.manifest.get("draft_reasons", []))

    @property
    def table_hash(self) -> str | None:
        """The fingerprint at the foot of the table of payments; None where there is none that can be read."""
        found = finance_files(self.files)
        try:
            return str(read_json(found[0])["control"]["table_hash"]) if found else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


def subject_of(place: Path) -> Subject:
    """What lies in a folder. Raises DefinitionError where it is neither a release nor the result of an engine."""
    if place.name == PROFILE and (place / MANIFEST).is_file():
        place = place.parent
    files, run = place / PROFILE, place / RUN
    try:
        if (files / MANIFEST).is_file():
            manifest = read_json(files / MANIFEST)
            name, path = str(manifest["release"]), files / MANIFEST
            above = place.resolve().parent
            inside = above.name == "releases" and (above.parent / "home.yaml").is_file()
            home = Home(above.parent) if inside else None
        elif run.is_file():
            manifest, files, path, home = read_json(run), place, run, None
            name = str(manifest["spec"])
        else:
            raise KeyError
        subject = Subject(place, files, name, path, manifest, home)
        _ = subject.content_hash
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise wrong("approval_no_release", path=place) from None
    return subject


def finance_files(files: Path) -> list[Path]:
    """The files for a finance system that a release or an engine alone brings."""
    return sorted(path for path in (files / FINANCE).glob("*.json") if not path.name.endswith(".schema.json"))


def outputs_of(paths: Sequence[Path], folder: Path) -> list[dict[str, Any]]:
    """Files as a manifest lists them: path relative to `folder`, sha256, bytes."""
    return [
        {"path": path.relative_to(folder).as_posix(), "sha256": sha256_file(path), "bytes": path.stat().st_size}
        for path in sorted(paths)
    ]


def alone_files(out: Path, pages: Sequence[str]) -> list[Path]:
    """All files that an engine alone wrote, without its own list of them."""
    inside = [path for name in ALONE for path in (out / name).rglob("*") if path.is_file()]
    return [*inside, *(out / name for name in pages if (out / name).is_file())]


def alone_hash(run: Mapping[str, Any]) -> str:
    """The content hash of an engine alone: its spec, its data, its files."""
    return sha256_of(canonical_json([run["spec_hash"], run["data_sha256"], run["draft_reasons"], run["outputs"]]))
