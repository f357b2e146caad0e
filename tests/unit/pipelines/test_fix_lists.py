"""Fix lists of a home: complete, one per institution, also about files of which nothing was taken, and safe to open."""

import csv
import json
import re
from zipfile import ZipFile

import fastexcel
import polars as pl
import pytest

from assets.intake.findings import Finding
from assets.intake.fixes import COLUMNS, finding_list
from assets.stages import road as steps
from assets.stages.road import Road
from data_contracts.messages import catalogue
from reports import fixlist
from tests.unit.pipelines.conftest import HEADER

FEED = "civil_affairs.welfare"
TABLE = "stg_civil_affairs__welfare"
ENGLISH = re.compile(r"[A-Za-z]{3,} [a-z]{2,} [a-z]{2,}")


@pytest.fixture
def walk(make_home, monkeypatch):
    """A home, taken in, staged and checked; returns the rows of the fix lists below a folder by file name."""
    monkeypatch.setattr(steps, "_AT_REST", 0.0)
    home = make_home()

    def run(folder="2025Q4"):
        road = Road.open(home)
        road.advance("archive", ["archive__files"], "2025Q4")
        road.advance("stg", [TABLE], "2025Q4")
        road.check("archive", ["archive__files"], "2025Q4")
        road.check("stg", [TABLE], "2025Q4")
        found = sorted((home / "fixlists" / folder).rglob("*.csv"))
        return {path.name: list(csv.DictReader(path.read_text("utf-8-sig").splitlines())) for path in found}

    run.home = home
    return run


def test_every_refused_record_stands_on_the_list_with_line_column_rule_and_advice(walk, land):
    land(walk.home, "2025Q4", bad=3)
    (rows,) = walk().values()
    assert [(row["行号"], row["记录号"], row["列"], row["规则"], row["处理"]) for row in rows] == [
        (str(line), str(line - 1), "类别", "code_category", "退回") for line in (2, 3, 4)
    ]
    assert all(row["问题"] and row["怎样修改"] for row in rows)


@pytest.mark.parametrize(
    ("text", "note", "sentence"),
    [
        ("甲,乙\n1,2\n", "", "intake_no_header"),
        (f"{HEADER}\n", "", "accounting_no_records"),
        (f"{HEADER}\n1,,,低保,2022-06-01,9,,,,,,\n", "rows: 7\n", "intake_note_rows"),
    ],
)
def test_a_file_refused_as_a_whole_has_a_list_that_says_why(walk, land, text, note, sentence):
    path = land(walk.home, "2025Q4", institution="990102")
    path.write_text(text, encoding="utf-8")
    path.with_name(f"{path.name}.note.yaml").write_text(note, encoding="utf-8")
    (rows,) = walk().values()
    assert (rows[0]["规则"], rows[0]["处理"], rows[0]["文件"]) == (sentence, "退回", path.name)


def test_a_correction_that_is_refused_does_not_settle_what_was_wrong_before(walk, land):
    path = land(walk.home, "2025Q4", bad=3)
    (rows,) = walk().values()
    assert [row["规则"] for row in rows] == ["code_category"] * 3
    before = path.read_bytes()
    path.write_text("甲,乙\n1,2\n", encoding="utf-8")
    (rows,) = walk().values()
    assert sorted(row["规则"] for row in rows) == [*["code_category"] * 3, "intake_no_header"]
    path.write_bytes(before.replace(b"\n", b"\r\n"))
    (rows,) = walk().values()
    assert [row["规则"] for row in rows if row["处理"] == "退回"] == ["code_category"] * 3


