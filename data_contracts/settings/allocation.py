"""allocation.yaml: an allocation spec whose tables come from the road, with a budget for each year.

Put here: the document and what it must agree on in itself. Keep out: the words of rules
(data_contracts.allocation_spec), the division (evaluations.allocation), whether measures and policies exist
(agreement).
"""

from collections.abc import Iterator
from datetime import date

from pydantic import BaseModel, Field, model_validator

from data_contracts.allocation_spec.basics import Figure, Id, Least, Positive, Word
from data_contracts.allocation_spec.document import AllocationRules, AllocationSpec, Payees, tables_used
from data_contracts.allocation_spec.envelope import Budget
from data_contracts.allocation_spec.funding import FundingSource, check_sources
from data_contracts.allocation_spec.pay import IndicatorData
from data_contracts.messages import did_you_mean, wrong
from data_contracts.settings.allocation_tables import PayeeTable, RoadTable, columns_of


class YearBudget(Word):
    """The money of one year, in the `unit` of the document, paid over the periods of the year."""

    year: int = Field(ge=1990, le=2200)
    amount: Positive
    reference: str
    """The document that sets it."""
    at_least: list[Least] = []
    """Floors of the budget line; an amount below one of them is a conflict, and no money is divided."""
    sources: list[FundingSource] = []
    """Who pays in this year; not given: the `sources` of the document."""


class AllocationDocument(AllocationRules):
    """allocation.yaml: who is paid, from which tables, by which rules, and how much in which year."""

    payee_level: str
    """The level of areas that are paid."""
    population: str
    """The measure that says whether anybody lives there: areas without it, or with 0, are named and get nothing."""
    budgets: list[YearBudget]
    tables: dict[Id, RoadTable]
    """Table of the rules → where it comes from."""

    @model_validator(mode="after")
    def _on_the_road(self) -> "AllocationDocument":
        for name in tables_used(self):
            if name not in self.tables:
                raise wrong("allocation_no_table", table=name, hint=did_you_mean(name, self.tables))
        for table, column in _columns(self, self.payees.table):
            known = columns_of(self.tables[table])
            if column not in known:
                raise wrong("allocation_no_column", table=table, column=column, hint=did_you_mean(column, known))
        self._check_last_year()
        years = [budget.year for budget in self.budgets]
        for year in years:
            if years.count(year) > 1:
                raise wrong("allocation_year_twice", year=year)
        for budget in self.budgets:
            check_sources(budget.sources, self.sources_cut_to, [stream.id for stream in self.streams])
        return self

    @property
    def all_sources(self) -> list[FundingSource]:
        """Those of the document and of every year."""
        return [*self.sources, *(source for budget in self.budgets for source in budget.sources)]

    def _check_last_year(self) -> None:
        ids = [stream.id for stream in self.streams]
        for name, table in self.tables.items():
            for column, figure in table.columns.items() if isinstance(table, PayeeTable) else ():
                if figure.money is not None and figure.money not in ids:
                    raise wrong("allocate_unknown", place=f"tables.{name}.{column}", word=figure.money,
                                hint=did_you_mean(figure.money, ids))  # fmt: skip

    def spec(self, year: int) -> AllocationSpec | None:
        """The rules with the budget of a year; None where it has none."""
        found = next((budget for budget in self.budgets if budget.year == year), None)
        if found is None:
            return None
        rules = {name: getattr(self, name) for name in AllocationRules.model_fields}
        rules["sources"] = found.sources or self.sources
        if self.serves is not None and self.serves.day is None:
            rules["serves"] = self.serves.model_copy(update={"day": date(year, 12, 31)})
        if self.notice is not None:
            ids = [source.id for source in rules["sources"]]
            direct = [own for own in self.notice.direct_funds if own in ids]
            rules["notice"] = self.notice.model_copy(update={"direct_funds": direct})
        return AllocationSpec(**{**rules, "year": year, "budget": Budget(amount=found.amount, at_least=found.at_least)})


def _columns(item: BaseModel, payees: str) -> Iterator[tuple[str, str]]:
    """Table and column of every figure, of the payees themselves, and of the data of indicators."""
    if isinstance(item, Figure):
        yield item.table or payees, item.column
    if isinstance(item, IndicatorData):
        yield from ((item.table, column) for name, column in item if name != "table" and column is not None)
    if isinstance(item, Payees):
        named = [item.id, item.name, *item.groups.values()]
        yield from ((payees, column) for column in named if column is not None)
    for name in type(item).model_fields:
        value = getattr(item, name)
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, BaseModel):
                yield from _columns(entry, payees)
