"""What goes into a release: tables of the period, names for the pages, inputs and settings for the manifest.

Put here: gathering. Keep out: computing and drawing.
"""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from assets.compute import deliveries, plausibility
from assets.compute.policies import unknown_areas
from assets.compute.policy_money import LEDGER, UNPLACED
from assets.intake import ledger
from assets.lake import parts
from assets.lake.atomic import canonical_json, sha256_file, sha256_of
from assets.lake.fingerprint import code_fingerprint
from assets.release.finance import document_of_road
from assets.release.publish import ReleaseContent
from assets.stages.handback import refresh_fix_lists
from data_contracts.closed import Bilingual
from data_contracts.contracts import Catalog
from data_contracts.dictionary import dictionary_of, rule_titles
from data_contracts.messages import LANGUAGES, both, text
from data_contracts.national_services import service_matrix
from data_contracts.periods import Period
from data_contracts.settings.guards import unsigned
from data_contracts.tables import output_tables
from reports.area_names import told_apart
from reports.context import ReportContext, context_from_settings
from reports.finance_files import write_finance
from reports.policy_data import listed
from reports.site import write_site

if TYPE_CHECKING:
    from assets.stages.road import Road

_REFUSED = ("alloc__conflict", "alloc__relaxations", "alloc__best_shares", "alloc__proposal")
_ALL_PERIODS = ("ind__values", "ind__policies")


def release_content(road: "Road", period: str) -> ReleaseContent:
    """Everything the release of `period` consists of."""
    tables = _tables(road, period)
    result = road.allocation(period)
    budget = result.budget if result.status == "ok" else None
    exceptions = unsigned(road.settings)
    drafts = [*exceptions, *_draft_reasons(tables)]
    if result.status == "infeasible":
        drafts = [both("approval_nothing_paid")]
    context = _context(road, period, budget)
    if result.status == "ok" and context.allocation is not None:
        said = () if result.message is None else (Bilingual(**result.message),)
        money = replace(context.allocation, spec=result.spec)
        context = replace(context, allocation=money, warnings=(*_draft(drafts), *context.warnings, *said))
    # Why nothing is paid is said on the page; no table of it is published.
    refused = {name: result.tables[name] for name in _REFUSED}
    frames = {**tables, **refused, "areas": told_apart(tables["mart__areas"])}

    def draw(folder: Path) -> None:
        write_site(context, frames, folder / "site")
        if budget is not None:
            document = replace(document_of_road(context, frames, result.spec), draft=bool(drafts))
            write_finance(document, folder / "finance", f"allocation_{period}")

    return ReleaseContent(
        period=period,
        tables=tables,
        draw=draw,
        inputs=_inputs(road, period),
        settings={**_promised_settings(road), "budget_of_period": budget},
        code=_code(),
        # Where nobody is asked, what is only not audited for want of figures is published with that said on it; a rule
        # that is known to punish getting better, or that nobody has signed for, is put in force by no machine.
        approved=road.settings.home.approval == "none" and not exceptions and not _loses(tables),
        draft_reasons=drafts,
    )


def _draft(reasons: list[dict[str, str]]) -> tuple[Bilingual, ...]:
    """Whoever opens a release whose division may not be approved reads so first."""
    if not reasons:
        return ()
    between = {"zh": "；", "en": "; "}
    return (
        Bilingual(**{
            name: text("run_draft", name, reason=between[name].join(own[name] for own in reasons)) for name in LANGUAGES
        }),
    )  # fmt: skip


def _loses(tables: dict[str, pl.DataFrame]) -> bool:
    """Whether the audit found anybody who loses money by getting better."""
    return bool((tables["alloc__incentive_reasons"]["reason"] == "loses").any())


def _draft_reasons(tables: dict[str, pl.DataFrame]) -> list[dict[str, str]]:
    """What the incentive audit found against the division; nothing where it passed, or nothing is divided."""
    return [{"zh": zh, "en": en} for zh, en in tables["alloc__incentive_reasons"].select("zh", "en").iter_rows()]


