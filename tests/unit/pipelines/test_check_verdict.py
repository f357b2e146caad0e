"""A check says what a run says: the same refusal or the same account, for whatever lies in the landing folder."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from stdnum.cn import ric

from assets.intake import ledger
from assets.intake.check import check_file
from assets.stages import road as steps
from assets.stages.road import Road
from data_contracts.messages import LANGUAGES, text
from pipelines.checking import check_delivery
from pipelines.run import _in_part

FEED, TABLE, PERIOD = "civil_affairs.welfare", "stg_civil_affairs__welfare", "2025Q4"
HEADER = "编号,身份证号,姓名,类别,开始日期,社区编码"


def row(number: int, category: str = "低保", day: str = "2022-06-01", area: str = "990101001001") -> str:
    identity = f"11010119500101{number:03d}"
    return f"MZ{number},{identity}{ric.calc_check_digit(identity + '0')},,{category},{day},{area}"


def table(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows, ""])


def workbook(words: str, *, numbers: bool = False) -> bytes:
    """The table as a workbook, ids as text or, as careless programs write them, as numbers."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for line, cells in enumerate(words.splitlines()):
            for column, cell in enumerate(cells.split(",")):
                put = sheet.write_number if numbers and cell.isdigit() else sheet.write_string
                put(line, column, float(cell) if numbers and cell.isdigit() else cell)
    return stream.getvalue()


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, CLEAN)
    return stream.getvalue()


CLEAN = table(*(row(number) for number in range(30)))
FILES: dict[str, bytes | str] = {
    "clean": CLEAN,
    "bom": b"\xef\xbb\xbf" + CLEAN.encode(),
    "gb18030": CLEAN.encode("gb18030"),
    "utf16": CLEAN.encode("utf-16"),
    "carriage_returns": CLEAN.replace("\n", "\r"),
    "semicolons": CLEAN.replace(",", ";"),
    "tabs": CLEAN.replace(",", "\t"),
    "gzip": gzip.compress(CLEAN.encode(), mtime=0),
    "workbook": workbook(CLEAN),
    "workbook_of_numbers": workbook(CLEAN, numbers=True),
    "zip": zipped("名单.csv"),
    "zip_of_two": zipped("一.csv", "二.csv"),
    "titles_above": f"社会救助名单\n制表：民政局\n{CLEAN}",
    "total_below": f"{CLEAN}合计,30,,,,\n",
    "some_bad": table(*(row(n, "低保" if n % 3 else "无此类") for n in range(30))),
    "bad_dates": table(row(1, day="2022-13-01"), row(2, day="昨天"), row(3)),
    "no_person": table("MZ1,,,低保,2022-06-01,990101001001", row(2)),
    "ragged": table(row(1), row(2) + ",多", "MZ3", row(4)),
    "open_quote": table(row(1), 'MZ2,"未闭合,,低保,2022-06-01,990101001001', row(3)),
    "doubled": table(row(1), row(1), row(2)),
    "contradicting": table(row(1), row(1, category="特困"), row(2)),
    "header_only": table(),
    "empty": b"",
    "nul": CLEAN.encode().replace(b"MZ3", b"MZ\x003"),
    "mixed_encodings": CLEAN.encode() + "MZ99,低保".encode("gb18030") + b"\xff\xfe\xff\n",
    "no_header": table(row(1), row(2), header="一,二,三,四,五,六"),
    "missing_column": table("MZ1,低保,2022-06-01", header="编号,类别,开始日期"),
    "header_twice": table("MZ1,1,1,低保", header="编号,身份证号,身份证号,类别"),
    "new_column": table(*(row(n) + ",多" for n in range(3)), header=f"{HEADER},备注"),
    "cut_tail": CLEAN[:-40],
    "half_workbook": b"PK\x03\x04" + b"\x00" * 40,
    "picture": b"\x89PNG\r\n\x1a\n" + b"\x00" * 40,
    "page": "<html><body><table><tr><td>编号</td></tr></table></body></html>",
    "note_disagrees": CLEAN,
    "note_agrees": CLEAN,
    "note_hash": CLEAN,
    "note_wrong": CLEAN,
    "note_of_another_period": CLEAN,
    "no_period": CLEAN,
    "outside_calendar": CLEAN,
}
NOTES = {
    "note_disagrees": "rows: 31",
    "note_agrees": "rows: 30\nreceived_at: 2026-01-05T09:00:00",
    "note_hash": f"sha256: {'0' * 64}",
    "note_wrong": "perod: 2025Q4",
    "note_of_another_period": "period: 2025Q3",
}
HOME = (
    "format: 1\nname: {zh: 小城, en: Small town}\nlevel: city\n"
    "calendar: {grain: quarter, first: 2025Q3, last: 2025Q4}\n"
    "levels: [{id: community, titles: {zh: 社区, en: Community}}]\n"
    f"feeds: [{FEED}]\nrule_sets: [national_2017]\nindicators: []\n"
)
SHARES = {6: {"share": "6.00%", "limit": "5%"}, 100: {"share": "100.00%", "limit": "5%"}}
NAMES = {"no_period": "名单.csv", "outside_calendar": "名单_2031Q1.csv"}


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Road, dict[str, Path]]:
    """A home where every file was landed by an institution of its own, taken in and staged."""
    home = tmp_path_factory.mktemp("verdict")
    (home / "home.yaml").write_text(HOME, encoding="utf-8")
    paths = {}
    for name, content in FILES.items():
        path = home / "landing/civil_affairs/welfare" / name / NAMES.get(name, f"名单_{PERIOD}.csv")
        path.parent.mkdir(parents=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if name in NOTES:
            path.with_name(f"{path.name}.note.yaml").write_text(NOTES[name], encoding="utf-8")
        paths[name] = path
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "_AT_REST", 0.0)
        road = Road.open(home)
        road.advance("archive", ["archive__files"], PERIOD)
        road.advance("stg", [TABLE], PERIOD)
    return road, paths


