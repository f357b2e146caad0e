from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import format as shown
from reports.context import CurrencyView, words


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (None, 1, "—"),
        (0, 0, "0"),
        (0.25, 1, "0.3"),
        (-0.25, 1, "−0.3"),
        (-0.04, 1, "0.0"),
        (999.5, 0, "1,000"),
        (1234567.891, 2, "1,234,567.89"),
    ],
)
def test_number(value: float | None, digits: int, expected: str) -> None:
    assert shown.number(value, digits) == expected


def test_counts_show_decimals_only_when_there_are_some() -> None:
    assert shown.count(Decimal("1200.000000")) == "1,200"
    assert shown.count(Decimal("1200.500000")) == "1,200.50"


def test_units() -> None:
    assert shown.with_unit(43.21, 1, "%") == "43.2%"
    assert shown.with_unit(43.21, 1, "per 1,000") == "43.2 per 1,000"
    assert shown.with_unit(None, 1, "%") == "—"


def test_interval_needs_both_bounds() -> None:
    assert shown.interval(1.0, 2.0, 1) == "1.0 – 2.0"
    assert shown.interval(None, 2.0, 1) == "—"


@pytest.mark.parametrize(
    ("key", "zh", "en"),
    [
        ("2025", "2025年", "2025"),
        ("2025Q4", "2025年第4季度", "Q4 2025"),
        ("2025-01", "2025年1月", "January 2025"),
        ("2025-12", "2025年12月", "December 2025"),
    ],
)
def test_period(key: str, zh: str, en: str) -> None:
    assert shown.period(key, "zh") == zh
    assert shown.period(key, "en") == en


@given(st.integers(-(10**17), 10**17), st.integers(0, 3))
def test_money_is_exact(amount: int, decimals: int) -> None:
    currency = CurrencyView(words("a", "a"), words("b", "b"), decimals)
    text = shown.money(amount, currency, "en").removesuffix(" b").replace(",", "").replace("−", "-")
    assert Decimal(text) * 10**decimals == amount
