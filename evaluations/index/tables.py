"""Everything an index run found, as frames: scores, what is behind them, how sure they are.

Put here: shapes, rounding and order of the published tables. Keep out: arithmetic, titles, files.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from data_contracts.index_spec.document import IndexSpec, all_parts, columns_used, unit_columns, walk
from data_contracts.index_spec.tree import Group, Indicator
from evaluations.index import explaining, grading, importance, summing, uncertainty
from evaluations.index.numeric import Vector, published
from evaluations.index.scoring import Scored, scored
from evaluations.index.sheet import Sheet, kept_rows, one_id, sheet_of
from evaluations.index.widening import widened

_SIGNIFICANT = 12
Shown = Callable[[str], None]


def index_tables(spec: IndexSpec, frame: pl.DataFrame, progress: Shown = lambda _: None) -> dict[str, pl.DataFrame]:
    """Name of the table → rows, sorted by unit id and the order of the tree.

    `frame`: the data with all columns that the spec names; text cells are read as the spec says. Always: scores,
    indicators, ranks, grades, submitted, weights, contributions, importance, removals, diagnostics; with `summaries`
    and `trace` those; with `uncertainty` also rank_intervals, grade_chances, draws and sensitivity. Raises
    DefinitionError (a column is not there, weights are inconsistent) and SheetError (cells, or figures a step cannot
    take).
    """
    frame, form = kept_rows(frame, spec), spec.long
    if form is not None:
        frame, spec = one_id(frame, spec)
        frame = widened(frame, unit_columns(spec)[0], form, set(columns_used(spec)))
    sheet = sheet_of(frame, spec)
    progress("scores")
    found = scored(spec, sheet)
    tables = {
        "scores": _scores(spec, found),
        "indicators": _indicators(spec, found),
        "ranks": _ranks(spec, found),
        "grades": _grades(spec, found),
        "submitted": _submitted(spec, found),
        "weights": _weights(spec, found),
        "contributions": _contributions(spec, found),
        "importance": _importance(spec, found),
        "removals": _removals(spec, sheet, found),
    }
    if spec.summaries:
        tables["summaries"] = _from_tuples(summing.summaries(spec, found), summing.Area)
    if found.notes.trace is not None:
        tables["steps"] = _steps(found, found.notes.trace)
    if spec.uncertainty is not None:
        progress("draws")
        tables |= _uncertainty(spec, sheet, found)
    return {**tables, "diagnostics": _diagnostics(found)}


def _published(figures: Vector, digits: int) -> pl.Series:
    return pl.Series(published(figures, digits) + 0.0, dtype=pl.Float64).fill_nan(None)


def _as_noted(figures: Sequence[float] | Vector) -> pl.Series:
    """Figures of diagnostics: twelve significant digits, so that the last bits of a machine do not show."""
    return pl.Series(figures, dtype=pl.Float64).round_sig_figs(_SIGNIFICANT).fill_nan(None) + 0.0


def _long(found: Scored, parts: Sequence[Any], rows: Callable[[Any], dict[str, Any]]) -> pl.DataFrame:
    """A row per unit and part: unit, and what `rows` gives for a part; by unit, then in the order of the parts."""
    frames = [
        pl.DataFrame({"unit": found.sheet.units, **rows(part)}).with_columns(pl.lit(at).alias("_at"))
        for at, part in enumerate(parts)
    ]
    return pl.concat(frames).sort("unit", "_at").drop("_at") if frames else pl.DataFrame()


def _top_down(part: Group | Indicator) -> Iterator[Group | Indicator]:
    yield part
    for child in part.parts if isinstance(part, Group) else []:
        yield from _top_down(child)


def _shown_parts(spec: IndexSpec) -> list[Group | Indicator]:
    """All parts, each before those it is made of; the tree first."""
    return [part for top in (spec.tree, *spec.beside, *spec.after) for part in _top_down(top)]


def _scores(spec: IndexSpec, found: Scored) -> pl.DataFrame:
    """unit, name, part, parent, value, status (ok | no_data), in_universe, weight, given.

    weight: as applied to this unit (in means a share of 1, after re-weighting); given: what the part gave to the
    combined score of its parent. Parts beside the tree and after it come last.
    """
    parents = {child.id: (part, at) for part in all_parts(spec) if isinstance(part, Group)
               for at, child in enumerate(part.parts)}  # fmt: skip
    nothing = np.full(found.sheet.height, np.nan)
    names = found.sheet.words[spec.name] if spec.name is not None else found.sheet.units

    def rows(part: Group | Indicator) -> dict[str, Any]:
        value = _published(found.scores[part.id], spec.digits)
        parent, weight, given = None, nothing, nothing
        if part.id in parents:
            group, at = parents[part.id]
            whole = found.combined[group.id]
            parent, weight, given = group.id, whole.applied[:, at], whole.shares[:, at]
        return {
            "name": names,
            "part": [part.id] * len(names),
            "parent": pl.Series([parent] * len(names), dtype=pl.String),
            "value": value,
            "status": ["no_data" if empty else "ok" for empty in value.is_null()],
            "in_universe": found.universe,
            "weight": _as_noted(np.where(np.isfinite(given), weight, np.nan)),
            "given": _as_noted(given),
        }

    return _long(found, _shown_parts(spec), rows)


def _indicators(spec: IndexSpec, found: Scored) -> pl.DataFrame:
    """unit, indicator, raw, treated, score, flags (what steps did to it, by name)."""
    flags: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for part, name, units in found.notes.flags:
        for at in np.flatnonzero(units).tolist():
            flags[part][at].append(name)

    def rows(item: Indicator) -> dict[str, Any]:
        return {
            "indicator": [item.id] * found.sheet.height,
            "raw": _as_noted(found.raw[item.id]),
            "treated": _as_noted(found.treated[item.id]),
            "score": _published(found.scores[item.id], spec.digits),
            "flags": [";".join(dict.fromkeys(flags[item.id].get(at, ()))) for at in range(found.sheet.height)],
        }

    return _long(found, [part for part in _shown_parts(spec) if isinstance(part, Indicator)], rows)


def _steps(found: Scored, trace: list[tuple[str, str, Vector]]) -> pl.DataFrame:
    """unit, part, step, value: unrounded, after each step in the order of the computation."""

    def rows(entry: tuple[str, str, Vector]) -> dict[str, Any]:
        part, step, figures = entry
        return {
            "part": [part] * found.sheet.height,
            "step": [step] * found.sheet.height,
            "value": pl.Series(figures + 0.0, dtype=pl.Float64).fill_nan(None),
        }

    return _long(found, trace, rows)


def _ranks(spec: IndexSpec, found: Scored) -> pl.DataFrame:
    """unit, part, rank_id, stratum, rank, of; units outside the universe or without a score have no rank.

    Ranks are whole numbers, but where a ranking gives equal scores the mean of their places.
    """
    wanted = [(part, ranks) for part in _shown_parts(spec) for ranks in part.ranks]
    kind = pl.Float64 if any(ranks.ties == "average" for _, ranks in wanted) else pl.Int64

    def rows(pair: Any) -> dict[str, Any]:
        part, ranks = pair
        # Ranked as published: what no reader can tell apart is a tie.
        shown = published(found.scores[part.id], spec.digits)
        places, among = grading.ranks_of(ranks, shown, found.at(part.id, silent=False))
        return {
            "part": [part.id] * found.sheet.height,
            "rank_id": [ranks.id] * found.sheet.height,
            "stratum": _stratum(found, ranks.within),
            "rank": _published(places, 1).cast(kind),
            "of": _published(among, 0).cast(pl.Int64),
        }

    if not wanted:
        return _empty(unit=pl.String, part=pl.String, rank_id=pl.String, stratum=pl.String, rank=kind, of=pl.Int64)
    return _long(found, wanted, rows)


def _stratum(found: Scored, within: Sequence[str]) -> list[str]:
    labels = [""] * found.sheet.height
    for label, rows in found.at("").strata(within):
        for at in np.arange(found.sheet.height)[rows]:
            labels[at] = label
    return labels


def _grades(spec: IndexSpec, found: Scored) -> pl.DataFrame:
    """unit, part, grade_id, grade (null without a score)."""
    wanted = [(part, grades) for part in _shown_parts(spec) for grades in part.grades]

    def rows(pair: Any) -> dict[str, Any]:
        part, grades = pair
        shown = published(found.scores[part.id], spec.digits)
        classes = grading.classes_of(grades, shown, found.at(part.id, silent=False))
        names = [item.id for item in grades.classes]
        return {
            "part": [part.id] * found.sheet.height,
            "grade_id": [grades.id] * found.sheet.height,
            "grade": pl.Series([names[at] if at >= 0 else None for at in classes], dtype=pl.String),
        }

    if not wanted:
        return _empty(unit=pl.String, part=pl.String, grade_id=pl.String, grade=pl.String)
    return _long(found, wanted, rows)


def _submitted(spec: IndexSpec, found: Scored) -> pl.DataFrame:
    """unit, part, submitted, recomputed, difference, agrees (to the published digits)."""
    wanted = [part for part in _shown_parts(spec) if part.submitted is not None]

    def rows(part: Group | Indicator) -> dict[str, Any]:
        claimed, own = found.sheet.numbers[str(part.submitted)], found.scores[part.id]
        difference = _published(claimed - published(own, spec.digits), spec.digits)
        return {
            "part": [part.id] * found.sheet.height,
            "submitted": _as_noted(claimed),
            "recomputed": _published(own, spec.digits),
            "difference": difference,
            "agrees": difference == 0.0,
        }

    if not wanted:
        return _empty(unit=pl.String, part=pl.String, submitted=pl.Float64, recomputed=pl.Float64,
                      difference=pl.Float64, agrees=pl.Boolean)  # fmt: skip
    return _long(found, wanted, rows)


def _weights(spec: IndexSpec, found: Scored) -> pl.DataFrame:
    """part, parent, how, stated, share (of its parent), overall (of the root); means where units differ."""
    how = {part.id: part.weights.how for part in walk(spec.tree) if isinstance(part, Group)}
    rows = importance.weights_in_tree(spec, found)
    return pl.DataFrame(
        {
            "part": [row.part for row in rows],
            "parent": [row.parent for row in rows],
            "how": [how[row.parent] for row in rows],
            "stated": _as_noted([row.stated for row in rows]),
            "share": _as_noted([row.share for row in rows]),
            "overall": _as_noted([row.overall for row in rows]),
        }
    )


def _contributions(spec: IndexSpec, found: Scored) -> pl.DataFrame:
    """unit, part, kind (indicator | substitute | steps), contribution: the lines of a unit sum to its score exactly."""
    lines, root = explaining.contributions(spec, found), found.scores[spec.tree.id]
    units = explaining.in_units(lines, root, spec.digits)
    known = np.isfinite(root)

    def rows(at: int) -> dict[str, Any]:
        amounts = np.where(known, units[at] / 10.0**spec.digits, np.nan)
        return {
            "part": [lines[at].part] * len(known),
            "kind": [lines[at].kind] * len(known),
            "contribution": pl.Series(amounts, dtype=pl.Float64).fill_nan(None),
        }

    return _long(found, range(len(lines)), rows)


def _importance(spec: IndexSpec, found: Scored) -> pl.DataFrame:
    """indicator, weight, correlation, squared, correlation_ratio, importance, flag."""
    return _from_tuples(importance.importances(spec, found), importance.Importance)


def _removals(spec: IndexSpec, sheet: Sheet, found: Scored) -> pl.DataFrame:
    """indicator, mean_shift, largest_shift, kendall, units_lost."""
    return _from_tuples(explaining.removals(spec, sheet, found), explaining.Removal)


def _from_tuples(rows: Sequence[Any], kind: Any) -> pl.DataFrame:
    columns: dict[str, Any] = {}
    for name, annotation in kind.__annotations__.items():
        values = [getattr(row, name) for row in rows]
        columns[name] = _as_noted(values) if annotation is float else values
    return pl.DataFrame(columns)


def _empty(**schema: Any) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


def _uncertainty(spec: IndexSpec, sheet: Sheet, found: Scored) -> dict[str, pl.DataFrame]:
    wanted = spec.uncertainty
    assert wanted is not None  # noqa: S101  (only called with it)
    draws = uncertainty.drawn(spec, sheet, found, wanted)
    nominal = explaining.headline_ranks(spec, found, found.scores[spec.tree.id])
    lower, upper = draws.interval(wanted.interval, nominal)
    limits = np.array([np.ceil(count * wanted.top_share) for count in explaining.ranked_among(spec, found)])
    intervals = pl.DataFrame(
        {
            "unit": sheet.units,
            "rank": _published(nominal, 1),
            "median": _published(draws.quantile(0.5), 1),
            "lower": _published(lower, 1),
            "upper": _published(upper, 1),
            "chance_of_top": _published(draws.share_within(limits), 6),
        }
    )
    tables = {
        "rank_intervals": intervals,
        "grade_chances": _chances(spec, found, draws),
        "draws": pl.DataFrame({"draw": list(range(1, wanted.draws + 1)), "kendall": _as_noted(draws.kendall.tolist())}),
    }
    effects = uncertainty.sobol_effects(spec, sheet, found, wanted)
    if effects:
        rows = _from_tuples(list(effects.values()), type(next(iter(effects.values()))))
        tables["sensitivity"] = pl.DataFrame({"choice": list(effects)}).hstack(rows)
    return tables


def _chances(spec: IndexSpec, found: Scored, draws: uncertainty.Draws) -> pl.DataFrame:
    """unit, grade, chance: the share of the draws in which the unit has the grade."""
    if draws.chances is None:
        return _empty(unit=pl.String, grade=pl.String, chance=pl.Float64)
    chances = draws.chances
    names = [item.id for item in spec.tree.grades[0].classes]

    def rows(at: int) -> dict[str, Any]:
        return {"grade": [names[at]] * found.sheet.height, "chance": _published(chances[:, at], 6)}

    return _long(found, range(len(names)), rows)


def _diagnostics(found: Scored) -> pl.DataFrame:
    """part, step, stratum, measure, value: what every step learnt and did, in the order of the computation."""
    facts = found.notes.facts
    return pl.DataFrame(
        {
            "part": [fact[0] for fact in facts],
            "step": [fact[1] for fact in facts],
            "stratum": [fact[2] for fact in facts],
            "measure": [fact[3] for fact in facts],
            "value": _as_noted([fact[4] for fact in facts]),
        },
        schema={"part": pl.String, "step": pl.String, "stratum": pl.String, "measure": pl.String, "value": pl.Float64},
    )
