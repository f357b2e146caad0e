"""Settings of a home: registries and rules, package defaults overlaid by the home's own entries.

Put here: what settings may say, how defaults and home combine and where each value comes from.
Keep out: applying them (assets.compute, evaluations) and delivered data.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeGuard, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from data_contracts.closed import Bilingual, Closed, parse, read_yaml
from data_contracts.exact import Exact
from data_contracts.judgement import Expectation, check_known
from data_contracts.messages import both, did_you_mean, wrong
from data_contracts.national_services import NationalService
from data_contracts.periods import Period, periods_between

REGISTRY = Path(__file__).parent / "registry"


Entry = TypeVar("Entry", bound=Closed)
Document = TypeVar("Document", bound=Closed)
Dimension = Literal["health_outcome", "service_process", "policy_effectiveness"]
Direction = Literal["higher_is_better", "lower_is_better", "neutral"]
Window = Literal["in_period", "year_to_date", "rolling_12m", "at_end"]


class Currency(Closed):
    """Currency of all money in the home; amounts are integers in the minor unit."""

    code: str = "CNY"
    minor_unit: str = "fen"
    minor_per_major: int = 100
    major: Bilingual = Bilingual(zh="元", en="yuan")
    symbol: str = "¥"


class Calendar(Closed):
    """Reporting periods of the home: one grain, first and last period."""

    grain: Literal["month", "quarter", "year"]
    first: str
    last: str

    @model_validator(mode="after")
    def _spans_periods(self) -> "Calendar":
        try:
            known = periods_between(self.first, self.last)[0].grain == self.grain
        except ValueError:
            known = False
        if not known:
            raise wrong("wrong_calendar_form")
        return self


class LevelName(Closed):
    """A level of the area tree; the first listed is the lowest."""

    id: str
    titles: Bilingual


class Sender(Closed):
    """Who delivers, and how many days after the end of a period the delivery is due."""

    titles: Bilingual
    deadline_days: int = 15


class HomeDocument(Closed):
    """home.yaml: what this bureau is and how it works."""

    format: Literal[1]
    name: Bilingual
    level: str
    time_zone: str = "Asia/Shanghai"
    currency: Currency = Currency()
    calendar: Calendar
    levels: list[LevelName]
    senders: dict[str, Sender] = {}
    approval: Literal["none", "required"] = "none"
    feeds: list[str] | None = None
    indicators: list[str] | None = None
    rule_sets: list[str]


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
    `parameters`: those of rule sets that its definition leaves to them, shown beside it.
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


class Limits(Closed):
    """Sizes beyond which a delivered file is refused, shares that draw a warning, bounds of the machine's use.

    `decompressed_bytes` and `decompressed_ratio` (unpacked to packed) bound what an archive may unfold to, `nesting`
    how many archives may lie in each other. `resend_share`: share of the keys of a snapshot that a later one must hold
    to take its place.
    """

    file_bytes: int
    decompressed_bytes: int
    decompressed_ratio: int
    nesting: int
    rows: int
    columns: int
    cells: int
    field_length: int
    quarantine_share: Exact
    resend_share: Exact
    memory_limit_mb: int
    threads: int


class TargetGroup(Bilingual):
    """For whom, in words; where it can be counted, also as a condition that is true of rows of a mart."""

    mart: str | None = None
    where: str | None = None


class Frequency(Closed):
    """How often a service is promised to each of its target group, and in what way."""

    times: int = Field(ge=1)
    per: Literal["month", "quarter", "half_year", "year", "three_years"]
    mode: Literal["face_to_face", "home_visit", "remote", "device", "any"] = "any"


class Service(Closed):
    """An entry of services.yaml: what is done for whom how often, who does it and which feeds show that it was done.

    `national_item`: the item of the national basic public-health services it belongs to.
    """

    titles: Bilingual
    target_group: TargetGroup
    frequency: Frequency
    providers: Bilingual
    feeds: list[str] = []
    national_item: Bilingual | None = None
    reference: str


class ClauseTarget(Closed):
    """A value to reach by a day; without a day it holds at any time, for a figure of the year to date at year's end."""

    value: Exact
    by: date | None = None
    reference: str


class ClauseIndicator(Closed):
    """What shows that a promise is kept, with the values to reach."""

    indicator: str
    targets: list[ClauseTarget] = []

    def target_at(self, day: date) -> ClauseTarget | None:
        """The next target to reach on `day`; after the last one, the last one."""
        ordered = sorted(self.targets, key=lambda target: target.by or date.min)
        ahead = [target for target in ordered if target.by is None or target.by >= day]
        standing = ahead[:1] or ordered[-1:]
        return standing[0] if standing else None


