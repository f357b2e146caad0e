"""The steps of the road as plain functions over one home. Dagster calls them; so can a test.

Put here: the order of work, what each table depends on, and what is still fresh.
Keep out: arithmetic (evaluations), SQL (sql, assets.compute), reading files (assets.intake), drawing (reports).
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from assets.compute import (
    allocation,
    allocation_tables,
    appraisals,
    auditing,
    deliveries,
    indicators,
    marts,
    measures,
    paid_periods,
    plausibility,
    policies,
    policy_money,
    readers,
    rebased,
    reconciliation,
    references,
    registers,
    risk,
    scores,
    sharing,
)
from assets.compute.inputs import engine_limits
from assets.compute.plan import link_inputs, mart_inputs
from assets.intake import arrivals, ledger
from assets.intake.delivery import Intake
from assets.intake.landing import scan
from assets.intake.quality import file_rows, landing_refusals, quarantine_rows, rule_rows
from assets.lake import parts
from assets.lake.atomic import locked, read_json, write_json
from assets.lake.fingerprint import code_fingerprint, combine
from assets.lake.home import Home
from assets.lake.parts import Manifest, read_manifest
from assets.release.approval import after_publishing
from assets.release.paid import paid_mark, released_money
from assets.release.publish import current, publish
from assets.release.verify import verify
from assets.stages import judging
from assets.stages.assembling import release_content
from assets.stages.cataloguing import replace_catalog
from assets.stages.checks import CheckResult, checks_of
from assets.stages.handback import refresh_lists_of_refusals
from assets.stages.notes import notes_of
from assets.stages.sharing_rows import sharing_rows
from assets.vault.crypto import VaultKeys
from data_contracts.closed import fingerprint
from data_contracts.contracts import Catalog, FeedContract
from data_contracts.messages import both
from data_contracts.periods import Period, periods_between
from data_contracts.settings.loading import load_settings
from data_contracts.settings.resolved import Settings

# A file that changed within this many seconds is looked at again before it is taken.
_AT_REST = 2.0
_COMPUTING = ("assets/compute", "assets/engine", "evaluations", "sql", "data_contracts/tables.py")


@dataclass(frozen=True)
class Outcome:
    """What a step did for one table: rows in force for the period, periods computed now, notes for the desk."""

    rows: int
    computed: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def metadata(self) -> dict[str, Any]:
        """Row count, what was computed, and notes."""
        return {"dagster/row_count": self.rows, "computed_periods": ", ".join(self.computed) or "—", **self.notes}


class UnsoundReleaseError(RuntimeError):
    """The release does not verify against its own manifest; the message says what is wrong. Nothing is published."""


class InfeasibleError(RuntimeError):
    """The money rules cannot hold together; the message names them. Nothing is paid."""


@dataclass(frozen=True)
class Road:
    """One home, opened: its settings, contracts and keys, and the steps of the road."""

    home: Home
    settings: Settings
    catalog: Catalog
    keys: VaultKeys
    # What a run started from, by period: the state of everything after files were taken in, and marks of the files.
    started: dict[str, dict[str, Any]] = field(default_factory=dict)
    # What one advance computed once for several tables, by stage.
    judged: dict[str, dict[str, pl.DataFrame]] = field(default_factory=dict)
    divided: dict[str, allocation.Allocation] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> "Road":
        """Open the home at `path`; raises DefinitionError for anything wrong in settings or contracts."""
        home = Home.open(path)
        settings = load_settings(home.path)
        catalog = Catalog.load(home.contracts, settings.home.feeds)
        registers.check_registers(settings, catalog)
        allocation_tables.check_tables(settings, catalog)
        deliveries.check_bounds(settings, catalog)
        return cls(home, settings, catalog, VaultKeys.load(home))

    @cached_property
    def intake(self) -> Intake:
        """The intake of this home."""
        engine = engine_limits(self.home, self.settings)
        return Intake(self.home, self.catalog, self.keys, self.settings.limits, engine)

    def periods_up_to(self, period: str) -> list[Period]:
        """Periods of the home's calendar up to and including `period`."""
        calendar = self.settings.home.calendar
        return [item for item in periods_between(calendar.first, calendar.last) if item <= Period.parse(period)]

    def state(self, period: str) -> str:
        """Fingerprint of everything a release of `period` depends on: ledger, contracts, settings, code."""
        files = [entry.mark for entry in self.bearing_on(period)]
        contracts = [version.fingerprint for versions in self.catalog.feeds.values() for version in versions]
        code = code_fingerprint("assets", "evaluations", "reports", "sql", "data_contracts")
        refused = str(landing_refusals(self.intake, [period]))
        return combine(
            period, self.settings.fingerprint, code, refused, *contracts, *sorted(files), *self._paid_marks(period)
        )

    def _paid_marks(self, period: str) -> list[str]:
        """What earlier periods paid, which the money of this one is settled against."""
        if self.settings.allocation is None:
            return []
        steps = paid_periods.periods_settled_against(Period.parse(period))
        return [paid_mark(self.home, step.key) for step in steps]

    def bearing_on(self, period: str) -> list[ledger.Entry]:
        """The deliveries that can change a release of `period`, in order of arrival."""
        return [entry for entry in ledger.entries(self.home) if self._bears_on(entry, period)]

    def changed_since_release(self, period: str) -> list[ledger.Entry]:
        """Deliveries, or their notes, that came after the release in force of `period` and can change it."""
        mark = self._run_mark(period)
        done = read_json(mark) if mark.is_file() else {}
        if "files" not in done or done.get("release") != current(self.home)["periods"].get(period):
            return []
        return [entry for entry in self.bearing_on(period) if entry.mark not in done["files"]]

    def _bears_on(self, entry: ledger.Entry, period: str) -> bool:
        """Whether a delivery can change a release of `period`: of later ones those that supersede or hold its rows."""
        versions = self.catalog.feeds.get(entry.key, ())
        cumulative = any(version.delivery == "cumulative" for version in versions)
        return entry.period <= period or bool(entry.supersedes) or cumulative

    def advance(self, stage: str, tables: Sequence[str], period: str) -> dict[str, Outcome]:
        """Bring `tables` of a stage up to date for every period up to `period`."""
        steps: dict[str, Callable[[str, str], Outcome]] = {
            "archive": self._archive,
            "stg": self._stage,
            "link": self._link,
            "mart": self._mart,
            "ind": self._indicators,
            "score": self._score,
            "risk": self._risk,
            "alloc": self._allocate,
            "quality": self._quality,
            "pub": self._publish,
        }
        if stage == "stg":
            feeds, periods = [self.feed_of(table).key for table in tables], self.periods_up_to(period)
            self.intake.stage_large(feeds, [item.key for item in periods])
        self.judged.clear()
        self.divided.clear()
        return {table: steps[stage](table, period) for table in tables}

    def check(self, stage: str, tables: Sequence[str], period: str) -> list[CheckResult]:
        """The checks of a stage on its tables."""
        return checks_of(self, stage, tables, period)

    def notes(self, stage: str, table: str, period: str) -> dict[str, Any]:
        """What the desk shows beside a table."""
        return notes_of(self, stage, table, period)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only run of this home, waiting for another to end, and clear up behind one that was killed."""
        with locked(self.home.temporary / "run.lock"):
            parts.clear_leftovers(self.home)
            for spill in self.home.temporary.glob("spill-*"):
                shutil.rmtree(spill, ignore_errors=True)
            yield

    def up_to_date(self, period: str) -> Path | None:
        """The release in force of `period`, if it was made from the present state of everything."""
        release = self.made(period)
        in_force = release is not None and current(self.home)["periods"].get(period) == release.name
        return release if in_force else None

    def made(self, period: str) -> Path | None:
        """The release of `period` made from the present state of everything, in force or not."""
        mark = self._run_mark(period)
        done = read_json(mark) if mark.is_file() else {}
        release = self.home.releases / str(done.get("release"))
        return release if release.is_dir() and done.get("state") == self.state(period) else None

    def _run_mark(self, period: str) -> Path:
        return self.home.lake / "_runs" / f"{period}.json"

    # archive and stg ------------------------------------------------------------------------------------------

    def register(self) -> int:
        """Put what has newly landed into the ledger; returns the number of new files."""
        changing = arrivals.still_changing(self.home, _AT_REST)
        landed = [file for file in scan(self.home, self.catalog) if file.name not in changing]
        now = datetime.now(ZoneInfo(self.settings.home.time_zone))
        calendar = [item.key for item in self.periods_up_to(self.settings.home.calendar.last)]
        new = ledger.register(self.home, landed, self.catalog, self.keys, self.settings.limits, now, calendar)
        refresh_lists_of_refusals(self.home)
        return new

    def not_taken(self) -> list[str]:
        """Names of landed files that the ledger neither accepted nor refused."""
        return arrivals.not_taken(self.home, scan(self.home, self.catalog))

    def _archive(self, table: str, period: str) -> Outcome:
        del table
        new = self.register()
        self.started[period] = {
            "state": self.state(period),
            "files": sorted(entry.mark for entry in self.bearing_on(period)),
        }
        entries = [entry for entry in ledger.entries(self.home) if entry.period == period]
        return Outcome(len(entries), notes={"new_files": new, "refused_files": len(ledger.refusals(self.home))})

    def _stage(self, table: str, period: str) -> Outcome:
        feed = self.feed_of(table)
        changed = self.intake.stage_feed(feed.key, [item.key for item in self.periods_up_to(period)])
        manifest = read_manifest(self.home, table, period)
        files = self.intake.staged(feed.key, period)
        notes = {
            "files": len(files),
            "quarantined": sum(item.account.quarantined for item in files),
            "unreadable": sum(item.account.unreadable for item in files),
        }
        return Outcome(manifest.rows if manifest else 0, changed, notes)

    def feed_of(self, table: str) -> FeedContract:
        """The feed whose staging table this is."""
        return next(feed for feed in self.catalog.current() if feed.table == table)

    # link, mart, ind ------------------------------------------------------------------------------------------

    def _link(self, table: str, period: str) -> Outcome:
        def build(step: Period) -> pl.DataFrame | None:
            return marts.build_link(self.home, self.settings, self.catalog, step)

        return self._bring(table, period, lambda step: link_inputs(self.catalog, step), build)

    def _mart(self, table: str, period: str) -> Outcome:
        def build(step: Period) -> pl.DataFrame | None:
            return marts.build_mart(self.home, self.settings, self.catalog, table, step)

        return self._bring(table, period, lambda step: mart_inputs(self.catalog, table, step), build)

    def _indicators(self, table: str, period: str) -> Outcome:
        def counts(step: Period) -> pl.DataFrame:
            return measures.count_measures(self.home, self.settings, self.catalog, step)

        def values(step: Period) -> pl.DataFrame:
            return indicators.indicator_values(self.home, self.settings, self.catalog, step)

        def of_policies(step: Period) -> pl.DataFrame:
            return policies.own_values(self.home, self.settings, self.catalog, step)

        def on_areas_of(step: Period) -> pl.DataFrame:
            return rebased.rebased_values(self.home, self.settings, self.catalog, step)

        if table == "ind__rebased":
            # Only the release of a period shows series on its areas, so earlier periods need no such table now.
            steps = [Period.parse(period)]
            return self._bring(table, period, lambda s: rebased.rebased_inputs(self.settings, s), on_areas_of, steps)
        if table == "ind__counts":
            return self._bring(table, period, lambda s: measures.measure_inputs(self.settings, self.catalog, s), counts)
        if table == "ind__policies":
            return self._bring(table, period, policies.own_inputs, of_policies)
        return self._bring(table, period, lambda s: indicators.value_inputs(self.settings, self.catalog, s), values)

    def _bring(
        self,
        table: str,
        period: str,
        inputs: Callable[[Period], Sequence[tuple[str, str]]],
        build: Callable[[Period], pl.DataFrame | None],
        steps: Sequence[Period] | None = None,
    ) -> Outcome:
        """Compute `table` for every one of `steps`, or period up to `period`, whose fingerprint has changed."""
        computed = []
        for step in steps or self.periods_up_to(period):
            mark = self._mark(table, step, inputs(step))
            manifest = read_manifest(self.home, table, step.key)
            if manifest is not None and manifest.fingerprint == mark:
                continue
            frame = build(step)
            if frame is None:
                parts.write_manifest(self.home, table, step.key, Manifest(mark, [], 0, {}))
            else:
                parts.put_table(self.home, table, step.key, mark, frame)
            computed.append(step.key)
        manifest = read_manifest(self.home, table, period)
        return Outcome(manifest.rows if manifest else 0, computed)

    def _mark(self, table: str, step: Period, inputs: Sequence[tuple[str, str]]) -> str:
        """What a computed table depends on: code, settings that decide counts, contracts, and its inputs in force.

        Of a computed input the content counts: one made anew that came out the same makes nothing else stale.
        """
        found = [read_manifest(self.home, name, period) for name, period in inputs]
        below = [manifest.content if manifest else "-" for manifest in found]
        return combine(table, step.key, code_fingerprint(*_COMPUTING), self._counting_settings, *below)

    @cached_property
    def _counting_settings(self) -> str:
        document = self.settings.as_dict()
        kept = {name: document[name] for name in ("measures", "indicators", "rule_sets")}
        kept["home"] = {name: document["home"][name] for name in ("levels", "rule_sets", "indicators", "calendar")}
        contracts = {key: [version.fingerprint for version in feed] for key, feed in self.catalog.feeds.items()}
        return fingerprint([kept, contracts])

    # score, risk, alloc ---------------------------------------------------------------------------------------

    def _score(self, table: str, period: str) -> Outcome:
        step = Period.parse(period)
        steps: dict[str, Callable[[], pl.DataFrame]] = {
            **{name: partial(self._judged, "score", name, step) for name in scores.TABLES},
            appraisals.TABLE: lambda: appraisals.appraisal_scores(self.home, self.settings, self.catalog, step),
            "policy__register": lambda: registers.policy_register(self.home, self.settings, self.catalog, step),
            "policy__services": lambda: registers.service_register(self.home, self.settings, step),
            "policy__clauses": lambda: registers.clause_chain(self.home, self.settings, self.catalog, step),
            "policy__money": lambda: policy_money.policy_money(self.home, self.settings, self.catalog, step),
        }
        return self._put(table, period, steps[table]())

    def _risk(self, table: str, period: str) -> Outcome:
        return self._put(table, period, self._judged("risk", table, Period.parse(period)))

    def _judged(self, stage: str, table: str, step: Period) -> pl.DataFrame:
        """A table of scores or risk; the tables of a stage come out of one computation, kept until the next advance."""
        if stage not in self.judged:
            self.judged[stage] = (
                scores.score_tables(self.home, self.settings, self.catalog, step)
                if stage == "score"
                else risk.risk_tables(self.home, self.settings, step)
            )
        return self.judged[stage][table]

    def _allocate(self, table: str, period: str) -> Outcome:
        result = self.allocation(period)
        if result.status in ("infeasible", "no_data"):
            # Money of an earlier run stands beside no conflict: all tables are empty but those that say why.
            for name, own in {**auditing.no_audit(), **result.tables}.items():
                self._put(name, period, own)
            words = result.message or {}
            raise InfeasibleError(f"{words.get('zh', '')} / {words.get('en', '')}")
        if table in auditing.TABLES:
            return self._audit(table, result, period)
        frame = result.tables[table]
        notes = {"status": result.status, "message": (result.message or {}).get("zh", "—")}
        outcome = self._put(table, period, frame)
        return Outcome(outcome.rows, outcome.computed, notes)

    def _audit(self, table: str, result: allocation.Allocation, period: str) -> Outcome:
        """A table of the incentive audit; it replays years, so it is made anew only where what it reads has changed."""
        if result.audit is None:
            return self._put(table, period, auditing.no_audit()[table])
        mark = combine(table, result.audit.mark)
        manifest = read_manifest(self.home, table, period)
        if manifest is not None and manifest.fingerprint == mark:
            return Outcome(manifest.rows)
        if "audit" not in self.judged:
            self.judged["audit"] = result.audit.run()
        frame = self.judged["audit"][table]
        parts.put_table(self.home, table, period, mark, frame)
        return Outcome(frame.height, [period])

    def allocation(self, period: str) -> allocation.Allocation:
        """The division of money in a period, computed once for all its tables, until the next advance."""
        if period not in self.divided:
            paid = partial(released_money, self.home)
            step = Period.parse(period)
            self.divided[period] = allocation.allocate(self.home, self.settings, step, paid, self.catalog)
        return self.divided[period]

    def _put(self, table: str, period: str, frame: pl.DataFrame) -> Outcome:
        """Keep a table of the last stages; it is cheap, so it is computed in every run and stored under its content."""
        mark = combine(table, period, frame.write_csv())
        parts.put_table(self.home, table, period, mark, frame)
        return Outcome(frame.height, [period])

    # quality and pub ------------------------------------------------------------------------------------------

    def _quality(self, table: str, period: str) -> Outcome:
        keys = [item.key for item in self.periods_up_to(period)]
        if table == "quality__files":
            return self._put(table, period, file_rows(self.intake, keys, self.settings.home))
        if table == "quality__rules":
            return self._put(table, period, rule_rows(self.intake, [period]))
        if table == "quality__quarantine":
            return self._put(table, period, quarantine_rows(self.intake, [period]))
        if table == references.TABLE:
            return self._references(period)
        if table == plausibility.TABLE:
            return self._put(
                table, period, plausibility.implausible_changes(self.home, self.settings, Period.parse(period))
            )
        if table == sharing.TABLE:
            return self._put(table, period, sharing_rows(self, period))
        if table == deliveries.PROFILES:
            return Outcome(judging.profiles(self, period))
        if table == reconciliation.TABLE:
            return self._reconciled(period)
        return Outcome(judging.judged(self, period).rows)

    def _reconciled(self, period: str) -> Outcome:
        def inputs(step: Period) -> list[tuple[str, str]]:
            return reconciliation.reconciliation_inputs(self.settings, self.catalog, step)

        def compared(step: Period) -> pl.DataFrame:
            return reconciliation.reconcile(self.home, self.settings, self.catalog, step)

        return self._bring(reconciliation.TABLE, period, inputs, compared)

    def _references(self, period: str) -> Outcome:
        first = Period.parse(self.settings.home.calendar.first)

        def judged(step: Period) -> pl.DataFrame:
            return references.judge_references(self.home, self.settings, self.catalog, step, first)

        def inputs(step: Period) -> list[tuple[str, str]]:
            return references.reference_inputs(self.catalog, step, first)

        return self._bring(references.TABLE, period, inputs, judged)

    def feeds_of(self, indicator_id: str) -> list[str]:
        """The feeds an indicator reads, through whatever marts."""
        return readers.feeds_of(self.settings, self.catalog, indicator_id)

    def _publish(self, table: str, period: str) -> Outcome:
        del table
        content = release_content(self, period)
        if not content.tables["quality__files"]["current"].sum():
            raise UnsoundReleaseError(" / ".join(both("release_of_nothing").values()))
        release, new = publish(self.home, content, _examine)
        if content.approved:
            now = datetime.now(ZoneInfo(self.settings.home.time_zone))
            after_publishing(release, self.settings.home.approval, now)
        replace_catalog(self)
        if period in self.started:
            write_json(self._run_mark(period), {**self.started[period], "release": release.name})
        return Outcome(len(content.tables), [period] if new else [], {"release": release.name})


def _examine(release: Path) -> None:
    report = verify(release)
    if not report.passed:
        raise UnsoundReleaseError(f"{'; '.join(report.lines('zh'))} / {'; '.join(report.lines('en'))}")
