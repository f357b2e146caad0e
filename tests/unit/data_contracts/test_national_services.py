"""The national services: the register as shipped, and the matrix against cases by hand."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.closed import DefinitionError, parse, read_yaml
from data_contracts.contracts import package_feeds
from data_contracts.national_services import NationalService, service_matrix
from data_contracts.settings.loading import REGISTRY

DOCUMENT = read_yaml(REGISTRY / "national_services.yaml")
SERVICES = {key: parse(NationalService, value, key) for key, value in DOCUMENT.items()}
# The services of the third edition in its order, hypertension and diabetes apart, and COPD since 2024.
NAMES = [
    "居民健康档案管理", "健康教育", "预防接种", "0–6岁儿童健康管理", "孕产妇健康管理", "老年人健康管理",
    "高血压患者健康管理", "2型糖尿病患者健康管理", "严重精神障碍患者管理", "肺结核患者健康管理", "中医药健康管理",
    "传染病及突发公共卫生事件报告和处理", "卫生监督协管", "慢性阻塞性肺疾病患者健康服务",
]  # fmt: skip
BEGAN, COPD_BEGAN, DAY = date(2017, 2, 28), date(2024, 9, 13), date(2025, 12, 31)


def service(**changes):
    given = {
        "titles": {"zh": "某项服务", "en": "A service"},
        "reference": "规范",
        "valid_from": "2020-01-01",
        "feeds": ["a.one", "a.two"],
        "indicators": ["first", "second"],
    }
    return parse(NationalService, given | changes, "test")


def row(feeds, indicators, some=None):
    (found,) = service_matrix({"some": some or service()}, feeds, dict.fromkeys(indicators, ()), DAY)
    return found


def test_the_register_holds_the_fourteen_services_in_their_order():
    assert [item.titles.zh for item in SERVICES.values()] == NAMES
    assert [key for key, item in SERVICES.items() if item.valid_from != BEGAN] == ["copd"]
    assert SERVICES["copd"].valid_from == COPD_BEGAN
    assert all(re.search("规范", item.reference) and item.valid_to is None for item in SERVICES.values())
    assert not any(re.search("[\u4e00-\u9fff]", item.titles.en) for item in SERVICES.values())


def test_every_feed_and_indicator_of_the_register_is_shipped():
    indicators = read_yaml(REGISTRY / "indicators.yaml")
    for key, item in SERVICES.items():
        assert set(item.feeds) <= set(package_feeds()), key
        assert set(item.indicators) <= set(indicators), key
        assert len(set(item.feeds)) == len(item.feeds), key


@pytest.mark.parametrize(
    ("day", "number", "has_copd"),
    [
        (BEGAN - timedelta(days=1), 0, False),
        (BEGAN, 13, False),
        (COPD_BEGAN - timedelta(days=1), 13, False),
        (COPD_BEGAN, 14, True),
    ],
)
def test_a_service_counts_from_its_first_day(day, number, has_copd):
    rows = service_matrix(SERVICES, [], {}, day)
    assert len(rows) == number
    assert ("copd" in [item.service for item in rows]) == has_copd


def test_a_service_counts_to_its_last_day():
    ended = {"some": service(valid_to="2025-12-30")}
    assert service_matrix(ended, [], {}, date(2025, 12, 30)) != []
    assert service_matrix(ended, [], {}, DAY) == []


@pytest.mark.parametrize(
    ("feeds", "indicators", "gap", "chinese"),
    [
        (["a.one", "a.two"], ["second"], "none", "齐全"),
        (["a.one", "a.two"], [], "no_indicator", "没有在用的指标"),
        (["a.two"], ["first", "second"], "some_feeds", "缺少数据类：a.one。"),
        (["a.two"], ["third"], "some_feeds_no_indicator", "缺少数据类：a.one；"),
        (["b.one"], ["first"], "no_feed", "没有数据类：a.one、a.two"),
        ([], [], "no_feed_no_indicator", "看不到这项服务"),
    ],
)
def test_every_gap_has_its_word_and_its_sentence(feeds, indicators, gap, chinese):
    found = row(feeds, indicators)
    assert found.gap == gap
    assert chinese in found.words("zh")
    english = found.words("en")
    assert english
    assert not re.search("[\u4e00-\u9fff]", english)


def test_a_service_without_indicators_of_its_own_has_none_whatever_the_home_counts():
    assert row(["a.one", "a.two"], ["first"], service(indicators=[])).gap == "no_indicator"


@given(
    feeds=st.sets(st.sampled_from(package_feeds())),
    indicators=st.sets(st.sampled_from(sorted({name for item in SERVICES.values() for name in item.indicators}))),
)
def test_every_feed_and_indicator_is_there_or_missing_and_never_both(feeds, indicators):
    rows = service_matrix(SERVICES, feeds, dict.fromkeys(indicators, ("a.b",)), DAY)
    assert [item.service for item in rows] == list(SERVICES)
    for item in rows:
        stated = SERVICES[item.service]
        assert set(item.feeds_present) == set(stated.feeds) & feeds
        assert set(item.feeds_missing) == set(stated.feeds) - feeds
        assert set(item.indicators_present) == set(stated.indicators) & indicators
        assert set(item.indicators_missing) == set(stated.indicators) - indicators
        assert item.reads == dict.fromkeys(item.indicators_present, ("a.b",))
        whole = set(stated.feeds) <= feeds and set(stated.indicators) & indicators
        assert (item.gap == "none") == bool(whole)


@pytest.mark.parametrize(
    "changes", [{"feeds": []}, {"valid_to": "2019-12-31"}, {"indicator": ["first"]}, {"valid_from": "unknown"}]
)
def test_a_wrong_entry_is_refused(changes):
    with pytest.raises(DefinitionError):
        service(**changes)
