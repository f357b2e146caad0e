"""Tables of databases (.dbf, Parquet), old workbooks (.xls), web pages and XML under the name .xls.

Oracle: the same records written by hand as CSV give the same rows, or the file is refused by name.
"""

import datetime as dt
import io
import struct
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlwt

COLUMNS = [
    {"name": "no", "type": "text", "header": "编号", "role": "key", "required": True},
    {"name": "name", "type": "text", "header": "姓名"},
    {"name": "day", "type": "date", "header": "随访日期", "date_formats": ["%Y-%m-%d"]},
    {"name": "n", "type": "integer", "header": "人数"},
    {"name": "cost", "type": "money", "money_unit": "yuan", "header": "费用"},
    {"name": "done", "type": "boolean", "header": "完成"},
]
CSV = "编号,姓名,随访日期,人数,费用,完成\n007,张三,2025-01-05,3,12.30,TRUE\n008,李四,,-4,0.05,FALSE\n"
NAMES = ["no", "name", "day", "n", "cost", "done"]


@pytest.fixture
def read(bench):
    """Rows of bytes under the contract; `expected` are those of the CSV."""
    contract = bench.contract(COLUMNS)

    def run(data):
        return bench.stage(data, contract)

    run.expected = run(CSV.encode()).accepted.select(NAMES).rows()
    run.rows = lambda data: run(data).accepted.select(NAMES).rows()
    return run


# --- .dbf

FIELDS = [
    ("编号", "C", 6, 0), ("姓名", "C", 10, 0), ("随访日期", "D", 8, 0), ("人数", "N", 5, 0), ("费用", "N", 8, 2),
    ("完成", "L", 1, 0),
]  # fmt: skip
CELLS = [["007", "张三", "20250105", "3", "12.30", "T"], ["008", "李四", "", "-4", "0.05", "F"]]


def dbf(fields=FIELDS, cells=CELLS, deleted=(), encoding="gbk", language=0x4D, version=0x03, stated=None, end=b"\x1a"):
    """A table by the published layout: header of 32 bytes, 32 for each field, an end mark, records."""
    head = 32 + 32 * len(fields) + 1
    length = 1 + sum(field[2] for field in fields)
    data = struct.pack("<BBBBIHH", version, 25, 1, 1, len(cells) if stated is None else stated, head, length)
    data += bytes(17) + bytes([language]) + bytes(2)
    for name, kind, size, decimals in fields:
        data += name.encode(encoding)[:10].ljust(11, b"\0") + kind.encode() + bytes(4) + bytes([size, decimals])
        data += bytes(14)
    data += b"\r"
    for at, row in enumerate(cells):
        data += b"*" if at in deleted else b" "
        for (_, kind, size, _), cell in zip(fields, row, strict=True):
            raw = cell if isinstance(cell, bytes) else cell.encode(encoding)
            data += raw.rjust(size) if kind in "NF" else raw.ljust(size)
    return data + end


@pytest.mark.parametrize(("encoding", "language"), [("gbk", 0x4D), ("gbk", 0x7A), ("gbk", 0), ("utf-8", 0)])
def test_a_dbf_reads_as_its_csv(read, encoding, language):
    fields = [(name, kind, size * 2 if kind == "C" else size, d) for name, kind, size, d in FIELDS]
    assert read.rows(dbf(fields, encoding=encoding, language=language)) == read.expected


def test_deleted_records_are_no_data_and_lines_are_numbers_of_records(read):
    found = read(dbf(cells=[CELLS[0], CELLS[1], ["009", "", "", "x", "", ""]], deleted=[0]))
    account = found.account
    assert (account.records, account.non_data, account.accepted, account.quarantined) == (3, 1, 1, 1)
    assert found.accepted["no"].to_list() == ["008"]
    assert found.fixes.select("record_no", "line_no", "rule").rows() == [(2, 3, "type_n")]
    assert ("intake_deleted_rows", {"count": 1}) in [(item.sentence, item.params) for item in account.findings]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (dbf(stated=3), "intake_dbf_count"),
        (dbf(stated=1), "intake_dbf_count"),
        (dbf()[:-30], "intake_dbf_count"),
        (dbf(end=b"rest"), "intake_dbf_damaged"),
        (dbf()[:100], "intake_dbf_damaged"),
        (dbf([*FIELDS[:1], ("姓名", "M", 10, 0), *FIELDS[2:]]), "intake_dbf_memo"),
        (dbf([("编号", "N", 6, 0), *FIELDS[1:]]), "intake_table_id_as_number"),
        (dbf([*FIELDS[:1], ("姓名", "Q", 10, 0), *FIELDS[2:]]), "intake_dbf_field"),
        (dbf(language=0x03), "intake_dbf_language"),
        (dbf(cells=[["007", b"\xd5\xc5\xc8", *CELLS[0][2:]]]), "intake_encoding_mixed"),
        (dbf(cells=[["007", b"a\0b", *CELLS[0][2:]]]), "intake_nul_byte"),
    ],
)
def test_a_dbf_that_is_not_whole_or_not_sure_is_refused_by_name(read, refusal, data, sentence):
    assert refusal(lambda: read(data))[0] == sentence


