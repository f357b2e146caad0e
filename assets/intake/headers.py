"""Header texts to canonical columns: aliases of the contract, normalised; what is new, missing or double is named.

Put here: finding the header among title rows and mapping it. Keep out: aliases (contracts) and cells.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assets.intake.findings import FileRefused, Finding
from data_contracts.closed import nearest
from data_contracts.contracts import Column, FeedContract, normal_header

_TITLE_ROWS = 12
_UNIT = re.compile(r"[(\[]([^()\[\]]*)[)\]]$")
_MONEY_WORDS = {
    "fen": ("分", "人民币分"),
    "yuan": ("元", "人民币元", "rmb", "cny", "yuan"),
    "wan_yuan": ("万元", "人民币万元"),
    "pound": ("£", "gbp", "pounds"),
    "penny": ("p", "pence"),
    "dollar": ("$", "usd", "dollars"),
    "cent": ("cents",),
}


@dataclass(frozen=True)
class HeaderMap:
    """Which column of the file is which canonical column (None: unknown), how many rows the header ends after."""

    names: list[str | None]
    rows_used: int
    findings: list[Finding]


def find_header(rows: Sequence[Sequence[str]], contract: FeedContract) -> HeaderMap:
    """The header within the first rows: the place where most columns of the contract are recognised.

    Title and unit rows above it are skipped. With two header rows, groups are filled to the right and joined to their
    leaves as `group/leaf`. Raises FileRefused when a required column is missing or a column stands twice.
    """
    known = _known_headers(contract)
    depth = contract.extras.file.header_rows
    best: tuple[int, int, list[str]] = (0, 0, [])
    for start in range(min(_TITLE_ROWS, max(0, len(rows) - depth + 1))):
        paths = _paths(rows[start : start + depth])
        score = sum(_column(path, known) is not None for path in paths)
        if score > best[0]:
            best = (score, start, paths)
    score, start, paths = best
    if score == 0:
        raise FileRefused("intake_no_header", feed=contract.key, expected=contract.columns[0].headers[0])
    return _checked(paths, start + depth, known, contract)


def _known_headers(contract: FeedContract) -> dict[str, Column]:
    """Normalised header → column; also without a unit in brackets, where that is not the header of another column."""
    known = {normal_header(header): column for column in contract.columns for header in column.headers}
    short: dict[str, Column | None] = {}
    for header, column in known.items():
        base = _UNIT.sub("", header)
        short[base] = column if short.get(base, column) is column else None
    return {**{base: column for base, column in short.items() if column is not None}, **known}


def _column(path: str, known: dict[str, Column]) -> Column | None:
    header = normal_header(path)
    unit = _UNIT.search(header)
    if header in known or unit is None:
        return known.get(header)
    column = known.get(header[: unit.start()])
    return column if column is not None and unit[1] in ("", *_units(column, unit[1])) else None


def _units(column: Column, said: str) -> tuple[str, ...]:
    """Units a header may state; a number in another unit must not be read as one in ours, so its header is unknown."""
    if column.type == "money":
        return _MONEY_WORDS.get(column.extras.money_unit or "fen", ())
    if column.type in ("integer", "decimal") and column.extras.unit:
        return (normal_header(column.extras.unit),)
    return (said,)


def _paths(rows: Sequence[Sequence[str]]) -> list[str]:
    """One text per column: the leaf, or `group/leaf` where the group row is filled to the right of a merged cell."""
    width = max((len(row) for row in rows), default=0)
    filled = [[*row, *[""] * (width - len(row))] for row in rows]
    if len(filled) == 1:
        return list(filled[0])
    groups, leaves = filled[0], filled[-1]
    paths, group = [], ""
    for above, leaf in zip(groups, leaves, strict=True):
        group = above.strip() or group
        own = leaf.strip()
        paths.append(f"{group}/{own}" if own and own != group else group)
    return paths


def _checked(paths: list[str], rows_used: int, known: dict[str, Column], contract: FeedContract) -> HeaderMap:
    names: list[str | None] = []
    findings = []
    for position, path in enumerate(paths, start=1):
        column = _column(path, known) if path.strip() else None
        name = column.name if column else None
        if name is not None and name in names:
            raise FileRefused("intake_header_twice", column=contract.by_name[name].titles.zh, position=position)
        if name is None and path.strip():
            findings.append(Finding("intake_header_new", {"position": position, "nearest": _nearest(path, contract)}))
        names.append(name)
    for column in contract.columns:
        if column.name in names:
            continue
        if column.required or column.role == "person_id":
            unknown = [path for path, name in zip(paths, names, strict=True) if name is None and path.strip()]
            close = nearest(column.headers[0], unknown) or "—"
            raise FileRefused("intake_header_missing", column=column.headers[0], nearest=close)
        findings.append(Finding("intake_header_absent", {"column": column.headers[0]}))
    return HeaderMap(names, rows_used, findings)


def _nearest(path: str, contract: FeedContract) -> str:
    return nearest(path, [header for column in contract.columns for header in column.headers]) or "—"
