"""Declared corrections: known faults of a sender put right in the delivered text, and the guard that ends them.

Put here: which corrections cover a file, applying and counting them. Keep out: the corrections (contracts); anything a
contract does not declare.
"""

import polars as pl

from assets.intake import rules
from assets.intake.account import Account
from assets.intake.findings import FileRefused, Finding
from data_contracts.contracts import FeedContract


class Corrections:
    """The open corrections that cover a file of a period and an institution."""

    def __init__(self, contract: FeedContract, period: str, institution: str | None) -> None:
        listed = contract.extras.corrections
        self._open = [item for item in listed if item.status == "open" and item.covers(period, institution)]
        self._columns = [column.name for column in contract.columns]
        self._corrected = dict.fromkeys((item.id for item in self._open), 0)

    def applied(self, texts: pl.DataFrame) -> pl.DataFrame:
        """`texts`, one row per record, with what the corrections set; one correction sees what those before it set."""
        if not self._open:
            return texts
        there = [name for name in self._columns if name in texts.columns]
        absent = [name for name in self._columns if name not in there]
        frame = texts.with_columns(pl.col(there).str.strip_chars(), *(pl.lit(None, pl.String).alias(n) for n in absent))
        for item in self._open:
            hit = rules.evaluated(frame, item.where).cast(pl.Boolean).fill_null(value=False)
            value = rules.evaluated(frame, item.set).cast(pl.String)
            self._corrected[item.id] += int(hit.sum())
            frame = frame.with_columns(value.zip_with(hit, frame[item.column]).alias(item.column))
        return frame.drop(set(absent) - {item.column for item in self._open})

    def close(self, account: Account) -> None:
        """Say what was corrected; raises FileRefused where a correction found nothing to correct: its fault is gone."""
        records = account.records - account.non_data
        for correction, count in self._corrected.items():
            if records and not count:
                raise FileRefused("intake_correction_idle", correction=correction)
            account.findings.append(Finding("intake_corrected", {"correction": correction, "count": count}))
