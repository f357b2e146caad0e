"""Bytes to records: encodings, line ends, quotes, shapes. Oracles: Python's own decoder and csv module."""

import csv
import io

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assets.intake import tabular
from assets.intake.blocks import Shape
from assets.intake.decoding import TextStream
from assets.intake.findings import FileRefused
from assets.intake.kinds import kind_of
from assets.intake.outsiders import Outsiders
from assets.intake.tabular import read_blocks

NAMES = ["a", "b", "c"]


def shape(width=3, field_length=200, footers=()):
    return Shape([f"c{n}" for n in range(width)], ",", field_length, Outsiders([None] * width, markers=tuple(footers)))


def read(text, width=3, block=tabular.BLOCK, cut=0, whole=False, **more):
    data = text.encode()
    pieces = [data[at : at + cut] for at in range(0, len(data), cut)] if cut else [data]
    blocks = list(read_blocks(pieces, shape(width, **more), 2, block, whole=whole))
    frames = [block.frame for block in blocks]
    rows = pl.concat(frames).rows() if frames else []
    return rows, [item for block in blocks for item in block.unreadable], sum(block.non_data for block in blocks)


def pieces_of(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


# --- decoding


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@given(text=st.text("姓名联通男a1,\n\U00020000䶮", min_size=30, max_size=60), size=st.integers(1, 9))
def test_decoding_does_not_depend_on_cuts(encoding, text, size):
    text = "编号,姓名\n" + text + "\n结束"
    stream = TextStream(pieces_of(text.encode(encoding), size))
    assert b"".join(stream).decode() == text
    assert stream.encoding == encoding


@given(size=st.integers(1, 7))
def test_gb18030_after_a_long_ascii_start(size):
    data = b"id,name\n" * 50 + "1,张三\n".encode("gb18030")
    assert b"".join(TextStream(pieces_of(data, size))).decode().endswith("1,张三\n")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@given(size=st.integers(1, 5))
def test_line_ends(end, size):
    data = end.join(["a,b", "1,2", "3,4", ""]).encode()
    assert b"".join(TextStream(pieces_of(data, size))) == b"a,b\n1,2\n3,4\n"


@given(size=st.integers(1, 400))
def test_mixed_encodings_are_refused_with_their_line(size):
    good = "".join(f"{n},张三丰在北京\n" for n in range(20)).encode()
    data = good + "20,李四\n".encode("gb18030") + good
    with pytest.raises(FileRefused) as error:
        list(TextStream(pieces_of(data, size)))
    assert error.value.finding.sentence == "intake_encoding_mixed"
    assert error.value.finding.params["line"] == 21
    assert error.value.__cause__ is None
    assert error.value.__context__ is None


def test_utf8_appended_to_gb18030_is_refused():
    data = "编号,姓名\n1,张三\n2,李四\n".encode("gb18030") + "3,张三\n4,王老五\n".encode()
    with pytest.raises(FileRefused) as error:
        list(TextStream([data]))
    assert error.value.finding.sentence == "intake_encoding_mixed"


@given(size=st.integers(1, 9))
def test_nul_byte_is_refused_with_its_line(size):
    with pytest.raises(FileRefused) as error:
        list(TextStream(pieces_of(b"a,b\r\n1,2\r\n3,\x004\r\n", size)))
    assert (error.value.finding.sentence, error.value.finding.params) == ("intake_nul_byte", {"line": 3})


def test_characters_that_tell_of_damage_are_named_with_their_lines():
    text = "姓名\n张\ufffd\n李\ufffd\ue000\n\ufeff王\u200b五\n赵"
    for size in (1, 4, 100):
        stream = TextStream(pieces_of(text.encode(), size))
        assert b"".join(stream).decode() == text.replace("\ufeff", "")
        assert [(item.sentence, item.params) for item in stream.findings] == [
            ("intake_replacement_characters", {"count": 2, "lines": "2, 3"}),
            ("intake_private_characters", {"count": 1, "lines": "3"}),
            ("intake_invisible_characters", {"count": 1, "lines": "4"}),
            ("intake_mark_inside", {"count": 1, "lines": "4"}),
            ("intake_truncated_tail", {}),
        ]


@given(size=st.integers(1, 9), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_line_of_utf8_in_gb18030_is_refused_though_it_decodes(size, end):
    head = f"编号,姓名{end}1,张三{end}".encode("gb18030")
    tail = f"3,王五{end}".encode("gb18030")
    # Six bytes of UTF-8 are three characters of GB18030, so nothing fails.
    (head + f"2,李四{end}".encode() + tail).decode("gb18030")
    with pytest.raises(FileRefused) as error:
        list(TextStream(pieces_of(head + f"2,李四{end}".encode() + tail, size)))
    assert (error.value.finding.sentence, error.value.finding.params["line"]) == ("intake_encoding_mixed", 3)
    assert b"".join(TextStream(pieces_of(head + tail, size))).decode() == "编号,姓名\n1,张三\n3,王五\n"


@pytest.mark.parametrize("size", range(1, 9))
def test_an_accent_that_ends_a_word_is_told_by_the_word_wherever_the_text_is_cut(size):
    stream = TextStream(pieces_of("1,José\n".encode(), size))
    assert (b"".join(stream).decode(), stream.encoding) == ("1,José\n", "utf-8")


@pytest.mark.parametrize("text", ["模", "模a", "煤", "37\u00b0C", "\u00cb"])
def test_bytes_that_are_characters_in_two_encodings_are_refused(text):
    """模 in GB18030 is ģ in UTF-8, Ë in UTF-8 is 脣 in GB18030: without a mark nothing tells."""
    chinese = any(mark in text for mark in "模煤")
    data = b"a,b\n1,x\n2," + (text.encode("gb18030") if chinese else text.encode()) + b"\n"
    with pytest.raises(FileRefused) as error:
        list(TextStream([data]))
    assert error.value.finding.params == {"encoding": "gb18030", "line": 3}
    assert error.value.finding.sentence == "intake_encoding_ambiguous"
    assert b"".join(TextStream([b"\xef\xbb\xbf" + f"2,{text}".encode()])).decode() == f"2,{text}"


@given(size=st.integers(1, 5))
def test_the_end_mark_of_dos_is_no_part_of_the_text(size):
    assert b"".join(TextStream(pieces_of(b"a,b\r\n1,2\r\n\x1a\x1a", size))) == b"a,b\n1,2\n"
    assert b"".join(TextStream(pieces_of(b"a\x1a,b\r\n", size))) == b"a\x1a,b\n"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"%PDF-1.7", "pdf"),
        (b"Rar!\x1a\x07", "rar"),
        (b"SQLite format 3\0", "sqlite"),
        (b'\xef\xbb\xbf[{"a": 1}]', "json"),
        (b"MIME-Version: 1.0\r\n", "mhtml"),
        (b"a" * 257 + b"ustar", "tar"),
    ],
)
def test_other_kinds_are_refused_by_name(head, kind):
    with pytest.raises(FileRefused) as error:
        kind_of(head)
    assert (error.value.finding.sentence, error.value.finding.params) == (
        "intake_kind_not_supported",
        {"kind": kind},
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_its_mark_is_refused_by_name(encoding):
    with pytest.raises(FileRefused) as error:
        kind_of("编号,姓名\n1,张三\n".encode(encoding))
    assert error.value.finding.sentence == "intake_encoding_utf16_unmarked"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"PK\x03\x04", "zip"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"PAR1\x15", "parquet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "ole"),
        (b"\xef\xbb\xbf \n<HTML xmlns", "markup"),
        ("<!DOCTYPE html>".encode("utf-16"), "markup"),
        (b"MZ2025000001,x\n", "text"),
        ("<30,人数\n".encode(), "text"),
    ],
)
def test_kinds_by_content(head, kind):
    assert kind_of(head) == kind


