"""The published tables of policies turned into what the page of the register and the page of one policy show.

Put here: choosing rows, ordering them, putting numbers and dates into words. Keep out: markup and any statistic.
"""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import polars as pl

from data_contracts.messages import catalogue, text
from data_contracts.periods import GRAINS, Period
from reports import format as shown
from reports import site_data as data
from reports.context import IndicatorView, PolicyView, ReportContext, VersionView, words

Json = dict[str, Any]
CHAIN = ("process", "result", "impact")
_TOTAL = "total"
_UNPLACED = "unplaced"
_AMOUNTS = (
    "budget_ytd_fen", "appropriation_ytd_fen", "spending_ytd_fen", "appropriation_fen", "spending_fen",
)  # fmt: skip


def pages(context: ReportContext, language: str) -> list[Json]:
    """Policies that have a page, by class: [{title, policies: [{id, title}]}]."""
    return [
        {
            "title": context.policies[members[0]].class_titles.get(language),
            "policies": [{"id": key, "title": context.policies[key].titles.get(language)} for key in members],
        }
        for members in (
            list(group) for _, group in groupby(context.policies, key=lambda key: context.policies[key].class_id)
        )
    ]


# the page of the register ---------------------------------------------------------------------------------------


def register(context: ReportContext, frames: data.Frames, areas: pl.DataFrame, language: str) -> Json:
    """Policies and services as rows in words."""
    rows = _of_period(context, frames, "policy__register")
    money = _of_period(context, frames, "policy__money").filter(pl.col("source") == _TOTAL)
    tops = areas.filter(pl.col("depth") == pl.col("depth").min()).select("area_level", "area_id")
    totals = _totals(context, frames, tops)
    return {
        "policies": [
            _register_row(context, row, totals.get(row["policy_id"]), language) for row in _in_order(context, rows)
        ],
        "services": [
            _service_row(context, row, language)
            for row in sorted(
                _of_period(context, frames, "policy__services").to_dicts(), key=lambda row: str(row["service_id"])
            )
        ],
        "unregistered": [
            [row["policy_id"], *(shown.money(row[name], context.currency, language) for name in _AMOUNTS[:3])]
            for row in money.join(tops, on=["area_level", "area_id"], how="semi")
            .filter(~pl.col("in_register"))
            .sort("policy_id", "area_id")
            .iter_rows(named=True)
        ],
    }


def _in_order(context: ReportContext, rows: pl.DataFrame) -> list[Json]:
    order = {policy_id: place for place, policy_id in enumerate(context.policies)}
    return sorted(rows.to_dicts(), key=lambda row: (order.get(row["policy_id"], len(order)), row["policy_id"]))


def _totals(context: ReportContext, frames: data.Frames, tops: pl.DataFrame) -> dict[str, Json]:
    """The total score of the highest area by policy, where there is one such area."""
    scores = data.main_rule_set(context, data.table(frames, "score__policies"))
    if scores is None or tops.height != 1:
        return {}
    rows = scores.filter(pl.col("dimension") == _TOTAL).join(tops, on=["area_level", "area_id"], how="semi")
    return {row["policy_id"]: row for row in rows.iter_rows(named=True)}


def _register_row(context: ReportContext, row: Json, total: Json | None, language: str) -> Json:
    view = context.policies.get(row["policy_id"]) or PolicyView(words(row["policy_id"], row["policy_id"]))
    return {
        "id": row["policy_id"],
        "title": view.titles.get(language),
        "class": view.class_titles.get(language),
        "owner": view.owner.get(language),
        "document": row["document"] or "",
        "standing": standing(row, language),
        "in_force": row["status"] == "in_force",
        "target": view.target_group.get(language),
        "persons": shown.count(row["target_persons"]),
        "score": shown.number(total["value"] if total else None, 1),
        "grade": data.titled(context.grades, total["grade"] if total else None, language),
        "clauses": row["clauses"],
        "without_service": row["without_service"],
        "without_indicator": row["without_indicator"],
    }


def standing(row: Mapping[str, Any], language: str) -> str:
    """Since when the policy is in force, or why it is not."""
    params = {"version": row["version"] or "", "first": row["valid_from"], "last": row["valid_to"] or ""}
    return text(f"reports.standing.{row['status']}", language, **params)


