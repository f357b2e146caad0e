"""Tables of the finance office: printed in any unit every sum still holds, and a spreadsheet says the same."""

from decimal import Decimal
from fractions import Fraction

import fastexcel
import polars as pl
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from data_contracts.allocation_spec.notice import Notice
from data_contracts.closed import Bilingual
from evaluations.allocation.payment import OFFSET, ROWS_SCHEMA, SOURCES_SCHEMA, USES, Payment, printed, with_scores
from evaluations.controlled import Arc, controlled
from evaluations.rounding import largest_remainder
from reports.finance_document import FinanceDocument, SourceView, finance_file
from reports.finance_files import write_finance

UNITS = {2: 10_000, 3: 1_000, 4: 100}
AMOUNT = st.one_of(st.just(0), st.integers(0, 99_999), st.integers(0, 10**12))


@st.composite
def payments(draw, most=7):
    """Any payment: sources that sum to what is due, what is due split over its uses, some owing more than they get."""
    names = draw(st.lists(st.sampled_from(["central", "province", "city", "county"]), unique=True, max_size=4))
    settled = draw(st.booleans())
    rows, parts = [], []
    for at in range(draw(st.integers(1, most))):
        given_by = [draw(AMOUNT) for _ in names]
        due = sum(given_by) if names else draw(AMOUNT)
        key = ("community", f"P{at}")
        parts += [(*key, name, True, amount) for name, amount in zip(names, given_by, strict=True)]
        before, carried, back = (draw(AMOUNT) for _ in range(3)) if settled else (0, 0, 0)
        left = due - before - carried - back
        uses = (before, carried, back, max(left, 0), max(-left, 0)) if settled else (None, None, None, due, None)
        rows.append((*key, f"=单位{at}", Decimal(draw(st.integers(0, 10**6))), None, due, None, None, *uses))
    frame = pl.DataFrame(rows, schema=ROWS_SCHEMA, orient="row")
    return Payment(frame, pl.DataFrame(parts, schema=SOURCES_SCHEMA, orient="row"))


def identity(rows):
    """What is due, taken off next year and used, row by row."""
    used = sum(rows[name].fill_null(0) for name in USES)
    return (rows["due_fen"] + rows[OFFSET].fill_null(0) - used).to_list()


@given(payments(), st.sampled_from(sorted(UNITS.values())))
def test_every_sum_holds_in_a_coarser_unit_and_every_figure_is_next_to_the_exact_one(payment, unit):
    coarse = printed(payment, unit)
    assert set(identity(coarse.rows)) == {0}
    for name in ("due_fen", OFFSET, *USES):
        exact, whole = payment.rows[name], coarse.rows[name]
        assert whole.is_null().to_list() == exact.is_null().to_list()
        for left, right in zip(exact.drop_nulls(), whole.drop_nulls(), strict=True):
            assert abs(right * unit - left) < unit
        # A column of the printed table sums to the exact total, to less than a unit.
        assert abs(int(whole.fill_null(0).sum()) * unit - int(exact.fill_null(0).sum())) < unit
    total = int(payment.rows["due_fen"].sum())
    assert int(coarse.rows["due_fen"].sum()) == (2 * total + unit) // (2 * unit)
    for source in payment.sources["source"].unique():
        pair = [table.sources.filter(pl.col("source") == source)["amount_fen"] for table in (payment, coarse)]
        assert all(abs(right * unit - left) < unit for left, right in zip(*pair, strict=True))
        assert abs(int(pair[1].sum()) * unit - int(pair[0].sum())) < unit
    if payment.sources.height:
        given_to = coarse.sources.group_by("payee_id").agg(pl.col("amount_fen").sum()).sort("payee_id")
        assert given_to["amount_fen"].to_list() == coarse.rows.sort("payee_id")["due_fen"].to_list()


