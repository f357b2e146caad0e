"""Invented areas and values: a Chinese city of 60 communities, an England-like tree, 20 towns.

Put here: the shapes of homes, their areas, indicators and values. Keep out: policies (sample_policies), risk and money
(sample_money). No statistic is computed properly; the numbers only have the shape and types of published tables.
"""

# ruff: noqa: S311  (numbers to draw, not secrets)
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from data_contracts.closed import Bilingual
from reports.context import (
    IndicatorView,
    words,
)

Frames = dict[str, pl.DataFrame]

_ZH = "东西南北中安宁康乐和平光明新华文昌永兴长青春风花园清河石桥柳林"

_EN = ("Ash", "Birch", "Cedar", "Dale", "Elm", "Fern", "Glen", "Holly", "Ivy", "Kings", "Lark", "Mill", "North", "Oak")

_EN_END = ("ford", "ton", "ham", "bury", "field", "wick", "gate", "mouth", "stead", "well")

IN_CHAIN: dict[str, dict[str, Any]] = {
    "chronic_hypertension_control_pct": {"chain": "result"},
    "fund_execution_against_time_pct": {"chain": "process", "by_policy": True},
}


@dataclass(frozen=True)
class Tree:
    """Levels from leaf to top with how many children every area of the next higher level has."""

    levels: dict[str, Bilingual]
    children: tuple[int, ...]  # top to leaf
    english: bool
    periods: tuple[str, ...]


CITY = Tree(
    {
        "community": words("社区", "Community"),
        "township": words("街道（乡镇）", "Township"),
        "county": words("区县", "County"),
        "city": words("全市", "City"),
    },
    (1, 3, 4, 5),
    False,
    tuple(f"{year}Q{quarter}" for year in (2023, 2024, 2025) for quarter in (1, 2, 3, 4)),
)

ENGLAND = Tree(
    {
        "practice": words("全科诊所", "Practice"),
        "network": words("基层网络", "Network"),
        "board": words("照护委员会", "Board"),
        "region": words("大区", "Region"),
        "nation": words("全国", "Nation"),
    },
    (1, 7, 6, 9, 8),
    True,
    ("2022", "2023", "2024"),
)

TOWNS = Tree({"town": words("镇", "Town")}, (20,), False, ("2025",))

INDICATORS = {
    "chronic_hypertension_control_pct": IndicatorView(
        words("高血压患者血压控制率", "Hypertension under control"),
        words(
            "管理的高血压患者中，最近一次随访血压达标的比例。",
            "Share of managed patients whose last reading met the goal.",
        ),
        words("%", "%"),
        1,
        "higher_is_better",
        ((60.0, "国卫基层发〔2017〕13号"),),
        words("基层卫生健康科", "Primary care office"),
        words("比例，Wilson 区间", "proportion, Wilson interval"),
        words("最近一次血压达标人数", "with last reading at goal"),
        words("已管理患者人数", "managed patients"),
    ),
    "hospital_admissions_per_1k": IndicatorView(
        words("每千人住院人次", "Hospital admissions per 1,000"),
        words("期内住院人次与常住人口之比。", "Admissions over resident population."),
        words("‰", "‰"),
        2,
        "lower_is_better",
        (),
        words("医政科", "Hospital office"),
        words("率", "rate"),
        words("住院人次", "admissions"),
        words("常住人口", "residents"),
    ),
    "fund_execution_against_time_pct": IndicatorView(
        words("资金执行与时间进度之比", "Spending against time elapsed"),
        words("年初至今支出与按时间进度应支出之比。", "Spending to date over budget due by time elapsed."),
        words("%", "%"),
        1,
        "neutral",
        ((100.0, "市财政局"),),
        words("财务科", "Finance office"),
        words("比值", "ratio"),
        words("实际支出", "spent"),
        words("按进度应支出", "due by now"),
        "",
        "money",
        "money",
    ),
    "self_rated_health_good_pct": IndicatorView(
        words("自评健康良好比例", "Self-rated health good"),
        words("抽样调查", "survey"),
        words("%", "%"),
        1,
        "higher_is_better",
        (),
        words("规划科", "Planning office"),
        words("抽样估计", "survey estimate"),
        words("回答良好", "good"),
        words("有效问卷", "valid"),
    ),
    "population_aged_65_plus_pct": IndicatorView(
        words("65岁及以上人口占比", "Population aged 65 and over"),
        words("老年人口比例", "share aged 65+"),
        words("%", "%"),
        1,
        "neutral",
        (),
        words("民政局", "Civil affairs"),
        words("比例", "proportion"),
        words("65岁及以上", "aged 65+"),
        words("常住人口", "residents"),
    ),
    "welfare_recipients_pct": IndicatorView(
        words("享受社会救助人口占比", "Recipients of welfare"),
        words("救助人口比例", "share on welfare"),
        words("%", "%"),
        2,
        "neutral",
        (),
        words("民政局", "Civil affairs"),
        words("比例", "proportion"),
        words("救助对象", "recipients"),
        words("常住人口", "residents"),
    ),
}