def _service_row(context: ReportContext, row: Json, language: str) -> Json:
    view = context.services.get(row["service_id"])
    feeds = [data.titled(context.feeds, key, language) for key in (view.feeds if view else ())]
    policies = [key for key in (row["policies"] or "").split(", ") if key]
    return {
        "title": view.titles.get(language) if view else row["service_id"],
        "group": view.target_group.get(language) if view else "",
        "persons": shown.count(row["target_persons"]),
        "frequency": frequency(row, language),
        "providers": view.providers.get(language) if view else "",
        "feeds": listed(feeds, language),
        "national": view.national_item.get(language) if view else "",
        "reference": view.reference if view else "",
        "policies": [
            {"id": key, "title": context.policies[key].titles.get(language)}
            for key in policies
            if key in context.policies
        ],
    }


def frequency(row: Mapping[str, Any], language: str) -> str:
    """How often in words: 每年 4 次，面对面."""
    if row["times"] is None:
        return ""
    often = text(f"reports.per.{row['per']}", language, times=row["times"])
    return often if row["mode"] == "any" else text("reports.often", language, often=often, mode=_mode(row, language))


def _mode(row: Mapping[str, Any], language: str) -> str:
    return text(f"reports.mode.{row['mode']}", language)


def listed(parts: list[str], language: str) -> str:
    """Parts in a row."""
    return ("、" if language == "zh" else ", ").join(parts)


# the page of one policy -----------------------------------------------------------------------------------------


def header(context: ReportContext, frames: data.Frames, policy_id: str, language: str) -> Json:
    """What stands at the top: class, owner, documents, versions, target group, areas, and why there is no score."""
    view = context.policies[policy_id]
    found = _of_period(context, frames, "policy__register").filter(pl.col("policy_id") == policy_id).to_dicts()
    row = found[0] if found else None
    now = row["version"] if row else None
    persons = row["target_persons"] if row else None
    group = view.target_group.get(language)
    if persons is not None:
        group = text("reports.policy.persons", language, group=group, persons=shown.count(persons))
    names = _area_names(frames, language)
    return {
        "id": policy_id,
        "facts": [
            (text(f"reports.policy.{key}", language), value)
            for key, value in (
                ("class", view.class_titles.get(language)),
                ("owner", view.owner.get(language)),
                ("partners", listed([partner.get(language) for partner in view.partners], language)),
                ("document", view.document),
                ("target_group", group),
                ("areas", listed([names.get(key, key[1]) for key in view.areas], language)),
                ("budget_lines", listed(list(view.budget_lines), language)),
            )
            if value
        ],
        "standing": standing(row, language) if row else "",
        "in_force": bool(row and row["status"] == "in_force"),
        "versions": [_version(version, now, language) for version in reversed(view.versions)],
    }


def _version(version: VersionView, now: str | None, language: str) -> Json:
    first, last = version.valid_from.isoformat(), version.valid_to.isoformat() if version.valid_to else ""
    return {
        "id": version.id,
        "document": version.document,
        "days": text(f"reports.policy.{'days' if last else 'since'}", language, first=first, last=last),
        "change": version.change.get(language) if version.change else "",
        "now": version.id == now,
    }


def _area_names(frames: data.Frames, language: str) -> dict[tuple[str, str], str]:
    frame = data.table(frames, "areas")
    if frame is None:
        return {}
    own, other = ("area_name", "area_name_en") if language == "zh" else ("area_name_en", "area_name")
    return {
        (row["area_level"], row["area_id"]): row[own] or row[other] or row["area_id"]
        for row in frame.iter_rows(named=True)
    }


def clauses(context: ReportContext, frames: data.Frames, policy_id: str, language: str) -> list[Json]:
    """Clauses of the version in force, each with its lines service → frequency → indicator → target → value."""
    chain = data.main_rule_set(context, data.table(frames, "policy__clauses"))
    mine = (
        chain.filter(pl.col("policy_id") == policy_id).sort("clause_no", "line_no").to_dicts()
        if chain is not None
        else []
    )
    return [
        {
            "number": number,
            "words": members[0][f"clause_{language}"],
            "gap": "" if members[0]["gap"] == "none" else text(f"reports.gap.{members[0]['gap']}", language),
            "lines": [_line(context, row, members, language) for row in members],
        }
        for number, members in ((key, list(group)) for key, group in groupby(mine, key=lambda row: row["clause_no"]))
    ]