def test_an_end_mark_may_be_left_out(read):
    assert read.rows(dbf(end=b"")) == read.expected


def test_a_memo_without_contents_loses_nothing(read):
    cells = [[row[0], "", *row[2:]] for row in CELLS]
    assert read(dbf([*FIELDS[:1], ("姓名", "M", 10, 0), *FIELDS[2:]], cells)).account.accepted == 2


def test_a_field_name_of_ten_bytes_stands_for_the_only_header_that_begins_so(bench, refusal):
    columns = [
        {"name": "no", "type": "text", "role": "key", "aliases": ["record_number"]},
        {"name": "first", "type": "integer", "aliases": ["blood_pressure_systolic"]},
        {"name": "other", "type": "integer", "aliases": ["heart_rate_resting"]},
    ]
    fields = [("record_num", "C", 6, 0), ("heart_rate", "N", 5, 0)]
    found = bench.stage(dbf(fields, [["a", "70"]]), bench.contract(columns))
    assert found.accepted.select("no", "other").rows() == [("a", 70)]
    assert {item.sentence for item in found.account.findings} >= {"intake_header_cut"}
    twice = [*columns[:2], {"name": "other", "type": "integer", "aliases": ["blood_pressure_diastolic"]}]
    fields = [("record_num", "C", 6, 0), ("blood_pres", "N", 5, 0)]
    found = bench.stage(dbf(fields, [["a", "70"]]), bench.contract(twice))
    assert found.accepted.select("first", "other").rows() == [(None, None)]


def test_binary_numbers_and_moments_of_foxpro(bench):
    columns = [
        {"name": "no", "type": "text", "role": "key"},
        {"name": "i", "type": "integer"},
        {"name": "y", "type": "money", "money_unit": "yuan"},
        {"name": "b", "type": "decimal", "scale": 2},
        {"name": "t", "type": "date"},
    ]
    fields = [("no", "C", 2, 0), ("i", "I", 4, 0), ("y", "Y", 8, 4), ("b", "B", 8, 2), ("t", "T", 8, 0)]
    day = (dt.date(2025, 1, 5) - dt.date(1970, 1, 1)).days + 2_440_588
    numbers = [struct.pack("<i", -5), struct.pack("<q", -1_230_500), struct.pack("<d", 0.1 + 0.2)]
    rows = [["a", *numbers, struct.pack("<ii", day, 0)], ["b", *numbers, struct.pack("<ii", day, 36_000_000)]]
    found = bench.stage(dbf(fields, rows, version=0x30), bench.contract(columns))
    assert found.accepted.select("i", "y", "b", "t").rows() == [(-5, -12305, Decimal("0.30"), dt.date(2025, 1, 5))]
    assert found.fixes["rule"].to_list() == ["type_t"]


# --- Parquet


def parquet(**columns):
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, row_group_size=1)
    return stream.getvalue()


def typed(**more):
    columns = {
        "编号": pa.array(["007", "008"]),
        "姓名": pa.array(["张三", "李四"]).dictionary_encode(),
        "随访日期": pa.array([dt.date(2025, 1, 5), None]),
        "人数": pa.array([3, -4], pa.int16()),
        "费用": pa.array([Decimal("12.30"), Decimal("0.05")]),
        "完成": pa.array([True, False]),
    }
    return parquet(**{**columns, **more})


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"随访日期": pa.array([dt.datetime(2025, 1, 5), None])},  # noqa: DTZ001
        {"随访日期": pa.array(["2025-01-05", None])},
        {"人数": pa.array([3.0, -4.0])},
        {"费用": pa.array([12.3, 0.05])},
        {"费用": pa.array([1.1 + 11.2, 0.05])},
        {"费用": pa.array(["12.30", "0.05"])},
        {"备注": pa.array([b"x", None])},
    ],
)
def test_a_parquet_file_reads_as_its_csv(read, more):
    assert read.rows(typed(**more)) == read.expected


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"编号": pa.array([7, 8])}, "intake_table_id_as_number"),
        ({"编号": pa.array([7.0, 8.0])}, "intake_table_id_as_number"),
        ({"费用": pa.array([12.3, 0.05], pa.float32())}, "intake_parquet_type"),
        ({"随访日期": pa.array([dt.datetime(2025, 1, 5, tzinfo=dt.UTC), None])}, "intake_parquet_type"),
        ({"姓名": pa.array([["张三"], ["李四"]])}, "intake_parquet_type"),
        ({"姓名": pa.array([b"x", b"y"])}, "intake_parquet_type"),
    ],
)
def test_types_that_do_not_say_exactly_what_was_meant_are_refused(read, refusal, more, sentence):
    assert refusal(lambda: read(typed(**more)))[0] == sentence


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2.0**53 + 2, 0.5])
def test_floats_that_are_no_whole_number_are_named(read, value):
    found = read(typed(人数=pa.array([3.0, value])))
    assert found.fixes.select("record_no", "line_no", "rule").rows() == [(2, 2, "type_n")]


