"""The families of the fictional city: who is born when, lives where and with whom, dies, moves and leaves.

Put here: how many there are, their ages and households, births, deaths and removals. Keep out: illness and what people
take part in (people.py). Who moves or leaves does so with the household; death takes persons one by one.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.demo.city import City
from pipelines.demo.timeline import NEVER, Span

_YEAR = 365.25
# Residents per thousand in five-year age groups from 0–4 to 95–99, shaped like a national census.
_PYRAMID = np.array([55, 64, 60, 51, 53, 65, 88, 70, 66, 81, 86, 72, 52, 52, 35, 22, 14, 8, 3, 1], dtype=float)
# A year: born, moving in, leaving, and moving within the city, per resident.
_BORN, _ARRIVE, _LEAVE, _MOVE = 0.008, 0.010, 0.010, 0.016
# Force of mortality a year at age 0, its growth with age, and what does not depend on age.
_FORCE, _GROWTH, _CONSTANT = 0.00004, 0.088, 0.0001
_MALE = 0.507
# Persons in a household when it is formed: on average and at most. Each has somebody of that age or older.
_MEAN_SIZE, _MOST, _ADULT = 2.6, 5, 18
# Ages of those who arrive: of the first of a household, and of who comes along; how many come along on average.
_FIRST_TO_ARRIVE, _COME_ALONG, _ALONG = (18, 45), (0, 45), 0.8
# Ages of mothers, and the days from one birth to the next: at least, and of the rhythm that births are drawn from.
_MOTHERS, _BETWEEN, _RHYTHM = (20, 40), 300, 600


@dataclass(frozen=True)
class Lives:
    """Persons as parallel arrays as in People: residents, then those who arrive, then those born in the city."""

    born: np.ndarray
    since: np.ndarray
    male: np.ndarray
    homes: np.ndarray
    moves_on: np.ndarray
    died: np.ndarray
    left: np.ndarray
    household: np.ndarray
    mother: np.ndarray


def make_lives(rng: np.random.Generator, city: City, residents: int, spans: list[Span]) -> Lives:
    """Residents on the day before the first period, and those born or moving in until the last one ends."""
    start, end = spans[0].start - 1, spans[-1].end
    years = (end - start) / _YEAR
    there = _residents(rng, city, residents, start)
    arriving = _arriving(rng, city, int(residents * _ARRIVE * years), start, end)
    grown = _settled(rng, city, [there, arriving], start, end)
    return _with_children(rng, grown, int(residents * _BORN * years), start, end)


# households ---------------------------------------------------------------------------------------------------


def _residents(rng: np.random.Generator, city: City, number: int, start: int) -> tuple[np.ndarray, ...]:
    """Who lives in the city at the start: day of birth, day since when, place and household."""
    home = np.sort(rng.choice(len(city.size), number, p=city.size))
    age = _ages(rng, city, home)
    # In every place adults come first, in random order; there are as many as its households need.
    order = np.argsort(home * 2 + (age < _ADULT) + rng.random(number))
    count = np.bincount(home, minlength=len(city.size))
    place = np.arange(number) - np.repeat(np.cumsum(count) - count, count)
    ordered = age[order]
    young = ordered < _ADULT
    ordered[young & (place < np.ceil(count / _MOST)[home])] += _ADULT
    age[order] = ordered
    adults = np.bincount(home, weights=age >= _ADULT, minlength=len(city.size)).astype(np.int64)
    households = np.clip(np.rint(count / _MEAN_SIZE).astype(np.int64), np.ceil(count / _MOST).astype(np.int64), adults)
    before = np.cumsum(households) - households
    household = np.empty(number, dtype=np.int64)
    heads = place < households[home]
    household[order[heads]] = (before[home] + place)[heads]
    household[order[~heads]] = _free_seats(rng, households, count - households)
    born = start - (age * _YEAR).astype(np.int64)
    shuffled = rng.permutation(number)
    return born[shuffled], born[shuffled], home[shuffled], household[shuffled]


def _free_seats(rng: np.random.Generator, households: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Households for those beside the first of each, place by place: random seats of which a household has a few."""
    seats = households * (_MOST - 1)
    place = np.repeat(np.arange(len(seats)), seats)
    household = np.repeat(np.arange(int(households.sum())), _MOST - 1)
    order = np.argsort(place + rng.random(len(place)))
    taken = np.arange(len(place)) - np.repeat(np.cumsum(seats) - seats, seats) < wanted[place]
    found: np.ndarray = household[order[taken]]
    return found


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


