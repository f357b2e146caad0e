"""Customary ways to share money, to the printed digits of real and worked documents."""

from fractions import Fraction

import pytest

from evaluations.allocation.costs import cost_shares
from evaluations.allocation.exact import PoolShort, half_up, split, within_pool
from evaluations.allocation.factors import NobodyCounts, best, factor_shares
from evaluations.allocation.settlement import settled
from evaluations.allocation.standard import Band, coefficients, dues, regranted
from evaluations.allocation.workpoints import work_points

BANDS = [
    Band(Fraction(90), Fraction(1)),
    Band(Fraction(80), Fraction("0.97")),
    Band(Fraction(60), Fraction("0.93")),
    Band(Fraction(0), Fraction("0.85")),
]
IDS = ["1", "2", "3", "4", "5"]


def test_the_official_formula() -> None:
    due = dues([Fraction(1_000_000)], [Fraction(9400)], [Fraction("0.80")], [Fraction("0.98")])
    assert due.due == [7_369_600_000]
    assert due.standard == [7_520_000_000]


def test_standard_times_coefficient_with_prepaid_money_and_regrant() -> None:
    population = [Fraction(number) for number in (42_000, 31_000, 26_000, 12_000, 9_000)]
    scores = [Fraction(score) for score in ("93.5", "88.2", "79.6", "91.0", "58.4")]
    factors = coefficients(scores, BANDS)
    assert factors == [Fraction(1), Fraction("0.97"), Fraction("0.93"), Fraction(1), Fraction("0.85")]
    due = dues(population, [Fraction(9900)] * 5, [Fraction(1)] * 5, factors)
    assert due.due == [415_800_000, 297_693_000, 239_382_000, 118_800_000, 75_735_000]
    assert sum(due.standard) == 1_188_000_000
    assert due.deducted == 40_590_000
    prepaid = [full * 70 // 100 for full in due.standard]
    assert settled(due.due, prepaid).payable == [124_740_000, 82_863_000, 59_202_000, 35_640_000, 13_365_000]
    earns = [factor == 1 for factor in factors]
    assert regranted(due.deducted, population, earns, IDS) == [31_570_000, 0, 0, 9_020_000, 0]


def test_without_a_score_the_lowest_coefficient_counts_and_edges_belong_to_the_higher_band() -> None:
    scores = [None, Fraction(90), Fraction("89.99"), Fraction(60), Fraction("59.99"), Fraction(0)]
    assert coefficients(scores, BANDS) == [
        Fraction("0.85"),
        Fraction(1),
        Fraction("0.97"),
        Fraction("0.93"),
        Fraction("0.85"),
        Fraction("0.85"),
    ]
    with pytest.raises(ValueError, match="below every band"):
        coefficients([Fraction(-1)], BANDS)


def test_nothing_is_regranted_where_nobody_earns_it() -> None:
    assert regranted(500, [Fraction(1), Fraction(2)], [False, False], ["a", "b"]) == [0, 0]


def test_a_negative_settlement_is_a_column_of_its_own() -> None:
    found = settled([100, 100], [130, 20], [0, 30], [5, 0])
    assert (found.payable, found.offset) == ([0, 50], [35, 0])
    for at in range(2):
        assert found.due[at] + found.offset[at] == (
            found.prepaid[at] + found.carried_over[at] + found.claw_back[at] + found.payable[at]
        )


def test_work_points_of_a_running_county_system() -> None:
    work = [[Fraction(5200)], [Fraction(3900)], [Fraction(2600)]]
    found = work_points(
        work, [Fraction(1)], [Fraction("0.95"), Fraction("0.80"), Fraction("0.90")], 6000, ["a", "b", "c"]
    )
    assert found.corrected == [4940, 3120, 2340]
    assert found.paid == [2850, 1800, 1350]
    assert found.unspent == 0


def test_no_records_no_points_and_without_any_points_nothing_is_paid() -> None:
    found = work_points([[Fraction(0)], [Fraction(3)]], [Fraction(2)], [Fraction(1), Fraction(1)], 700, ["a", "b"])
    assert found.paid == [0, 700]
    found = work_points([[Fraction(0)], [Fraction(3)]], [Fraction(2)], [Fraction(1), Fraction(0)], 700, ["a", "b"])
    assert (found.paid, found.unspent) == ([0, 0], 700)


def test_cost_of_items_times_performance_balanced_to_the_budget() -> None:
    costs = [Fraction(1500), Fraction(10_000), Fraction(4700), Fraction(2500)]
    quantities = [[8000, 1900, 2400, 310], [5200, 1200, 1500, 190], [3100, 760, 800, 95]]
    performance = [["0.92", "0.88", "0.95", "0.90"], ["0.85", "0.80", "0.90", "0.96"], ["0.97", "0.93", "0.88", "0.85"]]
    found = cost_shares(
        [[Fraction(count) for count in row] for row in quantities],
        costs,
        [[Fraction(part) for part in row] for row in performance],
        100_000_000,
        ["甲", "乙", "丙"],
        ["a", "b", "c", "d"],
    )
    assert found.due == [39_173_500, 23_031_000, 15_089_175]
    assert found.balance is not None
    assert f"{float(found.balance):.9f}" == "1.293766922"
    assert found.paid == [50_681_379, 29_796_746, 19_521_875]
    assert [sum(row) for row in found.items] == found.paid


def test_weights_of_staff_volume_and_the_best_performers() -> None:
    """As a county splits essential-drug money: staff 20, volume 30, purchases 30, two of TCM 13 + 3, best few 4."""
    staff, inpatient, outpatient = [10, 20, 30, 40], [5, 0, 10, 5], [1000, 2000, 1000, 4000]
    volume = [Fraction(10 * beds + visits) for beds, visits in zip(inpatient, outpatient, strict=True)]
    assert volume == [1050, 2000, 1100, 4050]
    columns = [
        [Fraction(number) for number in staff],
        volume,
        [Fraction(1), Fraction(1), Fraction(1), Fraction(1)],
        [Fraction(0), Fraction(1), Fraction(1), Fraction(0)],
        [Fraction(0), Fraction(0), Fraction(0), Fraction(7)],
        best([Fraction(90), Fraction(80), Fraction(80), None], 2),
    ]
    weights = [Fraction(part, 100) for part in (20, 30, 30, 13, 3, 4)]
    found = factor_shares(columns, weights, 1_000_000, ["a", "b", "c", "d"], list("123456"))
    # By hand: 0.2·1/10 + 0.3·1050/8200 + 0.3/4 + 0 + 0 + 0.04/3, and so on.
    assert found.shares[0] == Fraction(2, 100) + Fraction(3, 10) * Fraction(1050, 8200) + Fraction(75, 1000) + Fraction(
        4, 300
    )
    assert found.paid == [146_748, 266_504, 253_577, 333_171]
    assert sum(found.shares) == 1
    assert [sum(row) for row in found.parts] == found.paid


def test_a_factor_that_nobody_has_is_named() -> None:
    with pytest.raises(NobodyCounts) as no:
        factor_shares(
            [[Fraction(1)], [Fraction(0)]], [Fraction("0.5"), Fraction("0.5")], 10, ["a"], ["people", "herbs"]
        )
    assert no.value.factor == "herbs"


def test_equal_scores_at_the_last_place_are_all_among_the_best() -> None:
    assert best([Fraction(5), Fraction(4), Fraction(4), Fraction(3), None], 2) == [1, 1, 1, 0, 0]
    assert best([Fraction(1)], 5) == [1]
    assert best([None], 5) == [0]


def test_rounding_to_the_unit_of_a_notice() -> None:
    weights = [Fraction("13.3731"), Fraction("27.9184"), Fraction("30.0007"), Fraction("21.4478")]
    assert split(weights, 83_466, list("abcd")) == [12_036, 25_126, 27_001, 19_303]
    assert split([1, 1, 1], 10_000, list("abc")) == [3334, 3333, 3333]
    assert [half_up(Fraction(5, 2)), half_up(Fraction(-5, 2)), half_up(Fraction(249, 100))] == [3, -3, 2]


def test_a_short_pool_is_refused_or_shared_as_ordered() -> None:
    assert within_pool([30, 20], 50, "refuse", ["a", "b"]) == [30, 20]
    assert within_pool([30, 20], 45, "pro_rata", ["a", "b"]) == [27, 18]
    with pytest.raises(PoolShort) as no:
        within_pool([30, 21], 50, "refuse", ["a", "b"])
    assert (no.value.due, no.value.short) == (51, 1)


def test_lists_of_real_documents_sum_to_the_printed_total() -> None:
    """Amounts in 100 yuan (0.01 万元) of two published notices."""
    services = [25_750, 1209, 910, 200, 2069, 1526, 900, 100, 784]
    assert sum(services) == 33_448
    assert sum(services) + 904 + 1850 + (1272 + 2755) + 6358 == 46_587
    due = settled([37_280_000_00], [2855_0000_00 + 753_0000_00])
    assert due.payable == [120_0000_00]


def test_what_points_are_worth_by_list_size_and_prevalence() -> None:
    """29 points at 207.56 of a general practice: exact factors, and factors printed with two decimals."""
    exact = Fraction(16_000, 9374) * Fraction(305, 210)
    for factor, amount in ((exact, 1_492_166), (Fraction("1.71") * Fraction("1.45"), 1_492_471)):
        assert dues([Fraction(29)], [Fraction(20_756)], [Fraction(1)], [factor]).due == [amount]