# --- records


def test_regular_text():
    assert read("1,2,3\n4,,6\n")[0] == [("1", "2", "3", 1, 2), ("4", "", "6", 2, 3)]


def test_the_fast_path_is_taken_and_refuses_what_it_cannot_prove():
    assert tabular._regular(b"1,2,3\n4,5,6\n", shape()) is not None
    # As many separators as a regular text of two lines has, yet ragged.
    assert tabular._regular(b"1,2,3,4\n5,6\n", shape()) is None
    assert tabular._regular(b"5,6\n1,2,3,4\n", shape()) is None


def test_ragged_lines_cost_only_themselves():
    rows, unreadable, _ = read("1,2,3\n4,5\n6,7,8,9\n10,11,12\n")
    assert rows == [("1", "2", "3", 1, 2), ("10", "11", "12", 4, 5)]
    assert [(item.record_no, item.line_no, item.rule, item.raw) for item in unreadable] == [
        (2, 3, "record_shape", "4,5"),
        (3, 4, "record_shape", "6,7,8,9"),
    ]


def test_quotes_hold_separators_quotes_and_line_ends():
    rows, unreadable, _ = read('1,"a,b",3\n2,"x\ny ""z""",3\n3,c,d\n')
    assert rows == [("1", "a,b", "3", 1, 2), ("2", 'x\ny "z"', "3", 2, 3), ("3", "c", "d", 3, 5)]
    assert unreadable == []


