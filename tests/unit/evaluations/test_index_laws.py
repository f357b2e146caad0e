"""Laws of any index: order and names do not matter, contributions sum exactly, better is not worse, guards hold."""

from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.closed import DefinitionError
from data_contracts.index_spec.document import spec_hash
from evaluations.index.sheet import SheetError, sheet_of
from evaluations.index.tables import index_tables
from tests.unit.evaluations.index_world import MEAN, computed, frame_of, one, root, spec_of, tables

FIGURES = st.one_of(st.none(), st.integers(1, 1000).map(lambda tenths: tenths / 10))
HOWS = ["arithmetic", "geometric", "harmonic", "sum", "minimum", "median", "topsis", "rank_sum_ratio", "copeland"]
NORMALISED = [
    {"step": "min_max", "low": 1, "high": 100},
    {"step": "percentile_rank", "rule": "exc", "ties": "average", "scale": 100},
    {"step": "goalposts", "worst": 0, "best": 100, "low": 1},
]


@st.composite
def cities(draw, least=3):
    height = draw(st.integers(least, 9))
    return {name: draw(st.lists(FIGURES, min_size=height, max_size=height)) for name in "abc"}


def three(how, step, steps=(), missing="reweigh"):
    leaf = {"steps": [dict(step)]}
    parts = [
        {
            "id": "left",
            "weight": 2,
            "combine": {
                "how": "arithmetic",
                "missing": missing,
                **({"substitute": 50} if missing == "substitute" else {}),
            },
            "parts": [{"id": "a", "weight": 1, **leaf}, {"id": "b", "weight": 3, **leaf}],
        },
        {"id": "c", "weight": 1, **leaf},
    ]
    combine = {"how": how, "missing": missing, **({"substitute": 50} if missing == "substitute" else {})}
    return spec_of(
        {"id": "root", "combine": combine, "parts": parts, "steps": list(steps), "ranks": [{"ties": "min"}]}, digits=4
    )


@settings(max_examples=25)
@given(
    cities(),
    st.sampled_from(HOWS),
    st.sampled_from(NORMALISED),
    st.sampled_from(["reweigh", "refuse", "substitute"]),
    st.sampled_from(
        [[], [{"step": "linear", "times": 0.7, "plus": 3}], [{"step": "adjust", "id": "veto", "at_most": 59}]]
    ),
)
def test_contributions_sum_exactly_to_the_published_score(columns, how, step, missing, steps):
    found = tables(three(how, step, steps, missing), columns)
    totals = dict(found["scores"].filter(part="root").select("unit", "value").iter_rows())
    for unit, total in totals.items():
        lines = found["contributions"].filter(pl.col("unit") == unit)["contribution"].to_list()
        if total is None:
            assert lines == [None] * len(lines)
        else:
            assert sum(Decimal(str(line)) for line in lines) == Decimal(str(total))


