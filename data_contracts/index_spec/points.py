"""Steps that give points by a table or a customary rule of appraisal.

Put here: bands, knots, achievement or improvement, the algorithms of appraisal sheets. Keep out: everything without
points (steps.py).
"""

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from data_contracts.index_spec.basics import Fitted, Measure, QuantileRule, Quantity, Rounding, Word
from data_contracts.messages import wrong


class Band(Word):
    """From a figure on (`at`), or from a quantile of the universe on (`at_quantile`, 0–1), so many points."""

    at: Measure | None = None
    at_quantile: Measure | None = Field(default=None, ge=0, le=1)
    points: Measure


class StepPoints(Fitted):
    """Points that jump: each band holds from its edge to the next; below the first edge `below` points.

    The edge belongs to the band above it (`edge: included`), or to the band below (`excluded`).
    """

    step: Literal["step_points"]
    bands: list[Band] = Field(min_length=1)
    below: Measure
    edge: Literal["included", "excluded"] = "included"
    quantile: QuantileRule = "linear"

    @model_validator(mode="after")
    def _rising(self) -> "StepPoints":
        if any((band.at is None) == (band.at_quantile is None) for band in self.bands):
            raise wrong("index_band_edge")
        for name in ("at", "at_quantile"):
            edges = [getattr(band, name) for band in self.bands if getattr(band, name) is not None]
            if any(later <= earlier for earlier, later in pairwise(edges)):
                raise wrong("index_not_rising", word="bands")
        return self


class PiecewisePoints(Word):
    """Straight lines between [figure, points] knots; outside the first and last points, or no points (`missing`).

    Two knots may share a figure: the points jump there, and the figure itself has the later ones.
    """

    step: Literal["piecewise_points"]
    knots: list[tuple[Measure, Measure]] = Field(min_length=2)
    outside: Literal["last_points", "missing"] = "last_points"
    round: Rounding | None = None

    @model_validator(mode="after")
    def _rising(self) -> "PiecewisePoints":
        if any(later[0] < earlier[0] for earlier, later in pairwise(self.knots)):
            raise wrong("index_not_rising", word="knots")
        return self


class PointsRule(Word):
    """points = times × share of the way + plus, rounded, between `least` and `most`."""

    times: Measure
    plus: Measure
    least: Measure = 0.0
    most: Measure


class AchievementOrImprovement(Word):
    """The better of two ways: from threshold to benchmark, and from the unit's own baseline to the benchmark.

    At the benchmark or beyond: `full` points; below the threshold no achievement; no better than the baseline no
    improvement. The benchmark may lie below the threshold (lower is better). Hospital VBP: achievement
    {times: 9, plus: 0.5, least: 1, most: 9}, improvement {times: 10, plus: -0.5, most: 9}, full 10, round digits 0.
    """

    step: Literal["achievement_or_improvement"]
    threshold: Quantity
    benchmark: Quantity
    baseline: Quantity | None = None
    achievement: PointsRule
    improvement: PointsRule | None = None
    full: Measure
    round: Rounding

    @model_validator(mode="after")
    def _both(self) -> "AchievementOrImprovement":
        if (self.baseline is None) != (self.improvement is None):
            raise wrong("index_needs", word="improvement", needs="baseline")
        return self


class Appraise(Word):
    """The customary algorithms of an appraisal sheet; `full` marks at most, none below 0.

    yes / no (Y01 / N01): 1 (or 是, via `codes` of the indicator) gives full marks, or none. at_least (egt): value ≥
    baseline full, else full × value/baseline. at_most (elt): value ≤ baseline full, above it a proportional loss,
    full × (1 − excess/baseline), or full × baseline/value with `loss: reciprocal`. attach: full × min(1,
    files/baseline). deduct: full − `per` for each counted item. interval: nothing at `floor`, full at `baseline`,
    straight between. manual: the mark itself; one above full marks is refused.
    """

    step: Literal["appraise"]
    how: Literal["yes", "no", "at_least", "at_most", "attach", "deduct", "interval", "manual"]
    full: Measure = Field(gt=0)
    baseline: Quantity | None = None
    floor: Quantity | None = None
    per: Measure | None = None
    loss: Literal["linear", "reciprocal"] = "linear"

    @model_validator(mode="after")
    def _given(self) -> "Appraise":
        needs = {
            "at_least": ("baseline",),
            "at_most": ("baseline",),
            "attach": ("baseline",),
            "interval": ("floor", "baseline"),
            "deduct": ("per",),
        }
        for name in needs.get(self.how, ()):
            if getattr(self, name) is None:
                raise wrong("index_needs", word=self.how, needs=name)
        return self
