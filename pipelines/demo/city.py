"""The areas of the fictional city and how they change: counties, townships, communities, codes, names.

Put here: places and their codes at a time. Keep out: what communities do (levers.py) and people.
A place is a number that never changes; its code, its township and its name may.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.demo.scenario import AreaChanges, Shape
from pipelines.demo.timeline import Month, Span

CITY = ("9901", "康宁市", "Kangning")
LEVELS = ("community", "township", "county", "city")
_COUNTIES = (
    ("海棠区", "Haitang"), ("云杉县", "Yunshan"), ("银杏县", "Yinxing"), ("白桦县", "Baihua"), ("青竹县", "Qingzhu"),
    ("丹枫县", "Danfeng"), ("紫荆县", "Zijing"), ("金桂县", "Jingui"), ("红松县", "Hongsong"),
)  # fmt: skip
_FIRST = ("梅", "兰", "竹", "菊", "松", "柏", "桂", "荷", "枫", "杏", "榆", "槐")
_FIRST_EN = ("Mei", "Lan", "Zhu", "Ju", "Song", "Bai", "Gui", "He", "Feng", "Xing", "Yu", "Huai")
_URBAN, _URBAN_EN = ("园", "里", "桥", "苑", "坊"), ("yuan", "li", "qiao", "yuan", "fang")
_RURAL, _RURAL_EN = ("溪", "岭", "坪", "塘", "湾"), ("xi", "ling", "ping", "tang", "wan")
NO_CHANGES = AreaChanges()


@dataclass(frozen=True)
class AreaChange:
    """A lowest-level code that became another on the first day of a month, given by number and as a day."""

    month: int
    day: int
    kind: str
    place: int
    code: str
    name: str
    name_en: str
    urban_rural_code: str
    township: tuple[str, str, str] | None


@dataclass(frozen=True)
class City:
    """Places as a table, one row each as at the start, with share of the people and tilt of their ages."""

    base: pl.DataFrame
    size: np.ndarray
    age_shift: np.ndarray
    county: np.ndarray
    township: np.ndarray
    changes: tuple[AreaChange, ...]

    @property
    def rural(self) -> np.ndarray:
        """Which places are rural by their class code."""
        return self.base["urban_rural_code"].is_in(["210", "220"]).to_numpy()

    @property
    def counties(self) -> list[tuple[str, str]]:
        """Code and name of each county in order."""
        return list(self.base.select("county_id", "county_name").unique(maintain_order=True).iter_rows())

    @property
    def centres(self) -> pl.Series:
        """Code of the community health centre of each place; it keeps its code when areas change."""
        return self.base["township_id"] + "01"

    def areas(self, span: Span) -> pl.DataFrame:
        """Code, names and areas above of each place at the end of a period; merged places share a row's content."""
        frame = self.base
        for change in self.changes:
            if change.month <= span.months[-1].number:
                frame = _changed(frame, change)
        return frame

    def codes(self, span: Span) -> pl.Series:
        """Community code of each place at the end of a period."""
        return self.areas(span)["community_id"]

    def changed_by(self, span: Span) -> list[tuple[str, str, int, str]]:
        """Changes up to the end of a period: old code, new code, day, kind."""
        done = [change for change in self.changes if change.month <= span.months[-1].number]
        return [(self._before(change), change.code, change.day, change.kind) for change in done]

    def _before(self, change: AreaChange) -> str:
        earlier = [c.code for c in self.changes if c.place == change.place and c.month < change.month]
        return earlier[-1] if earlier else str(self.base["community_id"][change.place])


