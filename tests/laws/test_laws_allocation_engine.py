"""Laws of the allocation engine over small random counties.

Nothing lost, bounds and reserves kept, names and units do not matter, nothing pays for keeping figures back.
"""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data_contracts.allocation_spec.pay import Quarterly
from evaluations.allocation.engine import Allocation
from evaluations.allocation.quarters import payments
from evaluations.nested_fill import NoNestedSolution, nested_fill
from tests.unit.evaluations.allocation_world import need, run

Row = dict[str, Any]


def decimals(low: int, high: int, digits: int) -> st.SearchStrategy[Decimal]:
    return st.integers(low * 10**digits, high * 10**digits).map(lambda number: Decimal(number).scaleb(-digits))


@st.composite
def payee(draw: st.DrawFn) -> Row:
    people = draw(st.one_of(st.just(0), st.integers(1, 60_000)))
    return {
        "rural": draw(st.integers(0, 1)),
        "people": people,
        "age": draw(decimals(0, 2, 3)),
        "cost": draw(decimals(1, 2, 2)),
        "risk": draw(decimals(0, 100, 1)),
        "q": draw(decimals(0, 6, 1)),
        "previous": draw(st.one_of(st.none(), decimals(0, 30_000, 2))),
        "registered": draw(st.integers(0, 9000)),
    }


def named(rows: list[Row]) -> list[Row]:
    return [{**row, "id": f"P{at}"} for at, row in enumerate(rows)]


COUNTY = st.lists(payee(), min_size=1, max_size=6).map(named)
BUDGET = decimals(1, 100_000, 2)
PACE = st.fixed_dictionaries(
    {
        "floor_change": st.sampled_from([None, "-0.02", "-0.3", "-1"]),
        "cap_change": st.sampled_from([None, "0.12", "0.5", "4"]),
        "min_vs_target": st.sampled_from([None, "0.5", "0.9"]),
        "leakage": st.just("distribute"),
    }
)
SHARE = st.sampled_from(["0.1", "0.3", "0.6", "1"])
INDICATORS = ("a", "b")


def counts(rows: list[Row], draw: st.DrawFn) -> list[Row]:
    found = []
    for at, row in enumerate(rows):
        for name in INDICATORS:
            # No two alike, so that percentiles of two of them leave room between threshold and benchmark.
            base = Decimal(16 * at + draw(st.integers(0, 15))) / 100
            for quarter in range(1, draw(st.integers(1, 4)) + 1):
                cases = draw(st.integers(0, 80))
                found.append({
                    "id": row["id"], "indicator": name, "quarter": f"2025Q{quarter}",
                    "top": draw(st.one_of(st.none(), st.integers(0, cases))), "cases": cases, "base": base,
                })  # fmt: skip
    return found


def paid_by(figures: list[Row]) -> Row:
    """The quarter with the last row, also where most payees have none, and edges that have room between them."""
    return {"through": max(row["quarter"] for row in figures), "learnt": len({row["id"] for row in figures}) > 1}


def performance(*, learnt: bool = True, **more: Any) -> Row:
    edges = {"threshold": "p25", "benchmark": "p90"} if learnt else {"threshold": "0.3", "benchmark": "0.7"}
    return {
        "id": "p", "kind": "performance", "share": 1, "registered": {"column": "registered"},
        "data": {"table": "figures", "payee": "id", "indicator": "indicator", "quarter": "quarter",
                 "numerator": "top", "denominator": "cases", "baseline": "base"},
        "score": "best_of_achievement_and_improvement",
        "indicators": [
            {"id": "a", "weight": 3, **edges, "minimum_cases": 10},
            {"id": "b", "weight": 1, "threshold": "0.2", "benchmark": "0.8"},
        ],
        **({} if more.get("rolling_quarters", 1) > 1 else {"figures": "year_so_far"}),
        **more,
    }  # fmt: skip


