"""The whole pass: accounting, rules, pseudonyms, independence of cuts, and that nothing personal gets out."""

import csv
import logging

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.intake.fixes import COLUMNS, fix_list
from data_contracts.closed import DefinitionError
from reports.fixlist import COLUMNS as REPORT_COLUMNS

CANARY = "11010519491231002X"
COLUMNS_HERE = [
    {"name": "no", "type": "text", "header": "编号", "role": "key", "required": True},
    {"name": "idno", "type": "text", "header": "身份证号", "role": "person_id"},
    {"name": "name", "type": "text", "header": "姓名", "role": "drop"},
    {"name": "sex", "type": "code", "codes": "sex", "header": "性别"},
    {"name": "day", "type": "date", "header": "日期", "required": True},
    {"name": "cost", "type": "money", "money_unit": "yuan", "header": "费用（元）"},
]
RULES = [
    ("in_period", "error", "day between period_start and period_end"),
    ("cost_positive", "error", "cost >= 0"),
    ("cheap", "warning", "cost < 100000"),
]
EXTRAS = {
    "person": {"column": "idno", "id_scheme": "cn_id"},
    "event_date": "day",
    "derived": [
        {
            "name": "half", "titles": {"zh": "半", "en": "half"}, "type": "integer",
            "expression": "cost + 1", "description": "d",
        }
    ],
}  # fmt: skip
HEADER = "编号,身份证号,姓名,性别,日期,费用(元)\n"
GOOD = f"1,{CANARY},张三,男,2025-01-05,10.50\n"


@pytest.fixture(scope="module")
def contract(shared_bench):
    return shared_bench.contract(COLUMNS_HERE, RULES, **EXTRAS)


def test_a_good_record(shared_bench, contract):
    result = shared_bench.stage((HEADER + GOOD).encode(), contract)
    row = result.accepted.row(0, named=True)
    assert (row["no"], row["sex"], str(row["day"]), row["cost"], row["half"]) == ("1", "M", "2025-01-05", 1050, 1051)
    assert (row["institution_id"], row["period"], row["person_id_class"], row["warnings"]) == (
        "H1",
        "2025Q1",
        "id18",
        "",
    )
    assert len(row["person_key"]) == 32
    assert "name" not in row
    assert "idno" not in row


def test_every_refusal_has_its_rule(shared_bench, contract):
    lines = [
        GOOD,
        f",{CANARY},a,男,2025-01-05,1\n",
        "3,110105194912310021,a,男,2025-01-05,1\n",
        f"4,{CANARY},a,女人,2025-01-05,1\n",
        f"5,{CANARY},a,女,2025-13-05,1\n",
        f"6,{CANARY},a,女,2025-04-01,1\n",
        f"7,{CANARY},a,,2025-01-05,-1\n",
        f"8,{CANARY},a,,2025-01-05,1000\n",
        "9,short\n",
        f"10,{CANARY},a,,2025-01-05,\n",
    ]
    result = shared_bench.stage((HEADER + "".join(lines)).encode(), contract)
    found = {(row["record_no"], row["rule"]) for row in result.fixes.rows(named=True)}
    assert found == {
        (2, "required_no"), (3, "person_id_invalid"), (4, "code_sex"), (5, "type_day"), (6, "in_period"),
        (7, "cost_positive"), (8, "cheap"), (9, "record_shape"),
    }  # fmt: skip
    account = result.account
    assert (account.records, account.accepted, account.quarantined, account.unreadable) == (10, 3, 6, 1)
    assert result.accepted["warnings"].to_list() == ["", "cheap", ""]
    assert (account.rules["in_period"].violated, account.rules["in_period"].not_applicable) == (1, 1)
    assert (account.rules["cost_positive"].not_applicable, account.rules["cost_positive"].checked) == (1, 9)
    assert account.rules["code_sex"].checked == 9
    assert result.refused["line_no"].to_list()[-1] == 10


CELLS = {
    "no": st.sampled_from(["1", "A2", "", " "]),
    "idno": st.sampled_from([CANARY, CANARY.lower(), "1101051949123100", ""]),
    "name": st.sampled_from(["张三", 'a"b', "x,y", "a\nb", ""]),
    "sex": st.sampled_from(["男", "2", "９", "x", ""]),
    "day": st.sampled_from(["2025-01-01", "2025-03-31", "2025-04-01", "20250201", "bad", ""]),
    "cost": st.sampled_from(["1", "1,000.5", "-3", "0.001", "NaN", "", "999999"]),
}
ROW = st.tuples(*CELLS.values())


