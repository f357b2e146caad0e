"""The city and its people: same arguments give the same bytes, numbers are right, families and ages are plausible."""

import hashlib
import os
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from data_contracts.periods import periods_between
from pipelines.demo import generator
from pipelines.demo.city import City, build_city
from pipelines.demo.draws import Draws
from pipelines.demo.forms import money
from pipelines.demo.people import CONDITIONS, People, completed_years, identity_numbers, make_people
from pipelines.demo.scenario import AreaChanges, Shape, load_scenario
from pipelines.demo.timeline import NEVER, Span, day_of, spans_between
from tests.unit.demo.conftest import FIRST, LAST, LONG_FIRST, LONG_LAST, RESIDENTS, SEED, Files, make
from tests.unit.demo.oracle import Landing

SPANS = spans_between("2023Q1", "2024Q4")
START, END = SPANS[0].start, SPANS[-1].end
YEARS = 2
CHANGES = AreaChanges(merge_after=12, divide_after=18)


def _hashes(home: Path) -> dict[str, str]:
    files = (path for path in home.rglob("*") if path.is_file())
    return {path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# bytes --------------------------------------------------------------------------------------------------------


def test_the_same_arguments_give_the_same_bytes_in_another_process(spoiled_city: Files, tmp_path: Path) -> None:
    """Also with one thread, in another time zone and locale, and with another order of Python's sets."""
    code = (
        "from pathlib import Path; from pipelines.demo.generator import generate; "
        f"generate(Path({str(tmp_path)!r}), residents={RESIDENTS}, seed={SEED}, first={FIRST!r}, last={LAST!r})"
    )
    strange = {"POLARS_MAX_THREADS": "1", "TZ": "America/St_Johns", "LC_ALL": "C", "PYTHONHASHSEED": "5"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **strange})
    assert _hashes(tmp_path) == _hashes(spoiled_city.home)


def test_another_seed_gives_another_city(clean_city: Files, tmp_path: Path) -> None:
    other, same = _hashes(make(tmp_path, faults=False, seed=SEED + 1).home), _hashes(clean_city.home)
    assert set(other) == set(same)
    equal = {name for name in same if other[name] == same[name]}
    # Places, and which centre serves which of them, are the same in every city.
    lists = ("civil_affairs/areas", "health_bureau/institutions", "health_bureau/serves")
    alike = {name for name in same if any(part in name for part in lists)}
    assert equal == alike | {"truth/areas.csv", "truth/faults.csv"}


# people -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def city() -> City:
    return build_city(Draws(5, even=False).stream("city"), Shape(), {})


@pytest.fixture(scope="module")
def people(city: City) -> People:
    return make_people(Draws(5, even=False), city, 60_000, SPANS)


def _gone(people: People) -> np.ndarray:
    return np.minimum(people.died, people.left)


def test_identity_numbers_are_right_and_all_different(people: People) -> None:
    assert len(set(people.ids)) == len(people.ids)
    some = slice(0, None, 5)
    for number, born, male in zip(people.ids[some], people.born[some].tolist(), people.male[some], strict=True):
        text = str(number)
        assert len(text) == 18
        assert text[17] == ric.calc_check_digit(text)
        assert ric.get_birth_date(text) == date(1970, 1, 1) + timedelta(days=born)
        assert int(text[16]) % 2 == male
        assert int(text[14:17]) < 996
        assert text.startswith("9901")


def test_numbers_are_refused_when_a_region_runs_out_of_them() -> None:
    same_day, men = np.zeros(200_000, dtype=np.int64), np.ones(200_000, dtype=bool)
    with pytest.raises(ValueError, match="ran out of numbers"):
        identity_numbers(np.random.default_rng(1), same_day, men)


@given(born=st.dates(date(1920, 1, 1), date(2024, 12, 31)), at=st.dates(date(1970, 1, 1), date(2030, 12, 31)))
def test_age_is_completed_years(born: date, at: date) -> None:
    expected = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
    assert completed_years(np.array([day_of(born)]), day_of(at)).tolist() == [expected]


@pytest.mark.parametrize(
    ("born", "at", "age"),
    [
        ("1960-06-30", "2025-06-29", 64),
        ("1960-06-30", "2025-06-30", 65),
        ("1960-06-30", "2025-07-01", 65),
        ("2004-02-29", "2025-02-28", 20),
        ("2004-02-29", "2025-03-01", 21),
        ("2004-02-29", "2024-02-29", 20),
    ],
)
def test_age_changes_on_the_birthday(born: str, at: str, age: int) -> None:
    assert completed_years(np.array([day_of(born)]), day_of(at)).tolist() == [age]


