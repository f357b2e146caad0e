"""What a contract declares about its senders: units, column maps, corrections; and the example of the template."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.intake.rules import check_contract
from data_contracts.closed import DefinitionError

MEASURED = [
    {"name": "no", "type": "text", "header": "编号", "required": True},
    {"name": "glucose", "type": "decimal", "scale": 1, "header": "血糖", "unit": "mmol/L",
     "units": [{"unit": "mg/dL", "factor": "0.0555"}]},
    {"name": "height", "type": "integer", "header": "身高", "unit": "cm", "units": [{"unit": "m", "factor": "100"}]},
    {"name": "cost", "type": "money", "money_unit": "yuan", "header": "费用",
     "units": [{"unit": "万元", "factor": "10000"}]},
    {"name": "paid", "type": "money", "money_unit": "yuan", "header": "自付"},
]  # fmt: skip
REASON = {"zh": "系统升级前单位写错", "en": "Wrong before the upgrade"}


@pytest.fixture(scope="module")
def measured(shared_bench):
    return shared_bench.contract(MEASURED)


def sentences(result):
    return [item.sentence for item in result.account.findings]


# units --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "cell", "value"),
    [
        ("血糖", "6.8", "6.8"), ("血糖(mmol/L)", "6.8", "6.8"), ("血糖（ｍｍｏｌ／Ｌ）", "6.8", "6.8"),
        ("血糖(mg/dL)", "122", "6.8"), ("血糖（MG/DL）", "1,220.0", "67.7"), ("血糖【mg/dl】", "-122", "-6.8"),
    ],
)  # fmt: skip
def test_a_unit_in_the_header_is_ours_or_converted(shared_bench, measured, header, cell, value):
    result = shared_bench.stage(f'编号,{header}\n1,"{cell}"\n'.encode(), measured)
    assert result.accepted["glucose"].to_list() == [Decimal(value)]
    assert ("intake_converted" in sentences(result)) == ("g" in header.lower().replace("mmol", ""))


@pytest.mark.parametrize(
    "header",
    ["血糖(mg/L)", "血糖（毫克）", "身高(mm)", "身高【米】", "费用(千元)", "费用（分）", "自付（万元）", "自付(USD)"],
)
def test_a_unit_for_which_nothing_is_agreed_refuses_the_file(shared_bench, measured, refusal, header):
    sentence, params = refusal(lambda: shared_bench.stage(f"编号,{header}\n1,2\n".encode(), measured))
    assert (sentence, params["position"]) == ("intake_unit_differs", 2)


def test_a_column_that_is_there_in_our_unit_leaves_the_other_unread(shared_bench, measured):
    result = shared_bench.stage("编号,血糖,血糖(mg/L)\n1,6.8,9\n".encode(), measured)
    assert result.accepted["glucose"].to_list() == [Decimal("6.8")]
    assert "intake_header_new" in sentences(result)


@pytest.mark.parametrize(
    ("row", "glucose", "height", "fen"),
    [
        (",mmol/L,cm,元", "122.0", 2, 12200), (",mg/dL,(m),(万元)", "6.8", 200, 122 * 1000000),
        (",,m,", "122.0", 200, 12200), ("", None, None, None),
    ],
)  # fmt: skip
def test_a_row_of_units_below_the_header_is_heeded(shared_bench, measured, row, glucose, height, fen):
    lines = ["编号,血糖,身高,费用", *([row] if row else []), "1,122,2,122"]
    result = shared_bench.stage(("\n".join(lines) + "\n").encode(), measured)
    assert result.account.records == result.account.accepted == 1
    if row:
        assert result.accepted.select("glucose", "height", "cost").row(0) == (Decimal(glucose), height, fen)


def test_a_row_of_units_for_which_nothing_is_agreed_refuses_the_file(shared_bench, measured, refusal):
    data = "编号,血糖,身高\n,mmol/L,mm\n1,6,1700\n".encode()
    assert refusal(lambda: shared_bench.stage(data, measured))[0] == "intake_unit_differs"


@pytest.mark.parametrize(
    ("title", "fen"),
    [
        ("单位：万元", 20000),
        ("某县收支表（万元）", 20000),
        ("单位:元", 2),
        ("填报单位：分水镇卫生院", 2),
        ("单位：人", 2),
    ],
)  # fmt: skip
def test_a_unit_in_the_title_holds_for_the_table(shared_bench, measured, title, fen):
    result = shared_bench.stage(f"{title},\n编号,费用\n1,2\n".encode(), measured)
    assert result.accepted["cost"].to_list() == [fen * 100]


def test_what_a_header_says_wins_over_the_title(shared_bench, measured):
    result = shared_bench.stage("单位：万元,\n编号,费用(元)\n1,2\n".encode(), measured)
    assert result.accepted["cost"].to_list() == [200]


def test_a_title_with_a_unit_for_which_nothing_is_agreed_refuses_the_file(shared_bench, measured, refusal):
    data = "单位：万元,\n编号,自付\n1,2\n".encode()
    assert refusal(lambda: shared_bench.stage(data, measured))[0] == "intake_unit_differs"


@given(
    numbers=st.lists(
        st.decimals(min_value="-99999", max_value="99999", places=3, allow_nan=False), min_size=1, max_size=6
    )
)
def test_a_conversion_is_exact(shared_bench, measured, numbers):
    lines = "".join(f"{at},{number:f}\n" for at, number in enumerate(numbers))
    found = shared_bench.stage(f"编号,血糖(mg/dL)\n{lines}".encode(), measured).accepted["glucose"].to_list()
    assert found == [(n * Decimal("0.0555")).quantize(Decimal("0.1"), ROUND_HALF_UP) for n in numbers]


@pytest.mark.parametrize("cell", ["NaN", "1e3", "12mg", "."])
def test_what_is_no_number_is_none_in_any_unit(shared_bench, measured, cell):
    result = shared_bench.stage(f"编号,血糖(mg/dL)\n1,{cell}\n".encode(), measured)
    assert result.fixes["rule"].to_list() == ["type_glucose"]


# column maps --------------------------------------------------------------------------------------------------------

PRESSURE = [
    {"name": "no", "type": "text", "header": "编号", "required": True},
    {"name": "high", "type": "integer", "header": "收缩压", "aliases": ["血压1"], "unit": "mmHg"},
    {"name": "low", "type": "integer", "header": "舒张压", "aliases": ["血压2"], "unit": "mmHg"},
]
SWAPPED = {"institution": "H1", "from": "2024", "to": "2024", "headers": {"血压1": "low", "血压2": "high", "号": "no"}}


@pytest.mark.parametrize(
    ("period", "institution", "mapped"),
    [("2023Q4", "H1", False), ("2024Q1", "H1", True), ("2024Q4", "H1", True), ("2025Q1", "H1", False)],
)
def test_a_map_holds_for_its_institution_and_years(bench, period, institution, mapped):
    contract = bench.contract(PRESSURE, maps=[SWAPPED])
    assert contract.for_file(period, "H2") == contract.for_file(period, None) == contract
    result = bench.stage("编号,血压1,血压2\n1,120,80\n".encode(), contract, period)
    assert result.accepted.select("high", "low").row(0) == ((80, 120) if mapped else (120, 80))


def test_a_header_only_a_map_knows(bench, refusal):
    contract = bench.contract(PRESSURE, maps=[SWAPPED])
    data = "号,收缩压\n1,120\n".encode()
    assert bench.stage(data, contract, "2024Q2").accepted["no"].to_list() == ["1"]
    assert refusal(lambda: bench.stage(data, contract, "2025Q2"))[0] == "intake_header_missing"


def test_two_maps_that_disagree_are_named(bench):
    other = {"headers": {"血 压1": "high"}}
    contract = bench.contract(PRESSURE, maps=[SWAPPED, other])
    with pytest.raises(DefinitionError, match="means both low and high"):
        contract.for_file("2024Q1", "H1")
    assert contract.for_file("2025Q1", "H1").by_name["high"].headers[0] == "血 压1"


# drift --------------------------------------------------------------------------------------------------------------


def test_a_renamed_column_is_named_with_what_it_probably_was(bench):
    result = bench.stage("编号,收缩压,舒张压值,新列\n1,120,80,x\n".encode(), bench.contract(PRESSURE))
    params = {item.sentence: item.params for item in result.account.findings}
    assert params["intake_header_renamed"] == {"position": 3, "column": "血压2"}
    assert params["intake_header_new"]["position"] == 4
    assert "intake_header_absent" not in params


# corrections --------------------------------------------------------------------------------------------------------

TENTHS = {
    "id": "tenths", "institution": "H1", "from": "2024", "to": "2025", "column": "high",
    "where": "high like '%.%' and no <> 'x'", "set": "substring(high, 1, 2) || '0'", "reason": REASON, "status": "open",
}  # fmt: skip


def test_a_correction_is_applied_and_counted(bench):
    contract = bench.contract(PRESSURE, corrections=[TENTHS])
    result = bench.stage("编号,收缩压\n1, 12.0 \n2,130\n3,\n".encode(), contract)
    assert result.accepted["high"].to_list() == [120, 130, None]
    corrected = [item.params for item in result.account.findings if item.sentence == "intake_corrected"]
    assert corrected == [{"correction": "tenths", "count": 1}]


@pytest.mark.parametrize(
    ("change", "period"), [({"institution": "H2"}, "2025Q1"), ({}, "2026Q1"), ({"status": "fixed"}, "2025Q1")]
)
def test_a_correction_leaves_other_files_alone(bench, change, period):
    contract = bench.contract(PRESSURE, corrections=[{**TENTHS, **change}])
    result = bench.stage("编号,收缩压\n1,12.5\n2,130\n".encode(), contract, period)
    assert result.fixes["rule"].to_list() == ["type_high"]
    assert "intake_corrected" not in sentences(result)


def test_a_correction_does_not_outlive_its_fault(bench, refusal):
    contract = bench.contract(PRESSURE, corrections=[TENTHS])
    found = refusal(lambda: bench.stage("编号,收缩压\n1,120\n".encode(), contract))
    assert found == ("intake_correction_idle", {"correction": "tenths"})


def test_a_correction_may_fill_a_column_the_file_lacks(bench):
    given = {**TENTHS, "column": "low", "where": "no is not null", "set": "'80'"}
    result = bench.stage("编号,收缩压\n1,120\n".encode(), bench.contract(PRESSURE, corrections=[given]))
    assert result.accepted["low"].to_list() == [80]


def test_the_quarantine_holds_what_was_delivered(bench):
    given = {**TENTHS, "set": "'none'"}
    result = bench.stage("编号,收缩压\n1,12.5\n".encode(), bench.contract(PRESSURE, corrections=[given]))
    assert "12.5" in result.refused["raw"][0]
    assert "none" not in result.refused["raw"][0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"where": "hig = 'x'"}, "no column 'hig'"),
        ({"where": "high"}, "neither true nor false"),
        ({"set": "f(1)"}, "allowed"),
    ],
)
def test_a_correction_is_checked_before_any_file_is_read(bench, change, words):
    contract = bench.contract(PRESSURE, corrections=[{**TENTHS, **change}])
    with pytest.raises(DefinitionError, match="correction tenths") as error:
        check_contract(contract)
    assert words in str(error.value)


# the example of the template ----------------------------------------------------------------------------------------


def exemplary(bench):
    contract = bench.contract(PRESSURE)
    examples = {"no": ("1",), "high": ("120",), "low": ()}
    return replace(contract, columns=tuple(replace(c, examples=examples[c.name]) for c in contract.columns))


def test_the_marked_example_is_no_data(bench):
    contract = exemplary(bench)
    result = bench.stage("编号,收缩压,舒张压,样例标记\n1,120,,请删除\n2,130,80,\n".encode(), contract)
    assert result.accepted["no"].to_list() == ["2"]
    assert (result.account.records, result.account.non_data, result.account.examples) == (2, 1, 1)
    assert sentences(result) == ["intake_example_left"]
    assert result.fixes.is_empty()


@pytest.mark.parametrize(
    ("row", "alike"), [("1,120,", True), ("1,120,80", False), ("1,121,", False), ("2,120,", False)]
)
def test_an_example_without_its_mark_is_pointed_at(bench, row, alike):
    result = bench.stage(f"编号,收缩压,舒张压\n{row}\n".encode(), exemplary(bench))
    assert result.account.accepted == 1
    assert result.fixes.select("rule", "severity").rows() == ([("example_row", "warning")] if alike else [])
