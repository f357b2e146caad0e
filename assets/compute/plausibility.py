"""Changes that look too large: values of a period against the same period of earlier years, like with like.

Put here: which values are compared, how a change is measured and what limit holds. Keep out: limits (registry) and
words (messages). Percentages (kinds proportion and survey) change by percentage points, everything else by percent of
the value then. Over n years the limit grows with the square root of n: changes that go to and fro add up like that, a
change that goes on in one direction does not. What chance alone may do raises no alarm: only the two upper levels are
judged, values whose intervals overlap are left out, and so are values without interval of few.
"""

import math

import polars as pl

from assets.lake import parts
from assets.lake.home import Home
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.counting import Indicator
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables

TABLE = "quality__plausibility"
_VALUES, _REBASED = "ind__values", "ind__rebased"
_LEVELS_FROM_TOP = 2
_AREA = ["area_level", "area_id"]
_KEY = [*_AREA, "indicator_id", "rule_set"]
_IN_POINTS = ("proportion", "survey")
_DIGITS = 2
# A value without interval is judged from this denominator on.
_MANY = 1000
_COMPARED = ["value", "lower", "upper", "denominator"]


def implausible_changes(home: Home, settings: Settings, period: Period) -> pl.DataFrame:
    """Rows of quality__plausibility: one for every span of years over which a value changed beyond the limit.

    Values of earlier years are those on the areas of `period` where these were made of other areas then.
    """
    table = output_tables()[TABLE]
    judged = {
        key: indicator
        for key, indicator in settings.active_indicators().items()
        if indicator.plausible_yearly_change_pct is not None
    }
    now = _values(home, settings, period, period, list(judged))
    rows = [
        row
        for years in range(1, period.year - Period.parse(settings.home.calendar.first).year + 1)
        for then in [_back(period, years)]
        for row in _over(now, _values(home, settings, then, period, list(judged)), judged, years, then)
    ]
    frame = pl.DataFrame([{"period": period.key, **row} for row in rows], schema=table.schema)
    return gate(table_schema(table), table.shape(frame))


def worst_changes(found: pl.DataFrame) -> pl.DataFrame:
    """Of every indicator, area and rule set the span furthest beyond its limit; the shortest of equal ones.

    A change that is the same under several rule sets is one row; `rule_sets` names them.
    """
    ranked = found.with_columns((pl.col("change").abs() / pl.col("limit")).alias("beyond"))
    order = ranked.sort(*_KEY, "beyond", "years", descending=[*(False for _ in _KEY), True, False])
    worst = order.unique(_KEY, keep="first", maintain_order=True).drop("beyond")
    same = [name for name in worst.columns if name != "rule_set"]
    return worst.group_by(same, maintain_order=True).agg(pl.col("rule_set").alias("rule_sets"))


def _back(period: Period, years: int) -> Period:
    return Period(period.year - years, period.index, period.grain)


def _values(home: Home, settings: Settings, period: Period, geography: Period, indicators: list[str]) -> pl.DataFrame:
    """Stable values of `period` at the upper levels, counted anew where the areas of `geography` differ."""
    kinds = output_tables()[_VALUES].schema
    schema = {name: kinds[name] for name in [*_KEY, *_COMPARED]}
    own = parts.read_table(home, _VALUES, [period.key])
    if own is None:
        return pl.DataFrame(schema=schema)
    anew = parts.read_table(home, _REBASED, [geography.key])
    rebased = anew.filter(pl.col("period") == period.key).drop("geography") if anew is not None else own.clear()
    kept = own.join(rebased.select(_KEY), on=_KEY, how="anti")
    return (
        pl.concat([kept, rebased.select(kept.columns)])
        .filter(
            pl.col("area_level").is_in(settings.levels[-_LEVELS_FROM_TOP:]),
            pl.col("indicator_id").is_in(indicators),
            pl.col("stratum") == "all",
            pl.col("status") == "ok",
        )
        .select(*_KEY, *_COMPARED)
    )


def _over(
    now: pl.DataFrame, earlier: pl.DataFrame, judged: dict[str, Indicator], years: int, then: Period
) -> list[dict[str, str | int | float]]:
    both = now.join(earlier, on=_KEY, suffix="_then").filter(_BEYOND_CHANCE).sort(_KEY)
    found = []
    for row in both.iter_rows(named=True):
        indicator = judged[row["indicator_id"]]
        change = _change(indicator, row["value_then"], row["value"])
        limit = round(float(indicator.plausible_yearly_change_pct or 0) * math.sqrt(years), _DIGITS)
        if change is not None and abs(change) > limit:
            found.append(
                {
                    **{name: row[name] for name in _KEY},
                    "years": years,
                    "from_period": then.key,
                    "from_value": row["value_then"],
                    "to_value": row["value"],
                    "change": change,
                    "limit": limit,
                    "unit": "percentage_points" if indicator.kind in _IN_POINTS else "percent",
                }
            )
    return found


_BEYOND_CHANCE = (
    pl.when(pl.all_horizontal(pl.col("lower", "upper", "lower_then", "upper_then").is_not_null()))
    .then((pl.col("lower") > pl.col("upper_then")) | (pl.col("upper") < pl.col("lower_then")))
    .otherwise(pl.min_horizontal("denominator", "denominator_then") >= _MANY)
)


def _change(indicator: Indicator, then: float, now: float) -> float | None:
    if indicator.kind in _IN_POINTS:
        return round(now - then, _DIGITS)
    return round((now / then - 1) * 100, _DIGITS) if then > 0 else None
