"""Periods: the calendar is covered once, without gaps, and stepping forth and back returns."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.periods import GRAINS, WINDOWS, Period, periods_between

PERIODS = st.sampled_from(sorted(GRAINS)).flatmap(
    lambda grain: st.builds(Period, st.integers(1901, 2199), st.integers(1, GRAINS[grain]), st.just(grain))
)
STEPS = st.integers(-200, 200)


@pytest.mark.parametrize(
    ("key", "start", "end", "grain"),
    [
        ("2025-11", date(2025, 11, 1), date(2025, 11, 30), "month"),
        ("2025-12", date(2025, 12, 1), date(2025, 12, 31), "month"),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29), "month"),
        ("1900-02", date(1900, 2, 1), date(1900, 2, 28), "month"),
        ("2000-02", date(2000, 2, 1), date(2000, 2, 29), "month"),
        ("2025Q1", date(2025, 1, 1), date(2025, 3, 31), "quarter"),
        ("2025Q4", date(2025, 10, 1), date(2025, 12, 31), "quarter"),
        ("2025", date(2025, 1, 1), date(2025, 12, 31), "year"),
    ],
)
def test_bounds(key, start, end, grain):
    period = Period.parse(key)
    assert (period.start, period.end, period.grain, period.key) == (start, end, grain, key)


@pytest.mark.parametrize(
    "key",
    ["", "2025Q0", "2025Q5", "2025-00", "2025-13", "2025-1", "2025q1", "25Q1", "2025 Q1", "2025Q1\n", "2025-11-01",
     "Q12025", "20251", "2025年"],
)  # fmt: skip
def test_what_is_no_period_is_refused_with_the_three_forms(key):
    with pytest.raises(ValueError, match="is not a period; write 2025-11, 2025Q4 or 2025"):
        Period.parse(key)


@given(PERIODS)
def test_a_key_reads_back_as_its_period(period):
    assert Period.parse(period.key) == period


@given(PERIODS)
def test_a_period_ends_the_day_before_the_next_begins(period):
    assert period.end + timedelta(days=1) == period.shift(1).start
    assert period.start <= period.end


@given(PERIODS, STEPS)
def test_shifting_back_returns(period, steps):
    assert period.shift(steps).shift(-steps) == period


@given(PERIODS, STEPS, STEPS)
def test_shifts_add_up_and_keep_order(period, first, second):
    assert period.shift(first).shift(second) == period.shift(first + second)
    assert (period.shift(first) < period.shift(second)) == (first < second)


@given(PERIODS)
def test_a_year_of_periods_later_is_the_same_place_in_the_next_year(period):
    assert period.shift(GRAINS[period.grain]) == Period(period.year + 1, period.index, period.grain)


@given(PERIODS, st.sampled_from(WINDOWS))
def test_a_window_is_unbroken_and_ends_with_its_period(period, name):
    window = period.window(name)
    assert window[-1] == period
    assert all(after == before.shift(1) for before, after in pairwise(window))


@given(PERIODS)
def test_windows_cover_what_their_names_say(period):
    assert period.window("in_period") == period.window("at_end") == (period,)
    to_date = period.window("year_to_date")
    assert to_date[0].start == date(period.year, 1, 1)
    assert {part.year for part in to_date} == {period.year}
    rolling = period.window("rolling_12m")
    day_after = period.end + timedelta(days=1)
    assert rolling[0].start == day_after.replace(year=day_after.year - 1)


@given(PERIODS)
def test_time_progress_is_the_share_of_the_year_in_whole_periods(period):
    months = period.end.month
    assert period.time_progress == Fraction(months, 12)


@pytest.mark.parametrize(("key", "progress"), [("2025-01", "1/12"), ("2025Q3", "3/4"), ("2025Q4", "1"), ("2025", "1")])
def test_time_progress_by_hand(key, progress):
    assert Period.parse(key).time_progress == Fraction(progress)


@given(PERIODS, st.integers(0, 30))
def test_periods_between_lists_every_one(first, steps):
    found = periods_between(first.key, first.shift(steps).key)
    assert found == [first.shift(step) for step in range(steps + 1)]


def test_periods_between_by_hand():
    assert [period.key for period in periods_between("2024Q3", "2025Q2")] == ["2024Q3", "2024Q4", "2025Q1", "2025Q2"]
    assert [period.key for period in periods_between("2024-11", "2025-01")] == ["2024-11", "2024-12", "2025-01"]


@pytest.mark.parametrize(("first", "last"), [("2025Q2", "2025Q1"), ("2025Q1", "2025-12"), ("2025", "2025Q4")])
def test_periods_between_refuses_what_is_no_range(first, last):
    with pytest.raises(ValueError, match="do not form a range of one grain in rising order"):
        periods_between(first, last)
