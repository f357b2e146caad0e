"""Contracts of later tables, and bringing a frame into their shape."""

import re
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from data_contracts import tables
from data_contracts.closed import DefinitionError
from data_contracts.tables import TableContract, TableDocument, output_tables

TABLES = output_tables()
CHINESE = re.compile("[\u4e00-\u9fff]")
PUBLISHED = {
    "alloc__awards", "alloc__carried", "alloc__changes", "alloc__dividend", "alloc__gain_share",
    "alloc__incentive_reasons", "alloc__incentive_totals", "alloc__incentives", "alloc__institutions",
    "alloc__intervals", "alloc__lines", "alloc__payees", "alloc__payers", "alloc__payments", "alloc__peers",
    "alloc__performance", "alloc__quarters", "alloc__reserves", "alloc__sensitivity", "alloc__settlement",
    "alloc__sources", "alloc__standard", "alloc__streams", "ind__policies", "ind__rebased", "ind__values",
    "mart__areas", "policy__clauses", "policy__money", "policy__register", "policy__services", "quality__deliveries",
    "quality__files", "quality__plausibility", "quality__quarantine", "quality__references", "quality__rules",
    "quality__sharing", "risk__areas", "risk__compared", "risk__grades", "risk__incentives", "risk__ranks",
    "risk__sensitivity", "risk__weights", "score__appraisals", "score__grades", "score__indicators",
    "score__policies", "score__ranks", "score__sensitivity", "score__weights",
}  # fmt: skip


def titles(name):
    return {"zh": name, "en": name}


@pytest.fixture
def contract():
    kinds = {"id": "text", "count": "integer", "sum": "decimal", "share": "number", "done": "boolean", "day": "date"}
    columns = {name: {"titles": titles(name), "type": kind, "required": name == "id"} for name, kind in kinds.items()}
    document = {"titles": titles("cases"), "grain": "One row per case.", "key": ["id"], "columns": columns}
    return TableContract("cases", TableDocument.model_validate(document))


def test_what_a_release_shows_is_published_and_nothing_with_persons():
    assert {name for name, table in TABLES.items() if table.document.published} == PUBLISHED
    for name in PUBLISHED:
        assert not {"person_id", "person_key", "birth_date"} & set(TABLES[name].columns), name


@pytest.mark.parametrize("name", sorted(TABLES))
def test_titles_are_in_both_languages(name):
    for words in (TABLES[name].document.titles, *(column.titles for column in TABLES[name].columns.values())):
        assert CHINESE.search(words.zh)
        assert words.en
        assert not CHINESE.search(words.en)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_money_is_integer(name):
    for column, kind in TABLES[name].schema.items():
        if column.endswith("_fen"):
            assert kind == pl.Int64()


def test_values_may_be_empty_but_not_their_status():
    columns = TABLES["ind__values"].columns
    needed = {name for name, column in columns.items() if column.required}
    assert needed == {"area_level", "area_id", "period", "indicator_id", "rule_set", "stratum", "method", "status"}
    assert set(TABLES["ind__values"].key) <= needed


def test_schema_follows_the_declared_types(contract):
    assert contract.schema == {
        "id": pl.String(), "count": pl.Int64(), "sum": pl.Decimal(38, 6), "share": pl.Float64(),
        "done": pl.Boolean(), "day": pl.Date(),
    }  # fmt: skip
    assert (contract.empty().height, dict(contract.empty().schema)) == (0, contract.schema)


def test_shape_selects_casts_orders_and_sorts(contract):
    frame = pl.DataFrame(
        {
            "extra": [1, 2, 3],
            "day": [date(2025, 1, day) for day in (1, 2, 3)],
            "done": [True, None, False],
            "share": [1, 2, 3],
            "sum": [1, 2, 3],
            "count": pl.Series([7, 8, 9], dtype=pl.Int8),
            "id": ["b", "c", "a"],
        }
    )
    shaped = contract.shape(frame)
    assert dict(shaped.schema) == contract.schema
    assert shaped.rows() == [
        ("a", 9, Decimal("3.000000"), 3.0, False, date(2025, 1, 3)),
        ("b", 7, Decimal("1.000000"), 1.0, True, date(2025, 1, 1)),
        ("c", 8, Decimal("2.000000"), 2.0, None, date(2025, 1, 2)),
    ]


def test_shape_puts_an_empty_key_last(contract):
    frame = contract.empty().clear().vstack(
        pl.DataFrame({name: [None, "a"] if name == "id" else [None, None] for name in contract.schema},
                     schema=contract.schema)
    )  # fmt: skip
    assert contract.shape(frame)["id"].to_list() == ["a", None]


def test_shape_names_a_missing_column(contract):
    with pytest.raises(DefinitionError, match="table cases: column count is missing"):
        contract.shape(contract.empty().drop("count"))


def test_shape_names_the_column_that_does_not_fit_and_never_its_value(contract):
    frame = pl.DataFrame([{**dict.fromkeys(contract.schema), "id": "a", "count": "SECRET"}])
    with pytest.raises(DefinitionError) as error:
        contract.shape(frame)
    assert str(error.value) == "table cases: column count does not fit its type Int64"
    assert error.value.__suppress_context__


HEAD = "titles: {zh: 例, en: Case}\ngrain: One row.\n"
COLUMNS = "columns:\n  id: {titles: {zh: 号, en: Id}, type: text}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{HEAD}key: [ident]\n{COLUMNS}", "cases.yaml: key column ident is not a column"),
        (f"{HEAD}keys: [id]\nkey: [id]\n{COLUMNS}", "unknown key 'keys'; did you mean 'key'?"),
        (f"{HEAD}key: [id]\n{COLUMNS}".replace("type: text", "type: string"), "columns.id.type: Input should be"),
        (f"{HEAD}key: [id]\n{COLUMNS}  id: {{}}\n", "key 'id' stands twice"),
    ],
)
def test_a_mistake_in_a_table_is_named(monkeypatch, tmp_path, written, text, words):
    monkeypatch.setattr(tables, "_FOLDER", tmp_path)
    written("cases.yaml", text)
    with pytest.raises(DefinitionError, match=re.escape(words)):
        output_tables.__wrapped__()
