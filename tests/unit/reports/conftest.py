"""Homes to draw: context and tables of an invented city, an England-like tree and towns without money.

Put here: putting the samples together, and fixtures. Keep out: the tables themselves (sample_*.py).
"""

# ruff: noqa: S311  (numbers to draw, not secrets)
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from data_contracts.tables import output_tables
from reports.context import (
    AllocationView,
    CurrencyView,
    PolicyView,
    ReportContext,
    ServiceView,
    VersionView,
    words,
)
from tests.unit.reports.sample_areas import (
    CITY,
    ENGLAND,
    IN_CHAIN,
    INDICATORS,
    TOWNS,
    Frames,
    Tree,
    areas_of,
    values_of,
)
from tests.unit.reports.sample_money import money_of, risk_of
from tests.unit.reports.sample_policies import policies_of, scores_of


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
    areas = areas_of(tree, hostile)
    frames = {"areas": areas, "ind__values": values_of(tree, areas), **_quality(tree)}
    context = ReportContext(
        home=words(
            "Albion" if tree.english else "云川市卫生健康委员会",
            "Albion Health Office" if tree.english else "Yunchuan Health Commission",
        ),
        period=tree.periods[-1],
        levels=tree.levels,
        rule_sets={"nbphs_2025": words("国家基本公共卫生服务规范（2025 口径）", "National basic services, 2025")},
        indicators=INDICATORS | {key: replace(INDICATORS[key], **changes) for key, changes in IN_CHAIN.items()},
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
        payees, lines = money_of(tree, areas)
        frames |= {
            "alloc__payees": payees,
            "alloc__lines": lines,
            "score__policies": scores_of(tree, areas),
            **policies_of(tree, areas),
            "risk__areas": risk_of(tree, areas),
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
