"""The gate in front of parts and tables: each planted fault is caught by name and no value is ever said."""

from datetime import date

import polars as pl
import pytest

from data_contracts.contracts import stored_columns
from data_contracts.schemas import GateError, feed_schema, gate, table_schema
from data_contracts.tables import output_tables

PERSONAL = "Zhao-42"


@pytest.fixture
def contract(catalog):
    return catalog.feed("health_bureau.residents")


@pytest.fixture
def part(contract):
    """A sound part of two rows."""
    row = {
        "file_id": "f1", "period": "2025Q4", "institution_id": PERSONAL, "event_date": date(2019, 5, 20),
        "person_key": PERSONAL, "person_id_class": "id18", "sex": "F", "birth_date": date(1956, 3, 9),
        "community_id": PERSONAL, "archive_date": date(2019, 5, 20), "archive_status": "active",
        "is_hypertension_registered": True, "is_diabetes_registered": False, "warnings": "", "row_hash": 1,
    }  # fmt: skip
    return pl.DataFrame([row | {"record_no": 1}, row | {"record_no": 2}], schema=dict(stored_columns(contract)))


def test_a_sound_part_passes_unchanged(contract, part):
    assert gate(feed_schema(contract), part).equals(part)
    assert gate(feed_schema(contract), part.clear()).height == 0


def test_what_need_not_be_there_may_be_empty(contract, part):
    empty = part.with_columns(archive_date=None, institution_id=None, event_date=None, person_key=None)
    shaped = empty.cast(dict(stored_columns(contract)))
    assert gate(feed_schema(contract), shaped).height == 2


PART_FAULTS = {
    "missing column": (lambda part: part.drop("sex"), "sex: COLUMN_NOT_IN_DATAFRAME"),
    "new column": (lambda part: part.with_columns(person_name=pl.lit(PERSONAL)), "person_name: COLUMN_NOT_IN_SCHEMA"),
    "order": (lambda part: part.select(part.columns[1:] + part.columns[:1]), "COLUMN_NOT_ORDERED"),
    "type": (lambda part: part.with_columns(birth_date=pl.lit(PERSONAL)), "birth_date: WRONG_DATATYPE"),
    "width of integer": (lambda part: part.cast({"record_no": pl.Int64}), "record_no: WRONG_DATATYPE"),
    "required empty": (
        lambda part: part.with_columns(community_id=pl.lit(None, dtype=pl.String)),
        "community_id: SERIES_CONTAINS_NULLS",
    ),
    "technical empty": (
        lambda part: part.with_columns(file_id=pl.lit(None, dtype=pl.String)),
        "file_id: SERIES_CONTAINS_NULLS",
    ),
    "code outside list": (lambda part: part.with_columns(sex=pl.lit(PERSONAL)), "sex: DATAFRAME_CHECK"),
    "spelling instead of code": (lambda part: part.with_columns(sex=pl.lit("男")), "sex: DATAFRAME_CHECK"),
    "record twice": (lambda part: pl.concat([part, part]), "stg_health_bureau__residents: DUPLICATES"),
}


@pytest.mark.parametrize("fault", PART_FAULTS)
def test_a_fault_of_a_part_is_caught_by_name(contract, part, fault):
    plant, words = PART_FAULTS[fault]
    with pytest.raises(GateError) as error:
        gate(feed_schema(contract), plant(part))
    assert str(error.value).startswith("stg_health_bureau__residents: ")
    assert words in str(error.value)
    assert PERSONAL not in str(error.value)
    assert error.value.__suppress_context__


def test_every_fault_of_a_part_is_named_at_once(contract, part):
    with pytest.raises(GateError) as error:
        gate(feed_schema(contract), part.with_columns(sex=pl.lit(PERSONAL), file_id=pl.lit(None, dtype=pl.String)))
    assert "sex: DATAFRAME_CHECK" in str(error.value)
    assert "file_id: SERIES_CONTAINS_NULLS" in str(error.value)


@pytest.fixture
def payees():
    table = output_tables()["alloc__payees"]
    row = {
        "period": "2025Q4", "allocation_id": "a", "payee_kind": "community", "payee_id": PERSONAL, "is_rural": True,
        "amount_fen": 1, "bound": "free", "year_fen": 4, "undecided_fen": 0,
        "paid_due_fen": 1, "paid_before_fen": 0, "next_base_fen": 4,
    }  # fmt: skip
    rows = [dict.fromkeys(table.columns) | own for own in (row, row | {"payee_id": f"{PERSONAL}2"})]
    return table, table.shape(pl.DataFrame(rows, schema=table.schema))


def test_a_sound_table_passes_unchanged(payees):
    table, frame = payees
    assert gate(table_schema(table), frame).equals(frame)
    assert gate(table_schema(table), frame.clear()).height == 0


TABLE_FAULTS = {
    "missing columns": (lambda frame: frame.drop("bound", "amount_fen"), "amount_fen: COLUMN_NOT_IN_DATAFRAME"),
    "new column": (lambda frame: frame.with_columns(note=pl.lit(PERSONAL)), "note: COLUMN_NOT_IN_SCHEMA"),
    "type": (lambda frame: frame.cast({"amount_fen": pl.Float64}), "amount_fen: WRONG_DATATYPE"),
    "scale of decimal": (lambda frame: frame.cast({"population": pl.Decimal(38, 2)}), "population: WRONG_DATATYPE"),
    "required empty": (
        lambda frame: frame.with_columns(amount_fen=pl.lit(None, dtype=pl.Int64)),
        "amount_fen: SERIES_CONTAINS_NULLS",
    ),
    "value not allowed": (lambda frame: frame.with_columns(bound=pl.lit(PERSONAL)), "bound: DATAFRAME_CHECK"),
    "key twice": (lambda frame: frame.with_columns(payee_id=pl.lit(PERSONAL)), "alloc__payees: DUPLICATES"),
}


@pytest.mark.parametrize("fault", TABLE_FAULTS)
def test_a_fault_of_a_table_is_caught_by_name(payees, fault):
    plant, words = TABLE_FAULTS[fault]
    table, frame = payees
    with pytest.raises(GateError) as error:
        gate(table_schema(table), plant(frame))
    assert str(error.value).startswith("alloc__payees: ")
    assert words in str(error.value)
    assert PERSONAL not in str(error.value)


def test_a_key_that_repeats_with_an_empty_part_is_a_repeat(payees):
    table = output_tables()["quality__files"]
    row = dict.fromkeys(table.columns, 0) | {
        "period": "2025Q4", "sender": "s", "feed": "f", "institution": None, "file_id": "1",
    }  # fmt: skip
    with pytest.raises(GateError, match="quality__files: DUPLICATES"):
        gate(table_schema(table), table.shape(pl.DataFrame([row, row])))
