"""What a period of money is settled against: paid amounts, balances and claw-backs, declared or from releases.

Put here: from the words of `settlement` and the tables of releases to a record. Keep out: settling (evaluations),
which release was paid (assets.release), what releases together say of a year (paid_history).
"""

from collections.abc import Mapping, Sequence

from assets.compute.allocation_tables import RoadTables
from assets.compute.paid_history import History, Told, told
from assets.compute.paid_periods import Frames, Released, earlier_in_year, last_of_year_before
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.funding import Settlement
from data_contracts.messages import both
from data_contracts.periods import Period
from evaluations.allocation.accounts import Payee
from evaluations.allocation.funding import declared
from evaluations.allocation.settling import Prepaid, Record
from evaluations.allocation.snapshot import DataError, Snapshot


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
        back = _followed(spec, reading, [], _owed_before(spec, reading, released)).owed
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
    kinds = {reading.document.payee_level: spec.payees.kind}
    steps = earlier_in_year(reading.period)
    releases = [released(step.key) for step in steps]
    unknown = [step.key for step, tables in zip(steps, releases, strict=True) if tables is None]
    if unknown and (not gaps or releases[-1] is None):
        raise DataError("allocation_unpaid_periods", periods=", ".join(unknown))
    said = [None if tables is None else told(tables, kinds) for tables in releases]
    history = _followed(spec, reading, said, _owed_before(spec, reading, released) if back is None else {})
    back = history.owed if back is None else back
    if any((carried or {}).values()) or any(back.values()):
        _refuse_unknown_set_off(steps, said)
    paid = history.settled()
    gone = sorted({stream for _, _, stream in paid} - {stream.id for stream in spec.streams})
    if gone:
        raise DataError("allocation_stream_gone", streams=", ".join(gone))
    return Record(paid, {key: sum(row) for key, row in history.taken.items()}, carried or {}, back)


def _followed(
    spec: AllocationSpec, reading: RoadTables, said: Sequence[Told | None], owed: Mapping[Payee, int]
) -> History:
    """What releases of the earlier periods say, and what was owed when the year began, on the areas of now."""
    steps = earlier_in_year(reading.period)
    history, gap, then = History(spec.payees.kind, len(steps), owed), 0, last_of_year_before(reading.period)
    for at, (step, own) in enumerate(zip(steps, said, strict=False)):
        if own is None:
            gap += 1
            continue
        history.pass_on(reading.heirs(then, step))
        history.take_up(own, at, gap)
        then, gap = step, 0
    history.pass_on(reading.heirs(then, reading.period))
    return history


def _refuse_unknown_set_off(steps: Sequence[Period], said: Sequence[Told | None]) -> None:
    """What is carried over or clawed back would be taken twice if a period may have set it off and nothing tells."""
    silent = [
        step.key
        for at, step in enumerate(steps)
        if said[at] is None and next(own for own in said[at:] if own is not None).paid_before is None
    ]
    if silent:
        raise DataError("allocation_unpaid_periods", periods=", ".join(silent))


def _by_payee(kind: str, ids: list[str], amounts: list[int]) -> dict[Payee, int]:
    return {(kind, own): amount for own, amount in zip(ids, amounts, strict=True)}


def _owed_before(spec: AllocationSpec, reading: RoadTables, released: Released) -> dict[Payee, int]:
    """What the settlement of the year before left to be taken off, on the areas of then."""
    settlement = (released(last_of_year_before(reading.period).key) or {}).get("alloc__settlement")
    if settlement is None:
        return {}
    kinds = {reading.document.payee_level: spec.payees.kind}
    rows = settlement.select("payee_kind", "payee_id", "offset_next_year_fen").iter_rows()
    return {(kinds.get(kind, kind), payee): fen for kind, payee, fen in rows if fen}
