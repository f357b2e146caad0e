"""The division of a period's money among payees: streams, need, performance, floors and caps, reserved shares.

Put here: the order of steps, each exact in whole minor units, and one line per step and payee. Keep out: budgets and
parameters (settings), sentences (messages), names.

Steps: (1) the budget is split into streams; (2) per-head money by population, need money by population times the risk
multiplier; (3) floors and caps as multiples of equal money per head, others scaled by one multiplier; (4) a reserved
share, where it is not met, lifts its group and lowers the rest by one multiplier each; (5) performance money by
population times score, what is not earned goes to a support fund; (6) the reserve stream goes to its fund.
What is not known never pays: a payee without risk counts like the lowest risk there is (and never above the neutral
one), a payee without score like the lowest score there is. Money for which no payee has a weight is a conflict, too.
Known weaknesses: money lifted by a reserved share or a floor is paid by those who are at no bound; the one payee with
the lowest figure of all would be taken for the second lowest if it kept its figure back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import polars as pl

from evaluations.rounding import largest_remainder
from evaluations.waterfill import NoSolution, most, water_fill, water_fill_groups

_QUANTUM = 10**12
_PEOPLE = 10**6
SUPPORT_FUND, RESERVE_FUND = "support_fund", "reserve_fund"


@dataclass(frozen=True)
class StreamRule:
    """A part of the budget; `kind` is per_head, need, performance or reserve.

    `tilt` of a need stream is (times as much at risk 100 as at 0, neutral risk).
    """

    id: str
    kind: str
    share: Decimal
    tilt: tuple[Decimal, Decimal] | None = None


@dataclass(frozen=True)
class ReserveRule:
    """A group of payees that must get at least `minimum_share` of the budget without its reserve stream."""

    id: str
    group: str
    minimum_share: Decimal


@dataclass(frozen=True)
class AllocationRule:
    """Everything that decides besides the payees. Budget in whole minor units."""

    budget: int
    payee_kind: str
    streams: Sequence[StreamRule]
    floor: Decimal | None = None
    cap: Decimal | None = None
    reserves: Sequence[ReserveRule] = ()

    def __post_init__(self) -> None:
        if self.budget < 0:
            raise ValueError("the budget is negative")
        if sum(stream.share for stream in self.streams) != 1:
            raise ValueError("the shares of the streams do not sum to 1")
        if len({stream.id for stream in self.streams}) < len(self.streams):
            raise ValueError("two streams have the same id")
        kinds = [stream.kind for stream in self.streams]
        if not {"per_head", "need"} & set(kinds) or kinds.count("performance") > 1:
            raise ValueError("there must be a stream per_head or need, and at most one performance stream")


@dataclass(frozen=True)
class Payee:
    """A payee: people, people weighted for need, risk and score (None where unknown), and the groups it is in.

    Risk and score run from 0 to 100. A payee without people has no weight for need either.
    """

    id: str
    population: Decimal
    weighted: Decimal
    risk: Decimal | None = None
    score: Decimal | None = None
    groups: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.population < 0 or self.weighted < 0:
            raise ValueError(f"payee {self.id}: people are negative")
        if any(figure is not None and not 0 <= figure <= 100 for figure in (self.risk, self.score)):
            raise ValueError(f"payee {self.id}: risk and score must lie from 0 to 100")


@dataclass(frozen=True)
class Line:
    """One step of one payee's statement."""

    payee_kind: str
    payee_id: str
    line_id: str
    stream: str
    quantity: Decimal | None
    rate: str | None
    amount: int


@dataclass(frozen=True)
class Conflict:
    """Rules that cannot hold together, by how much money, and the best that can be reached.

    Rules: `floors`, `caps`, `no_weights` (nobody counts for a stream) or ids of reserved shares. `reachable`: the most
    the group of a reserved share can get, what it earns included, otherwise the most that can be paid at all.
    """

    rules: tuple[str, ...]
    short: int
    reachable: int


