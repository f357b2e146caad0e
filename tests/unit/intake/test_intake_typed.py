"""Cells to typed values. Oracles: decimal, datetime; every odd cell must be a named violation, never a guess."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assets.intake.typed import DATE_FORMATS, _dates, _scaled, type_columns


def typed(bench, column, cells):
    contract = bench.contract([{"name": "id", "type": "text"}, {"name": "x", **column}])
    texts = pl.DataFrame({"x": cells}, schema={"x": pl.String}).with_columns(
        pl.lit("1").alias("id"), record_no=pl.int_range(1, len(cells) + 1, dtype=pl.Int32), line_no=pl.lit(1)
    )
    return type_columns(texts, contract, bench.codes["yes_no"])


def column(bench, spec, cells):
    result = typed(bench, spec, cells)
    violated = {rule: where.to_list() for rule, where in result.violations.items() if where.any()}
    return result.frame["x"].to_list(), violated


NUMBER_TEXT = st.one_of(
    st.from_regex(r"[+-]?[0-9]{0,12}(\.[0-9]{0,4})?", fullmatch=True),
    st.from_regex(r"[+-]?[0-9]{1,3}(,[0-9]{3}){1,3}(\.[0-9]{0,3})?", fullmatch=True),
    st.text("0123456789.,+-eE aN", max_size=9),
    st.sampled_from(["NaN", "inf", "-Infinity", "1e400", "1e3", ".+5", "9" * 19, "9" * 30, "0.005", "-0.005", "1_000"]),
)


def exact(text, scale, rounded):
    """The same reading by way of decimal: grouped thousands or none, no exponent, no more digits than the scale."""
    body = text.lstrip("+-") if text[:1] in "+-" else text
    if len(text) - len(body) > 1 or not set(body) <= set("0123456789.,"):
        return None
    groups = body.split(".")[0].split(",")
    if len(groups) > 1 and (not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:])):
        return None
    if "," in "".join(body.split(".")[1:]):
        return None
    try:
        with localcontext() as context:
            context.prec = 80
            value = Decimal(text.replace(",", "")).scaleb(scale)
            whole = value.quantize(Decimal(1), ROUND_HALF_UP)
    except InvalidOperation:
        return None
    if (whole != value and not rounded) or abs(whole) > 2**63 - 1:
        return None
    return int(whole)


@given(
    cells=st.lists(NUMBER_TEXT.filter(bool), min_size=1, max_size=8),
    scale=st.sampled_from([0, 1, 2, 6]),
    rounded=st.booleans(),
)
@example(cells=[".+5", ".-5"], scale=2, rounded=False)
@example(cells=["999999999999999999", "-99999999999999999.9"], scale=6, rounded=False)
def test_numbers_agree_with_decimal_arithmetic(cells, scale, rounded):
    assert _scaled(pl.Series(cells), scale, rounded=rounded).to_list() == [
        exact(cell, scale, rounded) for cell in cells
    ]


@pytest.mark.parametrize(
    ("cell", "fen"),
    [("0.1", 10), ("19.99", 1999), ("-0.05", -5), ("１２．３０", 1230), ("1,234.5", 123450), ("12，345", 1234500),
     ("'7", 700), ("\u3000 8 ", 800), ("90071992547409.93", 9007199254740993)],
)  # fmt: skip
def test_money_is_exact(bench, cell, fen):
    assert column(bench, {"type": "money", "money_unit": "yuan"}, [cell]) == ([fen], {})


@pytest.mark.parametrize("cell", ["0.005", "NaN", "inf", "1e400", "12人", "1.2万", "12%", "¥5", "1,23", "--", "0x10"])
def test_what_is_no_amount_is_named(bench, cell):
    assert column(bench, {"type": "money", "money_unit": "yuan"}, [cell]) == ([None], {"type_x": [True]})


def test_declared_rounding(bench):
    spec = {"type": "money", "money_unit": "yuan", "rounded": True}
    assert column(bench, spec, ["0.004", "0.005", "-0.005", "0.015"]) == ([0, 1, -1, 2], {})


def test_decimals_keep_their_digits(bench):
    values, violated = column(bench, {"type": "decimal", "scale": 1}, ["7.0", "11.1", "-.5", "7.05", ""])
    assert values == [Decimal("7.0"), Decimal("11.1"), Decimal("-0.5"), None, None]
    assert violated == {"type_x": [False, False, False, True, False]}


def test_integers_with_a_pointless_fraction(bench):
    assert column(bench, {"type": "integer"}, ["310.0", "007", "1.5"])[0] == [310, 7, None]


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2024-01-05", date(2024, 1, 5)), ("2024-1-5", date(2024, 1, 5)), ("2024/01/05", date(2024, 1, 5)),
        ("20240105", date(2024, 1, 5)), ("2024年1月5日", date(2024, 1, 5)), ("２０２４-01-05", date(2024, 1, 5)),
        ("2024-02-29", date(2024, 2, 29)), ("9999-12-31", date(9999, 12, 31)),
        ("2023-02-29", None), ("03/04/2024", None), ("24-1-5", None), ("24.1.5", None), ("2024105", None),
        ("45296", None), ("2024-01", None), ("2024年1月", None), ("2024-01-05 10:00:00", None), ("12024-01-05", None),
    ],
)  # fmt: skip
def test_dates(bench, cell, day):
    assert column(bench, {"type": "date"}, [cell]) == ([day], {} if day else {"type_x": [True]})


def test_a_moment_is_a_date_only_where_the_contract_says_so(bench):
    spec = {"type": "date", "date_formats": ["%Y-%m-%d %H:%M:%S"]}
    assert column(bench, spec, ["2025-01-31 23:59:59"])[0] == [date(2025, 1, 31)]
    assert column(bench, {"type": "date", "date_formats": ["%d/%m/%Y"]}, ["03/04/2024", "13/04/24"])[0] == [
        date(2024, 4, 3),
        None,
    ]


@given(days=st.lists(st.dates(date(1800, 1, 1), date(2200, 1, 1)), min_size=1, max_size=6))
def test_every_default_format_reads_back(days):
    for form in DATE_FORMATS:
        assert _dates(pl.Series([day.strftime(form) for day in days]), DATE_FORMATS).to_list() == days


def test_codes_by_any_spelling(bench):
    values, violated = column(
        bench, {"type": "code", "codes": "insurance_type"}, ["310", "310.0", "３９０", "职工", "311", ""]
    )
    assert values == ["employee", "employee", "resident", "employee", None, None]
    assert violated == {"code_x": [False, False, False, False, True, False]}


def test_yes_and_no(bench):
    values, violated = column(bench, {"type": "boolean"}, ["是", "0", "1.0", "也许", ""])
    assert values == [True, False, True, None, None]
    assert violated == {"type_x": [False, False, False, True, False]}


MARKS = ["NULL", "\\N", "#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"]


def test_marks_of_no_value_are_no_text(bench):
    """A key that reads #N/A would make one record of all the records whose key was lost."""
    cells = [*MARKS, " #N/A ", "＃N/A", "#1"]
    lost = len(MARKS) + 2
    values, violated = column(bench, {"type": "text", "required": True}, cells)
    assert values == [None] * lost + ["#1"]
    assert violated == {"required_x": [True] * lost + [False]}


