"""What the desk checks after a stage, in words that name sender, file and next step.

Put here: verdicts on what a step has left, read from accounts and tables. Keep out: computing what is judged; Dagster.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from assets.intake import ledger
from assets.intake.delivery import StagedFile
from assets.intake.expected import delivered_feeds, due_date, expected_feeds
from assets.lake import parts
from assets.release.publish import releases_of
from assets.release.verify import verify
from assets.stages.handback import refresh_fix_lists, refresh_lists_of_refusals, sender_of, standing_files
from data_contracts.contracts import FeedContract
from data_contracts.judgement import EXPECTATIONS, KINDS
from data_contracts.messages import LANGUAGES, both, text
from data_contracts.periods import Period

if TYPE_CHECKING:
    from assets.stages.road import Road

# A sentence names the first few; the table beside it has all.
_NAMED = 3


@dataclass(frozen=True)
class CheckResult:
    """The verdict of a check on one table, in words; `severe`: a failure is no mere warning, though work goes on."""

    table: str
    name: str
    passed: bool
    blocking: bool
    words: str
    metadata: dict[str, Any] = field(default_factory=dict)
    severe: bool = False


def checks_of(road: "Road", stage: str, tables: Sequence[str], period: str) -> list[CheckResult]:
    """The checks of a stage on its tables."""
    checks: dict[str, Callable[[Road, str, str], Iterator[CheckResult]]] = {
        "archive": _arrivals,
        "stg": _staged,
        "alloc": _money,
        "quality": _quality,
        "pub": _release,
    }
    check = checks.get(stage)
    return [result for table in tables for result in check(road, table, period)] if check else []


def said(sentence: str, **params: object) -> str:
    """A sentence as the desk shows it: Chinese, then English."""
    return "\n".join(both(sentence, **params).values())


def sender_words(road: "Road", sender: str) -> dict[str, str]:
    """How messages name a sender."""
    known = road.settings.home.senders.get(sender)
    return {f"sender_{language}": known.titles.get(language) if known else sender for language in LANGUAGES}


def feed_words(road: "Road", feed: FeedContract) -> dict[str, str]:
    """How messages name a feed and its sender."""
    titles = {f"feed_{language}": feed.extras.titles.get(language) for language in LANGUAGES}
    return {**sender_words(road, feed.sender), **titles}


def listed(items: Sequence[str], language: str) -> str:
    """The first few of several names."""
    joint, more = ("、", "等") if language == "zh" else (", ", " …")
    return joint.join(items[:_NAMED]) + (more if len(items) > _NAMED else "")


# archive --------------------------------------------------------------------------------------------------------


def _arrivals(road: "Road", table: str, period: str) -> Iterator[CheckResult]:
    step = Period.parse(period)
    delivered = delivered_feeds(ledger.entries(road.home))
    expected = expected_feeds(road.catalog, road.settings.home.feeds, delivered, step)
    missing = [feed for feed in expected if feed.key not in delivered.get(period, set())]
    words = said("desk_all_arrived")
    if missing:
        due = {feed.key: due_date(road.settings.home, feed.sender, step).isoformat() for feed in missing}
        shown = {
            language: [text("desk_feed_due", language, **feed_words(road, feed), due=due[feed.key]) for feed in missing]
            for language in LANGUAGES
        }
        words = said("desk_not_arrived", feeds_zh="；".join(shown["zh"]), feeds_en="; ".join(shown["en"]))
    yield CheckResult(table, "every_feed_arrived", not missing, blocking=False, words=words)
    refused = ledger.refusals(road.home)
    words = said("desk_files_accepted")
    if refused:
        senders = sorted({item["sender"] for item in refused})
        named = {
            f"senders_{language}": listed([sender_words(road, s)[f"sender_{language}"] for s in senders], language)
            for language in LANGUAGES
        }
        words = said("desk_files_refused", count=len(refused), **named)
    lists = refresh_lists_of_refusals(road.home)
    rows = [
        {
            "sender": sender_words(road, item["sender"])["sender_zh"],
            "file": item["name"],
            "reason_zh": text(item["sentence"], "zh", **item["params"]),
            "reason_en": text(item["sentence"], "en", **item["params"]),
            "fix_list": lists.get(sender_of(item), "—"),
        }
        for item in refused
    ]
    yield CheckResult(
        table, "files_accepted", not refused, blocking=False, words=words, metadata={"files": rows} if rows else {}
    )


# stg ------------------------------------------------------------------------------------------------------------


def _staged(road: "Road", table: str, period: str) -> Iterator[CheckResult]:
    feed = road.feed_of(table)
    delivered, files = road.intake.staged(feed.key, period), standing_files(road, feed.key, period)
    lists = [refresh_fix_lists(road, feed.key, step.key) for step in road.periods_up_to(period)][-1]
    words = feed_words(road, feed)
    records, refused = _records(files), _refused(files)
    yield _add_up(table, delivered, {**words, "records": _records(delivered)})

    share = refused / records if records else 0.0
    limit = float(road.settings.limits.quarantine_share)
    by_institution = institution_rows(files, lists)
    worst = [str(row["institution"]) for row in by_institution if row["refused"] > limit * row["records"]]
    params = {**words, "records": records, "refused": refused, "share": f"{share:.2%}", "limit": f"{limit:.0%}"}
    # One institution's broken file must not hide behind the good ones of the others.
    within = share <= limit and not worst
    sentence = said("desk_refused_within", **params)
    if not within:
        sentence = said("desk_refused_above", **params, institutions=", ".join(worst[:_NAMED]))
    metadata = {**fix_list_links(by_institution), "institutions": by_institution} if refused else {}
    yield CheckResult(table, "refused_share", within, blocking=False, words=sentence, metadata=metadata)

    whole = [item for item in files if item.refused]
    sentence = said("desk_whole_taken", **words, files=len(files))
    if whole:
        problems = {
            f"problem_{language}": whole[-1].refused.words(language)  # type: ignore[union-attr]
            for language in LANGUAGES
        }
        names = ", ".join(Path(item.entry.landing_name).name for item in whole[-_NAMED:])
        sentence = said("desk_whole_refused", **words, files=names, **problems)
    metadata = {"files": [_whole_row(item, lists) for item in whole]} if whole else {}
    yield CheckResult(table, "whole_files", not whole, blocking=False, words=sentence, metadata=metadata)


def _add_up(table: str, files: list[StagedFile], words: dict[str, Any]) -> CheckResult:
    wrong = [
        Path(item.entry.landing_name).name
        for item in files
        for x in [item.account]
        if x.records != x.unreadable + x.non_data + x.quarantined + x.accepted
    ]
    sentence = said("desk_records_closed", **words)
    if wrong:
        sentence = said("desk_records_open", **words, files=", ".join(wrong))
    return CheckResult(table, "records_add_up", not wrong, blocking=True, words=sentence)


def _records(files: list[StagedFile]) -> int:
    return sum(item.account.records for item in files)


def _refused(files: list[StagedFile]) -> int:
    return sum(item.account.quarantined + item.account.unreadable for item in files)


def institution_rows(files: list[StagedFile], lists: dict[str, Path]) -> list[dict[str, Any]]:
    """Files, records and refused records per institution with its fix list, most refused first."""
    rows = []
    for institution in sorted({item.entry.institution_id or "" for item in files}):
        own = [item for item in files if (item.entry.institution_id or "") == institution]
        counts = {"files": len(own), "records": _records(own), "refused": _refused(own)}
        rows.append({"institution": institution or "—", **counts, "fix_list": lists.get(institution, "—")})
    return sorted(rows, key=lambda row: -int(row["refused"]))


def fix_list_links(rows: list[dict[str, Any]]) -> dict[str, Path]:
    """Links that need no click more, for the institutions with most refused records."""
    found = [row for row in rows if isinstance(row["fix_list"], Path)]
    return {f"fix_list {row['institution']}": row["fix_list"] for row in found[:_NAMED]}


def _whole_row(item: StagedFile, lists: dict[str, Path]) -> dict[str, Any]:
    institution = item.entry.institution_id or ""
    reasons = {f"reason_{language}": item.refused.words(language) for language in LANGUAGES} if item.refused else {}
    return {
        "institution": institution or "—",
        "file": Path(item.entry.landing_name).name,
        **reasons,
        "fix_list": lists.get(institution, "—"),
    }


# alloc, quality, pub --------------------------------------------------------------------------------------------


def _incentives(road: "Road", table: str, period: str) -> Iterator[CheckResult]:
    """Severe, but nothing stops: the release is made as a draft that says so."""
    found = parts.read_table(road.home, table, [period])
    words = said("desk_incentives_hold")
    drafted = found is not None and found.height > 0
    if found is not None and drafted:
        joint = {"zh": "；", "en": "; "}
        reasons = {language: joint[language].join(found[language].to_list()) for language in LANGUAGES}
        words = said("desk_incentives_draft", reasons=reasons)
    yield CheckResult(table, "incentives_hold", not drafted, blocking=False, words=words, severe=True)


def _money(road: "Road", table: str, period: str) -> Iterator[CheckResult]:
    if table == "alloc__incentive_reasons":
        yield from _incentives(road, table, period)
    if table != "alloc__payees":
        return
    result = road.allocation(period)
    lines, payees = int(result.lines["amount_fen"].sum()), int(result.payees["amount_fen"].sum())
    exact = result.status != "ok" or lines == payees == result.budget
    per_major, symbol = road.settings.home.currency.minor_per_major, road.settings.home.currency.symbol
    paid, budget = (f"{symbol}{amount / per_major:,.2f}" for amount in (payees, result.budget or 0))
    if result.status != "ok":
        problem = result.message or {}
        words = said("desk_money_none", problem_zh=problem.get("zh", "—"), problem_en=problem.get("en", "—"))
    else:
        words = said("desk_money_exact" if exact else "desk_money_wrong", paid=paid, budget=budget)
    yield CheckResult(table, "sums_exactly", exact, blocking=True, words=words)


def _quality(road: "Road", table: str, period: str) -> Iterator[CheckResult]:
    judges = {"quality__deliveries": _deliveries, "quality__references": _references}
    return judges[table](road, table, period) if table in judges else iter(())


def _references(road: "Road", table: str, period: str) -> Iterator[CheckResult]:
    judged = parts.read_table(road.home, table, [period])
    # What could not be looked up has not passed either.
    broken = judged.filter(pl.col("status") != "holds").to_dicts() if judged is not None else []
    words = said("desk_references_hold")
    if broken:
        places = {
            f"places_{language}": listed([_reference(road, row, language) for row in broken], language)
            for language in LANGUAGES
        }
        words = said("desk_references_broken", count=len(broken), **places)
    # Whose records they are stands on the lists, which could not be written before this was judged.
    for step in road.periods_up_to(period):
        for feed in road.catalog.current():
            if feed.extras.references:
                refresh_fix_lists(road, feed.key, step.key)
    metadata = {"references": broken} if broken else {}
    yield CheckResult(table, "references_hold", not broken, blocking=False, words=words, metadata=metadata)


def _reference(road: "Road", row: dict[str, Any], language: str) -> str:
    feed = next(feed for feed in road.catalog.current() if feed.key == row["feed"])
    titles, fix = feed.wording[row["rule_id"]]
    known = {"missing": row["missing"], "checked": row["checked"]}
    sentence = "desk_reference_not_checked" if row["status"] == "not_checked" else "desk_reference_broken"
    params = {"rule": titles.get(language), "fix": fix.get(language), "target": row["target"], **known}
    return text(sentence, language, **feed_words(road, feed), **params)


def _deliveries(road: "Road", table: str, period: str) -> Iterator[CheckResult]:
    """One verdict per kind of expectation; what was not judged has not passed."""
    if table != "quality__deliveries":
        return
    found = parts.read_table(road.home, table, [period])
    judged = found.to_dicts() if found is not None else []
    for kind in KINDS:
        rows = [row for row in judged if EXPECTATIONS[row["expectation"]] == kind]
        failed = [row for row in rows if not row["success"]]
        words, metadata = said("desk_not_judged" if not rows else "desk_as_expected", judged=len(rows)), {}
        if failed:
            words, metadata = _unexpected(road, kind, failed), _unusual(road, failed, period)
        severe = any(row["severity"] == "error" for row in failed)
        passed = bool(rows) and not failed
        yield CheckResult(
            table, f"delivery_{kind}", passed, blocking=False, words=words, metadata=metadata, severe=severe
        )


def _unexpected(road: "Road", kind: str, failed: list[dict[str, Any]]) -> str:
    """The first of what failed, feed by feed, errors first, and the next step."""
    ordered = sorted(failed, key=lambda row: (row["severity"] != "error", row["feed"]))
    by_feed = {row["feed"]: row for row in reversed(ordered)}
    counts = Counter(row["feed"] for row in failed)
    feeds = list(dict.fromkeys(row["feed"] for row in ordered))
    places = {
        f"places_{name}": listed([_place(road, by_feed[feed], counts[feed], name) for feed in feeds], name)
        for name in LANGUAGES
    }
    step = {f"step_{name}": text(f"reports.judgement.step.{kind}", name) for name in LANGUAGES}
    return said("desk_unexpected", count=len(failed), **places, **step)


def _place(road: "Road", row: dict[str, Any], count: int, language: str) -> str:
    feed = road.catalog.feed(row["feed"])
    expectation = road.settings.judgement[row["expectation"]].titles.get(language)
    column = feed.by_name[row["column"]].titles.get(language) if row["column"] in feed.by_name else ""
    where = " ".join(part for part in (row["institution"] or row["area_id"], column) if part)
    values = {"where": where, "observed": row["observed"] or "—", "expected": row["expected"]}
    more = text("desk_place_more", language, count=count - 1) if count > 1 else ""
    words = text("desk_place", language, **feed_words(road, feed), expectation=expectation, **values, more=more)
    return " ".join(words.split())


def _unusual(road: "Road", failed: list[dict[str, Any]], period: str) -> dict[str, Any]:
    rows = []
    for row in failed:
        feed = road.catalog.feed(row["feed"])
        lists = refresh_fix_lists(road, row["feed"], period)
        rows.append(
            {
                "sender": sender_words(road, feed.sender)["sender_zh"],
                "feed": row["feed"],
                "institution": row["institution"] or row["area_id"] or "—",
                "column": row["column"] or "—",
                "expectation": road.settings.judgement[row["expectation"]].titles.zh,
                **{name: row[name] or "—" for name in ("observed", "expected", "against", "since")},
                "fix_list": lists.get(row["institution"] or "", "—"),
                "indicators": str(row["hurts"]).replace(";", ", "),
            }
        )
    return {**fix_list_links(rows), "unusual": rows}


def _release(road: "Road", table: str, period: str) -> Iterator[CheckResult]:
    report = verify(releases_of(road.home, period)[-1])
    words = "\n".join(" ".join(report.lines(language)) for language in LANGUAGES)
    yield CheckResult(table, "release_verifies", report.passed, blocking=True, words=words)
