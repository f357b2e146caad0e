"""The catalog shows current rows under schema names, with comments, and is replaced in one step."""

import duckdb
import polars as pl

from assets.lake.parts import clear_leftovers, write_part
from assets.lake.selection import SCHEMA
from assets.lake.warehouse import replace_warehouse


def _rows(home, sql):
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        return con.execute(sql).fetchall()


def _part(home, table, numbers):
    frame = pl.DataFrame(
        {"file_id": ["f"] * len(numbers), "record_no": pl.Series(numbers, dtype=pl.Int32), "value": numbers}
    )
    return write_part(home, table, "2025Q1", f"p{numbers[0]}", frame)


def test_staging_shows_current_rows_only_and_other_tables_all(home):
    parts = [_part(home, "stg_hospitals__encounters", [1, 2]), _part(home, "stg_hospitals__encounters", [3])]
    hidden = write_part(home, "sel", "2025Q1", "s", pl.DataFrame([("f", 2, "duplicate")], schema=SCHEMA, orient="row"))
    mart = _part(home, "mart__residents", [1, 2])
    replace_warehouse(
        home,
        {"stg_hospitals__encounters": parts, "mart__residents": [mart], "ind__values": []},
        {"stg_hospitals__encounters": [hidden]},
        {"stg_hospitals__encounters": {"": "就诊", "value": "it's a value", "gone": "not there"}},
    )
    assert _rows(home, "select record_no from stg.hospitals__encounters order by 1") == [(1,), (3,)]
    assert _rows(home, "select count(*) from mart.residents") == [(2,)]
    assert _rows(home, "select schema_name, view_name from duckdb_views() where not internal order by 1") == [
        ("mart", "residents"),
        ("stg", "hospitals__encounters"),
    ]
    comments = _rows(home, "select column_name, comment from duckdb_columns() where comment is not null")
    assert comments == [("value", "it's a value")]
    assert _rows(home, "select comment from duckdb_views() where view_name = 'hospitals__encounters'") == [("就诊",)]


def test_parts_of_other_columns_are_shown_together_by_name(home):
    first = write_part(home, "stg_a__b", "2024", "p1", pl.DataFrame({"code": ["x"], "old": [1]}))
    second = write_part(home, "stg_a__b", "2025", "p2", pl.DataFrame({"new": [2], "code": ["y"]}))
    replace_warehouse(home, {"stg_a__b": [first, second]}, {}, {"stg_a__b": {"old": "旧", "new": "新"}})
    assert _rows(home, "select code, old, new from stg.a__b order by code") == [("x", 1, None), ("y", None, 2)]
    comments = _rows(home, "select column_name, comment from duckdb_columns() where comment is not null order by 1")
    assert comments == [("new", "新"), ("old", "旧")]


def test_a_reader_keeps_what_it_opened_and_the_next_one_sees_the_new(home):
    replace_warehouse(home, {"mart__t": [_part(home, "mart__t", [1])]}, {}, {})
    with duckdb.connect(str(home.warehouse), read_only=True) as reader:
        replace_warehouse(home, {"mart__t": [_part(home, "mart__t", [5, 6])]}, {}, {})
        assert reader.execute("select count(*) from mart.t").fetchall() == [(1,)]
    assert _rows(home, "select count(*) from mart.t") == [(2,)]


def test_a_crash_keeps_a_catalog_that_opens(home, crash_everywhere):
    old, new = [_part(home, "mart__t", [1])], [_part(home, "mart__t", [5, 6])]

    def check(_):
        assert _rows(home, "select count(*) from mart.t") in ([(1,)], [(2,)])
        clear_leftovers(home)
        assert not list(home.path.glob(".tmp-*"))

    def prepare():
        replace_warehouse(home, {"mart__t": old}, {}, {})

    assert crash_everywhere(prepare, lambda _: replace_warehouse(home, {"mart__t": new}, {}, {}), check) >= 3
