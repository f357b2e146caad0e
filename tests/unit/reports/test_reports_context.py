import re
from typing import Any

import pytest

from data_contracts.closed import read_yaml
from data_contracts.settings.allocation import AllocationDocument
from data_contracts.settings.counting import PARAMETERS, Indicator, Measure, RuleSet
from data_contracts.settings.home import HomeDocument
from data_contracts.settings.limits import Limits
from data_contracts.settings.loading import REGISTRY
from data_contracts.settings.resolved import Settings
from reports.context import context_from_settings, parameter_in_words, words

PAIR = {"zh": "甲", "en": "a"}


def settings(**changes: Any) -> Settings:
    home = {
        "format": 1,
        "name": {"zh": "某市", "en": "Some City"},
        "level": "city",
        "calendar": {"grain": "quarter", "first": "2025Q1", "last": "2025Q4"},
        "levels": [{"id": "community", "titles": PAIR}, {"id": "city", "titles": PAIR}],
        "rule_sets": ["r2024", "r2026"],
        "currency": {
            "code": "GBP",
            "minor_unit": "pence",
            "minor_per_major": 100,
            "major": {"zh": "英镑", "en": "pounds"},
        },
    }
    indicator = {
        "titles": PAIR,
        "definition": PAIR,
        "numerator_words": PAIR,
        "denominator_words": PAIR,
        "kind": "ratio",
        "numerator": "spent",
        "denominator": "heads",
        "window": "year_to_date",
        "minimum_denominator": "20",
        "unit": {"zh": "%", "en": "%"},
        "direction": "neutral",
        "chain": "process",
        "owner": PAIR,
        "reference": "x",
        "targets": [
            {"value": "70", "valid_from": "2026-01-01", "reference": "new"},
            {"value": "60", "valid_from": "2020-01-01", "reference": "old"},
        ],
    }
    rules = {"titles": PAIR, "reference": "x", "parameters": {}}
    values: dict[str, Any] = {
        "home": HomeDocument.model_validate(home),
        "limits": Limits.model_construct(),
        "judgement": {},
        "measures": {
            "spent": Measure.model_validate(
                {"titles": PAIR, "mart": "m", "aggregate": "sum", "column": "spending_pence", "window": "in_period"}
            ),
            "heads": Measure.model_validate({"titles": PAIR, "mart": "m", "aggregate": "count", "window": "in_period"}),
        },
        "indicators": {"cost": Indicator.model_validate(indicator)},
        "rule_sets": {
            "r2024": RuleSet.model_validate({**rules, "valid_from": "2024-01-01"}),
            "r2026": RuleSet.model_validate({**rules, "valid_from": "2026-01-01"}),
        },
        "services": {},
        "national_services": {},
        "policy_document": None,
        "risk": None,
        "allocation": None,
        "sources": (),
    }
    return Settings(**{**values, **changes})


@pytest.mark.parametrize(("period", "target"), [("2019Q4", None), ("2025Q4", 60.0), ("2026Q1", 70.0)])
def test_the_target_in_force_at_the_end_of_the_period(period: str, target: float | None) -> None:
    targets = context_from_settings(settings(), period, "r").indicators["cost"].targets
    assert [value for value, _ in targets] == ([] if target is None else [target])


def test_names_levels_rules_and_currency_come_from_the_home() -> None:
    context = context_from_settings(settings(), "2025Q4", "2025Q4-r1")
    assert list(context.levels) == ["community", "city"]
    assert list(context.rule_sets) == ["r2024"]
    assert (context.currency.minor.zh, context.currency.major.en, context.currency.decimals) == ("pence", "pounds", 2)
    assert context.allocation is None
    assert context.policies == {}


def test_money_per_head_is_money_over_heads() -> None:
    view = context_from_settings(settings(), "2025Q4", "r").indicators["cost"]
    assert (view.numerator_in, view.denominator_in) == ("money", "count")
    assert "20" in view.method.en
    assert "year to date" in view.method.en


def test_each_side_is_shown_as_its_own_measure_counts() -> None:
    given = settings()
    item = given.indicators["cost"]
    turned = item.model_copy(update={"numerator": "heads", "denominator": "spent"})
    both_money = item.model_copy(update={"denominator": "spent"})
    sample = item.model_copy(update={"numerator": None, "denominator": None})
    views = context_from_settings(
        settings(indicators={"turned": turned, "money": both_money, "sample": sample}), "2025Q4", "r"
    ).indicators
    assert {key: (view.numerator_in, view.denominator_in) for key, view in views.items()} == {
        "turned": ("count", "money"),
        "money": ("money", "money"),
        "sample": ("count", "count"),
    }


def test_shipped_words_of_money_name_no_minor_unit_beside_the_major_one() -> None:
    measures = read_yaml(REGISTRY / "measures.yaml")
    for key, item in read_yaml(REGISTRY / "indicators.yaml").items():
        for side in ("numerator", "denominator"):
            measure = measures.get(item.get(side), {})
            if str(measure.get("column", "")).endswith("_fen"):
                said = item[f"{side}_words"]
                assert "分）" not in said["zh"], key
                assert "fen" not in said["en"], key


def test_every_parameter_of_rule_sets_has_words() -> None:
    for name, allowed in PARAMETERS.items():
        for value in allowed or (70,):
            title, shown = parameter_in_words(name, value)
            assert title.zh != title.en
            assert shown.zh
    assert parameter_in_words("glucose_target_tenths", 70)[1].en == "7.0"
    assert parameter_in_words("sbp_target_mmhg", 140)[1].en == "140"
    assert parameter_in_words("any_visit_mode", 0)[1] == words("否", "no")
    assert parameter_in_words("any_visit_mode", 1)[1] == words("是", "yes")
    assert parameter_in_words("elderly_age_at", "year_end")[1] == words("年末", "end of the year")


def test_definitions_name_no_number_of_a_rule_set_and_show_its_parameters() -> None:
    rule_sets = [item["parameters"] for item in read_yaml(REGISTRY / "rule_sets.yaml").values()]
    differ = {name for name in rule_sets[0] if len({str(stated[name]) for stated in rule_sets}) > 1}
    for key, item in read_yaml(REGISTRY / "indicators.yaml").items():
        said, names = item["definition"], item.get("parameters", [])
        if "口径规定" in said["zh"] or "the rule set" in said["en"]:
            assert names, key
        for name in differ & set(names):
            for stated in rule_sets:
                number = parameter_in_words(name, stated[name])[1].en
                if number[0].isdigit():
                    assert not re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.])", said["zh"] + said["en"]), key
        assert "face to face" not in said["en"], key


def test_allocation_needs_a_sum_to_divide() -> None:
    document = AllocationDocument.model_validate(
        {
            "id": "a",
            "titles": PAIR,
            "references": ["doc"],
            "payee_level": "community",
            "population": "heads",
            "unit": "yuan",
            "budgets": [],
            "tables": {"t": {"rows": "payees", "columns": {"id": {"area": "id"}}}},
            "payees": {"table": "t", "id": "id"},
            "streams": [{"id": "head", "titles": PAIR, "kind": "fund", "fund": "spare", "share": "1"}],
            "funds": {"spare": PAIR},
        }
    )
    assert context_from_settings(settings(allocation=document), "2025Q4", "r").allocation is None
    view = context_from_settings(settings(allocation=document), "2025Q4", "r", budget_minor=5).allocation
    assert view is not None
    assert list(view.streams) == ["head"]
    assert view.payees["spare"].en == PAIR["en"]
    assert view.budget_minor == 5
