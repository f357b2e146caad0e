"""The words of a contract: what each allows, what a mistake in one is called, the schema handed out to others."""

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.closed import DefinitionError, parse, read_yaml
from data_contracts.codes import read_code_lists
from data_contracts.periods import Period
from data_contracts.vocabulary import ColumnExtras, Conversion, Correction, Dated, FeedExtras, vocabulary_schema

FEED = "hospitals.encounters"
LISTS = read_code_lists()
ROOT = Path(__file__).parents[3]
DOCUMENTS = sorted(
    path
    for folder in ("data_contracts/feeds", "benchmarks/real")
    for path in (ROOT / folder).rglob("*.yaml")
    if "kind: DataContract" in path.read_text("utf-8")
)
WORDS = {"zh": "核对", "en": "Check"}
REFERENCE = {
    "columns": ["institution_code"], "feed": "health_bureau.institutions", "target": ["institution_code"],
    "severity": "warning", "titles": WORDS, "fix": WORDS,
}  # fmt: skip
SEQUENCE = {
    "id": "stays_apart", "by": ["person_key"], "order_by": "admit_date", "holds": "admit_date >= previous_admit_date",
    "severity": "warning", "titles": WORDS, "fix": WORDS,
}  # fmt: skip
CORRECTION = {
    "id": "ward", "column": "department", "where": "department = 'x'", "set": "'y'", "reason": WORDS, "status": "open",
}  # fmt: skip


def ours(item):
    return next(entry["value"] for entry in item["customProperties"] if entry["property"] == "kangheng")


def prop(document, name):
    return next(item for item in document["schema"][0]["properties"] if item["name"] == name)


def adds(**words):
    return lambda document: ours(document).update(words)


def column(name, **words):
    return lambda document: ours(prop(document, name)).update(words)


