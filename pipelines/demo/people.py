"""The people of the fictional city: who they are, where they live, what they have, from birth to death.

Put here: persons and what happens to them by itself. Keep out: what is done for them (care.py) and what is written
about them (records.py).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import ndtr, ndtri

from pipelines.demo.city import City
from pipelines.demo.draws import Draws
from pipelines.demo.timeline import Span

CONDITIONS = ("hypertension", "diabetes", "dyslipidaemia")
NEVER = 200_000
ID_CHECK = "10X98765432"
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_EPOCH = np.datetime64("1970-01-01", "D")
_YEAR = 365.25
_LAST_SERIAL = 995  # the numbers above were kept for centenarians
# Residents per thousand in five-year age groups from 0–4 to 95–99, shaped like a national census.
_PYRAMID = np.array([55, 64, 60, 51, 53, 65, 88, 70, 66, 81, 86, 72, 52, 52, 35, 22, 14, 8, 3, 1], dtype=float)
# A year: born, moving in, leaving, and moving within the city, per resident.
_BORN, _ARRIVE, _LEAVE, _MOVE = 0.008, 0.010, 0.010, 0.016
# Force of mortality a year at age 0, its growth with age, and what does not depend on age.
_FORCE, _GROWTH, _CONSTANT = 0.00004, 0.088, 0.0001
# From which age on, how fast with age and at most which share of people fall ill; how much falls together.
_ONSET = {"hypertension": (30, 0.0125, 0.68), "diabetes": (35, 0.0055, 0.22), "dyslipidaemia": (25, 0.0090, 0.35)}
_TOGETHER = 0.4
_ILL_FROM = 35
_SURNAMES = pl.Series(list("赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张"))
_GIVEN = pl.Series(list("安宁明芳强丽军敏静伟秀英建国桂兰志玉梅涵浩然雨桐春华文慧"))
_SECOND_NAME = 0.7


@dataclass(frozen=True)
class People:
    """Persons as parallel arrays; dates are days since 1970-01-01, NEVER for what does not happen.

    `homes` are the first and the second place of living, the second from `moves_on` on. `onset` and `severity` have a
    row per condition: the day of falling ill, and how hard the illness is to control (standard normal). `shares` holds
    a number between 0 and 1 for everything a person may or may not take part in. `mother` is −1 where not known.
    """

    born: np.ndarray
    since: np.ndarray
    male: np.ndarray
    homes: np.ndarray
    moves_on: np.ndarray
    died: np.ndarray
    left: np.ndarray
    ids: pl.Series
    names: pl.Series
    household: np.ndarray
    mother: np.ndarray
    onset: np.ndarray
    severity: np.ndarray
    shares: dict[str, np.ndarray]

    def age_at(self, day: int) -> np.ndarray:
        """Completed years at the end of `day`."""
        return completed_years(self.born, day)

    def lives(self, day: int) -> np.ndarray:
        """Alive and living in the city at the end of `day`."""
        here: np.ndarray = (self.since <= day) & (self.died > day) & (self.left > day)
        return here

    def home(self, day: int) -> np.ndarray:
        """The place of living at the end of `day`."""
        where: np.ndarray = np.where(self.moves_on <= day, self.homes[1], self.homes[0])
        return where


def completed_years(born: np.ndarray, day: int) -> np.ndarray:
    """Completed years at the end of `day` of those born on these days."""
    days = (_EPOCH + born).astype("datetime64[D]")
    at = _EPOCH + day
    years = at.astype("datetime64[Y]").astype(int) - days.astype("datetime64[Y]").astype(int)
    return np.asarray(years - (_month_day(days) > _month_day(np.array([at]))[0]))


def _month_day(days: np.ndarray) -> np.ndarray:
    months = days.astype("datetime64[M]")
    code: np.ndarray = (months.astype(int) % 12 + 1) * 100 + (days - months.astype("datetime64[D]")).astype(int) + 1
    return code


def make_people(draws: Draws, city: City, residents: int, spans: list[Span], mild_found_late: float = 0.0) -> People:
    """Residents on the day before the first period, and those born or moving in until the last one ends.

    `mild_found_late`: how much (as a correlation) the severely ill are found before the others.
    """
    rng = draws.stream("people")
    start, end = spans[0].start - 1, spans[-1].end
    years = (end - start) / _YEAR
    births, arrivals = int(residents * _BORN * years), int(residents * _ARRIVE * years)
    total = residents + births + arrivals
    newborn, arriving = slice(residents, residents + births), slice(residents + births, total)
    home = rng.choice(len(city.size), total, p=city.size)
    born = np.empty(total, dtype=np.int64)
    born[:residents] = start - (_ages(rng, city, home[:residents]) * _YEAR).astype(np.int64)
    born[newborn] = rng.integers(start + 1, end + 1, births)
    born[arriving] = start - rng.integers(18 * 365, 45 * 365, arrivals)
    since = born.copy()
    since[arriving] = rng.integers(start + 1, end + 1, arrivals)
    male = rng.random(total) < 0.507
    household, mother = _families(rng, home, born, male, newborn)
    home[newborn] = np.where(mother[newborn] >= 0, home[mother[newborn]], home[newborn])
    onset = _onsets(draws, born, male, home)
    severity = np.stack(
        [
            ndtri(draws.shares(f"severity/{name}", home * 2 + (onset[at] < NEVER)).astype(np.float64))
            for at, name in enumerate(CONDITIONS)
        ]
    )
    shares = {name: draws.shares(name, home) for name in _SHARES}
    for at, name in enumerate(CONDITIONS if mild_found_late else ()):
        by_chance = np.sqrt(1 - mild_found_late**2) * ndtri(shares[f"find/{name}"].astype(np.float64))
        shares[f"find/{name}"] = ndtr(by_chance - mild_found_late * severity[at])
    people = People(
        born=born,
        since=since,
        male=male,
        homes=np.stack([home, rng.choice(len(city.size), total, p=city.size)]),
        moves_on=_after(rng, np.maximum(since, start), _MOVE, end),
        died=_deaths(rng, born, np.maximum(since, start), male, end),
        left=_after(rng, np.maximum(since, start), _LEAVE, end),
        ids=identity_numbers(rng, born, male),
        names=_names(rng, total),
        household=household,
        mother=mother,
        onset=onset,
        severity=severity.astype(np.float32),
        shares=shares,
    )
    _with_their_mothers(people)
    return people


_SHARES = (
    "archive", *(f"find/{name}" for name in CONDITIONS), "attend", "manage", "exam", "contract", "points", "kiosk",
    "poor", "disabled", "insured",
)  # fmt: skip


def _ages(rng: np.random.Generator, city: City, home: np.ndarray) -> np.ndarray:
    """Age in years by the pyramid, tilted to the old or the young by community."""
    middle = np.arange(len(_PYRAMID)) * 5 + 2.5
    weights = _PYRAMID * np.exp(city.age_shift[:, None] * (middle - 40) / 40)
    reached = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    draw = rng.random(len(home))
    group = np.zeros(len(home), dtype=np.int64)
    for step in range(len(_PYRAMID) - 1):
        group += draw > reached[home, step]
    return group * 5 + rng.random(len(home)) * 5


def _after(rng: np.random.Generator, since: np.ndarray, rate: float, end: int) -> np.ndarray:
    """The day of something that happens at a steady rate a year, or NEVER if it is after `end`."""
    day = since + 1 + (rng.standard_exponential(len(since), dtype=np.float32) / rate * _YEAR).astype(np.int64)
    return np.where(day <= end, day, NEVER)


def _deaths(rng: np.random.Generator, born: np.ndarray, since: np.ndarray, male: np.ndarray, end: int) -> np.ndarray:
    """Day of death by Gompertz and Makeham's law, drawn by inverting the cumulative hazard."""
    factor = np.where(male, 1.2, 0.85)
    age = np.clip((since - born) / _YEAR, 0, 110)
    grown, force = np.exp(_GROWTH * age), _FORCE * factor
    by_age = np.log(grown + rng.standard_exponential(len(born)) * _GROWTH / force) / _GROWTH - age
    by_chance = rng.standard_exponential(len(born)) / (_CONSTANT * factor)
    day = since + 1 + (np.minimum(np.minimum(by_age, by_chance), 400) * _YEAR).astype(np.int64)
    return np.where(day <= end, day, NEVER)


