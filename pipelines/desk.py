"""The desk of a home: its Dagster instance, which the page and runs from the command line share, and opening the page.

Put here: the instance folder, who may use it, runs left behind by processes that are gone. Keep out: definitions, steps
and serving (desk_page.py).
"""

import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data_contracts.messages import both, wrong

# One run at a time: every run of a home takes the same lock, so a second one would only wait.
_INSTANCE = """telemetry:
  enabled: false
nux:
  enabled: false
python_logs:
  python_log_level: WARNING
concurrency:
  runs:
    max_concurrent_runs: 1
retention:
  sensor:
    purge_after_days: {skipped: 2, started: 90, success: 90, failure: 90}
"""
# Dagster shows no tag of this prefix.
PROCESS = ".dagster/kangheng_process"


def instance_folder(home: Path) -> Path:
    """The Dagster folder of a home, with its configuration in place."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "dagster.yaml"
    if not configuration.is_file():
        configuration.write_text(_INSTANCE, encoding="utf-8")
    return folder


def open_desk(home: Path, port: int) -> None:
    """Serve the desk of `home` on 127.0.0.1:`port` until it is stopped."""
    if not (home / "home.yaml").is_file():
        raise wrong("wrong_no_home", path=home)
    home = home.resolve()
    folder = instance_folder(home)
    os.environ |= {
        "KANGHENG_HOME": str(home),
        "DAGSTER_HOME": str(folder),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        # The first look at a full landing folder hashes all of it.
        "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS": "900",
    }
    with _only_desk(folder, home):
        _needs_free(port)
        from pipelines.desk_page import serve

        serve(home, port)


@contextmanager
def _only_desk(folder: Path, home: Path) -> Iterator[None]:
    """Two desks on one home would start everything twice."""
    with (folder / "desk.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise wrong("desk_open_already", home=home) from None
        yield


def _needs_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise wrong("desk_port_taken", port=port) from None


def close_abandoned_runs(instance: Any, *, desk_opens: bool) -> None:
    """Mark runs as failed whose process is gone: they would look busy for ever and hold up the queue.

    Runs from the command line name their process. Runs that the desk started can only be alive while it is open.
    """
    import dagster as dg

    busy = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for run in instance.get_runs(dg.RunsFilter(statuses=busy)):
        if not _alive(run.tags) if PROCESS in run.tags else desk_opens:
            instance.report_run_failed(run, "\n".join(both("desk_orphan").values()))


def _alive(tags: Mapping[str, str]) -> bool:
    try:
        os.kill(int(tags[PROCESS]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
