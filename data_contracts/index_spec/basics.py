"""Words that steps, grades and parts of an index share: rounding, quantiles, ties, conditions, numbers by column.

Put here: small models used in more than one place of the spec. Keep out: anything that is used in one.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from data_contracts.closed import Closed
from data_contracts.messages import did_you_mean, wrong


class Word(Closed):
    """Base of the models of the spec: their attribute docstrings are the descriptions of the JSON schema."""

    model_config = ConfigDict(use_attribute_docstrings=True)


RoundingRule = Literal["half_up", "half_down", "half_even", "down", "up", "floor", "ceiling"]
# What statistical packages call the rules of quantiles → ours.
QUANTILE_NAMES = {
    "sas1": "interpolated", "sas2": "nearest", "sas3": "inverted", "sas4": "exclusive", "sas5": "averaged",
    "r1": "inverted", "r2": "averaged", "r3": "nearest", "r4": "interpolated", "r5": "hazen", "r6": "exclusive",
    "r7": "linear", "r8": "median_unbiased", "r9": "normal_unbiased",
    "excel_inc": "linear", "excel_exc": "exclusive", "weibull": "exclusive", "inverted_cdf": "inverted",
    "averaged_inverted_cdf": "averaged", "closest_observation": "nearest", "interpolated_inverted_cdf": "interpolated",
}  # fmt: skip
QuantileRule = Annotated[
    Literal[
        "linear", "exclusive", "averaged", "inverted", "nearest", "interpolated", "hazen", "median_unbiased",
        "normal_unbiased", "lower", "higher", "midpoint",
    ],
    BeforeValidator(lambda given: QUANTILE_NAMES.get(given, given) if isinstance(given, str) else given),
]  # fmt: skip
Ties = Literal["average", "min", "max", "dense", "ordinal"]
Found = TypeVar("Found", bound=BaseModel)


def _fraction(given: Any) -> Any:
    """10/9 as people write it."""
    if not isinstance(given, str) or "/" not in given:
        return given
    try:
        return float(Fraction(given.replace(" ", "")))
    except (ValueError, ZeroDivisionError):
        return given


Measure = Annotated[float, BeforeValidator(_fraction), Field(allow_inf_nan=False)]


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


class FromPart(Word):
    """The score of a part that is computed before."""

    part: str


def _texts(given: Any) -> Any:
    """Words as keys; a year written as a number is the word of it."""
    return {f"{key}": value for key, value in given.items()} if isinstance(given, dict) else given


class ByWord(Word):
    """A number for each word of a column (a year, a peer group), or for each stratum of `strata`."""

    by: str
    values: Annotated[dict[str, Measure], BeforeValidator(_texts)] = Field(min_length=1)
    otherwise: Measure | None = None
    """The number of other words; without it they are refused. A blank cell has no number."""


class Learnt(Word):
    """A statistic of the universe (of the stratum, with `within` of the step).

    quantile: at the share `at` by `quantile`. mean_of_highest, mean_of_lowest: of so many `units` at the end, or of
    the figures from the quantile of the last `share` on (the top decile: share 0.1).
    """

    learnt: Literal["mean", "median", "minimum", "maximum", "quantile", "sd", "mean_of_highest", "mean_of_lowest"]
    column: str | None = None
    """Learnt from this column instead of the figures of the step: the baseline year, say."""
    at: Measure | None = Field(default=None, ge=0, le=1)
    quantile: QuantileRule = "linear"
    share: Measure | None = Field(default=None, gt=0, le=1)
    units: int | None = Field(default=None, ge=1)
    weighted_by: str | None = None
    """mean and sd: column of weights."""
    ddof: Literal[0, 1] | None = None
    """sd: divided by n − ddof."""

    @model_validator(mode="after")
    def _given(self) -> "Learnt":
        if self.learnt == "quantile" and self.at is None:
            raise wrong("index_needs", word="quantile", needs="at")
        if self.learnt.startswith("mean_of") and (self.share is None) == (self.units is None):
            raise wrong("index_needs", word=self.learnt, needs="share / units")
        if self.learnt == "sd" and self.ddof is None:
            raise wrong("index_needs", word="sd", needs="ddof")
        return self


def _one_form(*known: str) -> BeforeValidator:
    """A number, or one of the forms that begin with these words; refuses others by name."""

    def check(given: Any) -> Any:
        if isinstance(given, dict) and not any(word in given for word in known):
            word = str(next(iter(given), ""))
            raise wrong("index_number_or_column", word=word, hint=did_you_mean(word, known), known=", ".join(known))
        return given

    return BeforeValidator(check)


Quantity = Annotated[Measure | FromColumn | FromPart | ByWord, _one_form("column", "part", "by")]
Reference = Annotated[Measure | Learnt | FromColumn | FromPart | ByWord, _one_form("learnt", "column", "part", "by")]


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
    not_among: list[str | Measure] | None = None
    """None of these words or numbers; a blank cell is none of them."""
    at_least: Quantity | None = None
    above: Quantity | None = None
    at_most: Quantity | None = None
    below: Quantity | None = None
    missing: bool | None = None
    """True: there is no figure; false: there is one."""

    @model_validator(mode="after")
    def _one_subject(self) -> "Condition":
        if sum(subject is not None for subject in (self.column, self.part, self.count)) != 1:
            raise wrong("index_condition_subject")
        if self.grade is not None and (self.part is None or self.among is None):
            raise wrong("index_condition_grade")
        tests = (self.among, self.not_among, self.at_least, self.above, self.at_most, self.below, self.missing)
        if all(test is None for test in tests):
            raise wrong("index_condition_empty")
        return self


class Fitted(Word):
    """A step that learns something from the units (a mean, a range, an order) before it is applied to each."""

    within: list[str] = []
    """Columns or `counts`; the step learns within each combination of their values, else from all units."""
    universe: list[Condition] | None = None
    """Units to learn from, instead of the universe of the spec. Everybody is then given a figure."""

    @property
    def learns(self) -> bool:
        """Whether the figure of a unit depends on other units."""
        return True


def within_model(kind: type[Found], item: Any) -> Iterator[Found]:
    """All models of a kind in a model or list, itself included, in the order of the fields."""
    if isinstance(item, kind):
        yield item
    held = item.__dict__.values() if isinstance(item, BaseModel) else item if isinstance(item, (list, tuple)) else ()
    for entry in held:
        if isinstance(entry, (BaseModel, list, tuple)):
            yield from within_model(kind, entry)


class MayFit(Fitted):
    """A step that learns only where it names something learnt."""

    @property
    def learns(self) -> bool:
        """Whether it does."""
        return next(within_model(Learnt, self), None) is not None


def known_word(place: str, key: str, known: tuple[str, ...]) -> Any:
    """A validator that refuses an unknown word under `key` by name, with the nearest known one."""

    def check(given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get(key, ""), str) and given.get(key) not in known:
            word = str(given.get(key, ""))
            hint = did_you_mean(word, known)
            raise wrong("index_unknown_word", place=place, key=key, word=word, hint=hint, known=", ".join(known))
        return given

    return BeforeValidator(check)
