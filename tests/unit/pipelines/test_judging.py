"""Deliveries judged from end to end: files with a planted drift fail by name, and a changed bound re-reads no file."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from stdnum.cn import ric

from assets.intake.delivery import Intake
from assets.lake import parts
from assets.stages import assembling
from assets.stages import road as steps
from assets.stages.road import Road

FEED = "health_bureau.followups_hypertension"
HEADER = "随访编号,身份证号,姓名,机构编码,随访日期,随访方式,收缩压,舒张压,随访分类,服药依从性,下次随访日期"
TABLES = ["quality__files", "quality__profiles", "quality__reconciliation", "quality__deliveries"]
KINDS = ["delivery_volume", "delivery_content", "delivery_coverage", "delivery_reconciliation"]
HOME = """
format: 1
name: {zh: 小城, en: Small town}
level: city
calendar: {grain: quarter, first: 2025Q3, last: 2025Q4}
levels: [{id: community, titles: {zh: 社区, en: Community}}]
senders: {health_bureau: {titles: {zh: 卫生局, en: Health bureau}}}
feeds: [health_bureau.followups_hypertension, health_bureau.residents]
rule_sets: [national_2017]
indicators: [chronic_hypertension_followup_pct]
"""
Row = dict[str, Any]
Change = Callable[[int, Row], Row | None]


def _usual(number: int, period_start: date) -> Row:
    """Record `number`: two institutions, five modes of visit, last digits spread evenly, every tenth value missing."""
    identity = f"11010119500101{number:03d}"
    return {
        "no": f"SF{period_start:%y%m}{number:05}",
        "id": identity + ric.calc_check_digit(identity + "0"),
        "institution": ("C1", "C2")[number % 2],
        "day": (period_start + timedelta(number % 90)).isoformat(),
        "mode": ("门诊", "家庭", "门诊", "家庭", "电话")[number % 5],
        "sbp": 120 + number * 7 % 10,
        "dbp": 70 + number * 3 % 10,
        "adherence": "" if number % 10 == 0 else "规律",
    }


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Town":
    monkeypatch.setattr(steps, "_AT_REST", 0.0)
    (tmp_path / "home.yaml").write_text(HOME, encoding="utf-8")
    return Town(tmp_path)


class Town:
    """A home with two quarters of follow-ups of 400 patients."""

    def __init__(self, home: Path) -> None:
        self.home = home
        for period, first in (
            ("2025Q2", date(2025, 4, 1)),
            ("2025Q3", date(2025, 7, 1)),
            ("2025Q4", date(2025, 10, 1)),
        ):
            self.land(period, first)

    def land(
        self,
        period: str,
        first: date,
        change: Callable[[int, Row], Row | None] = lambda _, row: row,
        name: str = "随访",
    ) -> None:
        """One file of 400 records, each as `change` leaves it; None leaves it out."""
        kept = [row for number in range(400) for row in [change(number, _usual(number, first))] if row is not None]
        lines = [
            f"{r['no']},{r['id']},,{r['institution']},{r['day']},{r['mode']},{r['sbp']},{r['dbp']},控制满意,{r['adherence']},"
            for r in kept
        ]
        path = self.home / "landing" / "health_bureau" / "followups_hypertension" / "990101" / f"{name}_{period}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")

    def plant(self, change: Change) -> None:
        """The last quarter with every record changed."""
        self.land("2025Q4", date(2025, 10, 1), change)

    def road(self) -> Road:
        road = Road.open(self.home)
        road.advance("archive", ["archive__files"], "2025Q4")
        road.advance("stg", [road.catalog.feed(FEED).table], "2025Q4")
        return road

    def judged(self, road: Road | None = None) -> pl.DataFrame:
        road = road or self.road()
        road.advance("quality", TABLES, "2025Q4")
        found = parts.read_table(road.home, "quality__deliveries", ["2025Q4"])
        assert found is not None
        return found

    def failed(self) -> list[tuple[Any, ...]]:
        rows = self.judged().filter(~pl.col("success"))
        return rows.select("expectation", "institution", "column").rows()


def test_what_is_as_before_passes_and_is_judged_in_every_way(town: Town) -> None:
    road = town.road()
    judged = town.judged(road)
    assert assembling._suspect(road, "2025Q4") == ()
    assert judged["success"].all()
    assert set(judged["expectation"]) >= {
        "delivery_present",
        "volume_against_previous",
        "months_alike",
        "counts_complete",
        "empty_share_against_previous",
        "category_shares_against_previous",
        "terminal_digits_spread",
        "single_digit_rare",
        "institution_still_delivers",
    }


def test_planted_drifts_of_content_fail_by_name_and_nothing_else_does(town: Town) -> None:
    def change(number: int, row: Row) -> Row:
        rounded = {"sbp": 130} if row["institution"] == "C2" else {"dbp": 78}
        lost = {"adherence": ""} if number % 2 else {}
        called = {"mode": "电话"} if number % 3 else {}
        unreadable = {"sbp": "一百三"} if number % 19 == 0 else {}
        return {**row, **rounded, **lost, **called, **unreadable}

    town.plant(change)
    assert set(town.failed()) == {
        ("empty_share_against_previous", "990101", "medication_adherence"),
        ("category_shares_against_previous", "990101", "visit_mode"),
        ("terminal_digits_spread", "C2", "sbp_mmhg"),
        ("single_digit_rare", "C2", "sbp_mmhg"),
        ("single_digit_rare", "C1", "dbp_mmhg"),
        # The feed as a whole shows what half of it hides.
        ("terminal_digits_spread", None, "sbp_mmhg"),
        ("single_digit_rare", None, "sbp_mmhg"),
        ("single_digit_rare", None, "dbp_mmhg"),
        ("refused_share_within_limit", "990101", None),
    }


def test_planted_drifts_of_volume_fail_by_name_and_nothing_else_does(town: Town) -> None:
    """Only one institution, and of November hardly anything."""

    def change(number: int, row: Row) -> Row | None:
        november = 31 <= number % 90 < 61
        return row if row["institution"] == "C1" and (not november or number % 16 == 0) else None

    town.plant(change)
    assert set(town.failed()) == {
        ("volume_against_previous", "990101", None),
        ("months_alike", "990101", "followup_date"),
        ("institution_still_delivers", "C2", None),
    }


def test_a_delivery_that_did_not_come_is_an_error_and_the_desk_says_whose(town: Town) -> None:
    (town.home / "landing/health_bureau/followups_hypertension/990101/随访_2025Q4.csv").unlink()
    road = town.road()
    (row,) = town.judged(road).filter(~pl.col("success")).to_dicts()
    assert (row["expectation"], row["severity"], row["against"]) == ("delivery_present", "error", "2025Q3")
    assert row["hurts"] == "chronic_hypertension_followup_pct"
    checks = {check.name: check for check in road.check("quality", TABLES, "2025Q4")}
    assert list(checks) == KINDS
    assert (checks["delivery_volume"].passed, checks["delivery_volume"].severe) == (False, True)
    chinese, english = checks["delivery_volume"].words.splitlines()
    assert ("卫生局" in chinese, "下一步" in chinese, "补报" in chinese) == (True, True, True)
    assert ("Health bureau" in english, "Next:" in english) == (True, True)
    (line,) = checks["delivery_volume"].metadata["unusual"]
    assert (line["institution"], line["since"]) == ("990101", "2025Q4")
    (warned,) = assembling._suspect(road, "2025Q4")
    assert ("高血压" in warned.zh, "Hypertension" in warned.en) == (True, True)
    # What could not be judged has not passed.
    assert [checks[name].passed for name in KINDS[1:]] == [False] * 3
    assert "不算通过" in checks["delivery_reconciliation"].words


def test_checks_pass_only_where_something_was_judged(town: Town) -> None:
    road = town.road()
    before = {check.name: check.passed for check in road.check("quality", TABLES, "2025Q4")}
    assert before == dict.fromkeys(KINDS, False)
    town.judged(road)
    after = {check.name: check.passed for check in road.check("quality", TABLES, "2025Q4")}
    assert after == {**dict.fromkeys(KINDS[:3], True), "delivery_reconciliation": False}


def test_the_same_records_sent_again_are_not_counted_twice(town: Town) -> None:
    usual = town.judged()
    town.land("2025Q4", date(2025, 10, 1), lambda _, row: {**row, "adherence": "间断"}, name="随访更正")
    judged = town.judged()
    for name in ("single_digit_rare", "institution_still_delivers", "empty_share_against_previous"):
        then, now = (frame.filter(pl.col("expectation") == name)["counted"].to_list() for frame in (usual, judged))
        assert then == now


def test_a_correction_clears_the_warning_about_what_it_replaced(town: Town) -> None:
    town.plant(lambda _, row: {**row, "sbp": 130})
    assert {column for _, _, column in town.failed()} == {"sbp_mmhg"}
    town.land("2025Q4", date(2025, 10, 1), lambda number, row: row if number else None, name="随访更正")
    judged = town.judged()
    assert judged.filter(~pl.col("success")).select("expectation", "institution", "column", "observed").rows() == []
    # Of the first file one record is left, which the correction does not have: two institutions and both, not 799.
    rare = judged.filter(pl.col("expectation") == "single_digit_rare", pl.col("column") == "sbp_mmhg")
    assert sorted(rare["counted"].to_list()) == [200, 200, 400]
    profile = parts.read_table(Road.open(town.home).home, "quality__profiles", ["2025Q4"])
    assert profile is not None
    months = profile.filter(pl.col("measure") == "month")
    assert (months["count"].sum(), profile["count"].min()) == (400, 0)


def test_a_changed_bound_is_judged_anew_without_reading_any_file(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.plant(lambda number, row: row if number < 300 else None)
    assert town.judged()["success"].all()
    profiles = {path: path.stat().st_mtime_ns for path in (town.home / "lake").rglob("*profile*/**/*.parquet")}
    staged = {path: path.stat().st_mtime_ns for path in (town.home / "lake").rglob("stg_*/**/*.parquet")}
    assert profiles
    assert staged

    def unread(*_: Any) -> None:
        raise AssertionError("a file was read again")

    monkeypatch.setattr(Intake, "_write", unread)
    settings = town.home / "settings" / "judgement.yaml"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(
        "volume_against_previous:\n  titles: {zh: 量, en: Volume}\n  formula: {zh: x, en: x}\n  severity: error\n"
        '  bounds: [{valid_from: "2017-01-01", low: "0.9", minimum: 10, reference: 本市通知}]\n',
        encoding="utf-8",
    )
    (row,) = town.judged().filter(~pl.col("success")).to_dicts()
    assert (row["expectation"], row["observed"], row["expected"]) == ("volume_against_previous", "0.75", "≥ 0.9")
    assert (row["severity"], row["source"]) == ("error", "本市通知")
    assert {path: path.stat().st_mtime_ns for path in profiles} == profiles
    assert {path: path.stat().st_mtime_ns for path in staged} == staged


def test_judging_the_same_again_computes_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.judged()

    def judged_again(*_: Any) -> None:
        raise AssertionError("judged again")

    monkeypatch.setattr("assets.compute.deliveries.judge_deliveries", judged_again)
    assert town.judged()["success"].all()
