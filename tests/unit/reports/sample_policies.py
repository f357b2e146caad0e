"""Invented policies of a home: scores, registers, services, clauses, money by policy.

Put here: tables about policies. Keep out: areas and values (sample_areas), risk and allocation (sample_money).
"""

# ruff: noqa: S311  (numbers to draw, not secrets)
import random
from datetime import date
from typing import Any

import polars as pl

from data_contracts.tables import output_tables
from tests.unit.reports.sample_areas import Frames, Tree

_KINDS, _SPANS = ("budget", "appropriation", "spending"), (("", 1), ("ytd_", 1000))


def scores_of(tree: Tree, areas: pl.DataFrame) -> pl.DataFrame:
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


def frame_of(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of a published table; what a row leaves out is null."""
    return pl.DataFrame(rows, schema=output_tables()[name].schema)


def policies_of(tree: Tree, areas: pl.DataFrame) -> Frames:
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
        "score__indicators": frame_of("score__indicators", parts),
        "ind__policies": frame_of("ind__policies", own),
        "policy__clauses": frame_of(
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
        "policy__register": frame_of("policy__register", register),
        "policy__services": frame_of("policy__services", services),
        "policy__money": frame_of("policy__money", money),
    }
