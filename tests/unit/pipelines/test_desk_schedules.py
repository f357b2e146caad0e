"""When the desk runs by itself: in the time zone of the home, for the right period, closing each period once."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from assets.stages.plan import Plan
from data_contracts.closed import Bilingual
from data_contracts.periods import periods_between
from data_contracts.settings.home import Sender
from pipelines import schedules
from pipelines.assembly import build
from pipelines.schedules import CLOSES, last_due, last_ended

TITLES = Bilingual(zh="某方", en="Somebody")
SENDERS = {"early": Sender(titles=TITLES, deadline_days=10), "late": Sender(titles=TITLES, deadline_days=25)}
CALENDARS = {
    "month": periods_between("2025-10", "2026-03"),
    "quarter": periods_between("2025Q1", "2026Q1"),
    "year": periods_between("2024", "2026"),
}


@pytest.mark.parametrize(
    ("grain", "day", "key"),
    [
        ("month", date(2025, 10, 31), None),
        ("month", date(2025, 11, 1), "2025-10"),
        ("month", date(2025, 11, 2), "2025-10"),
        ("quarter", date(2025, 12, 31), "2025Q3"),
        ("quarter", date(2026, 1, 1), "2025Q4"),
        ("quarter", date(2030, 1, 1), "2026Q1"),
        ("year", date(2025, 12, 31), "2024"),
        ("year", date(2026, 1, 1), "2025"),
    ],
)
def test_the_morning_takes_the_last_period_that_has_ended(grain, day, key):
    period = last_ended(CALENDARS[grain], day)
    assert (period.key if period else None) == key


@pytest.mark.parametrize(
    ("grain", "day", "key"),
    [
        ("month", date(2025, 11, 25), None),
        ("month", date(2025, 11, 26), "2025-10"),
        ("month", date(2025, 12, 25), "2025-10"),
        ("month", date(2025, 12, 26), "2025-11"),
        ("quarter", date(2026, 1, 25), "2025Q3"),
        ("quarter", date(2026, 1, 26), "2025Q4"),
        ("year", date(2026, 1, 25), "2024"),
        ("year", date(2026, 1, 26), "2025"),
    ],
)
def test_a_period_closes_on_the_day_after_the_last_deadline(grain, day, key):
    period = last_due(CALENDARS[grain], SENDERS, day)
    assert (period.key if period else None) == key


def test_without_senders_a_period_closes_on_the_day_after_its_end():
    assert last_due(CALENDARS["quarter"], {}, date(2026, 1, 1)) == CALENDARS["quarter"][3]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Urumqi"])
def test_schedules_keep_the_time_zone_of_the_home_and_are_off(make_home, zone):
    home = make_home(zone=zone)
    found = {item.name: item for item in build(Plan.of_home(home), str(home)).schedules}
    assert {name: (item.cron_schedule, item.execution_timezone) for name, item in found.items()} == {
        "morning": ("30 7 * * *", zone),
        "closing": ("0 8 * * *", zone),
    }
    assert {item.default_status for item in found.values()} == {dg.DefaultScheduleStatus.STOPPED}
    assert all(zone in item.description for item in found.values())


@pytest.fixture
def evaluate(make_home):
    home = make_home()
    definitions = build(Plan.of_home(home), str(home))

    def run(name, moment, instance=None):
        context = dg.build_schedule_context(scheduled_execution_time=moment, instance=instance)
        return definitions.resolve_schedule_def(name)(context)

    return run


def test_the_morning_in_shanghai_is_still_the_evening_before_elsewhere(evaluate, monkeypatch):
    monkeypatch.setattr(schedules, "_nothing_new", lambda *_: None)
    new_year = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    assert evaluate("morning", new_year).partition_key == "2025Q4"
    day_before = datetime(2025, 12, 30, 23, 30, tzinfo=UTC)
    assert evaluate("morning", day_before).partition_key == "2025Q3"


def test_a_morning_with_nothing_new_runs_nothing_and_says_which_release_stands(evaluate, monkeypatch):
    monkeypatch.setattr(schedules, "_nothing_new", lambda _, period: f"{period}-r7")
    skipped = evaluate("morning", datetime(2026, 1, 5, 23, 30, tzinfo=UTC))
    assert isinstance(skipped, dg.SkipReason)
    assert "2025Q4-r7" in skipped.skip_message


def test_a_morning_before_any_period_has_ended_runs_nothing(evaluate):
    assert isinstance(evaluate("morning", datetime(2025, 8, 1, 23, 30, tzinfo=UTC)), dg.SkipReason)


@pytest.fixture
def instance(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as opened:
        yield opened


def test_closing_runs_the_period_whose_last_deadline_has_passed(evaluate, instance):
    request = evaluate("closing", datetime(2026, 1, 21, 0, 0, tzinfo=UTC), instance)
    assert (request.partition_key, request.tags[CLOSES]) == ("2025Q4", "2025Q4")
    before = evaluate("closing", datetime(2026, 1, 20, 0, 0, tzinfo=UTC), instance)
    assert before.partition_key == "2025Q3"


@pytest.mark.parametrize(
    ("status", "runs_again"),
    [
        (dg.DagsterRunStatus.SUCCESS, False),
        (dg.DagsterRunStatus.STARTED, False),
        (dg.DagsterRunStatus.FAILURE, True),
        (dg.DagsterRunStatus.CANCELED, True),
    ],
)
def test_a_period_is_closed_once_and_again_only_after_a_failure(evaluate, instance, status, runs_again):
    instance.add_run(dg.DagsterRun("road", tags={CLOSES: "2025Q4"}, status=status))
    found = evaluate("closing", datetime(2026, 1, 22, 0, 0, tzinfo=UTC), instance)
    assert isinstance(found, dg.RunRequest) is runs_again
