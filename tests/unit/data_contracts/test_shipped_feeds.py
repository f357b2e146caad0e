"""The shipped contracts: valid under the standard's own schema, complete for the people who read them."""

import copy
import json
import re
from functools import cache
from importlib.resources import files

import jsonschema
import polars as pl
import pytest
from stdnum.cn import ric

from assets.intake.period import period_of
from assets.intake.rules import check_contract
from assets.intake.typed import cleaned, read_column
from data_contracts.closed import read_yaml

FEEDS = (
    "cdc.chronic_registers",
    "cdc.deaths",
    "cdc.school_screening",
    "civil_affairs.ability_assessments",
    "civil_affairs.area_changes",
    "civil_affairs.areas",
    "civil_affairs.care_homes",
    "civil_affairs.moves",
    "civil_affairs.population",
    "civil_affairs.welfare",
    "health_bureau.activities",
    "health_bureau.child",
    "health_bureau.consents",
    "health_bureau.contract_offers",
    "health_bureau.contracts",
    "health_bureau.device_readings",
    "health_bureau.exams",
    "health_bureau.followups_copd",
    "health_bureau.followups_diabetes",
    "health_bureau.followups_dyslipidaemia",
    "health_bureau.followups_hypertension",
    "health_bureau.followups_mental",
    "health_bureau.followups_tuberculosis",
    "health_bureau.fund_ledger",
    "health_bureau.health_points",
    "health_bureau.home_care",
    "health_bureau.immunisation",
    "health_bureau.institutions",
    "health_bureau.maternal",
    "health_bureau.needs",
    "health_bureau.opinions",
    "health_bureau.projects",
    "health_bureau.purchase_contracts",
    "health_bureau.residents",
    "health_bureau.screening",
    "health_bureau.serves",
    "health_bureau.staff",
    "health_bureau.supervision",
    "health_bureau.survey",
    "health_bureau.tasks",
    "health_bureau.tcm",
    "health_bureau.time_credits",
    "health_bureau.work_items",
    "hospitals.discharges",
    "hospitals.encounters",
    "hospitals.infectious_reports",
    "hospitals.referrals",
    "insurers.care_benefits",
    "insurers.enrolment",
    "insurers.settlements",
    "reference.holidays",
    "reference.icd_groups",
    "reference.standard_population",
    "statistics.areas",
    "statistics.economy",
)
# What the archives of a bureau hold, sender by sender, and the feed or feeds that hold it.
WANTED = {
    "health_bureau": {
        "residents": ["residents"],
        "follow-ups": [
            "followups_hypertension", "followups_diabetes", "followups_dyslipidaemia", "followups_copd",
            "followups_mental", "followups_tuberculosis",
        ],
        "examinations": ["exams"],
        "mothers and children": ["maternal", "child", "immunisation"],
        "traditional Chinese medicine": ["tcm"],
        "health education and activities": ["activities"],
        "two-cancer screening": ["screening"],
        "contracts: offers, acceptance, fulfilment, renewal": ["contract_offers", "contracts"],
        "institutions and staff, and whom they serve": ["institutions", "staff", "serves"],
        "work points": ["work_items"],
        "surveys": ["survey"],
        "opinions and complaints": ["opinions"],
        "needs": ["needs"],
        "supervision": ["supervision"],
        "tasks": ["tasks"],
        "money": ["fund_ledger", "purchase_contracts"],
        "projects and partners": ["projects"],
        "points and time credits": ["health_points", "time_credits"],
        "devices": ["device_readings"],
        "home care and outreach": ["home_care"],
        "consent and legal basis": ["consents"],
    },
    "hospitals": {
        "encounters": ["encounters"],
        "discharge front pages": ["discharges"],
        "referrals": ["referrals"],
        "notifiable diseases": ["infectious_reports"],
    },
    "cdc": {
        "deaths": ["deaths"],
        "registers of chronic disease": ["chronic_registers"],
        "vision in schools": ["school_screening"],
    },
    "civil_affairs": {
        "population": ["population"],
        "moves": ["moves"],
        "welfare": ["welfare"],
        "ability": ["ability_assessments"],
        "care homes": ["care_homes"],
        "areas": ["areas", "area_changes"],
    },
    "insurers": {
        "enrolment": ["enrolment"],
        "settlements": ["settlements"],
        "long-term care": ["care_benefits"],
    },
    "statistics": {"product, prices, fiscal capacity": ["economy"], "areas with validity": ["areas"]},
    "reference": {
        "standard populations": ["standard_population"],
        "groups of codes": ["icd_groups"],
        "holidays": ["holidays"],
    },
}  # fmt: skip
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
    return _document(contract.source)