def areas_of(tree: Tree, hostile: str | None) -> pl.DataFrame:
    rng = random.Random(7)
    names = list(reversed(list(tree.levels.items())))
    rows: list[dict[str, Any]] = []
    parents: list[str | None] = [None]
    for depth, (level, titles) in enumerate(names):
        ids = []
        for parent in parents:
            for order in range(tree.children[depth]):
                area = f"{parent or 'A'}{order + 1:02d}"
                zh = "".join(rng.sample(_ZH, 2)) + ("" if tree.english else titles.zh[:2])
                en = rng.choice(_EN) + rng.choice(_EN_END) + f" {titles.en}"
                ids.append(area)
                rows.append(
                    {
                        "period": tree.periods[-1],
                        "area_level": level,
                        "area_id": area,
                        "area_name": en if tree.english else zh,
                        "area_name_en": en,
                        "parent_id": parent,
                        "is_rural": bool(rng.random() < 0.4) if depth == len(names) - 1 else None,
                        "leaf_count": 1,
                    }
                )
        parents = list(ids)
    if hostile is not None:
        rows[-1]["area_name"] = hostile
    return pl.DataFrame(rows, schema_overrides={"parent_id": pl.String, "is_rural": pl.Boolean})


def values_of(tree: Tree, areas: pl.DataFrame) -> pl.DataFrame:
    rng = random.Random(11)
    rows = []
    for order, (indicator, view) in enumerate(INDICATORS.items()):
        for period_order, period in enumerate(tree.periods):
            for level, area in areas.select("area_level", "area_id").iter_rows():
                size = rng.randint(15, 90) * (40 if level != next(iter(tree.levels)) else 1)
                share = min(0.97, max(0.02, rng.gauss(0.35 + 0.08 * order + 0.012 * period_order, 0.07)))
                numerator, half = round(size * share), 1.2 / size**0.5
                status = "ok"
                if rng.random() < 0.04:
                    status = rng.choice(["no_data", "small_denominator", "unstable"])
                known = status in ("ok", "unstable")
                interval = known and view.numerator_in == "count"
                # Money over money, in minor units; its denominator is a product and has a fraction of one.
                money = view.numerator_in == "money"
                top, bottom = (Decimal(numerator * 100_000), Decimal(size * 100_000) + Decimal("0.5"))
                rows.append(
                    (
                        level,
                        area,
                        period,
                        indicator,
                        "nbphs_2025",
                        "all",
                        None if status == "no_data" else top if money else Decimal(numerator),
                        None if status == "no_data" else bottom if money else Decimal(size),
                        round(100 * numerator / size, view.digits) if known else None,
                        round(100 * max(0, numerator / size - half), view.digits) if interval else None,
                        round(100 * min(1, numerator / size + half), view.digits) if interval else None,
                        "wilson",
                        status,
                    )
                )
    return pl.DataFrame(
        rows,
        schema={
            "area_level": pl.String,
            "area_id": pl.String,
            "period": pl.String,
            "indicator_id": pl.String,
            "rule_set": pl.String,
            "stratum": pl.String,
            "numerator": pl.Decimal(38, 6),
            "denominator": pl.Decimal(38, 6),
            "value": pl.Float64,
            "lower": pl.Float64,
            "upper": pl.Float64,
            "method": pl.String,
            "status": pl.String,
        },
        orient="row",
    )