def test_marks_of_no_value_are_no_person(bench):
    person = {"column": "x", "id_scheme": "opaque"}
    contract = bench.contract(
        [{"name": "id", "type": "text"}, {"name": "x", "type": "text", "role": "person_id"}], person=person
    )
    texts = pl.DataFrame({"x": ["#N/A", "P1"], "id": ["1", "2"], "record_no": [1, 2], "line_no": [2, 3]})
    assert type_columns(texts, contract, bench.codes["yes_no"]).violations["person_id_invalid"].to_list() == [
        True,
        False,
    ]


def test_marks_of_no_value_are_no_number(bench):
    values, violated = column(bench, {"type": "integer"}, [*MARKS, "1"])
    assert (values[-1], violated) == (1, {"type_x": [True] * len(MARKS) + [False]})


def test_missing_words_are_empty_and_required_is_named(bench):
    spec = {"type": "integer", "missing": ["-", "不详"], "required": True}
    assert column(bench, spec, ["-", "不详", " ", "0"]) == (
        [None, None, None, 0],
        {"required_x": [True, True, True, False]},
    )


@given(
    cells=st.lists(
        st.sampled_from(["1", "１", "1,000", "x", "", "1.0", "①", "2.50", "\ufeff3", "NaN"]), min_size=2, max_size=12
    ),
    at=st.integers(1, 11),
    kind=st.sampled_from([{"type": "integer"}, {"type": "text"}, {"type": "money", "money_unit": "yuan"}]),
)
def test_a_cell_is_read_the_same_whatever_stands_beside_it(shared_bench, cells, at, kind):
    whole = column(shared_bench, kind, cells)[0]
    apart = column(shared_bench, kind, cells[:at])[0] + (
        column(shared_bench, kind, cells[at:])[0] if cells[at:] else []
    )
    assert whole == apart


