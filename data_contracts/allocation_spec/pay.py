"""The performance stream: what indicators earn, and how it is paid quarter by quarter.

Potential follows registered persons; a score between 0 and 1 says which part of it is earned. What is not known earns
nothing, and says so: keeping a figure back never pays.

Put here: the words of pay for performance. Keep out: appraisal trees (index spec).
"""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from data_contracts.allocation_spec.basics import Figure, Id, Number, Positive, Share, StreamBase, Word
from data_contracts.closed import Bilingual
from data_contracts.messages import wrong

_PERCENTILE = re.compile(r"p(\d{1,2}(\.\d+)?|100)", re.ASCII)


def _edge(given: Any) -> Any:
    if isinstance(given, str) and _PERCENTILE.fullmatch(given.strip()):
        return given.strip()
    try:
        return Decimal(str(given))
    except InvalidOperation:
        raise wrong("allocate_edge") from None


Percentile = Annotated[str, Field(pattern=r"^p\d")]
Edge = Annotated[Percentile | Number, BeforeValidator(_edge)]
"""A figure, or p25: that percentile of the baselines in the stratum of the payee, weakest first."""


class PaidIndicator(Word):
    """An indicator that is paid for."""

    id: Id
    """As in the indicator column of the data."""
    titles: Bilingual | None = None
    weight: Positive
    direction: Literal["higher_is_better", "lower_is_better"] = "higher_is_better"
    threshold: Edge | None = None
    """Where achievement starts to count."""
    benchmark: Edge | None = None
    """Where it is complete."""
    minimum_cases: int = Field(default=0, ge=0)
    """Fewer cases: the figures of `pool_quarters` together; still fewer: the mean score of the stratum."""
    registered: Figure | None = None
    """Registered persons of this indicator, if other than those of the stream."""
    point: Positive = Decimal("0.01")
    """What a point of the figure is where the statement says what one point more would bring: 1 for per cents."""
    relative_value: Positive = Decimal(1)
    """What a registered person of this indicator counts beside those of others."""


class IndicatorData(Word):
    """Where the figures of the indicators stand: a row for each payee, indicator and quarter."""

    table: str
    payee: str
    indicator: str
    quarter: str | None = None
    """Column with quarters like 2025Q1. Not given: one row for each payee and indicator, the year."""
    score: str | None = None
    """Column with the score from 0 to 1, where scores are given."""
    value: str | None = None
    """Column with the figure …"""
    numerator: str | None = None
    denominator: str | None = None
    """… or counts; with `value`: the number of cases."""
    baseline: str | None = None
    """Column with the frozen figure of the base year."""

    @model_validator(mode="after")
    def _one_way(self) -> "IndicatorData":
        if sum(way is not None for way in (self.score, self.value, self.numerator)) != 1:
            raise wrong("allocate_one_figure")
        if self.numerator is not None and self.denominator is None:
            raise wrong("index_needs", word="numerator", needs="denominator")
        return self


class EquityBonus(Word):
    """More for good work among disadvantaged people; all money is lowered by one factor so that it costs nothing."""

    share: Figure
    """Part of disadvantaged people of each payee, 0 to 1."""
    strength: Positive
    """0.2: a payee of disadvantaged people only counts a fifth more, if its score reaches the median."""


class Quarterly(Word):
    """Payment within the year: a part of what is earned so far, bounded change, and settlement in the last quarter."""

    advance: Share = Field(default=Decimal("0.8"))
    """Part of the money earned so far that is paid before the settlement."""
    largest_change: Positive | None = None
    """0.10: a payment differs from the one before by at most ten per cent of a quarter of the payee's need money (of
    its potential where it has no need money)."""
    late: Literal["carry_one_quarter_then_p25", "earns_nothing"] = "carry_one_quarter_then_p25"
    """Figures not there in time: the last one for one quarter, then the stratum's 25th percentile if that is lower.

    For advances only: in the settlement what is still missing earns nothing."""


