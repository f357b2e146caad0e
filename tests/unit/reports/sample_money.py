"""Invented risk and allocated money of a home.

Put here: the tables of risk and allocation. Keep out: what leads to them (sample_areas, sample_policies).
"""

# ruff: noqa: S311  (numbers to draw, not secrets)
import json
import random
from decimal import Decimal

import polars as pl

from tests.unit.reports.sample_areas import Tree


def risk_of(tree: Tree, areas: pl.DataFrame) -> pl.DataFrame:
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


def money_of(tree: Tree, areas: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
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
                    "finance.control.stream",
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
            "finance.control.kind",
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
        ).with_columns(
            paid_due_fen="amount_fen", paid_before_fen=pl.lit(0, pl.Int64), year_fen=4 * pl.col("amount_fen")
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
