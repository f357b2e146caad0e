"""The shipped contracts: valid under the standard's own schema, complete for the people who read them."""

import json
import re
from importlib.resources import files

import jsonschema
import polars as pl
import pytest

from assets.intake.rules import check_contract
from assets.intake.typed import cleaned, read_column
from data_contracts.closed import read_yaml
from data_contracts.codes import read_code_lists

FEEDS = (
    "civil_affairs.area_changes",
    "civil_affairs.areas",
    "civil_affairs.population",
    "civil_affairs.welfare",
    "health_bureau.contracts",
    "health_bureau.device_readings",
    "health_bureau.exams",
    "health_bureau.followups_diabetes",
    "health_bureau.followups_dyslipidaemia",
    "health_bureau.followups_hypertension",
    "health_bureau.fund_ledger",
    "health_bureau.health_points",
    "health_bureau.institutions",
    "health_bureau.residents",
    "health_bureau.staff",
    "health_bureau.survey",
    "health_bureau.tasks",
    "hospitals.encounters",
    "insurers.settlements",
)
LOGICAL = {
    "text": "string", "code": "string", "integer": "integer", "money": "integer", "decimal": "number",
    "date": "date", "boolean": "boolean",
}  # fmt: skip
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def standard():
    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


@pytest.fixture(params=FEEDS)
def contract(request, catalog):
    return catalog.feed(request.param)


def written_document(contract):
    return read_yaml(files("data_contracts").joinpath("feeds", contract.key, "2017-01-01.yaml"))


def test_these_feeds_are_shipped(catalog):
    assert tuple(catalog.feeds) == FEEDS


def test_the_document_meets_the_standard(contract, standard):
    document = written_document(contract)
    assert [error.message for error in standard.iter_errors(document)] == []
    assert (document["apiVersion"], document["kind"], document["status"]) == ("v3.1.0", "DataContract", "active")
    assert document["id"] == contract.key
    assert sorted(document["description"]) == ["limitations", "purpose", "usage"]


def test_the_standard_notices_a_planted_mistake(catalog, standard):
    document = written_document(catalog.feed("hospitals.encounters"))
    document["schema"][0]["properties"][0]["requierd"] = True
    assert any("requierd" in error.message for error in standard.iter_errors(document))


def test_every_expression_is_allowed_and_fits_its_columns(contract):
    check_contract(contract)


def test_columns_are_described_in_both_languages(contract):
    properties = {item["name"]: item for item in written_document(contract)["schema"][0]["properties"]}
    for column in contract.columns:
        item = properties[column.name]
        assert item["businessName"] == column.titles.zh
        assert item["logicalType"] == LOGICAL[column.type]
        assert CHINESE.search(column.titles.zh)
        assert not CHINESE.search(column.titles.en)
        assert column.description


def test_rules_say_in_both_languages_what_is_wrong_and_what_to_do(contract):
    for rule in contract.rules:
        for words in (rule.extras.titles, rule.extras.fix):
            assert CHINESE.search(words.zh), rule.id
            assert words.en, rule.id
            assert not CHINESE.search(words.en), rule.id


def test_examples_can_be_read_as_their_type(contract):
    yes_no = read_code_lists()["yes_no"]
    for column in contract.columns:
        if column.role in ("person_id", "drop"):
            continue
        assert column.examples, column.name
        raw = cleaned(pl.Series(list(column.examples), dtype=pl.String), column)
        assert read_column(raw, column, yes_no).null_count() == 0, column.name


def test_what_identifies_a_person_has_no_examples_and_is_not_stored(contract):
    from data_contracts.contracts import stored_columns

    stored = {name for name, _ in stored_columns(contract)}
    personal = [column for column in contract.columns if column.role in ("person_id", "drop")]
    assert all(not column.examples and column.name not in stored for column in personal)
    assert ("person_key" in stored) == (contract.extras.person is not None)
    assert bool(personal) == (contract.extras.person is not None)


def test_the_period_of_a_file_name_is_found(contract):
    found = re.search(contract.extras.period.file_name, f"{contract.extras.titles.zh}_990101_2025Q4(终版).csv")
    assert found["period"] == "2025Q4"


def test_population_facts_are_sex_by_age_and_cover_every_cell_once(catalog):
    facts = catalog.feed("civil_affairs.population").facts
    cells = [(fact.extras.stratum["sex"], fact.extras.stratum["age_band"]) for fact in facts]
    bands = ("0-14", "15-34", "35-64", "65+")
    assert sorted(cells) == sorted((sex, band) for sex in "FM" for band in bands)
    assert {fact.extras.fact for fact in facts} == {"population"}
    groups = {"M": "男/", "F": "女/"}
    for fact in facts:
        assert any(alias.startswith(groups[fact.extras.stratum["sex"]]) for alias in fact.extras.aliases)


@pytest.mark.parametrize(
    ("code", "rural"),
    [("111", False), ("112", False), ("121", False), ("122", False), ("123", False), ("210", True), ("220", True)],
)
def test_rural_is_what_the_statistics_bureau_calls_rural(catalog, code, rural):
    (derived,) = catalog.feed("civil_affairs.areas").extras.derived
    assert code in catalog.code_lists["urban_rural"].values
    assert pl.DataFrame({"urban_rural_code": [code]}).select(pl.sql_expr(derived.expression)).item() is rural
