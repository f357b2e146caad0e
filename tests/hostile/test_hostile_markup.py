"""Cells whose text is not all that they show: struck out, raised, hidden, in fields, with remarks or tables in them."""

import re
from decimal import Decimal

import pytest

from tests.hostile.builders import RAISED as RAISED_FONT
from tests.hostile.builders import STRUCK_OUT, Rich, biff, patched, replacing, sheet
from tests.hostile.harness import bad, ok, safe
from tests.hostile.records import Visit
from tests.hostile.test_hostile_old_workbooks import HTML, XML
from tests.hostile.three_visits import GOOD, LOADS, TEXTS, XLS, XLSX, case, part

FEE, NOTE = GOOD[0].cells["fee"], GOOD[0].cells["note"]
RATE = GOOD[0].cells["rate"]
PERCENT = '<Style ss:ID="p" ss:Name="Percent"><NumberFormat ss:Format="0%"/></Style>'
OF_C, PLAIN = '<Style ss:ID="c"><NumberFormat ss:Format="0%"/></Style>', '<Style ss:ID="n"><Font/></Style>'
# The place of the share among the columns, from 1.
AT = list(GOOD[0].cells).index("rate") + 1
ONE_BAD = [bad("type_fee"), *LOADS[1:]]
SHARE = [safe(Visit({}, {**GOOD[0].read, "rate": Decimal(50)}), "type_rate"), *LOADS[1:]]
HALF = [ok(Visit({}, {**GOOD[0].read, "rate": Decimal("0.5")})), *LOADS[1:]]
WITHOUT_FEE = [ok(Visit({}, {**GOOD[0].read, "fee": None})), *LOADS[1:]]
DATA, REMARK = '<Data ss:Type="String">{}</Data>', "<Comment><ss:Data>9.99</ss:Data></Comment>"
RICH = '<Data ss:Type="String" xmlns="http://www.w3.org/TR/REC-html40">{}</Data>'

RAISED = f'<r><t>{FEE[:-1]}</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>{FEE[-1]}</t></r>'


def web(ident, cell, fates=None, *refusals):
    return case(ident, HTML.replace(f"<td>{FEE}</td>", f"<td>{cell}</td>", 1), fates, *refusals, name=XLS)


def xml(ident, cell, fates, instead_of=FEE):
    return case(ident, XML.replace(DATA.format(instead_of), cell, 1), fates, name=XLS)


def styled(ident, styles, fates):
    """The share of the first record is the number 0.5, which is 50% where its style is one of percentages."""
    number = '<Cell ss:StyleID="c"><Data ss:Type="Number">0.5</Data>'
    cell = XML.replace("<Cell>" + DATA.format(RATE), number, 1)
    return case(ident, cell.replace("<Worksheet", f"<Styles>{styles}</Styles><Worksheet", 1), fates, name=XLS)


def inherited(ident, styles, table, row, fates):
    """Its cell names no style: that of the row, of the column, of the table or the default one holds."""
    share = XML.replace("<Cell>" + DATA.format(RATE), '<Cell><Data ss:Type="Number">0.5</Data>', 1)
    placed = share.replace("<Table>", table, 1).replace("</Row><Row>", f"</Row>{row}", 1)
    book = placed.replace("<Worksheet", f"<Styles>{styles}</Styles><Worksheet", 1)
    return case(ident, book, fates, name=XLS)


def rich(ident, text, runs, fates):
    rows = [TEXTS[0], [Rich(text, runs) if cell == FEE else cell for cell in TEXTS[1]], *TEXTS[2:]]
    return case(ident, biff({"表1": rows}), fates, name=XLS)


def shared(ident, runs, fates):
    change = replacing(f"<si><t>{FEE}</t></si>", f"<si>{runs}</si>")
    return case(ident, patched(sheet(TEXTS), {"xl/sharedStrings.xml": change}), fates, name=XLSX)


def inline(ident, runs, fates):
    cell = f'<c r="I2" t="inlineStr"><is>{runs}</is></c>'
    return case(ident, part(lambda content: re.sub(rb'<c r="I2".*?</c>', cell.encode(), content)), fates, name=XLSX)


