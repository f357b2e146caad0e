"""Headers and footers: titles, units, groups, doubles, typos, totals, signatures, and records that look like them."""

import pytest

from tests.hostile.harness import aside, ok, other, refused, unread
from tests.hostile.records import HEADER, Visit, line, table, visit, visits
from tests.hostile.three_visits import GOOD, HEAD, LOADS, ONE, THREE, TITLES, TWO, case, text


def under(titles, records=GOOD):
    """The records under another header."""
    return table(records, titles)


def swapped(old, new):
    return [new if title == old else title for title in TITLES]


def without(name):
    """The records without one column, and what is then read."""
    keep = [key for key in HEADER if key != name]
    rows = [[HEADER[key] for key in keep], *([record.cells[key] for key in keep] for record in GOOD)]
    return text(*(line(row) for row in rows)), [ok(Visit(r.cells, {**r.read, name: None})) for r in GOOD]


def reordered():
    order = list(HEADER)[::-1]
    return text(*(line(row) for row in [[HEADER[k] for k in order], *([r.cells[k] for k in order] for r in GOOD)]))


def wider(title, cell="x"):
    return text(HEAD + "," + title, *(item + "," + cell for item in (ONE, TWO, THREE)))


def total(fee="6.15", word="合计", end=""):
    cells = dict.fromkeys(HEADER, "") | {"no": word, "fee": fee}
    return line(cells.values()) + end


HEADERS = [
    case("title-row", text("某县随访统计表", HEAD, ONE, TWO, THREE), LOADS),
    case("title-row-padded", text("某县随访统计表" + "," * 11, HEAD, ONE, TWO, THREE), LOADS),
    case("title-unit-and-date", text("某县统计表", "填报单位：某院,,单位：元", "", HEAD, ONE, TWO, THREE), LOADS),
    case("ten-title-rows", text(*["标题"] * 10, HEAD, ONE, TWO, THREE), LOADS),
    case("forty-title-rows", text(*["标题"] * 40, HEAD, ONE, TWO, THREE), LOADS, "header"),
    case("unit-row-below", text(HEAD, ",,,,,,mmHg,mmol/L,元,,%,", ONE, TWO, THREE), LOADS),
    case(
        "unit-row-below-of-ten-thousands",
        text(HEAD.replace("（元）", ""), ",,,,,,mmHg,mmol/L,万元,,%,", ONE, TWO, THREE),
        None,
        "unit",
    ),
    case("unit-row-below-in-kpa", text(HEAD, ",,,,,,kPa,,,,,", ONE, TWO, THREE), None, "unit"),
    case("group-row-above", text("基本信息,,,,随访,,,,,,,", HEAD, ONE, TWO, THREE), LOADS),
    case("reordered", reordered(), LOADS),
    case("header-in-english", under([f"{name} (en)" for name in HEADER]), LOADS),
    case("header-by-name", under(list(HEADER)), LOADS),
    case("header-spaced", under([f" {title[0]} {title[1:]}　" for title in TITLES]), LOADS),
    case("header-full-width", under(swapped("费用（元）", "费用(元)")), LOADS),
    case("header-quoted-line-end", under(swapped("收缩压", "收缩压\n(mmHg)")), LOADS),
    case("header-alias", under(swapped("身份证号", "公民身份号码")), LOADS),
    case("header-unit-of-ours", under(swapped("血糖", "血糖(mmol/L)")), LOADS),
    case("header-starred", under(swapped("编号", "*编号")), LOADS, "header"),
    case("unknown-extra-column", wider("电话"), LOADS, findings=("header_new",)),
    case("unnamed-extra-column-empty", wider("", ""), LOADS),
    case("unnamed-extra-column-filled", wider("", "13800138000"), LOADS, "header", findings=("header",)),
    case(
        "double-unknown-column",
        text(HEAD + ",电话,电话", *(i + ",1,2" for i in (ONE, TWO, THREE))),
        LOADS,
        findings=("header_new",),
    ),
    case("double-column", wider("收缩压", "120"), None, "header_twice"),
    case("double-column-by-alias", wider("公民身份号码", "x"), None, "header_twice"),
    case("double-column-with-unit", wider("收缩压(mmHg)", "120"), None, "header_twice"),
    case("missing-required", without("day")[0], None, "header_missing"),
    case("missing-key", without("no")[0], None, "header_missing"),
    case("missing-person", without("idno")[0], None, "header_missing"),
    case("missing-optional", *without("done"), findings=("header_absent",)),
    case("renamed-required", under(swapped("日期", "就诊时间")), None, "header_missing"),
    case(
        "renamed-optional",
        under(swapped("备注", "说明文字")),
        [ok(Visit(r.cells, {**r.read, "note": None})) for r in GOOD],
        findings=("header_new", "header_absent"),
    ),
    case(
        "another-unit-of-money",
        under(swapped("费用（元）", "费用（万元）")),
        [ok(Visit(r.cells, {**r.read, "fee": None})) for r in GOOD],
        "header",
        "unit",
        findings=("header_new",),
    ),
    case(
        "another-unit-of-pressure",
        under(swapped("收缩压", "收缩压(kPa)")),
        [ok(Visit(r.cells, {**r.read, "sbp": None})) for r in GOOD],
        "header",
        "unit",
        findings=("header_new",),
    ),
    case(
        "another-unit-of-glucose",
        under(swapped("血糖", "血糖（mg/dL）")),
        [ok(Visit(r.cells, {**r.read, "glucose": None})) for r in GOOD],
        "header",
        "unit",
        findings=("header_new",),
    ),
    case("unit-in-the-title", text("单位：万元", HEAD.replace("（元）", ""), ONE, TWO, THREE), None, "unit"),
    case("only-a-header", text(HEAD), [], "record", "empty", findings=("record",)),
    case("no-header", text(ONE, TWO, THREE), None, "header"),
    case("no-header-but-a-word-of-it", text(ONE.replace("备注marker1", "备注"), TWO, THREE), None, "header"),
    case(
        "no-header-and-a-cell-close-to-one",
        text(ONE.replace("备注marker1", "身份证号").replace("张三marker1", "编号张三marker1"), TWO, THREE),
        None,
        "header",
    ),
    case("header-of-another-feed", text("凭证号,记账日期,金额", "1,2025-01-01,5"), None, "header"),
    case("header-again-in-the-middle", text(HEAD, ONE, HEAD, TWO, THREE), [LOADS[0], aside(), *LOADS[1:]]),
    case("two-files-joined", text(HEAD, ONE) + "\ufeff" + text(HEAD, TWO, THREE), [LOADS[0], aside(), *LOADS[1:]]),
    case("records-above-the-header", text(ONE, HEAD, TWO, THREE), [refused(), *LOADS[1:]], "header"),
    case(
        "sparse-record-above-the-header",
        text(
            line(visit(1, sbp="", glucose="", fee="", done="", note="", name="", site="", rate="").texts()), HEAD, TWO
        ),
        None,
        "header",
    ),
    case(
        "two-tables-the-second-wider",
        text(line(TITLES[:6]), line(ONE.split(",")[:6]), "", HEAD, TWO, THREE),
        [refused(), other(), *LOADS[1:]],
        "header",
    ),
    case(
        "two-tables-the-second-other",
        text(HEAD, ONE, "", "科室,床位,护士", "内科,20,5"),
        [LOADS[0], other(), unread(), unread()],
    ),
    case(
        "header-with-a-value-inside",
        under(swapped("备注", "备注：张三marker1")),
        [ok(Visit(r.cells, {**r.read, "note": None})) for r in GOOD],
        "header",
    ),
    case(
        "thousand-columns",
        text(HEAD + "".join(f",列{n}" for n in range(1000)), *(i + ",1" * 1000 for i in (ONE, TWO))),
        None,
        "columns",
    ),
    case("huge-header", wider("长" * 200_000), LOADS, "header", "columns", "line"),
]