@dataclass(frozen=True)
class Allocation:
    """Lines and bounds, or the conflict and no payment at all."""

    lines: list[Line]
    bounds: dict[str, str]
    equal_shares: dict[str, int]
    conflict: Conflict | None = None

    def lines_frame(self) -> pl.DataFrame:
        """The lines with running number per payee, in the order of payees and steps."""
        rows = [(x.payee_kind, x.payee_id, x.line_id, x.stream, x.quantity, x.rate, x.amount) for x in self.lines]
        schema: dict[str, pl.DataType] = {
            "payee_kind": pl.String(),
            "payee_id": pl.String(),
            "line_id": pl.String(),
            "stream": pl.String(),
            "quantity": pl.Decimal(38, 6),
            "rate": pl.String(),
            "amount_fen": pl.Int64(),
        }
        frame = pl.DataFrame(rows, schema=schema, orient="row")
        number = pl.int_range(1, pl.len() + 1).over("payee_kind", "payee_id").cast(pl.Int64)
        return frame.with_columns(number.alias("line_no"))


def allocate(rule: AllocationRule, payees: Sequence[Payee]) -> Allocation:
    """Divide the budget; lines sum to each payee's amount, payees and funds sum to the budget, to the unit.

    Raises ValueError for payees with the same id; rules that cannot hold together are an answer, without lines.
    """
    payees = sorted(payees, key=lambda payee: payee.id)
    if len({payee.id for payee in payees}) < len(payees):
        raise ValueError("two payees have the same id")
    try:
        work = _Work(rule, payees)
        bounds = work.base_money()
    except _Infeasible as found:
        return Allocation([], {}, {}, found.conflict)
    work.performance_lines()
    work.fund_lines()
    order = {
        "per_head": 0,
        "need": 1,
        "floor": 2,
        "cap": 3,
        "scaling": 4,
        "reserve": 5,
        "performance": 6,
        "not_earned": 7,
    }
    lines = sorted(work.lines, key=lambda x: (x.payee_kind == "fund", x.payee_id, order.get(x.line_id, 9)))
    return Allocation(lines, bounds, dict(zip(work.ids, work.equal, strict=True)))


class _Infeasible(Exception):  # noqa: N818
    def __init__(self, conflict: Conflict) -> None:
        self.conflict = conflict
        super().__init__(conflict.rules)


