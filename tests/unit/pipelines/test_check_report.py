"""What `kangheng check` says to a supplier: which feed it may be, how to name it, what is missing, in both tongues."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from assets.intake.findings import FileRefused
from assets.intake.period import period_of
from assets.intake.recognising import candidates, fit, missing_columns
from assets.stages import road as steps
from assets.stages.road import Road
from data_contracts.contracts import Catalog
from pipelines.check_report import CheckReport
from pipelines.checking import Desk, _how_to_name, check_delivery

FEED = "civil_affairs.welfare"
HEADER = "编号,身份证号,姓名,类别,开始日期,社区编码"
ROW = "MZ1,11010519491231002X,张三,低保,2022-06-01,990101001001"
KEYS = {
    "account", "candidates", "compared", "feed", "file", "fix_lists", "fixes", "hints", "institution", "not_checked",
    "passed", "period", "period_origin", "refused", "refused_share", "refused_share_limit", "titles", "verdict",
    "warnings",
}  # fmt: skip
NO_MINIMUM = """
volume_against_previous:
  titles: {zh: 比, en: ratio}
  formula: {zh: 比, en: ratio}
  severity: warning
  bounds: [{valid_from: "2017-01-01", low: "0.5", high: 2, reference: x}]
"""
_PACKAGE = Desk.open(None)
# Three words of English in a row are a sentence.
ENGLISH = re.compile(r"[A-Za-z']{2,} [A-Za-z']+ [A-Za-z']{2,}")


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contracts of the package are read once."""
    own = Desk.open
    monkeypatch.setattr(Desk, "open", lambda home: _PACKAGE if home is None else own(home))


def check(folder: Path, content: str, name: str = "名单_2025Q4.csv", feed: str | None = FEED, **given) -> CheckReport:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return check_delivery(path, feed, **{"home": None, "period": None, "out": None, **given})


def said(report: CheckReport) -> dict[str, str]:
    """The report as text; Chinese holds no English sentence, English no Chinese but names from contract and file."""
    words = {language: "\n".join(report.lines(language)) for language in ("zh", "en")}
    assert not ENGLISH.search(words["zh"]), words["zh"]
    assert json.loads(json.dumps(report.as_dict())).keys() == KEYS
    assert "11010519491231002X" not in str(words) + str(report.as_dict())
    assert "张三" not in str(words) + str(report.as_dict())
    return words


def test_a_feed_that_is_not_named_is_recognised(tmp_path):
    report = check(tmp_path, f"{HEADER}\n{ROW}\n", feed=None)
    assert (report.result.feed, report.passed) == (FEED, True)
    assert "社会救助名单" in said(report)["zh"]


def test_a_header_of_nothing_known_is_refused(tmp_path):
    report = check(tmp_path, "甲,乙,丙\n1,2,3\n", feed=None)
    assert (report.passed, report.result.refused.sentence, report.candidates) == (False, "check_feed_none", [])
    assert report.as_dict()["feed"] is None
    said(report)


def test_several_feeds_that_fit_alike_are_listed(tmp_path, monkeypatch):
    one = _PACKAGE.catalog.feed(FEED)
    two = replace(one, extras=one.extras.model_copy(update={"feed": "welfare_again"}))
    twins = Catalog({item.key: (item,) for item in (one, two)}, _PACKAGE.catalog.code_lists)
    monkeypatch.setattr(Desk, "open", lambda _: replace(_PACKAGE, catalog=twins))
    report = check(tmp_path, f"{HEADER}\n{ROW}\n", feed=None)
    assert [item.feed for item in report.candidates] == [one.key, two.key]
    assert (report.passed, report.result.refused.sentence) == (False, "check_feed_several")
    words = said(report)
    assert one.key in words["zh"]
    assert two.key in words["en"]


def test_of_two_feeds_that_know_the_same_headers_the_one_whose_columns_are_all_there_is_meant():
    one = _PACKAGE.catalog.feed(FEED)
    needed = replace(one.by_name["start_date"], name="batch", required=True, headers=("批次号",))
    two = replace(one, extras=one.extras.model_copy(update={"feed": "a_welfare"}), columns=(*one.columns, needed))
    rows = [[HEADER.split(",")]]
    assert [item.lacking for item in (fit(rows, one), fit(rows, two))] == [0, 1]
    assert [item.feed for item in candidates(rows, [two, one])] == [FEED]


def test_a_file_of_another_feed_is_told_which(tmp_path):
    report = check(tmp_path, f"{HEADER}\n{ROW}\n", feed="hospitals.encounters")
    assert [hint.sentence for hint in report.hints] == ["check_fits_better"]
    assert FEED in said(report)["zh"]
    assert "社会救助名单" in said(report)["zh"]
    assert FEED in said(report)["en"]


def test_every_missing_column_is_named_with_the_nearest_header(tmp_path):
    report = check(tmp_path, "编码,身份证号码X,类别,开始日期\n1,2,3,4\n")
    found = {hint.params["column"]: hint for hint in report.hints}
    assert {"编号", "身份证号"} <= found.keys()
    assert found["身份证号"].params["position"] == 2
    said(report)


def test_without_a_near_header_a_missing_column_says_so():
    contract = Catalog.load().feed(FEED)
    (finding,) = [x for x in missing_columns([[["类别", "zzzz"]]], contract) if x.params["column"] == "编号"]
    assert finding.sentence == "check_missing_column_alone"


