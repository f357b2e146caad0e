"""Money of communities on its way to the institutions that serve them: the map in force on a day.

Put here: reading the dated map and splitting by it. Keep out: how much a community gets.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from data_contracts.allocation_spec.funding import day_after, days_between
from evaluations.allocation.exact import split, whole


@dataclass(frozen=True)
class Serves:
    """`institution` serves `share` of `community` from `start` to `end`, both days included; None is open.

    Days are written as 2025-07-01, so that they compare like text.
    """

    institution: str
    community: str
    share: Fraction
    start: str | None = None
    end: str | None = None

    def holds_on(self, day: str) -> bool:
        """Whether it is in force on `day`."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


class MapFault(ValueError):  # noqa: N818  (an answer, not a fault)
    """On the day the shares of `community` sum to `total`, not 1, or an institution stands there twice."""

    def __init__(self, community: str, total: Fraction, day: str, twice: str | None = None) -> None:
        self.community, self.total, self.day, self.twice = community, total, day, twice
        super().__init__(f"{community}: shares sum to {total}")


def served_by(rows: Sequence[Serves], day: str, communities: Sequence[str]) -> dict[str, dict[str, Fraction]]:
    """Community → institution → share on `day`, for all `communities`; shares of each sum to exactly 1.

    Raises MapFault for the first community where they do not, and ValueError for a negative share.
    """
    parts, one = whole([row.share for row in rows])
    if min(parts, default=0) < 0:
        raise ValueError("a share is negative")
    found: dict[str, dict[str, Fraction]] = defaultdict(dict)
    totals: dict[str, int] = defaultdict(int)
    for row, part in zip(rows, parts, strict=True):
        if not row.holds_on(day):
            continue
        totals[row.community] += part
        if row.institution in found[row.community]:
            raise MapFault(row.community, Fraction(totals[row.community], one), day, row.institution)
        found[row.community][row.institution] = row.share
    for community in sorted(communities):
        if totals[community] != one:
            raise MapFault(community, Fraction(totals[community], one), day)
    return {community: dict(sorted(found[community].items())) for community in sorted(communities)}


def served_between(
    rows: Sequence[Serves], first: str, last: str, communities: Sequence[str]
) -> dict[str, dict[str, Fraction]]:
    """As `served_by`, over the days from `first` to `last`: each map counts for the days on which it is in force."""
    starts = {row.start for row in rows if row.start is not None and first < row.start <= last}
    after = {day_after(row.end) for row in rows if row.end is not None and first <= row.end < last}
    begins = sorted({first, *starts, *after})
    if len(begins) == 1:
        return served_by(rows, first, communities)
    days, found = days_between(first, last), {own: defaultdict[str, Fraction](Fraction) for own in communities}
    for at, begin in enumerate(begins):
        until = days_between(begin, begins[at + 1]) - 1 if at + 1 < len(begins) else days_between(begin, last)
        for community, shares in served_by(rows, begin, communities).items():
            for institution, share in shares.items():
                found[community][institution] += share * until / days
    return {community: dict(sorted(found[community].items())) for community in sorted(communities)}


def passed_on(amounts: Mapping[str, int], shares: Mapping[str, Mapping[str, Fraction]]) -> dict[tuple[str, str], int]:
    """(community, institution) → fen; what the institutions of a community get is what the community had."""
    found: dict[tuple[str, str], int] = {}
    for community, amount in sorted(amounts.items()):
        institutions = sorted(shares[community])
        parts = split([shares[community][name] for name in institutions], amount, institutions)
        found |= {(community, name): part for name, part in zip(institutions, parts, strict=True)}
    return found
