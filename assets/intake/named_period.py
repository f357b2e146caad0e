"""Which months the name of a file states, as people write periods in names.

Put here: the spellings of years, half years, quarters and months in file names, and what looks like one and is none.
Keep out: which statement counts for a delivery (period.py).
"""

import re
import unicodedata
from collections.abc import Collection
from typing import NamedTuple

from data_contracts.periods import GRAINS, Period

_CHINESE = ("", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
_NUMBERS = {"元": 1, **{word: number for number, word in enumerate(_CHINESE) if word}}

# Not the month of 2025.12.
_ENDINGS = re.compile(r"(?:\.[A-Za-z][0-9A-Za-z]{0,7})+$")
_ORDINAL = "[1-4一二三四]"
_MONTH = "(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九元])"
_TO = r"\s*(?:-|—|–|~|至|到)+\s*"
# What holds a year or a month and is about neither: dates, years that last from one to the next, issues of standards.
_ASIDE = re.compile(
    r"(?<!\d)(?:\d{4}年)?\d{1,2}月\d{1,2}[日号]"
    r"|(?<!\d)\d{4}([-./_])\d{1,2}\1\d{1,2}(?!\d)"
    rf"|(?<!\d)\d{{4}}年?{_TO}\d{{4}}(?![\dQq])学?年?度?"
    r"|(?:GB|WS|DB|YY)[/A-Z ]*\d+(?:\.\d+)*-\d{4}(?!\d)"
    r"|(?<!\d)\d{4}年?(?:版|修订|修正)"
)
_YEAR = r"(?<!\d)(?P<year>199\d|20\d\d)"
# A number without its year must begin by itself: 1011月 is no November.
_ALONE = "(?(year)|(?(short)|(?<![0-9A-Za-z一二三四五六七八九十])))"
_STATED = re.compile(
    rf"(?:{_YEAR}(?:年度?)?\s*[-_./]?\s*|(?<!\d)(?P<short>\d\d)(?:年度?\s*|(?=[Qq])))?"
    rf"(?:(?P<half>[上下])半年|前(?P<first>{_ORDINAL})个?季度?"
    rf"|{_ALONE}第?(?P<q1>{_ORDINAL})(?:季度)?{_TO}第?(?P<q2>{_ORDINAL})季度"
    rf"|{_ALONE}[Qq](?P<q3>[1-4]){_TO}[Qq]?(?P<q4>[1-4])(?![0-9A-Za-z])"
    rf"|{_ALONE}[Qq](?P<q5>[1-4])(?![0-9A-Za-z])"
    rf"|第(?P<q6>{_ORDINAL})季|{_ALONE}(?P<q7>{_ORDINAL})季度"
    rf"|{_ALONE}(?P<m1>{_MONTH})月?{_TO}(?P<m2>{_MONTH})月"
    rf"|{_ALONE}(?P<m3>{_MONTH})月(?!龄))"
    rf"|{_YEAR.replace('year', 'of')}[-.](?P<m4>0[1-9]|1[0-2])(?!\d)"
    rf"|{_YEAR.replace('year', 'whole')}(?:年|(?![0-9A-Za-z]|[-./]\d))"
)


class Months(NamedTuple):
    """Months `first` to `last` of a year, both included, from 1."""

    year: int
    first: int
    last: int

    @classmethod
    def of(cls, period: Period) -> "Months":
        """The months of a reporting period."""
        return cls(period.year, period.start.month, period.end.month)

    @property
    def period(self) -> Period | None:
        """The reporting period that is exactly these months; None where there is none, as for a half year."""
        count = self.last - self.first + 1
        for grain, periods in GRAINS.items():
            if count == 12 // periods and (self.first - 1) % count == 0:
                return Period(self.year, (self.first - 1) // count + 1, grain)
        return None

    @property
    def text(self) -> str:
        """The key of the period, else first and last month."""
        return self.period.key if self.period else f"{self.year}-{self.first:02d}~{self.year}-{self.last:02d}"

    def holds(self, other: "Months") -> bool:
        """Whether all of `other` lies in these months."""
        return self.year == other.year and self.first <= other.first and other.last <= self.last


def months_stated(file_name: str) -> list[Months]:
    """What a name states, refined as far as it says: several, in order, where its statements disagree.

    Months without a year are of the only year the name states. Years outside 1990 to 2099 are mere numbers.
    """
    name = _ASIDE.sub("|", _ENDINGS.sub("", unicodedata.normalize("NFKC", file_name)))
    dated: set[Months] = set()
    undated: list[tuple[int, int]] = []
    for match in _STATED.finditer(name):
        first, last = _months(match)
        year = match["year"] or match["of"] or match["whole"] or (match["short"] and f"20{match['short']}")
        if year:
            dated.add(Months(int(year), first, last))
        else:
            undated.append((first, last))
    years = {months.year for months in dated}
    if len(years) == 1:
        dated |= {Months(min(years), first, last) for first, last in undated}
    return finest(dated)


def finest(stated: Collection[Months]) -> list[Months]:
    """The statements within which no other lies, in order."""
    return sorted(one for one in set(stated) if not any(one != other and one.holds(other) for other in stated))


def _months(match: re.Match[str]) -> tuple[int, int]:
    """First and last month of a statement within its year."""
    if match["whole"]:
        return 1, 12
    if match["half"]:
        return (1, 6) if match["half"] == "上" else (7, 12)
    if match["first"]:
        return 1, 3 * _number(match["first"])
    if month := match["m3"] or match["m4"]:
        return _number(month), _number(month)
    if match["m1"]:
        return _number(match["m1"]), max(_number(match["m1"]), _number(match["m2"]))
    first = _number(match["q1"] or match["q3"] or match["q5"] or match["q6"] or match["q7"])
    # 2025Q4-2 is the second file of a quarter; a span rises.
    last = max(first, _number(match["q2"] or match["q4"] or str(first)))
    return 3 * first - 2, 3 * last


def _number(text: str) -> int:
    return _NUMBERS.get(text) or int(text)