def said_by_run(road: Road, path: Path) -> tuple[str | None, dict[str, Any]]:
    """The sentence that refuses a file, and its account."""
    name = path.relative_to(road.home.landing).as_posix()
    refused = {item["name"]: item["sentence"] for item in ledger.refusals(road.home)}
    if name in refused:
        return refused[name], {}
    (item,) = (
        item
        for period in ("2025Q3", "2025Q4")
        for item in road.intake.staged(FEED, period)
        if item.entry.landing_name == name
    )
    counts = {
        "records": item.account.records,
        "unreadable": item.account.unreadable,
        "non_data": item.account.non_data,
        "quarantined": item.account.quarantined,
        "accepted": item.account.accepted,
        "rules": {rule: vars(count) for rule, count in item.account.rules.items()},
        "findings": [f.sentence for f in item.account.findings if f is not item.refused],
        "fixes": item.account
        and road.intake.fixes(item, road.catalog.feed(FEED, PERIOD)).select("record_no", "rule").rows(),
    }
    return item.refused.sentence if item.refused else None, counts


@pytest.mark.parametrize("name", list(FILES))
def test_the_verdict_is_that_of_a_run(walked: tuple[Road, dict[str, Path]], name: str) -> None:
    road, paths = walked
    calendar = [step.key for step in road.periods_up_to(road.settings.home.calendar.last)]
    result = check_file(paths[name], FEED, road.catalog, road.settings.limits, institution=name, calendar=calendar)
    refused, counts = said_by_run(road, paths[name])
    assert (result.refused.sentence if result.refused else None) == refused
    account = result.account
    if counts:
        assert [f.sentence for f in account.findings] == counts.pop("findings")
        fixes = counts.pop("fixes")
        listed = result.fixes.filter(result.fixes["record_no"].is_not_null()).select("record_no", "rule_id").rows()
        assert sorted(listed) == sorted(fixes)
        own = {key: getattr(account, key) for key in counts} | {
            "rules": {rule: vars(count) for rule, count in account.rules.items()}
        }
        assert own == counts
    if result.refused:
        assert all(result.refused.words(language) for language in LANGUAGES)
        assert not result.passed


def test_files_of_every_verdict_are_among_them(walked: tuple[Road, dict[str, Path]]) -> None:
    road, paths = walked
    verdicts = {name: said_by_run(road, path)[0] for name, path in paths.items()}
    assert verdicts["clean"] is None
    assert len({sentence for sentence in verdicts.values() if sentence}) >= 10
    assert sum(sentence is None for sentence in verdicts.values()) >= 10


@pytest.mark.parametrize(("wrong", "verdict"), [(4, "taken"), (5, "taken"), (6, "in_part"), (100, "in_part")])
def test_check_and_run_agree_around_the_limit_of_refused_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: int, verdict: str
) -> None:
    """One in twenty is borne, one more is not; a run takes the good records and asks for the file again."""
    home = tmp_path / "home"
    path = home / "landing/civil_affairs/welfare" / f"名单_{PERIOD}.csv"
    path.parent.mkdir(parents=True)
    (home / "home.yaml").write_text(HOME, encoding="utf-8")
    path.write_text(table(*(row(n, "低保" if n >= wrong else "无此类") for n in range(100))), encoding="utf-8")
    monkeypatch.setattr(steps, "_AT_REST", 0.0)
    road = Road.open(home)
    road.advance("archive", ["archive__files"], PERIOD)
    road.advance("stg", [TABLE], PERIOD)

    checked = check_delivery(path, FEED, home=None, period=None, out=None)
    (staged,) = road.intake.staged(FEED, PERIOD)
    assert checked.result.verdict == staged.account.verdict(staged.refused, road.settings.limits) == verdict
    assert checked.passed == (verdict == "taken")
    assert staged.account.accepted == checked.result.account.accepted == 100 - wrong
    asked_again = _in_part(road, PERIOD)
    assert asked_again == ([] if checked.passed else [{"name": staged.entry.landing_name, **SHARES[wrong]}])
    for language in LANGUAGES:
        assert checked.lines(language)[0] == text(f"check_verdict_{verdict}", language, file=path.name)
