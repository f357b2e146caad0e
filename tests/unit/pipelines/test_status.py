"""What `kangheng status` tells an operator: every file and feed in its state, and what to do about each."""

import json
from datetime import date
from pathlib import Path

import pytest

from assets.lake.atomic import write_json
from assets.release.publish import ReleaseContent, publish
from assets.stages import road as steps
from assets.stages.road import Road
from data_contracts.tables import output_tables
from pipelines.approving import put_in_force, take_back
from pipelines.run import RunResult
from pipelines.status import Status, status_of

# Those that every verification looks into.
VERIFIED = ("ind__values", "alloc__lines", "alloc__payees", "quality__files", "risk__areas")
TABLE = "stg_civil_affairs__welfare"
# The deadline of the sender is 20 days after the end of 2025Q4.
DUE, BEFORE, AFTER = date(2026, 1, 20), date(2026, 1, 20), date(2026, 1, 21)


@pytest.fixture
def home(make_home, monkeypatch):
    monkeypatch.setattr(steps, "_AT_REST", 0.0)
    return make_home()


def take_in(home, period="2025Q4", *, read=True) -> None:
    road = Road.open(home)
    road.advance("archive", ["archive__files"], period)
    if read:
        road.advance("stg", [TABLE], period)


def feed_of(status: Status):
    (feed,) = next(sender.feeds for sender in status.senders if sender.sender == "civil_affairs")
    return feed


def said(status: Status, language: str = "zh") -> str:
    """The report as text; the JSON can be written and every next step stands at the end, numbered."""
    json.dumps(status.as_dict(), ensure_ascii=False)
    lines = status.lines(language)
    assert [line.split(". ", 1)[1] for line in lines[-len(status.next_steps) :]] == [
        step[language] for step in status.next_steps
    ]
    return "\n".join(lines)


@pytest.mark.parametrize(("today", "state"), [(BEFORE, "not_due"), (AFTER, "late")])
def test_what_has_not_come_is_not_due_until_the_deadline_and_late_after(home, today, state):
    status = status_of(home, "2025Q4", today)
    assert (feed_of(status).state, feed_of(status).due) == (state, DUE.isoformat())
    assert status.release is None
    (step,) = status.next_steps
    assert ("催报" in step["zh"], "等待" in step["zh"]) == (state == "late", state == "not_due")
    assert "社会救助名单" in said(status)


def test_a_sender_that_home_yaml_does_not_list_is_read_and_pointed_out(home, land):
    land(home, "2025Q4")
    settings = home / "home.yaml"
    said = [line for line in status_of(home, "2025Q4").lines("zh") if "senders" in line]
    assert said == []
    lines = settings.read_text("utf-8").splitlines()
    settings.write_text("\n".join(line for line in lines if not line.startswith("  civil_affairs:")), "utf-8")
    found = status_of(home, "2025Q4")
    (sender,) = [item for item in found.senders if item.sender == "civil_affairs"]
    assert (sender.listed, sender.due, sender.titles["zh"]) == (False, "2025-12-31", "civil_affairs")
    assert next(item.name for item in found.waiting).startswith("civil_affairs/welfare")
    for language, words in (
        ("zh", "home.yaml 的 senders 没有写 civil_affairs"),
        ("en", "names no civil_affairs under senders"),
    ):
        assert any(words in line for line in found.lines(language))


def test_a_landed_file_waits_and_is_not_called_missing_before_the_first_run(home, land):
    path = land(home, "2025Q4")
    status = status_of(home, "2025Q4", AFTER)
    assert feed_of(status).state == "waiting"
    (file,) = status.waiting
    assert (file.name, file.period, file.problem) == (path.relative_to(home / "landing").as_posix(), "2025Q4", None)
    assert status.next_steps[0]["en"].endswith(f"kangheng run --home {home} --period 2025Q4")
    assert "催报" not in said(status)
    assert path.name in said(status, "en")


