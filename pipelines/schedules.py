"""The schedules of the desk, in the time zone of the home: every morning, and the closing of a period.

Put here: when something runs, and for which period. Keep out: what it does. Off until somebody switches them on.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg

from assets.stages.plan import Plan
from data_contracts.messages import both
from data_contracts.periods import Period, last_ended
from data_contracts.settings.home import Sender
from pipelines.jobs import ROAD, STARTED_BY

MORNING, CLOSING = "30 7 * * *", "0 8 * * *"
CLOSES = "kangheng/closes"


def last_due(periods: Sequence[Period], senders: Mapping[str, Sender], day: date) -> Period | None:
    """The last period for which the deadline of every sender had passed before `day`."""
    grace = timedelta(days=max((sender.deadline_days for sender in senders.values()), default=0))
    return next((period for period in reversed(periods) if period.end + grace < day), None)


def schedules(plan: Plan, home: Path | None) -> list[dg.ScheduleDefinition]:
    """The morning run and the closing run."""

    def local_day(context: dg.ScheduleEvaluationContext) -> date:
        moment: datetime = context.scheduled_execution_time
        return moment.astimezone(ZoneInfo(plan.time_zone)).date()

    @dg.schedule(  # type: ignore[untyped-decorator]
        name="morning",
        job_name=ROAD,
        cron_schedule=MORNING,
        execution_timezone=plan.time_zone,
        description=_both("desk_schedule_morning", zone=plan.time_zone),
    )
    def morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        period = last_ended(plan.periods, local_day(context))
        if period is None or home is None:
            return dg.SkipReason(_both("desk_not_ended" if home else "desk_no_home"))
        standing = _nothing_new(home, period.key)
        if standing is not None:
            return dg.SkipReason(_both("desk_nothing_new", period=period.key, release=standing))
        return dg.RunRequest(partition_key=period.key, tags={STARTED_BY: "schedule morning"})

    @dg.schedule(  # type: ignore[untyped-decorator]
        name="closing",
        job_name=ROAD,
        cron_schedule=CLOSING,
        execution_timezone=plan.time_zone,
        description=_both("desk_schedule_closing", zone=plan.time_zone),
    )
    def closing(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        period = last_due(plan.periods, plan.senders, local_day(context))
        if period is None:
            return dg.SkipReason(_both("desk_not_due"))
        run = _closing_run(context.instance, period.key)
        if run is not None:
            return dg.SkipReason(_both("desk_closed", period=period.key, run=run))
        return dg.RunRequest(partition_key=period.key, tags={STARTED_BY: "schedule closing", CLOSES: period.key})

    return [morning, closing]


def _nothing_new(home: Path, period: str) -> str | None:
    """The release of a period that a run would only make again, if so."""
    from assets.stages.road import Road

    road = Road.open(home)
    release = road.up_to_date(period)
    return release.name if release is not None and not road.not_taken() else None


def _closing_run(instance: dg.DagsterInstance, period: str) -> str | None:
    """The run that closed a period or is about to."""
    alive = [
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
    ]
    runs = instance.get_runs(dg.RunsFilter(tags={CLOSES: period}, statuses=alive), limit=1)
    return str(runs[0].run_id)[:8] if runs else None


def _both(sentence: str, **params: object) -> str:
    return "\n".join(both(sentence, **params).values())
