"""What whole deliveries are expected to be: dated, cited bounds of every expectation, overridable per feed and column.

Put here: the closed list of expectations and which bound holds for whom. Keep out: counting (assets.intake), observing
and judging (assets.compute). The bounds themselves are registry/judgement.yaml under a home's settings/judgement.yaml.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, model_validator

from data_contracts.closed import Bilingual, Closed
from data_contracts.exact import Exact
from data_contracts.messages import did_you_mean, wrong
from data_contracts.periods import Period

Kind = Literal["volume", "content", "coverage", "reconciliation"]
# What is judged of every delivery, by kind, in the order in which pages show it.
EXPECTATIONS: dict[str, Kind] = {
    "delivery_present": "volume",
    "volume_against_previous": "volume",
    "volume_against_last_year": "volume",
    "months_alike": "volume",
    "refused_share_within_limit": "content",
    "duplicate_share_within_limit": "content",
    "counts_complete": "content",
    "empty_share_against_previous": "content",
    "category_shares_against_previous": "content",
    "terminal_digits_spread": "content",
    "single_digit_rare": "content",
    "institution_still_delivers": "coverage",
    "registered_institution_delivers": "coverage",
    "no_contact_after_death": "reconciliation",
    "admitted_persons_settled": "reconciliation",
    "settled_persons_admitted": "reconciliation",
    "settlements_per_admission": "reconciliation",
    "archives_within_population": "reconciliation",
}
# Of these figures and bounds are shares of a whole.
SHARES = frozenset({
    "refused_share_within_limit", "duplicate_share_within_limit", "empty_share_against_previous",
    "category_shares_against_previous", "single_digit_rare", "admitted_persons_settled", "settled_persons_admitted",
})  # fmt: skip
_PLACE = ("feed", "column", "valid_from")
KINDS: tuple[Kind, ...] = ("volume", "content", "coverage", "reconciliation")


class Bound(Closed):
    """Between what a figure is as it should be, from a day on; without `low` and `high` it is not judged.

    `feed` and `column` narrow it down. `minimum`: records or persons below which nothing is judged. `chance`: standard
    errors by which the bound of a share gives way, so that few records raise no alarm by chance.
    """

    valid_from: date
    reference: str
    feed: str | None = None
    column: str | None = None
    low: Exact | None = None
    high: Exact | None = None
    minimum: int = Field(0, ge=0)
    chance: Exact = Decimal(0)

    @model_validator(mode="after")
    def _in_order(self) -> "Bound":
        if self.low is not None and self.high is not None and self.low > self.high:
            raise wrong("wrong_bound_order")
        return self


class Expectation(Closed):
    """One expectation: its name, how the figure is made, how serious a miss is, its bounds."""

    titles: Bilingual
    formula: Bilingual
    severity: Literal["error", "warning"]
    bounds: list[Bound] = Field(min_length=1)

    def bound(self, feed: str, column: str | None, period: Period) -> Bound | None:
        """The bound that holds for a feed and column at the end of `period`: the most particular, then the newest."""
        fitting = [
            bound
            for bound in self.bounds
            if bound.feed in (None, feed) and bound.column in (None, column) and bound.valid_from <= period.end
        ]
        ranked = sorted(fitting, key=lambda b: (b.column is not None, b.feed is not None, b.valid_from))
        return ranked[-1] if ranked else None


def merged_entry(shipped: Any, own: Any) -> Any:
    """An entry of judgement.yaml as a home changes it: what it does not state stays as the package has it.

    Its bounds are added; one takes the place of those of the same feed and column from its day on. So a bound for all
    feeds leaves the exceptions of single feeds alone. What has not the form of an entry is handed back to be refused.
    """
    if not (isinstance(shipped, dict) and isinstance(own, dict)):
        return own
    bounds = own.get("bounds", [])
    if not (isinstance(bounds, list) and all(isinstance(bound, dict) for bound in bounds)):
        return own
    kept = [bound for bound in shipped["bounds"] if not any(_takes_the_place(new, bound) for new in bounds)]
    whole = sorted([*kept, *bounds], key=lambda bound: [str(bound.get(name, "")) for name in _PLACE])
    return {**shipped, **own, "bounds": whole}


def _takes_the_place(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    same = (new.get("feed"), new.get("column")) == (old.get("feed"), old.get("column"))
    return same and str(new.get("valid_from", "")) <= str(old["valid_from"])


def check_known(names: list[str]) -> None:
    """Raise DefinitionError for an expectation that nothing judges."""
    for name in names:
        if name not in EXPECTATIONS:
            raise wrong("wrong_expectation", name=name, hint=did_you_mean(name, EXPECTATIONS))
