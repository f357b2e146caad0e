"""One definition: a contract changed in one place changes everything that is derived from it, and nothing else does."""

import fastexcel
import pytest
import yaml

from data_contracts.codes import read_code_list, read_code_lists
from data_contracts.contracts import stored_columns
from data_contracts.dictionary import dictionary_of, rule_titles
from data_contracts.expectations import expectations_of
from data_contracts.schemas import feed_schema
from reports.template import write_template

FEED = "health_bureau.followups_diabetes"
LISTS = read_code_lists()


def ours(item):
    return next(entry["value"] for entry in item["customProperties"] if entry["property"] == "kangheng")


def prop(document, name):
    return next(item for item in document["schema"][0]["properties"] if item["name"] == name)


def rule(document, name):
    return next(item for item in document["schema"][0]["quality"] if item["name"] == name)


def schema_words(contract):
    return {
        name: (str(column.dtype), column.nullable, [check.statistics for check in column.checks])
        for name, column in feed_schema(contract).columns.items()
    }


@pytest.fixture
def derived(tmp_path):
    """Everything that is made of a contract, each as plain data."""

    def of(contract):
        path = write_template(dictionary_of(contract), tmp_path / "t.xlsx")
        book = fastexcel.read_excel(path)
        sheets = {
            name: book.load_sheet(name, header_row=None, dtypes="string").to_polars().rows()
            for name in book.sheet_names
        }
        return {
            "dtypes": stored_columns(contract),
            "schema": schema_words(contract),
            "rules": [(item.id, item.severity, item.expression) for item in contract.rules],
            "rule titles": rule_titles(contract),
            "headers": {column.name: column.headers for column in contract.columns},
            "codes": {column.name: column.code_list.map for column in contract.columns if column.code_list},
            "dictionary": dictionary_of(contract),
            "template": sheets,
            "expectations": expectations_of(contract),
        }

    return of


def rename(document):
    prop(document, "glucose_mmol_l")["businessName"] = "空腹血糖值"
    ours(prop(document, "glucose_mmol_l")).update(titles={"zh": "空腹血糖值", "en": "Fasting glucose"}, aliases=[])


CHANGES = {
    "a title": (rename, {"headers", "rule titles", "dictionary", "template", "expectations"}),
    "an alias": (
        lambda d: ours(prop(d, "glucose_mmol_l"))["aliases"].append("葡萄糖"),
        {"headers", "dictionary", "template"},
    ),
    "a unit": (
        lambda d: ours(prop(d, "glucose_mmol_l")).update(unit="mg/dL", units=[]),
        {"dictionary", "template", "expectations"},
    ),
    "a scale": (lambda d: ours(prop(d, "glucose_mmol_l")).update(scale=2), {"dtypes", "schema", "expectations"}),
    "a type": (
        lambda d: ours(prop(d, "next_date")).update(type="text"),
        {"dtypes", "schema", "dictionary", "template", "expectations"},
    ),
    "required": (
        lambda d: prop(d, "next_date").update(required=True),
        {"schema", "dictionary", "template", "expectations"},
    ),
    "a rule": (
        lambda d: rule(d, "glucose_range").update(implementation="glucose_mmol_l < 60"),
        {"rules"},
    ),
    "the words of a rule": (
        lambda d: ours(rule(d, "glucose_range"))["titles"].update(zh="血糖在合理范围内"),
        {"rule titles", "dictionary", "template"},
    ),
    "a severity": (
        lambda d: rule(d, "glucose_range").update(severity="warning"),
        {"rules", "dictionary", "template"},
    ),
    "an example": (lambda d: prop(d, "glucose_mmol_l").update(examples=["5.9"]), {"dictionary", "template"}),
    "a meaning in Chinese": (
        lambda d: ours(prop(d, "glucose_mmol_l")).update(description_zh="随访当日的血糖。"),
        {"dictionary", "template"},
    ),
    "a meaning": (
        lambda d: prop(d, "glucose_mmol_l").update(description="Glucose on the day."),
        {"dictionary", "template"},
    ),
    "a standard": (lambda d: ours(prop(d, "glucose_mmol_l")).update(standard="WS 000"), {"dictionary", "template"}),
    "a word for missing": (
        lambda d: ours(prop(d, "glucose_mmol_l"))["missing"].append("无血"),
        {"dictionary", "template"},
    ),
    "the delivery": (lambda d: ours(d).update(delivery="snapshot"), {"dictionary", "template", "expectations"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_reaches_everything_it_concerns(draft, derived, change):
    edit, concerned = CHANGES[change]
    old, new = draft(FEED, LISTS).read(), draft(FEED, LISTS).read(edit)
    before, after = derived(old), derived(new)
    assert {name for name in before if before[name] != after[name]} == concerned
    assert old.fingerprint != new.fingerprint


def test_a_new_code_reaches_everything_it_concerns(draft, derived, tmp_path):
    document = {
        "titles": {"zh": "检测类型", "en": "Kind of test"},
        "reference": "own",
        "values": {
            value: {"titles": titles.model_dump(), "spellings": []}
            for value, titles in LISTS["glucose_test"].values.items()
        },
    }
    document["values"]["ogtt"] = {"titles": {"zh": "糖耐量", "en": "Tolerance test"}, "spellings": ["OGTT"]}
    path = tmp_path / "glucose_test.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    wider = {**LISTS, "glucose_test": read_code_list(path)}
    before, after = derived(draft(FEED, LISTS).read()), derived(draft(FEED, wider).read())
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"schema", "codes", "dictionary", "template", "expectations"}
    assert "ogtt" in {item.column: item.categories for item in after["expectations"].columns}["glucose_test"]
    assert "糖耐量" in {cell for row in after["template"]["代码"] for cell in row}


def test_nothing_changed_is_nothing_changed(draft, derived):
    assert derived(draft(FEED, LISTS).read()) == derived(draft(FEED, LISTS).read())
