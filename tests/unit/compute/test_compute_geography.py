"""Areas over time: following recorded changes, and the series of merged, split and recoded areas, counted anew.

The oracle of the series is plain Python: it moves every record to today's area by hand-written tables and counts.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from assets.compute.geography import Changes, placement
from assets.compute.indicators import indicator_values
from assets.compute.measures import count_measures
from assets.compute.policy_money import policy_money
from assets.compute.rebased import rebased_values
from assets.lake import parts
from assets.release.verify import _policy_money_of_levels
from data_contracts.closed import DefinitionError
from data_contracts.periods import Period

Q1, Q2, Q3 = date(2025, 3, 31), date(2025, 6, 30), date(2025, 9, 30)
FIRST, SECOND = date(2025, 4, 1), date(2025, 7, 1)
ABOVE = ("t1", "k1", "city")


def _changes(*rows: tuple[str, str, date, str]) -> Changes:
    return Changes.read(rows, "area_changes")


@pytest.mark.parametrize("code", ["a", "b"])
def test_two_codes_that_become_one(code: str) -> None:
    changes = _changes(("a", "c", FIRST, "merge"), ("b", "c", FIRST, "merge"))
    assert changes.became(code, Q1, {"c"}) == {"c"}
    assert changes.became("c", Q2, {"c"}) == {"c"}


def test_an_area_that_takes_in_another_keeps_its_code() -> None:
    changes = _changes(("a", "b", FIRST, "merge"))
    assert changes.became("a", Q1, {"b"}) == changes.became("b", Q1, {"b"}) == {"b"}


def test_a_chain_of_changes_is_followed_to_its_end() -> None:
    changes = _changes(("a", "b", FIRST, "recode"), ("b", "c", SECOND, "recode"))
    assert changes.became("a", Q1, {"c"}) == {"c"}
    assert changes.became("b", Q2, {"c"}) == {"c"}
    assert changes.became("c", Q3, {"c"}) == {"c"}


def test_a_split_leads_to_each_part_and_further() -> None:
    rows = (("a", "a", FIRST, "split"), ("a", "b", FIRST, "split"), ("b", "c", SECOND, "recode"))
    assert _changes(*rows).became("a", Q1, {"a", "c"}) == {"a", "c"}
    assert _changes(*rows).became("a", Q2, {"a", "c"}) == {"a"}


def test_changes_of_one_day_take_place_at_once() -> None:
    # What was called a is now called b, what was called b is now called c.
    changes = _changes(("a", "b", FIRST, "recode"), ("b", "c", FIRST, "recode"))
    assert changes.became("a", Q1, {"b", "c"}) == {"b"}
    assert changes.became("b", Q1, {"b", "c"}) == {"c"}
    assert changes.became("b", Q2, {"b", "c"}) == {"b"}


def test_a_code_given_out_anew_is_not_taken_for_the_old_one() -> None:
    changes = _changes(("a", "b", FIRST, "recode"))
    assert changes.became("a", Q1, {"a", "b"}) == {"b"}
    assert changes.became("a", Q2, {"a", "b"}) == {"a"}


def test_a_code_used_for_a_while_after_it_was_replaced_is_followed() -> None:
    assert _changes(("a", "b", FIRST, "recode")).became("a", Q2, {"b"}) == {"b"}


def test_a_change_recorded_as_no_change_changes_nothing() -> None:
    changes = _changes(("a", "a", FIRST, "recode"))
    assert changes.became("a", Q1, {"a"}) == {"a"}
    assert changes.of == {}


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([("a", "b", FIRST, "recode"), ("b", "a", FIRST, "recode")], "lead from 'a' back to itself"),
        ([(x, y, FIRST, "merge") for x, y in ("ab", "bc", "ca")], "lead from 'a' back to itself"),
        ([("a", "b", FIRST, "recode"), ("a", "c", FIRST, "recode")], "'a' becomes 2 areas on 2025-04-01"),
        ([("a", "b", FIRST, "renamed")], "change_kind must be one of recode, merge, split"),
    ],
)
def test_changes_that_contradict_each_other_are_refused(rows: list[Any], named: str) -> None:
    with pytest.raises(DefinitionError, match=named):
        _changes(*rows)


def test_back_and_forth_on_different_days_is_no_circle() -> None:
    changes = _changes(("a", "b", FIRST, "recode"), ("b", "a", SECOND, "recode"))
    assert changes.became("a", Q1, {"a"}) == {"a"}
    assert changes.became("b", Q2, {"a"}) == {"a"}


# The series of a small home ---------------------------------------------------------------------------------------

NOW = "2025Q3"
PERIODS = ("2025Q1", "2025Q2", "2025Q3")
# a and b become m in the second quarter; s is split into s1 and s2, in different townships, in the third; r gets the
# code q in the third; u never changes.
TREES = {
    "2025Q1": {"a": ABOVE, "b": ABOVE, "s": ("t2", "k1", "city"), "r": ("t3", "k2", "city"), "u": ("t3", "k2", "city")},
    "2025Q2": {"m": ABOVE, "s": ("t2", "k1", "city"), "r": ("t3", "k2", "city"), "u": ("t3", "k2", "city")},
    "2025Q3": {
        "m": ABOVE, "s1": ("t2", "k1", "city"), "s2": ("t4", "k1", "city"), "q": ("t3", "k2", "city"),
        "u": ("t3", "k2", "city"),
    },
}  # fmt: skip
CHANGES = [
    ("a", "m", FIRST, "merge"),
    ("b", "m", FIRST, "merge"),
    ("s", "s1", SECOND, "split"),
    ("s", "s2", SECOND, "split"),
    ("r", "q", SECOND, "recode"),
]
TODAY = {"a": "m", "b": "m", "m": "m", "r": "q", "q": "q", "u": "u", "s1": "s1", "s2": "s2"}
# Persons on a welfare list: the same person may stand on the lists of both areas that became one.
LISTS = {
    "2025Q1": [("a", "p1"), ("a", "p2"), ("b", "p2"), ("b", "p3"), ("s", "p4"), ("r", "p5"), ("u", "p6")],
    "2025Q2": [("m", "p1"), ("m", "p2"), ("s", "p4"), ("s", "p7"), ("r", "p5"), ("u", "p6"), ("u", "p8")],
    "2025Q3": [("m", "p1"), ("s1", "p4"), ("s2", "p7"), ("q", "p5"), ("u", "p6")],
}
PEOPLE = {"a": 10, "b": 20, "m": 31, "s": 40, "s1": 15, "s2": 25, "r": 50, "q": 52, "u": 60}


def _fill(workshop: Any, changes: list[Any] = CHANGES) -> None:
    for period in PERIODS:
        workshop.put_tree(period, TREES[period])
        rows = [
            {"file_id": period, "record_no": n, "area_id": area, "person_id": person, "category": "a"}
            for n, (area, person) in enumerate(LISTS[period], 1)
        ]
        schema = dict.fromkeys(_columns(workshop), pl.String) | {"record_no": pl.Int32, "has_ended": pl.Boolean}
        full = [{name: row.get(name) for name in schema} for row in rows]
        workshop.put("mart__civil_affairs__welfare", period, pl.DataFrame(full, schema=schema))
        facts = [
            {
                "feed": "civil_affairs.population",
                "fact": "population",
                "area_id": area,
                "sex": "F",
                "age_band": "65+",
                "value": Decimal(PEOPLE[area]),
            }
            for area in TREES[period]
        ]
        workshop.put_rows("mart__area_facts", period, facts)
    _stage_changes(workshop, "2025Q2", [change for change in changes if change[2] == FIRST])
    _stage_changes(workshop, "2025Q3", changes)
    for period in PERIODS:
        for table, step in (("ind__counts", count_measures), ("ind__values", indicator_values)):
            workshop.put(table, period, step(workshop.home, workshop.settings, workshop.catalog, Period.parse(period)))


def _stage_changes(workshop: Any, period: str, changes: list[Any]) -> None:
    names = ("old_id", "new_id", "changed_on", "change_kind")
    rows = [dict(zip(names, change, strict=True)) | {"level": "community"} for change in changes]
    workshop.stage("civil_affairs.area_changes", period, rows)


def _columns(workshop: Any) -> list[str]:
    from assets.compute.marts import mart_columns

    return mart_columns(workshop.catalog, "mart__civil_affairs__welfare")


def _expected(period: str) -> dict[str, tuple[int, int]]:
    """Area of today → persons listed and residents of `period`, for areas whose parts can all be placed."""
    above = dict.fromkeys(("m",), ("t1", "k1", "city")) | {
        leaf: areas for leaf, areas in TREES[NOW].items() if leaf != "m"
    }
    found: dict[str, tuple[set[str], int]] = {}

    def add(areas: tuple[str, ...], persons: set[str], residents: int) -> None:
        for area in areas:
            known, many = found.get(area, (set(), 0))
            found[area] = (known | persons, many + residents)

    for leaf in TREES[period]:
        persons = {person for area, person in LISTS[period] if area == leaf}
        # What was split lies in its county and city still, but in neither of its parts.
        areas = ("k1", "city") if leaf == "s" else (TODAY[leaf], *above[TODAY[leaf]])
        add(areas, persons, PEOPLE[leaf])
    return {area: (len(persons), many) for area, (persons, many) in found.items()}


@pytest.mark.parametrize("period", ["2025Q1", "2025Q2"])
def test_the_series_of_changed_areas_is_counted_anew(workshop: Any, period: str) -> None:
    _fill(workshop)
    found = rebased_values(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    share = found.filter(indicator_id="welfare_recipients_pct", rule_set="national_2017", stratum="all", period=period)
    assert set(found["geography"]) == {NOW}
    rows = {
        area: (numerator and int(numerator), denominator and int(denominator), status)
        for area, numerator, denominator, status in share.select(
            "area_id", "numerator", "denominator", "status"
        ).iter_rows()
    }
    expected = _expected(period)
    changed = {"2025Q1": {"m", "q"}, "2025Q2": {"q"}}[period]
    unknown = {"s1", "s2", "t2", "t4"}
    assert set(rows) == changed | unknown
    for area in changed:
        assert rows[area][:2] == expected[area], area
    for area in unknown:
        assert rows[area] == (None, None, "not_applicable"), area
    # Areas that were made of the same areas then keep their published values.
    values = parts.read_table(workshop.home, "ind__values", [period])
    assert values is not None
    own = values.filter(indicator_id="welfare_recipients_pct", rule_set="national_2017", stratum="all")
    for area in ("k1", "k2", "city", "t1", "t3", "u"):
        row = own.filter(area_id=area)
        assert (int(row["numerator"].item()), int(row["denominator"].item())) == expected[area], area


def test_a_person_on_the_lists_of_both_areas_that_became_one_counts_once(workshop: Any) -> None:
    _fill(workshop)
    found = rebased_values(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    row = found.filter(indicator_id="welfare_recipients_pct", rule_set="national_2017", stratum="all", period="2025Q1")
    assert int(row.filter(area_id="m")["numerator"].item()) == 3  # p1, p2, p3; the lists of a and b have four records


def test_without_changes_there_is_nothing_to_rebase(workshop: Any) -> None:
    for period in PERIODS:
        workshop.put_tree(period, TREES["2025Q1"])
        workshop.put("ind__values", period, pl.DataFrame(schema={"period": pl.String}))
    found = rebased_values(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    assert found.is_empty()


def test_an_area_that_is_new_has_no_data_before(workshop: Any) -> None:
    for period in PERIODS:
        tree = {"u": ("t3", "k2", "city")} | ({"n": ("t9", "k2", "city")} if period == NOW else {})
        workshop.put_tree(period, tree)
        for table, step in (("ind__counts", count_measures), ("ind__values", indicator_values)):
            workshop.put(table, period, step(workshop.home, workshop.settings, workshop.catalog, Period.parse(period)))
    found = rebased_values(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    kinds = found.select("area_level", "area_id", "status").unique().sort("area_id").rows()
    assert kinds == []
    place = placement(workshop.home, workshop.settings, workshop.catalog, Period.parse("2025Q1"), Period.parse(NOW))
    assert place is not None
    assert set(place.closure["leaf_id"]) == {"u"}


def test_records_of_earlier_quarters_under_the_old_codes_stay_in_the_year_to_date(workshop: Any) -> None:
    columns = {"record_no": pl.Int32, "entry_date": pl.Date, "event_date": pl.Date, "amount_fen": pl.Int64}
    names = ["file_id", "record_no", "period", "institution_id", "event_date", "entry_no", "entry_date", "community_id",
             "policy_id", "entry_type", "purpose", "source", "amount_fen", "person_id", "area_id", "sex", "age_band",
             "is_in_register"]  # fmt: skip
    schema = {name: columns.get(name, pl.String) for name in names} | {"is_in_register": pl.Boolean}
    booked = {"2025Q1": [("a", 1), ("b", 20), ("r", 300)], "2025Q2": [("m", 4000), ("r", 50000)], "2025Q3": [("q", 7)]}
    for period, entries in booked.items():
        workshop.put_tree(period, TREES[period])
        rows = [
            {"file_id": period, "record_no": n, "entry_type": "spending", "amount_fen": fen, "area_id": area}
            for n, (area, fen) in enumerate(entries, 1)
        ]
        full = [{name: row.get(name) for name in schema} for row in rows]
        workshop.put("mart__health_bureau__fund_ledger", period, pl.DataFrame(full, schema=schema))
    _stage_changes(workshop, NOW, CHANGES)
    counts = count_measures(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    rows = counts.filter(measure_id="spending", rule_set="national_2017", stratum="all")
    spent = {area: int(value) for area, value in rows.select("area_id", "value").iter_rows()}
    assert (spent["m"], spent["q"], spent["k1"], spent["k2"], spent["city"]) == (4021, 50307, 4021, 50307, 54328)


def _book(workshop: Any, booked: dict[str, list[tuple[str, str, int]]]) -> None:
    """Entries of the ledger by period: area, kind, fen."""
    from assets.compute.marts import _record_schema

    feed = workshop.catalog.feed("health_bureau.fund_ledger")
    schema = _record_schema(feed)
    for period, entries in booked.items():
        rows = [
            {"file_id": period, "record_no": n, "period": period, "policy_id": "p", "source": "city",
             "area_id": area, "entry_type": kind, "amount_fen": fen}
            for n, (area, kind, fen) in enumerate(entries, 1)
        ]  # fmt: skip
        workshop.put(feed.mart, period, pl.DataFrame([{k: row.get(k) for k in schema} for row in rows], schema=schema))


# s had its money before it was split on 1 July; each part has some of its own after it.
BOOKED = {
    "2025Q1": [("s", "budget", 400), ("s", "spending", 100), ("u", "budget", 1000), ("u", "spending", 300)],
    "2025Q2": [("s", "spending", 50), ("u", "spending", 100)],
    "2025Q3": [("s1", "spending", 7), ("s1", "budget", 10), ("s2", "spending", 3), ("u", "spending", 100)],
    "2025Q4": [("s1", "spending", 1), ("u", "spending", 1)],
    "2026Q1": [("s1", "budget", 80), ("s1", "spending", 20), ("u", "budget", 80), ("u", "spending", 20)],
}


def test_in_the_year_of_a_split_its_parts_have_no_year_to_date(workshop: Any) -> None:
    _fill(workshop)
    for period in ("2025Q4", "2026Q1"):
        workshop.put_tree(period, TREES[NOW])
        _stage_changes(workshop, period, CHANGES)
    _book(workshop, BOOKED)
    parts_of_s = {"s1", "s2", "t2", "t4"}
    for period, sums in (("2025Q3", (160, 410)), ("2025Q4", (161, 410)), ("2026Q1", (20, 80))):
        at = Period.parse(period)
        workshop.put("ind__counts", period, count_measures(workshop.home, workshop.settings, workshop.catalog, at))
        values = indicator_values(workshop.home, workshop.settings, workshop.catalog, at)
        mine = values.filter(indicator_id="fund_execution_against_time_pct", rule_set="national_2017", stratum="all")
        rows = {area: (top, bottom, status) for area, top, bottom, status in mine.select(
            "area_id", "numerator", "denominator", "status").iter_rows()}  # fmt: skip
        if at.year == 2025:
            assert {area for area, row in rows.items() if row == (None, None, "not_applicable")} == parts_of_s
        else:
            assert not any(status == "not_applicable" for _, _, status in rows.values())
            assert rows["s1"][0] == 20
        # What holds all of it holds its money.
        assert rows["k1"][:2] == (sums[0], sums[1] * Decimal(at.index) / 4)
        assert rows["k1"][2] == rows["u"][2] == "ok"
    listed = parts.read_table(workshop.home, "ind__values", [NOW])
    assert listed is not None
    share = listed.filter(indicator_id="welfare_recipients_pct", rule_set="national_2017", stratum="all")
    assert not share.filter(status="not_applicable").height
    assert share.filter(area_id="s1")["numerator"].item() == 1


def test_money_of_an_area_that_was_split_is_on_every_level_or_among_the_unplaced(workshop: Any) -> None:
    _fill(workshop)
    _book(workshop, {period: entries for period, entries in BOOKED.items() if period <= NOW})
    money = policy_money(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW)).filter(source="total")
    lost = money.filter(area_level="unplaced").select("area_id", "counted_from", "spending_ytd_fen", "budget_ytd_fen")
    assert lost.rows() == [("s", "county", 150, 400)]
    sums = dict(money.group_by("area_level").agg(pl.col("spending_ytd_fen").sum()).iter_rows())
    assert sums == {"community": 510, "township": 510, "unplaced": 150, "county": 660, "city": 660}
    # The check of a release adds up the same, and sees every fen that is missing on one level.
    levels = [level.model_dump(mode="json") for level in workshop.settings.home.levels]
    manifest = {"settings": {"home": {"levels": levels}}}
    tables = {"policy__money": money, "mart__areas": _areas_of(TREES[NOW])}
    assert list(_policy_money_of_levels(tables, manifest)) == []
    for level in ("community", "township", "unplaced", "county", "city"):
        one_less = pl.when(area_level=level).then(pl.col("spending_ytd_fen") - 1).otherwise("spending_ytd_fen")
        tables["policy__money"] = money.with_columns(one_less.alias("spending_ytd_fen"))
        assert [problem.sentence for problem in _policy_money_of_levels(tables, manifest)] == [
            "verify_policy_money_of_levels"
        ], level
    # A tree with a gap promises no equal sums.
    tables["mart__areas"] = tables["mart__areas"].filter(pl.col("area_id") != "k2")
    assert list(_policy_money_of_levels(tables, manifest)) == []


def _areas_of(tree: dict[str, tuple[str, ...]]) -> pl.DataFrame:
    chains = [(leaf, *above) for leaf, above in tree.items()]
    levels = ("community", "township", "county", "city")
    rows = {
        (level, chain[n], chain[n + 1] if n < len(levels) - 1 else None)
        for chain in chains
        for n, level in enumerate(levels)
    }
    names = dict.fromkeys(("area_level", "area_id", "parent_id"), pl.String)
    return pl.DataFrame(sorted(rows, key=str), schema=names, orient="row")


def test_changes_of_the_newest_snapshot_hold(workshop: Any) -> None:
    for period in PERIODS:
        workshop.put_tree(period, TREES["2025Q3"])
    _stage_changes(workshop, "2025Q2", [("x", "u", FIRST, "merge")])
    _stage_changes(workshop, "2025Q3", [("y", "u", FIRST, "merge")])
    workshop.put_tree("2025Q1", {**TREES["2025Q3"], "x": ("t3", "k2", "city"), "y": ("t3", "k2", "city")})
    place = placement(workshop.home, workshop.settings, workshop.catalog, Period.parse("2025Q1"), Period.parse(NOW))
    assert place is not None
    placed = place.closure.filter(area_level="community").select("leaf_id", "area_id").rows()
    assert ("y", "u") in placed
    assert "x" not in {leaf for leaf, _ in placed}


def test_a_change_of_an_unknown_level_is_named(workshop: Any) -> None:
    workshop.put_tree(NOW, TREES[NOW])
    workshop.stage(
        "civil_affairs.area_changes",
        NOW,
        [{"old_id": "a", "new_id": "b", "changed_on": FIRST, "change_kind": "merge", "level": "ward"}],
    )
    with pytest.raises(DefinitionError, match="no level 'ward'"):
        placement(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW), Period.parse(NOW))
