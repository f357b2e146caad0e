"""settings/locks.yaml: what was fixed before data were read, so that weights cannot be shopped for afterwards.

Put here: what a lock covers and whether settings still say the same. Keep out: writing locks (pipelines).
"""

from collections.abc import Iterator
from typing import NamedTuple

from data_contracts.closed import Closed, fingerprint
from data_contracts.index_spec.document import IndexSpec
from data_contracts.messages import wrong
from data_contracts.settings.appraisals import AppraisalDocument
from data_contracts.settings.policies import Policy, PolicyDocument


class Lock(Closed):
    """A fixed entry: `policy:<id>`, `index:<id>` or `appraisal:<id>`, the hash of what it said, when and by whom.

    `reason`: why an entry that was locked before was changed.
    """

    entry: str
    hash: str
    at: str
    by: str
    reason: str = ""


class LockDocument(Closed):
    """locks.yaml: all locks in the order in which they were set; the last of an entry holds."""

    locks: list[Lock] = []

    @property
    def holding(self) -> dict[str, Lock]:
        """The lock in force of every entry."""
        return {lock.entry: lock for lock in self.locks}


class Locked(NamedTuple):
    """An entry that can be locked, and the hash of what it says now."""

    entry: str
    hash: str


def lockable(
    policies: PolicyDocument | None, indices: dict[str, IndexSpec], appraisals: dict[str, AppraisalDocument]
) -> Iterator[Locked]:
    """Everything of settings that decides a score."""
    for key, policy in sorted((policies.policies if policies else {}).items()):
        yield Locked(f"policy:{key}", _policy_hash(policy, policies))  # type: ignore[arg-type]
    for key, spec in sorted(indices.items()):
        yield Locked(f"index:{key}", _spec_hash(spec))
    for key, appraisal in sorted(appraisals.items()):
        yield Locked(f"appraisal:{key}", _spec_hash(appraisal.spec))


def _policy_hash(policy: Policy, document: PolicyDocument) -> str:
    """Class, weights of its dimensions and indicators, goalposts, coverage, grades: what the score follows from."""
    kind = document.classes.get(policy.policy_class)
    return fingerprint(
        {
            "class": policy.policy_class,
            "weights": {key: str(weight.normalize()) for key, weight in kind.weights.items()} if kind else {},
            "indicators": {
                dimension: [
                    [item.indicator, *(str(number.normalize()) for number in (item.weight, item.low, item.high)),
                     item.accrues]
                    for item in items
                ]
                for dimension, items in policy.indicators.items()
            },
            "minimum_coverage": str(policy.minimum_coverage.normalize()),
            "grades": {key: str(grade.from_score.normalize()) for key, grade in document.grades.items()},
        }
    )  # fmt: skip


def _spec_hash(spec: IndexSpec) -> str:
    """What a spec says, words left at their defaults aside, so that a new word of the language unlocks nothing."""
    return fingerprint(spec.model_dump(mode="json", exclude={"lock", "titles", "uncertainty"}, exclude_defaults=True))


def check_locks(document: LockDocument, entries: list[Locked]) -> None:
    """Raise DefinitionError naming the first entry that no longer says what was locked, and the next step."""
    holding = document.holding
    for entry in entries:
        lock = holding.get(entry.entry)
        if lock is not None and lock.hash != entry.hash:
            raise wrong(
                "wrong_lock", entry=entry.entry, at=lock.at, by=lock.by, was=lock.hash[:12], now=entry.hash[:12]
            )
