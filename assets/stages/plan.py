"""What the desk needs to know to draw the road of one home: feeds, marts, periods. Reads YAML, loads nothing heavy.

Put here: the plan and the one factory every stage module uses. Keep out: any step's work (road.py).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import PrivateAttr

from data_contracts.closed import Bilingual, read_yaml
from data_contracts.contracts import Catalog, FeedContract
from data_contracts.periods import periods_between
from data_contracts.settings import HomeDocument
from data_contracts.tables import output_tables

if TYPE_CHECKING:
    from assets.stages.road import Road

HOME_VARIABLE = "KANGHENG_HOME"
# Periods shown when the desk opens without a home, for example to validate the definitions.
_NO_HOME = ("2023Q1", "2025Q4")


@dataclass(frozen=True)
class Plan:
    """The feeds of a home, its marts in order, and its periods as Dagster partitions."""

    feeds: tuple[FeedContract, ...]
    marts: dict[str, tuple[str, ...]]
    partitions: dg.PartitionsDefinition[str]

    @classmethod
    def of_home(cls, home: Path | None) -> "Plan":
        """The plan of the home at `home`, or of the package's own feeds without one."""
        from assets.compute.plan import marts_and_inputs

        if home is None or not (home / "home.yaml").is_file():
            catalog, keys = Catalog.load(), periods_between(*_NO_HOME)
        else:
            document = HomeDocument.model_validate(read_yaml(home / "home.yaml"))
            catalog = Catalog.load(home / "contracts", document.feeds)
            keys = periods_between(document.calendar.first, document.calendar.last)
        partitions = dg.StaticPartitionsDefinition([period.key for period in keys])
        return cls(tuple(catalog.current()), marts_and_inputs(catalog), partitions)

    @cached_property
    def senders(self) -> dict[str, list[FeedContract]]:
        """Feeds grouped by sender."""
        grouped: dict[str, list[FeedContract]] = {}
        for feed in self.feeds:
            grouped.setdefault(feed.sender, []).append(feed)
        return grouped


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


def home_from_environment() -> Path | None:
    """The home named by KANGHENG_HOME, if any."""
    return Path(os.environ[HOME_VARIABLE]) if os.environ.get(HOME_VARIABLE) else None


def words(text: Bilingual, grain: str = "") -> str:
    """A description for the desk: Chinese first, then English, then the grain of the table."""
    return "\n\n".join(part for part in (text.zh, text.en, grain) if part)


def tables_asset(
    name: str,
    stage: str,
    tables: Sequence[str],
    deps: Sequence[str],
    plan: Plan,
    *,
    checks: Sequence[dg.AssetCheckSpec] = (),
    descriptions: dict[str, str] | None = None,
) -> dg.AssetsDefinition:
    """One Dagster step that brings `tables` up to date for every period up to the partition and reports on them."""
    known = output_tables()

    def described(table: str) -> str:
        if descriptions and table in descriptions:
            return descriptions[table]
        document = known[table].document
        return words(document.titles, document.grain)

    @dg.multi_asset(  # type: ignore[untyped-decorator]
        name=name,
        group_name=stage,
        specs=[dg.AssetSpec(table, deps=list(deps), description=described(table)) for table in tables],
        check_specs=list(checks),
        partitions_def=plan.partitions,
    )
    def step(context: dg.AssetExecutionContext, home: HomeResource):  # type: ignore[no-untyped-def]
        outcomes = home.road.advance(stage, tables, context.partition_key)
        for table, outcome in outcomes.items():
            yield dg.MaterializeResult(asset_key=table, metadata=outcome.metadata)
        for result in home.road.check(stage, tables, context.partition_key):
            yield dg.AssetCheckResult(
                asset_key=result.table,
                check_name=result.name,
                passed=result.passed,
                severity=dg.AssetCheckSeverity.ERROR if result.blocking else dg.AssetCheckSeverity.WARN,
                metadata=result.metadata,
                description=result.words,
            )

    return step
