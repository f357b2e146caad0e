"""The incentive audit of the allocation engine alone.

Put here: the index specs it needs, its progress. Keep out: the audit (evaluations), sentences (assets.compute).
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.messages import text
from evaluations.allocation.audit import AuditResult, audit_of
from pipelines.signing import indices_of


def run_audit(
    spec: AllocationSpec, folder: Path, tables: Mapping[str, pl.DataFrame], language: str,
    progress: Callable[[str], None],
) -> AuditResult:  # fmt: skip
    """Audit a spec that divides; `folder`: of the spec, beside which index specs stand. Raises as `audit_of`."""

    def shown(done: int, steps: int) -> None:
        progress(text("allocate_step_audit", language, done=done + 1, all=steps))

    return audit_of(spec, tables, indices_of(spec, folder), shown)
