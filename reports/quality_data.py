"""The page of data quality: which deliveries are suspect and why, and what became of every record.

Put here: choosing and wording rows of the quality tables. Keep out: verdicts (they are in the tables), markup, and the
measures of sharing (supply_data).
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl

from data_contracts.judgement import EXPECTATIONS, KINDS, SHARES
from data_contracts.messages import catalogue, text
from reports import format as shown
from reports.context import ExpectationView, ReportContext
from reports.site_data import FILE_COUNTS, Frames, Json, areas_of, indicator_view, table, titled

# A reader works through the gravest first; the table of all checks has the rest.
_LISTED = 60
_INDICATORS = 4
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?")


def suspects(context: ReportContext, frames: Frames, language: str) -> Json:
    """What failed, by kind of expectation: where, what, observed, expected, since when, which indicators, what to do.

    `kinds`: per kind its title, next step, how many were judged and failed, and the first rows, errors first.
    `sources`: what failed, how it is measured, where the bound comes from. Empty where nothing was judged.
    """
    checks = _of_period(context, frames, "quality__deliveries")
    if checks is None:
        return {}
    names = _area_names(context, frames, language)
    order = ["severity", "since", "feed", "institution", "area_level", "area_id", "column", "expectation"]
    rows = checks.sort(order, nulls_last=True).to_dicts()
    judged = Counter(_kind(row) for row in rows)
    failed = [row for row in rows if not row["success"]]
    kinds = []
    for kind in KINDS:
        own = [row for row in failed if _kind(row) == kind]
        kinds.append(
            {
                "title": text(f"reports.judgement.{kind}", language),
                "step": text(f"reports.judgement.step.{kind}", language),
                "judged": shown.count(judged[kind]),
                "failed": shown.count(len(own)),
                "rows": [_suspect(context, row, names, language) for row in own[:_LISTED]],
                "more": shown.count(len(own) - _LISTED) if len(own) > _LISTED else "",
                "sound": bool(judged[kind]) and not own,
            }
        )
    return {
        "kinds": kinds,
        "failed": shown.count(len(failed)),
        "judged": shown.count(len(rows)),
        "sources": _sources(context, failed, language),
    }


def _sources(context: ReportContext, failed: list[Json], language: str) -> list[tuple[str, str, list[str]]]:
    """Of every expectation that failed its name, how its figure is made, and who says what is expected."""
    named = {name: sorted({row["source"] for row in failed if row["expectation"] == name}) for name in EXPECTATIONS}
    views = {name: _view(context, name) for name, sources in named.items() if sources}
    return [(view.titles.get(language), view.formula.get(language), named[name]) for name, view in views.items()]


def _suspect(context: ReportContext, row: dict[str, Any], names: dict[tuple[str, str], str], language: str) -> Json:
    view = _view(context, row["expectation"])
    hurts = [part for part in str(row["hurts"] or "").split(";") if part]
    place = context.fix_lists.get((row["feed"], row["institution"] or ""))
    return {
        "sender": _sender(context, row["feed"].partition(".")[0], language),
        "feed": titled(context.feeds, row["feed"], language),
        "where": _institution(context, row["institution"], language)
        or names.get((row["area_level"], row["area_id"]), row["area_id"] or ""),
        "expectation": view.titles.get(language),
        "formula": view.formula.get(language),
        "column": _column(context, row, language),
        "observed": observed(row["expectation"], row["observed"], language),
        "expected": observed(row["expectation"], row["expected"], language),
        "counted": "" if row["counted"] is None else shown.count(row["counted"]),
        "against": _against(context, row["against"], language),
        "since": shown.period(row["since"], language) if row["since"] else shown.MISSING,
        "grave": row["severity"] == "error",
        "source": row["source"],
        "hurts": [(key, indicator_view(context, key).titles.get(language)) for key in hurts[:_INDICATORS]],
        "more": len(hurts) - _INDICATORS if len(hurts) > _INDICATORS else 0,
        # A link would lead out of the release, which is mailed without the home around it.
        "fix_list": place or "",
    }


def quality_payload(context: ReportContext, frames: Frames, language: str) -> Json:
    """Files, counts per feed, violated rules and delivery checks of the period; missing tables give no rows."""
    feeds = context.feeds
    files = _of_period(context, frames, "quality__files")
    rules = _of_period(context, frames, "quality__rules")
    checks = _of_period(context, frames, "quality__deliveries")
    payload: Json = {"feeds": [], "files": [], "rules": [], "checks": []}
    if files is not None:
        sums = files.group_by("sender", "feed").agg(pl.col(FILE_COUNTS).sum()).sort("sender", "feed")
        payload["feeds"] = [
            [_sender(context, row["sender"], language), titled(feeds, _feed_key(row), language)]
            + [row[name] for name in FILE_COUNTS]
            for row in sums.iter_rows(named=True)
        ]
        payload["files"] = [
            [row["file_id"], _sender(context, row["sender"], language), titled(feeds, _feed_key(row), language)]
            + [_institution(context, row["institution"], language)]
            + [row[name] for name in FILE_COUNTS]
            + [row["status"]]
            for row in files.sort("sender", "feed", "institution", "file_id").iter_rows(named=True)
        ]
    if rules is not None:
        payload["rules"] = [
            [
                titled(feeds, _feed_key(row), language),
                _institution(context, row["institution"], language),
                titled(context.rules, row["rule_id"], language),
                text(f"reports.fix.severity.{row['severity']}", language),
                row["records"],
                row["not_applicable"],
                row["checked"],
            ]
            for row in rules.filter(pl.col("records") > 0)
            .sort("records", "sender", "feed", "institution", "rule_id", descending=[True, False, False, False, False])
            .iter_rows(named=True)
        ]
    if checks is not None:
        names = _area_names(context, frames, language)
        payload["checks"] = [
            [
                titled(feeds, row["feed"], language),
                _institution(context, row["institution"], language)
                or names.get((row["area_level"], row["area_id"]), row["area_id"] or ""),
                _view(context, row["expectation"]).titles.get(language),
                _column(context, row, language),
                observed(row["expectation"], row["observed"], language),
                observed(row["expectation"], row["expected"], language),
                bool(row["success"]),
                _hurt(context, row["hurts"], language),
            ]
            for row in checks.sort(
                "success", "feed", "institution", "area_level", "area_id", "column", "expectation", nulls_last=True
            ).iter_rows(named=True)
        ]
    return payload


def observed(expectation: str, value: str | None, language: str) -> str:
    """A figure or bound as the page shows it: shares in percent; whether a delivery came is said in words."""
    if value is None:
        return shown.MISSING
    if expectation in SHARES:
        return _NUMBER.sub(lambda found: f"{float(found[0]) * 100:.1f}".removesuffix(".0") + "%", value)
    message_id = f"reports.delivered.{value.removeprefix('≥ ')}"
    return text(message_id, language) if expectation == "delivery_present" and message_id in catalogue() else value


def _institution(context: ReportContext, code: str | None, language: str) -> str:
    """Name and code where the register of the period knows it, else the code; no text for none."""
    name = context.institutions.get(code or "")
    return text("reports.judgement.institution", language, name=name, code=code) if name else code or ""


def _kind(row: Mapping[str, Any]) -> str:
    return EXPECTATIONS.get(row["expectation"], KINDS[0])


def _view(context: ReportContext, expectation: str) -> ExpectationView:
    return context.expectations.get(expectation) or ExpectationView.bare(expectation)


def _column(context: ReportContext, row: Mapping[str, Any], language: str) -> str:
    if row["column"] is None:
        return ""
    titles = context.columns.get((row["feed"], row["column"]))
    return titles.get(language) if titles else str(row["column"])


def _against(context: ReportContext, against: str | None, language: str) -> str:
    if against is None:
        return ""
    return titled(context.feeds, against, language) if "." in against else shown.period(against, language)


def _area_names(context: ReportContext, frames: Frames, language: str) -> dict[tuple[str, str], str]:
    areas = areas_of(context, frames)
    if areas.is_empty():
        return {}
    rows = areas.select("area_level", "area_id", "area_name", "area_name_en").iter_rows()
    return {
        (level, area): (zh or en or area) if language == "zh" else (en or zh or area) for level, area, zh, en in rows
    }


def _hurt(context: ReportContext, hurts: str | None, language: str) -> str:
    ids = [part for part in (hurts or "").split(";") if part]
    separator = "、" if language == "zh" else ", "
    return separator.join(indicator_view(context, part).titles.get(language) for part in ids)


def _of_period(context: ReportContext, frames: Frames, name: str) -> pl.DataFrame | None:
    frame = table(frames, name)
    if frame is None:
        return None
    frame = frame.filter(pl.col("period") == context.period)
    return frame if frame.height else None


def _feed_key(row: Mapping[str, str]) -> str:
    return row["feed"] if "." in row["feed"] else f"{row['sender']}.{row['feed']}"


def _sender(context: ReportContext, sender: str, language: str) -> str:
    return titled(context.senders, sender, language)
