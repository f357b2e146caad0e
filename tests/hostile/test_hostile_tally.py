"""Tables of counts under a header of two rows, as statistics offices send them: groups, leaves, merges, totals."""

import pytest

from tests.hostile.builders import biff, book, sheet
from tests.hostile.harness import Case, aside, bad, ok, other

pytestmark = pytest.mark.slow

ROWS = [("东镇", "一村", 1, 2, 3, 4), ("东镇", "二村", 5, 6, 7, 8), ("西镇", "三村", 6, 6, 6, 6)]
LOADS = [ok(row) for row in ROWS]
GROUPS = ["乡镇", "村", "男", None, "女", None]
LEAVES = [None, None, "0-14岁", "65岁及以上", "0-14岁", "65岁及以上"]
FLAT = ["乡镇", "村", "男/0-14岁", "男/65岁及以上", "女/0-14岁", "女/65岁及以上"]
TOTAL = ["合计", None, 12, 14, 16, 18]


def rows(*extra, groups=GROUPS, leaves=LEAVES, body=ROWS):
    return [groups, leaves, *map(list, body), *map(list, extra)]


def case(ident, data, fates=None, *refusals, **more):
    return Case(ident, data, fates, refusals, **{"kind": "tally", "name": "人口_2025Q1.xlsx", **more})


def text(lines):
    return "".join(",".join("" if cell is None else str(cell) for cell in line) + "\n" for line in lines).encode()


def merged():
    """Title, unit and header merged as offices do, towns merged over their villages."""

    def then(workbook):
        page = workbook.worksheets()[0]
        page.merge_range("A1:F1", "某县常住人口统计表")
        page.merge_range("A3:A4", "乡镇")
        page.merge_range("B3:B4", "村")
        page.merge_range("C3:D3", "男")
        page.merge_range("E3:F3", "女")
        page.merge_range("A5:A6", "东镇")

    body = [[None, *ROWS[0][1:]], [None, *ROWS[1][1:]], list(ROWS[2])]
    head = [[None, None, None, None, None, None], LEAVES]
    return book([("人口", [[None], [None, None, None, None, None, "单位：人"], *head, *body])], then)


CASES = [
    case("plain", sheet(rows()), LOADS),
    case("merged", merged(), LOADS),
    case("fill-down", sheet(rows(body=[ROWS[0], (None, *ROWS[1][1:]), ROWS[2]])), LOADS),
    case("fill-down-text", text(rows(body=[ROWS[0], (None, *ROWS[1][1:]), ROWS[2]])), LOADS, name="a_2025Q1.csv"),
    case(
        "fill-down-from-nothing",
        sheet(rows(body=[(None, *ROWS[0][1:]), *ROWS[1:]])),
        [bad("required_town"), *LOADS[1:]],
    ),
    case("text", text(rows()), LOADS, name="a_2025Q1.csv"),
    case("text-gb18030", text(rows()).decode().encode("gb18030"), LOADS, name="a_2025Q1.csv"),
    case("biff", biff({"人口": rows()}), LOADS, name="a_2025Q1.xls"),
    case("title-above", sheet([["某县人口表"], ["单位：人"], *rows()]), LOADS),
    case("unit-of-ten-thousands", sheet([["某县人口表"], ["单位：万人"], *rows()]), None, "unit"),
    case("one-header-row", sheet([FLAT, *map(list, ROWS)]), LOADS, "header"),
    case("one-header-row-text", text([FLAT, *ROWS]), LOADS, "header", name="a_2025Q1.csv"),
    case("three-header-rows", sheet([["常住人口"], *rows()]), LOADS, "header"),
    case("leaves-only", sheet([["乡镇", "村", *LEAVES[2:]], *map(list, ROWS)]), None, "header"),
    case(
        "groups-swapped",
        sheet(rows(groups=["乡镇", "村", "女", None, "男", None])),
        [ok((*r[:2], *r[4:], *r[2:4])) for r in ROWS],
    ),
    case("a-group-missing", sheet(rows(groups=["乡镇", "村", "男", None, None, None])), None, "header"),
    case(
        "a-leaf-misspelt",
        sheet(rows(leaves=[None, None, "0-14岁", "65岁以上", "0-14岁", "65岁及以上"])),
        None,
        "header",
    ),
    case(
        "same-leaf-twice", sheet(rows(leaves=[None, None, "0-14岁", "0-14岁", "0-14岁", "65岁及以上"])), None, "header"
    ),
    case("total-right", sheet(rows(TOTAL)), [*LOADS, other()]),
    case("total-wrong", sheet(rows([*TOTAL[:5], 19])), None, "total"),
    case("total-wrong-text", text(rows([*TOTAL[:5], 19])), None, "total", name="a_2025Q1.csv"),
    case("total-in-the-second-column", sheet(rows([None, "合计", *TOTAL[2:]])), [*LOADS, other()]),
    case("total-at-the-top", sheet(rows(body=[TOTAL, *ROWS])), [other(), *LOADS]),
    case(
        "subtotals",
        sheet([*rows(["小计", None, 6, 8, 10, 12], body=ROWS[:2]), list(ROWS[2]), TOTAL]),
        [*LOADS[:2], other(), LOADS[2], other()],
    ),
    case(
        "subtotal-wrong",
        sheet([*rows(["小计", None, 6, 8, 10, 13], body=ROWS[:2]), list(ROWS[2]), TOTAL]),
        [*LOADS[:2], other(), LOADS[2], other()],
        "total",
    ),
    case(
        "subtotal-by-town",
        sheet([*rows(["东镇小计", None, 6, 8, 10, 12], body=ROWS[:2]), list(ROWS[2])]),
        [*LOADS[:2], aside(), LOADS[2]],
    ),
    case(
        "signature-and-note",
        sheet(rows(TOTAL, ["制表人：李某", None, None, None, "审核人：王某"], ["注：含流动人口"])),
        [*LOADS, other(), other(), other()],
    ),
    case(
        "a-village-named-like-a-footer",
        sheet(rows(body=[*ROWS[:2], ("合计镇", "总计村", 6, 6, 6, 6)])),
        [*LOADS[:2], ok(("合计镇", "总计村", 6, 6, 6, 6))],
    ),
    case(
        "count-in-words",
        sheet(rows(body=[*ROWS[:2], ("西镇", "三村", "6人", 6, 6, 6)])),
        [*LOADS[:2], bad("type_men_young")],
    ),
    case(
        "count-missing",
        sheet(rows(body=[*ROWS[:2], ("西镇", "三村", None, 6, 6, 6)])),
        [*LOADS[:2], bad("required_men_young")],
    ),
    case(
        "count-with-a-fraction",
        sheet(rows(body=[*ROWS[:2], ("西镇", "三村", 6.5, 6, 6, 6)])),
        [*LOADS[:2], bad("type_men_young")],
    ),
    case(
        "header-again",
        sheet(rows(body=[*ROWS[:1], GROUPS, LEAVES, *ROWS[1:]])),
        [LOADS[0], aside(), aside(), *LOADS[1:]],
    ),
    case("blank-columns", sheet([[*r[:2], None, *r[2:]] for r in rows()]), LOADS, "header"),
]


@pytest.mark.parametrize("item", CASES, ids=lambda item: item.id)
def test_tallies(verdict, item):
    verdict(item)
