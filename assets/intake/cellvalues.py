"""Cells of spreadsheets as texts: numbers, percentages, moments, by value and number format.

Put here: what a stored value and its format mean. Keep out: files and sheets (sheets.py, xls.py, spreadsheetml.py).
"""

import math
import re
from datetime import datetime, timedelta
from decimal import Decimal

from assets.intake.grids import MomentCell, NumberCell

GENERAL, PERCENT, MOMENT = "general", "percent", "moment"
_BUILT_IN_MOMENTS = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_BUILT_IN_PERCENTS = {9, 10}
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)
_SURE = 1e15
_PADDED = re.compile("00+")
_STATED = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*|[+-]?INF|NaN")
_MOMENT_MARK = re.compile(r"[ymdhs年月日时分秒]", re.IGNORECASE)
_FIRST = datetime(1899, 12, 30)  # noqa: DTZ001  (spreadsheets know no time zones)
_FIRST_1904 = datetime(1904, 1, 1)  # noqa: DTZ001
_FIRST_BEFORE_MARCH = datetime(1899, 12, 31)  # noqa: DTZ001
# The 29th of February 1900, which there was not.
_NO_DAY = 60
_LAST_DAY = 2_958_465
_SECONDS = 86_400


def format_kind(number: int, code: str | None) -> str:
    """`general`, `percent`, `moment`, or zeros where that many digits are shown (00000); by number or code."""
    if code is None or code == "":
        return MOMENT if number in _BUILT_IN_MOMENTS else PERCENT if number in _BUILT_IN_PERCENTS else GENERAL
    bare = _LITERAL.sub("", code.partition(";")[0])
    if "general" in bare.lower():
        return GENERAL
    if "%" in bare:
        return PERCENT
    if _PADDED.fullmatch(bare):
        return bare
    return MOMENT if _MOMENT_MARK.search(bare) else GENERAL


def stored_number(text: str) -> float:
    """A number as files in XML state it; ValueError for what only Python takes for one, such as 1_11."""
    if not _STATED.fullmatch(text):
        raise ValueError
    return float(text)


def cell_text(value: float, kind: str, *, since_1904: bool = False) -> str:
    """A stored number as the text of a cell: a moment, a percentage as it is shown, else all of its digits."""
    if not math.isfinite(value):
        return NumberCell(str(value))
    if kind == MOMENT:
        moment = _moment(value, since_1904=since_1904)
        return moment if moment is not None else NumberCell(plain(value))
    if _PADDED.fullmatch(kind) and value >= 0 and value == int(value):
        return NumberCell(plain(value).zfill(len(kind)))
    if kind == PERCENT:
        return NumberCell(f"{Decimal(plain(value)).scaleb(2).normalize():f}%")
    return NumberCell(plain(value))


def plain(value: float) -> str:
    """A number with the 15 digits a spreadsheet keeps, never with an exponent."""
    text = f"{Decimal(f'{value:.15g}'):f}"
    return text.rstrip("0").rstrip(".") if "." in text else "0" if text == "-0" else text


def float_text(value: float) -> str:
    """A binary number of another source as text.

    Beyond 15 digits, where it does not say which number was meant, the text is one that nobody reads as a number.
    """
    return plain(value) if abs(value) < _SURE else f"{value:.17e}"


def _moment(serial: float, *, since_1904: bool) -> str | None:
    if not 0 <= serial <= _LAST_DAY:
        return None
    days, seconds = divmod(round(serial * _SECONDS), _SECONDS)
    if days == 0 and not since_1904:
        return (_FIRST + timedelta(seconds=seconds)).strftime("%H:%M:%S")
    if days == _NO_DAY and not since_1904:
        return None
    first = _FIRST_1904 if since_1904 else _FIRST if days > _NO_DAY else _FIRST_BEFORE_MARCH
    return MomentCell.of(first + timedelta(days=days, seconds=seconds))
