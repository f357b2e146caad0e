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
from pipelines.demo.families import Lives, make_lives
from pipelines.demo.timeline import NEVER, Span

CONDITIONS = ("hypertension", "diabetes", "dyslipidaemia")
ID_CHECK = "10X98765432"
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_EPOCH = np.datetime64("1970-01-01", "D")
_YEAR = 365.25
_LAST_SERIAL = 995  # the numbers above were kept for centenarians
# Of each hundred serials, those that do not end in 00 or 01.
_SERIALS = 98
# From which age on, how fast with age and at most which share of people fall ill; how much falls together.
_ONSET = {"hypertension": (30, 0.0125, 0.68), "diabetes": (35, 0.0055, 0.22), "dyslipidaemia": (25, 0.0090, 0.35)}
_TOGETHER = 0.4
_ILL_FROM = 25
_SURNAMES = pl.Series(list("赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张"))
_GIVEN = pl.Series(list("安宁明芳强丽军敏静伟秀英建国桂兰志玉梅涵浩然雨桐春华文慧"))
_SECOND_NAME = 0.7


@dataclass(frozen=True)
class People(Lives):
    """Persons as parallel arrays: their lives and more; dates are days since 1970-01-01, NEVER for what never happens.

    `homes` are the first and the second place of living, the second from `moves_on` on. `onset` and `severity` have a
    row per condition: the day of falling ill, and how hard the illness is to control (standard normal). `shares` holds
    a number between 0 and 1 for everything a person may or may not take part in. `mother` is −1 where not known.
    """

    ids: pl.Series
    names: pl.Series
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
    lives = _narrow(make_lives(rng, city, residents, spans))
    home = lives.homes[0]
    onset = _onsets(draws, lives.born, lives.male, home)
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
    return People(
        **vars(lives),
        ids=identity_numbers(rng, lives.born, lives.male),
        names=_names(rng, len(home)),
        onset=onset,
        severity=severity.astype(np.float32),
        shares=shares,
    )


def _narrow(lives: Lives) -> Lives:
    """Days, places and numbers in 32 bits: at ten million residents every array counts."""
    parts = {name: part.astype(np.int32) if part.dtype == np.int64 else part for name, part in vars(lives).items()}
    return Lives(**parts)


_SHARES = (
    "archive", *(f"find/{name}" for name in CONDITIONS), "attend", "manage", "exam", "contract", "points", "kiosk",
    "poor", "disabled", "insured",
)  # fmt: skip


def _onsets(draws: Draws, born: np.ndarray, male: np.ndarray, home: np.ndarray) -> np.ndarray:
    """Day on which each condition begins, a row per condition; what comes together comes to the same persons."""
    common = ndtri(draws.shares("frailty", home).astype(np.float64))
    onset = np.full((len(CONDITIONS), len(born)), NEVER, dtype=np.int32)
    for at, name in enumerate(CONDITIONS):
        start, slope, most = _ONSET[name]
        own = ndtri(draws.shares(f"onset/{name}", home).astype(np.float64))
        mixed = _TOGETHER * common + np.sqrt(1 - _TOGETHER**2) * own
        frailty = ndtr(mixed)
        by_sex = slope * np.where(male, 1.05, 0.95)
        age = np.maximum(_ILL_FROM, start + frailty / by_sex)
        onset[at] = np.where(frailty < most, born + (age * _YEAR).astype(np.int32), NEVER)
    return onset


def _names(rng: np.random.Generator, total: int) -> pl.Series:
    """Family name and given name of one or two characters."""
    family, given, second = (pool[pl.Series(rng.integers(0, len(pool), total))] for pool in (_SURNAMES, _GIVEN, _GIVEN))
    has_second = pl.Series(rng.random(total) < _SECOND_NAME)
    return (family + given + second.zip_with(has_second, pl.Series([""]).new_from_index(0, total))).alias("name")


def identity_numbers(rng: np.random.Generator, born: np.ndarray, male: np.ndarray) -> pl.Series:
    """Identity numbers of GB 11643 under fictional region codes, all different.

    No serial ends in 00: a number that ends in 000 is not to be told from one whose last digits a spreadsheet lost.
    """
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
    counted = place * 2 + male[order]
    serial[order] = counted // _SERIALS * 100 + counted % _SERIALS + 2
    if total and int(serial.max()) > _LAST_SERIAL:
        raise ValueError("too many residents: a fictional region ran out of numbers for one day of birth")
    body = (region * 100_000_000 + birth) * 1000 + serial
    total_weight = np.zeros(total, dtype=np.int64)
    for at, weight in enumerate(ID_WEIGHTS):
        total_weight += body // 10 ** (16 - at) % 10 * weight
    checks = pl.Series(list(ID_CHECK))[pl.Series(total_weight % 11)]
    return (pl.Series(body).cast(pl.String) + checks).alias("id")
