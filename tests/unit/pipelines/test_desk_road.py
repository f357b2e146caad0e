"""The road as the desk runs it: a run, a backfill, a re-run from a stage, and the command line beside it."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import dagster as dg
import polars as pl
import pytest

from assets.lake import parts
from assets.stages.plan import Plan
from assets.stages.road import Road
from assets.stages.showing import HOME_FOLDERS
from pipelines.assembly import build
from pipelines.desk import PROCESS, close_abandoned_runs, instance_folder
from pipelines.run import run_period

TABLES = ["stg_civil_affairs__welfare", "mart__civil_affairs__welfare"]


@pytest.fixture
def desk(make_home):
    """A home and the instance it shares with its desk."""
    home = make_home()
    with dg.DagsterInstance.from_config(str(instance_folder(home))) as instance:
        yield home, instance


def _run(desk, job, period):
    home, instance = desk
    definitions = build(Plan.of_home(home), str(home))
    result = definitions.resolve_job_def(job).execute_in_process(instance=instance, partition_key=period)
    assert result.success
    return result


def _noted(result, table):
    """What the run noted beside a table."""
    (found,) = [
        event.step_materialization_data.materialization.metadata
        for event in result.all_events
        if event.is_step_materialization and event.asset_key.to_user_string() == table
    ]
    return found


def _computed(result, tables):
    return [_noted(result, table)["本次计算 computed"].value for table in tables]


def _served(home: Path, address: str) -> Path:
    """The file behind an address of the desk."""
    place, folder = next((p, f) for p, f in HOME_FOLDERS.items() if address.startswith(f"{p}/"))
    return home / folder / unquote(address.removeprefix(f"{place}/"))


@pytest.mark.slow
def test_every_period_is_computed_once_whoever_asks_and_however_often(desk, land):
    home, instance = desk
    for period in ("2025Q3", "2025Q4"):
        land(home, period)
    last = _run(desk, "road", "2025Q4")
    assert _computed(last, TABLES) == ["2025Q3, 2025Q4"] * 2
    assert instance.get_run_by_id(last.run_id).tags["kangheng/release"] == "2025Q4-r1"
    page = _noted(last, "pub__release")["页面 page"].url
    assert _served(home, page).is_file()
    assert not run_period(home, "2025Q4").new
    earlier = _run(desk, "road", "2025Q3")
    assert _computed(earlier, TABLES) == ["—"] * 2
    again = _run(desk, "from_mart", "2025Q4")
    assert _computed(again, TABLES[1:]) == ["—"]
    assert sorted(path.name for path in (home / "releases").glob("2025*")) == ["2025Q3-r1", "2025Q4-r1"]


@pytest.mark.slow
def test_a_run_from_the_command_line_stands_at_the_desk(desk, land):
    home, instance = desk
    land(home, "2025Q4")
    assert run_period(home, "2025Q4").new
    (run,) = instance.get_runs()
    shown = {key: value for key, value in run.tags.items() if key.startswith(("kangheng/", "dagster/partition"))}
    assert shown == {
        "kangheng/started_by": "command line",
        "kangheng/release": "2025Q4-r1",
        "dagster/partition": "2025Q4",
        "dagster/partition_set": "road_partition_set",
    }
    assert not run_period(home, "2025Q4").new
    assert len(instance.get_runs()) == 1


def _dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("desk_opens", [False, True])
def test_runs_whose_process_is_gone_do_not_hold_up_the_queue(desk, desk_opens):
    _, instance = desk
    busy = {"status": dg.DagsterRunStatus.STARTED}
    alive = dg.DagsterRun("road", tags={PROCESS: str(os.getpid())}, **busy)
    dead = dg.DagsterRun("road", tags={PROCESS: str(_dead_process())}, **busy)
    of_the_desk = dg.DagsterRun("road", **busy)
    over = dg.DagsterRun("road", tags={PROCESS: str(_dead_process())}, status=dg.DagsterRunStatus.SUCCESS)
    runs = [alive, dead, of_the_desk, over]
    for run in runs:
        instance.add_run(run)
    close_abandoned_runs(instance, desk_opens=desk_opens)
    failed = [run for run in runs if instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE]
    assert failed == ([dead, of_the_desk] if desk_opens else [dead])


def test_what_a_delivery_hurts_follows_the_indicators_that_are_asked_for(make_home, land):
    home = make_home()
    land(home, "2025Q4")

    def hurt():
        road = Road.open(home)
        for stage, table in (("archive", "archive__ledger"), ("stg", TABLES[0])):
            road.advance(stage, [table], "2025Q4")
        road.advance("quality", ["quality__files", "quality__profiles", "quality__deliveries"], "2025Q4")
        judged = parts.read_table(road.home, "quality__deliveries", ["2025Q4"])
        return set(judged.filter(pl.col("column").is_null())["hurts"])

    assert hurt() == {""}
    stated = (home / "home.yaml").read_text(encoding="utf-8")
    asked = stated.replace("indicators: []", "indicators: [cross_department_linkage_pct]")
    (home / "home.yaml").write_text(asked, encoding="utf-8")
    assert hurt() == {"cross_department_linkage_pct"}