def _tables(road: "Road", period: str) -> dict[str, pl.DataFrame]:
    found = {}
    for name, contract in output_tables().items():
        if not contract.document.published:
            continue
        keys = [item.key for item in road.periods_up_to(period)] if name in _ALL_PERIODS else [period]
        frame = parts.read_table(road.home, name, keys)
        found[name] = contract.shape(frame) if frame is not None else contract.empty()
    return found


def _inputs(road: "Road", period: str) -> list[dict[str, Any]]:
    entries = [entry for entry in ledger.entries(road.home) if entry.period <= period]
    return [
        {
            "file_id": entry.file_id,
            "sha256": entry.sha256,
            "bytes": entry.size,
            "sender": entry.sender,
            "feed": entry.feed,
            "institution": entry.institution_id,
            "period": entry.period,
        }
        for entry in sorted(entries, key=lambda entry: entry.file_id)
    ]


def _promised_settings(road: "Road") -> dict[str, Any]:
    """Settings that decide figures; the machine's bounds decide none. The time zone decides what is on time."""
    document = road.settings.as_dict()
    for name in ("memory_limit_mb", "threads"):
        del document["limits"][name]
    # Who may approve decides no figure; their names stand in the records of approval.
    del document["home"]["approvers"]
    document["contracts"] = {
        key: {str(version.extras.valid_from): version.fingerprint for version in versions}
        for key, versions in sorted(road.catalog.feeds.items())
    }
    return document


def _code() -> dict[str, str]:
    lock = Path(str(files("data_contracts"))).parent / "uv.lock"
    return {
        "source": code_fingerprint("assets", "evaluations", "reports", "sql", "data_contracts"),
        "lock": sha256_file(lock) if lock.is_file() else "",
    }


def _context(road: "Road", period: str, budget: int | None) -> ReportContext:
    # In each version of their contracts, the newest last: pages may show a period that an earlier one was in force for.
    feeds = [version for _, versions in sorted(road.catalog.feeds.items()) for version in versions]
    rules = {rule: titles for feed in feeds for rule, titles in rule_titles(feed).items()}
    # Pages carry a mark of inputs and settings, not of the release, so that the same content gives the same bytes.
    label = sha256_of(canonical_json([_inputs(road, period), _promised_settings(road)]))[:12]
    titles = {feed.key: feed.extras.titles for feed in feeds} | {feed.feed: feed.extras.titles for feed in feeds}
    serving = {key for service in road.settings.national_services.values() for key in service.indicators}
    services = service_matrix(
        road.settings.national_services,
        road.catalog.feeds,
        {key: road.feeds_of(key) for key in road.settings.active_indicators() if key in serving},
        Period.parse(period).end,
    )
    # Services may name feeds that this home does not use.
    whole = Catalog.load(road.home.contracts)
    lacking = {key for row in services for key in row.feeds_missing} & whole.feeds.keys()
    titles |= {key: whole.feed(key).extras.titles for key in lacking}
    context = context_from_settings(
        road.settings,
        period,
        label,
        budget_minor=budget,
        feeds=titles,
        rules=rules,
        sources=_sources(road),
        dictionary=tuple(
            dictionary_of(versions[-1], versions[-2] if len(versions) > 1 else None)
            for _, versions in sorted(road.catalog.feeds.items())
        ),
        warnings=(
            *_suspect(road, period),
            *_warnings(road, period),
            *_unknown_areas(road, period),
            *_implausible(road, period),
        ),
        columns={(feed.key, column.name): column.titles for feed in feeds for column in feed.columns},
        fix_lists=_fix_lists(road, period),
        national_services=tuple(services),
    )
    return replace(context, institutions=_institutions(road, period))


def _institutions(road: "Road", period: str) -> dict[str, str]:
    """Code → name, as the register of the period has them."""
    found = parts.read_table(road.home, deliveries.INSTITUTIONS, [period])
    if found is None or not {"institution_code", "institution_name"} <= set(found.columns):
        return {}
    return dict(found.select("institution_code", "institution_name").drop_nulls().sort(pl.all()).iter_rows())


def _suspect(road: "Road", period: str) -> tuple[Bilingual, ...]:
    """Deliveries that fail with severity error make figures wrong, so the first page names their feeds."""
    judged = parts.read_table(road.home, deliveries.TABLE, [period])
    grave = judged.filter(~pl.col("success"), pl.col("severity") == "error") if judged is not None else pl.DataFrame()
    if grave.is_empty():
        return ()
    titles = [road.catalog.feed(key).extras.titles for key in sorted(set(grave["feed"]))]
    words = {
        name: text("reports.warning.suspect", name, feeds=listed([item.get(name) for item in titles], name))
        for name in LANGUAGES
    }
    return (Bilingual(**words),)


