"""Which feed a file is of, by its header: for senders who do not say, or who say the wrong one.

Put here: comparing the first rows of a file with contracts. Keep out: reading them (opening.py), and the verdict on
the file (check.py), which a likeness never decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assets.intake.findings import Finding
from assets.intake.headers import header_place
from data_contracts.closed import nearest
from data_contracts.contracts import FeedContract, normal_header

Rows = Sequence[Sequence[str]]
# A share this close to the best one is not told apart from it.
_AS_GOOD = 0.05
# Below half of its headers a file shares little more with a feed than an id and a date.
_ENOUGH = 0.5


@dataclass(frozen=True)
class Fit:
    """How a header fits a contract: columns recognised, columns of the contract, headers of the file.

    `lacking`: columns that a file of this feed must have and this one has not.
    """

    feed: str
    matched: int
    columns: int
    headers: int
    lacking: int

    @property
    def likeness(self) -> float:
        """Share of the headers that the contract knows."""
        return self.matched / self.headers if self.headers else 0.0

    @property
    def coverage(self) -> float:
        """Share of the contract's columns that the file has; senders leave out what they have not."""
        return self.matched / self.columns


def fit(tables: Sequence[Rows], contract: FeedContract) -> Fit:
    """How the table that fits best, of those a file may be read as, fits a contract. `tables`: first rows of each."""
    needed = {column.name for column in contract.columns if column.in_header}
    found = [Fit(contract.key, 0, len(contract.columns), 0, len(needed))]
    for rows in tables:
        _, paths, matched = header_place(rows, contract)
        headers = sum(bool(path.strip()) for path in paths)
        found.append(Fit(contract.key, len(matched), len(contract.columns), headers, len(needed - matched)))
    return max(found, key=lambda item: item.matched)


def candidates(tables: Sequence[Rows], contracts: Iterable[FeedContract]) -> list[Fit]:
    """The feeds a file may be of: the likest and those hardly less like, best first; none where none is like."""
    fits = [fit(tables, contract) for contract in contracts]
    found = sorted(fits, key=lambda item: (-item.likeness, -item.coverage, item.feed))
    if not found or found[0].likeness < _ENOUGH:
        return []
    alike = [item for item in found if item.likeness >= found[0].likeness - _AS_GOOD]
    fewest = min(item.lacking for item in alike)
    alike = [item for item in alike if item.lacking == fewest]
    most = max(item.coverage for item in alike)
    return [item for item in alike if item.coverage >= most - _AS_GOOD]


def missing_columns(tables: Sequence[Rows], contract: FeedContract) -> list[Finding]:
    """Every column that a file of this feed must have and this one lacks, each with the nearest header by position."""
    places = [header_place(rows, contract) for rows in tables]
    _, paths, matched = max(places, key=lambda place: len(place[2]), default=(0, [], set()))
    own = {normal_header(header) for name in matched for header in contract.by_name[name].headers}
    unknown = {path: at for at, path in enumerate(paths, 1) if path.strip() and normal_header(path) not in own}
    found = []
    for column in contract.columns:
        if column.name in matched or not column.in_header:
            continue
        close = next((near for header in column.headers if (near := nearest(header, list(unknown)))), None)
        place = {} if close is None else {"position": unknown[close]}
        sentence = "check_missing_column_alone" if close is None else "check_missing_column"
        found.append(Finding(sentence, {"column": column.headers[0], **place}))
    return found
