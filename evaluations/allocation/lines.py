"""What a stream answers with: lines in whole fen, and frames of its own.

Put here: the line, the result of a stream, their sums. Keep out: sentences (messages), arithmetic of any stream.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

FUND = "fund"
PAYEE_KINDS = ("community", "institution", "fund", "family_total", "partner")


@dataclass(frozen=True)
class Line:
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
    params: Mapping[str, str] = field(default_factory=dict)
    one_off: bool = False


@dataclass(frozen=True)
class StreamResult:
    """Where the money of a stream went: lines of payees and of funds, which sum to `pool`.

    `tables`: frames of this kind of stream by name; frames of the same name of several streams are put together.
    `potential`: of money that results earn, payee → the most that it can earn in the year; `settled`: False while the
    year is not over, and what is not earned yet still may be. Raises ValueError where a fen is lost or made.
    """

    stream: str
    pool: int
    lines: Sequence[Line]
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    potential: Mapping[str, int] = field(default_factory=dict)
    settled: bool = True
    _paid: dict[str, dict[str, int]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        total = sum(line.amount for line in self.lines)
        if total != self.pool:
            raise ValueError(f"stream {self.stream}: the lines sum to {total} of {self.pool}")

    def paid(self, kind: str) -> dict[str, int]:
        """Payee of this kind → fen."""
        if not self._paid:
            self._paid.update(paid_of(self.lines))
        return dict(self._paid[kind])

    def planned(self, kind: str) -> dict[str, int]:
        """As `paid`, with all that results may still earn."""
        return dict(self.potential) or self.paid(kind)


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
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return frame_by_column(dict(zip(schema, columns, strict=True)), **schema)


def frame_by_column(columns: Mapping[str, Sequence[Any]], **schema: Any) -> pl.DataFrame:
    """A frame of columns with this schema."""
    frame = pl.DataFrame(
        [pl.Series(name, columns[name], pl.Int64 if dtype == MICRO else dtype) for name, dtype in schema.items()]
    )
    micro = [name for name, dtype in schema.items() if dtype == MICRO]
    figures = (pl.col(micro).cast(pl.Decimal(38, 6)) / pl.lit(10**6)).cast(pl.Decimal(20, 6))
    return frame.with_columns(figures) if micro else frame


def plain(figure: Decimal) -> str:
    """A number for sentences, without exponent and trailing zeros."""
    text = f"{figure:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def yuan(fen: int) -> str:
    """Fen as yuan with two decimals, for sentences."""
    return f"{Decimal(fen).scaleb(-2):,.2f}"