VARIANT = st.fixed_dictionaries(
    {
        "reliability": st.sampled_from(["none", "empirical_bayes"]),
        "rolling_quarters": st.integers(1, 4),
        "unearned_to": st.sampled_from(["support_fund", "carry_over"]),
        "equity": st.sampled_from([None, {"share": {"column": "share"}, "strength": "0.5"}]),
        "quarterly": st.fixed_dictionaries(
            {"advance": st.sampled_from(["0.8", "1", "0"]), "largest_change": st.sampled_from([None, "0.1"])}
        ),
    }
)


def given_variant(variant: Row) -> Row:
    return {name: value for name, value in variant.items() if value is not None}


def paid(found: Allocation, stream: str) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for row in found.tables["lines"].filter(stream=stream).iter_rows(named=True):
        sums[row["payee_id"]] += row["amount_fen"]
    return sums


def fen(amount: Decimal) -> int:
    return int(amount * 100)


@settings(max_examples=80)
@given(COUNTY, BUDGET, PACE, st.lists(SHARE, max_size=1), st.booleans())
def test_nothing_is_lost_and_every_rule_is_kept_or_nothing_is_paid(
    rows: list[Row], budget: Decimal, pace: Row, shares: list[str], hold: bool
) -> None:
    """Laws 1, 2, 3, 13, 18, 20, 22."""
    if hold:
        pace = {**pace, "leakage": "hold_in_transition", "hold_in": "transition"}
    assume(not shares or any(row["rural"] for row in rows))
    reserves = [{"id": "r", "group": "rural", "minimum_share": share} for share in shares]
    found = run([need({name: rule for name, rule in pace.items() if rule is not None})], rows, amount=budget,
                reserves=reserves)  # fmt: skip
    if found.conflict is not None:
        assert found.tables == {}
        assert found.conflict.short > 0
        return
    lines, payees, table = (found.tables[name] for name in ("lines", "payees", "need"))
    assert sum(lines["amount_fen"]) == sum(payees["amount_fen"]) == fen(budget)
    sums = paid(found, "need")
    assert all(sums[row["payee_id"]] == row["amount_fen"] for row in payees.iter_rows(named=True))
    assert sum(table["target_fen"]) == fen(budget)
    for row in table.iter_rows(named=True):
        assert row["floor_fen"] <= row["amount_fen"]
        assert row["cap_fen"] is None or row["amount_fen"] <= row["cap_fen"]
        if not row["population"]:
            assert row["target_fen"] == row["amount_fen"] == 0
    for reserve in reserves:
        rural = sum(amount for amount, row in zip(table["amount_fen"], rows, strict=True) if row["rural"])
        assert rural >= fen(budget) * Fraction(reserve["minimum_share"])  # type: ignore[arg-type]
    quarters = found.tables["quarters"]
    assert quarters["paid_fen"].min() >= 0  # type: ignore[operator]
    assert sum(quarters["paid_fen"]) == sum(table["amount_fen"])


@settings(max_examples=60)
@given(COUNTY, BUDGET, PACE, st.randoms(use_true_random=False))
def test_order_of_rows_changes_no_table_and_names_only_ties(
    rows: list[Row], budget: Decimal, pace: Row, random: Any
) -> None:
    """Laws 4 and 19."""
    stream = need({name: rule for name, rule in pace.items() if rule is not None})
    shuffled = rows[:]
    random.shuffle(shuffled)
    one, other = run([stream], rows, amount=budget), run([stream], shuffled, amount=budget)
    assert one.conflict == other.conflict
    assert all(one.tables[name].equals(other.tables[name]) for name in one.tables)
    renamed = [{**row, "id": f"Q{9 - at}"} for at, row in enumerate(rows)]
    third = run([stream], renamed, amount=budget)
    if one.conflict is None:
        turned = third.tables["need"]["amount_fen"].to_list()[::-1]
        pairs = zip(one.tables["need"]["amount_fen"], turned, strict=True)
        assert all(abs(left - right) <= 1 for left, right in pairs)


