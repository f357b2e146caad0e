"""Which test computes which worked example of the handbook, and those that no other test computes."""

from decimal import Decimal
from fractions import Fraction
from importlib import import_module

import pytest

from evaluations.allocation.ratios import whole_column
from evaluations.allocation.scoring import reliable
from evaluations.nested_fill import nested_fill
from tests.references.test_references_allocation import need_loss
from tests.unit.evaluations.allocation_world import column, need, run
from tests.unit.evaluations.index_world import root, spec_of

HERE = "tests.references.test_references_worked_examples"
ALLOCATION, LAWS = "tests.references.test_references_allocation", "tests.laws.test_laws_allocation"
UNIT = "tests.unit.evaluations."
STEPS, WEIGHTS = f"{UNIT}test_index_steps", f"{UNIT}test_index_weights"
COMPUTED_BY = {
    "7.1": [
        f"{ALLOCATION}:test_weighted_capitation_of_english_commissioners",
        f"{UNIT}test_money_streams:test_targets_and_distances_as_published",
    ],
    "7.2 practice points": [
        f"{STEPS}:test_points_of_the_british_quality_framework",
        f"{UNIT}test_money_methods:test_what_points_are_worth_by_list_size_and_prevalence",
    ],
    "7.2 hospitals": [f"{STEPS}:test_hospital_value_based_purchasing_points"],
    "7.2 slabs": [f"{STEPS}:test_slabs_of_the_indian_health_mission"],
    "7.2 official formula": [f"{UNIT}test_money_methods:test_the_official_formula"],
    "7.2 underservice": [f"{HERE}:test_four_tables_of_points_make_a_hundred"],
    "7.3": [f"{ALLOCATION}:test_need_targets", f"{ALLOCATION}:test_what_factors_make_of_equal_money_per_head"],
    "7.4": [
        f"{ALLOCATION}:test_pace_with_floors_and_caps",
        f"{ALLOCATION}:test_a_slack_reserve_changes_nothing",
        f"{ALLOCATION}:test_a_reserve_that_caps_do_not_allow_names_them",
        f"{ALLOCATION}:test_a_binding_reserve_without_caps",
        f"{HERE}:test_one_multiplier_and_those_of_groups",
        f"{HERE}:test_the_nearest_division_of_a_small_example",
    ],
    "7.5": [
        f"{ALLOCATION}:test_the_prevention_paradox",
        f"{ALLOCATION}:test_the_dividend_keeps_less_every_year",
        f"{ALLOCATION}:test_performance_money_of_one_indicator",
        f"{HERE}:test_five_years_with_and_without_dividend",
        "tests.laws.test_laws_audit:test_worked_example_of_the_paradox_fails_and_structural_need_passes",
    ],
    "7.6": [
        f"{STEPS}:test_exponential_transformation_of_the_english_index",
        f"{STEPS}:test_z_with_mean_100_and_ten_points_a_deviation",
        f"{WEIGHTS}:test_pairwise_comparison_by_the_principal_eigenvector",
        f"{UNIT}test_index_uncertainty:test_sobol_effects_of_the_ishigami_function",
        f"{HERE}:test_small_numbers_are_drawn_to_the_mean",
        "tests.references.test_references_intervals:test_wilson",
        "tests.references.test_references_intervals:test_byar_and_exact",
    ],
    "7.7": [f"{ALLOCATION}:test_a_whole_county_in_fen"],
    "7.8": [f"{LAWS}:test_largest_remainder", f"{LAWS}:test_instalments"],
    "7.14": [f"{WEIGHTS}:test_three_dimensions_by_class_of_policy"],
    "7.15": [f"{UNIT}test_money_grants:test_matching_by_fiscal_capacity"],
    "E1": [
        f"{UNIT}test_money_sources:test_the_batch_of_a_district_with_the_city_cut_and_the_district_taking_the_rest",
        f"{UNIT}test_money_streams:test_the_notice_of_a_district_to_its_last_digit",
    ],
    "E2 and E3": [f"{UNIT}test_money_methods:test_lists_of_real_documents_sum_to_the_printed_total"],
}


