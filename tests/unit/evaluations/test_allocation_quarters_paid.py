"""Which quarter results are paid by, and what a row of a quarter stands for: the year so far, or that quarter alone."""

from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from evaluations.allocation.engine import Allocation
from evaluations.allocation.snapshot import DataError
from tests.unit.evaluations.allocation_world import column, run

Rows = list[dict[str, Any]]
SCORE = st.one_of(st.none(), st.integers(0, 100))


def stream(figures: str | None = "quarter", score: str = "given", **more: Any) -> dict[str, Any]:
    data = {"table": "figures", "payee": "id", "indicator": "indicator", "quarter": "quarter"}
    data |= {"score": "score"} if score == "given" else {"numerator": "top", "denominator": "cases"}
    edges = {} if score == "given" else {"threshold": "0.2", "benchmark": "0.8"}
    return {
        "id": "p", "kind": "performance", "share": 1, "registered": {"column": "people"}, "data": data,
        "figures": figures, "score": score, "indicators": [{"id": "i", "weight": 1, **edges}], **more,
    }  # fmt: skip


def rows(**scores: Any) -> Rows:
    """A=[1, None, …]: scores of the quarters from the first on; a missing one has an empty row."""
    return [
        {"id": name, "indicator": "i", "quarter": f"2025Q{number}", "score": score}
        for name, own in scores.items() for number, score in enumerate(own, 1)
    ]  # fmt: skip


def earned(reported: Rows, payees: str = "AB", **more: Any) -> list[int]:
    return column(divided(reported, payees=payees, **more), "earned_so_far_fen", "earned")[-len(payees) :]


def divided(reported: Rows, amount: int = 1000, payees: str = "AB", **more: Any) -> Allocation:
    people = [{"id": name, "rural": 0, "people": 10} for name in payees]
    return run([stream(**more)], people, amount=amount, tables={"figures": reported})


def test_a_year_of_single_quarters_is_paid_quarter_by_quarter() -> None:
    assert earned(rows(A=[1, 1, 1, 0], B=[0, 0, 0, 1])) == [37_500, 12_500]
    # The same figures read as those of the year so far: the last says it all.
    assert earned(rows(A=[1, 1, 1, 0], B=[0, 0, 0, 1]), figures="year_so_far") == [0, 50_000]
    with pytest.raises(ValidationError, match="figures: year_so_far"):
        earned(rows(A=[1], B=[1]), figures=None)


@given(st.lists(st.tuples(SCORE, SCORE, SCORE, SCORE), min_size=2, max_size=4))
def test_a_quarter_without_a_score_earns_nothing_of_its_quarter(scores: list[tuple[int | None, ...]]) -> None:
    names = "ABCD"[: len(scores)]
    figures = rows(
        **{name: [own and Decimal(own) / 100 for own in year] for name, year in zip(names, scores, strict=True)}
    )
    found = earned(figures, payees=names, through="2025Q4")
    shares = [sum(Fraction(own or 0, 100) for own in year) / 4 for year in scores]
    potential = [100_000 // len(names) + (at < 100_000 % len(names)) for at in range(len(names))]
    assert found == [floor(own * share) for own, share in zip(potential, shares, strict=True)]


@given(st.lists(st.tuples(SCORE, SCORE, SCORE, SCORE), min_size=2, max_size=4))
def test_counts_of_single_quarters_are_added_up(tops: list[tuple[int | None, ...]]) -> None:
    names = "ABCD"[: len(tops)]
    figures = [
        {"id": name, "indicator": "i", "quarter": f"2025Q{number}", "top": top, "cases": 100}
        for name, year in zip(names, tops, strict=True) for number, top in enumerate(year, 1)
    ]  # fmt: skip
    found = divided(figures, payees=names, score="achievement", through="2025Q4")
    for way, year, score in zip(*(column(found, name, "performance") for name in ("way",)), tops,
                                column(found, "score", "performance"), strict=True):  # fmt: skip
        known = [top for top in year if top is not None]
        share = Fraction(sum(known), 100 * len(known)) if known else Fraction(0)
        reached = min(Fraction(1), max(Fraction(0), (share - Fraction(1, 5)) / Fraction(3, 5)))
        assert abs(Fraction(score) - reached * len(known) / 4) <= Fraction(1, 10**6)
        assert way == ("missing" if not known else "gaps" if len(known) < 4 else "achievement")


def test_blank_rows_made_beforehand_do_not_settle_the_year() -> None:
    prefilled = divided(rows(A=["0.8", None, None, None], B=["0.8", None, None, None]), quarterly={})
    only = divided(rows(A=["0.8"], B=["0.8"]), quarterly={})
    assert prefilled.tables["earned"].equals(only.tables["earned"])
    assert set(column(only, "quarter", "earned")) == {"2025Q1"}


def test_one_early_figure_does_not_settle_the_year_for_all() -> None:
    early = rows(A=["0.8", None, None, 1], B=["0.8"], C=["0.8"])
    with pytest.raises(DataError, match=r"only 1 of the 3 payees .* 2025Q4") as refusal:
        divided(early, payees="ABC", quarterly={})
    assert "through" in str(refusal.value)
    stated = divided(early, payees="ABC", quarterly={}, through="2025Q1")
    assert set(column(stated, "quarter", "earned")) == {"2025Q1"}
    settled = divided(early, payees="ABC", quarterly={}, through="2025Q4")
    assert bool(settled.tables["earned"]["settled"][-1])
    with pytest.raises(DataError, match="is not in 2025"):
        divided(early, payees="ABC", quarterly={}, through="2024Q4")


def test_who_never_reported_is_missing_however_long_it_lasts() -> None:
    found = divided(rows(A=[1, 1, 1], B=[None, None, None]), quarterly={}, figures="year_so_far")
    assert column(found, "way", "performance") == ["given", "missing"]


def test_a_stratum_in_which_nobody_has_enough_cases_says_so() -> None:
    figures = [{"id": name, "indicator": "i", "quarter": "2025Q4", "top": 5, "cases": 9} for name in "AB"]
    item = {"id": "i", "weight": 1, "threshold": "0.2", "benchmark": "0.8", "minimum_cases": 10}
    found = divided(figures, score="achievement", figures="year_so_far", indicators=[item])
    assert column(found, "way", "performance") == ["too_few", "too_few"]


def test_per_cents_beside_shares_and_parts_above_the_whole_are_refused() -> None:
    item = {"id": "i", "weight": 1, "threshold": 50, "benchmark": 80}
    figures = [{"id": name, "indicator": "i", "quarter": "2025Q4", "top": 5, "cases": 2} for name in "AB"]
    with pytest.raises(ValidationError, match=r"fifty per cent is 0\.5"):
        divided(figures, score="achievement", indicators=[item])
    with pytest.raises(DataError, match=r"row 2: 'top' is larger than 'cases'"):
        divided(figures, score="achievement", figures="year_so_far")
    visits = {"id": "i", "weight": 1, "threshold": 1, "benchmark": 4}
    found = divided(figures, score="achievement", counts="ratios", figures="year_so_far", indicators=[visits])
    assert column(found, "score", "performance") == [Decimal("0.5"), Decimal("0.5")]