@settings(max_examples=12)
@given(cities(), st.sampled_from(HOWS), st.sampled_from(NORMALISED), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_of_columns_changes_no_byte(columns, how, step, shuffle):
    frame = frame_of(columns)
    order, names = list(range(frame.height)), list(frame.columns)
    shuffle.shuffle(order)
    shuffle.shuffle(names)
    spec = three(how, step)
    one_way, other_way = index_tables(spec, frame), index_tables(spec, frame[order].select(names))
    assert {name: table.write_csv() for name, table in one_way.items()} == {
        name: table.write_csv() for name, table in other_way.items()
    }


@settings(max_examples=60)
@given(cities(), st.sampled_from(["arithmetic", "geometric", "harmonic", "sum", "minimum", "median"]), st.data())
def test_a_better_figure_never_lowers_the_own_score(columns, how, data):
    """With fixed goalposts, where nobody's figure depends on the others'."""
    at = data.draw(st.integers(0, len(columns["a"]) - 1))
    if columns["a"][at] is None:
        return
    spec = three(how, NORMALISED[2])
    better = {**columns, "a": [cell + 5 if row == at else cell for row, cell in enumerate(columns["a"])]}
    before, after = root(spec, columns), root(spec, better)
    assert not after[at] < before[at] - 1e-9
    assert np.array_equal(np.delete(before, at), np.delete(after, at), equal_nan=True)


@settings(max_examples=60)
@given(cities(), st.sampled_from(["arithmetic", "geometric", "harmonic", "minimum", "maximum", "median"]))
def test_a_mean_lies_between_its_parts_and_equals_equal_parts(columns, how):
    spec = three(how, NORMALISED[2])
    found = computed(spec, columns)[1].scores
    pairs = np.column_stack([found["left"], found["c"]])
    known = np.isfinite(found["root"])
    assert (known == np.isfinite(pairs).any(axis=1)).all()
    assert (found["root"][known] >= np.nanmin(pairs[known], axis=1) - 1e-9).all()
    assert (found["root"][known] <= np.nanmax(pairs[known], axis=1) + 1e-9).all()


@settings(max_examples=40)
@given(cities(), st.floats(0.01, 100), st.floats(-50, 50))
def test_units_of_measurement_do_not_matter(columns, factor, shift):
    for step in ({"step": "min_max"}, {"step": "z", "ddof": 1}):
        spec = three("arithmetic", step)
        changed = {
            name: [None if cell is None else cell * factor + shift for cell in cells] for name, cells in columns.items()
        }
        before, after = computed(spec, columns)[1].scores, computed(spec, changed)[1].scores
        spreads = [np.ptp([cell for cell in columns[name] if cell is not None] or [0]) for name in "abc"]
        if min(spreads) > 1:
            assert np.allclose(before["root"], after["root"], rtol=1e-6, atol=1e-6, equal_nan=True)


@settings(max_examples=40)
@given(cities())
def test_units_outside_the_universe_are_scored_but_teach_nothing(columns):
    spec = spec_of(one([{"step": "z", "ddof": 0}]), universe=[{"column": "in", "among": ["yes"]}])
    height = len(columns["a"])
    inside = {"v": columns["a"], "in": ["yes"] * height}
    with_guest = {"v": [*columns["a"], 1e6], "in": ["yes"] * height + ["no"]}
    assert np.array_equal(root(spec, inside), root(spec, with_guest)[:-1], equal_nan=True)


def test_vetoes_and_bonuses_look_at_columns_parts_and_each_other_in_order():
    steps = [
        {"step": "adjust", "id": "bonus", "add": {"column": "extra"}},
        {"step": "adjust", "id": "cap", "at_most": 100},
        {"step": "adjust", "id": "veto", "when": [{"column": "false", "among": ["是"]}], "set": 0},
        {"step": "adjust", "id": "weak", "when": [{"part": "v", "below": 30}], "at_most": 20},
    ]
    spec = spec_of(one([], root={"steps": steps}))
    columns = {"v": [99, 50, 29, 30, 80], "extra": [5, 1, 1, 0, 2], "false": ["否", "否", "否", "否", "是"]}
    found = tables(spec, columns)
    assert found["scores"].filter(part="root")["value"].to_list() == [100, 51, 20, 30, 0]
    noted = found["diagnostics"].filter(pl.col("measure").str.ends_with("_units"), pl.col("part") == "root")
    assert dict(noted.select("measure", "value").iter_rows()) == {
        "bonus_units": 4,
        "cap_units": 1,
        "veto_units": 1,
        "weak_units": 1,
    }


def test_submitted_and_recomputed_stand_side_by_side():
    found = tables(spec_of(one([], submitted="claim"), digits=2), {"v": [1.004, 2, None], "claim": [1, 2.01, 3]})
    rows = found["submitted"].select("submitted", "recomputed", "difference", "agrees").rows()
    assert rows == [(1, 1, 0, True), (2.01, 2, 0.01, False), (3, None, None, None)]


def test_rare_indicators_and_sparse_units_are_left_out():
    parts = [{"id": name, "weight": 1, "steps": []} for name in "abc"]
    spec = spec_of(
        {"id": "root", "combine": MEAN, "parts": parts}, coverage={"units_at_least": 0.5, "indicators_at_least": 0.6}
    )
    columns = {"a": [1, 2, None, 4], "b": [3, 4, 5, None], "c": [None, None, None, 100]}
    # c is known for one in four: left out. Of a and b the last two units have one half.
    assert np.array_equal(root(spec, columns), [2, 3, np.nan, np.nan], equal_nan=True)


def test_what_pays_may_not_be_in_an_index_of_need_unless_somebody_signs():
    with pytest.raises(DefinitionError, match="paid for"):
        spec_of(one([], pays=True), purpose="need")
    reason = {"by": "局长", "on": "2025-01-01", "reason": {"zh": "过渡期", "en": "transition"}}
    assert spec_of(one([], pays=True, signed_reason=reason), purpose="need")


def test_better_case_finding_is_not_worse_performance():
    leaf = {"direction": "lower_is_better", "rises_with_case_finding": True}
    with pytest.raises(DefinitionError, match="case finding"):
        spec_of(one([{"step": "min_max"}], **leaf), purpose="performance")
    assert spec_of(one([{"step": "min_max"}], **leaf), purpose="description")


def test_a_locked_spec_that_was_changed_is_refused():
    locked = spec_hash(spec_of(one([])))
    assert spec_of(one([]), lock=locked)
    with pytest.raises(DefinitionError, match="not the one that was locked"):
        spec_of(one([{"step": "min_max"}]), lock=locked)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"unit": ["a", " a"], "v": [1, 2]}, "repeats 1 ids"),
        ({"unit": ["a", ""], "v": [1, 2]}, "blank in 1 rows"),
        ({"unit": ["a", "b"], "v": ["1", "12o"]}, "column 'v' has 1 cells that are no number \\(first: row 3\\)"),
        ({"unit": ["a", "b"], "v": ["1", "inf"]}, "1 cells that are no number"),
        ({"unit": ["a", "b"], "v": ["1", "1,23"]}, "1 cells that are no number"),
        ({"unit": [], "v": []}, "nobody to judge"),
    ],
)
def test_cells_that_cannot_be_read_are_refused_by_place_and_count(frame, message):
    cells = pl.String if frame["v"] and isinstance(frame["v"][0], str) else pl.Int64
    with pytest.raises(SheetError, match=message):
        sheet_of(pl.DataFrame(frame, schema={"unit": pl.String, "v": cells}), spec_of(one([])))


