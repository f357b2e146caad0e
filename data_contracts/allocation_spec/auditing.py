"""The incentive audit: what is replayed, and what indicators do to the risk index.

Put here: the words of the audit. Keep out: the replay (evaluations.allocation.audit).
"""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from data_contracts.allocation_spec.basics import Id, Number, Positive, Share, Word


class RiskIndicator(Word):
    """An indicator that the risk index is made of."""

    controllable: bool = True
    """False: structural, a payee cannot move it; it is not audited."""
    effect_per_point: Number | None = None
    """What the index changes by when the payee gets one point better: below 0 where better results lower it. Needed
    for the audit unless the index is computed here (`index`)."""
    spread: Positive | None = None
    """One standard deviation among payees, in points. Needed for the audit unless the indicator is paid for or the
    index is computed here."""


def _named(given: Any) -> Any:
    return {name: {} for name in given} if isinstance(given, list) else given


RiskIndicators = Annotated[dict[Id, RiskIndicator], BeforeValidator(_named)]
"""Id → what is known of the indicator; a list of ids says nothing more."""


class Audit(Word):
    """The replay: each payee gets better at each indicator it controls; its money of the years that follow is added up.

    Budget, people and everybody else stay as they are; this year's need money is next year's `previous`.
    """

    years: int = Field(default=5, ge=1, le=20)
    discount: Share = Decimal("0.03")
    """Of each year after the first."""
    reset_year: int = Field(default=1, ge=1)
    """The year in which need shares, frozen until then, follow the improvement and the dividend begins; 1: at once,
    which is strictest."""
    sample: int = Field(default=12, ge=1)
    """So many cells are replayed exactly beside those near zero."""
    seed: str = "1"
    """Chooses the sample."""
