"""Settings of a home: package defaults below, the home's whole entries on top, every broken reference named."""

import copy
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

import pipelines.demo
from data_contracts.closed import DefinitionError, read_yaml
from data_contracts.periods import Period
from data_contracts.settings.counting import PARAMETERS
from data_contracts.settings.loading import REGISTRY, load_settings
from data_contracts.settings.policies import ClauseIndicator
from data_contracts.tables import output_tables

DEMO = Path(pipelines.demo.__file__).parent / "settings"
HOME = {
    "format": 1,
    "name": {"zh": "示例市", "en": "Sample city"},
    "level": "city",
    "calendar": {"grain": "quarter", "first": "2023Q1", "last": "2025Q4"},
    "levels": [
        {"id": level, "titles": {"zh": level, "en": level}} for level in ("community", "township", "county", "city")
    ],
    "rule_sets": ["national_2017"],
}


@pytest.fixture
def home(tmp_path):
    """A home with the demo's rules; change home.yaml or a settings file by a function of its document."""
    shutil.copytree(DEMO, tmp_path / "settings")

    def make(name=None, change=dict.copy):
        (tmp_path / "home.yaml").write_text(yaml.safe_dump(HOME), encoding="utf-8")
        if name is not None:
            path = tmp_path / "home.yaml" if name == "home" else tmp_path / "settings" / f"{name}.yaml"
            document = copy.deepcopy(HOME) if name == "home" else read_yaml(path) if path.is_file() else {}
            change(document)
            path.parent.mkdir(exist_ok=True)
            path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        return tmp_path

    return make


@pytest.fixture
def package_entry():
    """A changed copy of a package entry."""

    def entry(name, key, **changes):
        return {**read_yaml(REGISTRY / f"{name}.yaml")[key], **changes}

    return entry


def test_the_shipped_rules_fit_together(home):
    settings = load_settings(home())
    assert set(settings.active_indicators()) == set(settings.indicators)
    assert settings.levels == ["community", "township", "county", "city"]
    assert settings.policy_document.policies["htn_management"].policy_class == "service"
    assert sum(stream.share for stream in settings.allocation.streams) == Decimal(1)


def test_every_shipped_measure_counts_a_mart_there_is(catalog):
    marts = {*output_tables(), *(contract.mart for contract in catalog.current() if contract.kind == "record")}
    measures = read_yaml(REGISTRY / "measures.yaml")
    assert {entry["mart"] for entry in measures.values()} <= marts
    surveys = [entry["survey"] for entry in read_yaml(REGISTRY / "indicators.yaml").values() if "survey" in entry]
    assert {survey["mart"] for survey in surveys} <= marts


def test_every_shipped_measure_serves_an_indicator():
    indicators = read_yaml(REGISTRY / "indicators.yaml").values()
    used = {entry[part] for entry in indicators for part in ("numerator", "denominator") if part in entry}
    assert used == set(read_yaml(REGISTRY / "measures.yaml"))


def test_national_targets_are_those_of_the_third_edition():
    assert read_yaml(REGISTRY / "rule_sets.yaml")["national_2017"]["parameters"] == {
        "sbp_target_mmhg": 140, "dbp_target_mmhg": 90, "elderly_age_years": 65, "sbp_target_elderly_mmhg": 150,
        "dbp_target_elderly_mmhg": 90, "elderly_age_at": "year_end", "glucose_target_tenths": 70,
        "glucose_after_meal_target_tenths": 100, "ldl_target_tenths": 26, "patient_age_years": 35, "managed_by_exam": 1,
        "any_visit_mode": 0, "any_glucose_test": 0, "visits_per_year_hypertension": 4, "visits_per_year_diabetes": 4,
        "visits_per_year_dyslipidaemia": 4, "visits_due_by": "completed_quarters", "days_per_visit": 90,
        "exam_at_year_end": 1, "renewal_grace_days": 30,
    }  # fmt: skip


