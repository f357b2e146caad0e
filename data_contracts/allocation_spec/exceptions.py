"""Exceptions of a spec that are made with a reason: what is paid stands in need, what is in need is out of reach.

Put here: which there are, and what a signature over the reason covers. Keep out: the form of a signature
(data_contracts.signatures), whether the audit believes a declaration (evaluations.allocation.excuses).
"""

from collections.abc import Mapping

from data_contracts.allocation_spec.document import AllocationRules, paid_both_ways
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import Performance
from data_contracts.index_spec.document import IndexSpec, guards_hit, indicators_of
from data_contracts.signatures import Excused, excused, excused_leaf


def risk_exceptions(rules: AllocationRules) -> list[Excused]:
    """Reasons under `risk` of need streams: entry `risk:<stream>`, of an indicator `risk:<stream>/<indicator>`."""
    both_ways = [own for need in rules.of_kind(Need) if (own := _of_risk(rules, need, None)) is not None]
    return [*both_ways, *_of_indicators(rules)]


def exceptions_of(rules: AllocationRules, indices: Mapping[str, IndexSpec]) -> list[Excused]:
    """The same with the indices that the engine computes first, need stream → spec, and the reasons of their leaves.

    Entry of a leaf: `index:<id of the index>/<id of the leaf>`.
    """
    found = [own for need in rules.of_kind(Need) if (own := _of_risk(rules, need, indices.get(need.id))) is not None]
    found += _of_indicators(rules)
    terms = terms_of(rules)
    for _, index in sorted(indices.items()):
        found += [
            excused_leaf(
                f"index:{index.id}/{item.id}", index, item, {item.id: terms[item.id]} if item.id in terms else {}
            )
            for item in indicators_of(index.tree)
            if item.signed_reason is not None and guards_hit(index, item)
        ]
    return found


def _of_indicators(rules: AllocationRules) -> list[Excused]:
    """Indicators of risk that are said to be out of reach, or not to lower the risk when they get better."""
    terms, found = terms_of(rules), []
    for need in rules.of_kind(Need):
        for name, own in need.risk.indicators.items() if need.risk is not None else ():
            if own.signed_reason is not None:
                what = {
                    "indicator": own.model_dump(mode="json", exclude={"signed_reason"}),
                    "risk": need.risk.model_dump(mode="json", include={"column", "table", "index"}),
                    "paid": terms.get(own.same_as or name, []),
                }
                found.append(excused(f"risk:{need.id}/{name}", own.signed_reason, what, binding=False))
    return found


def _of_risk(rules: AllocationRules, need: Need, index: IndexSpec | None) -> Excused | None:
    risk = need.risk
    if risk is None or risk.signed_reason is None:
        return None
    both_ways = paid_both_ways(rules, risk, [] if index is None else [item.id for item in indicators_of(index.tree)])
    if not both_ways:
        return None
    terms = terms_of(rules)
    what = {
        "risk": risk.model_dump(mode="json", exclude={"signed_reason"}, exclude_defaults=True),
        "index": None if index is None else index.model_dump(mode="json", exclude={"titles"}, exclude_defaults=True),
        "paid": {name: terms[name] for name in both_ways},
    }
    return excused(f"risk:{need.id}", risk.signed_reason, what, binding=True)


def terms_of(rules: AllocationRules) -> dict[str, list[object]]:
    """How indicators are paid for: stream and words of each."""
    found: dict[str, list[object]] = {}
    for stream in rules.of_kind(Performance):
        for item in stream.indicators:
            terms = item.model_dump(mode="json", exclude={"titles"}, exclude_defaults=True)
            found.setdefault(item.id, []).append([stream.id, terms])
    return found
