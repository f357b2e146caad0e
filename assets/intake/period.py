"""The reporting period of a file: from its note, else its name, else what the contract fixes; else it is refused."""

import re

from assets.intake.findings import FileRefused
from data_contracts.contracts import FeedContract
from data_contracts.periods import Period

_CHINESE = str.maketrans("一二三四", "1234")


def period_of(noted: str | None, file_name: str, contract: FeedContract) -> str:
    """The period key of a file; raises FileRefused where nothing tells it or what tells it is no period."""
    source = contract.extras.period
    found = noted or _from_name(file_name, source.file_name) or source.constant
    if found is None:
        raise FileRefused("intake_period_unknown", feed=contract.key)
    try:
        return Period.parse(found).key
    except ValueError:
        raise FileRefused("intake_period_wrong", feed=contract.key) from None


def _from_name(file_name: str, pattern: str | None) -> str | None:
    match = re.search(pattern, file_name) if pattern else None
    if match is None:
        return None
    groups = {name: value for name, value in match.groupdict().items() if value}
    if "period" in groups:
        return groups["period"]
    year = groups["year"] if len(groups["year"]) == 4 else f"20{groups['year']}"
    if "quarter" in groups:
        return f"{year}Q{groups['quarter'].translate(_CHINESE)}"
    return f"{year}-{int(groups['month']):02d}" if "month" in groups else year
