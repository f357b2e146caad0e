"""Baselines of payees: what an indicator was in the base year, on the areas that are paid now.

Put here: own counts, counts on today's areas where areas changed, and what an area that was divided passes on to its
parts; each with a mark that says which. Keep out: following recorded changes (geography), counting on today's areas
(rebased), what a baseline is for.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal

import polars as pl

from assets.compute.geography import known_changes
from assets.compute.plan import CLOSURE
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.contracts import Catalog
from data_contracts.periods import Period
from data_contracts.settings.resolved import Settings

OWN, RECOUNTED, INHERITED = "own", "recounted", "inherited"
SCHEMA = {"payee": pl.String, "indicator": pl.String, "baseline": pl.String, "baseline_from": pl.String}
_DIGITS = 12
Counts = dict[tuple[str, str], tuple[Decimal, Decimal]]
"""Area and indicator → numerator and denominator."""


def baselines(before: pl.DataFrame, recounted: pl.DataFrame, predecessors: Mapping[str, list[str]]) -> pl.DataFrame:
    """SCHEMA: the baselines that are known.

    `before`: figures of the base year (payee, indicator, numerator, denominator) on its own areas, `recounted`: of the
    areas that were made of others then; without counts where they may not be shown. `predecessors`: payee → areas of
    the base year that it was a part of; several are taken together.
    """
    own, anew = _counts(before), _counts(recounted)
    changed = set(recounted.select("payee", "indicator").iter_rows())
    found: dict[tuple[str, str], tuple[tuple[Decimal, Decimal], str]] = {
        key: (counts, OWN) for key, counts in own.items() if key not in changed
    }
    found |= {key: (counts, RECOUNTED) for key, counts in anew.items()}
    indicators = sorted({indicator for _, indicator in own})
    for payee, areas in predecessors.items():
        for indicator in indicators:
            known = [own[area, indicator] for area in areas if (area, indicator) in own]
            if (payee, indicator) not in anew and len(known) == len(areas):
                tops, bottoms = (sum(column, Decimal(0)) for column in zip(*known, strict=True))
                found[payee, indicator] = ((tops, bottoms), INHERITED)
    rows = [(*key, ratio(*counts), mark) for key, (counts, mark) in sorted(found.items()) if counts[1]]
    return pl.DataFrame(rows, SCHEMA, orient="row")


def _counts(rows: pl.DataFrame) -> Counts:
    known = rows.filter(pl.col("numerator").is_not_null(), pl.col("denominator").is_not_null())
    columns = known.select("payee", "indicator", "numerator", "denominator").iter_rows()
    return {(payee, indicator): (Decimal(top), Decimal(bottom)) for payee, indicator, top, bottom in columns}


def ratio(top: Decimal, bottom: Decimal) -> str:
    """As text, without exponent and trailing zeros."""
    text = f"{(top / bottom).quantize(Decimal(1).scaleb(-_DIGITS), rounding=ROUND_HALF_EVEN):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def predecessors(home: Home, settings: Settings, catalog: Catalog, then: Period, now: Period) -> dict[str, list[str]]:
    """Lowest-level area of `now` → the areas of `then` that were divided and of which it is, or holds, a part.

    Empty without area trees of both periods.
    """
    old, new = (parts.read_table(home, CLOSURE, [step.key]) for step in (then, now))
    if old is None or new is None:
        return {}
    current, changes = set(new["leaf_id"]), known_changes(home, settings, catalog, now)
    found: dict[str, list[str]] = {}
    for leaf in sorted(set(old["leaf_id"])):
        became = changes.became(leaf, then.end, current)
        for area in became if len(became) > 1 else ():
            found.setdefault(area, []).append(leaf)
    # Whatever else went into an area counts with the part.
    for leaf in sorted(set(old["leaf_id"])):
        became = changes.became(leaf, then.end, current)
        if len(became) == 1 and (area := next(iter(became))) in found:
            found[area].append(leaf)
    return found
