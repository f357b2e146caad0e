"""The steps of the road as plain functions over one home. Dagster calls them; so can a test or a notebook.

Put here: the order of work, what each table depends on, and what is still fresh.
Keep out: arithmetic (evaluations), SQL (sql, assets.compute), reading files (assets.intake), drawing (reports).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from assets.compute import allocation, deliveries, indicators, marts, measures, risk, scores
from assets.compute.plan import marts_and_inputs
from assets.intake import ledger
from assets.intake.delivery import Intake
from assets.lake import manifest, parts, warehouse
from assets.lake.fingerprint import code_fingerprint, combine
from assets.lake.home import Home
from assets.stages.assembling import release_content
from data_contracts.contracts import Catalog
from data_contracts.periods import Period, periods_between
from data_contracts.schemas import gate, table_schema
from data_contracts.settings import Settings, fingerprint, load_settings
from data_contracts.tables import output_tables


@dataclass(frozen=True)
class Outcome:
    """What a step did for one table: rows in force for the period and the periods computed now."""

    rows: int
    computed: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def metadata(self) -> dict[str, Any]:
        """For the desk: row count, what was computed, and notes."""
        return {"dagster/row_count": self.rows, "computed_periods": ", ".join(self.computed) or "—", **self.notes}


@dataclass(frozen=True)
class CheckResult:
    """The verdict of a check on one table, in words."""

    table: str
    name: str
    passed: bool
    blocking: bool
    words: str
    metadata: dict[str, Any] = field(default_factory=dict)
