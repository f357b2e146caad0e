"""Ranks and grades of a score, and the step that turns a grade into points.

Put here: their words. Keep out: how classes are found (evaluations.index.grading).
"""

from typing import Literal

from pydantic import Field, model_validator

from data_contracts.closed import Bilingual
from data_contracts.index_spec.basics import Condition, Fitted, Measure, QuantileRule, Rounding, Ties, Word
from data_contracts.messages import did_you_mean, wrong


class Ranks(Fitted):
    """A ranking of the units by the score of a part; a unit outside the universe is not ranked."""

    id: str = "rank"
    ties: Ties
    """average, min (1 2 2 4), max (1 3 3 4), dense (1 2 2 3), ordinal (by unit id)."""
    first: Literal["highest", "lowest"] = "highest"
    """Which score has rank 1."""
    round: Rounding | None = None
    """The score is compared as rounded by this; without it as the part publishes it."""
    break_ties_by: list[str] = []
    """Parts whose score decides between equal ones, the first first; higher is better. Then `ties`."""
    titles: Bilingual | None = None


class Grade(Word):
    """A class. `at`: the score from which a fixed one holds; `at_percentile`: the percentile (0–100) from which."""

    id: str
    titles: Bilingual | None = None
    at: Measure | None = None
    at_percentile: Measure | None = Field(default=None, ge=0, le=100)


class Grades(Fitted):
    """Classes of the score of a part, listed from the lowest score to the highest.

    fixed: by `at` of each class but the first. percentiles: by `at_percentile` of the realised distribution, by the
    rule `quantile`. quantiles: classes of equal size by `rule`, from ranks with `ties`. clusters: one-dimensional
    k-means, `search: optimal` (least squared distance, exact), `lloyd` (from the medians of the classes between the
    quantiles 1/k, 2/k … by `quantile`, a figure at a quantile below it; until nothing moves), `transfers` (on from
    there, single figures moved while that lowers the squared distances: the criterion of Hartigan and Wong) or `ward`
    (neighbours merged one after the other where that costs least, of equal costs the lowest figures first). probit: by
    `probits` of the rank distribution of the scores (RSR classes). The edge belongs to the class above (`edge:
    included`) or below (`excluded`: a score must exceed it).
    """

    id: str = "grade"
    titles: Bilingual | None = None
    how: Literal["fixed", "percentiles", "quantiles", "clusters", "probit"]
    classes: list[Grade] = Field(min_length=2)
    edge: Literal["included", "excluded"] = "included"
    quantile: QuantileRule = "linear"
    rule: Literal["rank_up", "rank_down", "sas", "ntile"] = "rank_up"
    """rank_up: ⌈r k/n⌉; rank_down: ⌊(r − 1) k/n⌋ + 1; sas: ⌊r k/(n + 1)⌋ + 1; ntile: sizes differ by one at most,
    the larger classes first."""
    ties: Ties = "average"
    weighted_by: str | None = None
    """quantiles: classes of equal weight (people, say) instead of equal size: ⌈k × cumulative share⌉ up to `weight_at`
    of the weight of all units with this figure; `rule` and `ties` then say nothing."""
    weight_at: Literal["end", "middle"] = "end"
    search: Literal["optimal", "lloyd", "transfers", "ward"] = "optimal"
    probits: list[Measure] = []
    only: list[Condition] = []
    """Units that are classed at all; all if empty."""
    without_score: str | None = None
    """Class of the units that have no score; else they have none."""

    @model_validator(mode="after")
    def _edges(self) -> "Grades":
        name = {"fixed": "at", "percentiles": "at_percentile"}.get(self.how)
        if name is not None:
            edges = [getattr(item, name) for item in self.classes[1:]]
            if any(edge is None for edge in edges):
                raise wrong("index_needs", word=self.how, needs=name)
            if edges != sorted(set(edges)):
                raise wrong("index_not_rising", word=name)
        if self.weighted_by is not None and self.how != "quantiles":
            raise wrong("index_needs", word="weighted_by", needs="quantiles")
        if self.without_score is not None and self.without_score not in [item.id for item in self.classes]:
            raise wrong("index_unknown_part", part=self.id, named=self.without_score,
                        hint=did_you_mean(self.without_score, [item.id for item in self.classes]))  # fmt: skip
        if self.how == "probit" and len(self.probits) != len(self.classes) - 1:
            raise wrong("index_needs", word="probit", needs="probits")
        return self


class GradePoints(Word):
    """The figure becomes the points of its class: stars, say."""

    step: Literal["grade_points"]
    grades: Grades
    points: list[Measure]

    @model_validator(mode="after")
    def _as_many(self) -> "GradePoints":
        if len(self.points) != len(self.grades.classes):
            raise wrong("index_as_many_points")
        return self
