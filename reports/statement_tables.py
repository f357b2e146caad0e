"""The tables of an allocation run, payee by payee.

Put here: finding the rows about one payee, the name of its page. Keep out: what a statement shows of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from data_contracts.allocation_spec.pay import Performance
from data_contracts.statement_lines import step_of
from reports.allocation_page import AllocationPage
from reports.file_names import file_names
from reports.money_words import Owner, names_of, title_of

Row = Mapping[str, Any]


class StatementTables:
    """The tables of a run by payee."""

    def __init__(self, page: AllocationPage) -> None:
        self.page = page
        self.payees: dict[Owner, Row] = {
            (row["payee_kind"], row["payee_id"]): row for row in page.tables["payees"].iter_rows(named=True)
        }
        self.names = names_of(page.tables["payees"])
        self._parts: dict[str, dict[Owner, pl.DataFrame]] = {}
        self._rows: dict[str, dict[Owner, list[Row]]] = {}

    def frame(self, table: str, owner: Owner) -> pl.DataFrame:
        """The rows of a table about this payee; none where there is no such table."""
        if table not in self._parts:
            self._parts[table] = self._split(table)
        return self._parts[table].get(owner, pl.DataFrame())

    def of(self, table: str, owner: Owner) -> Sequence[Row]:
        """The same as plain rows."""
        if table not in self._rows:
            self._rows[table] = self._rows_of(table)
        return self._rows[table].get(owner, ())

    def _split(self, table: str) -> dict[Owner, pl.DataFrame]:
        frame, name = self._with_owners(table)
        if frame.is_empty():
            return {}
        parts = frame.partition_by("payee_kind", name, as_dict=True, maintain_order=True)
        return {(str(key[0]), str(key[1])): own for key, own in parts.items()}

    def _rows_of(self, table: str) -> dict[Owner, list[Row]]:
        frame, name = self._with_owners(table)
        found: dict[Owner, list[Row]] = {}
        for row in frame.iter_rows(named=True):
            found.setdefault((row["payee_kind"], row[name]), []).append(row)
        return found

    def _with_owners(self, table: str) -> tuple[pl.DataFrame, str]:
        """A table with kinds of payees, and the column of their ids."""
        frame = self.page.tables.get(table, pl.DataFrame())
        if not frame.is_empty() and "payee_kind" not in frame.columns:
            frame = frame.with_columns(payee_kind=pl.lit(self.page.spec.payees.kind))
        return frame, "community_id" if "community_id" in frame.columns else "payee_id"


def with_steps(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines with the step that each belongs to, `step`."""
    steps = {line_id: step_of(line_id) for line_id in lines["line_id"].unique()}
    return lines.with_columns(pl.col("line_id").replace_strict(steps, return_dtype=pl.String).alias("step"))


def statement_names(owners: Iterable[Owner], kind: str) -> dict[Owner, str]:
    """Payee → name of the file of its statement without suffix; `kind`: of the payees of the spec."""
    # Other kinds of payees may have the same ids.
    ids = {owner: owner[1] if owner[0] == kind else ":".join(owner) for owner in owners}
    names = file_names(ids.values())
    return {owner: names[own] for owner, own in ids.items()}


def indicator_titles(page: AllocationPage, language: str) -> dict[tuple[str, str], str]:
    """Stream and indicator → title."""
    return {
        (stream.id, item.id): title_of(item.titles, item.id, language)
        for stream in page.spec.of_kind(Performance)
        for item in stream.indicators
    }
