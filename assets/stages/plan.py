"""What the desk needs to know to draw the road of one home: feeds, senders, marts, periods. Reads YAML, nothing heavy.

Put here: the plan and the one factory every stage module uses. Keep out: any step's work (road.py).
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import PrivateAttr

from assets.stages import STAGES
from assets.stages.showing import label, shown
from data_contracts.closed import Bilingual, DefinitionError, read_yaml
from data_contracts.contracts import Catalog, FeedContract
from data_contracts.messages import LANGUAGES, both
from data_contracts.periods import Period, periods_between
from data_contracts.settings.home import HomeDocument, Sender
from data_contracts.tables import output_tables

if TYPE_CHECKING:
    from assets.stages.road import Road

HOME_VARIABLE = "KANGHENG_HOME"
# Steps say here that they begin; who runs them may show it.
PROGRESS = "kangheng.progress"
# Periods shown when the desk opens without a home, for example to validate the definitions.
_NO_HOME = ("2023Q1", "2025Q4")
_TIME_ZONE = "Asia/Shanghai"
_KINDS = {
    "archive": {"file"},
    "stg": {"polars", "parquet"},
    "link": {"duckdb", "parquet"},
    "mart": {"duckdb", "parquet"},
    "ind": {"duckdb", "parquet"},
    "score": {"python", "parquet"},
    "risk": {"python", "parquet"},
    "alloc": {"python", "parquet"},
    "quality": {"greatexpectations", "parquet"},
    "pub": {"html", "excel"},
}


class WrongDefinitionError(RuntimeError):
    """A setting or contract is wrong; the message says so in both languages, as Dagster keeps only text."""


@dataclass(frozen=True)
class Plan:
    """The feeds of a home, its marts in order, its calendar, and who delivers."""

    feeds: tuple[FeedContract, ...]
    marts: dict[str, tuple[str, ...]]
    periods: tuple[Period, ...]
    senders: Mapping[str, Sender]
    time_zone: str
    own_contracts: Path | None = None

    @classmethod
    def of_home(cls, home: Path | None) -> "Plan":
        """The plan of the home at `home`, or of the package's own feeds without one."""
        from assets.compute.plan import marts_and_inputs

        if home is None or not (home / "home.yaml").is_file():
            catalog, periods = Catalog.load(), periods_between(*_NO_HOME)
            return cls(tuple(catalog.current()), marts_and_inputs(catalog), tuple(periods), {}, _TIME_ZONE)
        document = HomeDocument.model_validate(read_yaml(home / "home.yaml"))
        own = home / "contracts"
        catalog = Catalog.load(own, document.feeds)
        periods = periods_between(document.calendar.first, document.calendar.last)
        feeds, marts = tuple(catalog.current()), marts_and_inputs(catalog)
        return cls(feeds, marts, tuple(periods), document.senders, document.time_zone, own)

    @cached_property
    def partitions(self) -> dg.PartitionsDefinition[str]:
        """The periods as Dagster partitions, by the keys that files, releases and commands use."""
        return dg.StaticPartitionsDefinition([period.key for period in self.periods])

    @cached_property
    def by_sender(self) -> dict[str, list[FeedContract]]:
        """Feeds grouped by sender."""
        grouped: dict[str, list[FeedContract]] = {}
        for feed in self.feeds:
            grouped.setdefault(feed.sender, []).append(feed)
        return grouped

    def words_of(self, feed: FeedContract) -> dict[str, str]:
        """How messages name a feed and its sender."""
        sender = self.senders.get(feed.sender)
        names = {f"sender_{language}": sender.titles.get(language) if sender else feed.sender for language in LANGUAGES}
        titles = {f"feed_{language}": feed.extras.titles.get(language) for language in LANGUAGES}
        return {"sender": feed.sender, **names, **titles}

    def contract_address(self, feed: FeedContract) -> str:
        """Where the desk serves the contract of a feed."""
        own = self.own_contracts is not None and (self.own_contracts / "feeds" / feed.source).is_file()
        return f"/home/contracts/feeds/{feed.source}" if own else f"/program/feeds/{feed.source}"


class HomeResource(dg.ConfigurableResource):  # type: ignore[misc]
    """The home a run works on."""

    path: str
    _road: Any = PrivateAttr(default=None)

    @property
    def road(self) -> "Road":
        """The steps of the road for this home, opened once per run."""
        from assets.stages.road import Road

        if self._road is None:
            self._road = Road.open(Path(self.path))
        return self._road  # type: ignore[no-any-return]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["HomeResource"]:
        """Keep the home to this run until it ends."""
        del context
        with self.road.alone():
            yield self