def _line(context: ReportContext, row: Json, members: list[Json], language: str) -> Json:
    service = context.services.get(row["service_id"] or "")
    view = data.indicator_view(context, row["indicator_id"]) if row["indicator_id"] else None
    promised = any(other["service_id"] for other in members)
    return {
        "service": service.titles.get(language) if service else row["service_id"] or "",
        "no_service": "" if promised else text("reports.gap.no_service", language),
        "frequency": frequency(row, language),
        "indicator": view.titles.get(language) if view else "",
        "no_indicator": ""
        if view
        else text(f"reports.gap.{'no_measure' if row['service_id'] else 'no_indicator'}", language),
        "target": _target(row, view, language),
        "reference": row["target_reference"] or "",
        "value": _value(row, view, language),
        "bounds": shown.interval(row["lower"], row["upper"], view.digits) if view and row["lower"] is not None else "",
        "verdict": _verdict(row, language) if view else "",
        "look": {"met": "good", "not_met": "bad"}.get(row["status"], ""),
    }


def _verdict(row: Json, language: str) -> str:
    year = row["target_by"].year if row["target_by"] else ""
    return text(f"reports.verdict.{row['status']}", language, year=year)


def _target(row: Json, view: IndicatorView | None, language: str) -> str:
    if view is None or row["target"] is None:
        return ""
    sign = "≤" if view.direction == "lower_is_better" else "≥"
    value = f"{sign} {shown.with_unit(row['target'], _places(row['target']), view.unit.get(language))}"
    return text("reports.policy.by", language, value=value, day=row["target_by"]) if row["target_by"] else value


def _places(value: float) -> int:
    """Digits after the point that a target was written with, two at most."""
    return next((digits for digits in (0, 1) if round(value, digits) == value), 2)


def _value(row: Json, view: IndicatorView | None, language: str) -> str:
    if view is None:
        return ""
    if row["value"] is None:
        return text(f"reports.status.{row['value_status'] or 'no_data'}", language)
    return shown.with_unit(row["value"], view.digits, view.unit.get(language))


def script(context: ReportContext, frames: data.Frames, areas: pl.DataFrame, policy_id: str, language: str) -> Json:
    """What the script of the page draws: scores, the indicators behind them, the chain, money, all by area."""
    table = data.table(frames, "score__policies")
    mine = {} if table is None else {"score__policies": table.filter(pl.col("policy_id") == policy_id)}
    scores = data.scores_payload(context, mine, areas, language)
    named = context.policies[policy_id].areas
    depth = list(reversed(list(context.levels)))
    return {
        "id": policy_id,
        "score": scores[0] if scores else None,
        # Where a page of a policy of one area opens.
        "home": f"{depth.index(named[0][0])}:{named[0][1]}" if len(named) == 1 else None,
        "parts": _parts(context, frames, areas, policy_id, language),
        "chain": _chain(context, frames, areas, policy_id, language),
        "money": _money(context, frames, areas, policy_id, language),
    }


def _parts(
    context: ReportContext, frames: data.Frames, areas: pl.DataFrame, policy_id: str, language: str
) -> list[Json]:
    """Indicators behind the score in the order of the dimensions, heaviest first."""
    rows = data.main_rule_set(context, data.table(frames, "score__indicators"))
    if rows is None:
        return []
    found = []
    mine = rows.filter(pl.col("policy_id") == policy_id).partition_by("dimension", "indicator_id", as_dict=True)
    for (dimension, indicator_id), group in mine.items():
        view = data.indicator_view(context, str(indicator_id))
        aligned = data.aligned(areas, group, ["value", "points", "status"])
        first = group.row(0, named=True)
        found.append(
            {
                "dimension": dimension,
                "id": indicator_id,
                "title": view.titles.get(language),
                "unit": view.unit.get(language),
                "digits": view.digits,
                "weight": data.plain(first["weight"]),
                "low": data.plain(first["low"]),
                "high": data.plain(first["high"]),
                "own": view.by_policy,
                "val": data.numbers(aligned, "value"),
                "points": data.numbers(aligned, "points"),
                "st": [data.status_code(item) for item in aligned["status"].to_list()],
            }
        )
    return sorted(found, key=lambda part: (data.DIMENSIONS.index(part["dimension"]), -part["weight"], part["id"]))


