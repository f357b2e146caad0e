"""Oddities in the cells of real exports that change nothing: another spelling, width, separator or edge.

Put here: forms that must be accepted with the same meaning. Keep out: faults (faults.py).
"""

import re
from collections.abc import Callable
from itertools import cycle

from data_contracts.contracts import Column, FeedContract
from pipelines.demo.spoiling import Fault, Row

_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
_EDGES = (" {} ", "\u3000{}\u3000", "'{}", "\u00a0{}", '"{}"', "\u200b{}", "\t{}", "{}\ufeff")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_DAY_FORMS = ("{y}/{m}/{d}", "{y}{m}{d}", "{y}.{m}.{d}", "{y}年{m}月{d}日", "{y}/{m_}/{d_}", "{y}年{m_}月{d_}日")
_YES_NO = ({"是": "√", "否": "×", "1": "1.0", "0": "0.0"}, {"是": "Y", "否": "N", "1": "是", "0": "否"})
_OLD_ID_CENTURY = "19"

Change = Callable[[str], str]


def oddity(name: str, change: Change, fits: Callable[[str], bool] = bool) -> Fault:
    """A harmless change of one cell; without `fits` of any cell that is not empty."""

    def suits(row: Row) -> bool:
        return fits(row[name])

    return Fault("", "harmless", lambda row: {name: change(row[name])}, suits)


def wide(name: str) -> Fault:
    """Digits of full width."""
    return oddity(name, lambda text: text.translate(_WIDE), lambda text: any(map(str.isdigit, text)))


def day_written(name: str, form: str) -> Fault:
    """A day in another of the customary forms."""

    def change(text: str) -> str:
        year, month, day = text.split("-")
        return form.format(y=year, m=month, d=day, m_=int(month), d_=int(day))

    return oddity(name, change, lambda text: _DAY.fullmatch(text) is not None)


def thousands(name: str) -> Fault:
    """An amount with separators between the thousands, in quotes as it holds commas."""
    return oddity(name, _with_thousands, lambda text: len(text.partition(".")[0].strip("-")) > 3)


def person_id_oddities(name: str) -> list[Fault]:
    """Ways to write a right identity number that differ from the standard one."""

    def ends_in_x(text: str) -> bool:
        return text.endswith("X")

    def is_18(text: str) -> bool:
        return len(text) == 18

    return [
        oddity(name, str.lower, ends_in_x),
        oddity(name, lambda text: " " + text.lower(), ends_in_x),
        oddity(name, lambda text: text[:17] + "Ⅹ", ends_in_x),
        oddity(name, lambda text: text[:17] + "ⅹ", ends_in_x),
        oddity(name, lambda text: text[:17] + "Ｘ", ends_in_x),
        oddity(name, lambda text: text.translate(_WIDE), is_18),
        oddity(name, "\u3000{}\u3000".format, is_18),
        oddity(name, "'{}".format, is_18),
        oddity(name, '"{}"'.format, is_18),
        oddity(name, lambda text: text[:6] + text[8:17], lambda text: is_18(text) and text[6:8] == _OLD_ID_CENTURY),
    ]


def oddities(contract: FeedContract) -> list[Fault]:
    """Every oddity that fits a column of a feed; what stands at the edges of a cell goes around among the columns."""
    found: list[Fault] = []
    edges = cycle(_EDGES)
    for column in contract.columns:
        if column.role == "person_id":
            found.extend(person_id_oddities(column.name))
            continue
        if column.role == "drop":
            found.append(oddity(column.name, '"{}"'.format))
            continue
        found.append(oddity(column.name, next(edges).format))
        found.extend(_by_type(column))
        found.extend(_missing(column))
    return found


def _by_type(column: Column) -> list[Fault]:
    name = column.name
    if column.code_list is not None:
        return _codes(name, column.code_list.map)
    if column.type == "boolean":
        return [_replaced(name, words) for words in _YES_NO]
    if column.type == "date":
        return _days(column)
    if column.type in ("integer", "decimal", "money"):
        return _numbers(column)
    return [wide(name)] if column.role == "key" or name.endswith(("_code", "community_id")) else []


def _numbers(column: Column) -> list[Fault]:
    name = column.name
    found = [wide(name), oddity(name, "+{}".format, lambda text: text[:1].isdigit())]
    if column.type == "integer":
        return [*found, oddity(name, "{}.0".format, str.isdigit), oddity(name, "0{}".format, str.isdigit)]
    found.append(oddity(name, "{}00".format, lambda text: text[:1].isdigit() and "." in text))
    return [*found, thousands(name)] if column.type == "money" else found


def _days(column: Column) -> list[Fault]:
    if column.extras.date_formats:
        return [oddity(column.name, lambda text: text[:10], lambda text: len(text) > 10)]
    return [*(day_written(column.name, form) for form in _DAY_FORMS), wide(column.name)]


def _missing(column: Column) -> list[Fault]:
    """Words for an empty cell."""
    if column.required:
        return []
    return [oddity(column.name, _word(word), lambda text: not text) for word in column.extras.missing]


def _word(word: str) -> Change:
    return lambda _: word


def _codes(name: str, spellings: dict[str, str]) -> list[Fault]:
    """Another spelling of the same code; its spelling in digits as workbooks write it, 310.0."""
    same = [(raw, other) for raw in spellings for other in spellings if spellings[raw] == spellings[other]]
    others = {raw: other for raw, other in same if raw != other}
    digits = {raw: f"{other}.0" for raw, other in same if other.isdigit()}
    return [_replaced(name, words) for words in (others, digits) if words]


def _replaced(name: str, words: dict[str, str]) -> Fault:
    return oddity(name, lambda text: words[text], lambda text: text in words)


def _with_thousands(text: str) -> str:
    whole, point, part = text.partition(".")
    return f'"{int(whole):,}{point}{part}"'