def test_a_moment_with_a_time_is_no_date(read):
    moments = pa.array([dt.datetime(2025, 1, 5), dt.datetime(2025, 1, 5, 10)])  # noqa: DTZ001
    assert read(typed(随访日期=moments)).fixes["rule"].to_list() == ["type_day"]


@pytest.mark.parametrize("cut", [8, 100, -4])
def test_a_parquet_file_that_is_cut_is_named(read, refusal, cut):
    assert refusal(lambda: read(typed()[:cut]))[0] == "intake_parquet_damaged"


# --- .xls


def old_book(fill, **more):
    book = xlwt.Workbook(**more)
    fill(book)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def old_sheet(book, name="表", no=("007", "008")):
    sheet = book.add_sheet(name)
    for at, title in enumerate(CSV.split("\n")[0].split(",")):
        sheet.write(1, at, title)
    sheet.write(0, 0, "某县统计表")
    dates = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for row, (name_, day, n, cost, done) in enumerate(
        [("张三", dt.date(2025, 1, 5), 3, 12.3, True), ("李四", None, -4, 0.05, False)], start=2
    ):
        sheet.write(row, 0, no[row - 2])
        sheet.write(row, 1, name_)
        sheet.write(row, 2, day, dates)
        for at, value in enumerate((n, cost, done), start=3):
            sheet.write(row, at, value)
    return sheet


def test_an_old_workbook_reads_as_its_csv(read):
    found = read(old_book(old_sheet))
    assert found.accepted.select(NAMES).rows() == read.expected
    assert found.account.sheet == "表"


def test_dates_of_a_workbook_that_counts_from_1904(read):
    def fill(book):
        book.dates_1904 = True
        old_sheet(book)

    assert read.rows(old_book(fill)) == read.expected


def test_an_id_as_a_number_in_an_old_workbook(read, refusal):
    found = refusal(lambda: read(old_book(lambda book: old_sheet(book, no=(7, "008")))))
    assert found == ("intake_id_as_number", {"sheet": "表", "column": "编号"})


def test_two_sheets_of_the_feed_in_an_old_workbook(read, refusal):
    def fill(book):
        old_sheet(book, "一院")
        old_sheet(book, "二院")

    assert refusal(lambda: read(old_book(fill))) == ("intake_sheets_several", {"count": 2, "sheets": "一院、二院"})


def test_formulas_of_an_old_workbook_nobody_has_calculated(read, refusal):
    def fill(book):
        book.add_sheet("说明").write(0, 0, xlwt.Formula("1+1"))
        old_sheet(book, no=("007", "008")).write(4, 3, xlwt.Formula("1+1"))

    found = refusal(lambda: read(old_book(fill)))
    assert found == ("intake_formula_without_value", {"sheet": "表", "cell": "D5"})


@pytest.mark.parametrize("cut", [100, 600, 2000])
def test_an_old_workbook_that_is_cut_is_named(read, refusal, cut):
    assert refusal(lambda: read(old_book(old_sheet)[:cut]))[0] == "intake_workbook_damaged"


def renamed(data, name):
    """The container with its stream under another name; the length of the name stands behind its 64 bytes."""
    old = "Workbook".encode("utf-16-le").ljust(64, b"\0") + struct.pack("<H", 18)
    assert data.count(old) == 1
    return data.replace(old, name.encode("utf-16-le").ljust(64, b"\0") + struct.pack("<H", 2 * len(name) + 2))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("EncryptedPackage", ("intake_workbook_encrypted", {})),
        ("WordDocument", ("intake_kind_not_supported", {"kind": "doc"})),
        ("Contents", ("intake_kind_not_supported", {"kind": "ole"})),
    ],
)
def test_other_containers_of_the_old_form_are_refused_by_name(read, refusal, name, found):
    assert refusal(lambda: read(renamed(old_book(old_sheet), name))) == found


