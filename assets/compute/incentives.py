"""The incentive audit in words: whether a division may be approved, and why not.

Put here: sentences of the audit. Keep out: the audit (evaluations), writing files.
"""

from collections.abc import Mapping

import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import Performance
from data_contracts.messages import LANGUAGES, both
from evaluations.allocation.audit import AuditResult, may_be_approved
from evaluations.allocation.lines import yuan

Words = dict[str, str]


def to_be_audited(spec: AllocationSpec) -> bool:
    """Whether money depends on anything that payees can get better at."""
    return bool(spec.of_kind(Performance)) or any(need.risk is not None for need in spec.of_kind(Need))


def draft_reasons(
    spec: AllocationSpec, result: AuditResult | None, titles: Mapping[str, Words] | None = None
) -> list[Words]:
    """Why the division is a draft that cannot be approved, in zh and en; empty where it may be.

    `titles`: what people call indicators, streams and payees; others go by their ids.
    """
    named = titles or {}
    if result is None:
        return [both("allocate.audit.not_done")] if to_be_audited(spec) else []
    found = []
    for reason, subject, count in result.tables["audit_reasons"].iter_rows():
        params: dict[str, object] = {"subject": named.get(subject, subject), "count": count}
        if reason == "loses":
            summary = result.tables["audit_summary"].filter(pl.col("worst_fen").is_not_null(), indicator=subject)
            payee, lost = summary.sort("worst_fen").select("worst_payee", "worst_fen").row(0)
            params |= {"worst": yuan(-lost), "payee": named.get(payee, payee)}
        found.append(both(f"allocate.audit.{reason}", **params))
    return found


def audit_words(spec: AllocationSpec, result: AuditResult) -> list[Words]:
    """What the audit found, for the terminal."""
    if may_be_approved(result):
        cells = result.tables["audit"].filter(status="ok").height
        return [both("allocate.audit.passed", cells=cells, years=spec.audit.years)]
    heading = both("allocate.audit.draft")
    return [
        heading,
        *({language: f"  {own[language]}" for language in LANGUAGES} for own in draft_reasons(spec, result)),
    ]
