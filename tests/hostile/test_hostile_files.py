"""DBF, Parquet, archives, sizes, names of files: what a file is, is known by its content."""

import datetime as dt

import polars as pl
import pytest

from tests.hostile.builders import DBF_FIELDS, dbf, dbf_row, gzipped, parquet, zipped
from tests.hostile.harness import LIMITS, bad, judge, ok, other, refused, safe, through_check, unread
from tests.hostile.records import HEADER, Visit, desk, line, table, visit
from tests.hostile.three_visits import BOOK, CSV, DBF_ROWS, GOOD, LOADS, TITLES, case, frame


def memo():
    fields = [*DBF_FIELDS[:-1], (HEADER["note"], "M", 10, 0)]
    return dbf(fields, [[*row[:-1], "1"] for row in DBF_ROWS], version=0x83)


def dbf_with(**cells):
    return dbf(DBF_FIELDS, [DBF_ROWS[0], dbf_row(GOOD[1], **cells), DBF_ROWS[2]])


WIDER = [(name, kind, 30 if kind == "C" else size, d) for name, kind, size, d in DBF_FIELDS]
DBF = [
    case("dbf-gbk", dbf(DBF_FIELDS, DBF_ROWS), LOADS, name="a_2025Q1.dbf"),
    case("dbf-named-csv", dbf(DBF_FIELDS, DBF_ROWS), LOADS),
    case("dbf-upper-name", dbf(DBF_FIELDS, DBF_ROWS), LOADS, name="A_2025Q1.DBF"),
    case("dbf-deleted-row", dbf(DBF_FIELDS, DBF_ROWS, deleted=[2]), [LOADS[0], other(), LOADS[2]]),
    case("dbf-all-deleted", dbf(DBF_FIELDS, DBF_ROWS, deleted=[1, 2, 3]), [other()] * 3, "record"),
    case("dbf-cut", dbf(DBF_FIELDS, DBF_ROWS)[:-60], None, "damaged", "truncated", "cut", "dbf"),
    case(
        "dbf-cut-at-a-row",
        dbf(DBF_FIELDS, DBF_ROWS)[: -1 - 1 - sum(f[2] for f in DBF_FIELDS)],
        None,
        "damaged",
        "truncated",
        "cut",
        "dbf",
    ),
    case(
        "dbf-states-fewer",
        dbf(DBF_FIELDS, DBF_ROWS, stated=2),
        [*LOADS[:2], refused()],
        "damaged",
        "truncated",
        "cut",
        "dbf",
    ),
    case("dbf-states-more", dbf(DBF_FIELDS, DBF_ROWS, stated=5), None, "damaged", "truncated", "cut", "dbf"),
    case("dbf-no-rows", dbf(DBF_FIELDS, []), [], "records", "empty"),
    case(
        "dbf-head-cut",
        dbf(DBF_FIELDS, DBF_ROWS)[:40],
        None,
        "damaged",
        "truncated",
        "cut",
        "dbf",
        "header",
        "kind",
        "encoding",
    ),
    case("dbf-memo-missing", memo(), None, "memo", "dbf", "kind"),
    case("dbf-stars-for-overflow", dbf_with(sbp="****"), [LOADS[0], bad("type_sbp"), LOADS[2]]),
    case("dbf-empty-number", dbf_with(sbp=""), [LOADS[0], ok(Visit({}, {**GOOD[1].read, "sbp": None})), LOADS[2]]),
    case("dbf-empty-date", dbf_with(day=""), [LOADS[0], bad("required_day"), LOADS[2]]),
    case(
        "dbf-impossible-date",
        dbf_with(day="20250231"),
        [LOADS[0], bad("type_day", "required_day"), LOADS[2]],
        "damaged",
        "dbf",
    ),
    case("dbf-unknown-truth", dbf_with(done="?"), [LOADS[0], ok(Visit({}, {**GOOD[1].read, "done": None})), LOADS[2]]),
    case(
        "dbf-utf-8",
        dbf([(f"F{n}", *f[1:]) for n, f in enumerate(WIDER)], DBF_ROWS, encoding="utf-8"),
        None,
        "header",
        "dbf",
    ),
    case(
        "dbf-half-a-character",
        dbf(DBF_FIELDS, DBF_ROWS).replace("门诊".encode("gbk"), b"\xc3\xc5\xd5 "),
        None,
        "encoding",
        "dbf",
    ),
    case("dbf-total-row", dbf(DBF_FIELDS, [*DBF_ROWS, ["合计", *[""] * 7, "6.15", "", "", ""]]), [*LOADS, other()]),
]


