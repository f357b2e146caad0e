"""Control totals of the note against the file: equal or refused by name, exactly, and never with somebody's amount."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.intake.account import Account
from assets.intake.findings import FileRefused
from assets.intake.landing import Note, Stated
from assets.intake.totals import MISMATCHES, Totals
from data_contracts.closed import parse
from data_contracts.messages import both
from tests.unit.intake.office import Office

COLUMNS = [
    {"name": "no", "type": "text", "required": True, "header": "编号"},
    {"name": "yuan", "type": "money", "money_unit": "yuan", "header": "金额", "missing": ["-"]},
    {"name": "share", "type": "decimal", "scale": 3, "header": "比例"},
    {"name": "visits", "type": "integer", "header": "人次"},
    {"name": "about", "type": "decimal", "scale": 1, "rounded": True, "header": "约数"},
]
NAMES = [column["name"] for column in COLUMNS]


def _verdict(bench, stated, rows, *, unreadable=0, pieces=1):
    """The sentence that refuses a file of these texts, or None."""
    contract = bench.contract(COLUMNS)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.String()), orient="row")
    try:
        totals = Totals(stated, contract, bench.codes["yes_no"])
        size = max(1, -(-frame.height // pieces))
        for at in range(0, frame.height, size):
            totals.add(frame.slice(at, size))
        totals.check(Account(records=frame.height + unreadable, unreadable=unreadable))
    except FileRefused as refusal:
        return refusal.finding
    return None


def _rows(amounts):
    return [(str(number), amount, "", "", "") for number, amount in enumerate(amounts)]


@given(
    st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=40),
    st.integers(-2, 2),
    st.integers(1, 5),
)
@settings(max_examples=40)
def test_money_is_compared_to_the_fen_however_the_file_is_cut(shared_bench, fen, off, pieces):
    texts = [f"{Decimal(amount) / 100:.2f}" for amount in fen]
    stated = f"{Decimal(sum(fen) + off) / 100:.2f}"
    found = _verdict(shared_bench, Stated(sums={"金额": stated}), _rows(texts), pieces=pieces)
    assert (found is None) == (off == 0)
    if found is not None:
        assert found.sentence == ("accounting_sum_differs_few" if len(fen) < 10 else "accounting_sum_differs")
        assert found.sentence in MISMATCHES


def test_a_sum_beyond_64_bits_does_not_wrap_around(shared_bench):
    large = str(2**62)
    rows = [(str(number), "", "", large, "") for number in range(16)]
    assert _verdict(shared_bench, Stated(sums={"visits": "0"}), rows).sentence == "accounting_sum_differs"


@pytest.mark.parametrize(
    ("column", "stated", "sentence"),
    [
        ("金额", "3,000.00", None),
        ("金额", " 3000 ", None),
        ("金额", "3000.000", None),
        ("YUAN", "300000", None),
        ("yuan", "3000", "accounting_sum_differs"),
        ("yuan", "3000.00", "accounting_sum_form"),
        ("yuan (en)", "3000.00", None),
        ("金 额", "3000", None),
        ("金额", "3000.001", "accounting_sum_form"),
        ("金额", "三千", "accounting_sum_form"),
        ("金额", "", "accounting_sum_form"),
        ("比例", "0.300", None),
        ("比例", "0.301", "accounting_sum_differs"),
        ("人次", "55", None),
        ("人次", "55.5", "accounting_sum_form"),
        ("约数", "1.0", "accounting_no_sum"),
        ("编号", "3", "accounting_no_sum"),
        ("金领", "3000", "accounting_note_column"),
    ],
)
def test_a_column_goes_by_header_or_name_and_its_sum_as_it_is_written(shared_bench, column, stated, sentence):
    rows = [(str(n), "300.00", "0.03", str(n + 1), "0.14") for n in range(10)]
    found = _verdict(shared_bench, Stated(sums={column: stated}), rows)
    assert (found and found.sentence) == sentence
    if found:
        assert all(both(found.sentence, **found.params).values())


@pytest.mark.parametrize("filled", [9, 10])
def test_the_sum_over_few_cells_is_somebodys_own_amount_and_is_not_said(shared_bench, filled):
    rows = _rows(["777.77"] * filled + ["-", ""] * 5)
    found = _verdict(shared_bench, Stated(sums={"金额": "1.11"}), rows)
    words = " ".join(both(found.sentence, **found.params).values())
    assert ("7777.70" in words, "1.11" in words) == (filled == 10, filled == 10)


def test_cells_that_cannot_be_read_are_named_as_the_reason(shared_bench):
    rows = _rows([*["1.00"] * 12, "oops", "1.2.3"])
    assert _verdict(shared_bench, Stated(sums={"金额": "12.00"}), rows) is None
    found = _verdict(shared_bench, Stated(sums={"金额": "14.00"}), rows, unreadable=1)
    assert (found.sentence, found.params["count"]) == ("accounting_sum_unread", 3)
    assert "oops" not in str(found.params)


@pytest.mark.parametrize(("stated", "passes"), [(2, False), (3, True), (4, False)])
def test_distinct_values_are_told_apart_across_chunks_and_empty_ones_are_none(shared_bench, stated, passes):
    rows = _rows(["1.00", " 1.00", "１.00", "2.00", "", "-", "3.00", "2.00"])
    for pieces in (1, 3, 8):
        found = _verdict(shared_bench, Stated(distinct={"金额": stated}), rows, pieces=pieces)
        assert (found is None) == passes


def test_a_total_of_a_column_the_file_lacks_is_nothing(bench, tmp_path):
    office = Office(tmp_path, bench)
    office.land("a.csv", "编号,日期\n1,2025-01-05\n", "period: 2025-01\nsums: {金额: '0'}\ndistinct: {金额: 0}\n")
    office.land("b.csv", "编号,日期\n2,2025-01-05\n", "period: 2025-01\nsums: {金额: '1'}\n")
    office.run()
    assert office.refused() == {"H1/b.csv": "accounting_sum_differs_few"}


def test_a_file_cut_within_its_last_number_is_refused_by_its_sum(bench, tmp_path):
    office = Office(tmp_path, bench)
    rows = [f"{number},200.00,2025-01-05" for number in range(12)]
    whole = "编号,日期,金额\n" + "".join(f"{n},2025-01-05,200.00\n" for n in range(12))
    office.land("a.csv", whole[: whole.rindex("0.00")], "period: 2025-01\nrows: 12\nsums: {金额: '2400.00'}\n")
    office.land("b.csv", rows, "period: 2025-01\nrows: 12\nsums: {金额: '2400.00'}\n")
    office.run()
    ((name, sentence),) = office.refused().items()
    assert name == "H1/a.csv"
    assert sentence in MISMATCHES
    assert len(office.counted("2025-01")) == 12


def test_a_refusal_by_sum_keeps_the_places_that_cannot_be_read(bench, tmp_path):
    office = Office(tmp_path, bench)
    rows = [f"{number},{'x' if number == 3 else '1.00'},2025-01-05" for number in range(12)]
    office.land("a.csv", rows, "period: 2025-01\nsums: {金额: '12.00'}\n")
    office.run()
    (item,) = office.intake.staged("office.cases", "2025-01")
    assert item.refused.sentence == "accounting_sum_unread"
    assert office.intake.fixes(item, office.contract).rows() == [(4, 5, "type_amount", "error")]
    assert office.files()["H1/a.csv"]["records"] == 0
    assert office.quarantine() == [("accounting_sum_unread", "file", 0)]


@pytest.mark.parametrize("note", [{"rows": "-1"}, {"distinct": {"a": "-1"}}, {"sums": "1"}, {"sums": {"a": ["1"]}}])
def test_a_total_that_is_none_makes_the_note_wrong(note):
    with pytest.raises(ValueError, match="note"):
        parse(Note, note, "note")
