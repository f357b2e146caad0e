"""What cells of a workbook are, by what is stored and how it is shown; which sheet is read. Oracle: another reader."""

import datetime as dt
import io
import re
import zipfile
from decimal import Decimal

import fastexcel
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.intake.cellvalues import format_kind, plain

COLUMNS = [
    {"name": "no", "type": "text", "header": "编号", "role": "key"},
    {"name": "note", "type": "text", "header": "备注"},
    {"name": "day", "type": "date", "header": "日期"},
    {"name": "n", "type": "integer", "header": "人数"},
    {"name": "cost", "type": "money", "money_unit": "yuan", "header": "费用"},
    {"name": "rate", "type": "decimal", "scale": 2, "unit": "%", "header": "率"},
    {"name": "done", "type": "boolean", "header": "完成"},
]
TITLES = [column["header"] for column in COLUMNS]
NAMES = [column["name"] for column in COLUMNS]


def book(fill, **options):
    stream = io.BytesIO()
    workbook = xlsxwriter.Workbook(stream, {"in_memory": True, **options})
    fill(workbook)
    workbook.close()
    # The library leaves calculating to the program that opens its files; one that saves them takes the mark out.
    return changed(stream.getvalue(), "xl/workbook.xml", lambda text: text.replace(' fullCalcOnLoad="1"', ""))


