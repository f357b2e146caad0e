"""`kangheng check` and `kangheng template`: what a supplier needs before sending a file.

Put here: opening contracts, limits and home, choosing the feed, hints on a refusal. Keep out: the check itself
(assets.intake.check), what a home says (assets.stages.beforehand), wording (check_report.py).
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from assets.intake import ledger
from assets.intake.account import Account
from assets.intake.check import CheckResult, check_file, pieces_of
from assets.intake.findings import FileRefused, Finding
from assets.intake.fixes import finding_list
from assets.intake.ledger import Entry
from assets.intake.opening import first_tables
from assets.intake.period import period_of
from assets.intake.recognising import Fit, candidates, fit, missing_columns
from assets.lake.home import Home
from assets.vault.crypto import VaultKeys
from data_contracts.closed import parse, read_yaml
from data_contracts.contracts import Catalog, FeedContract
from data_contracts.messages import LANGUAGES
from data_contracts.periods import Period, periods_between
from data_contracts.settings.limits import Limits
from data_contracts.settings.loading import REGISTRY, load_settings
from pipelines.check_report import CheckReport

if TYPE_CHECKING:
    from assets.stages.road import Road

_NAMED = 5
# Refusals that leave open whether the file is of this feed at all.
_OF_THE_HEADER = ("intake_no_header", "intake_header_missing", "intake_header_twice", "intake_unit_differs")
_OF_THE_PERIOD = ("intake_period_unknown", "intake_period_wrong", "intake_period_several", "intake_period_no_grain")
# How file names usually state a period; the first that the contract understands is shown as an example.
_SPELLINGS = ("2025Q4", "2025年第四季度", "2025-12", "2025年12月", "2025年", "2025")


@dataclass(frozen=True)
class Desk:
    """What a file is checked with: contracts, limits and, where a home is given, its calendar."""

    catalog: Catalog
    limits: Limits
    home: Path | None = None
    calendar: list[str] | None = None

    @classmethod
    def open(cls, home: Path | None) -> "Desk":
        """The package's own contracts and limits, or those of the home at `home`."""
        if home is None:
            return cls(Catalog.load(), parse(Limits, read_yaml(REGISTRY / "limits.yaml"), "limits.yaml"))
        settings = load_settings(home)
        calendar = periods_between(settings.home.calendar.first, settings.home.calendar.last)
        catalog = Catalog.load(home / "contracts", settings.home.feeds)
        return cls(catalog, settings.limits, home, [step.key for step in calendar])

    def tables(self, file: Path) -> list[list[list[str]]]:
        """The first rows of every table a file may be read as; raises FileRefused where it cannot be opened."""
        return first_tables(pieces_of(file), self.limits)


def check_delivery(
    file: Path,
    feed: str | None,
    *,
    home: Path | None,
    period: str | None,
    out: Path | None,
    institution: str | None = None,
) -> CheckReport:
    """Check one file against the contract of a feed, or of the feed its header fits where none is named.

    With `home` also against what the home holds. Writes the fix list to `out` if given and there is something to fix.
    """
    desk = Desk.open(home)
    found, fault = ([], None) if feed else _recognised(file, desk)
    chosen = feed or (found[0].feed if len(found) == 1 else None)
    if chosen is None:
        report = _of_no_feed(file, found, fault, desk)
    else:
        report = replace(_checked(file, chosen, desk, period, institution), candidates=found)
    if out is None:
        return report
    from reports.fixlist import remove_fix_list, write_fix_list

    name = f"{file.stem}_整改清单"
    if report.result.fixes.is_empty():
        # What an earlier check of this file found is no longer so.
        remove_fix_list(out, name)
        return replace(report, nothing_to_fix=True)
    return replace(report, fix_lists=write_fix_list(report.result.fixes, out, name))