def test_files_that_were_not_taken_in_have_a_list_per_sender(walk, land):
    land(walk.home, "2025Q4")
    outside = land(walk.home, "2031Q4", name="未来")
    stray = walk.home / "landing" / "civil_affairs" / "welfair" / "=1+1.csv"
    loose = walk.home / "landing" / "=2+2.csv"
    for path in (stray, loose):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n", encoding="utf-8")
    lists = walk("not_taken")
    (own,) = [rows for name, rows in lists.items() if name.startswith("civil_affairs")]
    assert {(row["文件"], row["规则"]) for row in own} == {
        (outside.relative_to(walk.home / "landing").as_posix(), "landing_outside_calendar"),
        ("civil_affairs/welfair/=1+1.csv", "landing_unknown_feed"),
    }
    (others,) = [rows for name, rows in lists.items() if not name.startswith("civil_affairs")]
    assert [row["文件"] for row in others] == ["'=2+2.csv"]
    for path in (outside, stray, loose):
        path.unlink()
    land(walk.home, "2025Q4", name="改正").write_text("x\n", encoding="utf-8")
    stray.with_name("x.csv").write_text("x\n", encoding="utf-8")
    (rows,) = walk("not_taken").values()
    assert [row["文件"] for row in rows] == ["civil_affairs/welfair/x.csv"], "what was taken away is listed no more"


def test_a_refusal_that_was_mended_leaves_no_list(walk, land):
    outside = land(walk.home, "2031Q4", name="未来")
    assert len(walk("not_taken")) == 1
    outside.rename(outside.with_name("名单_2025Q4.csv"))
    assert walk("not_taken") == {}
    assert not list((walk.home / "fixlists" / "not_taken").iterdir())


def test_what_files_do_to_each_other_is_told_to_the_one_who_has_to_act(walk, land):
    land(walk.home, "2025Q4")
    assert walk() == {}
    again = land(walk.home, "2025Q4", name="再报")
    lines = again.read_text("utf-8").splitlines()
    again.write_text("\n".join([*lines[:31], ""]), encoding="utf-8")
    (rows,) = walk().values()
    assert [(row["文件"], row["规则"], row["处理"]) for row in rows] == [
        ("再报_2025Q4.csv", "accounting_snapshot_dropped", "提醒")
    ]
    assert "10 条" in rows[0]["问题"]


def _rows(count):
    return pl.DataFrame(
        [
            (f"={n}.csv", "+表", n, n, "-列", "@rule", "error", "＝坏", "=bad", "＠改", "+mend")
            for n in range(1, count + 1)
        ],
        schema=COLUMNS,
        orient="row",
    )


def test_a_very_long_list_is_whole_and_the_sheet_says_what_it_leaves_out(tmp_path, monkeypatch):
    monkeypatch.setattr(fixlist, "_MOST_ROWS", 50)
    paths = fixlist.write_fix_list(_rows(51), tmp_path, "x")
    assert len(paths[1].read_text("utf-8-sig").splitlines()) == 52
    assert len(json.loads(paths[2].read_text("utf-8"))) == 51
    sheet = fastexcel.read_excel(paths[0]).load_sheet(0).to_polars()
    assert sheet.height == 51
    assert "51" in sheet["问题"][0]
    assert "CSV" in sheet["问题"][0]
    paths = fixlist.write_fix_list(_rows(50), tmp_path, "x")
    assert fastexcel.read_excel(paths[0]).load_sheet(0).to_polars().height == 50


def test_nothing_on_a_list_is_run_when_it_is_opened(tmp_path):
    paths = fixlist.write_fix_list(_rows(3), tmp_path, "x")
    for row in csv.reader(paths[1].read_text("utf-8-sig").splitlines()[1:]):
        assert all(cell[0] not in "=+-@＝＋－＠" for cell in row if not cell.isdigit())
    with ZipFile(paths[0]) as book:
        assert all(b"<f>" not in book.read(name) for name in book.namelist())


def test_chinese_sentences_hold_no_english_one():
    for name, words in catalogue().items():
        if name.startswith(("intake_", "landing_", "accounting_", "arrivals_")):
            own = re.sub(r"\{[a-z_]+\}", "一", words["zh"])
            assert not ENGLISH.search(own), name
            assert re.search("[一-鿿]", own), name


def test_a_finding_is_a_row_without_line():
    (row,) = finding_list([Finding("intake_empty")], "a.csv", "error").to_dicts()
    assert (row["line_no"], row["rule_id"], row["message_zh"][:2]) == (None, "intake_empty", "文件")