MISTAKES = {
    "channel": (
        adds(channel="encounter_clas"),
        "channel: 'encounter_clas' is not a stored column; nearest: encounter_class",
    ),
    "channel without codes": (adds(channel="department"), "channel: 'department' must be a column of type code"),
    "reference": (
        adds(references=[{**REFERENCE, "columns": ["institution_cod"]}]),
        "reference_institution_cod_institutions: 'institution_cod' is not a stored column; nearest: institution_code",
    ),
    "reference of another width": (
        adds(references=[{**REFERENCE, "target": ["a", "b"]}]),
        "reference_institution_code_institutions: columns and target must be as many",
    ),
    "reference that refuses": (
        adds(references=[{**REFERENCE, "severity": "error"}]),
        "references.0.severity: a reference can only be a warning",
    ),
    "reference twice": (adds(references=[REFERENCE, REFERENCE]), "two rules share a name"),
    "sequence": (
        adds(sequences=[{**SEQUENCE, "order_by": "admit_dat"}]),
        "sequence stays_apart: 'admit_dat' is not a stored column; nearest: admit_date",
    ),
    "sequence named like a rule": (adds(sequences=[{**SEQUENCE, "id": "cost_not_negative"}]), "two rules share a name"),
    "word of a sequence": (
        adds(sequences=[{**SEQUENCE, "hold": "x"}]),
        "sequences.stays_apart.hold: unknown key 'hold'; did you mean 'holds'?",
    ),
    "map": (
        adds(maps=[{"headers": {"科": "departmen"}}]),
        "maps: 'departmen' is not a stored column; nearest: department",
    ),
    "map of a word of the page": (adds(maps=[{"headrs": {"科": "department"}}]), "did you mean 'headers'?"),
    "map from a day": (adds(maps=[{"from": "2023-1", "headers": {"科": "department"}}]), "maps.0.from:"),
    "correction": (
        adds(corrections=[{**CORRECTION, "column": "departmnt"}]),
        "correction ward: 'departmnt' is not a stored column; nearest: department",
    ),
    "correction twice": (adds(corrections=[CORRECTION, CORRECTION]), "two corrections share a name"),
    "status": (adds(corrections=[{**CORRECTION, "status": "done"}]), "corrections.ward.status:"),
    "birth": (
        lambda d: ours(d)["person"].update(birth="department"),
        "person.birth: 'department' must be a column of type date",
    ),
    "sex": (
        lambda d: ours(d)["person"].update(sex="admit_date"),
        "person.sex: 'admit_date' must be a column of type code",
    ),
    "unit of a text": (
        column("department", units=[{"unit": "个", "factor": "1"}]),
        "department: only a number can be converted from another unit",
    ),
    "unit twice": (
        column("total_cost_fen", units=[{"unit": "元", "factor": "1"}]),
        "total_cost_fen: a unit is stated twice",
    ),
    "factor": (
        column("total_cost_fen", units=[{"unit": "万元", "factor": "ten"}]),
        "total_cost_fen: units.0.factor: must be a decimal number in quotes",
    ),
    "factor of nothing": (
        column("total_cost_fen", units=[{"unit": "万元", "factor": "-1"}]),
        "total_cost_fen: units.0.factor: must be a positive number",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_place(draft, mistake):
    change, words = MISTAKES[mistake]
    with pytest.raises(DefinitionError) as error:
        draft(FEED, LISTS).read(change)
    assert str(error.value).startswith(f"{FEED}/2017-01-01.yaml")
    assert words in str(error.value)
    assert error.value.words("zh") != str(error.value)


def test_words_that_are_right_are_read(draft):
    contract = draft(FEED, LISTS).read(adds(references=[REFERENCE], sequences=[SEQUENCE], corrections=[CORRECTION]))
    assert [item.id for item in contract.extras.references] == ["reference_institution_code_institutions"]
    assert set(contract.wording) >= {"reference_institution_code_institutions", "stays_apart", "cost_not_negative"}


PERIODS = st.builds(
    lambda year, index, grain: Period(year, 1 + index % {"year": 1, "quarter": 4, "month": 12}[grain], grain),
    st.integers(2020, 2026), st.integers(0, 11), st.sampled_from(["year", "quarter", "month"]),
)  # fmt: skip


@given(PERIODS, st.one_of(st.none(), PERIODS), st.one_of(st.none(), PERIODS))
def test_a_span_covers_the_periods_whose_last_day_it_holds(period, start, end):
    dated = Dated.model_validate({"from": start and start.key, "to": end and end.key})
    inside = (start is None or period.end >= start.start) and (end is None or period.end <= end.end)
    assert dated.covers(period.key, "H1") is inside
    assert dated.covers(period.key, None) is inside


@pytest.mark.parametrize(
    ("period", "covered"), [("2022-12", False), ("2023-01", True), ("2024Q4", True), ("2025-01", False), ("2023", True)]
)
def test_the_first_and_the_last_period_of_a_span(period, covered):
    dated = Dated.model_validate({"institution": "H1", "from": "2023", "to": "2024"})
    assert dated.covers(period, "H1") is covered
    assert not dated.covers(period, "H2")
    assert not dated.covers(period, None)


@pytest.mark.parametrize("factor", ["0", "-1", "NaN", "inf", "1/18", "", "1,5"])
def test_a_factor_is_an_exact_positive_number(factor):
    with pytest.raises(ValueError, match="factor"):
        Conversion(unit="mg/dL", factor=factor)


def test_a_correction_keeps_its_status_and_reason():
    found = parse(Correction, {**CORRECTION, "from": "2024", "institution": "H1"}, "x")
    assert (found.start, found.end, found.institution) == ("2024", None, "H1")


def placed(document):
    table = document["schema"][0]
    yield {"document": ours(document)}
    yield from ({"property": ours(item)} for item in table["properties"])
    yield from ({"quality": ours(item)} for item in table.get("quality", []))


@pytest.fixture(scope="module")
def official():
    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


@pytest.fixture(scope="module")
def written_down():
    schema = vocabulary_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_contract_in_this_house_is_valid_for_others(path, official, written_down):
    """Under the official schema of the standard, and our words under the schema we hand out."""
    document = read_yaml(path)
    assert [error.message for error in official.iter_errors(document)] == []
    assert [error.message for item in placed(document) for error in written_down.iter_errors(item)] == []


def test_the_schema_refuses_what_the_models_refuse(written_down):
    for place, word, model in (("document", "channl", FeedExtras), ("property", "alias", ColumnExtras)):
        assert list(written_down.iter_errors({place: {word: "x"}}))
        with pytest.raises(DefinitionError):
            parse(model, {word: "x"}, place)


def test_the_schema_explains_each_object():
    schema = vocabulary_schema()
    assert all(item.get("description") for name, item in schema["$defs"].items())
    assert {"Reference", "Sequence", "ColumnMap", "Correction", "Conversion", "FileForm"} <= set(schema["$defs"])
