"""What a report must know besides its tables: names, wording, currency, dictionaries of indicators and policies.

Put here: plain values handed to every page and workbook, and how to take them from settings.
Keep out: numbers of the tables, drawing, and anything that reads files.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.closed import Bilingual
from data_contracts.messages import both
from data_contracts.periods import Period
from data_contracts.settings.allocation import AllocationDocument
from data_contracts.settings.counting import PARAMETERS, Indicator
from data_contracts.settings.policies import Policy, PolicyDocument
from data_contracts.settings.resolved import Settings
from data_contracts.settings.scoring import Grade
from data_contracts.settings.services import Service
from reports.index_views import AppraisalView, IndexView, appraisal_view, index_views

if TYPE_CHECKING:
    from data_contracts.dictionary import FeedEntry
    from data_contracts.national_services import ServiceRow

_NOTHING = Bilingual(zh="", en="")


def words(zh: str, en: str) -> Bilingual:
    """A text in both languages."""
    return Bilingual(zh=zh, en=en)


@dataclass(frozen=True)
class CurrencyView:
    """How integer minor units are shown: `decimals` digits of the major unit (2: 100 minor = 1 major).

    `code`: of the currency in ISO 4217.
    """

    minor: Bilingual = field(default_factory=lambda: words("分", "fen"))
    major: Bilingual = field(default_factory=lambda: words("元", "yuan"))
    decimals: int = 2
    code: str = "CNY"


@dataclass(frozen=True)
class IndicatorView:
    """Dictionary entry of an indicator; `numerator_in` and `denominator_in` say whether each is heads or money.

    `parameters`: the parameters of rule sets that its definition refers to.
    """

    titles: Bilingual
    definition: Bilingual = _NOTHING
    unit: Bilingual = _NOTHING
    digits: int = 1
    direction: str = "neutral"
    targets: tuple[tuple[float, str], ...] = ()
    owner: Bilingual = _NOTHING
    method: Bilingual = _NOTHING
    numerator: Bilingual = _NOTHING
    denominator: Bilingual = _NOTHING
    reference: str = ""
    numerator_in: str = "count"
    denominator_in: str = "count"
    chain: str = "context"
    by_policy: bool = False
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class VersionView:
    """A version of a policy: its document, its days, what changed with it."""

    id: str
    document: str
    valid_from: date
    valid_to: date | None = None
    change: Bilingual | None = None


@dataclass(frozen=True)
class PolicyView:
    """Dictionary entry of a policy; `document` is that of the version in force, empty where none is."""

    titles: Bilingual
    class_titles: Bilingual = _NOTHING
    document: str = ""
    target_group: Bilingual = _NOTHING
    owner: Bilingual = _NOTHING
    class_id: str = ""
    partners: tuple[Bilingual, ...] = ()
    versions: tuple[VersionView, ...] = ()
    budget_lines: tuple[str, ...] = ()
    areas: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ServiceView:
    """Dictionary entry of a service."""

    titles: Bilingual
    target_group: Bilingual = _NOTHING
    providers: Bilingual = _NOTHING
    feeds: tuple[str, ...] = ()
    national_item: Bilingual = _NOTHING
    reference: str = ""


@dataclass(frozen=True)
class ExpectationView:
    """Dictionary entry of an expectation of whole deliveries: its name and how its figure is made."""

    titles: Bilingual
    formula: Bilingual = _NOTHING

    @classmethod
    def bare(cls, expectation: str) -> "ExpectationView":
        """An entry that shows the id."""
        return cls(words(expectation, expectation))


@dataclass(frozen=True)
class AllocationView:
    """What is known about the division of money besides its lines; `budget_minor` is the sum to be divided.

    `spec`: the rules of the year; `payee_level`: the level of areas that its payees are.
    """

    titles: Bilingual
    budget_minor: int
    streams: Mapping[str, Bilingual] = field(default_factory=dict)
    payees: Mapping[str, Bilingual] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    spec: AllocationSpec | None = None
    payee_level: str = ""


@dataclass(frozen=True)
class ReportContext:
    """Everything pages and workbooks need besides frames.

    `levels` go from leaf to top; `rule_sets` are in the order of importance, pages open with the first; `policies` of
    a class stand together. `parameters`: rule set → name → title and value in words. `national_services`: what of each
    the home has, in the order of the register. `columns`: (feed, column) → title. `fix_lists`: feed and institution, or
    no text → where the fix list lies below the home's folder. `indices`: the one that need follows first. `locks`:
    `policy:<id>` or `index:<id>` → when it was locked, by whom, hash. `institutions`: code → name in the register.
    """

    home: Bilingual
    period: str
    levels: Mapping[str, Bilingual]
    rule_sets: Mapping[str, Bilingual]
    parameters: Mapping[str, Mapping[str, tuple[Bilingual, Bilingual]]] = field(default_factory=dict)
    indicators: Mapping[str, IndicatorView] = field(default_factory=dict)
    policies: Mapping[str, PolicyView] = field(default_factory=dict)
    services: Mapping[str, ServiceView] = field(default_factory=dict)
    national_services: "tuple[ServiceRow, ...]" = ()
    sources: Mapping[str, Bilingual] = field(default_factory=dict)
    grades: Mapping[str, Bilingual] = field(default_factory=dict)
    allocation: AllocationView | None = None
    currency: CurrencyView = field(default_factory=CurrencyView)
    senders: Mapping[str, Bilingual] = field(default_factory=dict)
    feeds: Mapping[str, Bilingual] = field(default_factory=dict)
    dictionary: "tuple[FeedEntry, ...]" = ()
    rules: Mapping[str, Bilingual] = field(default_factory=dict)
    release_id: str = ""
    warnings: tuple[Bilingual, ...] = ()
    expectations: Mapping[str, ExpectationView] = field(default_factory=dict)
    columns: Mapping[tuple[str, str], Bilingual] = field(default_factory=dict)
    fix_lists: Mapping[tuple[str, str], str] = field(default_factory=dict)
    indices: Mapping[str, IndexView] = field(default_factory=dict)
    locks: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    appraisals: Mapping[str, AppraisalView] = field(default_factory=dict)
    institutions: Mapping[str, str] = field(default_factory=dict)


def context_from_settings(
    settings: Settings,
    period: str,
    release_id: str,
    *,
    budget_minor: int | None = None,
    feeds: Mapping[str, Bilingual] | None = None,
    rules: Mapping[str, Bilingual] | None = None,
    sources: Mapping[str, Bilingual] | None = None,
    warnings: tuple[Bilingual, ...] = (),
    national_services: "tuple[ServiceRow, ...]" = (),
    dictionary: "tuple[FeedEntry, ...]" = (),
    columns: Mapping[tuple[str, str], Bilingual] | None = None,
    fix_lists: Mapping[tuple[str, str], str] | None = None,
) -> ReportContext:
    """The context of a home's report; `budget_minor` is the sum divided in `period`, None when nothing was.

    `sources`: who pays for policies, in the order in which they are shown.
    """
    when = Period.parse(period)
    home, policies = settings.home, settings.policy_document
    return ReportContext(
        home=home.name,
        period=period,
        levels={level.id: level.titles for level in home.levels},
        rule_sets={key: item.titles for key, item in settings.active_rule_sets(when).items()},
        parameters={
            key: {name: parameter_in_words(name, value) for name, value in item.parameters.items()}
            for key, item in settings.active_rule_sets(when).items()
        },
        indicators={
            key: _indicator(settings, key, item, when.end) for key, item in settings.active_indicators().items()
        },
        policies=_policies(policies, when.end) if policies else {},
        services={key: _service(item) for key, item in sorted(settings.services.items())},
        national_services=national_services,
        sources=sources or {},
        grades={key: grade.titles for key, grade in _best_first(policies)} if policies else {},
        allocation=_allocation(settings.allocation, budget_minor, when.year),
        currency=_currency(settings),
        senders={key: sender.titles for key, sender in home.senders.items()},
        feeds=feeds or {},
        dictionary=dictionary,
        rules=rules or {},
        release_id=release_id,
        warnings=warnings,
        expectations={key: ExpectationView(item.titles, item.formula) for key, item in settings.judgement.items()},
        columns=columns or {},
        fix_lists=fix_lists or {},
        indices=dict(index_views(settings)),
        appraisals={key: appraisal_view(item.spec) for key, item in sorted(settings.appraisals.items())},
        locks={entry: (lock.at, lock.by, lock.hash) for entry, lock in sorted(settings.locks.holding.items())},
    )


def _best_first(document: PolicyDocument) -> list[tuple[str, Grade]]:
    return sorted(document.grades.items(), key=lambda item: item[1].from_score, reverse=True)


def parameter_in_words(name: str, value: int | str) -> tuple[Bilingual, Bilingual]:
    """Title and value of a parameter of a rule set; a number of tenths is shown as the number it stands for."""
    if isinstance(value, str):
        shown = both(f"reports.parameter_word.{value}")
    elif PARAMETERS[name] == (0, 1):
        shown = both(f"reports.template.{'yes' if value else 'no'}")
    else:
        digits = f"{value / 10:.1f}" if name.endswith("_tenths") else str(value)
        shown = {"zh": digits, "en": digits}
    return Bilingual(**both(f"reports.parameter.{name}")), Bilingual(**shown)


def _currency(settings: Settings) -> CurrencyView:
    currency = settings.home.currency
    minor = words("分", "fen") if currency.minor_unit == "fen" else words(currency.minor_unit, currency.minor_unit)
    return CurrencyView(minor=minor, major=currency.major, decimals=len(str(currency.minor_per_major)) - 1,
                        code=currency.code)  # fmt: skip


def _indicator(settings: Settings, key: str, item: Indicator, end: date) -> IndicatorView:
    return IndicatorView(
        titles=item.titles,
        definition=item.definition,
        unit=item.unit,
        digits=item.digits,
        direction=item.direction,
        targets=tuple(
            (float(target.value), target.reference)
            for target in sorted(item.targets, key=lambda entry: entry.valid_from)
            if target.valid_from <= end
        )[-1:],
        owner=item.owner,
        method=_method(item),
        numerator=item.numerator_words,
        denominator=item.denominator_words,
        reference=item.reference,
        numerator_in=_counted_in(settings, item.numerator),
        denominator_in=_counted_in(settings, item.denominator),
        chain=item.chain,
        by_policy=key in settings.counted_by_policy(),
        parameters=tuple(item.parameters),
    )


def _counted_in(settings: Settings, measure_id: str | None) -> str:
    """Money where the measure sums a column of the home's minor unit."""
    measure = settings.measures.get(measure_id or "")
    suffix = f"_{settings.home.currency.minor_unit}"
    return "money" if measure is not None and (measure.column or "").endswith(suffix) else "count"