@pytest.mark.parametrize(("example", "test"), [(name, test) for name, tests in COMPUTED_BY.items() for test in tests])
def test_every_worked_example_has_its_test(example: str, test: str) -> None:
    module, _, name = test.partition(":")
    assert callable(getattr(import_module(module), name)), example


def test_four_tables_of_points_make_a_hundred() -> None:
    """Four figures, each turned to points by a table of its own and summed."""
    most = {"providers": 28.7, "poverty": 25.1, "old": 20.2, "infants": 26.0}
    tree = {
        "id": "root",
        "combine": {"how": "sum", "missing": "refuse"},
        "parts": [
            {
                "id": name,
                "weight": 1,
                "steps": [{"step": "step_points", "bands": [{"at": 1, "points": points}], "below": 0}],
            }
            for name, points in most.items()
        ],
    }
    found = root(spec_of(tree), {name: [1, int(name != "providers"), 0] for name in most})
    assert [round(own, 9) for own in found] == [100, 71.3, 0]


def test_one_multiplier_and_those_of_groups() -> None:
    found = run([need({"floor_change": "-0.02", "cap_change": "0.12"})])
    targets, amounts = column(found, "target_fen"), column(found, "amount_fen")
    assert abs(Fraction(amounts[1], targets[1]) - Fraction("1.170524531534533")) < Fraction(1, 10**8)
    reserve = {"id": "rural30", "group": "rural", "minimum_share": "0.30"}
    found = run([need({"floor_change": "-0.02"})], reserves=[reserve])
    amounts = column(found, "amount_fen")
    assert round(Fraction(amounts[4], targets[4]), 6) == Fraction("0.900614")
    assert round(Fraction(amounts[2], targets[2]), 6) == Fraction("0.809893")


def test_the_nearest_division_of_a_small_example() -> None:
    """In millionths: a floor, a cap and a group that must get 36 per cent."""
    found = nested_fill(
        [24, 19, 17, 14, 12, 4],
        [2_600_000, 0, 0, 0, 0, 0],
        [None, None, None, 1_500_000, None, None],
        9_000_000,
        list("abcdef"),
        {"g": ([3, 4, 5], 3_240_000)},
    )
    assert found.amounts == [2_600_000, 1_667_778, 1_492_222, 1_500_000, 1_305_000, 435_000]


def test_five_years_with_and_without_dividend() -> None:
    loss = need_loss("80", "70") / 100
    assert round(5 * loss, 2) == Fraction("286816.45")
    assert round(loss / Fraction("1159233.43"), 4) == Fraction("0.0495")
    given_up = [loss * (1 - Fraction(part)) for part in ("1", "0.75", "0.5", "0.25", "0")]
    assert round(sum(given_up), 2) == Fraction("143408.22")


@pytest.mark.parametrize(
    ("met", "of", "reliabilities", "drawn"),
    [
        (
            (640, 450, 150, 88, 41, 12),
            (800, 600, 200, 110, 60, 20),
            ("0.82903", "0.78433", "0.54797", "0.40002", "0.26668", "0.10812"),
            ("0.79513", "0.75464", "0.75972", "0.78291", "0.74799", "0.75297"),
        ),
        ((640, 420, 150, 99, 33, 11), (800, 600, 200, 110, 60, 20), {5: "0.42521"}, {5: "0.66833"}),
    ],
)
def test_small_numbers_are_drawn_to_the_mean(met, of, reliabilities, drawn) -> None:  # type: ignore[no-untyped-def]
    found = reliable(whole_column(met), whole_column(of))
    wanted = [dict(enumerate(given)) if isinstance(given, tuple) else given for given in (drawn, reliabilities)]
    for (tops, bottoms), printed in zip(found, wanted, strict=True):
        for at, figure in printed.items():
            assert round(Fraction(tops[at], bottoms[at]), 5) == Fraction(Decimal(figure))
