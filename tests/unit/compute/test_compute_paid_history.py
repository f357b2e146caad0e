"""Payments of a year whose areas vanish, merge and divide between its periods: nothing is paid out twice or forgotten.

The oracles count money by hand: cash that was handed out, area by area.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.compute import succession
from assets.compute.settlements import record_found, record_of
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.funding import Settlement
from data_contracts.periods import Period
from evaluations.allocation.engine import allocate
from evaluations.allocation.periods import Part, PeriodPayment, paid_in
from evaluations.allocation.settling import Record
from evaluations.allocation.snapshot import DataError
from evaluations.rounding import instalments
from tests.unit.evaluations.allocation_world import frame, spec

Frames = dict[str, pl.DataFrame]
QUARTERS = [Period.parse(f"2025Q{index}") for index in (1, 2, 3, 4)]
LAST = "2024Q4"
KEYS = ["payee_kind", "payee_id"]


def rules(budget: str) -> AllocationSpec:
    streams = [
        {"id": "need", "kind": "need", "share": "0.6", "population": {"column": "people"}},
        {"id": "more", "kind": "need", "rest": True, "population": {"column": "others"}},
    ]
    return spec(streams, budget, payees={"table": "payees", "id": "id"})


def reading(period: Period, heirs: Callable[[Period, Period], succession.Heirs]) -> Any:
    return SimpleNamespace(period=period, document=SimpleNamespace(payee_level="community"), heirs=heirs)


def changed_in(heirs: Mapping[str, succession.Heirs]) -> Callable[[Period, Period], succession.Heirs]:
    """Period → who took over in it."""
    return lambda _, now: heirs.get(now.key, {})


def paid_of(rule: AllocationSpec, figures: Mapping[str, tuple[int, int]], index: int, record: Any) -> PeriodPayment:
    rows = [{"id": own, "people": people, "others": others} for own, (people, others) in sorted(figures.items())]
    found = allocate(rule, {"payees": frame(rows)})
    assert found.conflict is None
    return paid_in(rule, found.tables, found.budget, Part(index, 4), record)


def released(paid: PeriodPayment) -> Frames:
    assert paid.settlement is not None
    return {"alloc__payments": paid.payments, "alloc__settlement": paid.settlement}


def owed_release(owed: Mapping[str, int]) -> Frames:
    rows = [{"payee_kind": "community", "payee_id": own, "offset_next_year_fen": fen} for own, fen in owed.items()]
    return {"alloc__settlement": pl.DataFrame(rows)}


class Land:
    """Lowest-level areas in areas that are paid; `steps`: quarter by quarter, what each lowest-level area became."""

    def __init__(self, draw: Random) -> None:
        self.draw = draw
        self.trees = [{f"l{at}": draw.choice("ABCD") for at in range(5)}]
        self.steps: list[dict[str, set[str]]] = []
        self.people: list[dict[str, int]] = []

    def move(self) -> None:
        """Some vanish, are merged or recoded, divided, or handed to another area."""
        old, new, step = self.trees[-1], dict[str, str](), dict[str, set[str]]()
        for leaf, area in old.items():
            fate = self.draw.choice(["stay", "stay", "vanish", "join", "divide", "move"])
            places: dict[str, str] = {
                "stay": {leaf: area}, "vanish": {}, "join": {"j": self.draw.choice("ABE")},
                "divide": {f"{leaf}x": area, f"{leaf}y": self.draw.choice("ABCDE")},
                "move": {leaf: self.draw.choice("ABCDE")},
            }[fate]  # fmt: skip
            step[leaf] = set(places)
            new |= {own: place for own, place in places.items() if own not in new}
        self.trees.append(new or {"l9": "F"})
        self.steps.append(step)

    def heirs(self, then: Period, now: Period) -> dict[str, dict[str, Decimal]]:
        """Who took over; areas of the year before are those of the first quarter."""
        first, last = (QUARTERS.index(own) if own in QUARTERS else 0 for own in (then, now))

        def became(leaf: str) -> set[str]:
            found = {leaf}
            for step in self.steps[first:last]:
                found = {code for own in found for code in step.get(own, set())}
            return found

        counted = {leaf: Decimal(number) for leaf, number in self.people[last].items()}
        return succession.heirs_of(self.trees[first], self.trees[last], became, counted)


def by_area(tree: Mapping[str, str], people: Mapping[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for leaf, area in tree.items():
        found[area] = found.get(area, 0) + people[leaf]
    return {area: number for area, number in found.items() if number}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 999_999))
def test_a_year_pays_its_budget_once_whatever_becomes_of_its_areas(seed: int, fen: int) -> None:
    draw = Random(seed)  # noqa: S311
    rule = rules(f"{fen // 100}.{fen % 100:02d}")
    land = Land(draw)
    owed = {own: draw.randint(0, fen // 8) for own in "ABZ"}
    releases = {LAST: owed_release(owed)}
    handed_out, settled = 0, dict[tuple[str, str], int]()
    for at, period in enumerate(QUARTERS):
        if at:
            land.move()
        tree = land.trees[-1]
        people = {leaf: draw.randint(0, 40) for leaf in tree}
        people[next(iter(tree))] += 1
        land.people.append(people)
        figures = {own: (number, draw.randint(1, 9)) for own, number in by_area(tree, people).items()}
        # A release may be withdrawn once the next one is there, which knows what it paid.
        hidden = {own.key for own in QUARTERS[: max(0, at - 1)] if draw.random() < 0.5}
        found = {key: tables for key, tables in releases.items() if key not in hidden}
        record, why = record_found(rule, reading(period, land.heirs), found.get)
        assert record is not None, why
        own = paid_of(rule, figures, at + 1, record)
        assert own.amount == instalments(fen, 4)[at] == own.payments["amount_fen"].sum()
        assert own.settlement is not None
        # What was handed out stands as paid to somebody, and what was owed when the year began is owed by somebody.
        funds = own.payments.filter(payee_kind="fund")["before_fen"].sum()
        assert own.settlement["prepaid_fen"].sum() + funds == handed_out
        assert own.settlement["claw_back_fen"].sum() == sum(owed.values())
        assert own.settlement["offset_next_year_fen"].min() >= 0
        # Nobody's past changes who was not touched by the last change of areas.
        before = columns(own, "before_fen")
        last = land.heirs(QUARTERS[at - 1], period) if at else {}
        touched = {*last, *(heir for parts in last.values() for heir in parts)}
        for key, amount in settled.items():
            assert key[0] in touched or before.get(key, 0) == amount, key
        cash, set_off = columns(own, "amount_fen"), columns(own, "set_off_fen")
        settled = {key: before[key] + cash[key] + max(0, -set_off[key]) for key in before}
        handed_out += own.amount
        releases[period.key] = released(own)
    assert handed_out == fen


def columns(paid: PeriodPayment, name: str) -> dict[tuple[str, str], int]:
    return {(payee, stream): fen for payee, stream, fen in communities(paid).select("payee_id", "stream", name).rows()}


def communities(paid: PeriodPayment) -> pl.DataFrame:
    return paid.payments.filter(payee_kind="community")


EVEN = {"A": (1, 1), "B": (1, 1), "C": (1, 1)}


def test_money_of_an_area_that_is_gone_is_owed_and_not_paid_again() -> None:
    rule = rules("12000")
    first = paid_of(rule, EVEN, 1, Record({}))
    heirs = {"2025Q1": {"D": {}}, "2025Q2": {"C": {}}}
    found = {"2025Q1": released(first), LAST: owed_release({"D": 700})}
    record, _ = record_found(rule, reading(QUARTERS[1], changed_in(heirs)), found.get)
    assert record is not None
    assert record.total == first.amount == 300_000
    second = paid_of(rule, {"A": (1, 1), "B": (1, 1)}, 2, record)
    assert second.amount == 300_000
    assert second.settlement is not None
    rows = {row["payee_id"]: row for row in second.settlement.to_dicts()}
    gone = rows["C"]
    assert (gone["prepaid_fen"], gone["offset_next_year_fen"], gone["payable_fen"]) == (100_000, 100_000, 0)
    # A debt of the year before of an area that was never paid in this one stays in the books.
    assert (rows["D"]["claw_back_fen"], rows["D"]["offset_next_year_fen"]) == (700, 700)


def clawed_back() -> tuple[AllocationSpec, list[Frames]]:
    """Two quarters of a year in which A gives back 300 yuan, all of it in the first."""
    rule, back = rules("12000"), {("community", "A"): 30_000}
    first = paid_of(rule, EVEN, 1, Record({}, {}, {}, back))
    found: dict[str, Frames] = {"2025Q1": released(first), LAST: owed_release({"A": 30_000})}
    record, _ = record_found(rule, reading(QUARTERS[1], changed_in({})), found.get)
    second = paid_of(rule, EVEN, 2, record)
    assert communities(first).filter(payee_id="A")["set_off_fen"].sum() == -30_000
    assert communities(second).filter(payee_id="A")["set_off_fen"].sum() == 0
    return rule, [released(first), released(second)]


def test_what_a_withdrawn_quarter_clawed_back_is_not_clawed_back_again() -> None:
    rule, (_, second) = clawed_back()
    found = {"2025Q2": second, LAST: owed_release({"A": 30_000})}
    record, _ = record_found(rule, reading(QUARTERS[2], changed_in({})), found.get)
    assert record is not None
    assert record.taken_of["community", "A"] == 30_000
    third = paid_of(rule, EVEN, 3, record)
    assert third.amount == 300_000
    assert communities(third).filter(payee_id="A")["amount_fen"].sum() == 100_000


def test_a_quarter_of_which_nobody_knows_what_it_set_off_is_no_record() -> None:
    rule, (_, second) = clawed_back()
    del second["alloc__settlement"]
    found = {"2025Q2": second, LAST: owed_release({"A": 30_000})}
    record, why = record_found(rule, reading(QUARTERS[2], changed_in({})), found.get)
    assert record is None
    assert why is not None
    assert "2025Q1" in why["zh"]
    assert "2025Q2" not in why["zh"]
    # Where nothing is set off in the year there is nothing that could be taken twice.
    del found[LAST]
    assert record_found(rule, reading(QUARTERS[2], changed_in({})), found.get)[0] is not None
    with pytest.raises(DataError):
        record_of(Settlement(), rule, {"payees": frame([{"id": "A", "people": 1, "others": 1}])},
                  reading(QUARTERS[2], changed_in({})), found.get)  # fmt: skip


def release_of(*rows: tuple[str, int, int]) -> Frames:
    """Payee, fen before and now, nothing set off."""
    names = ["payee_id", "before_fen", "amount_fen"]
    own = pl.DataFrame(rows, names, orient="row").with_columns(payee_kind=pl.lit("community"))
    paid = own.select(*KEYS, prepaid_fen="before_fen", claw_back_fen=pl.lit(0))
    return {
        "alloc__payments": own.with_columns(stream=pl.lit("need"), set_off_fen=pl.lit(0)), "alloc__settlement": paid,
    }  # fmt: skip


@pytest.mark.parametrize(("first", "half"), [(1000, 500), (1100, 550)])
def test_a_payment_once_divided_stays_divided_as_it_was(first: int, half: int) -> None:
    # People were counted anew since the second quarter divided what D was paid; or the first quarter paid otherwise.
    heirs = {"2025Q2": {"D": {"D1": Decimal(60), "D2": Decimal(40)}}}
    found = {
        "2025Q1": release_of(("D", 0, first), ("C", 0, 10)),
        "2025Q2": release_of(("D1", 500, 500), ("D2", 500, 501), ("C", 10, 10)),
    }
    record, _ = record_found(rules("12000"), reading(QUARTERS[2], changed_in(heirs)), found.get)
    assert record is not None
    assert record.paid == {
        ("community", "D1", "need"): [half, 500], ("community", "D2", "need"): [half, 501],
        ("community", "C", "need"): [10, 10],
    }  # fmt: skip


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 9), st.lists(st.integers(0, 9), min_size=2, max_size=4))
def test_no_heir_set_off_more_than_it_settled_or_owed(cash: int, taken: int, more: int, people: list[int]) -> None:
    payments = release_of(("X", 0, cash))["alloc__payments"].with_columns(set_off_fen=pl.lit(-taken))
    found = {"2025Q1": {"alloc__payments": payments}, LAST: owed_release({"X": taken + more})}
    heirs = {"2025Q2": {"X": {f"p{at}": Decimal(number) for at, number in enumerate(people)}}}
    record, _ = record_found(rules("12000"), reading(QUARTERS[1], changed_in(heirs)), found.get)
    assert record is not None
    assert sum(sum(row) for row in record.paid.values()) == cash + taken
    assert sum(record.taken.values()) == taken
    assert sum(record.claw_back.values()) == taken + more
    for key, row in record.paid.items():
        assert 0 <= record.taken[key] <= sum(row)
        assert record.taken[key] <= record.claw_back[key[:2]]


def test_people_of_parts_that_are_one_now_are_counted_once() -> None:
    old, new = {"d1": "D", "d2": "D", "d3": "D"}, {"m": "D", "d3": "E"}
    became = {"d1": {"m"}, "d2": {"m"}, "d3": {"d3"}}
    heirs = succession.heirs_of(old, new, became.__getitem__, {"m": Decimal(100), "d3": Decimal(100)})
    assert succession.passed_on({"D": 900}, heirs) == {"D": 450, "E": 450}


@pytest.mark.parametrize(("took_over", "word"), [
    ({"old": ["a"]}, "recoded"), ({"old": ["a"], "a": ["a"]}, "merged"), ({"old": ["a", "b"]}, "divided"),
    ({"old": ["a", "b"], "x": ["a"]}, "divided"), ({"x": ["a"], "old": ["a", "b"]}, "divided"),
    ({"old": ["a"], "z": []}, "recoded"),
])  # fmt: skip
def test_a_new_code_is_no_merger(took_over: dict[str, list[str]], word: str) -> None:
    heirs = {area: dict.fromkeys(parts, Decimal(1)) for area, parts in took_over.items()}
    assert succession.origins(heirs)["a"] == word


def test_areas_that_divided_something_among_them_belong_together() -> None:
    one, two = Decimal(1), {"a": Decimal(1), "b": Decimal(2)}
    first: succession.Heirs = {"x": two, "y": {"c": one}, "z": {}}
    assert succession.together([first, {"w": {"b": one, "d": one}, "v": {"e": one, "f": one}}]) == [
        ["a", "b", "d"], ["e", "f"],
    ]  # fmt: skip