def test_numbers_as_people_write_them():
    spec = spec_of(one([]), missing_words=["", "未报"])
    found = sheet_of(pl.DataFrame({"unit": list("abcd"), "v": ["1,234.5", " 7 ", "未报", "-1e3"]}), spec)
    assert np.array_equal(found.numbers["v"], [1234.5, 7, np.nan, -1000], equal_nan=True)


def test_a_missing_column_is_named_with_its_place_and_the_nearest():
    with pytest.raises(DefinitionError, match=r"no column 'volume' \(v\); did you mean 'volumes'"):
        sheet_of(pl.DataFrame({"unit": ["a"], "volumes": [1]}), spec_of(one([], column="volume")))


def test_words_with_codes_and_a_word_without():
    spec = spec_of(one([], codes={"是": 1, "否": 0}))
    assert root(spec, {"v": ["是", "否", "是"]}) == [1, 0, 1]
    with pytest.raises(SheetError, match="1 cells that codes does not list"):
        root(spec, {"v": ["是", "也许", "是"]})


def test_a_word_of_codes_and_of_conditions_is_no_missing_figure():
    spec = spec_of(one([{"step": "adjust", "id": "x", "when": [{"column": "k", "among": ["-"]}], "set": 7}],
                       codes={"有": 1, "-": 0}))  # fmt: skip
    assert np.array_equal(root(spec, {"v": ["有", "-", "--"], "k": ["a", "b", "c"]}), [1, 0, np.nan], equal_nan=True)
    assert root(spec, {"v": ["有", "-", "-"], "k": ["-", "b", ""]}) == [7, 0, 0]


def test_a_blank_bonus_leaves_the_score_as_it_is():
    spec = spec_of(one([{"step": "adjust", "id": "bonus", "add": {"column": "extra"}}]))
    assert root(spec, {"v": [1, 2], "extra": [None, 3]}) == [1, 5]


def test_in_a_sum_of_marks_a_part_weighs_its_full_marks():
    marks = {"step": "appraise", "how": "at_least", "baseline": 90}
    parts = [
        {
            "id": "services",
            "weight": 1,
            "combine": {"how": "sum", "missing": "refuse"},
            "parts": [
                {"id": name, "weight": 1, "steps": [{**marks, "full": full}]} for name, full in (("a", 30), ("b", 50))
            ],
        },
        {"id": "c", "weight": 2, "steps": [{**marks, "full": 10}]},
    ]
    tree = {"id": "root", "combine": {"how": "sum", "missing": "refuse"}, "parts": parts}
    found = tables(spec_of(tree), {"a": [1, 90], "b": [80, 99], "c": [5, 90]})
    weights = dict(found["weights"].select("part", "overall").iter_rows())
    assert weights == {"services": 0.8, "a": 0.3, "b": 0.5, "c": 0.2}
    assert found["scores"].filter(part="root")["value"].to_list()[1] == 100


LONG = {"item": "measure", "values": {"": "score", "_n": "cases"}}


def test_data_with_a_row_per_measure_are_the_same_as_a_wide_table():
    steps = [{"step": "minimum_cases", "column": "a_n", "at_least": 5}]
    parts = [{"id": "a", "weight": 1, "steps": steps}, {"id": "b", "weight": 1, "steps": []}]
    tree = {"id": "root", "combine": MEAN, "parts": parts, "ranks": [{"ties": "min", "within": ["state"]}]}
    wide = pl.DataFrame({"unit": ["x", "y"], "state": ["s", "s"], "a": [1, 3], "a_n": [4, 5], "b": [5, None]})
    rows = [("y", "s", "a", 3, 5), ("x", "s", "b", 5, 9), ("x", "s", "a", 1, 4), ("y", "s", "other", 1, 1)]
    long = pl.DataFrame(rows, schema=["unit", "state", "measure", "score", "cases"], orient="row")
    one_way, other_way = index_tables(spec_of(tree), wide), index_tables(spec_of(tree, long=LONG), long)
    assert {name: table.write_csv() for name, table in one_way.items()} == {
        name: table.write_csv() for name, table in other_way.items()
    }
    with pytest.raises(SheetError, match="stands in 2 rows"):
        index_tables(spec_of(tree, long=LONG), pl.concat([long, long.head(1)]))
    moved = long.with_columns(pl.Series("state", ["s", "s", "t", "s"]))
    with pytest.raises(SheetError, match="column 'state' differs between the rows of 1 units"):
        index_tables(spec_of(tree, long=LONG), moved)