def home_from_environment() -> Path | None:
    """The home named by KANGHENG_HOME, if any."""
    return Path(os.environ[HOME_VARIABLE]) if os.environ.get(HOME_VARIABLE) else None


def words(text: Bilingual, grain: str = "") -> str:
    """A description for the desk: Chinese first, then English, then the grain of the table."""
    return "\n\n".join(dict.fromkeys(part for part in (text.zh, text.en, grain) if part))


@dataclass(frozen=True)
class Shown:
    """What the desk says about a table before anything has run."""

    description: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    owners: tuple[str, ...] = ()


def check(
    name: str, table: str, params: Mapping[str, str] | None = None, *, blocking: bool = False
) -> dg.AssetCheckSpec:
    """A check of one table; what it means is the sentence `desk_check_<name>`."""
    description = "\n\n".join(both(f"desk_check_{name}", **(params or {})).values())
    return dg.AssetCheckSpec(name, asset=table, blocking=blocking, description=description)


def tables_asset(
    name: str,
    stage: str,
    tables: Sequence[str],
    deps: Sequence[str],
    plan: Plan,
    *,
    checks: Sequence[dg.AssetCheckSpec] = (),
    details: Mapping[str, Shown] | None = None,
) -> dg.AssetsDefinition:
    """One Dagster step that brings `tables` up to date for every period up to the partition and reports on them."""
    order = f"{list(STAGES).index(stage) + 1}_{stage}"

    def spec(table: str) -> dg.AssetSpec:
        about = (details or {}).get(table) or of_output_table(table)
        return dg.AssetSpec(
            table,
            deps=list(deps),
            description="\n\n".join([about.description, words(STAGES[stage])]),
            metadata={label(note): value for note, value in about.metadata.items()},
            owners=list(about.owners),
            kinds=_KINDS[stage],
            tags={"kangheng/stage": order},
        )

    @dg.multi_asset(  # type: ignore[untyped-decorator]
        name=name,
        group_name=stage,
        specs=[spec(table) for table in tables],
        check_specs=list(checks),
        partitions_def=plan.partitions,
    )
    def step(context: dg.AssetExecutionContext, home: HomeResource):  # type: ignore[no-untyped-def]
        road, period = home.road, context.partition_key
        logging.getLogger(PROGRESS).info("%s %s", period, name)
        try:
            outcomes = road.advance(stage, tables, period)
        except DefinitionError as error:
            words = (error.words(language).replace("\n", "; ") for language in LANGUAGES)
            raise WrongDefinitionError(" / ".join(words)) from error
        for table, outcome in outcomes.items():
            notes = {**outcome.metadata, **road.notes(stage, table, period)}
            yield dg.MaterializeResult(asset_key=table, metadata=shown(notes, road.home.path))
            if "release" in notes:
                context.instance.add_run_tags(context.run.run_id, {"kangheng/release": str(notes["release"])})
        for result in road.check(stage, tables, period):
            grave = result.blocking or result.severe
            yield dg.AssetCheckResult(
                asset_key=result.table,
                check_name=result.name,
                passed=result.passed,
                severity=dg.AssetCheckSeverity.ERROR if grave else dg.AssetCheckSeverity.WARN,
                metadata=shown({"period": period, **result.metadata}, road.home.path),
                description=result.words,
            )

    return step


def of_output_table(table: str) -> Shown:
    """A table of a later stage: title, grain, columns, and the SQL it is made with where that is one statement."""
    contract = output_tables()[table]
    columns = [
        dg.TableColumn(name, column.type, f"{column.titles.zh} {column.titles.en}")
        for name, column in contract.columns.items()
    ]
    metadata = {"grain": contract.document.grain, "dagster/column_schema": dg.TableSchema(columns)}
    return Shown(words(contract.document.titles, contract.document.grain), {**metadata, **sql_link(table)})


def sql_link(text_of: str) -> dict[str, Any]:
    """The link to an SQL text of this name, if there is one."""
    there = (files("sql") / f"{text_of}.sql").is_file()
    return {"sql": dg.MetadataValue.url(f"/program/sql/{text_of}.sql")} if there else {}