def test_ages_look_like_a_city(people: People) -> None:
    age = people.age_at(START)[people.lives(START)]
    assert 0.11 < (age >= 65).mean() < 0.22
    assert 0.12 < (age < 15).mean() < 0.22
    assert (age >= 90).mean() < 0.01
    assert age.min() == 0
    assert age.max() <= 100
    assert people.age_at(END)[people.lives(END)].max() <= 105


def test_the_old_live_in_villages_more_often(city: City, people: People) -> None:
    here = people.lives(START)
    old = people.age_at(START)[here] >= 65
    village = city.rural[people.home(START)[here]]
    assert old[village].mean() > old[~village].mean() + 0.02


def test_people_are_born_die_arrive_and_leave_at_plausible_rates(people: People) -> None:
    number = [int(people.lives(span.end).sum()) for span in SPANS]
    assert all(abs(after / before - 1) < 0.01 for before, after in pairwise(number))
    here = people.lives(START - 1)
    deaths, leaving = ((days[here] <= END).mean() / YEARS for days in (people.died, people.left))
    assert 0.003 < deaths < 0.012
    assert 0.007 < leaving < 0.013
    births = (people.born >= START).sum() / here.sum() / YEARS
    arrivals = ((people.since >= START) & (people.born < START)).sum() / here.sum() / YEARS
    assert 0.006 < births < 0.010
    assert 0.008 < arrivals < 0.012


def test_the_old_die_more_often_than_the_young(people: People) -> None:
    here, age = people.lives(START - 1), people.age_at(START - 1)
    dies = [(people.died[here & (age >= low) & (age < low + 20)] <= END).mean() / YEARS for low in (20, 40, 60, 80)]
    assert all(2 * low < high for low, high in pairwise(dies))
    assert 0.03 < dies[-1] < 0.15


def test_nobody_is_gone_before_they_came_and_who_is_gone_stays_gone(people: People) -> None:
    assert (people.since >= people.born).all()
    assert (_gone(people) > people.since).all()
    lived, back = np.zeros(len(people.born), dtype=bool), np.zeros(len(people.born), dtype=bool)
    for day in range(START - 1, END + 1, 7):
        here = people.lives(day)
        back |= here & lived & (_gone(people) <= day)
        assert (people.since[here] <= day).all()
        lived |= here
    assert not back.any()
    assert lived.mean() > 0.98


def test_who_is_ill_was_an_adult_and_severity_is_standard_normal(people: People) -> None:
    for at in range(len(CONDITIONS)):
        ill = people.onset[at] < NEVER
        assert (people.onset[at][ill] >= people.born[ill] + 25 * 365).all()
        severity = people.severity[at]
        assert abs(severity.mean()) < 0.02
        assert abs(severity.std() - 1) < 0.02


def test_illness_is_as_frequent_as_in_a_city_and_comes_together(people: People) -> None:
    here, age = people.lives(START), people.age_at(START)
    adults = here & (age >= 35)
    ill = people.onset[:, adults] <= START
    for name, share, low, high in zip(CONDITIONS, ill.mean(axis=1), (0.25, 0.08, 0.2), (0.5, 0.2, 0.4), strict=True):
        assert low < share < high, name
    both = (ill[0] & ill[1]).mean()
    assert both > 1.2 * ill[0].mean() * ill[1].mean()
    older = [people.onset[0][here & (age >= low) & (age < low + 10)] <= START for low in (40, 50, 60, 70)]
    assert all(one.mean() < two.mean() for one, two in pairwise(older))


def test_some_fall_ill_before_they_count_as_patients(people: People) -> None:
    """Registers hold patients of 35 and over, so that rule must have something to leave out."""
    here, age = people.lives(END), people.age_at(END)
    young, grown = ((people.onset[0] <= END)[here & (age >= low) & (age < low + 5)].mean() for low in (30, 40))
    assert 0 < young < grown


# families -----------------------------------------------------------------------------------------------------


def _newborn(people: People) -> np.ndarray:
    return np.flatnonzero(people.born >= START)


def test_children_belong_to_the_household_of_their_mother(people: People) -> None:
    children = _newborn(people)
    mothers = people.mother[children]
    assert (mothers >= 0).all()
    assert (people.household[children] == people.household[mothers]).all()
    assert not people.male[mothers].any()
    age = (people.born[children] - people.born[mothers]) / 365.25
    assert age.min() >= 20
    assert age.max() < 40
    assert (np.delete(people.mother, children) == -1).all()