def oracle(row):
    """Key and content of a record that is sound by itself, told cell by cell; None for any other."""
    no, idno, _, sex, day, cost = row
    days = {"2025-01-01": 0, "2025-03-31": 1, "20250201": 2}
    if not no.strip() or idno.upper() != CANARY or sex == "x" or day not in days or cost in ("-3", "0.001", "NaN"):
        return None
    return no, ({"2": "女", "９": "U"}.get(sex, sex), days[day], cost)


def taken(read):
    """Which of the records read by the oracle are accepted: not those whose key another has with other content."""
    contents = {}
    for item in filter(None, read):
        contents.setdefault(item[0], set()).add(item[1])
    return sum(item is not None and len(contents[item[0]]) == 1 for item in read)


@settings(max_examples=60)
@given(
    rows=st.lists(st.one_of(ROW, st.just("ragged,line"), st.just("")), max_size=25),
    chunk=st.integers(1, 200),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]),
)
def test_the_account_closes_and_agrees_with_a_cell_by_cell_reading(
    shared_bench, contract, refusal, rows, chunk, encoding
):
    lines, expected, ragged, blank = [], [], 0, 0
    for row in rows:
        if isinstance(row, str):
            ragged, blank = ragged + bool(row), blank + (not row)
            lines.append(row + "\n")
        elif not "".join(row).strip():
            blank += 1
            lines.append(",".join(row) + "\n")
        else:
            writer_row = [
                f'"{cell.replace(chr(34), chr(34) * 2)}"' if set(cell) & set('",\n') else cell for cell in row
            ]
            lines.append(",".join(writer_row) + "\n")
            expected.append(oracle(row))
    data = (HEADER + "".join(lines)).encode(encoding)
    if not expected and not ragged:
        assert refusal(lambda: shared_bench.stage(data, contract, chunk=chunk))[0] == "accounting_no_records"
        return
    result = shared_bench.stage(data, contract, chunk=chunk)
    account = result.account
    assert (
        account.records == len(rows) == account.unreadable + account.non_data + account.quarantined + account.accepted
    )
    assert (account.unreadable, account.non_data) == (ragged, blank)
    assert (account.accepted, account.quarantined) == (taken(expected), len(expected) - taken(expected))
    assert result.accepted.height == account.accepted
    assert result.refused.height == account.quarantined + account.unreadable
    whole = shared_bench.stage(data, contract)
    assert whole.accepted.equals(result.accepted)
    assert whole.fixes.equals(result.fixes)
    assert whole.account == account


def test_records_outside_the_feed_are_non_data(bench):
    contract = bench.contract(COLUMNS_HERE, RULES, **EXTRAS, records={"where": "sex = 'F'"})
    data = (HEADER + GOOD + f"2,{CANARY},a,女,2025-01-05,1\n3,{CANARY},a,,2025-01-05,1\n").encode()
    account = bench.stage(data, contract).account
    assert (account.records, account.non_data, account.accepted) == (3, 1, 2)
    assert account.rules["in_period"].checked == 2


def test_hash_tells_contents_apart_and_nothing_else(shared_bench, contract):
    data = (HEADER + GOOD + "bad\n" + GOOD.replace("张三", "李四")).encode()
    hashes = shared_bench.stage(data, contract).accepted["row_hash"].to_list()
    other = shared_bench.stage((HEADER + GOOD.replace("10.50", "10.51")).encode(), contract).accepted["row_hash"]
    assert hashes[0] == hashes[1] != other[0]


def test_empty_and_null_text_do_not_shift_the_hash(bench):
    contract = bench.contract([{"name": name, "type": "text"} for name in ("id", "a", "b")])
    hashes = [bench.stage(f"id,a,b\n1,{row}\n".encode(), contract).accepted["row_hash"][0] for row in ("x,", ",x")]
    assert len(set(hashes)) == 2


def test_nothing_personal_gets_out(bench, contract, caplog, refusal):
    caplog.set_level(logging.DEBUG)
    rows = f'1,{CANARY}9,{CANARY},{CANARY},{CANARY},{CANARY}\n2,"{CANARY},x,男,2025-01-05,1\n3,{CANARY}\n'
    result = bench.stage((HEADER + rows).encode(), contract)
    words = fix_list(result.fixes, contract, "a.csv", None)
    shown = [result.accepted, result.fixes, words]
    assert all(CANARY[:17] not in frame.write_csv() for frame in shown)
    assert CANARY in "".join(result.refused["raw"].to_list())
    assert CANARY not in repr(result.account)
    for data in (
        HEADER.encode() + f"1,{CANARY},".encode() + b"\xff\xfe\x80,\n",
        HEADER.encode() + f"1,{CANARY},\x00".encode(),
        f"{CANARY},{CANARY}\n".encode(),
        f"编号,{CANARY}\n1,2\n".encode(),
    ):
        sentence, params = refusal(lambda data=data: bench.stage(data, contract))
        assert CANARY[:17] not in sentence + repr(params)
    assert CANARY not in caplog.text


