"""The engine sees exactly what it is given, obeys its bounds and never repeats a cell in a message."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.engine import duck
from assets.engine.duck import EngineError, EngineLimits, View, execute, query, session


def _parquet(folder: Path, name: str, frame: pl.DataFrame) -> Path:
    path = folder / name
    frame.write_parquet(path)
    return path


def test_files_frames_arrow_and_views_are_tables(tmp_path: Path) -> None:
    first = _parquet(tmp_path, "it's one.parquet", pl.DataFrame({"k": ["a", "b"], "n": [1, 2]}))
    second = _parquet(tmp_path, "two.parquet", pl.DataFrame({"n": [5], "k": ["a"], "later": ["x"]}))
    tables = {
        "files": [first, second],
        "frame": pl.DataFrame({"k": ["a"]}),
        "arrow": pl.DataFrame({"k": ["a"]}).to_arrow(),
        "sums": View("select k, sum(n) as n from files group by k"),
    }
    sql = "select cast(n as bigint) as n from sums inner join frame using (k) inner join arrow using (k)"
    assert query(sql, tables)["n"].to_list() == [6]
    assert execute(sql, tables).column_names == ["n"]


def test_an_empty_frame_is_a_typed_empty_table() -> None:
    empty = pl.DataFrame(schema={"day": pl.Date, "amount": pl.Decimal(28, 6)})
    found = query("select day, amount from t", {"t": empty})
    assert found.is_empty()
    assert found.schema == {"day": pl.Date, "amount": pl.Decimal(28, 6)}


def test_a_list_without_files_is_refused_by_name() -> None:
    with pytest.raises(EngineError, match="table visits has no file"):
        query("select 1", {"visits": []})


def test_only_given_files_can_be_read(tmp_path: Path) -> None:
    given_file = _parquet(tmp_path, "given.parquet", pl.DataFrame({"a": [1]}))
    other = _parquet(tmp_path, "other.parquet", pl.DataFrame({"a": [2]}))
    with pytest.raises(EngineError, match="Permission"):
        query(f"select * from read_parquet('{other}')", {"t": [given_file]})  # noqa: S608


@pytest.mark.parametrize(
    "sql", ["attach 'x.db'", "copy t to 'x.csv'", "set threads = 4", "install httpfs", "select 1; select 2", ""]
)
def test_anything_but_one_select_is_refused(sql: str) -> None:
    with pytest.raises(EngineError):
        query(sql, {"t": pl.DataFrame({"a": [1]})})


def test_python_variables_are_invisible() -> None:
    secret = pl.DataFrame({"a": [1]})
    with pytest.raises(EngineError, match="secret"):
        query("select * from secret", {"t": secret})


@given(value=st.sampled_from(["张三", "110101199003077758", "O'Brien", 'say "x"', "13800138000", "x 7 y"]))
def test_a_failing_cast_does_not_repeat_the_cell(value: str) -> None:
    with pytest.raises(EngineError) as error:
        query("select cast(name as integer) as n from t", {"t": pl.DataFrame({"name": [value]})})
    for piece in value.replace("'", " ").replace('"', " ").split():
        assert len(piece) == 1 or piece not in str(error.value)
    assert error.value.__cause__ is None
    assert "(tables: t)" in str(error.value)


def test_overflow_and_date_errors_do_not_repeat_the_cell() -> None:
    for sql, cell in (
        ("select n * 9223372036854775807 as m from t", 424242),
        ("select cast(cast(n as varchar) as date) as d from t", 424242),
        ("select cast(n as tinyint) as d from t", 424242),
    ):
        with pytest.raises(EngineError) as error:
            query(sql, {"t": pl.DataFrame({"n": [cell]})})
        assert str(cell) not in str(error.value)


def test_a_wrong_column_is_named() -> None:
    with pytest.raises(EngineError, match="nocolumn"):
        query("select nocolumn from t", {"t": pl.DataFrame({"a": [1]})})


def test_instants_are_utc_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    found = query("select cast(timestamptz '2025-01-01 00:00:00+08' as varchar) as t", {})
    assert found["t"][0] == "2024-12-31 16:00:00+00"


def test_limits_hold_and_the_spill_folder_is_left_empty(tmp_path: Path) -> None:
    limits = EngineLimits(memory_mb=90, threads=1, spill=tmp_path)
    sql = "select current_setting('threads') as n, current_setting('memory_limit') as m"
    row = query(sql, {}, limits=limits).row(0)
    assert row[0] == 1
    assert "85.8" in row[1]
    sorting = "select max(h) as h from (select h, row_number() over (order by h) as n from t)"
    wide = query("select md5(cast(range as varchar)) || md5(cast(range + 1 as varchar)) as h from range(600000)", {})
    assert query(sorting, {"t": wide}, limits=limits)["h"][0] == wide["h"].max()
    assert list(tmp_path.iterdir()) == []


def test_values_of_parameters_reach_the_query() -> None:
    found = query("select a from t where a > $least", {"t": pl.DataFrame({"a": [1, 2, 3]})}, parameters={"least": 2})
    assert found["a"].to_list() == [3]


# Several queries on one connection ---------------------------------------------------------------------------------


@pytest.fixture(params=["kept", "opened"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small files, read for a connection that is kept, and large ones, for which one is opened."""
    if request.param == "opened":
        monkeypatch.setattr(duck, "_SMALL", -1)
    return str(request.param)


