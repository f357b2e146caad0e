"""The site of a release: Chinese pages in `site/`, English pages in `site/en/`, readable without a network.

Put here: which pages exist, what each is given, and writing them. Keep out: reshaping tables (site_data),
wording (messages), looks (static/site.css) and behaviour in the browser (static/site.js).
"""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from data_contracts.closed import Bilingual
from data_contracts.dictionary import FeedEntry
from data_contracts.messages import LANGUAGES, text
from reports import appraisal_data as appraisal
from reports import format as shown
from reports import incentive_audit, money_data, release_money
from reports import policy_data as policy
from reports import quality_data as quality
from reports import site_data as data
from reports import supply_data as supply
from reports import sure_data as sure
from reports.context import ReportContext
from reports.jinja import environment

PAGES = ("index", "indicators", "dimensions", "policies", "risk", "money", "services", "quality", "dictionary")
_POLICY = "policy_"
_HERE = Path(__file__).parent
_ASSETS = ("site.css", "site.js")


def write_site(context: ReportContext, frames: data.Frames, out: Path) -> list[Path]:
    """Write the whole site into the folder `out` and return its files, `index.html` first.

    `frames` maps the names of published tables to tables with their columns, `areas` to mart__areas. A table that is
    missing or empty makes its page say so. Every policy has a page of its own, and every payee its statement. The same
    input gives the same bytes.
    """
    areas = data.areas_of(context, frames)
    written = []
    for language in LANGUAGES:
        folder = out if language == "zh" else out / language
        folder.mkdir(parents=True, exist_ok=True)
        for page in (*PAGES, *(f"{_POLICY}{policy_id}" for policy_id in sorted(context.policies))):
            path = folder / f"{page}.html"
            path.write_text(render_page(page, language, context, frames, areas), encoding="utf-8", newline="\n")
            written.append(path)
    written += release_money.write_statements(context, frames, out)
    for name in _ASSETS:
        path = out / name
        path.write_bytes((_HERE / "static" / name).read_bytes())
        written.append(path)
    path = out / "plotly.min.js"
    path.write_bytes(plotly_script())
    return [*written, path]


def render_page(page: str, language: str, context: ReportContext, frames: data.Frames, areas: pl.DataFrame) -> str:
    """One page as HTML text."""
    keys = data.indicator_keys(context, frames)
    payload = _frame_of_page(page, language, context, areas, keys)
    if page.startswith(_POLICY):
        policy_id = page.removeprefix(_POLICY)
        payload |= {"page": "policy", "policy": policy.script(context, frames, areas, policy_id, language)}
        template, tab, title = "policy", "policies", context.policies[policy_id].titles.get(language)
        written = {
            "head": policy.header(context, frames, policy_id, language),
            "clauses": policy.clauses(context, frames, policy_id, language),
        }
    else:
        payload |= _CONTENT[page](context, frames, areas, keys, language)
        template, tab, title = page, page, text(f"reports.page.{page}", language)
        written = _WRITTEN[page](context, frames, areas, language) if page in _WRITTEN else {}
    return (
        environment()
        .get_template(f"{template}.html")
        .render(
            **written,
            t=partial(_words, language),
            page=page,
            title=title,
            lead=text(f"reports.lead.{template}", language),
            tab=tab,
            pages=PAGES,
            policies=policy.pages(context, language),
            language=language,
            other="en" if language == "zh" else "zh",
            root="" if language == "zh" else "../",
            switch=f"en/{page}.html" if language == "zh" else f"../{page}.html",
            home=context.home.get(language),
            period=shown.period(context.period, language),
            release_id=context.release_id or shown.MISSING,
            rule_sets=[title.get(language) for title in context.rule_sets.values()],
            warnings=[warning.get(language) for warning in context.warnings],
            levels=_level_counts(context, areas, language),
            budget=_budget(context, language),
            references=context.allocation.references if context.allocation else (),
            payload=payload,
            payload_json=Markup(embed(payload)),  # noqa: S704  (embed leaves no character that ends a script)
        )
    )


def embed(document: Any) -> str:
    """Canonical JSON that may stand inside a script element whatever text it holds."""
    plain = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    for character in "<>&\u2028\u2029":
        plain = plain.replace(character, f"\\u{ord(character):04x}")
    return plain


def _words(language: str, message_id: str, **params: object) -> str:
    return text(message_id, language, **params)


