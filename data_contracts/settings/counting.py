"""measures.yaml, indicators.yaml and rule_sets.yaml: what is counted, published, and under which dated rules.

Put here: entries of the three registries and the parameters that the SQL counts on.
Keep out: the counting (assets.compute) and what a figure is worth in a score (scoring).
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, TypeGuard

from pydantic import BeforeValidator

from data_contracts.closed import Bilingual, Closed
from data_contracts.exact import Exact
from data_contracts.messages import did_you_mean, wrong

Dimension = Literal["health_outcome", "service_process", "policy_effectiveness"]
Direction = Literal["higher_is_better", "lower_is_better", "neutral"]
Window = Literal["in_period", "year_to_date", "rolling_12m", "at_end"]


class Measure(Closed):
    """A count or sum over one mart. `where` selects the population, `pick` one row per person, `filter` what counts."""

    titles: Bilingual
    mart: str
    aggregate: Literal["count", "sum", "count_persons"]
    column: str | None = None
    where: str | None = None
    pick: Literal["first", "last"] | None = None
    filter: str | None = None
    window: Window
    by: list[Literal["sex", "age_band", "policy_id"]] = []


class Target(Closed):
    """A value to reach, from a date on, with the document that says so."""

    value: Exact
    valid_from: date
    reference: str


class SurveyDesign(Closed):
    """Columns of a survey mart: design, weight, and which answers count."""

    mart: str
    stratum: str
    psu: str
    weight: str
    success: str
    valid: str


class Indicator(Closed):
    """One published concept: how it is counted, shown, judged and who answers for it.

    `plausible_yearly_change_pct`: a larger change against the same period of last year looks suspicious; percentage
    points for kinds proportion and survey, percent for any other. `above_lowest_level`: it means nothing at the lowest
    level of areas (staff is counted where its institution stands, whomever it serves) and is not applicable there.
    `parameters`: those of rule sets that its definition leaves to them, shown beside it. `confidence`: what its
    published limits hold; kinds ratio and derived have none. `rises_with_case_finding`: finding more patients raises
    it (prevalence of diagnosed disease), so an index may not read it as worse health.
    """

    titles: Bilingual
    definition: Bilingual
    numerator_words: Bilingual
    denominator_words: Bilingual
    kind: Literal["proportion", "rate", "ratio", "mean", "survey", "derived"]
    numerator: str | None = None
    denominator: str | None = None
    denominator_factor: Literal["time_progress"] | None = None
    survey: SurveyDesign | None = None
    function: Literal["relative_ratio"] | None = None
    reference_level: str | None = None
    window: Window
    multiplier: Exact = Decimal(1)
    digits: int = 2
    unit: Bilingual
    direction: Direction
    confidence: Exact = Decimal("0.95")
    minimum_denominator: Exact = Decimal(0)
    unstable_below: Exact = Decimal(0)
    annualised: bool = False
    plausible_yearly_change_pct: Exact | None = None
    due: list[int] | None = None
    above_lowest_level: bool = False
    parameters: list[str] = []
    dimension: Dimension | None = None
    chain: Literal["process", "result", "impact", "context"]
    pays: bool = False
    rises_with_case_finding: bool = False
    targets: list[Target] = []
    owner: Bilingual
    reference: str
    status: Literal["active", "retired"] = "active"
    note: Bilingual | None = None


# Every parameter that the SQL counts on: the values it may take, or None for any whole number from 0 on.
_FLAG = (0, 1)
PARAMETERS: dict[str, tuple[int | str, ...] | None] = {
    "any_glucose_test": _FLAG,
    "any_visit_mode": _FLAG,
    "days_per_visit": None,
    "dbp_target_elderly_mmhg": None,
    "dbp_target_mmhg": None,
    "elderly_age_at": ("year_end", "period_end"),
    "elderly_age_years": None,
    "exam_at_year_end": _FLAG,
    "glucose_after_meal_target_tenths": None,
    "glucose_target_tenths": None,
    "ldl_target_tenths": None,
    "managed_by_exam": _FLAG,
    "patient_age_years": None,
    "renewal_grace_days": None,
    "sbp_target_elderly_mmhg": None,
    "sbp_target_mmhg": None,
    "visits_due_by": ("completed_quarters", "elapsed_days"),
    "visits_per_year_diabetes": None,
    "visits_per_year_dyslipidaemia": None,
    "visits_per_year_hypertension": None,
}


def _check_parameter(name: str, value: object) -> None:
    if name not in PARAMETERS:
        raise wrong("wrong_parameter", name=name, hint=did_you_mean(name, PARAMETERS))
    allowed = PARAMETERS[name]
    if allowed is None:
        if not _is_whole(value) or value < 0:
            raise wrong("wrong_parameter_whole", name=name)
    elif value not in allowed or isinstance(value, bool):
        words = ", ".join(str(word) for word in allowed)
        hint = did_you_mean(str(value), [word for word in allowed if isinstance(word, str)])
        raise wrong("wrong_parameter_among", name=name, words=words, hint=hint)


# Written true or false, a value is an int to Python.
def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _known_parameters(stated: object) -> object:
    for name, value in stated.items() if isinstance(stated, dict) else ():
        _check_parameter(str(name), value)
    return stated


class RuleSet(Closed):
    """口径: the dated parameters a count depends on, as `PARAMETERS` knows them, with the document that states them."""

    titles: Bilingual
    reference: str
    valid_from: date
    valid_to: date | None = None
    parameters: Annotated[dict[str, int | str], BeforeValidator(_known_parameters)]