def _fix_lists(road: "Road", period: str) -> dict[tuple[str, str], str]:
    """Where the fix lists of suspect deliveries lie, below the home's folder."""
    judged = parts.read_table(road.home, deliveries.TABLE, [period])
    suspect = sorted(set(judged.filter(~pl.col("success"))["feed"])) if judged is not None else []
    return {
        (key, institution): path.relative_to(road.home.path).as_posix()
        for key in suspect
        for institution, path in refresh_fix_lists(road, key, period).items()
    }


def _sources(road: "Road") -> dict[str, Bilingual]:
    """Who pays: the values of the code list that the fund ledger uses for its source."""
    columns = [column for feed in road.catalog.current() if feed.mart == LEDGER for column in feed.columns]
    lists = [column.code_list for column in columns if column.name == "source" and column.code_list]
    return dict(lists[0].values) if lists else {}


def _warnings(road: "Road", period: str) -> tuple[Bilingual, ...]:
    """Money of policies that nobody registered, or of areas that are not in the tree, is said on the first page."""
    money = parts.read_table(road.home, "policy__money", [period])
    if money is None:
        return ()
    strange = sorted(money.filter(~pl.col("in_register"))["policy_id"].unique().to_list())
    found = [both("reports.warning.unregistered", policies=", ".join(strange))] if strange else []
    if money.filter(pl.col("area_level") == UNPLACED).height:
        found.append(both("reports.warning.unplaced"))
    return tuple(Bilingual(**words) for words in found)


def _unknown_areas(road: "Road", period: str) -> tuple[Bilingual, ...]:
    """Areas that policies name and no tree of areas has."""
    found = unknown_areas(road.home, road.settings, Period.parse(period))
    if not found:
        return ()
    document = road.settings.policy_document
    titles = document.policies if document else {}
    words = {
        language: text(
            "reports.warning.unknown_areas",
            language,
            policies=listed([titles[key].titles.get(language) for key in dict(found)], language),
            areas=listed([area for _, area in found], language),
        )
        for language in LANGUAGES
    }
    return (Bilingual(**words),)


def _implausible(road: "Road", period: str) -> tuple[Bilingual, ...]:
    """Changes that look too large: those of the whole area in words, of the level below only how many."""
    found = parts.read_table(road.home, plausibility.TABLE, [period])
    names = parts.read_table(road.home, "mart__areas", [period])
    if found is None or names is None:
        return ()
    worst = plausibility.worst_changes(found)
    top = pl.col("area_level") == road.settings.levels[-1]
    named = names.select("area_level", "area_id", "area_name", "area_name_en")
    rows = worst.filter(top).join(named, on=["area_level", "area_id"], how="left").iter_rows(named=True)
    below = worst.filter(~top).height
    said = [_change_in_words(road, row) for row in rows]
    return (*said, *([Bilingual(**both("reports.warning.implausible_below", count=below))] if below else []))


def _change_in_words(road: "Road", row: dict[str, Any]) -> Bilingual:
    indicator, rules = (
        road.settings.indicators[row["indicator_id"]],
        [road.settings.rule_sets[key] for key in row["rule_sets"]],
    )
    area = {"zh": row["area_name"], "en": row["area_name_en"] or row["area_name"]}
    words = {
        language: text(
            "reports.warning.implausible",
            language,
            area=area[language] or row["area_id"],
            indicator=indicator.titles.get(language),
            rules=listed([item.titles.get(language) for item in rules], language),
            years=row["years"],
            then=f"{row['from_value']:.{indicator.digits}f}",
            now=f"{row['to_value']:.{indicator.digits}f}",
            first=row["from_period"],
            last=row["period"],
            change=f"{row['change']:+.2f}",
            limit=f"{row['limit']:.2f}",
            unit=text(f"reports.unit.{row['unit']}", language),
        )
        for language in LANGUAGES
    }
    return Bilingual(**words)