class Promise(Closed):
    """A service that a clause promises, how often if not as the service says, and what shows it."""

    service: str
    frequency: Frequency | None = None
    indicators: list[ClauseIndicator] = []


Gap = Literal["none", "no_service", "no_indicator", "no_service_no_indicator"]


class Clause(Bilingual):
    """A clause in words, the services it promises and the indicators that show the clause as a whole is kept.

    A clause without service or without indicator is allowed; it is named wherever the policy is shown.
    """

    id: str = ""
    services: list[Promise] = []
    indicators: list[ClauseIndicator] = []

    @property
    def gap(self) -> Gap:
        """What is missing: a service, an indicator of the clause or of any of its services, or both."""
        shown = bool(self.indicators) or any(promise.indicators for promise in self.services)
        lacking: dict[tuple[bool, bool], Gap] = {
            (True, True): "none",
            (False, True): "no_service",
            (True, False): "no_indicator",
            (False, False): "no_service_no_indicator",
        }
        return lacking[bool(self.services), shown]

    def named_indicators(self) -> Iterator[ClauseIndicator]:
        """The indicators of its services, then its own."""
        for promise in self.services:
            yield from promise.indicators
        yield from self.indicators


class PolicyVersion(Closed):
    """A policy as it stands in its documents from one day to another; without a last day, until the next version."""

    id: str
    document: str
    valid_from: date
    valid_to: date | None = None
    change: Bilingual | None = None
    clauses: list[Clause] = []


class WeightedIndicator(Closed):
    """An indicator inside a score: weight within its dimension and the values that give 0 and 100 points.

    `accrues`: the figure grows from January to December, so `low` and `high` are those of a whole year and count in
    proportion to the time elapsed.
    """

    indicator: str
    weight: Exact
    low: Exact
    high: Exact
    accrues: bool = False


class PolicyClass(Closed):
    """Weights of the three dimensions for a class of policies, in percent."""

    titles: Bilingual
    reference: str
    weights: dict[Dimension, Exact]


_OF_A_VERSION = ("document", "valid_from", "valid_to", "clauses")


