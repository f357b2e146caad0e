"""One step better: towards the better side, never past an end, never back for what already stands beyond it."""

from decimal import Decimal
from typing import Any

import pytest

from data_contracts.allocation_spec.pay import IndicatorData, PaidIndicator
from evaluations.allocation.improving import better_figure

SHAPES: dict[str, dict[str, str]] = {
    "score": {"score": "s"},
    "value": {"value": "v"},
    "counted": {"numerator": "n", "denominator": "d"},
}


def moved(shape: str, direction: str, now: str, cases: str | None, step: str = "0.01") -> tuple[Decimal, Decimal]:
    data = IndicatorData(table="t", payee="p", indicator="i", **SHAPES[shape])
    words: Any = {"id": "x", "weight": 1, "threshold": "0.2", "benchmark": "0.8", "direction": direction}
    if direction == "lower_is_better":
        words |= {"threshold": "0.8", "benchmark": "0.2"}
    item = PaidIndicator(**words)
    return better_figure(data, item, Decimal(now), None if cases is None else Decimal(cases), Decimal(step))


@pytest.mark.parametrize(
    ("shape", "direction", "now", "cases", "new"),
    [
        ("score", "higher_is_better", "0.5", None, "0.51"),
        ("score", "lower_is_better", "0.5", None, "0.51"),
        ("score", "higher_is_better", "0.995", None, "1"),
        ("score", "higher_is_better", "1", None, "1"),
        ("score", "higher_is_better", "1.2", None, "1.2"),
        ("value", "higher_is_better", "140", None, "140.01"),
        ("value", "lower_is_better", "0", None, "-0.01"),
        ("counted", "higher_is_better", "98", "100", "99"),
        ("counted", "higher_is_better", "99", "100", "100"),
        ("counted", "higher_is_better", "99.5", "100", "100"),
        ("counted", "higher_is_better", "110", "100", "110"),
        ("counted", "lower_is_better", "2", "100", "1"),
        ("counted", "lower_is_better", "1", "100", "0"),
        ("counted", "lower_is_better", "0.5", "100", "0"),
        ("counted", "lower_is_better", "110", "100", "109"),
        ("counted", "higher_is_better", "5", None, "5"),
    ],
)
def test_a_step_ends_where_its_figure_ends(shape: str, direction: str, now: str, cases: str | None, new: str) -> None:
    found, far = moved(shape, direction, now, cases)
    assert found == Decimal(new)
    assert abs(found - Decimal(now)) <= far