def test_queries_of_a_session_do_not_see_each_others_tables(tmp_path: Path, way: str) -> None:
    first = _parquet(tmp_path, "one.parquet", pl.DataFrame({"n": [1]}))
    second = _parquet(tmp_path, "two.parquet", pl.DataFrame({"n": [2]}))
    with session([first, second]) as engine:
        assert engine.query("select n from t", {"t": [first], "u": pl.DataFrame({"a": [1]})})["n"].to_list() == [1]
        assert engine.query("select n from t", {"t": [second]})["n"].to_list() == [2]
        with pytest.raises(EngineError, match="Catalog"):
            engine.query("select * from u", {"t": [second]})
        view = {"t": [first, second], "v": View("select sum(n) as n from t")}
        assert engine.query("select cast(n as bigint) as n from v", view)["n"].to_list() == [3]


def test_a_session_goes_on_after_a_failed_query(tmp_path: Path, way: str) -> None:
    path = _parquet(tmp_path, "one.parquet", pl.DataFrame({"n": ["x"]}))
    with session([path]) as engine:
        with pytest.raises(EngineError):
            engine.query("select cast(n as integer) as n from t", {"t": [path]})
        assert engine.query("select n from t", {"t": [path]})["n"].to_list() == ["x"]


def test_neither_kind_of_connection_reads_other_files(tmp_path: Path, way: str) -> None:
    given_file = _parquet(tmp_path, "given.parquet", pl.DataFrame({"a": [1]}))
    other = _parquet(tmp_path, "other.parquet", pl.DataFrame({"a": [2]}))
    with pytest.raises(EngineError, match="Permission"):
        query(f"select * from read_parquet('{other}')", {"t": [given_file]})  # noqa: S608
    with pytest.raises(EngineError):
        query("set threads = 4", {"t": [given_file]})


def test_files_of_several_versions_are_put_together_by_name(tmp_path: Path, way: str) -> None:
    old = pl.DataFrame({"k": ["a"], "n": pl.Series([1], dtype=pl.Int32)})
    new = pl.DataFrame({"more": [True], "n": pl.Series([2**40], dtype=pl.Int64), "k": ["b"]})
    files = [_parquet(tmp_path, "old.parquet", old), _parquet(tmp_path, "new.parquet", new)]
    found = query("select k, n, more from t order by k", {"t": files})
    assert found.rows() == [("a", 1, None), ("b", 2**40, True)]


def test_a_folder_that_looks_like_a_partition_adds_no_column(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "period=2025Q1"
    folder.mkdir()
    path = _parquet(folder, "one.parquet", pl.DataFrame({"n": [1]}))
    assert query("select * from t", {"t": [path]}).columns == ["n"]


def test_every_type_comes_back_as_it_was_written(tmp_path: Path, way: str) -> None:
    frame = pl.DataFrame(
        {
            "text": ["中", None],
            "integer": pl.Series([1, None], dtype=pl.Int64),
            "number": pl.Series([1, 2], dtype=pl.Int32),
            "hash": pl.Series([2**64 - 1, None], dtype=pl.UInt64),
            "amount": pl.Series(["1.50", None]).cast(pl.Decimal(28, 2)),
            "day": pl.Series(["2025-01-01", None]).str.to_date(),
            "flag": [True, None],
            "share": [0.1, None],
        }
    )
    found = query("select * from t", {"t": [_parquet(tmp_path, "one.parquet", frame)]})
    assert found.equals(frame)
    assert found.schema == frame.schema
