"""Old workbooks and what bears their name: BIFF, pages of HTML, one XML file, plain text."""

import pytest

from tests.hostile.builders import biff, compound, natural, sheet
from tests.hostile.harness import bad, ok
from tests.hostile.records import Visit, table, visit
from tests.hostile.three_visits import FOOT, GOOD, LOADS, ROWS, TEXTS, TITLES, XLS
from tests.hostile.three_visits import book_case as case

pytestmark = pytest.mark.slow

LONG = 110_101_199_003_070_123
HTML = (
    "<html><meta charset='utf-8'><table>"
    + "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in TEXTS)
    + "</table></html>"
)
XML = (
    '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'
    '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"'
    ' xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
    '<Worksheet ss:Name="a"><Table>'
    + "".join(
        "<Row>" + "".join(f'<Cell><Data ss:Type="String">{c}</Data></Cell>' for c in row) + "</Row>" for row in TEXTS
    )
    + "</Table></Worksheet></Workbook>"
)


def second_page(records):
    rows = "".join(
        "<tr>" + "".join(f"<td>{c}</td>" for c in r) + "</tr>" for r in [TITLES, *(x.texts() for x in records)]
    )
    return HTML.replace("</html>", f"<table>{rows}</table></html>").encode()


def old(ident, data, fates=None, *refusals, **more):
    return case(ident, data, fates, *refusals, **{"name": XLS, **more})


OLD = [
    old("biff-texts", biff({"表1": TEXTS}), LOADS),
    old("biff-natural", biff({"表1": ROWS}), LOADS),
    old("biff-1904", biff({"表1": ROWS}, date_1904=True), LOADS),
    old("biff-ids-as-numbers", biff({"表1": [TITLES, natural(GOOD[0], idno=LONG)]}), None, "id_as_number"),
    old("biff-long-key-as-number", biff({"表1": [TITLES, natural(GOOD[0], no=LONG)]}), [bad()], "number"),
    old(
        "biff-error",
        biff({"表1": [*ROWS[:2], natural(GOOD[1], sbp="#N/A"), ROWS[3]]}),
        [LOADS[0], bad(), LOADS[2]],
        "error",
        "workbook",
        "cell",
    ),
    old("biff-second-sheet", biff({"一": ROWS, "二": [TITLES, natural(visit(9))]}), [*LOADS, ok(visit(9))], "sheet"),
    old(
        "biff-hidden-sheet",
        biff({"一": ROWS, "二": [TITLES, natural(visit(9))]}, hidden=["二"]),
        LOADS,
        "sheet",
        findings=("sheet",),
    ),
    old(
        "biff-locked", biff({"表1": ROWS}, locked_file=True), None, "protected", "encrypt", "damaged", "locked", "kind"
    ),
    old("biff-cut", biff({"表1": [TITLES, *(natural(visit(n)) for n in range(1, 40))]})[:3000], None, "damaged"),
    old("biff-total-wrong", biff({"表1": [*ROWS, [*FOOT[:-1], 6.16]]}), None, "total"),
    old("biff-moment", biff({"表1": [TITLES, natural(GOOD[0], day=45662.5)]}), [bad("type_day")]),
    old("compound-of-a-document", compound({"WordDocument": b"x" * 5000}), None, "kind", "damaged"),
    old("html", HTML.encode(), LOADS, "kind"),
    old("html-gbk", HTML.replace("utf-8", "gb2312").encode("gbk"), LOADS, "kind"),
    old(
        "html-two-tables",
        HTML.replace("</html>", "<table><tr><td>另表</td></tr></table></html>").encode(),
        LOADS,
        "kind",
        "table",
    ),
    old("html-two-tables-of-the-feed", second_page([visit(9)]), [*LOADS, ok(visit(9))], "kind", "table", "sheet"),
    old("html-entities", HTML.replace("备注marker1", "&#22791;&#27880;marker1&nbsp;").encode(), LOADS, "kind"),
    old(
        "html-merged-cell",
        HTML.replace(f"<td>{GOOD[0].cells['site']}</td>", "<td rowspan='3'>99010100101</td>")
        .replace(f"<td>{GOOD[1].cells['site']}</td>", "")
        .replace(f"<td>{GOOD[2].cells['site']}</td>", "")
        .encode(),
        [ok(Visit({}, {**r.read, "site": "99010100101"})) for r in GOOD],
        "kind",
        "merged",
        "table",
    ),
    old("html-cut", HTML.encode()[: len(HTML) // 2], None, "kind", "damaged", "table", "cut", "truncated"),
    old("html-script", HTML.replace("<table>", "<script>alert(1)</script><table>").encode(), LOADS, "kind"),
    old("tsv", table(GOOD, delimiter="\t").encode("gb18030"), LOADS),
    old("spreadsheetml", XML.encode(), LOADS, "kind"),
    old("xlsx", sheet(ROWS), LOADS),
    old("mht", b"MIME-Version: 1.0\nContent-Type: multipart/related\n", None, "kind", "header"),
]


@pytest.mark.parametrize("item", OLD, ids=lambda item: item.id)
def test_old_workbooks(verdict, item):
    verdict(item)
