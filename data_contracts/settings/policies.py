"""policies.yaml: policies as objects, with versions, clauses, the services promised and what shows a promise is kept.

Put here: what a policy says, for whom and since when. Keep out: weights and grades (scoring) and money (allocation).
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, model_validator

from data_contracts.closed import Bilingual, Closed
from data_contracts.exact import Exact
from data_contracts.index_spec.document import Sobol, Uncertainty, WeightDraws
from data_contracts.index_spec.tree import Combine
from data_contracts.settings.counting import Dimension
from data_contracts.settings.scoring import Grade, PolicyClass, WeightedIndicator
from data_contracts.settings.services import Frequency, TargetGroup


class ClauseTarget(Closed):
    """A value to reach by a day; without a day it holds at any time, for a figure of the year to date at year's end."""

    value: Exact
    by: date | None = None
    reference: str


class ClauseIndicator(Closed):
    """What shows that a promise is kept, with the values to reach."""

    indicator: str
    targets: list[ClauseTarget] = []

    def target_at(self, day: date) -> ClauseTarget | None:
        """The next target to reach on `day`; after the last one, the last one."""
        ordered = sorted(self.targets, key=lambda target: target.by or date.min)
        ahead = [target for target in ordered if target.by is None or target.by >= day]
        standing = ahead[:1] or ordered[-1:]
        return standing[0] if standing else None


class Promise(Closed):
    """A service that a clause promises, how often if not as the service says, and what shows it."""

    service: str
    frequency: Frequency | None = None
    indicators: list[ClauseIndicator] = []


Gap = Literal["none", "no_service", "no_indicator", "no_service_no_indicator"]


class Clause(Bilingual):
    """A clause in words, the services it promises and the indicators that show the clause as a whole is kept.

    A clause without service or without indicator is allowed; it is named wherever the policy is shown.
    """

    id: str = ""
    services: list[Promise] = []
    indicators: list[ClauseIndicator] = []

    @property
    def gap(self) -> Gap:
        """What is missing: a service, an indicator of the clause or of any of its services, or both."""
        shown = bool(self.indicators) or any(promise.indicators for promise in self.services)
        lacking: dict[tuple[bool, bool], Gap] = {
            (True, True): "none",
            (False, True): "no_service",
            (True, False): "no_indicator",
            (False, False): "no_service_no_indicator",
        }
        return lacking[bool(self.services), shown]

    def named_indicators(self) -> Iterator[ClauseIndicator]:
        """The indicators of its services, then its own."""
        for promise in self.services:
            yield from promise.indicators
        yield from self.indicators


class PolicyVersion(Closed):
    """A policy as it stands in its documents from one day to another; without a last day, until the next version."""

    id: str
    document: str
    valid_from: date
    valid_to: date | None = None
    change: Bilingual | None = None
    clauses: list[Clause] = []


_OF_A_VERSION = ("document", "valid_from", "valid_to", "clauses")


class Policy(Closed):
    """A policy as an object: versions with documents and clauses, target group, areas, money, owner, indicators.

    `areas`: level → areas where it holds, everywhere if empty. A policy with one version may state that version's
    document, days and clauses itself.
    """

    titles: Bilingual
    policy_class: str
    target_group: TargetGroup
    versions: list[PolicyVersion] = Field(min_length=1)
    areas: dict[str, list[str]] = {}
    budget_lines: list[str] = []
    owner: Bilingual
    partners: list[Bilingual] = []
    indicators: dict[Dimension, list[WeightedIndicator]]
    minimum_coverage: Exact = Decimal("0.6")

    @model_validator(mode="before")
    @classmethod
    def _one_version(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "versions" in given:
            return given
        version = {key: given[key] for key in _OF_A_VERSION if key in given}
        return {**{key: given[key] for key in given if key not in version}, "versions": [{"id": "1", **version}]}

    def version_at(self, day: date) -> PolicyVersion | None:
        """The version in force on `day`; None before the first, after the last and in between where none is."""
        begun = [version for version in self.versions if version.valid_from <= day]
        last = begun[-1] if begun else None
        return last if last is not None and (last.valid_to is None or day <= last.valid_to) else None


# Weights by a quarter of themselves, the geometric beside the arithmetic mean, figures by their sampling error.
DRAWS = Uncertainty(
    seed=1,
    draws=1000,
    weights=WeightDraws(how="uniform", spread=0.25),
    combine=[Combine(how="geometric", missing="reweigh", floor=1.0)],
    sampling=True,
    sobol=Sobol(),
)


class PolicyDocument(Closed):
    """policies.yaml."""

    classes: dict[str, PolicyClass]
    grades: dict[str, Grade]
    policies: dict[str, Policy]
    uncertainty: Uncertainty = DRAWS
    """What is drawn to say how sure scores are."""
