"""What the communities of the city do, month by month, and what each policy adds to it.

Put here: levers as arrays over communities. Keep out: persons and what follows for them.
A lever is a share (of patients found, of patients at target …) or a factor (`admissions`, `emergency`, `cost`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from data_contracts.closed import DefinitionError
from pipelines.demo.city import City
from pipelines.demo.draws import Draws
from pipelines.demo.scenario import DemoPolicy, Effect, Event, LeverPath, Places, Scenario
from pipelines.demo.timeline import Month

FACTORS = ("admissions", "emergency", "cost")
TREND, SEASON, OWN = "trend", "season", "community"
# Winter raises admissions and makes pressure harder to control, without any policy.
_SEASON = {"admissions": 0.07, "emergency": 0.10, "control": -0.02}
_LEAST_FACTOR = 0.05


@dataclass(frozen=True)
class Levers:
    """The levers of every community over the months; `chosen` holds the effects of policies and events."""

    scenario: Scenario
    own: dict[str, np.ndarray]
    chosen: dict[str, list[tuple[Effect, np.ndarray]]]
    traits: dict[str, np.ndarray]
    _known: dict[tuple[str, int, str | None], np.ndarray] = field(default_factory=dict)

    @classmethod
    def build(cls, draws: Draws, city: City, scenario: Scenario) -> "Levers":
        """Draw how each community differs and find the communities of every effect and trait."""
        n = len(city.size)
        own: dict[str, np.ndarray] = {
            name: draws.stream("lever", name).normal(0, 1, n) * lever.spread for name, lever in scenario.levers.items()
        }
        actors: dict[str, DemoPolicy | Event] = {**scenario.policies, **scenario.events}
        chosen = {
            name: [(effect, places_of(city, effect.places)) for effect in actor.effects]
            for name, actor in actors.items()
        }
        traits: dict[str, np.ndarray] = {}
        for item in scenario.traits:
            share = np.where(places_of(city, item.places), item.share, 0.0)
            traits[item.trait] = np.maximum(traits.get(item.trait, np.zeros(n)), share)
        return cls(scenario, own, chosen, traits)

    def value(self, lever: str, month: Month, without: str | None = None) -> np.ndarray:
        """The lever in every community in `month`; `without` leaves the effects of one policy or event out."""
        key = (lever, month.number, without)
        if key not in self._known:
            parts = self.parts(lever, month)
            total = sum(part for cause, part in parts.items() if cause != without)
            bounds = (_LEAST_FACTOR, np.inf) if lever in FACTORS else (0.0, 1.0)
            self._known[key] = np.clip(np.exp(total) if lever in FACTORS else total, *bounds)
        return self._known[key]

    def parts(self, lever: str, month: Month) -> dict[str, np.ndarray]:
        """What makes up a lever, by cause: trend, community, season, policies, events; of a factor, its logarithm."""
        n = len(self.own[lever])
        season = 0.0 if self.scenario.even else np.cos((month.of_year - 1) / 12 * 2 * np.pi)
        level = _interpolated(self.scenario.levers[lever], month)  # type: ignore[index]
        parts = {
            TREND: np.full(n, np.log(level) if lever in FACTORS else level),
            OWN: self.own[lever],
            SEASON: np.full(n, _SEASON.get(lever, 0.0) * season),
        }
        for name, effects in self.chosen.items():
            for effect, places in effects:
                if effect.lever == lever:
                    size = np.log1p(effect.size) if lever in FACTORS else effect.size
                    parts[name] = parts.get(name, np.zeros(n)) + size * _reached(effect, month) * places
        return parts

    def trait(self, name: str) -> np.ndarray:
        """The share of a habit in every community; 0 where it is not known."""
        return self.traits.get(name, np.zeros(len(self.own["control"])))

    def touched(self) -> Iterator[tuple[str, str]]:
        """Every policy with each lever it changes."""
        for policy_id in self.scenario.policies:
            for lever in sorted({effect.lever for effect, _ in self.chosen[policy_id]}):
                yield policy_id, lever


def places_of(city: City, places: Places) -> np.ndarray:
    """Which communities are meant, as an array of truth values; numbers count from 0 in the order of codes."""
    rural = city.rural
    if places.kind in ("all", "rural", "urban"):
        return {"all": np.ones(len(rural), dtype=bool), "rural": rural, "urban": ~rural}[places.kind]
    of = {"counties": city.county, "townships": city.township, "communities": np.arange(len(rural))}[places.kind]
    found: np.ndarray = np.isin(of, places.numbers)
    if not found.any():
        raise DefinitionError(f"scenario: places {places.kind} {places.numbers}: no community of the city is meant")
    return found


def _interpolated(lever: LeverPath, month: Month) -> float:
    points = sorted(lever.path.items())
    at = [_number(key) for key, _ in points]
    return float(np.interp(month.year * 12 + month.of_year, at, [value for _, value in points]))


def _reached(effect: Effect, month: Month) -> float:
    """Share of the full effect in `month`, rising in equal steps."""
    now = month.year * 12 + month.of_year
    if effect.until is not None and now > _number(effect.until):
        return 0.0
    return float(np.clip((now - _number(effect.start) + 1) / effect.months, 0.0, 1.0))


def _number(key: str) -> int:
    return int(key[:4]) * 12 + int(key[5:7])
