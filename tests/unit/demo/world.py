"""A small city kept in memory: its people, its care month by month and what is recorded, as typed tables."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.demo import generator
from pipelines.demo.care import Care
from pipelines.demo.city import City
from pipelines.demo.people import People
from pipelines.demo.scenario import AreaChanges, LeverPath, Scenario, Shape, TraitOf, load_scenario
from pipelines.demo.timeline import Span

HABITS = {"copies": 0.4, "dresses": 1.0, "rounds": 1.0, "selects": 0.3, "calls": 0.45, "stale": 1.0, "shifts": 1.0}
PLACES = len(HABITS) + 1
PLAIN = PLACES - 1


@dataclass
class World:
    """Everything about the city; tables by feed, a list item per period; `registered_on` per period and condition."""

    scenario: Scenario
    spans: list[Span]
    city: City
    people: People
    care: Care
    roster: pl.DataFrame
    tables: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    registered_on: list[np.ndarray] = field(default_factory=list)

    def all(self, feed: str) -> pl.DataFrame:
        """The tables of all periods as one, with the number of the period."""
        frames = [frame.with_columns(pl.lit(at).alias("at")) for at, frame in enumerate(self.tables[feed])]
        return pl.concat(frames)


def scenario_of_habits() -> Scenario:
    """Eight communities of one size that differ in nothing but a habit each; the last has none. Costs fall."""
    base = load_scenario("city")
    same = {name: lever.model_copy(update={"spread": 0.0}) for name, lever in base.levers.items()}
    same["cost"] = LeverPath(path={"2023-01": 0.8})
    habits = [
        TraitOf.model_validate({"trait": trait, "share": share, "places": {"kind": "communities", "numbers": [at]}})
        for at, (trait, share) in enumerate(HABITS.items())
    ]
    return base.model_copy(
        update={
            "shape": Shape(counties=1, townships=2, communities=PLACES // 2, rural_counties=0),
            "sizes": dict.fromkeys(range(PLACES - 1), 1 / PLACES),
            "area_changes": AreaChanges(),
            "faults": "none",
            "levers": same,
            "traits": habits,
        }
    )


def live(home: Path, scenario: Scenario, residents: int, seed: int, first: str, last: str) -> World:
    """Let a city live from first to last period; its files are written below `home`."""
    demo = generator._begin(home, scenario, residents, seed, first, last)
    world = World(scenario, demo.spans, demo.city, demo.people, demo.care, demo.roster)
    for span in demo.spans:
        demo.now, demo.links = {}, {}
        demo.forms.at(span)
        generator._period(demo, span)
        for feed, frames in demo.now.items():
            world.tables.setdefault(feed, []).append(pl.concat(frames))
        world.registered_on.append(demo.care.registered_on.copy())
    return world
