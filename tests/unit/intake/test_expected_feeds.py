"""Who is waited for: from contracts and from what came before, at the edges of each rule."""

from dataclasses import dataclass
from datetime import date

import pytest

from assets.intake.expected import (
    delivered_feeds,
    due_date,
    expected_feeds,
    expected_institutions,
    missing_institutions,
    unused_feeds,
)
from assets.intake.ledger import Entry
from data_contracts.contracts import Catalog
from data_contracts.periods import Period
from data_contracts.settings.home import HomeDocument


@dataclass(frozen=True)
class Extras:
    valid_from: date
    every: str | None


@dataclass(frozen=True)
class Feed:
    key: str
    kind: str
    extras: Extras


def catalog(**every: str | None) -> Catalog:
    """Feeds a.x, a.y … with their rhythm, and one of changes of areas."""
    feeds = {
        f"a.{name}": Feed(f"a.{name}", "record", Extras(date(2020, 1, 1), rhythm)) for name, rhythm in every.items()
    }
    feeds["a.moves"] = Feed("a.moves", "area_changes", Extras(date(2020, 1, 1), None))
    return Catalog({key: (feed,) for key, feed in feeds.items()}, {})  # type: ignore[misc]


def expected(period: str, delivered: dict[str, set[str]], listed: list[str] | None = None, **every: str | None) -> str:
    found = expected_feeds(catalog(**every), listed, delivered, Period.parse(period))
    return " ".join(feed.key.removeprefix("a.") for feed in found)


def test_before_anything_came_every_feed_is_expected_but_changes_of_areas():
    assert expected("2025Q1", {}, x=None, y=None) == "x y"
    assert expected("2025Q1", {}, ["a.x", "a.moves"], x=None, y=None) == "x"


def test_without_a_list_only_what_ever_came_is_expected():
    assert expected("2025Q2", {"2025Q1": {"a.x"}}, x=None, y=None) == "x"
    assert expected("2025Q2", {"2025Q1": {"a.x"}}, ["a.x", "a.y"], x=None, y=None) == "x y"
    assert unused_feeds(catalog(x=None, y=None), None, {"2025Q1": {"a.x", "a.moves"}}) == ["a.y"]
    assert unused_feeds(catalog(x=None, y=None), ["a.x"], {"2025Q1": {"a.x"}}) == []
    assert unused_feeds(catalog(x=None), None, {}) == []


def test_what_came_a_year_ago_is_expected_and_what_did_not_is_not():
    delivered = {"2024Q1": {"a.x", "a.moves"}, "2024Q2": {"a.x", "a.y"}}
    assert expected("2025Q1", delivered, ["a.x", "a.y", "a.moves"], x=None, y=None) == "x"
    assert expected("2025Q2", delivered, x=None, y=None) == "x y"


def test_what_came_later_decides_nothing():
    assert expected("2025Q1", {"2025Q1": {"a.x"}, "2025Q2": {"a.x", "a.y"}}, x=None, y=None) == "x"
    assert expected("2025Q1", {"2025Q2": {"a.x"}}, x=None, y=None) == "x y"


@pytest.mark.parametrize(("before", "found"), [([], "x"), (["2025Q4"], "x"), (["2025Q3", "2025Q4"], "x y")])
def test_a_feed_younger_than_a_year_is_expected_once_it_came_twice_in_a_row(before, found):
    delivered = {"2025Q1": {"a.x"}, **{period: {"a.x", "a.y"} for period in before}}
    assert expected("2026Q1", delivered, x=None, y=None) == found


@pytest.mark.parametrize(
    ("every", "due"),
    [
        ("year", {"2025Q4", "2025-12", "2025"}),
        ("half_year", {"2025Q2", "2025Q4", "2025-06", "2025-12", "2025"}),
        ("quarter", {"2025Q1", "2025Q2", "2025Q4", "2025-03", "2025-06", "2025-12", "2025"}),
        ("month", {"2025Q1", "2025Q2", "2025Q4", "2025-03", "2025-06", "2025-11", "2025-12", "2025"}),
    ],
)
def test_a_stated_rhythm_comes_round_at_its_ends(every, due):
    for period in ("2025Q1", "2025Q2", "2025Q4", "2025-03", "2025-06", "2025-11", "2025-12", "2025"):
        assert bool(expected(period, {}, x=every)) is (period in due), period
        # What a delivery a year earlier shows does not overrule what is agreed.
        year_ago = Period.parse(period)
        known = {Period(year_ago.year - 1, year_ago.index, year_ago.grain).key: {"a.x"}}
        assert bool(expected(period, known, x=every)) is (period in due), period


def test_a_contract_that_is_not_yet_in_force_is_not_expected():
    assert expected("2019Q4", {}, x=None) == ""
    assert expected("2020Q1", {}, x=None) == "x"


def entry(feed: str, period: str, institution: str | None) -> Entry:
    return Entry("f", "s", 1, "a", feed, institution, period, 0, "2025-01-01", [], "n", None)


def test_an_institution_that_delivered_the_period_before_is_missed():
    found = [
        entry("x", "2025Q1", "H1"),
        entry("x", "2025Q1", "H2"),
        entry("x", "2025Q2", "H2"),
        entry("y", "2025Q1", "H3"),
    ]
    assert delivered_feeds(found) == {"2025Q1": {"a.x", "a.y"}, "2025Q2": {"a.x"}}
    assert missing_institutions(found, "a.x", Period.parse("2025Q2")) == ["H1"]
    assert missing_institutions([entry("x", "2025Q1", None)], "a.x", Period.parse("2025Q2")) == []


@pytest.mark.parametrize(
    ("last", "expected"), [("2024Q2", []), ("2024Q3", ["H1"]), ("2025Q1", ["H1"]), ("2025Q3", ["H1"]), ("2025Q4", [])]
)
def test_an_institution_is_expected_for_a_year_after_its_last_delivery(last, expected):
    found = [entry("x", last, "H1"), entry("x", "2025Q1", None), entry("y", "2025Q1", "H9")]
    period = Period.parse("2025Q3")
    assert expected_institutions(found, "a.x", period) == expected
    assert missing_institutions(found, "a.x", period) == ([] if last == "2025Q3" else expected)


def test_the_due_date_counts_days_from_the_end_of_the_period():
    home = HomeDocument.model_validate(
        {
            "format": 1,
            "name": {"zh": "城", "en": "town"},
            "level": "city",
            "calendar": {"grain": "quarter", "first": "2025Q1", "last": "2025Q4"},
            "levels": [],
            "senders": {"a": {"titles": {"zh": "甲", "en": "A"}, "deadline_days": 20}},
            "rule_sets": [],
        }
    )
    assert due_date(home, "a", Period.parse("2025Q4")) == date(2026, 1, 20)
    assert due_date(home, "unknown", Period.parse("2025Q4")) == date(2025, 12, 31)
