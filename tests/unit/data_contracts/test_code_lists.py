"""Code lists: each spelling means one value, and the package's lists cover what the national documents print."""

import re

import pytest

from data_contracts.closed import DefinitionError
from data_contracts.codes import read_code_list, read_code_lists

LISTS = read_code_lists()


def listed(**values):
    lines = ["titles: {zh: 例, en: Case}", "reference: none", "values:"]
    for canonical, spellings in values.items():
        lines.append(f'  "{canonical}": {{titles: {{zh: {canonical}值, en: "{canonical}"}}, spellings: {spellings}}}')
    return "\n".join(lines) + "\n"


def test_every_spelling_leads_to_its_value(written):
    codes = read_code_list(written("kind.yaml", listed(a='["1", 甲]', b='["2"]')))
    assert codes.id == "kind"
    assert codes.map == {"a": "a", "a值": "a", "1": "a", "甲": "a", "b": "b", "b值": "b", "2": "b"}
    assert {canonical: titles.zh for canonical, titles in codes.values.items()} == {"a": "a值", "b": "b值"}


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ('["1"]', '["1"]', "spelling '1' means both a and b"),
        ('["b"]', "[]", "spelling 'b' means both a and b"),
        ('["b值"]', "[]", "spelling 'b值' means both a and b"),
        ('["1"]', '["１"]', "spelling '１' means both a and b"),
        ('["甲 "]', '["甲"]', "spelling '甲' means both a and b"),
    ],
)
def test_a_spelling_of_two_values_is_refused(written, first, second, words):
    with pytest.raises(DefinitionError, match=re.escape(f"kind.yaml: {words}")):
        read_code_list(written("kind.yaml", listed(a=first, b=second)))


def test_a_spelling_written_twice_for_one_value_is_harmless(written):
    assert set(read_code_list(written("kind.yaml", listed(a='["a", "1", "1"]'))).map) == {"a", "a值", "1"}


def test_a_number_without_quotes_is_refused(written):
    with pytest.raises(DefinitionError, match=r"kind\.yaml: values\.a\.spellings\.0: must be text; put numbers"):
        read_code_list(written("kind.yaml", listed(a="[1]")))


def test_an_unknown_key_is_refused_with_the_nearest(written):
    text = listed(a="[]").replace("spellings", "speling")
    with pytest.raises(DefinitionError, match="unknown key 'speling'; did you mean 'spellings'"):
        read_code_list(written("kind.yaml", text))


@pytest.mark.parametrize("values", [("yes", "no"), ("true",), ("true", "false", "maybe")])
def test_yes_and_no_are_true_and_false_and_no_others(written, values):
    with pytest.raises(DefinitionError, match=r"yes_no\.yaml: the values of this list are 'true' and 'false'"):
        read_code_list(written("yes_no.yaml", listed(**dict.fromkeys(values, "[]"))))


def test_a_list_of_the_home_replaces_the_whole_list_of_the_package(written):
    path = written("codes/sex.yaml", listed(M='["m"]', F='["f"]'))
    lists = read_code_lists(path.parent)
    assert set(lists) == set(LISTS)
    assert set(lists["sex"].map) == {"M", "M值", "m", "F", "F值", "f"}
    assert lists["yes_no"] == LISTS["yes_no"]


# Printed in GB/T 2261.1, the follow-up forms of the national specification, the settlement interface and the
# statistics bureau's classification.
@pytest.mark.parametrize(
    ("name", "meanings"),
    [
        ("sex", {"0": "U", "1": "M", "2": "F", "9": "U", "男": "M", "女": "F"}),
        ("visit_mode", {"1": "outpatient", "2": "home", "3": "phone", "4": "message", "5": "online", "9": "other"}),
        ("bp_classification", {"1": "satisfied", "2": "unsatisfied", "3": "adverse", "4": "complication"}),
        ("medication_adherence", {"1": "regular", "2": "intermittent", "3": "none"}),
        ("insurance_type", {"310": "employee", "390": "resident"}),
        ("medical_type", {"11": "outpatient", "14": "chronic_outpatient", "21": "inpatient"}),
        ("medication_adherence", {"4": "refused", "4拒绝服药": "refused", "1规律": "regular"}),
        ("marital_status", {code: code for code in ("10", "20", "21", "22", "23", "30", "40", "90")}),
        ("absent_present", {"1": "absent", "2": "present", "无": "absent", "有": "present"}),
        ("readmission_plan", {"1": "none", "2": "planned", "无": "none", "有": "planned"}),
        ("admission_route", {"1": "emergency", "2": "outpatient", "3": "transfer", "9": "other"}),
        ("discharge_way", {"1": "ordered", "2": "transfer", "3": "community", "4": "against_advice", "5": "died"}),
        ("payment_method", {"1": "employee", "2": "resident", "3": "rural_cooperative", "7": "self", "9": "other"}),
        ("death_place", {"1": "institution", "2": "way", "3": "home", "4": "care_home", "9": "other", "0": "unknown"}),
        ("tb_stop_reason", {"1": "completed", "2": "dead", "3": "lost", "4": "multidrug"}),
        ("pregnancy_risk", {"绿色": "green", "黄色": "yellow", "橙色": "orange", "红色": "red", "紫色": "purple"}),
        ("constitution", {"1": "balanced", "平和质": "balanced", "9": "special", "特禀质": "special"}),
        ("ability_level", {"0": "0", "能力完好": "0", "完全失能": "4", "4级": "4", "4完全失能": "4"}),
        ("care_level", {"0": "0", "3": "3", "重度失能Ⅲ级": "5", "重度失能III级": "5"}),
        ("disability_kind", {"1": "vision", "4": "limb", "6": "mental", "7": "multiple"}),
        ("insured_status", {"1": "active", "2": "paused", "4": "ended"}),
        ("followup_outcome", {"1": "continued", "2": "lost_for_now", "死亡": "ended_dead", "迁出": "ended_moved"}),
        ("urban_rural", {code: code for code in ("111", "112", "121", "122", "123", "210", "220")}),
        ("yes_no", {"1": "true", "0": "false", "是": "true", "否": "false", "Y": "true", "N": "false", "无": "false"}),
    ],
)
def test_official_codes_mean_what_their_documents_say(name, meanings):
    assert {raw: LISTS[name].map.get(raw) for raw in meanings} == meanings


@pytest.mark.parametrize("name", sorted(LISTS))
def test_values_have_titles_in_both_languages(name):
    for titles in (LISTS[name].titles, *LISTS[name].values.values()):
        assert re.search("[\u4e00-\u9fff]", titles.zh)
        assert titles.en
        assert not re.search("[\u4e00-\u9fff]", titles.en)