def changed(data, part, change):
    """The package with one part changed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content.decode()).encode() if name == part else content)
    return stream.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def sheet_of(workbook, name="表", rows=()):
    sheet = workbook.add_worksheet(name)
    for line, row in enumerate([TITLES, *rows]):
        for at, cell in enumerate(row):
            if cell is not None:
                sheet.write(line, at, cell)
    return sheet


PLAIN = ["a", "甲", None, 1, 1.5, 2.25, True]


@pytest.fixture
def contract(bench):
    return bench.contract(COLUMNS)


def values(bench, contract, data):
    return bench.stage(data, contract).accepted.select(NAMES).rows()


def test_cells_are_read_as_stored(bench, contract):
    """What is shown rounded is read in full; what a format says a number means is heeded."""

    def fill(workbook):
        rows = [PLAIN, ["b", "x", None, 2, 12345.678, 3, False], ["c", "x", None, 3, 1, None, False]]
        sheet = sheet_of(workbook, rows=rows)
        sheet.write_number(1, 4, 1234567890.12, workbook.add_format({"num_format": "0"}))
        sheet.write_datetime(1, 2, dt.datetime(2025, 2, 3), workbook.add_format({"num_format": "yyyy年m月d日"}))  # noqa: DTZ001
        sheet.write_number(1, 1, 7, workbook.add_format({"num_format": "000"}))
        sheet.write_number(3, 5, 0.905, workbook.add_format({"num_format": "0%"}))

    result = bench.stage(book(fill), contract)
    read = {row[0]: row for row in result.accepted.select(NAMES).rows()}
    assert read["a"][:6] == ("a", "007", dt.date(2025, 2, 3), 1, 123456789012, Decimal("2.25"))
    assert (2, "type_cost") in result.fixes.select("record_no", "rule").rows()
    # 0.905 shown as 90.5%: that number, or a record refused by name, never 0.9.
    assert "c" not in read or read["c"][5] == Decimal("90.50")


@pytest.mark.parametrize("since_1904", [False, True])
def test_dates_by_either_calendar(bench, contract, since_1904):
    def fill(workbook):
        sheet = sheet_of(workbook, rows=[PLAIN])
        sheet.write_datetime(1, 2, dt.datetime(2025, 2, 3), workbook.add_format({"num_format": 14}))  # noqa: DTZ001

    assert values(bench, contract, book(fill, date_1904=since_1904))[0][2] == dt.date(2025, 2, 3)


@pytest.mark.parametrize("serial", [0.5, 60, 59, 45296.5])
def test_moments_that_are_no_day_are_named(bench, contract, serial):
    def fill(workbook):
        sheet_of(workbook, rows=[PLAIN]).write_number(1, 2, serial, workbook.add_format({"num_format": 14}))

    result = bench.stage(book(fill), contract)
    if serial == 59:
        assert result.accepted["day"].to_list() == [dt.date(1900, 2, 28)]
    else:
        assert result.fixes["rule"].to_list() == ["type_day"]


NUMBER = '<c r="D2"><v>1</v></c>'


@pytest.mark.parametrize(
    ("change", "sentence", "params"),
    [
        (
            lambda text: text.replace(NUMBER, '<c r="D2"><f>A1+1</f></c>'),
            "intake_formula_without_value",
            {"cell": "D2"},
        ),
        (
            lambda text: text.replace(NUMBER, '<c r="D2"><f>A1</f><v/></c>'),
            "intake_formula_without_value",
            {"cell": "D2"},
        ),
        (lambda text: text.replace("<sheetData>", "<!DOCTYPE a><sheetData>"), "intake_workbook_damaged", {}),
        (
            lambda text: text.replace("<worksheet", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///x">]><worksheet', 1),
            "intake_external_entity",
            {},
        ),
        (lambda text: re.sub(r'<c r="B2"', '<c r="A2"', text), "intake_workbook_damaged", {}),
        (lambda text: text.replace('<c r="D2"><v>1', '<c r="D2"><v>1x'), "intake_workbook_damaged", {}),
        (lambda text: text.replace('t="s"><v>0', 't="s"><v>999'), "intake_workbook_damaged", {}),
    ],
)
def test_sheets_refused_by_name(bench, contract, refusal, change, sentence, params):
    data = changed(book(lambda workbook: sheet_of(workbook, rows=[PLAIN])), SHEET, change)
    found = refusal(lambda: bench.stage(data, contract))
    assert found[0] == sentence
    assert {name: found[1][name] for name in params} == params


def test_formulas_nobody_has_calculated(bench, contract, refusal):
    def fill(workbook):
        sheet_of(workbook, rows=[PLAIN]).write_formula(1, 3, "=1+1")

    # The library writes 0 as the result of every formula, and asks for it to be calculated.
    stream = io.BytesIO()
    workbook = xlsxwriter.Workbook(stream, {"in_memory": True})
    fill(workbook)
    workbook.close()
    found = refusal(lambda: bench.stage(stream.getvalue(), contract))
    assert found == ("intake_formula_without_value", {"sheet": "表", "cell": "D2"})
    assert values(bench, contract, book(fill))[0][3] == 0


def test_errors_of_formulas_are_named_with_their_cells(bench, contract):
    def fill(workbook):
        sheet_of(workbook, rows=[PLAIN]).write_formula(1, 3, "=1/0", None, "#DIV/0!")

    result = bench.stage(book(fill), contract)
    said = {item.sentence: item.params for item in result.account.findings}
    assert said["intake_cell_errors"] == {"sheet": "表", "count": 1, "cells": "D2"}
    assert result.fixes["rule"].to_list() == ["type_n"]


@pytest.mark.parametrize(
    ("merged", "down", "refused"),
    [
        ((1, 1, 2, 1), [], True),
        ((1, 1, 2, 1), ["note"], False),
        ((1, 1, 1, 2), [], True),
        ((1, 7, 2, 8), [], False),
        ((0, 7, 0, 8), [], False),
    ],
)
def test_merged_cells_among_records(bench, refusal, merged, down, refused):
    def fill(workbook):
        sheet = sheet_of(workbook, rows=[PLAIN, ["b", None, *PLAIN[2:]]])
        sheet.merge_range(*merged, "合")

    contract = bench.contract(COLUMNS, file={"fill_down": down})
    if refused:
        found = refusal(lambda: bench.stage(book(fill), contract))
        assert found[0] == "intake_cells_merged"
    else:
        result = bench.stage(book(fill), contract)
        assert result.account.accepted == 2
        assert not down or result.accepted["note"].to_list() == ["合", "合"]


@pytest.mark.parametrize("named", [None, "二院"])
@pytest.mark.parametrize(("titles", "hidden"), [(TITLES, False), (TITLES, True), (["说明", "页"], False)])
def test_a_second_sheet_does_not_vanish(bench, refusal, titles, hidden, named):
    def fill(workbook):
        cover = workbook.add_worksheet("封面")
        cover.write(0, 0, "填报说明")
        sheet_of(workbook, "二院", [PLAIN]).activate()
        other = workbook.add_worksheet("三院")
        other.write_row(0, 0, titles)
        if hidden:
            other.hide()

    contract = bench.contract(COLUMNS, file={"sheet": named} if named else {})
    if titles == TITLES and not hidden and named is None:
        found = refusal(lambda: bench.stage(book(fill), contract))
        assert found == ("intake_sheets_several", {"count": 2, "sheets": "二院、三院"})
        return
    result = bench.stage(book(fill), contract)
    said = {item.sentence: item.params for item in result.account.findings}
    assert (result.account.accepted, result.account.sheet) == (1, "二院")
    assert said["intake_other_sheets"] == {"sheet": "二院", "shown": 3 - hidden, "hidden": int(hidden)}
    assert ("intake_hidden_sheet" in said) == (hidden and titles == TITLES)


def test_inline_texts_rich_texts_and_places_left_out(bench, contract):
    def change(text):
        text = text.replace(
            '<c r="B2" t="s"><v>8</v></c>', '<c t="inlineStr"><is><r><t>甲_x000A_</t></r><r><t>乙</t></r></is></c>'
        )
        return re.sub(r' r="[A-Z]*[0-9]+"', "", text)

    data = book(lambda workbook: sheet_of(workbook, rows=[["a", "甲", "2025-01-05", 1, 1.5, 2.25, True]]))
    text = zipfile.ZipFile(io.BytesIO(data)).read(SHEET).decode()
    assert '<c r="B2" t="s"><v>8</v></c>' in text
    row = values(bench, contract, changed(data, SHEET, change))[0]
    assert row == ("a", "甲\n乙", dt.date(2025, 1, 5), 1, 150, Decimal("2.25"), True)


@pytest.mark.parametrize(("number", "refused"), [(999_999_999_999_999, False), (1_000_000_000_000_000, True)])
def test_a_number_with_more_digits_than_are_kept_is_refused_anywhere(bench, contract, refusal, number, refused):
    data = book(lambda workbook: sheet_of(workbook, rows=[["a", "甲", None, number]]))
    if refused:
        assert refusal(lambda: bench.stage(data, contract)) == (
            "intake_id_as_number",
            {"sheet": "表", "column": "人数"},
        )
    else:
        assert values(bench, contract, data)[0][3] == number


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", "general"), ("0.00", "general"), ("#,##0", "general"), ('0.0,"万"', "general"), ("0%", "percent"),
        ("yyyy-mm-dd", "moment"), ('yyyy"年"m"月"', "moment"), ("[$-804]m/d;@", "moment"), ("[h]:mm", "moment"),
        ('"days" 0', "general"), ("[Red]0.00;[Blue]-0.00", "general"), ("000000", "000000"), (r"\d0", "general"),
    ],
)  # fmt: skip
def test_kinds_of_number_formats(code, kind):
    assert format_kind(170, code) == kind


@given(st.decimals(-(10**12), 10**12, places=2))
def test_amounts_survive_the_way_through_a_float(amount):
    assert Decimal(plain(float(amount))) == amount


CELL = st.one_of(
    st.none(),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8),
    st.integers(-(10**6), 10**6),
    st.decimals(-1000, 1000, places=3).map(float),
    st.booleans(),
)


@settings(max_examples=40)
@given(rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=8))
def test_another_reader_sees_the_same_cells(shared_bench, rows):
    """calamine, which reads workbooks in quite another way, as oracle for texts, numbers and truth values."""
    from assets.intake.opening import first_tables

    def fill(workbook):
        sheet = workbook.add_worksheet()
        for line, row in enumerate([["头", "中", "尾"], *rows]):
            for at, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(line, at, cell)
                elif cell is not None:
                    sheet.write(line, at, cell)

    data = book(fill)
    theirs = fastexcel.read_excel(data).load_sheet(0, header_row=None, dtypes="string").to_polars()
    (ours,) = first_tables([data], shared_bench.limits)
    given_ = [[shown(cell) for cell in row] for row in rows]
    assert [row[:3] for row in ours[1:]] == given_[: len(ours) - 1]
    assert all(not any(row) for row in given_[len(ours) - 1 :])
    assert theirs.height <= len(rows) + 1
    for mine, other, cells in zip(ours[1:], theirs.rows()[1:], rows, strict=False):
        for left, right, cell in zip(mine, other, cells, strict=False):
            if isinstance(cell, str):
                assert left == (right or "")
            elif isinstance(cell, int | float) and not isinstance(cell, bool):
                assert float(left) == float(right)


def shown(cell):
    """A cell as the text a careful person would write."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return "0" if cell == 0 else f"{Decimal(repr(cell)).normalize():f}"
    return "" if cell is None else str(cell)
