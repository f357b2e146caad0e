"""Stages of an allocation by hand: bounds, held money, performance in its ways, payment in the year, budget lines."""

from decimal import ROUND_UP, Context, Decimal, localcontext
from fractions import Fraction

import pytest

from data_contracts.allocation_spec.pay import Quarterly
from data_contracts.closed import Bilingual, DefinitionError
from data_contracts.messages import catalogue
from evaluations.allocation.engine import allocate
from evaluations.allocation.quarters import payments
from evaluations.allocation.snapshot import DataError
from pipelines.allocating import with_words
from tests.unit.evaluations.allocation_world import WORKED_PAYEES, column, frame, need, run, spec

PLAIN = {"id": "need", "kind": "need", "share": 1, "population": {"column": "people"}}


def people(*counts, **columns):
    """Payees A, B, C … with so many people and further columns, in order."""
    return [
        {"id": "ABCDEFGH"[at], "rural": 0, "people": count, **{name: cells[at] for name, cells in columns.items()}}
        for at, count in enumerate(counts)
    ]


def words(found):
    """(payee, line) → sentence in Chinese; every sentence of the result can be said."""
    said = with_words(found.tables["lines"], Bilingual(zh="元", en="yuan"))
    return {(payee, line): sentence for payee, line, sentence in
            said.select("payee_id", "line_id", "words_zh").iter_rows()}  # fmt: skip


def lines(found, payee):
    own = found.tables["lines"].filter(payee_id=payee)
    return dict(zip(own["line_id"], own["amount_fen"], strict=True))


def test_new_payees_have_neither_floor_nor_cap_and_the_empty_place_gets_nothing():
    pace = {"previous": {"column": "old"}, "floor_change": "-0.1", "cap_change": "0.1"}
    found = run([{**PLAIN, "pace": pace}], people(10, 10, 0, old=["100", None, "50"]), amount=180)
    assert column(found, "amount_fen") == [9000, 9000, 0]
    assert column(found, "bound") == ["floor", "new", "floor"]
    assert column(found, "before_fen") == [10000, None, 5000]


@pytest.mark.parametrize(("now", "floor"), [(102, 9800), (103, 10094), (98, 9800), (97, 9506), (0, 0)])
def test_bounds_go_per_head_where_people_moved_by_more_than_two_per_cent(now, floor):
    pace = {"previous": {"column": "old"}, "floor_change": "-0.02", "population_before": {"column": "then"}}
    found = run([{**PLAIN, "pace": pace}], people(now, 100, old=["100", "100"], then=[100, 100]), amount=400)
    assert column(found, "floor_fen")[0] == floor


@pytest.mark.parametrize("word", ["statutory", "population_before"])
def test_what_bounds_rest_on_is_not_guessed(word):
    stream = {**PLAIN, "pace": {"previous": {"column": "old"}, "floor_change": "-0.5", word: {"column": "figure"}}}
    with pytest.raises(DataError, match=r"row 3, column 'figure'.*unknown"):
        run([stream], people(10, 10, old=["40", "40"], figure=["10", None]), amount=100)
    # The payee is new: how many people it had decides nothing.
    if word == "population_before":
        found = run([stream], people(10, 10, old=["40", None], figure=["10", None]), amount=100)
        assert column(found, "bound") == ["free", "new"]


def test_money_that_no_table_could_hold_is_refused():
    just, over = "999999999999.999999", "1000000000000"
    found = run([PLAIN], people(10, 10), amount=just, unit="wan_yuan")
    assert sum(column(found, "amount_fen")) == 10**18 - 1
    with pytest.raises(DefinitionError, match="budget is ten thousand"):
        run([PLAIN], people(10, 10), amount=over, unit="wan_yuan")
    paced = {**PLAIN, "pace": {"previous": {"column": "old"}}}
    with pytest.raises(DataError, match="row 2, column 'old'"):
        run([paced], people(10, old=[over]), amount=1, unit="wan_yuan")


