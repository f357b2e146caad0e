"""What an operator is told of corrections without effect, notes without a file, and files that were taken away."""

import csv
from datetime import date

import pytest

from assets.stages import road as steps
from assets.stages.road import Road
from pipelines.status import status_of

TABLE = "stg_civil_affairs__welfare"
TODAY = date(2026, 1, 5)


@pytest.fixture
def home(make_home, monkeypatch):
    monkeypatch.setattr(steps, "_AT_REST", 0.0)
    return make_home()


def run(home):
    road = Road.open(home)
    road.advance("archive", ["archive__files"], "2025Q4")
    road.advance("stg", [TABLE], "2025Q4")
    return road


def listed(home, folder="2025Q4"):
    found = sorted((home / "fixlists" / folder).rglob("*.csv"))
    rows = [row for path in found for row in csv.DictReader(path.read_text("utf-8-sig").splitlines())]
    return [(row["文件"], row["规则"]) for row in rows]


def note(path, text):
    path.with_name(f"{path.name}.note.yaml").write_text(text, encoding="utf-8")


# 40 records; 2 of them are the limit of 5 %.
@pytest.mark.parametrize(("bad", "heard"), [(2, True), (3, False)])
def test_a_correction_without_effect_is_told_with_a_next_step(home, land, bad, heard):
    land(home, "2025Q4")
    again = land(home, "2025Q4", bad=bad, name="更正")
    note(again, "sequence: 2\nsupersedes: [名单_2025Q4.csv]\n")
    run(home)
    status = status_of(home, "2025Q4", TODAY)
    words = "\n".join(status.lines("zh"))
    assert ("替代不生效" in words) == (not heard)
    assert any("没有生效的更正" in step["zh"] for step in status.next_steps) == (not heard)
    assert ((again.name, "accounting_withdrawal_unsound") in listed(home)) == (not heard)
    assert "did not take effect" in "\n".join(status.lines("en")) or heard


def test_faults_of_a_file_sent_again_in_part_stay_on_the_list_and_in_the_counts(home, land):
    path = land(home, "2025Q4", bad=3)
    run(home)
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([lines[0], lines[4], ""]), encoding="utf-8")
    run(home)
    status = status_of(home, "2025Q4", TODAY)
    assert [row for row in listed(home) if row[1] == "code_category"] == [(f"{path.name} #1", "code_category")] * 3
    (feed,) = next(sender.feeds for sender in status.senders if sender.sender == "civil_affairs")
    assert (feed.records, feed.replaced, feed.refused_records) == (37, 1, 3)
    assert "整份重报" in "\n".join(status.lines("zh"))


def test_a_note_without_its_file_waits_is_refused_and_ends_with_the_file(home, land):
    path = land(home, "2025Q4")
    content = path.read_bytes()
    path.unlink()
    note(path, "rows: 40\n")
    name = f"{path.relative_to(home / 'landing').as_posix()}.note.yaml"
    (waiting,) = status_of(home, "2025Q4", TODAY).waiting
    assert (waiting.name, path.name in waiting.problem["zh"]) == (name, True)
    run(home)
    status = status_of(home, "2025Q4", TODAY)
    assert (status.waiting, [item.name for item in status.refused]) == ([], [name])
    assert listed(home, "not_taken") == [(name, "landing_note_alone")]
    path.write_bytes(content)
    assert status_of(home, "2025Q4", TODAY).refused == []
    run(home)
    assert (status_of(home, "2025Q4", TODAY).refused, listed(home, "not_taken")) == ([], [])


def test_a_refused_file_that_is_replaced_is_told_as_what_lies_there_now(home, land):
    path = land(home, "2031Q4", name="名单")
    run(home)
    assert [item.name.endswith(path.name) for item in status_of(home, "2025Q4", TODAY).refused] == [True]
    note(path, "period: 2025Q4\n")
    status = status_of(home, "2025Q4", TODAY)
    assert (status.refused, [file.period for file in status.waiting]) == ([], ["2025Q4"])
    note(path, "perido: 2025Q4\n")
    status = status_of(home, "2025Q4", TODAY)
    assert (status.refused, [file.period for file in status.waiting]) == ([], [None])


def test_a_file_refused_as_a_whole_and_taken_away_is_as_if_it_had_not_come(home, land):
    path = land(home, "2025Q4")
    path.write_text("甲,乙\n1,2\n", encoding="utf-8")
    road = run(home)
    (feed,) = next(sender.feeds for sender in status_of(home, "2025Q4", TODAY).senders if sender.feeds)
    assert feed.state == "refused"
    path.unlink()
    status = status_of(home, "2025Q4", TODAY)
    (feed,) = next(sender.feeds for sender in status.senders if sender.feeds)
    assert (feed.state, feed.files, feed.institutions) == ("not_due", 0, [])
    assert listed(home) == []
    (kept,) = road.intake.staged("civil_affairs.welfare", "2025Q4")
    assert kept.refused is not None, "the ledger and the accounting know it all the same"
