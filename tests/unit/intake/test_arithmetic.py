"""Expressions of contracts say what whole numbers of any size say, or that they cannot; they never wrap around."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.intake import rules
from assets.intake.arithmetic import beyond
from assets.intake.check import check_file
from data_contracts.closed import parse, read_yaml
from data_contracts.contracts import Catalog, Rule
from data_contracts.settings.limits import Limits
from data_contracts.settings.loading import REGISTRY

LARGEST = 2**63 - 1
EDGES = [0, 1, -1, 2**31, 2**32, 2**62, -(2**62), LARGEST, LARGEST - 1, -LARGEST, -LARGEST - 1]
numbers = st.none() | st.sampled_from(EDGES) | st.integers(-LARGEST - 1, LARGEST)
KINDS = {"a": pl.Int64, "b": pl.Int64, "c": pl.Int64}
# SQL and Python alike.
FORMS = [
    "a + b", "a - b", "a * b", "a * 100 - b", "-(a + 1)", "a + b + c", "abs(a) * 2", "a * b * c", "a * b + c * 1000",
]  # fmt: skip


def worked_out(form, row):
    """The form in numbers without bounds; None where a number it needs is missing."""
    known = {name: number for name, number in zip("abc", row, strict=True) if name in form.replace("abs", "")}
    return None if None in known.values() else eval(form, {"abs": abs}, known)  # noqa: S307  (forms of this file)


def largest(form, row):
    return max(abs(number or 0) for name, number in zip("abc", row, strict=True) if name in form.replace("abs", ""))


def frame_of(rows):
    return pl.DataFrame(rows, schema=KINDS, orient="row")


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=6))
def test_results_are_those_of_numbers_without_bounds(form, rows):
    frame = frame_of(rows)
    found, unknowns = rules.evaluated(frame, form).to_list(), beyond(frame, form).to_list()
    for row, value, unknown in zip(rows, found, unknowns, strict=True):
        assert value == (None if unknown else worked_out(form, row))
        assert not unknown or ("*" in form and largest(form, row) >= 2**40)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=6))
def test_a_rule_holds_where_it_holds_and_is_violated_where_it_cannot_be_worked_out(rows):
    frame = frame_of(rows)
    named = tuple(Rule(form, "error", f"{form} >= 0", "", None) for form in FORMS)
    found = rules.evaluate(frame, named)
    for form in FORMS:
        for row, said in zip(rows, found[form], strict=True):
            exact = worked_out(form, row)
            assert said is (None if exact is None else exact >= 0) or (said is False and largest(form, row) >= 2**40)


def test_decimals_that_are_too_large_to_multiply_violate_and_stop_nothing():
    values = [Decimal("9223372036854775.807"), Decimal("2.500"), None]
    frame = pl.DataFrame({"d": values}, schema={"d": pl.Decimal(28, 3)})
    assert rules.evaluated(frame, "d * d").to_list()[1:] == [Decimal("6.25"), None]
    (cubed,) = rules.evaluate(frame, (Rule("r", "error", "d * d * d > 1", "", None),)).values()
    assert cubed.to_list() == [False, True, None]


@pytest.mark.parametrize("kind", ["integer", "bigint"])
def test_numbers_made_of_text_by_a_correction_do_not_wrap(kind):
    frame = pl.DataFrame({"t": ["9223372036854775807", "3000000000", "3", "x"]})
    found = rules.evaluated(frame, f"cast(try_cast(t as {kind}) * 10 as varchar)")
    assert found.to_list() == ["92233720368547758070", "30000000000", "30", None]


@pytest.mark.parametrize(("fund", "person", "sound"), [
    ("0.01", "0.02", True), ("92233720368547758.07", "0.00", True), ("92233720368547758.07", "0.01", False),
    ("92233720368547758.07", "92233720368547758.09", False),
])  # fmt: skip
def test_the_largest_amount_is_counted_right_or_named(tmp_path, fund, person, sound):
    """The sum of the last pair is 0.00 where it wraps at 64 bits twice: total and parts would agree."""
    catalog = Catalog.load()
    contract = catalog.feed("insurers.settlements")
    names = {"setl_id", "total_fee_fen", "fund_pay_fen", "person_pay_fen"}
    cells = {column.headers[0]: column.example for column in contract.columns if column.required}
    total = f"{Decimal(fund) + Decimal(person)}" if sound else fund
    given_cells = {"total_fee_fen": total, "fund_pay_fen": fund, "person_pay_fen": person}
    cells |= {contract.by_name[name].headers[0]: value for name, value in given_cells.items()}
    cells |= {column.headers[0]: column.example for column in contract.columns if column.role == "person_id"}
    path = tmp_path / "a_2025Q4.csv"
    path.write_text(f"{','.join(cells)}\n{','.join(cells.values())}\n", encoding="utf-8")
    limits = parse(Limits, read_yaml(REGISTRY / "limits.yaml"), "limits.yaml")
    result = check_file(path, contract.key, catalog, limits, "2025Q4")
    assert result.refused is None, result.refused
    broken = {rule for rule, count in result.account.rules.items() if count.violated}
    assert names <= set(contract.by_name)
    assert ("fee_adds_up" in broken or any("fen" in rule for rule in broken)) is not sound, broken