def test_rule_sets_ask_for_the_same_parameters():
    sets = read_yaml(REGISTRY / "rule_sets.yaml")
    assert len({tuple(sorted(entry["parameters"])) for entry in sets.values()}) == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("elderly_age_at", "yearend", "must be one of year_end, period_end; did you mean 'year_end'?"),
        ("visits_due_by", "weeks", "must be one of completed_quarters, elapsed_days"),
        ("elderly_age_at", "birthday", "must be one of year_end, period_end"),
        ("managed_by_exam", 2, "must be one of 0, 1"),
        ("managed_by_exam", True, "must be one of 0, 1"),
        ("managed_by_exam", "1", "must be one of 0, 1"),
        ("renewal_grace_days", -1, "must be a whole number from 0 on"),
        ("renewal_grace_days", 30.5, "must be a whole number from 0 on"),
        ("renewal_grace_days", "30", "must be a whole number from 0 on"),
        ("renewal_grace_day", 30, "unknown parameter 'renewal_grace_day'; did you mean 'renewal_grace_days'?"),
        ("something_else", 30, "unknown parameter 'something_else'"),
    ],
)  # fmt: skip
def test_a_parameter_of_a_rule_set_has_a_known_name_and_an_allowed_value(home, package_entry, name, value, said):
    own = package_entry("rule_sets", "national_2017")
    own["parameters"][name] = value
    with pytest.raises(DefinitionError) as error:
        load_settings(home("rule_sets", lambda document: document.update(national_2017=own)))
    where, _, words = str(error.value).partition(": parameters: ")
    assert where == "rule_sets.yaml: national_2017"
    assert words.removeprefix("Value error, ").removeprefix(f"{name}: ") == said


@pytest.mark.parametrize("value", [0, 365])
def test_any_whole_number_from_0_on_is_a_parameter(home, package_entry, value):
    own = package_entry("rule_sets", "national_2017")
    own["parameters"]["renewal_grace_days"] = value
    settings = load_settings(home("rule_sets", lambda document: document.update(national_2017=own)))
    assert settings.rule_sets["national_2017"].parameters == own["parameters"]


def test_every_known_parameter_is_stated_by_the_package():
    assert set(PARAMETERS) == set(read_yaml(REGISTRY / "rule_sets.yaml")["national_2017"]["parameters"])


def test_an_entry_of_the_home_replaces_the_whole_entry_of_the_package(home, package_entry):
    own = package_entry("indicators", "welfare_recipients_pct", digits=1)
    settings = load_settings(home("indicators", lambda document: document.update(welfare_recipients_pct=own)))
    assert settings.indicators["welfare_recipients_pct"].digits == 1
    assert settings.indicators["population_aged_65_plus_pct"].digits == 2
    source = {(item.file, item.entry): item.source for item in settings.sources}
    assert source["indicators.yaml", "welfare_recipients_pct"] == "home"
    assert source["indicators.yaml", "population_aged_65_plus_pct"] == "package"
    assert source["measures.yaml", "population"] == "package"
    assert source["risk.yaml", "*"] == "home"


def test_an_entry_is_never_merged_with_the_one_it_replaces(home):
    with pytest.raises(DefinitionError, match=r"indicators\.yaml: welfare_recipients_pct: titles: Field required"):
        load_settings(home("indicators", lambda document: document.update(welfare_recipients_pct={"digits": 1})))


def test_the_same_settings_have_the_same_fingerprint_and_others_have_another(home):
    first, again = load_settings(home()), load_settings(home())
    assert first.fingerprint == again.fingerprint
    assert load_settings(home("limits", lambda d: d.update(rows=7))).fingerprint != first.fingerprint


def test_a_home_without_rules_for_money_has_none(home):
    folder = home()
    shutil.rmtree(folder / "settings")
    settings = load_settings(folder)
    assert (settings.policy_document, settings.risk, settings.allocation) == (None, None, None)


@pytest.mark.parametrize(
    ("period", "in_force"),
    [("2023Q4", []), ("2024Q1", ["own"]), ("2024Q4", ["own"]), ("2025Q1", [])],
)
def test_rule_sets_hold_from_their_first_to_their_last_day(home, package_entry, period, in_force):
    own = package_entry("rule_sets", "national_2017", valid_from="2024-03-31", valid_to="2024-12-31")
    folder = home("rule_sets", lambda document: document.update(own=own))
    (folder / "home.yaml").write_text(yaml.safe_dump(HOME | {"rule_sets": ["own"]}), encoding="utf-8")
    assert list(load_settings(folder).active_rule_sets(Period.parse(period))) == in_force


def test_a_home_may_report_few_indicators_and_retire_others(home, package_entry):
    chosen = ["welfare_recipients_pct", "population_aged_65_plus_pct"]
    own = package_entry("indicators", "welfare_recipients_pct", status="retired")
    folder = home("indicators", lambda document: document.update(welfare_recipients_pct=own))
    (folder / "home.yaml").write_text(yaml.safe_dump(HOME | {"indicators": chosen}), encoding="utf-8")
    assert list(load_settings(folder).active_indicators()) == ["population_aged_65_plus_pct"]


