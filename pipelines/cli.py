"""The commands people type. Each reads its arguments, calls one function and prints what it says.

Put here: commands with the arguments of their own, exit codes, wording of results. Keep out: arguments that several
commands share (options) and any work; heavy imports stay inside the commands, so that `kangheng check` and
`kangheng verify` start at once.
"""

import gc
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from typer.exceptions import TyperException

from data_contracts.closed import DefinitionError
from data_contracts.messages import LANGUAGES, both, text, wrong
from pipelines.options import (
    AnyPeriodOption,
    HomeOption,
    JsonOption,
    KeyOption,
    Language,
    LanguageOption,
    OptionalHomeOption,
    OptionalKeyOption,
    OptionalOutOption,
    OptionalPersonOption,
    PeriodOption,
    PersonOption,
    ReleaseArgument,
    StatedHomeOption,
    first_and_last,
)
from pipelines.outcomes import SaysNo, StepFailed
from pipelines.usage import wrong_usage

DONE, SAYS_NO, WRONG_USE, FAILED = 0, 1, 2, 3
# The libraries leave half a million lasting objects, which Python would walk again with every few hundred new ones.
_NEW_OBJECTS_UNTIL_COLLECTED = 20_000
_ALONE = (["index"], ["allocate"], ["diff"])


class Report(Protocol):
    """What a command found, for people and for programs."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""

    def lines(self, language: str) -> Iterable[str]:
        """Lines in `zh` or `en`."""


app = typer.Typer(
    name="kangheng",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="康衡：从社区健康档案到指标、评分与资金。  From community health archives to indicators, scores and money.",
)


def main() -> None:
    """Entry point: what went wrong becomes an exit code and a sentence, never a stack trace."""
    gc.set_threshold(_NEW_OBJECTS_UNTIL_COLLECTED)
    try:
        sys.exit(app(standalone_mode=False) or DONE)
    except DefinitionError as error:
        _fail(WRONG_USE, "cli_wrong_settings", {language: error.words(language) for language in LANGUAGES})
    except TyperException as error:
        _fail(WRONG_USE, "cli_wrong_usage", wrong_usage(error))
    except typer.Abort:
        _fail(WRONG_USE, "cli_aborted", "")
    except SaysNo as error:
        # Beside the engines there is no release that could stay in force.
        _fail(SAYS_NO, "cli_says_no_alone" if sys.argv[1:2] in _ALONE else "cli_says_no", error.words)
    except Exception as error:
        # The last place where a failure can become a sentence; its own text might hold a value and stays inside.
        if os.environ.get("KANGHENG_DEBUG"):
            raise
        _fail(FAILED, "cli_failed", str(error) if isinstance(error, StepFailed) else type(error).__name__)


def _fail(code: int, sentence: str, detail: str | Mapping[str, str]) -> None:
    words = both(sentence, detail=detail)
    # What went wrong may be the options themselves, so they are not asked.
    first = Language.en.value if _asks_for_english() else Language.zh.value
    for language in sorted(words, key=lambda each: each != first):
        typer.echo(words[language], err=True)
    sys.exit(code)


def _asks_for_english() -> bool:
    words = [word for argument in sys.argv for word in argument.split("=")]
    after = words[words.index("--lang") + 1 :] if "--lang" in words else [os.environ.get("KANGHENG_LANG")]
    return after[:1] == [Language.en.value]


def _say(language: Language, sentence: str, **params: object) -> None:
    typer.echo(text(sentence, language.value, **params))


def _show(report: Report, language: Language, as_json: bool) -> None:
    if as_json:
        _print_json(report.as_dict())
        return
    for line in report.lines(language.value):
        typer.echo(line)


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

    first, last = first_and_last(periods)
    lines = story_lines(scenario, language.value, residents)
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
    lock: Annotated[
        bool,
        typer.Option("--lock", help="锁定政策类别、权重和起止点 / lock classes, weights and goalposts as they are"),
    ] = False,
    by: Annotated[str, typer.Option("--by", help="由谁锁定 / who locks")] = "",
    reason: Annotated[str, typer.Option("--reason", help="重新锁定的理由 / why it is locked anew")] = "",
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
    if lock:
        from pipelines.locking import lock_settings

        _show(lock_settings(home, by, reason), language, as_json)
        return
    from pipelines.settings_view import settings_of

    _show(settings_of(home), language, as_json)


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

    _show(status_of(home, period), language, as_json)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="要检查的文件 / file to check", exists=True, dir_okay=False)],
    feed: Annotated[
        str | None, typer.Option("--feed", help="SENDER.FEED；不写则按表头认 / known by its header if left out")
    ] = None,
    home: StatedHomeOption = None,
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
    _show(report, language, as_json)
    raise typer.Exit(DONE if report.passed else SAYS_NO)


@app.command()
def template(
    feed: Annotated[str, typer.Argument(help="SENDER.FEED")],
    out: Annotated[Path, typer.Option("--out", help="输出目录 / folder", file_okay=False)],
    home: StatedHomeOption = None,
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
        list[Path] | None,
        typer.Option("--data", help="数据表，可多张 / .csv, .xlsx, one or several", exists=True, dir_okay=False),
    ] = None,
    out: OptionalOutOption = None,
    sheet: Annotated[str | None, typer.Option("--sheet", help="工作表，缺省第一张 / sheet, first if not given")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="方案的 JSON Schema / JSON schema of a spec")] = False,
    example: Annotated[
        str | None, typer.Option("--example", help="写出示例，如 township_appraisal / write an example to --out")
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
    if spec is None or not data or out is None:
        raise wrong("index_needs_options")
    with steps() as progress:
        result = run_index(spec, data, out, sheet=sheet, language=language.value, progress=progress)
    _show(result, language, as_json)


@app.command()
def allocate(
    spec: Annotated[
        Path | None, typer.Option("--spec", help="分配方案 / spec, YAML", exists=True, dir_okay=False)
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="数据目录或工作簿 / folder of tables, or workbook", exists=True)
    ] = None,
    out: OptionalOutOption = None,
    schema: Annotated[bool, typer.Option("--schema", help="方案的 JSON Schema / JSON schema of a spec")] = False,
    example: Annotated[
        str | None, typer.Option("--example", help="写出示例，如 county / write an example to --out")
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", help="两套方案对比 / two specs side by side: A.yaml B.yaml"),
    ] = None,
    payee: Annotated[
        list[str] | None, typer.Option("--payee", help="只为这些对象写说明页 / statements of these payees only")
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="激励审计：做得更好会不会反而少拿钱 / would getting better cost money?")
    ] = False,
    as_json: JsonOption = False,
    language: LanguageOption = Language.zh,
) -> None:
    """资金分配：方案加表格，分到每一分钱并逐项说明。  Division of money by a spec, to the fen, line by line."""
    if schema:
        from data_contracts.allocation_spec.document import spec_schema

        _print_json(spec_schema())
        return
    from pipelines.allocating import EXAMPLES, run_allocate
    from pipelines.engines import write_example
    from pipelines.progress import steps

    if example is not None and out is not None:
        _say(language, "allocate_example_done", path=write_example(example, out, EXAMPLES))
        return
    if compare is not None:
        from pipelines.comparing import run_compare

        if spec is not None or data is None or out is None:
            raise wrong("allocate_compare_options")
        with steps() as progress:
            difference = run_compare(compare, data, out, language=language.value, progress=progress)
        _show(difference, language, as_json)
        return
    if spec is None or data is None or out is None:
        raise wrong("allocate_needs_options")
    with steps() as progress:
        result = run_allocate(
            spec, data, out, payees=payee or (), audit=audit, language=language.value, progress=progress
        )
    _show(result, language, as_json)
    raise typer.Exit(DONE if result.passed else SAYS_NO)


@app.command()
def approve(
    release: ReleaseArgument,
    key: KeyOption,
    person: PersonOption,
    as_json: JsonOption = False,
    language: LanguageOption = Language.zh,
) -> None:
    """批准发布或分配结果：核验后签名入链。  Approve: verified, signed, chained."""
    from pipelines.approving import approve_release

    _show(approve_release(release, key, person), language, as_json)


@app.command()
def publish(release: ReleaseArgument, as_json: JsonOption = False, language: LanguageOption = Language.zh) -> None:
    """把已批准的发布设为现行。  Put an approved release in force."""
    from pipelines.approving import put_in_force

    _show(put_in_force(release), language, as_json)


@app.command()
def withdraw(
    release: ReleaseArgument,
    reason: Annotated[str, typer.Option("--reason", help="撤回原因 / why")],
    key: OptionalKeyOption = None,
    person: OptionalPersonOption = None,
    as_json: JsonOption = False,
    language: LanguageOption = Language.zh,
) -> None:
    """撤回发布，不可恢复。  Withdraw a release for good."""
    from pipelines.approving import take_back

    _show(take_back(release, reason, key, person), language, as_json)


@app.command()
def diff(
    release: ReleaseArgument,
    before: Annotated[
        Path | None,
        typer.Option("--from", help="与哪个发布比较，缺省为同期上一个 / compared with; the one before", exists=True),
    ] = None,
    out: OptionalOutOption = None,
    as_json: JsonOption = False,
    language: LanguageOption = Language.zh,
) -> None:
    """两个发布的资金差在哪里：谁多谁少，因数据还是因规则。  What changed between the money of two releases, and why."""
    from pipelines.differing import run_diff

    _show(run_diff(release, before, out), language, as_json)


@app.command()
def keys(
    new: Annotated[Path | None, typer.Option("--new", help="要写的私钥文件 / file for the private key")] = None,
    person: OptionalPersonOption = None,
    language: LanguageOption = Language.zh,
) -> None:
    """生成审批密钥。  Make a key for approving, and print how to register it."""
    from pipelines.approving import make_key

    if new is None or person is None:
        raise wrong("keys_needs_new")
    for line in make_key(new, person, language.value):
        typer.echo(line)


@app.command()
def sign(
    place: Annotated[Path, typer.Argument(help="机构目录或分配方案 / home, or allocation spec", exists=True)],
    entry: Annotated[list[str] | None, typer.Option("--entry", help="只签这一条 / this reason only")] = None,
    key: OptionalKeyOption = None,
    person: OptionalPersonOption = None,
    as_json: JsonOption = False,
    language: LanguageOption = Language.zh,
) -> None:
    """设置中例外的理由：列出，或签名。  Reasons of exceptions in settings: list them, or sign them."""
    from pipelines.signing import reasons_at
    from pipelines.signing import sign as sign_reasons

    if (key is None) != (person is None):
        raise wrong("sign_needs_both")
    signed = reasons_at(place) if key is None or person is None else sign_reasons(place, entry or (), key, person)
    _show(signed, language, as_json)


@app.command()
def verify(
    release: ReleaseArgument,
    home: StatedHomeOption = None,
    as_json: JsonOption = False,
    language: LanguageOption = Language.zh,
) -> None:
    """核验发布包，不需要机构目录。  Verify a release; needs no home, with one its registered keys count."""
    from assets.release.verify import verify as verify_release

    approvers, releases = None, None
    if home is not None:
        from pipelines.approving import approvers_of

        approvers, releases = approvers_of(home), home / "releases"
    report = verify_release(release, approvers, releases)
    _show(report, language, as_json)
    raise typer.Exit(DONE if report.passed else SAYS_NO)


@app.command()
def ui(
    home: HomeOption, port: Annotated[int, typer.Option("--port", help="端口 / port", min=1024, max=65535)] = 3000
) -> None:
    """打开调度台（仅本机）。  Open the desk on this machine only."""
    from pipelines.desk import open_desk

    open_desk(home, port)
