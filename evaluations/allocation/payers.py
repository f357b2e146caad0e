"""Who pays for floors, caps and reserved shares: each payee's need money step by step against its target.

Put here: the table of payers. Keep out: the division (pace.py), the check of reserved shares (reserves.py).
"""

import polars as pl

from evaluations.allocation.lines import frame_of

PAYERS_SCHEMA = {
    "stream": pl.String, "rule": pl.String, "payee_id": pl.String, "role": pl.String, "amount_fen": pl.Int64,
}  # fmt: skip
BOUNDS, RESERVES = "floors_and_caps", "reserves"


def payers_table(need: pl.DataFrame) -> pl.DataFrame:
    """PAYERS_SCHEMA: by rule, who receives (above 0) and who pays (below 0); from the table `need`.

    `floors_and_caps`: money within floors and caps less the target. `reserves`: final money less that. Each sums to 0
    over the payees of a stream, unless a fund holds what caps leave.
    """
    rows = []
    for rule, after, before in ((BOUNDS, "natural_fen", "target_fen"), (RESERVES, "amount_fen", "natural_fen")):
        changed = need.select("stream", "payee_id", change=pl.col(after) - pl.col(before)).filter(pl.col("change") != 0)
        rows += [
            (stream, rule, payee, "receives" if change > 0 else "pays", change)
            for stream, payee, change in changed.iter_rows()
        ]
    return frame_of(rows, **PAYERS_SCHEMA)
