"""What a scenario of the fictional city may say: size, time, what its communities do, what its policies change.

Put here: the closed form of scenarios/*/scenario.yaml and reading it. Keep out: making the city (generator.py).
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from data_contracts.closed import Bilingual, Closed, DefinitionError, nearest, parse, read_yaml

_FOLDER = Path(__file__).parent / "scenarios"
DEFAULT = "city"

Lever = Literal[
    "find", "manage", "attend", "control", "exam", "contract", "renew", "fulfil", "admissions", "emergency", "cost",
    "primary", "satisfied", "literate", "healthy", "spend", "on_time", "points", "archive", "archive_elderly",
    "kiosk",
]  # fmt: skip
Trait = Literal["copies", "dresses", "rounds", "selects"]


class Shape(Closed):
    """How many counties, townships in each, communities in each; how many counties are rural beyond their centre."""

    counties: int = Field(2, ge=1, le=9)
    townships: int = Field(5, ge=1, le=90)
    communities: int = Field(6, ge=1, le=90)
    rural_counties: int = 1


class LeverPath(Closed):
    """A lever over time: values at the end of months (YYYY-MM), straight lines between them, flat outside.

    `spread` is the standard deviation between communities. Shares lie between 0 and 1; `admissions`, `emergency` and
    `cost` are factors around 1 that may lie above.
    """

    path: dict[str, float]
    spread: float = 0.0


class Places(Closed):
    """Which communities: all, rural or urban ones, counties or townships by number, or communities by number."""

    kind: Literal["all", "rural", "urban", "counties", "townships", "communities"] = "all"
    numbers: list[int] = []


class Effect(Closed):
    """What a policy changes: a lever moves by `size` (a factor: by that share) from `start`, in full after `months`.

    `until`: the month after which the change is gone again.
    """

    lever: Lever
    size: float
    start: str
    months: int = Field(1, ge=1)
    until: str | None = None
    places: Places = Places()


class DemoPolicy(Closed):
    """Money of a policy in yuan a year by source, per resident or in all, and its planted effects."""

    per_resident: dict[str, float] = {}
    yearly: dict[str, float] = {}
    places: Places = Places()
    start: str | None = None
    effects: list[Effect] = []


class TraitOf(Closed):
    """A habit of some communities: the share of their readings (or patients) it touches."""

    trait: Trait
    share: float
    places: Places


class Expected(Closed):
    """A figure the road must give: of an indicator, area and period, the value, a count, or a relative change in %."""

    what: Bilingual
    indicator: str
    level: str = "city"
    area: str
    period: str
    figure: Literal["value", "numerator", "denominator"] = "value"
    change_from: str | None = None
    expected: float
    tolerance: float
    at_least: bool = False
    stratum: str = "all"
    rule_set: str = "national_2017"


class Scenario(Closed):
    """One scenario. `even` draws every latent trait in equal steps, so that shares hold with little chance."""

    titles: Bilingual
    story: Bilingual
    residents: int
    residents_note: Bilingual
    first: str
    last: str
    shape: Shape = Shape()
    even: bool = False
    faults: Literal["usual", "none", "every"] = "usual"
    area_changes: bool = False
    levers: dict[Lever, LeverPath] = {}
    policies: dict[str, DemoPolicy]
    traits: list[TraitOf] = []
    sizes: dict[int, float] = {}
    expected: list[Expected] = []
    traps: list[Bilingual] = []
    twin_of: str | None = None


def scenario_names() -> list[str]:
    """All scenarios, sorted."""
    return sorted(path.parent.name for path in _FOLDER.glob("*/scenario.yaml"))


def scenario_folder(name: str) -> Path:
    """The folder of a scenario; DefinitionError with the nearest known name if there is none."""
    if name not in scenario_names():
        near = nearest(name, scenario_names())
        hint = f"; did you mean '{near}'?" if near else ""
        raise DefinitionError(f"--scenario {name}: known are {', '.join(scenario_names())}{hint}")
    return _FOLDER / name


def load_scenario(name: str) -> Scenario:
    """A scenario by name. A twin states what differs; everything else is that of the scenario it is the twin of."""
    return parse(Scenario, _document(name), f"scenarios/{name}/scenario.yaml")


def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = read_yaml(scenario_folder(name) / "scenario.yaml")
    original = document.get("twin_of")
    base = _document(original) if original else _document(DEFAULT) if name != DEFAULT else {}
    inherited = base if original else {"levers": base["levers"]} if base else {}
    levers = {**inherited.get("levers", {}), **document.get("levers", {})}
    return {**inherited, **document, "levers": levers}
