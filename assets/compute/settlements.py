"""What a period of money is settled against: paid amounts, balances and claw-backs, declared or from releases.

Put here: from the words of `settlement` and the tables of releases to a record. Keep out: settling (evaluations),
which release was paid (assets.release).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from assets.compute.allocation_tables import RoadTables
from assets.compute.inputs import periods_per_year
from assets.compute.succession import Heirs, passed_on
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.funding import Settlement
from data_contracts.messages import both
from data_contracts.periods import Period
from evaluations.allocation.accounts import Payee
from evaluations.allocation.funding import declared
from evaluations.allocation.settling import Key, Prepaid, Record
from evaluations.allocation.snapshot import DataError, Snapshot
from evaluations.rounding import instalments

_PAYMENT = ("payee_kind", "stream", "payee_id", "before_fen", "amount_fen", "set_off_fen")
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
        back = _owed_before(spec, reading, released)
    return Prepaid(column("prepaid") or {}, carried or {}, back)


def record_found(
    spec: AllocationSpec, reading: RoadTables, released: Released
) -> tuple[Record | None, dict[str, str] | None]:
    """As `record_of` where settings say nothing.

    A release also says what it took as paid before it: that counts for periods without one, so that the year adds up.
    None where the last period before this one has no release, or where it cannot be known which was paid; why, in both
    languages, stands beside it where the year has releases at all.
    """
    try:
        return _of_releases(spec, reading, released, gaps=True), None
    except DataError as error:
        return None, both("alloc.before_reckoned", reason=error.words) if _any_released(reading, released) else None


def _any_released(reading: RoadTables, released: Released) -> bool:
    """Whether some earlier period of the year has a release; one of which it cannot be known what it paid is one."""
    for step in earlier_in_year(reading.period):
        try:
            if released(step.key) is not None:
                return True
        except DataError:
            return True
    return False


def _of_releases(
    spec: AllocationSpec, reading: RoadTables, released: Released, carried: Mapping[Payee, int] | None = None,
    back: Mapping[Payee, int] | None = None, *, gaps: bool = False,
) -> Record:  # fmt: skip
    """`gaps`: periods without a release are as the release after them takes them."""
    period, kinds = reading.period, {reading.document.payee_level: spec.payees.kind}
    if back is None:
        back = _owed_before(spec, reading, released)
    steps = earlier_in_year(period)
    found = [released(step.key) for step in steps]
    unknown = [step.key for step, tables in zip(steps, found, strict=True) if tables is None]
    if unknown and (not gaps or found[-1] is None):
        raise DataError("allocation_unpaid_periods", periods=", ".join(unknown))
    paid, taken = _paid(
        [_settled(tables, kinds, reading.heirs(step)) if tables else None
         for step, tables in zip(steps, found, strict=True)]
    )  # fmt: skip
    gone = sorted({stream for _, _, stream in paid} - {stream.id for stream in spec.streams})
    if gone:
        raise DataError("allocation_stream_gone", streams=", ".join(gone))
    return Record(paid, taken, carried or {}, back)


def _by_payee(kind: str, ids: list[str], amounts: list[int]) -> dict[Payee, int]:
    return {(kind, own): amount for own, amount in zip(ids, amounts, strict=True)}


def _paid(releases: Sequence[Mapping[Key, "_Settled"] | None]) -> tuple[dict[Key, list[int]], dict[Key, int]]:
    """Payee and stream → fen settled in each earlier period, oldest first; and fen set off instead of paid."""
    paid: dict[Key, list[int]] = {}
    taken: dict[Key, int] = {}
    gap = 0
    for at, found in enumerate(releases):
        for key, own in (found or {}).items():
            row = paid.setdefault(key, [0] * len(releases))
            if gap:
                row[at - gap : at] = _in_parts(own.before - sum(row), gap)
            row[at] = own.settled
            taken[key] = taken.get(key, 0) + own.taken
        gap = gap + 1 if found is None else 0
    return paid, taken


class _Settled(NamedTuple):
    """What a release settled: fen in all earlier periods, in its own, and of these what was set off."""

    before: int
    settled: int
    taken: int


def _settled(tables: Frames, kinds: Mapping[str, str], took_over: Heirs) -> dict[Key, _Settled]:
    """By payee and stream; what areas were paid that are merged or divided now counts for who took over from them."""
    frame, found = tables.get("alloc__payments"), dict[Key, _Settled]()
    groups = {} if frame is None else frame.select(_PAYMENT).partition_by("payee_kind", "stream", as_dict=True)
    for (kind, stream), own in groups.items():
        columns: tuple[dict[str, int], ...] = ({}, {}, {})
        for payee, before, amount, set_off in own.drop("payee_kind", "stream").iter_rows():
            # What is owed only until later settles nothing.
            taken = max(0, -set_off)
            for column, fen in zip(columns, (before, amount + taken, taken), strict=True):
                column[payee] = fen
        moved = [passed_on(column, took_over if kind in kinds else {}) for column in columns]
        for payee in moved[0]:
            found[kinds.get(kind, kind), payee, stream] = _Settled(*(column[payee] for column in moved))
    return found


def _in_parts(amount: int, parts: int) -> list[int]:
    return [own if amount > 0 else -own for own in instalments(abs(amount), parts)]


def _owed_before(spec: AllocationSpec, reading: RoadTables, released: Released) -> dict[Payee, int]:
    """What the settlement of the year before left to be taken off."""
    last, level = periods_settled_against(reading.period)[0], reading.document.payee_level
    settlement = (released(last.key) or {}).get("alloc__settlement")
    if settlement is None:
        return {}
    found: dict[Payee, int] = {}
    for (kind,), own in settlement.partition_by("payee_kind", as_dict=True).items():
        owed = dict(own.select("payee_id", "offset_next_year_fen").iter_rows())
        moved = passed_on(owed, reading.heirs(last)) if kind == level else owed
        found |= {(spec.payees.kind if kind == level else kind, payee): fen for payee, fen in moved.items() if fen}
    return found
