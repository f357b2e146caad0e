"""Fingerprints change with what they stand for, and with nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.lake import fingerprint

_TEXTS = st.lists(st.text(max_size=4), max_size=4)


@given(_TEXTS, _TEXTS)
def test_only_equal_lists_have_equal_fingerprints(left, right):
    assert (fingerprint.combine(*left) == fingerprint.combine(*right)) == (left == right)


def test_boundaries_cannot_be_moved():
    assert len({fingerprint.combine(*parts) for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""))}) == 4


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "_ROOT", tmp_path)
    room = tmp_path / "room"
    (room / "__pycache__").mkdir(parents=True)
    (room / "a.py").write_text("x = 1\ny = 2\n", encoding="utf-8")
    fingerprint.code_fingerprint.cache_clear()
    yield room
    fingerprint.code_fingerprint.cache_clear()


def _again() -> str:
    fingerprint.code_fingerprint.cache_clear()
    return fingerprint.code_fingerprint("room")


def test_source_and_file_names_count(project):
    first = _again()
    (project / "b.sql").write_text("select 1", encoding="utf-8")
    second = _again()
    (project / "b.sql").rename(project / "c.sql")
    third = _again()
    assert len({first, second, third}) == 3


def test_line_ends_caches_and_other_files_do_not_count(project):
    first = _again()
    (project / "a.py").write_bytes(b"x = 1\r\ny = 2\r\n")
    (project / "__pycache__" / "a.py").write_text("1", encoding="utf-8")
    (project / "notes.txt").write_text("1", encoding="utf-8")
    assert _again() == first


def test_a_room_that_does_not_exist_is_an_error(project):
    with pytest.raises(FileNotFoundError):
        fingerprint.code_fingerprint("room/gone.py")


def test_another_version_of_a_library_is_another_fingerprint(monkeypatch):
    names = ("duckdb", "polars")
    first = fingerprint.library_fingerprint(*names)
    assert first == fingerprint.library_fingerprint(*names) != fingerprint.library_fingerprint(*reversed(names))
    monkeypatch.setattr(fingerprint, "version", lambda name: {"duckdb": "1", "polars": "2"}[name])
    second = fingerprint.library_fingerprint(*names)
    monkeypatch.setattr(fingerprint, "version", lambda name: {"duckdb": "1", "polars": "2.1"}[name])
    assert len({first, second, fingerprint.library_fingerprint(*names)}) == 3