LIKE = [
    visit(1, {"no": "合计生院001"}, no="合计生院001"),
    visit(2, {"no": "注:V2"}, no="注：V2"),
    visit(3, {"no": "小计0003"}, no="小计0003"),
]
FOOT = [
    case("total-right", text(HEAD, ONE, TWO, THREE, total()), [*LOADS, other()]),
    case("total-with-a-blank", text(HEAD, ONE, TWO, THREE, total(word="合  计")), [*LOADS, other()]),
    case("total-wrong", text(HEAD, ONE, TWO, THREE, total("6.16")), None, "total"),
    case("total-of-a-lost-record", text(HEAD, ONE, THREE, total()), None, "total"),
    case(
        "total-with-thousands",
        table([visit(1, {"fee": 123_450}, fee="1234.50")]) + total("1,234.50") + "\n",
        [ok(visit(1, {"fee": 123_450})), other()],
    ),
    case(
        "total-that-cannot-be-read",
        text(HEAD, ONE, TWO, THREE, total("约6元")),
        [*LOADS, other()],
        "total",
        findings=("total",),
    ),
    case("total-without-sums", text(HEAD, ONE, TWO, THREE, total("")), [*LOADS, other()]),
    case("total-short-line", text(HEAD, ONE, TWO, THREE, "合计,3"), [*LOADS, other()]),
    case(
        "subtotals",
        text(HEAD, ONE, total("1.05", "小计"), TWO, THREE, total("5.10", "小计"), total()),
        [LOADS[0], other(), *LOADS[1:], other(), other()],
    ),
    case(
        "signatures",
        text(HEAD, ONE, TWO, THREE, "", "制表人：李某,,审核人：王某", "注：数据截至季末"),
        [*LOADS, other(), other(), other()],
    ),
    case("signature-quoted", text(HEAD, ONE, TWO, THREE, '"制表人：李某, 2025-04-01"'), [*LOADS, other()]),
    case("records-that-begin-like-footers", table(LIKE), [ok(record) for record in LIKE]),
    case("unknown-footer", text(HEAD, ONE, TWO, THREE, "数据来源：公卫系统"), [*LOADS, unread()]),
    case("footer-in-the-middle", text(HEAD, ONE, "注：以下为补报", TWO, THREE), [LOADS[0], other(), *LOADS[1:]]),
    case("total-first", text(HEAD, total(), ONE, TWO, THREE), [other(), *LOADS]),
]


@pytest.mark.parametrize("item", HEADERS, ids=lambda item: item.id)
def test_headers(verdict, item):
    verdict(item)


@pytest.mark.parametrize("item", FOOT, ids=lambda item: item.id)
def test_footers(verdict, item):
    verdict(item)


def test_a_total_across_blocks(verdict):
    """Sums are those of the whole file however it is cut."""
    records = visits(900)
    good = text(table(records).rstrip("\n"), total(f"{sum(r.read['fee'] for r in records) / 100:.2f}"))
    verdict(case("total-of-many", good, [*(ok(record) for record in records), other()]))
