"""What a period of money is settled against: paid amounts, balances and claw-backs, declared or from releases.

Put here: from the words of `settlement` and the tables of releases to a record. Keep out: settling (evaluations),
which release was paid (assets.release).
"""

from collections.abc import Callable, Mapping

import polars as pl

from assets.compute.allocation_tables import RoadTables
from assets.compute.inputs import periods_per_year
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.funding import Settlement
from data_contracts.periods import Period
from evaluations.allocation.accounts import Payee
from evaluations.allocation.funding import declared
from evaluations.allocation.settling import Key, Prepaid, Record
from evaluations.allocation.snapshot import DataError, Snapshot

_PAYMENT = ("payee_kind", "payee_id", "stream", "amount_fen", "set_off_fen")
Frames = Mapping[str, pl.DataFrame]
Released = Callable[[str], Frames | None]
"""Period → tables of the release that was paid, None without any; raises DataError where that cannot be known."""


def earlier_in_year(period: Period) -> list[Period]:
    """The periods of the year before `period`, oldest first."""
    return [period.shift(-back) for back in range(period.index - 1, 0, -1)]


def periods_settled_against(period: Period) -> list[Period]:
    """Periods whose releases say what was paid: the earlier ones of the year, and the last of the year before."""
    return [Period(period.year - 1, periods_per_year(period), period.grain), *earlier_in_year(period)]


def record_of(
    words: Settlement, spec: AllocationSpec, given: Frames, reading: RoadTables, released: Released
) -> Record | Prepaid:
    """The record that the payment of the reading's period is settled against. Raises DataError where it is not known.

    `given`: the tables that the spec reads; `spec`: without its settlement, which `words` say.
    """
    snapshot = Snapshot(spec, given)

    def column(name: str) -> dict[Payee, int] | None:
        found = declared(snapshot, words, name)
        return None if found is None else _by_payee(spec.payees.kind, snapshot.ids, found)

    carried, back = column("carried_over"), column("claw_back")
    # In the first period of the year nothing was paid before, whatever a table says.
    if words.prepaid is None or reading.period.index == 1:
        return _of_releases(spec, reading, released, carried, back)
    if back is None:
        before = released(periods_settled_against(reading.period)[0].key) or {}
        back = _owed(before.get("alloc__settlement"), {reading.document.payee_level: spec.payees.kind})
    return Prepaid(column("prepaid") or {}, carried or {}, back)


def record_found(spec: AllocationSpec, reading: RoadTables, released: Released) -> Record | None:
    """As `record_of` where settings say nothing: what releases paid, if each earlier period paid one way."""
    try:
        return _of_releases(spec, reading, released)
    except DataError:
        return None


def _of_releases(
    spec: AllocationSpec, reading: RoadTables, released: Released, carried: Mapping[Payee, int] | None = None,
    back: Mapping[Payee, int] | None = None,
) -> Record:  # fmt: skip
    period, kinds = reading.period, {reading.document.payee_level: spec.payees.kind}
    if back is None:
        before = released(periods_settled_against(period)[0].key) or {}
        back = _owed(before.get("alloc__settlement"), kinds)
    paid, taken = _paid([(step, released(step.key)) for step in earlier_in_year(period)], kinds)
    gone = sorted({stream for _, _, stream in paid} - {stream.id for stream in spec.streams})
    if gone:
        raise DataError("allocation_stream_gone", streams=", ".join(gone))
    return Record(paid, taken, carried or {}, back)


def _by_payee(kind: str, ids: list[str], amounts: list[int]) -> dict[Payee, int]:
    return {(kind, own): amount for own, amount in zip(ids, amounts, strict=True)}


def _paid(
    releases: list[tuple[Period, Frames | None]], kinds: Mapping[str, str]
) -> tuple[dict[Key, list[int]], dict[Key, int]]:
    """Payee and stream → fen settled in each earlier period, oldest first; and fen set off instead of paid."""
    unknown = [step.key for step, found in releases if found is None]
    if unknown:
        raise DataError("allocation_unpaid_periods", periods=", ".join(unknown))
    paid: dict[Key, list[int]] = {}
    taken: dict[Key, int] = {}
    for at, (_, tables) in enumerate(releases):
        frame = (tables or {}).get("alloc__payments")
        rows = [] if frame is None else frame.select(_PAYMENT).iter_rows()
        for kind, payee, stream, amount, set_off in rows:
            key = (kinds.get(kind, kind), payee, stream)
            # What is owed only until later settles nothing.
            own = max(0, -set_off)
            paid.setdefault(key, [0] * len(releases))[at] = amount + own
            taken[key] = taken.get(key, 0) + own
    return paid, taken


def _owed(settlement: pl.DataFrame | None, kinds: Mapping[str, str]) -> dict[Payee, int]:
    if settlement is None:
        return {}
    rows = settlement.select("payee_kind", "payee_id", "offset_next_year_fen").iter_rows()
    return {(kinds.get(kind, kind), payee): amount for kind, payee, amount in rows if amount}
