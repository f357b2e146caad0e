"""Workbooks: numbers where text should be, formulas, errors, calendars, hidden parts, second sheets, bombs, damage."""

import datetime as dt
import re
from decimal import Decimal

import pytest

from tests.hostile.builders import book, natural, replacing, sheet
from tests.hostile.harness import aside, bad, ok, other, refused, safe
from tests.hostile.records import HEADER, Visit, id18, visit
from tests.hostile.three_visits import FOOT, GOOD, LOADS, ROWS, TEXTS, TITLES, part
from tests.hostile.three_visits import book_case as case

MIDNIGHT = dt.datetime.combine(dt.date(2025, 1, 5), dt.time())


def changed(read=None, **cells):
    """A sheet whose second record has other cells; what it then says."""
    return sheet([TITLES, natural(GOOD[0]), natural(GOOD[1], **cells), natural(GOOD[2])])


def says(ident, read, *refusals, **cells):
    return case(ident, changed(**cells), [LOADS[0], ok(Visit({}, {**GOOD[1].read, **read})), LOADS[2]], *refusals)


def wrong(ident, *rules, refusals=("workbook", "cell", "formula", "number"), **cells):
    return case(ident, changed(**cells), [LOADS[0], bad(*rules), LOADS[2]], *refusals)


def without_cached_value():
    """A formula as programs without a calculating engine write it."""
    data = changed(sbp="=100+20")
    return part(lambda content: content.replace(b"<f>100+20</f><v></v>", b"<f>100+20</f>"), data)


def cached(value):
    data = changed(sbp="=100+20")
    return part(replacing("<f>100+20</f><v></v>", f"<f>100+20</f><v>{value}</v>"), data)


def cached_error():
    data = changed(sbp="=100+20")
    old = '"><f>100+20</f><v></v>'
    return part(replacing(old, '" t="e"><f>100+20</f><v>#REF!</v>'), data)


def error_cell(name, code):
    """A cell with an error value, as lookups leave behind."""
    place = "ABCDEFGHIJKL"[list(HEADER).index(name)] + "3"
    data = changed(**{name: 8642})
    return part(lambda content: _error(content, place, code), data)


def _error(content, place, code):
    start = content.index(f'<c r="{place}"'.encode())
    end = content.index(b"</c>", start)
    return content[:start] + f'<c r="{place}" t="e"><v>{code}</v>'.encode() + content[end:]


def hiding(**what):
    def then(workbook):
        page = workbook.worksheets()[0]
        if "row" in what:
            page.set_row(what["row"], None, None, {"hidden": True})
        if "column" in what:
            page.set_column(what["column"], what["column"], None, None, {"hidden": True})

    return book([("表1", ROWS)], then)


def hidden_sheet(rows):
    return book([("表1", ROWS), ("旧", rows)], lambda workbook: workbook.worksheets()[1].hide())


def merged_down():
    """One institution for three records, its cell merged over them."""

    def then(workbook):
        workbook.worksheets()[0].merge_range("D2:D4", "99010100101")

    return book([("表1", [TITLES, *(natural(record, site=None) for record in GOOD)])], then)


def far(place):
    return part(
        replacing(
            "</sheetData>", f'<row r="{place[1:]}"><c r="{place}"><v>1</v></c></row></sheetData>'.replace("A", "B")
        )
    )


def phonetic():
    """A shared text with its reading above it, as East Asian programs keep it: the reading is no part of the text."""
    part_name = "xl/sharedStrings.xml"
    old = "<t>备注marker2</t>"
    return part(replacing(old, old + '<rPh sb="0" eb="2"><t>beizhu</t></rPh>'), name=part_name)


def rich():
    """A shared text in two runs."""
    runs = "<r><t>备注</t></r><r><rPr><b/></rPr><t>marker2</t></r>"
    return part(replacing("<t>备注marker2</t>", runs), name="xl/sharedStrings.xml")


