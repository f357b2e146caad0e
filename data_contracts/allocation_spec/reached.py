"""Which columns of the data reach money, and of which of them somebody must say whether health moves them.

People, registered persons, urban and rural groups, regions, fiscal capacity, money of earlier periods, and prices,
rates, caps, costs of projects and decisions of panels are facts by their role. Paid indicators and the risk index are
known by their own words. All else that says how much a payee gets is `asked`: the audit cannot be passed before it is
declared under `audit.columns`.

Put here: the role of every word of a spec that names a column. Keep out: what is declared (auditing.py), the data.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel

from data_contracts.allocation_spec import contests, customary, grants
from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.bounds import Pace
from data_contracts.allocation_spec.document import AllocationRules
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import EquityBonus, PaidIndicator, Performance

ASKED: dict[type[BaseModel], tuple[str, ...]] = {
    Need: ("factors", "inequality"),
    Pace: ("statutory",),
    Performance: ("strata",),
    PaidIndicator: ("registered",),
    EquityBonus: ("share",),
    customary.StandardStream: ("standard", "funded", "coefficient", "score"),
    customary.Regrant: ("by",),
    customary.WeightedFactor: ("sum", "times"),
    customary.Block: ("quality",),
    customary.Work: ("count", "performance"),
    grants.Contracts: ("verified",),
    grants.Claims: ("units",),
    grants.Requests: ("base",),
    contests.Applications: ("score",),
    contests.ByChance: ("score",),
    contests.ByRank: ("score",),
    contests.ByGrade: ("grade",),
}
"""Model → its words for columns that somebody must declare."""
_BY_ROLE = ("population", "registered", "risk")
"""Words of streams for columns that are known wherever else they are read: people, and what indicators tell of risk."""
_FIXED_GROUPS = ("rural", "urban")


class Reached(NamedTuple):
    """A column by which money is divided. `stream`: its id, or the reserve whose group it says.

    `payee`: the column of the same table that says whose row it is; None in the table of payees and those like it.
    """

    table: str
    column: str
    stream: str
    payee: str | None = None


def key_of(rules: AllocationRules, table: str, column: str) -> str:
    """What a column is called under `audit.columns`."""
    return column if table == rules.payees.table else f"{table}.{column}"


def asked_columns(rules: AllocationRules) -> list[Reached]:
    """Columns whose nature must be declared, each once for every stream that reads it."""
    known = set(_by_role(rules))
    return [own for own in _asked(rules) if (own.table, own.column) not in known]


def undeclared(rules: AllocationRules) -> list[str]:
    """Columns that reach money and of which nobody says whether health moves them, as `audit.columns` calls them."""
    names = dict.fromkeys(key_of(rules, own.table, own.column) for own in asked_columns(rules))
    return [name for name in names if name not in rules.audit.columns]


def is_moved(rules: AllocationRules) -> bool:
    """Whether money depends on anything that payees might move by health, so that incentives are to be audited."""
    structural = {name for name, known in rules.audit.columns.items() if known.structural is not None}
    return (
        bool(rules.of_kind(Performance))
        or any(need.risk is not None for need in rules.of_kind(Need))
        or any(key_of(rules, own.table, own.column) not in structural for own in asked_columns(rules))
    )


def names_read(rules: AllocationRules) -> set[str]:
    """Every column that rules of money read, as `audit.columns` would call it."""
    places = {_place(figure, rules) for stream in rules.streams for figure in figures_of(stream)}
    places |= {(own.table, own.column) for own in _asked(rules)}
    places |= {(rules.payees.table, column) for column in rules.payees.groups.values()}
    return {key_of(rules, *place) for place in places}


def figures_of(item: BaseModel) -> Iterator[Figure]:
    """Every figure that the words of an item name, itself too."""
    if isinstance(item, Figure):
        yield item
    for name in type(item).model_fields:
        for value in _each(getattr(item, name)):
            if isinstance(value, BaseModel):
                yield from figures_of(value)


def _asked(rules: AllocationRules) -> Iterator[Reached]:
    for stream in rules.streams:
        # What another kind of payee gets is nothing that a payee can lose.
        if getattr(stream, "payee_kind", "payees") in ("payees", rules.payees.kind):
            yield from _within(stream, stream.id, rules)
    for owner, group in _groups(rules):
        if group in rules.payees.groups and group not in _FIXED_GROUPS:
            yield Reached(rules.payees.table, rules.payees.groups[group], owner)


def _groups(rules: AllocationRules) -> Iterator[tuple[str, str]]:
    """Groups that money depends on, with the stream or reserve that says so."""
    yield from ((reserve.id, reserve.group) for reserve in rules.reserves)
    for stream in rules.of_kind(contests.Projects):
        if stream.reserve is not None:
            yield stream.id, stream.reserve.group
    for stream in rules.of_kind(contests.Awards):
        yield from ((stream.id, item.group) for item in stream.classes if item.group is not None)


def _by_role(rules: AllocationRules) -> Iterator[tuple[str, str]]:
    for stream in rules.streams:
        for name in _BY_ROLE:
            figure = getattr(stream, name, None)
            if isinstance(figure, Figure):
                yield _place(figure, rules)


def _within(item: BaseModel, stream: str, rules: AllocationRules) -> Iterator[Reached]:
    table, payee = getattr(item, "table", None), getattr(item, "payee", None)
    for name in ASKED.get(type(item), ()):
        for value in _each(getattr(item, name)):
            if isinstance(value, Figure):
                yield Reached(*_place(value, rules), stream)
            elif isinstance(value, str) and not _is_word(item, name):
                yield Reached(table or rules.payees.table, value, stream, payee)
    for name in type(item).model_fields:
        for value in _each(getattr(item, name)):
            if isinstance(value, BaseModel):
                yield from _within(value, stream, rules)


def _each(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]


def _is_word(item: BaseModel, name: str) -> bool:
    """Whether text in this place is no column: national standards, the central share."""
    return isinstance(item, customary.StandardStream) and name in ("standard", "funded")


def _place(figure: Figure, rules: AllocationRules) -> tuple[str, str]:
    return figure.table or rules.payees.table, figure.column