MARKUP = [
    web("web-raised", f"{FEE[:-1]}<sup>{FEE[-1]}</sup>", ONE_BAD),
    web("web-struck-out", f"<s>1</s>{FEE}", ONE_BAD),
    web("web-blocks", f"<div>1</div><div>{FEE}</div>", ONE_BAD),
    web("web-paragraphs", f"<p>1<p>{FEE}", ONE_BAD),
    web("web-one-paragraph", f"<p>{FEE}</p>", LOADS),
    web("web-font", f"<font color=red>{FEE[:1]}</font><b>{FEE[1:]}</b>", LOADS),
    web("web-hidden-text", f'<span style="display: none">1</span>{FEE}', None, "unclear"),
    web("web-hidden-by-attribute", f"<span hidden>1</span>{FEE}", None, "unclear"),
    web("web-field", f'<input value="{FEE}">', None, "unclear"),
    web("web-choice", f"<select><option>{FEE}<option selected>2.05</select>", None, "unclear"),
    web("web-picture", '<img src="a.png">', None, "unclear"),
    web("web-picture-beside", f'<img src="a.png">{FEE}', LOADS),
    web("web-table-inside", f"<table><tr><td>{FEE}</td></tr></table>", None, "unclear"),
    case(
        "web-table-around",
        HTML.replace("<table>", "<table><tr><td>某县<table>")
        .replace("</table>", "</table></td></tr></table>")
        .encode(),
        LOADS,
        name=XLS,
    ),
    xml("xml-remark", DATA.format(FEE) + REMARK, LOADS),
    xml("xml-remark-before", REMARK + DATA.format(FEE), LOADS),
    xml("xml-remark-alone", REMARK, WITHOUT_FEE),
    xml("xml-remark-on-words", DATA.format(NOTE) + REMARK, LOADS, instead_of=NOTE),
    xml("xml-reading", DATA.format(FEE) + "<PhoneticText>12</PhoneticText>", LOADS),
    xml("xml-raised", RICH.format(f"{FEE[:-1]}<Sup>{FEE[-1]}</Sup>"), ONE_BAD),
    xml("xml-struck-out", RICH.format(f"<S>1</S>{FEE}"), ONE_BAD),
    xml("xml-bold", RICH.format(f"<B>{FEE[:1]}</B>{FEE[1:]}"), LOADS),
    styled("xml-percentage", '<Style ss:ID="c"><NumberFormat ss:Format="0%"/></Style>', SHARE),
    styled("xml-percentage-by-name", PERCENT + '<Style ss:ID="c" ss:Parent="p"><Font/></Style>', SHARE),
    styled("xml-no-percentage", PERCENT + '<Style ss:ID="c" ss:Parent="p"><NumberFormat/></Style>', HALF),
    inherited("xml-percentage-of-row", OF_C, "<Table>", '<Row ss:StyleID="c">', SHARE),
    inherited("xml-percentage-of-column", OF_C, f'<Table><Column ss:Index="{AT}" ss:StyleID="c"/>', "<Row>", SHARE),
    inherited(
        "xml-percentage-of-columns",
        OF_C,
        f'<Table><Column ss:Span="{AT - 2}"/><Column ss:StyleID="c"/>',
        "<Row>",
        SHARE,
    ),
    inherited(
        "xml-percentage-of-next-column", OF_C, f'<Table><Column ss:Index="{AT + 1}" ss:StyleID="c"/>', "<Row>", HALF
    ),
    inherited("xml-percentage-of-table", OF_C, '<Table ss:StyleID="c">', "<Row>", SHARE),
    inherited("xml-percentage-by-default", OF_C.replace('"c"', '"Default"'), "<Table>", "<Row>", SHARE),
    inherited(
        "xml-row-before-column",
        OF_C + PLAIN,
        f'<Table><Column ss:Index="{AT}" ss:StyleID="c"/>',
        '<Row ss:StyleID="n">',
        HALF,
    ),
    rich("biff-raised", FEE, ((len(FEE) - 1, RAISED_FONT),), ONE_BAD),
    rich("biff-struck-out", "1" + FEE, ((0, STRUCK_OUT), (1, 0)), ONE_BAD),
    rich("biff-bold", FEE, ((1, 1),), LOADS),
    shared("xlsx-raised", RAISED, ONE_BAD),
    inline("xlsx-inline-raised", RAISED, ONE_BAD),
    inline("xlsx-inline-struck-out", f"<r><rPr><strike/></rPr><t>1</t></r><r><t>{FEE}</t></r>", ONE_BAD),
    inline("xlsx-inline-bold", f"<r><rPr><b/></rPr><t>{FEE[:1]}</t></r><r><t>{FEE[1:]}</t></r>", LOADS),
    shared("xlsx-struck-out", f"<r><rPr><strike/></rPr><t>1</t></r><r><t>{FEE}</t></r>", ONE_BAD),
    shared(
        "xlsx-neither",
        f'<r><rPr><strike val="0"/><vertAlign val="baseline"/></rPr><t>{FEE[:1]}</t></r><r><t>{FEE[1:]}</t></r>',
        LOADS,
    ),
]


@pytest.mark.parametrize("item", MARKUP, ids=lambda item: item.id)
def test_cells_that_show_more_than_their_text(verdict, item):
    verdict(item)