@settings(max_examples=40)
@given(COUNTY, BUDGET, PACE)
def test_equals_are_treated_equally(rows: list[Row], budget: Decimal, pace: Row) -> None:
    """Law 5."""
    twins = named([{**row} for row in [*rows, rows[0]]])
    found = run([need({name: rule for name, rule in pace.items() if rule is not None})], twins, amount=budget)
    if found.conflict is None:
        amounts = found.tables["need"]["amount_fen"]
        assert abs(amounts[0] - amounts[-1]) <= 1


@settings(max_examples=40)
@given(COUNTY, BUDGET, PACE, decimals(0, 5000, 2))
def test_more_money_lowers_nobody(rows: list[Row], budget: Decimal, pace: Row, more: Decimal) -> None:
    """Law 6."""
    rules = {name: rule for name, rule in pace.items() if rule is not None}
    one, other = (run([need(rules)], rows, amount=amount) for amount in (budget, budget + more))
    if one.conflict is None and other.conflict is None:
        pairs = zip(one.tables["need"]["amount_fen"], other.tables["need"]["amount_fen"], strict=True)
        assert all(later >= earlier - 1 for earlier, later in pairs)


@settings(max_examples=60)
@given(COUNTY, BUDGET, PACE, decimals(0, 40, 1), st.booleans())
def test_more_need_brings_no_less(rows: list[Row], budget: Decimal, pace: Row, more: Decimal, bounded: bool) -> None:
    """Law 7: own risk rises, own money does not fall and nobody else's rises.

    Bounded, without inequality slice: if the payee stands at its cap, its own rise moves the others between the slices.
    """
    rules = {name: rule for name, rule in pace.items() if rule is not None and name != "min_vs_target"}
    stream = need(rules, inequality=None) if bounded else need()
    worse = [{**rows[0], "risk": min(Decimal(100), rows[0]["risk"] + more)}, *rows[1:]]
    one, other = (run([stream], county, amount=budget) for county in (rows, worse))
    assert (one.conflict is None) == (other.conflict is None)
    if one.conflict is None:
        before, after = (found.tables["need"]["amount_fen"] for found in (one, other))
        assert after[0] >= before[0] - 1
        assert all(late <= early + 1 for early, late in zip(before[1:], after[1:], strict=True))


@settings(max_examples=40)
@given(COUNTY, BUDGET, PACE)
def test_units_of_people_and_money_do_not_matter(rows: list[Row], budget: Decimal, pace: Row) -> None:
    """Law 8."""
    stream = need({name: rule for name, rule in pace.items() if rule is not None})
    thousands = [{**row, "people": f"{Decimal(row['people']) / 1000:f}"} for row in rows]
    myriads = [{**row, "previous": None if row["previous"] is None else f"{row['previous'] / 10000:f}"} for row in rows]
    one = run([stream], rows, amount=budget)
    for other in (run([stream], thousands, amount=budget),
                  run([stream], myriads, amount=budget / 10000, unit="wan_yuan")):  # fmt: skip
        assert (one.conflict is None) == (other.conflict is None)
        if one.conflict is None:
            assert one.tables["need"]["amount_fen"].equals(other.tables["need"]["amount_fen"])


