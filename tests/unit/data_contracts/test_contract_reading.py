"""Reading contracts: every mistake is named with its place, every change that matters changes the fingerprint."""

from dataclasses import replace

import polars as pl
import pytest
import yaml

from data_contracts.closed import DefinitionError
from data_contracts.codes import read_code_lists
from data_contracts.contracts import Catalog, stored_columns
from data_contracts.schemas import feed_schema

FEED = "hospitals.encounters"


def table(document):
    return document["schema"][0]


def prop(document, name):
    return next(item for item in table(document)["properties"] if item["name"] == name)


def ours(item):
    return item["customProperties"][0]["value"]


def rule(document, name):
    return next(item for item in table(document)["quality"] if item["name"] == name)


MISTAKES = {
    "key of the standard": (lambda d: d.update(statuss="active"), "unknown key 'statuss'; did you mean 'status'?"),
    "key of a property": (
        lambda d: prop(d, "admit_date").update(requierd=True),
        "unknown key 'requierd'; did you mean 'required'?",
    ),
    "key of a rule": (
        lambda d: rule(d, "cost_not_negative").update(severty="error"),
        "unknown key 'severty'; did you mean 'severity'?",
    ),
    "our key of the feed": (
        lambda d: ours(d).update(busines_key=["x"]),
        "unknown key 'busines_key'; did you mean 'business_key'?",
    ),
    "our key of a column": (
        lambda d: ours(prop(d, "department")).update(alias=["科"]),
        "department: alias: unknown key 'alias'; did you mean 'aliases'?",
    ),
    "our key of a rule": (
        lambda d: ours(rule(d, "cost_not_negative")).update(fixes={}),
        "rule cost_not_negative: fixes: unknown key 'fixes'; did you mean 'fix'?",
    ),
    "one language": (lambda d: ours(d)["titles"].pop("zh"), "titles.zh: Field required"),
    "code list unknown": (
        lambda d: ours(prop(d, "encounter_class")).update(codes="encounter_clas"),
        "encounter_class: no code list 'encounter_clas'; nearest: encounter_class",
    ),
    "code without list": (
        lambda d: ours(prop(d, "encounter_class")).pop("codes"),
        "encounter_class: a column of type code, and only such a column, names a code list",
    ),
    "list without code": (
        lambda d: ours(prop(d, "department")).update(codes="sex"),
        "department: a column of type code, and only such a column, names a code list",
    ),
    "money without unit": (
        lambda d: ours(prop(d, "total_cost_fen")).pop("money_unit"),
        "total_cost_fen: a column of type money, and only such a column, states its money_unit",
    ),
    "unit without money": (
        lambda d: ours(prop(d, "department")).update(money_unit="fen"),
        "department: a column of type money, and only such a column, states its money_unit",
    ),
    "type": (lambda d: ours(prop(d, "department")).update(type="string"), "department: type: Input should be 'text'"),
    "negative scale": (
        lambda d: ours(prop(d, "department")).update(scale=-1),
        "department: scale: must not be below 0",
    ),
    "column twice": (lambda d: table(d)["properties"].append(prop(d, "department")), "two columns share a name"),
    "name of ours": (lambda d: prop(d, "department").update(name="record_no"), "two columns share a name"),
    "no name": (lambda d: prop(d, "department").pop("name"), "a property has no name"),
    "not ours": (
        lambda d: prop(d, "department").pop("customProperties"),
        "department: needs exactly one customProperties entry 'kangheng'",
    ),
    "header twice": (
        lambda d: ours(prop(d, "department"))["aliases"].append("出院日期"),
        "header '出院日期' means both discharge_date and department",
    ),
    "header twice but for spaces, width and case": (
        lambda d: (
            ours(prop(d, "department"))["aliases"].append("部门A"),
            ours(prop(d, "diagnosis_code"))["aliases"].append("部门 ａ"),
        ),
        "header '部门A' means both diagnosis_code and department",
    ),
    "rule twice": (
        lambda d: rule(d, "admit_date_in_period").update(name="cost_not_negative"),
        "two rules share a name",
    ),
    "rule without expression": (
        lambda d: rule(d, "cost_not_negative").pop("implementation"),
        "rule cost_not_negative: a rule needs a name and an implementation",
    ),
    "severity": (
        lambda d: rule(d, "cost_not_negative").update(severity="reject"),
        "rule cost_not_negative: write type: custom, engine: kangheng, severity: error or warning",
    ),
    "business key": (
        lambda d: ours(d).update(business_key=["encounter_nr"]),
        "'encounter_nr' is not a stored column; nearest: encounter_no",
    ),
    "no business key": (lambda d: ours(d).update(business_key=[]), "business_key: List should have at least 1 item"),
    "key not stored": (
        lambda d: ours(d).update(business_key=["person_name"]),
        "'person_name' is not a stored column",
    ),
    "key that may be empty": (
        lambda d: prop(d, "institution_code").pop("required"),
        "'institution_code' of business_key may be empty",
    ),
    "key of somebody who may be nobody": (
        lambda d: (
            ours(d)["person"].update(required=False),
            ours(d).update(business_key=["person_key", "encounter_no"]),
        ),
        "'person_key' of business_key may be empty",
    ),
    "key of a day that may be unknown": (
        lambda d: (
            prop(d, "admit_date").pop("required"),
            ours(d).update(business_key=["event_date", "encounter_no"]),
        ),
        "'event_date' of business_key may be empty",
    ),
    "key of what is derived": (
        lambda d: ours(d).update(
            business_key=["encounter_no", "half"],
            derived=[
                {
                    "name": "half",
                    "titles": {"zh": "半", "en": "Half"},
                    "type": "integer",
                    "expression": "total_cost_fen / 2",
                    "description": "Half",
                }
            ],
        ),
        "'half' of business_key may be empty",
    ),
    "key of the folder": (
        lambda d: (ours(d).pop("institution"), ours(d).update(business_key=["institution_id", "encounter_no"])),
        "'institution_id' of business_key may be empty",
    ),
    "empty outside the key": (
        lambda d: ours(d).update(empty_in_key=["institution_cod"]),
        "empty_in_key: 'institution_cod' is not a stored column; nearest: institution_code",
    ),
    "a key that may be wholly empty": (
        lambda d: ours(d).update(empty_in_key=["institution_code", "encounter_no"]),
        "empty_in_key must leave one column of business_key that is always filled",
    ),
    "event date unknown": (lambda d: ours(d).update(event_date="admit_dat"), "'admit_dat' is not a stored column"),
    "event date no date": (
        lambda d: ours(d).update(event_date="department"),
        "event_date must name a column of type date",
    ),
    "person unknown": (
        lambda d: ours(d)["person"].update(column="department"),
        "person.column must name the one property with role person_id",
    ),
    "person forgotten": (
        lambda d: ours(d).pop("person"),
        "person.column must name the one property with role person_id",
    ),
    "pattern": (lambda d: ours(d).update(period={"file_name": "(20"}), "period.file_name: not a pattern"),
    "pattern without group": (
        lambda d: ours(d).update(period={"file_name": "20[0-9]{2}"}),
        "period.file_name: needs a group 'period'",
    ),
    "delimiter": (lambda d: ours(d).update(file={"delimiter": "||"}), "file.delimiter: String should match pattern"),
    "sender of another folder": (
        lambda d: ours(d).update(sender="hospital"),
        "sender, feed and valid_from must agree with folder and file name",
    ),
    "valid from another day": (
        lambda d: ours(d).update(valid_from="2024-01-01"),
        "sender, feed and valid_from must agree with folder and file name",
    ),
    "two tables": (lambda d: d["schema"].append(table(d)), "needs exactly one schema object"),
}