def _checked(file: Path, feed: str, desk: Desk, period: str | None, institution: str | None) -> CheckReport:
    # Before its first run a home has no key and nothing to compare with, and a check makes neither.
    keyed = desk.home is not None and any(Home(desk.home).keys.glob("*.json"))
    keys = VaultKeys.load(Home(desk.home)) if keyed and desk.home is not None else None
    rows: list[pl.DataFrame] = []
    result = check_file(
        file,
        feed,
        desk.catalog,
        desk.limits,
        period,
        institution=institution,
        calendar=desk.calendar,
        keys=keys,
        keep=rows.append if keys is not None else None,
    )
    contract = desk.catalog.feed(feed, result.period)
    report = CheckReport(
        file.name,
        result,
        {language: contract.extras.titles.get(language) for language in LANGUAGES},
        hints=list(_hints(file, result, contract, desk)),
    )
    if desk.home is None:
        return report
    from assets.stages.beforehand import Comparison, compare
    from assets.stages.road import Road

    if not rows or result.entry is None:
        return replace(report, compared=Comparison([], result.not_checked))
    road = Road.open(desk.home)
    compared = compare(road, result.entry, result.account, pl.concat(rows))
    return replace(report, compared=compared, hints=[*report.hints, *_whose(road, result.entry)])


def _whose(road: "Road", entry: Entry) -> Iterator[Finding]:
    """That files of this feed come from institutions and nobody has said whose this one is."""
    known = {item.institution_id for item in ledger.entries(road.home) if item.key == entry.key}
    if entry.institution_id is None and known and None not in known:
        yield Finding("check_whose", {"institutions": ", ".join(sorted(filter(None, known))[:_NAMED])})


def _of_no_feed(file: Path, found: list[Fit], fault: Finding | None, desk: Desk) -> CheckReport:
    """The report on a file of which nobody can say what it is; a fault of its own goes before that."""
    refusal = fault or Finding("check_feed_none")
    if found:
        titles = {item.feed: desk.catalog.feed(item.feed).extras.titles for item in found}
        named = {
            language: ("、" if language == "zh" else ", ").join(f"{t.get(language)} {k}" for k, t in titles.items())
            for language in LANGUAGES
        }
        refusal = Finding("check_feed_several", {"feeds": named})
    fixes = finding_list([refusal], file.name, "error")
    result = CheckResult("", None, Account(), refusal, fixes, [], desk.limits)
    return CheckReport(file.name, result, {}, found)


def _recognised(file: Path, desk: Desk) -> tuple[list[Fit], Finding | None]:
    """The feeds whose contract the header of a file fits, best first; or why the file cannot be opened."""
    try:
        return candidates(desk.tables(file), desk.catalog.current()), None
    except FileRefused as refusal:
        return [], refusal.finding


def _hints(file: Path, result: CheckResult, contract: FeedContract, desk: Desk) -> Iterator[Finding]:
    """What to do about a refusal beyond what it says itself."""
    if result.refused is None:
        return
    if result.refused.sentence in _OF_THE_PERIOD:
        yield _how_to_name(file, contract)
    if result.refused.sentence not in _OF_THE_HEADER:
        return
    try:
        tables = desk.tables(file)
    except FileRefused:
        return
    mine = fit(tables, contract)
    better = [item for item in candidates(tables, desk.catalog.current()) if item.likeness > mine.likeness]
    for item in better[:1]:
        titles = desk.catalog.feed(item.feed).extras.titles
        title = {language: titles.get(language) for language in LANGUAGES}
        yield Finding("check_fits_better", {"title": title, **asdict(item)})
    if not better and mine.matched:
        yield from missing_columns(tables, contract)


def _how_to_name(file: Path, contract: FeedContract) -> Finding:
    """An example of a name that states the period, where names of this feed may."""
    for spelling in _SPELLINGS:
        example = f"{contract.extras.titles.zh}_{spelling}{file.suffix}"
        try:
            period = period_of(None, example, contract)
        except FileRefused:
            continue
        return Finding("check_name_period", {"example": example, "period": Period.parse(period).key})
    return Finding("check_note_period", {"period": "2025Q4"})


def write_feed_template(feed: str, out: Path, *, home: Path | None) -> Path:
    """Write the blank workbook of a feed and return its path."""
    from data_contracts.dictionary import dictionary_of
    from reports.template import write_template

    contract = Desk.open(home).catalog.feed(feed)
    out.mkdir(parents=True, exist_ok=True)
    return write_template(dictionary_of(contract), out / f"{contract.key}.xlsx")