def build_city(
    rng: np.random.Generator,
    shape: Shape,
    sizes: dict[int, float],
    months: Sequence[Month] = (),
    changes: AreaChanges = NO_CHANGES,
) -> City:
    """Counties of townships of communities; the last counties are rural except for their first township.

    `sizes` fixes the share of the people of some places; in `months` areas change as `changes` says, if there is time
    for it.
    """
    rows, counties, townships = [], [], []
    for county in range(shape.counties):
        for town in range(shape.townships):
            rural = county >= shape.counties - shape.rural_counties and town > 0
            for place in range(shape.communities):
                rows.append((*_community(county, town, place, rural=rural), *CITY, _class(place, rural=rural)))
                counties.append(county)
                townships.append(county * shape.townships + town)
    names = [f"{level}_{part}" for level in LEVELS for part in ("id", "name", "name_en")]
    base = pl.DataFrame(rows, schema=[*names, "urban_rural_code"], orient="row")
    n = base.height
    villages = base["urban_rural_code"].is_in(["210", "220"]).to_numpy()
    size = np.exp(rng.normal(0, 0.35, n)) * np.where(villages, 0.85, 1.2)
    size = size / size.sum()
    fixed = np.array(sorted(sizes), dtype=np.int64)
    given = np.array([sizes[int(place)] for place in fixed])
    free = np.ones(n, dtype=bool)
    free[fixed] = False
    size[free] *= (1 - given.sum()) / size[free].sum()
    size[fixed] = given
    shift = np.where(villages, 0.35, 0.0) + shape.age_tilt + rng.normal(0, 0.15, n)
    return City(base, size, shift, np.array(counties), np.array(townships), _planned(base, shape, months, changes))


def _class(place: int, *, rural: bool) -> str:
    if rural:
        return "220" if place else "210"
    return ("111", "112", "121")[place % 3]


def _community(county: int, town: int, place: int, *, rural: bool) -> tuple[str, ...]:
    county_id = f"9901{county + 1:02d}"
    town_id = f"{county_id}{(200 if rural else 1) + town:03d}"
    kind, kind_en = (_RURAL, _RURAL_EN) if rural else (_URBAN, _URBAN_EN)
    at, first, of_town = (town + place) % 5, (county * 5 + town * 3 + place * 2) % 12, (county * 6 + town) % 12
    again = f"{(place // 6) + 1}" if place >= 6 else ""
    town_again = f"{(town // 12) + 1}" if town >= 12 else ""
    return (
        f"{town_id}{(200 if rural else 0) + place + 1:03d}",
        f"{_FIRST[first]}{kind[at]}{again}{'村' if rural else '社区'}",
        f"{_FIRST_EN[first]}{kind_en[at]}{again} {'village' if rural else 'community'}",
        town_id,
        f"{_FIRST[of_town]}{town_again}{'乡' if rural else '街道'}",
        f"{_FIRST_EN[of_town]}{town_again} {'township' if rural else 'street'}",
        county_id,
        *_COUNTIES[county],
    )


def _planned(base: pl.DataFrame, shape: Shape, months: Sequence[Month], wanted: AreaChanges) -> tuple[AreaChange, ...]:
    """The first two communities of the second township merge; the last township of the city is divided."""
    changes: list[AreaChange] = []
    merged, divided = wanted.merge_after, wanted.divide_after
    if merged is not None and shape.communities >= 2 and shape.townships >= 2 and len(months) > merged:
        first = shape.communities
        row = base.row(first, named=True)
        town, names = row["township_id"], (f"新{row['community_name']}", f"New {row['community_name_en']}")
        day = months[merged].start
        changes += [
            AreaChange(merged, day, "merge", place, f"{town}101", *names, row["urban_rural_code"], None)
            for place in (first, first + 1)
        ]
    if divided is not None and shape.communities >= 4 and len(months) > divided:
        start = base.height - shape.communities // 2
        row = base.row(start, named=True)
        new = f"{row['county_id']}{int(row['township_id'][6:]) + 50:03d}"
        township = (new, f"新{row['township_name']}", f"New {row['township_name_en']}")
        day = months[divided].start
        for place in range(start, base.height):
            old = base.row(place, named=True)
            code, names = f"{new}{old['community_id'][9:]}", (old["community_name"], old["community_name_en"])
            changes.append(AreaChange(divided, day, "recode", place, code, *names, old["urban_rural_code"], township))
    return tuple(changes)


def _changed(frame: pl.DataFrame, change: AreaChange) -> pl.DataFrame:
    here = pl.int_range(pl.len()) == change.place
    new = {
        "community_id": change.code,
        "community_name": change.name,
        "community_name_en": change.name_en,
        "urban_rural_code": change.urban_rural_code,
    }
    if change.township:
        new |= dict(zip(("township_id", "township_name", "township_name_en"), change.township, strict=True))
    return frame.with_columns(
        pl.when(here).then(pl.lit(value)).otherwise(pl.col(name)).alias(name) for name, value in new.items()
    )