def test_two_stray_quotes_do_not_swallow_the_records_between():
    # Read together, the lines make a record of four fields, which is none: so the quotes are strays.
    rows, unreadable, _ = read('1,"a,b\n2,c,d\n3,e,f\n4,g",h,i\n5,i,j\n')
    assert [row[0] for row in rows] == ["2", "3", "5"]
    assert [(item.line_no, item.rule) for item in unreadable] == [(2, "unclosed_quote"), (5, "unclosed_quote")]


@given(cut=st.integers(1, 50))
def test_lines_that_are_one_record_or_several_are_refused_all(cut):
    """A note that holds lines like records, or two stray quotes: no reading is proven, so none is made up."""
    rows, unreadable, non_data = read('1,"a,b\n2,c,d\n\n4,g",h\n5,i,j\n', cut=cut, block=cut)
    assert [(row[0], row[3], row[4]) for row in rows] == [("5", 4, 6)]
    assert [(item.record_no, item.line_no, item.rule) for item in unreadable] == [
        (1, 2, "unclosed_quote"),
        (2, 3, "unclosed_quote"),
        (3, 5, "unclosed_quote"),
    ]
    assert non_data == 1


@given(cut=st.integers(1, 50))
def test_a_closing_quote_alone_makes_the_record_above_doubtful(cut):
    rows, unreadable, _ = read('1,2,first\nsecond\nthird"\n4,5,6\n', cut=cut, block=cut)
    assert [row[0] for row in rows] == ["4"]
    assert [item.line_no for item in unreadable] == [2, 3, 4]


@pytest.mark.parametrize("line", ['1",x,3', '1,x"y,3', '"a",b"c,3', '"a",b"c"d,3', '1,"a\\"b",3', ' "a",b,3"'])
def test_a_quote_that_encloses_nothing_costs_its_line(line):
    rows, unreadable, _ = read(f"{line}\n4,5,6\n")
    assert [row[0] for row in rows] == ["4"]
    assert [item.line_no for item in unreadable] == [2]


@given(cut=st.integers(1, 30))
@pytest.mark.parametrize(
    ("tail", "kept"), [("4,5,60", False), ('4,5,"60"', True), ("4,5,60\n", True), ("4,5,60\n \t", True)]
)
def test_a_record_without_line_end_is_refused_unless_it_is_known_to_be_whole(tail, kept, cut):
    rows, unreadable, _ = read(f"1,2,3\n{tail}", cut=cut, block=cut)
    assert [row[:3] for row in rows] == [("1", "2", "3"), *([("4", "5", "60")] if kept else [])]
    assert [(item.record_no, item.line_no, item.rule) for item in unreadable] == (
        [] if kept else [(2, 3, "truncated_tail")]
    )
    assert len(read(f"1,2,3\n{tail}", whole=True)[0]) == 2


def test_blank_lines_totals_and_remarks_are_not_records():
    rows, unreadable, non_data = read(
        '1,2,3\n\n,,\n  , ,\n"","",""\n合计,2\n合 计：,2,3\n4,5,6\n"制表人：x"\n制表人,李某,审核人\n'
    )
    assert [(row[0], row[3], row[4]) for row in rows] == [("1", 1, 2), ("4", 2, 9)]
    assert (unreadable, non_data) == ([], 8)


@pytest.mark.parametrize(
    "line", ["合计村,2,3", "合计,甲,3", "注册,2,3", "注：村,甲,3", "制表人,甲,乙", "总计划,,", "小计-1,,"]
)
def test_a_record_that_begins_like_a_footer_is_a_record(line):
    rows, unreadable, non_data = read(f"1,2,3\n{line}\n", footers=["注："])
    assert ",".join(rows[1][:3]) == line
    assert (unreadable, non_data) == ([], 0)


@pytest.mark.parametrize(("length", "taken"), [(9, True), (10, True), (11, False)])
@pytest.mark.parametrize("quote", ["", '"'])
def test_field_length(length, taken, quote):
    rows, unreadable, _ = read(f"1,{quote}{'长' * length}{quote},3\n4,5,6\n", field_length=10)
    assert [row[0] for row in rows] == (["1", "4"] if taken else ["4"])
    assert [item.rule for item in unreadable] == ([] if taken else ["field_too_long"])