def test_a_mother_has_at_least_three_hundred_days_between_births() -> None:
    """Over six years, so that there are brothers and sisters."""
    spans = spans_between("2019Q1", "2024Q4")
    draws = Draws(5, even=False)
    people = make_people(draws, build_city(draws.stream("city"), Shape(), {}), 30_000, spans)
    born: dict[int, list[int]] = {}
    for child in np.flatnonzero(people.born >= spans[0].start).tolist():
        born.setdefault(int(people.mother[child]), []).append(int(people.born[child]))
    gaps = [after - before for days in born.values() for before, after in pairwise(sorted(days))]
    assert len(gaps) > 100
    assert min(gaps) >= 300
    assert len(set(gaps)) > 50


def test_mothers_live_in_the_city_when_they_give_birth_and_the_child_lives_with_them(people: People) -> None:
    children = _newborn(people)
    mothers, born = people.mother[children], people.born[children]
    assert (_gone(people)[mothers] > born).all()
    home = np.where(people.moves_on[mothers] <= born, people.homes[1][mothers], people.homes[0][mothers])
    assert (people.homes[0][children] == home).all()


def _households(people: People, chosen: np.ndarray) -> pl.DataFrame:
    """Size, number of places and age of the eldest of each household, of the chosen persons."""
    persons = pl.DataFrame({"household": people.household, "home": people.homes[0], "age": people.age_at(START)})
    return (
        persons.filter(chosen)
        .group_by("household")
        .agg(pl.len().alias("size"), pl.col("home").n_unique().alias("places"), pl.col("age").max().alias("eldest"))
    )


def test_households_are_of_one_place_of_one_to_five_and_have_an_adult(people: People) -> None:
    households = _households(people, people.since < START)
    assert households["places"].max() == 1
    assert set(households["size"]) == {1, 2, 3, 4, 5}
    assert 2.3 < households["size"].mean() < 2.9  # type: ignore[operator]
    assert households["eldest"].min() == 18


def test_people_arrive_alone_or_as_households_with_an_adult(people: People) -> None:
    arriving = (people.since >= START) & (people.born < START)
    households = _households(people, arriving)
    assert {1, 2, 3} <= set(households["size"]) <= {1, 2, 3, 4, 5}
    assert households["places"].max() == 1
    assert households["eldest"].min() >= 18  # type: ignore[operator]
    since = pl.DataFrame({"household": people.household, "since": people.since}).filter(arriving)
    assert since.group_by("household").agg(pl.col("since").n_unique())["since"].max() == 1
    assert not set(households["household"]) & set(people.household[people.since < START])


@pytest.mark.parametrize("residents", [1, 7, 40])
def test_the_smallest_city_has_an_adult_in_every_household_too(city: City, residents: int) -> None:
    for seed in range(20):
        people = make_people(Draws(seed, even=False), city, residents, SPANS)
        households = _households(people, people.since < START)
        assert households["eldest"].min() >= 18  # type: ignore[operator]
        assert households["size"].max() <= 5  # type: ignore[operator]


def test_a_household_moves_and_leaves_together(people: People) -> None:
    """Who is in the city on the day lives at the new place, or is gone, with everybody else; newborn children too."""
    persons = pl.DataFrame(
        {
            "household": people.household,
            "left": people.left,
            "moves": np.where(people.moves_on == NEVER, -1, people.moves_on),
            "second": people.homes[1],
            "born_later": people.born >= START,
        }
    )
    assert persons.group_by("household").agg(pl.col("left", "second").n_unique())[["left", "second"]].max().row(0) == (
        1,
        1,
    )
    assert (
        persons.filter(~pl.col("born_later")).group_by("household").agg(pl.col("moves").n_unique())["moves"].max() == 1
    )
    for at in range(START, END + 1, 30):
        here = people.lives(at)
        places = pl.DataFrame({"household": people.household[here], "home": people.home(at)[here]})
        assert places.group_by("household").agg(pl.col("home").n_unique())["home"].max() == 1
    assert (people.left[_newborn(people)] <= END).any()


def test_some_people_move_within_the_city(people: People) -> None:
    here = people.lives(START) & people.lives(END)
    moved = people.home(START)[here] != people.home(END)[here]
    assert 0.02 < moved.mean() < 0.045
    settled = people.moves_on == NEVER
    assert (people.home(START)[settled] == people.home(END)[settled]).all()
    assert (people.moves_on > people.since).all()


# places -------------------------------------------------------------------------------------------------------


def test_codes_and_names_of_areas_are_different_and_nested(city: City) -> None:
    base = city.base
    for level, length in (("community", 12), ("township", 9), ("county", 6), ("city", 4)):
        assert set(base[f"{level}_id"].str.len_chars()) == {length}
        assert base.select(pl.col("community_id").str.starts_with(pl.col(f"{level}_id")).all()).item()
    assert base["community_id"].n_unique() == base.height == 60
    assert base.group_by("township_id").agg(pl.col("community_name").n_unique() == pl.len())["community_name"].all()
    assert 0 < city.rural.sum() < 60
    assert abs(city.size.sum() - 1) < 1e-9


