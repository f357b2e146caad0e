"""Entitlements: units × rate within caps per person and per family and year, added up per payee.

Put here: the caps and the sums. Keep out: who is entitled (marts), any name: what leaves is a total per payee.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Claim:
    """One person's claim in the order of claims: opaque keys of person and family, and the payee that it is paid to.

    `paid_before` is what the year already paid on this claim's entitlement, in fen.
    """

    payee: str
    person: str
    family: str
    units: Fraction
    rate: Fraction
    paid_before: int = 0


@dataclass(frozen=True)
class Total:
    """Per payee, in fen: what the units are worth, what caps took off, what is due; claims and families behind it."""

    worth: int
    capped: int
    due: int
    persons: int
    families: int


def totals(
    claims: Sequence[Claim],
    per_person: int | None = None,
    per_family: int | None = None,
    per_payee: int | None = None,
) -> dict[str, Total]:
    """Payee → total, sorted by payee; caps (fen a year) count what was paid before, earlier claims come first.

    Raises ValueError for a negative figure, or a person in two families.
    """
    if any(claim.units.numerator < 0 or claim.rate.numerator < 0 or claim.paid_before < 0 for claim in claims):
        raise ValueError("units, rates and payments are not negative")
    home: dict[str, str] = {}
    used_person: dict[str, int] = defaultdict(int)
    used_family: dict[str, int] = defaultdict(int)
    used_payee: dict[str, int] = defaultdict(int)
    for claim in claims:
        if home.setdefault(claim.person, claim.family) != claim.family:
            raise ValueError("a person is in two families")
        used_person[claim.person] += claim.paid_before
        used_family[claim.family] += claim.paid_before
        used_payee[claim.payee] += claim.paid_before
    worth: dict[str, int] = defaultdict(int)
    due: dict[str, int] = defaultdict(int)
    persons: dict[str, set[str]] = defaultdict(set)
    families: dict[str, set[str]] = defaultdict(set)
    for claim in claims:
        whole = claim.units.numerator * claim.rate.numerator // (claim.units.denominator * claim.rate.denominator)
        granted = whole
        if per_person is not None:
            granted = min(granted, max(per_person - used_person[claim.person], 0))
        if per_family is not None:
            granted = min(granted, max(per_family - used_family[claim.family], 0))
        if per_payee is not None:
            granted = min(granted, max(per_payee - used_payee[claim.payee], 0))
        used_person[claim.person] += granted
        used_payee[claim.payee] += granted
        used_family[claim.family] += granted
        worth[claim.payee] += whole
        due[claim.payee] += granted
        persons[claim.payee].add(claim.person)
        families[claim.payee].add(claim.family)
    return {
        payee: Total(worth[payee], worth[payee] - due[payee], due[payee], len(persons[payee]), len(families[payee]))
        for payee in sorted(worth)
    }