def lacking(name):
    return [ok(Visit({}, {**record.read, name: None})) for record in GOOD]


PARQUET = [
    case("parquet-texts", parquet(pl.DataFrame([r.texts() for r in GOOD], schema=TITLES, orient="row")), LOADS),
    case("parquet-typed", parquet(frame()), LOADS, name="a_2025Q1.parquet"),
    case("parquet-many-groups", parquet(frame(), row_group_size=1), LOADS),
    case("parquet-float-money", parquet(frame(fee=[r.read["fee"] / 100 for r in GOOD])), LOADS),
    case(
        "parquet-float-noise",
        parquet(frame(fee=[0.1 + 0.2, 1.005, 3.05])),
        [safe(Visit({}, {**GOOD[0].read, "fee": 30})), bad("type_fee"), LOADS[2]],
    ),
    case(
        "parquet-float-nan",
        parquet(frame(glucose=[float("nan"), float("inf"), 8.3])),
        [bad("type_glucose"), bad("type_glucose"), LOADS[2]],
        "number",
    ),
    case("parquet-moments", parquet(frame(day=[dt.datetime.combine(r.read["day"], dt.time()) for r in GOOD])), LOADS),
    case(
        "parquet-moment-of-a-day",
        parquet(
            frame(
                day=[
                    dt.datetime.combine(dt.date(2025, 2, 2), dt.time(10, 30)),
                    *(dt.datetime.combine(r.read["day"], dt.time()) for r in GOOD[1:]),
                ]
            )
        ),
        [bad("type_day"), *LOADS[1:]],
    ),
    case(
        "parquet-moments-of-a-zone",
        parquet(
            frame().with_columns(
                pl.Series(
                    HEADER["day"], [dt.datetime.combine(r.read["day"], dt.time()) - dt.timedelta(hours=8) for r in GOOD]
                ).dt.replace_time_zone("UTC")
            )
        ),
        [safe(record, "type_day") for record in GOOD],
        "type",
        "column",
    ),
    case(
        "parquet-single-floats",
        parquet(frame(fee=pl.Series([r.read["fee"] / 100 for r in GOOD], dtype=pl.Float32))),
        [safe(record, "type_fee") for record in GOOD],
        "number",
        "type",
    ),
    case(
        "parquet-beyond-int64",
        parquet(frame(sbp=pl.Series([2**64 - 1, 112, 113], dtype=pl.UInt64))),
        [bad("type_sbp"), *LOADS[1:]],
    ),
    case(
        "parquet-times",
        parquet(frame(day=[dt.time(10), dt.time(11), dt.time(12)])),
        [bad("type_day")] * 3,
        "type",
        "column",
    ),
    case("parquet-float-codes", parquet(frame(mode=[1.0, 1.0, 1.0])), LOADS),
    case(
        "parquet-nulls",
        parquet(frame(note=[None, *(r.cells["note"] for r in GOOD[1:])])),
        [ok(Visit({}, {**GOOD[0].read, "note": None})), *LOADS[1:]],
    ),
    case("parquet-null-key", parquet(frame(no=[None, "V0002", "V0003"])), [bad("required_no"), *LOADS[1:]]),
    case("parquet-float-ids", parquet(frame(idno=[float(r.cells["idno"][:17]) for r in GOOD])), None, "as_number"),
    case(
        "parquet-integer-ids",
        parquet(frame(idno=[110101199003070123, 1, 2])),
        [bad("person_id_invalid")] * 3,
        "as_number",
    ),
    case("parquet-float-key", parquet(frame(no=[1e17, 2e17, 3e17])), [bad()] * 3, "number"),
    case(
        "parquet-large-integer-key",
        parquet(frame(no=[110101199003070123, 110101199003070124, 5])),
        [
            ok(Visit({}, {**r.read, "no": str(n)}))
            for r, n in zip(GOOD, (110101199003070123, 110101199003070124, 5), strict=True)
        ],
        "number",
    ),
    case("parquet-list-column", parquet(frame(note=[["a"], ["b"], ["c"]])), None, "column", "kind", "nested", "type"),
    case(
        "parquet-binary-column",
        parquet(frame(note=[b"\xff\xfe", b"b", b"c"])),
        None,
        "column",
        "kind",
        "encoding",
        "type",
        "damaged",
    ),
    case("parquet-categories", parquet(frame().with_columns(pl.col(HEADER["mode"]).cast(pl.Categorical))), LOADS),
    case("parquet-lacks-a-key", parquet(frame().drop(HEADER["no"])), None, "header_missing"),
    case("parquet-lacks-a-note", parquet(frame().drop(HEADER["note"])), lacking("note"), findings=("header_absent",)),
    case("parquet-nothing", parquet(frame().head(0)), [], "records", "empty"),
    case("parquet-cut", parquet(frame())[:-20], None, "damaged", "kind"),
    case("parquet-bad-foot", parquet(frame())[:-200] + b"\xff" * 192 + parquet(frame())[-8:], None, "damaged"),
    case("parquet-head-only", b"PAR1" + b"\0" * 100, None, "damaged"),
    case(
        "parquet-bent-page",
        parquet(frame(), compression="zstd")[:60] + b"\x55" * 40 + parquet(frame(), compression="zstd")[100:],
        None,
        "damaged",
    ),
]