def test_cut_tail():
    rows, unreadable, _ = read("1,2,3\n4,5")
    assert [row[0] for row in rows] == ["1"]
    assert [item.line_no for item in unreadable] == [3]


def test_a_line_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(tabular, "_LONGEST_LINE", 50)
    with pytest.raises(FileRefused) as error:
        read("x" * 100, block=10, cut=7)
    assert error.value.finding.sentence == "intake_line_too_long"


def test_many_stray_quotes_take_linear_time():
    text = '1,"a,b\n,\n' * 20_000
    _, unreadable, _ = read(text)
    assert len(unreadable) == 40_000 - 20_000
    long = '1,"a,b\n' + "x\n" * 200_000
    assert len(read(long)[1]) == 200_001


WELL_FORMED = st.lists(st.lists(st.text('ab"\n ,中', max_size=6), min_size=3, max_size=3), min_size=1, max_size=12)


@settings(max_examples=300)
@given(rows=WELL_FORMED, quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_well_formed_text_agrees_with_csv_module(rows, quoting):
    """Unless a line inside a quoted field looks like a whole record, or begins one: then nothing is proven."""
    stream = io.StringIO()
    csv.writer(stream, quoting=quoting, lineterminator="\n").writerows(rows)
    text = stream.getvalue()
    if any(field.count("\n") and (field.count(",") or '"' in field) for row in rows for field in row):
        return
    blank = [row for row in rows if not "".join(row).strip()]
    if any("\n" in field for row in blank for field in row):
        return
    found, unreadable, non_data = read(text)
    assert [list(row[:3]) for row in found] == [row for row in rows if row not in blank]
    assert (unreadable, non_data) == ([], len(blank))


DIRTY = st.lists(
    st.sampled_from(["1", "ab", ",", ",", "\n", "\n", '"', " ", "中", "合计", "1,2,3\n", '"x\ny",2,3\n']), max_size=60
)


@settings(max_examples=400)
@example(parts=[",", '"', "\n", '"', ","], block=1, cut=1)
@given(parts=DIRTY, block=st.integers(1, 60), cut=st.integers(1, 20))
def test_no_line_is_lost_and_cuts_change_nothing(parts, block, cut):
    text = "".join(parts)
    whole = read(text, footers=["合计"])
    assert read(text, footers=["合计"], block=block, cut=cut) == whole
    rows, unreadable, non_data = whole
    lines = text.removesuffix("\n").split("\n") if text else []
    taken = sum(sum(str(field).count("\n") for field in row[:3]) + 1 for row in rows)
    # A quoted record of nothing but blanks and line ends is one blank row, whatever number of lines it takes.
    blank = [row for row in csv.reader(io.StringIO(text, newline="\n")) if not "".join(row).strip()]
    spanned = sum(field.count("\n") for row in blank for field in row)
    assert taken + len(unreadable) + non_data in (len(lines), len(lines) - spanned)
    numbers = sorted([row[3] for row in rows] + [item.record_no for item in unreadable])
    assert numbers == list(range(1, len(numbers) + 1))
    # Every line that is plainly a record is read as it stands, or refused where a quote around it makes it doubtful.
    found = {row[4]: row[:3] for row in rows}
    refused = {item.line_no: item.raw for item in unreadable}
    for at, line in enumerate(lines, start=2):
        cells = tuple(line.split(","))
        if '"' in line or len(cells) != 3 or not line.strip(" ,"):
            continue
        named = next((n for n, cell in enumerate(cells) if cell.strip().endswith("合计")), None)
        total = named is not None and all(cell.strip().strip("1") == "" for cell in cells[named + 1 :])
        if '"' not in text:
            cut = at == len(lines) + 1 and not text.endswith("\n")
            assert total or (refused.get(at) == line if cut else found.get(at) == cells)
        else:
            assert total or found.get(at) == cells or refused.get(at) == line


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(bad=st.lists(st.integers(0, 199), max_size=5, unique=True), cut=st.integers(1, 300))
def test_bad_lines_among_good_ones(bad, cut):
    lines = [f"{n},x" if n in bad else f"{n},名{n},{n * 7}" for n in range(200)]
    rows, unreadable, _ = read("\n".join(lines) + "\n", block=500, cut=cut)
    assert [row[0] for row in rows] == [str(n) for n in range(200) if n not in bad]
    assert [item.line_no - 2 for item in unreadable] == sorted(bad)
