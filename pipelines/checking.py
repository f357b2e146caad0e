"""`kangheng check` and `kangheng template`: what a supplier needs before sending a file.

Put here: opening contracts and limits with or without a home, wording the verdict. Keep out: the check itself.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assets.intake.check import CheckResult, check_file
from data_contracts.closed import parse, read_yaml
from data_contracts.contracts import Catalog
from data_contracts.messages import text
from data_contracts.settings import REGISTRY, Limits, load_settings


@dataclass(frozen=True)
class CheckReport:
    """A verdict with the files of its fix list."""

    file: str
    result: CheckResult
    fix_lists: list[Path]

    @property
    def passed(self) -> bool:
        """The pipeline would take this file."""
        return self.result.passed

    def as_dict(self) -> dict[str, Any]:
        """Plain values; nothing of any record."""
        return {
            "file": self.file,
            "feed": self.result.feed,
            "period": self.result.period,
            "passed": self.passed,
            "account": asdict(self.result.account),
            "refused": self.result.refused.words("zh") if self.result.refused else None,
            "fixes": self.result.fixes.to_dicts(),
            "not_checked": [text(sentence, "zh") for sentence in self.result.not_checked],
        }

    def lines(self, language: str) -> list[str]:
        """The verdict in words: counts, what to correct (first twenty), what could not be checked."""
        result = self.result
        lines = [text("check_passed" if self.passed else "check_failed", language, file=self.file)]
        counts = {name: getattr(result.account, name) for name in ("records", "accepted", "quarantined", "unreadable")}
        lines.append(text("check_counts", language, **counts, non_data=result.account.non_data))
        for row in result.fixes.head(20).iter_rows(named=True):
            place = text("check_place", language, line=row["line_no"]) if row["line_no"] else ""
            fix = row[f"fix_{language}"] or ""
            lines.append(f"  {place}{row['column_title'] or ''} {row[f'message_{language}']} {fix}".rstrip())
        if result.fixes.height > 20:
            lines.append(text("check_more", language, count=result.fixes.height - 20))
        lines.append(text("check_not_checked", language))
        lines.extend(f"  {text(sentence, language)}" for sentence in result.not_checked)
        lines.extend(text("check_fix_list", language, path=path) for path in self.fix_lists)
        return lines


def check_delivery(file: Path, feed: str, *, home: Path | None, period: str | None, out: Path | None) -> CheckReport:
    """Check one file against the contract of a feed; writes the fix list to `out` if given."""
    catalog, limits = _known(home)
    result = check_file(file, feed, catalog, limits, period)
    written: list[Path] = []
    if out is not None:
        from reports.fixlist import write_fix_list

        written = write_fix_list(result.fixes, out, f"{file.stem}_整改清单")
    return CheckReport(file.name, result, written)


def _known(home: Path | None) -> tuple[Catalog, Limits]:
    if home is None:
        return Catalog.load(), parse(Limits, read_yaml(REGISTRY / "limits.yaml"), "limits.yaml")
    settings = load_settings(home)
    return Catalog.load(home / "contracts", settings.home.feeds), settings.limits


def write_feed_template(feed: str, out: Path, *, home: Path | None) -> Path:
    """Write the blank workbook of a feed and return its path."""
    from reports.template import FeedTemplate, TemplateColumn, TemplateRule, write_template

    contract = _known(home)[0].feed(feed)
    columns = [
        TemplateColumn(
            titles=column.titles.model_copy(update={"zh": column.headers[0]}),
            type=column.type,
            required=column.required or column.role == "person_id",
            meaning=column.titles.model_copy(update={"en": column.description}),
            codes=tuple(column.code_list.values.values()) if column.code_list else (),
            unit=column.extras.unit or "",
            example=column.examples[0] if column.examples else "",
            rules=tuple(rule.id for rule in contract.rules if column.name in rule.expression),
        )
        for column in contract.columns
    ]
    rules = [TemplateRule(rule.id, rule.extras.titles, rule.extras.fix) for rule in contract.rules]
    out.mkdir(parents=True, exist_ok=True)
    view = FeedTemplate(contract.key, contract.extras.titles, columns, rules)
    return write_template(view, out / f"{contract.key}.xlsx")