@pytest.mark.parametrize("item", DBF, ids=lambda item: item.id)
def test_dbf(verdict, item):
    verdict(item)


@pytest.mark.parametrize("item", PARQUET, ids=lambda item: item.id)
def test_parquet(verdict, item):
    verdict(item)


SIZES = [
    (case("too-many-bytes", CSV, None, "too_large"), {"file_bytes": 100}),
    (case("as-many-bytes-as-allowed", CSV, LOADS), {"file_bytes": len(CSV)}),
    (case("too-many-rows", CSV, None, "too_many_rows"), {"rows": 2}),
    (case("as-many-rows-as-allowed", CSV, LOADS), {"rows": 3}),
    (case("too-many-columns", CSV, None, "columns"), {"columns": 11}),
    (case("as-many-columns-as-allowed", CSV, LOADS), {"columns": 12}),
    (case("too-long-a-field", CSV, [unread("field_too_long")] * 3), {"field_length": 17}),
    (case("as-long-a-field-as-allowed", CSV, LOADS), {"field_length": 18}),
    (case("too-many-cells", BOOK, None, "cells"), {"cells": 47}),
    (case("as-many-cells-as-allowed", BOOK, LOADS), {"cells": 48}),
    (
        case("unpacked-too-large", zipped({"a.csv": CSV}), None, "too_large", "unpack", "ratio"),
        {"decompressed_bytes": len(CSV) - 1},
    ),
    (
        case("gz-unpacked-too-large", gzipped(CSV), None, "too_large", "unpack", "ratio"),
        {"decompressed_bytes": len(CSV) - 1},
    ),
]


@pytest.mark.parametrize(("item", "limits"), SIZES, ids=[item.id for item, _ in SIZES])
def test_limits_are_settings(tmp_path, item, limits):
    judge(item, tmp_path, limits=LIMITS.model_copy(update=limits))


NAMES = [
    "=1+1_2025Q1.csv",
    "最终版(3)_2025Q1.csv",
    "a_2025Q1",
    "a_2025Q1.CSV",
    "a_2025Q1.xls",
    "a_2025Q1.pdf",
    "a b\u00a02025Q1.csv",
    "-rf_2025Q1.csv",
    "{name}_2025Q1.csv",
    "%s_2025Q1.csv",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_name_decides_nothing(verdict, name):
    verdict(case("name", CSV, LOADS, name=name))


@pytest.mark.slow
@pytest.mark.parametrize("size", [1024 * 1024, 8 * 1024 * 1024, 32 * 1024 * 1024])
@pytest.mark.parametrize("shift", range(4))
def test_characters_of_four_bytes_across_the_edges_of_buffers(tmp_path, size, shift):
    """GB18030 with characters of four bytes at every edge that a buffer may have: nothing lost, nothing bent."""
    first = table([visit(1)]).encode("gb18030")
    row = line(visit(2, note="㛃" * 500).texts()).encode("gb18030") + b"\n"
    pad = line(visit(3, note="x" * (shift + 1)).texts()).encode("gb18030") + b"\n"
    count = (size + 2 * len(row)) // len(row)
    data = first + pad + row * count
    path = tmp_path / "a_2025Q1.csv"
    path.write_bytes(data)
    result, passed = through_check(path, desk(), LIMITS)
    assert (result.account.records, result.account.accepted) == (count + 2, count + 2)
    notes = passed.part("accepted")["note"]
    assert notes[2:].unique().to_list() == ["㛃" * 500]
