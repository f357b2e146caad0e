"""What is counted of one file on its way through intake.

Put here: the account of a file and of its rules. Keep out: counting (staging.py) and storing it (delivery.py).
"""

from dataclasses import dataclass, field, fields
from typing import Literal

from assets.intake.findings import Finding
from data_contracts.settings.limits import Limits

# What becomes of a file. `taken`: no more records are refused than the settings bear. `in_part`: more are; the others
# count, but the file replaces no other as a whole and is to be corrected and sent again. `refused`: nothing is taken.
Verdict = Literal["taken", "in_part", "refused"]


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
    # Accepted records by the period they belong to.
    periods: dict[str, int] = field(default_factory=dict)
    # Columns whose header states another unit than the contract's, with that unit.
    units: dict[str, str] = field(default_factory=dict)
    # Rows marked as the example of the template; they are among the rows that are no data.
    examples: int = 0

    @property
    def rows(self) -> int:
        """The records of the sender, without totals, signatures and other rows that are no data: `rows` of a note."""
        return self.records - self.non_data

    @property
    def refused_share(self) -> float:
        """Share of the records that were not taken; 0 of a file without records."""
        return (self.quarantined + self.unreadable) / self.rows if self.rows else 0.0

    def is_whole(self, limits: Limits) -> bool:
        """Whether no more records were refused than the settings bear (`quarantine_share`, itself included)."""
        return self.refused_share <= float(limits.quarantine_share)

    def shares(self, limits: Limits) -> dict[str, str]:
        """The share of refused records and the one that is borne, as messages show them."""
        return {"share": f"{self.refused_share:.2%}", "limit": f"{float(limits.quarantine_share) * 100:g}%"}

    def verdict(self, refused: Finding | None, limits: Limits) -> Verdict:
        """The one word on a file, for a check before it is sent and for a run; `refused`: why it is, as a whole."""
        if refused is not None:
            return "refused"
        return "taken" if self.is_whole(limits) else "in_part"

    def begin(self) -> None:
        """Start anew, as for another pass over the same file."""
        blank = Account()
        for item in fields(self):
            setattr(self, item.name, getattr(blank, item.name))

    def count(self, rule: str, severity: str, violated: int, not_applicable: int, checked: int) -> None:
        """Add one chunk's outcome of a rule."""
        entry = self.rules.setdefault(rule, RuleCount(severity))
        entry.violated += violated
        entry.not_applicable += not_applicable
        entry.checked += checked
