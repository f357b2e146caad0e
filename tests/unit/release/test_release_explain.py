"""Explaining a figure that was counted anew on today's areas."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.release.explain import ReleasedPeriod, explain_area, explain_cell, explain_payee
from data_contracts.closed import DefinitionError
from data_contracts.messages import both
from data_contracts.tables import output_tables


def NEVER(_: str) -> tuple[str, ...]:  # noqa: N802
    return ()


KEY = "2025Q3/community/m/2025Q1/welfare_recipients_pct/national_2017/all"
ROW = {
    "geography": "2025Q3",
    "area_level": "community",
    "area_id": "m",
    "period": "2025Q1",
    "indicator_id": "welfare_recipients_pct",
    "rule_set": "national_2017",
    "stratum": "all",
    "numerator": Decimal(3),
    "denominator": Decimal(30),
    "value": 10.0,
    "lower": 3.5,
    "upper": 25.6,
    "method": "wilson",
    "status": "ok",
}


@pytest.fixture
def release(tmp_path: Path) -> ReleasedPeriod:
    words = {"zh": "词", "en": "word"}
    entry = dict.fromkeys(("titles", "unit", "definition", "numerator_words", "denominator_words"), words)
    manifest = {
        "period": "2025Q3",
        "inputs": [],
        "settings": {
            "indicators": {"welfare_recipients_pct": {**entry, "window": "at_end"}},
            "rule_sets": {"national_2017": {"titles": words, "reference": "x"}},
        },
    }
    folder = tmp_path / "internal"
    (folder / "tables").mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    area = {"period": "2025Q3", "area_level": "community", "area_id": "m", "area_name": "合并社区", "leaf_count": 1}
    tables: dict[str, list[dict[str, Any]]] = {"ind__rebased": [ROW], "mart__areas": [area]}
    for name in ("ind__values", "score__policies", "risk__areas", "alloc__payees"):
        tables[name] = []
    for name, rows in tables.items():
        frame = pl.DataFrame(rows, schema=output_tables()[name].schema)
        frame.write_parquet(folder / "tables" / f"{name}.parquet")
    return ReleasedPeriod.open(tmp_path)


@pytest.mark.parametrize(("again", "same"), [((Decimal(3), Decimal(30)), True), ((Decimal(4), Decimal(30)), False)])
def test_a_figure_counted_anew_says_so_and_is_recounted_on_the_same_areas(
    release: ReleasedPeriod, again: tuple[Decimal, Decimal], same: bool
) -> None:
    asked: list[dict[str, Any]] = []

    def recount(indicator_id: str, row: dict[str, Any]) -> tuple[Decimal, Decimal]:
        asked.append(row)
        return again

    found = explain_cell(release, f"ind__rebased:{KEY}", lambda _: [], recount)
    assert both("explain_geography", period="2025Q1", geography="2025Q3") in found.sentences
    assert asked[0]["geography"] == "2025Q3"
    assert found.values["same"] is same


def test_files_behind_a_figure_are_listed_by_period_then_feed_then_institution(release: ReleasedPeriod) -> None:
    places = [(p, f, i) for p in ("2024Q4", "2025Q1") for f in ("a", "b") for i in (None, "H1", "H2")]
    listed = [
        {"sender": "s", "feed": feed, "period": period, "institution": name, "sha256": f"{at:02}"}
        for at, (period, feed, name) in enumerate(places)
    ]
    release.manifest["inputs"] = [listed[at * 5 % 12] for at in range(12)]
    found = explain_cell(release, f"ind__rebased:{KEY}", lambda _: ["s.a", "s.b"], lambda *_: (Decimal(3), Decimal(30)))
    assert found.values["sources"] == [item for item in listed if item["period"] == "2025Q1"]
    assert [words["zh"][-2:] for words in found.sentences[-6:]] == [item["sha256"] for item in listed[6:]]


def test_an_area_made_of_others_says_which_periods_are_counted_anew(release: ReleasedPeriod) -> None:
    found = explain_area(release, "m", str, NEVER)
    assert found.sentences[0] == both("explain_moved", count=1, first="2025Q1", last="2025Q1")


def test_a_release_without_that_table_is_explained_as_before(release: ReleasedPeriod) -> None:
    (release.folder / "tables" / "ind__rebased.parquet").unlink()
    assert explain_area(release, "m", str, NEVER).sentences == []


@pytest.mark.parametrize(
    ("asked", "became", "said"),
    [
        ("gone", ["m"], {"zh": "现为 m", "en": "it is now m"}),
        ("gone", ["gone"], {"zh": "没有地区“gone”", "en": "no area 'gone'"}),
        ("mm", [], {"zh": "最接近的是 m", "en": "nearest: m"}),
        ("zzz", [], {"zh": "没有地区“zzz”", "en": "no area 'zzz'"}),
    ],
)
def test_an_unknown_area_is_told_what_it_became_or_what_is_near(
    release: ReleasedPeriod, asked: str, became: list[str], said: dict[str, str]
) -> None:
    with pytest.raises(DefinitionError) as error:
        explain_area(release, asked, str, lambda _: became)
    for language, words in said.items():
        assert words in error.value.words(language)
        assert "None" not in error.value.words(language)


def test_values_of_an_area_are_told_apart_by_rule_set_and_stratum(release: ReleasedPeriod) -> None:
    both_sets = [{**ROW, "period": "2025Q3", "stratum": stratum} for stratum in ("all", "sex=F")]
    rows = [{name: value for name, value in row.items() if name != "geography"} for row in both_sets]
    frame = pl.DataFrame(rows, schema=output_tables()["ind__values"].schema)
    frame.write_parquet(release.folder / "tables" / "ind__values.parquet")
    lines = explain_area(release, "m", str, NEVER).text("zh").splitlines()[1:]
    assert len(lines) == len(set(lines)) == 2
    assert ["全部人群" in line for line in lines] == [True, False]
    assert ["sex=F" in line for line in lines] == [False, True]


def test_an_area_without_a_value_is_told_why_not_given_a_dash(release: ReleasedPeriod) -> None:
    row = {name: value for name, value in ROW.items() if name not in ("geography", "lower", "upper")}
    row |= {"period": "2025Q3", "value": None, "status": "small_denominator"}
    pl.DataFrame([row], schema=output_tables()["ind__values"].schema).write_parquet(
        release.folder / "tables" / "ind__values.parquet"
    )
    (line,) = explain_area(release, "m", str, NEVER).text("zh").splitlines()[1:]
    assert line.endswith("没有数值：分母过小，不计算")


def test_lines_of_the_period_name_their_stream(release: ReleasedPeriod) -> None:
    manifest = release.manifest["settings"]
    manifest["home"] = {"currency": {"major": {"zh": "元", "en": "yuan"}}}
    manifest["allocation"] = {"streams": [{"id": "need", "titles": {"zh": "需要资金", "en": "Need"}}, {"id": "deeds"}]}
    key = {"period": "2025Q3", "allocation_id": "a", "payee_kind": "community", "payee_id": "m"}
    lines = [("need", 500, "paid_before"), ("deeds", -300, "paid_before"), ("deeds", 20, "owed")]
    rows = [
        {**key, "line_no": at, "line_id": line_id, "stream": stream, "amount_fen": fen, "sentence_params": "{}",
         "sentence_id": f"allocate.line.{line_id}"}
        for at, (stream, fen, line_id) in enumerate(lines, 1)
    ]  # fmt: skip
    payee = {**key, "amount_fen": 220}
    for name, frame in {"alloc__lines": rows, "alloc__payees": [payee]}.items():
        schema = output_tables()[name].schema
        pl.DataFrame(frame, schema=schema).write_parquet(release.folder / "tables" / f"{name}.parquet")
    said = explain_payee(release, "m", str).text("zh").splitlines()[1:]
    assert len(set(said)) == 3
    for line, stream in zip(said, ("需要资金：", "deeds：", "deeds：同一资金内"), strict=True):
        assert stream in line
