"""Pollock's pollution classes on our own table: right, or refused by name, never wrong."""

import pytest

from tests.hostile import pollock

ITEMS = pollock.everything()


def test_the_short_list_has_every_level():
    assert {item.level for item in ITEMS} == {"standard", "file", "table", "row", "column"}
    assert len({(item.level, item.id) for item in ITEMS}) == len(ITEMS) > 450


def test_no_polluted_file_of_a_sample_is_read_wrong():
    _, wrong = pollock.score(item for item in ITEMS[::12] if not callable(item.data))
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("level", ["standard", "file", "table", "row", "column"])
def test_no_polluted_file_is_read_wrong(level):
    _, wrong = pollock.score(item for item in ITEMS if item.level == level)
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_no_polluted_row_is_read_wrong():
    _, wrong = pollock.score(pollock.separators((2, 7, 11)))
    assert not wrong, "\n".join(wrong)


def test_a_reader_that_errs_is_found(monkeypatch, tmp_path):
    """The score can fail: a pass that loses a record, or bends a cell, is wrong."""
    clean = ITEMS[0]
    assert pollock.outcome(clean, tmp_path) == "right"
    through = pollock.through_check

    def losing(*arguments):
        result, passed = through(*arguments)
        part = passed.part
        passed.part = lambda name: part(name).head(-1) if name == "accepted" else part(name)
        return result, passed

    monkeypatch.setattr(pollock, "through_check", losing)
    assert pollock.outcome(clean, tmp_path).startswith("wrong: lost")
