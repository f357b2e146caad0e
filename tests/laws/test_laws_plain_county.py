"""Laws against plain arithmetic: where formulas alone find a division, the engine finds it to the fen; else it refuses.

Invariants 1–3, 7, 11, 13, 17, 20 and 22 at once, over random counties with every form of need, pace and reserve.
"""

from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from evaluations.allocation.engine import Allocation, allocate
from evaluations.allocation.snapshot import DataError
from tests.laws.plain_county import Plain, Refused, divided, earned_by, largest_remainder, scores
from tests.laws.test_laws_allocation_engine import oracle
from tests.unit.evaluations.allocation_world import frame, spec

Row = dict[str, Any]
RISKS: list[Row | None] = [
    {"form": "exponential", "ratio": 2, "reference": 50}, {"form": "exponential", "ratio": "0.7", "reference": "31.5"},
    {"form": "linear", "slope": "0.5", "reference": 50}, {"form": "linear", "slope": "-0.4"},
    {"form": "points", "points": [[0, 1], [30, "1.2"], ["62.5", "1.9"]]}, None,
]  # fmt: skip
World = tuple[list[Row], Row, Decimal]


def payees_of(random: Random) -> list[Row]:
    """Money of the year before follows people, more or less: so that pace binds some and holds together often."""
    rows = []
    for at in range(random.randint(1, 6)):
        people = random.choice([0, random.randint(1, 60_000), random.randint(1, 60_000), random.randint(1, 900)])
        known = random.random() < 0.75
        rows.append({
            "id": f"P{at}", "people": people, "rural": random.randint(0, 1), "age": f"{random.randint(0, 2000) / 1000}",
            "cost": f"1.{random.randint(0, 99):02d}", "risk": f"{random.randint(0, 1000) / 10}",
            "q": f"{random.randint(0, 60) / 10}",
            "previous": _yuan(people * random.randint(40, 160) + random.randint(0, 99)) if known else None,
            "people_before": max(1, people + random.randint(-people // 5, 900)),
            "statutory": _yuan(random.randint(0, 30 * people)), "registered": random.choice([0, 1, 77, 9000]),
            "score": f"{random.randint(0, 1000) / 1000}",
        })  # fmt: skip
    for row in rows:
        row["poor"] = row["rural"] * random.randint(0, 1)
    return rows


def _yuan(fen: int) -> str:
    return f"{Decimal(fen).scaleb(-2):f}"


def world(seed: int) -> World:
    """Payees, rules and a budget in yuan. Drawn by the seed alone: cell by cell, generators are slow."""
    random = Random(seed)  # noqa: S311  (no secret is drawn)
    rows, half = payees_of(random), lambda: random.random() < 0.5
    shares = {"need": Decimal(1)}
    for name, part in (("p", "0.2"), ("spare", "0.07")):
        if half():
            shares[name] = Decimal(part)
            shares["need"] -= shares[name]
    pace = {name: random.choice(values) for name, values in (
        ("floor_change", [None, "-0.02", "-0.3", "-1"]), ("cap_change", [None, "0.12", "0.5", "4"]),
        ("min_vs_target", [None, "0.5", "0.9", "1"]), ("statutory", [False, False, True]),
        ("population_before", [False, True]))}  # fmt: skip
    groups = [name for name in ("rural", "poor") if any(row[name] for row in rows) and half()]
    reserves: list[Row] = [
        {"id": f"r_{group}", "group": group, "minimum_share": random.choice(["0.1", "0.3", "0.333333", "0.6"]),
         "base": random.choice(["total", "distributable", ["need"], list(shares)]),
         **random.choice([{}, {}, {"mode": "worst_case"}])}
        for group in groups
    ]  # fmt: skip
    if len(reserves) == 1 and "spare" in shares and "mode" not in reserves[0] and half():
        reserves[0]["true_up_from"] = "spare"
    rules = {
        "shares": shares, "risk": random.choice(RISKS), "factors": random.choice([["age", "cost"], ["cost"], []]),
        "inequality": random.choice([None, "0.1", "0.25"]), "pace": pace, "reserves": reserves,
        "fixed_grant": random.choice([0, 0, Decimal("1.23")]),
    }  # fmt: skip
    last_year = sum((int(Decimal(row["previous"] or 0) * 100) for row in rows), 0)
    fen = last_year * random.randint(90, 160) // 100 or random.randint(1, 10**7)
    return rows, rules, Decimal(fen) / 100


def by_the_engine(rows: list[Row], rules: Row, budget: Decimal) -> Allocation:
    need: Row = {
        "id": "need", "kind": "need", "share": rules["shares"]["need"], "population": {"column": "people"},
        "factors": [{"id": name, "column": name} for name in rules["factors"]], "fixed_grant": rules["fixed_grant"],
    }  # fmt: skip
    if rules["risk"] is not None:
        need["risk"] = {"column": "risk", **rules["risk"]}
    if rules["inequality"] is not None:
        need["inequality"] = {"share": rules["inequality"], "column": "q"}
    pace = {name: own for name, own in rules["pace"].items() if own is not None and own is not False}
    columns = {"statutory": "statutory", "population_before": "people_before"}
    pace |= {name: {"column": column} for name, column in columns.items() if name in pace}
    need["pace"] = {"previous": {"column": "previous"}, **pace}
    paid: Row = {
        "id": "p", "kind": "performance", "share": rules["shares"].get("p"), "registered": {"column": "registered"},
        "score": "given", "data": {"table": "scores", "payee": "id", "indicator": "indicator", "score": "score"},
        "indicators": [{"id": "i", "weight": 1}],
    }  # fmt: skip
    spare = {"id": "spare", "kind": "fund", "share": rules["shares"].get("spare"), "fund": "f", "contingency": True}
    streams = [own for own in (need, paid, spare) if own["id"] in rules["shares"]]
    scores = [{"id": row["id"], "indicator": "i", "score": row["score"]} for row in rows]
    payees = {"table": "payees", "id": "id", "groups": {"rural": "rural", "poor": "poor"}}
    rules_of = spec(streams, budget, reserves=rules["reserves"], payees=payees)
    # Rows in another order than ids, and in every table another.
    return allocate(rules_of, {"payees": frame(rows[::-1]), "scores": frame(scores)})


def problem_of(plain: Plain, rows: list[Row]) -> Row:
    return {
        "targets": plain.exact_targets, "floors": plain.floors, "caps": plain.caps, "pool": plain.pools["need"],
        "ids": [row["id"] for row in rows], "groups": plain.guarantees,
    }  # fmt: skip


@settings(max_examples=70)
@given(st.integers(0, 10**9))
def test_the_engine_divides_as_plain_arithmetic_does_or_refuses_where_that_finds_nothing(seed: int) -> None:
    divides_alike(*world(seed))


@settings(max_examples=12)
@given(st.integers(0, 10**9))
def test_a_fund_makes_good_what_a_group_did_not_earn_to_the_fen(seed: int) -> None:
    """Invariants 3 and 5: the group was to have just what it would have with all that results can earn."""
    rows, rules, budget = world(seed)
    for at, row in enumerate(rows):
        row |= {"rural": int(at < 2), "score": f"0.{800 + (seed + at) % 200}", "registered": 70 + at}
    rules |= {"shares": {"need": Decimal("0.73"), "p": Decimal("0.2"), "spare": Decimal("0.07")}, "reserves": []}
    rules["pace"] = {"floor_change": "-0.3"}
    whole = by_the_engine(rows, rules, budget)
    if whole.conflict is not None:
        return
    plan = sum(whole.tables["need"].filter(payee_id=own)["amount_fen"].sum() for own in ("P0", "P1"))
    plan += sum(whole.tables["earned"].filter(payee_id=own)["potential_fen"].sum() for own in ("P0", "P1"))
    share = (Decimal(plan) / (budget * 100)).quantize(Decimal("0.000001"))
    rules["reserves"] = [
        {"id": "r", "group": "rural", "minimum_share": share, "base": "total", "true_up_from": "spare"}
    ]
    divides_alike(rows, rules, budget)


def divides_alike(rows: list[Row], rules: Row, budget: Decimal) -> None:
    """The engine against plain arithmetic: everything it says about a division."""
    found = by_the_engine(rows, rules, budget)
    try:
        plain = divided(rows, rules, int(budget * 100))
        exact = oracle(problem_of(plain, rows))
    except Refused:
        exact = None
    if exact is None:
        event("refused")
        assert found.conflict is not None
        assert found.tables == {}
        assert found.conflict.short > 0
        return
    if found.conflict is not None:
        # Only what the fund of a true-up holds may then be too little.
        assert found.conflict.rules[-1] == "true_up"
        assert true_up(rows, rules, plain, exact) is None
        return
    event(f"divided, {len(rules['reserves'])} reserves")
    table = {row["payee_id"]: row for row in found.tables["need"].to_dicts()}
    for row, target, low, cap, amount in zip(rows, plain.targets, plain.floors, plain.caps, exact, strict=True):
        own = table[row["id"]]
        assert (own["target_fen"], own["floor_fen"], own["cap_fen"]) == (target, low, cap)
        assert abs(own["amount_fen"] - amount) < 1
        assert low <= own["amount_fen"] <= (own["amount_fen"] if cap is None else cap)
        assert row["people"] or own["target_fen"] == 0
    for places, least in plain.guarantees.values():
        assert sum(table[rows[at]["id"]]["amount_fen"] for at in places) >= least
    of_results(found, rows, plain)
    statements(found, rows, plain)

    made_good = true_up(rows, rules, plain, [Fraction(table[row["id"]]["amount_fen"]) for row in rows])
    assert made_good is not None
    lines = found.tables["lines"].filter(line_id="true_up")
    told = dict(lines.select("payee_id", "amount_fen").iter_rows())
    assert told == {who: own for who, own in made_good.items() if own}
    for reserve in found.tables["reserves"].to_dicts():
        assert reserve["minimum_fen"] == plain.minima[reserve["reserve"]]
        assert reserve["reached_fen"] >= reserve["minimum_fen"]


def of_results(found: Allocation, rows: list[Row], plain: Plain) -> None:
    """What results earn, and where the rest is."""
    if "p" not in plain.pools:
        return
    lines = found.tables["lines"].filter(stream="p")
    sums = dict(lines.group_by("payee_id").agg(pl.col("amount_fen").sum()).iter_rows())
    ids = [row["id"] for row in rows]
    assert [sums.get(own, 0) for own in ids] == plain.earned
    assert sums.get("support_fund", 0) == plain.pools["p"] - sum(plain.earned)


def statements(found: Allocation, rows: list[Row], plain: Plain) -> None:
    """Every payee's lines are its own: target from its factors, need money, quarters, and all of it."""
    lines = found.tables["lines"].to_dicts()
    payees = {row["payee_id"]: row for row in found.tables["payees"].to_dicts()}
    table = {row["payee_id"]: row for row in found.tables["need"].to_dicts()}
    for at, row in enumerate(rows):
        own = [line for line in lines if line["payee_id"] == row["id"]]
        need = [line for line in own if line["stream"] == "need"]
        assert sum(line["amount_fen"] for line in own) == payees[row["id"]]["amount_fen"]
        assert sum(line["amount_fen"] for line in need) == payees[row["id"]]["need_fen"]
        assert table[row["id"]]["amount_fen"] == payees[row["id"]]["need_fen"]
        assert sum(line["amount_fen"] for line in need if line["stage"] == "S2") == plain.targets[at]
        for name, exact in plain.factor_lines[at].items():
            said = sum(line["amount_fen"] for line in need if _is(line, name))
            assert abs(said - exact) <= 1, name
        quarters = found.tables["quarters"].filter(stream="need", payee_id=row["id"])["paid_fen"].to_list()
        money = table[row["id"]]["amount_fen"]
        assert [sum(quarters[:n]) for n in (1, 2, 3, 4)] == [money * n // 4 for n in (1, 2, 3, 4)]


def _is(line: Row, factor: str) -> bool:
    if factor in ("risk", "scaling"):
        return bool(line["line_id"] == {"risk": "need_risk", "scaling": "scaling"}[factor])
    return line["line_id"] == "need_factor" and f'"factor":"{factor}"' in line["params"]


def true_up(rows: list[Row], rules: Row, plain: Plain, need: list[Fraction]) -> dict[str, int] | None:
    """What the fund adds to the group, by target; None where it holds too little."""
    for reserve in rules["reserves"]:
        if "true_up_from" in reserve:
            places = plain.guarantees[reserve["id"]][0]
            counts = "p" in plain.pools and (reserve["base"] in ("total", "distributable") or "p" in reserve["base"])
            own = sum(int(need[at]) + (plain.earned[at] if counts else 0) for at in places)
            short = max(0, plain.minima[reserve["id"]] - own)
            if short > plain.pools["spare"]:
                return None
            weights = [plain.targets[at] for at in places]
            ids = [rows[at]["id"] for at in places]
            parts = largest_remainder(weights if any(weights) else [1] * len(places), short, ids)
            return dict(zip(ids, parts, strict=True))
    return {}


ITEMS: list[Row] = [
    {"id": "a", "weight": 3, "relative_value": 1, "direction": "higher_is_better", "minimum_cases": 10,
     "threshold": Decimal("0.5"), "benchmark": Decimal("0.75")},
    {"id": "b", "weight": "1.5", "relative_value": "0.4", "direction": "lower_is_better", "minimum_cases": 0,
     "threshold": Decimal("0.4"), "benchmark": Decimal("0.1"), "registered": "few"},
]  # fmt: skip


def results_of(random: Random) -> tuple[list[Row], list[Row], list[Row], bool, bool]:
    """Payees, indicators, figures; whether the better of two ways counts, whether strata are learnt from apart."""
    rows = [
        {"id": f"P{at}", "rural": random.randint(0, 1), "registered": random.choice([0, 3, 800, 9000]),
         "few": random.choice([0, 1, 50])}
        for at in range(random.randint(1, 6))
    ]  # fmt: skip
    better_of, apart, learnt = (random.random() < 0.5 for _ in range(3))
    items = [dict(item) for item in ITEMS]
    if learnt and better_of:
        items[0] |= {"threshold": "p25", "benchmark": "p90"}
        items[1] |= {"threshold": "p10", "benchmark": "p75"}
    figures = []
    for row in rows:
        for item in items:
            cases = random.choice([0, 4, 9, 10, 11, 200, 200])
            given = {"top": random.choice([None, *[random.randint(0, cases)] * 6]), "cases": cases,
                     "base": random.choice([None, *[f"{random.randint(0, 100) / 100}"] * 6])}  # fmt: skip
            if random.random() < 0.9:
                figures.append({"id": row["id"], "indicator": item["id"], **given})
    return rows, items, figures, better_of, apart


@settings(max_examples=40)
@given(st.integers(0, 10**9), st.sampled_from(["support_fund", "carry_over", "earners"]))
def test_results_earn_what_plain_arithmetic_says(seed: int, unearned_to: str) -> None:
    """Invariants 16, 17, 20, 21: what is missing scores 0, nobody earns more than its potential, the rest is kept."""
    rows, items, figures, better_of, apart = results_of(Random(seed))  # noqa: S311
    assume({own["indicator"] for own in figures} == {"a", "b"})
    registered = [[row["registered"] for row in rows], [row["few"] for row in rows]]
    ids, pool = [row["id"] for row in rows], 1_000_003
    by_cell = {(own["id"], own["indicator"]): own for own in figures}
    strata = [[at for at, row in enumerate(rows) if row["rural"] == group] for group in (0, 1)]
    strata = strata if apart else [list(range(len(rows)))]
    each = []
    for item in items:
        cells = [by_cell.get((own, item["id"]), {}) for own in ids]
        known = [(own.get("top"), own.get("cases"), None if not better_of or own.get("base") is None
                  else Fraction(own["base"])) for own in cells]  # fmt: skip
        each.append(scores(item, known, strata, better_of=better_of))
    stream: Row = {
        "id": "p", "kind": "performance", "share": 1, "registered": {"column": "registered"},
        "score": "best_of_achievement_and_improvement" if better_of else "achievement", "unearned_to": unearned_to,
        "data": {"table": "figures", "payee": "id", "indicator": "indicator", "numerator": "top",
                 "denominator": "cases", **({"baseline": "base"} if better_of else {})},
        "indicators": [{**item, **({"registered": {"column": "few"}} if "registered" in item else {})}
                       for item in items], "strata": ["rural"] if apart else [],
    }  # fmt: skip
    rules = spec([stream], Decimal(pool) / 100)
    tables = {"payees": frame(rows[::-1]), "figures": frame(figures)}
    sure = [own for own in each if own is not None]
    if len(sure) < len(each) and any(map(any, registered)):
        with pytest.raises(DataError):
            allocate(rules, tables)
        return
    found = allocate(rules, tables)
    if not any(map(any, registered)):
        assert found.conflict is not None
        return
    potential, exact = earned_by(items, registered, sure, pool, ids)
    assert found.conflict is None
    table = {(row["payee_id"], row["indicator"]): row for row in found.tables["performance"].to_dicts()}
    for number, item in enumerate(items):
        for at, own in enumerate(ids):
            assert abs(Fraction(table[own, item["id"]]["score"]) - sure[number][at]) <= Fraction(1, 10**6)
    earned = {row["payee_id"]: row for row in found.tables["earned"].to_dicts()}
    # Means of strata are cut to twelve decimals: a whole fen may then be missed.
    assert [earned[own]["potential_fen"] for own in ids] == potential
    assert all(0 <= fen - earned[own]["earned_so_far_fen"] < 1.01 for own, fen in zip(ids, exact, strict=True))
    lines = found.tables["lines"]
    own = dict(lines.filter(pl.col("line_id").str.starts_with("earned")).group_by("payee_id").agg(
        pl.col("amount_fen").sum()).iter_rows())  # fmt: skip
    assert own == {who: row["earned_so_far_fen"] for who, row in earned.items() if row["potential_fen"]}
    rest = pool - sum(own.values())
    to = dict(lines.filter(pl.col("line_id").is_in(["unearned", "from_unearned"])).select("payee_id", "amount_fen")
              .iter_rows())  # fmt: skip
    if unearned_to == "earners" and any(own.values()):
        again = largest_remainder([own.get(who, 0) for who in ids], rest, ids)
        assert to == {who: fen for who, fen in zip(ids, again, strict=True) if fen}
    else:
        assert to == ({"carry_over" if unearned_to == "carry_over" else "support_fund": rest} if rest else {})
