"""The registers of policies and services in a period: what is in force, whom it reaches, chains of clauses.

Put here: the rows of policy__register, policy__services and policy__clauses. Keep out: money (policy_money.py), which
values a policy is judged by (policies.py), points (scores.py), words on pages (reports).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from assets.compute.inputs import engine_limits
from assets.compute.marts import mart_columns, mart_names
from assets.compute.plan import CLOSURE
from assets.compute.policies import judged_policies, policies_in_force, territory
from assets.engine.duck import Table, query
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.contracts import Catalog
from data_contracts.messages import did_you_mean, wrong, wrong_condition
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.counting import Indicator
from data_contracts.settings.policies import Clause, ClauseIndicator, ClauseTarget, Policy, PolicyVersion, Promise
from data_contracts.settings.resolved import Settings
from data_contracts.settings.services import TargetGroup
from data_contracts.tables import output_tables
from sql.portability import NotPortableError, check_condition

_AREA = ["area_level", "area_id"]
_NO_RULES = "none"


# whom policies and services are for ----------------------------------------------------------------------------


def check_registers(settings: Settings, catalog: Catalog) -> None:
    """Raise DefinitionError for what services and policies name and the home does not have.

    That is a feed of a service, a mart or column of a target group, or SQL beyond what is allowed.
    """
    for service_id, service in settings.services.items():
        for feed in service.feeds:
            if feed not in catalog.feeds:
                where, hint = f"services.yaml: {service_id}: feeds", did_you_mean(feed, catalog.feeds)
                raise wrong("wrong_service_feed", where=where, feed=feed, hint=hint)
    _check_groups(settings, catalog)


def _check_groups(settings: Settings, catalog: Catalog) -> None:
    for where, group in _groups(settings):
        if (group.mart is None) != (group.where is None):
            raise wrong("wrong_group", where=f"{where}: target_group")
        if group.mart is None or group.where is None:
            continue
        known = mart_names(catalog)
        if group.mart not in known:
            hint = did_you_mean(group.mart, known)
            raise wrong("wrong_no_mart", where=f"{where}: target_group", mart=group.mart, hint=hint)
        columns = mart_columns(catalog, group.mart)
        if "person_id" not in columns:
            raise wrong("wrong_group_persons", where=f"{where}: target_group", mart=group.mart)
        try:
            check_condition(group.where, columns)
        except NotPortableError as error:
            raise wrong_condition(f"{where}: target_group: {group.mart}", str(error)) from None


def _groups(settings: Settings) -> Iterator[tuple[str, TargetGroup]]:
    for service_id, service in settings.services.items():
        yield f"services.yaml: {service_id}", service.target_group
    document = settings.policy_document
    for policy_id, policy in (document.policies if document else {}).items():
        yield f"policies.yaml: {policy_id}", policy.target_group


_Counted = dict[tuple[str, str], int]


def _persons(
    home: Home, settings: Settings, groups: Iterable[TargetGroup], period: Period, leaves: pl.DataFrame | None = None
) -> _Counted:
    """Persons of each group that can be counted, each once, in all areas or in `leaves`; one scan per mart."""
    wanted: dict[str, set[str]] = {}
    for group in groups:
        if group.mart is not None and group.where is not None:
            wanted.setdefault(group.mart, set()).add(group.where)
    found: _Counted = {}
    for mart, conditions in sorted(wanted.items()):
        files = parts.files_in_force(home, mart, [period.key])
        if not files:
            continue
        ordered = sorted(conditions)
        flags = ", ".join(f"max(case when {text} then 1 else 0 end) as g{at}" for at, text in enumerate(ordered))
        sums = ", ".join(f"cast(sum(g{at}) as bigint) as g{at}" for at in range(len(ordered)))
        tables: dict[str, Table] = {"mart": files} if leaves is None else {"mart": files, "leaves": leaves}
        only = "" if leaves is None else " and area_id in (select area_id from leaves)"
        persons = f"select person_id, {flags} from mart where person_id is not null{only} group by person_id"  # noqa: S608
        row = query(f"select {sums} from ({persons}) p", tables, limits=engine_limits(home, settings))  # noqa: S608
        found |= {(mart, text): row[f"g{at}"][0] or 0 for at, text in enumerate(ordered)}
    return found


def _counted(counts: _Counted, group: TargetGroup) -> int | None:
    return counts.get((group.mart, group.where)) if group.mart and group.where else None


# registers ------------------------------------------------------------------------------------------------------


def policy_register(home: Home, settings: Settings, catalog: Catalog, period: Period) -> pl.DataFrame:
    """Rows of policy__register: every policy of the home, in force or not."""
    document = settings.policy_document
    policies = sorted((document.policies if document else {}).items())
    counts = _persons(home, settings, [policy.target_group for _, policy in policies], period)
    rows = []
    for policy_id, policy in policies:
        within, reached = territory(home, settings, catalog, policy, period), counts
        if within is not None:
            leaves = within.filter(area_level=settings.levels[0]).select("area_id")
            reached = _persons(home, settings, [policy.target_group], period, leaves)
        rows.append(_registered(policy_id, policy, within, reached, period))
    return _table("policy__register", rows, period)


def _registered(
    policy_id: str, policy: Policy, within: pl.DataFrame | None, counts: _Counted, period: Period
) -> dict[str, Any]:
    version = policy.version_at(period.end)
    shown = version or max(
        (item for item in policy.versions if item.valid_from <= period.end),
        key=lambda item: item.valid_from,
        default=policy.versions[0],
    )
    gaps = [clause.gap for clause in version.clauses] if version else []
    return {
        "policy_id": policy_id,
        "title_zh": policy.titles.zh,
        "title_en": policy.titles.en,
        "policy_class": policy.policy_class,
        "owner_zh": policy.owner.zh,
        "owner_en": policy.owner.en,
        "status": _standing(policy, version, within, period),
        "version": version.id if version else None,
        "document": version.document if version else None,
        "valid_from": shown.valid_from,
        "valid_to": shown.valid_to,
        "clauses": len(gaps),
        "without_service": sum(gap in ("no_service", "no_service_no_indicator") for gap in gaps),
        "without_indicator": sum(gap in ("no_indicator", "no_service_no_indicator") for gap in gaps),
        "target_persons": _counted(counts, policy.target_group),
    }


def _standing(policy: Policy, version: PolicyVersion | None, within: pl.DataFrame | None, period: Period) -> str:
    if version is None:
        return "not_yet" if policy.versions[0].valid_from > period.end else "ended"
    return "no_area" if within is not None and within.is_empty() else "in_force"


def service_register(home: Home, settings: Settings, period: Period) -> pl.DataFrame:
    """Rows of policy__services: every service with its group and the policies in force that promise it."""
    promised: dict[str, set[str]] = {}
    for policy_id, (_, version) in policies_in_force(settings, period).items():
        for clause in version.clauses:
            for promise in clause.services:
                promised.setdefault(promise.service, set()).add(policy_id)
    counts = _persons(home, settings, [service.target_group for service in settings.services.values()], period)
    rows = [
        {
            "service_id": service_id,
            "title_zh": service.titles.zh,
            "title_en": service.titles.en,
            "times": service.frequency.times,
            "per": service.frequency.per,
            "mode": service.frequency.mode,
            "target_persons": _counted(counts, service.target_group),
            "feeds": ", ".join(service.feeds) or None,
            "policies": ", ".join(sorted(promised.get(service_id, ()))) or None,
        }
        for service_id, service in sorted(settings.services.items())
    ]
    return _table("policy__services", rows, period)


# clauses --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Link:
    """One line of the chain of a clause: a promised service, an indicator, or both."""

    clause_no: int
    line_no: int
    clause: Clause
    promise: Promise | None
    shown: ClauseIndicator | None


def clause_chain(home: Home, settings: Settings, catalog: Catalog, period: Period) -> pl.DataFrame:
    """Rows of policy__clauses: clause → service → frequency → indicator → target with the value of the whole area."""
    judged = {item.policy_id: item.values for item in judged_policies(home, settings, catalog, period)}
    rules = list(settings.active_rule_sets(period)) or [_NO_RULES]
    closure = parts.read_table(home, CLOSURE, [period.key])
    rows = []
    for policy_id, (policy, version) in policies_in_force(settings, period).items():
        values = judged.get(policy_id)
        area = None if values is None or closure is None else _whole(settings, policy, values, closure)
        for link in _links(version.clauses):
            fixed = {"policy_id": policy_id, "version": version.id, **_promised(settings, link)}
            rows += [
                {**fixed, "rule_set": rule, **_shown(settings, link, values, area, rule, period)} for rule in rules
            ]
    return _table("policy__clauses", rows, period)


def _links(clauses: list[Clause]) -> Iterator[_Link]:
    for clause_no, clause in enumerate(clauses, 1):
        pairs: list[tuple[Promise | None, ClauseIndicator | None]] = []
        for promise in clause.services:
            pairs += [(promise, shown) for shown in promise.indicators] or [(promise, None)]
        pairs += [(None, shown) for shown in clause.indicators]
        for line_no, (named, shown) in enumerate(pairs or [(None, None)], 1):
            yield _Link(clause_no, line_no, clause, named, shown)


def _promised(settings: Settings, link: _Link) -> dict[str, Any]:
    clause, promise = link.clause, link.promise
    often = (promise.frequency or settings.services[promise.service].frequency) if promise else None
    return {
        "clause_no": link.clause_no,
        "clause_id": clause.id or str(link.clause_no),
        "line_no": link.line_no,
        "clause_zh": clause.zh,
        "clause_en": clause.en,
        "gap": clause.gap,
        "service_id": promise.service if promise else None,
        "times": often.times if often else None,
        "per": often.per if often else None,
        "mode": often.mode if often else None,
    }


def _whole(settings: Settings, policy: Policy, values: pl.DataFrame, closure: pl.DataFrame) -> tuple[str, str] | None:
    """The one area whose figures speak for the policy: the highest where it holds; None where there are several.

    For an area that is gone speaks the lowest one that is made of exactly what it became.
    """
    named = [(level, area) for level, areas in policy.areas.items() for area in areas]
    if len(named) > 1:
        return None
    if named:
        there = closure.join(values.select(_AREA).unique(), on=_AREA, how="semi").group_by(_AREA).agg("leaf_id")
        made_of = {(level, area): set(leaves) for level, area, leaves in there.iter_rows()}
        whole: set[str] = set().union(*made_of.values())
        ordered = sorted(made_of, key=lambda key: (settings.levels.index(key[0]), key[1]))
        same = [key for key in ordered if made_of[key] == whole]
        return named[0] if named[0] in made_of else next(iter(same), None)
    present = set(values["area_level"].unique())
    top = next((level for level in reversed(settings.levels) if level in present), None)
    areas = values.filter(area_level=top)["area_id"].unique().to_list() if top else []
    return (str(top), areas[0]) if len(areas) == 1 else None


def _shown(
    settings: Settings,
    link: _Link,
    values: pl.DataFrame | None,
    area: tuple[str, str] | None,
    rule_set: str,
    period: Period,
) -> dict[str, Any]:
    level, area_id = area or (None, None)
    found: dict[str, Any] = {"area_level": level, "area_id": area_id}
    empty = dict.fromkeys(("indicator_id", "target", "target_by", "target_reference"))
    numbers: dict[str, Any] = dict.fromkeys(("value", "lower", "upper", "value_status"))
    if link.shown is None:
        return {**found, **empty, **numbers, "status": "not_measured"}
    indicator_id, target = link.shown.indicator, link.shown.target_at(period.end)
    if values is not None and area is not None:
        here = values.filter(area_level=level, area_id=area_id, rule_set=rule_set, indicator_id=indicator_id)
        for row in here.iter_rows(named=True):
            numbers = {"value_status": row["status"], **{key: row[key] for key in ("value", "lower", "upper")}}
    return {
        **found,
        **numbers,
        "indicator_id": indicator_id,
        "target": float(target.value) if target else None,
        "target_by": target.by if target else None,
        "target_reference": target.reference if target else None,
        "status": verdict(numbers["value"], target, settings.indicators[indicator_id], period),
    }


def verdict(value: float | None, target: ClauseTarget | None, indicator: Indicator, period: Period) -> str:
    """Whether a target is met by the published value at the end of `period`.

    A target with a day is due from that day on and may be met before. A figure of the year to date is judged only when
    the year ends, whatever the day, since it may rise and fall until then; a target of an earlier year is `past`: it
    was judged in that year.
    """
    if target is None:
        return "no_target"
    if value is None:
        return "no_data"
    if indicator.window == "year_to_date" and period.time_progress < 1:
        return "past" if target.by is not None and target.by.year < period.year else "not_due"
    if value <= target.value if indicator.direction == "lower_is_better" else value >= target.value:
        return "met"
    return "not_met" if target.by is None or target.by <= period.end else "not_due"


# shape ----------------------------------------------------------------------------------------------------------


def _table(name: str, rows: list[dict[str, Any]], period: Period) -> pl.DataFrame:
    table = output_tables()[name]
    if not rows:
        return table.empty()
    full = [{"period": period.key, **row} for row in rows]
    frame = pl.DataFrame(full, schema={column: table.schema[column] for column in table.columns})
    return gate(table_schema(table), table.shape(frame))
