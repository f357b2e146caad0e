"""Invented tables for drawing: a Chinese city of 60 communities, an England-like tree, 20 towns without money.

No statistic is computed properly here; the numbers only have the shape and the types of published tables.
"""

# ruff: noqa: S311  (numbers to draw, not secrets)
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from data_contracts.closed import Bilingual
from data_contracts.tables import output_tables
from reports.context import (
    AllocationView,
    CurrencyView,
    IndicatorView,
    PolicyView,
    ReportContext,
    ServiceView,
    VersionView,
    words,
)

Frames = dict[str, pl.DataFrame]
_KINDS, _SPANS = ("budget", "appropriation", "spending"), (("", 1), ("ytd_", 1000))
_ZH = "东西南北中安宁康乐和平光明新华文昌永兴长青春风花园清河石桥柳林"
_EN = ("Ash", "Birch", "Cedar", "Dale", "Elm", "Fern", "Glen", "Holly", "Ivy", "Kings", "Lark", "Mill", "North", "Oak")
_EN_END = ("ford", "ton", "ham", "bury", "field", "wick", "gate", "mouth", "stead", "well")


_IN_CHAIN: dict[str, dict[str, Any]] = {
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


def _areas(tree: Tree, hostile: str | None) -> pl.DataFrame:
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


def _values(tree: Tree, areas: pl.DataFrame) -> pl.DataFrame:
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


def _scores(tree: Tree, areas: pl.DataFrame) -> pl.DataFrame:
    rng = random.Random(13)
    rows = []
    for policy in ("healthy_ageing", "htn_management"):
        for level, area in areas.select("area_level", "area_id").iter_rows():
            points = [round(min(100, max(0, rng.gauss(66, 14))), 1) for _ in range(3)]
            total = round(sum(p * w for p, w in zip(points, (0.5, 0.3, 0.2), strict=True)), 1)
            grade = "excellent" if total >= 80 else "good" if total >= 65 else "pass" if total >= 55 else "fail"
            for dimension, value, weight in zip(
                ("health_outcome", "service_process", "policy_effectiveness", "total"),
                [*points, total],
                (50, 30, 20, 100),
                strict=True,
            ):
                rows.append(
                    (
                        tree.periods[-1],
                        policy,
                        level,
                        area,
                        "nbphs_2025",
                        dimension,
                        value,
                        max(0.0, round(value - 6, 1)),
                        min(100.0, round(value + 6, 1)),
                        float(weight),
                        1.0,
                        grade if dimension == "total" else None,
                        "ok",
                        "m",
                    )
                )
    return pl.DataFrame(
        rows,
        schema=[
            "period",
            "policy_id",
            "area_level",
            "area_id",
            "rule_set",
            "dimension",
            "value",
            "lower",
            "upper",
            "weight",
            "coverage",
            "grade",
            "status",
            "method",
        ],
        orient="row",
    )


def _frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of a published table; what a row leaves out is null."""
    return pl.DataFrame(rows, schema=output_tables()[name].schema)


def _policies(tree: Tree, areas: pl.DataFrame) -> Frames:
    """One policy in force with five clauses, one not yet, and money of a policy that nobody registered."""
    now, rule = tree.periods[-1], {"rule_set": "nbphs_2025"}
    places = list(areas.select("area_level", "area_id").iter_rows())
    control, spent = "chronic_hypertension_control_pct", "fund_execution_against_time_pct"
    base = {"period": now, "policy_id": "htn_management"}
    parts = [
        {**base, **rule, "area_level": level, "area_id": area, "dimension": dimension, "indicator_id": indicator}
        | {"value": 40.0 + at % 7, "points": 10.0 + at % 7, "weight": 100.0, "low": 20.0, "high": 80.0, "status": "ok"}
        for at, (level, area) in enumerate(places)
        for dimension, indicator in (("health_outcome", control), ("policy_effectiveness", spent))
    ]
    own = [
        {"area_level": level, "area_id": area, "period": period, "policy_id": policy, "indicator_id": spent, **rule}
        | {"value": value, "method": "m", "status": "ok"}
        for level, area in places
        for period in tree.periods
        for policy, value in (("htn_management", 91.5), ("other", 11.5))
    ]
    top = dict(zip(("area_level", "area_id"), places[0], strict=True))
    clause = {**base, **rule, **top, "version": "2024"}
    visit = {"service_id": "visit", "times": 4, "per": "year", "mode": "face_to_face"}
    target = {"indicator_id": control, "target": 62.5, "target_by": date(2025, 12, 31), "target_reference": "目标文件"}
    lines = [
        (1, "visit", "none", {**visit, **target, "value": 58.25, "lower": 57.0, "upper": 59.0, "value_status": "ok"}),
        (2, "exam", "no_indicator", {**visit, "times": 1}),
        (3, "control", "no_service", {"indicator_id": control, "value": 58.25, "value_status": "ok"}),
        (4, "words", "no_service_no_indicator", {}),
    ]
    status = {"visit": "not_met", "control": "no_target"}
    money = [
        {**base, **spot, "source": source, "in_register": policy != "nobody", "policy_id": policy}
        | {
            f"{kind}_{span}fen": n * scale
            for kind, n in zip(_KINDS, (400, 300, 200), strict=True)
            for span, scale in _SPANS
        }
        for spot, policy in [
            *(({"area_level": level, "area_id": area}, "htn_management") for level, area in places),
            ({"area_level": "unplaced", "area_id": "c404"}, "htn_management"),
            (top, "nobody"),
        ]
        for source, n in (("central", 1), ("total", 1))
    ]
    register = [
        {**base, "status": "in_force", "version": "2024", "document": "新文件", "valid_from": date(2024, 4, 1)}
        | {"clauses": 4, "without_service": 2, "without_indicator": 2, "target_persons": 12345},
        {**base, "policy_id": "kiosks", "status": "not_yet", "valid_from": date(2030, 1, 1)}
        | {"clauses": 0, "without_service": 0, "without_indicator": 0},
    ]
    services = [
        {
            "service_id": "visit",
            "title_zh": "访",
            "title_en": "Visit",
            "times": 4,
            "per": "year",
            "mode": "face_to_face",
        }
        | {"period": now, "target_persons": 777, "policies": "htn_management"},
        {
            "service_id": "rounds",
            "title_zh": "巡",
            "title_en": "Rounds",
            "times": 2,
            "per": "month",
            "mode": "any",
            "period": now,
        },
    ]
    return {
        "score__indicators": _frame("score__indicators", parts),
        "ind__policies": _frame("ind__policies", own),
        "policy__clauses": _frame(
            "policy__clauses",
            [
                {**clause, "clause_no": number, "clause_id": key, "line_no": 1, "gap": gap}
                | {
                    "clause_zh": f"条款{key}",
                    "clause_en": f"Clause {key}",
                    "status": status.get(key, "not_measured"),
                    **more,
                }
                for number, key, gap, more in lines
            ],
        ),
        "policy__register": _frame("policy__register", register),
        "policy__services": _frame("policy__services", services),
        "policy__money": _frame("policy__money", money),
    }


def _risk(tree: Tree, areas: pl.DataFrame) -> pl.DataFrame:
    rng = random.Random(17)
    rows = []
    parts = (
        ("population_aged_65_plus_pct", 50.0),
        ("hospital_admissions_per_1k", 30.0),
        ("welfare_recipients_pct", 20.0),
    )
    for level, area in areas.select("area_level", "area_id").iter_rows():
        shares = [round(rng.uniform(10, 95), 1) for _ in parts]
        contributions = [round(share * weight / 100, 1) for share, (_, weight) in zip(shares, parts, strict=True)]
        total = round(sum(contributions), 1)
        for (component, weight), share, contribution in zip(parts, shares, contributions, strict=True):
            rows.append(
                (
                    tree.periods[-1],
                    level,
                    area,
                    "nbphs_2025",
                    component,
                    share / 3,
                    share,
                    weight,
                    contribution,
                    None,
                    None,
                    "ok",
                    "m",
                )
            )
        rows.append(
            (
                tree.periods[-1],
                level,
                area,
                "nbphs_2025",
                "total",
                None,
                total,
                100.0,
                total,
                round(total - 5, 1),
                round(total + 5, 1),
                "ok",
                "m",
            )
        )
    return pl.DataFrame(
        rows,
        schema=[
            "period",
            "area_level",
            "area_id",
            "rule_set",
            "component",
            "raw_value",
            "value",
            "weight",
            "contribution",
            "lower",
            "upper",
            "status",
            "method",
        ],
        orient="row",
        infer_schema_length=None,
    )


def _money(tree: Tree, areas: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = random.Random(19)
    leaf = next(iter(tree.levels))
    payees, lines = [], []
    for area, rural in areas.filter(pl.col("area_level") == leaf).select("area_id", "is_rural").iter_rows():
        population = rng.randint(2_000, 19_000)
        amounts = {
            "per_head": population * 1237,
            "need": population * rng.randint(300, 800),
            "performance": rng.randint(0, 900_000),
            "bounds": -rng.randint(0, 30_000),
        }
        payees.append(
            (
                tree.periods[-1],
                "a1",
                leaf,
                area,
                rural,
                population,
                sum(amounts.values()),
                rng.choice(["free", "floor", "cap"]),
                population * 1800,
            )
        )
        for order, (stream, amount) in enumerate(amounts.items(), start=1):
            lines.append(
                (
                    tree.periods[-1],
                    "a1",
                    leaf,
                    area,
                    order,
                    f"{area}-{order}",
                    stream,
                    Decimal(population),
                    "12.37",
                    amount,
                    "reports.finance.control.stream",
                    json.dumps({"name": {"zh": "按规定计算", "en": "by rule"}}, ensure_ascii=False),
                )
            )
    payees.append((tree.periods[-1], "a1", "fund", "reserve_fund", None, None, 1_000_001, "none", None))
    lines.append(
        (
            tree.periods[-1],
            "a1",
            "fund",
            "reserve_fund",
            1,
            "reserve-1",
            "reserve",
            None,
            None,
            1_000_001,
            "reports.finance.control.kind",
            json.dumps({"name": "reserve"}),
        )
    )
    return (
        pl.DataFrame(
            payees,
            schema=[
                "period",
                "allocation_id",
                "payee_kind",
                "payee_id",
                "is_rural",
                "population",
                "amount_fen",
                "bound",
                "equal_share_fen",
            ],
            orient="row",
            infer_schema_length=None,
        ),
        pl.DataFrame(
            lines,
            schema=[
                "period",
                "allocation_id",
                "payee_kind",
                "payee_id",
                "line_no",
                "line_id",
                "stream",
                "quantity",
                "rate",
                "amount_fen",
                "sentence_id",
                "sentence_params",
            ],
            orient="row",
            infer_schema_length=None,
        ),
    )


def _quality(tree: Tree) -> Frames:
    rng = random.Random(23)
    files, rules, checks = [], [], []
    for sender, feed, size in (
        ("health_bureau", "residents", 90_000),
        ("hospitals", "encounters", 12_000),
        ("civil_affairs", "welfare", 900),
    ):
        for institution in ("inst-1", "inst-2", "inst-3"):
            bad = [rng.randint(0, size // divisor) for divisor in (2000, 100, 40, 25, 60)]
            good = rng.randint(size // 2, size)
            unreadable, non_data, quarantined, superseded, duplicate = bad
            files.append(
                (
                    f"{sender}{institution}",
                    sender,
                    institution,
                    feed,
                    tree.periods[-1],
                    good + sum(bad),
                    unreadable,
                    non_data,
                    quarantined,
                    good,
                    superseded,
                    duplicate,
                    "taken",
                )
            )
            rules.append((tree.periods[-1], sender, feed, institution, "id_valid", "error", quarantined, 0, good))
        checks.append(
            (
                tree.periods[-1],
                f"{sender}.{feed}",
                "inst-1",
                None,
                None,
                None,
                "volume_against_previous",
                tree.periods[-2] if len(tree.periods) > 1 else None,
                "0.012",
                "0.5–2",
                1000,
                "WHO",
                "warning",
                sender != "hospitals",
                None if sender != "hospitals" else tree.periods[-1],
                "hospital_admissions_per_1k",
            )
        )
    return {
        "quality__files": pl.DataFrame(
            files,
            schema=[
                "file_id",
                "sender",
                "institution",
                "feed",
                "period",
                "records",
                "unreadable",
                "non_data",
                "quarantined",
                "current",
                "superseded",
                "duplicate",
                "status",
            ],
            orient="row",
        ),
        "quality__rules": pl.DataFrame(
            rules,
            schema=[
                "period",
                "sender",
                "feed",
                "institution",
                "rule_id",
                "severity",
                "records",
                "not_applicable",
                "checked",
            ],
            orient="row",
        ),
        "quality__deliveries": pl.DataFrame(
            checks,
            schema=output_tables()["quality__deliveries"].schema,
            orient="row",
        ),
    }


def build(tree: Tree, *, money: bool = True, hostile: str | None = None) -> tuple[ReportContext, Frames]:
    """Context and tables of a home with this tree of areas."""
    areas = _areas(tree, hostile)
    frames = {"areas": areas, "ind__values": _values(tree, areas), **_quality(tree)}
    context = ReportContext(
        home=words(
            "Albion" if tree.english else "云川市卫生健康委员会",
            "Albion Health Office" if tree.english else "Yunchuan Health Commission",
        ),
        period=tree.periods[-1],
        levels=tree.levels,
        rule_sets={"nbphs_2025": words("国家基本公共卫生服务规范（2025 口径）", "National basic services, 2025")},
        indicators=INDICATORS | {key: replace(INDICATORS[key], **changes) for key, changes in _IN_CHAIN.items()},
        policies={
            "htn_management": PolicyView(
                words("高血压患者健康管理", "Hypertension management"),
                words("服务类", "Service"),
                "国卫基层发〔2017〕13号",
                words("35岁及以上高血压患者", "Patients aged 35+"),
                words("基层科", "Primary care"),
                class_id="service",
                versions=(
                    VersionView("2017", "旧文件", date(2017, 2, 28), date(2024, 3, 31)),
                    VersionView("2024", "新文件", date(2024, 4, 1), None, words("频次提高", "More often")),
                ),
            ),
            "kiosks": PolicyView(words("健康小屋", "Kiosks"), words("服务类", "Service"), class_id="service"),
        },
        services={
            "visit": ServiceView(words("面访", "Visit"), feeds=("hospitals.encounters",)),
            "rounds": ServiceView(words("巡诊", "Rounds")),
        },
        sources={"central": words("中央", "Central")},
        grades={
            "excellent": words("优", "Excellent"),
            "good": words("良", "Good"),
            "pass": words("合格", "Pass"),
            "fail": words("不合格", "Fail"),
        },
        currency=CurrencyView(words("便士", "pence"), words("英镑", "pounds")) if tree.english else CurrencyView(),
        senders={
            "hospitals": words("医院", "Hospitals"),
            "health_bureau": words("卫健局", "Health bureau"),
            "civil_affairs": words("民政局", "Civil affairs"),
        },
        feeds={
            "hospitals.encounters": words("就诊记录", "Encounters"),
            "health_bureau.residents": words("居民健康档案", "Resident files"),
        },
        rules={"id_valid": words("身份证号有效", "Identity number is valid")},
        release_id=f"{tree.periods[-1]}-r1",
        warnings=(
            words("示例提示：西区的调查数据尚未送达。", "Sample note: survey data of the west have not arrived."),
        ),
    )
    if money:
        payees, lines = _money(tree, areas)
        frames |= {
            "alloc__payees": payees,
            "alloc__lines": lines,
            "score__policies": _scores(tree, areas),
            **_policies(tree, areas),
            "risk__areas": _risk(tree, areas),
        }
        context = ReportContext(
            **{
                **context.__dict__,
                "allocation": AllocationView(
                    words("季度补助", "Quarterly grant"),
                    payees["amount_fen"].sum(),
                    {
                        "per_head": words("按人头", "Per head"),
                        "need": words("按需", "By need"),
                        "performance": words("绩效", "Performance"),
                        "reserve": words("预备", "Reserve"),
                        "bounds": words("保底封顶调整", "Bounds"),
                    },
                    {"reserve_fund": words("统筹预备资金", "Contingency reserve")},
                    ("财社〔2022〕31号",),
                ),
            }
        )
    return context, frames


@pytest.fixture(scope="session")
def make_home() -> Callable[..., tuple[ReportContext, Frames]]:
    """The factory."""
    return build


@pytest.fixture(scope="session")
def trees() -> dict[str, Tree]:
    """The three shapes of home."""
    return {"city": CITY, "england": ENGLAND, "towns": TOWNS}
