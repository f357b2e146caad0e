"""The city: same arguments give the same bytes, identity numbers are right, nobody acts before or after their time."""

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

from pipelines.demo import records
from pipelines.demo.city import build_city
from pipelines.demo.forms import money
from pipelines.demo.people import People, day_of, identity_numbers, make_people, move_some
from tests.unit.demo.conftest import FIRST, LAST, RESIDENTS, SEED, Files, make

ENDS = [day_of(text) for text in ("2024-03-31", "2024-06-30", "2024-09-30", "2024-12-31")]
QUARTERS = [records.Quarter(f"2024Q{number + 1}", end - 89, end, number, number + 1) for number, end in enumerate(ENDS)]


def _hashes(home: Path) -> dict[str, str]:
    files = (path for path in home.rglob("*") if path.is_file())
    return {path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_arguments_give_the_same_bytes_in_another_process(spoiled_city: Files, tmp_path: Path) -> None:
    """Also with one thread, in another time zone and locale, and with another order of Python's sets."""
    code = (
        "from pathlib import Path; from pipelines.demo.generator import generate; "
        f"generate(Path({str(tmp_path)!r}), residents={RESIDENTS}, seed={SEED}, first={FIRST!r}, last={LAST!r})"
    )
    strange = {"POLARS_MAX_THREADS": "1", "TZ": "America/St_Johns", "LC_ALL": "C", "PYTHONHASHSEED": "5"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **strange})
    assert _hashes(tmp_path) == _hashes(spoiled_city.home)


def test_another_seed_gives_another_city(spoiled_city: Files, tmp_path: Path) -> None:
    other, same = _hashes(make(tmp_path, seed=SEED + 1).home), _hashes(spoiled_city.home)
    assert set(other) == set(same)
    equal = {name for name in same if other[name] == same[name]}
    assert {name for name in equal if not name.endswith(".note.yaml")} == {
        name for name in same if "civil_affairs/areas" in name
    }


@pytest.fixture(scope="module")
def people() -> People:
    rng = np.random.default_rng(5)
    return make_people(rng, build_city(rng), 30_000, ENDS)


def test_identity_numbers_are_right_and_all_different(people: People) -> None:
    assert len(set(people.ids)) == len(people.ids)
    for number, born, male in zip(people.ids, people.born.tolist(), people.male.tolist(), strict=True):
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


@given(born=st.integers(day_of("1920-01-01"), ENDS[-1]), at=st.sampled_from(ENDS))
def test_age_is_completed_years(born: int, at: int) -> None:
    one = np.array([born])
    fields = dict.fromkeys(People.__dataclass_fields__, one)
    first, then = (date(1970, 1, 1) + timedelta(days=x) for x in (born, at))
    expected = then.year - first.year - ((then.month, then.day) < (first.month, first.day))
    assert People(**fields).age_at(at).tolist() == [expected]


def test_ages_look_like_a_city(people: People) -> None:
    age = people.age_at(ENDS[0])[people.lives(ENDS[0])]
    assert 0.11 < (age >= 65).mean() < 0.21
    assert 0.12 < (age < 15).mean() < 0.22
    assert (age >= 90).mean() < 0.01
    assert age.max() <= 100


def test_few_people_come_and_go(people: People) -> None:
    number = [int(people.lives(end).sum()) for end in ENDS]
    assert all(abs(after / before - 1) < 0.01 for before, after in pairwise(number))
    died, left = ((days <= ENDS[-1]).mean() for days in (people.died, people.left))
    assert 0.003 < died < 0.02
    assert 0.003 < left < 0.02