@settings(max_examples=25)
@given(COUNTY, BUDGET)
def test_splitting_a_payee_pays_nothing(rows: list[Row], budget: Decimal) -> None:
    """Law 9, without fixed grant and floors."""
    assume(rows[0]["people"] % 2 == 0)
    half = {**rows[0], "people": rows[0]["people"] // 2}
    one = run([need()], rows, amount=budget)
    other = run([need()], [{**half, "id": "P0"}, {**half, "id": "P0b"}, *rows[1:]], amount=budget)
    assert (one.conflict is None) == (other.conflict is None)
    if one.conflict is None:
        whole, halves = one.tables["need"]["target_fen"], other.tables["need"]["target_fen"]
        assert abs(whole[0] - halves[0] - halves[1]) <= 2


@settings(max_examples=40)
@given(COUNTY, BUDGET, PACE)
def test_a_small_change_moves_little_money(rows: list[Row], budget: Decimal, pace: Row) -> None:
    """Law 14: a millionth of a point of risk moves less than a millionth of the budget."""
    rules = {name: rule for name, rule in pace.items() if rule is not None}
    moved = [{**rows[0], "risk": f"{min(Decimal(100), rows[0]['risk'] + Decimal('0.000001')):f}"}, *rows[1:]]
    one, other = (run([need(rules)], county, amount=budget) for county in (rows, moved))
    if one.conflict is None and other.conflict is None:
        pairs = zip(one.tables["need"]["amount_fen"], other.tables["need"]["amount_fen"], strict=True)
        assert all(abs(left - right) <= 2 + fen(budget) / 10**6 for left, right in pairs)


@st.composite
def fills(draw: st.DrawFn) -> dict[str, Any]:
    size = draw(st.integers(1, 6))
    targets = draw(st.lists(st.integers(0, 30), min_size=size, max_size=size))
    floors = draw(st.lists(st.integers(0, 20), min_size=size, max_size=size))
    caps = [draw(st.one_of(st.none(), st.integers(floor, floor + 40))) for floor in floors]
    pool = draw(st.integers(0, 150))
    start, end = sorted(draw(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1))))
    inner = sorted(draw(st.tuples(st.integers(start, end), st.integers(start, end))))
    groups = {
        "outer": (list(range(start, end + 1)), draw(st.integers(0, pool))),
        "inner": (list(range(inner[0], inner[1] + 1)), draw(st.integers(0, pool))),
    }
    if end + 1 < size:
        groups["other"] = (list(range(end + 1, size)), draw(st.integers(0, pool)))
    ids = [f"P{at}" for at in range(size)]
    return {"targets": targets, "floors": floors, "caps": caps, "pool": pool, "ids": ids, "groups": groups}


def clipped(problem: dict[str, Any], at: int, multiplier: Fraction) -> Fraction:
    amount = max(Fraction(problem["floors"][at]), multiplier * problem["targets"][at])
    cap = problem["caps"][at]
    return amount if cap is None else min(amount, Fraction(cap))


def multiplier_for(problem: dict[str, Any], places: list[int], amount: int) -> Fraction | None:
    """By trying the straight piece between every two breakpoints."""
    edges = {Fraction(0)}
    for at in places:
        if problem["targets"][at]:
            edges |= {Fraction(problem[name][at], problem["targets"][at]) for name in ("floors", "caps")
                      if problem[name][at] is not None}  # fmt: skip
    ordered = sorted(edges)
    ordered.append(ordered[-1] + 1)
    sums = [sum((clipped(problem, at, edge) for at in places), Fraction(0)) for edge in ordered]
    for left, right, low, high in zip(ordered, ordered[1:], sums, sums[1:], strict=False):
        if low <= amount <= high:
            return left if low == high else left + (amount - low) * (right - left) / (high - low)
    slope = sums[-1] - sums[-2]
    if amount < sums[0] or not slope:
        return None
    return ordered[-1] + (amount - sums[-1]) / slope


def oracle(problem: dict[str, Any]) -> list[Fraction] | None:
    """Every choice of groups that bind, solved cell by cell; the one that keeps all rules, multipliers rising inwards.

    Conditions of Kuhn and Tucker: a group that binds has at least the multiplier of what holds it.
    """
    groups = problem["groups"]
    everything = list(range(len(problem["ids"])))
    for size in range(len(groups) + 1):
        for binding in combinations(groups, size):
            held = [(name, set(groups[name][0])) for name in binding]
            held.sort(key=lambda own: (len(own[1]), own[0]))
            cells: dict[str, list[int]] = defaultdict(list)
            for at in everything:
                cells[next((name for name, own in held if at in own), "")].append(at)
            amounts = _cells(problem, held, cells)
            if amounts is not None and all(
                sum(amounts[at] for at in places) >= least for places, least in groups.values()
            ):
                return amounts
    return None


