"""Rows that are no records, and totals as check sums: in text and in workbooks by the same rules."""

import io

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

COLUMNS = [
    {"name": "town", "type": "text", "header": "乡镇", "role": "key"},
    {"name": "village", "type": "text", "header": "村", "required": True},
    {"name": "n", "type": "integer", "header": "人数", "unit": "人"},
    {"name": "cost", "type": "money", "money_unit": "yuan", "header": "费用"},
    {"name": "rate", "type": "decimal", "scale": 1, "unit": "%", "header": "管理率"},
]
HEADER = ["乡镇", "村", "人数", "费用", "管理率"]
BODY = [["东镇", "一村", "1", "0.10", "50"], ["东镇", "二村", "2", "0.20", "60"], ["西镇", "三村", "3", "0.30", "70"]]
TOTAL = ["合计", "", "6", "0.60", "61.7"]


def as_text(rows):
    return "".join(",".join(row) + "\n" for row in rows).encode()


def as_book(rows):
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    sheet = book.add_worksheet()
    for line, row in enumerate(rows):
        for at, cell in enumerate(row):
            if cell:
                sheet.write_string(line, at, cell)
    book.close()
    return stream.getvalue()


@pytest.fixture(params=[as_text, as_book], ids=["text", "workbook"])
def stage(request, bench):
    contract = bench.contract(COLUMNS, file={"fill_down": ["town"]}, business_key=["town", "village"])
    return lambda rows: bench.stage(request.param([HEADER, *rows]), contract)


def counts(result):
    account = result.account
    return account.accepted, account.non_data, account.quarantined + account.unreadable


def said(result):
    return {item.sentence: item.params for item in result.account.findings}


@pytest.mark.parametrize(
    "rows",
    [
        [*BODY, TOTAL],
        [TOTAL, *BODY],
        [*BODY, ["总 计：", *TOTAL[1:]]],
        [*BODY, ["全县合计（元）", *TOTAL[1:]]],
        [*BODY, ["Grand Total", *TOTAL[1:]]],
        [*BODY, ["", "合计", *TOTAL[2:]]],
        [*BODY, ["合计", "", "", "0.6", ""]],
        [*BODY, ["合计", "", "", "", ""]],
        [*BODY, ["合计", "3", "6", "0.60", "-"]],
        [*BODY, ["制表人：李某", "", "", "", "2025-01-05"]],
        [*BODY, ["制表人", "李某", "审核人", "王某", ""]],
        [*BODY, ["注1：含流动人口", "", "", "", ""]],
        [*BODY, HEADER],
        [["甲", "乙", "1", "2", "3"], *BODY],
    ],
)
def test_one_row_is_set_apart_and_named(stage, rows):
    result = stage(rows)
    assert counts(result) == (3, 1, 0)
    line = next(at for at, row in enumerate(rows, start=2) if row not in BODY)
    places = said(result).get("intake_footer_rows") or said(result)["intake_header_repeated"]
    assert places == {"count": 1, "lines": str(line)}


@pytest.mark.parametrize(
    "row",
    [
        ["合计村", "一组", "1", "1", "1"],
        ["合计", "一组", "1", "1", "1"],
        ["小计生", "四村", "", "", ""],
        ["注", "五村", "1", "1", "1"],
        ["注：东", "五村", "1", "1", "1"],
        ["制表人", "六村", "1", "1", "1"],
        ["1", "2", "3", "4", "5"],
        ["乡镇", "一村", "1", "1", "1"],
    ],
)
def test_a_record_stays_one_whatever_it_is_called(stage, row):
    assert counts(stage([*BODY, row])) == (4, 0, 0)


def subtotals(rows):
    """Rows with a subtotal behind each town and a total behind all."""
    first, second = rows[:2], rows[2:]

    def summed(word, part):
        return [word, "", str(sum(int(row[2]) for row in part)), "", ""]

    return [*first, summed("小计", first), *second, summed("小计", second), summed("合计", rows)]


def test_subtotals_are_compared_with_their_group(stage, refusal):
    rows = subtotals(BODY)
    assert counts(stage(rows)) == (3, 3, 0)
    for at in (2, 4, 5):
        wrong = [list(row) for row in rows]
        wrong[at][2] = "7"
        found = refusal(lambda wrong=wrong: stage(wrong))
        assert found == ("intake_total_mismatch", {"column": "人数", "line": at + 2})


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_record_less_than_the_total_says_refuses_the_file(stage, refusal, lost):
    rows = [row for at, row in enumerate(BODY) if at != lost]
    assert refusal(lambda: stage([*rows, TOTAL]))[0] == "intake_total_mismatch"
    assert refusal(lambda: stage([TOTAL, *rows]))[0] == "intake_total_mismatch"


def test_where_a_number_cannot_be_read_the_total_proves_nothing(stage):
    broken = stage([*BODY[:2], ["西镇", "三村", "3人", "0.30", "70"], ["合计", "", "6", "", ""]])
    assert counts(broken) == (2, 1, 1)
    assert said(broken)["intake_total_unread"] == {"column": "人数", "line": 5}
    unread = stage([*BODY, ["合计", "", "六", "0.60", ""]])
    assert counts(unread) == (3, 1, 0)
    assert said(unread)["intake_total_unread"] == {"column": "人数", "line": 5}


def test_another_header_within_the_file_refuses_it(stage, refusal):
    other = ["村", "乡镇", "人数", "费用", "管理率"]
    assert refusal(lambda: stage([*BODY, other, *BODY])) == ("intake_header_changes", {"line": 5})


def test_cells_are_filled_down(stage):
    rows = [["东镇", *BODY[0][1:]], ["", *BODY[1][1:]], ["", *BODY[2][1:]]]
    assert stage(rows).accepted["town"].to_list() == ["东镇"] * 3


def test_below_a_line_that_cannot_be_read_nothing_is_filled_down(bench):
    key = {"business_key": ["town", "village"], "empty_in_key": ["town"]}
    contract = bench.contract(COLUMNS, file={"fill_down": ["town"]}, **key)
    rows = [HEADER, BODY[0], ["西镇", "ragged"], ["", *BODY[1][1:]], ["南镇", *BODY[2][1:]], ["", "四村", "", "", ""]]
    assert bench.stage(as_text(rows), contract).accepted.select("town", "village").rows() == [
        ("东镇", "一村"),
        (None, "二村"),
        ("南镇", "三村"),
        ("南镇", "四村"),
    ]


@settings(max_examples=25)
@given(data=st.data(), groups=st.lists(st.integers(1, 4), min_size=1, max_size=4), cut=st.integers(1, 200))
def test_totals_of_any_grouping_hold_and_any_other_number_does_not(shared_bench, data, groups, cut):
    """Oracle: sums by hand. A changed total is found unless it is the sum of another group that ends there."""
    contract = shared_bench.contract(COLUMNS, business_key=["town", "village"])
    rows, sums, so_far = [], [0], 0
    for group, size in enumerate(groups):
        for at in range(size):
            number = data.draw(st.integers(1, 9))
            so_far += number
            rows.append([f"镇{group}", f"村{at}", str(number), "", ""])
        rows.append(["小计", "", str(so_far - sums[-1]), "", ""])
        sums.append(so_far)
    rows.append(["合计", "", str(so_far), "", ""])
    good = shared_bench.stage(as_text([HEADER, *rows]), contract, chunk=cut)
    assert good.account.accepted == sum(groups)
    rows[-1][2] = str(so_far + 1)
    with pytest.raises(Exception, match="intake_total_mismatch"):
        shared_bench.stage(as_text([HEADER, *rows]), contract, chunk=cut)
