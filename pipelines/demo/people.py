"""The people of the fictional city: who they are, where they live, what they have, quarter by quarter.

Put here: persons and their state. Keep out: what is written about them (records.py).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipelines.demo.city import City

_EPOCH = np.datetime64("1970-01-01", "D")
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECK = "10X98765432"
_LAST_SERIAL = 995  # the numbers above were kept for centenarians
# Residents per thousand in five-year age groups from 0–4 to 95–99, shaped like a national census.
_PYRAMID = np.array([55, 64, 60, 51, 53, 65, 88, 70, 66, 81, 86, 72, 52, 52, 35, 22, 14, 8, 3, 1], dtype=float)
_QUARTER_DAYS = 91
_SURNAMES = np.array(list("赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张"))
_GIVEN = np.array(list("安宁明芳强丽军敏静伟秀英建国桂兰志玉梅涵浩然雨桐春华文慧"))


@dataclass
class People:
    """Persons as parallel arrays; dates are days since 1970-01-01, `community` is where they live now.

    `since` is the first day in the city, `pressure` the usual systolic pressure against that of other patients.
    """

    born: np.ndarray
    since: np.ndarray
    male: np.ndarray
    community: np.ndarray
    died: np.ndarray
    left: np.ndarray
    ids: np.ndarray
    names: np.ndarray
    archived: np.ndarray
    frail: np.ndarray
    pressure: np.ndarray
    found: np.ndarray
    sugar: np.ndarray
    poor: np.ndarray
    archive_day: np.ndarray

    def age_at(self, day: int) -> np.ndarray:
        """Completed years at the end of `day`."""
        born = (_EPOCH + self.born).astype("datetime64[D]")
        at = np.datetime64("1970-01-01", "D") + day
        years = at.astype("datetime64[Y]").astype(int) - born.astype("datetime64[Y]").astype(int)
        age: np.ndarray = years - (_month_day_array(born) > _month_day(at))
        return age

    def lives(self, day: int) -> np.ndarray:
        """Alive and living in the city at the end of `day`."""
        return (self.since <= day) & (self.died > day) & (self.left > day)


def _month_day(day: np.datetime64) -> int:
    text = str(day)
    return int(text[5:7]) * 100 + int(text[8:10])


def _month_day_array(days: np.ndarray) -> np.ndarray:
    months = days.astype("datetime64[M]")
    code: np.ndarray = (months.astype(int) % 12 + 1) * 100 + (days - months.astype("datetime64[D]")).astype(int) + 1
    return code


def day_of(value: object) -> int:
    """Days since 1970-01-01 of a date."""
    return int((np.datetime64(value, "D") - _EPOCH).astype(int))  # type: ignore[call-overload]


def make_people(rng: np.random.Generator, city: City, residents: int, ends: list[int]) -> People:
    """Residents a quarter before the end of the first one, and those born or moving in until the last one.

    `ends` are the last days of the quarters. Deaths and departures happen in every quarter, the first one too.
    """
    marks = [ends[0] - _QUARTER_DAYS, *ends]
    births, arrivals = (int(residents * share) * len(ends) for share in (0.002, 0.0025))
    total = residents + births + arrivals
    community = rng.choice(len(city.size), total, p=city.size)
    born = np.empty(total, dtype=np.int64)
    born[:residents] = marks[0] - (_ages(rng, city, community[:residents]) * 365.25).astype(np.int64)
    born[residents : residents + births] = rng.integers(marks[0] + 1, marks[-1] + 1, births)
    born[residents + births :] = marks[0] - rng.integers(18 * 365, 45 * 365, arrivals)
    since = born.copy()
    since[residents + births :] = rng.integers(marks[0] + 1, marks[-1] + 1, arrivals)
    male = rng.random(total) < 0.507
    died, left = _departures(rng, born, since, male, marks)
    return People(
        born=born,
        since=since,
        male=male,
        community=community,
        died=died,
        left=left,
        ids=identity_numbers(rng, born, male),
        names=_names(rng, total),
        archived=rng.random(total) < city.covers[community],
        frail=rng.random(total),
        pressure=rng.normal(0, 9, total),
        found=rng.random(total),
        sugar=rng.random(total),
        poor=rng.random(total),
        archive_day=np.maximum(since + 30, day_of("2010-01-01")) + rng.integers(0, 365, total),
    )


def _ages(rng: np.random.Generator, city: City, community: np.ndarray) -> np.ndarray:
    """Age in years by the pyramid, tilted to the old or the young by community."""
    middle = np.arange(len(_PYRAMID)) * 5 + 2.5
    weights = _PYRAMID * np.exp(city.age_shift[:, None] * (middle - 40) / 40)
    reached = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    draw = rng.random(len(community))
    group = np.zeros(len(community), dtype=np.int64)
    for step in range(len(_PYRAMID) - 1):
        group += draw > reached[community, step]
    return group * 5 + rng.random(len(community)) * 5


def _departures(
    rng: np.random.Generator, born: np.ndarray, since: np.ndarray, male: np.ndarray, marks: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Day of death and day of leaving the city of each person, far in the future for who stays."""
    total, never = len(born), marks[-1] + 10_000
    died, left = np.full(total, never), np.full(total, never)
    for previous, end in pairwise(marks):
        years = np.clip((end - born) / 365.25, 0, 110)
        hazard = (0.00004 * np.exp(0.088 * years) + 0.0001) * np.where(male, 1.2, 0.85) / 4
        here = (died > end) & (left > end) & (since <= previous)
        dies = here & (rng.random(total) < hazard)
        goes = here & ~dies & (rng.random(total) < 0.0025)
        died[dies] = rng.integers(previous + 1, end + 1, int(dies.sum()))
        left[goes] = rng.integers(previous + 1, end + 1, int(goes.sum()))
    return died, left


def _names(rng: np.random.Generator, total: int) -> np.ndarray:
    """Family name and given name of one or two characters."""
    second = np.where(rng.random(total) < 0.3, "", _GIVEN[rng.integers(0, len(_GIVEN), total)])
    given = np.char.add(_GIVEN[rng.integers(0, len(_GIVEN), total)], second)
    return np.char.add(_SURNAMES[rng.integers(0, len(_SURNAMES), total)], given)


def identity_numbers(rng: np.random.Generator, born: np.ndarray, male: np.ndarray) -> np.ndarray:
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
    if int(serial.max()) > _LAST_SERIAL:
        raise ValueError("too many residents: a fictional region ran out of numbers for one day of birth")
    body = np.char.add(np.char.add(region.astype("U6"), birth.astype("U8")), np.char.zfill(serial.astype("U3"), 3))
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