def _families(
    rng: np.random.Generator, home: np.ndarray, born: np.ndarray, male: np.ndarray, newborn: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Household numbers of one to five persons of a place; the newborn belong to the household of their mother."""
    total = len(home)
    order = np.lexsort((rng.random(total), home))
    starts = rng.random(total) < 0.38
    starts[np.flatnonzero(np.diff(home[order], prepend=-1))] = True
    household = np.empty(total, dtype=np.int64)
    household[order] = np.cumsum(starts)
    mother = np.full(total, -1, dtype=np.int64)
    first = born[newborn].min() if newborn.stop > newborn.start else 0
    women = np.flatnonzero(~male[: newborn.start] & (born[: newborn.start] < first - 20 * 365))
    women = women[born[women] > first - 40 * 365]
    if len(women):
        mother[newborn] = rng.choice(women, newborn.stop - newborn.start)
        household[newborn] = household[mother[newborn]]
    return household, mother


def _with_their_mothers(people: People) -> None:
    """A mother is alive and in the city when her child is born, and the child lives where she lives then."""
    children = np.flatnonzero(people.mother >= 0)
    mothers, born = people.mother[children], people.born[children]
    for days in (people.died, people.left):
        days[mothers[days[mothers] <= born]] = NEVER
    moved = people.moves_on[mothers] <= born
    people.homes[0][children] = np.where(moved, people.homes[1][mothers], people.homes[0][mothers])


def _onsets(draws: Draws, born: np.ndarray, male: np.ndarray, home: np.ndarray) -> np.ndarray:
    """Day on which each condition begins, a row per condition; what comes together comes to the same persons."""
    common = ndtri(draws.shares("frailty", home).astype(np.float64))
    onset = np.full((len(CONDITIONS), len(born)), NEVER, dtype=np.int64)
    for at, name in enumerate(CONDITIONS):
        start, slope, most = _ONSET[name]
        own = ndtri(draws.shares(f"onset/{name}", home).astype(np.float64))
        mixed = _TOGETHER * common + np.sqrt(1 - _TOGETHER**2) * own
        frailty = ndtr(mixed)
        by_sex = slope * np.where(male, 1.05, 0.95)
        age = np.maximum(_ILL_FROM, start + frailty / by_sex)
        onset[at] = np.where(frailty < most, born + (age * _YEAR).astype(np.int64), NEVER)
    return onset


def _names(rng: np.random.Generator, total: int) -> pl.Series:
    """Family name and given name of one or two characters."""
    family, given, second = (pool[pl.Series(rng.integers(0, len(pool), total))] for pool in (_SURNAMES, _GIVEN, _GIVEN))
    has_second = pl.Series(rng.random(total) < _SECOND_NAME)
    return (family + given + second.zip_with(has_second, pl.Series([""]).new_from_index(0, total))).alias("name")


def identity_numbers(rng: np.random.Generator, born: np.ndarray, male: np.ndarray) -> pl.Series:
    """Identity numbers of GB 11643 under fictional region codes, all different."""
    total = len(born)
    region = 990101 + rng.integers(0, 60, total)
    days = (_EPOCH + born).astype("datetime64[D]")
    birth = (days.astype("datetime64[Y]").astype(int) + 1970) * 10_000 + _month_day(days)
    group = (region * 100_000_000 + birth) * 2 + male
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    starts = np.r_[0, np.flatnonzero(np.diff(ordered)) + 1]
    place = np.arange(total) - np.repeat(starts, np.diff(np.r_[starts, total]))
    serial = np.empty(total, dtype=np.int64)
    serial[order] = place * 2 + male[order]
    if total and int(serial.max()) > _LAST_SERIAL:
        raise ValueError("too many residents: a fictional region ran out of numbers for one day of birth")
    body = (region * 100_000_000 + birth) * 1000 + serial
    total_weight = np.zeros(total, dtype=np.int64)
    for at, weight in enumerate(ID_WEIGHTS):
        total_weight += body // 10 ** (16 - at) % 10 * weight
    checks = pl.Series(list(ID_CHECK))[pl.Series(total_weight % 11)]
    return (pl.Series(body).cast(pl.String) + checks).alias("id")
