"""Steps that give points by a table or a customary rule of appraisal.

Put here: bands, knots, achievement or improvement, the algorithms of appraisal sheets. Keep out: everything without
points (steps.py).
"""

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from data_contracts.index_spec.basics import MayFit, Measure, QuantileRule, Quantity, Reference, Rounding, Word
from data_contracts.messages import wrong


class Band(Word):
    """From a figure on (`at`), or from a quantile of the universe on (`at_quantile`, 0–1), so many points."""

    at: Reference | None = None
    at_quantile: Measure | None = Field(default=None, ge=0, le=1)
    points: Measure


class StepPoints(MayFit):
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
            edges = [getattr(band, name) for band in self.bands]
            if any(later <= earlier for earlier, later in pairwise(edge for edge in edges if isinstance(edge, float))):
                raise wrong("index_not_rising", word="bands")
        return self

    @property
    def learns(self) -> bool:
        """Whether an edge is a quantile of the universe."""
        return super().learns or any(band.at_quantile is not None for band in self.bands)


class PiecewisePoints(MayFit):
    """Straight lines between [figure, points] knots; outside the first and last points, or no points (`missing`).

    Two knots may share a figure: the points jump there, and the figure itself has the later ones. Figures of knots may
    be columns or learnt; a unit for which they do not rise is refused.
    """

    step: Literal["piecewise_points"]
    knots: list[tuple[Reference, Measure]] = Field(min_length=2)
    outside: Literal["last_points", "missing"] = "last_points"
    round: Rounding | None = None

    @model_validator(mode="after")
    def _rising(self) -> "PiecewisePoints":
        stated = [figure for figure, _ in self.knots if isinstance(figure, float)]
        if any(later < earlier for earlier, later in pairwise(stated)):
            raise wrong("index_not_rising", word="knots")
        return self


class PointsRule(Word):
    """points = times × share of the way + plus, rounded, between `least` and `most`."""

    times: Measure
    plus: Measure
    least: Measure = 0.0
    most: Measure


class AchievementOrImprovement(MayFit):
    """The better of two ways: from threshold to benchmark, and from the unit's own baseline to the benchmark.

    At the benchmark or beyond: `full` points; below the threshold no achievement; no better than the baseline no
    improvement, and the whole way where both baseline and figure are beyond the benchmark. The benchmark may lie below
    the threshold (lower is better). Either way may be left out. Threshold and benchmark may be learnt: {learnt: median,
    column: LAST_YEAR}. Hospital VBP: achievement {times: 9, plus: 0.5, least: 1, most: 9}, improvement {times: 10,
    plus: -0.5, most: 9}, full 10, round digits 0.
    """

    step: Literal["achievement_or_improvement"]
    threshold: Reference | None = None
    benchmark: Reference
    baseline: Quantity | None = None
    achievement: PointsRule | None = None
    improvement: PointsRule | None = None
    full: Measure
    round: Rounding | None = None
    """Of either points before the limits; without it they are not rounded."""

    @model_validator(mode="after")
    def _both(self) -> "AchievementOrImprovement":
        if self.achievement is None and self.improvement is None:
            raise wrong("index_needs", word=self.step, needs="achievement / improvement")
        for word, needs in (("improvement", "baseline"), ("achievement", "threshold")):
            if (getattr(self, word) is None) != (getattr(self, needs) is None):
                raise wrong("index_needs", word=word, needs=needs)
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
