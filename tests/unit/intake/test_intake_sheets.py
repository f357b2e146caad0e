"""Workbooks as offices send them: titles, merged headers, footers, hidden parts, numbers where text should be."""

import datetime as dt
import io
import re
import zipfile

import pytest
import xlsxwriter

PERSON = {"person": {"column": "idno", "id_scheme": "cn_id"}}
ID = "11010519491231002X"
COUNTS = [
    {"name": "town", "type": "text", "header": "乡镇"},
    {"name": "village", "type": "text", "header": "村", "required": True},
    {"name": "men_young", "type": "integer", "header": "男/0-14岁"},
    {"name": "men_old", "type": "integer", "header": "男/65岁及以上"},
    {"name": "women_young", "type": "integer", "header": "女/0-14岁"},
    {"name": "women_old", "type": "integer", "header": "女/65岁及以上"},
]
FORM = {
    "file": {"header_rows": 2, "footer_markers": ["合计", "小计", "制表人"], "fill_down": ["town"]},
    "business_key": ["town", "village"],
}


def book(fill):
    stream = io.BytesIO()
    workbook = xlsxwriter.Workbook(stream, {"in_memory": True})
    fill(workbook)
    workbook.close()
    return stream.getvalue()


def table(rows, **more):
    def fill(workbook):
        sheet = workbook.add_worksheet(more.get("name", "表1"))
        for line, row in enumerate(rows):
            for column, cell in enumerate(row):
                if cell is not None:
                    sheet.write(line, column, cell)

    return book(fill)


def population(total=(12, 14, 16, 18), signature="制表人：李某"):
    def fill(workbook):
        sheet = workbook.add_worksheet("人口")
        sheet.merge_range("A1:F1", "某县常住人口统计表")
        sheet.write("F2", "单位：人")
        sheet.merge_range("A3:A4", "乡镇")
        sheet.merge_range("B3:B4", "村")
        sheet.merge_range("C3:D3", "男")
        sheet.merge_range("E3:F3", "女")
        for column in (2, 4):
            sheet.write_row(3, column, ["0-14岁", "65岁及以上"])
        sheet.write_row(4, 0, ["东镇", "一村", 1, 2, 3, 4])
        sheet.write_row(5, 1, ["二村", 5, 6, 7, 8])
        sheet.write_row(6, 0, ["小计", None, 6, 8, 10, 12])
        sheet.write_row(8, 0, ["西镇", "三村", 6, "６", 6, "6"])
        sheet.write_row(9, 0, ["合 计", None, *total])
        sheet.write_row(10, 0, [signature, None, 2026])

    return book(fill)


def test_merged_headers_footers_and_fill_down(bench):
    contract = bench.contract(COUNTS, **FORM)
    result = bench.stage(population(), contract)
    assert result.accepted.select("town", "village", "men_young", "men_old", "women_young", "women_old").rows() == [
        ("东镇", "一村", 1, 2, 3, 4),
        ("东镇", "二村", 5, 6, 7, 8),
        ("西镇", "三村", 6, 6, 6, 6),
    ]
    account = result.account
    assert (account.records, account.non_data, account.accepted, account.sheet) == (7, 4, 3, "人口")


def test_the_stated_total_must_be_the_sum(bench, refusal):
    contract = bench.contract(COUNTS, **FORM)
    found = refusal(lambda: bench.stage(population(total=(12, 14, 16, 19)), contract))
    assert found == ("intake_total_mismatch", {"column": "女/65岁及以上", "line": 10})


def test_line_numbers_are_those_of_the_sheet(bench):
    contract = bench.contract([{"name": "a", "type": "text"}, {"name": "n", "type": "integer"}])
    data = table([[], [], [None, "a", "n"], [], [None, "x", "bad"], [None, "y", 2]])
    result = bench.stage(data, contract)
    assert result.fixes.select("record_no", "line_no", "rule").rows() == [(1, 5, "type_n")]
    assert (result.account.records, result.account.non_data, result.account.accepted) == (3, 1, 1)


@pytest.mark.parametrize(
    ("cells", "refused"),
    [
        ([ID, ID], False),
        ([ID, None, ID], False),
        ([110105194912310000, 110105194912310001], True),
        ([ID, 110105194912310000], True),
        ([110105194912310], True),
    ],
)
def test_ids_stored_as_numbers_refuse_the_file(bench, refusal, cells, refused):
    columns = [
        {"name": "no", "type": "integer", "header": "序号"},
        {"name": "idno", "type": "text", "role": "person_id", "header": "身份证号"},
        {"name": "mixed", "type": "text", "header": "备注"},
    ]
    contract = bench.contract(columns, **PERSON)
    notes = ["甲", 5, "乙"]
    rows = [["登记表"], ["序号", "身份证号", "备注"], *([n, cell, notes[n]] for n, cell in enumerate(cells))]
    if not refused:
        assert bench.stage(table(rows), contract).account.accepted == 2
        return
    found = refusal(lambda: bench.stage(table(rows), contract))
    assert found == ("intake_id_as_number", {"sheet": "表1", "column": "身份证号"})


