"""The commands people type. Each reads its arguments, calls one function and prints what it says.

Put here: arguments, exit codes, wording of results. Keep out: any work; heavy imports stay inside the commands,
so that `kangheng check` and `kangheng verify` start at once.
"""

import json
import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from data_contracts.closed import DefinitionError
from data_contracts.messages import LANGUAGES, both, text, wrong
from data_contracts.periods import Period, periods_between
from pipelines.outcomes import SaysNo, StepFailed
from pipelines.usage import wrong_usage

DONE, SAYS_NO, WRONG_USE, FAILED = 0, 1, 2, 3

app = typer.Typer(
    name="kangheng",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="康衡：从社区健康档案到指标、评分与资金。  From community health archives to indicators, scores and money.",
)


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
PeriodOption = Annotated[
    str, typer.Option("--period", callback=_is_period, help="报告期 / period: 2025-11 · 2025Q4 · 2025")
]
AnyPeriodOption = Annotated[
    str | None, typer.Option("--period", callback=_is_period, help="报告期 / period: 2025-11 · 2025Q4 · 2025")
]
OptionalHomeOption = Annotated[
    Path | None,
    typer.Option("--home", envvar="KANGHENG_HOME", help="机构目录（可选）/ home, optional", file_okay=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="机器可读 / machine-readable")]
LanguageOption = Annotated[Language, typer.Option("--lang", envvar="KANGHENG_LANG", help="语言 / language")]


def main() -> None:
    """Entry point: what went wrong becomes an exit code and a sentence, never a stack trace."""
    try:
        sys.exit(app(standalone_mode=False) or DONE)
    except DefinitionError as error:
        _fail(WRONG_USE, "cli_wrong_settings", {language: error.words(language) for language in LANGUAGES})
    except TyperException as error:
        _fail(WRONG_USE, "cli_wrong_usage", wrong_usage(error))
    except typer.Abort:
        _fail(WRONG_USE, "cli_aborted", "")
    except SaysNo as error:
        _fail(SAYS_NO, "cli_says_no", error.words)
    except Exception as error:
        # The last place where a failure can become a sentence; its own text might hold a value and stays inside.
        if os.environ.get("KANGHENG_DEBUG"):
            raise
        _fail(FAILED, "cli_failed", str(error) if isinstance(error, StepFailed) else type(error).__name__)


def _fail(code: int, sentence: str, detail: str | Mapping[str, str]) -> None:
    for line in both(sentence, detail=detail).values():
        typer.echo(line, err=True)
    sys.exit(code)


def _say(language: Language, sentence: str, **params: object) -> None:
    typer.echo(text(sentence, language.value, **params))


def _print_json(document: object) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True, default=str))


@app.command()
def demo(
    home: HomeOption,
    scenario: Annotated[
        str, typer.Option("--scenario", help="情景，见 kangheng scenarios / see kangheng scenarios")
    ] = "city",
    residents: Annotated[
        int | None, typer.Option("--residents", min=500, help="居民数，缺省随情景 / residents, as the scenario says")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="随机种子 / seed")] = None,
    periods: Annotated[
        str | None, typer.Option("--periods", help="首:末，缺省随情景 / first:last, as the scenario says")
    ] = None,
    language: LanguageOption = Language.zh,
) -> None:
    """生成虚构城市：设置、文件、真值、应得数字。  Make a fictional city and say what to expect of it."""
    from pipelines.demo_home import make_demo_home, story_lines
    from pipelines.progress import steps

    first, last = _first_and_last(periods)
    lines = story_lines(scenario, language.value)
    with steps() as progress:
        summary = make_demo_home(
            home, scenario=scenario, residents=residents, seed=seed, first=first, last=last, progress=progress
        )
    for line in lines:
        typer.echo(line)
    if (residents, seed, periods) != (None, None, None):
        _say(language, "demo_changed")
    _say(language, "cli_demo_done", home=home, files=summary.files, records=summary.records)
    _say(language, "demo_next", home=home, scenario=scenario)


def _first_and_last(periods: str | None) -> tuple[str | None, str | None]:
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


