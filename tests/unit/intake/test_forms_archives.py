"""Archives hold one data file; what unfolds is bounded, what points outside, is locked or cut is named."""

import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.intake import archives
from assets.intake.archives import gunzipped
from assets.intake.findings import FileRefused

TEXT = "编号,数\n1,2\n3,4\n"
COLUMNS = [{"name": "no", "type": "text", "header": "编号"}, {"name": "n", "type": "integer", "header": "数"}]
ROWS = [("1", 2), ("3", 4)]


def zipped(members, **more):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in members.items():
            package.writestr(name, data, **more)
    return stream.getvalue()


def rows(bench, data, **limits):
    contract = bench.contract(COLUMNS)
    bench.limits = bench.limits.model_copy(update=limits)
    return bench.stage(data, contract).accepted.select("no", "n").rows()


BESIDE = {
    "数据/": b"",
    "__MACOSX/._a.csv": b"x",
    "数据/.DS_Store": b"x",
    "数据/a.csv.note.yaml": b"rows: 2",
    "Thumbs.db": b"x",
}


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_a_zip_with_one_data_file_among_what_computers_add(bench, encoding):
    assert rows(bench, zipped({**BESIDE, "数据/a.csv": TEXT.encode(encoding)})) == ROWS


def test_names_of_members_in_gbk(bench):
    data = zipped({"a.csv": TEXT}).replace(b"a.csv", "甲".encode("gbk") + b".cs")
    assert rows(bench, data) == ROWS


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_a_gzip_of_one_or_more_streams(bench, chunk):
    contract = bench.contract(COLUMNS)
    head, tail = TEXT.encode()[:13], TEXT.encode()[13:]
    data = gzip.compress(head, mtime=0) + gzip.compress(tail, mtime=0)
    assert bench.stage(data, contract, chunk=chunk).accepted.select("no", "n").rows() == ROWS


def test_archives_within_archives_up_to_the_limit(bench, refusal):
    once = zipped({"a.csv": TEXT})
    twice = gzip.compress(once, mtime=0)
    assert rows(bench, once, nesting=1) == ROWS
    assert rows(bench, twice, nesting=2) == ROWS
    found = refusal(lambda: rows(bench, zipped({"b.zip": twice}), nesting=2))
    assert found == ("intake_archive_nested", {"limit": 2})
    assert refusal(lambda: rows(bench, once, nesting=0)) == ("intake_archive_nested", {"limit": 0})


def test_a_workbook_in_an_archive(bench):
    import xlsxwriter

    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    sheet = book.add_worksheet()
    for at, line in enumerate([["编号", "数"], ["1", 2], ["3", 4]]):
        sheet.write_row(at, 0, line)
    book.close()
    assert rows(bench, zipped({"甲.xlsx": stream.getvalue()})) == ROWS


def locked(data):
    """The flag of encryption in both places where a member has its flags."""
    local, central = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
    changed = bytearray(data)
    changed[local + 6] |= 1
    changed[central + 8] |= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (zipped({}), "intake_archive_empty"),
        (zipped({"数据/": b"", "a.note.yaml": b"x"}), "intake_archive_empty"),
        (zipped({"a.csv": TEXT, "b.csv": TEXT}), "intake_archive_several"),
        (zipped({"../a.csv": TEXT}), "intake_archive_path"),
        (zipped({"/etc/a.csv": TEXT}), "intake_archive_path"),
        (zipped({"C:\\a.csv": TEXT}), "intake_archive_path"),
        (zipped({"x/..\\..\\a.csv": TEXT}), "intake_archive_path"),
        (locked(zipped({"a.csv": TEXT})), "intake_archive_encrypted"),
        (zipped({"a.csv": TEXT})[:-10], "intake_archive_damaged"),
        (zipped({"a.csv": TEXT}) + zipped({"b.csv": TEXT}), "intake_archive_damaged"),
        (zipped({"a.csv": b""}), "intake_empty"),
        (zipped({"xl/workbook.bin": b"x"}), "intake_kind_not_supported"),
        (zipped({"mimetype": b"x", "content.xml": b"<x/>"}), "intake_kind_not_supported"),
        (gzip.compress(TEXT.encode(), mtime=0)[:-1], "intake_archive_damaged"),
        (gzip.compress(TEXT.encode(), mtime=0)[:20], "intake_archive_damaged"),
        (gzip.compress(TEXT.encode(), mtime=0) + b"more", "intake_archive_damaged"),
        (gzip.compress(b"", mtime=0), "intake_empty"),
    ],
)
def test_archives_refused_by_name(bench, refusal, data, sentence):
    assert refusal(lambda: rows(bench, data))[0] == sentence


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_changed_bit_gives_the_same_rows_or_a_named_refusal(shared_bench, at, bit):
    contract = shared_bench.contract(COLUMNS)
    for data in (zipped({"a.csv": TEXT}), gzip.compress(TEXT.encode(), mtime=0)):
        changed = bytearray(data)
        changed[at % len(data)] ^= 1 << bit
        try:
            found = shared_bench.stage(bytes(changed), contract).accepted.select("no", "n").rows()
        except FileRefused:
            continue
        assert found == ROWS


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped({"a.csv": data})])
@pytest.mark.parametrize(("short_of", "fits"), [(1, False), (0, True), (-1, True)])
def test_size_unpacked_is_bounded(bench, refusal, pack, short_of, fits):
    data = TEXT.encode() * 100
    limit = len(data) - short_of
    contract = bench.contract(COLUMNS)
    bench.limits = bench.limits.model_copy(update={"decompressed_bytes": limit})
    if fits:
        assert bench.stage(pack(data), contract).account.accepted == 200
    else:
        found = refusal(lambda: bench.stage(pack(data), contract))
        assert found == ("intake_unpacked_too_large", {"limit": limit})


@pytest.mark.parametrize(("more", "fits"), [(-1, False), (0, True), (1, True)])
def test_ratio_is_bounded(bench, refusal, monkeypatch, more, fits):
    monkeypatch.setattr(archives, "_NO_BOMB", 0)
    packed = gzip.compress(b"\n" * 100_000, mtime=0)
    exact, rest = divmod(100_000, len(packed))
    limit = exact + (rest > 0) + more
    bench.limits = bench.limits.model_copy(update={"decompressed_ratio": limit})
    assert sum(map(len, gunzipped([packed], bench.limits))) == 100_000 if fits else True
    if not fits:
        found = refusal(lambda: list(gunzipped([packed], bench.limits)))
        assert found == ("intake_unpacked_ratio", {"limit": limit})


def test_a_bomb_is_refused_before_it_unfolds(bench, refusal):
    bomb = zipped({"a.csv": b"0" * 30_000_000})
    assert refusal(lambda: rows(bench, bomb))[0] == "intake_unpacked_ratio"
    blank = TEXT.encode() + b",\n" * 15_000_000
    assert refusal(lambda: rows(bench, gzip.compress(blank, mtime=0)))[0] == "intake_unpacked_ratio"
