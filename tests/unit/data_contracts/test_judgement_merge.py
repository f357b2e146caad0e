"""What a home states in judgement.yaml changes that and nothing else."""

from datetime import date

import pytest

from data_contracts.closed import DefinitionError, parse, read_yaml
from data_contracts.judgement import Expectation, merged_entry
from data_contracts.periods import Period
from data_contracts.settings.loading import REGISTRY, load_settings

NAME, PERIOD = "volume_against_previous", Period.parse("2025Q4")
SHIPPED = read_yaml(REGISTRY / "judgement.yaml")[NAME]
HOME = """
format: 1
name: {zh: 小城, en: Town}
level: city
calendar: {grain: quarter, first: 2025Q1, last: 2025Q4}
levels: [{id: city, titles: {zh: 市, en: City}}]
rule_sets: []
"""


def bound(own, feed, column=None, period=PERIOD):
    return parse(Expectation, merged_entry(SHIPPED, own), NAME).bound(feed, column, period)


def own(**values):
    return {"bounds": [{"valid_from": "2017-01-01", "reference": "本市通知", **values}]}


def test_a_bound_for_all_feeds_leaves_the_exceptions_of_single_feeds_alone():
    changed = own(low="0.9", minimum=10)
    found = bound(changed, "a.b")
    assert (str(found.low), found.high, found.minimum) == ("0.9", None, 10)
    for feed in ("health_bureau.exams", "health_bureau.fund_ledger", "health_bureau.tasks"):
        assert bound(changed, feed) == parse(Expectation, SHIPPED, NAME).bound(feed, None, PERIOD)
    assert merged_entry(SHIPPED, changed)["titles"] == SHIPPED["titles"]


def test_a_bound_of_one_feed_takes_the_place_of_that_alone():
    changed = own(feed="health_bureau.exams", low="0.1")
    assert str(bound(changed, "health_bureau.exams").low) == "0.1"
    assert bound(changed, "a.b") == parse(Expectation, SHIPPED, NAME).bound("a.b", None, PERIOD)


@pytest.mark.parametrize(("since", "holds"), [("2016-01-01", True), ("2025-12-31", True), ("2026-01-01", False)])
def test_a_bound_holds_from_its_day_on_and_the_one_before_until_then(since, holds):
    changed = {"bounds": [{"valid_from": since, "reference": "本市通知", "low": "0.9"}]}
    assert (bound(changed, "a.b").reference == "本市通知") is holds
    assert bound(changed, "a.b", period=Period.parse("2027")).reference == "本市通知"


@pytest.mark.parametrize("wrong", ["text", {"bounds": "text"}, {"bounds": ["text"]}, {"bound": []}, own(lo="0.9")])
def test_what_is_no_entry_is_refused(wrong):
    with pytest.raises(DefinitionError):
        parse(Expectation, merged_entry(SHIPPED, wrong), NAME)


def test_a_home_states_only_what_it_changes(tmp_path):
    (tmp_path / "home.yaml").write_text(HOME, encoding="utf-8")
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "judgement.yaml").write_text(f"{NAME}: {{severity: error}}\n", encoding="utf-8")
    found = load_settings(tmp_path).judgement[NAME]
    assert (found.severity, found.bounds) == ("error", parse(Expectation, SHIPPED, NAME).bounds)
    assert min(item.valid_from for item in found.bounds) == date(2017, 1, 1)