@pytest.mark.parametrize(
    "key",
    [["event_date", "encounter_no"], ["person_key", "admit_date"], ["institution_id", "encounter_no"], ["period"]],
)
def test_what_is_always_filled_may_be_part_of_a_key(draft, key):
    assert draft(FEED).read(lambda d: ours(d).update(business_key=key)).extras.business_key == key


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_place(draft, mistake):
    change, words = MISTAKES[mistake]
    with pytest.raises(DefinitionError) as error:
        draft(FEED).read(change)
    assert str(error.value).startswith(f"{FEED}/2017-01-01.yaml")
    assert words in str(error.value)


CHANGES = {
    "alias": lambda d: ours(prop(d, "department"))["aliases"].append("就诊科室"),
    "type": lambda d: ours(prop(d, "diagnosis_code")).update(type="integer"),
    "required": lambda d: prop(d, "department").update(required=True),
    "sentinel": lambda d: ours(prop(d, "department"))["missing"].append("未知"),
    "rule": lambda d: rule(d, "cost_not_negative").update(implementation="total_cost_fen > 0"),
    "severity": lambda d: rule(d, "cost_not_negative").update(severity="warning"),
    "delivery": lambda d: ours(d).update(delivery="snapshot"),
}


def test_an_unchanged_copy_has_the_fingerprint_of_the_original(draft, catalog):
    assert draft(FEED).read().fingerprint == catalog.feed(FEED).fingerprint


