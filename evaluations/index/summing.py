"""Figures of larger areas from the published scores of their units.

Put here: means, sums and shares by the words of columns, and their ranks. Keep out: scores of units.
"""

from typing import NamedTuple

import numpy as np

from data_contracts.index_spec.document import IndexSpec, all_parts
from data_contracts.index_spec.summing import Summary
from evaluations.index import grading, numeric
from evaluations.index.numeric import Vector
from evaluations.index.scoring import Scored


class Area(NamedTuple):
    """A larger area: its figure (NaN without units), how many units and what weight made it, its rank."""

    summary: str
    area: str
    value: float
    units: int
    weight: float
    rank: float


def summaries(spec: IndexSpec, found: Scored) -> list[Area]:
    """All summaries of the spec, areas in the order of their names."""
    return [area for summary in spec.summaries for area in _areas(spec, summary, found)]


def _areas(spec: IndexSpec, summary: Summary, found: Scored) -> list[Area]:
    figures = numeric.published(found.scores[summary.part], spec.digits)
    counted = found.universe & np.isfinite(figures)
    weights = np.ones(figures.size)
    if summary.weighted_by is not None:
        weights = np.nan_to_num(found.sheet.numbers[summary.weighted_by])
    if summary.how == "share":
        figures = _is_among(spec, summary, figures, found)
    names, rows, values = [], [], []
    for name, members in found.at("").strata(summary.by):
        here = np.zeros(figures.size, dtype=bool)
        here[members] = True
        own = np.flatnonzero(here & counted)
        names.append(name)
        rows.append(own)
        values.append(summary.scale * _figure(summary, figures[own], weights[own]))
    shown = numeric.published(np.array(values), spec.digits)
    order = -shown if summary.first == "highest" else shown
    ranks = numeric.ranks_in(order, np.isfinite(order), summary.ties)
    return [
        Area(summary.id, name, float(value), own.size, numeric.total(weights[own]), float(rank))
        for name, own, value, rank in zip(names, rows, shown, ranks, strict=True)
    ]


def _is_among(spec: IndexSpec, summary: Summary, figures: Vector, found: Scored) -> Vector:
    part = next(part for part in all_parts(spec) if part.id == summary.part)
    grades = next(grades for grades in part.grades if grades.id == summary.grade)
    wanted = [at for at, item in enumerate(grades.classes) if item.id in summary.among]
    return np.where(np.isin(grading.classes_of(grades, figures, found.at(part.id)), wanted), 1.0, 0.0)


def _figure(summary: Summary, known: Vector, weights: Vector) -> float:
    if known.size == 0:
        return float("nan")
    match summary.how:
        case "mean" | "share":
            return numeric.mean(known, weights)
        case "sum":
            return numeric.total(known * weights)
        case how:
            return numeric.quantile(known, {"minimum": 0.0, "median": 0.5, "maximum": 1.0}[how], "linear")
