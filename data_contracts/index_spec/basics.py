"""Words that steps, grades and parts of an index share: rounding, quantiles, ties, conditions, numbers by column.

Put here: small models used in more than one place of the spec. Keep out: anything that is used in one.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from data_contracts.closed import Closed
from data_contracts.messages import did_you_mean, wrong


class Word(Closed):
    """Base of the models of the spec: their attribute docstrings are the descriptions of the JSON schema."""

    model_config = ConfigDict(use_attribute_docstrings=True)


RoundingRule = Literal["half_up", "half_down", "half_even", "down", "up", "floor", "ceiling"]
QuantileRule = Literal["linear", "exclusive", "averaged", "inverted", "nearest", "median_unbiased"]
Ties = Literal["average", "min", "max", "dense", "ordinal"]
Measure = Annotated[float, Field(allow_inf_nan=False)]


class Rounding(Word):
    """How a figure is rounded, as it would be by hand: a half is a half although binary numbers miss it."""

    digits: int = Field(ge=-9, le=12)
    """Decimals; negative for tens, hundreds …"""
    how: RoundingRule = "half_up"
    """half_up/half_down/half_even: to the nearest, a half away from zero, towards zero, to the even neighbour.
    down: cut off (towards zero); up: away from zero; floor, ceiling: towards −∞, +∞."""


class FromColumn(Word):
    """A number that every unit brings in a column of its own."""

    column: str


def _one_form(given: Any) -> Any:
    if isinstance(given, dict) and "column" not in given:
        word = str(next(iter(given), ""))
        raise wrong("index_number_or_column", word=word, hint=did_you_mean(word, ["column"]))
    return given


Quantity = Annotated[Measure | FromColumn, BeforeValidator(_one_form)]


class Condition(Word):
    """Something that is true of a unit; several of its tests hold together. A missing figure fails every test."""

    column: str | None = None
    """A column of the data …"""
    part: str | None = None
    """… or the score of a part of the tree that is computed before …"""
    count: str | None = None
    """… or one of the `counts` of the spec."""
    grade: str | None = None
    """With `part`: one of its grades, whose class must be `among` these words."""
    among: list[str | Measure] | None = None
    """One of these words or numbers."""
    at_least: Measure | None = None
    above: Measure | None = None
    at_most: Measure | None = None
    below: Measure | None = None
    missing: bool | None = None
    """True: there is no figure; false: there is one."""

    @model_validator(mode="after")
    def _one_subject(self) -> "Condition":
        if sum(subject is not None for subject in (self.column, self.part, self.count)) != 1:
            raise wrong("index_condition_subject")
        if self.grade is not None and (self.part is None or self.among is None):
            raise wrong("index_condition_grade")
        tests = (self.among, self.at_least, self.above, self.at_most, self.below, self.missing)
        if all(test is None for test in tests):
            raise wrong("index_condition_empty")
        return self


class Fitted(Word):
    """A step that learns something from the units (a mean, a range, an order) before it is applied to each."""

    within: list[str] = []
    """Columns or `counts`; the step learns within each combination of their values, else from all units."""
    universe: list[Condition] | None = None
    """Units to learn from, instead of the universe of the spec. Everybody is then given a figure."""


def known_word(place: str, key: str, known: tuple[str, ...]) -> Any:
    """A validator that refuses an unknown word under `key` by name, with the nearest known one."""

    def check(given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get(key, ""), str) and given.get(key) not in known:
            word = str(given.get(key, ""))
            hint = did_you_mean(word, known)
            raise wrong("index_unknown_word", place=place, key=key, word=word, hint=hint, known=", ".join(known))
        return given

    return BeforeValidator(check)
