"""Present value of every improved payee, one step at a time, in floating point.

Put here: the years of the replay for blocks of improved payees. Keep out: exact replay (replay.py), need money
(screen.py) and earnings (screen_pay.py) of one year, other streams (screen_others.py), verdicts (audit.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from data_contracts.allocation_spec.dividend import Dividend
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import Performance
from evaluations.allocation.column_levers import Edit, touched_by
from evaluations.allocation.levers import OK, Step
from evaluations.allocation.replay import Replay
from evaluations.allocation.reserves import counting, guarantees, is_settled
from evaluations.allocation.screen import NeedScreen, Weighed, groups_of, multipliers, references
from evaluations.allocation.screen_others import OtherStreams
from evaluations.allocation.screen_pay import PayScreen
from evaluations.allocation.sight import Sight

Floats = NDArray[np.float64]
Own = tuple[NDArray[np.int_], NDArray[np.int_]]
"""Row and column of each improved payee."""
Changed = dict[str, list[Floats]]
"""Stream → by how much everybody's money in it changes, year by year."""
# Cells of one matrix: enough that numpy's work outweighs Python's, few enough to stay near the processor.
_CELLS = 400_000
_NOTHING = 0.5
# Fen: a reserved share that is met by less might not be once somebody gets better.
_MARGIN = 100.0


@dataclass(frozen=True)
class Screened:
    """Present values in fen by payee, NaN where it was not improved, or where only the engine can tell.

    `need`, `performance`, `dividend`, `other`: money of these kinds of streams. `still`: nothing that the payee's own
    money depends on changes.
    """

    need: Floats
    performance: Floats
    dividend: Floats
    other: Floats
    still: NDArray[np.bool_]

    @property
    def total(self) -> Floats:
        """All together."""
        return np.asarray(self.need + self.performance + self.dividend + self.other)


