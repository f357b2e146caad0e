"""The need stream: a target for each payee from people, factors, risk and inequality, reached at a bounded pace.

Target = fixed grant + (pool − all fixed grants) × [(1 − h) × core share + h × inequality share]; core share from
population × factors × risk multiplier, inequality share from population × measure.

Put here: the words of the target. Keep out: pace and reserved shares (bounds.py).
"""

from decimal import Decimal
from itertools import pairwise
from typing import Literal

from pydantic import model_validator

from data_contracts.allocation_spec.auditing import RiskIndicators
from data_contracts.allocation_spec.basics import Figure, Id, Number, Positive, Share, StreamBase, Word
from data_contracts.allocation_spec.bounds import Pace
from data_contracts.closed import Bilingual
from data_contracts.messages import wrong


class Factor(Figure):
    """A multiplier of need that each payee brings in a column: age and sex, unavoidable cost, sparsity."""

    id: Id
    titles: Bilingual | None = None


class RiskIndex(Word):
    """A risk index that is computed first: the score of the root of its tree, from 0 to 100."""

    spec: str
    """File of the index spec, beside this one; its `purpose` must be need."""
    table: str
    """The table that it is computed from."""


class Risk(Figure):
    """The health-risk index of each payee (0–100) and what it does to need."""

    index: RiskIndex | None = None
    """Computed by the index engine into `column` of `table`, which then is no table of the data."""

    form: Literal["exponential", "linear", "points"]
    """exponential: ratio^((risk − reference)/100). linear: 1 + slope × (risk − reference)/100. points: by table."""
    ratio: Positive | None = None
    """exponential: how many times as much a person counts at risk 100 as at risk 0."""
    slope: Number | None = None
    """linear: what 100 points of risk add."""
    reference: Number | None = None
    """exponential, linear: the risk at which nothing changes. linear, not given: the mean weighted by population."""
    points: list[tuple[Number, Positive]] = []
    """points: [from this risk on, multiplier], rising; the first must be from 0."""
    missing: Literal["refuse", "lowest_possible"] = "refuse"
    """Without risk: no table at all, or counted as risk 0 (keeping a figure back never pays)."""
    indicators: RiskIndicators = {}
    """The indicators the index is made of, as a list of ids or with what the audit needs to know; none of them may be
    paid for in a performance stream."""
    signed_reason: str | None = None
    """Who decided that an indicator that pays may stand in the need index all the same, and why."""

    @model_validator(mode="after")
    def _form(self) -> "Risk":
        needs = {"exponential": ("ratio", "reference"), "linear": ("slope",), "points": ("points",)}[self.form]
        allowed = {*needs, "reference"} if self.form == "linear" else set(needs)
        for name in ("ratio", "slope", "reference", "points"):
            given = getattr(self, name) not in (None, [])
            if given != (name in needs) and ((given and name not in allowed) or name in needs):
                raise wrong("allocate_form", form=self.form, needs=", ".join(needs), word=name)
        if self.form == "exponential" and not self.ratio:
            raise wrong("allocate_positive", word="ratio")
        if self.index is not None and self.table is None:
            raise wrong("index_needs", word="index", needs="table")
        edges = [edge for edge, _ in self.points]
        if self.points and (edges[0] > 0 or any(later <= earlier for earlier, later in pairwise(edges))):
            raise wrong("allocate_points_rising")
        if any(later < earlier for (_, earlier), (_, later) in pairwise(self.points)):
            raise wrong("allocate_points_fall")
        return self


class Inequality(Figure):
    """A slice of the pool that follows people × a measure of disadvantage alone."""

    share: Share
    titles: Bilingual | None = None


class Need(StreamBase):
    """Money by need, the heart of an allocation."""

    kind: Literal["need"]
    population: Figure
    fixed_grant: Positive = Decimal(0)
    """Money that every payee with people gets first. It makes splitting a community in two pay, so 0 is usual."""
    factors: list[Factor] = []
    risk: Risk | None = None
    inequality: Inequality | None = None
    normalise: bool = False
    """True: statements show each factor against its mean over all people, which leaves next to no line `scaling`."""
    pace: Pace | None = None
    planned: Figure | None = None
    """For the settlement: need money as it was planned and paid. It is not divided again; reserved shares that are
    missed then are made good from `true_up_from` of the reserve."""

    @model_validator(mode="after")
    def _once(self) -> "Need":
        ids = [factor.id for factor in self.factors]
        for name in ids:
            if ids.count(name) > 1 or name in ("risk", "inequality", "equal", "fixed", "scaling"):
                raise wrong("allocate_id_twice", id=name)
        return self
