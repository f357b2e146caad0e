"""What may not stand in an index of need: indicators that pay, and what better detection raises. Unless somebody signs.

Put here: which exceptions the settings of a home make, and whether they are signed. Keep out: the form of a signature
(data_contracts.signatures), guards that an index spec alone can check (index_spec).
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from data_contracts.allocation_spec.contests import Awards, ByGrade
from data_contracts.allocation_spec.exceptions import risk_exceptions, terms_of
from data_contracts.closed import DefinitionError
from data_contracts.index_spec.document import IndexSpec, guards_hit
from data_contracts.index_spec.tree import Indicator
from data_contracts.messages import wrong
from data_contracts.settings.allocation import AllocationDocument
from data_contracts.settings.allocation_tables import PayeeTable
from data_contracts.settings.indices import columns_read, indicator_of
from data_contracts.settings.resolved import Settings
from data_contracts.signatures import Excused, excused_leaf, flaw_of, flaw_words


class _Hit(NamedTuple):
    """A guard that a leaf of an index hits: its sentence, the indicators it reads, and terms they are paid on.

    `terms`: only of indicators whose value, numerator or limits it reads; how many they are about is not what pays.
    """

    name: str
    spec: IndexSpec
    item: Indicator
    guard: str
    indicators: tuple[str, ...]
    terms: Mapping[str, Any]


def check_guards(settings: Settings) -> None:
    """Raises DefinitionError for the first exception without a reason, with index, part, indicator and next step."""
    for hit in _hits(settings):
        if hit.item.signed_reason is None:
            where = _file(settings, hit.name)
            raise wrong(hit.guard, id=hit.item.id, where=where, part=hit.item.id, indicator=hit.indicators[0])


def check_signatures(settings: Settings) -> None:
    """Raises DefinitionError where a signature does not hold any more, or one that money depends on is lacking."""
    for exception in exceptions_of(settings):
        flaw = flaw_of(exception, settings.signatures, settings.home.approvers)
        if flaw is not None and (flaw != "unsigned" or exception.binding):
            raise DefinitionError(flaw_words(exception, flaw, settings.signatures).__getitem__)


def unsigned(settings: Settings) -> list[dict[str, str]]:
    """Exceptions that are computed with but not signed, in zh and en: money by them is a draft."""
    return [
        flaw_words(exception, "unsigned", settings.signatures)
        for exception in exceptions_of(settings)
        if flaw_of(exception, settings.signatures, settings.home.approvers) == "unsigned"
    ]


def exceptions_of(settings: Settings) -> list[Excused]:
    """Every exception with a reason in what money follows; an index that is only shown beside is none."""
    allocation = settings.allocation
    if allocation is None:
        return []
    followed = _followed(settings, allocation)
    found: dict[tuple[str, str], list[_Hit]] = {}
    for hit in _hits(settings):
        if hit.name in followed and hit.item.signed_reason is not None:
            found.setdefault((hit.name, hit.item.id), []).append(hit)
    leaves = [
        excused_leaf(
            f"index:{index}/{part}", hits[0].spec, hits[0].item,
            {name: terms for hit in hits for name, terms in hit.terms.items()},
        )
        for (index, part), hits in sorted(found.items())
    ]  # fmt: skip
    return [*leaves, *risk_exceptions(allocation)]


def _hits(settings: Settings) -> Iterator[_Hit]:
    allocation = settings.allocation
    marked = {key for key, item in settings.indicators.items() if item.rises_with_case_finding}
    followed = set() if allocation is None else _followed(settings, allocation)
    paying = {} if allocation is None else _paying(settings, allocation)
    for name, spec in settings.indices.items():
        for item, columns in columns_read(spec):
            read = {indicator_of(column) for column in columns}
            whole = {indicator_of(column) for column in columns if not column.endswith(".denominator")}
            for sentence in guards_hit(spec, item):
                yield _Hit(name, spec, item, sentence, tuple(sorted(read)), {})
            raises = spec.purpose == "need" and item.direction == "higher_is_better" and item.detected_by is None
            if found := sorted(read & marked if raises else set()):
                # Whatever an index says of its leaf.
                yield _Hit(name, spec, item, "wrong_index_finding", tuple(found), {})
            if name in followed and (found := sorted(read & paying.keys())):
                terms = {key: paying[key] for key in found if key in whole}
                yield _Hit(name, spec, item, "wrong_index_paid", tuple(found), terms)


def _followed(settings: Settings, allocation: AllocationDocument) -> set[str]:
    """Indices that money follows."""
    tables = [table for table in allocation.tables.values() if isinstance(table, PayeeTable)]
    bound = {figure.index for table in tables for figure in table.columns.values() if figure.index is not None}
    return bound if settings.risk is None else {settings.risk.uses, *bound}


def _paying(settings: Settings, allocation: AllocationDocument) -> dict[str, list[Any]]:
    """Indicators that money follows, with the terms: of performance streams, of scores of policies and appraisals.

    Also those that awards go by themselves.
    """
    found = terms_of(allocation)
    for name, terms in _awarded(allocation):
        found.setdefault(name, []).append(terms)
    policies = settings.policy_document.policies if settings.policy_document else {}
    for table in allocation.tables.values():
        for figure in table.columns.values() if isinstance(table, PayeeTable) else ():
            for items in policies[figure.policy].indicators.values() if figure.policy is not None else ():
                for scored in items:
                    found.setdefault(scored.indicator, []).append([figure.policy, scored.model_dump(mode="json")])
            if figure.appraisal is not None:
                for item, columns in columns_read(settings.appraisals[figure.appraisal].spec):
                    for key in sorted({indicator_of(column) for column in columns} & settings.indicators.keys()):
                        found.setdefault(key, []).append([figure.appraisal, item.model_dump(mode="json")])
    return found


def _awarded(allocation: AllocationDocument) -> Iterator[tuple[str, list[Any]]]:
    """Indicators that classes of awards take for their score, with stream and class."""
    for stream in allocation.of_kind(Awards):
        for item in stream.classes:
            if isinstance(item, ByGrade):
                continue
            table = allocation.tables[item.score.table or allocation.payees.table]
            figure = table.columns.get(item.score.column) if isinstance(table, PayeeTable) else None
            if figure is not None and figure.indicator is not None:
                yield figure.indicator, [stream.id, item.model_dump(mode="json")]


def _file(settings: Settings, index: str) -> str:
    risk = settings.risk
    return "risk.yaml" if risk is not None and risk.own is not None and index == risk.uses else f"indices/{index}.yaml"
