"""Figures of larger areas from the scores of their units: means weighted by people, shares in a class.

Put here: the words of a summary. Keep out: its arithmetic (evaluations.index.summing).
"""

from typing import Literal

from pydantic import Field, model_validator

from data_contracts.index_spec.basics import Measure, Ties, Word
from data_contracts.messages import wrong


class Summary(Word):
    """One figure for each combination of the words of `by`, of the units of the universe that have a score.

    mean, sum (weighted by `weighted_by`, if given), median, minimum, maximum of the score of `part`; share: of units
    (of weight) whose `grade` is `among` these. Times `scale`.
    """

    id: str
    by: list[str] = Field(min_length=1)
    part: str
    how: Literal["mean", "sum", "median", "minimum", "maximum", "share"]
    weighted_by: str | None = None
    grade: str | None = None
    among: list[str] = []
    scale: Measure = 1.0
    ties: Ties = "min"
    first: Literal["highest", "lowest"] = "highest"
    """Which figure has rank 1."""

    @model_validator(mode="after")
    def _given(self) -> "Summary":
        if (self.how == "share") != (self.grade is not None and bool(self.among)):
            raise wrong("index_needs", word="share", needs="grade, among")
        return self
