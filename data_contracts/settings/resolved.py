"""The settings of one home, resolved: all documents together and what follows from them.

Put here: questions that settings alone can answer. Keep out: reading files (loading) and what must agree (agreement).
"""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from data_contracts.closed import Closed, fingerprint
from data_contracts.index_spec.document import IndexSpec
from data_contracts.judgement import Expectation
from data_contracts.national_services import NationalService
from data_contracts.periods import Period
from data_contracts.settings.allocation import AllocationDocument
from data_contracts.settings.appraisals import AppraisalDocument
from data_contracts.settings.counting import Indicator, Measure, RuleSet
from data_contracts.settings.home import HomeDocument
from data_contracts.settings.limits import Limits
from data_contracts.settings.locks import LockDocument
from data_contracts.settings.policies import Gap, PolicyDocument
from data_contracts.settings.risk import RiskDocument
from data_contracts.settings.services import Service
from data_contracts.signatures import SignatureDocument


class ClauseGap(NamedTuple):
    """A clause of a version of a policy and what it lacks."""

    policy: str
    version: str
    clause: str
    gap: Gap


class ExplanationOfValue(Closed):
    """Where a settings entry comes from."""

    file: str
    entry: str
    source: Literal["package", "home"]


@dataclass(frozen=True)
class Settings:
    """Everything a run needs to know besides data, resolved for one home."""

    home: HomeDocument
    limits: Limits
    judgement: dict[str, Expectation]
    measures: dict[str, Measure]
    indicators: dict[str, Indicator]
    rule_sets: dict[str, RuleSet]
    services: dict[str, Service]
    national_services: dict[str, NationalService]
    policy_document: PolicyDocument | None
    risk: RiskDocument | None
    allocation: AllocationDocument | None
    sources: tuple[ExplanationOfValue, ...]
    indices: dict[str, IndexSpec] = field(default_factory=dict)
    appraisals: dict[str, AppraisalDocument] = field(default_factory=dict)
    locks: LockDocument = field(default_factory=LockDocument)
    signatures: SignatureDocument = field(default_factory=SignatureDocument)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values of all settings, in a stable order."""
        return {
            "home": self.home.model_dump(mode="json"),
            "limits": self.limits.model_dump(mode="json"),
            "judgement": {key: value.model_dump(mode="json") for key, value in sorted(self.judgement.items())},
            "measures": {key: value.model_dump(mode="json") for key, value in sorted(self.measures.items())},
            "indicators": {key: value.model_dump(mode="json") for key, value in sorted(self.indicators.items())},
            "rule_sets": {key: value.model_dump(mode="json") for key, value in sorted(self.rule_sets.items())},
            "services": {key: value.model_dump(mode="json") for key, value in sorted(self.services.items())},
            "national_services": {key: item.model_dump(mode="json") for key, item in self.national_services.items()},
            "policies": self.policy_document.model_dump(mode="json") if self.policy_document else None,
            "risk": self.risk.model_dump(mode="json") if self.risk else None,
            "indices": {key: spec.model_dump(mode="json") for key, spec in sorted(self.indices.items())},
            "appraisals": {key: item.model_dump(mode="json") for key, item in sorted(self.appraisals.items())},
            "locks": self.locks.model_dump(mode="json"),
            "signatures": self.signatures.model_dump(mode="json"),
            "allocation": self.allocation.model_dump(mode="json") if self.allocation else None,
        }

    @property
    def fingerprint(self) -> str:
        """sha256 of all resolved settings."""
        return fingerprint(self.as_dict())

    @property
    def levels(self) -> list[str]:
        """Area levels, lowest first."""
        return [level.id for level in self.home.levels]

    def active_indicators(self) -> dict[str, Indicator]:
        """Indicators the home reports, by id."""
        chosen = self.home.indicators
        return {
            key: value
            for key, value in sorted(self.indicators.items())
            if value.status == "active" and (chosen is None or key in chosen)
        }

    def counted_by_policy(self) -> list[str]:
        """Active indicators whose numerator and denominator are counted for every policy apart."""

        def apart(measure_id: str | None) -> bool:
            return measure_id is not None and "policy_id" in self.measures[measure_id].by

        return [
            key for key, item in self.active_indicators().items() if apart(item.numerator) and apart(item.denominator)
        ]

    def clause_gaps(self) -> list[ClauseGap]:
        """Every clause, of any version, without service or without indicator."""
        document = self.policy_document
        return [
            ClauseGap(policy_id, version.id, clause.id or str(number), clause.gap)
            for policy_id, policy in sorted((document.policies if document else {}).items())
            for version in policy.versions
            for number, clause in enumerate(version.clauses, 1)
            if clause.gap != "none"
        ]

    def active_rule_sets(self, period: Period) -> dict[str, RuleSet]:
        """Rule sets the home uses that are in force at the end of `period`."""
        return {
            key: self.rule_sets[key]
            for key in sorted(self.home.rule_sets)
            if self.rule_sets[key].valid_from <= period.end
            and (self.rule_sets[key].valid_to is None or period.end <= self.rule_sets[key].valid_to)  # type: ignore[operator]
        }
