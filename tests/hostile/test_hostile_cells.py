"""Numbers, dates, ids, codes and missing marks in one cell of an otherwise sound file."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from tests.hostile.harness import Case, accepted_rows, bad, ok, through_check
from tests.hostile.records import Visit, check_digit, desk, id18, table, visit

ID = id18(2)
FIFTEEN = ID[:6] + ID[8:17]
WRONG = ID[:17] + ("1" if ID[17] != "1" else "2")
WITH_X = next(n for n in range(1, 400) if id18(n).endswith("X"))
ROMAN = next(n for n in range(WITH_X + 1, 800) if id18(n).endswith("X"))


@dataclass(frozen=True)
class Cell:
    """One odd cell: what it says, or (`rule`) the rule that must name it."""

    id: str
    rule: str | None
    read: dict[str, Any]
    cells: dict[str, str]

    def record(self, number: int) -> Visit:
        """A record with this cell, sound otherwise."""
        return visit(number, {"idno": ID} | self.read if "idno" in self.cells else self.read, **self.cells)

    def alone(self) -> Case:
        """A file with this cell in the second of three records."""
        odd = self.record(2)
        middle = ok(odd) if self.rule is None else bad(self.rule)
        secrets = tuple(text for text in self.cells.values() if len(text) > 7)
        return Case(
            self.id, table([visit(1), odd, visit(3)]).encode(), [ok(visit(1)), middle, ok(visit(3))], secrets=secrets
        )


def says(ident: str, read: dict[str, Any], **cells: str) -> Cell:
    return Cell(ident, None, read, cells)


def named(ident: str, rule: str, **cells: str) -> Cell:
    return Cell(ident, rule, {}, cells)


def right_id(body: str) -> str:
    """A body of 17 digits with the check digit that belongs to it."""
    return body + check_digit(body)


def fee(fen: int | None) -> dict[str, int | None]:
    return {"fee": fen}


NUMBERS = [
    named("nan", "type_fee", fee="NaN"),
    named("inf", "type_fee", fee="inf"),
    named("minus-infinity", "type_glucose", glucose="-Infinity"),
    named("overflowing-exponent", "type_fee", fee="1e400"),
    named("exponent", "type_fee", fee="1E5"),
    named("exponent-integer", "type_sbp", sbp="1.2E2"),
    says("thousands", fee(123_450), fee="1,234.50"),
    says("thousands-full-width", fee(1_234_500), fee="12，345"),
    named("thousands-misplaced", "type_fee", fee="12,34.50"),
    named("thousands-misplaced-integer", "type_sbp", sbp="1,38"),
    named("european-decimal", "type_fee", fee="1.234,50"),
    named("decimal-comma", "type_glucose", glucose="7,1"),
    says("full-width-digits", {"sbp": 138, "fee": 1230}, sbp="１３８", fee="１２．３０"),
    named("ten-thousands", "type_fee", fee="1.2万"),
    named("persons", "type_sbp", sbp="12人"),
    named("percent", "type_glucose", glucose="9%"),
    named("percent-full-width", "type_fee", fee="90％"),
    named("currency-sign", "type_fee", fee="¥5.00"),
    says("leading-zeros", {"sbp": 138}, sbp="0138"),
    says("leading-zeros-of-a-key", {"no": "000000000001"}, no="000000000001"),
    says("minus-zero", fee(0), fee="-0"),
    says("minus-zero-decimal", fee(0), fee="-0.00"),
    named("unicode-minus", "type_fee", fee="\u2212\u0035.00"),
    named("brackets-for-negative", "type_fee", fee="(5.00)"),
    named("trailing-minus", "type_fee", fee="5.00-"),
    says("plus-sign", fee(999), fee="+9.99"),
    says("nine-ninety-nine", fee(999), fee="9.99"),
    says("point-three", fee(30), fee="0.30"),
    named("float-noise", "type_fee", fee="0.30000000000000004"),
    named("half-a-fen", "type_fee", fee="0.005"),
    says("zeros-beyond-the-fen", fee(1234), fee="12.3400000"),
    says("largest-fen", fee(9_223_372_036_854_775_807), fee="92233720368547758.07"),
    named("beyond-int64", "type_fee", fee="92233720368547758.08"),
    named("beyond-int64-integer", "type_sbp", sbp="9223372036854775808"),
    named("forty-digits", "type_fee", fee="1" * 40),
    says("beyond-a-double", fee(9_007_199_254_740_993), fee="90071992547409.93"),
    named("too-many-digits", "type_glucose", glucose="7.15"),
    named("fraction-of-an-integer", "type_sbp", sbp="138.5"),
    says("float-of-an-integer", {"sbp": 138}, sbp="138.0"),
    named("underscore", "type_fee", fee="1_000"),
    named("hexadecimal", "type_sbp", sbp="0x8A"),
    named("arabic-indic-digits", "type_sbp", sbp="\u0661\u0663\u0668"),
    named("chinese-numeral", "type_sbp", sbp="一三八"),
    named("circled-digit", "type_sbp", sbp="①"),
    named("superscript", "type_sbp", sbp="13²"),
    named("two-numbers", "type_sbp", sbp="138/86"),
    named("space-within", "type_sbp", sbp="1 38"),
    named("lone-point", "type_fee", fee="."),
    named("lone-sign", "type_fee", fee="-"),
    named("double-sign", "type_fee", fee="--5"),
    named("true-as-number", "type_sbp", sbp="TRUE"),
    says("apostrophe", {"sbp": 138}, sbp="'138"),
    says("no-break-space", {"sbp": 138}, sbp="\u00a0138\u00a0"),
    named("percent-of-percent", "type_rate", rate="90%"),
    named("percent-full-width-of-percent", "type_rate", rate="90.5％"),
    named("wrong-unit-kpa", "sbp_range", sbp="18"),
    named("wrong-unit-mg-dl", "glucose_range", glucose="126"),
]

DATES = [
    named("day-or-month-first", "type_day", day="03/04/2025"),
    named("month-first", "type_day", day="01/31/2025"),
    named("two-digit-year", "type_day", day="25.1.5"),
    named("two-digit-year-dashes", "type_day", day="25-01-05"),
    named("month-only", "type_day", day="2025年1月"),
    named("month-only-dashes", "type_day", day="2025-01"),
    says("chinese", {"day": date(2025, 1, 5)}, day="2025年1月5日"),
    says("dots", {"day": date(2025, 1, 5)}, day="2025.1.5"),
    says("slashes", {"day": date(2025, 1, 5)}, day="2025/1/5"),
    says("compact", {"day": date(2025, 1, 5)}, day="20250105"),
    named("compact-short", "type_day", day="2025105"),
    says("full-width", {"day": date(2025, 1, 5)}, day="２０２５－０１－０５"),
    named("serial", "type_day", day="45662"),
    named("serial-with-time", "type_day", day="45662.5"),
    named("unix-time", "type_day", day="1736035200"),
    named("datetime", "type_day", day="2025-01-05 10:30:00"),
    named("iso-datetime", "type_day", day="2025-01-05T00:00:00Z"),
    named("ds15", "type_day", day="20250105T103000"),
    named("day-zero", "day_in_period", day="1900-01-01"),
    named("never", "day_in_period", day="9999-12-31"),
    named("no-leap-day", "type_day", day="2025-02-29"),
    named("day-thirty-one", "type_day", day="2025-02-31"),
    named("month-thirteen", "type_day", day="2025-13-01"),
    named("signed-year", "type_day", day="+2025-01-05"),
    named("signed-compact", "type_day", day="+2025105"),
    named("negative-year", "type_day", day="-2025-01-05"),
    named("five-digit-year", "type_day", day="12025-01-05"),
    named("future", "day_in_period", day="2031-01-05"),
    says("last-day", {"day": date(2025, 3, 31)}, day="2025-03-31"),
    says("first-day", {"day": date(2025, 1, 1)}, day="2025-01-01"),
    named("day-after-the-period", "day_in_period", day="2025-04-01"),
    named("sign-within", "type_day", day="2025-+1-05"),
    named("two-dashes", "type_day", day="2025--01-05"),
    named("trailing-words", "type_day", day="2025-01-05 上午"),
    named("float-of-a-day", "type_day", day="20250105.0"),
    named("zero-date", "type_day", day="0000-00-00"),
    named("slashes-only", "type_day", day="/"),
    named("mixed-separators", "type_day", day="2025-01/05"),
    named("english-month", "type_day", day="5-Jan-2025"),
    named("empty-date", "required_day", day=""),
]

IDS = [
    says("lower-x", {"idno": id18(WITH_X)}, idno=id18(WITH_X).lower()),
    says("roman-ten", {"idno": id18(ROMAN)}, idno=id18(ROMAN)[:17] + "Ⅹ"),
    says("small-roman-ten", {"idno": id18(ROMAN)}, idno=id18(ROMAN)[:17] + "ⅹ"),
    says("full-width-id", {}, idno="".join(chr(ord(c) + 0xFEE0) for c in ID)),
    says("apostrophe-id", {}, idno="'" + ID),
    says("spaces-around", {}, idno=f"\u3000{ID} "),
    named("spaces-within", "person_id_invalid", idno=f"{ID[:6]} {ID[6:14]} {ID[14:]}"),
    says("fifteen-digits", {"idno": "11010519491231002X"}, idno="110105491231002"),
    named("lost-digits", "person_id_invalid", idno=ID[:15] + ("000" if ID[15:] != "000" else "001")),
    named("scientific", "person_id_invalid", idno="4.4052E+17"),
    named("scientific-long", "person_id_invalid", idno="1.10105194202E+17"),
    named("float-id", "person_id_invalid", idno=ID[:17] + ".0"),
    named("wrong-check-digit", "person_id_invalid", idno=WRONG),
    named("two-ids", "person_id_invalid", idno=f"{id18(2)} {id18(3)}"),
    named("two-ids-slash", "person_id_invalid", idno=f"{id18(2)}/{id18(3)}"),
    named("no-id", "person_id_invalid", idno=""),
    named("id-none", "person_id_invalid", idno="无"),
    named("impossible-birthday", "person_id_invalid", idno="110105194902300020"),
    named("born-after-the-period", "person_id_invalid", idno=right_id("11010520990101100")),
    named("born-before-1900", "person_id_invalid", idno=right_id("11010518990101100")),
    named("seventeen-digits", "person_id_invalid", idno=ID[:17]),
    named("nineteen-digits", "person_id_invalid", idno=ID + "1"),
    named("eighteen-nines", "person_id_invalid", idno="9" * 18),
    named("starred", "person_id_invalid", idno=ID[:6] + "********" + ID[14:]),
    named("phone-for-id", "person_id_invalid", idno="13800138000"),
]

MISSING = [
    says("dash-declared", {"sbp": None}, sbp="-"),
    says("not-measured", {"sbp": None}, sbp="未测"),
    says("em-dash-declared", {"glucose": None}, glucose="—"),
    named("em-dash-undeclared", "type_sbp", sbp="—"),
    named("none-undeclared", "type_sbp", sbp="无"),
    named("unknown-undeclared", "type_sbp", sbp="不详"),
    named("refused-undeclared", "type_sbp", sbp="拒绝"),
    named("zero-pressure", "sbp_range", sbp="0"),
    named("nine-nine-nine", "sbp_range", sbp="999"),
    says("empty", {"sbp": None}, sbp=""),
    says("blanks-only", {"sbp": None}, sbp="   "),
    says("ideographic-blank", {"sbp": None}, sbp="\u3000"),
    named("null-word", "type_sbp", sbp="NULL"),
    named("null-mark", "type_fee", fee="\\N"),
    named("error-value", "type_fee", fee="#N/A"),
    says("error-value-text", {"note": None}, note="#REF!"),
    named("null-key", "required_no", no="NULL"),
    says("declared-in-text", {"note": None}, note="不详"),
    named("required-code-empty", "required_mode", mode=""),
    named("null-date", "type_day", day="NULL"),
]

CODES = [
    says("code-number", {"mode": "home"}, mode="2"),
    says("code-float", {"mode": "home"}, mode="2.0"),
    says("code-full-width", {"mode": "home"}, mode="２"),
    says("code-word", {"mode": "home"}, mode=" 入户　"),
    named("code-unknown", "code_mode", mode="7"),
    named("code-two-values", "code_mode", mode="门诊,家庭"),
    named("code-like-another", "code_mode", mode="门 诊X"),
    named("boolean-maybe", "type_done", done="也许"),
    says("boolean-tick", {"done": True}, done="√"),
    says("formula-in-text", {"note": "=cmd|' /C calc'!A0"}, note="=cmd|' /C calc'!A0"),
    says("plus-formula", {"note": "+1+1"}, note="+1+1"),
    says("at-formula", {"note": "@SUM(1)"}, note="@SUM(1)"),
    says("html-in-text", {"note": "<script>x</script>"}, note="<script>x</script>"),
    says("rare-name", {"note": "䶮㛃\U00020087"}, note="䶮㛃\U00020087"),
    says("replacement-character", {"note": "张\ufffd"}, note="张\ufffd"),
]


ALL = [*NUMBERS, *DATES, *IDS, *MISSING, *CODES]


@pytest.mark.slow
@pytest.mark.parametrize("cell", ALL, ids=lambda cell: cell.id)
def test_an_odd_cell_alone(verdict, cell):
    verdict(cell.alone())


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """All odd cells in one file: each must be read as it is alone, whatever stands in its column."""
    folder = tmp_path_factory.mktemp("cells")
    records = [cell.record(number) for number, cell in enumerate(ALL, start=1)]
    (folder / "a_2025Q1.csv").write_bytes(table(records).encode())
    _, passed = through_check(folder / "a_2025Q1.csv", desk())
    refused = dict(passed.part("refused").select("record_no", "rules").rows())
    return accepted_rows("visits", passed.part("accepted")), refused


@pytest.mark.parametrize(("number", "cell"), list(enumerate(ALL, start=1)), ids=[cell.id for cell in ALL])
def test_an_odd_cell_among_others(together, number, cell):
    accepted, refused = together
    if cell.rule is None:
        assert accepted.get(number) == cell.record(number).typed(), refused.get(number)
    else:
        assert cell.rule in refused.get(number, "").split(";"), accepted.get(number)
        assert number not in accepted


def test_odd_cells_are_told_to_nobody(verdict):
    """The list a supplier gets of a hundred odd cells holds none of them."""
    records = [cell.record(number) for number, cell in enumerate(ALL, start=1)]
    fates = [bad(cell.rule) if cell.rule else ok(cell.record(number)) for number, cell in enumerate(ALL, start=1)]
    secrets = tuple(text for cell in ALL for text in cell.cells.values() if len(text) > 7)
    verdict(Case("all", table(records).encode(), fates, secrets=secrets))