@dataclass
class _Work:
    """The state of one allocation while its steps run; amounts are whole units in the order of the sorted payees."""

    rule: AllocationRule
    payees: Sequence[Payee]
    lines: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ids = [payee.id for payee in self.payees]
        shares = [int(stream.share * _QUANTUM) for stream in self.rule.streams]
        names = [stream.id for stream in self.rule.streams]
        self.pools = dict(zip(names, largest_remainder(shares, self.rule.budget, names), strict=True))
        self.people = [_whole(payee.population, _PEOPLE) for payee in self.payees]
        self.base_streams = [stream for stream in self.rule.streams if stream.kind in ("per_head", "need")]
        self.base_pool = sum(self.pools[stream.id] for stream in self.base_streams)
        self.equal = self._shared(self.people, self.base_pool)
        stream = self._performance()
        self.potential = self._shared(self.people, self.pools[stream.id] if stream else 0)
        self.earned = self._earned()

    def base_money(self) -> dict[str, str]:
        """Per-head and need money within floors, caps and reserved shares; adds lines, returns the bound each hit."""
        natural, targets, denominator = [0] * len(self.payees), [0] * len(self.payees), 1
        for stream in self.base_streams:
            weights, rates = self._weights(stream)
            amounts = self._shared(weights, self.pools[stream.id])
            self._add(stream.kind, stream.id, amounts, self._quantity(stream), rates)
            natural = [before + amount for before, amount in zip(natural, amounts, strict=True)]
            # Targets share one denominator so that the solver stays within integers.
            scale = sum(weights) or 1
            targets = [
                target * scale + self.pools[stream.id] * weight * denominator
                for target, weight in zip(targets, weights, strict=True)
            ]
            denominator *= scale
        amounts, bounds = self._bounded(natural, targets)
        bounds = self._reserved(amounts, bounds, targets)
        if self.rule.floor is None and self.rule.cap is None:
            bounds = ["none"] * len(self.ids)
        return dict(zip(self.ids, bounds, strict=True))

    def _shared(self, weights: list[int], pool: int) -> list[int]:
        if pool and not any(weights):
            raise _Infeasible(Conflict(("no_weights",), pool, 0))
        return largest_remainder(weights, pool, self.ids)

    def _weights(self, stream: StreamRule) -> tuple[list[int], list[str] | None]:
        if stream.kind == "per_head":
            return self.people, None
        weighted = [_whole(payee.weighted, _PEOPLE) if payee.population else 0 for payee in self.payees]
        if stream.tilt is None:
            return weighted, None
        factors = _risk_factors([payee.risk for payee in self.payees], *stream.tilt)
        weights = [people * int(factor * _QUANTUM) for people, factor in zip(weighted, factors, strict=True)]
        return weights, [f"{factor:.4f}" for factor in factors]

    def _quantity(self, stream: StreamRule) -> list[Decimal]:
        return [payee.population if stream.kind == "per_head" else payee.weighted for payee in self.payees]

    def _limits(self) -> tuple[list[int], list[int | None]]:
        """Floors rounded up and caps rounded down to whole units, as multiples of equal money per head."""
        whole = sum(self.people) or 1
        floor, cap = self.rule.floor or Decimal(0), self.rule.cap
        top, bottom = floor.as_integer_ratio()
        floors = [-(-people * self.base_pool * top // (whole * bottom)) for people in self.people]
        if cap is None:
            return floors, [None] * len(floors)
        top, bottom = cap.as_integer_ratio()
        caps = [people * self.base_pool * top // (whole * bottom) for people in self.people]
        # With very little money no whole unit may lie between the two: the floor is kept.
        return floors, [max(cap, floor) for cap, floor in zip(caps, floors, strict=True)]

    def _bounded(self, natural: list[int], targets: list[int]) -> tuple[list[int], list[str]]:
        """Amounts within floors and caps with the bound each payee stands at; adds a line where something changes."""
        floors, caps = self._limits()
        try:
            filled = water_fill(targets, floors, caps, self.base_pool, self.ids)
        except NoSolution as no:
            reachable = self.base_pool - (no.short if no.side == "caps" else 0)
            raise _Infeasible(Conflict((no.side,), no.short, reachable)) from None
        if all(
            floor <= amount and (cap is None or amount <= cap)
            for amount, floor, cap in zip(natural, floors, caps, strict=True)
        ):
            return natural, filled.bounds
        for at, (amount, old, bound) in enumerate(zip(filled.amounts, natural, filled.bounds, strict=True)):
            # Somebody lowered by the common factor may come to rest on its floor: that was not the floor's doing.
            own = (bound == "floor" and amount > old) or (bound == "cap" and amount < old)
            self._line(at, bound if own else "scaling", "bounds", None, None, amount - old)
        return filled.amounts, filled.bounds

    def _reserved(self, amounts: list[int], bounds: list[str], targets: list[int]) -> list[str]:
        """Lift the group of every reserved share that is not met to exactly its minimum; the others make room.

        Making room for one group may bring another below its own minimum, which is lifted next; a lifted group stays at
        its minimum. Returns the bound each payee stands at in the end.
        """
        binding: dict[str, tuple[list[int], int]] = {}
        while (unmet := self._unmet(amounts)) is not None:
            reserve, places, minimum = unmet
            binding[reserve] = (places, minimum)
            self._check_reach(binding, reserve, targets)
            floors, caps = self._limits()
            lifted = water_fill_groups(targets, floors, caps, self.base_pool, self.ids, binding)
            for at, (amount, old) in enumerate(zip(lifted.amounts, amounts, strict=True)):
                self._line(at, "reserve", reserve, None, None, amount - old)
            amounts, bounds = lifted.amounts, lifted.bounds
        return bounds

    def _unmet(self, amounts: list[int]) -> tuple[str, list[int], int] | None:
        """The first reserved share that is not met: its id, the places of its group, the base money they must get."""
        base = self.rule.budget - sum(self.pools[s.id] for s in self.rule.streams if s.kind == "reserve")
        for reserve in self.rule.reserves:
            places = [at for at, payee in enumerate(self.payees) if reserve.group in payee.groups]
            top, bottom = reserve.minimum_share.as_integer_ratio()
            minimum = -(-base * top // bottom) - sum(self.earned[at] for at in places)
            if sum(amounts[at] for at in places) < minimum:
                return reserve.id, places, minimum
        return None

    def _check_reach(self, binding: dict[str, tuple[list[int], int]], reserve: str, targets: list[int]) -> None:
        """Raise the conflict of a group that cannot hold its minimum, or for which the others cannot make room."""
        floors, caps = self._limits()
        places, minimum = binding[reserve]
        held = most(targets, floors, caps, places)
        grouped = {at for others, _ in binding.values() for at in others}
        kept = sum(amount for other, (_, amount) in binding.items() if other != reserve)
        left = self.base_pool - kept - sum(floor for at, floor in enumerate(floors) if at not in grouped)
        reachable = left if held is None else min(held, left)
        if reachable < minimum:
            side = "floors" if reachable == left else "caps"
            others = tuple(other for other in binding if other != reserve) if side == "floors" else ()
            earned = sum(self.earned[at] for at in places)
            raise _Infeasible(Conflict((reserve, *others, side), minimum - reachable, reachable + earned))

    def _performance(self) -> StreamRule | None:
        return next((stream for stream in self.rule.streams if stream.kind == "performance"), None)

    def _earned(self) -> list[int]:
        """Potential times score, rounded down; a payee without score is paid like the lowest score there is."""
        known = [payee.score for payee in self.payees if payee.score is not None]
        lowest = min(known, default=Decimal(0))
        scores = [payee.score if payee.score is not None else lowest for payee in self.payees]
        return [
            amount * _whole(score, 10**4) // (100 * 10**4) for amount, score in zip(self.potential, scores, strict=True)
        ]

    def performance_lines(self) -> None:
        """Potential, and what was not earned, per payee."""
        stream = self._performance()
        if stream is None:
            return
        for at, (amount, earned) in enumerate(zip(self.potential, self.earned, strict=True)):
            score = self.payees[at].score
            self._line(at, "performance", stream.id, self.payees[at].population, None, amount)
            self._line(at, "not_earned", stream.id, None, None if score is None else f"{score:.2f}", earned - amount)

    def fund_lines(self) -> None:
        """Money held by funds: performance money nobody earned, and the reserve streams."""
        stream = self._performance()
        if stream is not None:
            unearned = self.pools[stream.id] - sum(self.earned)
            self.lines.append(Line("fund", SUPPORT_FUND, "unearned", stream.id, None, None, unearned))
        for stream in self.rule.streams:
            if stream.kind == "reserve":
                amount = self.pools[stream.id]
                self.lines.append(Line("fund", RESERVE_FUND, "held", stream.id, None, None, amount))

    def _add(
        self, line_id: str, stream: str, amounts: list[int], quantity: list[Decimal], rates: list[str] | None
    ) -> None:
        for at, amount in enumerate(amounts):
            self._line(at, line_id, stream, quantity[at], rates[at] if rates else None, amount)

    def _line(
        self, at: int, line_id: str, stream: str, quantity: Decimal | None, rate: str | None, amount: int
    ) -> None:
        if amount or line_id in ("per_head", "need", "performance"):
            self.lines.append(Line(self.rule.payee_kind, self.ids[at], line_id, stream, quantity, rate, amount))


def _whole(value: Decimal, scale: int) -> int:
    return int((value * scale).to_integral_value(rounding=ROUND_HALF_EVEN))


def _risk_factors(risks: Sequence[Decimal | None], ratio: Decimal, reference: Decimal) -> list[Decimal]:
    """ratio^((risk − reference)/100), to 12 digits; without risk the lowest factor there is, at most the neutral 1."""
    with localcontext() as context:
        context.prec = 40
        known = [
            None if risk is None else (ratio ** ((risk - reference) / 100)).quantize(Decimal(1).scaleb(-12))
            for risk in risks
        ]
    lowest = min((factor for factor in known if factor is not None), default=Decimal(1))
    return [min(lowest, Decimal(1)) if factor is None else factor for factor in known]
