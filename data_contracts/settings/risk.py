"""risk.yaml: which index tells the health risk of areas, and which others are shown beside it.

Put here: the choice among indices, and the short form that homes wrote before there were index specs. Keep out: the
indices themselves (indices), the arithmetic (evaluations) and the need it tilts (allocation).
"""

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import model_validator

from data_contracts.closed import Bilingual, Closed, parse
from data_contracts.exact import Exact
from data_contracts.messages import wrong

_SHORT = "risk"


class RiskComponent(Closed):
    """A part of the index in the short form; `low` is the value of no risk (0), `high` of full risk (100)."""

    indicator: str
    weight: Exact
    low: Exact
    high: Exact
    kind: Literal["structural", "controllable"]


class ShortRisk(Closed):
    """The short form: a weighted mean of goalposts."""

    titles: Bilingual
    reference: str
    components: list[RiskComponent]
    minimum_coverage: Exact = Decimal("0.6")


class RiskDocument(Closed):
    """risk.yaml. `uses`: the index that need is tilted by; `beside`: computed and shown, no money follows them.

    A document with `components` instead is the short form of an index of its own, called `risk`.
    """

    valid_from: date
    uses: str
    beside: list[str] = []
    own: ShortRisk | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "components" not in given:
            return given
        if "uses" in given:
            raise wrong("wrong_risk_forms")
        kept = {key: given[key] for key in given if key in ("valid_from", "beside")}
        own = {key: value for key, value in given.items() if key not in kept}
        return {**kept, "uses": _SHORT, "own": parse(ShortRisk, own, "risk.yaml")}

    @property
    def indices(self) -> list[str]:
        """The index used, then those beside it."""
        return [self.uses, *(name for name in self.beside if name != self.uses)]
