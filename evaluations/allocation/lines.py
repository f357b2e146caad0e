"""What a stream answers with: lines in whole fen, and frames of its own.

Put here: the line, the result of a stream, their sums. Keep out: sentences (messages), arithmetic of any stream.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import polars as pl

from evaluations.allocation.snapshot import DataError
from evaluations.rounding import LARGEST_WHOLE

FUND = "fund"
PAYEE_KINDS = ("community", "institution", "fund", "family_total", "partner")


_NO_WORDS: Mapping[str, str] = {}


class Line(NamedTuple):
    """One step of one payee's statement.

    `stage`: S1 … S10 of the engine. `line_id`: what kind of step; its sentence is `allocate.line.<line_id>` of the
    catalogue, filled with `params`. `quantity` × `rate` explain the amount where that has a sense. `amount`: fen.
    `one_off`: it is paid once.
    """

    payee_kind: str
    payee_id: str
    stage: str
    line_id: str
    stream: str
    amount: int
    quantity: str | None = None
    rate: str | None = None
    params: Mapping[str, str] = _NO_WORDS
    one_off: bool = False


@dataclass(frozen=True)
class StreamResult:
    """Where the money of a stream went: lines of payees and of funds, which sum to `pool`.

    `tables`: frames of this kind of stream by name; frames of the same name of several streams are put together.
    `potential`: of money that results earn, payee → the most that it can earn in the year; `settled`: False while the
    year is not over, and what is not earned yet still may be. `amounts`: kind → payee → fen beside the lines, where
    nobody asks for lines. Raises ValueError where a fen is lost or made.
    """

    stream: str
    pool: int
    lines: Sequence[Line]
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    potential: Mapping[str, int] = field(default_factory=dict)
    settled: bool = True
    amounts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    _paid: dict[str, dict[str, int]] = field(default_factory=dict, repr=False, compare=False)
    _sums: dict[tuple[str, frozenset[str], bool], int] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        total = sum([line.amount for line in self.lines]) + sum(sum(own.values()) for own in self.amounts.values())
        if total != self.pool:
            raise ValueError(f"stream {self.stream}: the lines sum to {total} of {self.pool}")

    def paid(self, kind: str) -> dict[str, int]:
        """Payee of this kind → fen."""
        return dict(self._by_kind[kind])

    def paid_to(self, kind: str, payee: str) -> int:
        """Fen of one payee."""
        return self._by_kind[kind].get(payee, 0)

    def planned(self, kind: str) -> dict[str, int]:
        """As `paid`, with all that results may still earn."""
        return dict(self.potential) or self.paid(kind)

    def sum_of(self, kind: str, payees: frozenset[str], *, by_plan: bool) -> int:
        """Fen of these payees together, reckoned once; `by_plan`: with all that results may still earn."""
        key = kind, payees, by_plan
        if key not in self._sums:
            found = self.planned(kind) if by_plan else self._by_kind[kind]
            self._sums[key] = sum([amount for payee, amount in found.items() if payee in payees])
        return self._sums[key]

    @property
    def _by_kind(self) -> dict[str, dict[str, int]]:
        if not self._paid:
            self._paid.update(paid_of(self.lines))
            for kind, own in self.amounts.items():
                lines = self._paid[kind]
                self._paid[kind] = {payee: own.get(payee, 0) + lines.get(payee, 0) for payee in {**own, **lines}}
        return self._paid


def paid_of(lines: Iterable[Line]) -> dict[str, dict[str, int]]:
    """Kind → payee of this kind → sum of its lines in fen; every kind that may be paid is there."""
    paid: dict[str, dict[str, int]] = {kind: {} for kind in PAYEE_KINDS}
    for line in lines:
        own = paid[line.payee_kind]
        own[line.payee_id] = own.get(line.payee_id, 0) + line.amount
    return paid


def fund_line(fund: str, stage: str, line_id: str, stream: str, amount: int, **params: str) -> Line:
    """Money that a fund holds."""
    return Line(FUND, fund, stage, line_id, stream, amount, params=params)


MICRO = "millionths"
"""In a schema: whole millionths, which become decimals with six digits. Many decimals are slow one by one."""


def frame_of(rows: Sequence[Sequence[Any]], **schema: Any) -> pl.DataFrame:
    """A frame of rows with this schema, also of none."""
    return frame_by_column(by_column(rows, list(schema)), **schema)


def by_column(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Name → column, also of no rows."""
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return dict(zip(names, columns, strict=True))


def frame_by_column(columns: Mapping[str, Sequence[Any]], **schema: Any) -> pl.DataFrame:
    """A frame of columns with this schema. Raises DataError for whole numbers that no table can hold."""
    frame = pl.DataFrame([_series(name, columns[name], dtype) for name, dtype in schema.items()])
    micro = [name for name, dtype in schema.items() if dtype == MICRO]
    figures = (pl.col(micro).cast(pl.Decimal(38, 6)) / pl.lit(10**6)).cast(pl.Decimal(20, 6))
    return frame.with_columns(figures) if micro else frame


def _series(name: str, values: Sequence[Any], dtype: Any) -> pl.Series:
    try:
        return pl.Series(name, values, pl.Int64 if dtype == MICRO else dtype)
    except (TypeError, OverflowError):
        beyond = sum(isinstance(own, int) and not -LARGEST_WHOLE - 1 <= own <= LARGEST_WHOLE for own in values)
        if not beyond:
            raise
        raise DataError("allocate_beyond_tables", column=name, count=beyond, most=f"{LARGEST_WHOLE:,}") from None


def plain(figure: Decimal) -> str:
    """A number for sentences, without exponent and trailing zeros."""
    text = f"{figure:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def yuan(fen: int) -> str:
    """Fen as yuan with two decimals, for sentences."""
    whole, part = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole:,}.{part:02d}"
