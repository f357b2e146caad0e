"""Policies in a period: which are in force, where they hold, and the indicator values each of them is judged by.

Put here: selection of versions by date, territory, values of a policy's own records. Keep out: points and weights
(scores.py), the tables of the register (registers.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl

from assets.compute.geography import Changes, known_changes, placement
from assets.compute.indicators import Geography, indicator_values
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.contracts import Catalog
from data_contracts.periods import Period, periods_between
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.policies import Policy, PolicyVersion
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables

_OWN = "ind__policies"
_COUNTS = "ind__counts"
_CLOSURE = "mart__area_closure"
_STRATUM = "policy="
_AREA = ["area_level", "area_id"]


@dataclass(frozen=True)
class PolicyInForce:
    """A policy, its version in force, and the values it is judged by: whole areas in which it holds."""

    policy_id: str
    policy: Policy
    version: PolicyVersion
    values: pl.DataFrame


def policies_in_force(settings: Settings, period: Period) -> dict[str, tuple[Policy, PolicyVersion]]:
    """Policies with the version that is in force at the end of `period`, by id."""
    document = settings.policy_document
    found = {
        policy_id: (policy, policy.version_at(period.end))
        for policy_id, policy in sorted((document.policies if document else {}).items())
    }
    return {policy_id: (policy, version) for policy_id, (policy, version) in found.items() if version is not None}


def judged_policies(home: Home, settings: Settings, catalog: Catalog, period: Period) -> Iterator[PolicyInForce]:
    """Every policy in force with its values; none where the period has no values.

    An indicator that is counted by policy is taken from the policy's own records and is missing where there are none.
    """
    values = parts.read_table(home, "ind__values", [period.key])
    if values is None:
        return
    own = parts.read_table(home, _OWN, [period.key])
    own = output_tables()[_OWN].empty() if own is None else own
    counted = settings.counted_by_policy()
    common = values.filter(pl.col("stratum") == "all").drop("stratum")
    columns = common.columns
    # Areas of the period stay known even where a policy has no record of its own.
    grid = common.with_columns(
        pl.when(pl.col("indicator_id").is_in(counted)).then(None).otherwise(pl.col(name)).alias(name)
        for name in ("numerator", "denominator", "value", "lower", "upper")
    ).with_columns(
        pl.when(pl.col("indicator_id").is_in(counted)).then(pl.lit("no_data")).otherwise("status").alias("status")
    )
    key = [*_AREA, "rule_set", "indicator_id"]
    for policy_id, (policy, version) in policies_in_force(settings, period).items():
        mine = own.filter(pl.col("policy_id") == policy_id).select(columns)
        joined = pl.concat([grid.join(mine, on=key, how="anti"), mine]).sort(key)
        within = territory(home, settings, catalog, policy, period)
        yield PolicyInForce(policy_id, policy, version, _where_it_holds(joined, within))


def own_values(home: Home, settings: Settings, catalog: Catalog, period: Period) -> pl.DataFrame:
    """Rows of ind__policies for one period: indicators counted by policy, from the records of each policy alone."""
    table, own = output_tables()[_OWN], placement(home, settings, catalog, period, period)
    counts = parts.read_table(home, _COUNTS, [period.key])
    chosen = settings.counted_by_policy()
    if own is None or counts is None or not chosen:
        return table.empty()
    narrow = replace(settings, indicators={key: settings.indicators[key] for key in chosen})
    counted = counts.filter(pl.col("stratum").str.starts_with(_STRATUM))
    found = []
    for (stratum,), group in counted.partition_by("stratum", as_dict=True, maintain_order=True).items():
        mine = Geography(own.closure, group.with_columns(pl.lit("all").alias("stratum")), own.partial)
        values = indicator_values(home, narrow, catalog, period, mine)
        found.append(values.with_columns(pl.lit(str(stratum).removeprefix(_STRATUM)).alias("policy_id")))
    return gate(table_schema(table), table.shape(pl.concat(found))) if found else table.empty()


def own_inputs(period: Period) -> list[tuple[str, str]]:
    """Every (table, period) that decides the rows of ind__policies."""
    return [(_COUNTS, period.key), (_CLOSURE, period.key)]


def territory(home: Home, settings: Settings, catalog: Catalog, policy: Policy, period: Period) -> pl.DataFrame | None:
    """Areas wholly within the areas of the policy; None where it holds everywhere.

    An area lies within when every one of its lowest-level areas does. An area of the policy that is gone is followed to
    what its lowest-level areas became; one that merged with areas of which the policy says nothing lies without.
    """
    if not policy.areas:
        return None
    closure = parts.read_table(home, _CLOSURE, [period.key])
    if closure is None:
        return pl.DataFrame(schema=dict.fromkeys(_AREA, pl.String))
    named = _named(policy)
    leaves = _leaves(closure, named)
    gone = named.join(closure, on=_AREA, how="anti")
    if gone.height:
        changes = known_changes(home, settings, catalog, period)
        for step, tree, seen in _last_seen(home, settings, gone, period):
            leaves |= _became(changes, step, tree, closure, named, seen)
    inside = pl.col("leaf_id").is_in(sorted(leaves))
    return closure.group_by(_AREA).agg(inside.all().alias("within")).filter("within").select(_AREA).sort(_AREA)


def unknown_areas(home: Home, settings: Settings, period: Period) -> list[tuple[str, str]]:
    """(policy, area) for every area of a policy in force that no tree of areas up to the period has."""
    found = []
    for policy_id, (policy, _) in policies_in_force(settings, period).items():
        named = _named(policy)
        closure = parts.read_table(home, _CLOSURE, [period.key])
        missing = named if closure is None else named.join(closure, on=_AREA, how="anti")
        for _, _, seen in _last_seen(home, settings, missing, period):
            missing = missing.join(seen, on=_AREA, how="anti")
        found += [(policy_id, area) for area in sorted(missing["area_id"])]
    return found


def _named(policy: Policy) -> pl.DataFrame:
    named = [(level, area) for level, areas in sorted(policy.areas.items()) for area in areas]
    return pl.DataFrame(named, schema=dict.fromkeys(_AREA, pl.String), orient="row")


def _leaves(closure: pl.DataFrame, areas: pl.DataFrame) -> set[str]:
    return set(closure.join(areas, on=_AREA, how="semi")["leaf_id"])


def _last_seen(
    home: Home, settings: Settings, areas: pl.DataFrame, period: Period
) -> Iterator[tuple[Period, pl.DataFrame, pl.DataFrame]]:
    """Earlier periods that are the last to have some of the areas, with their closure and those areas."""
    for step in reversed(periods_between(settings.home.calendar.first, period.key)):
        tree = parts.read_table(home, _CLOSURE, [step.key]) if step < period and areas.height else None
        seen = areas.clear() if tree is None else areas.join(tree, on=_AREA, how="semi")
        if tree is not None and seen.height:
            areas = areas.join(seen, on=_AREA, how="anti")
            yield step, tree, seen


def _became(
    changes: Changes, step: Period, tree: pl.DataFrame, closure: pl.DataFrame, named: pl.DataFrame, gone: pl.DataFrame
) -> set[str]:
    """Lowest-level areas of `closure` made of areas of the policy in `tree` alone, at least one of them in `gone`."""
    current, made_of = set(closure["leaf_id"]), dict[str, set[str]]()
    for leaf in tree["leaf_id"].unique():
        for code in changes.became(leaf, step.end, current):
            made_of.setdefault(code, set()).add(leaf)
    mine, lost = _leaves(tree, named), _leaves(tree, gone)
    return {code for code, old in made_of.items() if code in current and old <= mine and old & lost}


def _where_it_holds(values: pl.DataFrame, areas: pl.DataFrame | None) -> pl.DataFrame:
    return (
        values if areas is None else values.join(areas, on=_AREA, how="semi").sort(*_AREA, "rule_set", "indicator_id")
    )
