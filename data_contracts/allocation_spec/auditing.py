"""The incentive audit: what is replayed, and what is known of the figures that money follows.

Put here: the words of the audit. Keep out: which columns reach money (reached.py), the replay
(evaluations.allocation.audit).
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from data_contracts.allocation_spec.basics import Id, Number, Positive, Share, Word
from data_contracts.messages import wrong

Reason = Annotated[str, Field(min_length=1)]


class RiskIndicator(Word):
    """An indicator that the risk index is made of."""

    controllable: bool = True
    """False: structural, a payee cannot move it; it is not audited. Believed only with a `signed_reason`."""
    effect_per_point: Number | None = None
    """What the index changes by when the payee gets one point better: below 0 where better results lower it, which is
    what is expected; 0 or above is believed only with a `signed_reason`. Needed for the audit unless the index is
    computed here (`index`)."""
    spread: Positive | None = None
    """One standard deviation among payees, in points. Needed for the audit unless the indicator is paid for or the
    index is computed here."""
    same_as: Id | None = None
    """The paid indicator that measures the same under another id: both move together, and it counts as paid for."""
    signed_reason: Reason | None = None
    """Who decided that payees cannot move it, or do not lower the index by doing better, and why; to be signed."""


def _named(given: Any) -> Any:
    for name in given if isinstance(given, list) else []:
        if given.count(name) > 1:
            raise wrong("allocate_twice", place="risk.indicators", id=name)
    return {name: {} for name in given} if isinstance(given, list) else given


RiskIndicators = Annotated[dict[Id, RiskIndicator], BeforeValidator(_named)]
"""Id → what is known of the indicator; a list of ids says nothing more."""


class KnownColumn(Word):
    """What is known of a column that money follows: one of structural, better, worst_first and same_as."""

    structural: Reason | None = None
    """Why no payee's work for health moves it, and who says so: age structure by census, money fixed by contract."""
    better: Literal["higher", "lower"] | None = None
    """Payees can move it, and getting healthier moves it to this side: lower for the number of sick."""
    point: Annotated[Positive, Field(gt=0)] = Decimal(1)
    """With `better`: what one point of the figure is, 0.01 for shares."""
    spread: Positive | None = None
    """With `better`: one standard deviation in points; not given: that of the figures themselves."""
    worst_first: list[str] = []
    """Payees can move it, and it holds words: all of them from the worst to the best, such as [是, 否] for a group that
    a payee leaves by getting healthier."""
    same_as: Id | None = None
    """It is what an indicator, paid for or of the risk index, measures: it moves when that one does …"""
    effect_per_point: Number | None = None
    """… by so much for one point better."""

    @model_validator(mode="after")
    def _one_way(self) -> "KnownColumn":
        ways = [self.structural, self.better, self.worst_first or None, self.same_as]
        if sum(way is not None for way in ways) != 1 or (self.same_as is None) != (self.effect_per_point is None):
            raise wrong("allocate_known_way")
        if len(set(self.worst_first)) < len(self.worst_first) or len(self.worst_first) == 1:
            raise wrong("allocate_known_way")
        return self


class Audit(Word):
    """The replay: each payee gets better at each thing it controls; its money of the years that follow is added up.

    Budget, people and everybody else stay as they are; this year's need money is next year's `previous`.
    """

    years: int = Field(default=5, ge=1, le=20)
    """An audit of fewer than five years after need shares follow (`reset_year`) is not passed."""
    discount: Share = Decimal("0.03")
    """Of each year after the first; more than 0.10 hides later years, and the audit is not passed."""
    reset_year: int = Field(default=1, ge=1)
    """The year in which need shares, frozen until then, follow the improvement and the dividend begins; 1: at once,
    which is strictest."""
    sample: int = Field(default=12, ge=1)
    """So many cells are replayed exactly beside those near zero."""
    seed: str = "1"
    """Chooses the sample."""
    columns: dict[str, KnownColumn] = {}
    """Column of the table of payees, or table.column → what is known of it. Every column by which money is divided must
    stand here, but for people, registered persons, groups `rural` and `urban`, the region, money of earlier periods,
    prices, rates and caps set by who pays, and the figures of paid indicators and of risk."""
