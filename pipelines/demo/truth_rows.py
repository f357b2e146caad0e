"""True counts as tables: numerators, effects and causes, summed up the levels of areas.

Put here: shaping and adding up. Keep out: counting (truth) and effects (truth_effects).
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import polars as pl

from pipelines.demo.city import LEVELS
from pipelines.demo.levers import Levers
from pipelines.demo.timeline import Span
from pipelines.demo.truth_basis import Count

_MICRO = Decimal("0.000001")


def indicator_rows(found: Mapping[tuple[str, str, str], Count], areas: pl.DataFrame, span: Span) -> pl.DataFrame:
    """Numerators and denominators at every level; sums of persons hold, since nobody is in two communities at once."""
    frames = [
        pl.DataFrame(
            {
                "place": np.arange(areas.height),
                "indicator_id": [indicator] * areas.height,
                "rule_set": [rule_set] * areas.height,
                "stratum": [stratum] * areas.height,
                "progress": [count.progress] * areas.height,
                "numerator": decimals(count.numerator),
                "denominator": decimals(count.denominator),
            }
        )
        for (indicator, rule_set, stratum), count in found.items()
    ]
    keys = ["indicator_id", "rule_set", "stratum", "progress"]
    summed = _with_levels(pl.concat(frames), areas, keys, span)
    for (indicator, rule_set, _), count in found.items():
        if count.persons is not None:
            mine = (pl.col("indicator_id") == indicator) & (pl.col("rule_set") == rule_set)
            once = _persons_once(count.persons, areas)
            summed = summed.join(once, on=["area_level", "area_id"], how="left", maintain_order="left").with_columns(
                pl.when(mine).then(pl.col("persons").fill_null(0)).otherwise("numerator").alias("numerator")
            )
            summed = summed.drop("persons")
    passed = Decimal(span.of_year) / span.per_year
    part = pl.Series([_rounded(x * passed) for x in summed["denominator"]], dtype=pl.Decimal(38, 6))
    return summed.with_columns(pl.when("progress").then(part).otherwise("denominator").alias("denominator")).select(
        "area_level", "area_id", "period", "indicator_id", "rule_set", "stratum", "numerator", "denominator"
    )


def _persons_once(persons: pl.DataFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """Persons of every area, each counted once in it."""
    placed = persons.with_columns(areas[f"{level}_id"][persons["community"]] for level in LEVELS)
    frames = [
        placed.group_by(pl.col(f"{level}_id").alias("area_id"))
        .agg(pl.col("person").n_unique().cast(pl.Decimal(38, 6)).alias("persons"))
        .select(pl.lit(level).alias("area_level"), "area_id", "persons")
        for level in LEVELS
    ]
    return pl.concat(frames)


def effect_rows(found: Mapping[tuple[str, str, str], Count], areas: pl.DataFrame, span: Span) -> pl.DataFrame:
    """What each policy changed: the numerator as it is and as it would have been without, by area."""
    frames = [
        pl.DataFrame(
            {
                "place": np.arange(areas.height),
                "policy_id": [policy] * areas.height,
                "indicator_id": [indicator] * areas.height,
                "rule_set": [rule_set] * areas.height,
                "numerator": np.asarray(count.numerator, dtype=float),
                "numerator_without": np.asarray(count.numerator, dtype=float) - np.asarray(effect, dtype=float),
                "denominator": np.asarray(count.denominator, dtype=float),
            }
        )
        for (indicator, rule_set, stratum), count in found.items()
        if stratum == "all"
        for policy, effect in count.effects.items()
    ]
    if not frames:
        return pl.DataFrame()
    return _with_levels(pl.concat(frames), areas, ["policy_id", "indicator_id", "rule_set"], span).with_columns(
        pl.col("numerator_without").round(3)
    )


def cause_rows(levers: Levers, names: list[str], span: Span, areas: pl.DataFrame) -> pl.DataFrame:
    """What makes up each lever of each community at the end of a period, and the habits of communities."""
    codes, month = areas["community_id"], span.months[-1]
    frames = [
        pl.DataFrame({"area_id": codes, "lever": [lever] * len(codes), "cause": [cause] * len(codes), "part": part})
        for lever in names
        for cause, part in levers.parts(lever, month).items()
    ]
    frames += [
        pl.DataFrame({"area_id": codes, "lever": ["trait"] * len(codes), "cause": [trait] * len(codes), "part": share})
        for trait, share in levers.traits.items()
    ]
    rows = pl.concat(frames).filter(pl.col("part") != 0).with_columns(pl.col("part").round(6))
    return rows.select(
        pl.lit("community").alias("area_level"), "area_id", pl.lit(span.key).alias("period"), "lever", "cause", "part"
    )


def decimals(values: np.ndarray) -> pl.Series:
    """Exact decimals of whole numbers or decimals."""
    if values.dtype != object:
        return pl.Series(np.asarray(values).astype(np.int64)).cast(pl.Decimal(38, 6))
    return pl.Series(list(values), dtype=pl.Decimal(38, 6))


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_MICRO, rounding=ROUND_HALF_UP)


def _with_levels(leaf: pl.DataFrame, areas: pl.DataFrame, keys: list[str], span: Span) -> pl.DataFrame:
    ids = areas.select(f"{level}_id" for level in LEVELS).with_columns(pl.int_range(pl.len()).alias("place"))
    placed = leaf.join(ids, on="place")
    sums = [name for name in ("numerator", "numerator_without", "denominator") if name in leaf.columns]
    frames = [
        placed.group_by(f"{level}_id", *keys)
        .agg(pl.col(sums).sum())
        .select(
            pl.lit(level).alias("area_level"),
            pl.col(f"{level}_id").alias("area_id"),
            pl.lit(span.key).alias("period"),
            *keys,
            *sums,
        )
        for level in LEVELS
    ]
    return pl.concat(frames).sort("area_level", "area_id", *keys)