@cache
def _document(source):
    return read_yaml(files("data_contracts").joinpath("feeds", source))


def test_these_feeds_are_shipped(catalog):
    assert tuple(catalog.feeds) == FEEDS


def test_every_kind_of_archive_has_its_feed(catalog):
    wanted = {f"{sender}.{feed}" for sender, kinds in WANTED.items() for feeds in kinds.values() for feed in feeds}
    assert wanted == set(catalog.feeds)


def test_the_document_meets_the_standard(contract, standard):
    document = written_document(contract)
    assert [error.message for error in standard.iter_errors(document)] == []
    assert (document["apiVersion"], document["kind"], document["status"]) == ("v3.1.0", "DataContract", "active")
    assert document["id"] == contract.key
    assert sorted(document["description"]) == ["limitations", "purpose", "usage"]


def test_the_standard_notices_a_planted_mistake(catalog, standard):
    document = copy.deepcopy(written_document(catalog.feed("hospitals.encounters")))
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


def test_examples_can_be_read_as_their_type(catalog, contract):
    yes_no = catalog.code_lists["yes_no"]
    for column in contract.columns:
        if column.role in ("person_id", "drop"):
            continue
        assert column.examples, column.name
        raw = cleaned(pl.Series(list(column.examples), dtype=pl.String), column)
        assert read_column(raw, column, yes_no).null_count() == 0, column.name


def test_the_example_of_a_person_is_nobody(contract):
    for column in contract.columns:
        (example,) = column.examples
        if column.name.endswith("_id_no"):
            # No region begins with 99.
            assert example.startswith("99"), column.name
            assert ric.is_valid("11" + example[2:17] + ric.calc_check_digit("11" + example[2:17] + "0")), column.name
            assert example[17] == ric.calc_check_digit(example), column.name
        if "phone" in column.name:
            # No mobile number starts with 10.
            assert example.startswith("10"), column.name


def test_what_identifies_a_person_is_not_stored(contract):
    from data_contracts.contracts import stored_columns

    stored = {name for name, _ in stored_columns(contract)}
    personal = {column.name for column in contract.columns if column.role in ("person_id", "drop")}
    assert not personal & stored
    assert ("person_key" in stored) == (contract.extras.person is not None)
    assert contract.extras.person is None or personal
    assert not stored & {"person_name", "phone", "address", "content", "parent_name", "guardian_name"}


def test_birth_and_sex_are_compared_with_the_number_where_the_feed_has_them(contract):
    person = contract.extras.person
    if person is not None:
        assert person.birth == ("birth_date" if "birth_date" in contract.by_name else None)
        assert person.sex == ("sex" if "sex" in contract.by_name and contract.by_name["sex"].code_list else None)


def test_what_is_measured_has_a_unit(contract):
    """A number without unit is an ordinal, a share or an index of its own."""
    bare = {c.name for c in contract.columns if c.type in ("integer", "decimal") and not c.extras.unit}
    allowed = {
        "grade", "pooled_share", "priority", "self_rated_health", "service_satisfaction", "share", "trust", "weight",
    }  # fmt: skip
    assert {name for name in bare if not name.startswith(("acuity_", "corrected_"))} <= allowed


def test_an_optional_column_may_be_dashed(contract):
    for column in contract.columns:
        if not column.required and column.role not in ("person_id", "drop", "fact"):
            words = column.no_value(pointing=column.name in contract.pointing)
            assert {"", "-", "—", "/", "NULL", "#N/A"} <= set(words), column.name


def test_no_code_of_a_list_counts_as_missing(catalog, contract):
    yes_no = catalog.code_lists["yes_no"]
    for column in contract.columns:
        codes = column.code_list or (yes_no if column.type == "boolean" else None)
        said = {"无", "不详"} if column.type == "boolean" else set()
        if codes is not None:
            assert not (set(codes.map) - said) & set(column.no_value(pointing=False)), column.name


def test_the_period_of_a_file_name_is_found(contract):
    assert period_of(None, f"{contract.extras.titles.zh}_990101_2025Q4(终版).csv", contract) == "2025Q4"


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