def test_every_change_has_a_fingerprint_of_its_own(draft):
    found = [draft(FEED).read(change).fingerprint for change in CHANGES.values()]
    assert len({*found, draft(FEED).read().fingerprint}) == len(CHANGES) + 1


def with_spelling(codes, name, raw, canonical):
    old = codes[name]
    return codes | {name: replace(old, map={**old.map, raw: canonical})}


@pytest.mark.parametrize(
    ("feed", "codes", "raw", "canonical", "changes"),
    [
        (FEED, "encounter_class", "留观", "emergency", True),
        (FEED, "sex", "雄", "M", False),
        (FEED, "yes_no", "对", "true", False),
        ("health_bureau.residents", "yes_no", "对", "true", True),
        ("health_bureau.residents", "sex", "雄", "M", True),
    ],
)
def test_a_new_spelling_changes_the_contracts_that_read_it(draft, feed, codes, raw, canonical, changes):
    lists = read_code_lists()
    before = draft(feed, lists).read().fingerprint
    after = draft(feed, with_spelling(lists, codes, raw, canonical)).read().fingerprint
    assert (after != before) is changes


def test_a_changed_type_changes_what_is_derived(draft):
    before, after = draft(FEED).read(), draft(FEED).read(CHANGES["type"])
    assert dict(stored_columns(before))["diagnosis_code"] == pl.String()
    assert dict(stored_columns(after))["diagnosis_code"] == pl.Int64()
    old, new = (feed_schema(contract).columns["diagnosis_code"].dtype for contract in (before, after))
    assert old != new


def test_a_required_column_may_not_be_empty_in_what_is_derived(draft):
    contracts = (draft(FEED).read(), draft(FEED).read(CHANGES["required"]))
    assert [feed_schema(contract).columns["department"].nullable for contract in contracts] == [True, False]


def test_a_new_code_is_allowed_in_what_is_derived(draft):
    lists = read_code_lists()
    old = lists["encounter_class"]
    wider = replace(old, values=old.values | {"day_case": old.titles}, map={**old.map, "日间": "day_case"})
    (check,) = feed_schema(draft(FEED, lists | {old.id: wider}).read()).columns["encounter_class"].checks
    assert check.statistics["allowed_values"] == ["day_case", "emergency", "inpatient", "outpatient"]


def test_stored_columns_stand_in_order_and_hold_no_identifier(catalog):
    stored = stored_columns(catalog.feed("health_bureau.residents"))
    assert stored == [
        ("file_id", pl.String()),
        ("record_no", pl.Int32()),
        ("period", pl.String()),
        ("institution_id", pl.String()),
        ("event_date", pl.Date()),
        ("person_key", pl.String()),
        ("person_id_class", pl.String()),
        ("sex", pl.String()),
        ("birth_date", pl.Date()),
        ("community_id", pl.String()),
        ("archive_date", pl.Date()),
        ("archive_status", pl.String()),
        ("is_hypertension_registered", pl.Boolean()),
        ("is_diabetes_registered", pl.Boolean()),
        ("is_dyslipidaemia_registered", pl.Boolean()),
        ("hypertension_registered_on", pl.Date()),
        ("diabetes_registered_on", pl.Date()),
        ("dyslipidaemia_registered_on", pl.Date()),
        ("institution_code", pl.String()),
        ("hukou_type", pl.String()),
        ("marital_status", pl.String()),
        ("education", pl.String()),
        ("is_standardised", pl.Boolean()),
        ("is_open_to_resident", pl.Boolean()),
        ("last_record_on", pl.Date()),
        ("is_copd_registered", pl.Boolean()),
        ("is_mental_registered", pl.Boolean()),
        ("closed_on", pl.Date()),
        ("warnings", pl.String()),
        ("row_hash", pl.UInt64()),
    ]