@given(st.lists(AMOUNT, min_size=1, max_size=9))
def test_one_column_alone_is_rounded_by_largest_remainder(amounts):
    ids = [f"P{at}" for at in range(len(amounts))]
    rows = [("community", own, None, None, None, due, None, None, None, None, None, due, None)
            for own, due in zip(ids, amounts, strict=True)]  # fmt: skip
    payment = Payment(pl.DataFrame(rows, schema=ROWS_SCHEMA, orient="row"), pl.DataFrame(schema=SOURCES_SCHEMA))
    found = printed(payment, 10_000).rows["due_fen"].to_list()
    total = (2 * sum(amounts) + 10_000) // 20_000
    floors = [amount // 10_000 for amount in amounts]
    order = sorted(range(len(ids)), key=lambda at: (-(amounts[at] % 10_000), at))
    # Where the nearest total is below the sum of whole units, nothing can go down further than its floor.
    assume(total >= sum(floors))
    expected = [floor + (at in order[: total - sum(floors)]) for at, floor in enumerate(floors)]
    assert found == expected
    if sum(amounts) and sum(amounts) % 10_000 == 0:
        assert found == largest_remainder(amounts, sum(amounts) // 10_000, ids)


@given(st.lists(st.lists(AMOUNT, min_size=3, max_size=3), min_size=1, max_size=6), st.integers(1, 10**5))
def test_any_table_can_be_rounded_with_all_its_margins(cells, unit):
    columns = [sum(row[at] for row in cells) for at in range(3)]
    arcs = [Arc("all", "rows", sum(columns)), *(Arc(f"c{at}", "all", own) for at, own in enumerate(columns))]
    arcs += [Arc("rows", f"r{at}", sum(row)) for at, row in enumerate(cells)]
    arcs += [Arc(f"r{at}", f"c{place}", cell) for at, row in enumerate(cells) for place, cell in enumerate(row)]
    whole = controlled(arcs, unit, 0, range(4, 4 + len(cells)))
    balance = dict.fromkeys({arc.tail for arc in arcs}, 0)
    for arc, amount in zip(arcs, whole, strict=True):
        assert amount in {arc.amount // unit, -(-arc.amount // unit)}
        balance[arc.tail] -= amount
        balance[arc.head] += amount
    assert not any(balance.values())
    assert controlled(arcs, unit, 0, range(4, 4 + len(cells))) == whole


def test_amounts_that_do_not_add_up_are_no_table():
    with pytest.raises(ValueError, match="no circulation"):
        controlled([Arc("a", "b", 3), Arc("b", "a", 2)], 1, 0, [])


def document_of(payment, decimals):
    rows = payment.rows
    lines = rows.select(
        "payee_kind", "payee_id", pl.lit(1).alias("line_no"), pl.lit("s").alias("stream"),
        pl.lit("1").alias("quantity"), pl.lit("1").alias("rate"),
        pl.col("due_fen").alias("amount_fen"),
        pl.lit("=1+1").alias("words_zh"),
        pl.lit("x").alias("words_en"),
    )  # fmt: skip
    coarse = printed(payment, UNITS[decimals])
    title = Bilingual(zh="资金", en="money")
    return FinanceDocument(
        "a", title, "2025", ["文〔2025〕1号"], rows, payment.sources, coarse.rows, coarse.sources, lines,
        {("community", own): name for own, name in rows.select("payee_id", "name").iter_rows()},
        {"community": title}, {"s": title},
        {name: SourceView(name, title) for name in payment.sources["source"].unique()},
        notice=Notice(decimals=decimals), detailed=True,
    )  # fmt: skip


def numbers(path, sheet):
    """Header word → figures of the payees, and of the total row; a dash is None."""
    book = fastexcel.read_excel(path)
    words, stored = (book.load_sheet(sheet, header_row=None, dtypes=kind).to_polars().rows()
                     for kind in ("string", "float"))  # fmt: skip
    rows = [
        [word if number is None else repr(number) for word, number in zip(*pair, strict=True)]
        for pair in zip(words, stored, strict=True)
    ]
    upper, lower = rows[3], rows[4]
    end = next(at for at, row in enumerate(rows) if row[1] == "合计")
    heads = [low or up for up, low in zip(upper, lower, strict=True)]
    table = {}
    for at in range(5, len(heads) - 1):
        cells = [None if row[at] in (None, "—") else Fraction(row[at]) for row in rows[6 : end + 1]]
        table[at, heads[at]] = (cells[:-1], cells[-1])
    return table


@settings(max_examples=25, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(payments(most=5), st.sampled_from(sorted(UNITS)))
def test_a_spreadsheet_program_reads_the_same_sums(tmp_path_factory, payment, decimals):
    folder = tmp_path_factory.mktemp("finance")
    document = document_of(payment, decimals)
    file = write_finance(document, folder, "a")
    assert file == finance_file(document)
    sheets = {unit: numbers(folder / "a.xlsx", f"分配表（{unit}）") for unit in ("万元", "元")}
    sources = payment.sources["source"].n_unique()
    for table in sheets.values():
        columns = list(table.values())
        for cells, total in columns:
            known = [cell for cell in cells if cell is not None]
            if total is not None:
                assert sum(known) == total
        due = columns[0][0]
        if sources:
            given_by = [cells for cells, _ in columns[1 : 1 + sources]]
            assert [sum(parts) for parts in zip(*given_by, strict=True)] == due
        named = {name: cells for (_, name), (cells, _) in table.items()}
        for at, own in enumerate(due):
            used = [named[word][at] or 0 for word in ("已预拨", "本次下达", "结余", "扣回")]
            owed = named["结转下年抵扣"][at] or 0 if "结转下年抵扣" in named else 0
            assert own + owed == sum(used)
    for (coarse, _), (exact, _) in zip(sheets["万元"].values(), sheets["元"].values(), strict=True):
        for left, right in zip(coarse, exact, strict=True):
            assert left is None or abs(left * 10_000 - right) < Fraction(UNITS[decimals], 100)
    exact_due = [int(100 * cell) for cell in next(iter(sheets["元"].values()))[0]]
    assert exact_due == payment.rows["due_fen"].to_list()


@st.composite
def instalments_of(draw):
    """A payment of which sources pay only what is paid now."""
    whole = draw(payments())
    names = draw(st.lists(st.sampled_from(["central", "county"]), unique=True, max_size=2))
    parts = []
    for kind, payee, now in whole.rows.select("payee_kind", "payee_id", "payable_fen").iter_rows():
        first = draw(st.integers(0, now)) if len(names) > 1 else now
        parts += [(kind, payee, name, True, own) for name, own in zip(names, (first, now - first), strict=False)]
    return Payment(whole.rows, pl.DataFrame(parts, schema=SOURCES_SCHEMA, orient="row"), "payable_fen")


@settings(max_examples=60, deadline=None)
@given(instalments_of(), st.sampled_from([100, 1_000, 10_000]))
def test_what_is_paid_now_is_the_sum_of_its_sources_in_any_unit(payment, unit):
    coarse = printed(payment, unit)
    assert identity(coarse.rows) == [0] * coarse.rows.height
    if coarse.sources.height:
        given_to = coarse.sources.group_by("payee_id").agg(pl.col("amount_fen").sum()).sort("payee_id")
        assert given_to["amount_fen"].to_list() == coarse.rows.sort("payee_id")["payable_fen"].to_list()
    for name in ("due_fen", OFFSET, *USES):
        for left, right in zip(coarse.rows[name], payment.rows[name], strict=True):
            assert left is None or left in {right // unit, -(-right // unit)}


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**6)), min_size=1, max_size=6))
def test_the_score_of_a_payee_is_that_of_its_indicators_by_what_they_are_worth(figures):
    performance = pl.DataFrame(
        [("A", Decimal(score) / 10**6, worth, "achievement") for worth, score in figures] + [("B", 0, 5, "missing")],
        {"payee_id": pl.String, "score": pl.Decimal(20, 6), "potential_fen": pl.Int64, "way": pl.String},
        orient="row",
    )
    rows = pl.DataFrame({"payee_kind": ["community", "fund", "community"], "payee_id": ["A", "A", "B"]})
    found = with_scores(rows, performance).rows(named=True)
    part = Fraction(sum(worth * score for worth, score in figures), 10**6 * sum(worth for worth, _ in figures))
    assert abs(Fraction(found[0]["score"]) - part * 100) <= Fraction(1, 200)
    assert abs(Fraction(found[0]["coefficient"]) - part) <= Fraction(1, 20_000)
    # A fund has no score, and who has no figure at all is not told to have scored nothing.
    assert [(own["score"], own["coefficient"]) for own in found[1:]] == [(None, None)] * 2


def test_a_standard_that_is_paid_by_a_score_keeps_its_own():
    performance = pl.DataFrame({"payee_id": ["A"], "score": [Decimal("0.5")], "potential_fen": [100], "way": ["given"]})
    rows = pl.DataFrame({"payee_kind": ["community"], "payee_id": ["A"], "score": ["91"], "coefficient": ["1"]})
    assert with_scores(rows, performance).equals(rows)
