"""The one code location of the desk: every asset, check, job and resource of a home.

Put here: assembly only. Keep out: imports that load a data library, and any step's work.
"""

import os

import dagster as dg

from assets.stages import archive, indicators, judgement, linkage, marts, publication, quality, staging
from assets.stages.plan import HOME_VARIABLE, HomeResource, Plan, home_from_environment

_MODULES = (archive, staging, linkage, marts, indicators, judgement, quality, publication)


def build(plan: Plan, home: str) -> dg.Definitions:
    """All definitions for one plan; `home` is the folder the resource opens."""
    return dg.Definitions(
        assets=[asset for module in _MODULES for asset in module.definitions(plan)],
        jobs=[
            dg.define_asset_job(
                "road",
                selection=dg.AssetSelection.all(),
                partitions_def=plan.partitions,
                description="整条流水线：从到达文件到发布。 The whole road: from landed files to a release.",
            )
        ],
        resources={"home": HomeResource(path=home)},
        executor=dg.in_process_executor,
    )


defs = build(Plan.of_home(home_from_environment()), os.environ.get(HOME_VARIABLE, ""))
