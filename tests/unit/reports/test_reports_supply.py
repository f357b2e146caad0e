"""The matrix of national services and the table of sharing: every gap named, every figure that of the tables."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_contracts.closed import Bilingual
from data_contracts.national_services import ServiceRow
from data_contracts.tables import output_tables
from reports import site_data
from reports.site import render_page
from reports.supply_data import matrix, sharing


def service(name: str, feeds: str = "", lacking: str = "", indicators: str = "", without: str = "") -> ServiceRow:
    titles = Bilingual(zh=f"服务{name}", en=f"Service {name}")
    parts = (tuple(words.split()) for words in (feeds, lacking, indicators, without))
    return ServiceRow(name, titles, "规范", date(2017, 1, 1), *parts)


FULL = service("full", "bureau.here", "", "welfare_recipients_pct")
SILENT = service("silent", "bureau.here bureau.silent", "", "welfare_recipients_pct")
NO_FEED = service("no_feed", "", "bureau.absent", "")


@pytest.fixture
def given(make_home, trees):
    """A drawn home with one feed that delivered, one that did not, and one it does not have."""
    context, frames = make_home(trees["city"])
    files = output_tables()["quality__files"]
    plain = {name: 0 if dtype.is_integer() else None for name, dtype in files.schema.items()}
    row = {**plain, "period": context.period, "sender": "bureau", "feed": "here", "current": 3, "records": 3}
    silent = {**row, "feed": "silent", "current": 0}
    last = {**silent, "period": "2020Q1", "current": 9}
    feeds = {f"bureau.{name}": Bilingual(zh=f"数据{name}", en=f"Feed {name}") for name in ("here", "silent")}
    context = replace(context, national_services=(FULL, SILENT, NO_FEED), feeds={**context.feeds, **feeds})
    return context, {**frames, "quality__files": pl.DataFrame([row, silent, last], schema=files.schema)}


def rows_of(given, language: str) -> list[dict[str, Any]]:
    context, frames = given
    return matrix(context, frames, site_data.areas_of(context, frames), language)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_gaps_are_named_and_a_served_service_has_none(given, language):
    full, silent, no_feed = rows_of(given, language)
    assert (full["number"], full["gaps"], [feed["look"] for feed in full["feeds"]]) == (1, [], ["good"])
    assert [feed["look"] for feed in silent["feeds"]] == ["good", "bad"]
    (gap,) = silent["gaps"]
    assert ("数据silent" if language == "zh" else "Feed silent") in gap
    assert "here" not in gap
    assert [feed["look"] for feed in no_feed["feeds"]] == ["bad"]
    assert no_feed["gaps"] == [NO_FEED.words(language)]
    assert "bureau.absent" in no_feed["gaps"][0]
    assert no_feed["indicators"] == []


def test_the_value_is_that_of_the_whole_area_under_the_first_rule_set(given):
    context, frames = given
    first = next(iter(context.rule_sets))
    top = list(context.levels)[-1]
    wanted = frames["ind__values"].filter(
        pl.col("period") == context.period,
        pl.col("area_level") == top,
        pl.col("indicator_id") == "welfare_recipients_pct",
        pl.col("rule_set") == first,
        pl.col("stratum") == "all",
    )
    (row,) = wanted.to_dicts()
    (shown,) = rows_of(given, "zh")[0]["indicators"]
    assert shown["value"].startswith(f"{row['value']:.2f}")
    assert shown["counts"].replace(",", "").startswith(f"{int(row['numerator'])} / ")
    assert shown["why"] == ""


def test_an_indicator_without_a_value_says_why(given):
    context, frames = given
    gone = frames["ind__values"].with_columns(value=pl.lit(None, pl.Float64), status=pl.lit("no_denominator"))
    first = rows_of((context, {**frames, "ind__values": gone}), "zh")[0]
    (shown,) = first["indicators"]
    assert (shown["value"], shown["counts"], shown["why"]) == ("—", "", "没有分母")
    assert first["gaps"] == [f"没有数值的指标：{shown['title']}（没有分母）"]
    (unknown,) = rows_of((context, {}), "en")[0]["indicators"]
    assert (unknown["value"], unknown["why"]) == ("—", "no data")


def test_one_indicator_of_several_without_a_value_is_a_gap_with_the_feed_that_lacks(given):
    context, frames = given
    reads = {"welfare_recipients_pct": ("bureau.here",), "unheard_pct": ("bureau.here", "bureau.silent")}
    both = replace(FULL, indicators_present=tuple(reads), reads=reads)
    first = rows_of((replace(context, national_services=(both,)), frames), "zh")[0]
    assert [line["why"] for line in first["indicators"]] == ["", "没有数据，本期没有记录：数据silent"]
    assert first["gaps"] == ["没有数值的指标：unheard_pct（没有数据，本期没有记录：数据silent）"]


def test_an_indicator_of_the_register_that_is_not_in_use_is_a_gap(given):
    context, frames = given
    less = replace(FULL, indicators_missing=("unheard_pct",))
    first = rows_of((replace(context, national_services=(less,)), frames), "zh")[0]
    assert first["gaps"] == ["登记册列出而本机构未启用的指标：unheard_pct"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_shows_every_service_and_gap(given, language):
    context, frames = given
    page = render_page("services", language, context, frames, site_data.areas_of(context, frames))
    for row in rows_of(given, language):
        assert row["title"] in page
        for gap in row["gaps"]:
            assert gap in page
    assert 'href="indicators.html#indicator=welfare_recipients_pct"' in page


def test_a_home_without_register_says_so(given):
    context, frames = given
    context = replace(context, national_services=())
    page = render_page("services", "zh", context, frames, site_data.areas_of(context, frames))
    assert "没有国家基本公共卫生服务登记" in page


def test_sharing_shows_parts_of_wholes_and_a_dash_for_nothing(given):
    context, frames = given
    table = output_tables()["quality__sharing"]
    row = {
        "period": context.period,
        "sender": "hospitals",
        "expected_feeds": 4,
        "delivered_feeds": 3,
        "expected_deliveries": 8,
        "deliveries": 6,
        "delivered_pct": 75.0,
        "files": 6,
        "refused_files": 1,
        "timed_deliveries": 0,
        "deliveries_on_time": 0,
        "on_time_pct": None,
        "records": 12345,
        "person_records": 8,
        "linked_records": 8,
        "linked_pct": 100.0,
    }
    other = {**row, "period": "2020Q1", "sender": "old"}
    given_rows = {**frames, "quality__sharing": pl.DataFrame([row, other], schema=table.schema)}
    (shown,) = sharing(context, given_rows, "zh")
    assert (shown["feeds"], shown["made"], shown["made_pct"], shown["lacks"]) == ("3 / 4", "6 / 8", "75.0%", True)
    assert (shown["time"], shown["time_pct"], shown["records"], shown["linked_pct"]) == ("—", "—", "12,345", "100.0%")
    page = render_page("quality", "zh", context, given_rows, site_data.areas_of(context, frames))
    assert "12,345" in page
    assert sharing(context, frames, "zh") == []


def test_pages_link_only_to_files_beside_them(given, tmp_path: Path):
    context, frames = given
    page = render_page("services", "zh", context, frames, site_data.areas_of(context, frames))
    assert "http" not in page.replace("http-equiv", "")
