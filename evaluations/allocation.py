"""The division of a period's money among payees: streams, need, performance, floors and caps, reserved shares.

Put here: the order of steps, each exact in whole minor units, and one line per step and payee. Keep out: budgets and
parameters (settings), sentences (messages), names.

Steps: (1) the budget is split into streams; (2) per-head money by population, need money by population times the risk
multiplier; (3) floors and caps as multiples of equal money per head, others scaled by one multiplier; (4) a reserved
share, where it is not met, lifts its group and lowers the rest by one multiplier each; (5) performance money by
population times score, what is not earned goes to a support fund; (6) the reserve stream goes to its fund.
Known weakness: money lifted by a reserved share or a floor is paid by those who are at no bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import polars as pl

from evaluations.rounding import largest_remainder
from evaluations.waterfill import Filled, NoSolution, water_fill

_QUANTUM = 10**12
_PEOPLE = 10**6
SUPPORT_FUND, RESERVE_FUND = "support_fund", "reserve_fund"


@dataclass(frozen=True)
class StreamRule:
    """A part of the budget; `tilt` of a need stream is (times as much at risk 100 as at 0, neutral risk)."""

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


@dataclass(frozen=True)
class Payee:
    """A payee: people, people weighted for need, risk and score (None where unknown), and the groups it is in."""

    id: str
    population: Decimal
    weighted: Decimal
    risk: Decimal | None = None
    score: Decimal | None = None
    groups: frozenset[str] = frozenset()


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
    """Rules that cannot hold together, by how much money, and the best that can be reached."""

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
    """Divide the budget; lines sum to each payee's amount, payees and funds sum to the budget, to the unit."""
    payees = sorted(payees, key=lambda payee: payee.id)
    work = _Work(rule, payees)
    try:
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
        self.equal = largest_remainder(self.people, self.base_pool, self.ids)
        self.earned = self._earned()

    def base_money(self) -> dict[str, str]:
        """Per-head and need money within floors, caps and reserved shares; adds lines, returns the bound each hit."""
        natural, targets, denominator = [0] * len(self.payees), [0] * len(self.payees), 1
        for stream in self.base_streams:
            weights, rates = self._weights(stream)
            amounts = largest_remainder(weights, self.pools[stream.id], self.ids)
            self._add(stream.kind, stream.id, amounts, self._quantity(stream), rates)
            natural = [before + amount for before, amount in zip(natural, amounts, strict=True)]
            # Targets share one denominator so that the solver stays within integers.
            scale = sum(weights) or 1
            targets = [
                target * scale + self.pools[stream.id] * weight * denominator
                for target, weight in zip(targets, weights, strict=True)
            ]
            denominator *= scale
        bounded, filled = self._bounded(natural, targets)
        self._reserved(bounded, targets)
        return dict(zip(self.ids, filled.bounds if filled else ["none"] * len(self.ids), strict=True))

    def _weights(self, stream: StreamRule) -> tuple[list[int], list[str] | None]:
        if stream.kind == "per_head":
            return self.people, None
        weighted = [_whole(payee.weighted, _PEOPLE) for payee in self.payees]
        if stream.tilt is None:
            return weighted, None
        factors = [_risk_factor(payee.risk, *stream.tilt) for payee in self.payees]
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
        caps: list[int | None] = [people * self.base_pool * top // (whole * bottom) for people in self.people]
        return floors, caps

    def _bounded(self, natural: list[int], targets: list[int]) -> tuple[list[int], Filled | None]:
        if self.rule.floor is None and self.rule.cap is None:
            return natural, None
        floors, caps = self._limits()
        try:
            filled = water_fill(targets, floors, caps, self.base_pool, self.ids)
        except NoSolution as no:
            raise _Infeasible(Conflict((no.side,), no.short, self.base_pool)) from None
        if set(filled.bounds) == {"free"}:
            return natural, filled
        for at, bound in enumerate(filled.bounds):
            line = {"floor": "floor", "cap": "cap", "free": "scaling"}[bound]
            self._line(at, line, "bounds", None, None, filled.amounts[at] - natural[at])
        return filled.amounts, filled

    def _reserved(self, before: list[int], targets: list[int]) -> None:
        """Lift the group of a reserved share that is not met to exactly its minimum; the others make room."""
        final = before
        for reserve in self.rule.reserves:
            inside = [at for at, payee in enumerate(self.payees) if reserve.group in payee.groups]
            outside = [at for at in range(len(self.payees)) if at not in set(inside)]
            base = self.rule.budget - sum(self.pools[s.id] for s in self.rule.streams if s.kind == "reserve")
            top, bottom = reserve.minimum_share.as_integer_ratio()
            minimum = -(-base * top // bottom) - sum(self.earned[at] for at in inside)
            if sum(final[at] for at in inside) >= minimum:
                continue
            lifted = self._lift(reserve, targets, inside, outside, minimum)
            for at, (amount, old) in enumerate(zip(lifted, final, strict=True)):
                self._line(at, "reserve", reserve.id, None, None, amount - old)
            final = lifted

    def _lift(
        self, reserve: ReserveRule, targets: list[int], inside: list[int], outside: list[int], minimum: int
    ) -> list[int]:
        floors, caps = self._limits()
        lifted = [0] * len(targets)
        for places, pool in ((inside, minimum), (outside, self.base_pool - minimum)):
            try:
                filled = water_fill(
                    [targets[at] for at in places],
                    [floors[at] for at in places],
                    [caps[at] for at in places],
                    pool,
                    [self.ids[at] for at in places],
                )
            except NoSolution as no:
                raise _Infeasible(Conflict((reserve.id, no.side), no.short, minimum - no.short)) from None
            for at, amount in zip(places, filled.amounts, strict=True):
                lifted[at] = amount
        return lifted

    def _performance(self) -> StreamRule | None:
        return next((stream for stream in self.rule.streams if stream.kind == "performance"), None)

    def _potential(self) -> list[int]:
        stream = self._performance()
        return largest_remainder(self.people, self.pools[stream.id], self.ids) if stream else [0] * len(self.ids)

    def _earned(self) -> list[int]:
        """Potential times score, rounded down; a payee without score is paid like the lowest score there is."""
        known = [payee.score for payee in self.payees if payee.score is not None]
        lowest = min(known, default=Decimal(0))
        scores = [payee.score if payee.score is not None else lowest for payee in self.payees]
        return [
            amount * _whole(score, 10**4) // (100 * 10**4)
            for amount, score in zip(self._potential(), scores, strict=True)
        ]

    def performance_lines(self) -> None:
        """Potential, and what was not earned, per payee."""
        stream = self._performance()
        if stream is None:
            return
        for at, (amount, earned) in enumerate(zip(self._potential(), self.earned, strict=True)):
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


def _risk_factor(risk: Decimal | None, ratio: Decimal, reference: Decimal) -> Decimal:
    """ratio^((risk − reference)/100), to 12 digits; a payee without risk counts as the neutral one."""
    if risk is None:
        return Decimal(1)
    with localcontext() as context:
        context.prec = 40
        factor = ratio ** ((risk - reference) / 100)
        return factor.quantize(Decimal(1).scaleb(-12))
