"""Need money in floating point for many improved payees at once: the screen before exact replay.

Put here: targets, floors, caps and reserved shares as the engine has them, to a few fen, in matrices with a row for
each improved payee, a column for each payee. Keep out: exact money (need.py, pace.py), what is earned (screen_pay.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.need import Need, Risk
from evaluations.allocation.need import need_input, targets_of
from evaluations.allocation.pace import bounds_of
from evaluations.allocation.problem import Guarantee
from evaluations.allocation.snapshot import Snapshot

Floats = NDArray[np.float64]
Column = tuple[str, str]
"""Table and column."""


class Weighed(NamedTuple):
    """For each row, people × factors of everybody, and their parts of the inequality slice."""

    plain: Floats
    slices: Floats


@dataclass(frozen=True)
class Group:
    """A reserved share: its places, its minimum in fen before other money counts, and what that is."""

    places: NDArray[np.int_]
    minimum: float
    elsewhere: float
    spare_below: float | None


class NeedScreen:
    """One need stream; figures of the engine once, as floats."""

    def __init__(self, need: Need, snapshot: Snapshot, pool: int, fixed_grant: int, groups: Sequence[Group]) -> None:
        figures = need_input(need, snapshot)
        targets = targets_of(need, pool, figures, snapshot.ids, fixed_grant)
        self.need, self.pool, self.groups = need, float(pool), sorted(groups, key=lambda own: own.places.size)
        self.people = np.array([float(own) for own in figures.people]) / 1e6
        self._payees = snapshot.spec.payees.table
        self._of = {name: np.array([own / 1e12 for own in factor]) for name, factor in figures.factors}
        self.plain = self.people * np.prod([self._of[own.id] for own in need.factors], axis=0)
        self.fixed = fixed_grant * (self.people > 0)
        self.money = self.pool - self.fixed.sum()
        self.part = float(need.inequality.share) if need.inequality is not None else 0.0
        self._measure = np.array([own / 1e12 for own in figures.disadvantage])
        self._sliced = self.people * self._measure
        self.slices = self._sliced / (self._sliced.sum() or 1.0)
        self.risks = np.array([np.nan if own is None else float(own) for own in figures.risks])
        bounds = bounds_of(need.pace, snapshot, targets, f"streams.{need.id}.pace", need.id)
        self.start = np.array([np.nan if own is None else float(own) for own in bounds.start])
        self.statutory = np.array([float(own) for own in bounds.parts.get("statutory", [0] * self.people.size)])

    def weighed(self, rows: Sequence[int], cells: Mapping[Column, Floats]) -> Weighed:
        """Weights when the payee of each row alone has other figures in columns of factors or of the measure."""
        at = list(rows)
        plain, slices = (np.repeat(own[None, :], len(at), axis=0) for own in (self.plain, self._sliced))
        if any(self.place(factor) in cells for factor in self.need.factors):
            plain[np.arange(len(at)), at] = self.people[at] * np.prod(
                [cells.get(self.place(own), self._of[own.id][at]) for own in self.need.factors], axis=0
            )
        if self.need.inequality is not None and self.place(self.need.inequality) in cells:
            slices[np.arange(len(at)), at] = self.people[at] * cells[self.place(self.need.inequality)]
        whole = slices.sum(axis=1, keepdims=True)
        # Where nobody counts, the rules cannot hold.
        parts = np.divide(slices, whole, out=np.full_like(slices, np.nan if self.part else 0.0), where=whole > 0)
        return Weighed(plain, parts)

    def cells(self, place: Column, rows: Sequence[int], new: Sequence[Decimal | str | None]) -> Floats:
        """Figures of the payees at `rows` in a column of factors or of the measure; None: as they are."""
        known = {self.place(own): self._of[own.id] for own in self.need.factors}
        base = known.get(place, self._measure)
        return np.array([base[at] if own is None else float(own) for at, own in zip(rows, new, strict=True)])

    def place(self, figure: Figure) -> Column:
        """Table and column of a figure."""
        return figure.table or self._payees, figure.column

    def shares(self, risks: Floats, plain: Floats | None = None) -> Floats:
        """Parts of the weighed people, for rows of risks; `plain`: people × factors of each row, else as they are."""
        weights = (self.plain if plain is None else plain) * (
            1.0 if self.need.risk is None else multipliers(self.need.risk, risks, self.people)
        )
        weights = np.broadcast_to(weights, risks.shape)
        return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300))

    def targets(self, risks: Floats, weighed: Weighed | None = None) -> Floats:
        """Targets in fen."""
        plain, slices = (None, self.slices) if weighed is None else (weighed.plain, weighed.slices)
        core = (1 - self.part) * self.shares(risks, plain) + self.part * slices
        return np.asarray(self.fixed + self.money * core)

    def amounts(self, risks: Floats, start: Floats, more_elsewhere: Floats, weighed: Weighed | None = None) -> Floats:
        """Need money in fen; NaN in rows whose rules cannot hold together.

        `start`: money of the year before, NaN for a new payee. `more_elsewhere`: fen that each group (column, smallest
        first) has in other streams beside what it has today.
        """
        targets = self.targets(risks, weighed)
        lows, tops = self._bounds(targets, start)
        natural, pool = self._natural(targets, lows, tops)
        natural[lows.sum(axis=1) > pool + 1.0] = np.nan
        minima = [np.maximum(0.0, own.minimum - own.elsewhere - more_elsewhere[:, at])
                  for at, own in enumerate(self.groups)]  # fmt: skip
        short = np.zeros(targets.shape[0], dtype=bool)
        for own, minimum in zip(self.groups, minima, strict=True):
            short |= natural[:, own.places].sum(axis=1) < minimum
        found, common = natural, np.ones(targets.shape, dtype=bool)
        if short.any():
            lows_then = spared(self.groups, natural[short], targets[short], lows[short])
            found[short], common[short] = held(
                self.groups, targets[short], lows_then, tops[short], pool[short], [own[short] for own in minima]
            )
        if self._holds:
            found = np.where(common, np.minimum(found, np.maximum(lows, targets)), found)
            for own, minimum in zip(self.groups, minima, strict=True):
                # What a group needs of the money held back for its reserved share, only the engine tells.
                found[found[:, own.places].sum(axis=1) < minimum + 1.0] = np.nan
        return found

    def slack(self, risks: Floats, start: Floats) -> Floats:
        """Fen by which each group has more than its minimum without being held at it; below 0 where it has less."""
        targets = self.targets(risks)
        lows, tops = self._bounds(targets, start)
        money = self._natural(targets, lows, tops)[0]
        if self._holds:
            money = np.minimum(money, np.maximum(lows, targets))
        found = np.zeros((targets.shape[0], len(self.groups)))
        for at, own in enumerate(self.groups):
            found[:, at] = money[:, own.places].sum(axis=1) - max(0.0, own.minimum - own.elsewhere)
        return found

    @property
    def _holds(self) -> bool:
        return self.need.pace is not None and self.need.pace.leakage == "hold_in_transition"

    def _natural(self, targets: Floats, lows: Floats, tops: Floats) -> tuple[Floats, Floats]:
        """Money within floors and caps alone, and what there is of it in each row."""
        pool = np.full(targets.shape[0], self.pool)
        if self._holds:
            pool = np.minimum(pool, tops.sum(axis=1))
        return clipped(fill(targets, lows, tops, pool)[:, None], targets, lows, tops), pool

    def _bounds(self, targets: Floats, start: Floats) -> tuple[Floats, Floats]:
        pace, endless = self.need.pace, np.full(targets.shape, np.inf)
        lows = np.zeros(targets.shape)
        if pace is None:
            return lows, np.where(targets > 0, endless, lows)
        known = np.isfinite(start) & (pace.previous is not None)
        if pace.floor_change is not None:
            lows = np.where(known, np.nan_to_num(start) * (1 + float(pace.floor_change)), lows)
        if pace.min_vs_target is not None:
            lows = np.maximum(lows, float(pace.min_vs_target) * targets)
        lows = np.ceil(np.maximum(lows, self.statutory) - 1e-4)
        tops = endless
        if pace.cap_change is not None:
            raised = np.floor(np.nan_to_num(start) * (1 + float(pace.cap_change)) + 1e-4)
            tops = np.where(known, np.maximum(raised, lows), endless)
        return lows, np.where(targets > 0, tops, lows)


def spared(groups: Sequence[Group], natural: Floats, targets: Floats, lows: Floats) -> Floats:
    """Floors, raised to natural money for payees too far below target to pay for others' reserves."""
    for own in groups:
        if own.spare_below is not None:
            outside = np.ones(targets.shape[1], dtype=bool)
            outside[own.places] = False
            far = outside & (natural < targets * (1 - own.spare_below))
            lows = np.where(far, np.maximum(lows, natural), lows)
    return lows


