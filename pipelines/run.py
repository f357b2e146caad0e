"""`kangheng run`: take in what has landed, and if anything is new walk the road through Dagster, in this process.

Put here: deciding that there is nothing to do before Dagster is loaded, running the job, wording the result.
"""

import json
import logging
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assets.intake import ledger
from assets.lake.atomic import read_json
from assets.release.publish import PROFILE, last_withdrawn
from assets.stages.handback import standing_files
from assets.stages.road import Road
from data_contracts.messages import LANGUAGES, text, wrong
from pipelines.desk import PROCESS, close_abandoned_runs, instance_folder
from pipelines.outcomes import SaysNo, StepFailed
from pipelines.progress import steps_logged_to
from pipelines.restating import StaleRelease, stale_lines, stale_releases, stale_steps


@dataclass(frozen=True)
class RunResult:
    """What a run did."""

    release: Path
    new: bool
    counts: dict[str, int]
    refused: list[dict[str, Any]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    in_part: list[dict[str, str]] = field(default_factory=list)
    stale: list[StaleRelease] = field(default_factory=list)
    next_steps: list[dict[str, str]] = field(default_factory=list)
    draft_reasons: list[dict[str, str]] = field(default_factory=list)
    withdrawn: str | None = None
    """The last release of the period that was withdrawn, while none is in force since."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "release": str(self.release)}

    def lines(self, language: str) -> list[str]:
        """What happened, the release path last."""
        lines = [text("cli_run_files", language, **self.counts)]
        for item in self.refused:
            reason = text(item["sentence"], language, **item["params"])
            lines.append(text("cli_run_refused", language, name=item["name"], reason=reason))
        lines.extend(text("run_in_part", language, **item) for item in self.in_part)
        lines.extend(text("run_left", language, name=name) for name in self.left)
        if not self.new:
            lines.append(text("cli_run_nothing_new", language))
        if self.withdrawn is not None:
            lines.append(text("cli_run_withdrawn", language, withdrawn=self.withdrawn, release=self.release.name))
        lines.extend(text("run_draft", language, reason=reason[language]) for reason in self.draft_reasons)
        lines.extend(stale_lines(self.stale, language))
        lines.extend(step[language] for step in self.next_steps)
        page = self.release / PROFILE / "site" / "index.html"
        return [*lines, text("cli_run_page", language, path=page), text("cli_run_release", language, path=self.release)]


def run_period(path: Path, period: str | None) -> RunResult:
    """Run the road of a home for `period`, or for the last period of its calendar."""
    road = Road.open(path)
    period = period or road.settings.home.calendar.last
    known = [item.key for item in road.periods_up_to(road.settings.home.calendar.last)]
    if period not in known:
        raise wrong("wrong_calendar", period=period, first=known[0], last=known[-1])
    road.register()
    standing = road.up_to_date(period)
    if standing is not None:
        return _result(road, period, standing, new=False)
    name = _through_dagster(road, period)
    return _result(road, period, road.home.releases / name, new=True)


def periods_with_files(path: Path, period: str | None) -> list[str]:
    """Periods up to `period`, or to the last of the calendar, for which a file arrived; that one itself is the last."""
    road = Road.open(path)
    road.register()
    last = period or road.settings.home.calendar.last
    arrived = {entry.period for entry in ledger.entries(road.home)}
    return [step.key for step in road.periods_up_to(last) if step.key in arrived and step.key != last] + [last]


def _through_dagster(road: Road, period: str) -> str:
    """Execute the job `road` in process with the home's own instance, so that the desk shows the run."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    from assets.stages.plan import PROGRESS, Plan
    from assets.stages.showing import label
    from pipelines.assembly import build
    from pipelines.jobs import ROAD, STARTED_BY
    from pipelines.run_history import writing_instance

    logging.getLogger("dagster").setLevel(logging.ERROR)
    definitions = build(Plan.of_home(road.home.path), str(road.home.path))
    with writing_instance(instance_folder(road.home.path)) as instance, steps_logged_to(PROGRESS):
        close_abandoned_runs(instance, desk_opens=False)
        job = definitions.resolve_job_def(ROAD)
        result = job.execute_in_process(
            instance=instance,
            partition_key=period,
            raise_on_error=False,
            tags={STARTED_BY: "command line", PROCESS: str(os.getpid())},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        if not result.success:
            raise _failure(result)
        event = next(iter(result.asset_materializations_for_node("pub")))
        return str(event.metadata[label("release")].value)


def _failure(result: Any) -> RuntimeError:
    """What stopped the run, without a stack trace."""
    checks = [check for check in result.get_asset_check_evaluations() if not check.passed and check.blocking]
    if checks:
        said = [(x.description or x.check_name).splitlines() for x in checks]
        return SaysNo({"zh": "；".join(words[0] for words in said), "en": "; ".join(words[-1] for words in said)})
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            cause = error.cause or error
            message = cause.message.strip().splitlines()[0]
            if cause.cls_name in ("InfeasibleError", "UnsoundReleaseError", "WrongDefinitionError"):
                return SaysNo(dict(zip(LANGUAGES, message.split(": ", 1)[1].split(" / ", 1), strict=True)))
            return StepFailed(f"{event.step_key}: {cause.cls_name}")
    return StepFailed("road")


def _result(road: Road, period: str, release: Path, *, new: bool) -> RunResult:
    import polars as pl

    files = pl.read_parquet(release / PROFILE / "tables" / "quality__files.parquet")
    sums = files.select(pl.col("records", "quarantined", "unreadable").sum()).row(0, named=True)
    counts = {"files": files.height, **{name: int(value) for name, value in sums.items()}}
    refused = ledger.refusals(road.home)
    for contract in road.catalog.current():
        for step in road.periods_up_to(period):
            for item in standing_files(road, contract.key, step.key):
                if item.refused is not None:
                    refused.append(
                        {
                            "name": item.entry.landing_name,
                            "sentence": item.refused.sentence,
                            "params": item.refused.params,
                        }
                    )
    named = json.loads(json.dumps(refused, default=str))
    stale = stale_releases(road, period)
    steps = stale_steps(stale, road.home.path)
    drafts = read_json(release / PROFILE / "manifest.json").get("draft_reasons", [])
    withdrawn = last_withdrawn(road.home, period)
    return RunResult(
        release=release,
        new=new,
        counts=counts,
        refused=named,
        left=road.not_taken(),
        in_part=_in_part(road, period),
        stale=stale,
        next_steps=steps,
        draft_reasons=drafts,
        withdrawn=withdrawn.name if withdrawn is not None else None,
    )


def _in_part(road: Road, period: str) -> list[dict[str, str]]:
    """The files of the period that still stand and have to be sent again, since too many of their records are wrong."""
    limits = road.settings.limits
    feeds = {
        item.entry.key
        for contract in road.catalog.current()
        for item in road.intake.staged(contract.key, period)
        if item.account.verdict(item.refused, limits) == "in_part"
    }
    return [
        {"name": item.entry.landing_name, **item.account.shares(limits)}
        for key in sorted(feeds)
        for item in road.intake.standing(key, period)
        if item.account.verdict(item.refused, limits) == "in_part"
    ]
