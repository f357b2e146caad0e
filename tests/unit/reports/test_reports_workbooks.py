import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl
import pytest

from assets.release.finance import document_of_road
from data_contracts.dictionary import CodeEntry, ColumnEntry, FeedEntry, RuleEntry
from reports.context import words
from reports.finance_files import finance_names, write_finance
from reports.fixlist import COLUMNS, write_fix_list
from reports.template import write_template


def cells(path: Path, sheet: int | str) -> list[tuple[Any, ...]]:
    frame = fastexcel.read_excel(path).load_sheet(sheet, header_row=None, dtypes="string").to_polars()
    return frame.rows()


def parts(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return "".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())


@pytest.fixture
def city(make_home: Callable[..., Any], trees: dict[str, Any]) -> Any:
    return make_home(trees["city"], hostile='=HYPERLINK("x")')


def written(city: Any, path: Path) -> Path:
    write_finance(document_of_road(*city), path.parent, path.stem)
    return path


def test_finance_workbook_sums_to_the_fen(city: Any, tmp_path: Path) -> None:
    context, frames = city
    path, budget = written(city, tmp_path / "a.xlsx"), context.allocation.budget_minor
    count = frames["alloc__payees"].height
    for sheet, per_unit in ((0, 10_000), (1, 1)):
        table = cells(path, sheet)
        due, now = table[3].index("应补助"), table[3].index("本次下达")
        rows, total = table[6 : 6 + count], table[6 + count]
        assert total[1] == "合计"
        for column in (due, now):
            assert sum(Decimal(row[column]) for row in rows) == Decimal(total[column])
            assert abs(Decimal(total[column]) * per_unit * 100 - budget) <= per_unit * 100 // 2 * (per_unit > 1)
    streams = cells(path, 2)
    minor = streams[3].index("合计（分）")
    rows = streams[5 : 5 + count]
    assert sum(int(float(row[minor])) for row in rows) == budget
    for row in rows:
        assert sum(round(100 * float(row[column])) for column in range(4, minor - 1)) == int(float(row[minor]))
    lines = cells(path, 3)
    detail = lines[5 : 5 + frames["alloc__lines"].height]
    assert sum(int(float(row[11])) for row in detail) == budget
    control = {row[0]: row[3] for row in cells(path, 4)[5:] if row[3] is not None}
    assert float(control["本次下达与明细的差额（应为零）"]) == 0
    assert float(control["应补助合计"]) == budget


def test_finance_workbook_has_the_customary_form(city: Any, tmp_path: Path) -> None:
    path = written(city, tmp_path / "a.xlsx")
    for sheet, unit in ((0, "万元"), (1, "元")):
        table = cells(path, sheet)
        assert "资金分配表" in table[0][0]
        assert table[2][-1] == f"单位：{unit}"
        assert table[3][:6] == ("序号", "单位", "编码", "服务人口（万人）", "标准（元/人）", "应补助")
        assert table[3][-6:] == ("系数", "已预拨", "本次下达", "结余", "扣回", "备注")
        assert table[5][:2] == ("No.", "Payee")
        # What is not known is a dash, never nothing and never zero.
        assert {row[table[3].index("扣回")] for row in table[6:8]} == {"—"}
        assert {row[table[3].index("已预拨")] for row in table[6:8]} == {"0"}
        foot = "".join(str(row[0]) for row in table[-4:])
        for word in ("制表人", "审核人", "分管领导", "单位负责人（盖章）", "填报日期"):
            assert word in foot
    assert 'orientation="landscape"' in parts(path)
    assert 'paperSize="9"' in parts(path)
    assert "_xlnm.Print_Titles" in parts(path)