def held(
    groups: Sequence[Group], targets: Floats, lows: Floats, tops: Floats, pool: Floats, minima: Sequence[Floats]
) -> tuple[Floats, NDArray[np.bool_]]:
    """With groups, the smallest first, at their minima: amounts, and who has the common multiplier."""
    least = np.zeros(targets.shape)
    for own, minimum in zip(groups, minima, strict=True):
        at = own.places
        inside = clipped(least[:, at], targets[:, at], lows[:, at], tops[:, at])
        found = fill(targets[:, at], inside, np.maximum(tops[:, at], inside), minimum)
        least[:, at] = np.maximum(least[:, at], found[:, None])
    inside = clipped(least, targets, lows, tops)
    common = fill(targets, inside, tops, pool)[:, None]
    return clipped(np.maximum(common, least), targets, lows, tops), common > least


def clipped(multiplier: Floats, targets: Floats, lows: Floats, tops: Floats) -> Floats:
    """Multiplier × target within floor and cap."""
    return np.minimum(np.maximum(multiplier * targets, lows), tops)


def fill(targets: Floats, lows: Floats, tops: Floats, pool: Floats) -> Floats:
    """For each row the smallest multiplier at which clip(multiplier × target, low, top) sums to the pool.

    0 where floors reach it already; NaN where floors exceed it or caps miss it by more than a fen.
    """
    positive = targets > 0
    safe = np.where(positive, targets, 1.0)
    edges = np.concatenate([np.where(positive, lows / safe, np.inf), np.where(positive, tops / safe, np.inf)], axis=1)
    slopes = np.concatenate([np.where(positive, targets, 0.0), np.where(positive, -targets, 0.0)], axis=1)
    order = np.argsort(edges, axis=1)  # edges that tie may stand in any order
    edges, slopes = np.take_along_axis(edges, order, axis=1), np.take_along_axis(slopes, order, axis=1)
    endless = ~np.isfinite(edges)
    steepness = np.cumsum(np.where(endless, 0.0, slopes), axis=1)
    offsets = np.cumsum(np.where(endless, 0.0, slopes * np.where(endless, 0.0, edges)), axis=1)
    base = lows.sum(axis=1, keepdims=True)
    values = np.where(endless, np.inf, base + steepness * np.where(endless, 0.0, edges) - offsets)
    wanted = pool[:, None]
    at = np.argmax(values >= wanted - 1e-6, axis=1)
    rows = np.arange(targets.shape[0])
    before = np.maximum(at - 1, 0)
    slope = steepness[rows, before]
    found = np.where(
        (at > 0) & (slope > 0), (pool - base[:, 0] + offsets[rows, before]) / np.where(slope > 0, slope, 1.0),
        np.where(np.isfinite(edges[rows, at]), edges[rows, at], 0.0),
    )  # fmt: skip
    found = np.where(base[:, 0] >= pool - 1e-6, 0.0, found)
    most = np.where(positive, tops, lows).sum(axis=1)
    return np.where((most < pool - 1.0), np.nan, found)


