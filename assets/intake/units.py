"""Units that a file states: in a header, in a row below it, in a title above it.

A number in another unit than ours is converted as the contract declares, or the file is refused; it is never read as
if it were in ours. Put here: what a text states and whether it fits a column. Keep out: finding the header
(headers.py), the arithmetic of a conversion (typed.py), units and conversions (contracts).
"""

import re
from collections.abc import Iterable, Sequence
from itertools import chain

from data_contracts.contracts import Column, normal_header
from data_contracts.vocabulary import MONEY_WORDS

BRACKETS = re.compile(r"[(\[【]([^()\[\]【】]*)[)\]】]$")
_NUMBERS = ("integer", "decimal", "money")
_MULTIPLES = "十百千万亿"
_MONEY = frozenset(normal_header(word) for word in (*chain(*MONEY_WORDS.values()), "千元", "百万元", "亿元", "角"))
# Words that are units wherever they stand alone, as people write them in a row below the header.
_WORDS = _MONEY | frozenset(
    normal_header(word)
    for word in (
        "mmHg", "kPa", "mmol/L", "mg/dL", "g/L", "μmol/L", "umol/L", "cm", "mm", "m", "km", "kg", "g", "斤", "公斤",
        "两", "厘米", "米", "千克", "毫米汞柱", "℃", "%", "‰", "百分比", "人", "人次", "人数", "次", "户", "个", "例",
        "张", "家", "天", "日", "小时", "分钟", "岁", "年", "月", "周", "次/分", "分值", "h", "万人", "万人次", "千人",
        "百人", "万户", "万元/人", "ml", "l", "平方公里", "平方米", "床",
    )
)  # fmt: skip
# What a title may state that changes the meaning of numbers; what follows tells 分 from 分院.
_CHANGING = sorted(_MONEY | {word for word in _WORDS if word[0] in _MULTIPLES}, key=len, reverse=True)
_STATED = re.compile(rf"单位[:为]*({'|'.join(map(re.escape, _CHANGING))})(?=$|[^\u4e00-\u9fff]|[日时年制填])")


class UnitDiffers(Exception):  # noqa: N818  (a verdict about a header, not a fault of the program)
    """A number column is stated to be in a unit for which nothing is agreed."""


def converted_from(column: Column, said: str) -> str | None:
    """The declared unit that `said` names, None where it names ours or nothing; UnitDiffers for any other."""
    said = normal_header(said)
    if column.type not in _NUMBERS or not column.own_units or said in ("", *map(normal_header, column.own_units)):
        return None
    for item in column.extras.units:
        if normal_header(item.unit) == said:
            return item.unit
    raise UnitDiffers(column.name)


def unit_row(cells: Sequence[str], columns: Sequence[Column | None]) -> bool:
    """Whether a row below the header holds nothing but units, at least one of them of a number."""
    said = [bare(cell) for cell in cells]
    numbers = [text for text, column in zip(said, columns, strict=False) if column and column.type in _NUMBERS and text]
    agreed = {normal_header(unit) for column in columns if column for unit in _agreed(column)}
    return bool(numbers) and all(text in _WORDS or text in agreed for text in said if text)


def stated_above(rows: Iterable[Sequence[str]]) -> str | None:
    """The unit that titles above the header state for the whole table, where it changes what numbers mean."""
    for cell in chain.from_iterable(rows):
        text = normal_header(cell)
        stated = _STATED.search(text) or BRACKETS.search(text)
        if stated and stated[1] in _CHANGING:
            return stated[1]
    return None


def concerns(column: Column, said: str) -> bool:
    """Whether a unit stated for the whole table is one of the kind that the column has."""
    if column.type == "money":
        return said in _MONEY
    ours = normal_header(column.extras.unit or "")
    return column.type in _NUMBERS and bool(ours) and said not in _MONEY and said.lstrip(_MULTIPLES) == ours


def bare(cell: str) -> str:
    """The unit a cell of a unit row states, without brackets."""
    text = normal_header(cell)
    return text[1:-1] if text[:1] in "([【" and text[-1:] in ")]】" else text


def _agreed(column: Column) -> tuple[str, ...]:
    return (*column.own_units, *(item.unit for item in column.extras.units))
