"""Line ends, delimiters, quotes, ragged and truncated lines of text files."""

import codecs
from hashlib import sha256

import pytest

from tests.hostile.harness import ok, other, parameters, refused, safe, through_check, unread
from tests.hostile.records import desk, line, table, visit
from tests.hostile.three_visits import (
    GOOD,
    HEAD,
    LOADS,
    ONE,
    TEXT,
    THREE,
    TWO,
    case,
    text,
)

LINE_ENDS = [
    case("crlf", table(GOOD, end="\r\n"), LOADS),
    case("cr-only", table(GOOD, end="\r"), LOADS),
    case("cr-cr-lf", table(GOOD, end="\r\r\n"), [other(), LOADS[0], other(), LOADS[1], other(), LOADS[2], other()]),
    case("mixed-ends", HEAD + "\r\n" + ONE + "\n" + TWO + "\r" + THREE + "\r\n", LOADS),
    case("cr-only-gb18030", table(GOOD, end="\r").encode("gb18030"), LOADS),
    case(
        "blank-lines",
        text("", HEAD, "", ONE, "", "", TWO, THREE, ""),
        [other(), LOADS[0], other(), other(), *LOADS[1:], other()],
    ),
    case(
        "lines-of-delimiters",
        text(HEAD, ONE, "," * 11, TWO, '"",' * 11 + '""', THREE),
        [LOADS[0], other(), LOADS[1], other(), LOADS[2]],
    ),
    case("lines-of-blanks", text(HEAD, ONE, "   \t ", TWO, THREE), [LOADS[0], other(), *LOADS[1:]]),
    case("nul-byte", TEXT.replace("备注marker2", "备\0注"), None, "nul"),
    case("nul-at-the-end", TEXT + "\0\0\0\0", None, "nul"),
    case("nul-block-in-the-middle", text(HEAD, ONE) + "\0" * 512 + text(TWO, THREE), None, "nul"),
    case("control-z", TEXT + "\x1a", LOADS),
    case(
        "vertical-tab-and-form-feed",
        table([visit(1, {"note": "a\x0bb\x0cc"}, note="a\x0bb\x0cc")]),
        [ok(visit(1, {"note": "a\x0bb\x0cc"}))],
    ),
    case(
        "unicode-line-ends",
        table([visit(1, {"note": "a\u2028b\x85c\u2029d"}, note="a\u2028b\x85c\u2029d"), visit(2)]),
        [ok(visit(1, {"note": "a\u2028b\x85c\u2029d"})), ok(visit(2))],
    ),
    case(
        "file-separators",
        table([visit(1, {"note": "a\x1cb\x1ec\x1fd"}, note="a\x1cb\x1ec\x1fd"), visit(2)]),
        [ok(visit(1, {"note": "a\x1cb\x1ec\x1fd"})), ok(visit(2))],
    ),
    # What stands before a cut cannot be told from a whole cell: 200 may have become 20.
    case("no-last-line-end", TEXT[:-1], [*LOADS[:2], unread("truncated")], findings=("truncated",)),
    case(
        "no-last-line-end-but-proven",
        TEXT[:-1],
        [*LOADS[:2], safe(GOOD[2])],
        note={"sha256": sha256(TEXT[:-1].encode()).hexdigest()},
    ),
    case("no-last-line-end-after-a-quote", TEXT[:-1].replace("备注marker3", '"备注marker3"'), LOADS),
    case("no-last-line-end-after-a-footer", TEXT + "制表人：李某", [*LOADS, other()]),
]

DELIMITERS = [
    case("tab", table(GOOD, delimiter="\t"), LOADS),
    case("tab-named-tsv", table(GOOD, delimiter="\t"), LOADS, name="a_2025Q1.tsv"),
    case("tab-gb18030", table(GOOD, delimiter="\t").encode("gb18030"), LOADS),
    case("tab-utf-16", table(GOOD, delimiter="\t").encode("utf-16"), LOADS, name="a_2025Q1.txt"),
    case("semicolon", table(GOOD, delimiter=";"), LOADS, "header", "delimiter"),
    case("pipe", table(GOOD, delimiter="|"), LOADS, "header", "delimiter"),
    case("full-width-comma", table(GOOD, delimiter="，"), LOADS, "header", "delimiter"),
    case("colon", table(GOOD, delimiter=":"), LOADS, "header", "delimiter"),
    case("space", table(GOOD, delimiter=" "), LOADS, "header", "delimiter"),
    case("comma-space", TEXT.replace(",", ", "), LOADS, "header", "delimiter"),
    case("double-tab", TEXT.replace(",", "\t\t"), LOADS, "header", "delimiter"),
    case("literal-backslash-t", TEXT.replace(",", "\\t"), LOADS, "header", "delimiter"),
    case("sep-line", "sep=,\n" + TEXT, LOADS),
    case("sep-line-semicolon", "sep=;\n" + table(GOOD, delimiter=";"), LOADS, "header", "delimiter"),
    case("sep-line-that-lies", "sep=;\n" + TEXT, LOADS, "header", "delimiter"),
    case("trailing-delimiter-everywhere", text(*(item + "," for item in TEXT.splitlines())), LOADS),
    case(
        "trailing-delimiter-on-records",
        text(HEAD, *(item + "," for item in (ONE, TWO, THREE))),
        [unread("record_shape")] * 3,
    ),
    case("trailing-delimiter-on-header", text(HEAD + ",", ONE, TWO, THREE), [unread("record_shape")] * 3),
    case("one-line-with-semicolons", text(HEAD, ONE, TWO.replace(",", ";"), THREE), [LOADS[0], unread(), LOADS[2]]),
    case("header-with-semicolons", text(HEAD.replace(",", ";"), ONE, TWO), [unread(), unread()], "header", "delimiter"),
    case(
        "decimal-commas-unquoted",
        text(HEAD, ONE, TWO.replace("2.05", "2,05"), THREE),
        [LOADS[0], unread("record_shape"), LOADS[2]],
    ),
    case(
        "thousands-unquoted", text(HEAD, ONE.replace(",1.05,", ",1,234.05,"), TWO), [unread("record_shape"), LOADS[1]]
    ),
]

