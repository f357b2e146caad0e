"""The index engine against published inputs with published results: a whole pipeline, weights, TOPSIS, RSR, others."""

import json
import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from data_contracts.closed import DefinitionError, parse
from data_contracts.index_spec.document import IndexSpec, read_spec
from evaluations.index import grading, weighing
from evaluations.index.scoring import Scored, scored
from evaluations.index.sheet import sheet_of
from evaluations.index.tables import index_tables

CASES = os.environ.get("KANGHENG_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="KANGHENG_CASES is not set: published cases are not compared")
_MEAN = {"how": "arithmetic", "missing": "reweigh"}


def _folder(name: str) -> Path:
    return Path(str(CASES)) / name


def _spec(tree: Mapping[str, Any], **more: Any) -> IndexSpec:
    document = {"id": "case", "titles": {"zh": "案例", "en": "Case"}, "reference": "published", "unit": "unit", **more}
    return parse(IndexSpec, {**document, "tree": tree}, "case")


# The whole pipeline of the Asia-Europe connectivity index.


def _asem_spec() -> IndexSpec:
    branches: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in pl.read_csv(_folder("coinr-asem-pipeline") / "indicator_metadata.csv").iter_rows(named=True):
        leaf: dict[str, Any] = {"id": row["IndCode"], "weight": row["IndWeight"]}
        leaf["direction"] = "higher_is_better" if row["Direction"] > 0 else "lower_is_better"
        if row["Denominator"]:
            leaf["ratio"] = {"numerator": row["IndCode"], "denominator": row["Denominator"]}
        branches.setdefault(row["Agg2"], {}).setdefault(row["Agg1"], []).append(leaf)
    # Their table of ranks was made from the table of scores with two decimals.
    ranks = [{"ties": "min", "round": {"digits": 2, "how": "half_up"}}]
    ranked = {"weight": 1, "combine": _MEAN, "ranks": ranks}
    subindexes = [
        {"id": name, **ranked, "parts": [{"id": key, **ranked, "parts": leaves} for key, leaves in pillars.items()]}
        for name, pillars in branches.items()
    ]
    steps = [
        {"step": "impute", "how": "mean", "within": ["Group_EurAsia"]},
        {"step": "winsorise", "how": "skewness", "skewness": 2, "kurtosis": 3.5, "most_points": 6, "then": "log"},
        {"step": "min_max"},
    ]
    return _spec(
        {"id": "Index", "combine": _MEAN, "parts": subindexes, "ranks": ranks},
        unit="UnitCode",
        trace=True,
        defaults={"steps": steps},
    )


@pytest.fixture(scope="module")
def asem() -> tuple[Scored, dict[str, pl.DataFrame]]:
    folder = _folder("coinr-asem-pipeline")
    raw, bottom = (pl.read_csv(folder / name, infer_schema=False) for name in ("raw.csv", "denominators.csv"))
    extra = [name for name in bottom.columns if name.startswith("Den_")]
    frame = raw.join(bottom.select("UnitCode", *extra), on="UnitCode")
    spec = _asem_spec()
    return scored(spec, sheet_of(frame, spec)), index_tables(spec, frame)


def _agrees(found: Mapping[str, np.ndarray], units: Sequence[str], name: str) -> int:
    """Columns compared: each agrees to 1e-12 of its size, missing where missing."""
    table = pl.read_csv(_folder("coinr-asem-pipeline") / name, infer_schema_length=None, null_values=["NA"])
    table = table.sort("UnitCode")
    assert table["UnitCode"].to_list() == list(units)
    shared = [column for column in table.columns if column in found]
    for column in shared:
        wanted = table[column].cast(pl.Float64).to_numpy()
        np.testing.assert_allclose(found[column], wanted, rtol=1e-12, atol=1e-12, equal_nan=True, err_msg=column)
    return len(shared)


def test_every_stage_of_the_connectivity_index(asem: tuple[Scored, dict[str, pl.DataFrame]]) -> None:
    found = asem[0]
    units = found.sheet.units
    assert _agrees(found.raw, units, "expected_denominated.csv") == 49
    filled = {part: figures for part, step, figures in found.notes.trace or [] if step == "1 impute"}
    assert _agrees(filled, units, "expected_imputed.csv") == 49
    assert _agrees(found.treated, units, "expected_treated.csv") == 49
    assert _agrees(found.scores, units, "expected_normalised.csv") == 49
    assert _agrees(found.scores, units, "expected_aggregated.csv") == 49 + 8 + 2 + 1


def test_published_scores_ranks_and_treated_points(asem: tuple[Scored, dict[str, pl.DataFrame]]) -> None:
    found, tables = asem
    printed = pl.read_csv(_folder("coinr-asem-pipeline") / "expected_scores.csv").sort("UnitCode")
    for column in printed.columns[3:]:
        assert np.abs(np.round(found.scores[column], 2) - printed[column].to_numpy()).max() < 0.0051
    wanted = pl.read_csv(_folder("coinr-asem-pipeline") / "expected_ranks.csv").sort("UnitCode")
    for column in wanted.columns[2:]:
        ranks = tables["ranks"].filter(part=column).sort("unit")["rank"].to_list()
        assert ranks == wanted[column].to_list(), column
    flags = pl.read_csv(_folder("coinr-asem-pipeline") / "expected_treatment_flags.csv").sort("UnitCode")
    touched = tables["indicators"].filter(pl.col("flags").str.contains("drawn_in"))
    ours = set(touched.select("unit", "indicator").iter_rows())
    theirs = {
        (row["UnitCode"], name)
        for row in flags.iter_rows(named=True)
        for name in flags.columns[1:]
        if row[name] != "No"
    }
    assert ours == theirs
    assert len(ours) == 35
    summary = pl.read_csv(_folder("coinr-asem-pipeline") / "expected_treatment_summary.csv")
    counted = {row["IndCode"]: row["Low"] + row["High"] for row in summary.iter_rows(named=True)}
    drawn = dict(tables["diagnostics"].filter(measure="points_drawn_in").select("part", "value").iter_rows())
    assert {name: drawn.get(name, 0.0) for name in counted} == counted


# Small published cases of weights and aggregation.


def _cases(method: str) -> list[dict[str, Any]]:
    cases = json.loads((_folder("mcdm-weights-topsis-ahp-rsr") / "expected.json").read_text(encoding="utf-8"))
    found = [case for case in cases if case["method"].startswith(method)]
    assert found
    return found


def _run(case: Mapping[str, Any], **group: Any) -> Scored:
    """The case as a spec: columns as parts, each read as its type says."""
    matrix = np.array(case["matrix"])
    types = case["types"] or [1] * matrix.shape[1]
    weights = case["weights"] or [1] * matrix.shape[1]
    parts = [
        {"id": f"c{at}", "weight": weights[at], "steps": [] if kind == 1 else [{"step": "transform", "how": "negate"}]}
        for at, kind in enumerate(types)
    ]
    tree = {"id": "root", "combine": {"how": "arithmetic", "missing": "refuse"}, "parts": parts, **group}
    frame = pl.DataFrame({"unit": [f"u{row:03d}" for row in range(len(matrix))]}).hstack(
        [pl.Series(f"c{at}", column) for at, column in enumerate(matrix.T.tolist())]
    )
    spec = _spec(tree)
    return scored(spec, sheet_of(frame, spec))


def _printed(case: Mapping[str, Any], found: Sequence[float]) -> None:
    digits = case["decimals"] if case["decimals"] is not None else 7
    np.testing.assert_allclose(found, case["expected"], rtol=0, atol=0.51 * 10.0**-digits)


@pytest.mark.parametrize(
    ("method", "rule"),
    [
        ("entropy", {"how": "entropy", "scale": "none"}),
        ("standard-deviation", {"how": "deviation", "scale": "none", "ddof": 1}),
        ("CRITIC", {"how": "critic", "ddof": 1}),
        ("statistical variance", {"how": "variance", "ddof": 0}),
    ],
)
def test_weights_learnt_from_data(method: str, rule: dict[str, Any]) -> None:
    for case in _cases(method):
        _printed(case, weighing.scaled(_run(case, weights=rule).weights["root"])[0])


def test_merec_weights() -> None:
    """MEREC reads parts by their share of the best: a cost as figure/greatest, which the reciprocal gives."""
    for case in _cases("MEREC"):
        matrix = np.array(case["matrix"])
        for at, kind in enumerate(case["types"]):
            matrix[:, at] = matrix[:, at] if kind == 1 else 1 / matrix[:, at]
        turned = {**case, "matrix": matrix.tolist(), "types": None}
        _printed(case, weighing.scaled(_run(turned, weights={"how": "merec"}).weights["root"])[0])


@pytest.mark.parametrize(
    ("method", "combine"),
    [
        ("TOPSIS vector", {"how": "topsis", "normalise": "vector"}),
        ("TOPSIS min-max", {"how": "topsis", "normalise": "min_max"}),
        ("EDAS", {"how": "edas"}),
    ],
)
def test_aggregation(method: str, combine: dict[str, Any]) -> None:
    for case in _cases(method):
        _printed(case, _run(case, combine={**combine, "missing": "refuse"}).scores["root"])


def test_vikor_is_published_the_other_way_round() -> None:
    for case in _cases("VIKOR"):
        _printed(case, 1 - _run(case, combine={"how": "vikor", "missing": "refuse"}).scores["root"])


def _compared(case: Mapping[str, Any], folder: Path, **rule: Any) -> dict[str, pl.DataFrame]:
    """The comparison as a spec in a file, cells written as people write them (1/3), and everything a run finds."""
    comparison = [[str(Fraction(cell).limit_denominator(9)) for cell in row] for row in case["matrix"]]
    names = [f"c{at}" for at in range(len(comparison))]
    tree = {
        "id": "root",
        "combine": _MEAN,
        "weights": {"how": "ahp", "comparison": comparison, **rule},
        "parts": [{"id": name, "steps": []} for name in names],
    }
    document = {"id": "case", "titles": {"zh": "案例", "en": "Case"}, "reference": case["source"], "unit": "unit"}
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump({**document, "tree": tree}, allow_unicode=True), encoding="utf-8")
    frame = pl.DataFrame({"unit": ["a", "b"], **{name: [1.0, 2.0] for name in names}})
    return index_tables(read_spec(path), frame)


