"""What settings must agree on among each other; every error names file, entry and the nearest known name.

Put here: references between documents, weights that must sum. Keep out: what one entry alone must be (its own model).
"""

import re
from itertools import pairwise

from data_contracts.allocation_spec.document import FEN_PER_UNIT
from data_contracts.allocation_spec.pay import Performance
from data_contracts.index_spec.document import IndexSpec, columns_used, indicators_of
from data_contracts.judgement import check_known
from data_contracts.messages import both, did_you_mean, wrong
from data_contracts.settings.allocation_tables import IndicatorTable, PayeeTable, RoadTable
from data_contracts.settings.appraisals import INSTITUTION
from data_contracts.settings.counting import PARAMETERS, Indicator
from data_contracts.settings.guards import check_guards
from data_contracts.settings.indices import UNIT, columns_of, published_confidence
from data_contracts.settings.policies import Clause, Policy
from data_contracts.settings.resolved import Settings


def _known(kind: str, where: str, name: str | None, known: list[str]) -> None:
    if name is not None and name not in known:
        raise wrong(
            "wrong_unknown", where=where, kind=both(f"wrong_kind_{kind}"), name=name, hint=did_you_mean(name, known)
        )


def check_agreement(settings: Settings) -> None:
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
    _check_risk(settings)
    _check_appraisals(settings)
    _check_money(settings, measures)
    check_guards(settings)


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
        _check_weights(where, policy, settings, indicators)
        _check_versions(where, policy, settings)


def _check_weights(where: str, policy: Policy, settings: Settings, indicators: list[str]) -> None:
    for dimension, items in policy.indicators.items():
        if sum(item.weight for item in items) != 100:
            raise wrong("wrong_weights", where=where, dimension=dimension)
        for item in items:
            _known("indicator", where, item.indicator, indicators)
            if item.low == item.high:
                raise wrong("wrong_low_high", where=where, indicator=item.indicator)
            if settings.indicators[item.indicator].rises_with_case_finding and item.high < item.low:
                raise wrong("wrong_policy_finding", where=where, indicator=item.indicator)


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


def _check_risk(settings: Settings) -> None:
    risk = settings.risk
    if risk is None:
        return
    if risk.own is not None:
        if sum(component.weight for component in risk.own.components) != 100:
            raise wrong("wrong_risk_weights")
        for component in risk.own.components:
            _known("indicator", "risk.yaml", component.indicator, list(settings.indicators))
    for name, spec in settings.indices.items():
        where = "risk.yaml" if risk.own is not None and name == risk.uses else f"indices/{name}.yaml"
        if spec.purpose != "need":
            raise wrong("wrong_index_purpose", where=where)
        if spec.unit != UNIT:
            raise wrong("wrong_at", where=where, problem=both("wrong_index_unit", unit=UNIT))
        _check_columns(where, spec, set(), settings)


def _check_columns(where: str, spec: IndexSpec, more: set[str], settings: Settings) -> None:
    _check_confidence(where, spec, settings)
    known = columns_of(list(settings.indicators)) | more
    for column in columns_used(spec):
        if column not in known:
            raise wrong("wrong_index_column", where=where, column=column, hint=did_you_mean(column, known))


def _check_confidence(where: str, spec: IndexSpec, settings: Settings) -> None:
    """Limits hold what the registry says; a spec that says otherwise would read another error from them."""
    for item in indicators_of(spec.tree):
        published, said = published_confidence(item, settings.indicators), item.sampling
        stated = said is not None and "confidence" in said.model_fields_set
        if said is not None and stated and published is not None and said.confidence != published:
            raise wrong("wrong_index_confidence", where=where, part=item.id, said=said.confidence, published=published,
                        column=said.lower)  # fmt: skip


def _check_appraisals(settings: Settings) -> None:
    for name, appraisal in settings.appraisals.items():
        where = f"appraisals/{name}.yaml"
        if appraisal.of != INSTITUTION:
            _known("level", where, appraisal.of, settings.levels)
            if appraisal.feed is None:
                _check_columns(where, appraisal.spec, set(), settings)
            else:
                _check_confidence(where, appraisal.spec, settings)


def _check_money(settings: Settings, measures: list[str]) -> None:
    allocation = settings.allocation
    if allocation is None:
        return
    where = "allocation.yaml"
    _known("level", where, allocation.payee_level, settings.levels)
    _known("measure", where, allocation.population, measures)
    if settings.home.currency.minor_per_major != FEN_PER_UNIT["yuan"]:
        raise wrong("allocation_minor_units", where=where)
    quarterly = settings.home.calendar.grain == "quarter"
    for stream in allocation.of_kind(Performance):
        if stream.data.quarter is not None and (stream.quarterly is None or not quarterly):
            raise wrong("allocation_quarters", where=where, stream=stream.id)
        if isinstance(allocation.tables[stream.data.table], IndicatorTable) and stream.data.quarter is not None:
            _check_windows(where, stream, settings)
    for name, table in allocation.tables.items():
        _check_table(f"{where}: tables.{name}", table, settings, measures)


def _check_windows(where: str, stream: Performance, settings: Settings) -> None:
    """A figure that grows with the year is not one of a quarter, and the other way round."""
    unlike = ("in_period",) if stream.figures == "year_so_far" else ("year_to_date", "rolling_12m")
    for item in stream.indicators:
        known = settings.indicators.get(item.id)
        if known is not None and known.window in unlike:
            said = f"figures: {stream.figures}" if stream.figures else f"rolling_quarters: {stream.rolling_quarters}"
            words = both(f"allocation_figures_{known.window}")
            raise wrong("allocation_figures_window", where=where, stream=stream.id, indicator=item.id, said=said,
                        window=words)  # fmt: skip


def _check_table(where: str, table: RoadTable, settings: Settings, measures: list[str]) -> None:
    indicators = list(settings.indicators)
    policies = list(settings.policy_document.policies) if settings.policy_document else []
    if isinstance(table, IndicatorTable):
        for indicator in table.indicators:
            _known("indicator", where, indicator, indicators)
    if isinstance(table, PayeeTable):
        for column, figure in table.columns.items():
            here = f"{where}.{column}"
            _known("measure", here, figure.measure, measures)
            _known("indicator", here, figure.indicator, indicators)
            _known("index", here, figure.index, settings.risk.indices if settings.risk else [])
            _known("policy", here, figure.policy, policies)
            _known("appraisal", here, figure.appraisal, list(settings.appraisals))
            level = settings.allocation.payee_level if settings.allocation else None
            of = settings.appraisals[figure.appraisal].of if figure.appraisal is not None else level
            if of != level:
                raise wrong("allocation_appraisal_level", where=here, name=figure.appraisal, of=of, level=level)