def _chain(
    context: ReportContext, frames: data.Frames, areas: pl.DataFrame, policy_id: str, language: str
) -> list[Json]:
    """Indicators of score and clauses with their place in the chain, value, last year's and target."""
    links = data.main_rule_set(context, data.table(frames, "policy__clauses"))
    weighed = data.main_rule_set(context, data.table(frames, "score__indicators"))
    targets: dict[str, str] = {}
    ids: set[str] = set()
    for frame in (links, weighed):
        if frame is not None:
            ids |= set(frame.filter(pl.col("policy_id") == policy_id)["indicator_id"].drop_nulls())
    if links is not None:
        for row in (
            links.filter(pl.col("policy_id") == policy_id, pl.col("target").is_not_null())
            .sort("clause_no", "line_no")
            .iter_rows(named=True)
        ):
            targets.setdefault(
                row["indicator_id"], _target(row, data.indicator_view(context, row["indicator_id"]), language)
            )
    period = Period.parse(context.period)
    before = period.shift(-GRAINS[period.grain]).key
    found = []
    every = _values(context, frames, policy_id, ids, [context.period, before])
    for indicator_id in sorted(ids):
        view = data.indicator_view(context, indicator_id)
        values = every.filter(pl.col("indicator_id") == indicator_id)
        now = data.aligned(
            areas, values.filter(pl.col("period") == context.period), ["value", "lower", "upper", "status"]
        )
        past = data.aligned(areas, values.filter(pl.col("period") == before), ["value"])
        found.append(
            {
                "id": indicator_id,
                "title": view.titles.get(language),
                "chain": view.chain,
                "unit": view.unit.get(language),
                "digits": view.digits,
                "own": view.by_policy,
                "target": targets.get(indicator_id, ""),
                "val": data.numbers(now, "value"),
                "lo": data.numbers(now, "lower"),
                "hi": data.numbers(now, "upper"),
                "st": [data.status_code(item) for item in now["status"].to_list()],
                "past": data.numbers(past, "value"),
            }
        )
    return [item for item in found if item["chain"] in CHAIN]


def _values(
    context: ReportContext, frames: data.Frames, policy_id: str, ids: set[str], periods: list[str]
) -> pl.DataFrame:
    """Values of the indicators under the main rule set: of the policy's own records where they are counted so."""
    columns = ["period", "area_level", "area_id", "indicator_id", "rule_set", "value", "lower", "upper", "status"]
    own = {key for key in ids if data.indicator_view(context, key).by_policy}
    found = []
    if (values := data.table(frames, "ind__values")) is not None:
        wanted = pl.col("period").is_in(periods) & pl.col("indicator_id").is_in(sorted(ids - own))
        found.append(data.series(context, {**frames, "ind__values": values.filter(wanted)}).select(columns))
    if (values := data.table(frames, "ind__policies")) is not None:
        wanted = pl.col("period").is_in(periods) & pl.col("indicator_id").is_in(sorted(own))
        found.append(values.filter(wanted, pl.col("policy_id") == policy_id).select(columns))
    if not found:
        return pl.DataFrame(
            schema=dict.fromkeys(columns[:5], pl.String)
            | dict.fromkeys(columns[5:8], pl.Float64)
            | {"status": pl.String}
        )
    rows = pl.concat(found)
    return rows.filter(pl.col("rule_set").eq_missing(pl.lit(data.chosen_rule_set(context, rows))))


def _money(
    context: ReportContext, frames: data.Frames, areas: pl.DataFrame, policy_id: str, language: str
) -> Json | None:
    """A list over areas for every source and column, the total last; entries in no known area as rows."""
    mine = _of_period(context, frames, "policy__money").filter(pl.col("policy_id") == policy_id)
    if mine.is_empty():
        return None
    known = list(context.sources)
    order = sorted(
        mine["source"].unique().to_list(),
        key=lambda key: (key == _TOTAL, known.index(key) if key in known else 99, key),
    )
    by_source = mine.partition_by("source", as_dict=True)
    lost = mine.filter(pl.col("area_level") == _UNPLACED, pl.col("source") == _TOTAL).sort("area_id")
    return {
        "columns": [text(f"reports.policy.money.{name}", language) for name in _AMOUNTS],
        "sources": [
            {
                "title": _source(context, key, language),
                "total": key == _TOTAL,
                "amounts": [
                    data.aligned(areas, by_source[(key,)], list(_AMOUNTS))[name].to_list() for name in _AMOUNTS
                ],
            }
            for key in order
        ],
        "unplaced": [[row["area_id"], *(row[name] for name in _AMOUNTS)] for row in lost.iter_rows(named=True)],
    }


def _source(context: ReportContext, key: str, language: str) -> str:
    message_id = f"reports.source.{key}"
    return text(message_id, language) if message_id in catalogue() else data.titled(context.sources, key, language)


def _of_period(context: ReportContext, frames: data.Frames, name: str) -> pl.DataFrame:
    """Rows of the period; an empty frame with the columns that are filtered on where the table is missing."""
    frame = frames.get(name)
    if frame is None:
        return pl.DataFrame(
            schema={
                **dict.fromkeys(("period", "policy_id", "policy_class", "source", "area_level", "area_id"), pl.String),
                "in_register": pl.Boolean,
            }
        )
    return frame.filter(pl.col("period") == context.period)
