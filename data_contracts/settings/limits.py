"""limits.yaml: how large a delivery may be and how much of the machine a run may use.

Put here: bounds that refuse a file, shares that draw a warning. Keep out: bounds of judgement
(data_contracts.judgement).
"""

from data_contracts.closed import Closed
from data_contracts.exact import Exact


class Limits(Closed):
    """Sizes beyond which a delivered file is refused, shares that draw a warning, bounds of the machine's use.

    `decompressed_bytes` and `decompressed_ratio` (unpacked to packed) bound what an archive may unfold to, `nesting`
    how many archives may lie in each other. `resend_share`: share of the keys of a snapshot that a later one must hold
    to take its place.
    """

    file_bytes: int
    decompressed_bytes: int
    decompressed_ratio: int
    nesting: int
    rows: int
    columns: int
    cells: int
    field_length: int
    quarantine_share: Exact
    resend_share: Exact
    memory_limit_mb: int
    threads: int
