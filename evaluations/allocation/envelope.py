"""Stage S1: the budget and the size of every stream, in whole fen.

Put here: amounts, shares, the rest, floors of budget lines. Keep out: who gets the money of a stream.
"""

from fractions import Fraction
from math import ceil, lcm

from data_contracts.allocation_spec.basics import Least
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.envelope import FundStream
from data_contracts.messages import wrong
from evaluations.allocation.lines import StreamResult, fund_line
from evaluations.allocation.problem import Conflict, Infeasible
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import LARGEST_FEN, Snapshot
from evaluations.rounding import largest_remainder


def envelope(spec: AllocationSpec, snapshot: Snapshot) -> tuple[int, dict[str, int]]:
    """The budget and each stream's pool; the pools sum to the budget. Money carried over comes on top of both.

    Raises Infeasible where the budget or a stream is below one of its floors, or streams do not fit the budget, and
    DefinitionError for a budget that no table could hold.
    """
    floors, budget = _floors(spec, snapshot), given_budget(spec, snapshot)
    carried = spec.carried_over()
    if budget + sum(carried.values()) >= LARGEST_FEN:
        raise wrong("allocate_budget_too_much")
    _above("budget", budget, floors)
    pools = _pools(spec, budget)
    for stream in spec.streams:
        place = f"streams.{stream.id}"
        _above(place, pools[stream.id], [(least.id, _least(least, snapshot, place)) for least in stream.at_least])
    pools = {stream: pool + carried.get(stream, 0) for stream, pool in pools.items()}
    return budget + sum(carried.values()), pools


def given_budget(spec: AllocationSpec, snapshot: Snapshot) -> int:
    """Fen that the spec gives, without money carried over: the amount, or the highest of the floors."""
    given = spec.budget.amount
    if given is not None:
        return spec.fen(given)
    return max((floor for _, floor in _floors(spec, snapshot)), default=0)


def _floors(spec: AllocationSpec, snapshot: Snapshot) -> list[tuple[str, int]]:
    return [(least.id, _least(least, snapshot, f"budget.{least.id}")) for least in spec.budget.at_least]


def _pools(spec: AllocationSpec, budget: int) -> dict[str, int]:
    exact: list[Fraction | None] = []
    for stream in spec.streams:
        if stream.rest:
            exact.append(None)
        else:
            exact.append(
                Fraction(spec.fen(stream.amount)) if stream.amount is not None else Fraction(stream.share or 0) * budget
            )
    sizes = [size for size in exact if size is not None]
    left = budget - sum(sizes, Fraction(0))
    if left < 0 or (left and None not in exact):
        raise Infeasible(Conflict(("streams", "budget"), "budget", ceil(abs(left)), budget, surplus=left > 0))
    whole = [left if size is None else size for size in exact]
    ids = [stream.id for stream in spec.streams]
    return dict(zip(ids, largest_remainder(_integers(whole), budget, ids), strict=True))


def _integers(sizes: list[Fraction]) -> list[int]:
    """The same sizes on a common whole scale."""
    scale = lcm(*(size.denominator for size in sizes))
    return [int(size * scale) for size in sizes]


def _least(least: Least, snapshot: Snapshot, place: str) -> int:
    """The floor in fen, rounded up."""
    each = snapshot.spec.fen_per_unit
    if least.amount is not None:
        return snapshot.spec.fen(least.amount)
    if least.growth is not None and least.base is not None:
        return ceil(Fraction(least.base) * each * (1 + Fraction(least.growth)))
    if least.population is None or least.per_head is None:
        raise ValueError("a floor without a way")
    people = sum(map(Fraction, snapshot.figures(least.population, f"{place}.{least.id}.population")))
    return ceil(people * Fraction(least.per_head) * each)


def _above(subject: str, amount: int, floors: list[tuple[str, int]]) -> None:
    broken = [(name, floor) for name, floor in floors if floor > amount]
    if broken:
        highest = max(floor for _, floor in broken)
        rules = (*(f"at_least:{name}" for name, _ in broken), "budget")
        raise Infeasible(Conflict(rules, subject, highest - amount, amount))


def held(stream: FundStream, pool: int, _: Setting) -> StreamResult:
    """A stream that only holds money."""
    return StreamResult(stream.id, pool, [fund_line(stream.fund, "S1", "held", stream.id, pool)])