@app.command()
def scenarios(
    name: Annotated[str | None, typer.Argument(help="只看一个情景 / one scenario only")] = None,
    home: Annotated[
        Path | None, typer.Option("--home", help="已运行的机构目录：与其数字比较 / a home that was run, to compare")
    ] = None,
    language: LanguageOption = Language.zh,
) -> None:
    """演示情景：故事、陷阱、应得数字；或与机构目录比较。  Scenarios of the demo, or compare one with a home."""
    from pipelines.demo.scenario import load_scenario, scenario_names
    from pipelines.demo_home import found_lines, story_lines
    from pipelines.expectations import as_promised, compare, latest_release

    if home is not None:
        if name is None:
            raise wrong("wrong_scenario_unnamed")
        found = compare(load_scenario(name), latest_release(home))
        for line in found_lines(found, language.value):
            typer.echo(line)
        raise typer.Exit(DONE if as_promised(load_scenario(name), found) else SAYS_NO)
    for each in [name] if name else scenario_names():
        typer.echo("\n".join(story_lines(each, language.value)) + "\n")


@app.command()
def init(home: HomeOption, language: LanguageOption = Language.zh) -> None:
    """新建机构目录。  Make an empty home with commented settings to fill in."""
    from pipelines.starter import make_home

    make_home(home)
    _say(language, "cli_init_done", home=home)


@app.command()
def settings(
    home: OptionalHomeOption = None,
    contract_schema: Annotated[
        bool,
        typer.Option("--contract-schema", help="契约可用的词（JSON Schema）/ JSON schema of the words of a contract"),
    ] = False,
    as_json: JsonOption = False,
    language: LanguageOption = Language.zh,
) -> None:
    """生效的设置、契约及其来源。  Settings and contracts in force and where each comes from."""
    if contract_schema:
        from data_contracts.vocabulary import vocabulary_schema

        _print_json(vocabulary_schema())
        return
    if home is None:
        raise wrong("wrong_settings_home")
    from pipelines.settings_view import settings_of

    view = settings_of(home)
    if as_json:
        _print_json(view.as_dict())
        return
    for line in view.lines(language.value):
        typer.echo(line)


@app.command()
def run(
    home: HomeOption,
    period: AnyPeriodOption = None,
    latest: Annotated[bool, typer.Option("--latest", help="最近一期 / the last period of the calendar")] = False,
    every: Annotated[
        bool,
        typer.Option("--all", help="此前有文件的每一期也各自发布 / a release of every earlier period with files too"),
    ] = False,
    as_json: JsonOption = False,
    language: LanguageOption = Language.zh,
) -> None:
    """接收文件、计算指标、评分、分配并发布。  Ingest, compute, score, allocate, release; prints the release last."""
    from pipelines.run import periods_with_files, run_period

    if (period is None) == (not latest):
        raise wrong("wrong_run_period")
    earlier = [run_period(home, before) for before in periods_with_files(home, period)[:-1]] if every else []
    result = run_period(home, period)
    if as_json:
        _print_json({**result.as_dict(), **({"earlier": [item.as_dict() for item in earlier]} if every else {})})
        return
    for line in [line for item in earlier for line in item.lines(language.value)[-1:]]:
        typer.echo(line)
    for line in result.lines(language.value):
        typer.echo(line)


@app.command()
def status(
    home: HomeOption,
    period: AnyPeriodOption = None,
    as_json: JsonOption = False,
    language: LanguageOption = Language.zh,
) -> None:
    """到了什么、缺什么、拒了什么、用的是什么。  What arrived, is missing, was refused, is in force."""
    from pipelines.status import status_of

    report = status_of(home, period)
    if as_json:
        _print_json(report.as_dict())
        return
    for line in report.lines(language.value):
        typer.echo(line)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="要检查的文件 / file to check", exists=True, dir_okay=False)],
    feed: Annotated[
        str | None, typer.Option("--feed", help="SENDER.FEED；不写则按表头认 / known by its header if left out")
    ] = None,
    home: Annotated[
        Path | None, typer.Option("--home", help="机构目录（可选）/ home, optional", file_okay=False)
    ] = None,
    period: AnyPeriodOption = None,
    institution: Annotated[
        str | None, typer.Option("--institution", help="报送机构 / institution, as the folder would say")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="整改清单目录 / folder for the fix list", file_okay=False)
    ] = None,
    as_json: JsonOption = False,
    language: LanguageOption = Language.zh,
) -> None:
    """报送前自查，结论与流水线一致。  Check a file before sending it, with the pipeline's own verdict."""
    from pipelines.checking import check_delivery

    report = check_delivery(file, feed, home=home, period=period, out=out, institution=institution)
    if as_json:
        _print_json(report.as_dict())
    else:
        for line in report.lines(language.value):
            typer.echo(line)
    raise typer.Exit(DONE if report.passed else SAYS_NO)


