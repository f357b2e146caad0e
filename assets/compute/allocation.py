"""Dividing the money of a period: settings and the road's tables given to the engine, published tables back.

Put here: the period's money and the statuses of a division. Keep out: the arithmetic (evaluations.allocation), reading
figures (allocation_tables), the shape of published tables (allocation_published) and the wording (messages).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from assets.compute import unsure
from assets.compute.allocation_published import TABLES, Published, passed_on
from assets.compute.allocation_tables import PayeeAreas, RoadTables
from assets.compute.auditing import RoadAudit, road_audit
from assets.compute.carried import carried_over, left_lying, with_carried
from assets.compute.inputs import periods_per_year
from assets.compute.paid_periods import Released
from assets.compute.refusals import conflict_words, summary, worded_conflict
from assets.compute.settlements import record_found, record_of
from assets.compute.what_if import what_if
from assets.lake.home import Home
from data_contracts.allocation_spec.contests import Awards, ByChance
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.pay import Performance
from data_contracts.contracts import Catalog
from data_contracts.messages import LANGUAGES, both
from data_contracts.periods import Period
from data_contracts.settings.allocation import AllocationDocument
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables
from evaluations.allocation import engine
from evaluations.allocation.periods import Part, paid_in
from evaluations.allocation.problem import Conflict, Infeasible
from evaluations.allocation.settling import Prepaid, Record
from evaluations.allocation.snapshot import DataError
from evaluations.rounding import instalments

_NAMED = 10
_CONFLICT = ("conflict", "relaxations", "best_shares", "proposal")
Status = Literal["ok", "none", "no_budget", "no_population", "no_data", "infeasible"]


@dataclass(frozen=True)
class Allocation:
    """The result for one period. All tables of money are empty unless `status` is `ok`.

    Where rules cannot hold together `alloc__conflict` and `alloc__relaxations` name them and the ways out.

    `budget`: money of the period in minor units. `message`: both languages, why there is no table or who got nothing.
    `audit`: what the incentive audit of the division starts from; `spec`: the rules of the year, with what was carried
    over into it; both None where nothing is divided.
    """

    status: Status
    tables: Mapping[str, pl.DataFrame]
    budget: int = 0
    message: dict[str, str] | None = None
    audit: RoadAudit | None = None
    spec: AllocationSpec | None = None

    @property
    def lines(self) -> pl.DataFrame:
        """alloc__lines."""
        return self.tables["alloc__lines"]

    @property
    def payees(self) -> pl.DataFrame:
        """alloc__payees."""
        return self.tables["alloc__payees"]


def _nothing_released(period: str) -> None:
    del period


def allocate(
    home: Home,
    settings: Settings,
    period: Period,
    released: Released = _nothing_released,
    catalog: Catalog | None = None,
) -> Allocation:
    """Divide the money of the year by the figures known now, and pay what is due in the period.

    Reads mart__areas, ind__counts, ind__values, risk and score tables of the period, and marts that the settings name.
    `released`: what releases of other periods paid. `catalog`: where recorded changes of areas are read, for baselines
    and earlier money of areas that were merged or divided.
    """
    document = settings.allocation
    if document is None:
        return _without("none")
    spec = document.spec(period.year)
    money = None if spec is None else spec.budget.amount
    if spec is None or money is None:
        return _without("no_budget", message=both("alloc.no_budget", year=period.year))
    part = Part(period.index, periods_per_year(period))
    budget = instalments(spec.fen(money), part.of)[part.index - 1]
    reading = RoadTables(home, settings, document, period, catalog, released)
    areas = reading.areas()
    if not areas.payees:
        return _without("no_population", budget, both("alloc.no_population", measure=document.population))
    try:
        rules = with_carried(spec, period, settings.home.calendar.first, released)
        words, spec = rules.settlement, _for_the_engine(rules, document, period)
        given = reading.all(areas)
        record: Record | Prepaid | None
        reckoned: dict[str, str] | None = None
        if words is None:
            record, reckoned = record_found(spec, reading, released)
        else:
            record = record_of(words, spec, given, reading, released)
        found = engine.allocate(spec, given)
    except DataError as error:
        return _without("no_data", budget, both("allocation_data", reason=error.words))
    no_error = unsure.unsure_scores(reading, spec, found.tables.get("awards"))
    published = Published(
        document, spec, period, areas, part, reading.baselines, reading.last_year_from(spec), unsure.worded(no_error)
    )
    if found.conflict is not None:
        return _infeasible(found.conflict, published, budget)
    try:
        paid = paid_in(spec, found.tables, found.budget, part, record)
    except Infeasible as no:
        return _infeasible(no.conflict, published, budget)
    tables = published.tables(found.tables, paid)
    if spec.serves is not None and document.serves is not None:
        try:
            passed = passed_on(spec, given, paid, period if document.serves.day is None else None)
        except DataError as error:
            return _without("no_data", budget, both("allocation_data", reason=error.words))
        tables["alloc__institutions"] = published.shaped("alloc__institutions", passed)
    carried = carried_over(rules, period, released)
    tables["alloc__carried"] = published.shaped("alloc__carried", carried)
    tables |= {name: published.shaped(name, frame) for name, frame in what_if(spec, given).items()}
    said = (_left_out(areas), reckoned, left_lying(carried), *unsure.said(rules, no_error),
            *_nobody_competes(rules, found.tables, no_error))  # fmt: skip
    message = _joined([own for own in said if own is not None])
    return Allocation("ok", tables, paid.amount, message, road_audit(reading, spec, given), rules)


def _for_the_engine(spec: AllocationSpec, document: AllocationDocument, period: Period) -> AllocationSpec:
    """The road settles period by period, and who serves whom is looked up on the last day of each.

    Results are paid by the period itself, also where nobody has reported for it yet.
    """
    streams = [
        stream.model_copy(update={"through": period.key})
        if isinstance(stream, Performance) and stream.data.quarter is not None
        else stream
        for stream in spec.streams
    ]
    serves = spec.serves
    if document.serves is not None and document.serves.day is None:
        serves = document.serves.model_copy(update={"day": period.end})
    return spec.model_copy(update={"settlement": None, "serves": serves, "streams": streams})


def _without(status: Status, budget: int = 0, message: dict[str, str] | None = None) -> Allocation:
    known = output_tables()
    return Allocation(status, {name: known[name].empty() for name in TABLES}, budget, message)


def _infeasible(conflict: Conflict, published: Published, budget: int) -> Allocation:
    names = published.areas.names
    said = [conflict_words(published.spec, conflict, published.document.currency, names)]
    found = worded_conflict(published.spec, conflict, names)
    said += summary(found)
    frames = {f"alloc__{name}": found[name] for name in _CONFLICT if name in found}
    tables = {name: published.shaped(name, frames.get(name)) for name in TABLES}
    return Allocation("infeasible", tables, budget, _joined(said))


def _joined(said: list[dict[str, str]]) -> dict[str, str] | None:
    between = {"zh": "；", "en": "; "}
    found = {name: between[name].join(words[name].rstrip("。.") for words in said) for name in LANGUAGES}
    return found if said else None


def _nobody_competes(
    spec: AllocationSpec, tables: Mapping[str, pl.DataFrame], no_error: Sequence[unsure.Unsure]
) -> Iterator[dict[str, str]]:
    """Contests by score in which not one payee has a score, as where too few people live for a figure to be shown."""
    said = {(own.stream, own.award.id) for own in no_error}
    for stream in spec.of_kind(Awards):
        for item in stream.classes:
            known = tables["awards"].filter(pl.col("chance").is_not_null(), stream=stream.id, award_class=item.id)
            if isinstance(item, ByChance) and known.is_empty() and (stream.id, item.id) not in said:
                yield both("alloc.nobody_competes", award=unsure.title_of(stream, item))


def _left_out(areas: PayeeAreas) -> dict[str, str] | None:
    missing = areas.left_out
    named = ", ".join(missing[:_NAMED]) + (" …" if len(missing) > _NAMED else "")
    return both("alloc.left_out", count=len(missing), areas=named) if missing else None
