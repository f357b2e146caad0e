"""What a scenario promises beside what a release says: tolerances at their edges, changes, figures that are missing."""

from pathlib import Path

import polars as pl
import pytest

from data_contracts.closed import Bilingual
from pipelines.demo.scenario import Expected, Scenario, load_scenario
from pipelines.expectations import Found, as_promised, compare

WORDS = Bilingual(zh="数", en="figure")
KEYS = {
    "area_level": "city",
    "area_id": "9901",
    "period": "2025Q1",
    "indicator_id": "rate",
    "rule_set": "national_2017",
    "stratum": "all",
}


def expected(**changes: object) -> Expected:
    plain = {"id": "it", "what": WORDS, "indicator": "rate", "area": "9901", "period": "2025Q1"}
    return Expected.model_validate({**plain, "expected": 50.0, "tolerance": 2.0, **changes})


def promise(*figures: Expected, misses: tuple[str, ...] = ()) -> Scenario:
    return load_scenario("kiosk").model_copy(update={"expected": list(figures), "misses": list(misses)})


def row(value: float | None, numerator: int = 1, denominator: int = 2, **keys: str) -> dict[str, object]:
    return {**KEYS, **keys, "value": value, "numerator": numerator, "denominator": denominator}


def found(folder: Path, figure: Expected, *rows: dict[str, object]) -> Found:
    """The figure beside a release of these rows."""
    tables = folder / "internal/tables"
    tables.mkdir(parents=True)
    pl.DataFrame(list(rows), schema_overrides={"value": pl.Float64}).write_parquet(tables / "ind__values.parquet")
    (item,) = compare(promise(figure), folder)
    return item


@pytest.mark.parametrize(
    ("value", "holds"), [(47.99, False), (48.0, True), (50.0, True), (52.0, True), (52.01, False), (None, False)]
)
def test_a_figure_holds_within_its_tolerance_and_at_its_edges(value: float | None, *, holds: bool) -> None:
    assert Found(expected(), value).holds is holds


@pytest.mark.parametrize(
    ("value", "holds"), [(49.99, False), (50.0, True), (50.01, True), (9000.0, True), (None, False)]
)
def test_what_is_at_least_something_has_no_upper_end_and_no_tolerance_below(
    value: float | None, *, holds: bool
) -> None:
    assert Found(expected(at_least=True), value).holds is holds


@pytest.mark.parametrize(("value", "holds"), [(49.999, False), (50.0, True), (50.001, False)])
def test_without_tolerance_only_the_very_figure_holds(value: float, *, holds: bool) -> None:
    assert Found(expected(tolerance=0), value).holds is holds


@pytest.mark.parametrize(("figure", "value"), [("value", 33.5), ("numerator", 7.0), ("denominator", 21.0)])
def test_the_figure_that_is_asked_for_is_read(tmp_path: Path, figure: str, value: float) -> None:
    assert found(tmp_path, expected(figure=figure), row(33.5, 7, 21)).value == value


@pytest.mark.parametrize(
    "other",
    [
        {"area_level": "county"},
        {"area_id": "9902"},
        {"period": "2025Q2"},
        {"indicator_id": "other"},
        {"rule_set": "platform_2011"},
        {"stratum": "age=65+"},
    ],
)
def test_a_figure_of_something_else_is_none(tmp_path: Path, other: dict[str, str]) -> None:
    beside = found(tmp_path / "beside", expected(), row(1.0, **other), row(50.0))
    assert beside.value == 50.0
    alone = found(tmp_path / "alone", expected(), row(50.0, **other))
    assert alone.value is None
    assert not alone.holds


def test_a_figure_that_a_release_leaves_open_is_missing(tmp_path: Path) -> None:
    item = found(tmp_path, expected(expected=0.0), row(None))
    assert item.value is None
    assert not item.holds


@pytest.mark.parametrize(("before", "after", "change"), [(40.0, 50.0, 25.0), (50.0, 40.0, -20.0), (8.0, 8.0, 0.0)])
def test_a_change_is_in_percent_of_what_was_before(tmp_path: Path, before: float, after: float, change: float) -> None:
    figure = expected(change_from="2024Q1", expected=change, tolerance=1e-9)
    item = found(tmp_path, figure, row(before, period="2024Q1"), row(after))
    assert item.holds
    assert not Found(expected(expected=change + 1, tolerance=0.5), item.value).holds


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([], [row(50.0)], id="nothing before"),
        pytest.param([row(None, period="2024Q1")], [row(50.0)], id="left open before"),
        pytest.param([row(0.0, period="2024Q1")], [row(50.0)], id="nought before"),
        pytest.param([row(50.0, period="2024Q1")], [], id="nothing now"),
        pytest.param([row(50.0, period="2024Q1")], [row(None)], id="left open now"),
    ],
)
def test_a_change_without_both_ends_is_missing_and_holds_for_nobody(
    tmp_path: Path, before: list[dict[str, object]], after: list[dict[str, object]]
) -> None:
    item = found(tmp_path, expected(change_from="2024Q1", expected=0.0, tolerance=1e9), *before, *after)
    assert item.value is None
    assert not item.holds


def test_a_fall_to_nought_is_a_change(tmp_path: Path) -> None:
    figure = expected(change_from="2024Q1", expected=-100.0, tolerance=0.0)
    assert found(tmp_path, figure, row(50.0, period="2024Q1"), row(0.0)).holds


@pytest.mark.parametrize(
    ("misses", "first", "second", "promised"),
    [
        ((), 50.0, 50.0, True),
        ((), 50.0, 60.0, False),
        (("second",), 50.0, 60.0, True),
        (("second",), 50.0, None, True),
        (("second",), 50.0, 50.0, False),
        (("second",), 60.0, 60.0, False),
        (("second",), 60.0, 50.0, False),
    ],
)
def test_a_twin_misses_exactly_what_it_says(
    misses: tuple[str, ...], first: float | None, second: float | None, *, promised: bool
) -> None:
    one, two = expected(id="first"), expected(id="second")
    assert as_promised(promise(one, two, misses=misses), [Found(one, first), Found(two, second)]) is promised
