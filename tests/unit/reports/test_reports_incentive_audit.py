"""The money page says what the incentive audit found, in the reader's language, and hides nothing of a draft."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from data_contracts.tables import output_tables
from reports import site_data as data
from reports.incentive_audit import audit_words
from reports.site import render_page

Home = tuple[Any, dict[str, pl.DataFrame]]


@pytest.fixture
def home(make_home: Callable[..., Home], trees: dict[str, Any]) -> Home:
    context, frames = make_home(trees["city"])
    return context, dict(frames)


def audited(home: Home, npv: list[int | None], reasons: list[tuple[str, str]]) -> Home:
    """Cells of the first indicator with these present values, and reasons in zh and en."""
    context, frames = home
    level, area = frames["areas"].select("area_level", "area_id").row(0)
    indicator = next(iter(context.indicators))
    key = {"period": context.period, "allocation_id": "money"}
    cells = [
        {**key, "payee_kind": level, "payee_id": area, "indicator": indicator, "step": "point", "status": "ok",
         "step_points": Decimal(number), "npv_fen": own, "computed": None if own is None else "exact",
         "verdict": "no_figure" if own is None else "loses" if own < 0 else "keeps"}
        for number, own in enumerate(npv, 1)
    ]  # fmt: skip
    said = [
        {**key, "number": number, "reason": "loses", "zh": zh, "en": en} for number, (zh, en) in enumerate(reasons, 1)
    ]
    added = {"alloc__incentives": cells, "alloc__incentive_reasons": said}
    tables = {name: pl.DataFrame(rows, output_tables()[name].schema) for name, rows in added.items()}
    return context, {**frames, **tables}


def page(home: Home, language: str) -> str:
    context, frames = home
    return render_page("money", language, context, frames, data.areas_of(context, frames))


def test_a_draft_is_named_with_every_reason_and_its_worst_cases(home: Home) -> None:
    found = audited(home, [500, -123456, None, -7], [("甲", "first <b>"), ("乙", "second")])
    chinese, english = page(found, "zh"), page(found, "en")
    assert "草案，不能批准" in chinese
    assert "<li>甲</li><li>乙</li>" in chinese
    assert "Draft, cannot be approved" in english
    assert "<li>first &lt;b&gt;</li><li>second</li>" in english
    assert "first <b>" not in english
    words = audit_words(*found, "zh")
    assert words is not None
    assert [row[2] for row in words["worst"]] == ["2 点", "4 点", "1 点"]
    title = next(iter(found[0].indicators.values())).titles.zh
    assert all(title == row[1] for row in words["worst"])
    assert words["worst"][0][3].startswith("−1,234.56")


def test_a_division_that_passed_says_how_much_was_looked_at(home: Home) -> None:
    words = audit_words(*audited(home, [5, 0, None], []), "zh")
    assert words is not None
    assert (words["draft"], words["reasons"]) == (False, [])
    assert "2 种" in words["verdict"]
    nothing = audit_words(*audited(home, [], []), "en")
    assert nothing is not None
    assert "no money of this division follows" in nothing["verdict"]
    assert nothing["worst"] == []


def test_other_periods_and_homes_without_an_audit_show_none_of_it(home: Home) -> None:
    context, frames = audited(home, [-5], [("甲", "first")])
    words = audit_words(replace(context, period="1999Q1"), frames, "zh")
    assert words is not None
    assert (words["draft"], words["worst"]) == (False, [])
    assert audit_words(*home, "zh") is None
    assert 'id="audit"' not in page(home, "zh")


def test_a_column_goes_by_its_name_and_an_edge_is_said_as_one(home: Home) -> None:
    context, frames = audited(home, [-5], [("甲", "first")])
    cells = frames["alloc__incentives"].with_columns(indicator=pl.lit("least"), step=pl.lit("edge2"))
    words = audit_words(context, {**frames, "alloc__incentives": cells}, "zh")
    assert words is not None
    assert words["worst"][0][1:3] == ["least", "刚过一道门槛（1 点）"]