def test_a_statutory_floor_and_a_part_of_the_target_are_said_by_name():
    pace = {"previous": {"column": "old"}, "statutory": {"column": "law"}, "min_vs_target": "0.9", "cap_change": "0.5"}
    payees = people(10, 10, 10, old=[None, None, "80"], law=["120", "0", "0"])
    found = run([{**PLAIN, "pace": pace}], payees, amount=300)
    assert column(found, "floor_rule") == ["statutory", "min_vs_target", "min_vs_target"]
    assert column(found, "amount_fen") == [12000, 9000, 9000]
    assert words(found)["A", "floor_statutory"] == "保底：法定最低额"


def test_floors_above_caps_are_a_conflict_with_names():
    pace = {"previous": {"column": "old"}, "statutory": {"column": "law"}, "cap_change": "0"}
    found = run([{**PLAIN, "pace": pace}], people(10, 10, old=["50", "50"], law=["60", "0"]), amount=110)
    assert found.conflict is not None
    assert (found.conflict.rules, found.conflict.payees, found.conflict.short) == (("floor_over_cap",), ("A",), 1000)
    assert found.tables == {}


def test_held_leakage_leaves_nobody_above_target_but_for_floors():
    pace = {"previous": {"column": "old"}, "floor_change": "0", "cap_change": "0.1",
            "leakage": "hold_in_transition", "hold_in": "transition"}  # fmt: skip
    payees = people(10, 10, 10, old=["50", "95", "120"])
    found = run([{**PLAIN, "pace": pace}], payees, amount=300)
    # A is capped at 55, C keeps its 120; B's target is 100, and the 25 it could still get are held.
    assert column(found, "amount_fen") == [5500, 10000, 12000]
    assert lines(found, "transition") == {"leakage_held": 2500}
    assert column(found, "leakage_fen") == [0, 0, 0]
    del pace["leakage"], pace["hold_in"]
    given_out = run([{**PLAIN, "pace": pace}], payees, amount=285)
    assert column(given_out, "amount_fen") == [5500, 10450, 12550]
    assert column(given_out, "leakage_fen") == [0, 950, 550]
    assert words(found)["transition", "leakage_held"].startswith("封顶后")


def test_payees_far_below_target_are_spared_from_paying():
    pace = {"previous": {"column": "old"}, "cap_change": "0.1"}
    payees = people(100, 100, 100, 100, old=["50", "300", "300", "300"])
    for at, rural in enumerate((0, 0, 0, 1)):
        payees[at]["rural"] = rural
    reserve = {"id": "r", "group": "rural", "minimum_share": "0.5"}
    pays = run([{**PLAIN, "pace": pace}], payees, amount=400, reserves=[reserve])
    assert pays.conflict is None
    assert column(pays, "amount_fen")[3] == 20000
    assert column(pays, "amount_fen")[0] == 5500
    low = [{**row, "old": "300"} for row in payees]
    low[0]["people"] = 300
    held = run([{**PLAIN, "pace": {**pace, "cap_change": "-0.6"}}], low, amount=400,
               reserves=[{**reserve, "minimum_share": "0.28", "spare_below_target": "0.2"}])  # fmt: skip
    assert column(held, "reserve_paid_fen")[0] == 0


def test_a_fixed_grant_goes_to_payees_with_people_only():
    found = run([{**PLAIN, "fixed_grant": "30"}], people(10, 30, 0), amount=100)
    assert column(found, "amount_fen") == [3000 + 1000, 3000 + 3000, 0]
    assert lines(found, "A") == {"equal": 2500, "fixed_grant": 1500}
    too_much = run([{**PLAIN, "fixed_grant": "60"}], people(10, 30, 0), amount=100)
    assert too_much.conflict is not None
    assert too_much.conflict.rules == ("fixed_grant", "streams")


def test_a_factor_of_nothing_takes_everything():
    stream = {**PLAIN, "factors": [{"id": "f", "column": "f"}, {"id": "g", "column": "g"}]}
    found = run([stream], people(10, 10, f=[0, 1], g=[2, 1]), amount=100)
    assert column(found, "amount_fen") == [0, 10000]
    assert lines(found, "A") == {"equal": 5000, "need_factor": -5000}