@pytest.mark.parametrize("cell", ["+2025-10-12", "-2025-10-12", "+20251012", "24.1.5", "24-01-05", "45296", "45296.0",
    "2025-10", "2025年10月", "2025-10-12T08:00:00", "2025-10-12,2025-10-13", "NaN", "12/10/2025"])  # fmt: skip
def test_what_is_no_plain_date_is_named(bench, cell):
    assert column(bench, {"type": "date"}, [cell]) == ([None], {"type_x": [True]})


@pytest.mark.parametrize(
    "cell", ["1e5", "1E5", "12人", "1.2万", "90%", "９０％", "1/2", "一百", "1-2", "5±1", "≥5", "<3"]
)
def test_what_is_no_plain_number_is_named(bench, cell):
    for spec in ({"type": "integer"}, {"type": "decimal", "scale": 2}):
        assert column(bench, spec, [cell]) == ([None], {"type_x": [True]})


WORDS = ["无", "不详", "未知", "-", "—", "/", "null", "N/A", "None", "？", "Ｎ/Ａ", " 无 "]


@pytest.mark.parametrize("word", WORDS)
def test_a_word_for_nothing_is_no_text_that_is_needed(bench, word):
    assert column(bench, {"type": "text", "required": True}, [word]) == ([None], {"required_x": [True]})
    assert column(bench, {"type": "text"}, ["无"]) == (["无"], {})


def test_a_contract_may_accept_a_word_as_a_value(bench):
    spec = {"type": "text", "required": True, "accepts": ["无", "NULL"]}
    assert column(bench, spec, ["无", "NULL", "不详"]) == (["无", "NULL", None], {"required_x": [False, False, True]})


def pointing(bench, cells, *, required=False, **extras):
    columns = [{"name": "id", "type": "text"}, {"name": "x", "type": "text", "required": required}]
    contract = bench.contract(columns, **extras)
    texts = pl.DataFrame({"x": cells}, schema={"x": pl.String}).with_columns(
        pl.lit("1").alias("id"), record_no=pl.int_range(1, len(cells) + 1, dtype=pl.Int32), line_no=pl.lit(1)
    )
    result = type_columns(texts, contract, bench.codes["yes_no"])
    return result.frame["x"].to_list(), [rule for rule, where in result.violations.items() if where.any()]


@pytest.mark.parametrize(
    "extras",
    [{"institution": {"column": "x"}}, {"area": {"column": "x"}},
     {"references": [{"columns": ["x"], "feed": "office.other", "target": ["y"], "severity": "warning",
                      "titles": {"zh": "在册", "en": "Known"}, "fix": {"zh": "核对", "en": "Check"}}]}],
)  # fmt: skip
def test_what_points_at_something_is_empty_or_sound(bench, extras):
    """不详 as the code of an institution would make one institution of all those nobody wrote down."""
    assert pointing(bench, ["不详", "-", "H1"], **extras) == ([None, None, "H1"], [])
    assert pointing(bench, ["9.90101E+10", "310.0"], **extras) == ([None, None], ["type_x"])
    assert pointing(bench, ["5E10", "1.2", "A.0", "E+5", "10-0.0"], **extras)[1] == []
    assert pointing(bench, ["9.90101E+10", "不详"]) == (["9.90101E+10", "不详"], [])


def test_a_key_is_empty_or_sound(bench):
    key = {"business_key": ["x"]}
    assert pointing(bench, ["不详", "K1"], required=True, **key) == ([None, "K1"], ["required_x"])
    assert pointing(bench, ["4.4E+17", "310.0"], required=True, **key) == ([None, None], ["type_x"])
    assert pointing(bench, ["1.0", "不详"], business_key=["id", "x"], empty_in_key=["x"]) == (["1.0", "不详"], [])


def test_a_needed_text_that_identifies_nothing_may_look_like_a_number(bench):
    assert column(bench, {"type": "text", "required": True}, ["1.0", "4.4E+17"]) == (["1.0", "4.4E+17"], {})