def first_policy(document):
    return document["policies"]["htn_management"]


def short_risk(document, **changes):
    """risk.yaml in the short form that homes wrote before there were index specs."""
    weights = {"population_aged_65_plus_pct": 40, "welfare_recipients_pct": 30, "hospital_admissions_per_1k": 30}
    parts = [
        {"indicator": key, "weight": weight, "low": 5, "high": 35, "kind": "structural"}
        for key, weight in weights.items()
    ]
    parts[0].update(changes)
    document.clear()
    document.update(titles={"zh": "x", "en": "x"}, reference="x", valid_from="2023-01-01", components=parts)


def paid_index(document):
    """The shipped index with a part that earns performance money."""
    document.update(read_yaml(REGISTRY / "indices" / "risk_structural.yaml"))
    document["tree"]["parts"][0]["column"] = "chronic_hypertension_control_pct"


def other_confidence(document):
    """The shipped index with limits taken for narrower ones than are published."""
    document.update(read_yaml(REGISTRY / "indices" / "risk_structural.yaml"))
    name = "population_aged_65_plus_pct"
    document["tree"]["parts"][0].update(
        column=name, sampling={"lower": f"{name}.lower", "upper": f"{name}.upper", "confidence": 0.9}
    )


def last_clauses(document):
    return first_policy(document)["versions"][-1]["clauses"]


