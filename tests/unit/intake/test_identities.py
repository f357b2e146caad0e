"""Persons in columns that are not about persons are found before anything is stored, and no code of ours is one."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import ric, uscc

from assets.intake import identities
from assets.intake.check import check_file
from assets.intake.column_counts import naming_column
from data_contracts.closed import DefinitionError, parse, read_yaml
from data_contracts.codes import read_code_lists
from data_contracts.contracts import Catalog, package_feeds, read_feed
from data_contracts.expectations import expectations_of
from data_contracts.settings.limits import Limits
from data_contracts.settings.loading import REGISTRY

FEED = "hospitals.encounters"
TODAY = date(2026, 12, 31)
_catalog = Catalog.load()
CODES = [column.name for column in _catalog.feed(FEED).kept_texts if column.pattern]
WORDS = ["department", "diagnosis"]


def hits(kind="identity", seen=None, **columns):
    """Column → the cells found in it; columns of one length."""
    texts = pl.DataFrame({name: pl.Series(cells, dtype=pl.String) for name, cells in columns.items()})
    found = identities.found(texts, texts, _catalog.feed(FEED), TODAY, seen or identities.Seen())
    return {name: found[f"{kind}_{name}"].to_list() for name in columns if f"{kind}_{name}" in found}


def identity(region, born, order):
    number = f"{region:06d}{born:%Y%m%d}{order:03d}"
    return number + ric.calc_check_digit(number + "0")


regions = st.sampled_from([110105, 440524, 330106, 130102, 990101, 650102])
days = st.integers(0, 45_000).map(lambda n: date(1900, 1, 1) + timedelta(days=n))
numbers = st.builds(identity, regions, days, st.integers(0, 999))
shorts = numbers.filter(lambda number: 1911 <= int(number[6:10]) <= 1999).map(lambda number: number[:6] + number[8:17])
phones = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)


@settings(max_examples=25, deadline=None)
@given(numbers | shorts)
def test_an_identity_number_is_found_in_any_kept_column_of_text(number):
    for name in ("department", "diagnosis", "encounter_no", "diagnosis_code"):
        assert hits(**{name: ["A01", number, None]}) == {name: [False, True, False]}
        assert hits(**{name: [number.lower()]}) == {name: [True]}


@pytest.mark.parametrize("last", [1, 19, 20])
def test_few_numbers_of_a_last_block_are_judged_with_those_before(last):
    """A file is read in blocks: a serial number that fits by chance is no person because it stands at the end."""
    serials = [f"1101050{number:011d}" for number in range(300)]
    fitting = [identity(110105, date(1950 + order, 3, 4), order) for order in range(last)]
    assert all(hits(encounter_no=fitting)["encounter_no"])
    file = identities.Seen()
    assert not any(hits(seen=file, encounter_no=serials)["encounter_no"])
    # So many do not fit by chance.
    assert all(hits(seen=file, encounter_no=fitting)["encounter_no"]) is (last >= 20)
    assert any(hits(seen=file, encounter_no=fitting)["encounter_no"]) is (last >= 20)
    # Another column of the same file is judged on its own.
    assert all(hits(seen=file, department=fitting)["department"])


def test_a_short_number_of_nobody_alive_is_a_code():
    """Codes of international lists, such as 124171000119105, would be people of the year 1900."""
    assert hits(diagnosis_code=["124171000119105", "A01"]) == {"diagnosis_code": [False, False]}
    assert hits(diagnosis_code=["124171110119105", "124171111231105"]) == {"diagnosis_code": [True, True]}


@settings(max_examples=25, deadline=None)
@given(numbers.filter(lambda number: not uscc.is_valid(number)))
def test_an_identity_number_among_codes_of_institutions_is_found(number):
    for name in CODES:
        assert hits(**{name: ["99010100101", number]}) == {name: [False, True]}


@settings(max_examples=25, deadline=None)
@given(phones)
def test_a_mobile_number_is_found_in_words_and_in_columns_of_numbers(phone):
    assert hits(department=[phone, f"电话{phone}转李", f"+86{phone}"]) == {"department": [True] * 3}
    assert hits(encounter_no=["H01-25-000001", phone]) == {"encounter_no": [False, True]}
    assert hits(department=[f"9{phone}", f"{phone}0", phone[:10]]) == {"department": [False] * 3}


@pytest.mark.parametrize("last", "0123456789X")
def test_one_wrong_digit_makes_no_identity_number(last):
    assert hits(department=[f"11010519491231002{last}"]) == {"department": [last == "X"]}


@pytest.mark.parametrize("day", ["19491301", "19490230", "20270101", "18991231"])
def test_a_birth_that_cannot_be_makes_no_identity_number(day):
    number = f"110105{day}002"
    assert hits(department=[number + ric.calc_check_digit(number + "0")]) == {"department": [False]}


def test_credit_codes_and_codes_of_institutions_are_no_persons():
    # 11340722348722127R is published; the second is all digits and passes both check digits of GB 32100.
    digits = next(
        code
        for n in range(10**6)
        for inner in [f"{n:08d}"]
        for code in [_credit("911101", "05", inner)]
        if code and code.isdigit()
    )
    assert uscc.is_valid(digits)
    sound = [
        "11340722348722127R",
        digits,
        "H99010100001",
        "99010100101",
        "9901010010101A1001234X"[:22],
        "330106471234561",
    ]
    assert hits(institution_code=sound) == {"institution_code": [False] * len(sound)}
    assert hits("shape", institution_code=sound) == {"institution_code": [False] * len(sound)}


def _credit(head, county, inner):
    """A credit code made up of its parts, with both check digits; None where the inner one is no digit."""
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    check = 11 - sum(int(sign) * weight for sign, weight in zip(inner, weights, strict=True)) % 11
    body = f"{head}{county}{inner}{'X' if check == 10 else check % 11}"
    return body + uscc.calc_check_digit(body) if check < 10 else None


def test_codes_of_a_province_that_begin_like_mobile_numbers_are_codes_and_a_mobile_number_among_them_is_not():
    hebei = [f"130102{n:05d}" for n in range(101, 104)]
    assert hits(institution_code=[*hebei, "13812345678"]) == {"institution_code": [False, False, False, True]}
    assert hits(institution_code=hebei[:1]) == {"institution_code": [False]}
    # Elsewhere a number of that kind is a mobile number.
    assert hits(institution_code=["99010100101", "99010100102", hebei[0]])["institution_code"] == [False, False, True]


def test_numbers_that_count_days_are_no_persons():
    """Serial numbers of 18 digits pass the check digit one time in eleven, those of 11 digits look like mobiles."""
    dated = [f"9901012025{month:02d}{day:02d}{n:04d}" for month in (10, 11) for day in range(1, 29) for n in range(20)]
    assert sum(ric.calc_check_digit(number) == number[-1] for number in dated) > len(dated) // 20
    counted = [f"18{month:02d}{day:02d}{n:05d}" for month in (1, 2, 3) for day in range(1, 29) for n in range(5)]
    short = [f"33010625{month:02d}{day:02d}{n:03d}" for month in (1, 2, 3) for day in range(1, 29) for n in range(5)]
    for serials in (dated, counted, short):
        assert not any(hits(encounter_no=serials)["encounter_no"])


@pytest.mark.parametrize("serial", ["202510011230451", "190112311230451", "20251001123045000X"])
def test_one_number_that_begins_with_a_time_is_no_person(serial):
    assert hits(encounter_no=[serial], department=[serial]) == {"encounter_no": [False], "department": [False]}


def test_a_column_full_of_mobile_or_identity_numbers_is_no_column_of_serial_numbers():
    mobiles = [f"1{prefix}{n:08d}" for prefix in (30, 58, 77, 89, 91) for n in range(20)]
    persons = [identity(330106, date(1940 + n % 60, 1 + n % 12, 1 + n % 28), n % 999) for n in range(100)]
    assert all(hits(encounter_no=mobiles)["encounter_no"])
    assert all(hits(encounter_no=persons)["encounter_no"])


def test_numbers_among_words_need_not_vary_and_serial_numbers_do():
    mobiles = [f"138000012{n}" for n in range(10, 13)]
    assert all(hits(department=[f"联系电话{number}" for number in mobiles])["department"])
    assert all(hits(department=[f"家属（{number}）" for number in mobiles])["department"])
    assert not any(hits(department=mobiles)["department"])
    assert not any(hits(department=[f"凭证201800012{n}" for n in range(10, 13)])["department"])


def test_the_name_of_the_person_of_the_row_is_found_and_words_for_nothing_are_not():
    found = hits(department=["张三", "张三", "李", "不详", "未知"], person_name=["张三", "李四", "李", "不详", "未知"])
    assert found == {"department": [True, False, False, False, False]}
    # A name where a code belongs has no form of a code.
    assert hits("shape", institution_code=["张三", "99010100101", None]) == {"institution_code": [True, False, False]}


def test_such_a_record_is_quarantined_by_name_and_no_report_shows_the_value(tmp_path):
    limits = parse(Limits, read_yaml(REGISTRY / "limits.yaml"), "limits.yaml")
    header = "就诊流水号,机构编码,身份证号,姓名,就诊日期,就诊类型,医保类型,总费用（元）,科室,转诊机构编码"
    person = "11010519491231002X"
    rows = [
        f"H01-25-00000{n},{code},{person},张三,2025-10-0{n},门诊,,12.50,{place},{source}"
        for n, (code, place, source) in enumerate(
            [("H01", "心内科", ""), (person, "心内科", ""), ("H01", "张三", ""), ("H01", "13800138000", ""),
             ("H01", "心内科", person), ("张三", "心内科", "")], start=1
        )
    ]  # fmt: skip
    path = tmp_path / "门诊_2025Q4.csv"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    kept = []
    result = check_file(path, FEED, _catalog, limits, "2025Q4", keep=kept.append)
    found = {rule: count.violated for rule, count in result.account.rules.items() if count.violated}
    assert found == {"identity_institution_code": 1, "identity_department": 2, "identity_referred_from": 1,
                     "shape_institution_code": 1}  # fmt: skip
    assert (result.account.records, result.account.quarantined, result.account.accepted) == (6, 5, 1)
    said = result.fixes.drop("file").write_csv()
    assert person not in said
    assert "13800138000" not in said
    assert "张三" not in said
    assert pl.concat(kept)["department"].to_list() == ["心内科"]


@pytest.mark.parametrize("key", package_feeds())
def test_counts_kept_in_the_home_hold_codes_alone(key):
    """Values are counted of coded columns and of codes of institutions that have a form; of no other text."""
    contract = _catalog.feed(key)
    counted = [item.column for item in expectations_of(contract).columns if item.categories is not None]
    assert {contract.by_name[name].type for name in counted if name in contract.by_name} <= {"code", "boolean"}
    naming = naming_column(contract)
    assert naming is None or contract.by_name[naming].pattern


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("pattern: '[0-9A-Za-z-]{1,22}'", "pattern: '[0-9'", "not a pattern"),
        (
            "    examples: [张三]\n",
            "    examples: [张三]\n    logicalTypeOptions: {pattern: a}\n",
            "kept column of text",
        ),
    ],
)
def test_a_form_that_cannot_be_is_named(tmp_path, old, new, said):
    (path,) = (REGISTRY.parent / "feeds" / "health_bureau.tcm").glob("*.yaml")
    text = path.read_text("utf-8")
    assert old in text
    target = tmp_path / "health_bureau.tcm" / path.name
    target.parent.mkdir()
    target.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(DefinitionError, match=said):
        read_feed(target, read_code_lists())