def test_a_derived_value_that_does_not_fit_is_a_violation_not_a_crash(bench):
    derived = {**EXTRAS["derived"][0], "type": "integer", "expression": "no || 'x'"}
    contract = bench.contract(COLUMNS_HERE, (), **{**EXTRAS, "derived": [derived]})
    result = bench.stage((HEADER + GOOD).encode(), contract)
    assert result.fixes["rule"].to_list() == ["type_half"]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("cots > 1", "did you mean 'cost'"),
        ("read_text('/etc/passwd') = ''", "allowed functions"),
        ("cost > (select 1)", "allowed functions"),
        ("cast(no as integer) > 0", "use TRY_CAST"),
        ("date(no) > day", "use TRY_CAST"),
        ("idno = '1'", "no column"),
        ("cost > ", "not a SQL expression"),
        ("cost + 1", "neither true nor false"),
        ("day > 'soon' + 1", "cannot be evaluated"),
    ],
)
def test_a_wrong_rule_is_found_before_any_row_is_read(bench, expression, complaint):
    contract = bench.contract(COLUMNS_HERE, [("r", "error", expression)], **EXTRAS)
    with pytest.raises(DefinitionError, match="rule r") as error:
        bench.stage((HEADER + GOOD).encode(), contract)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("header", "sentence", "params"),
    [
        ("编号,姓名,性别,日期\n", "intake_header_missing", {"column": "身份证号", "nearest": "—"}),
        ("编号,身份证号,日期时\n", "intake_header_missing", {"column": "日期", "nearest": "日期时"}),
        ("编号,身份证号,日期,性别,性 别\n", "intake_header_twice", {"column": "性别", "position": 5}),
        ("甲,乙,丙\n", "intake_no_header", {"feed": "office.cases", "expected": "编号"}),
        ("", "intake_empty", {}),
    ],
)
def test_headers_are_refused_by_name(shared_bench, contract, refusal, header, sentence, params):
    assert refusal(lambda: shared_bench.stage(header.encode(), contract)) == (sentence, params)


def test_header_variants(shared_bench, contract):
    header = '某县统计表\n单位：元\n" 编 号 ",身份证号,ＮＡＭＥ(EN),性别,"日\n期",费用\n'
    result = shared_bench.stage((header + GOOD + GOOD).encode(), contract)
    assert (result.account.records, result.account.accepted) == (2, 2)
    assert result.accepted["cost"].to_list() == [1050, 1050]
    # The first record stands on the sixth line: a title, a unit row, a header of three... lines count as they are.
    bad = shared_bench.stage((header + "x\n").encode(), contract)
    assert bad.fixes["line_no"].to_list() == [5]


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("费用", True),
        ("费用(元)", True),
        ("费用【元】", True),
        ("费用（万元）", False),
        ("费用(人民币元)", True),
        ("费用()", True),
    ],
)
def test_an_amount_in_another_unit_is_not_taken(shared_bench, contract, refusal, header, read):
    data = f"编号,身份证号,日期,{header}\n1,{CANARY},2025-01-05,9\n".encode()
    if read:
        assert shared_bench.stage(data, contract).accepted["cost"].to_list() == [900]
    else:
        assert refusal(lambda: shared_bench.stage(data, contract))[0] == "intake_unit_differs"


@pytest.mark.parametrize("expression", ["try_cast(no as date) = day", "cost > 0 and try_cast(no as date) is not null"])
def test_a_rule_that_fails_over_rows_quotes_none_of_them(shared_bench, expression):
    feed = shared_bench.contract(COLUMNS_HERE, [*RULES, ("late", "error", expression)], **EXTRAS)
    with pytest.raises(DefinitionError) as failed:
        shared_bench.stage((HEADER + GOOD.replace("1,", f"{CANARY},", 1)).encode(), feed)
    assert "late" in str(failed.value)
    assert CANARY not in f"{failed.value!r}{failed.value}{failed.value.words('zh')}"
    assert failed.value.__suppress_context__