@pytest.mark.parametrize(
    ("risk", "shares"),
    [
        ({"form": "linear", "slope": "1", "reference": "50"}, (Fraction(3, 2), Fraction(1, 2))),
        ({"form": "linear", "slope": "1"}, (Fraction(3, 2), Fraction(1, 2))),
        ({"form": "points", "points": [[0, 1], [50, 2], ["99.9", 5]]}, (Fraction(5), Fraction(1))),
        ({"form": "exponential", "ratio": 4, "reference": 0}, (Fraction(4), Fraction(1))),
    ],
)
def test_forms_of_the_risk_multiplier(risk, shares):
    found = run([{**PLAIN, "risk": {"column": "risk", **risk}}], people(10, 10, risk=[100, 0]), amount=120)
    first, second = column(found, "amount_fen")
    assert first == round(12000 * shares[0] / sum(shares))
    assert first + second == 12000


def test_a_missing_risk_is_refused_or_counts_as_the_lowest_possible():
    risk = {"column": "risk", "form": "exponential", "ratio": 2, "reference": 50}
    with pytest.raises(DataError, match="row 3"):
        run([{**PLAIN, "risk": risk}], people(10, 10, risk=[0, None]), amount=120)
    found = run([{**PLAIN, "risk": {**risk, "missing": "lowest_possible"}}], people(10, 10, risk=[0, None]), amount=120)
    assert column(found, "amount_fen") == [6000, 6000]
    assert "补报" in words(found)["B", "need_risk_missing"]


def earn(rows, *, indicators=None, amount=100, payees=None, **more):
    stream = {
        "id": "p", "kind": "performance", "share": 1, "registered": {"column": "people"},
        "data": {"table": "figures", "payee": "id", "indicator": "indicator", "quarter": "quarter",
                 "numerator": "top", "denominator": "cases", "baseline": "base"},
        "score": "best_of_achievement_and_improvement",
        "indicators": indicators or [{"id": "i", "weight": 1, "threshold": "0.5", "benchmark": "0.9"}],
        **({} if "rolling_quarters" in more else {"figures": "year_so_far"}),
        **more,
    }  # fmt: skip
    return run([stream], payees or people(10, 10), amount=amount, tables={"figures": rows})


def figure(payee, quarter, top, cases=100, base="0.5", indicator="i"):
    return {"id": payee, "indicator": indicator, "quarter": f"2025Q{quarter}", "top": top, "cases": cases, "base": base}


def test_achievement_improvement_and_what_nobody_earned():
    found = earn([figure("A", 4, 70, base="0.6"), figure("B", 4, 60, base="0.3")])
    # A: (0.7 − 0.5)/0.4 = 0.5; B: achievement 0.25, improvement 0.9 × 0.3/0.6 = 0.45.
    assert column(found, "score", "performance") == [Decimal("0.5"), Decimal("0.45")]
    assert column(found, "way", "performance") == ["achievement", "improvement"]
    assert lines(found, "A") == {"earned_achievement": 2500}
    assert lines(found, "B") == {"earned_improvement": 2250}
    assert lines(found, "support_fund") == {"unearned": 5250}


@pytest.mark.parametrize(
    ("to", "payee", "line"), [("carry_over", "carry_over", "unearned"), ("earners", "A", "from_unearned")]
)
def test_other_homes_of_unearned_money(to, payee, line):
    found = earn([figure("A", 4, 70), figure("B", 4, 50)], unearned_to=to)
    assert lines(found, payee)[line] == 7500
    assert (payee, line) in words(found)


def test_lower_is_better_turns_everything():
    item = {"id": "i", "weight": 1, "direction": "lower_is_better", "threshold": "0.4", "benchmark": "0.1"}
    found = earn([figure("A", 4, 25, base="0.4"), figure("B", 4, 25, base="0.2")], indicators=[item])
    assert column(found, "score", "performance") == [Decimal("0.5"), Decimal("0.5")]
    with pytest.raises(ValueError, match="benchmark must be better"):
        earn([figure("A", 4, 25)], indicators=[{**item, "benchmark": "0.5"}])


