"""What stands of money in a home: awards that nobody has decided are nobody's, and no old money beside a conflict."""

from typing import Any

import polars as pl
import pytest

from assets.lake import parts
from assets.stages.road import InfeasibleError, Road
from assets.vault.crypto import VaultKeys
from data_contracts.statement_lines import OF_PERIOD
from data_contracts.tables import output_tables
from tests.unit.compute.test_compute_allocation import ALLOCATION, NOW, city, divided

__all__ = ["city"]
AWARDS = """  - id: prize
    titles: {zh: 奖励, en: Prize}
    kind: awards
    share: "0.05"
    over_pool: pro_rata
    classes: [{id: best, by: rank, score: {column: risk}, amounts: [[1, "30"], [2, "10"]]}]
sources:"""
MONEY = ALLOCATION.replace('kind: need\n    share: "0.75"', 'kind: need\n    share: "0.70"').replace("sources:", AWARDS)


def sums(frame: pl.DataFrame, column: str, *keys: str) -> dict[Any, int]:
    found = frame.group_by(keys or ["payee_kind", "payee_id"]).agg(pl.col(column).sum()).filter(pl.col(column) != 0)
    return {row[:-1]: row[-1] for row in found.iter_rows()}


@pytest.mark.parametrize(("period", "decided"), [("2025Q3", False), ("2025Q4", True)])
def test_an_award_that_is_not_decided_is_no_amount_of_a_payee_in_any_table(
    city: Any, period: str, decided: bool
) -> None:
    city.write_settings("allocation", MONEY)
    for name in ("mart__areas", "ind__counts", "ind__values", "risk__areas", "score__policies"):
        frame = parts.read_table(city.home, name, [NOW])
        city.put(name, period, frame.with_columns(pl.lit(period).alias("period")))
    found = divided(city, period)
    assert found.status == "ok", found.message
    tables = found.tables
    # c2 has the highest risk, c1 the second one: 30 and 10 yuan of the 50.00 in the pool, once they are decided.
    awards = {("community", "c2"): 3_000, ("community", "c1"): 1_000}
    won = sums(tables["alloc__payments"].filter(pl.col("payee_kind") != "fund", stream="prize"), "year_fen")
    assert won == (awards if decided else {})
    undecided = sums(tables["alloc__payees"].filter(pl.col("payee_kind") != "fund"), "undecided_fen")
    assert undecided == ({} if decided else awards)
    # One amount of the year, whichever table says it.
    payees, payments, lines = (tables[f"alloc__{name}"] for name in ("payees", "payments", "lines"))
    assert sums(payees, "year_fen") == sums(payments, "year_fen")
    assert sums(payees, "year_fen") == sums(lines.filter(~pl.col("line_id").is_in(OF_PERIOD)), "amount_fen")
    stream = tables["alloc__streams"].filter(stream="prize").row(0, named=True)
    assert (stream["paid_fen"], stream["undecided_fen"]) == ((4_000, 0) if decided else (0, 4_000))
    assert stream["paid_fen"] + stream["held_fen"] == stream["pool_fen"] == 5_000
    assert stream["held_by"] == ("unspent" if decided else "pending")


def test_no_money_of_an_earlier_run_stands_beside_a_conflict(city: Any) -> None:
    names = [name for name in output_tables() if name.startswith("alloc__")]
    city.put_rows("risk__compared", NOW, [])

    def advance() -> None:
        Road(city.home, city.settings, city.catalog, VaultKeys.load(city.home)).advance("alloc", names, NOW)

    def rows() -> dict[str, int]:
        frames = {name: parts.read_table(city.home, name, [NOW]) for name in names}
        return {name: frame.height for name, frame in frames.items() if frame is not None and frame.height}

    advance()
    before = rows()
    assert {"alloc__lines", "alloc__payees", "alloc__payments", "alloc__sources"} <= set(before)
    assert "alloc__conflict" not in before
    city.write_settings("allocation", ALLOCATION.replace('"0.005"', '"0.5"'))
    with pytest.raises(InfeasibleError):
        advance()
    why = {"alloc__conflict", "alloc__relaxations", "alloc__proposal", "alloc__best_shares"}
    assert {"alloc__conflict", "alloc__relaxations"} <= set(rows()) <= why
    # Data that do not allow the division leave no money either, and a division that holds again no conflict.
    city.write_settings("allocation", ALLOCATION)
    advance()
    assert rows() == before
    city.write_settings("allocation", ALLOCATION.replace(", digits: 2", "").replace('"0.005"', '"0.00001"'))
    with pytest.raises(InfeasibleError):
        advance()
    assert rows() == {}


def test_the_release_reads_why_nothing_is_paid() -> None:
    from assets.stages.publication import _INPUTS

    assert {name for name in output_tables() if name.startswith("alloc__")} <= set(_INPUTS)
