"""The sensor of the landing folder: half a copy, the whole, the same again, a correction."""

import dagster as dg
import pytest

from assets.stages.plan import Plan
from pipelines.assembly import build
from pipelines.sensors import landing_sensor

NAME = "landing/civil_affairs/welfare/990101/名单_2025Q4.csv"


@pytest.fixture
def tick(make_home):
    """Land bytes (or nothing new) and evaluate the sensor once, with the cursor of the tick before."""
    home = make_home()
    definitions = build(Plan.of_home(home), str(home))
    sensor = definitions.resolve_sensor_def("landing")
    kept = {"cursor": None}

    def run(data=None, name=NAME, *, forget=False):
        if data is not None:
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_bytes(data)
        cursor = None if forget else kept["cursor"]
        with dg.DagsterInstance.ephemeral() as instance:
            context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions)
            result = sensor(context)
        kept["cursor"] = result.cursor
        return result

    return run


def test_a_file_is_run_once_when_it_is_complete_and_again_when_it_is_corrected(tick):
    assert not tick(b"half a").run_requests
    assert not tick(b"half a file, and the other half").run_requests
    (request,) = tick().run_requests
    assert (request.partition_key, request.tags["kangheng/files"]) == ("2025Q4", NAME.removeprefix("landing/"))
    assert request.run_key.startswith("2025Q4:")
    for again in (tick(), tick(b"half a file, and the other half", NAME.replace("名单", "再次")), tick()):
        assert not again.run_requests
    tick(b"the corrected file")
    (corrected,) = tick().run_requests
    assert corrected.run_key != request.run_key


def test_a_lost_cursor_asks_with_the_same_run_key_so_that_dagster_runs_it_once(tick):
    tick(b"whole")
    (before,) = tick().run_requests
    tick(forget=True)
    (after,) = tick().run_requests
    assert after.run_key == before.run_key


def test_a_tick_that_asks_for_nothing_says_what_it_waits_for(tick):
    words = tick(b"whole").skip_reason.skip_message
    assert NAME.removeprefix("landing/") in words
    assert words.splitlines()[1].isascii() is False
    assert "looked at again" in words


def test_the_sensor_is_off_until_it_is_switched_on_and_does_nothing_without_a_home():
    sensor = landing_sensor(None)
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(sensor(dg.build_sensor_context(instance=instance)), dg.SkipReason)