def test_a_waiting_file_that_cannot_be_taken_says_why(home, land):
    land(home, "2031Q4")
    status = status_of(home, "2025Q4", AFTER)
    (file,) = status.waiting
    assert file.period is None
    assert "2031Q4" in file.problem["zh"]
    assert feed_of(status).state == "late"
    said(status)


def test_a_file_taken_in_and_not_read_is_neither_here_nor_missing(home, land):
    land(home, "2025Q4")
    take_in(home, read=False)
    status = status_of(home, "2025Q4", AFTER)
    assert (feed_of(status).state, feed_of(status).records, status.waiting) == ("unread", None, [])
    assert "kangheng run" in status.next_steps[0]["zh"]
    said(status)


def test_refused_records_lead_to_the_fix_list_of_their_institution(home, land):
    land(home, "2025Q4", bad=3, institution="990101")
    land(home, "2025Q4", institution="990102")
    take_in(home)
    status = status_of(home, "2025Q4", AFTER)
    feed = feed_of(status)
    # Both report the same keys, so one of each two counts.
    assert (feed.state, feed.files, feed.records, feed.replaced, feed.refused_records) == ("arrived", 2, 40, 37, 3)
    assert "2 个文件，有效记录 40 条（另有 37 条被更正或重复，不计），拒 3 条" in said(status)
    first, second = feed.institutions
    assert (first.institution, first.refused_records, second.refused_records) == ("990101", 3, 0)
    assert first.fix_list in said(status)
    # What only warns is on the list of the other, and nobody is asked to send that back.
    assert str(second.fix_list) not in said(status)
    assert any("990101" in step["zh"] and "整改清单" in step["zh"] for step in status.next_steps)


def test_a_file_refused_as_a_whole_is_told_with_its_reason(home, land):
    land(home, "2025Q4").write_text("甲,乙\n1,2\n", encoding="utf-8")
    take_in(home)
    status = status_of(home, "2025Q4", AFTER)
    (institution,) = feed_of(status).institutions
    assert (feed_of(status).state, institution.state) == ("refused", "refused")
    assert institution.reasons[0]["zh"] in said(status)
    assert institution.fix_list in said(status, "en")


def test_each_file_refused_as_a_whole_is_named_with_its_own_reason(home, land):
    land(home, "2025Q4")
    wrong = [land(home, "2025Q4", name=name) for name in ("甲", "乙")]
    for times, path in enumerate(wrong, 1):
        path.write_text("甲,乙\n" + "1,2\n" * times, encoding="utf-8")
    take_in(home)
    land(home, "2031Q4")
    take_in(home)
    status = status_of(home, "2025Q4", AFTER)
    (institution,) = feed_of(status).institutions
    assert sorted(reason["zh"].split("：")[0] for reason in institution.reasons) == sorted(path.name for path in wrong)
    # The line of the feed and the list count alike: two came to nothing here, one was not taken at all.
    assert "3 个文件（其中 2 个整份退回）" in said(status)
    assert "拒收 3 个文件，其中 2 个的原因已列在所属数据类下：" in said(status)
    assert "Refused (3, 2 of them told above):" in said(status, "en")


def test_a_file_refused_by_name_is_listed_with_its_reason_and_a_next_step(home, land):
    land(home, "2031Q4")
    take_in(home)
    status = status_of(home, "2025Q4", AFTER)
    (item,) = status.refused
    assert "2031Q4" in item.reason["en"]
    assert status.waiting == []
    assert any("改正" in step["zh"] for step in status.next_steps)
    said(status)


def test_an_institution_that_delivered_before_and_not_now_is_missed(home, land):
    for institution in ("990101", "990102"):
        land(home, "2025Q3", institution=institution)
    land(home, "2025Q4", institution="990101")
    take_in(home)
    status = status_of(home, "2025Q4", AFTER)
    assert [item.state for item in feed_of(status).institutions] == ["arrived", "missing"]
    assert any("990102" in step["zh"] for step in status.next_steps)
    said(status)


