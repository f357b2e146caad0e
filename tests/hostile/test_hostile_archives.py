"""Archives: one data file each, unpacked within bounds, damage and tricks named."""

import io
import zipfile
from functools import reduce

import pytest

from tests.hostile.builders import DBF_FIELDS, dbf, gzipped, locked, parquet, zipped
from tests.hostile.harness import ok, parameters
from tests.hostile.records import line, table, visit, visits
from tests.hostile.three_visits import BOOK, CSV, DBF_ROWS, GOOD, LOADS, case, frame


def bomb_zip():
    return zipped({"a.csv": CSV + b"\n" * 80_000_000})


def lying_zip():
    """A member that states a hundred bytes and unpacks to more."""
    data = bytearray(zipped({"a.csv": CSV + b" \n" * 2_000_000}))
    size = len(CSV + b" \n" * 2_000_000).to_bytes(4, "little")
    assert data.count(size) == 2
    return bytes(data.replace(size, (100).to_bytes(4, "little")))


def bent_zip():
    data = bytearray(zipped({"a.csv": table(visits(300)).encode()}))
    data[600] ^= 0x55
    return bytes(data)


def dressed(name, mode):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, "/etc/passwd" if mode & 0o120000 == 0o120000 else CSV)
    return stream.getvalue()


def streamed():
    """An archive written without going back: sizes stand behind the data."""
    pipe = io.BytesIO()
    pipe.seekable = lambda: False
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", CSV)
    return pipe.getvalue()


def packed_with(method):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("a.csv", CSV)
    return stream.getvalue()


def of_method_nine():
    """A member packed in a way that our unpacker does not know."""
    return zipped({"a.csv": CSV}).replace(b"\x14\0\0\0\x08\0", b"\x14\0\0\0\x09\0")


def zip_case(ident, data, fates=None, *refusals, **more):
    return case(ident, data, fates, *refusals, **{"name": "a_2025Q1.zip", **more})


