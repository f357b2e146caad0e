"""Immutable Parquet parts and the manifests that name the parts in force.

Put here: writing, naming and finding parts. Keep out: what decides that a part is stale (assets.stages.road).
A part is written once under a name made from everything its content depends on and never changed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl

from assets.lake import atomic
from assets.lake.atomic import make_folder, read_json, sha256_file, temporary_beside, write_json, write_with
from assets.lake.home import Home

_ROW_GROUP = 122_880
# Columns that hardly repeat a value: a dictionary of them would be built and thrown away.
_WITHOUT_DICTIONARY = ("record_no", "person_key", "row_hash")


@dataclass(frozen=True)
class Manifest:
    """The parts in force of one table and period, and the fingerprint of everything they depend on."""

    fingerprint: str
    parts: list[str]
    rows: int
    notes: dict[str, Any]

    @property
    def content(self) -> str:
        """What those that read the table depend on: its bytes where they are known, else all that it was made from."""
        return str(self.notes.get("sha256", self.fingerprint))


def folder(home: Home, table: str, period: str) -> Path:
    """Where the parts of a table and period lie."""
    return home.lake / table / f"period={period}"


def part_path(home: Home, table: str, period: str, part_id: str) -> Path:
    """Path of one part."""
    return folder(home, table, period) / f"{part_id}.parquet"


def write_part(home: Home, table: str, period: str, part_id: str, frame: pl.DataFrame) -> Path:
    """Write a part unless it is there already; same frame, same bytes."""
    path = part_path(home, table, period, part_id)
    if not path.is_file():
        write_with(
            path,
            lambda temporary: frame.write_parquet(
                temporary, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP, statistics=True
            ),
        )
    return path


class PartWriter:
    """Writes a part chunk by chunk; nothing is visible until `commit`, and leaving without it removes the rest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = temporary_beside(path.with_name(f"rows-{path.name}"))
        self._writer: Any = None

    def __enter__(self) -> "PartWriter":
        make_folder(self._path.parent)
        return self

    def write(self, frame: pl.DataFrame) -> None:
        """Append a chunk; all chunks share one schema."""
        import pyarrow.parquet as pq

        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._temporary,
                table.schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=[name for name in table.schema.names if name not in _WITHOUT_DICTIONARY],
            )
        self._writer.write_table(table, row_group_size=_ROW_GROUP)

    def commit(self) -> None:
        """Close the part and put it in place in one step; a part has at least one chunk."""
        if self._writer is None:
            raise ValueError(f"{self._path.name}: nothing was written")
        writer, self._writer = self._writer, None
        writer.close()
        write_with(self._path, self._hand_over)

    def _hand_over(self, place: Path) -> None:
        self._temporary.rename(place)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
        finally:
            self._temporary.unlink(missing_ok=True)


def write_manifest(home: Home, table: str, period: str, manifest: Manifest) -> None:
    """Put `manifest` in force for a table and period."""
    write_json(folder(home, table, period) / "_manifest.json", asdict(manifest))


def read_manifest(home: Home, table: str, period: str) -> Manifest | None:
    """The manifest in force, or None; a manifest whose parts are gone counts as none."""
    path = folder(home, table, period) / "_manifest.json"
    if not path.is_file():
        return None
    manifest = Manifest(**read_json(path))
    there = all(part_path(home, table, period, part).is_file() for part in manifest.parts)
    return manifest if there else None


def files_in_force(home: Home, table: str, periods: Iterable[str]) -> list[Path]:
    """The Parquet files in force of a table for the given periods, in order."""
    found: list[Path] = []
    for period in periods:
        manifest = read_manifest(home, table, period)
        if manifest is not None:
            found.extend(part_path(home, table, period, part) for part in manifest.parts)
    return found


def read_table(home: Home, table: str, periods: Sequence[str]) -> pl.DataFrame | None:
    """All rows of a table for the given periods, or None where no part is in force."""
    files = files_in_force(home, table, periods)
    return pl.concat([pl.read_parquet(path, hive_partitioning=False) for path in files]) if files else None


def put_table(home: Home, table: str, period: str, fingerprint: str, frame: pl.DataFrame) -> Manifest:
    """Write `frame` as the only part of a table and period and put it in force."""
    part_id = fingerprint[:20]
    path = write_part(home, table, period, part_id, frame)
    manifest = Manifest(fingerprint, [part_id], frame.height, {"sha256": sha256_file(path)})
    write_manifest(home, table, period, manifest)
    return manifest


def clear_leftovers(home: Home) -> None:
    """Remove what a killed run left behind under temporary names; releases look after their own."""
    for root in (home.lake, home.vault, home.temporary):
        atomic.clear_leftovers(root.rglob(f"{atomic.TEMPORARY}*"))
    atomic.clear_leftovers(home.path.glob(f"{atomic.TEMPORARY}*"))
