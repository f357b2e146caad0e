"""Periods in file names: what people write, what only looks like a period, and names that say two things."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.intake.findings import FileRefused
from assets.intake.named_period import Months, months_stated
from assets.intake.period import period_of, period_origin
from data_contracts.periods import Period

QUARTERS = "一二三四"
MONTHS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
years = st.integers(1990, 2099)
periods = st.one_of(
    st.builds(Period, years, st.integers(1, 12), st.just("month")),
    st.builds(Period, years, st.integers(1, 4), st.just("quarter")),
    st.builds(Period, years, st.just(1), st.just("year")),
)
around = st.tuples(
    st.sampled_from(["", "活动_", "活动2024版_", "990101-", "养老机构（65岁以上）", "社区(3月龄)_", "GBT42195-2022_"]),
    st.sampled_from([".csv", ".csv.gz", "(终版).xlsx", "_20260105.xls", "报_2026-01-05.csv", "_第2次.zip"]),
)


@pytest.fixture(scope="module")
def contract(shared_bench):
    return shared_bench.contract([{"name": "a", "type": "text"}])


def spellings(period: Period) -> list[str]:
    """A naive list of how a period is written."""
    year, number = period.year, period.index
    if period.grain == "year":
        return [f"{year}", f"{year}年", f"{year}年度", f"{year}年1-12月"]
    if period.grain == "quarter":
        first, chinese = 3 * number - 2, QUARTERS[number - 1]
        parts = [
            f"Q{number}",
            f"q{number}",
            f"年第{number}季度",
            f"年{chinese}季度",
            f"年度第{chinese}季度",
            f"_Q{number}",
        ]
        return [f"{year}{part}" for part in (*parts, f"年{first}-{first + 2}月", f"年{first}月至{first + 2}月")]
    parts = [f"-{number:02d}", f"年{number}月", f"年{number:02d}月份", f"年{MONTHS[number - 1]}月", f".{number:02d}"]
    return [f"{year}{part}" for part in parts]


@given(periods, around, st.data())
def test_every_usual_spelling_is_understood_between_other_words(contract, period, words, data):
    before, after = words
    said = data.draw(st.sampled_from(spellings(period)))
    assert period_of(None, f"{before}{said}{after}", contract) == period.key


@given(periods, periods, st.data())
def test_two_statements_are_one_where_one_lies_in_the_other_and_else_refused(contract, one, two, data):
    name = "_".join(data.draw(st.sampled_from(spellings(period))) for period in (one, two)) + "_报.csv"
    inner = [a for a, b in ((one, two), (two, one)) if b.start <= a.start and a.end <= b.end]
    if inner:
        assert period_of(None, name, contract) == inner[0].key
        return
    with pytest.raises(FileRefused) as refused:
        period_of(None, name, contract)
    finding = refused.value.finding
    assert finding.sentence == "intake_period_several"
    assert all(period.key in finding.params["periods"] for period in (one, two))


@pytest.mark.parametrize(
    ("name", "period"),
    [
        ("2025年活动_2025Q4", "2025Q4"),
        ("活动2024版_2025Q4", "2025Q4"),
        ("活动1011月累计_2025Q4", "2025Q4"),
        ("活动_第四季度_2025年", "2025Q4"),
        ("活动_12月_2025", "2025-12"),
        ("活动_2025年1-9月累计_2025Q3", "2025Q3"),
        ("活动_2025Q4截至12月31日", "2025Q4"),
        ("活动_２０２５Ｑ４", "2025Q4"),
        ("活动_2025Q4-2", "2025Q4"),
        ("活动_2025-2026学年_2025Q4", "2025Q4"),
    ],
)
def test_what_is_meant_beside_other_numbers(contract, name, period):
    assert period_of(None, f"{name}.xlsx", contract) == period


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("养老机构_2025Q3后_2025Q4", "intake_period_several"),
        ("活动_2025Q3_2025Q4", "intake_period_several"),
        ("活动_2025Q3-2025Q4", "intake_period_several"),
        ("活动_2025年11月、12月", "intake_period_several"),
        ("活动_2024_2025", "intake_period_several"),
        ("上半年_2025Q4", "intake_period_several"),
        ("活动_2025年上半年", "intake_period_no_grain"),
        ("活动_下半年_2025年", "intake_period_no_grain"),
        ("活动_2025年前三季度", "intake_period_no_grain"),
        ("活动_2025年1-9月", "intake_period_no_grain"),
        ("活动_2025Q3-Q4", "intake_period_no_grain"),
        ("活动_2025Q5", "intake_period_unknown"),
        ("活动_2025-13", "intake_period_unknown"),
        ("活动_2025-12-31", "intake_period_unknown"),
        ("活动_20251231", "intake_period_unknown"),
        ("活动_2025-2026学年", "intake_period_unknown"),
        ("活动_1899", "intake_period_unknown"),
        ("活动_2100", "intake_period_unknown"),
        ("活动_第四季度", "intake_period_unknown"),
    ],
)
def test_what_names_no_one_period_is_refused_by_name_until_the_note_says_it(contract, name, sentence):
    with pytest.raises(FileRefused) as refused:
        period_of(None, f"{name}.xlsx", contract)
    assert refused.value.finding.sentence == sentence
    for language in ("zh", "en"):
        assert "period" in refused.value.finding.words(language)
    assert period_of("2025Q4", f"{name}.xlsx", contract) == "2025Q4"


def test_a_pattern_of_the_contract_stands_for_the_usual_spellings_and_is_no_guess_either(shared_bench):
    own = shared_bench.contract(
        [{"name": "a", "type": "text"}], period={"file_name": r"T(?P<year>\d{2})(?P<quarter>[1-4])"}
    )
    assert period_of(None, "T254_2024Q1.csv", own) == "2025Q4"
    with pytest.raises(FileRefused) as refused:
        period_of(None, "T254_T253.csv", own)
    assert refused.value.finding.params["periods"] == "2025Q3, 2025Q4"


def test_where_a_period_came_from(shared_bench, contract):
    fixed = shared_bench.contract([{"name": "a", "type": "text"}], period={"constant": "2019"})
    assert period_origin("2025Q4", "a_2024Q1.csv", contract) == "note"
    assert period_origin(None, "a_2024Q1.csv", contract) == "name"
    assert (period_of(None, "a_2024Q1.csv", fixed), period_origin(None, "a_2024Q1.csv", fixed)) == ("2019", "contract")


@given(periods)
def test_months_and_periods_are_each_others(period):
    months = Months.of(period)
    assert months.period == period
    assert (date(months.year, months.first, 1), months.last) == (period.start, period.end.month)


@given(st.text(max_size=40))
def test_no_name_breaks_the_reading(name):
    stated = months_stated(name)
    assert all(1990 <= months.year <= 2099 and 1 <= months.first <= months.last <= 12 for months in stated)
