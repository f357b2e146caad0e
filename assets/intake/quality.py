"""The accounting of delivered files as tables: quality__files and quality__rules.

Put here: from accounts and selections to rows. Keep out: judging deliveries (assets.compute.deliveries).
"""

from collections.abc import Sequence

import polars as pl

from assets.intake.delivery import Intake
from data_contracts.schemas import gate, table_schema
from data_contracts.tables import output_tables


def file_rows(intake: Intake, periods: Sequence[str]) -> pl.DataFrame:
    """One row per delivered file of the periods; `records` is the sum of the other counts."""
    table = output_tables()["quality__files"]
    rows = []
    for contract in intake.catalog.current():
        for period in periods:
            staged = intake.staged(contract.key, period)
            verdicts = _verdicts(intake, contract.key, period) if staged else {}
            for item in staged:
                account, entry = item.account, item.entry
                superseded = verdicts.get((entry.file_id, "superseded"), 0)
                duplicate = verdicts.get((entry.file_id, "duplicate"), 0)
                current = account.accepted - superseded - duplicate
                rows.append(
                    (
                        *(entry.file_id, entry.sender, entry.institution_id, entry.feed, period, account.records),
                        *(account.unreadable, account.non_data, account.quarantined, current, superseded, duplicate),
                    )
                )
    frame = pl.DataFrame(rows, schema=table.schema, orient="row")
    return gate(table_schema(table), table.shape(frame))


def _verdicts(intake: Intake, key: str, period: str) -> dict[tuple[str, str], int]:
    contract = intake.catalog.feed(key, period)
    counted = intake.not_current(contract, period).group_by("file_id", "verdict").len()
    return {(file_id, verdict): count for file_id, verdict, count in counted.rows()}


def rule_rows(intake: Intake, periods: Sequence[str]) -> pl.DataFrame:
    """One row per rule, feed, institution and period: violated, not applicable, checked."""
    table = output_tables()["quality__rules"]
    rows = [
        (
            *(period, item.entry.sender, item.entry.feed, item.entry.institution_id, rule, count.severity),
            *(count.violated, count.not_applicable, count.checked),
        )
        for contract in intake.catalog.current()
        for period in periods
        for item in intake.staged(contract.key, period)
        for rule, count in sorted(item.account.rules.items())
    ]
    keys = ["period", "sender", "feed", "institution", "rule_id", "severity"]
    counts = ["records", "not_applicable", "checked"]
    frame = pl.DataFrame(rows, schema={name: table.schema[name] for name in [*keys, *counts]}, orient="row")
    summed = frame.group_by(keys, maintain_order=True).agg(pl.col(counts).sum())
    return gate(table_schema(table), table.shape(summed))
