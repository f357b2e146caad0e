"""Explaining a score and a risk, and verifying that their parts sum."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.release.explain import ReleasedPeriod, explain_area, explain_cell
from assets.release.verify import _scores
from data_contracts.tables import output_tables

AT = {"period": "2025Q3", "area_level": "community", "area_id": "m", "rule_set": "r"}
WORDS = {"zh": "词", "en": "word"}
SCORE = {**AT, "policy_id": "p", "value": 70.0, "lower": 60.0, "upper": 80.0, "weight": 100.0, "coverage": 1.0,
         "grade": "fair", "status": "ok", "method": "x"}  # fmt: skip
POINTS = {**AT, "policy_id": "p", "weight": 100.0, "low": 0.0, "high": 100.0, "status": "ok"}
RANK = {"rank": 2.0, "of": 9, "median": 3.0, "lower": 1.0, "upper": 7.0, "chance_of_top": 0.1}
RISK = {**AT, "index_id": "need", "weight": 100.0, "status": "ok", "method": "x"}
TABLES: dict[str, list[dict[str, Any]]] = {
    "score__policies": [{**SCORE, "dimension": "total"}, {**SCORE, "dimension": "health_outcome", "value": 60.0}],
    "score__indicators": [
        {**POINTS, "dimension": "health_outcome", "indicator_id": "a", "value": 60.0, "points": 60.0,
         "contribution": 30.0},
        {**POINTS, "dimension": "service_process", "indicator_id": "b", "value": 80.0, "points": 80.0,
         "contribution": 40.0},
    ],
    "score__ranks": [{**AT, **RANK, "policy_id": "p", "among": "areas"}],
    "score__grades": [{**AT, "policy_id": "p", "grade": "fair", "chance": 0.8},
                      {**AT, "policy_id": "p", "grade": "good", "chance": 0.2}],
    "risk__areas": [{**RISK, "component": "total", "value": 50.0, "contribution": 50.0},
                    {**RISK, "component": "old", "value": 50.0, "contribution": 50.0, "raw_value": 0.5}],
    "risk__ranks": [{**AT, **RANK, "index_id": "need"}],
    "risk__grades": [{**AT, "index_id": "need", "grade": "high", "chance": 1.0}],
    "mart__areas": [{"period": "2025Q3", "area_level": "community", "area_id": "m", "area_name": "甲",
                     "leaf_count": 1}],
    "ind__values": [], "ind__rebased": [], "alloc__payees": [],
}  # fmt: skip


@pytest.fixture
def release(tmp_path: Path) -> ReleasedPeriod:
    tree = {"id": "total", "parts": [{"id": "old", "titles": {"zh": "老龄", "en": "Old age"}}],
            "grades": [{"classes": [{"id": "high", "titles": {"zh": "较高", "en": "Higher"}}]}]}  # fmt: skip
    settings = {
        "indicators": {"a": {"titles": {"zh": "甲指标", "en": "First"}},
                       "b": {"titles": {"zh": "乙指标", "en": "Second"}}},
        "rule_sets": {"r": {"titles": WORDS, "reference": "x"}},
        "policies": {"policies": {"p": {"titles": WORDS}}, "grades": {"fair": {"titles": {"zh": "中", "en": "Fair"}},
                                                                      "good": {"titles": {"zh": "良", "en": "Good"}}}},
        "indices": {"need": {"tree": tree}},
        "locks": {"locks": [{"entry": "policy:p", "at": "then", "by": "old", "hash": "0"},
                            {"entry": "policy:p", "at": "2025-01-01", "by": "甲", "hash": "f" * 64}]},
    }  # fmt: skip
    folder = tmp_path / "internal"
    (folder / "tables").mkdir(parents=True)
    manifest = {"period": "2025Q3", "inputs": [], "settings": settings}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    for name, rows in TABLES.items():
        pl.DataFrame(rows, schema=output_tables()[name].schema).write_parquet(folder / "tables" / f"{name}.parquet")
    return ReleasedPeriod.open(tmp_path)


def told(release: ReleasedPeriod, cell: str, language: str = "zh") -> str:
    return explain_cell(release, cell, lambda _: [], lambda *_: (None, None)).text(language)


def test_a_total_tells_its_indicators_rank_chances_and_lock(release: ReleasedPeriod) -> None:
    words = told(release, "score__policies:2025Q3/p/community/m/r/total")
    for said in ("甲指标", "30.0", "乙指标", "40.0", "9 个地区中排第 2", "第 1 至第 7", "“中”的可能性 80%", "f" * 64):
        assert said in words, said
    assert "old" not in words
    assert words.index("“中”") < words.index("“良”")


def test_a_dimension_tells_its_own_indicators_only(release: ReleasedPeriod) -> None:
    words = told(release, "score__policies:2025Q3/p/community/m/r/health_outcome", "en")
    assert "First" in words
    assert "Second" not in words
    assert "rank 2" not in words


def test_a_risk_tells_components_by_the_words_of_their_index(release: ReleasedPeriod) -> None:
    words = told(release, "risk__areas:2025Q3/community/m/r/total")
    for said in ("老龄", "9 个地区中排第 2", "“较高”的可能性 100%"):
        assert said in words, said
    area = explain_area(release, "m", str, lambda _: [])
    assert "老龄" in area.text("zh")


def test_a_release_of_before_has_no_such_tables_and_is_explained_all_the_same(release: ReleasedPeriod) -> None:
    for name in ("score__ranks", "score__grades", "risk__ranks", "risk__grades"):
        (release.folder / "tables" / f"{name}.parquet").unlink()
    for key in ("indices", "locks"):
        del release.manifest["settings"][key]
    assert "甲指标" in told(release, "score__policies:2025Q3/p/community/m/r/total")


@pytest.mark.parametrize(
    ("table", "column", "value", "sentence"),
    [
        ("score__indicators", "contribution", 29.99, "verify_score_contributions"),
        ("score__grades", "chance", 0.9, "verify_chances"),
        ("score__grades", "chance", 0.5, None),
    ],
)
def test_parts_that_do_not_sum_are_found(table: str, column: str, value: float, sentence: str | None) -> None:
    frames = {name: pl.DataFrame(rows, schema=output_tables()[name].schema) for name, rows in TABLES.items()}
    assert list(_scores(frames, {})) == []
    changed = pl.Series(column, [value, *frames[table][column].to_list()[1:]])
    if value == 0.9:
        changed = pl.Series(column, [0.9, 0.2])
    found = list(_scores({**frames, table: frames[table].with_columns(changed)}, {}))
    assert [problem.sentence for problem in found] == ([sentence] if sentence else [])
