"""Laws of money that a fund holds back beside a reserved share: the group keeps what it lacks, and no fen more."""

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evaluations.allocation.engine import Allocation
from tests.unit.evaluations.allocation_world import need, run

Row = dict[str, Any]
BUDGET = 10**7
PAYEE = st.tuples(st.integers(1, 400), st.integers(1, 100_000), st.booleans(), st.booleans())


def county(drawn: list[tuple[int, int, bool, bool]]) -> list[Row]:
    """Payees with people, money of the year before (half of them none, hence without cap), and their group."""
    return [
        {"id": f"c{at}", "people": people, "previous": None if new else before, "rural": int(inside), "age": 1,
         "cost": 1, "risk": 50, "q": 1}
        for at, (people, before, inside, new) in enumerate(drawn)
    ]  # fmt: skip


def held(rows: list[Row], minimum: int | None) -> Allocation:
    """The budget with money above targets held back; `minimum`: fen that the group must get."""
    pace = {"floor_change": "-0.5", "cap_change": "0.5", "leakage": "hold_in_transition", "hold_in": "transition"}
    share = None if minimum is None else f"{minimum / BUDGET:.7f}"
    reserves = [] if share is None else [{"id": "r", "group": "rural", "minimum_share": share}]
    return run([need(pace)], rows, amount=BUDGET // 100, reserves=reserves)


def money(found: Allocation, name: str = "amount_fen") -> dict[str, int]:
    return dict(found.tables["need"].select("payee_id", name).iter_rows())


def test_one_fen_short_of_the_minimum_costs_the_fund_one_fen() -> None:
    rows: list[Row] = [{"id": "A", "people": 50, "previous": None, "rural": 1, "age": 1, "cost": 1, "risk": 50, "q": 1},
                       {"id": "C", "people": 50, "previous": "133.33", "rural": 0, "age": 1, "cost": 1, "risk": 50,
                        "q": 1}]  # fmt: skip
    half = BUDGET // 2
    assert money(held(rows, None))["A"] == half
    for minimum in (half - 1, half, half + 1, half + 1000):
        found = held(rows, minimum)
        assert money(found)["A"] == max(half, minimum)
        fund = found.tables["payees"].filter(payee_kind="fund")["amount_fen"].sum()
        assert sum(money(found).values()) + fund == BUDGET


@settings(max_examples=10, deadline=None)
@given(st.lists(PAYEE, min_size=2, max_size=6), st.integers(0, 1000))
def test_a_group_keeps_of_its_leakage_what_its_reserved_share_lacks(
    drawn: list[tuple[int, int, bool, bool]], part: int
) -> None:
    rows = county(drawn)
    plain = held(rows, None)
    assume(plain.conflict is None)
    group = [row["id"] for row in rows if row["rural"]]
    assume(group)
    least, natural = money(plain), money(plain, "natural_fen")
    low, high = (sum(own[payee] for payee in group) for own in (least, natural))
    before = None
    for minimum in sorted({max(low - 1, 0), low, min(low + 1, high), low + (high - low) * part // 1000, high}):
        found = held(rows, minimum)
        assert found.conflict is None
        now = money(found)
        assert sum(now[payee] for payee in group) == max(low, minimum)
        for payee, amount in now.items():
            assert least[payee] <= amount <= natural[payee]
            assert payee in group or amount == least[payee]
            # The same multiplier for all: nobody falls where the group gets more, but for the rounding of one fen.
            assert before is None or amount >= before[payee] - 1
        before = now