@pytest.mark.parametrize("cell", ["不详", "4.4052E+17", "无", "N/A"])
def test_a_word_or_a_ruined_number_is_no_person(bench, cell):
    person = {"column": "x", "id_scheme": "opaque"}
    columns = [{"name": "id", "type": "text"}, {"name": "x", "type": "text", "role": "person_id"}]
    texts = pl.DataFrame({"x": [cell, "P1"], "id": ["1", "2"], "record_no": [1, 2], "line_no": [2, 3]})
    result = type_columns(texts, bench.contract(columns, person=person), bench.codes["yes_no"])
    assert result.violations["person_id_invalid"].to_list() == [True, False]


PERSON = [
    {"name": "id", "type": "text"}, {"name": "x", "type": "text", "role": "person_id"},
    {"name": "born", "type": "date"}, {"name": "sex", "type": "code", "codes": "sex"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("idno", "born", "sex", "doubts"),
    [
        # The standard's own specimens: a woman born on 31 December 1949, a man born on 1 January 1880 (not accepted).
        ("11010519491231002X", "1949-12-31", "女", [False, False]),
        ("11010519491231002X", "1949-12-30", "女", [True, False]),
        ("11010519491231002X", "1949-12-31", "男", [False, True]),
        ("11010519491231002X", "", "", [None, None]),
        ("11010519491231002X", "bad", "未知", [None, None]),
        ("110105491231002", "1949-12-31", "2", [False, False]),
        ("110105491231002", "1950-12-31", "1", [True, True]),
        ("110105194912310021", "1950-12-31", "1", [None, None]),
    ],
)
def test_birth_and_sex_are_those_of_the_number(bench, idno, born, sex, doubts):
    person = {"column": "x", "id_scheme": "cn_id", "birth": "born", "sex": "sex"}
    contract = bench.contract(PERSON, person=person)
    texts = pl.DataFrame({"id": ["1"], "x": [idno], "born": [born], "sex": [sex], "record_no": [1], "line_no": [2]})
    found = type_columns(texts, contract, bench.codes["yes_no"]).doubts
    assert [found[rule][0] for rule in ("person_birth_differs", "person_sex_differs")] == doubts


def test_a_doubt_leaves_the_record_and_is_flagged(bench):
    person = {"column": "x", "id_scheme": "cn_id", "birth": "born", "sex": "sex"}
    data = "id,x,born,sex\n1,11010519491231002X,1950-01-01,男\n".encode()
    result = bench.stage(data, bench.contract(PERSON, person=person))
    assert result.accepted["warnings"].to_list() == ["person_birth_differs;person_sex_differs"]
    assert result.fixes["severity"].to_list() == ["warning", "warning"]


ODD_CELLS = [
    "", " ", "12", " 12", "12 ", "'12", "１２", "+12", "-7", "1.50", "1,234", "1.0", "0", "00", "-", "无", "不详",
    "999", "9" * 18, "9" * 19, "9" * 40, "1e3", "12\u200b", "\u00a07", "是", "否", "男", "1\t", "1\r",
    "2025-01-02", " 2025-01-02", "2025/1/2", "20250102", "２０２５-01-02", "2025年1月2日", "+2025-01-02", "2025-02-30",
]  # fmt: skip
KINDS = [
    {"type": "integer", "missing": ["999", "-"]}, {"type": "decimal", "scale": 2}, {"type": "decimal", "scale": 0},
    {"type": "decimal", "scale": 1, "rounded": True}, {"type": "money", "money_unit": "yuan"}, {"type": "date"},
    {"type": "boolean"}, {"type": "text"}, {"type": "text", "required": True}, {"type": "integer", "required": True},
]  # fmt: skip


@pytest.mark.parametrize("spec", KINDS)
def test_a_cell_says_the_same_in_whatever_company(bench, spec):
    """Alone, among many that say the same few things, and among many that are all different."""
    alone = {cell: column(bench, spec, [cell]) for cell in ODD_CELLS}
    different = [str(number) for number in range(10_000, 16_000)]
    for company in (ODD_CELLS * 200, different + ODD_CELLS):
        result = typed(bench, spec, company)
        values = result.frame["x"].to_list()
        violated = {rule: where.to_list() for rule, where in result.violations.items() if where.any()}
        for at in range(len(company) - len(ODD_CELLS), len(company)):
            rules = {rule: [True] for rule, where in violated.items() if where[at]}
            assert ([values[at]], rules) == alone[company[at]]
