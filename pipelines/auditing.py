"""The incentive audit of the allocation engine alone.

Put here: the index specs it needs, its progress. Keep out: the audit (evaluations), sentences (assets.compute).
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.need import Need
from data_contracts.index_spec.document import read_spec as index_spec
from data_contracts.messages import text
from evaluations.allocation.audit import AuditResult, audit_of


def run_audit(
    spec: AllocationSpec, folder: Path, tables: Mapping[str, pl.DataFrame], language: str,
    progress: Callable[[str], None],
) -> AuditResult:  # fmt: skip
    """Audit a spec that divides; `folder`: of the spec, beside which index specs stand. Raises as `audit_of`."""
    indices = {
        need.id: index_spec(folder / need.risk.index.spec)
        for need in spec.of_kind(Need)
        if need.risk is not None and need.risk.index is not None
    }

    def shown(done: int, steps: int) -> None:
        progress(text("allocate_step_audit", language, done=done + 1, all=steps))

    return audit_of(spec, tables, indices, shown)