def test_a_free_name_is_told_how_to_be_named_and_a_period_helps(tmp_path):
    report = check(tmp_path, f"{HEADER}\n{ROW}\n", name="随便.csv")
    (hint,) = report.hints
    assert not report.passed
    named = check(tmp_path, f"{HEADER}\n{ROW}\n", name=hint.params["example"])
    assert named.passed
    said(report)
    assert check(tmp_path, f"{HEADER}\n{ROW}\n", name="随便.csv", period="2025Q4").passed


def test_the_example_name_is_understood_for_every_feed():
    for contract in Catalog.load().current():
        hint = _how_to_name(Path("x.csv"), contract)
        if hint.sentence == "check_name_period":
            assert period_of(None, hint.params["example"], contract) == hint.params["period"]
        else:
            with pytest.raises(FileRefused):
                period_of(None, f"{contract.extras.titles.zh}_2025Q4.csv", contract)


def test_every_header_of_the_package_is_recognised_as_its_own():
    contracts = Catalog.load().current()
    for contract in contracts:
        if contract.extras.file.header_rows > 1:
            continue
        header = [column.headers[0] for column in contract.columns]
        best = candidates([[header]], contracts)
        assert fit([[header]], contract).likeness == 1.0, contract.key
        assert best[0].likeness == 1.0
        assert contract.key in [item.feed for item in best]


def test_the_fix_list_is_written_in_three_forms(tmp_path):
    report = check(tmp_path, f"{HEADER}\n{ROW.replace('低保', '无此类')}\n", out=tmp_path / "fix")
    assert not report.passed
    assert sorted(path.suffix for path in report.fix_lists) == [".csv", ".json", ".xlsx"]
    assert all(path.is_file() for path in report.fix_lists)
    assert "无此类" not in report.fix_lists[1].read_text("utf-8-sig")
    said(report)


@pytest.mark.parametrize("content", ["", "\n", "PK\x03\x04", "<html></html>", f"{HEADER}\n", f"{HEADER}\n{ROW}\n\x00"])
def test_whatever_is_refused_is_said_in_both_languages(tmp_path, content):
    for feed in (FEED, None):
        report = check(tmp_path, content, feed=feed)
        assert not report.passed
        said(report)


def test_without_a_home_what_needs_other_files_is_listed(tmp_path):
    report = check(tmp_path, f"{HEADER}\n{ROW}\n")
    assert report.compared is None
    assert {"intake_unchecked_selection", "intake_unchecked_volume"} <= set(report.not_checked)


def test_a_home_before_its_first_run_has_nothing_to_compare_with(make_home, tmp_path):
    home = make_home()
    report = check(tmp_path, f"{HEADER}\n{ROW}\n", home=home)
    assert report.compared.findings == []
    assert "intake_unchecked_selection" in report.not_checked
    assert list(home.glob("vault/**/*.json")) == []
    said(report)


def test_a_home_says_what_is_doubled_what_is_replaced_and_what_volume_is_usual(make_home, land, tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "_AT_REST", 0.0)
    home = make_home()
    for period in ("2025Q3", "2025Q4"):
        landed = land(home, period)
    road = Road.open(home)
    road.advance("archive", ["archive__files"], "2025Q4")
    road.advance("stg", ["stg_civil_affairs__welfare"], "2025Q4")
    given = {"home": home, "institution": "990101"}
    same = check(tmp_path, landed.read_text("utf-8"), **given)
    assert same.compared.findings[0].sentence == "check_home_known"
    lines = landed.read_text("utf-8").splitlines()
    changed = lines[2].replace("低保", "特困")
    part = check(tmp_path, "\n".join([lines[0], lines[1], changed, ""]), **given)
    by_sentence = {item.sentence: item.params for item in part.compared.findings}
    selection = by_sentence["check_home_selection"]
    # The same record again loses to the newer file; so does the one that was changed.
    assert (selection["replaces"] + selection["duplicate"], selection["superseded"]) == (2, 0)
    assert by_sentence["check_home_volume"] == {"now": 2, "last": 40, "period": "2025Q3"}
    said(part)
    (home / "settings" / "judgement.yaml").write_text(NO_MINIMUM, encoding="utf-8")
    fewer = check(tmp_path, "\n".join([lines[0], lines[1], changed, ""]), **given)
    assert "check_home_volume_unusual" in [item.sentence for item in fewer.compared.findings]
    said(fewer)
    whole = check(tmp_path, "\n".join([*lines[:30], ""]), **given)
    assert "check_home_volume" in [item.sentence for item in whole.compared.findings]
    assert list((home / "tmp").glob("*.parquet")) == []
    nobody = check(tmp_path, landed.read_text("utf-8"), home=home)
    assert [hint.sentence for hint in nobody.hints] == ["check_whose"]
    assert "990101" in said(nobody)["zh"]


def test_a_period_outside_the_calendar_of_the_home_is_refused(make_home, tmp_path):
    report = check(tmp_path, f"{HEADER}\n{ROW}\n", name="名单_2031Q4.csv", home=make_home())
    assert report.result.refused.sentence == "landing_outside_calendar"
    said(report)


def test_a_check_starts_without_what_only_runs_and_pages_need(tmp_path):
    path = tmp_path / "名单_2025Q4.csv"
    path.write_text(f"{HEADER}\n{ROW}\n", encoding="utf-8")
    script = (
        "import sys\n"
        "from pipelines.cli import app\n"
        f"sys.argv = ['kangheng', 'check', {str(path)!r}, '--feed', {FEED!r}, '--json']\n"
        "assert not app(standalone_mode=False)\n"
        "heavy = {'dagster', 'great_expectations', 'plotly', 'scipy', 'statsmodels'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["passed"] is True
