"""Header texts to canonical columns: aliases of the contract, normalised; what is new, missing or double is named.

Put here: finding the header among title rows and mapping it. Keep out: aliases (contracts) and cells.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from assets.intake import units
from assets.intake.findings import FileRefused, Finding
from data_contracts.closed import nearest
from data_contracts.contracts import EXAMPLE_HEADER, EXAMPLE_MARK, Column, FeedContract, normal_header

ABSENT = "intake_header_absent"
_TITLE_ROWS = 12
# A title may hold a year and a page or two; more cells with digits are a record.
_FEW = 2
# What brackets behind a header may say without making it the header of something else, as 证件号码（监护人） would be.
_SAYS_NOTHING = re.compile(
    r"(?:必填|选填|非必填|必录)项?|可空|可不填|单选|多选|下拉选择|文本|文本格式|[0-9]+位(?:数字)?|(?:格式|例|如|例如):?.*"
)
_SAYS_FORM = {
    "date": re.compile(r"(?:y{2,4}|m{1,2}|d{1,2}|hh|ss|[年月日时分秒0-9/.:\-]|日期|格式)+"),
    "code": re.compile(r"代码|编码|名称"),
    "boolean": re.compile(r"[是否有无yn01/、,]+"),
}
_LETTERS = re.compile(r"[^\W\d_]")
# Rows from which a header can be told, with its groups and a row of units.
ROWS_LOOKED_AT = 16


@dataclass(frozen=True)
class HeaderMap:
    """Which column of the file is which canonical column (None: unknown), how many rows the header ends after.

    `units` are the columns whose values are in another, agreed unit, with that unit.
    """

    names: list[str | None]
    rows_used: int
    findings: list[Finding]
    units: dict[str, str] = field(default_factory=dict)


def find_header(rows: Sequence[Sequence[str]], contract: FeedContract) -> HeaderMap:
    """The header within the first rows: the place where most columns of the contract are recognised.

    Titles above it and a row of units below it are skipped; a unit they state is heeded. With two header rows, groups
    are filled to the right and joined to their leaves as `group/leaf`. Raises FileRefused when a required column is
    missing, a column stands twice or is in a unit for which nothing is agreed.
    """
    known, agreed = _known_headers(contract), contract.extras.file.header_rows
    start, depth, paths = _best(rows, known, agreed)
    if not any(_column(path, known) for path in paths):
        raise FileRefused("intake_no_header", feed=contract.key, expected=contract.columns[0].headers[0])
    _check_above(rows[:start], paths, known)
    names, said, findings = _checked(paths, known, contract)
    findings += [Finding("intake_header_flat", {"agreed": agreed})] if depth < agreed else []
    columns = [contract.by_name.get(name or "") for name in names]
    below = rows[start + depth] if start + depth < len(rows) else []
    has_units = units.unit_row(below, columns)
    converted = _converted(columns, said, below if has_units else [], units.stated_above(rows[:start]))
    findings += [
        Finding("intake_converted", {"column": column.headers[0], "stated": unit, "unit": column.own_units[0]})
        for column in contract.columns
        for unit in [converted.get(column.name)]
        if unit
    ]
    return HeaderMap(names, start + depth + has_units, findings, converted)


def recognised(rows: Sequence[Sequence[str]], contract: FeedContract) -> bool:
    """Whether rows hold a header of the feed: at least two of its columns and half of those that are needed."""
    matched = header_place(rows, contract)[2]
    needed = {column.name for column in contract.columns if column.in_header}
    return len(matched) >= min(2, len(contract.columns)) and len(matched & needed) * 2 >= len(needed)


def _check_above(rows: Sequence[Sequence[str]], paths: Sequence[str], known: dict[str, Column]) -> None:
    """Refuse a file with another header, or with a record, above its header: titles fill a cell or two, not a row."""
    named = sum(bool(path.strip()) for path in paths)
    for line, row in enumerate(rows, start=1):
        # A label such as 填报单位：… is part of a title, and so is a group that stands above each of its columns.
        cells = {normal_header(cell) for cell in row if cell.strip() and ":" not in normal_header(cell)}
        headers = sum(_column(cell, known) is not None for cell in cells)
        numbers = sum(any(sign.isdigit() for sign in cell) for cell in cells)
        if headers > 1 or numbers > _FEW or (len(cells) > 1 and len(cells) * 2 > named):
            raise FileRefused("intake_header_several", line=line)


def header_place(rows: Sequence[Sequence[str]], contract: FeedContract) -> tuple[int, list[str], set[str]]:
    """Where most columns of the contract are recognised: row, header texts there, names of the columns recognised."""
    known = _known_headers(contract)
    start, _, paths = _best(rows, known, contract.extras.file.header_rows)
    return start, paths, {column.name for path in paths if (column := _column(path, known)) is not None}


def _best(rows: Sequence[Sequence[str]], known: dict[str, Column], agreed: int) -> tuple[int, int, list[str]]:
    """Row, depth and header texts where most columns are recognised.

    A header agreed to have several rows may come in one, where that one row says more columns than several would.
    """
    best, most = (0, agreed, list[str]()), 0
    for depth in dict.fromkeys((agreed, 1)):
        for start in range(min(_TITLE_ROWS, max(0, len(rows) - depth + 1))):
            paths = _paths(rows[start : start + depth])
            score = sum(_column(path, known) is not None for path in paths)
            if score > most:
                best, most = (start, depth, paths), score
    return best


def _known_headers(contract: FeedContract) -> dict[str, Column]:
    """Normalised header → column; also without what is in brackets, where that is not the header of another column."""
    known = {normal_header(header): column for column in contract.columns for header in column.headers}
    short: dict[str, Column | None] = {}
    for header, column in known.items():
        base = units.BRACKETS.sub("", header)
        short[base] = column if short.get(base, column) is column else None
    return {**{base: column for base, column in short.items() if column is not None}, **known}


def _column(path: str, known: dict[str, Column]) -> Column | None:
    header = normal_header(path)
    beside = units.BRACKETS.search(header)
    if header in known or beside is None:
        return known.get(header)
    column = known.get(header[: beside.start()])
    return column if column and _may_say(column, beside[1]) else None


def _may_say(column: Column, said: str) -> bool:
    """Whether a header with this in brackets still means the column; of units only `units` can tell."""
    if column.type in ("integer", "decimal", "money") and column.own_units:
        return True
    form = _SAYS_FORM.get(column.type)
    return (
        not said or bool(_SAYS_NOTHING.fullmatch(said) or (form and form.fullmatch(said))) or _lists_codes(column, said)
    )


def _lists_codes(column: Column, said: str) -> bool:
    """Whether nothing but values of the code list is said, as in 性别（1男2女）."""
    rest = said
    for spelling in sorted(column.code_list.map if column.code_list else (), key=len, reverse=True):
        rest = rest.replace(normal_header(spelling), "")
    return rest != said and not _LETTERS.search(rest)


def _said(path: str, column: Column) -> str:
    """The unit a header states; brackets that are part of a header agreed for the column state none."""
    header = normal_header(path)
    unit = units.BRACKETS.search(header)
    agreed = map(normal_header, column.headers)
    declared = [normal_header(item.unit) for item in column.extras.units]
    return "" if unit is None or (header in agreed and unit[1] not in declared) else unit[1]


def _fits(column: Column, said: str) -> bool:
    try:
        units.converted_from(column, said)
    except units.UnitDiffers:
        return False
    return True


def _converted(
    columns: Sequence[Column | None], said: Sequence[str], below: Sequence[str], above: str | None
) -> dict[str, str]:
    """Column → agreed unit its values are converted from: as its header says, else the row below, else the title."""
    found: dict[str, str] = {}
    for at, column in enumerate(columns):
        if column is None:
            continue
        row = units.bare(below[at]) if at < len(below) else ""
        title = above if above and units.concerns(column, above) else ""
        try:
            unit = units.converted_from(column, said[at] or row or title)
        except units.UnitDiffers:
            raise _unit_refused(column, at + 1) from None
        if unit:
            found[column.name] = unit
    return found


def _unit_refused(column: Column, position: int) -> FileRefused:
    unit = column.own_units[0] if column.own_units else "—"
    return FileRefused("intake_unit_differs", column=column.headers[0], unit=unit, position=position)


def _paths(rows: Sequence[Sequence[str]]) -> list[str]:
    """One text per column: the leaf, or `group/leaf` where the group row is filled to the right of a merged cell."""
    width = max((len(row) for row in rows), default=0)
    filled = [[*row, *[""] * (width - len(row))] for row in rows]
    if len(filled) == 1:
        return list(filled[0])
    levels = [_filled_right(filled[0], [""] * width)]
    for row in filled[1:-1]:
        levels.append(_filled_right(row, levels[-1]))
    paths = []
    for parts in zip(*levels, filled[-1], strict=True):
        named = [part.strip() for part in parts if part.strip()]
        paths.append("/".join(part for at, part in enumerate(named) if at == 0 or part != named[at - 1]))
    return paths


def _filled_right(row: Sequence[str], above: Sequence[str]) -> list[str]:
    """Cells of a row of groups, each reaching to the next one or to the end of the group above it."""
    found: list[str] = []
    for at, cell in enumerate(row):
        same = at > 0 and above[at] == above[at - 1]
        found.append(cell.strip() or (found[-1] if same else ""))
    return found


def _checked(
    paths: list[str], known: dict[str, Column], contract: FeedContract
) -> tuple[list[str | None], list[str], list[Finding]]:
    """Canonical name of each column, the unit its header states, and what there is to say of the header."""
    matched = [_column(path, known) if path.strip() else None for path in paths]
    said = [_said(path, column) if column else "" for path, column in zip(paths, matched, strict=True)]
    fitting = [column if column and _fits(column, unit) else None for column, unit in zip(matched, said, strict=True)]
    there = {column.name for column in fitting if column}
    names: list[str | None] = []
    for position, (path, close, column) in enumerate(zip(paths, matched, fitting, strict=True), start=1):
        if close is not None and close.name not in there:
            raise _unit_refused(close, position)
        name = column.name if column else None
        if name is not None and name in names:
            raise FileRefused("intake_header_twice", column=contract.by_name[name].titles.zh, position=position)
        names.append(EXAMPLE_MARK if normal_header(path) == normal_header(EXAMPLE_HEADER) else name)
    return names, said, _drift(paths, names, contract)


def _drift(paths: list[str], names: list[str | None], contract: FeedContract) -> list[Finding]:
    """What the header has that the contract has not, and the other way round, each with its closest match.

    Raises FileRefused where a column that is needed is missing.
    """
    new = {position: path for position, path in enumerate(paths, start=1) if path.strip() and not names[position - 1]}
    findings: list[Finding] = []
    absent: list[str] = []
    for column in contract.columns:
        if column.name in names:
            continue
        close = next((near for header in column.headers if (near := nearest(header, list(new.values())))), None)
        if column.in_header:
            raise FileRefused("intake_header_missing", column=column.headers[0], nearest=close or "—")
        if close is None:
            # Nobody misses a column that is not kept.
            absent += [column.headers[0]] if column.role != "drop" else []
            continue
        position = next(position for position, path in new.items() if path == close)
        del new[position]
        findings.append(Finding("intake_header_renamed", {"position": position, "column": column.headers[0]}))
    if absent:
        findings.append(Finding(ABSENT, {"column": "、".join(absent)}))
    known = [header for column in contract.columns for header in column.headers]
    unknown = [
        Finding("intake_header_new", {"position": position, "nearest": nearest(path, known) or "—"})
        for position, path in new.items()
    ]
    return [*unknown, *findings]
