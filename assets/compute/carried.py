"""Money that streams carried over from the year before: found in the release that closed that year, and spent now.

Put here: amounts and their origin for sources of kind `carried_over`, and what nobody takes up. Keep out: dividing it
(evaluations), which release was paid (assets.release).
"""

from collections.abc import Mapping
from decimal import Decimal

import polars as pl

from assets.compute.settlements import Released, periods_settled_against
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.closed import Bilingual
from data_contracts.messages import both
from data_contracts.periods import Period
from data_contracts.tables import RELEASE
from evaluations.allocation.lines import FUND
from evaluations.allocation.performance import CARRY_OVER
from evaluations.allocation.snapshot import DataError


def with_carried(spec: AllocationSpec, period: Period, first: str, released: Released) -> AllocationSpec:
    """The spec with the amount and the origin of every source that is carried over and states no amount.

    `first`: the home's first period; before it nothing was carried over, and the source is left out. Raises DataError
    where the release that closed the year before is not published.
    """
    last, found = periods_settled_against(period)[0], []
    for source in spec.sources:
        if source.kind != "carried_over" or source.amount is not None:
            found.append(source)
        elif last.key >= first:
            tables = released(last.key)
            if tables is None or "alloc__payments" not in tables:
                raise DataError("allocation_no_settled_year", stream=source.streams[0], period=last.key)
            fen = held_over(tables).get(source.streams[0], 0)
            name = _name(tables, last)
            titles = source.titles or Bilingual(**both("alloc.carried_from", release=name))
            amount = Decimal(fen) / spec.fen_per_unit
            origin = source.reference or name
            found.append(source.model_copy(update={"amount": amount, "titles": titles, "reference": origin}))
    return spec.model_copy(update={"sources": found})


def left_lying(spec: AllocationSpec, period: Period, released: Released) -> dict[str, str] | None:
    """In both languages, streams whose carried-over money no source of this year takes up; None where there are none.

    Where it cannot be known what was paid, nothing is said: settling says it.
    """
    last = periods_settled_against(period)[0]
    try:
        tables = released(last.key)
    except DataError:
        return None
    taken = {source.streams[0] for source in spec.sources if source.kind == "carried_over"}
    lying = {} if tables is None else held_over(tables)
    streams = sorted(stream for stream, fen in lying.items() if fen and stream not in taken)
    if not streams or tables is None:
        return None
    return both("alloc.carried_untouched", streams=", ".join(streams), release=_name(tables, last))


def held_over(tables: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Stream → fen that the fund of carried-over money held for it at the end of the year of `tables`."""
    if "alloc__payments" not in tables:
        return {}
    own = tables["alloc__payments"].filter(payee_kind=FUND, payee_id=CARRY_OVER)
    return dict(own.select("stream", "year_fen").iter_rows())


def _name(tables: Mapping[str, pl.DataFrame], last: Period) -> str:
    return str(tables[RELEASE][RELEASE][0]) if RELEASE in tables else last.key