def test_given_sizes_are_kept_and_the_others_share_the_rest() -> None:
    city = build_city(Draws(5, even=False).stream("city"), Shape(), {0: 0.4, 7: 0.1})
    assert city.size[0] == 0.4
    assert city.size[7] == 0.1
    assert abs(city.size.sum() - 1) < 1e-9


def test_areas_change_only_with_time_enough() -> None:
    rng = Draws(5, even=False).stream
    for length, kinds in ((12, set()), (13, {"merge"}), (18, {"merge"}), (19, {"merge", "recode"})):
        span = spans_between("2023-01", "2024-12")[:length]
        months = [month for step in span for month in step.months]
        city = build_city(rng("city"), Shape(), {}, months, CHANGES)
        assert {change.kind for change in city.changes} == kinds
        assert build_city(rng("city"), Shape(), {}, months).changes == ()


def test_places_keep_their_centre_and_county_when_codes_change() -> None:
    spans = spans_between("2023Q1", "2025Q2")
    months = [month for span in spans for month in span.months]
    city = build_city(Draws(5, even=False).stream("city"), Shape(), {}, months, CHANGES)
    counts = [city.areas(span)["community_id"].n_unique() for span in spans]
    assert counts == [60] * 4 + [59] * 6
    townships = [city.areas(span)["township_id"].n_unique() for span in spans]
    assert townships == [10] * 6 + [11] * 4
    for span in spans:
        assert city.areas(span)["county_id"].equals(city.base["county_id"])
        assert city.areas(span).unique().height == city.areas(span)["community_id"].n_unique()
    assert {old for old, *_ in city.changed_by(spans[-1])} == {
        code for code in city.base["community_id"] if code not in set(city.codes(spans[-1]))
    }


def test_the_population_workbook_counts_the_people_who_live_there(changing_city: Files, tmp_path: Path) -> None:
    """Merged communities are one row; everybody counts, with an archive or not."""
    periods = periods_between(LONG_FIRST, LONG_LAST)
    landing = Landing(changing_city, periods)
    city, people, spans = _made_again(tmp_path)
    for period, span in zip(periods, spans, strict=True):
        expected: dict[str, dict[str, int]] = {}
        codes = city.codes(span)
        end = date(1970, 1, 1) + timedelta(days=span.end)
        for at in np.flatnonzero(people.lives(span.end)).tolist():
            born = date(1970, 1, 1) + timedelta(days=int(people.born[at]))
            age = end.year - born.year - ((end.month, end.day) < (born.month, born.day))
            place = 0 if people.moves_on[at] > span.end else 1
            band = "age=65+" if age >= 65 else "age=35-64" if age >= 35 else "age=15-34" if age >= 15 else "age=0-14"
            mine = expected.setdefault(codes[int(people.homes[place][at])], {})
            mine[band] = mine.get(band, 0) + 1
        found = {
            code: {band: number for band, number in bands.items() if number}
            for code, bands in landing.population(period).items()
        }
        assert found == expected


def _made_again(home: Path) -> tuple[City, People, list[Span]]:
    demo = generator._begin(home, load_scenario("city"), RESIDENTS, SEED, LONG_FIRST, LONG_LAST)
    return demo.city, demo.people, demo.spans


def test_the_population_workbook_looks_like_a_statistics_form(clean_city: Files) -> None:
    folder = clean_city.home / "landing/civil_affairs/population"
    paths = sorted(folder.rglob("*.xlsx"))
    assert paths
    for path in paths:
        sheet = pl.read_excel(path, engine="calamine", has_header=False, drop_empty_rows=False)
        rows = [["" if cell is None else str(cell) for cell in row] for row in sheet.rows()]
        assert rows[0][0].endswith("常住人口统计表")
        assert rows[1][-1] == "单位：人"
        assert (rows[2][0], rows[2][2], rows[2][6]) == ("社区编码", "男", "女")
        assert rows[3][2:6] == rows[3][6:10] == ["0-14岁", "15-34岁", "35-64岁", "65岁及以上"]
        body = [row for row in rows[4:] if len(row[0]) == 12]
        assert len(body) == 30
        assert rows[4 + len(body)][0] == "合计"
        for column in range(2, 10):
            assert float(rows[4 + len(body)][column]) == sum(float(row[column]) for row in body)
        assert rows[-1][0].startswith("制表人")


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1))
def test_money_is_written_in_yuan_with_two_digits(amounts: list[int]) -> None:
    texts = money(pl.Series(amounts, dtype=pl.Int64)).to_list()
    assert [Decimal(text) * 100 for text in texts] == amounts
    assert all(text[-3] == "." for text in texts)