def in_line(kind, body):
    """The institution of the second record as another kind of cell."""
    return part(
        lambda content: re.sub(rb'<c r="D3"[^>]*>.*?</c>', f'<c r="D3" t="{kind}">{body}</c>'.encode(), content)
    )


def again(place):
    """A place that is written twice, with two values."""
    return part(
        lambda content: content.replace(
            b"</row></sheetData>", f'<c r="{place}"><v>1</v></c></row></sheetData>'.encode()
        )
    )


def row_again():
    """Two rows of one number: which of them is the record?"""

    def change(content):
        return re.sub(rb'<row r="4"', b'<row r="3"', content).replace(b'r="A4"', b'r="A3"')

    return part(lambda content: re.sub(rb'r="([A-L])4"', rb'r="\g<1>3"', change(content)))


LONG = 110_101_199_003_070_123
CELLS = [
    case("texts", sheet(TEXTS), LOADS),
    case("natural", sheet(ROWS), LOADS),
    case("named-csv", sheet(ROWS), LOADS, name="甲_2025Q1.csv"),
    case(
        "ids-as-numbers",
        sheet([TITLES, *(natural(r, idno=int(id18(3)[:17] + "0")) for r in GOOD)]),
        None,
        "id_as_number",
    ),
    case("one-id-as-a-number", changed(idno=LONG), None, "id_as_number"),
    case(
        "long-key-as-a-number",
        sheet([TITLES, *(natural(r, no=LONG + n) for n, r in enumerate(GOOD))]),
        [bad()] * 3,
        "number",
    ),
    case(
        "long-institution-as-a-number",
        changed(site=1_234_567_890_123_456_789_012),
        [LOADS[0], bad(), LOADS[2]],
        "number",
    ),
    says("short-code-as-a-number", {"site": "99010100101"}, "number", site=99_010_100_101),
    says("whole-float", {"sbp": 138}, sbp=138.0),
    says("number-as-text", {"sbp": 138, "fee": 1230}, sbp="138", fee="12.30"),
    says("float-noise", {"fee": 30}, fee=0.1 + 0.2),
    says("more-float-noise", {"fee": 4035}, fee=4.35 + 36),
    says("large-amount", {"fee": 123_456_789_012}, fee=1_234_567_890.12),
    says("scientific-format", {"fee": 1_234_500}, fee=(12345.0, "0.00E+00")),
    says("thousands-format", {"fee": 1_234_500}, fee=(12345.0, "#,##0.00")),
    says("negative", {"fee": -500}, fee=-5.0),
    says("midnight", {"day": dt.date(2025, 1, 5)}, day=MIDNIGHT),
    says("date-format-of-china", {"day": dt.date(2025, 1, 5)}, day=(dt.date(2025, 1, 5), 'yyyy"年"m"月"d"日"')),
    says("date-as-text", {"day": dt.date(2025, 1, 5)}, day="2025-1-5"),
    says("truth", {"done": True}, done=True),
    says("empty-cells", {"sbp": None, "fee": None, "note": None}, sbp=None, fee=None, note=None),
    says("blank-text", {"sbp": None, "note": None}, sbp="  ", note="　"),
    says("apostrophe", {"no": "V0002"}, no="'V0002"),
    says("line-end-in-a-cell", {"note": "甲\n乙"}, note="甲\n乙"),
    says("formula-like-text", {"note": "=cmd|' /C calc'!A0"}, note="=cmd|' /C calc'!A0"),
    case(
        "percent-format",
        changed(rate=(0.9, "0%")),
        [LOADS[0], safe(Visit({}, {**GOOD[1].read, "rate": Decimal("90.0")})), LOADS[2]],
        "percent",
    ),
    case("leading-zeros-by-format", changed(no=(2, '"V"0000')), [LOADS[0], safe(GOOD[1]), LOADS[2]], "number"),
    case(
        "code-with-leading-zeros-by-format",
        changed(site=(7, "00000000000")),
        [LOADS[0], safe(Visit({}, {**GOOD[1].read, "site": "00000000007"})), LOADS[2]],
        "number",
    ),
    wrong("fraction-of-a-count", "type_sbp", sbp=138.5),
    wrong("half-a-fen", "type_fee", fee=1.005),
    wrong("huge-number", "type_sbp", sbp=1e20),
    wrong("overflowing-number", "type_fee", fee=1e300),
    wrong("truth-as-a-count", "type_sbp", sbp=True),
    wrong("moment-of-a-day", "type_day", day=MIDNIGHT.replace(hour=10)),
    wrong("serial-of-a-day", "type_day", day=45_662),
    wrong("date-as-a-count", "type_sbp", "sbp_range", sbp=dt.date(2025, 1, 5)),
    wrong("text-in-a-count", "type_sbp", sbp="约138"),
    wrong("formula-of-nothing", "type_sbp", "required", sbp="=100+20"),
    case("formula-without-cached-value", without_cached_value(), [LOADS[0], bad(), LOADS[2]], "formula", "workbook"),
    case(
        "formula-with-cached-value",
        cached(120),
        [LOADS[0], ok(Visit({}, {**GOOD[1].read, "sbp": 120})), LOADS[2]],
        "formula",
    ),
    case("formula-with-cached-error", cached_error(), [LOADS[0], bad(), LOADS[2]], "formula", "workbook", "cell"),
    case("error-in-a-count", error_cell("sbp", "#N/A"), [LOADS[0], bad(), LOADS[2]], "error", "workbook", "cell"),
    case("error-in-an-amount", error_cell("fee", "#VALUE!"), [LOADS[0], bad(), LOADS[2]], "error", "workbook", "cell"),
    case("error-in-a-day", error_cell("day", "#REF!"), [LOADS[0], bad(), LOADS[2]], "error", "workbook", "cell"),
    case("error-in-a-key", error_cell("no", "#N/A"), [LOADS[0], bad(), LOADS[2]], "error", "workbook", "cell"),
    case(
        "error-in-an-optional-code",
        error_cell("done", "#N/A"),
        [LOADS[0], bad(), LOADS[2]],
        "error",
        "workbook",
        "cell",
    ),
    case("phonetic-reading", phonetic(), LOADS),
    case("rich-text", rich(), LOADS),
    case("text-in-the-cell", in_line("inlineStr", "<is><t>99010100102</t></is>"), LOADS),
    case("text-of-a-formula", in_line("str", "<f>A1</f><v>99010100102</v>"), LOADS, "formula"),
    case("unknown-kind-of-cell", in_line("zz", "<v>99010100102</v>"), LOADS, "damaged", "number"),
    case("text-beyond-the-shared-ones", in_line("s", "<v>9999</v>"), None, "damaged"),
    case("text-before-the-shared-ones", in_line("s", "<v>-1</v>"), None, "damaged"),
    case("number-of-python", in_line("n", "<v>9_9</v>"), None, "damaged"),
    case("two-values-in-a-cell", in_line("n", "<v>9</v><v>9</v>"), None, "damaged"),
    case("number-that-is-none", in_line("n", "<v>九九</v>"), [LOADS[0], bad(), LOADS[2]], "damaged"),
    case(
        "day-in-iso",
        part(lambda c: re.sub(rb'<c r="E3"[^>]*>.*?</c>', b'<c r="E3" t="d"><v>2025-03-03T00:00:00</v></c>', c)),
        LOADS,
        "damaged",
    ),
    case("cell-written-twice", again("A4"), None, "damaged", "twice", "number"),
    case("row-written-twice", row_again(), LOADS, "damaged", "twice"),
    case("calendar-of-1904", book([("表1", ROWS)], options={"date_1904": True}), LOADS),
]

