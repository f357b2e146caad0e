"""Where records stand in their file: from record numbers to physical lines, read again from the delivered bytes.

Put here: finding places that a staged row does not carry. Keep out: judging records (staging.py). A file is read once
more, so ask only about files in which something was found.
"""

from collections.abc import Iterable

import polars as pl

from assets.intake.account import Account
from assets.intake.ledger import Entry
from assets.intake.opening import read_records
from data_contracts.contracts import FeedContract
from data_contracts.settings.limits import Limits

PLACES = {"record_no": pl.Int32(), "line_no": pl.Int32()}


def places(
    data: Iterable[bytes], entry: Entry, contract: FeedContract, limits: Limits, record_no: pl.Series
) -> pl.DataFrame:
    """`record_no` and `line_no` of these records of a file that was taken; `data` are its bytes."""
    here = contract.for_file(entry.period, entry.institution_id)
    blocks = read_records(data, here, limits, Account(), whole=entry.stated.whole)
    wanted = pl.col("record_no").is_in(record_no.implode())
    found = [block.frame.select(list(PLACES)).filter(wanted) for block in blocks]
    return pl.concat([pl.DataFrame(schema=PLACES), *(frame.cast(PLACES) for frame in found)])  # type: ignore[arg-type]
