"""What would change the money of each payee, and how sure it is: the division of a year asked again and again.

Put here: which questions are affordable on the road, their tables. Keep out: dividing again (evaluations.allocation).
"""

from collections.abc import Mapping

import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from evaluations.allocation.changes import changes_table
from evaluations.allocation.draws import intervals_table
from evaluations.allocation.snapshot import Snapshot

AGAIN = 100
"""Up to so many payees every change is divided again; of more only the effect by the formula is published."""


def what_if(spec: AllocationSpec, tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """`alloc__changes` of every payee, and `alloc__intervals`; empty where too many are asked or nothing is uncertain.

    `spec`: one that divides `tables`. Raises DataError for standard errors that are missing.
    """
    kind = pl.lit(spec.payees.kind).alias("payee_kind")
    payees = list(Snapshot(spec, tables).ids)
    changes = changes_table(spec, tables, payees if len(payees) <= AGAIN else [])
    return {"alloc__changes": changes.with_columns(kind), "alloc__intervals": intervals_table(spec, tables)}
