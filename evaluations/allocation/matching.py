"""Matching grants: a part of eligible cost or of certified outside money, within cap and what is left.

Put here: rates and grants in the order of service. Keep out: who certified the money.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Request:
    """`base` is the eligible cost or the certified outside money in fen (None: not certified, nothing is matched)."""

    base: int | None
    rate: Fraction
    cap: int | None = None


def rate_by_capacity(capacity: Fraction, lowest: Fraction, highest: Fraction) -> Fraction:
    """The rate falls in a straight line from `highest` at fiscal capacity 0 to `lowest` at 1.

    Raises ValueError for a capacity outside 0 to 1 or rates that are not 0 ≤ lowest ≤ highest ≤ 1.
    """
    if not 0 <= capacity <= 1 or not 0 <= lowest <= highest <= 1:
        raise ValueError("capacity and rates lie from 0 to 1, the lowest rate not above the highest")
    return highest - (highest - lowest) * capacity


def wished(request: Request) -> int:
    """The grant before the fund: whole fen, at most rate × base and cap."""
    if request.base is None:
        return 0
    top, bottom = request.rate.numerator, request.rate.denominator
    if request.base < 0 or not 0 <= top <= bottom or (request.cap is not None and request.cap < 0):
        raise ValueError("costs and caps are not negative, rates lie from 0 to 1")
    grant = request.base * top // bottom
    return grant if request.cap is None else min(grant, request.cap)


def matched(requests: Sequence[Request], fund: int) -> list[int]:
    """Grants in the order of the requests: each min(rate × base, cap, what is left of the fund)."""
    left, grants = fund, []
    for request in requests:
        grants.append(min(wished(request), left))
        left -= grants[-1]
    return grants