def test_nobody_acts_before_they_come_or_after_they_go(people: People) -> None:
    rng = np.random.default_rng(2)
    city = build_city(np.random.default_rng(5))
    for quarter in QUARTERS:
        register = records.residents(city, people, quarter)
        here = people.lives(quarter.end)
        active = register.filter(pl.col("archive_status") == "active")
        gone = register.filter(pl.col("archive_status") != "active")
        assert here[active["person"].to_numpy()].all()
        assert gone.height
        assert not here[gone["person"].to_numpy()].any()
        visits = records.followups_hypertension(rng, city, people, register, quarter)
        seen = records.encounters(rng, people, quarter)
        for table, column in ((visits, "followup_date"), (seen, "admit_date")):
            day, who = table[column].to_numpy(), table["person"].to_numpy()
            assert here[who].all()
            assert (day >= people.since[who]).all()
            assert ((day >= quarter.start) & (day <= quarter.end)).all()
        registered = active.filter(pl.col("is_hypertension_registered"))["person"]
        assert set(visits["person"]) <= set(registered)
        assert 0.5 < visits["person"].n_unique() / len(registered) < 0.95


def test_who_is_ill_stays_ill(people: People) -> None:
    for test in (records.hypertension, records.diabetes):
        before, after = (test(people, people.age_at(end)) for end in (ENDS[0], ENDS[-1]))
        assert before.any()
        assert not (before & ~after).any()


def test_coverage_of_archives_is_between_the_stated_bounds(people: People) -> None:
    adults = people.lives(ENDS[-1]) & (people.archive_day <= ENDS[-1])
    share = np.array([people.archived[adults & (people.community == place)].mean() for place in range(60)])
    assert (share > 0.80).all()
    assert (share < 1).all()
    assert share.max() - share.min() > 0.05


def test_settlements_follow_encounters_and_add_up(people: People) -> None:
    rng = np.random.default_rng(3)
    seen = records.encounters(rng, people, QUARTERS[1])
    paid = records.settlements(rng, seen, QUARTERS[1])
    assert (paid["total_fee_fen"] == paid["fund_pay_fen"] + paid["person_pay_fen"]).all()
    assert paid["settled_on"].is_between(QUARTERS[1].start, QUARTERS[1].end).all()
    assert 0.75 < paid.height / seen.height < 0.9
    back = paid.filter("is_reversal")
    assert 0 < back.height < paid.height / 100
    assert (back["total_fee_fen"] < 0).all()
    forth = paid.filter(~pl.col("is_reversal"))
    taken_back = back.with_columns(-pl.col("total_fee_fen", "fund_pay_fen"))
    same = ["person", "settled_on", "total_fee_fen", "fund_pay_fen"]
    assert taken_back.join(forth, on=same, how="anti").height == 0


def test_some_people_move_within_the_city(people: People) -> None:
    before = people.community.copy()
    moved = People(**{**vars(people), "community": before.copy()})
    move_some(np.random.default_rng(4), moved, build_city(np.random.default_rng(5)))
    assert 0.001 < (moved.community != before).mean() < 0.01


def test_some_communities_round_their_readings() -> None:
    rng = np.random.default_rng(5)
    city = build_city(rng)
    people = make_people(rng, city, 60_000, ENDS)
    register = records.residents(city, people, QUARTERS[0])
    visits = records.followups_hypertension(rng, city, people, register, QUARTERS[0])
    share = visits.drop_nulls("sbp_mmhg").group_by("community").agg((pl.col("sbp_mmhg") % 10 == 0).mean())
    assert (share["sbp_mmhg"] == 1).sum() == city.rounds.sum() > 0
    assert share.filter(pl.col("sbp_mmhg") < 1)["sbp_mmhg"].max() < 0.5  # type: ignore[operator]


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1))
def test_money_is_written_in_yuan_with_two_digits(amounts: list[int]) -> None:
    texts = money(pl.Series(amounts, dtype=pl.Int64)).to_list()
    assert [Decimal(text) * 100 for text in texts] == amounts
    assert all(text[-3] == "." for text in texts)


def test_the_population_workbook_looks_like_a_statistics_form(clean_city: Files) -> None:
    folder = clean_city.home / "landing/civil_affairs/population"
    for path in folder.rglob("*.xlsx"):
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