def multipliers(risk: Risk, risks: Floats, people: Floats, reference: Floats | None = None) -> Floats:
    """Risk multipliers, for rows of risks; without risk that of risk 0. `reference`: this, not that of these risks."""
    own = np.nan_to_num(risks)
    if risk.form == "points":
        edges, factors = np.array([[float(edge), float(factor)] for edge, factor in risk.points]).T
        return np.asarray(factors[np.searchsorted(edges, own, side="right") - 1])
    distance = (own - (references(risk, risks, people) if reference is None else reference)) / 100
    if risk.form == "linear":
        return np.asarray(1 + float(risk.slope or 0) * distance)
    return np.asarray(np.exp(float((risk.ratio or Decimal(1)).ln()) * distance))


def references(risk: Risk, risks: Floats, people: Floats) -> Floats:
    """The risk at which nothing changes, a column for rows of risks: as stated, or the mean weighted by people."""
    if risk.reference is not None:
        return np.full((risks.shape[0], 1), float(risk.reference))
    known = np.isfinite(risks) * people
    whole = np.maximum(known.sum(axis=1, keepdims=True), 1e-300)
    return np.asarray((np.nan_to_num(risks) * known).sum(axis=1, keepdims=True) / whole)


def groups_of(found: Sequence[tuple[Guarantee, float | None]], shares: Sequence[float]) -> list[Group]:
    """Guarantees of the engine as groups of the screen; `shares`: the minimum share of each."""
    return [
        Group(np.array(own.places, dtype=int), own.base * share, float(own.elsewhere), below)
        for (own, below), share in zip(found, shares, strict=True)
    ]  # fmt: skip
