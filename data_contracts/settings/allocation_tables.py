"""Tables of an allocation on the road: where each column of theirs comes from, instead of a file.

Put here: the words that bind tables of a spec to measures, indicators, indices, policies, areas and marts. Keep out:
reading them (assets.compute.allocation_tables), the rules of money (data_contracts.allocation_spec).
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from data_contracts.allocation_spec.basics import Number, Word
from data_contracts.index_spec.basics import known_word
from data_contracts.messages import wrong

INDICATOR_COLUMNS = ("payee", "indicator", "quarter", "value", "numerator", "denominator", "baseline")


class PayeeFigure(Word):
    """One figure of each payee: exactly one of measure, indicator, index, policy, appraisal, money, area.

    A figure that is not known, or may not be shown, is an empty cell: what that pays is said by the stream.
    """

    measure: str | None = None
    """A measure of the registry under the rule set that pays; of sums in fen, in the unit of the spec."""
    indicator: str | None = None
    """The value of an indicator in the period."""
    index: str | None = None
    """The score of an index of risk.yaml."""
    policy: str | None = None
    """The total score of a policy."""
    appraisal: str | None = None
    """The total score of an appraisal of the areas that are paid."""
    money: str | None = None
    """A stream: its money of the year before, from the published release of that year's last period. Before the first
    period of the home nothing was paid, and every payee is new."""
    area: Literal["id", "name", "is_rural", "is_urban"] | None = None
    """What the tree of areas says."""
    standard_error: bool = False
    """With policy, appraisal, index or indicator: how far the figure may be off by chance, instead of the figure; for
    awards by chance. Empty where the score counts a figure that is published without limits, such as a ratio of money:
    how sure such a score is nobody can say."""
    grade: bool = False
    """With policy or appraisal: the grade, instead of the score."""
    times: Number | None = None
    """The figure is multiplied by this one: people by yuan per head."""
    digits: int | None = Field(default=None, ge=0, le=12)
    """Decimals that are kept, a half to the even one: 2 for money in yuan that would else be finer than a fen."""
    year_before: bool = False
    """True: as it was in the last period of the year before."""
    period_before: bool = False
    """True: as it was in the period before."""
    improved: bool = False
    """With index and year_before: as it was then, but for the indicators that a payee controls, which are as they are
    now. What payees made of their risk themselves, for a dividend."""

    @model_validator(mode="after")
    def _one_way(self) -> "PayeeFigure":
        ways = (self.measure, self.indicator, self.index, self.policy, self.appraisal, self.money, self.area)
        if sum(way is not None for way in ways) != 1:
            raise wrong("allocation_one_figure")
        other_period = self.year_before or self.period_before
        if self.area is not None and (self.times is not None or self.digits is not None or other_period):
            raise wrong("allocation_area_alone")
        if self.money is not None and other_period:
            raise wrong("allocation_area_alone")
        if self.improved and (self.index is None or not self.year_before):
            raise wrong("index_needs", word="improved", needs="index, year_before")
        if self.year_before and self.period_before:
            raise wrong("allocation_one_period")
        scored = self.policy is not None or self.appraisal is not None
        if self.standard_error and not (scored or self.index is not None or self.indicator is not None):
            raise wrong("index_needs", word="standard_error", needs="policy / appraisal / index / indicator")
        if self.grade and (not scored or self.standard_error or self.times is not None or self.digits is not None):
            raise wrong("allocation_grade_alone")
        return self


class PayeeTable(Word):
    """A row for each payee."""

    rows: Literal["payees"]
    columns: dict[str, PayeeFigure] = Field(min_length=1)


class IndicatorTable(Word):
    """A row for each payee, indicator and period of the year so far.

    Columns: payee, indicator, quarter (the period), value (as published), numerator, denominator, baseline.
    """

    rows: Literal["indicators"]
    indicators: list[str] = Field(min_length=1)
    baseline_year: int | None = None
    """The base year: `baseline` is numerator / denominator of its last period; without it, or without counts, empty."""


class RecordTable(Word):
    """The records of a mart, one row each, such as contracts or projects."""

    rows: Literal["records"]
    mart: str
    columns: dict[str, str] = Field(min_length=1)
    """Column of the table → column of the mart. Money of a mart (…_fen) comes in the unit of the spec."""
    of: Literal["period", "year_to_date"] = "year_to_date"


RoadTable = Annotated[
    PayeeTable | IndicatorTable | RecordTable,
    Field(discriminator="rows"),
    known_word("tables", "rows", ("payees", "indicators", "records")),
]


def columns_of(table: PayeeTable | IndicatorTable | RecordTable) -> list[str]:
    """The columns that a table has."""
    return list(INDICATOR_COLUMNS) if isinstance(table, IndicatorTable) else list(table.columns)