@pytest.mark.parametrize("draft", [False, True])
def test_a_table_leaves_its_approval_to_the_records_unless_nobody_may_approve_it(
    city: Any, tmp_path: Path, draft: bool
) -> None:
    path = tmp_path / "a.xlsx"
    write_finance(replace(document_of_road(*city), draft=draft), path.parent, path.stem)
    for sheet in (0, 1):
        foot = " ".join(str(row[0]) for row in cells(path, sheet)[-8:])
        assert "审批状态：以审批记录为准" in foot
        assert ("草案" in foot) == draft


def test_finance_workbook_is_deterministic_and_inert(city: Any, tmp_path: Path) -> None:
    context, frames = city
    first = written(city, tmp_path / "one" / "a.xlsx")
    shuffled = {name: frame.reverse() for name, frame in frames.items()}
    second = written((context, shuffled), tmp_path / "two" / "a.xlsx")
    names = sorted(path.name for path in first.parent.iterdir())
    assert names == sorted(finance_names("a"))
    for name in names:
        assert (first.parent / name).read_bytes() == (second.parent / name).read_bytes()
    # Two files of the same second would agree even if the clock were read.
    assert re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", parts(first)) == ["2000-01-01T00:00:00Z"] * 2
    assert "<f>" not in parts(first)
    assert "<hyperlink" not in parts(first)
    assert "\n=" not in (first.parent / "a_payees.csv").read_text("utf-8")
    assert ",=" not in (first.parent / "a_payees.csv").read_text("utf-8")


@pytest.mark.parametrize("planted", ["line", "budget"])
def test_finance_workbook_refuses_what_does_not_add_up(city: Any, tmp_path: Path, planted: str) -> None:
    context, frames = city
    if planted == "line":
        one_more = pl.when(pl.col("line_id") == "reserve-1").then(1).otherwise(0)
        frames = {**frames, "alloc__lines": frames["alloc__lines"].with_columns(pl.col("amount_fen") + one_more)}
    else:
        allocation = replace(context.allocation, budget_minor=context.allocation.budget_minor + 1)
        context = replace(context, allocation=allocation)
    with pytest.raises(ValueError, match="add up"):
        written((context, frames), tmp_path / "new" / "a.xlsx")
    assert not (tmp_path / "new").exists()


def test_finance_workbook_without_allocation(make_home: Callable[..., Any], trees: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no allocation for 2025"):
        document_of_road(*make_home(trees["towns"], money=False))


def fix_rows() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "file": "居民健康档案.csv",
                "sheet": None,
                "line_no": 7,
                "record_no": 6,
                "column_title": "=cmd|' /C calc'!A0",
                "rule_id": "birth_date_plausible",
                "severity": "error",
                "message_zh": "出生日期不合理",
                "message_en": "Birth date is not plausible",
                "fix_zh": "请核对",
                "fix_en": "Check it",
            }
        ],
        schema_overrides={"sheet": pl.String},
    ).select(COLUMNS)


def test_fix_list_in_three_forms(tmp_path: Path) -> None:
    xlsx, csv_path, json_path = write_fix_list(fix_rows(), tmp_path, "fix")
    table = cells(xlsx, 0)
    assert table[0][0] == "文件"
    assert table[1][6] == "退回"
    assert table[1][4] == "=cmd|' /C calc'!A0"
    assert "<f>" not in parts(xlsx)
    assert "<autoFilter" in parts(xlsx)
    assert 'state="frozen"' in parts(xlsx)
    rows = list(csv.reader(io.StringIO(csv_path.read_bytes().decode("utf-8-sig"))))
    assert rows[1][4].startswith("'=")
    assert json.loads(json_path.read_text("utf-8")) == fix_rows().rows(named=True)


def test_fix_list_without_findings(tmp_path: Path) -> None:
    xlsx, csv_path, json_path = write_fix_list(fix_rows().clear(), tmp_path, "fix")
    assert len(cells(xlsx, 0)) == 1
    assert csv_path.read_bytes().count(b"\n") == 1
    assert json.loads(json_path.read_text("utf-8")) == []