def test_stored_types_follow_the_contract(catalog):
    stored = dict(stored_columns(catalog.feed("health_bureau.survey")))
    assert (stored["weight"], stored["age_years"]) == (pl.Decimal(28, 4), pl.Int64())
    assert dict(stored_columns(catalog.feed("civil_affairs.areas")))["is_rural"] == pl.Boolean()


@pytest.mark.parametrize(("unit", "minor"), [("fen", 1), ("yuan", 100), ("wan_yuan", 1_000_000), ("pound", 100)])
def test_money_units_in_minor_units(draft, unit, minor):
    contract = draft(FEED).read(lambda d: ours(prop(d, "total_cost_fen")).update(money_unit=unit))
    assert contract.by_name["total_cost_fen"].minor_units == minor


@pytest.fixture
def home(tmp_path):
    """A home's contracts folder with own versions of one feed, by valid_from."""
    from importlib.resources import files

    from data_contracts.closed import read_yaml

    def make(*days):
        folder = tmp_path / "contracts" / "feeds" / FEED
        folder.mkdir(parents=True)
        for day in days:
            document = read_yaml(files("data_contracts").joinpath("feeds", FEED, "2017-01-01.yaml"))
            ours(document)["valid_from"] = day
            (folder / f"{day}.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        return tmp_path / "contracts"

    return make


def test_the_versions_of_a_home_replace_those_of_the_package(home, catalog):
    own = Catalog.load(home("2024-04-01", "2025-01-01"))
    assert [version.extras.valid_from.isoformat() for version in own.feeds[FEED]] == ["2024-04-01", "2025-01-01"]
    assert own.feeds.keys() == catalog.feeds.keys()


@pytest.mark.parametrize(
    ("period", "day"),
    [("2024Q2", "2024-04-01"), ("2024Q4", "2024-04-01"), ("2025-01", "2025-01-01"), (None, "2025-01-01")],
)
def test_the_version_in_force_at_the_end_of_the_period_holds(home, period, day):
    found = Catalog.load(home("2024-04-01", "2025-01-01")).feed(FEED, period)
    assert found.extras.valid_from.isoformat() == day


@pytest.mark.parametrize(("valid_from", "day"), [("2024-06-30", "2024-06-30"), ("2024-07-01", "2017-01-01")])
def test_a_version_of_the_last_day_of_the_period_holds_and_one_of_the_next_day_does_not(home, valid_from, day):
    found = Catalog.load(home("2017-01-01", valid_from)).feed(FEED, "2024Q2")
    assert found.extras.valid_from.isoformat() == day


def test_a_period_before_the_first_version_is_refused(home):
    with pytest.raises(DefinitionError, match=r"no contract in force in 2024Q1; the first is valid from 2024-04-01"):
        Catalog.load(home("2024-04-01")).feed(FEED, "2024Q1")


def test_a_feed_nobody_knows_is_named_with_the_nearest(catalog):
    with pytest.raises(DefinitionError, match=r"no feed 'hospital.encounters'; nearest: hospitals.encounters"):
        catalog.feed("hospital.encounters")
    with pytest.raises(DefinitionError, match=r"no feed 'hospitals.encounter'; nearest: hospitals.encounters"):
        Catalog.load(use=["hospitals.encounter"])


def test_a_home_may_use_few_feeds():
    assert list(Catalog.load(use=[FEED, "civil_affairs.areas"]).feeds) == ["civil_affairs.areas", FEED]