class Screening:
    """The screen of one spec; takes over what the replay knows of the years without improvement."""

    def __init__(self, replay: Replay, need: Need | None) -> None:
        setting = replay.years[0].run.setting
        if setting is None:
            raise ValueError("the years without improvement were not replayed")
        self.audit, self.spec, self.size = replay.audit, replay.spec, len(replay.snapshot.ids)
        self.pay = {own.id: PayScreen(own, setting) for own in self.spec.of_kind(Performance)}
        self.sight, self.others = Sight(self.spec, need, settled=is_settled(setting)), OtherStreams(setting)
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
            self._counting = [counting(reserves[own.reserve], setting) for own, _ in found]
        self.factors = np.array([(1 + float(self.audit.discount)) ** -at for at in range(self.audit.years)])
        self._slack = np.full(len(self._counting), np.inf)
        self._base = self._base_years(replay)

    def of(self, step: Step) -> Screened:
        """Present values of one step for every payee that can take it."""
        need, performance, dividend, other = np.full((4, self.size), np.nan)
        found = Screened(need, performance, dividend, other, np.zeros(self.size, dtype=bool))
        rows = [at for at, status in enumerate(step.status) if status == OK]
        if not self.sight.sees(step):
            return found
        each = max(1, _CELLS // self.size)
        for begin in range(0, len(rows), each):
            block = rows[begin : begin + each]
            for name, own in zip(fields(Screened), self._block(step, block), strict=True):
                getattr(found, name.name)[block] = own
        return found

    def risks(self, step: Step, rows: Sequence[int]) -> Floats | None:
        """Risks of all payees after the step, a row for each improved payee; None where it does not touch risk."""
        return None if step.move is None else step.move.after(rows, [step.moved[at] for at in rows])

    def _base_years(self, replay: Replay) -> list[Floats]:
        """Need money of the years without improvement, by the engine; and what reserved shares have to spare then."""
        years: list[Floats] = []
        if self.need is not None:
            start, risks = self.need.start[None, :], self.need.risks[None, :]
            for year in replay.years:
                if year.run.setting is None:
                    raise ValueError("a year without improvement was not replayed")
                paid = year.run.setting.done[self.need.need.id].paid(replay.snapshot.kind)
                years.append(np.array([[float(paid.get(payee, 0)) for payee in replay.snapshot.ids]]))
                self._slack = np.minimum(self._slack, self.need.slack(risks, start)[0])
                start = np.where(years[-1] < _NOTHING, np.nan, years[-1])
        return years

    def _block(self, step: Step, rows: list[int]) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.bool_]]:
        own = np.arange(len(rows)), np.array(rows)
        risks, (changed, scored) = self.risks(step, rows), self._earned(step, rows)
        changed |= self._others(step, rows, risks)
        performance, other, dividend = np.zeros((3, len(rows)))
        for name, years in changed.items():
            of_stream = sum(self.factors[year] * changes[own] for year, changes in enumerate(years))
            if name in self.pay:
                performance += of_stream
            else:
                other += of_stream
            scored |= np.any([changes[own] != 0 for changes in years], axis=0)
        for year in range(self.audit.years):
            dividend += self.factors[year] * self._dividend(year + 1, risks, own)
        need, touched = self._need(step, risks, changed, own)
        return need, performance, dividend, other, ~(touched | scored)

    def _earned(self, step: Step, rows: list[int]) -> tuple[Changed, NDArray[np.bool_]]:
        """Changed earnings, and in which rows any score changes."""
        found: Changed = {}
        moved = np.zeros(len(rows), dtype=bool)
        for stream, item in step.paid:
            if stream.id in self.sight.redone(step):
                continue
            edits: list[Sequence[Edit]] = [
                [own for own in step.edits[at] if own.table == stream.data.table] for at in rows
            ]
            screen = self.pay[stream.id]
            later, changed = screen.change(item, rows, edits, first=False)
            first = later
            if not all(own.first for cells in edits for own in cells):
                first, also = screen.change(item, rows, edits, first=True)
                changed |= also
            found[stream.id] = [first, *[later] * (self.audit.years - 1)]
            moved |= changed
        return found, moved

    def _others(self, step: Step, rows: list[int], risks: Floats | None) -> Changed:
        """Changed money of streams that are divided anew for each improved payee; the risk follows in its year."""
        found: Changed = {}
        names = self.sight.redone(step)
        if not names:
            return found
        base = self.need.risks if self.need is not None else None
        same_year = all(own.first for cells in step.edits for own in cells)
        known: dict[tuple[bool, bool], dict[str, Floats]] = {}
        for year in range(1, self.audit.years + 1):
            state = same_year or year > 1, risks is not None and year >= self.audit.reset_year
            if state not in known:
                moved = [step.edits[at] if state[0] else [own for own in step.edits[at] if own.first] for at in rows]
                place = self.sight.risk_place if state[1] else None
                known[state] = self.others.change(names, moved, place, risks if state[1] else None, base)
            for name in names:
                found.setdefault(name, []).append(known[state][name])
        return found

    def _need(self, step: Step, risks: Floats | None, changed: Changed, own: Own) -> tuple[Floats, NDArray[np.bool_]]:
        """Change of own need money, and whether anything that need money depends on changes."""
        count = own[0].size
        if self.need is None:
            return np.zeros(count), np.zeros(count, dtype=bool)
        more = self._elsewhere(changed, count)
        weighed = self._weighed(step, own)
        touched = np.full(count, weighed is not None)
        for elsewhere in more:
            # Where a reserved share is met anyhow, what its group has elsewhere changes nothing.
            touched |= ((elsewhere != 0) & ~(np.abs(elsewhere) + _MARGIN <= self._slack)).any(axis=1)
        before = np.repeat(self.need.risks[None, :], count, axis=0)
        after = before if risks is None else risks
        touched |= ((before != after) & ~(np.isnan(before) & np.isnan(after))).any(axis=1)
        found = np.zeros(count)
        if not touched.any():
            return found, touched
        at = np.flatnonzero(touched)
        mine = np.arange(at.size), own[1][at]
        some = None if weighed is None else Weighed(weighed.plain[at], weighed.slices[at])
        start = np.repeat(self.need.start[None, :], at.size, axis=0)
        for year in range(self.audit.years):
            now = after if year + 1 >= self.audit.reset_year else before
            amounts = self.need.amounts(now[at], start, more[year][at], some)
            found[at] += self.factors[year] * (amounts[mine] - self._base[year][0, mine[1]])
            start = np.where(amounts < _NOTHING, np.nan, amounts)
        return found, touched

    def _weighed(self, step: Step, own: Own) -> Weighed | None:
        """Weights with the new figures of need columns; None where no such column changes."""
        if self.need is None:
            return None
        rows = [int(at) for at in own[1]]
        places = touched_by(step.edits[at] for at in rows) & self.sight.weighed
        if not places:
            return None
        new = [{(cell.table, cell.column): cell.figure for cell in step.edits[at]} for at in rows]
        return self.need.weighed(
            rows, {place: self.need.cells(place, rows, [cells.get(place) for cells in new]) for place in places}
        )

    def _elsewhere(self, changed: Changed, count: int) -> list[Floats]:
        """Fen that each group has more, year by year, in streams that count for its reserved share."""
        groups = self.need.groups if self.need is not None else []
        found = [np.zeros((count, len(groups))) for _ in range(self.audit.years)]
        for at, (group, streams) in enumerate(zip(groups, self._counting, strict=True)):
            for name, years in changed.items():
                sums: dict[int, Floats] = {}
                for year, changes in enumerate(years if name in streams else []):
                    if id(changes) not in sums:
                        sums[id(changes)] = changes[:, group.places].sum(axis=1)
                    found[year][:, at] += sums[id(changes)]
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
