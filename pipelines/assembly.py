"""Every asset, check, job, schedule, sensor and resource of a home put together.

Put here: assembly only. Keep out: imports that load a data library, any step's work, and which home (definitions.py).
"""

from pathlib import Path

import dagster as dg

from assets.stages import archive, indicators, judgement, linkage, marts, publication, quality, staging
from assets.stages.plan import HomeResource, Plan
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