QUOTES = [
    case("all-quoted", text(*(",".join(f'"{cell}"' for cell in item.split(",")) for item in TEXT.splitlines())), LOADS),
    case(
        "delimiter-in-quotes",
        table([visit(1, {"note": "甲,乙"}, note="甲,乙"), visit(2)]),
        [ok(visit(1, {"note": "甲,乙"})), ok(visit(2))],
    ),
    case(
        "line-end-in-quotes",
        table([visit(1, {"note": "甲\n乙"}, note="甲\n乙"), visit(2)]),
        [ok(visit(1, {"note": "甲\n乙"})), ok(visit(2))],
    ),
    case(
        "crlf-in-quotes",
        table([visit(1, note="甲\r\n乙"), visit(2)], end="\r\n"),
        [ok(visit(1, {"note": "甲\n乙"})), ok(visit(2))],
    ),
    case("bom-before-a-quote", codecs.BOM_UTF8 + ('"编号"' + TEXT[2:]).encode(), LOADS),
    case(
        "quote-in-quotes",
        table([visit(1, {"note": '甲"乙"'}, note='甲"乙"'), visit(2)]),
        [ok(visit(1, {"note": '甲"乙"'})), ok(visit(2))],
    ),
    case(
        "record-inside-quotes",
        table([visit(1, {"note": f"甲\n{TWO}\n乙"}, note=f"甲\n{TWO}\n乙"), visit(3)]),
        # One record with a line like a record in it, or two stray quotes round a record: neither can be proven.
        [unread(), unread(), unread(), LOADS[2]],
    ),
    case("unclosed-at-the-start", text(HEAD, '"' + ONE, TWO, THREE), [unread(), *LOADS[1:]]),
    case(
        "unclosed-in-the-middle", text(HEAD, ONE, TWO.replace("门诊", '"门诊'), THREE), [LOADS[0], unread(), LOADS[2]]
    ),
    case("unclosed-at-the-end", text(HEAD, ONE, TWO, THREE.replace("备注", '"备注')), [*LOADS[:2], unread()]),
    case("unclosed-in-the-header", text('"' + HEAD, ONE, TWO), None, "header"),
    case(
        "stray-quote-in-a-field",
        text(HEAD, ONE, TWO.replace("备注", '备"注'), THREE),
        [LOADS[0], safe(visit(2, {"note": '备"注marker2'})), LOADS[2]],
    ),
    case("text-after-a-quote", text(HEAD, ONE, TWO.replace("门诊", '"门诊"x'), THREE), [LOADS[0], unread(), LOADS[2]]),
    case(
        "backslash-escaped-quote",
        text(HEAD, ONE, TWO.replace("备注", '"备\\"注"'), THREE),
        [LOADS[0], unread(), LOADS[2]],
    ),
    case(
        "backslash-escaped-delimiter",
        text(HEAD, ONE, TWO.replace("备注", "备\\,注"), THREE),
        [LOADS[0], unread("record_shape"), LOADS[2]],
    ),
    case(
        "backslash-before-the-end-quote",
        text(HEAD, ONE, TWO.replace("备注marker2", '"D:\\"'), THREE),
        [LOADS[0], ok(visit(2, {"note": "D:\\"})), LOADS[2]],
    ),
    case(
        "single-quotes-round-a-delimiter",
        text(HEAD, ONE, TWO.replace("备注", "'备,注'"), THREE),
        [LOADS[0], unread("record_shape"), LOADS[2]],
    ),
    case("curly-quotes", text(HEAD, TWO.replace("备注marker2", "“备,注”")), [unread("record_shape")]),
    case(
        "space-before-a-quote",
        text(HEAD, ONE, TWO.replace("备注marker2", ' "甲,乙"'), THREE),
        [LOADS[0], unread(), LOADS[2]],
    ),
    case(
        "two-stray-quotes-far-apart",
        text(HEAD, '"' + ONE, TWO, THREE, line(visit(4).texts()) + '"', line(visit(5).texts())),
        [unread(), *LOADS[1:], safe(visit(4, {"note": '备注marker4"'})), ok(visit(5))],
    ),
    case(
        "quoted-word-in-an-unquoted-field",
        text(HEAD, ONE, TWO.replace("备注", '备"注"'), THREE),
        [LOADS[0], ok(visit(2, {"note": '备"注"marker2'})), LOADS[2]],
    ),
    case("quote-only-line", text(HEAD, ONE, '"', TWO), [LOADS[0], refused(), LOADS[1]]),
]