def test_unknown_and_absent_columns_are_noticed(shared_bench, contract):
    data = "编号,身份证号,日期,费 用 额\n" + f"1,{CANARY},2025-01-05,9\n"
    findings = {item.sentence: item.params for item in shared_bench.stage(data.encode(), contract).account.findings}
    assert findings["intake_header_new"]["position"] == 4
    assert findings["intake_header_absent"]["column"] == "性别、费用（元）"


@pytest.mark.parametrize(
    ("ours", "header", "same"),
    [
        ("身份证号", "身份证号（必填）", True),
        ("身份证号", "身份证号(18位)", True),
        ("身份证号", "身份证号（）", True),
        ("身份证号", "身份证号（监护人）", False),
        ("身份证号", "身份证号（父）", False),
        ("日期", "日期（年月日）", True),
        ("日期", "日期(YYYY-MM-DD)", True),
        ("日期", "日期（格式：2025-01-31）", True),
        ("日期", "日期（预约）", False),
        ("性别", "性别（男/女）", True),
        ("性别", "性别(1男 2女)", True),
        ("性别", "性别（代码）", True),
        ("性别", "性别（女方）", False),
    ],
)
def test_a_header_of_somebody_or_something_else_is_not_ours(shared_bench, contract, refusal, ours, header, same):
    data = (HEADER.replace(ours, header) + GOOD).encode()
    if same or ours == "性别":
        result = shared_bench.stage(data, contract)
        assert result.accepted["sex"].to_list() == (["M"] if same else [None])
        assert ("intake_header_new" in {item.sentence for item in result.account.findings}) == (not same)
    else:
        assert refusal(lambda: shared_bench.stage(data, contract))[0] == "intake_header_missing"


@pytest.mark.parametrize("header", ["统筹支付比例（%）", "统筹支付比例（万人）", "统筹支付比例（女）"])
def test_a_number_without_unit_is_not_taken_in_one(shared_bench, header):
    share = {"name": "share", "type": "decimal", "scale": 2, "header": "统筹支付比例"}
    feed = shared_bench.contract([COLUMNS_HERE[0], share])
    assert shared_bench.stage("编号,统筹支付比例\n1,0.8\n".encode(), feed).account.accepted == 1
    assert shared_bench.stage(f"编号,{header}\n1,80\n".encode(), feed).accepted["share"].to_list() == [None]


def test_cut_tail_and_encoding_are_noticed(shared_bench, contract):
    data = (HEADER + GOOD).removesuffix("\n").encode("gb18030")
    sentences = [item.sentence for item in shared_bench.stage(data, contract).account.findings]
    assert sentences == ["intake_encoding", "intake_truncated_tail"]


def test_fix_list_has_words_for_every_rule(shared_bench, contract):
    rules = [
        "required_no", "person_id_invalid", "code_sex", "type_day", "type_cost", "type_half", "in_period",
        "record_shape", "unclosed_quote", "field_too_long",
    ]  # fmt: skip
    violations = pl.DataFrame(
        {"record_no": range(1, 11), "line_no": range(2, 12), "rule": rules, "severity": ["error"] * 10}
    )
    words = fix_list(violations, contract, "a.csv", None)
    assert tuple(words.columns) == tuple(COLUMNS) == REPORT_COLUMNS
    assert words.select("message_zh", "message_en", "fix_zh", "fix_en").null_count().row(0) == (0, 0, 0, 0)
    assert words.row(2, named=True)["fix_zh"] == "可用的值：男、女、未知。"
    assert "2025-03-09" in words.row(3, named=True)["fix_zh"]


def test_limits(bench, contract, refusal):
    bench.limits = bench.limits.model_copy(update={"rows": 2, "columns": 5})
    assert refusal(lambda: bench.stage((HEADER + GOOD).encode(), contract)) == ("intake_too_many_columns", {"limit": 5})
    bench.limits = bench.limits.model_copy(update={"columns": 6})
    assert bench.stage((HEADER + GOOD * 2).encode(), contract).account.accepted == 2
    assert refusal(lambda: bench.stage((HEADER + GOOD * 3).encode(), contract)) == (
        "intake_too_many_rows",
        {"limit": 2},
    )


def test_naive_reader_counts_the_same_records(shared_bench, contract):
    """A file without stray quotes: the csv module sees as many non-blank rows."""
    text = HEADER + GOOD * 40 + ",,,,,\n" + '5,"a\nb",c\n'.replace("\n", " ", 1) + GOOD
    rows = [row for row in csv.reader(text.splitlines()) if "".join(row).strip()]
    account = shared_bench.stage(text.encode(), contract).account
    assert account.records - account.non_data == len(rows) - 1