MISTAKES = {
    "indicator reported": (
        "home", lambda d: d.update(indicators=["welfare_recipient_pct"]),
        "home.yaml: indicators: no indicator 'welfare_recipient_pct'; did you mean 'welfare_recipients_pct'?",
    ),
    "rule set": (
        "home", lambda d: d.update(rule_sets=["national_2018"]),
        "home.yaml: rule_sets: no rule set 'national_2018'; did you mean 'national_2017'?",
    ),
    "key of home": ("home", lambda d: d.update(time_zon="x"), "unknown key 'time_zon'; did you mean 'time_zone'?"),
    "key of limits": ("limits", lambda d: d.update(row=1), "unknown key 'row'; did you mean 'rows'?"),
    "unknown file": ("indicater", dict.copy, "not a settings file; known: "),
    "sum without column": (
        "measures",
        lambda d: d.update(m={"titles": {"zh": "a", "en": "a"}, "mart": "x", "aggregate": "sum", "window": "at_end"}),
        "measures.yaml: m: a sum, and only a sum, names a column",
    ),
    "weights of a class": (
        "policies", lambda d: d["classes"]["service"]["weights"].update(health_outcome=31),
        "class service: weights of the dimensions must sum to 100",
    ),
    "class": (
        "policies", lambda d: first_policy(d).update(policy_class="servic"),
        "policies.yaml: htn_management: no policy class 'servic'; did you mean 'service'?",
    ),
    "weights of indicators": (
        "policies", lambda d: first_policy(d)["indicators"]["health_outcome"][0].update(weight="99.9"),
        "htn_management: health_outcome: weights of the indicators must sum to 100",
    ),
    "indicator of a policy": (
        "policies",
        lambda d: first_policy(d)["indicators"]["health_outcome"][0].update(indicator="hypertension_control_pct"),
        "htn_management: no indicator 'hypertension_control_pct'; did you mean 'chronic_hypertension_control_pct'?",
    ),
    "no scale": (
        "policies", lambda d: first_policy(d)["indicators"]["health_outcome"][0].update(low=80, high=80),
        "chronic_hypertension_control_pct: low and high must differ",
    ),
    "service of a clause": (
        "policies", lambda d: last_clauses(d)[1]["services"][0].update(service="htn_folowup"),
        "htn_management: version 2024: clause followup: no service 'htn_folowup'; did you mean 'htn_followup'?",
    ),
    "indicator of a clause": (
        "policies", lambda d: last_clauses(d)[4]["indicators"][0].update(indicator="hypertension_control_pct"),
        "clause control: no indicator 'hypertension_control_pct'; did you mean 'chronic_hypertension_control_pct'?",
    ),
    "target without direction": (
        "policies", lambda d: last_clauses(d)[4]["indicators"][0].update(indicator="welfare_recipients_pct"),
        "clause control: welfare_recipients_pct: has no better direction, so it cannot have a target",
    ),
    "clause twice": (
        "policies", lambda d: last_clauses(d)[5].update(id="control"), "version 2024: two clauses have the same id",
    ),
    "frequency": (
        "policies", lambda d: last_clauses(d)[1]["services"][0]["frequency"].update(times=0),
        "htn_management.versions.2024.clauses.followup.services.0.frequency.times",
    ),
    "version twice": (
        "policies", lambda d: first_policy(d)["versions"][1].update(id="2017"),
        "htn_management: two versions have the same id",
    ),
    "versions that overlap": (
        "policies", lambda d: first_policy(d)["versions"][0].update(valid_to="2024-04-01"),
        "version 2024 begins on or before the last day of version 2017",
    ),
    "versions out of order": (
        "policies", lambda d: first_policy(d)["versions"].reverse(),
        "version 2017 begins on or before the last day of version 2024",
    ),
    "version that ends first": (
        "policies", lambda d: first_policy(d)["versions"][1].update(valid_to="2024-03-31"),
        "version 2024 ends before it begins",
    ),
    "level of areas": (
        "policies", lambda d: first_policy(d).update(areas={"countie": ["990101"]}),
        "htn_management: areas: no level 'countie'; did you mean 'county'?",
    ),
    "id that is no file name": (
        "policies", lambda d: d["policies"].update({"../x": first_policy(d)}),
        "the id of a policy is made of letters, digits, _ and -",
    ),
    "key of services": (
        "services", lambda d: d["htn_followup"].update(feed=["a"]), "unknown key 'feed'; did you mean 'feeds'?",
    ),
    "weights of risk": (
        "risk", lambda d: short_risk(d, weight=39), "weights of the components must sum to 100",
    ),
    "indicator of risk": (
        "risk", lambda d: short_risk(d, indicator="population_aged_60_plus_pct"),
        "risk.yaml: no indicator 'population_aged_60_plus_pct'; did you mean 'population_aged_65_plus_pct'?",
    ),
    "need that also pays": (
        "indices/risk_structural", paid_index,
        "'chronic_hypertension_control_pct', which earns performance money and may not be in an index of need",
    ),
    "need that is also awarded": (
        "allocation",
        lambda d: d["tables"]["communities"]["columns"].update(score={"indicator": "population_aged_65_plus_pct"}),
        "'population_aged_65_plus_pct', which earns performance money and may not be in an index of need",
    ),
    "confidence of limits": (
        "indices/risk_structural", other_confidence,
        "says sampling.confidence 0.9, but population_aged_65_plus_pct.lower is published with the indicator's",
    ),
    "shares": (
        "allocation", lambda d: d["streams"][0].update(share="0.61"), "shares of the streams sum to 1.56",
    ),
    "level of payees": (
        "allocation", lambda d: d.update(payee_level="comunity"),
        "allocation.yaml: no level 'comunity'; did you mean 'community'?",
    ),
    "population": (
        "allocation", lambda d: d.update(population="populaton"),
        "allocation.yaml: no measure 'populaton'; did you mean 'population'?",
    ),
    "policy that pays": (
        "allocation", lambda d: d["tables"]["communities"]["columns"].update(score={"policy": "htn_managment"}),
        "allocation.yaml: tables.communities.score: no policy 'htn_managment'; did you mean 'htn_management'?",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_file_entry_and_nearest(home, mistake):
    name, change, words = MISTAKES[mistake]
    with pytest.raises(DefinitionError) as error:
        load_settings(home(name, change))
    assert words in str(error.value)


OURS = {
    "htn_management": "service", "t2dm_management": "service", "three_highs": "service",
    "healthy_communities": "prevention", "health_literacy": "prevention", "elderly_health": "elderly_care",
    "family_doctor": "service", "tiered_care": "insurance_link", "welfare_link": "insurance_link",
    "gp_workforce": "workforce", "performance_funding": "funding", "medical_elderly_care": "elderly_care",
    "kiosk_stations": "service", "health_community": "funding", "health_points": "prevention",
}  # fmt: skip


def test_the_demo_has_the_policies_its_ledger_and_tasks_name(home):
    policies = load_settings(home()).policy_document.policies
    assert {key: policy.policy_class for key, policy in policies.items()} == OURS
    for key, policy in policies.items():
        assert set(policy.indicators) == {"health_outcome", "service_process", "policy_effectiveness"}, key


@pytest.mark.parametrize("policy", OURS)
def test_every_policy_of_the_demo_stands_alone(home, policy):
    def only(document):
        document["policies"] = {policy: document["policies"][policy]}

    folder = home("policies", only)
    (folder / "settings" / "allocation.yaml").unlink()
    assert list(load_settings(folder).policy_document.policies) == [policy]


def test_clauses_without_service_or_indicator_are_found(home):
    gaps = {(gap.policy, gap.version, gap.clause): gap.gap for gap in load_settings(home()).clause_gaps()}
    assert gaps["htn_management", "2024", "control"] == "no_service"
    assert gaps["htn_management", "2024", "exam"] == "no_indicator"
    assert gaps["htn_management", "2024", "self_measurement"] == "no_service_no_indicator"
    assert ("htn_management", "2024", "followup") not in gaps


@pytest.mark.parametrize(
    ("day", "version", "times", "target"),
    [("2022-12-31", None, None, None), ("2023-01-01", "2023", 2, 40), ("2024-06-30", "2023", 2, 40),
     ("2024-07-01", "2024", 4, 45), ("2024-12-31", "2024", 4, 45), ("2025-01-01", "2024", 4, 55),
     ("2026-01-01", "2024", 4, 55)],
)  # fmt: skip
def test_the_version_in_force_decides_frequency_and_target(home, day, version, times, target):
    policy = load_settings(home()).policy_document.policies["three_highs"]
    found = policy.version_at(date.fromisoformat(day))
    assert (found.id if found else None) == version
    if found:
        promise = next(clause for clause in found.clauses if clause.id == "lipid_followup").services[0]
        assert promise.frequency.times == times
        assert promise.indicators[0].target_at(date.fromisoformat(day)).value == target


@pytest.mark.parametrize(("day", "version"), [("2024-12-31", "1"), ("2025-01-01", None)])
def test_a_policy_of_one_version_may_say_it_in_short(home, day, version):
    short = {
        "document": "x", "valid_from": "2024-01-01", "valid_to": "2024-12-31", "clauses": [{"zh": "一", "en": "one"}],
    }  # fmt: skip
    folder = home("policies", lambda d: (first_policy(d).pop("versions"), first_policy(d).update(short)))
    policy = load_settings(folder).policy_document.policies["htn_management"]
    assert policy.versions[0].clauses[0].gap == "no_service_no_indicator"
    found = policy.version_at(date.fromisoformat(day))
    assert (found.id if found else None) == version


@pytest.mark.parametrize(("day", "value"), [("2024-12-31", 1), ("2025-01-01", 2), ("2025-12-31", 2), ("2026-01-01", 2)])
def test_the_next_target_counts_and_after_the_last_the_last(day, value):
    targets = [{"value": n, "by": f"{year}-12-31", "reference": "x"} for n, year in ((2, 2025), (1, 2024))]
    shown = ClauseIndicator.model_validate({"indicator": "i", "targets": targets})
    assert shown.target_at(date.fromisoformat(day)).value == value


INDICATOR_MISTAKES = {
    "measure": ("welfare_recipients_pct", {"numerator": "welfare_recipient"},
                "no measure 'welfare_recipient'; did you mean 'welfare_recipients'?"),
    "parameter": ("contract_renewal_pct", {"parameters": ["renewal_grace_day"]},
                  "no parameter of rule sets 'renewal_grace_day'; did you mean 'renewal_grace_days'?"),
    "no denominator": ("welfare_recipients_pct", {"denominator": None}, "names no numerator or no denominator measure"),
    "survey without design": ("self_rated_health_good_pct", {"survey": None},
                              "kind survey, and only it, states a survey design"),
    "derived without function": ("welfare_recipients_pct", {"kind": "derived"},
                                 "kind derived, and only it, names a function"),
    "derived without level": (
        "welfare_recipients_pct", {"kind": "derived", "function": "relative_ratio", "reference_level": "province"},
        "reference_level must be one of community, township, county, city",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", INDICATOR_MISTAKES)
def test_a_mistake_of_an_indicator_is_named(home, package_entry, mistake):
    key, changes, words = INDICATOR_MISTAKES[mistake]
    own = package_entry("indicators", key, **changes)
    with pytest.raises(DefinitionError) as error:
        load_settings(home("indicators", lambda document: document.update({key: own})))
    assert str(error.value).startswith(f"indicators.yaml: {key}: ")
    assert words in str(error.value)


def test_a_folder_without_home_names_the_next_step(tmp_path):
    with pytest.raises(DefinitionError, match="there is no such file; 'kangheng init' or 'kangheng demo' makes a home"):
        load_settings(tmp_path)
