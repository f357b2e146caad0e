"""A late file for a period that is published: run and status of any period name it, and running it again tells."""

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from assets.lake.atomic import write_json
from assets.release.publish import point
from assets.stages import road as steps
from assets.stages.road import Road
from pipelines.cli import app
from pipelines.restating import stale_releases
from pipelines.run import run_period
from pipelines.status import status_of

TODAY = date(2026, 1, 5)


def test_only_files_that_a_release_was_made_without_make_it_stale(make_home, land, monkeypatch):
    monkeypatch.setattr(steps, "_AT_REST", 0.0)
    home = make_home()
    land(home, "2025Q3")
    road = Road.open(home)
    for period in ("2025Q3", "2025Q4"):
        road.advance("archive", ["archive__files"], period)
        (road.home.releases / f"{period}-r1").mkdir()
        point(road.home, period, road.home.releases / f"{period}-r1")
        write_json(road.home.lake / "_runs" / f"{period}.json", {**road.started[period], "release": f"{period}-r1"})
    land(home, "2025Q4")
    road.register()
    # What comes for a later period changes no earlier one.
    assert [item.period for item in stale_releases(road, "2025Q1")] == ["2025Q4"]
    late = land(home, "2025Q3", name="补报", institution="990102")
    road.register()
    found = {item.period: [file["name"].rpartition("/")[2] for file in item.files] for item in stale_releases(road, "")}
    assert found == {"2025Q3": [late.name], "2025Q4": ["名单_2025Q4.csv", late.name]}
    (told,) = status_of(home, "2025Q4", TODAY).stale
    assert told.period == "2025Q3"
    # A mark of another release than the one in force says nothing.
    point(road.home, "2025Q3", None)
    assert [item.period for item in stale_releases(road, "")] == ["2025Q4"]


@pytest.mark.slow
def test_a_late_file_for_a_published_period_is_named_until_that_is_released_again(make_home, land, monkeypatch):
    monkeypatch.setattr(steps, "_AT_REST", 0.0)
    home = make_home()
    land(home, "2025Q3")
    land(home, "2025Q4")
    assert [item.name for item in (run_period(home, "2025Q3").release, run_period(home, "2025Q4").release)] == [
        "2025Q3-r1",
        "2025Q4-r1",
    ]
    assert status_of(home, "2025Q4", TODAY).stale == []
    late = land(home, "2025Q3", name="补报", institution="990102")
    result = run_period(home, "2025Q4")
    status = status_of(home, "2025Q4", TODAY)
    for told in (result, status):
        ((stale,), said) = told.stale, "\n".join(told.lines("zh"))
        assert (stale.period, stale.release) == ("2025Q3", "2025Q3-r1")
        assert [file["name"] for file in stale.files] == [late.relative_to(home / "landing").as_posix()]
        assert f"civil_affairs.welfare {late.name} (2025Q3)" in said
        assert f"kangheng run --home {home} --period 2025Q3" in said
        assert any("2025Q3-r1" in step["en"] for step in told.next_steps)
    # The command that releases every period brings it up to date too.
    done = CliRunner().invoke(app, ["run", "--home", str(home), "--all", "--period", "2025Q4", "--json"])
    (earlier,) = json.loads(done.stdout)["earlier"]
    assert earlier["release"].endswith("2025Q3-r2")
    assert status_of(home, "2025Q4", TODAY).stale == []
    # A corrected note is such a change, and seen from an earlier period a later one is stale as well.
    late.with_name(f"{late.name}.note.yaml").write_text("sequence: 2\n", encoding="utf-8")
    assert [item.period for item in run_period(home, "2025Q3").stale] == ["2025Q4"]
