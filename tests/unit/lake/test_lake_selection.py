"""Selection against a naive reading of the rules, row by row in Python."""

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.lake.selection import SCHEMA, SelectablePart, select_rows

Rows = list[tuple[str | None, int | None, int]]
_ROW = st.tuples(
    st.sampled_from(["a", "b", "c", None]), st.sampled_from([1, 2, None]), st.integers(min_value=0, max_value=2)
)
_FILES = st.lists(st.tuples(st.lists(_ROW, min_size=1, max_size=6), st.booleans()), min_size=1, max_size=4).flatmap(
    lambda files: st.tuples(st.just(files), st.permutations(range(len(files))))
)


def _write(folder: Path, rows: Rows, file_id: str, institutions: list[str | None] | None = None) -> Path:
    path = folder / f"{file_id}.parquet"
    pl.DataFrame(
        {
            "file_id": [file_id] * len(rows),
            "record_no": range(1, len(rows) + 1),
            "key_text": [row[0] for row in rows],
            "key_number": [row[1] for row in rows],
            "row_hash": [row[2] for row in rows],
            "institution_id": institutions or [None] * len(rows),
        },
        schema={
            "file_id": pl.String,
            "record_no": pl.Int32,
            "key_text": pl.String,
            "key_number": pl.Int64,
            "row_hash": pl.UInt64,
            "institution_id": pl.String,
        },
    ).write_parquet(path)
    return path


def _naive(files: list[tuple[Rows, bool]], ranks: list[int]) -> list[tuple[str, int, str]]:
    verdicts = []
    best: dict[tuple[str | None, int | None], tuple[int, int, int]] = {}
    for (rows, withdrawn), rank in zip(files, ranks, strict=True):
        for number, (text, digit, content) in enumerate(rows, start=1):
            if not withdrawn:
                best[text, digit] = max(best.get((text, digit), (-1, 0, 0)), (rank, number, content))
    for index, ((rows, withdrawn), rank) in enumerate(zip(files, ranks, strict=True)):
        for number, (text, digit, content) in enumerate(rows, start=1):
            if withdrawn:
                verdicts.append((f"f{index}", number, "superseded"))
            elif best[text, digit][:2] != (rank, number):
                same = best[text, digit][2] == content
                verdicts.append((f"f{index}", number, "duplicate" if same else "superseded"))
    return sorted(verdicts)


@given(_FILES)
@settings(max_examples=60, deadline=None)
def test_selection_is_what_the_rules_say(drawn):
    files, ranks = drawn
    with TemporaryDirectory() as folder:
        given_parts = [
            SelectablePart(_write(Path(folder), rows, f"f{index}"), f"f{index}", rank, withdrawn)
            for index, ((rows, withdrawn), rank) in enumerate(zip(files, ranks, strict=True))
        ]
        found = select_rows(given_parts, ["key_text", "key_number"])
        assert found.verdicts.rows() == _naive(files, list(ranks))
        again = select_rows(given_parts[::-1], ["key_text", "key_number"])
        assert again.verdicts.equals(found.verdicts)
        assert again.contests.equals(found.contests)


def test_later_file_wins_and_equal_content_is_a_duplicate(tmp_path):
    old = _write(tmp_path, [("a", 1, 7), ("b", 1, 7), ("c", 1, 7)], "old")
    new = _write(tmp_path, [("a", 1, 7), ("b", 1, 8)], "new")
    found = select_rows([SelectablePart(old, "old", 0), SelectablePart(new, "new", 1)], ["key_text"])
    assert found.verdicts.rows() == [("old", 1, "duplicate"), ("old", 2, "superseded")]


def test_a_withdrawn_file_gives_way_even_where_nothing_replaces_it(tmp_path):
    old = _write(tmp_path, [("a", 1, 7), (None, 1, 7)], "old")
    new = _write(tmp_path, [("b", 1, 8)], "new")
    found = select_rows([SelectablePart(old, "old", 9, withdrawn=True), SelectablePart(new, "new", 1)], ["key_text"])
    assert found.verdicts.rows() == [("old", 1, "superseded"), ("old", 2, "superseded")]


def test_an_empty_part_of_a_key_equals_an_empty_one_and_nothing_else(tmp_path):
    old = _write(tmp_path, [(None, 1, 7), ("a", None, 7), ("a", 2, 7)], "old")
    new = _write(tmp_path, [(None, 1, 8), ("a", None, 7), ("a", 1, 7), (None, None, 7)], "new")
    parts = [SelectablePart(old, "old", 0), SelectablePart(new, "new", 1)]
    found = select_rows(parts, ["key_text", "key_number"])
    assert found.verdicts.rows() == [("old", 1, "superseded"), ("old", 2, "duplicate")]


def test_a_row_that_loses_to_another_institution_says_which(tmp_path):
    old = _write(tmp_path, [("a", 1, 7), ("b", 1, 7), ("c", 1, 7), ("d", 1, 7)], "old", ["H1", "H1", "H2", None])
    new = _write(tmp_path, [("a", 1, 8), ("b", 1, 8), ("c", 1, 8), ("d", 1, 8)], "new", ["H1", "H2", "H1", "H1"])
    found = select_rows([SelectablePart(old, "old", 0), SelectablePart(new, "new", 1)], ["key_text"])
    assert found.contests.select("institution", "rows").rows() == [(None, 1), ("H1", 2), ("H2", 1)]


def test_no_part_no_verdict():
    found = select_rows([], ["key_text"]).verdicts
    assert found.is_empty()
    assert dict(found.schema) == SCHEMA
