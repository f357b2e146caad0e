"""What is counted of one file on its way through intake.

Put here: the account of a file and of its rules. Keep out: counting (staging.py) and storing it (delivery.py).
"""

from dataclasses import dataclass, field

from assets.intake.findings import Finding


@dataclass
class RuleCount:
    """How often a rule was violated, did not apply, and was looked at."""

    severity: str
    violated: int = 0
    not_applicable: int = 0
    checked: int = 0


@dataclass
class Account:
    """The accounting of one file: `records` is the sum of the other four, always."""

    records: int = 0
    unreadable: int = 0
    non_data: int = 0
    quarantined: int = 0
    accepted: int = 0
    rules: dict[str, RuleCount] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    sheet: str | None = None

    def count(self, rule: str, severity: str, violated: int, not_applicable: int, checked: int) -> None:
        """Add one chunk's outcome of a rule."""
        entry = self.rules.setdefault(rule, RuleCount(severity))
        entry.violated += violated
        entry.not_applicable += not_applicable
        entry.checked += checked