def test_percentiles_of_baselines_within_strata_weakest_first():
    payees = people(10, 10, 10, 10, 10, area=["x", "x", "x", "y", "y"])
    bases = ("0.2", "0.4", "0.8", "0.7", "0.7")
    rows = [figure(own, 4, 50, base=base) for own, base in zip("ABCDE", bases, strict=True)]
    item = {"id": "i", "weight": 1, "threshold": "p25", "benchmark": "p90"}
    found = earn([*rows[:4], figure("E", 4, 50, base="0.6")], indicators=[item], payees=payees, strata=["area"])
    assert column(found, "threshold", "performance")[0] == Decimal("0.3")
    assert column(found, "benchmark", "performance")[0] == Decimal("0.72")
    # 0.6 and 0.7.
    assert column(found, "threshold", "performance")[3] == Decimal("0.625")
    # A stratum of one payee, or of equal baselines, has no room between threshold and benchmark.
    with pytest.raises(DataError, match="for 2 payees the benchmark is no better"):
        earn(rows, indicators=[item], payees=payees, strata=["area"])


def test_few_cases_are_pooled_over_quarters_then_take_the_mean_of_the_stratum():
    item = {"id": "i", "weight": 1, "threshold": "0.5", "benchmark": "0.9", "minimum_cases": 30}
    rows = [figure("A", 3, 14, 20), figure("A", 4, 14, 20), figure("B", 4, 9, 10)]
    found = earn(rows, indicators=[item])
    assert column(found, "way", "performance") == ["achievement", "stratum"]
    assert column(found, "cases", "performance") == [40, 10]
    assert column(found, "score", "performance") == [Decimal("0.5"), Decimal("0.5")]
    assert "病例太少" in words(found)["B", "earned_stratum"]


def test_reliability_draws_small_numbers_to_the_mean():
    """Numbers of a published set of proportions."""
    tops, cases = (640, 450, 150, 88, 41, 12), (800, 600, 200, 110, 60, 20)
    rows = [figure("ABCDEF"[at], 4, top, own) for at, (top, own) in enumerate(zip(tops, cases, strict=True))]
    found = earn(rows, payees=people(*[10] * 6), reliability="empirical_bayes")
    shrunk = ("0.79513", "0.75464", "0.75972", "0.78291", "0.74799", "0.75297")
    for own, printed in zip(column(found, "used", "performance"), shrunk, strict=True):
        assert abs(own - Decimal(printed)) <= Decimal("0.000006")
    reliability = ("0.82903", "0.78433", "0.54797", "0.40002", "0.26668", "0.10812")
    for own, printed in zip(column(found, "reliability", "performance"), reliability, strict=True):
        assert abs(own - Decimal(printed)) <= Decimal("0.000006")


def test_the_equity_bonus_costs_nothing_together():
    rows = [figure("A", 4, 70), figure("B", 4, 70)]
    found = earn(rows, payees=people(10, 10, poor=["1", "0"]), equity={"share": {"column": "poor"}, "strength": "0.2"})
    # Both earn half: 25.00 each; A counts 1.2 times, all lowered by 1/1.1.
    assert [sum(lines(found, own).values()) for own in "AB"] == [2727, 2272]
    assert lines(found, "A")["equity"] == 227
    assert "净额" in words(found)["A", "equity"]


def test_late_figures_are_carried_once_then_the_weak_quarter_and_settle_to_nothing():
    rows = [figure("A", 1, 90), *(figure("B", quarter, 70) for quarter in (1, 2, 3))]
    rule = {"advance": "0.8"}
    second = earn([row for row in rows if row["quarter"] <= "2025Q2"], quarterly=rule)
    assert column(second, "way", "performance") == ["carried", "achievement"]
    third = earn(rows, quarterly=rule)
    assert column(third, "way", "performance") == ["p25", "achievement"]
    assert "补报" in words(third)["A", "earned_p25"]
    assert lines(third, "performance_pending") == {"pending": 10000 - 1875 - 1875}
    settled = earn([*rows, figure("B", 4, 70)], quarterly=rule)
    assert column(settled, "way", "performance") == ["missing", "achievement"]
    assert lines(settled, "A") == {"earned_missing": 0}
    mine = settled.tables["quarters"].filter(payee_id="A")
    # 80 % of 12.50; of 25.00 carried; of 18.75 at the weak quarter, nothing more; then all of it is to be taken back.
    assert mine["paid_fen"].to_list() == [1000, 1000, 0, 0]
    assert mine["claw_back_fen"].to_list() == [0, 0, 0, 2000]


