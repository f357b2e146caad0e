"""Present value of every improved payee, one step of one indicator at a time, in floating point.

Put here: the years of the replay for blocks of improved payees. Keep out: exact replay (replay.py), need money
(screen.py) and earnings (screen_pay.py) of one year, verdicts (audit.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from data_contracts.allocation_spec.dividend import Dividend
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import Performance
from evaluations.allocation.levers import OK, Edit, Step
from evaluations.allocation.replay import Replay
from evaluations.allocation.reserves import base_of, guarantees
from evaluations.allocation.screen import NeedScreen, groups_of, multipliers, references
from evaluations.allocation.screen_pay import PayScreen

Floats = NDArray[np.float64]
Own = tuple[NDArray[np.int_], NDArray[np.int_]]
"""Row and column of each improved payee."""
Earned = dict[str, tuple[Floats, Floats]]
"""Performance stream → changed earnings of everybody, in the first year and later."""
# Cells of one matrix: enough that numpy's work outweighs Python's, few enough to stay near the processor.
_CELLS = 400_000
_NOTHING = 0.5
# Fen: a reserved share that is met by less might not be once somebody gets better.
_MARGIN = 100.0


@dataclass(frozen=True)
class Screened:
    """Present values in fen by payee, NaN where it was not improved, or where the rules could not hold then.

    `still`: nothing that the payee's own money depends on changes.
    """

    need: Floats
    performance: Floats
    dividend: Floats
    still: NDArray[np.bool_]

    @property
    def total(self) -> Floats:
        """All three together."""
        return np.asarray(self.need + self.performance + self.dividend)


class Screening:
    """The screen of one spec; takes over what the replay knows of the years without improvement."""

    def __init__(self, replay: Replay, need: Need | None) -> None:
        setting = replay.years[0].run.setting
        if setting is None:
            raise ValueError("the years without improvement were not replayed")
        self.audit, self.spec, self.size = replay.audit, replay.spec, len(replay.snapshot.ids)
        self.pay = {own.id: PayScreen(own, setting) for own in self.spec.of_kind(Performance)}
        self.need: NeedScreen | None = None
        self._counting: list[list[str]] = []
        self.dividends = [(own, float(setting.pools[own.id])) for own in self.spec.of_kind(Dividend)]
        if need is not None:
            reserves = {own.id: own for own in self.spec.reserves}
            found = sorted(guarantees(need.id, setting), key=lambda own: len(own[0].places))
            shares = [float(reserves[own.reserve].minimum_share) for own, _ in found]
            groups = groups_of([(own, None if below is None else float(below)) for own, below in found], shares)
            fixed = self.spec.fen(need.fixed_grant)
            self.need = NeedScreen(need, replay.snapshot, setting.pools[need.id], fixed, groups)
            self._counting = [
                base_of(reserves[own.reserve], self.spec) if reserves[own.reserve].mode != "worst_case" else []
                for own, _ in found
            ]
        self.factors = np.array([(1 + float(self.audit.discount)) ** -at for at in range(self.audit.years)])
        self._slack = np.full(len(self._counting), np.inf)
        self._base = self._base_years()

    def of(self, step: Step) -> Screened:
        """Present values of one step for every payee that can take it."""
        empty = [np.full(self.size, np.nan) for _ in range(3)]
        found = Screened(empty[0], empty[1], empty[2], np.zeros(self.size, dtype=bool))
        rows = [at for at, status in enumerate(step.status) if status == OK]
        each = max(1, _CELLS // self.size)
        for begin in range(0, len(rows), each):
            block = rows[begin : begin + each]
            for name, own in zip(fields(Screened), self._block(step, block), strict=True):
                getattr(found, name.name)[block] = own
        return found

    def risks(self, step: Step, rows: Sequence[int]) -> Floats | None:
        """Risks of all payees after the step, a row for each improved payee; None where it does not touch risk."""
        return None if step.move is None else step.move.after(rows, [step.moved[at] for at in rows])

    def _base_years(self) -> list[Floats]:
        """Need money of the years without improvement."""
        years: list[Floats] = []
        if self.need is not None:
            start, nothing = self.need.start[None, :], np.zeros((1, len(self.need.groups)))
            for _ in range(self.audit.years):
                years.append(self.need.amounts(self.need.risks[None, :], start, nothing))
                self._slack = np.minimum(self._slack, self.need.slack(self.need.risks[None, :], start)[0])
                start = np.where(years[-1] < _NOTHING, np.nan, years[-1])
        return years

    def _block(self, step: Step, rows: list[int]) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
        own = np.arange(len(rows)), np.array(rows)
        risks, (earned, scored) = self.risks(step, rows), self._earned(step, rows)
        performance, dividend = np.zeros(len(rows)), np.zeros(len(rows))
        for year in range(self.audit.years):
            for changes in earned.values():
                performance += self.factors[year] * changes[min(year, 1)][own]
            dividend += self.factors[year] * self._dividend(year + 1, risks, own)
        need, touched = self._need(risks, earned, own)
        still = ~(touched | scored)
        return need, performance, dividend, still

    def _earned(self, step: Step, rows: list[int]) -> tuple[Earned, NDArray[np.bool_]]:
        """Changed earnings, and in which rows any score changes."""
        found, moved = {}, np.zeros(len(rows), dtype=bool)
        for stream, item in step.paid:
            edits: list[Sequence[Edit]] = [
                [own for own in step.edits[at] if own.table == stream.data.table] for at in rows
            ]
            screen = self.pay[stream.id]
            later, changed = screen.change(item, rows, edits, first=False)
            first = later
            if not all(own.first for cells in edits for own in cells):
                first, also = screen.change(item, rows, edits, first=True)
                changed |= also
            found[stream.id] = first, later
            moved |= changed
        return found, moved

    def _need(
        self,
        risks: Floats | None,
        earned: Earned,
        own: Own,
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Change of own need money, and whether anything that need money depends on changes."""
        count = own[0].size
        if self.need is None:
            return np.zeros(count), np.zeros(count, dtype=bool)
        more = [self._elsewhere(earned, at, count) for at in (0, 1)]
        touched = np.zeros(count, dtype=bool)
        for elsewhere in more:
            # Where a reserved share is met anyhow, what its group has elsewhere changes nothing.
            touched |= ((elsewhere != 0) & (np.abs(elsewhere) + _MARGIN > self._slack)).any(axis=1)
        before = np.repeat(self.need.risks[None, :], count, axis=0)
        after = before if risks is None else risks
        touched |= ((before != after) & ~(np.isnan(before) & np.isnan(after))).any(axis=1)
        found = np.zeros(count)
        if not touched.any():
            return found, touched
        start = np.repeat(self.need.start[None, :], count, axis=0)
        for year in range(self.audit.years):
            now = after if year + 1 >= self.audit.reset_year else before
            amounts = self.need.amounts(now, start, more[min(year, 1)])
            found += self.factors[year] * (amounts[own] - self._base[year][0, own[1]])
            start = np.where(amounts < _NOTHING, np.nan, amounts)
        return np.where(touched, found, 0.0), touched

    def _elsewhere(self, earned: Earned, year: int, count: int) -> Floats:
        """Fen that each group has more in streams that count for its reserved share."""
        groups = self.need.groups if self.need is not None else []
        found = np.zeros((count, len(groups)))
        for at, (group, streams) in enumerate(zip(groups, self._counting, strict=True)):
            for name, changes in earned.items():
                if name in streams:
                    found[:, at] += changes[year][:, group.places].sum(axis=1)
        return found

    def _dividend(self, year: int, risks: Floats | None, own: Own) -> Floats | float:
        """Dividends of the improved payees in one year."""
        after = year - self.audit.reset_year
        need = self.need
        if risks is None or need is None or need.need.risk is None or after < 0:
            return 0.0
        total = np.zeros(own[0].size)
        for dividend, pool in self.dividends:
            if dividend.need != need.need.id or after >= len(dividend.retention):
                continue
            weights = need.plain * multipliers(need.need.risk, risks, need.people)
            others = weights.sum(axis=1) - weights[own]
            old, new = (
                need.plain[own[1]] * self._alone(need, risk, risks) for risk in (need.risks[own[1]], risks[own])
            )
            lost = need.money * (1 - need.part) * np.maximum(0.0, old / (others + old) - new / (others + new))
            total += np.minimum(float(dividend.retention[after]) * np.nan_to_num(lost), pool)
        return total

    def _alone(self, need: NeedScreen, own: Floats, risks: Floats) -> Floats:
        """Multipliers of single risks, one for each row, with the reference of the rows of risks."""
        risk = need.need.risk
        if risk is None:
            return np.ones(own.size)
        return multipliers(risk, own[:, None], np.ones(1), references(risk, risks, need.people))[:, 0]
