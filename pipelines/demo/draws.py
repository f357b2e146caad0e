"""Chance in the fictional city: a stream of its own for every purpose, so that one draw never shifts another.

Put here: streams, shares between 0 and 1, events by rate. Keep out: what is drawn for.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

# Multiples of it, less their whole part, fill the line from 0 to 1 evenly at any length.
_GOLDEN = (5**0.5 - 1) / 2
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIXED_BY = ((30, np.uint64(0xBF58476D1CE4E5B9)), (27, np.uint64(0x94D049BB133111EB)))


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

    def luck(self, tickets: np.ndarray, *purpose: object) -> "Luck":
        """Chance of its own for each ticket, by seed and purpose."""
        words = np.random.SeedSequence([self.seed, zlib.crc32("/".join(map(str, purpose)).encode())])
        return Luck(_mixed(tickets.astype(np.uint64) + words.generate_state(1, np.uint64)))

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

    def events(self, rng: np.random.Generator, rates: np.ndarray, groups: np.ndarray, along: np.ndarray) -> np.ndarray:
        """How many events happen to each at these rates: Poisson, or, where even, evenly along an order.

        Then totals hardly vary, those of a group as little as those of any part of the order.
        """
        if not self.even:
            return rng.poisson(rates)
        order = np.lexsort((along, groups))
        reached = np.floor(np.cumsum(rates[order], dtype=np.float64) + rng.random())
        counts = np.empty(len(rates), dtype=np.int64)
        counts[order] = np.diff(reached, prepend=0.0).astype(np.int64)
        return counts

    def normal(self, rng: np.random.Generator, along: np.ndarray) -> np.ndarray:
        """A standard normal number for each; where even, every part of the order has all of the distribution."""
        if not self.even:
            return rng.standard_normal(len(along))
        places = np.empty(len(along))
        places[np.argsort(along, kind="stable")] = (np.arange(len(along)) * _GOLDEN + rng.random()) % 1
        drawn: np.ndarray = ndtri(np.clip(places, 1e-6, 1 - 1e-6))
        return drawn


@dataclass
class Luck:
    """Draws of which none depends on who else draws: a ticket (a whole number) gets the same ones in any company."""

    state: np.ndarray

    def random(self) -> np.ndarray:
        """A number between 0 and 1 for every ticket; another one at every call (SplitMix64)."""
        self.state = self.state + _STEP
        drawn: np.ndarray = ((_mixed(self.state) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        return drawn

    def normal(self) -> np.ndarray:
        """A standard normal number for every ticket; another one at every call."""
        drawn: np.ndarray = ndtri(self.random())
        return drawn


def _mixed(values: np.ndarray) -> np.ndarray:
    for shift, factor in _MIXED_BY:
        values = (values ^ (values >> np.uint64(shift))) * factor
    mixed: np.ndarray = values ^ (values >> np.uint64(31))
    return mixed


def _within(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place from 0 within its group and size of the group, for sorted groups."""
    starts = np.r_[0, np.flatnonzero(np.diff(ordered)) + 1]
    sizes = np.diff(np.r_[starts, len(ordered)])
    return np.arange(len(ordered)) - np.repeat(starts, sizes), np.repeat(sizes, sizes)
