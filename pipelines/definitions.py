"""The one code location of the desk: every asset, check, job, schedule, sensor and resource of a home.

Put here: assembly only. Keep out: imports that load a data library, and any step's work.
"""

import os
from pathlib import Path

import dagster as dg

from assets.stages import archive, indicators, judgement, linkage, marts, publication, quality, staging
from assets.stages.plan import HOME_VARIABLE, HomeResource, Plan, home_from_environment
from pipelines.jobs import jobs
from pipelines.schedules import schedules
from pipelines.sensors import landing_sensor

_MODULES = (archive, staging, linkage, marts, indicators, judgement, quality, publication)


def build(plan: Plan, home: str) -> dg.Definitions:
    """All definitions for one plan; `home` is the folder the resource opens."""
    path = Path(home) if home else None
    return dg.Definitions(
        assets=[asset for module in _MODULES for asset in module.definitions(plan)],
        jobs=jobs(),
        schedules=schedules(plan, path),
        sensors=[landing_sensor(path)],
        resources={"home": HomeResource(path=home)},
        executor=dg.in_process_executor,
    )


defs = build(Plan.of_home(home_from_environment()), os.environ.get(HOME_VARIABLE, ""))
