"""Snapshots sent again, against a naive reading of the rule: which file takes whose place, and what counts."""

from collections import Counter
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.lake.selection import SelectablePart, select_rows

ENOUGH = Fraction(1, 2)
# A row is its key (None: empty, which is a key like any other) and its content.
_ROWS = st.lists(st.tuples(st.sampled_from([*"abcdef", None]), st.integers(0, 1)), min_size=1, max_size=6)
_FILE = st.tuples(_ROWS, st.sampled_from(["H1", "H2", None]), st.booleans(), st.sampled_from([True, True, False]))
_FILES = st.lists(_FILE, min_size=1, max_size=4).flatmap(
    lambda files: st.tuples(st.just(files), st.permutations(range(len(files))))
)


def _part(folder, name, rows, rank, **more):
    path = folder / f"{name}.parquet"
    frame = pl.DataFrame(rows, schema={"key": pl.String, "row_hash": pl.UInt64}, orient="row")
    frame.select(
        pl.lit(name).alias("file_id"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("record_no"),
        "key",
        "row_hash",
        pl.lit(None, pl.String).alias("institution_id"),
    ).write_parquet(path)
    return SelectablePart(path, name, rank, **more)


def _replaced(files, ranks):
    """Names of the files whose place a later one of the same state takes."""
    gone = set()
    for old, (rows, state, withdrawn, _) in enumerate(files):
        keys = {key for key, _ in rows}
        for new, (later, other, out, whole) in enumerate(files):
            shared = len(keys & {key for key, _ in later})
            candidate = state is not None and state == other and ranks[new] > ranks[old] and whole
            if candidate and not withdrawn and not out and shared and 2 * shared >= len(keys):
                gone.add(old)
    return gone


def _verdicts(files, ranks):
    gone = _replaced(files, ranks)
    winners = {}
    for at in sorted(range(len(files)), key=lambda at: ranks[at]):
        rows, _, withdrawn, _ = files[at]
        for number, (key, content) in enumerate(rows, start=1):
            if not withdrawn and at not in gone:
                winners[key] = (at, number, content)
    found = []
    for at, (rows, _, withdrawn, _) in enumerate(files):
        for number, (key, content) in enumerate(rows, start=1):
            winner = None if withdrawn else winners.get(key)
            if winner is not None and winner[:2] != (at, number):
                found.append((f"f{at}", number, "duplicate" if winner[2] == content else "superseded"))
            elif withdrawn or (at in gone):
                found.append((f"f{at}", number, "superseded"))
    return sorted(found)


@given(_FILES)
@settings(max_examples=40)
def test_snapshots_replace_each_other_as_the_rule_says(drawn):
    files, ranks = drawn
    with TemporaryDirectory() as folder:
        parts = [
            _part(Path(folder), f"f{at}", rows, ranks[at], state_of=state, withdrawn=withdrawn, whole=whole)
            for at, (rows, state, withdrawn, whole) in enumerate(files)
        ]
        found = select_rows(parts, ["key"], enough=ENOUGH)
        assert found.verdicts.rows() == _verdicts(files, ranks)
        again = select_rows(parts[::-1], ["key"], enough=ENOUGH)
        assert again.verdicts.equals(found.verdicts)
    assert {f"f{at}" for at in _replaced(files, ranks)} == set(found.meetings.filter("replaced")["older"])
    lost = Counter(name for name, _, _ in found.verdicts.rows())
    won = Counter({row["file_id"]: 0 for row in found.contests.to_dicts()})
    for row in found.contests.to_dicts():
        won[row["file_id"]] += row["rows"]
        assert row["rows"] > 0
    assert all(won[name] <= lost[name] for name in won)


@pytest.mark.parametrize(("shared", "replaced"), [(4, False), (5, True), (6, True)])
def test_half_of_the_keys_is_enough(tmp_path, shared, replaced):
    older = _part(tmp_path, "old", [(f"k{n}", 0) for n in range(10)], 0, state_of="H1")
    newer = _part(tmp_path, "new", [(f"k{n}", 1) for n in range(shared)], 1, state_of="H1")
    found = select_rows([older, newer], ["key"], enough=ENOUGH)
    assert found.meetings.row(0, named=True) == {
        "older": "old",
        "newer": "new",
        "keys": 10,
        "shared": shared,
        "whole": True,
        "replaced": replaced,
    }
    assert found.verdicts.height == (10 if replaced else shared)


def test_without_any_key_in_common_nothing_is_replaced_however_low_the_bound(tmp_path):
    older = _part(tmp_path, "old", [("a", 0)], 0, state_of="H1")
    newer = _part(tmp_path, "new", [("b", 0)], 1, state_of="H1")
    found = select_rows([older, newer], ["key"], enough=Fraction(0))
    assert (found.verdicts.height, found.meetings["replaced"].to_list()) == (0, [False])


def test_a_row_of_a_replaced_file_does_not_stand_in_the_way_of_another_institution(tmp_path):
    other = _part(tmp_path, "other", [("c", 5)], 0, state_of="H2")
    older = _part(tmp_path, "old", [("a", 0), ("b", 0), ("c", 0)], 1, state_of="H1")
    newer = _part(tmp_path, "new", [("a", 0), ("b", 0)], 2, state_of="H1")
    found = select_rows([other, older, newer], ["key"], enough=ENOUGH)
    assert found.verdicts.rows() == [("old", 1, "duplicate"), ("old", 2, "duplicate"), ("old", 3, "superseded")]
