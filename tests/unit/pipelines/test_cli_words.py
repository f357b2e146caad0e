"""What goes wrong before anything is done: the exit code, and a line in each language that speaks that language."""

import re
import sys
from pathlib import Path

import pytest

from pipelines.cli import FAILED, SAYS_NO, WRONG_USE, main

# Three words of English in a row are a sentence; names of files, keys and options are not.
ENGLISH = re.compile(r"[A-Za-z']{2,} [A-Za-z']+ [A-Za-z']{2,}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command line; returns its exit code and the lines for a Chinese and an English reader."""

    def of(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kangheng", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        lines = capsys.readouterr().err.strip().splitlines()
        chinese = [line for line in lines if CHINESE.search(line)]
        return code, "\n".join(chinese), "\n".join(line for line in lines if line not in chinese)

    return of


def speaks_both(chinese: str, english: str) -> None:
    assert chinese
    assert english
    assert not ENGLISH.search(chinese), chinese


def test_an_option_before_the_command_is_told_where_it_belongs(run):
    code, chinese, english = run("--lang", "en", "check", __file__)
    assert code == WRONG_USE
    speaks_both(chinese, english)
    assert "--lang 要写在命令之后" in chinese
    assert "--lang belongs after the command" in english
    assert "没有选项 --lan" in run("check", __file__, "--lan", "en")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("check", "/no/such/file"),
        ("frobnicate",),
        ("status", "--hom", "x"),
        ("status", "--home", "/no/such/home"),
        ("settings",),
        ("settings", "--home", "/no/such/home"),
        ("status", "--home", "{home}", "--period", "2025Q5"),
        ("run", "--home", "{home}"),
        ("run", "--home", "{home}", "--period", "2031Q1"),
        ("explain", "--home", "{home}", "--period", "2025Q4"),
        ("explain", "--home", "{home}", "--period", "2025Q4", "--area", "1"),
        ("check", __file__, "--feed", "civil_affairs.welfares"),
        ("check", __file__, "--feed", "civil_affairs.welfare", "--period", "soon"),
        ("check", __file__, "--feed", "civil_affairs.welfare", "--home", "/no/such/home"),
        ("template", "civil_affairs.welfares", "--out", "{home}"),
        ("init", "--home", "{home}"),
        ("demo", "--home", "{home}"),
        ("demo", "--home", "{home}/x", "--scenario", "citty"),
        ("demo", "--home", "{home}/x", "--periods", "2025Q4:2025Q1"),
        ("scenarios", "--home", "{home}"),
        ("allocate", "--compare", "a.yaml,b.yaml"),
    ],
)
def test_wrong_usage_ends_with_two_and_speaks_both_languages(run, make_home, arguments):
    home = make_home()
    code, chinese, english = run(*(str(part).format(home=home) for part in arguments))
    assert code == WRONG_USE
    speaks_both(chinese, english)


def test_a_file_that_is_not_there_is_named_in_chinese_too(run):
    code, chinese, _ = run("allocate", "--spec", "没有.yaml", "--data", ".", "--out", "x")
    assert (code, "没有.yaml" in chinese) == (WRONG_USE, True)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("home.yaml", "format: 1\n"),
        ("home.yaml", "{"),
        ("home.yaml", "a: 1\na: 2\n"),
        ("home.yaml", "+calndar: 1\n"),
        ("home.yaml", "calendar: {grain: quarter, first: 2025Q4, last: 2025Q1}"),
        ("home.yaml", "calendar: {grain: month, first: 2025Q1, last: 2025Q4}"),
        ("home.yaml", "rule_sets: [national_2016]"),
        ("home.yaml", "feeds: [civil_affairs.welfares]"),
        ("settings/limit.yaml", "rows: 1\n"),
        ("settings/limits.yaml", "row: 1\n"),
        ("settings/limits.yaml", "rows: many\n"),
        ("settings/limits.yaml", "[1]\n"),
        ("settings/indicators.yaml", "mine: {titles: {zh: 我, en: mine}}\n"),
        (
            "settings/rule_sets.yaml",
            "mine: {titles: {zh: 我, en: m}, reference: x, valid_from: 2020-01-01, parameters: {a: 1}}",
        ),
        (
            "settings/policies.yaml",
            "classes: {a: {titles: {zh: 甲, en: A}, reference: x, weights: {}}}\ngrades: {}\npolicies: {}",
        ),
        ("contracts/feeds/civil_affairs.welfare/2020-01-01.yaml", "kind: DataContract\n"),
        ("contracts/codes/sex.yaml", "titles: {zh: 性别, en: Sex}\nvalue: {}\n"),
    ],
)
def test_wrong_settings_end_with_two_and_name_file_and_place(run, make_home, file, words):
    home = make_home()
    path = home / file
    path.parent.mkdir(parents=True, exist_ok=True)
    if words.startswith("+"):
        words = path.read_text("utf-8") + words[1:]
    elif file == "home.yaml" and ":" in words and not words.startswith(("format", "a:")):
        key = words.split(":")[0]
        kept = [line for line in path.read_text("utf-8").splitlines() if not line.startswith(f"{key}:")]
        words = "\n".join([*kept, words, ""])
    path.write_text(words, encoding="utf-8")
    code, chinese, english = run("settings", "--home", home)
    assert code == WRONG_USE
    speaks_both(chinese, english)
    assert Path(file).name in chinese or "civil_affairs.welfares" in chinese


def test_a_file_that_has_to_be_corrected_ends_with_one_and_a_sound_one_with_nought(run, tmp_path):
    path = tmp_path / "名单_2025Q4.csv"
    path.write_text("编号,身份证号,姓名,类别,开始日期,社区编码\n", encoding="utf-8")
    assert run("check", path, "--feed", "civil_affairs.welfare")[0] == SAYS_NO
    path.write_text(
        path.read_text("utf-8") + "MZ1,11010519491231002X,,低保,2022-06-01,990101001001\n", encoding="utf-8"
    )
    assert run("check", path, "--feed", "civil_affairs.welfare")[0] == 0


def test_a_fault_of_the_program_ends_with_three_and_tells_no_value(run, tmp_path, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("11010519491231002X")

    monkeypatch.delenv("KANGHENG_DEBUG", raising=False)
    monkeypatch.setattr("pipelines.checking.check_delivery", broken)
    code, chinese, english = run("check", __file__, "--feed", "civil_affairs.welfare")
    assert code == FAILED
    assert "11010519491231002X" not in chinese + english
    speaks_both(chinese, english)


@pytest.mark.parametrize(
    ("options", "variable", "english_first"),
    [
        ((), "", False), ((), "en", True), (("--lang", "en"), "", True), (("--lang=en",), "", True),
        (("--lang", "zh"), "en", False), (("--lang", "xx"), "", False),
    ],
)  # fmt: skip
def test_the_language_that_was_asked_for_comes_first(monkeypatch, capsys, options, variable, english_first):
    monkeypatch.setenv("KANGHENG_LANG", variable)
    monkeypatch.setattr(sys, "argv", ["kangheng", "status", "--home", "/no/such/home", *options])
    if not variable:
        monkeypatch.delenv("KANGHENG_LANG")
    with pytest.raises(SystemExit):
        main()
    lines = capsys.readouterr().err.strip().splitlines()
    assert [bool(CHINESE.search(line)) for line in lines] == [not english_first, english_first]
