"""What a scenario of the fictional city may say: size, time, what its communities do, what its policies change.

Put here: the closed form of scenarios/*/scenario.yaml and reading it. Keep out: making the city (generator.py).
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from data_contracts.closed import Bilingual, Closed, parse, read_yaml
from data_contracts.messages import did_you_mean, wrong

_FOLDER = Path(__file__).parent / "scenarios"
DEFAULT = "city"

Lever = Literal[
    "archive", "archive_elderly", "find", "attend", "manage", "control", "exam", "contract", "renew", "fulfil",
    "points", "kiosk", "admissions", "emergency", "cost", "primary", "satisfied", "literate", "healthy", "spend",
    "on_time",
]  # fmt: skip
PolicyLever = Literal[
    "manage", "control", "exam", "contract", "renew", "fulfil", "points", "kiosk", "admissions", "emergency", "cost",
    "primary", "satisfied", "literate", "healthy", "spend", "on_time",
]  # fmt: skip
Trait = Literal["copies", "dresses", "rounds", "selects", "calls", "stale", "shifts"]


class Shape(Closed):
    """How many counties, townships in each, communities in each; how many counties are rural beyond their centre.

    `age_tilt` makes everybody older (above 0) or younger.
    """

    counties: int = Field(2, ge=1, le=9)
    townships: int = Field(5, ge=1, le=90)
    communities: int = Field(6, ge=1, le=90)
    rural_counties: int = 1
    age_tilt: float = 0.0


class AreaChanges(Closed):
    """After how many months from the first on two communities become one, and a township is divided; if at all."""

    merge_after: int | None = Field(None, ge=1)
    divide_after: int | None = Field(None, ge=1)


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
    """What a policy or an event changes: a lever moves by `size` (a factor: by that share) from month `start` on.

    The change is full after `months`; `until` is the last month of it.
    """

    lever: Lever
    size: float
    start: str
    months: int = Field(1, ge=1)
    until: str | None = None
    places: Places = Places()


class PolicyEffect(Effect):
    """What a policy changes: a lever of which the truth tells the effect, or kiosks, which no indicator counts."""

    lever: PolicyLever


class DemoPolicy(Closed):
    """Money of a policy in yuan a year by source, per resident or in all, and its planted effects."""

    per_resident: dict[str, float] = {}
    yearly: dict[str, int] = {}
    places: Places = Places()
    start: str | None = None
    effects: list[PolicyEffect] = []


class Event(Closed):
    """Something that happened and is nobody's policy, with what it changed."""

    what: Bilingual
    effects: list[Effect]


class Departure(Closed):
    """A general practitioner of the centre of a township leaves on a day and is replaced on another."""

    township: int
    left_on: str
    replaced_on: str


class TraitOf(Closed):
    """A habit of some communities and the share it touches.

    copies: readings written down from a template; dresses: readings just above a limit written just below it; rounds:
    readings rounded to ten; selects: the hardest patients left out of management; calls: visits made by telephone;
    stale: archives of people who are gone kept as active; shifts: costs moved out of what the insurer settles.
    """

    trait: Trait
    share: float
    places: Places


class Expected(Closed):
    """A figure the road must give: of an indicator, area and period, the value or a count, or its change in percent.

    `id` names it within its scenario, so that a twin can say which it misses.
    """

    id: str
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
    """One scenario.

    `even` draws every latent trait in equal steps, so that shares hold with little chance. `mild_found_late`: how much
    the severely ill are found before the others (0 to 1). `refused`: words that the refusal of the run names, where
    the rules of the scenario cannot hold together. `misses`: of a twin, the figures of its original that it does not
    give; it gives the others.
    """

    titles: Bilingual
    story: Bilingual
    residents: int
    residents_note: Bilingual
    first: str
    last: str
    shape: Shape = Shape()
    even: bool = False
    mild_found_late: float = Field(0.0, ge=0, lt=1)
    faults: Literal["usual", "none", "every"] = "usual"
    area_changes: AreaChanges = AreaChanges()
    levers: dict[Lever, LeverPath]
    policies: dict[str, DemoPolicy]
    events: dict[str, Event] = {}
    departures: list[Departure] = []
    traits: list[TraitOf] = []
    sizes: dict[int, float] = {}
    expected: list[Expected] = []
    refused: list[str] = []
    traps: list[Bilingual] = []
    twin_of: str | None = None
    misses: list[str] = []


def scenario_names() -> list[str]:
    """All scenarios, sorted."""
    return sorted(path.parent.name for path in _FOLDER.glob("*/scenario.yaml"))


def scenario_folder(name: str) -> Path:
    """The folder of a scenario; DefinitionError with the nearest known name if there is none."""
    if name not in scenario_names():
        known = scenario_names()
        raise wrong("wrong_scenario", name=name, known=", ".join(known), hint=did_you_mean(name, known))
    return _FOLDER / name


def load_scenario(name: str) -> Scenario:
    """A scenario by name. A twin states what differs; everything else is that of the scenario it is the twin of."""
    return parse(Scenario, _document(name), f"scenarios/{name}/scenario.yaml")


def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = read_yaml(scenario_folder(name) / "scenario.yaml")
    original = document.get("twin_of")
    if original:
        inherited = _document(original)
    elif name != DEFAULT:
        inherited = {"levers": _document(DEFAULT)["levers"]}
    else:
        inherited = {}
    levers = {**inherited.get("levers", {}), **document.get("levers", {})}
    return {**inherited, **document, "levers": levers}
