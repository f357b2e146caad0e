"""The desk: Dagster's page for one home, on loopback, and the instance it shares with runs from the command line.

Put here: the instance folder and starting the page. Keep out: definitions and steps.
"""

import os
import subprocess
import sys
from pathlib import Path

from data_contracts.closed import DefinitionError

_INSTANCE = """telemetry:
  enabled: false
nux:
  enabled: false
python_logs:
  python_log_level: WARNING
"""


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
        raise DefinitionError(f"{home}: no home.yaml here; 'kangheng init' or 'kangheng demo' makes a home")
    environment = {
        **os.environ,
        "KANGHENG_HOME": str(home.resolve()),
        "DAGSTER_HOME": str(instance_folder(home).resolve()),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    command = [
        sys.executable,
        "-m",
        "dagster",
        "dev",
        "-m",
        "pipelines.definitions",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    subprocess.run(command, env=environment, check=False)  # noqa: S603  (fixed command, no shell)
