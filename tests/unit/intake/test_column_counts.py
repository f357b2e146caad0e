"""Raw counts of columns: what a naive count over rows gives, however the file is cut, and never a value of a person."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.intake.column_counts import COUNTS, added_up, column_counts, naming_column
from data_contracts.contracts import Catalog, FeedContract, stored_columns
from data_contracts.expectations import expectations_of

CATALOG = Catalog.load()
PRESSURE = CATALOG.feed("health_bureau.followups_hypertension")
GLUCOSE = CATALOG.feed("health_bureau.followups_diabetes")
RESIDENTS = CATALOG.feed("health_bureau.residents")
Row = dict[str, Any]


def _frame(contract: FeedContract, rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict(stored_columns(contract)))


def _counted(contract: FeedContract, rows: list[Row], **more: Any) -> dict[tuple[Any, ...], int]:
    frame = _frame(contract, rows)
    found = added_up([column_counts(more.get("records", frame), frame, contract, more.get("institution", "990101"))])
    assert found.schema == COUNTS
    return {tuple(row[:4]): row[4] for row in found.rows()}


def test_records_accepted_and_empty_values() -> None:
    rows = [{"sbp_mmhg": 120, "dbp_mmhg": None}, {"sbp_mmhg": None, "dbp_mmhg": None}, {"sbp_mmhg": 131}]
    seen = _frame(PRESSURE, [*rows, {"sbp_mmhg": None}])
    found = _counted(PRESSURE, rows, records=seen)
    assert found["990101", None, "records", None] == 4
    assert found["990101", None, "accepted", None] == 3
    assert found["990101", "sbp_mmhg", "empty", None] == 2
    assert found["990101", "sbp_mmhg", "empty_of_accepted", None] == 1
    assert found["990101", "dbp_mmhg", "empty_of_accepted", None] == 3


def test_codes_booleans_institutions_and_months() -> None:
    days = [date(2025, 10, 1), date(2025, 10, 31), date(2025, 12, 1), date(1066, 10, 14), None]
    rows = [
        {"visit_mode": mode, "event_date": day, "institution_code": code}
        for mode, day, code in zip(
            ("home", "home", "phone", None, "clinic"), days, ("C1", "C2", "C1", None, "C1"), strict=True
        )
    ]
    found = _counted(PRESSURE, rows)
    assert {key[3]: count for key, count in found.items() if key[1:3] == ("visit_mode", "category")} == {
        "home": 2,
        "phone": 1,
        "clinic": 1,
    }
    assert {key[3]: count for key, count in found.items() if key[2] == "institution"} == {"C1": 3, "C2": 1}
    assert {key[1::2]: count for key, count in found.items() if key[2] == "month"} == {
        ("followup_date", "2025-10"): 2,
        ("followup_date", "2025-12"): 1,
        ("followup_date", None): 1,
    }
    flags = _counted(RESIDENTS, [{"is_diabetes_registered": flag} for flag in (True, False, False, None)])
    assert flags["990101", "is_diabetes_registered", "category", "true"] == 1
    assert flags["990101", "is_diabetes_registered", "category", "false"] == 2


@pytest.mark.parametrize(
    ("contract", "column", "values", "digits"),
    [
        (PRESSURE, "sbp_mmhg", [120, 129, 7, -13, None], {"0": 1, "9": 1, "7": 1, "3": 1}),
        (GLUCOSE, "glucose_mmol_l", [Decimal("6.8"), Decimal("7.0"), Decimal("10.3"), None], {"8": 1, "0": 1, "3": 1}),
    ],
)
def test_last_digits_are_those_of_the_finest_place_and_belong_to_the_institution_of_the_record(
    contract: FeedContract, column: str, values: list[Any], digits: dict[str, int]
) -> None:
    found = _counted(contract, [{column: value, "institution_code": "C1"} for value in values])
    own = {key[3]: count for key, count in found.items() if key[:3] == ("C1", column, "last_digit")}
    assert own == digits
    # Where the record names nobody, who delivered the file answers for it.
    nobody = _counted(contract, [{column: value} for value in values])
    assert {key[3]: count for key, count in nobody.items() if key[:3] == ("990101", column, "last_digit")} == digits


def test_only_values_read_off_an_instrument_have_digits_counted() -> None:
    found = _counted(PRESSURE, [{"sbp_mmhg": 121, "dbp_mmhg": 75}])
    assert {key[1] for key in found if key[2] == "last_digit"} == {"sbp_mmhg", "dbp_mmhg"}
    # A number of points is counted, not read off.
    points = CATALOG.feed("health_bureau.health_points")
    assert not [key for key in _counted(points, [{"points_earned": 120}]) if key[2] == "last_digit"]


def test_a_column_of_too_many_institutions_names_none() -> None:
    rows = [{"institution_code": f"1101011980010{n:05}", "sbp_mmhg": 120} for n in range(2001)]
    found = _counted(PRESSURE, rows)
    assert {key[3]: count for key, count in found.items() if key[2] == "institution"} == {None: 2001}
    assert {key[0] for key in found} == {"990101"}
    assert len(_counted(PRESSURE, rows[:2000])) > 2000


def test_no_name_number_address_or_pseudonym_is_counted() -> None:
    private = "110101198001011237"
    counted = {item.column for item in expectations_of(RESIDENTS).columns if item.categories}
    texts = [name for name, kind in stored_columns(RESIDENTS) if kind == pl.String()]
    row = {name: private for name in texts if name not in {*counted, naming_column(RESIDENTS)}}
    found = _counted(RESIDENTS, [row], institution=None)
    assert found
    assert not [key for key in found if private in key]


def test_the_naming_column_is_the_contracts_own_then_a_reference_then_the_usual_name() -> None:
    assert naming_column(PRESSURE) == "institution_code"
    assert naming_column(CATALOG.feed("hospitals.encounters")) == "institution_code"
    assert naming_column(CATALOG.feed("civil_affairs.areas")) is None


rows_of_pressure = st.lists(
    st.fixed_dictionaries(
        {
            "sbp_mmhg": st.none() | st.integers(0, 300),
            "visit_mode": st.none() | st.sampled_from(["home", "phone"]),
            "institution_code": st.none() | st.sampled_from(["C1", "C2", "C3"]),
            "event_date": st.none() | st.integers(0, 400).map(lambda n: date(2025, 1, 1) + timedelta(n)),
        }
    ),
    max_size=40,
)


def _naive(rows: list[Row]) -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        if row["visit_mode"]:
            found["990101", "visit_mode", "category", row["visit_mode"]] += 1
        if row["institution_code"]:
            found["990101", "institution_code", "institution", row["institution_code"]] += 1
        if row["event_date"]:
            found["990101", "followup_date", "month", f"{row['event_date']:%Y-%m}"] += 1
        if row["sbp_mmhg"] is not None:
            found[row["institution_code"] or "990101", "sbp_mmhg", "last_digit", str(row["sbp_mmhg"] % 10)] += 1
        found["990101", None, "accepted", None] += 1
        found["990101", "sbp_mmhg", "empty", None] += row["sbp_mmhg"] is None
    return found


def _law(rows: list[Row], cut: int) -> None:
    frame = _frame(PRESSURE, rows)
    chunks = [column_counts(part, part, PRESSURE, "990101") for part in (frame.head(cut), frame.slice(cut))]
    summed = {tuple(row[:4]): row[4] for row in added_up(chunks).rows()}
    oracle = _naive(rows)
    kinds = {key[1:3] for key in oracle} | {("visit_mode", "category"), ("sbp_mmhg", "last_digit")}
    own = {key: count for key, count in summed.items() if key[1:3] in kinds and count}
    assert own == {key: count for key, count in oracle.items() if count}


@settings(max_examples=60)
@given(rows_of_pressure, st.integers(0, 40))
def test_counts_are_those_of_a_naive_count_however_the_file_is_cut(rows: list[Row], cut: int) -> None:
    _law(rows, cut)


def test_no_chunk_at_all_has_no_counts() -> None:
    assert added_up([]).is_empty()
    _law([], 0)