def plotly_script() -> bytes:
    """What draws charts, to stand beside the pages."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).encode("utf-8")


def _frame_of_page(
    page: str,
    language: str,
    context: ReportContext,
    areas: pl.DataFrame,
    keys: list[tuple[str, str]],
) -> data.Json:
    """What every page carries: labels, areas and indicator titles for the search box, currency."""
    titles = {
        key: data.indicator_view(context, key).titles for key in dict.fromkeys(indicator for indicator, _ in keys)
    }
    return {
        "page": page,
        "language": language,
        "strings": data.script_strings(language),
        "statuses": list(data.STATUSES),
        "levels": [titles.get(language) for titles in reversed(list(context.levels.values()))],
        "areas": data.area_lists(areas, language),
        "search": [[key, title.zh, title.en] for key, title in titles.items()],
        "policies": [[key, view.titles.zh, view.titles.en] for key, view in sorted(context.policies.items())],
        "currency": {"major": context.currency.major.get(language), "decimals": context.currency.decimals},
    }


def _overview(
    context: ReportContext, frames: data.Frames, areas: pl.DataFrame, keys: list[tuple[str, str]], language: str
) -> data.Json:
    # Keys put the most important rule set first; the overview shows each indicator once.
    main = [key for at, key in enumerate(keys) if key[0] not in {earlier for earlier, _ in keys[:at]}]
    money = money_data.money_payload(context, frames, areas, language, {})
    scores = data.scores_payload(context, frames, areas, language)
    risk = data.risk_payload(context, frames, areas, language)
    return {
        "indicators": data.indicators_payload(context, frames, areas, main, language),
        "totals": [
            {
                "title": score["title"],
                "id": score["id"],
                "val": score["parts"]["total"]["val"],
                "grade": score["parts"]["grade"],
            }
            for score in scores
        ],
        "risk": {key: risk[key] for key in ("val", "lo", "hi")} if risk else None,
        "money": {key: money[key] for key in ("key", "area", "amount")} if money else None,
    }


def _indicators(
    context: ReportContext, frames: data.Frames, areas: pl.DataFrame, keys: list[tuple[str, str]], language: str
) -> data.Json:
    return {"indicators": data.indicators_payload(context, frames, areas, keys, language)}


def _nothing(
    _context: ReportContext, _frames: data.Frames, _areas: pl.DataFrame, _: list[tuple[str, str]], _language: str
) -> data.Json:
    return {}


def _dimensions(
    context: ReportContext, frames: data.Frames, areas: pl.DataFrame, _: list[tuple[str, str]], language: str
) -> data.Json:
    scores = data.scores_payload(context, frames, areas, language)
    return {"scores": scores, "sure": sure.policies_sure(context, frames, areas, language)}


def _risk(
    context: ReportContext, frames: data.Frames, areas: pl.DataFrame, _: list[tuple[str, str]], language: str
) -> data.Json:
    risk = data.risk_payload(context, frames, areas, language)
    return {"risk": risk, "sure": sure.risk_sure(context, frames, areas, language)}


def _money(
    context: ReportContext, frames: data.Frames, areas: pl.DataFrame, _: list[tuple[str, str]], language: str
) -> data.Json:
    statements = release_money.links(context, frames)
    return {"money": money_data.money_payload(context, frames, areas, language, statements)}


def _quality(
    context: ReportContext, frames: data.Frames, _areas: pl.DataFrame, _: list[tuple[str, str]], language: str
) -> data.Json:
    return {"quality": quality.quality_payload(context, frames, language)}


_CONTENT: dict[str, Callable[[ReportContext, data.Frames, pl.DataFrame, list[tuple[str, str]], str], data.Json]] = {
    "index": _overview,
    "indicators": _indicators,
    "dimensions": _dimensions,
    "policies": _nothing,
    "risk": _risk,
    "money": _money,
    "services": _nothing,
    "quality": _quality,
    "dictionary": _nothing,
}
# What a page shows without a script.
_WRITTEN: dict[str, Callable[[ReportContext, data.Frames, pl.DataFrame, str], data.Json]] = {
    "policies": lambda context, frames, areas, language: {
        "register": policy.register(context, frames, areas, language)
    },
    "dimensions": lambda context, frames, _areas, language: {
        "appraisals": appraisal.appraisals(context, frames, language)
    },
    "risk": lambda context, frames, areas, language: {
        "incentives": sure.incentive_words(context, frames, areas, language)
    },
    "money": lambda context, frames, _areas, language: {
        "parts": release_money.money_parts(context, frames, language),
        "conflict": release_money.conflict(frames, language),
        "audit": incentive_audit.audit_words(context, frames, language),
    },
    "services": lambda context, frames, areas, language: {"services": supply.matrix(context, frames, areas, language)},
    "quality": lambda context, frames, _areas, language: {
        "suspects": quality.suspects(context, frames, language),
        "sharing": supply.sharing(context, frames, language),
    },
    "dictionary": lambda context, _frames, _areas, language: {
        "dictionary": context.dictionary,
        "common": _common(context.dictionary),
        "senders": {key: titles.get(language) for key, titles in context.senders.items()},
    },
}


def _common(dictionary: Sequence[FeedEntry]) -> list[Bilingual]:
    """What is true of the deliveries of every feed, to be said once."""
    first = dictionary[0].resends if dictionary else ()
    return [sentence for sentence in first if all(sentence in entry.resends for entry in dictionary)]


def _level_counts(context: ReportContext, areas: pl.DataFrame, language: str) -> list[tuple[str, str]]:
    """(level title, number of areas) from top to leaf."""
    counts = dict(areas.group_by("area_level").len().iter_rows()) if areas.height else {}
    return [
        (titles.get(language), shown.count(counts[level]))
        for level, titles in reversed(list(context.levels.items()))
        if level in counts
    ]


def _budget(context: ReportContext, language: str) -> str | None:
    if context.allocation is None:
        return None
    return shown.money(context.allocation.budget_minor, context.currency, language)