def test_learnt_thresholds_pay_nothing_without_an_own_baseline():
    item = {"id": "i", "weight": 1, "threshold": "p25", "benchmark": "p90"}
    rows = [figure("A", 4, 70), figure("B", 4, 70, base=None), figure("C", 4, 70, base="0.6")]
    found = earn(rows, indicators=[item], payees=people(10, 10, 10))
    assert column(found, "way", "performance")[1] == "no_baseline"
    assert "没有基线" in words(found)["B", "earned_no_baseline"]


def test_payments_change_by_a_bounded_step():
    rule = Quarterly.model_validate({"advance": 1, "largest_change": "0.1"})
    found = payments(rule, [1000, 3000, 3100, 5000], [2000, 4000, 6000, 8000], Fraction(4000), settled=True)
    assert [(one.paid, one.bound) for one in found] == [
        (1000, "none"),
        (1400, "rise"),
        (1000, "fall"),
        (1600, "settled"),
    ]


def test_baselines_are_frozen():
    with pytest.raises(DataError, match="several baselines"):
        earn([figure("A", 3, 70, base="0.5"), figure("A", 4, 70, base="0.6")])


def test_a_short_dividend_pays_everybody_the_same_part():
    payees = people(10, 10, before=[80, 80], risk=[60, 60])
    stream = need(factors=[], inequality=None, share=None, amount=100)
    dividend = {"id": "d", "kind": "dividend", "need": "need", "amount": 1, "year": 1,
                "risk_before": {"column": "before"}, "risk_improved": {"column": "risk"}}  # fmt: skip
    found = run([stream, dividend], payees, amount=101)
    assert column(found, "paid_fen", "dividend") == [50, 50]
    assert "同比例折减" in words(found)["A", "dividend_short"]
    rich = run([stream, {**dividend, "amount": 50}], payees, amount=150)
    assert words(rich)["A", "dividend"].startswith("改善红利（第 1 年，保留 100%）：风险从 80 降到 60")
    assert lines(rich, "transition")["dividend_rest"] == 5000 - sum(column(rich, "paid_fen", "dividend"))
    once = rich.tables["lines"].filter(stream="d", payee_kind="community")
    assert once["one_off"].all()
    assert column(rich, "next_base_fen", "payees")[:2] == column(rich, "amount_fen")


def test_budget_lines_have_floors():
    grows = {"id": "growth", "growth": "0.05", "base": 100}
    heads = {"id": "heads", "per_head": "5.4", "population": {"column": "people"}}
    found = run([PLAIN], people(10, 10), budget={"at_least": [grows, heads]})
    assert found.budget == 10800
    broken = run([PLAIN], people(10, 10), budget={"amount": 107, "at_least": [grows, heads]})
    assert broken.conflict is not None
    assert (broken.conflict.rules, broken.conflict.short) == (("at_least:heads", "budget"), 100)


def test_streams_and_budget_must_fit():
    held = {"id": "h", "kind": "fund", "fund": "x"}
    found = run([{**PLAIN, "share": "0.5"}, {**held, "rest": True}], people(10, 10), amount=101)
    assert lines(found, "x") == {"held": 5050}
    for amount in (49, 52):
        broken = run([{**PLAIN, "share": "0.5"}, {**held, "amount": amount}], people(10, 10), amount=101)
        assert broken.conflict is not None
        assert "streams" in broken.conflict.rules


def test_overlapping_groups_are_refused_by_name():
    payees = people(10, 10, 10, a=[1, 1, 0], b=[0, 1, 1])
    groups = {"table": "payees", "id": "id", "groups": {"a": "a", "b": "b"}}
    reserves = [
        {"id": "left", "group": "a", "minimum_share": "0.1"},
        {"id": "right", "group": "b", "minimum_share": "0.1"},
    ]
    with pytest.raises(DataError, match="'left' and 'right' overlap"):
        allocate(spec([PLAIN], payees=groups, reserves=reserves), {"payees": frame(payees)})


