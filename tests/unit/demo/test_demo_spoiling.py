"""Planting faults: rows of their own, remembered, and the rest of the table as it was."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from pipelines.demo.spoiling import Fault, put, spoil

ONE = Fault("one", "reject", put(a="x"))
TWO = Fault("two", "warn", put(a="y"))
ODD = Fault("", "harmless", put(a="z"))
TORN = Fault("record_shape", "unreadable", lambda _: {})
QUOTED = Fault("unclosed_quote", "unreadable", put(a='"'))


def table(rows: int) -> pl.DataFrame:
    return pl.DataFrame({"a": [str(n) for n in range(rows)], "b": ["b"] * rows})


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_each_fault_takes_rows_of_its_own() -> None:
    texts = table(100)
    found = spoil(texts, [ONE, TWO], rng(), times=3)
    assert found.texts["a"].to_list().count("x") == found.texts["a"].to_list().count("y") == 3
    assert [kind for _, _, kind in found.notes] == ["reject"] * 3 + ["warn"] * 3
    assert (~found.valid).sum() == 3
    assert {at for at, _, _ in found.notes} == found.touched
    assert texts.equals(table(100))
    untouched = [at for at in range(100) if at not in found.touched]
    assert found.texts[untouched].equals(texts[untouched])


def test_what_becomes_of_each_kind() -> None:
    found = spoil(table(100), [ONE, TWO, ODD, TORN, QUOTED], rng(), times=1)
    places = {rule: at for at, rule, _ in found.notes}
    assert set(places) == {"one", "two", "record_shape", "unclosed_quote"}
    assert set(np.flatnonzero(~found.valid)) == set(places.values()) - {places["two"]}
    assert found.broken_lines == {places["record_shape"]}
    (odd,) = found.touched - set(places.values())
    assert found.texts["a"][odd] == "z"


@pytest.mark.parametrize(("rows", "planted"), [(0, 0), (7, 0), (8, 1), (15, 1), (16, 2), (800, 20)])
def test_of_eight_records_one_at_most_is_spoiled(rows: int, planted: int) -> None:
    texts = table(rows)
    found = spoil(texts, [ONE, TWO], rng(), times=10)
    assert len(found.touched) == len(found.notes) == planted
    assert found.texts.equals(texts) == (planted == 0)


def test_a_short_file_gets_one_fault_of_every_rule_before_a_second_of_any() -> None:
    many = [*(Fault("one", "reject", put(a=str(way))) for way in range(90)), TWO, Fault("one", "warn", put(a="w"))]
    for seed in range(20):
        notes = spoil(table(32), many, rng(seed), times=3).notes
        assert {(rule, kind) for _, rule, kind in notes} == {("one", "reject"), ("two", "warn"), ("one", "warn")}
        assert len(notes) == 4


def test_which_faults_a_short_file_gets_is_chance() -> None:
    planted = {rule for seed in range(20) for _, rule, _ in spoil(table(8), [ONE, TWO], rng(seed), times=1).notes}
    assert planted == {"one", "two"}


def test_a_fault_takes_only_a_row_that_it_fits() -> None:
    last = Fault("one", "reject", put(a="x"), lambda row: row["a"] == "99")
    none = Fault("none", "reject", put(a="x"), lambda row: row["a"] == "100")
    for seed in range(10):
        assert spoil(table(100), [none, last], rng(seed), times=1).notes == [(99, "one", "reject")]


def test_spoiled_rows_are_never_neighbours() -> None:
    for seed in range(20):
        touched = spoil(table(80), [ONE] * 10, rng(seed), times=1).touched
        assert len(touched) == 10
        assert all(after - before > 1 for before, after in pairwise(sorted(touched)))


def test_the_same_chance_gives_the_same_faults_and_is_not_used_up() -> None:
    first, second = rng(5), rng(5)
    before, after = spoil(table(200), [ONE, ODD], first, times=4), spoil(table(200), [ONE, ODD], second, times=4)
    assert (before.notes, before.touched) == (after.notes, after.touched)
    assert before.texts.equals(after.texts)
    assert first.random() == rng(5).random()
    assert before.notes != spoil(table(200), [ONE, ODD], rng(6), times=4).notes
