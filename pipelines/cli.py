"""The commands people type. Each reads its arguments, calls one function of the road and prints what it says.

Put here: arguments, exit codes, wording of results. Keep out: any work; heavy imports stay inside the commands,
so that `kangheng check` and `kangheng verify` start at once.
"""

import json
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from data_contracts.closed import DefinitionError
from data_contracts.messages import text

DONE, SAYS_NO, WRONG_USE, FAILED = 0, 1, 2, 3

app = typer.Typer(
    name="kangheng",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="康衡：社区健康数据到指标、评分与资金。 From community health archives to indicators, scores and money.",
)

HomeOption = Annotated[
    Path, typer.Option("--home", envvar="KANGHENG_HOME", help="机构数据目录 / home of the bureau", file_okay=False)
]
PeriodOption = Annotated[str, typer.Option("--period", help="2025-11 · 2025Q4 · 2025")]
JsonOption = Annotated[bool, typer.Option("--json", help="机器可读输出 / machine-readable output")]


class Language(StrEnum):
    """Language of what a command prints."""

    zh = "zh"
    en = "en"


LanguageOption = Annotated[Language, typer.Option("--lang", envvar="KANGHENG_LANG", help="zh · en")]


def main() -> None:
    """Entry point: maps what went wrong to an exit code and a sentence, never to a stack trace."""
    try:
        app(standalone_mode=False)
    except DefinitionError as error:
        _fail(WRONG_USE, "cli_wrong_settings", str(error))
    except typer.Abort:
        _fail(WRONG_USE, "cli_aborted", "")
    except typer.TyperUsageError as error:  # type: ignore[attr-defined]
        _fail(WRONG_USE, "cli_wrong_usage", error.format_message())
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except Exception as error:  # noqa: BLE001  (the last place where a failure can become a sentence)
        if os.environ.get("KANGHENG_DEBUG"):
            raise
        _fail(FAILED, "cli_failed", type(error).__name__)


def _fail(code: int, sentence: str, detail: str) -> None:
    for language in ("zh", "en"):
        typer.echo(text(sentence, language, detail=detail), err=True)
    sys.exit(code)


def _say(language: Language, sentence: str, **params: object) -> None:
    typer.echo(text(sentence, language.value, **params))
