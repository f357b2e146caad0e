"""Parts are written once, found by manifest only, and a crash shows the old table or the new one."""

import polars as pl
import pytest

from assets.lake import parts
from assets.lake.atomic import sha256_file, temporary_beside
from assets.lake.parts import Manifest, PartWriter, clear_leftovers, part_path, put_table, read_manifest, read_table

OLD = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
NEW = pl.DataFrame({"a": [3], "b": ["y"]})


def _temporary(home):
    return list(home.path.rglob(".tmp-*"))


def test_a_crash_shows_the_old_table_or_the_new_one(home, crash_everywhere):
    def prepare():
        put_table(home, "mart__t", "2025Q1", "o" * 64, OLD)
        part_path(home, "mart__t", "2025Q1", "n" * 20).unlink(missing_ok=True)

    def check(_):
        frame = read_table(home, "mart__t", ["2025Q1"])
        assert frame.equals(OLD) or frame.equals(NEW)
        clear_leftovers(home)
        assert _temporary(home) == []

    assert crash_everywhere(prepare, lambda _: put_table(home, "mart__t", "2025Q1", "n" * 64, NEW), check) >= 6
    assert read_table(home, "mart__t", ["2025Q1"]).equals(NEW)


def test_a_part_is_written_once(home):
    path = parts.write_part(home, "t", "2025", "p", OLD)
    before = path.stat()
    assert parts.write_part(home, "t", "2025", "p", NEW) == path
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert pl.read_parquet(path, hive_partitioning=False).equals(OLD)


def test_same_frame_same_bytes(home):
    frame = pl.DataFrame({"a": range(300_000), "b": [str(n % 97) for n in range(300_000)]})
    first = parts.write_part(home, "t", "2025", "p", frame).read_bytes()
    second = parts.write_part(home, "t", "2025", "q", frame.clone()).read_bytes()
    assert first == second


def test_chunks_become_one_part(home):
    path = part_path(home, "t", "2025", "p")
    with PartWriter(path) as writer:
        writer.write(OLD)
        writer.write(NEW)
        assert not path.exists()
        writer.commit()
    assert pl.read_parquet(path, hive_partitioning=False).equals(pl.concat([OLD, NEW]))
    assert _temporary(home) == []


def test_leaving_without_commit_leaves_nothing(home):
    path = part_path(home, "t", "2025", "p")

    def leave_early():
        with PartWriter(path) as writer:
            writer.write(OLD)
            raise RuntimeError("source broke")

    with pytest.raises(RuntimeError, match="source broke"):
        leave_early()
    assert list(path.parent.iterdir()) == []


def test_an_empty_part_cannot_be_committed(home):
    with (
        PartWriter(part_path(home, "t", "2025", "p")) as writer,
        pytest.raises(ValueError, match="nothing was written"),
    ):
        writer.commit()


def test_a_crash_of_the_writer_shows_no_part_or_a_whole_one(home, crash_everywhere):
    path = part_path(home, "t", "2025", "p")

    def act(_):
        with PartWriter(path) as writer:
            writer.write(OLD)
            writer.write(NEW)
            writer.commit()

    def check(_):
        if path.is_file():
            assert pl.read_parquet(path, hive_partitioning=False).height == 3
        clear_leftovers(home)
        assert _temporary(home) == []

    assert crash_everywhere(lambda: path.unlink(missing_ok=True), act, check) >= 4


def test_a_manifest_whose_part_is_gone_counts_as_none(home):
    put_table(home, "t", "2025", "f" * 64, OLD)
    path = part_path(home, "t", "2025", "f" * 20)
    assert read_manifest(home, "t", "2025") == Manifest("f" * 64, ["f" * 20], 2, {"sha256": sha256_file(path)})
    path.unlink()
    assert read_manifest(home, "t", "2025") is None
    assert read_table(home, "t", ["2025"]) is None


def test_only_parts_named_by_the_manifest_are_read(home):
    put_table(home, "t", "2025", "f" * 64, OLD)
    parts.write_part(home, "t", "2025", "stray", NEW)
    put_table(home, "t", "2024", "e" * 64, NEW)
    assert read_table(home, "t", ["2024", "2025"]).equals(pl.concat([NEW, OLD]))
    assert read_table(home, "t", ["2023"]) is None


def test_leftovers_go_from_every_folder_that_is_written(home):
    stray = [
        temporary_beside(folder / "x")
        for folder in (home.lake, home.archive, home.quarantine, home.keys, home.ledger, home.temporary, home.path)
    ]
    for path in stray:
        path.touch()
    clear_leftovers(home)
    assert not any(path.exists() for path in stray)