@app.command()
def template(
    feed: Annotated[str, typer.Argument(help="SENDER.FEED")],
    out: Annotated[Path, typer.Option("--out", help="输出目录 / folder", file_okay=False)],
    home: Annotated[
        Path | None, typer.Option("--home", help="机构目录（可选）/ home, optional", file_okay=False)
    ] = None,
    language: LanguageOption = Language.zh,
) -> None:
    """空白填报表与数据字典。  Blank workbook with drop-downs, an example row and the dictionary."""
    from pipelines.checking import write_feed_template

    _say(language, "cli_template_done", path=write_feed_template(feed, out, home=home))


@app.command()
def explain(
    home: HomeOption,
    period: PeriodOption,
    area: Annotated[str | None, typer.Option("--area", help="地区编码 / area id")] = None,
    payee: Annotated[str | None, typer.Option("--payee", help="收款对象 / payee id")] = None,
    cell: Annotated[str | None, typer.Option("--cell", help="TABLE:KEY")] = None,
    as_json: JsonOption = False,
    language: LanguageOption = Language.zh,
) -> None:
    """为什么是这个数、这笔钱。  Why this figure, why this amount, back to the delivered files."""
    from pipelines.explaining import explain_figure

    if sum(choice is not None for choice in (area, payee, cell)) != 1:
        raise wrong("wrong_explain_choice")
    explanation = explain_figure(home, period, area=area, payee=payee, cell=cell)
    if as_json:
        _print_json(explanation.as_dict())
    else:
        typer.echo(explanation.text(language.value))


@app.command()
def index(
    spec: Annotated[
        Path | None, typer.Option("--spec", help="计算方案 / spec, YAML", exists=True, dir_okay=False)
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="数据表 / .csv, .xlsx", exists=True, dir_okay=False)
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="输出目录 / folder", file_okay=False)] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", help="工作表，缺省第一张 / sheet, first if not given")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="方案的 JSON Schema / JSON schema of a spec")] = False,
    example: Annotated[
        str | None, typer.Option("--example", help="写出示例 / write township_appraisal or health_risk to --out")
    ] = None,
    as_json: JsonOption = False,
    language: LanguageOption = Language.zh,
) -> None:
    """综合指数与考核评分：方案加表格，得出各表与页面。  Composite index or appraisal of a spreadsheet by a spec."""
    if schema:
        from data_contracts.index_spec.document import spec_schema

        _print_json(spec_schema())
        return
    from pipelines.engines import run_index, write_example
    from pipelines.progress import steps

    if example is not None and out is not None:
        _say(language, "index_example_done", path=write_example(example, out))
        return
    if spec is None or data is None or out is None:
        raise wrong("index_needs_options")
    with steps() as progress:
        result = run_index(spec, data, out, sheet=sheet, language=language.value, progress=progress)
    if as_json:
        _print_json(result.as_dict())
        return
    for line in result.lines(language.value):
        typer.echo(line)


@app.command()
def verify(
    release: Annotated[Path, typer.Argument(help="发布目录 / release folder", exists=True, file_okay=False)],
    as_json: JsonOption = False,
    language: LanguageOption = Language.zh,
) -> None:
    """核验发布包，不需要机构目录。  Verify a release; needs no home."""
    from assets.release.verify import verify as verify_release

    report = verify_release(release)
    if as_json:
        _print_json(report.as_dict())
    else:
        for line in report.lines(language.value):
            typer.echo(line)
    raise typer.Exit(DONE if report.passed else SAYS_NO)


@app.command()
def ui(
    home: HomeOption, port: Annotated[int, typer.Option("--port", help="端口 / port", min=1024, max=65535)] = 3000
) -> None:
    """打开调度台（仅本机）。  Open the desk on this machine only."""
    from pipelines.desk import open_desk

    open_desk(home, port)
