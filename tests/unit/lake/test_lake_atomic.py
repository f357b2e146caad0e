"""Writing in one step: after a crash anywhere the old content is there, or the new one."""

import hashlib
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.lake import atomic

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_a_crash_leaves_the_old_document_or_the_new_one(tmp_path, crash_everywhere):
    path = tmp_path / "a" / "b.json"

    def prepare():
        atomic.write_json(path, {"state": "old"})

    def check(_):
        assert atomic.read_json(path)["state"] in ("old", "new")
        atomic.clear_leftovers(tmp_path.rglob(".tmp-*"))
        assert [item.name for item in path.parent.iterdir()] == ["b.json"]

    steps = crash_everywhere(prepare, lambda _: atomic.write_json(path, {"state": "new"}), check)
    assert steps >= 3, "file, rename and folder each have to reach the disk"
    assert atomic.read_json(path) == {"state": "new"}


def test_the_file_reaches_the_disk_before_its_name_does(tmp_path, monkeypatch):
    order = []
    real_fsync, real_rename = os.fsync, os.rename
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("fsync"), real_fsync(handle)))
    monkeypatch.setattr(os, "rename", lambda *names: (order.append("rename"), real_rename(*names)))
    atomic.write_chunks(tmp_path / "x", [b"1", b"2"])
    assert order == ["fsync", "rename", "fsync"]
    assert (tmp_path / "x").read_bytes() == b"12"


def test_a_failing_source_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def chunks():
        yield b"new"
        raise OSError(28, "no space left")

    with pytest.raises(OSError, match="no space"):
        atomic.write_chunks(path, chunks())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_hold_before_the_first_byte(tmp_path):
    path, seen = tmp_path / "key", []

    def write(temporary: Path) -> None:
        seen.append(stat.S_IMODE(temporary.stat().st_mode))
        temporary.write_bytes(b"secret")

    atomic.write_with(path, write, mode=0o600)
    assert seen == [0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_folders_are_made_one_by_one_and_durable(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(atomic, "sync_folder", synced.append)
    atomic.make_folder(tmp_path / "a" / "b", 0o700)
    assert synced == [tmp_path, tmp_path / "a"]
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    atomic.make_folder(tmp_path / "a" / "b")
    assert len(synced) == 2


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    finished = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead = tmp_path / f".tmp-{int(finished.stdout)}-x"
    alive = tmp_path / f".tmp-{os.getppid()}-x"
    own = atomic.temporary_beside(tmp_path / "x")
    without_process = tmp_path / ".tmp-x"
    for path in (dead, alive, own, without_process):
        path.touch()
    atomic.clear_leftovers(tmp_path.glob(".tmp-*"))
    assert list(tmp_path.iterdir()) == [alive]


def test_a_lock_lets_one_in_at_a_time(tmp_path):
    inside, most, gate = [], [], threading.Barrier(4)

    def enter() -> None:
        gate.wait()
        for _ in range(20):
            with atomic.locked(tmp_path / "lock"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}
    assert len(most) == 80


@given(_JSON)
def test_canonical_json_reads_back_and_does_not_depend_on_order(document):
    def turned(value):
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    data = atomic.canonical_json(document)
    assert json.loads(data) == document
    assert atomic.canonical_json(turned(document)) == data


@given(st.binary(max_size=200))
def test_hash_of_bytes_is_the_published_function(data):
    assert atomic.sha256_of(data) == hashlib.sha256(data).hexdigest()


def test_hash_of_a_file_is_the_hash_of_its_bytes(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert atomic.sha256_file(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
