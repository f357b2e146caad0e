"""Law of the replay: what it takes over from years without improvement changes no fen.

Oracle: tables with the new cells written by hand, and the whole division made again from nothing, year after year.
"""

from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluations.allocation.column_levers import Edit
from evaluations.allocation.engine import allocate
from evaluations.allocation.replay import NoReplay, Replay, audited, in_year, last_known
from evaluations.allocation.snapshot import DataError
from tests.laws.test_laws_allocation_engine import performance
from tests.laws.test_laws_audit import DIVIDEND
from tests.unit.evaluations.allocation_world import NEED, frame, spec

Row = dict[str, Any]
Tables = dict[str, list[Row]]
AWARDS: Row = {
    "id": "best", "kind": "awards", "share": "0.1", "over_pool": "pro_rata",
    "classes": [{"id": "x", "by": "rank", "score": {"column": "q"}, "amounts": [[1, "9"], [2, "5"]]}],
}  # fmt: skip
KEPT: Row = {"id": "kept", "kind": "fund", "fund": "kept", "share": "0.1"}
PLACES = [("figures", "top"), ("payees", "age"), ("payees", "q"), ("payees", "share"), ("payees", "risk"),
          ("figures", "cases")]  # fmt: skip


def world_of(r: Random) -> tuple[Any, Tables, list[Edit], dict[str, Any], int]:
    """A spec with every kind of follower, its tables, new cells, new risks and the payee that is looked at."""
    rows = [
        {"id": f"c{at}", "rural": int(not at or r.random() < 0.4), "people": r.randint(1000, 9000),
         "age": r.choice(["1", "0.9", "1.2"]),
         "cost": 1, "risk": r.randint(0, 100), "q": r.randint(1, 9), "previous": r.randint(1000, 9000),
         "registered": r.randint(0, 900), "share": r.choice(["0", "0.4", "1"])}
        for at in range(r.randint(2, 6))
    ]  # fmt: skip
    last = r.choice([2, 3, 4, 4, 4])
    figures = [
        {"id": row["id"], "indicator": name, "quarter": f"2025Q{quarter}", "cases": cases,
         "top": r.randint(0, cases) if r.random() < 0.9 else None, "base": f"0.{at + 2}{r.randint(0, 9)}"}
        for at, row in enumerate(rows) for name in "ab" for quarter in range(1, last + 1)
        for cases in [r.randint(5, 60)]
        if r.random() < 0.9 or not at
    ]  # fmt: skip
    for row in figures:
        row["base"] = next(
            own["base"] for own in figures if (own["id"], own["indicator"]) == (row["id"], row["indicator"])
        )
    pay = performance(
        through=f"2025Q{last}", reliability=r.choice(["none", "empirical_bayes"]), rolling_quarters=r.randint(1, 3),
        equity=r.choice([None, {"share": {"column": "share"}, "strength": "0.5"}]), strata=r.choice([[], ["rural"]]),
        unearned_to=r.choice(["support_fund", "earners"]), learnt=False,
    )  # fmt: skip
    pay |= {
        "share": "0.2",
        "quarterly": r.choice([None, {"advance": "0.8"}, {"advance": "0.8", "late": "earns_nothing"}]),
    }
    form = r.choice([{"form": "linear", "slope": "0.5"}, {"form": "exponential", "ratio": 3, "reference": 50}])
    need: Row = {**NEED, "share": "0.4", "risk": {"column": "risk", **form}}
    if r.random() < 0.8:
        need["pace"] = {
            "previous": {"column": "previous"},
            "floor_change": r.choice(["-0.9", "-0.4"]),
            "cap_change": r.choice(["0.2", "2"]),
        }
    if "pace" in need and r.random() < 0.5:
        need["pace"] |= {"leakage": "hold_in_transition", "hold_in": "held"}
    dividend = {**DIVIDEND, "amount": None, "share": "0.2"}
    funds = [{}, {}, {"spare_below_target": "0.3"}, {"true_up_from": "kept", "mode": "planned_with_true_up"}]
    reserve = {"id": "r", "group": "rural", "minimum_share": f"0.{r.randint(20, 50)}",
               "mode": r.choice(["planned_with_true_up", "planned_with_true_up", "worst_case"]),
               **r.choice(funds)}  # fmt: skip
    own = spec([need, pay, dividend, AWARDS, KEPT], sum(row["previous"] for row in rows) * 2,
               reserves=[reserve], audit={"years": 4, "reset_year": r.randint(1, 2)})  # fmt: skip
    tables: Tables = {"payees": rows, "figures": figures}
    at = r.randrange(len(rows))
    edits = []
    usual = PLACES[:1] if r.random() < 0.7 else PLACES[-1:]
    for table, column in usual if r.random() < 0.6 else r.sample(PLACES, r.randint(1, 2)):
        for place, row in enumerate(tables[table]):
            if row["id"] == rows[at]["id"] and row.get(column) is not None:
                most = {"top": row.get("cases", 0), "share": 1, "cases": 90}.get(column, 100)
                least = row["top"] or 0 if column == "cases" and r.random() < 0.9 else 0
                figure = Decimal(r.randint(10 * least, 10 * most)) / 10
                edits.append(Edit(table, column, place, figure, r.random() < 0.8))
    risks = {"need": [r.randint(0, 100) for _ in rows]} if r.random() < 0.3 else {}
    return own, tables, edits, risks, at


