"""What each policy changed in a true count: the count less what it would have been without the policy.

Put here: effects on numerators, by policy and community. Keep out: the counts themselves (truth) and how a lever gets
its value (levers).
"""

import numpy as np
import polars as pl

from pipelines.demo.records import READINGS, without
from pipelines.demo.truth_basis import Period, Rules, at_target


def on_control(period: Period, state: pl.DataFrame, rules: Rules, condition: str) -> dict[str, np.ndarray]:
    """How many more are at target at their last visit than would be without each policy, if the visits are the same."""
    actual = period.tally(state.filter("is_controlled"))
    found = {}
    for policy in period.changed("control"):
        read = state.with_columns(pl.col(without(name, policy)).alias(name) for name in READINGS[condition])
        found[policy] = actual - period.tally(read.filter(pl.col("is_managed") & at_target(rules, condition)))
    return found


def on_management(period: Period, regular: pl.DataFrame, rules: Rules) -> dict[str, np.ndarray]:
    """How many are managed to specification because of each policy: who is managed well only with it.

    Nearly: some of them would have come often enough without. Where calls count as visits it would be many, so
    nothing is said of such rule sets.
    """
    if rules.any_mode:
        return {}
    people = period.now["shares"]["manage"].to_numpy()[regular["person"].to_numpy()]
    place = regular["community"].to_numpy()
    found = {}
    for policy in period.changed("manage"):
        now, reduced = (period.levers.value("manage", period.last, left_out)[place] for left_out in (None, policy))
        found[policy] = period.tally(regular.filter((people < now) & (people >= reduced)))
    return found


def on_admissions(period: Period, rows: pl.DataFrame) -> dict[str, np.ndarray]:
    """What policies for fewer related admissions, and for fewer by way of emergency, changed."""
    return _added(
        thinned(period, "admissions", rows.filter(is_related())),
        thinned(period, "emergency", rows.filter(admission_route="emergency")),
    )


def is_related() -> pl.Expr:
    """Admissions that good care of the three conditions could have prevented."""
    code = pl.col("diagnosis_code")
    heart = code.str.contains("^(I1[0-3]|I2[0-5]|I6[0-9]|N18)")
    with_complication = code.str.contains(r"^E1[0-4]\.?[0-8]")
    return (pl.col("encounter_class") == "inpatient") & (heart | with_complication)


def by_share(
    period: Period, lever: str, rows: pl.DataFrame, share: pl.Series, column: str | None = None, *, so_far: bool = False
) -> dict[str, np.ndarray]:
    """What policies added to those who take part below a lever: who does with the policy less who would without.

    `rows` are those who might, or, where nobody can be put out by a policy, those who do. The lever is that of a row's
    own `month`, or of the last one. `so_far`: once in, nobody is put out again, so the highest value up to then
    decides. `column` is summed instead of counting.
    """
    at = rows["month"].to_numpy() if "month" in rows.columns else np.full(rows.height, period.last.number)
    place, luck = rows["community"].to_numpy(), share.to_numpy()
    size = rows[column].to_numpy() if column else np.ones(rows.height)
    found = {}
    for policy in period.changed(lever):
        values = [_by_month(period, lever, left_out) for left_out in (None, policy)]
        now, reduced = (np.maximum.accumulate(table) if so_far else table for table in values)
        added = (luck < now[at, place]).astype(int) - (luck < reduced[at, place])
        found[policy] = np.bincount(place, weights=size * added, minlength=period.places)
    return found


def thinned(period: Period, lever: str, rows: pl.DataFrame, column: str | None = None) -> dict[str, np.ndarray]:
    """What policies changed where events follow a lever in proportion, month by month."""
    at, place = rows["month"].to_numpy(), rows["community"].to_numpy()
    size = rows[column].to_numpy() if column else np.ones(rows.height)
    found = {}
    for policy in period.changed(lever):
        now, reduced = (_by_month(period, lever, left_out)[at, place] for left_out in (None, policy))
        share = np.divide(reduced, now, out=np.ones_like(now), where=now > 0)
        found[policy] = np.bincount(place, weights=size * (1 - share), minlength=period.places)
    return found


def by_ratio(period: Period, lever: str, top: np.ndarray) -> dict[str, np.ndarray]:
    """What a policy added where a count is kept in proportion to the lever: the count less what it would have been."""
    found = {}
    for policy in period.changed(lever):
        value, reduced = period.levers.value(lever, period.last), period.levers.value(lever, period.last, policy)
        share = np.divide(reduced, value, out=np.ones_like(value), where=value > 0)
        found[policy] = np.asarray(top, dtype=float) * (1 - share)
    return found


def month_of(period: Period, days: pl.Series) -> pl.Series:
    """Number of the month of each day; days before the first month count to it."""
    starts = [period.months[at].start for at in sorted(period.months)]
    return pl.Series(np.maximum(np.searchsorted(starts, days.to_numpy(), side="right") - 1, 0))


def _by_month(period: Period, lever: str, left_out: str | None) -> np.ndarray:
    """A lever by month up to the last one, and community."""
    return np.stack([period.levers.value(lever, period.months[at], left_out) for at in range(period.last.number + 1)])


def _added(*parts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for part in parts:
        for policy, size in part.items():
            found[policy] = found.get(policy, np.zeros(len(size))) + size
    return found
