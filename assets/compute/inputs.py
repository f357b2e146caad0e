"""What queries read: parts in force as engine tables, current rows of a feed, and the two reference tables.

Put here: from home and settings to engine tables. Keep out: queries and what they mean.
"""

from pathlib import Path

import polars as pl

from assets.compute.plan import selection_table
from assets.engine.duck import EngineLimits, Table, View
from assets.lake import parts
from assets.lake.home import Home
from assets.lake.selection import verdicts_in_force
from data_contracts.contracts import Catalog, FeedContract
from data_contracts.messages import wrong
from data_contracts.periods import GRAINS, Period
from data_contracts.settings.resolved import Settings


def engine_limits(home: Home, settings: Settings) -> EngineLimits:
    """Bounds of the engine in this home; it spills into the home's scratch folder."""
    return EngineLimits(settings.limits.memory_limit_mb, settings.limits.threads, home.temporary)


def contract_in_force(catalog: Catalog, key: str, period: Period) -> FeedContract | None:
    """The contract of a feed in `period`, or None before its first one."""
    first = catalog.feeds[key][0]
    return catalog.feed(key, period.key) if first.extras.valid_from <= period.end else None


def whole_window(home: Home, settings: Settings, table: str, period: Period, window: str) -> list[Path]:
    """The files of a table for every period of a window; none where one of these lacks, or lies before the calendar.

    A sum over a year of which a part is not known is no sum of the year.
    """
    steps = period.window(window)
    files = [parts.files_in_force(home, table, [step.key]) for step in steps]
    if steps[0] < Period.parse(settings.home.calendar.first) or not all(files):
        return []
    return [file for of_step in files for file in of_step]


def current_rows(home: Home, feed: FeedContract, period: Period) -> dict[str, Table] | None:
    """Engine tables under which `feed.table` shows the current rows of `period`; None where no part is in force."""
    files = parts.files_in_force(home, feed.table, [period.key])
    if not files:
        return None
    excluded = verdicts_in_force(home, feed.table, selection_table(feed), period.key)
    if not excluded or not pl.scan_parquet(excluded).select(pl.len()).collect().item():
        # An anti join with nothing would mislead the engine about how many rows are left.
        return {feed.table: files}
    accepted, hidden = f"{feed.table}__accepted", f"{feed.table}__not_current"
    current = (
        f"select a.* from {quoted(accepted)} a where not exists "  # noqa: S608  (names of a validated contract)
        f"(select 1 from {quoted(hidden)} n where n.file_id = a.file_id and n.record_no = a.record_no)"
    )
    return {accepted: files, hidden: excluded, feed.table: View(current)}


def period_table(period: Period) -> pl.DataFrame:
    """`ref__period`: key, first and last day, first day of the year, elapsed share of the year as a fraction.

    `quarters_completed`: quarters of the year that have ended with the period; `year_ends`: it is the year's last.
    """
    progress = period.time_progress
    return pl.DataFrame(
        {
            "period": [period.key],
            "period_start": [period.start],
            "period_end": [period.end],
            "year_start": [Period(period.year, 1, period.grain).start],
            "time_progress_num": [progress.numerator],
            "time_progress_den": [progress.denominator],
            "quarters_completed": [period.end.month // 3],
            "year_ends": [progress == 1],
        }
    )


def rule_set_table(settings: Settings, period: Period) -> pl.DataFrame:
    """`ref__rule_sets`: one row per rule set in force, one column per parameter; all must state the same ones."""
    active = settings.active_rule_sets(period)
    names = sorted({name for rules in active.values() for name in rules.parameters})
    for key, rules in active.items():
        missing = sorted(set(names) - set(rules.parameters))
        if missing:
            raise wrong("wrong_rule_sets_differ", key=key, name=missing[0])
    columns = {name: [rules.parameters[name] for rules in active.values()] for name in names}
    return pl.DataFrame({"rule_set": list(active), **columns}, schema_overrides={"rule_set": pl.String})


def periods_per_year(period: Period) -> int:
    """How many periods of this grain a year has."""
    return GRAINS[period.grain]


def quoted(name: str) -> str:
    """A name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"