def by_hand(own: Any, tables: Tables, edits: list[Edit], risks: dict[str, Any], at: int) -> list[int] | None:
    """Fen of the payee year by year; None where the rules cannot hold together."""
    rows = sorted(tables["payees"], key=lambda row: row["id"])
    payee, found, before = rows[at]["id"], [], None
    for year in range(1, own.audit.years + 1):
        now = {name: [dict(row) for row in kept] for name, kept in tables.items()}
        for edit in edits:
            if edit.first or year > 1:
                now[edit.table][edit.row][edit.column] = edit.figure
        by_id = {row["id"]: row for row in now["payees"]}
        for place, row in enumerate(rows):
            mine = by_id[row["id"]]
            mine["__before"] = mine["__improved"] = row["risk"]
            if risks and year >= own.audit.reset_year:
                mine["risk"] = risks["need"][place]
            if risks and place == at:
                mine["__improved"] = risks["need"][place]
            if before is not None:
                mine["previous"] = Decimal(before[row["id"]]) / 100
        year_of = allocate(in_year(own, own.audit, year), {name: frame(kept) for name, kept in now.items()})
        if year_of.conflict is not None:
            return None
        paid = year_of.tables["payees"].filter(payee_kind="community")
        found.append(dict(paid.select("payee_id", "amount_fen").iter_rows())[payee])
        before = dict(year_of.tables["need"].select("payee_id", "amount_fen").iter_rows())
    return found


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**9))
def test_the_replay_is_the_division_made_again_from_nothing(seed: int) -> None:
    check(*world_of(Random(seed)))  # noqa: S311


@pytest.mark.parametrize(("column", "figure"), [("top", 7), ("cases", 15)])
def test_leakage_that_a_group_keeps_follows_what_it_earns(column: str, figure: int) -> None:
    """Two payees stand at their caps; what that leaves the rural two above target they keep up to their reserved share.

    The more one of them earns, by what it does or among how many, the less of it they keep.
    """
    rows: list[Row] = [
        {"id": own, "rural": int(own in "AB"), "people": 1000, "previous": 10_000 if own in "AB" else 100,
         "registered": 50, "risk": 50} for own in "ABCD"
    ]  # fmt: skip
    figures: list[Row] = [{"id": row["id"], "indicator": name, "quarter": f"2025Q{quarter}", "cases": 10, "top": 5,
                           "base": "0.2"} for row in rows for name in "ab" for quarter in range(1, 5)]  # fmt: skip
    pace = {"previous": {"column": "previous"}, "cap_change": 1, "leakage": "hold_in_transition", "hold_in": "held"}
    need: Row = {"id": "need", "kind": "need", "population": {"column": "people"}, "share": "0.5", "pace": pace}
    pay = {**performance(through="2025Q4", learnt=False), "share": "0.5", "quarterly": None}
    reserve = {"id": "r", "group": "rural", "minimum_share": "0.5", "mode": "planned_with_true_up"}
    own = spec([need, pay], 40_000, reserves=[reserve], audit={"years": 3, "reset_year": 1})
    edits = [Edit("figures", column, row, Decimal(figure), True) for row in range(8)]
    changes = check(own, {"payees": rows, "figures": figures}, edits, {}, 0)
    assert changes is not None
    assert all(changes)


def check(own: Any, tables: Tables, edits: list[Edit], risks: dict[str, Any], at: int) -> list[int] | None:
    """What changes year by year, which is the same by hand; None where there is no answer by hand either."""
    frames = {name: frame(rows) for name, rows in tables.items()}
    rules = audited(own)
    plain = by_hand(rules, _as_text(last_known(own, frames)), [], {}, at)
    if plain is None:
        with pytest.raises(NoReplay):
            Replay(rules, frames)
        return None
    replay = Replay(rules, frames)
    moved = {name: np.array(own, dtype=float) for name, own in risks.items()}
    try:
        then = by_hand(rules, tables, edits, risks, at)
    except DataError:
        with pytest.raises(DataError):
            replay.change(at, edits, moved)
        return None
    if then is None:
        with pytest.raises(NoReplay):
            replay.change(at, edits, moved)
        return None
    expected = [new - old for new, old in zip(then, plain, strict=True)]
    assert replay.change(at, edits, moved) == expected
    # What one question leaves behind changes no answer to the next.
    assert replay.change(at, [], {}) == [0] * own.audit.years
    assert replay.change(at, edits, moved) == expected
    return expected


def _as_text(tables: dict[str, pl.DataFrame]) -> Tables:
    return {name: frame.to_dicts() for name, frame in tables.items()}
