"""Specs of an index written short, and their results by unit."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import yaml

from data_contracts.closed import parse
from data_contracts.index_spec.document import IndexSpec
from evaluations.index.scoring import Scored, scored
from evaluations.index.sheet import Sheet, sheet_of
from evaluations.index.tables import index_tables

MEAN = {"how": "arithmetic", "missing": "reweigh"}


def spec_of(tree: Mapping[str, Any], **more: Any) -> IndexSpec:
    """A spec whose unit column is `unit`."""
    document = {"id": "x", "titles": {"zh": "指数", "en": "Index"}, "reference": "test", "unit": "unit", **more}
    return parse(IndexSpec, {**document, "tree": tree}, "spec.yaml")


def spec_in(text: str) -> IndexSpec:
    """A spec from YAML."""
    return spec_of(**{"id": "x", **yaml.safe_load(text)})


def one(steps: Sequence[Mapping[str, Any]], *, root: Mapping[str, Any] | None = None, **leaf: Any) -> dict[str, Any]:
    """A tree of one indicator `v` with steps, all of whose score goes to the root."""
    leaf = {"id": "v", "steps": list(steps), **leaf}
    return {"id": "root", "combine": MEAN, "weights": {"how": "equal"}, "parts": [leaf], **(root or {})}


def frame_of(columns: Mapping[str, Sequence[Any]]) -> pl.DataFrame:
    """A frame of these columns, units numbered if they are not given."""
    height = len(next(iter(columns.values())))
    units = columns.get("unit", [f"u{at:05d}" for at in range(height)])
    return pl.DataFrame({"unit": units, **{name: cells for name, cells in columns.items() if name != "unit"}},
                        strict=False)  # fmt: skip


def computed(spec: IndexSpec, columns: Mapping[str, Sequence[Any]]) -> tuple[Sheet, Scored]:
    """The sheet and everything a pass over the tree finds."""
    sheet = sheet_of(frame_of(columns), spec)
    return sheet, scored(spec, sheet)


def score(steps: Sequence[Mapping[str, Any]], columns: Mapping[str, Sequence[Any]], **leaf: Any) -> list[float]:
    """Scores of the indicator `v` after its steps, by unit; NaN where it has none."""
    more = leaf.pop("spec", {})
    return computed(spec_of(one(steps, **leaf), **more), columns)[1].scores["v"].tolist()


def root(spec: IndexSpec, columns: Mapping[str, Sequence[Any]]) -> list[float]:
    """Scores of the root by unit."""
    return computed(spec, columns)[1].scores[spec.tree.id].tolist()


def tables(spec: IndexSpec, columns: Mapping[str, Sequence[Any]]) -> dict[str, pl.DataFrame]:
    """The published tables."""
    return index_tables(spec, frame_of(columns))


def close(found: Sequence[float], wanted: Sequence[float], digits: int) -> bool:
    """Equal to the printed digits, missing where missing."""
    left, right = np.array(found, dtype=float), np.array(wanted, dtype=float)
    return bool(np.allclose(left, right, rtol=0, atol=0.5000001 * 10.0**-digits, equal_nan=True))