def _cells(problem: dict[str, Any], held: list[tuple[str, set[int]]], cells: dict[str, list[int]]) -> Any:
    totals: dict[str, int] = {}
    for name, own in [*held, ("", set(range(len(problem["ids"]))))]:
        least = problem["groups"][name][1] if name else problem["pool"]
        totals[name] = least - sum(totals[inner] for inner, other in held if inner in totals and other <= own)
    multipliers: dict[str, Fraction] = {}
    for name, total in totals.items():
        found = multiplier_for(problem, cells[name], total) if cells[name] else (Fraction(0) if total == 0 else None)
        if found is None:
            return None
        multipliers[name] = found
    for name, own in held:
        outer = next((other for other, places in held if own < places), "")
        if cells[name] and cells[outer] and multipliers[name] < multipliers[outer]:
            return None
    amounts = [Fraction(0)] * len(problem["ids"])
    for name, places in cells.items():
        for at in places:
            amounts[at] = clipped(problem, at, multipliers[name])
    return amounts


@settings(max_examples=200)
@given(fills())
def test_nested_shares_agree_with_trying_every_choice(problem: dict[str, Any]) -> None:
    """Laws 2, 3, 11 for the solver, and its refusals."""
    expected = oracle(problem)
    try:
        found = nested_fill(**problem)
    except NoNestedSolution:
        assert expected is None
        return
    assert expected is not None
    assert sum(found.amounts) == problem["pool"]
    assert all(abs(own - exact) <= 1 for own, exact in zip(found.amounts, expected, strict=True))
    for places, least in problem["groups"].values():
        assert sum(found.amounts[at] for at in places) >= least


@settings(max_examples=100)
@given(fills())
def test_fixing_one_place_leaves_the_others(problem: dict[str, Any]) -> None:
    """Law 10, without groups."""
    problem = {**problem, "groups": {}}
    try:
        whole = nested_fill(**problem).amounts
    except NoNestedSolution:
        return
    fixed = {name: values[1:] for name, values in problem.items() if name not in ("pool", "groups")}
    rest = nested_fill(**fixed, pool=problem["pool"] - whole[0], groups={}).amounts
    assert all(abs(left - right) <= 1 for left, right in zip(whole[1:], rest, strict=True))


def with_share(rows: list[Row]) -> list[Row]:
    return [{**row, "share": "0.5" if row["rural"] else "0"} for row in rows]


@settings(max_examples=40)
@given(st.data(), COUNTY, BUDGET, VARIANT)
def test_what_is_earned(data: st.DataObject, rows: list[Row], budget: Decimal, variant: Row) -> None:
    """Laws 1, 16, 17, 18, 20."""
    rows = with_share(rows)
    assume(any(row["registered"] for row in rows))
    tables = {"figures": counts(rows, data.draw)}
    found = run(
        [performance(**paid_by(tables["figures"]), **given_variant(variant))], rows, amount=budget, tables=tables
    )
    assert sum(found.tables["lines"]["amount_fen"]) == fen(budget)
    own = found.tables["performance"]
    assert own["score"].is_between(0, 1).all()
    earned = found.tables["earned"]
    assert (earned["earned_so_far_fen"] <= earned["potential_fen"]).all()
    last = earned["quarter"].max()
    due = dict(earned.filter(quarter=last).select("payee_id", "earned_so_far_fen").iter_rows())
    sums = paid(found, "p")
    assert all(sums[name] == amount for name, amount in due.items())
    for row in rows:
        if not row["registered"]:
            assert due[row["id"]] == 0
    quarters = found.tables["quarters"]
    assert (quarters["paid_fen"] >= 0).all()
    if str(last).endswith("Q4"):
        for name, amount in due.items():
            mine = quarters.filter(payee_id=name)
            assert sum(mine["paid_fen"]) - sum(mine["claw_back_fen"]) == amount


