"""What the screen of the incentive audit can see of a step, and what must be divided anew or replayed by the engine.

Put here: which streams a step reaches, and how they are reckoned. Keep out: reckoning (screening.py, screen_others.py).
"""

from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.dividend import Dividend
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.envelope import FundStream
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import Performance
from data_contracts.allocation_spec.reached import figures_of
from evaluations.allocation.column_levers import touched_by
from evaluations.allocation.levers import Step
from evaluations.allocation.rerun import reads

Column = tuple[str, str]
"""Table and column."""


class Sight:
    """What streams of a spec read. `need`: the stream that the screen reckons, if there is one.

    `settled`: whether the year that is replayed is, so that funds make good what reserved shares lack.
    `weighed`: columns of its factors and of its measure, which the screen reckons; `risk_place`: that of its risk.
    """

    def __init__(self, spec: AllocationSpec, need: Need | None, *, settled: bool) -> None:
        self._spec, self._need = spec, need
        # A fund that makes good looks at all streams of the base at once, which the screen does not.
        self._made_good = settled and any(own.true_up_from is not None for own in spec.reserves)
        self.weighed: set[Column] = set()
        self.risk_place: Column | None = None
        if need is not None:
            own = [*need.factors, *([need.inequality] if need.inequality is not None else [])]
            self.weighed = {self._place(figure) for figure in own}
            self.risk_place = None if need.risk is None else self._place(need.risk)
        self._known: dict[tuple[frozenset[Column], frozenset[str]], tuple[bool, list[str]]] = {}

    def sees(self, step: Step) -> bool:
        """Whether the screen can reckon the step; if not, every cell of it is replayed."""
        return self._of(step)[0]

    def redone(self, step: Step) -> list[str]:
        """Streams that are divided anew for every payee that takes the step."""
        return self._of(step)[1]

    def _of(self, step: Step) -> tuple[bool, list[str]]:
        touched = touched_by(step.edits)
        if step.move is not None and self.risk_place is not None:
            touched.add(self.risk_place)
        key = frozenset(touched), frozenset(stream.id for stream, _ in step.paid)
        if key not in self._known:
            self._known[key] = self._sees(touched), self._redone(touched, set(key[1]))
        return self._known[key]

    def _sees(self, touched: set[Column]) -> bool:
        groups = {(self._spec.payees.table, column) for column in self._spec.payees.groups.values()}
        if self._made_good or touched & groups & self._reserved():
            return False
        for stream in self._spec.of_kind(Need):
            mine = touched & {self._place(figure) for figure in figures_of(stream)}
            if stream is self._need:
                mine = {place for place in mine - self.weighed if place != self.risk_place}
            if mine:
                return False
        # A dividend makes good what risk costs at today's factors.
        both = self.risk_place in touched and bool(touched & self.weighed)
        return not (both and self._spec.of_kind(Dividend))

    def _redone(self, touched: set[Column], paid: set[str]) -> list[str]:
        found = []
        for stream in self._spec.streams:
            if isinstance(stream, Need | Dividend | FundStream):
                continue
            if isinstance(stream, Performance):
                figure = (stream.data.table, stream.data.score or stream.data.value or stream.data.numerator)
                places = {self._place(own) for own in figures_of(stream)}
                places |= {(self._spec.payees.table, column) for column in stream.strata}
                if stream.id not in paid:
                    places |= {(stream.data.table, column) for column in stream.data.model_dump().values() if column}
                if touched & places - ({figure} if stream.id in paid else set()):
                    found.append(stream.id)
            elif reads(self._spec, stream, frozenset(touched)):
                found.append(stream.id)
        return found

    def _reserved(self) -> set[Column]:
        groups = self._spec.payees.groups
        return {(self._spec.payees.table, groups[reserve.group]) for reserve in self._spec.reserves}

    def _place(self, figure: Figure) -> Column:
        return figure.table or self._spec.payees.table, figure.column
