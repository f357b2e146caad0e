"""Options that several commands share, and how their texts are read.

Put here: an option once, with its words and what it refuses. Keep out: arguments of one command only and the commands
(cli), so that one option means the same wherever it is typed.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from data_contracts.messages import wrong
from data_contracts.periods import Period, periods_between


class Language(StrEnum):
    """Language of what a command prints."""

    zh = "zh"
    en = "en"


def _is_period(period: str | None) -> str | None:
    try:
        return Period.parse(period).key if period is not None else None
    except ValueError:
        raise wrong("wrong_period", option="--period", period=period) from None


HomeOption = Annotated[
    Path, typer.Option("--home", envvar="KANGHENG_HOME", help="机构目录 / home of the bureau", file_okay=False)
]
OptionalHomeOption = Annotated[
    Path | None,
    typer.Option("--home", envvar="KANGHENG_HOME", help="机构目录（可选）/ home, optional", file_okay=False),
]
# Whoever checks a file of theirs uses a home only if they say so, whatever the environment holds.
StatedHomeOption = Annotated[
    Path | None, typer.Option("--home", help="机构目录（可选）/ home, optional", file_okay=False)
]
PeriodOption = Annotated[
    str, typer.Option("--period", callback=_is_period, help="报告期 / period: 2025-11 · 2025Q4 · 2025")
]
AnyPeriodOption = Annotated[
    str | None, typer.Option("--period", callback=_is_period, help="报告期 / period: 2025-11 · 2025Q4 · 2025")
]
ReleaseArgument = Annotated[
    Path,
    typer.Argument(help="发布或分配结果目录 / release, or result of allocate", exists=True, file_okay=False),
]
KeyOption = Annotated[Path, typer.Option("--key", help="本人私钥文件 / own private key", exists=True, dir_okay=False)]
OptionalKeyOption = Annotated[
    Path | None, typer.Option("--key", help="本人私钥文件 / own private key", exists=True, dir_okay=False)
]
PersonOption = Annotated[str, typer.Option("--as", help="姓名/职务 / name/role")]
OptionalPersonOption = Annotated[str | None, typer.Option("--as", help="姓名/职务 / name/role")]
OptionalOutOption = Annotated[Path | None, typer.Option("--out", help="输出目录 / folder", file_okay=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="机器可读 / machine-readable")]
LanguageOption = Annotated[Language, typer.Option("--lang", envvar="KANGHENG_LANG", help="语言 / language")]


def first_and_last(periods: str | None) -> tuple[str | None, str | None]:
    """The two periods of `first:last`; none where nothing is stated."""
    if periods is None:
        return None, None
    first, separator, last = periods.partition(":")
    if not separator:
        raise wrong("wrong_periods", periods=periods)
    try:
        periods_between(first, last)
    except ValueError:
        raise wrong("wrong_periods", periods=periods) from None
    return first, last