class Performance(StreamBase):
    """Money that is earned by results."""

    kind: Literal["performance"]
    registered: Figure
    """Registered persons: potential money is linear in them."""
    data: IndicatorData
    indicators: list[PaidIndicator] = Field(min_length=1)
    score: Literal["given", "achievement", "best_of_achievement_and_improvement"]
    """given: as it stands in the data. achievement: (figure − threshold) / (benchmark − threshold), 0 to 1. best_…:
    that, or `improvement_factor` × (figure − baseline) / (benchmark − baseline) where it is more."""
    improvement_factor: Share = Field(default=Decimal("0.9"))
    figures: Literal["year_so_far", "quarter"] | None = None
    """What a row with a quarter says. year_so_far: the figure from the first of January (or of the last four quarters)
    to its end. quarter: that quarter alone; then the year so far counts: counts are added up, values and scores
    averaged, and a quarter without a figure earns nothing. Not stated with `rolling_quarters`, which is the third way.
    """
    through: str | None = Field(default=None, pattern=r"^\d{4}Q[1-4]$")
    """The quarter whose end the money is divided by; rows of later ones do not count. Not given: the last quarter of
    the year in which a figure stands."""
    counts: Literal["parts", "ratios"] = "parts"
    """parts: the numerator is a part of the denominator. ratios: it may be larger, as with visits per person."""
    strata: list[str] = []
    """Columns of the table of payees; percentiles, means and reliability are learnt within each combination."""
    reliability: Literal["none", "empirical_bayes"] = "none"
    """empirical_bayes: small numbers are drawn to the mean of the stratum as far as they are unreliable."""
    rolling_quarters: int = Field(default=1, ge=1, le=8)
    """With counts: the figure of a quarter is that of so many quarters together, up to it."""
    pool_quarters: int = Field(default=8, ge=1, le=16)
    equity: EquityBonus | None = None
    unearned_to: Literal["support_fund", "carry_over", "earners"] = "support_fund"
    """earners: those who earned most get most of it, too; the result says so."""
    quarterly: Quarterly | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "Performance":
        ids = [item.id for item in self.indicators]
        for name in ids:
            if ids.count(name) > 1:
                raise wrong("allocate_id_twice", id=name)
        if not any(item.weight for item in self.indicators):
            raise wrong("allocate_no_weights", id=self.id)
        if (self.score == "given") != (self.data.score is not None):
            raise wrong("allocate_given_score")
        if self.score == "best_of_achievement_and_improvement" and self.data.baseline is None:
            raise wrong("index_needs", word=self.score, needs="baseline")
        if self.quarterly is not None and self.data.quarter is None:
            raise wrong("index_needs", word="quarterly", needs="data.quarter")
        if self.data.numerator is None and (self.reliability != "none" or self.rolling_quarters > 1):
            raise wrong("index_needs", word="reliability/rolling_quarters", needs="data.numerator")
        self._check_quarters()
        for item in self.indicators:
            self._check_edges(item)
        return self

    def _check_quarters(self) -> None:
        rolling = self.rolling_quarters > 1
        if self.data.quarter is None:
            if rolling or self.figures is not None or self.through is not None:
                raise wrong("index_needs", word="rolling_quarters/figures/through", needs="data.quarter")
        elif rolling == (self.figures is not None):
            raise wrong("allocate_figures_stand_for", id=self.id)

    def _check_edges(self, item: PaidIndicator) -> None:
        edges = (item.threshold, item.benchmark)
        if self.score == "given":
            if any(edge is not None for edge in edges):
                raise wrong("allocate_edges_given", id=item.id)
            return
        if any(edge is None for edge in edges):
            raise wrong("index_needs", word=item.id, needs="threshold, benchmark")
        if any(isinstance(edge, str) for edge in edges) and self.data.baseline is None:
            raise wrong("index_needs", word="p25", needs="data.baseline")
        if item.minimum_cases and self.data.denominator is None:
            raise wrong("index_needs", word="minimum_cases", needs="data.denominator")
        self._check_scale(item.id, edges)
        first, last = edges
        if isinstance(first, str) and isinstance(last, str):
            rises, turned = _place(last) - _place(first), False
        elif isinstance(first, Decimal) and isinstance(last, Decimal):
            rises, turned = last - first, item.direction == "lower_is_better"
        else:
            return
        if not rises or (rises > 0) == turned:
            raise wrong("allocate_edges_order", id=item.id)

    def _check_scale(self, indicator: str, edges: Sequence[str | Decimal | None]) -> None:
        """Edges in per cent beside figures between 0 and 1 would pay nobody."""
        if self.data.numerator is None or self.counts == "ratios":
            return
        for edge in edges:
            if isinstance(edge, Decimal) and not 0 <= edge <= 1:
                raise wrong("allocate_edges_of_parts", id=indicator, edge=edge)


def _place(edge: str) -> Decimal:
    return Decimal(edge[1:])
