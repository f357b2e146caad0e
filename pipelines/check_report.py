"""What `kangheng check` says: the verdict as plain values and in words.

Put here: order and wording. Keep out: finding out (checking.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from assets.intake.check import CheckResult
from assets.intake.findings import Finding
from assets.intake.recognising import Fit
from data_contracts.messages import LANGUAGES, text

if TYPE_CHECKING:
    from assets.stages.beforehand import Comparison

_SHOWN = 20
_STOPS = ("。", "！", "？", ".", "!", "?")


@dataclass(frozen=True)
class CheckReport:
    """A verdict with the files of its fix list.

    `candidates`: feeds the header fits, where none was named. `compared`: what the home says, None without a home.
    `nothing_to_fix`: a fix list was asked for and there is nothing to write in it.
    """

    file: str
    result: CheckResult
    titles: dict[str, str]
    candidates: list[Fit] = field(default_factory=list)
    hints: list[Finding] = field(default_factory=list)
    compared: "Comparison | None" = None
    fix_lists: list[Path] = field(default_factory=list)
    nothing_to_fix: bool = False

    @property
    def passed(self) -> bool:
        """The pipeline would take this file."""
        return self.result.passed

    @property
    def not_checked(self) -> list[str]:
        """Sentence ids of what could not be checked."""
        return self.result.not_checked if self.compared is None else self.compared.not_checked

    def as_dict(self) -> dict[str, Any]:
        """Plain values; nothing of any record."""
        result = self.result
        account, account_share = asdict(result.account), result.account.refused_share
        return {
            "file": self.file,
            "feed": result.feed or None,
            "titles": self.titles,
            "candidates": [{**asdict(item), "likeness": item.likeness} for item in self.candidates],
            "period": result.period,
            "period_origin": result.period_origin,
            "institution": result.entry.institution_id if result.entry else None,
            "passed": self.passed,
            "verdict": result.verdict,
            "account": {**{name: account[name] for name in account if name != "findings"}, "rows": result.account.rows},
            "refused_share": account_share,
            "refused_share_limit": float(result.limits.quarantine_share),
            "refused": _plain([result.refused])[0] if result.refused else None,
            "warnings": _plain(result.account.findings),
            "hints": _plain(self.hints),
            "compared": None if self.compared is None else _plain(self.compared.findings),
            "fixes": result.fixes.to_dicts(),
            "fix_lists": [str(path) for path in self.fix_lists],
            "not_checked": [
                {"id": each, **{language: text(each, language) for language in LANGUAGES}} for each in self.not_checked
            ],
        }

    def lines(self, language: str) -> list[str]:
        """The verdict in words: counts, what to correct, the home's word, what could not be checked, what to do."""
        return [
            *self._verdict(language),
            *self._places(language),
            *self._home(language),
            *(text("check_fix_list", language, path=path) for path in self.fix_lists),
            *([text("check_nothing_to_fix", language)] if self.nothing_to_fix else []),
            *([text("check_next", language)] if self.hints else []),
            *(f"  {hint.words(language)}" for hint in self.hints),
        ]

    def _verdict(self, language: str) -> Iterator[str]:
        result, account = self.result, self.result.account
        yield text(f"check_verdict_{result.verdict}", language, file=self.file)
        if self.candidates and result.feed:
            best = self.candidates[0]
            counts = {"matched": best.matched, "columns": best.columns}
            yield text("check_feed_recognised", language, title=self.titles[language], feed=best.feed, **counts)
        if result.period_origin:
            yield text(f"check_period_{result.period_origin}", language, period=result.period)
        if result.refused is not None:
            yield text("check_refused", language, reason=result.refused.words(language))
            return
        counts = {name: getattr(account, name) for name in ("rows", "accepted", "quarantined", "unreadable")}
        yield text("check_counts", language, **counts)
        if account.non_data:
            yield text("check_non_data", language, count=account.non_data, rows=account.rows)
        if account.refused_share:
            sentence = "check_share_within" if self.passed else "check_share_above"
            yield text(sentence, language, **account.shares(result.limits))

    def _places(self, language: str) -> Iterator[str]:
        """What to correct, errors first; the refusal itself has been said."""
        said = self.result.refused.sentence if self.result.refused else None
        rows = self.result.fixes.filter(pl.col("rule_id").ne_missing(pl.lit(said, dtype=pl.String)))
        yield from _listed(rows.filter(pl.col("severity") == "error"), language)
        warnings = rows.filter(pl.col("severity") == "warning")
        if warnings.height:
            yield text("check_warned", language, count=warnings.height)
            yield from _listed(warnings, language)

    def _home(self, language: str) -> Iterator[str]:
        if self.compared is not None and self.compared.findings:
            yield text("check_with_home", language)
            yield from (f"  {finding.words(language)}" for finding in self.compared.findings)
        if self.not_checked:
            yield text("check_not_checked" if self.compared is None else "check_not_compared", language)
            yield from (f"  {text(sentence, language)}" for sentence in self.not_checked)


def _listed(rows: pl.DataFrame, language: str) -> Iterator[str]:
    for row in rows.head(_SHOWN).iter_rows(named=True):
        place = text("check_place", language, line=row["line_no"]) if row["line_no"] else ""
        title = f"{row['column_title']} " if row["column_title"] else ""
        # Of a file as a whole the message says what to do; its advice only points there.
        advice = row[f"fix_{language}"] if row["record_no"] else None
        yield f"  {place}{title}{_sentences([row[f'message_{language}'], advice], language)}"
    if rows.height > _SHOWN:
        yield text("check_more", language, count=rows.height - _SHOWN)


def _sentences(parts: Iterable[str | None], language: str) -> str:
    """Fault and remedy, each closed by a stop."""
    stop, gap = ("。", "") if language == "zh" else (".", " ")
    return gap.join(part if part.endswith(_STOPS) else part + stop for part in parts if part)


def _plain(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [{"id": item.sentence, **{language: item.words(language) for language in LANGUAGES}} for item in findings]