@pytest.mark.parametrize("case", _cases("AHP") if CASES else [], ids=lambda case: case["name"])
def test_weights_of_pairwise_comparisons(case: Mapping[str, Any], tmp_path: Path) -> None:
    # One of the published comparisons is too inconsistent for the customary limit, so the spec has to say another.
    _printed(case, _compared(case, tmp_path, consistency_below=1)["weights"]["share"].to_list())


@pytest.mark.parametrize("case", _cases("consistency ratio") if CASES else [], ids=lambda case: case["name"])
def test_consistency_ratio_of_pairwise_comparisons(case: Mapping[str, Any], tmp_path: Path) -> None:
    # Donegan and Dodd's random index of seven parts is stated as a number.
    random = "saaty" if "Saaty" in case["method"] else 1.2519
    found = _compared(case, tmp_path, random_index=random)["diagnostics"]
    _printed(case, found.filter(measure="consistency_ratio")["value"].to_list())


def test_a_published_comparison_beyond_the_limit_is_refused_with_its_ratio(tmp_path: Path) -> None:
    (case,) = [case for case in _cases("AHP") if case["name"] == "wang-chin2011"]
    with pytest.raises(DefinitionError, match=r"root.*consistency ratio"):
        _compared(case, tmp_path)


def test_rank_sum_ratio_and_its_distribution() -> None:
    folder = _folder("mcdm-weights-topsis-ahp-rsr")
    frame = pl.read_csv(folder / "rsr_maternal_health_10_regions.csv").rename({"region": "unit"})
    turned = [{"step": "transform", "how": "negate"}]
    parts = [{"id": "antenatal_care_pct", "steps": []}] + [
        {"id": name, "direction": "lower_is_better", "steps": turned}
        for name in ("maternal_mortality", "perinatal_mortality")
    ]
    combine = {"how": "rank_sum_ratio", "missing": "refuse"}
    spec = _spec({"id": "root", "combine": combine, "weights": {"how": "equal"}, "parts": parts})
    found = scored(spec, sheet_of(frame, spec)).scores["root"]
    wanted = pl.read_csv(folder / "rsr_expected_integer_method.csv")["rsr_integer"].to_numpy()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)
    distribution = pl.read_csv(folder / "rsr_distribution.csv")
    figures, shares, probits = grading.rank_distribution(found.round(12))
    np.testing.assert_allclose(figures, distribution["rsr"].to_numpy(), atol=1e-9)
    np.testing.assert_allclose(shares, distribution["p"].to_numpy(), atol=1e-12)
    np.testing.assert_allclose(probits, distribution["probit"].to_numpy(), atol=1e-12)
    np.testing.assert_allclose(grading.probit_line(found.round(12)), [-0.6086, 0.2217], atol=0.00006)