SHEETS = [
    case("titles-above", sheet([["某县随访统计表"], ["填报单位：某院", None, None, "单位：元"], [], *ROWS]), LOADS),
    case(
        "unit-in-the-title",
        sheet([["单位：万元"], ["费用" if t == "费用（元）" else t for t in TITLES], *ROWS[1:]]),
        None,
        "unit",
    ),
    case("hidden-row", hiding(row=2), LOADS, findings=("hidden",)),
    case("hidden-column", hiding(column=6), LOADS, findings=("hidden",)),
    case("hidden-sheet-with-records", hidden_sheet([TITLES, natural(visit(9))]), LOADS, "sheet", findings=("sheet",)),
    case(
        "second-sheet-with-records",
        book([("一季", ROWS), ("二季", [TITLES, natural(visit(9))])]),
        [*LOADS, ok(visit(9))],
        "sheet",
    ),
    case("second-sheet-empty", book([("表1", ROWS), ("Sheet2", []), ("Sheet3", [])]), LOADS),
    case("second-sheet-of-notes", book([("表1", ROWS), ("说明", [["请按月填报"]])]), LOADS, findings=("sheet",)),
    case("chart-first", book([("表1", ROWS)], lambda all_: all_.add_chartsheet("图").activate()), LOADS, "sheet"),
    case("notes-first", book([("说明", [["请按月填报"]]), ("表1", ROWS)]), LOADS, "header", "sheet"),
    case(
        "merged-institution", merged_down(), [ok(Visit({}, {**r.read, "site": "99010100101"})) for r in GOOD], "merged"
    ),
    case("total-right", sheet([*ROWS, FOOT]), [*LOADS, other()]),
    case("total-wrong", sheet([*ROWS, [*FOOT[:-1], 6.16]]), None, "total"),
    case("total-of-a-lost-record", sheet([*ROWS[:3], FOOT]), None, "total"),
    case("signature", sheet([*ROWS, ["制表人：李某", None, "审核人：王某"]]), [*LOADS, other()]),
    case(
        "records-like-footers",
        sheet([TITLES, natural(GOOD[0]), natural(GOOD[1], no="合计生院001"), natural(GOOD[2], no="注：3")]),
        [
            LOADS[0],
            ok(Visit({}, {**GOOD[1].read, "no": "合计生院001"})),
            ok(Visit({}, {**GOOD[2].read, "no": "注:3"})),
        ],
    ),
    case("blank-rows-between", sheet([*ROWS[:2], [], [], *ROWS[2:]]), [LOADS[0], other(), other(), *LOADS[1:]]),
    case("records-above-the-header", sheet([ROWS[1], TITLES, *ROWS[2:]]), [refused(), *LOADS[1:]], "header"),
    case("header-again", sheet([*ROWS[:2], TITLES, *ROWS[2:]]), [LOADS[0], aside(), *LOADS[1:]]),
    case(
        "cells-right-of-the-header",
        sheet([*ROWS[:2], [*ROWS[2], "13800138000"], ROWS[3]]),
        LOADS,
        "header",
        "cell",
        findings=("header",),
    ),
    case(
        "shifted-record", sheet([*ROWS[:2], [None, *ROWS[2]], ROWS[3]]), [LOADS[0], bad(), LOADS[2]], "header", "cell"
    ),
    case("only-a-header", sheet([TITLES]), [], "records", "empty"),
    case("nothing", sheet([]), None, "header", "empty"),
    case("double-header", sheet([[*TITLES, "收缩压"], [*ROWS[1], 120]]), None, "header_twice"),
    case("far-cell-down", far("A1048576"), None, "cells"),
    case(
        "far-cell-right",
        part(replacing("</row></sheetData>", '<c r="XFD4"><v>1</v></c></row></sheetData>')),
        None,
        "columns",
    ),
]


@pytest.mark.parametrize("item", CELLS, ids=lambda item: item.id)
def test_workbook_cells(verdict, item):
    verdict(item)


@pytest.mark.parametrize("item", SHEETS, ids=lambda item: item.id)
def test_workbook_sheets(verdict, item):
    verdict(item)
