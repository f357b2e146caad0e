"""Classes and ranks: edges, percentiles, equal classes, clusters against a search of all partitions, RSR classes."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.closed import DefinitionError
from data_contracts.index_spec.ranking import Grades
from evaluations.index import grading
from tests.unit.evaluations.index_world import close, one, spec_of, tables
from tests.unit.evaluations.test_index_weights import REGIONS, regions


def graded(grades, values, root=None, **columns):
    spec = spec_of(one([], root={"grades": [grades], **(root or {})}))
    found = tables(spec, {"v": values, **columns})["grades"]
    return found.filter(part="root")["grade"].to_list()


def classes(*names, **edges):
    at = edges.get("at", [None] * len(names))
    key = "at_percentile" if edges.get("percentile") else "at"
    return [{"id": name, **({} if edge is None else {key: edge})} for name, edge in zip(names, at, strict=True)]


FINANCE = {"how": "fixed", "classes": classes("poor", "fair", "good", "excellent", at=[None, 60, 80, 90])}


def test_bands_of_the_ministry_of_finance_at_their_edges():
    values = [59.999, 60, 79.999, 80, 89.999, 90, 100, 0, None]
    wanted = ["poor", "fair", "fair", "good", "good", "excellent", "excellent", "poor", None]
    assert graded(FINANCE, values) == wanted


def test_a_grade_is_that_of_the_published_score():
    """59.9999996 is published as 60 and has the grade of 60."""
    assert graded(FINANCE, [59.9999996, 59.9999994]) == ["fair", "poor"]


def test_worst_quartile_must_exceed_the_percentile_by_the_stated_rule():
    grades = {
        "how": "percentiles",
        "edge": "excluded",
        "quantile": "averaged",
        "classes": classes("kept", "penalty", at=[None, 75], percentile=True),
    }
    # Of eight, the averaged 75th percentile is the mean of the sixth and the seventh.
    assert graded(grades, [1, 2, 3, 4, 5, 6, 7, 8]) == ["kept"] * 6 + ["penalty"] * 2
    # Of four, three quarters is a whole number too; of five it is the fourth figure itself, which does not exceed it.
    assert graded(grades, [1, 2, 3, 4, 5]) == ["kept"] * 4 + ["penalty"]
    assert graded({**grades, "edge": "included"}, [1, 2, 3, 4, 5]) == ["kept"] * 3 + ["penalty"] * 2


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [("rank_up", [1, 1, 2, 2, 3, 3, 4, 5, 5, 5]), ("rank_down", [1, 1, 2, 2, 3, 3, 4, 4, 5, 5])],
)
def test_equal_classes_by_rule(rule, wanted):
    grades = {"how": "quantiles", "rule": rule, "classes": classes(*"12345")}
    values = [1, 2, 3, 4, 5, 6, 7.5, 7.5, 9, 10] if rule == "rank_down" else [1, 2, 3, 4, 5, 6, 7, 9, 9, 9]
    assert [
        int(grade) for grade in graded({**grades, "ties": "min" if rule == "rank_down" else "max"}, values)
    ] == wanted


def clustered(search, values, k):
    return grading.clusters(
        np.array(values, dtype=float), k, Grades(how="clusters", search=search, classes=classes(*map(str, range(k))))
    )


@settings(max_examples=20)
@given(st.integers(2, 40), st.integers(2, 7))
def test_ntile_classes_differ_by_one_at_most_and_larger_come_first(n, k):
    found = graded(
        {"how": "quantiles", "rule": "ntile", "ties": "ordinal", "classes": classes(*map(str, range(k)))},
        list(range(n)),
    )
    sizes = [found.count(str(at)) for at in range(k)]
    assert sizes == [n // k + (at < n % k) for at in range(k)]
    assert found == sorted(found, key=int)


def cost(values, labels):
    return sum(((values[labels == at] - values[labels == at].mean()) ** 2).sum() for at in np.unique(labels))


@given(st.lists(st.integers(0, 40), min_size=4, max_size=11), st.integers(2, 4))
def test_clusters_have_the_least_squared_distance_of_all_partitions(values, k):
    figures = np.sort(np.array(values, dtype=float))
    distinct = np.unique(figures)
    found = clustered("optimal", figures, k)
    if distinct.size <= k:
        assert cost(figures, found) == 0
        return
    best = min(
        cost(figures, np.searchsorted(np.array(cuts), figures, side="right"))
        for cuts in combinations(distinct[1:].tolist(), k - 1)
    )
    assert cost(figures, found) == pytest.approx(best, abs=1e-9)


@given(st.lists(st.floats(-5, 5), min_size=12, max_size=60, unique=True))
def test_iterated_clusters_are_at_rest_and_transfers_never_worse(values):
    figures = np.array(values)
    labels = {search: clustered(search, values, 5) for search in ("lloyd", "transfers", "optimal")}
    own = labels["lloyd"]
    centres = {at: figures[own == at].mean() for at in np.unique(own)}
    for figure, at in zip(figures, own, strict=True):
        assert abs(figure - centres[at]) <= min(abs(figure - centre) for centre in centres.values()) + 1e-9
    costs = [cost(figures, labels[search]) for search in ("optimal", "transfers", "lloyd")]
    assert costs[0] <= costs[1] + 1e-9
    assert costs[1] <= costs[2] + 1e-9


def test_rank_distribution_of_ten_regions():
    found = np.array([18, 12, 23, 12, 18, 20, 15, 27, 17, 3]) / 30
    _, shares, probits = grading.rank_distribution(found)
    assert close(shares, [0.10, 0.25, 0.40, 0.50, 0.65, 0.80, 0.90, 0.975], 9)
    assert close(probits, [3.7184, 4.3255, 4.7467, 5.0000, 5.3853, 5.8416, 6.2816, 6.9600], 4)
    intercept, slope = grading.probit_line(found)
    assert close([intercept, slope], [-0.6085, 0.2217], 4)
    assert close([intercept + slope * cut for cut in (4, 6)], [0.2782, 0.7216], 4)


def test_classes_of_the_rank_sum_ratio():
    grades = {"how": "probit", "probits": [4, 6], "classes": classes("low", "middle", "high")}
    spec = regions([[], [{"step": "transform", "how": "negate"}]], {"how": "rank_sum_ratio", "missing": "refuse"})
    tree = {**spec.model_dump(mode="json", exclude_unset=True)["tree"], "grades": [grades]}
    found = dict(tables(spec_of(tree), REGIONS)["grades"].select("unit", "grade").iter_rows())
    assert {unit for unit, grade in found.items() if grade == "high"} == {"C", "H"}
    assert {unit for unit, grade in found.items() if grade == "low"} == {"J"}


def test_ranks_within_strata_leave_out_who_is_not_in_the_universe():
    ranks = [{"id": "all", "ties": "min"}, {"id": "own", "ties": "min", "within": ["g"], "first": "lowest"}]
    spec = spec_of(one([], root={"ranks": ranks}), universe=[{"column": "in", "among": ["yes"]}])
    columns = {"unit": list("abcde"), "v": [5, 7, 7, 1, 9], "g": list("xxyyy"), "in": ["yes"] * 4 + ["no"]}
    found = tables(spec, columns)["ranks"]
    assert found.filter(rank_id="all")["rank"].to_list() == [3, 1, 1, 4, None]
    assert found.filter(rank_id="own")["rank"].to_list() == [1, 2, 2, 1, None]
    assert found.filter(rank_id="own")["of"].to_list() == [2, 2, 2, 2, None]


def test_another_part_decides_between_equal_scores():
    parts = [{"id": "a", "weight": 1, "steps": []}, {"id": "b", "weight": 1, "steps": []}]
    ranks = [{"ties": "min", "break_ties_by": ["b"]}]
    tree = {"id": "root", "combine": {"how": "sum", "missing": "refuse"}, "ranks": ranks, "parts": parts}
    found = tables(spec_of(tree), {"a": [3, 2, 1, 1], "b": [1, 2, 3, 0]})["ranks"]["rank"].to_list()
    assert found == [3, 2, 1, 4]


@pytest.mark.parametrize(
    ("grades", "message"),
    [
        ({"how": "fixed", "classes": classes("a", "b")}, "'fixed' needs 'at' too"),
        ({"how": "fixed", "classes": classes("a", "b", "c", at=[None, 5, 5])}, "must rise"),
        ({"how": "probit", "classes": classes("a", "b")}, "'probit' needs 'probits' too"),
    ],
)
def test_grades_that_do_not_say_where_they_begin_are_refused(grades, message):
    with pytest.raises(DefinitionError, match=message):
        spec_of(one([], root={"grades": [grades]}))


@pytest.mark.parametrize(("ties", "written"), [("min", "1"), ("dense", "1"), ("average", "1.5")])
def test_ranks_are_written_as_whole_numbers_but_for_the_mean_of_places(ties, written):
    spec = spec_of(one([], root={"ranks": [{"ties": ties}]}))
    lines = tables(spec, {"v": [9, 9, 2, None]})["ranks"].select("rank", "of").write_csv().splitlines()
    assert lines[1].split(",")[0] == written
    assert lines[4].split(",")[0] == ""
    assert all("." not in line for line in lines[1:]) == (ties != "average")
