"""Encodings of text: known by marks and content, never guessed halfway, never mixed."""

import codecs

import pytest

from tests.hostile.harness import ok, parameters
from tests.hostile.records import HEADER, line, table, visit
from tests.hostile.three_visits import (
    HEAD,
    LOADS,
    ONE,
    TEXT,
    THREE,
    TWO,
    case,
    text,
)

NO_CHINESE = [visit(n, {"note": f"note-{n}-xx"}, note=f"note-{n}-xx", name=f"zhang san {n}") for n in range(1, 4)]
ASCII_HEADER = list(HEADER)


def many(count, note="备注"):
    return "".join(line(visit(n, note=f"{note}{n}").texts()) + "\n" for n in range(1, count + 1))


ENCODINGS = [
    case("utf-8", TEXT, LOADS),
    case("utf-8-bom", TEXT.encode("utf-8-sig"), LOADS),
    case("gb18030", TEXT.encode("gb18030"), LOADS, findings=("encoding",)),
    case("gbk", TEXT.encode("gbk"), LOADS, findings=("encoding",)),
    case("utf-16-le-bom", codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), LOADS),
    case("utf-16-be-bom", codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), LOADS),
    case("utf-16-le-no-bom", TEXT.encode("utf-16-le"), LOADS, "nul", "encoding", "utf16"),
    case("utf-16-be-no-bom", TEXT.encode("utf-16-be"), LOADS, "nul", "encoding", "utf16"),
    case("utf-16-odd-byte", codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le")[:-1], None, "encoding"),
    case("utf-32-bom", TEXT.encode("utf-32"), LOADS, "nul", "encoding"),
    case("utf-7", TEXT.encode("utf-7"), LOADS, "header", "encoding"),
    case("big5", text(HEAD, ONE).replace("张", "張").encode("big5", "replace"), None, "header", "encoding"),
    case("shift-jis", text("番号,名前", "1,ヤマダ").encode("shift-jis"), None, "header", "encoding"),
    case("ebcdic", text(*ASCII_HEADER[:1], "V1").encode("cp037"), None, "header", "encoding", "nul", "kind"),
    case(
        "gb18030-rare",
        table([visit(1, {"note": "䶮㛃𠂇"}, note="䶮㛃𠂇", name="𫖯")]).encode("gb18030"),
        [ok(visit(1, {"note": "䶮㛃𠂇"}))],
    ),
    # Cells of an even number of characters: their UTF-8 is sound GB18030, of other characters.
    case(
        "mixed-utf8-in-gbk-of-even-length",
        text(HEAD, ONE, TWO).encode("gb18030")
        + text(line(visit(3, mode="1", done="1", note="备注备注").texts())).encode(),
        None,
        "encoding",
    ),
    case("bom-before-gbk", codecs.BOM_UTF8 + TEXT.encode("gb18030"), None, "encoding"),
    case(
        "gbk-after-two-megabytes-of-ascii",
        lambda: (
            text(",".join(ASCII_HEADER), *[line(NO_CHINESE[0].texts())] * 25_000)
            + text(line(visit(2, {"note": "末尾"}, note="末尾").texts()))
        ).encode("gb18030"),
        [ok(NO_CHINESE[0])] * 25_000 + [ok(visit(2, {"note": "末尾"}))],
    ),
    case(
        "lone-surrogate-utf-16",
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le").replace("备".encode("utf-16-le"), b"\x00\xd8", 1),
        None,
        "encoding",
    ),
    case("euro-of-cp936", TEXT.encode("gbk").replace("备注marker2".encode("gbk"), b"\x80"), None, "encoding"),
    case("mixed-utf8-in-gbk", text(HEAD, ONE).encode("gb18030") + text(TWO, THREE).encode(), None, "encoding"),
    case(
        "mixed-gbk-in-utf8",
        text(HEAD, ONE).encode() + text(TWO).encode("gb18030") + text(THREE).encode(),
        None,
        "encoding",
    ),
    case(
        "one-gbk-line-among-many",
        (HEAD + "\n" + many(500)).encode() + text(line(visit(501).texts())).encode("gb18030") + many(5).encode(),
        None,
        "encoding",
    ),
    case(
        "latin-1",
        table([visit(1, note="Zoë Müller")]).encode("utf-8").replace("Zoë".encode(), "Zoë".encode("latin-1")),
        None,
        "encoding",
    ),
    case(
        "bom-in-the-middle",
        (TEXT.encode("utf-8-sig") + "\ufeff".encode() + text(line(visit(4).texts())).encode()),
        [*LOADS, ok(visit(4))],
    ),
    case("two-boms", codecs.BOM_UTF8 + TEXT.encode("utf-8-sig"), LOADS, "header"),
    case(
        "replacement-characters",
        table([visit(1, {"note": "张\ufffd\ufffd"}, note="张\ufffd\ufffd")]),
        [ok(visit(1, {"note": "张\ufffd\ufffd"}))],
        findings=("replacement",),
    ),
    case("surrogate-bytes", TEXT.encode().replace("备注marker2".encode(), b"\xed\xa0\x80"), None, "encoding"),
    case("overlong-utf8", TEXT.encode().replace("备注marker2".encode(), b"\xc0\xaf"), None, "encoding"),
    case("cut-character", TEXT.encode()[: -len("备注marker3\n".encode()) + 1], None, "encoding"),
    case(
        "gb18030-cut-character", TEXT.encode("gb18030")[: -len("备注marker3\n".encode("gb18030")) + 1], None, "encoding"
    ),
    case("decomposed-unicode", table([visit(1, {"note": "é"}, note="é")]), [ok(visit(1, {"note": "é"}))]),
    case("private-use", table([visit(1, {"note": "\ue000"}, note="\ue000")]), [ok(visit(1, {"note": "\ue000"}))]),
    # Two-byte GB18030 characters that happen to be sound UTF-8: 模 is C4 A3, which UTF-8 reads as ģ.
    case(
        "gbk-that-looks-like-utf8",
        table(
            [visit(n, {"note": "模模"}, note="模模", name="ab", mode="1", done="1") for n in (1, 3)], ASCII_HEADER
        ).encode("gb18030"),
        [ok(visit(n, {"note": "模模"})) for n in (1, 3)],
        "encoding",
    ),
]


@pytest.mark.parametrize("item", parameters(ENCODINGS))
def test_encodings(verdict, item):
    verdict(item)
