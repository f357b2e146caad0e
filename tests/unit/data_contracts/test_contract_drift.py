"""Two versions of a contract compared: each kind of change is named once, with its closest match, and nothing else."""

import copy

import pytest

from data_contracts.codes import read_code_lists
from data_contracts.dictionary import dictionary_of
from data_contracts.drift import changes_between

FEED = "health_bureau.followups_diabetes"
LISTS = read_code_lists()


def ours(item):
    return next(entry["value"] for entry in item["customProperties"] if entry["property"] == "kangheng")


def properties(document):
    return document["schema"][0]["properties"]


def prop(document, name):
    return next(item for item in properties(document) if item["name"] == name)


def rule(document, name):
    return next(item for item in document["schema"][0]["quality"] if item["name"] == name)


def without(name):
    return lambda d: properties(d).remove(prop(d, name))


def with_new(name, title):
    def change(document):
        item = copy.deepcopy(prop(document, "next_date"))
        item["name"] = name
        ours(item).update(titles={"zh": title, "en": title}, aliases=[])
        properties(document).append(item)

    return change


def renamed(document):
    item = prop(document, "next_date")
    item["name"] = "next_visit_date"
    ours(item).update(titles={"zh": "下次随访日", "en": "Next visit"}, aliases=[])


CHANGES = {
    "none": (lambda _: None, []),
    "a column gone": (without("next_date"), ["Column 'Next follow-up' is gone"]),
    "a column come": (with_new("zzz", "录音编号"), ["New column '录音编号'"]),
    "a column renamed": (renamed, ["Column 'Next follow-up' is probably 'Next visit' now"]),
    "a unit": (
        lambda d: ours(prop(d, "glucose_mmol_l")).update(unit="mg/dL", units=[]),
        ["Unit of 'Glucose': mmol/L, now mg/dL"],
    ),
    "a type": (lambda d: ours(prop(d, "next_date")).update(type="text"), ["Type of 'Next follow-up': date, now text"]),
    "required": (lambda d: prop(d, "next_date").update(required=True), ["'Next follow-up' required: no, now yes"]),
    "a header": (
        lambda d: ours(prop(d, "glucose_mmol_l"))["aliases"].remove("血糖值"),
        ["'Glucose' is no longer read from the headers 血糖值"],
    ),
    "codes": (
        lambda d: ours(prop(d, "glucose_test")).update(codes="yes_no"),
        ["Codes of 'Kind of test': new false、true; gone "],
    ),
    "a severity": (
        lambda d: rule(d, "glucose_range").update(severity="warning"),
        ["Rule changed: "],
    ),
    "a rule gone": (lambda d: d["schema"][0]["quality"].remove(rule(d, "glucose_range")), ["Rule dropped: "]),
    "a rule come": (
        lambda d: d["schema"][0]["quality"].append(
            {**copy.deepcopy(rule(d, "glucose_range")), "name": "glucose_again"}
        ),
        ["New rule: "],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_named(draft, change):
    edit, words = CHANGES[change]
    old, new = draft(FEED, LISTS).read(), draft(FEED, LISTS).read(edit)
    found = [words.en for words in changes_between(old, new)]
    if change.startswith("a column"):
        # Rules that name a column of the old version may go with it; only columns are looked at here.
        found = [sentence for sentence in found if "olumn" in sentence]
    assert len(found) == len(words)
    assert all(sentence.startswith(start) for sentence, start in zip(found, words, strict=True))
    assert [item.zh for item in dictionary_of(new, old).changes] == [item.zh for item in changes_between(old, new)]


def test_there_and_back_names_the_same_columns(draft):
    old, new = draft(FEED, LISTS).read(), draft(FEED, LISTS).read(without("next_date"))
    assert [item.en for item in changes_between(old, new)][:1] == ["Column 'Next follow-up' is gone"]
    assert [item.en for item in changes_between(new, old)][:1] == ["New column 'Next follow-up'"]