def test_worst_case_does_not_count_on_other_money():
    payees = people(50, 50)
    payees[1]["rural"] = 1
    scores = [{"id": own, "indicator": "i", "score": 1} for own in "AB"]
    pay = {"id": "p", "kind": "performance", "share": "0.2", "registered": {"column": "people"}, "score": "given",
           "data": {"table": "s", "payee": "id", "indicator": "indicator", "score": "score"},
           "indicators": [{"id": "i", "weight": 1}]}  # fmt: skip
    reserve = {"id": "r", "group": "rural", "minimum_share": "0.6"}
    streams = [{**PLAIN, "share": "0.8"}, pay]
    planned = run(streams, payees, amount=100, tables={"s": scores}, reserves=[reserve])
    assert column(planned, "amount_fen") == [3000, 5000]
    worst = run(streams, payees, amount=100, tables={"s": scores}, reserves=[{**reserve, "mode": "worst_case"}])
    assert column(worst, "amount_fen") == [2000, 6000]
    assert words(worst)["B", "reserve_gain"] == "为达到「r」而增加"


def test_a_reserve_over_streams_without_need_is_only_checked():
    payees = people(50, 50)
    payees[1]["rural"] = 1
    reserve = {"id": "r", "group": "rural", "minimum_share": "0.1", "base": ["h"]}
    streams = [{**PLAIN, "share": "0.8"}, {"id": "h", "kind": "fund", "share": "0.2", "fund": "x"}]
    found = run(streams, payees, amount=100, reserves=[reserve])
    assert found.conflict is not None
    assert (found.conflict.rules, found.conflict.short) == (("reserve:r",), 200)


def test_spec_errors_name_the_place():
    with pytest.raises((DefinitionError, ValueError), match="exactly one of share, amount and rest"):
        run([{**PLAIN, "amount": 5}], people(1))


def test_a_plan_counts_potential_and_the_settlement_makes_good_what_was_not_earned():
    payees = people(50, 50, plan=["30", "30"])
    payees[1]["rural"] = 1
    scores = [{"id": "A", "indicator": "i", "score": 1}, {"id": "B", "indicator": "i", "score": "0.5"}]
    pay = {"id": "p", "kind": "performance", "share": "0.2", "registered": {"column": "people"}, "score": "given",
           "data": {"table": "s", "payee": "id", "indicator": "indicator", "score": "score"},
           "indicators": [{"id": "i", "weight": 1}]}  # fmt: skip
    fund = {"id": "h", "kind": "fund", "share": "0.2", "fund": "contingency", "contingency": True}
    reserve = {"id": "r", "group": "rural", "minimum_share": "0.5", "true_up_from": "h"}
    streams = [{**PLAIN, "share": "0.6"}, pay, fund]
    plan = run(streams, payees, amount=100, tables={"s": scores}, reserves=[reserve], phase="plan")
    assert column(plan, "amount_fen") == [3000, 3000]
    assert lines(plan, "B")["potential"] == 1000
    streams[0] = {**streams[0], "planned": {"column": "plan"}}
    settled = run(streams, payees, amount=100, tables={"s": scores}, reserves=[reserve])
    assert lines(settled, "B") == {"equal": 3000, "earned_given": 500, "true_up": 500}
    assert lines(settled, "contingency") == {"held": 1500}
    assert settled.tables["reserves"]["reached_fen"].to_list() == [4000]
    assert words(settled)["B", "true_up"] == "年末补足：使「r」达到"
    made_good = settled.tables["quarters"].filter(stream="h").drop("payee_kind", "earned_so_far_fen", "late")
    assert made_good.rows() == [("h", "B", "2025Q4", 500, "settled", 0)]
    poor = run(streams, payees, amount=100, tables={"s": scores}, reserves=[{**reserve, "minimum_share": "0.8"}])
    assert poor.conflict is not None
    assert poor.conflict.rules == ("reserve:r", "true_up")
    wrong_plan = [{**row, "plan": "31"} for row in payees]
    broken = run(streams, wrong_plan, amount=100, tables={"s": scores}, reserves=[reserve])
    assert broken.conflict is not None
    assert broken.conflict.rules == ("planned", "streams")


