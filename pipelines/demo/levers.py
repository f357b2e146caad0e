"""What the communities of the city do, month by month, and what each policy adds to it.

Put here: levers as arrays over communities. Keep out: persons and what follows for them.
A lever is a share (of patients found, of patients at target …) or a factor (`admissions`, `emergency`, `cost`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from data_contracts.closed import DefinitionError
from pipelines.demo.city import City
from pipelines.demo.scenario import Effect, LeverPath, Places, Scenario
from pipelines.demo.timeline import Month

_FACTORS = ("admissions", "emergency", "cost")
# Winter raises admissions and makes pressure harder to control, without any policy.
_SEASON = {"admissions": 0.07, "emergency": 0.10, "control": -0.02}
_LOWEST, _HIGHEST = 0.0, 1.0


@dataclass(frozen=True)
class Levers:
    """The levers of every community over the months of a scenario."""

    scenario: Scenario
    months: tuple[Month, ...]
    own: dict[str, np.ndarray]
    chosen: dict[str, list[tuple[Effect, np.ndarray]]]

    @classmethod
    def build(cls, rng: np.random.Generator, city: City, scenario: Scenario, months: tuple[Month, ...]) -> "Levers":
        """Draw how each community differs and find the communities of every effect."""
        own = {name: rng.normal(0, 1, len(city.size)) * lever.spread for name, lever in scenario.levers.items()}
        chosen = {
            policy_id: [(effect, places_of(city, effect.places)) for effect in policy.effects]
            for policy_id, policy in scenario.policies.items()
        }
        return cls(scenario, months, own, chosen)

    def value(self, lever: str, month: Month, without: str | None = None) -> np.ndarray:
        """The lever in every community at the end of `month`; `without` leaves the effects of one policy out."""
        path = self.scenario.levers[lever]  # type: ignore[index]
        season = 1.0 if self.scenario.even else np.cos((month.of_year - 1) / 12 * 2 * np.pi)
        swing = 0.0 if self.scenario.even else _SEASON.get(lever, 0.0) * season
        level = _interpolated(path, month) + self.own[lever] + swing
        for policy_id, effects in self.chosen.items():
            for effect, places in effects if policy_id != without else ():
                if effect.lever == lever:
                    level = level * (1 + effect.size * _reached(effect, month) * places) if lever in _FACTORS else (
                        level + effect.size * _reached(effect, month) * places
                    )
        return np.maximum(level, 0.05) if lever in _FACTORS else np.clip(level, _LOWEST, _HIGHEST)

    def touched(self) -> Iterator[tuple[str, str]]:
        """Every policy with each lever it changes."""
        for policy_id, effects in self.chosen.items():
            for lever in sorted({effect.lever for effect, _ in effects}):
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
    """Share of the full effect at the end of `month`, rising in equal steps."""
    now = month.year * 12 + month.of_year
    if effect.until is not None and now > _number(effect.until):
        return 0.0
    return float(np.clip((now - _number(effect.start) + 1) / effect.months, 0.0, 1.0))


def _number(key: str) -> int:
    return int(key[:4]) * 12 + int(key[5:7])
