"""Money that streams carried over from earlier years: found in the release that closed the last one, and spent now.

What no source takes up stays in the fund, and can be taken up in any later year: each release says what it leaves
there, so that the next one knows of it.

Put here: amounts and their origin for sources of kind `carried_over`, and what nobody takes up. Keep out: dividing it
(evaluations), which release was paid (assets.release).
"""

from collections.abc import Mapping
from decimal import Decimal

import polars as pl

from assets.compute.paid_periods import Frames, Released, closed_year, last_of_year_before, release_name
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.funding import FundingSource
from data_contracts.closed import Bilingual
from data_contracts.messages import both
from data_contracts.periods import Period
from evaluations.allocation.lines import FUND, frame_of, yuan
from evaluations.allocation.performance import CARRY_OVER
from evaluations.allocation.snapshot import DataError

SCHEMA = {
    "stream": pl.String, "held_fen": pl.Int64, "spent_fen": pl.Int64, "left_fen": pl.Int64, "source_release": pl.String,
}  # fmt: skip


def with_carried(spec: AllocationSpec, period: Period, first: str, released: Released) -> AllocationSpec:
    """The spec with the amount and the origin of every source that is carried over and states no amount.

    `first`: the home's first period; before it nothing was carried over, and the source is left out. Raises DataError
    where the release that closed the year before is not published, or a stated amount is more than it held.
    """
    last, found = last_of_year_before(period), []
    for source in spec.sources:
        if source.kind == "carried_over" and source.amount is not None:
            _check_held(spec, source, last, released)
            found.append(source)
        elif source.kind != "carried_over":
            found.append(source)
        elif last.key >= first:
            tables = closed_year(released, last, source.streams[0])
            fen = held_over(tables).get(source.streams[0], 0)
            name = release_name(tables, last)
            titles = source.titles or Bilingual(**both("alloc.carried_from", release=name))
            amount = Decimal(fen) / spec.fen_per_unit
            origin = source.reference or name
            found.append(source.model_copy(update={"amount": amount, "titles": titles, "reference": origin}))
    return spec.model_copy(update={"sources": found})


def _check_held(spec: AllocationSpec, source: FundingSource, last: Period, released: Released) -> None:
    """Where no release tells, the amount is believed."""
    tables, stated = _known(released, last), spec.fen(source.amount or Decimal(0))
    held = None if tables is None else held_over(tables).get(source.streams[0], 0)
    if tables is not None and held is not None and stated > held:
        raise DataError("allocation_carried_too_much", id=source.id, stream=source.streams[0], stated=yuan(stated),
                        held=yuan(held), release=release_name(tables, last))  # fmt: skip


def _known(released: Released, last: Period) -> Frames | None:
    """The tables that closed a year; None where it cannot be known what was paid, of which settling speaks."""
    try:
        tables = released(last.key)
    except DataError:
        return None
    return tables if tables is not None and "alloc__payments" in tables else None


def carried_over(spec: AllocationSpec, period: Period, released: Released) -> pl.DataFrame:
    """SCHEMA: of each stream what the fund held when the year began, is spent in the year, and stays in the fund.

    `spec`: with the amounts of the year. Without rows where no release closed the year before.
    """
    last = last_of_year_before(period)
    tables = _known(released, last)
    if tables is None:
        return pl.DataFrame(schema=SCHEMA)
    spent, name = spec.carried_over(), release_name(tables, last)
    held = {stream: fen for stream, fen in sorted(held_over(tables).items()) if fen}
    rows = [(stream, fen, spent.get(stream, 0), fen - spent.get(stream, 0), name) for stream, fen in held.items()]
    return frame_of(rows, **SCHEMA)


def left_lying(carried: pl.DataFrame) -> dict[str, str] | None:
    """In both languages, what stays in the fund, stream by stream; None where all is spent."""
    lying = carried.filter(pl.col("left_fen") > 0)
    if lying.is_empty():
        return None
    streams = "; ".join(f"{stream} {yuan(fen)}" for stream, fen in lying.select("stream", "left_fen").iter_rows())
    return both("alloc.carried_untouched", streams=streams, release=lying["source_release"][0])


def held_over(tables: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Stream → fen of carried-over money at the end of the year of `tables`: what it added, and what it left lying."""
    own = tables["alloc__payments"].filter(payee_kind=FUND, payee_id=CARRY_OVER)
    found: dict[str, int] = dict(own.select("stream", "year_fen").iter_rows())
    if "alloc__carried" in tables:
        for stream, fen in tables["alloc__carried"].select("stream", "left_fen").iter_rows():
            found[stream] = found.get(stream, 0) + fen
    return found