def test_one_point_better_is_what_the_engine_would_pay():
    rows = [figure("A", 4, 70, base="0.6"), figure("B", 4, 60, base="0.3")]
    found = earn(rows)
    changes = dict(found.tables["sensitivity"].select("payee_id", "change_fen").iter_rows())
    for own in (0, 1):
        better = [{**row, "top": row["top"] + (at == own)} for at, row in enumerate(rows)]
        gained = (
            earn(better).tables["earned"]["earned_so_far_fen"][own] - found.tables["earned"]["earned_so_far_fen"][own]
        )
        assert abs(gained - changes["AB"[own]]) <= 1


def test_one_point_of_risk_is_what_the_target_would_change():
    payees = people(10, 20, 30, risk=[10, 100, "60.5"])
    risk = {"risk": {"column": "risk", "form": "exponential", "ratio": 3, "reference": 50}}
    found = run([{**PLAIN, **risk}], payees, amount=1000)
    changes = dict(found.tables["sensitivity"].select("payee_id", "change_fen").iter_rows())
    assert sorted(changes) == ["A", "C"]
    higher = run([{**PLAIN, **risk}], [{**payees[0], "risk": 11}, *payees[1:]], amount=1000)
    assert abs(column(higher, "target_fen")[0] - column(found, "target_fen")[0] - changes["A"]) <= 1


def test_every_way_and_bound_can_be_said():
    ways = ("given", "achievement", "improvement", "stratum", "carried", "p25", "missing", "no_baseline")
    bounds = ("hold_harmless", "min_vs_target", "statutory")
    known = {name for name in catalogue() if name.startswith("allocate.line.")}
    assert {f"allocate.line.earned_{way}" for way in ways} | {f"allocate.line.floor_{rule}" for rule in bounds} <= known


def test_one_point_of_risk_against_the_mean_keeps_the_mean():
    payees = people(10, 10, risk=[40, 60])
    found = run([{**PLAIN, "risk": {"column": "risk", "form": "linear", "slope": 1}}], payees, amount=100)
    changes = found.tables["sensitivity"]["change_fen"].to_list()
    # (0.91/2.01 − 0.9/2) and (1.11/2.01 − 1.1/2) of 100 yuan.
    assert changes == [27, 22]


def test_money_that_a_reserved_share_needs_is_not_held():
    pace = {"previous": {"column": "old"}, "cap_change": "0", "leakage": "hold_in_transition", "hold_in": "transition"}
    payees = people(10, 10, 10, old=["50", "200", "200"])
    payees[1]["rural"] = 1
    stream = {**PLAIN, "pace": pace}
    found = run([stream], payees, amount=300)
    assert column(found, "amount_fen") == [5000, 10000, 10000]
    reserve = {"id": "r", "group": "rural", "minimum_share": "0.4"}
    kept = run([stream], payees, amount=300, reserves=[reserve])
    # 0.4 of 300 yuan, and not all of the 125 that caps would push there.
    assert column(kept, "amount_fen") == [5000, 12000, 10000]
    assert lines(kept, "transition") == {"leakage_held": 3000}


def test_no_fen_depends_on_the_decimals_of_the_surroundings():
    document = spec([need({"floor_change": "-0.02", "cap_change": "0.12"})])
    tables = {"payees": frame(WORKED_PAYEES)}
    expected = allocate(document, tables)
    with localcontext(Context(prec=4, rounding=ROUND_UP)):
        found = allocate(document, tables)
    assert all(found.tables[name].equals(expected.tables[name]) for name in expected.tables)


def test_ids_that_look_alike_are_not_two_payees():
    for other in ("A\u200b", "\uff21", "A\u00ad"):
        payees = [{**row, "id": own} for row, own in zip(people(10, 10), ("A", other), strict=True)]
        with pytest.raises(DataError, match="row 3: the id in 'id' looks like that of an earlier row"):
            run([PLAIN], payees, amount=100)
