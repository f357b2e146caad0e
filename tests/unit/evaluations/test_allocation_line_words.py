"""What lines and tables say about an amount is enough to see why: factors against their mean, shares, places."""

import json
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from data_contracts.messages import both
from data_contracts.statement_lines import OF_PERIOD, step_of
from evaluations.allocation.periods import Part, paid_in
from tests.unit.evaluations.allocation_world import WORKED_PAYEES, need, run, spec
from tests.unit.evaluations.allocation_world import frame as cells

Row = dict[str, Any]
YUAN = {"zh": "元", "en": "yuan"}


def said(row: Row, params: Row) -> dict[str, str]:
    return both(f"allocate.line.{row['line_id']}", **params, quantity=row["quantity"], rate=row["rate"], major=YUAN)


def lines_of(found: Any, start: str) -> list[tuple[Row, Row]]:
    rows = found.tables["lines"].filter(pl.col("line_id").str.starts_with(start))
    texts = rows["params"].str.json_decode(pl.Struct(dict.fromkeys(
        ("factor", "factor_zh", "factor_en", "risk", "mean", "times", "part"), pl.String)))  # fmt: skip
    return list(zip(rows.to_dicts(), texts.to_list(), strict=True))


@pytest.mark.parametrize("start", ["need_factor", "need_risk"])
def test_a_factor_brought_to_its_mean_says_how_many_times_the_mean_it_is(start: str) -> None:
    found = lines_of(run([need(normalise=True)]), start)
    assert found
    for row, params in found:
        times = Decimal(params["times"])
        assert abs(times * Decimal(params["mean"]) - Decimal(row["rate"])) < Decimal("0.000003")
        # A factor above 1 takes money away where the mean is higher still: the words now say so.
        assert (row["amount_fen"] > 0) == (times > 1)
        assert f"平均 {params['mean']} 的 {params['times']} 倍" in said(row, params)["zh"]
    assert all(params["mean"] is None for _, params in lines_of(run([need()]), start))


@pytest.mark.parametrize(("funded", "line_id", "part"), [("0.35", "standard_funded", "35"), ("1", "standard", None)])
def test_a_standard_that_is_paid_in_part_says_which_part(funded: str, line_id: str, part: str | None) -> None:
    stream = {"id": "std", "kind": "standard", "rest": True, "population": {"column": "people"}, "standard": 99,
              "funded": funded}  # fmt: skip
    for row, params in lines_of(run([stream], amount=20_000_000), "standard"):
        assert (row["line_id"], row["rate"], params["part"]) == (line_id, "99", part)
        assert Decimal(row["quantity"]) * 99 * Decimal(funded) * 100 == row["amount_fen"]
        assert (f"本资金负担其中的 {part}%" in said(row, params)["zh"]) == (part is not None)


def test_who_reaches_a_standard_without_a_place_left_is_said_to_in_the_table() -> None:
    rows = [{"id": name, "rural": 0, "marks": marks} for name, marks in (("a", 91), ("b", 95), ("c", 97), ("d", 12))]
    awards = {"id": "aw", "kind": "awards", "rest": True, "classes": [{
        "id": "best", "by": "chance", "score": {"column": "marks"}, "error": "none", "places": 2,
        "tiers": [{"id": "low", "standard": 60, "amount": 1}, {"id": "high", "standard": 90, "amount": 5}],
    }]}  # fmt: skip
    found = run([awards], rows, amount=100).tables["awards"].select("payee_id", "tier", "no_place", "due_fen")
    assert found.rows() == [
        ("a", "high", True, 0), ("b", "high", False, 500), ("c", "high", False, 500), ("d", None, False, 0),
    ]  # fmt: skip


def test_lines_of_a_period_are_numbered_after_those_of_the_year() -> None:
    streams = [need(share="0.5"), {"id": "std", "kind": "standard", "share": "0.5", "population": {"column": "people"},
                                   "standard": 1, "over_pool": "pro_rata"}]  # fmt: skip
    rules = spec(streams)
    found = run(streams)
    paid = paid_in(rules, found.tables, found.budget, Part(2, 4)).lines
    own = paid.filter(payee_id=cells(WORKED_PAYEES)["id"][0]).sort("line_no")
    of_period = [line in OF_PERIOD for line in own["line_id"]]
    assert own["line_no"].to_list() == list(range(1, len(of_period) + 1))
    assert of_period == sorted(of_period)
    assert any(of_period)


def test_a_matching_line_can_be_multiplied_again_or_says_the_cap_that_holds_it() -> None:
    stream = {"id": "m", "kind": "matching", "share": "1", "base": "eligible_cost", "rate": "0.476",
              "requests": {"table": "r", "request": "id", "payee": "payee", "base": "cost", "cap": "cap"},
              "unspent_to": "support_fund"}  # fmt: skip
    # A third of a fen is lost; 20,000 cap 25,459.34; a cap of just what is wished for holds nothing.
    requests = [("R1", "A", "100.01", "50"), ("R2", "B", "53486", "20000"), ("R3", "B", "1000", "476")]
    rows = [dict(zip(("id", "payee", "cost", "cap"), own, strict=True)) for own in requests]
    payees = [{"id": own, "people": 10, "rural": "0"} for own in ("A", "B")]
    found = run([stream], payees, amount=40_000, tables={"r": rows})
    rows = found.tables["lines"].filter(payee_kind="community").to_dicts()
    assert [(row["amount_fen"], said(row, json.loads(row["params"]))["zh"]) for row in rows] == [
        (4760, "配套「R1」：100.01 元 × 0.476，不足一分的舍去"),
        (2_000_000, "配套「R2」：53486 元 × 0.476 超过上限，按上限 20,000.00 元"),
        (47_600, "配套「R3」：1000 元 × 0.476，不足一分的舍去"),
    ]
    assert {step_of(row["line_id"]) for row in rows} == {"matching"}
