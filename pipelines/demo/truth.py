"""The true counts behind every indicator, from the generator's own tables of valid rows.

Put here: counting per community and summing up the areas. Keep out: reading any file. Definitions are written out here
a second time on purpose: this is the independent answer the pipeline is tested against.
"""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import polars as pl

from pipelines.demo.city import City
from pipelines.demo.records import Quarter

LEVELS = ("community", "township", "county", "city")
RULE_SET = "national_2017"


def counts(
    city: City, quarter: Quarter, now: Mapping[str, pl.DataFrame], year: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """True numerator and denominator per indicator and community for one quarter.

    `now` holds the quarter's valid rows per feed, `year` those of the year up to and including the quarter.
    """
    n = len(city.size)
    active = now["residents"].filter(pl.col("archive_status") == "active")
    patients = active.filter(pl.col("is_hypertension_registered")).select("person", "community", "age_years")
    visits = year["followups_hypertension"]
    seen = patients.join(visits.select("person").unique(), on="person", how="semi")
    last = _to_specification(visits).sort("followup_date", "followup_no").group_by("person", maintain_order=True).last()
    judged = seen.join(last.select("person", "sbp_mmhg", "dbp_mmhg"), on="person", how="left")
    limit = pl.when(pl.col("age_years") >= 65).then(150).otherwise(140)
    good = judged.filter((pl.col("sbp_mmhg") < limit) & (pl.col("dbp_mmhg") < 90))
    this_quarter = _to_specification(now["followups_hypertension"])
    followed = patients.join(this_quarter.select("person").unique(), on="person", how="semi")
    admitted = (
        now["encounters"]
        .filter(pl.col("encounter_class") == "inpatient")
        .join(active.select("person", "community"), on="person")
    )
    people = now["population"].sort("community")
    bands = people.drop("community")
    everybody = bands.sum_horizontal().to_numpy()
    old = bands.select(name for name in bands.columns if name.endswith("65_plus")).sum_horizontal().to_numpy()
    poor = now["welfare"].select("person", "community").unique()
    money = year["fund_ledger"]
    answered = now["survey"].filter(pl.col("self_rated_health").is_not_null())
    progress = Decimal(quarter.of_year) / 4
    rows = {
        "chronic_hypertension_control_pct": (_tally(good, n), _tally(seen, n)),
        "chronic_hypertension_followup_pct": (_tally(followed, n), _tally(patients, n)),
        "hospital_admissions_per_1k": (_tally(admitted, n), everybody),
        "fund_execution_against_time_pct": (
            _sum(money.filter(pl.col("entry_type") == "spending"), "amount_fen", n),
            [progress * int(x) for x in _sum(money.filter(pl.col("entry_type") == "budget"), "amount_fen", n)],
        ),
        "self_rated_health_good_pct": tuple(
            [Decimal(int(x)).scaleb(-4) for x in _sum(chosen, "weight_units", n)]
            for chosen in (answered.filter(pl.col("self_rated_health") >= 4), answered)
        ),
        "population_aged_65_plus_pct": (old, everybody),
        "welfare_recipients_pct": (_tally(poor, n), everybody),
    }
    frames = [
        pl.DataFrame(
            {
                "community_id": city.areas["community_id"],
                "indicator_id": [indicator] * n,
                "numerator": _decimals(top),
                "denominator": _decimals(bottom),
            }
        )
        for indicator, (top, bottom) in rows.items()
    ]
    return _with_levels(city, pl.concat(frames), quarter)


def _to_specification(visits: pl.DataFrame) -> pl.DataFrame:
    """Follow-ups face to face with both readings."""
    face_to_face = pl.col("visit_mode").is_in(["outpatient", "home"])
    return visits.filter(face_to_face & pl.col("sbp_mmhg").is_not_null() & pl.col("dbp_mmhg").is_not_null())


def _tally(frame: pl.DataFrame, n: int) -> np.ndarray:
    return np.bincount(frame["community"].to_numpy().astype(np.int64), minlength=n)


def _sum(frame: pl.DataFrame, column: str, n: int) -> np.ndarray:
    totals = np.zeros(n, dtype=np.int64)
    np.add.at(totals, frame["community"].to_numpy().astype(np.int64), frame[column].to_numpy())
    return totals


def _decimals(values: object) -> pl.Series:
    exact = [x if isinstance(x, Decimal) else Decimal(int(x)) for x in values]  # type: ignore[attr-defined]
    return pl.Series(exact, dtype=pl.Decimal(38, 6))


def _with_levels(city: City, leaf: pl.DataFrame, quarter: Quarter) -> pl.DataFrame:
    """Sums at every level; they are right for persons too, because nobody is in two communities of one quarter."""
    placed = leaf.join(city.areas.select(f"{level}_id" for level in LEVELS), on="community_id")
    frames = [
        placed.group_by(f"{level}_id", "indicator_id")
        .agg(pl.col("numerator", "denominator").sum())
        .select(
            pl.lit(level).alias("area_level"),
            pl.col(f"{level}_id").alias("area_id"),
            "indicator_id",
            "numerator",
            "denominator",
        )
        for level in LEVELS
    ]
    return (
        pl.concat(frames)
        .with_columns(
            pl.lit(quarter.key).alias("period"), pl.lit(RULE_SET).alias("rule_set"), pl.lit("all").alias("stratum")
        )
        .select("area_level", "area_id", "period", "indicator_id", "rule_set", "stratum", "numerator", "denominator")
        .sort("area_level", "area_id", "indicator_id")
    )
