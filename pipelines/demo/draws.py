"""Chance in the fictional city: a stream of its own for every purpose, so that one draw never shifts another.

Put here: streams, shares between 0 and 1, events by rate. Keep out: what is drawn for.
"""

import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Draws:
    """Chance from a seed. `even` spreads shares in equal steps and events evenly, so that totals hold with little luck.

    A city without a policy is drawn from the same streams as the city with it: what differs is the policy's doing.
    """

    seed: int
    even: bool

    def stream(self, *purpose: object) -> np.random.Generator:
        """A generator that depends on the seed and the purpose alone."""
        return np.random.default_rng([self.seed, zlib.crc32("/".join(map(str, purpose)).encode())])

    def shares(self, purpose: str, groups: np.ndarray) -> np.ndarray:
        """A number between 0 and 1 for everybody, uniform in every group."""
        rng = self.stream("shares", purpose)
        drawn = rng.random(len(groups), dtype=np.float32)
        if not self.even:
            return drawn
        order = np.lexsort((drawn, groups))
        place, size = _within(groups[order])
        steps = np.empty(len(groups), dtype=np.float32)
        steps[order] = (place + 0.5) / size
        return steps

    def events(self, rng: np.random.Generator, rates: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """How many events happen to each at these rates: Poisson, or, where even, with totals that hardly vary."""
        if not self.even:
            return rng.poisson(rates)
        order = np.lexsort((rng.random(len(rates)), groups))
        reached = np.floor(np.cumsum(rates[order], dtype=np.float64) + rng.random())
        counts = np.empty(len(rates), dtype=np.int64)
        counts[order] = np.diff(reached, prepend=0.0).astype(np.int64)
        return counts


def _within(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place from 0 within its group and size of the group, for sorted groups."""
    starts = np.r_[0, np.flatnonzero(np.diff(ordered)) + 1]
    sizes = np.diff(np.r_[starts, len(ordered)])
    return np.arange(len(ordered)) - np.repeat(starts, sizes), np.repeat(sizes, sizes)