class Policy(Closed):
    """A policy as an object: versions with documents and clauses, target group, areas, money, owner, indicators.

    `areas`: level → areas where it holds, everywhere if empty. A policy with one version may state that version's
    document, days and clauses itself.
    """

    titles: Bilingual
    policy_class: str
    target_group: TargetGroup
    versions: list[PolicyVersion] = Field(min_length=1)
    areas: dict[str, list[str]] = {}
    budget_lines: list[str] = []
    owner: Bilingual
    partners: list[Bilingual] = []
    indicators: dict[Dimension, list[WeightedIndicator]]
    minimum_coverage: Exact = Decimal("0.6")

    @model_validator(mode="before")
    @classmethod
    def _one_version(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "versions" in given:
            return given
        version = {key: given[key] for key in _OF_A_VERSION if key in given}
        return {**{key: given[key] for key in given if key not in version}, "versions": [{"id": "1", **version}]}

    def version_at(self, day: date) -> PolicyVersion | None:
        """The version in force on `day`; None before the first, after the last and in between where none is."""
        begun = [version for version in self.versions if version.valid_from <= day]
        last = begun[-1] if begun else None
        return last if last is not None and (last.valid_to is None or day <= last.valid_to) else None


class Grade(Closed):
    """A grade and the score from which it holds."""

    titles: Bilingual
    from_score: Exact


class PolicyDocument(Closed):
    """policies.yaml."""

    classes: dict[str, PolicyClass]
    grades: dict[str, Grade]
    policies: dict[str, Policy]


class RiskComponent(Closed):
    """A part of the health-risk index; `low` is the value of no risk (0), `high` of full risk (100)."""

    indicator: str
    weight: Exact
    low: Exact
    high: Exact
    kind: Literal["structural", "controllable"]


class RiskDocument(Closed):
    """risk.yaml."""

    titles: Bilingual
    reference: str
    valid_from: date
    components: list[RiskComponent]
    minimum_coverage: Exact = Decimal("0.6")


class Budget(Closed):
    """Money for one year in major units, paid in equal instalments over the periods of the year."""

    year: int
    amount: Exact
    reference: str


class Tilt(Closed):
    """Need: how many times as much a head gets at risk 100 as at risk 0, and the risk at which nothing changes."""

    ratio: Exact
    reference: Exact


class Stream(Closed):
    """A part of the budget with one purpose."""

    id: str
    titles: Bilingual
    kind: Literal["per_head", "need", "performance", "reserve"]
    share: Exact
    tilt: Tilt | None = None
    policy: str | None = None


class Reserve(Closed):
    """A group of areas that must get at least a share of the distributable money (budget without reserve stream)."""

    id: str
    titles: Bilingual
    group: Literal["rural", "urban"]
    minimum_share: Exact
    reference: str


class AllocationDocument(Closed):
    """allocation.yaml: how the money of a period is divided among the areas of one level."""

    id: str
    titles: Bilingual
    references: list[str]
    payee_level: str
    population: str
    weighted_population: str | None = None
    budgets: list[Budget]
    streams: list[Stream]
    floor: Exact | None = None
    cap: Exact | None = None
    reserves: list[Reserve] = []
    support_fund: Bilingual = Bilingual(zh="绩效改进支持资金", en="Improvement support fund")
    reserve_fund: Bilingual = Bilingual(zh="统筹预备资金", en="Contingency reserve")


class ClauseGap(NamedTuple):
    """A clause of a version of a policy and what it lacks."""

    policy: str
    version: str
    clause: str
    gap: Gap


class ExplanationOfValue(Closed):
    """Where a settings entry comes from."""

    file: str
    entry: str
    source: Literal["package", "home"]


@dataclass(frozen=True)
class Settings:
    """Everything a run needs to know besides data, resolved for one home."""

    home: HomeDocument
    limits: Limits
    judgement: dict[str, Expectation]
    measures: dict[str, Measure]
    indicators: dict[str, Indicator]
    rule_sets: dict[str, RuleSet]
    services: dict[str, Service]
    national_services: dict[str, NationalService]
    policy_document: PolicyDocument | None
    risk: RiskDocument | None
    allocation: AllocationDocument | None
    sources: tuple[ExplanationOfValue, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values of all settings, in a stable order."""
        return {
            "home": self.home.model_dump(mode="json"),
            "limits": self.limits.model_dump(mode="json"),
            "judgement": {key: value.model_dump(mode="json") for key, value in sorted(self.judgement.items())},
            "measures": {key: value.model_dump(mode="json") for key, value in sorted(self.measures.items())},
            "indicators": {key: value.model_dump(mode="json") for key, value in sorted(self.indicators.items())},
            "rule_sets": {key: value.model_dump(mode="json") for key, value in sorted(self.rule_sets.items())},
            "services": {key: value.model_dump(mode="json") for key, value in sorted(self.services.items())},
            "national_services": {key: item.model_dump(mode="json") for key, item in self.national_services.items()},
            "policies": self.policy_document.model_dump(mode="json") if self.policy_document else None,
            "risk": self.risk.model_dump(mode="json") if self.risk else None,
            "allocation": self.allocation.model_dump(mode="json") if self.allocation else None,
        }

    @property
    def fingerprint(self) -> str:
        """sha256 of all resolved settings."""
        return fingerprint(self.as_dict())

    @property
    def levels(self) -> list[str]:
        """Area levels, lowest first."""
        return [level.id for level in self.home.levels]

    def active_indicators(self) -> dict[str, Indicator]:
        """Indicators the home reports, by id."""
        chosen = self.home.indicators
        return {
            key: value
            for key, value in sorted(self.indicators.items())
            if value.status == "active" and (chosen is None or key in chosen)
        }

    def counted_by_policy(self) -> list[str]:
        """Active indicators whose numerator and denominator are counted for every policy apart."""

        def apart(measure_id: str | None) -> bool:
            return measure_id is not None and "policy_id" in self.measures[measure_id].by

        return [
            key for key, item in self.active_indicators().items() if apart(item.numerator) and apart(item.denominator)
        ]

    def clause_gaps(self) -> list[ClauseGap]:
        """Every clause, of any version, without service or without indicator."""
        document = self.policy_document
        return [
            ClauseGap(policy_id, version.id, clause.id or str(number), clause.gap)
            for policy_id, policy in sorted((document.policies if document else {}).items())
            for version in policy.versions
            for number, clause in enumerate(version.clauses, 1)
            if clause.gap != "none"
        ]

    def active_rule_sets(self, period: Period) -> dict[str, RuleSet]:
        """Rule sets the home uses that are in force at the end of `period`."""
        return {
            key: self.rule_sets[key]
            for key in sorted(self.home.rule_sets)
            if self.rule_sets[key].valid_from <= period.end
            and (self.rule_sets[key].valid_to is None or period.end <= self.rule_sets[key].valid_to)  # type: ignore[operator]
        }


def fingerprint(document: Any) -> str:
    """sha256 of a document of plain values in canonical JSON."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def load_settings(home: Path) -> Settings:
    """Settings of the home at `home`: registries of the package, entries of the home's settings/ on top."""
    folder = home / "settings"
    sources: list[ExplanationOfValue] = []
    document = parse(HomeDocument, _read(home / "home.yaml"), "home.yaml")
    _refuse_unknown_files(folder)
    settings = Settings(
        home=document,
        limits=parse(Limits, _overlay("limits", folder, sources), "limits.yaml"),
        judgement=_entries(Expectation, "judgement", folder, sources),
        measures=_entries(Measure, "measures", folder, sources),
        indicators=_entries(Indicator, "indicators", folder, sources),
        rule_sets=_entries(RuleSet, "rule_sets", folder, sources),
        services=_entries(Service, "services", folder, sources),
        national_services=_entries(NationalService, "national_services", folder, sources),
        policy_document=_single(PolicyDocument, folder / "policies.yaml", sources),
        risk=_single(RiskDocument, folder / "risk.yaml", sources),
        allocation=_single(AllocationDocument, folder / "allocation.yaml", sources),
        sources=tuple(sources),
    )
    _check(settings)
    return settings


_FILES = (
    "measures", "indicators", "rule_sets", "limits", "judgement", "services", "national_services", "policies", "risk",
    "allocation",
)  # fmt: skip


def _refuse_unknown_files(folder: Path) -> None:
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        if path.stem not in _FILES or path.suffix != ".yaml":
            hint = did_you_mean(path.stem, _FILES)
            raise wrong("wrong_settings_file", name=path.name, known=", ".join(_FILES), hint=hint)


def _read(path: Path) -> Any:
    if not path.is_file():
        raise wrong("wrong_no_file", path=path)
    return read_yaml(path)


def _overlay(name: str, folder: Path, sources: list[ExplanationOfValue]) -> dict[str, Any]:
    shipped = REGISTRY / f"{name}.yaml"
    default = (read_yaml(shipped) or {}) if shipped.is_file() else {}
    path = folder / f"{name}.yaml"
    own = (read_yaml(path) or {}) if path.is_file() else {}
    if not isinstance(own, dict):
        raise wrong("wrong_entries", name=name)
    merged = {**default, **own}
    sources.extend(
        ExplanationOfValue(file=f"{name}.yaml", entry=str(key), source="home" if key in own else "package")
        for key in sorted(merged)
    )
    return merged


def _entries(model: type[Entry], name: str, folder: Path, sources: list[ExplanationOfValue]) -> dict[str, Entry]:
    return {key: parse(model, value, f"{name}.yaml: {key}") for key, value in _overlay(name, folder, sources).items()}


def _single(model: type[Document], path: Path, sources: list[ExplanationOfValue]) -> Document | None:
    if not path.is_file():
        return None
    sources.append(ExplanationOfValue(file=path.name, entry="*", source="home"))
    return parse(model, read_yaml(path), path.name)


def _known(kind: str, where: str, name: str | None, known: list[str]) -> None:
    if name is not None and name not in known:
        raise wrong(
            "wrong_unknown", where=where, kind=both(f"wrong_kind_{kind}"), name=name, hint=did_you_mean(name, known)
        )


def _check(settings: Settings) -> None:
    """References between settings; every error names file, entry and the nearest known name."""
    home, measures, indicators = settings.home, list(settings.measures), list(settings.indicators)
    check_known(list(settings.judgement))
    for chosen in home.indicators or []:
        _known("indicator", "home.yaml: indicators", chosen, indicators)
    for rule_set in home.rule_sets:
        _known("rule_set", "home.yaml: rule_sets", rule_set, list(settings.rule_sets))
    for key, measure in settings.measures.items():
        if (measure.aggregate == "sum") != (measure.column is not None):
            raise wrong("wrong_sum_column", key=key)
    for key, national in settings.national_services.items():
        for name in national.indicators:
            _known("indicator", f"national_services.yaml: {key}", name, indicators)
    for key, indicator in settings.indicators.items():
        _check_indicator(key, indicator, settings)
    _check_policies(settings, indicators)
    _check_money(settings, measures, indicators)


def _check_indicator(key: str, indicator: Indicator, settings: Settings) -> None:
    where, measures = f"indicators.yaml: {key}", list(settings.measures)
    _known("measure", where, indicator.numerator, measures)
    _known("measure", where, indicator.denominator, measures)
    for name in indicator.parameters:
        _known("parameter", where, name, list(PARAMETERS))
    if (indicator.kind == "survey") != (indicator.survey is not None):
        raise wrong("wrong_survey", where=where)
    if indicator.kind != "survey" and (indicator.numerator is None or indicator.denominator is None):
        raise wrong("wrong_no_measures", where=where)
    if (indicator.kind == "derived") != (indicator.function is not None):
        raise wrong("wrong_derived", where=where)
    reported = key in settings.active_indicators()
    if indicator.function == "relative_ratio" and reported and indicator.reference_level not in settings.levels:
        raise wrong("wrong_reference_level", where=where, levels=", ".join(settings.levels))


def _check_policies(settings: Settings, indicators: list[str]) -> None:
    document = settings.policy_document
    if document is None:
        return
    for key, kind in document.classes.items():
        if sum(kind.weights.values()) != 100:
            raise wrong("wrong_class_weights", key=key)
    for key, policy in document.policies.items():
        where = f"policies.yaml: {key}"
        if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
            raise wrong("wrong_policy_id", where=where)
        _known("policy_class", where, policy.policy_class, list(document.classes))
        for level in policy.areas:
            _known("level", f"{where}: areas", level, settings.levels)
        _check_weights(where, policy, indicators)
        _check_versions(where, policy, settings)


def _check_weights(where: str, policy: Policy, indicators: list[str]) -> None:
    for dimension, items in policy.indicators.items():
        if sum(item.weight for item in items) != 100:
            raise wrong("wrong_weights", where=where, dimension=dimension)
        for item in items:
            _known("indicator", where, item.indicator, indicators)
            if item.low == item.high:
                raise wrong("wrong_low_high", where=where, indicator=item.indicator)


def _check_versions(where: str, policy: Policy, settings: Settings) -> None:
    ids = [version.id for version in policy.versions]
    if len(set(ids)) < len(ids):
        raise wrong("wrong_version_twice", where=where)
    for version in policy.versions:
        if version.valid_to is not None and version.valid_to < version.valid_from:
            raise wrong("wrong_version_ends", where=where, version=version.id)
        _check_clauses(f"{where}: version {version.id}", version.clauses, settings)
    for earlier, later in pairwise(policy.versions):
        if later.valid_from <= (earlier.valid_to or earlier.valid_from):
            raise wrong("wrong_version_order", where=where, later=later.id, earlier=earlier.id)


def _check_clauses(where: str, clauses: list[Clause], settings: Settings) -> None:
    ids = [clause.id for clause in clauses if clause.id]
    if len(set(ids)) < len(ids):
        raise wrong("wrong_clause_twice", where=where)
    for number, clause in enumerate(clauses, 1):
        here = f"{where}: clause {clause.id or number}"
        for promise in clause.services:
            _known("service", here, promise.service, list(settings.services))
        for shown in clause.named_indicators():
            _known("indicator", here, shown.indicator, list(settings.indicators))
            if shown.targets and settings.indicators[shown.indicator].direction == "neutral":
                raise wrong("wrong_target_neutral", where=here, indicator=shown.indicator)


def _check_risk(risk: RiskDocument | None, indicators: list[str]) -> None:
    if risk is None:
        return
    if sum(component.weight for component in risk.components) != 100:
        raise wrong("wrong_risk_weights")
    for component in risk.components:
        _known("indicator", "risk.yaml", component.indicator, indicators)


def _check_money(settings: Settings, measures: list[str], indicators: list[str]) -> None:
    risk, allocation, document = settings.risk, settings.allocation, settings.policy_document
    _check_risk(risk, indicators)
    if allocation is None:
        return
    where = "allocation.yaml"
    _known("level", where, allocation.payee_level, settings.levels)
    _known("measure", where, allocation.population, measures)
    _known("measure", where, allocation.weighted_population, measures)
    if sum(stream.share for stream in allocation.streams) != 1 or min(s.share for s in allocation.streams) < 0:
        raise wrong("wrong_stream_shares", where=where)
    if allocation.floor is not None and allocation.cap is not None and allocation.floor > allocation.cap:
        raise wrong("wrong_floor_cap", where=where)
    paying: set[str] = set()
    for stream in allocation.streams:
        if stream.kind == "performance":
            policies = document.policies if document else {}
            _known("policy", f"{where}: stream {stream.id}", stream.policy or "", list(policies))
            paying |= {item.indicator for items in policies[str(stream.policy)].indicators.values() for item in items}
        if stream.tilt is not None and risk is None:
            raise wrong("wrong_tilt", where=where, stream=stream.id)
    twice = sorted(paying & {component.indicator for component in (risk.components if risk else [])})
    if twice:
        raise wrong("wrong_counted_twice", where=where, indicator=twice[0])
