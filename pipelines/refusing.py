"""Rules that cannot hold together, as files: conflict tables with sentences and a page, and no payment table.

Put here: writing them. Keep out: finding the conflict (evaluations), sentences (assets.compute.refusals), drawing
(reports).
"""

from pathlib import Path

import polars as pl

from assets.compute.refusals import conflict_words, worded_conflict
from assets.release.tables import write_csv
from data_contracts.allocation_spec.document import AllocationSpec
from evaluations.allocation.problem import Conflict
from reports.refusal_page import write_refusal_pages


def write_conflict(spec: AllocationSpec, conflict: Conflict, out: Path) -> dict[str, pl.DataFrame]:
    """Write conflict tables and page into `out`."""
    tables = worded_conflict(spec, conflict)
    (out / "tables").mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        write_csv(frame, out / "tables" / f"{name}.csv")
    write_refusal_pages(spec, conflict_words(spec, conflict, spec.currency), tables, out)
    return tables
