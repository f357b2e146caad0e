"""The sensor of the desk: complete files in the landing folder ask for a run of their period, once.

Put here: from a decision to Dagster's run requests. Keep out: the decision (assets.intake.arrivals).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from data_contracts.messages import LANGUAGES, both, text
from pipelines.jobs import ROAD, STARTED_BY

if TYPE_CHECKING:
    from assets.intake.findings import Finding

SECONDS_BETWEEN_LOOKS = 30
# A tick says what it waits for, but not endlessly.
_NAMED = 5


def landing_sensor(home: Path | None) -> dg.SensorDefinition:
    """The sensor of the landing folder of `home`; off until somebody switches it on."""

    @dg.sensor(  # type: ignore[untyped-decorator]
        name="landing",
        job_name=ROAD,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        description="\n\n".join(both("desk_sensor_landing").values()),
    )
    def landing(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        from assets.intake.arrivals import Memory, look
        from assets.lake.home import Home

        if home is None:
            return dg.SkipReason("\n".join(both("desk_no_home").values()))
        decision = look(Home.open(home), Memory.of_text(context.cursor))
        requests = [
            dg.RunRequest(
                run_key=request.key,
                partition_key=request.period,
                tags={STARTED_BY: "sensor landing", "kangheng/files": "; ".join(request.names[:_NAMED])},
            )
            for request in decision.requests
        ]
        waiting = "\n".join(_waiting(decision.waiting, language) for language in LANGUAGES)
        if requests:
            if decision.waiting:
                context.log.info(waiting)
            return dg.SensorResult(run_requests=requests, cursor=decision.memory.to_text())
        return dg.SensorResult(skip_reason=dg.SkipReason(waiting), cursor=decision.memory.to_text())

    return landing


def _waiting(findings: "Sequence[Finding]", language: str) -> str:
    """What the sensor waits for, in a line."""
    if not findings:
        return text("arrivals_none", language)
    named = [finding.words(language) for finding in findings[:_NAMED]]
    if len(findings) > _NAMED:
        named.append(text("arrivals_more", language, count=len(findings) - _NAMED))
    return ("；" if language == "zh" else "; ").join(named)
