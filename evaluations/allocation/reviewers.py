"""Scores of several reviewers: what is left when severe and mild reviewers are set level, and whether they agree.

Put here: the additive model of projects and reviewers, ICC(2,k), Krippendorff's α. Keep out: who is funded.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations


class NotConnected(ValueError):  # noqa: N818  (an answer, not a fault)
    """Some projects share no chain of reviewers with the others, so that they cannot be compared."""

    def __init__(self, projects: Sequence[str]) -> None:
        self.projects = tuple(projects)
        super().__init__("no chain of reviewers joins these projects to the others")


@dataclass(frozen=True)
class Review:
    """One reviewer's score of one project."""

    project: str
    reviewer: str
    score: Fraction


@dataclass(frozen=True)
class Levelled:
    """`adjusted` score per project; `severity` per reviewer: by how much it scores above the mean reviewer (sum 0)."""

    adjusted: dict[str, Fraction]
    severity: dict[str, Fraction]


def levelled(reviews: Sequence[Review]) -> Levelled:
    """Least squares of score = project + reviewer, exact.

    Raises NotConnected, and ValueError for a project that the same reviewer scored twice.
    """
    if len({(review.project, review.reviewer) for review in reviews}) < len(reviews):
        raise ValueError("a reviewer scored a project twice")
    _check_connected(reviews)
    by_project: dict[str, list[Review]] = defaultdict(list)
    for review in reviews:
        by_project[review.project].append(review)
    names = sorted({review.reviewer for review in reviews})
    place = {name: at for at, name in enumerate(names)}
    # Projects are eliminated: every row of a project is centred on its mean over its own reviewers.
    matrix = [[Fraction(0)] * (len(names) + 1) for _ in names]
    for own in by_project.values():
        mean = sum((review.score for review in own), Fraction(0)) / len(own)
        for review in own:
            row = matrix[place[review.reviewer]]
            row[place[review.reviewer]] += 1
            row[-1] += review.score - mean
            for other in own:
                row[place[other.reviewer]] -= Fraction(1, len(own))
    # The system leaves one level open: severities sum to 0.
    matrix[-1] = [Fraction(1)] * len(names) + [Fraction(0)]
    severity = dict(zip(names, _solved(matrix), strict=True))
    adjusted = {
        project: sum((review.score - severity[review.reviewer] for review in own), Fraction(0)) / len(own)
        for project, own in sorted(by_project.items())
    }
    return Levelled(adjusted, severity)


def icc_2k(table: Sequence[Sequence[Fraction]]) -> Fraction | None:
    """Agreement of the mean of k reviewers who each scored every project: ICC(2,k), rows are projects.

    None where it has no value (fewer than two rows or columns, or no variation at all). Raises ValueError for a
    table with gaps.
    """
    rows, k = len(table), len(table[0]) if table else 0
    if any(len(row) != k for row in table):
        raise ValueError("every reviewer must have scored every project")
    if rows < 2 or k < 2:
        return None
    grand = sum((sum(row, Fraction(0)) for row in table), Fraction(0)) / (rows * k)
    of_row = [sum(row, Fraction(0)) / k for row in table]
    of_column = [sum((row[at] for row in table), Fraction(0)) / rows for at in range(k)]
    between = k * sum(((mean - grand) ** 2 for mean in of_row), Fraction(0)) / (rows - 1)
    reviewers = rows * sum(((mean - grand) ** 2 for mean in of_column), Fraction(0)) / (k - 1)
    error = sum(
        ((table[row][at] - of_row[row] - of_column[at] + grand) ** 2 for row in range(rows) for at in range(k)),
        Fraction(0),
    ) / ((rows - 1) * (k - 1))
    denominator = between + (reviewers - error) / rows
    return (between - error) / denominator if denominator else None


def krippendorff(reviews: Iterable[Review]) -> Fraction | None:
    """Krippendorff's α for figures with gaps: 1 full agreement, 0 chance; None without two scores that can differ."""
    by_project: dict[str, list[Fraction]] = defaultdict(list)
    for review in reviews:
        by_project[review.project].append(review.score)
    paired = [scores for scores in by_project.values() if len(scores) > 1]
    every = [score for scores in paired for score in scores]
    if not every:
        return None
    within = sum(
        (2 * (a - b) ** 2 / (len(scores) - 1) for scores in paired for a, b in combinations(scores, 2)), Fraction(0)
    ) / len(every)
    mean = sum(every, Fraction(0)) / len(every)
    expected = 2 * sum(((score - mean) ** 2 for score in every), Fraction(0)) / (len(every) - 1)
    return 1 - within / expected if expected else None


def _check_connected(reviews: Sequence[Review]) -> None:
    reviewers, projects = defaultdict(set), defaultdict(set)
    for review in reviews:
        reviewers[review.project].add(review.reviewer)
        projects[review.reviewer].add(review.project)
    if not reviews:
        return
    reached, waiting = set(), [min(reviewers)]
    while waiting:
        project = waiting.pop()
        if project not in reached:
            reached.add(project)
            waiting.extend(other for reviewer in reviewers[project] for other in projects[reviewer])
    apart = sorted(set(reviewers) - reached)
    if apart:
        raise NotConnected(apart)


def _solved(matrix: list[list[Fraction]]) -> list[Fraction]:
    """The solution of a regular system, its right side in the last column."""
    size = len(matrix)
    rows = [list(row) for row in matrix]
    for at in range(size):
        pivot = next(row for row in range(at, size) if rows[row][at])
        rows[at], rows[pivot] = rows[pivot], rows[at]
        rows[at] = [value / rows[at][at] for value in rows[at]]
        for other in range(size):
            if other != at and rows[other][at]:
                factor = rows[other][at]
                rows[other] = [value - factor * own for value, own in zip(rows[other], rows[at], strict=True)]
    return [row[-1] for row in rows]
