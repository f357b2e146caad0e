"""Where the money comes from, and what happens to it after it is divided.

Put here: funding sources, settlement with what was paid before, the map of institutions, the gain-share simulator.
Keep out: streams, arithmetic.
"""

from datetime import date, timedelta
from typing import Literal

from pydantic import Field, model_validator

from data_contracts.allocation_spec.basics import Figure, Id, Positive, Share, Word
from data_contracts.closed import Bilingual
from data_contracts.messages import did_you_mean, wrong

SourceKind = Literal[
    "central", "province", "city", "county", "insurer", "enterprise", "donation", "fee", "carried_over", "in_kind"
]


class FundingSource(Word):
    """A source of money: by exactly one of share, amount and residual.

    in_kind: goods or services at their value, shown beside the money of the streams it is `for`, never paid in cash.
    carried_over: what one stream did not spend in the year before, spent in it now on top of the budget and of the
    stream's own size, of which all shares are taken. On the road its `amount` need not be given: it is then what the
    fund `carry_over` held for that stream when the release of the last period of the year before was published.
    """

    id: Id
    kind: SourceKind
    titles: Bilingual | None = None
    share: Share | None = None
    """Part of the budget, or of the streams that it is `for`."""
    amount: Positive | None = None
    """Money, in the `unit` of the spec."""
    residual: bool = False
    """True: all that other sources leave; at most one source."""
    streams: list[Id] = Field(default=[], alias="for")
    """The streams that it may pay, by id; all if empty."""
    reference: str | None = None
    """The document that orders it."""

    @model_validator(mode="after")
    def _one_size(self) -> "FundingSource":
        sizes = (self.share is not None) + (self.amount is not None) + self.residual
        if self.kind == "carried_over":
            if len(self.streams) != 1 or sizes != (self.amount is not None):
                raise wrong("allocate_carried_source", id=self.id)
        elif sizes != 1:
            raise wrong("allocate_source_size", id=self.id)
        if self.kind == "in_kind" and (self.amount is None or not self.streams):
            raise wrong("allocate_in_kind", id=self.id)
        return self


class Settlement(Word):
    """What was paid before, the balance of earlier years and what is clawed back, each a column of its own.

    A payee that would get less than nothing gets nothing, and what it owes stands in a column for next year.

    On the road, in every period: what is due so far in the year less what earlier periods paid. What is not given there
    comes from published releases: `prepaid` from those of the earlier periods of the year, each of which must have paid
    one way; `claw_back` from what the settlement of the year before left to be taken off. An empty `settlement: {}`
    says so.
    """

    prepaid: Figure | None = None
    """Paid in the year before this settlement."""
    carried_over: Figure | None = None
    """Balance of earlier years that the payee still holds and uses up first (结余)."""
    claw_back: Figure | None = None
    """Money to be given back (扣回)."""


class ServesMap(Word):
    """Which institution serves which part of a community; on any day the parts of a community sum to 1."""

    table: str
    institution: str
    community: str
    share: str
    start: str | None = Field(default=None, alias="from")
    """Column with the first day; an empty cell is open."""
    end: str | None = Field(default=None, alias="to")
    """Column with the last day, which still counts."""
    day: date | None = None
    """The day whose map holds for this division. On the road, not given: the days of the period;
    each map counts for those on which it is in force."""


EXPECTED_FROM = ("comparison_group", "risk_model", "indirect_standardisation")
"""What expected cost may come from; a before–after figure is none of them: cost also moves for reasons of its own."""


class CostTable(Word):
    """Costs of the insured of each payee, in the `unit` of the spec."""

    table: str
    payee: str
    observed: str
    expected: str
    error: str
    """Column with the standard error of the difference."""


class StrataTable(Word):
    """Costs by payee and stratum (age, sex, disease group), in the `unit` of the spec, and a reference per head."""

    table: str
    payee: str
    stratum: str
    people: str
    observed: str
    """Column with the cost of these people together."""
    squares: str
    """Column with the sum of the squares of their costs: how much it varies between people."""
    reference: str
    """Column with the cost per head of the comparison in this stratum: the same in all rows of a stratum."""


class PeopleTable(Word):
    """A row for each insured person, in the `unit` of the spec; the interval is found by drawing people anew."""

    table: str
    payee: str
    observed: str
    expected: str
    seed: int = Field(ge=0)
    draws: int = Field(default=1000, ge=100, le=100_000)


class GainShare(Word):
    """What an insurer would share of savings: a simulation, never payable. One of costs, strata and people."""

    costs: CostTable | None = None
    strata: StrataTable | None = None
    people: PeopleTable | None = None
    expected_from: str
    """comparison_group, risk_model or indirect_standardisation. A before–after figure is refused."""
    minimum_rate: Share
    """Savings below this part of expected cost are not shared."""
    sharing_rate: Share
    most: Share
    """At most this part of expected cost is shared."""
    loss_rate: Share = Field(default="0", validate_default=True)
    """Part of losses that is borne; 0 for terms that share savings only."""

    @model_validator(mode="after")
    def _one_way(self) -> "GainShare":
        if sum(way is not None for way in (self.costs, self.strata, self.people)) != 1:
            raise wrong("allocate_gain_share_way")
        if self.expected_from not in EXPECTED_FROM:
            raise wrong("allocate_before_after", given=self.expected_from, known=", ".join(EXPECTED_FROM))
        if (self.strata is not None) != (self.expected_from == "indirect_standardisation"):
            raise wrong("index_needs", word="expected_from: indirect_standardisation", needs="strata")
        return self


def iso_day(word: str) -> str | None:
    """A day written as 2025-07-01 (days so written compare like text), or None where it is none."""
    try:
        return date.fromisoformat(word).isoformat()
    except ValueError:
        return None


def days_between(first: str, last: str) -> int:
    """Days from one ISO day to another, both counted."""
    return (date.fromisoformat(last) - date.fromisoformat(first)).days + 1


def day_after(day: str) -> str:
    """The ISO day after one."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def check_sources(sources: list[FundingSource], cut_to: Positive | None, streams: list[str]) -> None:
    """Raise where sources do not agree with each other or with the streams."""
    ids = [source.id for source in sources]
    for source in sources:
        if ids.count(source.id) > 1:
            raise wrong("allocate_twice", place="sources", id=source.id)
        for named in source.streams:
            if named not in streams:
                hint = did_you_mean(named, streams)
                raise wrong("allocate_unknown", place=f"sources.{source.id}.for", word=named, hint=hint)
    cash = [source for source in sources if source.kind != "in_kind"]
    _check_carried(cash)
    residuals = [source.id for source in cash if source.residual]
    if len(residuals) > 1:
        raise wrong("allocate_two_residuals", ids=", ".join(residuals))
    if sources and not cash:
        raise wrong("allocate_no_cash")
    if cut_to is None:
        return
    shares = [source.share for source in cash if source.share is not None]
    if not cut_to or len(residuals) != 1 or len(shares) != len(cash) - 1 or sum(shares) > 1:
        raise wrong("allocate_cut_needs")
    if any(source.streams for source in cash):
        raise wrong("allocate_cut_earmarks")


def _check_carried(sources: list[FundingSource]) -> None:
    streams = [source.streams[0] for source in sources if source.kind == "carried_over"]
    for stream in streams:
        if streams.count(stream) > 1:
            raise wrong("allocate_twice", place="sources.carried_over.for", id=stream)