@settings(max_examples=40)
@given(st.data(), COUNTY, BUDGET, VARIANT)
def test_keeping_a_figure_back_never_pays(data: st.DataObject, rows: list[Row], budget: Decimal, variant: Row) -> None:
    """Law 21, for the settlement of the year."""
    rows = with_share(rows)
    assume(any(row["registered"] for row in rows))
    figures = counts(rows, data.draw)
    figures += [{**figures[-1], "quarter": "2025Q4"}] if figures[-1]["quarter"] != "2025Q4" else []
    settled = [at for at, row in enumerate(figures) if row["quarter"] == "2025Q4"]
    at = data.draw(st.sampled_from(settled))
    hidden = data.draw(st.sampled_from([["top"], ["cases"], ["base"], ["top", "cases", "base"]]))
    kept = [{**row, **dict.fromkeys(hidden if number == at or (hidden == ["base"] and same(row, figures[at])) else [])}
            for number, row in enumerate(figures)]  # fmt: skip
    stream = performance(**paid_by(figures), **given_variant(variant))
    one = run([stream], rows, amount=budget, tables={"figures": figures})
    other = run([stream], rows, amount=budget, tables={"figures": kept})
    name = figures[at]["id"]
    assert paid(other, "p")[name] <= paid(one, "p")[name]


def same(left: Row, right: Row) -> bool:
    return bool(left["id"] == right["id"] and left["indicator"] == right["indicator"])


@settings(max_examples=25)
@given(st.data(), COUNTY, st.integers(0, 5))
def test_a_better_figure_never_scores_less(data: st.DataObject, rows: list[Row], at: int) -> None:
    """Law 16, with thresholds from baselines and without reliability."""
    figures = [{**row, "quarter": None} for row in counts(rows, data.draw) if row["quarter"] == "2025Q1"]
    figures = [{**row, "cases": 80, "top": row["top"] or 0} for row in figures]
    at = at % len(figures)
    better = [{**row, "top": min(80, row["top"] + 7)} if number == at else row for number, row in enumerate(figures)]
    stream = performance(learnt=len(rows) > 1)
    del stream["data"]["quarter"], stream["figures"]
    found = [
        run([stream], [{**row, "registered": 10} for row in rows], tables={"figures": own}).tables["performance"]
        for own in (figures, better)
    ]
    own = {"payee_id": figures[at]["id"], "indicator": figures[at]["indicator"]}
    before, after = (table.filter(**own)["score"][0] for table in found)
    assert after >= before


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=4, max_size=4),
    st.sampled_from(["0", "0.8", "1"]), st.sampled_from([None, "0", "0.1", "2"]), st.integers(0, 4000),
)  # fmt: skip
def test_payments_of_a_year(steps: list[tuple[int, int]], advance: str, change: str | None, base: int) -> None:
    """Law 18: payments are never negative, change in bounds before the settlement, and settle to what is earned."""
    due, earned, whole = [], [], 0
    for more, part in steps:
        whole += more
        due.append(whole)
        earned.append(whole * part // 1000)
    rule = Quarterly.model_validate({"advance": advance, "largest_change": change})
    found = payments(rule, earned, due, Fraction(base, 4), settled=True)
    amounts = [payment.paid for payment in found]
    assert all(amount >= 0 for amount in amounts)
    assert sum(amounts) - found[-1].claw_back == earned[-1]
    assert all(sum(amounts[: at + 1]) <= most for at, most in enumerate(due[:3]))
    if change is not None:
        step = Fraction(base, 4) * Fraction(change)
        rises = [later - earlier for earlier, later in pairwise(amounts[:3])]
        assert all(rise <= step for rise in rises)
