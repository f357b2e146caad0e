import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl
import pytest

from data_contracts.dictionary import CodeEntry, ColumnEntry, FeedEntry, RuleEntry
from reports.context import words
from reports.fixlist import COLUMNS, write_fix_list
from reports.template import write_template
from reports.workbook import write_finance_workbook


def cells(path: Path, sheet: int | str) -> list[tuple[Any, ...]]:
    frame = fastexcel.read_excel(path).load_sheet(sheet, header_row=None, dtypes="string").to_polars()
    return frame.rows()


def parts(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return "".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())


@pytest.fixture
def city(make_home: Callable[..., Any], trees: dict[str, Any]) -> Any:
    return make_home(trees["city"], hostile='=HYPERLINK("x")')


def test_finance_workbook_sums_to_the_fen(city: Any, tmp_path: Path) -> None:
    context, frames = city
    path = write_finance_workbook(context, frames, tmp_path / "a.xlsx")
    table = cells(path, 0)
    header = table[3]
    minor = header.index("合计 · 金额（分）")
    rows = table[5 : 5 + frames["alloc__payees"].height]
    assert sum(int(float(row[minor])) for row in rows) == context.allocation.budget_minor
    total = table[5 + len(rows)]
    assert total[1] == "合计"
    assert int(float(total[minor])) == context.allocation.budget_minor
    assert round(100 * float(total[minor - 1])) == context.allocation.budget_minor
    streams = range(6, minor - 1)
    for row in rows:
        assert sum(round(100 * float(row[column])) for column in streams) == int(float(row[minor]))
    lines = cells(path, 1)
    assert sum(int(float(row[11])) for row in lines[5:]) == context.allocation.budget_minor
    control = {row[0]: row[3] for row in cells(path, 2)[5:] if row[3] is not None}
    assert float(control["差额（应为零）"]) == 0
    assert float(control["应分配总额"]) == context.allocation.budget_minor


def test_finance_workbook_has_the_customary_form(city: Any, tmp_path: Path) -> None:
    table = cells(write_finance_workbook(*city, tmp_path / "a.xlsx"), 0)
    assert "资金分配表" in table[0][0]
    assert table[2][-1] == "单位：元"
    assert table[3][:6] == ("序号", "单位", "编码", "类型", "城乡", "服务人口")
    assert table[4][:2] == ("No.", "Payee")
    foot = "".join(str(row[0]) for row in table[-4:])
    for word in ("制表人", "审核人", "负责人（盖章）", "日期"):
        assert word in foot


def test_finance_workbook_is_deterministic_and_inert(city: Any, tmp_path: Path) -> None:
    context, frames = city
    first = write_finance_workbook(context, frames, tmp_path / "a.xlsx")
    shuffled = {name: frame.reverse() for name, frame in frames.items()}
    second = write_finance_workbook(context, shuffled, tmp_path / "b.xlsx")
    assert first.read_bytes() == second.read_bytes()
    # Two files of the same second would agree even if the clock were read.
    assert re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", parts(first)) == ["2000-01-01T00:00:00Z"] * 2
    assert "<f>" not in parts(first)
    assert "<hyperlink" not in parts(first)


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
        write_finance_workbook(context, frames, tmp_path / "a.xlsx")
    assert not (tmp_path / "a.xlsx").exists()


def test_finance_workbook_without_allocation(
    make_home: Callable[..., Any], trees: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="no allocation for 2025"):
        write_finance_workbook(*make_home(trees["towns"], money=False), tmp_path / "a.xlsx")


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