SHAPES = [
    case("short-line", text(HEAD, ONE, TWO.rsplit(",", 2)[0], THREE), [LOADS[0], unread("record_shape"), LOADS[2]]),
    case("long-line", text(HEAD, ONE, TWO + ",x,y", THREE), [LOADS[0], unread("record_shape"), LOADS[2]]),
    case("short-first-line", text(HEAD, ONE.rsplit(",", 1)[0], TWO), [unread("record_shape"), LOADS[1]]),
    case("long-last-line", text(HEAD, ONE, TWO + ","), [LOADS[0], unread("record_shape")]),
    case(
        "short-and-long-that-balance",
        text(HEAD, ONE + ",x", TWO.rsplit(",", 1)[0], THREE),
        [unread("record_shape")] * 2 + [LOADS[2]],
    ),
    case("one-field-line", text(HEAD, ONE, "x", THREE), [LOADS[0], unread("record_shape"), LOADS[2]]),
    case("split-over-two-lines", text(HEAD, ONE, TWO[:40], TWO[40:], THREE), [LOADS[0], unread(), unread(), LOADS[2]]),
    case("two-records-on-a-line", text(HEAD, ONE + "," + TWO, THREE), [unread("record_shape"), LOADS[2]]),
    case(
        "long-field",
        text(HEAD, ONE, TWO.replace("备注marker2", "长" * 5000), THREE),
        [LOADS[0], unread("field_too_long"), LOADS[2]],
    ),
    case(
        "five-megabyte-field",
        text(HEAD, ONE, TWO.replace("备注marker2", "x" * 5_000_000), THREE),
        [LOADS[0], unread(), LOADS[2]],
    ),
    case(
        "quoted-field-too-long",
        text(HEAD, ONE, TWO.replace("备注marker2", '"' + "x," * 3000 + '"'), THREE),
        [LOADS[0], unread(), LOADS[2]],
    ),
]

TAILS = [
    case(
        "mid-number",
        text(HEAD, ONE) + TWO[: TWO.index("2.05") + 1],
        [LOADS[0], unread("record_shape")],
        findings=("truncated",),
    ),
    case("mid-id", text(HEAD, ONE) + TWO[:15], [LOADS[0], unread()], findings=("truncated",)),
    case("mid-last-field", TEXT[:-4], [*LOADS[:2], unread("truncated")], findings=("truncated",)),
    case("mid-quoted", text(HEAD, ONE) + TWO.replace("备注", '"备注'), [LOADS[0], unread()], findings=("truncated",)),
    case("mid-header", HEAD[:5], None, "header"),
    case("header-without-end", HEAD, [], "records", "header", "empty", "truncated"),
    case("empty-file", b"", None, "empty"),
    case("only-a-bom", codecs.BOM_UTF8, None, "empty", "header"),
    case("only-blank-lines", b"\n\n\r\n", None, "empty", "header"),
    case("only-nuls", b"\0" * 4096, None, "nul", "empty", "header", "kind"),
]


@pytest.mark.parametrize("item", LINE_ENDS, ids=lambda item: item.id)
def test_line_ends(verdict, item):
    verdict(item)


@pytest.mark.parametrize("item", DELIMITERS, ids=lambda item: item.id)
def test_delimiters(verdict, item):
    verdict(item)


@pytest.mark.parametrize("item", QUOTES, ids=lambda item: item.id)
def test_quotes(verdict, item):
    verdict(item)


@pytest.mark.parametrize("item", parameters(SHAPES))
def test_shapes(verdict, item):
    verdict(item)


@pytest.mark.parametrize("item", TAILS, ids=lambda item: item.id)
def test_tails(verdict, item):
    verdict(item)


ALL = [
    item for group in (LINE_ENDS, QUOTES, SHAPES, TAILS) for item in group if item.fates and "gb18030" not in item.id
]


@pytest.mark.slow
@pytest.mark.parametrize("item", ALL, ids=lambda item: item.id)
def test_line_numbers_are_physical_and_raw_text_is_kept(tmp_path, item):
    """What a fix list names is the line a text editor shows, and the vault keeps that line as it was sent."""
    (tmp_path / item.name).write_bytes(item.content())
    _, passed = through_check(tmp_path / item.name, desk())
    refused_records = passed.part("refused")
    text_sent = item.content().decode().replace("\r\n", "\n").replace("\r", "\n")
    lines = text_sent.split("\n")
    for line_no, raw in refused_records.select("line_no", "raw").rows() if refused_records.height else ():
        kept = raw.replace("\x1f", ",").split("\n")[0]
        assert kept == lines[line_no - 1], line_no