def test_date_cells_amounts_and_whole_numbers(bench):
    columns = [
        {"name": "day", "type": "date", "date_formats": ["%d/%m/%Y"]},
        {"name": "cost", "type": "money", "money_unit": "yuan"},
        {"name": "kind", "type": "code", "codes": "insurance_type"},
    ]

    def fill(workbook):
        sheet = workbook.add_worksheet()
        form = workbook.add_format({"num_format": "yyyy/m/d"})
        sheet.write_row(0, 0, ["day", "cost", "kind"])
        sheet.write_datetime(1, 0, dt.datetime(2025, 2, 3), form)  # noqa: DTZ001
        sheet.write_row(1, 1, [0.1 + 0.2, 310])
        sheet.write_row(2, 0, ["04/02/2025", 1234567.89, "390"])
        sheet.write_datetime(3, 0, dt.datetime(2025, 2, 3, 10), form)  # noqa: DTZ001
        sheet.write_row(4, 0, [45296, 1, 310])

    result = bench.stage(book(fill), bench.contract(columns))
    rows = result.accepted.select("day", "cost", "kind").rows()
    assert rows == [
        (dt.date(2025, 2, 3), 30, "employee"),
        (dt.date(2025, 2, 4), 123456789, "resident"),
    ]
    assert result.fixes.select("record_no", "rule").rows() == [(3, "type_day"), (4, "type_day")]


def test_the_first_visible_sheet_is_read_and_the_rest_is_told(bench):
    def fill(workbook):
        workbook.add_worksheet("旧").write_row(0, 0, ["a"])
        shown = workbook.add_worksheet("新 & 全")
        shown.write_row(0, 0, ["a", "b"])
        shown.write_row(1, 0, ["1", "2"])
        shown.set_column(1, 1, None, None, {"hidden": True})
        shown.activate()
        workbook.worksheets()[0].hide()

    contract = bench.contract([{"name": "a", "type": "text"}, {"name": "b", "type": "text"}])
    result = bench.stage(book(fill), contract)
    findings = {item.sentence: item.params for item in result.account.findings}
    assert findings == {
        "intake_other_sheets": {"sheet": "新 & 全", "shown": 1, "hidden": 1},
        "intake_hidden_cells": {"sheet": "新 & 全"},
    }
    assert result.accepted["b"].to_list() == ["2"]


def test_a_named_sheet_that_is_missing(bench, refusal):
    contract = bench.contract([{"name": "a", "type": "text"}], file={"sheet": "数据"})
    assert refusal(lambda: bench.stage(table([["a"]]), contract)) == ("intake_sheet_missing", {"sheet": "数据"})


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize(("row", "fits"), [(49_999, True), (50_000, False), (1_048_575, False)])
def test_a_far_cell_is_refused_before_the_sheet_is_unpacked(bench, refusal, stated, row, fits):
    data = table([["a", "b"], ["1", "2"]])
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    text = parts[sheet].decode()
    text = text.replace("</sheetData>", f'<row r="{row + 1}"><c r="B{row + 1}" t="str"><v>3</v></c></row></sheetData>')
    parts[sheet] = (text if stated else re.sub("<dimension[^>]*>", "", text)).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    contract = bench.contract([{"name": "a", "type": "text"}, {"name": "b", "type": "text"}], business_key=["b"])
    if fits:
        assert bench.stage(stream.getvalue(), contract).account.accepted == 2
    else:
        found = refusal(lambda: bench.stage(stream.getvalue(), contract))
        assert found == ("intake_too_many_cells", {"limit": 100_000})


def test_a_wide_sheet_is_refused(bench, refusal):
    contract = bench.contract([{"name": "a", "type": "text"}])
    found = refusal(lambda: bench.stage(table([["a", *[None] * 59, "x"]]), contract))
    assert found == ("intake_too_many_columns", {"limit": 60})


def test_other_packages_and_damage_are_named(bench, refusal):
    contract = bench.contract([{"name": "a", "type": "text"}])
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        package.writestr("word/document.xml", "<x/>")
    assert refusal(lambda: bench.stage(stream.getvalue(), contract)) == ("intake_kind_not_supported", {"kind": "docx"})
    whole = table([["a"], ["1"]])
    for damaged in (whole[: len(whole) // 2], whole[:30]):
        assert refusal(lambda damaged=damaged: bench.stage(damaged, contract))[0] == "intake_workbook_damaged"
