"""Laws of what is said about an allocation: what would change it, two specs side by side, draws, names of files."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from data_contracts.closed import DefinitionError
from data_contracts.messages import catalogue
from data_contracts.statement_lines import step_of
from evaluations.allocation.changes import changes_table
from evaluations.allocation.compare import compared
from evaluations.allocation.draws import draws_made, intervals_table
from evaluations.allocation.engine import Allocation, allocate
from evaluations.allocation.rerun import amounts
from evaluations.allocation.snapshot import DataError, Snapshot
from reports.file_names import file_names
from tests.laws.test_laws_allocation_engine import BUDGET, COUNTY, INDICATORS, PACE, SHARE, Row, decimals, need
from tests.unit.evaluations.allocation_world import WORKED_PAYEES, frame, run, spec

Tables = dict[str, pl.DataFrame]
WAYS = st.sampled_from(["given", "value", "counts"])


def performance(way: str, **more: Any) -> Row:
    data = {"table": "figures", "payee": "id", "indicator": "indicator", "quarter": "quarter"}
    data |= {"given": {"score": "score"}, "value": {"value": "score"},
             "counts": {"numerator": "top", "denominator": "cases"}}[way]  # fmt: skip
    edges = {} if way == "given" else {"threshold": "0.2", "benchmark": "0.8"}
    return {
        "id": "p", "kind": "performance", "share": "0.2", "registered": {"column": "registered"}, "data": data,
        "figures": "year_so_far",
        "through": "2025Q4",
        "score": "given" if way == "given" else "achievement",
        "indicators": [{"id": "a", "weight": 3, **edges},
                       {"id": "b", "weight": 1, **(edges and {**edges, "threshold": "0.8", "benchmark": "0.2"}),
                        **({} if way == "given" else {"direction": "lower_is_better"})}],
        **more,
    }  # fmt: skip


def figures(rows: list[Row], draw: st.DrawFn) -> list[Row]:
    found = []
    for row in rows:
        for name in INDICATORS:
            for quarter in ("2024Q4", "2025Q3", "2025Q4"):
                cases = draw(st.integers(1, 60))
                found.append({
                    "id": row["id"], "indicator": name, "quarter": quarter, "score": draw(decimals(0, 1, 2)),
                    "top": draw(st.one_of(st.none(), st.integers(0, cases))), "cases": cases,
                })  # fmt: skip
    return found


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Any, Tables, str]:
    """A spec with need, performance, a fund and at most one reserve, and its tables."""
    rows, way = draw(COUNTY), draw(WAYS)
    assume(any(row["registered"] for row in rows))
    shares = draw(st.lists(SHARE, max_size=1))
    assume(not shares or any(row["rural"] for row in rows))
    pace = {name: rule for name, rule in draw(PACE).items() if rule is not None}
    found = spec(
        [
            need(pace, share=None, rest=True),
            performance(way, unearned_to=draw(st.sampled_from(["support_fund", "carry_over", "earners"]))),
            {"id": "f", "kind": "fund", "share": "0.1", "fund": "reserve", "contingency": draw(st.booleans())},
        ],
        draw(BUDGET),
        reserves=[{"id": "r", "group": "rural", "minimum_share": share} for share in shares],
    )
    return found, {"payees": frame(rows), "figures": frame(figures(rows, draw))}, way


def engine(found: Allocation) -> dict[tuple[str, str], int]:
    rows = found.tables["payees"].select("payee_kind", "payee_id", "amount_fen").iter_rows()
    return {(kind, payee): amount for kind, payee, amount in rows}


def moved(table: pl.DataFrame, column: str, here: pl.Expr, more: pl.Expr) -> pl.DataFrame:
    number = pl.col(column).cast(pl.Float64)
    text = (number + more).round(9).cast(pl.String)
    return table.with_columns(pl.when(here & number.is_not_null()).then(text).otherwise(pl.col(column)).alias(column))


def by_hand(tables: Tables, way: str, payee: str, what: str, subject: str) -> Tables:
    """The tables with one figure changed, cell by cell and without a word of the engine."""
    own = pl.col("id") == payee
    if what == "risk":
        return tables | {"payees": moved(tables["payees"], "risk", own, pl.lit(1.0))}
    if what == "people":
        return tables | {"payees": moved(tables["payees"], "people", own, pl.lit(1000.0))}
    here = own & (pl.col("indicator") == subject) & pl.col("quarter").str.starts_with("2025")
    sign = -1 if way != "given" and subject == "b" else 1
    if way == "counts":
        top, cases = pl.col("top").cast(pl.Float64), pl.col("cases").cast(pl.Float64)
        more = (sign * 0.01 * cases).clip(-top, cases - top)
        return tables | {"figures": moved(tables["figures"], "top", here, more)}
    more = pl.lit(sign * 0.01)
    if way == "given":
        more = pl.min_horizontal(more, 1 - pl.col("score").cast(pl.Float64))
    return tables | {"figures": moved(tables["figures"], "score", here, more)}


@settings(max_examples=15, deadline=None)
@given(worlds(), st.integers(0, 5))
def test_what_would_change_it_is_what_the_engine_then_says(world: tuple[Any, Tables, str], at: int) -> None:
    rules, tables, way = world
    whole = allocate(rules, tables)
    payee = tables["payees"]["id"][at % tables["payees"].height]
    found = changes_table(rules, tables, [payee])
    again = amounts(Snapshot(rules, tables))
    if whole.conflict is not None:
        assert again.conflict is not None
        assert found.is_empty()
        return
    assert again.paid == engine(whole)
    assert set(found["what"]) == {"risk", "people", "indicator"}
    for row in found.iter_rows(named=True):
        if row["status"] in ("no_figure", "at_limit"):
            assert row["change_fen"] is None
            continue
        then = allocate(rules, by_hand(tables, way, payee, row["what"], row["subject"]))
        assert (row["status"] == "infeasible") == (then.conflict is not None)
        if then.conflict is None:
            key = ("community", payee)
            assert row["change_fen"] == engine(then)[key] - engine(whole)[key]


@settings(max_examples=15, deadline=None)
@given(worlds(), worlds())
def test_differences_sum_and_turn_round(one: tuple[Any, Tables, str], other: tuple[Any, Tables, str]) -> None:
    a, b = allocate(*one[:2]), allocate(*other[:2])
    if a.conflict is not None or b.conflict is not None:
        with pytest.raises(ValueError, match="both"):
            compared(a, b)
        return
    found, back = compared(a, b), compared(b, a)
    before, after = engine(a), engine(b)
    assert {(row["payee_kind"], row["payee_id"]) for row in found.payees.iter_rows(named=True)} == {*before, *after}
    for row in found.payees.iter_rows(named=True):
        key = (row["payee_kind"], row["payee_id"])
        assert (row["a_fen"], row["b_fen"]) == (before.get(key, 0), after.get(key, 0))
        steps = found.steps.filter(payee_kind=key[0], payee_id=key[1])
        assert steps["difference_fen"].sum() == row["difference_fen"] == row["b_fen"] - row["a_fen"]
        if row["difference_fen"]:
            assert row["main_fen"] * row["difference_fen"] > 0
    assert found.payees["difference_fen"].sum() == sum(after.values()) - sum(before.values())
    assert (back.payees["difference_fen"] == -found.payees["difference_fen"]).all()
    same = compared(a, a)
    assert (same.steps["difference_fen"] == 0).all()


@settings(max_examples=25, deadline=None)
@given(COUNTY, BUDGET)
def test_peers_are_the_nearest_of_the_same_group_first(rows: list[Row], budget: Decimal) -> None:
    found = run([need()], rows, amount=budget)
    assume(found.conflict is None)
    group = {row["id"]: row["rural"] for row in rows}
    people = {row["id"]: row["people"] for row in rows}
    own = found.tables["need"].filter(pl.col("population") > 0)
    assert set(own["payee_id"]) == {name for name, count in people.items() if count}
    exact = {}
    table = dict(found.tables["need"].select("payee_id", "target_fen").iter_rows())
    for name in own["payee_id"]:
        exact[name] = Fraction(table[name], people[name])
    for name in exact:
        peers = found.tables["peers"].filter(payee_id=name).sort("place")["peer_id"].to_list()
        same = [other for other in exact if other != name and group[other] == group[name]]
        assert len(peers) == min(3, len(exact) - 1)
        assert [group[other] == group[name] for other in peers[: len(same)]] == [True] * min(3, len(same))
        slack = Fraction(2, min(people[name], *(people[other] for other in exact)))
        chosen = [other for other in peers if other in same]
        left = [other for other in same if other not in chosen]
        if chosen and left:
            far = max(abs(exact[other] - exact[name]) for other in chosen)
            assert all(abs(exact[other] - exact[name]) >= far - 2 * slack for other in left)


def test_every_line_has_a_step_with_a_name() -> None:
    known = catalogue()
    lines = [name.removeprefix("allocate.line.") for name in known if name.startswith("allocate.line.")]
    assert lines
    assert [line for line in lines if f"allocate.step.{step_of(line)}" not in known] == []


def uncertain(*columns: Row, seed: int = 7, draws: int = 40, **more: Any) -> Any:
    stream = need({"floor_change": "-0.5"})
    return spec([stream], uncertainty={"seed": seed, "draws": draws, "columns": list(columns)}, **more)


RISK = {"column": "risk", "distribution": "normal", "relative_sd": "0.1", "high": 100}
PEOPLE = {"column": "people", "distribution": "lognormal", "relative_sd": "0.05", "digits": 0}


def test_intervals_hold_the_middle_and_repeat_with_the_seed() -> None:
    tables = {"payees": frame(WORKED_PAYEES)}
    found = intervals_table(uncertain(RISK, PEOPLE), tables)
    assert found.height == len(WORKED_PAYEES)
    assert (found["lower_fen"] <= found["middle_fen"]).all()
    assert (found["middle_fen"] <= found["upper_fen"]).all()
    assert (found["lower_fen"] < found["upper_fen"]).all()
    assert found["lower_fen"].lt(found["amount_fen"]).sum() > 3
    assert not found["payable"].any()
    assert found.equals(intervals_table(uncertain(RISK, PEOPLE), tables))
    assert not found.equals(intervals_table(uncertain(RISK, PEOPLE, seed=8), tables))


def test_figures_without_error_give_the_amount_itself() -> None:
    rows = [{**row, "se": 0} for row in WORKED_PAYEES]
    sure = {"column": "risk", "distribution": "normal", "se": "se"}
    found = intervals_table(uncertain(sure, {**PEOPLE, "relative_sd": 0}), {"payees": frame(rows)})
    for name in ("lower_fen", "middle_fen", "upper_fen"):
        assert found[name].equals(found["amount_fen"].alias(name))


def test_more_error_gives_a_wider_interval_and_draws_keep_their_mean() -> None:
    tables = {"payees": frame(WORKED_PAYEES)}
    widths = []
    for part in ("0.01", "0.05", "0.25"):
        found = intervals_table(uncertain({**PEOPLE, "relative_sd": part}, draws=60), tables)
        widths.append((found["upper_fen"] - found["lower_fen"]).sum())
        middle = found["middle_fen"].cast(pl.Float64) / found["amount_fen"].cast(pl.Float64)
        assert middle.is_between(1 - float(part), 1 + float(part)).all()
    assert widths == sorted(widths)
    assert widths[2] > 10 * widths[0]


def test_draws_that_cannot_be_paid_by_are_named_or_counted() -> None:
    tables = {"payees": frame([{**row, "se": None} for row in WORKED_PAYEES])}
    with pytest.raises(DataError) as missing:
        intervals_table(uncertain({"column": "risk", "distribution": "normal", "se": "se"}), tables)
    assert "se" in missing.value.words["zh"]
    wild = {**RISK, "high": None, "relative_sd": 5}
    with pytest.raises(DataError) as refused:
        intervals_table(uncertain(wild), tables)
    assert "high" in refused.value.words["en"]
    tight = spec(
        [need({"floor_change": "-0.02", "cap_change": "0.12"})],
        uncertainty={"seed": 1, "draws": 60, "columns": [
            {"column": "previous", "distribution": "normal", "relative_sd": "0.2", "digits": 2}]},
    )  # fmt: skip
    found = intervals_table(tight, tables)
    assert 0 < found["infeasible"][0] < 60
    assert found["infeasible"][0] + found["draws"][0] == 60


@pytest.mark.parametrize("way", [{}, {"se": "x", "relative_sd": 1}, {"relative_sd": 1, "low": 5, "high": 4}])
def test_uncertainty_is_stated_one_way(way: Row) -> None:
    with pytest.raises((DefinitionError, ValueError)):
        uncertain({"column": "risk", "distribution": "normal", **way})


def test_the_number_of_draws_follows_the_number_of_payees() -> None:
    words = uncertain(RISK, draws=5000).uncertainty
    assert [draws_made(words, payees) for payees in (6, 300, 3000, 10**6)] == [5000, 1000, 100, 20]


@given(st.lists(st.text(max_size=12), max_size=30))
@example(["C1", "c1", "CON", "a/b", "a\\b", "..", "", "社区", "社区 ", "con.txt", "index"])
def test_names_of_files_are_safe_and_different(ids: list[str]) -> None:
    found = file_names(ids)
    assert set(found) == set(ids)
    assert len({name.casefold() for name in found.values()}) == len(set(ids))
    for own, name in found.items():
        assert name.strip(". ") == name
        assert name.replace(".", "").replace("-", "").replace("_", "").isascii()
        assert all(letter.isalnum() or letter in "._-" for letter in name)
        assert len(name) <= 60
        if name != own:
            assert "." in name


def test_plain_ids_are_their_own_names() -> None:
    assert file_names(["C1", "110101_003", "x-y"]) == {name: name for name in ("C1", "110101_003", "x-y")}
    assert file_names(["Aux"])["Aux"].startswith("Aux.")
    assert len({name.casefold() for name in file_names(["a", "A"]).values()}) == 2
