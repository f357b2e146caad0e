"""What a sender without a home reads: the period judged, faults of the file itself, fault and remedy, counts, lists."""

import re
import zipfile
from pathlib import Path

import pytest

from assets.intake.findings import Finding
from assets.intake.fixes import finding_list
from data_contracts.contracts import Catalog
from data_contracts.messages import LANGUAGES
from pipelines.check_report import CheckReport
from pipelines.checking import Desk, check_delivery

FEED = "civil_affairs.welfare"
HEADER = "编号,身份证号,姓名,类别,开始日期,社区编码"
ROW = "MZ1,11010519491231002X,张三,低保,2022-06-01,990101001001"
SOUND = f"{HEADER}\n{ROW}\n"
_PACKAGE = Desk.open(None)


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contracts of the package are read once."""
    own = Desk.open
    monkeypatch.setattr(Desk, "open", lambda home: _PACKAGE if home is None else own(home))


def check(path: Path, feed: str | None = FEED, **given: object) -> CheckReport:
    return check_delivery(path, feed, **{"home": None, "period": None, "out": None, **given})


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def zipped(folder: Path, name: str, *members: str) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w") as package:
        for member in members:
            package.writestr(member, SOUND)
    return path


@pytest.mark.parametrize(("noted", "option"), [(None, None), (None, "2025Q3"), ("2025Q2", None), ("2025Q2", "2025Q3")])
def test_the_period_is_named_with_what_told_it(tmp_path, noted, option):
    path = put(tmp_path, "名单_2025Q4.csv", SOUND)
    if noted:
        put(tmp_path, "名单_2025Q4.csv.note.yaml", f"period: {noted}\n")
    report = check(path, period=option)
    period = noted or option or "2025Q4"
    origin = "note" if noted else "option" if option else "name"
    assert (report.result.period, report.as_dict()["period_origin"]) == (period, origin)
    word = {"note": "交接单", "option": "--period", "name": "文件名"}[origin]
    (line,) = [line for line in report.lines("zh") if line.startswith("报告期：")]
    assert period in line
    assert word in line


def test_the_calendar_of_the_receiver_is_not_checked_without_a_home(tmp_path, make_home):
    path = put(tmp_path, "名单_2025.csv", SOUND)
    report = check(path)
    assert "intake_unchecked_calendar" in report.not_checked
    lines = report.lines("zh")
    assert any("约定" in line for line in lines[lines.index("以下需要其他文件或接收方的设置，未检查：") :])
    with_home = check(path, home=make_home())
    assert "intake_unchecked_calendar" not in with_home.not_checked
    assert with_home.result.refused is not None
    assert with_home.result.refused.sentence == "landing_outside_calendar"
    # A sender can correct a name or a note, and no settings.
    assert with_home.result.refused.words("zh").index("文件名") < with_home.result.refused.words("zh").index(
        "home.yaml"
    )


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda at: put(at, "a_2025Q4.csv", SOUND + "MZ2,\x00\n"), "intake_nul_byte"),
        (lambda at: zipped(at, "a_2025Q4.zip", "a.csv", "b.csv"), "intake_archive_several"),
        (lambda at: zipped(at, "a_2025Q4.zip", "../a.csv"), "intake_archive_path"),
        (lambda at: put(at, "a_2025Q4.xlsx", b"PK\x03\x04" + bytes(40)), "intake_archive_damaged"),
        (lambda at: put(at, "a_2025Q4.csv", ""), "intake_empty"),
    ],
)
def test_the_fault_of_the_file_itself_is_named_before_its_feed(tmp_path, make, sentence):
    path = make(tmp_path)
    assert check(path).result.refused.sentence == sentence
    nameless = check(path, None)
    assert nameless.result.refused is not None
    assert nameless.result.refused.sentence == sentence
    assert nameless.result.fixes["rule_id"].to_list() == [sentence]


def test_a_feed_that_the_home_does_not_use_is_told_how_to_be_used(tmp_path):
    used = Catalog.load(use=["health_bureau.residents"])
    assert FEED in used.not_in_use
    assert not Catalog.load().not_in_use
    from assets.intake.landing import scan
    from assets.lake.home import Home

    for folder in (FEED, "civil_affairs.welfair"):
        place = tmp_path / "landing" / folder.replace(".", "/")
        place.mkdir(parents=True)
        put(place, "a_2025Q4.csv", SOUND)
    found = {file.feed: file.refusal for file in scan(Home(tmp_path), used)}
    assert {feed: refusal.sentence for feed, refusal in found.items() if refusal} == {
        "welfare": "landing_feed_not_in_use",
        "welfair": "landing_unknown_feed",
    }
    for language in LANGUAGES:
        said = found["welfare"].words(language)
        assert FEED in said
        assert "feeds" in said
        assert "home.yaml" in said


def test_fault_and_remedy_are_two_sentences(tmp_path):
    rows = [ROW.replace("低保", "无此类"), ROW.replace("2022-06-01", "某日")]
    path = put(tmp_path, "名单_2025Q4.csv", "\n".join([HEADER, *rows, ""]))
    report = check(path)
    for language, stop in (("zh", "。"), ("en", ".")):
        places = [line for line in report.lines(language) if re.match(r"  (第 \d+ 行|line \d+)", line)]
        assert len(places) == report.result.fixes.filter(report.result.fixes["record_no"].is_not_null()).height
        for line, row in zip(places, report.result.fixes.iter_rows(named=True), strict=False):
            assert line.endswith(stop)
            assert row[f"message_{language}"].rstrip(stop) + stop in line
            before, _, after = line.partition(row[f"fix_{language}"])
            assert before.rstrip().endswith(stop)
            assert after in ("", stop)


def test_nothing_to_correct_leaves_no_list_and_takes_an_older_one_away(tmp_path):
    out = tmp_path / "fix"
    path = put(tmp_path, "名单_2025Q4.csv", SOUND.replace("低保", "无此类"))
    assert len(check(path, out=out).fix_lists) == 3
    put(out, "别人的.csv", "1\n")
    contract = _PACKAGE.catalog.feed(FEED)
    header = ",".join(column.headers[0] for column in contract.columns)
    cells = {column.headers[0]: column.filled for column in contract.columns} | {"编号": "MZ9"}
    put(tmp_path, path.name, f"{header}\n{','.join(cells[name] for name in header.split(','))}\n")
    clean = check(path, out=out)
    assert (clean.passed, clean.fix_lists, clean.result.fixes.height) == (True, [], 0)
    assert [item.name for item in out.iterdir()] == ["别人的.csv"]
    assert "没有发现需要修改的地方，没有写整改清单。" in clean.lines("zh")
    assert not any("整改清单：" in line for line in clean.lines("zh"))


@pytest.mark.parametrize(("stated", "taken"), [(2, True), (3, False), (1, False)])
def test_rows_of_a_note_are_the_records_that_check_counts(tmp_path, stated, taken):
    path = put(tmp_path, "名单_2025Q4.csv", f"{SOUND}{ROW.replace('MZ1', 'MZ2')}\n合计,,,,,\n")
    found = check(path).lines("zh")
    assert any(line.startswith("记录 2 条：") for line in found)
    assert any("1 行不是记录" in line and line.endswith("交接单写 rows 时写 2。") for line in found)
    put(tmp_path, f"{path.name}.note.yaml", f"rows: {stated}\n")
    report = check(path)
    assert report.passed == taken
    if not taken:
        assert report.result.refused.sentence == "intake_note_rows"
        assert report.result.refused.params == {"stated": stated, "found": 2}
    assert report.result.account.rows == (2 if taken else 0)


def test_a_whole_file_on_a_fix_list_has_an_advice_too():
    for severity in ("error", "warning"):
        (row,) = finding_list([Finding("intake_empty")], "a.csv", severity).to_dicts()
        assert row["fix_zh"]
        assert row["fix_en"]


def test_a_field_name_of_another_system_is_shown_with_its_title(tmp_path):
    contract = _PACKAGE.catalog.feed("insurers.settlements")
    assert contract.by_name["total_fee_fen"].label == "medfee_sumamt（医疗费总额）"
    assert _PACKAGE.catalog.feed(FEED).by_name["start_date"].label == "开始日期"
    assert {column.headers[0].isascii() for column in contract.columns} == {True}
    names = [column.headers[0] for column in contract.columns]
    cells = [column.filled if column.headers[0] != "medfee_sumamt" else "甲" for column in contract.columns]
    path = put(tmp_path, "结算_2025Q4.csv", f"{','.join(names)}\n{','.join(cells)}\n")
    titles = check(path, contract.key).result.fixes["column_title"].to_list()
    assert "medfee_sumamt（医疗费总额）" in titles


def test_no_example_row_holds_what_another_cell_of_it_rules_out():
    apart = {
        "civil_affairs.care_homes": {"closed_on"},
        "insurers.settlements": {"reversed_setl_id"},
        "health_bureau.needs": {"unmet_reason"},
        "health_bureau.immunisation": {"reason_not_given"},
        "hospitals.referrals": {"refusal_reason"},
    }
    for key, names in apart.items():
        columns = _PACKAGE.catalog.feed(key).by_name
        assert {name for name in names if columns[name].filled} == set()
        assert all(columns[name].example for name in names)
    for contract in _PACKAGE.catalog.current():
        assert not [c.name for c in contract.columns if c.extras.example_aside and (c.required or c.in_header)]


def test_a_unit_that_is_not_agreed_names_the_column(tmp_path):
    contract = _PACKAGE.catalog.feed("health_bureau.activities")
    (cost,) = [column for column in contract.columns if "活动经费（元）" in column.headers]
    names = [column.headers[0] if column is not cost else "活动经费(万元)" for column in contract.columns]
    path = put(tmp_path, "活动_2025Q4.csv", f"{','.join(names)}\n{','.join(c.filled for c in contract.columns)}\n")
    refused = check(path, contract.key).result.refused
    assert refused is not None
    assert refused.sentence == "intake_unit_differs"
    assert refused.words("zh").startswith("“活动经费（元）”列")


def test_a_rule_states_its_limits_in_chinese_as_in_english():
    number = re.compile(r"(?<![A-Za-z0-9.-])\d+(?:\.\d+)?(?![A-Za-z0-9])")
    for contract in _PACKAGE.catalog.current():
        for rule, (titles, _) in contract.wording.items():
            stated = [{float(found) for found in number.findall(text)} for text in (titles.en, titles.zh)]
            assert stated[0] <= stated[1], (contract.key, rule)