def _arriving(rng: np.random.Generator, city: City, number: int, start: int, end: int) -> tuple[np.ndarray, ...]:
    """Who moves in, alone or with others: day of birth, day since when, place and household."""
    sizes = 1 + np.minimum(rng.poisson(_ALONG, number), _MOST - 1)
    household = np.repeat(np.arange(number), sizes)[:number]
    households = int(household[-1]) + 1 if number else 0
    first = np.diff(household, prepend=-1) > 0
    low, high = (np.where(first, *ages) * 365 for ages in zip(_FIRST_TO_ARRIVE, _COME_ALONG, strict=True))
    since = rng.integers(start + 1, end + 1, households)[household]
    home = rng.choice(len(city.size), households, p=city.size)[household]
    return start - rng.integers(low, high), since, home, household


def _settled(rng: np.random.Generator, city: City, groups: list[tuple[np.ndarray, ...]], start: int, end: int) -> Lives:
    """Persons of whole households, which move and leave together."""
    before = np.cumsum([0, *(int(group[3].max(initial=-1)) + 1 for group in groups)])
    household = np.concatenate([group[3] + first for group, first in zip(groups, before[:-1], strict=True)])
    born, since, home = (np.concatenate([group[at] for group in groups]) for at in range(3))
    male = rng.random(len(born)) < _MALE
    here = np.maximum(since, start)
    began = np.full(before[-1], start)
    began[household] = here
    second = rng.choice(len(city.size), len(began), p=city.size)
    return Lives(
        born=born,
        since=since,
        male=male,
        homes=np.stack([home, second[household]]),
        moves_on=_after(rng, began, _MOVE, end)[household],
        died=_deaths(rng, born, here, male, end),
        left=_after(rng, began, _LEAVE, end)[household],
        household=household,
        mother=np.full(len(born), -1, dtype=np.int64),
    )


# births, deaths and removals ----------------------------------------------------------------------------------


def _with_children(rng: np.random.Generator, grown: Lives, number: int, start: int, end: int) -> Lives:
    """The newborn live with their mothers, who are alive and in the city on the day of birth."""
    mother, born = _births(rng, grown, number, start, end)
    male = rng.random(len(born)) < _MALE
    moved = grown.moves_on[mother] <= born
    second = grown.homes[1][mother]
    return Lives(
        born=np.concatenate([grown.born, born]),
        since=np.concatenate([grown.since, born]),
        male=np.concatenate([grown.male, male]),
        homes=np.concatenate(
            [grown.homes, np.stack([np.where(moved, second, grown.homes[0][mother]), second])], axis=1
        ),
        moves_on=np.concatenate([grown.moves_on, np.where(moved, NEVER, grown.moves_on[mother])]),
        died=np.concatenate([grown.died, _deaths(rng, born, born, male, end)]),
        left=np.concatenate([grown.left, grown.left[mother]]),
        household=np.concatenate([grown.household, grown.household[mother]]),
        mother=np.concatenate([grown.mother, mother]),
    )


def _births(rng: np.random.Generator, grown: Lives, number: int, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Mother and day of so many births, or of as many as there can be.

    Every woman has a rhythm of her own, in every turn of which there is one day on which she may give birth.
    """
    youngest, oldest = (int(age * _YEAR) for age in _MOTHERS)
    women = np.flatnonzero(~grown.male & (grown.born > start - oldest) & (grown.born <= end - youngest))
    turns = (end - start) // _RHYTHM + 2
    woman = np.repeat(women, turns)
    began = np.repeat(start - rng.integers(0, _RHYTHM, len(women)), turns)
    turn = np.tile(np.arange(turns), len(women))
    day = began + turn * _RHYTHM + rng.integers(0, _RHYTHM - _BETWEEN + 1, len(woman))
    fits = (day > np.maximum(start, grown.since[woman])) & (day <= end)
    fits &= (day < grown.died[woman]) & (day < grown.left[woman])
    age = day - grown.born[woman]
    able = np.flatnonzero(fits & (age >= youngest) & (age < oldest))
    chosen = rng.choice(able, min(number, len(able)), replace=False)
    return woman[chosen], day[chosen]


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