def test_without_a_period_the_last_one_that_has_ended_is_shown(home):
    assert status_of(home, None, date(2025, 12, 31)).period == "2025Q3"
    assert status_of(home, None, date(2026, 1, 1)).period == "2025Q4"
    assert status_of(home, None, date(2025, 1, 1)).period == "2025Q3"


def test_where_everything_is_here_there_is_nothing_to_do_but_the_run(home, land):
    land(home, "2025Q4")
    take_in(home)
    status = status_of(home, "2025Q4", AFTER)
    assert [step["zh"].split("：")[0] for step in status.next_steps] == ["接收并计算"]


def test_a_release_that_waits_for_its_approval_asks_for_that_and_not_for_another_run(home, land):
    land(home, "2025Q4")
    take_in(home)
    road = Road.open(home)
    remember(road, publish(road.home, empty("two", approved=False), lambda _: None)[0])
    status = status_of(home, "2025Q4", BEFORE)
    assert status.candidate == "2025Q4-r1"
    assert f"kangheng approve {home}/releases/2025Q4-r1" in said(status)
    assert "kangheng run" not in said(status)
    # What lands afterwards makes it old.
    land(home, "2025Q4", name="补报", institution="990102")
    assert status_of(home, "2025Q4", BEFORE).candidate is None
    assert "kangheng run" in said(status_of(home, "2025Q4", BEFORE))


def test_a_withdrawn_release_is_called_so_until_the_next_one_is_put_in_force(home, land):
    land(home, "2025Q4")
    take_in(home)
    road = Road.open(home)
    made = publish(road.home, empty(approval="none", approved=True), lambda _: None)[0]
    remember(road, made)
    assert status_of(home, "2025Q4", BEFORE).withdrawn is None
    decided = take_back(made, "数据有误", None, None)
    for language, words in (("zh", "没有现行发布"), ("en", "Nothing is in force")):
        assert words in decided.lines(language)[-1]
        assert "kangheng run" in decided.lines(language)[-1]
    status = status_of(home, "2025Q4", BEFORE)
    assert (status.release, status.withdrawn, status.candidate) == (None, made.name, None)
    assert f"{made.name} 已撤回" in said(status)
    assert f"{made.name} was withdrawn" in said(status, "en")
    assert "尚无发布" not in said(status)
    assert "kangheng run" in said(status)
    # The run makes the same content again; here nobody has to approve it, but somebody has to publish it.
    again = publish(road.home, empty(approval="none", approved=True), lambda _: None)[0]
    remember(road, again)
    status = status_of(home, "2025Q4", BEFORE)
    assert (status.release, status.withdrawn, status.candidate) == (None, made.name, again.name)
    assert f"kangheng publish {again}" in said(status)
    assert "kangheng approve" not in said(status)
    put_in_force(again)
    status = status_of(home, "2025Q4", BEFORE)
    assert (status.release, status.withdrawn, status.candidate) == (again.name, None, None)


def test_a_run_after_a_withdrawal_says_what_it_made_and_that_it_is_not_in_force():
    counts = {"files": 1, "records": 1, "quarantined": 0, "unreadable": 0}
    run = RunResult(Path("2025Q4-r2"), True, counts, withdrawn="2025Q4-r1")
    for language, words in (("zh", "2025Q4-r1 已撤回；2025Q4-r2"), ("en", "2025Q4-r1 was withdrawn; 2025Q4-r2")):
        assert any(line.startswith(words) for line in run.lines(language))
    assert run.as_dict()["withdrawn"] == "2025Q4-r1"


def empty(approval, *, approved):
    tables = {name: output_tables()[name].empty() for name in VERIFIED}
    settings = {"home": {"approval": approval, "levels": [{"id": "community"}]}, "indicators": {},
                "budget_of_period": None}  # fmt: skip
    return ReleaseContent("2025Q4", tables, lambda _: None, [], settings, {}, approved=approved)


def remember(road, made):
    """The mark that the run leaves of what it made."""
    write_json(road.home.lake / "_runs/2025Q4.json", {"state": road.state("2025Q4"), "release": made.name})
