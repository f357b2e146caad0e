"""The people of the fictional city: who they are, where they live, what they have, quarter by quarter.

Put here: persons and their state. Keep out: what is written about them (records.py).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.demo.city import City

_EPOCH = np.datetime64("1970-01-01", "D")
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECK = "10X98765432"
_SURNAMES = np.array(list("赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张"))
_GIVEN = np.array(
    [
        "安",
        "宁",
        "明",
        "芳",
        "强",
        "丽",
        "军",
        "敏",
        "静",
        "伟",
        "秀英",
        "建国",
        "桂兰",
        "志强",
        "玉梅",
        "子涵",
        "浩然",
        "雨桐",
    ]
)


@dataclass
class People:
    """Persons as parallel arrays; dates are days since 1970-01-01, `community` is where they live now."""

    born: np.ndarray
    male: np.ndarray
    community: np.ndarray
    died: np.ndarray
    left: np.ndarray
    ids: np.ndarray
    names: np.ndarray
    archived: np.ndarray
    frail: np.ndarray
    found: np.ndarray
    sugar: np.ndarray
    poor: np.ndarray
    archive_day: np.ndarray

    def age_at(self, day: int) -> np.ndarray:
        """Completed years at the end of `day`."""
        born = (_EPOCH + self.born).astype("datetime64[D]")
        at = np.datetime64("1970-01-01", "D") + day
        years = at.astype("datetime64[Y]").astype(int) - born.astype("datetime64[Y]").astype(int)
        return years - (_month_day(at) < _month_day_array(born)).astype(int)  # type: ignore[no-any-return]

    def lives(self, day: int) -> np.ndarray:
        """Alive and living in the city at the end of `day`."""
        return (self.born <= day) & (self.died > day) & (self.left > day)


def _month_day(day: np.datetime64) -> int:
    text = str(day)
    return int(text[5:7]) * 100 + int(text[8:10])


def _month_day_array(days: np.ndarray) -> np.ndarray:
    months = days.astype("datetime64[M]")
    return (months.astype(int) % 12 + 1) * 100 + (days - months.astype("datetime64[D]")).astype(int) + 1


def day_of(value: object) -> int:
    """Days since 1970-01-01 of a date."""
    return int((np.datetime64(value, "D") - _EPOCH).astype(int))  # type: ignore[call-overload]


def make_people(rng: np.random.Generator, city: City, residents: int, ends: list[int]) -> People:
    """Residents at the end of the first quarter, with the children born until the last one."""
    births = int(residents * 0.002) * (len(ends) - 1)
    total = residents + births
    community = rng.choice(len(city.size), total, p=city.size)
    age = rng.gamma(2.2, 17.5, residents) * (1 + 0.15 * city.age_shift[community[:residents]])
    age = np.clip(age, 0, 103)
    born = np.empty(total, dtype=np.int64)
    born[:residents] = ends[0] - (age * 365.25).astype(np.int64)
    born[residents:] = rng.integers(ends[0] + 1, ends[-1] + 1, births) if births else 0
    male = rng.random(total) < 0.507
    never = ends[-1] + 10_000
    died, left = np.full(total, never), np.full(total, never)
    previous = ends[0]
    for end in ends[1:]:
        years = np.clip((end - born) / 365.25, 0, 110)
        hazard = (0.00004 * np.exp(0.088 * years) + 0.0001) * np.where(male, 1.2, 0.85) / 4
        alive = (died > end) & (left > end) & (born <= previous)
        dies = alive & (rng.random(total) < hazard)
        goes = alive & ~dies & (rng.random(total) < 0.0025)
        died[dies] = rng.integers(previous + 1, end + 1, int(dies.sum()))
        left[goes] = rng.integers(previous + 1, end + 1, int(goes.sum()))
        previous = end
    return People(
        born=born,
        male=male,
        community=community,
        died=died,
        left=left,
        ids=_ids(rng, born, male),
        names=np.char.add(_SURNAMES[rng.integers(0, 24, total)], _GIVEN[rng.integers(0, 18, total)]),
        archived=rng.random(total) < city.covers[community],
        frail=rng.random(total),
        found=rng.random(total),
        sugar=rng.random(total),
        poor=rng.random(total),
        archive_day=np.maximum(born + 30, day_of("2010-01-01")) + rng.integers(0, 365, total),
    )


def _ids(rng: np.random.Generator, born: np.ndarray, male: np.ndarray) -> np.ndarray:
    """Identity numbers of GB 11643 under fictional region codes, all different."""
    total = len(born)
    region = 990101 + rng.integers(0, 60, total)
    days = (_EPOCH + born).astype("datetime64[D]")
    years = days.astype("datetime64[Y]").astype(int) + 1970
    birth = years * 10000 + _month_day_array(days)
    group = (region.astype(np.int64) * 100_000_000 + birth) * 2 + male
    order = np.argsort(group, kind="stable")
    sorted_group = group[order]
    starts = np.r_[0, np.flatnonzero(np.diff(sorted_group)) + 1]
    place = np.arange(total) - np.repeat(starts, np.diff(np.r_[starts, total]))
    serial = np.empty(total, dtype=np.int64)
    serial[order] = place * 2 + male[order]
    body = np.char.add(
        np.char.add(region.astype("U6"), birth.astype("U8")), np.char.zfill((serial % 1000).astype("U3"), 3)
    )
    digits = body.view("U1").reshape(total, 17).astype(np.int64)
    return np.char.add(body, np.array(list(ID_CHECK))[(digits * np.array(ID_WEIGHTS)).sum(axis=1) % 11])


def move_some(rng: np.random.Generator, people: People, city: City) -> None:
    """A few people move to another community of the city."""
    moves = rng.random(len(people.community)) < 0.004
    people.community[moves] = rng.choice(len(city.size), int(moves.sum()), p=city.size)


def hypertension(people: People, age: np.ndarray) -> np.ndarray:
    """Who has high blood pressure at the given ages; once ill, always ill."""
    chance = np.clip((age - 30) * 0.0125, 0, 0.68) * np.where(people.male, 1.05, 0.95)
    return (age >= 35) & (people.frail < chance)


def diabetes(people: People, age: np.ndarray) -> np.ndarray:
    """Who has type 2 diabetes at the given ages."""
    return (age >= 35) & (people.sugar < np.clip((age - 35) * 0.0055, 0, 0.22))
