"""The incentive audit in words: whether a division may be approved, and why not.

Put here: sentences of the audit. Keep out: the audit (evaluations), writing files.
"""

from collections.abc import Mapping

import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.reached import is_moved
from data_contracts.messages import LANGUAGES, both
from evaluations.allocation.audit import AuditResult, may_be_approved
from evaluations.allocation.lines import yuan

Words = dict[str, str]


def draft_reasons(
    spec: AllocationSpec, result: AuditResult | None, titles: Mapping[str, Words] | None = None
) -> list[Words]:
    """Why the division is a draft that cannot be approved, in zh and en; empty where it may be.

    `titles`: what people call indicators, streams and payees; others go by their ids.
    """
    named = titles or {}
    if result is None:
        return [both("allocate.audit.not_done")] if is_moved(spec) else []
    found = []
    for reason, subject, count in result.tables["audit_reasons"].iter_rows():
        params: dict[str, object] = {"subject": named.get(subject, subject), "count": count,
                                     "major": spec.currency.model_dump()}  # fmt: skip
        if reason == "loses":
            summary = result.tables["audit_summary"].filter(pl.col("worst_fen").is_not_null(), indicator=subject)
            payee, lost = summary.sort("worst_fen").select("worst_payee", "worst_fen").row(0)
            params |= {"worst": yuan(-lost), "payee": named.get(payee, payee)}
        found.append(both(f"allocate.audit.{reason}", **params))
    return found


def told_reasons(spec: AllocationSpec, result: AuditResult) -> pl.DataFrame:
    """Table `audit_reasons` with its sentences, `words_zh` and `words_en`: the draft reasons that an audit gives."""
    said = draft_reasons(spec, result)
    columns = [pl.Series(f"words_{name}", [own[name] for own in said], dtype=pl.String) for name in LANGUAGES]
    return result.tables["audit_reasons"].with_columns(columns)


def audit_words(spec: AllocationSpec, result: AuditResult) -> list[Words]:
    """What the audit found, for the terminal."""
    if may_be_approved(result):
        cells = result.tables["audit"].filter(status="ok").height
        if not cells:
            return [both("allocate.audit.nothing")]
        return [both("allocate.audit.passed", cells=cells, years=spec.audit.years)]
    heading = both("allocate.audit.draft")
    return [
        heading,
        *({language: f"  {own[language]}" for language in LANGUAGES} for own in draft_reasons(spec, result)),
    ]