def test_fix_list_lets_no_value_of_a_person_in(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'value'"):
        write_fix_list(fix_rows().with_columns(value=pl.lit("x")), tmp_path, "fix")
    with pytest.raises(ValueError, match="'fix_en'"):
        write_fix_list(fix_rows().drop("fix_en"), tmp_path, "fix")
    assert list(tmp_path.iterdir()) == []


def test_fix_list_is_deterministic(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_fix_list(fix_rows(), tmp_path / "a", "fix")]
    assert first == [path.read_bytes() for path in write_fix_list(fix_rows(), tmp_path / "b", "fix")]


def column(header: str, english: str, kind: str, **more: object) -> ColumnEntry:
    nothing = dict.fromkeys(("unit", "standard", "example"), "")
    empty: dict[str, object] = dict.fromkeys(("units", "codes", "aliases", "missing", "rules"), ())
    given = {"required": False, "meaning": words("", ""), "code_list": None, "kept": True, **nothing, **empty, **more}
    return ColumnEntry(name=english, header=header, titles=words(header, english), type=kind, **given)


def feed() -> FeedEntry:
    sexes = (CodeEntry("M", words("男", "male"), ("1",)), CodeEntry("F", words("女", "female"), ()))
    many = tuple(
        CodeEntry(str(order), words(f"很长的代码名称{order:03d}", f"entry {order}"), ()) for order in range(80)
    )
    return FeedEntry(
        "health_bureau.residents",
        words("居民健康档案", "Resident files"),
        words("全部在册档案", "Archives"),
        words("分母", "Denominators"),
        words("未建档者不在内", "Without those who have none"),
        "health_bureau",
        "2017-01-01",
        words("每期全部现状", "The whole state"),
        ("档案编号",),
        (
            column("档案编号", "File number", "text", required=True, example="000123"),
            column(
                "性别",
                "Sex",
                "code",
                required=True,
                meaning=words("户籍性别", "As registered"),
                codes=sexes,
                example="女",
            ),
            column("备注", "Note", "code", codes=many),
            column("体重", "Weight", "decimal", unit="kg", units=("斤",), example="62.5", rules=("体重大于零",)),
        ),
        (RuleEntry("sex_known", "warning", words("性别已知", "Sex is known"), words("请补填", "Fill it in")),),
        (words("此前漏填的已补", "What was left out was filled in"),),
        (words("后到的为准", "The later one holds"),),
    )


def test_template_holds_headers_example_choices_and_dictionary(tmp_path: Path) -> None:
    path = write_template(feed(), tmp_path / "t.xlsx")
    table = cells(path, "填报")
    assert table[0] == ("档案编号", "性别", "备注", "体重", "样例标记")
    assert table[1][:4] == ("000123", "女", None, "62.5")
    assert "删除" in table[1][4]
    assert [row[1] for row in cells(path, "数据字典")[1:5]] == ["File number", "Sex", "Note", "Weight"]
    dictionary = [row[0] for row in cells(path, "数据字典")]
    assert {"sex_known", "后到的为准", "此前漏填的已补", "每期全部现状", "全部在册档案"} <= set(dictionary)
    assert cells(path, "数据字典")[4][5] == "kg、斤"
    codes = cells(path, "代码")
    assert [row[0] for row in codes[1:3]] == ["男", "女"]
    assert len(codes) == 81
    content = parts(path)
    assert content.count("<dataValidation ") == 2
    assert "$A$2:$A$3" in content
    assert "户籍性别" in content


def test_template_without_codes_is_deterministic(tmp_path: Path) -> None:
    plain = replace(feed(), columns=feed().columns[:1], rules=())
    first = write_template(plain, tmp_path / "a.xlsx").read_bytes()
    assert first == write_template(plain, tmp_path / "b.xlsx").read_bytes()
    assert fastexcel.read_excel(tmp_path / "a.xlsx").sheet_names == ["填报", "数据字典"]
