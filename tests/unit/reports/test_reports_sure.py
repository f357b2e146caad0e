"""How sure scores and risk are, incentives and appraisals on the pages: rows chosen, ordered, worded, escaped."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from data_contracts.tables import output_tables
from reports.appraisal_data import appraisals
from reports.context import words
from reports.index_views import AppraisalView, IndexView
from reports.site import render_page
from reports.site_data import areas_of
from reports.sure_data import incentive_words, policies_sure, risk_sure

HOSTILE = "<b>&{{7*7}}"
RULES = "national_2017"


def rows(name: str, found: list[dict[str, Any]]) -> pl.DataFrame:
    contract = output_tables()[name]
    return contract.shape(pl.DataFrame(found, schema=contract.schema))


@pytest.fixture
def told(make_home: Callable[..., Any], trees: dict[str, Any]) -> Any:
    """A home with ranks, chances, weights and incentives of two indices and a policy."""
    context, frames = make_home(trees["towns"])
    areas = areas_of(context, frames)
    rule_set = next(iter(context.rule_sets))
    base = [
        {"period": context.period, "area_level": level, "area_id": area, "rule_set": rule_set}
        for level, area in areas.select("area_level", "area_id").iter_rows()
    ]
    lowest = next(iter(context.levels))
    rank = {"rank": 1.0, "of": 3, "median": 2.0, "lower": 1.0, "upper": 3.0, "chance_of_top": 0.25}
    weight = {"parent": "total", "share": 0.5, "overall": 0.5, "importance": 0.2, "correlation": 0.4, "flag": "under",
              "mean_shift": 1.5, "largest_shift": 4.0, "units_lost": 0}  # fmt: skip
    indices = ("structural", "literal")
    worlds = [{"period": context.period, "area_level": lowest, "rule_set": rule_set}]
    policy = min(context.policies)
    frames |= {
        "risk__ranks": rows("risk__ranks", [{**row, **rank, "index_id": index} for row in base for index in indices]),
        "risk__grades": rows(
            "risk__grades",
            [
                {**row, "index_id": index, "grade": grade, "chance": chance}
                for row in base
                for index in indices
                for grade, chance in (("high", 0.3), ("low", 0.7))
            ],
        ),
        "risk__weights": rows(
            "risk__weights",
            [
                {**world, **weight, "index_id": index, "part": part, "kind": kind}
                for world in worlds
                for index, kind in zip(indices, ("structural", "controllable"), strict=True)
                for part in ("a", "b")
            ],
        ),
        "risk__incentives": rows(
            "risk__incentives",
            [
                {**world, "index_id": "literal", "component": part, "units": units, "losing": losing,
                 "mean_loss": loss, "most_loss": loss}
                for world in worlds
                for part, units, losing, loss in (("a", 3, 2, 0.6), ("b", 0, 0, None))
            ],
        ),
        "score__ranks": rows(
            "score__ranks",
            [
                {**row, **rank, "policy_id": policy, "among": among}
                for row in base
                for among in ("areas", "policies")
                if among == "areas" or row["area_level"] == list(context.levels)[-1]
            ],
        ),
    }  # fmt: skip
    titles = {"a": (words("素养", HOSTILE), "%"), "b": (words("覆盖", "Coverage"), "")}
    grades = {"low": words("低", "Low"), "high": words("高", "High")}
    views = {
        "structural": IndexView(words("结构", "Structural"), "x", used=True, parts=titles, grades=grades),
        "literal": IndexView(
            words("原文", "Literal"), "x", parts=titles, grades=grades,
            exceptions=(("a", words("政策如此", "The policy says so"), "甲", "2025-01-01"),), detection=(("a", "b"),),
        ),
    }  # fmt: skip
    locks = {"index:structural": ("2025-01-01T08:00:00+08:00", "甲", "f" * 64)}
    return replace(context, indices=views, locks=locks), frames


def test_the_index_in_use_comes_first_with_ranks_over_all_areas(told: Any) -> None:
    context, frames = told
    areas = areas_of(context, frames)
    used, literal = risk_sure(context, frames, areas, "zh")
    assert (used["id"], used["used"], literal["id"], literal["used"]) == ("structural", True, "literal", False)
    assert used["rank"] == [1] * areas.height
    assert [grade["title"] for grade in used["grades"]] == ["低", "高"]
    assert used["grades"][0]["chance"] == [0.7] * areas.height
    (lowest,) = used["weights"].values()
    assert [(part["title"], part["flag"], part["shift"]) for part in lowest] == [
        ("素养", "影响不到权重一半", 1.5), ("覆盖", "影响不到权重一半", 1.5)
    ]  # fmt: skip
    assert "甲" in used["lock"]
    assert literal["lock"] == "权重未锁定"


def test_an_index_says_what_is_wrong_with_it_even_without_figures(told: Any) -> None:
    context, frames = told
    for language, none, lost in (("zh", "没有社区能改变的组成", "少拿"), ("en", "no component", "loses need money")):
        used, literal = incentive_words(context, frames, areas_of(context, frames), language)
        assert none in used["head"]
        assert used["lines"] == []
        assert lost in literal["head"]
        assert len(literal["lines"]) == 2
        assert "0.60" in literal["lines"][0]
        assert re.search(r"\b2\b.*\b3\b|\b3\b.*\b2\b", literal["lines"][0])
        assert "0.00" not in literal["lines"][1]
        assert len(literal["notes"]) == 2
    without = dict(frames)
    table = without["risk__incentives"]
    without["risk__incentives"] = table.with_columns(pl.lit(0).alias("units"), pl.lit(None).alias("mean_loss"))
    assert "少拿" in incentive_words(context, without, areas_of(context, frames), "zh")[1]["head"]


def test_a_policy_has_its_rank_among_policies_and_its_lock(told: Any) -> None:
    context, frames = told
    (sure,) = policies_sure(context, frames, areas_of(context, frames), "en").values()
    assert sure["among"] == [1, 3, 1, 3]
    assert sure["grades"] == []
    assert sure["lock"] == "weights not locked"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("page", ["risk", "dimensions"])
def test_pages_say_how_sure_and_escape_names(told: Any, page: str, language: str) -> None:
    context, frames = told
    html = render_page(page, language, context, frames, areas_of(context, frames))
    assert 'id="sure-ranks"' in html
    assert HOSTILE not in html
    if (page, language) == ("risk", "en"):
        assert "&lt;b&gt;&amp;{{7*7}}" in html


def test_without_the_tables_pages_are_as_they_were(make_home: Callable[..., Any], trees: dict[str, Any]) -> None:
    context, frames = make_home(trees["towns"])
    for page in ("risk", "dimensions"):
        assert 'id="sure-ranks"' not in render_page(page, "zh", context, frames, areas_of(context, frames))


def test_appraisals_stand_by_falling_total_with_what_was_submitted(told: Any) -> None:
    context, frames = told
    areas = areas_of(context, frames)
    level, first, second, third = (
        areas["area_level"][-1], *areas.filter(pl.col("area_level") == areas["area_level"][-1])["area_id"][:3]
    )  # fmt: skip
    blank = dict.fromkeys(("raw", "value", "value_lower", "value_upper", "submitted", "difference", "rank", "of",
                           "rank_lower", "rank_upper", "grade"))  # fmt: skip
    shared = {"period": context.period, "appraisal_id": "yearly", "unit_kind": level,
              "rule_set": next(iter(context.rule_sets)), "status": "ok"}  # fmt: skip
    found = [
        {**blank, **shared, "unit_id": unit, "part": part, "value": value, **more}
        for unit, total, more in (
            (first, 70.0, {"submitted": 75.0, "difference": 5.0, "rank": 2.0, "of": 2, "grade": "fair"}),
            (second, 90.0, {"submitted": 90.0, "difference": 0.0, "rank": 1.0, "of": 2, "grade": "good"}),
            (third, None, {}),
        )
        for part, value, more in (("total", total, more), ("care", total, {}))
    ]
    view = AppraisalView(words("考核", "Appraisal"), "total", "x", ("care",), {"care": words("服务", "Care")},
                         {"fair": words("中", "Fair"), "good": words("良", "Good")})  # fmt: skip
    context = replace(context, appraisals={"yearly": view})
    (entry,) = appraisals(context, {**frames, "score__appraisals": rows("score__appraisals", found)}, "zh")
    shown = [(row["total"], row["difference"], row["differs"], row["rank"], row["grade"]) for row in entry["rows"]]
    assert shown == [
        ("90.00", "0.00", False, "1 / 2", "良"), ("70.00", "5.00", True, "2 / 2", "中"), ("—", "—", False, "—", "—"),
    ]  # fmt: skip
    assert entry["blocks"] == ["服务"]
    assert entry["submits"]
    html = render_page("dimensions", "en", context, {**frames, "score__appraisals": rows("score__appraisals", found)},
                       areas)  # fmt: skip
    assert "Submitted less recomputed" in html


def test_institutions_that_are_appraised_stand_by_name(told: Any) -> None:
    context, frames = told
    blank = dict.fromkeys(("raw", "value_lower", "value_upper", "submitted", "difference", "rank", "of", "rank_lower",
                           "rank_upper", "grade"))  # fmt: skip
    shared = {"period": context.period, "appraisal_id": "yearly", "unit_kind": "institution", "rule_set": "all",
              "status": "ok", "part": "total"}  # fmt: skip
    found = [{**blank, **shared, "unit_id": unit, "value": value} for unit, value in (("h1", 90.0), ("h2", 80.0))]
    view = AppraisalView(words("考核", "Appraisal"), "total", "x", (), {}, {})
    context = replace(context, appraisals={"yearly": view}, institutions={"h1": "东街卫生院"})
    (entry,) = appraisals(context, {**frames, "score__appraisals": rows("score__appraisals", found)}, "zh")
    assert [row["name"] for row in entry["rows"]] == ["东街卫生院", "h2"]


def test_the_choice_that_ranks_depend_on_is_named_at_its_level(told: Any) -> None:
    context, frames = told
    shares = {
        "first": 0.2,
        "first_lower": 0.1,
        "first_upper": 0.3,
        "total": 0.7,
        "total_lower": 0.5,
        "total_upper": 0.9,
    }
    found = [
        {"period": context.period, "index_id": "structural", "area_level": next(iter(context.levels)),
         "rule_set": next(iter(context.rule_sets)), "choice": "weights", **shares}
    ]  # fmt: skip
    frames = {**frames, "risk__sensitivity": rows("risk__sensitivity", found)}
    told_of = {entry["id"]: entry["choices"] for entry in risk_sure(context, frames, areas_of(context, frames), "zh")}
    lowest = str(len(context.levels) - 1)
    assert [(row["title"], row["total"]) for row in told_of["structural"][lowest]] == [("权重", 0.7)]
    assert told_of["literal"] == {}