# --- web pages and XML


def page(rows, before="", after="</table></body></html>"):
    cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<html><head><meta charset=gbk></head><body>{before}<table>{cells}{after}"


LINES = [line.split(",") for line in CSV.splitlines()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_a_web_page_under_another_name_reads_as_its_csv(read, encoding):
    text = page(LINES, before="<p>某县</p><table><tr><td>导航</td></tr></table>")
    assert read.rows(text.encode(encoding)) == read.expected


def test_spans_entities_and_what_is_not_shown(read):
    head = "<tr><td colspan=6>某县&nbsp;统计表</td></tr>"
    text = page(LINES).replace("<table>", "<table><style>td {color: red}</style>" + head)
    text = text.replace("<td>张三", "<td> 张<script>x</script>三<!-- a -->\n ")
    assert read.rows(text.encode()) == read.expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (page(LINES, after=""), "intake_markup_cut"),
        ("<!DOCTYPE html><html><body>登录超时</body></html>", "intake_markup_without_table"),
        (page([["甲", "乙"]]), "intake_markup_without_table"),
        (page(LINES, before=page(LINES)), "intake_sheets_several"),
        (page(LINES).replace("<td>007", "<td x:num>007"), "intake_table_id_as_number"),
        (page(LINES).replace("<td>张三", "<td rowspan=2>张三"), "intake_cells_merged"),
        ("<?xml version='1.0'?><rows><row/></rows>", "intake_kind_not_supported"),
    ],
)
def test_web_pages_refused_by_name(read, refusal, text, sentence):
    assert refusal(lambda: read(text.encode()))[0] == sentence


def xml_book(rows, between="", name="表", after="</Table></Worksheet></Workbook>"):
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    lines = "".join(
        "<Row>" + "".join(f'<Cell><Data ss:Type="{kind}">{text}</Data></Cell>' for kind, text in row) + "</Row>"
        for row in rows
    )
    return (
        f'<?xml version="1.0" encoding="GB2312"?>{between}<Workbook xmlns="{space}" xmlns:ss="{space}">'
        f'<Worksheet ss:Name="{name}"><Table>{lines}{after}'
    )


XML_ROWS = [
    [("String", text) for text in LINES[0]],
    [("String", "007"), ("String", "张三"), ("DateTime", "2025-01-05T00:00:00.000"), ("Number", "3"),
     ("Number", "12.300000000000001"), ("Boolean", "1")],
    [("String", "008"), ("String", "李四"), ("String", ""), ("Number", "-4"), ("Number", "5.0E-2"), ("Boolean", "0")],
]  # fmt: skip


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_a_workbook_as_one_xml_file_reads_as_its_csv(read, encoding):
    found = read(xml_book(XML_ROWS).encode(encoding))
    assert found.accepted.select(NAMES).rows() == read.expected
    assert found.account.sheet == "表"


def test_rows_and_cells_of_xml_may_skip_places(read):
    rows = xml_book(XML_ROWS).replace("<Row>", '<Row ss:Index="4">', 1)
    rows = rows.replace('<Cell><Data ss:Type="String"></Data></Cell><Cell>', '<Cell ss:Index="4">')
    found = read(rows.encode("gbk"))
    assert found.accepted.select(NAMES).rows() == read.expected
    bad = read(rows.replace('"Number">-4', '"String">x').encode("gbk"))
    assert bad.fixes["line_no"].to_list() == [6]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            xml_book(XML_ROWS, between='<!DOCTYPE a [<!ENTITY x SYSTEM "file:///x">]>'),
            "intake_external_entity",
        ),
        (xml_book(XML_ROWS, after=""), "intake_workbook_damaged"),
        (xml_book([XML_ROWS[0], [("Number", "7"), *XML_ROWS[1][1:]]]), "intake_id_as_number"),
        (
            xml_book(XML_ROWS).replace(
                '<Cell><Data ss:Type="Number">3</Data></Cell>', '<Cell ss:Formula="=1+2"></Cell>'
            ),
            "intake_formula_without_value",
        ),
    ],
)
def test_xml_workbooks_refused_by_name(read, refusal, text, sentence):
    assert refusal(lambda: read(text.encode("gbk")))[0] == sentence