def _method(item: Indicator) -> Bilingual:
    kind, window = both(f"reports.kind.{item.kind}"), both(f"reports.window.{item.window}")
    wording = {
        language: both(
            "reports.method",
            kind=kind[language],
            window=window[language],
            minimum=f"{item.minimum_denominator.normalize():f}",
        )[language]
        for language in ("zh", "en")
    }
    return words(wording["zh"], wording["en"])


def _policies(document: PolicyDocument, end: date) -> dict[str, PolicyView]:
    """Policies by the order of their classes, then by id."""
    classes = list(document.classes)
    ordered = sorted(document.policies.items(), key=lambda entry: (classes.index(entry[1].policy_class), entry[0]))
    return {key: _policy(item, document.classes[item.policy_class].titles, end) for key, item in ordered}


def _policy(item: Policy, class_titles: Bilingual, end: date) -> PolicyView:
    now = item.version_at(end)
    return PolicyView(
        item.titles,
        class_titles,
        now.document if now else "",
        item.target_group,
        item.owner,
        class_id=item.policy_class,
        partners=tuple(item.partners),
        versions=tuple(_versions(item)),
        budget_lines=tuple(item.budget_lines),
        areas=tuple((level, area) for level, areas in sorted(item.areas.items()) for area in areas),
    )


def _versions(item: Policy) -> Iterator[VersionView]:
    """Versions in order; one without a last day ends the day before the next begins."""
    for version, following in zip_longest(item.versions, item.versions[1:]):
        last = version.valid_to or (following.valid_from - timedelta(days=1) if following else None)
        yield VersionView(version.id, version.document, version.valid_from, last, version.change)


def _service(item: Service) -> ServiceView:
    national = item.national_item or _NOTHING
    return ServiceView(item.titles, item.target_group, item.providers, tuple(item.feeds), national, item.reference)


def _allocation(document: AllocationDocument | None, budget_minor: int | None, year: int) -> AllocationView | None:
    if document is None or budget_minor is None:
        return None
    return AllocationView(
        titles=document.titles,
        budget_minor=budget_minor,
        streams={stream.id: stream.titles or words(stream.id, stream.id) for stream in document.streams},
        payees={fund: document.fund_title(fund) for fund in document.fund_ids()},
        references=tuple(document.references),
        spec=document.spec(year),
        payee_level=document.payee_level,
    )