ARCHIVES = [
    zip_case("zip-csv", zipped({"a.csv": CSV}), LOADS),
    zip_case("zip-csv-gbk", zipped({"随访.csv": table(GOOD).encode("gb18030")}), LOADS),
    zip_case("zip-name-in-gbk", zipped({"随访.csv": CSV}, names="gbk"), LOADS),
    zip_case("zip-streamed", streamed(), LOADS),
    zip_case("zip-lzma", packed_with(zipfile.ZIP_LZMA), LOADS, "damaged"),
    zip_case("zip-bzip2", packed_with(zipfile.ZIP_BZIP2), LOADS, "damaged"),
    zip_case("zip-unknown-method", of_method_nine(), None, "damaged"),
    zip_case("zip-stored", zipped({"a.csv": CSV}, method=zipfile.ZIP_STORED), LOADS),
    zip_case("zip-workbook", zipped({"a.xlsx": BOOK}), LOADS),
    zip_case("zip-dbf", zipped({"a.dbf": dbf(DBF_FIELDS, DBF_ROWS)}), LOADS),
    zip_case("zip-parquet", zipped({"a.parquet": parquet(frame())}), LOADS),
    zip_case("zip-in-a-folder", zipped({"2025/": b"", "2025/a.csv": CSV}), LOADS),
    zip_case(
        "zip-with-rubbish-of-systems",
        zipped({"a.csv": CSV, "__MACOSX/._a.csv": b"\0\5\x16\7", ".DS_Store": b"\0\0\0\1Bud1", "Thumbs.db": b"x"}),
        LOADS,
        "member",
        "archive",
    ),
    zip_case(
        "zip-two-members",
        zipped({"a.csv": CSV, "b.csv": table([visit(4)]).encode()}),
        [*LOADS, ok(visit(4))],
        "member",
        "archive",
    ),
    zip_case("zip-with-a-readme", zipped({"a.csv": CSV, "readme.txt": "说明".encode()}), LOADS, "member", "archive"),
    zip_case("zip-nothing", zipped({}), None, "empty", "member", "archive", "kind"),
    zip_case("zip-empty-member", zipped({"a.csv": b""}), None, "empty"),
    zip_case("zip-of-zip", zipped({"a.zip": zipped({"a.csv": CSV})}), LOADS, "nest", "archive", "kind"),
    zip_case(
        "zip-five-deep",
        reduce(lambda inner, _: zipped({"a.zip": inner}), range(5), zipped({"a.csv": CSV})),
        None,
        "nest",
        "archive",
        "kind",
    ),
    zip_case("zip-locked", locked(zipped({"a.csv": CSV})), None, "protected", "encrypt", "locked", "damaged"),
    zip_case("zip-traversal", zipped({"../../a.csv": CSV}), LOADS, "path", "archive", "member", "traversal"),
    zip_case("zip-absolute", zipped({"/etc/a.csv": CSV}), LOADS, "path", "archive", "member", "traversal"),
    zip_case("zip-backslashes", zipped({"..\\..\\a.csv": CSV}), LOADS, "path", "archive", "member", "traversal"),
    zip_case("zip-link", dressed("a.csv", 0o120777), None, "link", "path", "archive", "member", "header"),
    zip_case("zip-bomb", bomb_zip, None, "too_large", "ratio", "bomb", "unpack"),
    zip_case("zip-that-lies", lying_zip, None, "damaged", "too_large", "ratio", "archive", "unpack"),
    zip_case("zip-bent", bent_zip(), None, "damaged", "archive"),
    zip_case("zip-cut", zipped({"a.csv": CSV})[:-30], None, "damaged", "archive", "kind"),
    zip_case(
        "zip-same-name-twice",
        zipped({"a.csv": CSV, "b.csv": table([visit(4)]).encode()}).replace(b"b.csv", b"a.csv"),
        [*LOADS, ok(visit(4))],
        "twice",
        "member",
        "archive",
        "damaged",
    ),
    zip_case("zip-name-of-a-person", zipped({"张三marker1.csv": b"x"}), None, "header", "member", "archive"),
    zip_case("zip-named-csv", zipped({"a.csv": CSV}), LOADS, name="a_2025Q1.csv"),
    zip_case("gz-csv", gzipped(CSV), LOADS, name="a_2025Q1.csv.gz"),
    zip_case("gz-gbk", gzipped(table(GOOD).encode("gb18030")), LOADS, name="a_2025Q1.csv.gz"),
    zip_case("gz-workbook", gzipped(BOOK), LOADS, name="a_2025Q1.gz"),
    zip_case(
        "gz-two-streams",
        gzipped(CSV) + gzipped(line(visit(4).texts()).encode() + b"\n"),
        [*LOADS, ok(visit(4))],
        "archive",
        "damaged",
        name="a_2025Q1.csv.gz",
    ),
    zip_case("gz-cut", gzipped(CSV)[:-12], None, "damaged", "archive", name="a_2025Q1.csv.gz"),
    zip_case("gz-cut-checksum", gzipped(CSV)[:-4], None, "damaged", "archive", name="a_2025Q1.csv.gz"),
    zip_case(
        "gz-bent",
        gzipped(CSV)[:-8] + b"\0\0\0\0" + gzipped(CSV)[-4:],
        None,
        "damaged",
        "archive",
        name="a_2025Q1.csv.gz",
    ),
    zip_case("gz-trailing-rubbish", gzipped(CSV) + b"rubbish", LOADS, "damaged", "archive", name="a_2025Q1.csv.gz"),
    zip_case(
        "gz-bomb",
        lambda: gzipped(CSV + b"\n" * 80_000_000),
        None,
        "too_large",
        "ratio",
        "bomb",
        "unpack",
        name="a_2025Q1.csv.gz",
    ),
    zip_case("gz-of-gz", gzipped(gzipped(CSV)), LOADS, "nest", "archive", "kind", name="a_2025Q1.csv.gz"),
    zip_case("gz-empty", gzipped(b""), None, "empty", name="a_2025Q1.csv.gz"),
    zip_case("rar", b"Rar!\x1a\x07\x00" + b"\0" * 64, None, "kind"),
    zip_case("seven-zip", b"7z\xbc\xaf\x27\x1c" + b"\0" * 64, None, "kind"),
    zip_case("pdf", b"%PDF-1.7\n" + b"x" * 64, None, "kind"),
    zip_case(
        "tar", b"a.csv".ljust(100, b"\0") + b"0000644\0" + b"\0" * 149 + b"ustar\0" + b"\0" * 300, None, "kind", "nul"
    ),
    zip_case("bzip2", b"BZh91AY&SY" + b"\x80\xff" * 40, None, "kind", "encoding", "header", "nul"),
    zip_case("picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 64, None, "kind", "nul"),
    zip_case("sqlite", b"SQLite format 3\0" + b"\0" * 64, None, "kind"),
    zip_case("json", b'[{"\xe7\xbc\x96\xe5\x8f\xb7": "V1"}]', None, "kind", "header"),
    zip_case("xml", b"<?xml version='1.0'?><x/>", None, "kind"),
    zip_case("word-as-html", "<html><p>统计</p></html>".encode(), None, "kind", "header", "table"),
]


@pytest.mark.parametrize("item", parameters(ARCHIVES))
def test_archives(verdict, item):
    verdict(item)
