"""The jobs of the desk: the whole road, and again from any stage.

Put here: which assets a job runs and its words. Keep out: when it runs (schedules.py, sensors.py).
A backfill of all periods is a job launched for all partitions: one run per period, one after another, and each computes
only what the runs before it have left.
"""

import re
from typing import Any

import dagster as dg

from assets.stages import STAGES
from data_contracts.messages import LANGUAGES, both

ROAD = "road"
STARTED_BY = "kangheng/started_by"


def job_names() -> list[str]:
    """The names of all jobs."""
    return [ROAD, *(f"from_{stage}" for stage in list(STAGES)[1:])]


def jobs() -> list[Any]:
    """The road, and for every stage after the first the stage with everything below it."""
    again = [
        _job(
            f"from_{stage}",
            dg.AssetSelection.groups(stage).downstream(),
            both("desk_job_from", **{f"stage_{name}": re.split("[：:]", titles.get(name))[0] for name in LANGUAGES}),
        )
        for stage, titles in list(STAGES.items())[1:]
    ]
    return [_job(ROAD, dg.AssetSelection.all(), both("desk_job_road")), *again]


def _job(name: str, selection: dg.AssetSelection, description: dict[str, str]) -> Any:
    words = "\n\n".join(description.values())
    return dg.define_asset_job(name, selection=selection, description=words, tags={STARTED_BY: "desk"})
