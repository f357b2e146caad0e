"""What checks say to an operator: who sent what, which institution and file, where the fix list is, what to do next."""

import pytest

from assets.stages import road as steps
from assets.stages.handback import _base_name
from assets.stages.road import Road
from assets.stages.showing import address, shown

TABLE = "stg_civil_affairs__welfare"


@pytest.fixture
def walked(make_home, monkeypatch):
    """A home, taken in and staged; returns the checks of the archive and of the feed by name."""
    monkeypatch.setattr(steps, "_AT_REST", 0.0)
    home = make_home()

    def walk(period="2025Q4"):
        road = Road.open(home)
        road.advance("archive", ["archive__files"], period)
        road.advance("stg", [TABLE], period)
        found = [*road.check("archive", ["archive__files"], period), *road.check("stg", [TABLE], period)]
        return {check.name: check for check in found}

    walk.home = home
    return walk


@pytest.mark.parametrize(("bad", "passed"), [(1, True), (2, True), (3, False)])
def test_refused_records_name_sender_and_institution_and_lead_to_the_fix_list(walked, land, bad, passed):
    land(walked.home, "2025Q4", bad)
    found = walked()["refused_share"]
    assert (found.passed, found.blocking) == (passed, False)
    chinese, english = found.words.splitlines()
    assert "民政局" in chinese
    assert "Civil affairs" in english
    assert [("990101" in words) for words in (chinese, english)] == [not passed] * 2
    assert ("发给报送方" in chinese, "send the fix list" in english) == (not passed, not passed)
    (row,) = found.metadata["institutions"]
    assert (row["institution"], row["records"], row["refused"]) == ("990101", 40, bad)
    listed = row["fix_list"].with_suffix(".csv").read_text("utf-8-sig")
    assert len(listed.splitlines()) == 1 + bad
    assert "无此类" not in listed


def test_a_clean_delivery_has_no_fix_list_and_every_check_passes(walked, land):
    land(walked.home, "2025Q4")
    assert {name: check.passed for name, check in walked().items()} == {
        "every_feed_arrived": True,
        "files_accepted": True,
        "records_add_up": True,
        "refused_share": True,
        "whole_files": True,
    }
    assert list(walked.home.glob("fixlists/**/*.xlsx")) == []


def test_a_list_is_taken_back_when_the_file_was_corrected_under_its_name(walked, land):
    land(walked.home, "2025Q4", bad=3)
    walked()
    assert len(list(walked.home.glob("fixlists/2025Q4/civil_affairs.welfare/*.xlsx"))) == 1
    land(walked.home, "2025Q4")
    found = walked()
    assert found["refused_share"].passed
    assert "80 条" in found["records_add_up"].words
    assert [path for path in walked.home.glob("fixlists/**/*") if path.is_file()] == []


def test_a_file_that_a_note_supersedes_is_not_asked_to_be_corrected(walked, land):
    land(walked.home, "2025Q4", bad=3)
    walked()
    path = land(walked.home, "2025Q4", name="更正")
    path.with_name(f"{path.name}.note.yaml").write_text("supersedes: [名单_2025Q4.csv]\n", encoding="utf-8")
    found = walked()["refused_share"]
    assert (found.passed, found.metadata) == (True, {})


def test_each_institution_gets_a_list_of_its_own(walked, land):
    land(walked.home, "2025Q4", bad=1, institution="990101")
    land(walked.home, "2025Q4", bad=2, institution="990102")
    rows = walked()["refused_share"].metadata["institutions"]
    assert [(row["institution"], row["refused"]) for row in rows] == [("990102", 2), ("990101", 1)]
    assert len({row["fix_list"] for row in rows}) == 2


def test_a_list_that_somebody_threw_away_is_written_again(walked, land):
    land(walked.home, "2025Q4", bad=3)
    (row,) = walked()["refused_share"].metadata["institutions"]
    row["fix_list"].unlink()
    walked()
    assert row["fix_list"].is_file()


def test_what_has_not_arrived_is_named_with_sender_and_date(walked, land):
    land(walked.home, "2025Q3")
    missing = walked()["every_feed_arrived"]
    assert not missing.passed
    assert "民政局“" in missing.words
    assert "Civil affairs, " in missing.words
    assert missing.words.count("2026-01-20") == 2
    land(walked.home, "2025Q4")
    assert walked()["every_feed_arrived"].passed


def test_a_refused_file_is_named_with_sender_and_reason(walked, land):
    land(walked.home, "2025Q4")
    path = land(walked.home, "2031Q4", name="未来")
    found = walked()["files_accepted"]
    assert not found.passed
    assert "民政局" in found.words
    (row,) = found.metadata["files"]
    assert row["file"] == path.relative_to(walked.home / "landing").as_posix()
    assert "2031Q4" in row["reason_zh"]
    assert "2031Q4" in row["reason_en"]


def test_a_file_refused_as_a_whole_is_named_and_stands_on_its_fix_list(walked, land):
    land(walked.home, "2025Q4")
    land(walked.home, "2025Q4", institution="990102").write_text("甲,乙\n1,2\n", encoding="utf-8")
    found = walked()["whole_files"]
    assert not found.passed
    assert "名单_2025Q4.csv" in found.words
    (row,) = found.metadata["files"]
    assert row["institution"] == "990102"
    assert row["fix_list"].is_file()


@pytest.mark.parametrize("institution", ["../../vault", "a/b", "x" * 300, "机构 一"])
def test_whatever_a_note_calls_the_institution_a_list_stays_in_its_folder(institution):
    name = _base_name("s.f", institution)
    assert "/" not in name
    assert len(name.encode()) < 200
    assert name != _base_name("s.f", f"{institution}.")


def test_links_and_tables_show_names_of_files_as_they_are(tmp_path):
    path = tmp_path / "fixlists" / "2025Q4" / "s.f" / "清单 1.xlsx"
    assert address(path, tmp_path) == "/home/fixlists/2025Q4/s.f/清单%201.xlsx"
    rows = [{"file": "a|b](javascript:x) <i>\n.csv", "fix_list": path}]
    (value,) = shown({"files": rows}, tmp_path).values()
    head, _, row = value.value.splitlines()
    assert head == "| 文件 file | 整改清单 fix list |"
    assert row.count("](") == 1
    assert "<i>" not in row


@pytest.mark.parametrize("folder", ["vault", "lake", "landing", "settings"])
def test_nothing_that_stays_in_the_home_has_an_address(tmp_path, folder):
    with pytest.raises(StopIteration):
        address(tmp_path / folder / "x", tmp_path)
