"""Spoiling records: what a fault is, and planting faults in a table of texts at places that are remembered.

Put here: how faults find their rows. Keep out: which faults there are (faults.py, oddities.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import polars as pl

Row: TypeAlias = dict[str, str]
Kind: TypeAlias = Literal["reject", "warn", "unreadable", "harmless"]
# A file holds one spoiled record for every so many records at most.
_RECORDS_PER_FAULT = 8
# Rows looked at for each fault wanted, and in any case: not every fault fits every row.
_LOOKED_AT = 16
_LOOKED_AT_ANYWAY = 1_000


@dataclass(frozen=True)
class Fault:
    """One way to spoil a record: the rule it breaks and the new texts.

    An unreadable record whose texts stay as they are is to get a field too many.
    """

    rule: str
    kind: Kind
    spoil: Callable[[Row], Row]
    fits: Callable[[Row], bool] = lambda _: True


@dataclass
class Spoiled:
    """A table of texts with faults in it.

    `valid` says which rows are still accepted, `notes` holds row, rule and kind of what was planted, `broken_lines`
    the rows that get a field too many, `touched` every row that is not as the city made it.
    """

    texts: pl.DataFrame
    valid: np.ndarray
    notes: list[tuple[int, str, str]] = field(default_factory=list)
    broken_lines: set[int] = field(default_factory=set)
    touched: set[int] = field(default_factory=set)


def put(**values: str) -> Callable[[Row], Row]:
    """Spoil a record by writing these texts into it."""
    return lambda _: dict(values)


def spoil(texts: pl.DataFrame, faults: list[Fault], rng: np.random.Generator, times: int) -> Spoiled:
    """Apply every fault `times` times to rows of their own that it fits. Notes hold row (from 0), rule and kind.

    A short file gets some of the faults only, by chance, but of every rule one before it gets a second; a fault that
    fits no row is left out. Spoiled rows are never neighbours, so that a stray quote cannot reach into another one.
    `rng` itself is not drawn from.
    """
    found = Spoiled(texts, np.ones(texts.height, dtype=bool))
    own = rng.spawn(1)[0]
    wanted = [fault for fault in faults for _ in range(times)]
    room = texts.height // _RECORDS_PER_FAULT
    if len(wanted) > room:
        wanted = _some(wanted, own, room)
    free = _candidates(texts, own, _LOOKED_AT * len(wanted) + _LOOKED_AT_ANYWAY) if wanted else {}
    changes: dict[int, Row] = {}
    for fault in wanted:
        at = next((at for at, row in free.items() if fault.fits(row)), None)
        if at is None:
            continue
        changes[at] = fault.spoil(free[at])
        for near in (at - 1, at, at + 1):
            free.pop(near, None)
        _note(found, fault, at, changes[at])
    found.texts = _changed(texts, changes)
    return found


def _some(faults: list[Fault], rng: np.random.Generator, number: int) -> list[Fault]:
    """So many of the faults by chance, in their order: those that are the first of their rule, then others."""
    by_chance = rng.permutation(len(faults)).tolist()
    first = {(faults[at].rule, faults[at].kind): at for at in reversed(by_chance)}
    chosen = sorted(by_chance, key=set(by_chance).difference(first.values()).__contains__)[:number]
    return [faults[at] for at in sorted(chosen)]


def _candidates(texts: pl.DataFrame, rng: np.random.Generator, number: int) -> dict[int, Row]:
    """Some rows of the table in random order, by place."""
    places = rng.choice(texts.height, min(texts.height, number), replace=False)
    return dict(zip(places.tolist(), texts[places].rows(named=True), strict=True))


def _note(found: Spoiled, fault: Fault, at: int, changes: Row) -> None:
    found.touched.add(at)
    if fault.kind == "harmless":
        return
    found.notes.append((at, fault.rule, fault.kind))
    if fault.kind == "unreadable" and not changes:
        found.broken_lines.add(at)
    if fault.kind in ("reject", "unreadable"):
        found.valid[at] = False


def _changed(texts: pl.DataFrame, changes: dict[int, Row]) -> pl.DataFrame:
    columns = []
    for name in texts.columns:
        places = [at for at, row in changes.items() if name in row]
        if places:
            columns.append(texts[name].clone().scatter(places, [changes[at][name] for at in places]))
    return texts.with_columns(columns)
