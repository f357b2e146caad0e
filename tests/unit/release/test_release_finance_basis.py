"""Verifying the finance files of a release: what is due and paid before is of one time in every row."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from assets.lake.atomic import write_json
from assets.release.decided import finance_problems
from assets.release.finance import payment_of_road
from assets.release.subject import Subject
from data_contracts.closed import Bilingual
from data_contracts.finance import broken_sums
from data_contracts.tables import output_tables
from evaluations.allocation.payment import printed
from reports.finance_document import FinanceDocument, finance_file
from reports.finance_files import write_finance

# The third of four periods, in fen: A is paid to the full, B used 30 of its own balance and owes 7; the fund keeps it.
PAYEES = [("community", "A", 750, 500, 250), ("community", "B", 600, 400, 177), ("fund", "pending", 150, 100, 50),
          ("fund", "settlement", 23, 0, 23)]  # fmt: skip
SETTLED = [("A", 750, 500, 0, 0, 250, 0), ("B", 600, 400, 30, 0, 177, 7)]


def tables() -> dict[str, pl.DataFrame]:
    marks = {"period": "2025Q3", "allocation_id": "m"}
    payees = [
        {**marks, "payee_kind": kind, "payee_id": own, "amount_fen": now, "bound": "none", "year_fen": due,
         "undecided_fen": 0, "paid_due_fen": due, "paid_before_fen": before, "next_base_fen": 0}
        for kind, own, due, before, now in PAYEES
    ]  # fmt: skip
    names = ("due_fen", "prepaid_fen", "carried_over_fen", "claw_back_fen", "payable_fen", "offset_next_year_fen")
    settled = [
        {
            **marks,
            "payee_kind": "community",
            "payee_id": own,
            **dict(zip(names, amounts, strict=True)),
            "true_up_fen": 0,
        }
        for own, *amounts in SETTLED
    ]
    found = {name: output_tables()[f"alloc__{name}"].empty() for name in ("sources", "standard", "performance")}
    for name, rows in (("payees", payees), ("settlement", settled)):
        table = output_tables()[f"alloc__{name}"]
        found[name] = table.shape(pl.DataFrame(rows, table.schema))
    return found


def document(**figures: int) -> FinanceDocument:
    """The document of these tables; `figures`: other ones in the row of pending money, which still adds up."""
    payment, title = payment_of_road(tables()), Bilingual(zh="甲", en="x")
    own = pl.col("payee_id") == "pending"
    moved = [pl.when(own).then(fen).otherwise(name).alias(name) for name, fen in figures.items()]
    payment = replace(payment, rows=payment.rows.with_columns(moved))
    coarse = printed(payment, 10_000)
    lines = payment.rows.select(
        "payee_kind", "payee_id", line_no=pl.lit(1), stream=pl.lit("s"), quantity=pl.lit("1"), rate=pl.lit("1"),
        amount_fen="payable_fen", words_zh=pl.lit("甲"), words_en=pl.lit("x"),
    )  # fmt: skip
    keys = list(payment.rows.select("payee_kind", "payee_id").iter_rows())
    return FinanceDocument(
        "m", title, "2025Q3", ["x"], payment.rows, payment.sources, coarse.rows, coarse.sources, lines,
        {key: key[1] for key in keys}, {kind: title for kind, _ in keys}, {"s": title}, split=payment.split,
    )  # fmt: skip


def published(folder: Path, written: FinanceDocument) -> Subject:
    (folder / "tables").mkdir(parents=True)
    for name in ("payees", "settlement"):
        tables()[name].write_csv(folder / "tables" / f"alloc__{name}.csv")
    write_finance(written, folder / "finance", "allocation")
    write_json(folder / "manifest.json", {})
    return Subject(folder, folder, "r", folder / "manifest.json", {}, None)


def test_due_less_paid_before_is_paid_now_in_the_totals(tmp_path: Path) -> None:
    file = finance_file(document())
    assert [sum(getattr(row, name) or 0 for row in file.payees) for name in ("due_fen", "prepaid_fen", "payable_fen")
            ] == [1500, 1000, 500]  # fmt: skip
    kept = next(row for row in file.payees if row.payee_id == "settlement")
    assert (kept.due_fen, kept.carried_over_fen, kept.offset_next_year_fen) == (0, -30, -7)
    assert list(finance_problems(published(tmp_path / "r", document()))) == []


def test_a_row_of_another_time_is_found(tmp_path: Path) -> None:
    # A fund with what moves now instead of what is due so far: it adds up, and the totals are of two times.
    found = list(finance_problems(published(tmp_path / "r", document(due_fen=50, prepaid_fen=0))))
    assert [(problem.sentence, problem.params["rows"]) for problem in found] == [("verify_finance_basis", 1)]


def test_totals_in_which_due_less_paid_before_is_not_paid_now_are_not_written(tmp_path: Path) -> None:
    forged = document(due_fen=140, offset_next_year_fen=10)
    assert broken_sums(finance_file(forged)) == ["paid_before"]
    with pytest.raises(ValueError, match="paid_before"):
        write_finance(forged, tmp_path, "x")


def test_released_payees_that_do_not_add_up_are_no_table() -> None:
    lost = tables()
    lost["payees"] = lost["payees"].with_columns(pl.col("paid_before_fen") + (pl.col("payee_id") == "pending"))
    with pytest.raises(ValueError, match="paid before"):
        payment_of_road(lost)
