"""An index of areas judged for the road: several worlds (level × rule set) in one frame, published figures back.

Put here: which units are compared with each other, and the shape of the results. Keep out: the arithmetic (the other
modules), tables of the house and settings (assets.compute).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from data_contracts.index_spec.document import IndexSpec, indicators_of, walk
from data_contracts.index_spec.ranking import Ranks
from data_contracts.index_spec.tree import Indicator
from evaluations.index import explaining, grading, importance, incentives, limits, uncertainty
from evaluations.index.numeric import Mask, Vector, published
from evaluations.index.scoring import Scored, scored
from evaluations.index.sensitivity import Effect
from evaluations.index.sheet import Sheet, kept_rows, sheet_of
from evaluations.index.stacking import unit_by_unit

UNIT = "_unit"
LISTED = ", "
_CHANCE_DIGITS = 4


@dataclass(frozen=True)
class Judged:
    """What the road publishes of an index; every frame has the keys of its units, or the columns of its worlds.

    `parts`: part, raw, value, lower, upper, without_limits (indicators of which the limits say nothing, between commas;
    null for none), coverage. `grades`: grade (null without a score, or in a class without a
    name).
    `lines`: part, kind, contribution (sum to the score exactly). `ranks`: rank, of, median, lower, upper,
    chance_of_top. `chances`: grade, chance. `weights`: part, parent, kind, share, overall, importance, correlation,
    flag, mean_shift, largest_shift, units_lost. `effects`: choice, first, total with limits of both (no rows where no
    choice moves a rank). `incentives`: part, units, losing, mean_loss, most_loss. `submitted`: part, submitted,
    difference. `draws`: scores of the root, draws × rows of `keys`; None without.
    """

    keys: pl.DataFrame
    parts: pl.DataFrame
    grades: pl.DataFrame
    lines: pl.DataFrame
    ranks: pl.DataFrame
    chances: pl.DataFrame
    weights: pl.DataFrame
    effects: pl.DataFrame
    incentives: pl.DataFrame
    submitted: pl.DataFrame
    draws: uncertainty.Draws | None


def judged(spec: IndexSpec, frame: pl.DataFrame, keys: Sequence[str], worlds: Sequence[str]) -> Judged:
    """The index of the units in `frame` (a row each, identified by `keys`), compared within `worlds` only.

    Worlds are computed together where no unit's score depends on another's, else each alone. Raises DefinitionError
    and SheetError as the engine does.
    """
    spec, frame = _within_worlds(spec, worlds), kept_rows(frame, spec)
    frame = frame.sort(keys).with_columns(pl.int_range(pl.len()).cast(pl.String).str.zfill(9).alias(UNIT))
    if unit_by_unit(spec):
        return _judged(spec, frame, keys, worlds)
    found = [_judged(spec, part, keys, worlds) for part in frame.partition_by(worlds, maintain_order=True)]
    names = [name for name in Judged.__dataclass_fields__ if name != "draws"]
    tables = {name: pl.concat([getattr(item, name) for item in found]) for name in names}
    return Judged(**tables, draws=_joined([item.draws for item in found]))


def _joined(found: list[uncertainty.Draws | None]) -> uncertainty.Draws | None:
    """The draws of several worlds side by side."""
    known = [item for item in found if item is not None]
    if len(known) < len(found) or not known:
        return None
    chances = [item.chances for item in known if item.chances is not None]
    return uncertainty.Draws(
        np.concatenate([item.scores for item in known], axis=1),
        np.concatenate([item.ranks for item in known], axis=1),
        np.concatenate(chances) if len(chances) == len(known) else None,
        np.concatenate([item.nominal for item in known]),
    )


def _within_worlds(spec: IndexSpec, worlds: Sequence[str]) -> IndexSpec:
    """The spec with units named by the road and the root ranked, and graded, within worlds."""
    ranks = spec.tree.ranks or [Ranks(ties="min")]
    tree = spec.tree.model_copy(
        update={
            "ranks": [item.model_copy(update={"within": [*worlds, *item.within]}) for item in ranks],
            "grades": [item.model_copy(update={"within": [*worlds, *item.within]}) for item in spec.tree.grades],
        }
    )
    return spec.model_copy(update={"unit": UNIT, "tree": tree})


def _judged(spec: IndexSpec, frame: pl.DataFrame, keys: Sequence[str], worlds: Sequence[str]) -> Judged:
    sheet = sheet_of(frame, spec)
    found = scored(spec, sheet, silent=True)
    wanted = spec.uncertainty
    draws = None if wanted is None else uncertainty.drawn(spec, sheet, found, wanted)
    named = frame.select(*keys)
    masks = list(_masks(frame, worlds))
    lines = _lines(spec, found, named)
    return Judged(
        keys=named,
        parts=_parts(spec, sheet, found, named),
        grades=_grades(spec, found, named),
        lines=lines,
        ranks=_ranks(spec, found, draws, named),
        chances=_chances(spec, draws, named),
        weights=_weights(spec, sheet, found, masks),
        effects=_effects(spec, sheet, found, masks),
        incentives=_incentives(spec, sheet, found, masks),
        submitted=_submitted(spec, found, named),
        draws=draws,
    )


def _masks(frame: pl.DataFrame, worlds: Sequence[str]) -> Iterator[tuple[dict[str, Any], Mask]]:
    """The columns of each world, and its units."""
    rows = frame.select(*worlds).with_row_index("_at")
    for world in rows.partition_by(worlds, maintain_order=True):
        units = np.zeros(frame.height, dtype=bool)
        units[world["_at"].to_numpy()] = True
        yield {name: world[name][0] for name in worlds}, units


def _shown(figures: Vector, digits: int) -> pl.Series:
    return pl.Series(published(figures, digits) + 0.0, dtype=pl.Float64).fill_nan(None)


def _stack(named: pl.DataFrame, frames: list[dict[str, Any]], schema: dict[str, Any]) -> pl.DataFrame:
    """`named` once for each of `frames`, with its columns; a plain value is the same for all units."""
    if not frames:
        return named.clear().with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items())

    def column(name: str, kind: Any) -> pl.Series:
        cells = [frame[name] for frame in frames]
        return pl.concat(
            [
                own.cast(kind) if isinstance(own, pl.Series) else pl.repeat(own, named.height, dtype=kind, eager=True)
                for own in cells
            ]
        ).alias(name)

    return pl.concat([named] * len(frames)).hstack([column(name, kind) for name, kind in schema.items()])


_NUMBER, _TEXT, _COUNT = pl.Float64, pl.String, pl.Int64


def _parts(spec: IndexSpec, sheet: Sheet, found: Scored, named: pl.DataFrame) -> pl.DataFrame:
    bounds, known = limits.limits(spec, sheet, found), limits.presence(spec, found)
    unsure = limits.without_limits(spec, sheet, found)
    nothing = np.full(sheet.height, np.nan)
    frames = []
    for part in walk(spec.tree):
        lower, upper = bounds.get(part.id, (nothing, nothing))
        raw = found.raw[part.id] if isinstance(part, Indicator) else nothing
        frames.append(
            {
                "part": part.id,
                "raw": pl.Series(raw, dtype=pl.Float64).fill_nan(None),
                "value": _shown(found.scores[part.id], spec.digits),
                "lower": _shown(lower, spec.digits),
                "upper": _shown(upper, spec.digits),
                "without_limits": _names(unsure.get(part.id, {}), sheet.height),
                "coverage": _shown(known[part.id], spec.digits),
            }
        )
    numbers = dict.fromkeys(("raw", "value", "lower", "upper", "coverage"), _NUMBER)
    return _stack(named, frames, {"part": _TEXT, **numbers, "without_limits": _TEXT})


def _names(those: Mapping[str, Mask], height: int) -> pl.Series:
    """Per unit the names whose mask holds it."""
    if not any(own.any() for own in those.values()):
        return pl.Series([None] * height, dtype=_TEXT)
    each = [pl.when(pl.col(name)).then(pl.lit(name)) for name in those]
    joined = pl.concat_str(each, separator=LISTED, ignore_nulls=True).replace("", None)
    return pl.DataFrame(dict(those)).select(joined.alias("names"))["names"]


def _grades(spec: IndexSpec, found: Scored, named: pl.DataFrame) -> pl.DataFrame:
    grades = spec.tree.grades[0] if spec.tree.grades else None
    if grades is None:
        return named.with_columns(pl.lit(None, dtype=pl.String).alias("grade"))
    shown = published(found.scores[spec.tree.id], spec.digits)
    names = [item.id for item in grades.classes]
    classes = grading.classes_of(grades, shown, found.at(spec.tree.id))
    shown_names = [(names[at] or None) if at >= 0 else None for at in classes]
    return named.with_columns(pl.Series("grade", shown_names, dtype=pl.String))


def _lines(spec: IndexSpec, found: Scored, named: pl.DataFrame) -> pl.DataFrame:
    """Contributions in units of the last digit, so that the lines of a unit sum to its score exactly."""
    lines, root = explaining.contributions(spec, found), found.scores[spec.tree.id]
    units, known = explaining.in_units(lines, root, spec.digits), np.isfinite(root)
    frames = [
        {
            "part": line.part,
            "kind": line.kind,
            "contribution": _shown(np.where(known, own / 10.0**spec.digits, np.nan), spec.digits),
        }
        for line, own in zip(lines, units, strict=True)
    ]
    return _stack(named, frames, {"part": _TEXT, "kind": _TEXT, "contribution": _NUMBER})


def _ranks(spec: IndexSpec, found: Scored, draws: uncertainty.Draws | None, named: pl.DataFrame) -> pl.DataFrame:
    shown = published(found.scores[spec.tree.id], spec.digits)
    ranks, among = grading.ranks_of(spec.tree.ranks[0], shown, found.at(spec.tree.id))
    own: dict[str, Any] = {"rank": _shown(ranks, 1), "of": _shown(among, 0)}
    columns = ("median", "lower", "upper", "chance_of_top")
    if draws is None or spec.uncertainty is None:
        own |= dict.fromkeys(columns)
    else:
        top = np.ceil(explaining.ranked_among(spec, found) * spec.uncertainty.top_share - 1e-9)
        figures = (draws.quantile(0.5), *draws.interval(spec.uncertainty.interval, ranks))
        own |= dict(zip(columns, [*(_shown(item, 1) for item in figures),
                                  _shown(draws.share_within(top), _CHANCE_DIGITS)], strict=True))  # fmt: skip
    return _stack(named, [own], {"rank": _NUMBER, "of": _COUNT, **dict.fromkeys(columns, _NUMBER)})


def _chances(spec: IndexSpec, draws: uncertainty.Draws | None, named: pl.DataFrame) -> pl.DataFrame:
    frames: list[dict[str, Any]] = []
    if draws is not None and draws.chances is not None:
        nowhere = draws.chances.sum(axis=1) == 0
        frames = [
            {"grade": item.id, "chance": _shown(np.where(nowhere, np.nan, draws.chances[:, at]), _CHANCE_DIGITS)}
            for at, item in enumerate(spec.tree.grades[0].classes)
            if item.id
        ]
    return _stack(named, frames, {"grade": _TEXT, "chance": _NUMBER})


_WEIGHTS = {
    "part": _TEXT, "parent": _TEXT, "kind": _TEXT, "share": _NUMBER, "overall": _NUMBER, "importance": _NUMBER,
    "correlation": _NUMBER, "flag": _TEXT, "mean_shift": _NUMBER, "largest_shift": _NUMBER, "units_lost": _COUNT,
}  # fmt: skip


def _weights(spec: IndexSpec, sheet: Sheet, found: Scored, worlds: list[tuple[dict[str, Any], Mask]]) -> pl.DataFrame:
    """Stated weight, realised importance and effect of removal, in each world."""
    full = explaining.headline_ranks(spec, found, found.scores[spec.tree.id])
    without = explaining.ranks_without(spec, sheet, found)
    kinds = {item.id: item.kind or "controllable" for item in indicators_of(spec.tree)}
    rows = []
    for world, units in worlds:
        here = replace(found, universe=found.universe & units)
        realised = {item.indicator: item for item in importance.importances(spec, here)}
        for weight in importance.weights_in_tree(spec, here):
            row = {**world, "part": weight.part, "parent": weight.parent, "kind": kinds.get(weight.part, "group")}
            row |= {"share": weight.share, "overall": weight.overall}
            if weight.part in realised:
                own = realised[weight.part]
                gone = explaining.shifted(full[units], without[weight.part][units])
                row |= {"importance": own.importance, "correlation": own.correlation, "flag": own.flag or None}
                row |= gone._asdict()
            rows.append(row)
    return _table(rows, worlds, _WEIGHTS)


def _effects(spec: IndexSpec, sheet: Sheet, found: Scored, worlds: list[tuple[dict[str, Any], Mask]]) -> pl.DataFrame:
    """What the drawn choices do to the ranks within each world."""
    wanted, units = spec.uncertainty, [own for _, own in worlds]
    of_worlds = [] if wanted is None else uncertainty.sobol_effects_within(spec, sheet, found, wanted, units)
    rows = [
        {**world, "choice": choice, **effect._asdict()}
        for (world, _), effects in zip(worlds, of_worlds, strict=False)
        for choice, effect in effects.items()
        if np.isfinite(effect.first)
    ]
    return _table(rows, worlds, {"choice": _TEXT, **dict.fromkeys(Effect._fields, _NUMBER)})


def _incentives(
    spec: IndexSpec, sheet: Sheet, found: Scored, worlds: list[tuple[dict[str, Any], Mask]]
) -> pl.DataFrame:
    rows = [
        {**world, **item._asdict(), "part": item.indicator}
        for world, units in (worlds if incentives.controllable(spec) else [])
        for item in incentives.incentives(spec, sheet, found, units)
    ]
    schema = {"part": _TEXT, "units": _COUNT, "losing": _COUNT, "mean_loss": _NUMBER, "most_loss": _NUMBER}
    return _table(rows, worlds, schema)


def _table(
    rows: list[dict[str, Any]], worlds: list[tuple[dict[str, Any], Mask]], schema: dict[str, Any]
) -> pl.DataFrame:
    """Rows with the columns of their world; numbers with six digits."""
    full = {**dict.fromkeys(worlds[0][0], pl.String), **schema}
    frame = pl.DataFrame([{name: row.get(name) for name in full} for row in rows], schema=full, orient="row")
    return frame.with_columns(pl.col(pl.Float64).fill_nan(None).round(6) + 0.0)


def _submitted(spec: IndexSpec, found: Scored, named: pl.DataFrame) -> pl.DataFrame:
    frames = []
    for part in walk(spec.tree):
        if part.submitted is None:
            continue
        claimed = found.sheet.numbers[part.submitted]
        own = published(found.scores[part.id], spec.digits)
        frames.append(
            {
                "part": part.id,
                "submitted": _shown(claimed, spec.digits),
                "difference": _shown(claimed - own, spec.digits),
            }
        )
    return _stack(named, frames, {"part": _TEXT, "submitted": _NUMBER, "difference": _NUMBER})
