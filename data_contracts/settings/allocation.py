"""allocation.yaml: an allocation spec whose tables come from the road, with a budget for each year.

Put here: the document and what it must agree on in itself. Keep out: the words of rules
(data_contracts.allocation_spec), the division (evaluations.allocation), whether measures and policies exist
(agreement).
"""

from collections.abc import Iterator

from pydantic import BaseModel, Field, model_validator

from data_contracts.allocation_spec.basics import Figure, Id, Positive, Word
from data_contracts.allocation_spec.document import AllocationRules, AllocationSpec, Payees, tables_used
from data_contracts.allocation_spec.envelope import Budget
from data_contracts.allocation_spec.funding import FundingSource, check_sources
from data_contracts.allocation_spec.pay import IndicatorData
from data_contracts.closed import Bilingual
from data_contracts.messages import both, did_you_mean, wrong
from data_contracts.settings.allocation_tables import RoadTable, columns_of

_FUNDS = ("support_fund", "carry_over", "pending", "unspent")


class YearBudget(Word):
    """The money of one year, in the `unit` of the document, paid over the periods of the year."""

    year: int = Field(ge=1990, le=2200)
    amount: Positive
    reference: str
    """The document that sets it."""
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
    funds: dict[Id, Bilingual] = {}
    """What a clerk calls funds, by id."""

    @model_validator(mode="after")
    def _on_the_road(self) -> "AllocationDocument":
        for name in tables_used(self):
            if name not in self.tables:
                raise wrong("allocation_no_table", table=name, hint=did_you_mean(name, self.tables))
        for table, column in _columns(self, self.payees.table):
            known = columns_of(self.tables[table])
            if column not in known:
                raise wrong("allocation_no_column", table=table, column=column, hint=did_you_mean(column, known))
        years = [budget.year for budget in self.budgets]
        for year in years:
            if years.count(year) > 1:
                raise wrong("allocation_year_twice", year=year)
        if self.settlement is not None:
            raise wrong("allocation_no_settlement")
        for budget in self.budgets:
            check_sources(budget.sources, self.sources_cut_to, [stream.id for stream in self.streams])
        return self

    def spec(self, year: int) -> AllocationSpec | None:
        """The rules with the budget of a year; None where it has none."""
        found = next((budget for budget in self.budgets if budget.year == year), None)
        if found is None:
            return None
        rules = {name: getattr(self, name) for name in AllocationRules.model_fields}
        sources = found.sources or self.sources
        return AllocationSpec(**{**rules, "sources": sources, "year": year, "budget": Budget(amount=found.amount)})

    def fund_ids(self) -> list[str]:
        """Funds that the document names and those that may come up."""
        return list(dict.fromkeys([*self.funds, *_FUNDS]))

    def fund_title(self, fund: str) -> Bilingual:
        """What a clerk calls a fund: as the document says, as the catalogue does, or its id."""
        default = both(f"allocation_fund_{fund}") if fund in _FUNDS else {"zh": fund, "en": fund}
        return self.funds.get(fund) or Bilingual(**default)


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
