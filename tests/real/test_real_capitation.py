"""Weighted populations of 6,553 practices in England: the published mix is followed by the engine, no penny is lost."""

from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction

import polars as pl
import pytest

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.closed import parse
from evaluations.allocation.engine import allocate

BUDGET = 1_000_000_007
NEED, HEALTH, FINAL = "Primary Medical Care WP", "Health Ineq WP", "Final PMC WP"
SPEC = {
    "id": "primary_care",
    "titles": {"zh": "按加权人口", "en": "By weighted population"},
    "references": ["NHS England ICB place based tool"],
    "year": 2024,
    "unit": "yuan",
    "payees": {"table": "practices", "id": "Practice_Code", "kind": "institution"},
    "budget": {"amount": str(BUDGET)},
    "streams": [
        {
            "id": "primary_care",
            "kind": "factors",
            "rest": True,
            "factors": [
                {"id": "need", "weight": "0.85", "sum": [{"column": NEED}]},
                {"id": "inequality", "weight": "0.15", "sum": [{"column": HEALTH}]},
            ],
        }
    ],
}


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("year", ["2023_2024", "2024_2025"])
def test_a_budget_follows_the_published_final_weights(year: str, rows: Callable[[str], list[dict[str, str]]]) -> None:
    practices = rows(f"nhs_icb_allocation_tool/{year}.csv")
    assert len(practices) == 6553
    population = next(name for name in practices[0] if name.startswith("pop"))
    for row in practices:
        mixed = Fraction(row[NEED]) * Fraction("0.85") + Fraction(row[HEALTH]) * Fraction("0.15")
        assert abs(mixed - Fraction(row[FINAL])) < Fraction(1, 10**5)

    spec = parse(AllocationSpec, SPEC, "spec")
    found = allocate(spec, {"practices": pl.DataFrame(practices)})
    assert found.conflict is None
    paid = dict(found.tables["payees"].select("payee_id", "amount_fen").iter_rows())
    assert sum(paid.values()) == BUDGET * 100

    total = sum(Fraction(row[FINAL]) for row in practices)
    own = {row["Practice_Code"]: BUDGET * 100 * Fraction(row[FINAL]) / total for row in practices}
    # The weights are published to some six decimals of 62 million people: less than two pence on each practice.
    assert max(abs(paid[code] - amount) for code, amount in own.items()) < 2

    # A place's need index within its board is what its people get against what the board's people get.
    boards: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in practices:
        boards[row[next(name for name in row if name.startswith("ICS") and not name.endswith("name"))]].append(row)
    for board in boards.values():
        places: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in board:
            places[row["LAD21"]].append(row)
        whole = sum(paid[row["Practice_Code"]] for row in board) / sum(float(row[population]) for row in board)
        weight = sum(float(row[FINAL]) for row in board) / sum(float(row[population]) for row in board)
        for place in places.values():
            people = sum(float(row[population]) for row in place)
            money = sum(paid[row["Practice_Code"]] for row in place) / people / whole
            assert abs(money - sum(float(row[FINAL]) for row in place) / people / weight) < 1e-5
