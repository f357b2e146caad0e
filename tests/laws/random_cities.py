"""Random cities that really divide, and the plain addition of all that is said about their money.

A city whose rules cannot hold together is asked again with looser ones, until it divides. Put here: cities, their
year by quarters, sums by loops. Keep out: how the money should be divided (plain_county).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from evaluations.allocation.engine import Allocation, allocate
from evaluations.allocation.periods import Part, PeriodPayment, paid_in
from evaluations.allocation.settling import Record
from tests.unit.evaluations.allocation_world import frame, need, spec

Row = dict[str, Any]
Key = tuple[Any, ...]
QUARTERS = (1, 2, 3, 4)
SHARE = Decimal("0.37")


class City:
    """Payees, figures and a spec without `through`: a year, divided by what is known at the end of each quarter."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311  (no secret is drawn)
        self.payees = [self._payee(at) for at in range(self.random.randint(2, 7))]
        self.payees[0] |= {"rural": 1, "people": 700, "registered": 70}
        people = sum(row["people"] for row in self.payees)
        self.fen = self.random.choice([people * 9_400, self.random.randint(1, 10**9), 7, 10**12 + 1])
        self.kinds = [kind for kind in ("fund", "results", "standard", "factors", "awards", "matching", "purchases")
                      if self.random.random() < 0.5]  # fmt: skip
        weights = [self.random.randint(0, 9) for _ in self.kinds]
        whole = sum(weights) + self.random.randint(1, 20)
        self.shares = [Decimal(own * 100 // whole) / 100 for own in weights]
        self.figures = [
            {"who": row["id"], "indicator": name, "quarter": quarter, "base": "0.3",
             "top": self.random.choice([None, *[self.random.randint(0, 50)] * 5]), "cases": 50}
            for row in self.payees for name in "ab" for quarter in QUARTERS
        ]  # fmt: skip
        self.wishes = [
            {"request": f"q{at}", "who": self._anybody(), "base": self.random.randint(0, 10**6), "capacity": "0.4",
             "item": "c1", "price": 3, "verified": self.random.randint(0, 999)}
            for at in range(5)
        ]  # fmt: skip
        self.rules = self._rules()

    def _payee(self, at: int) -> Row:
        draw = self.random
        people = draw.choice([0, 7, draw.randint(1, 900), 40_000])
        return {
            "id": f"P{(at * 7) % 10}", "rural": draw.randint(0, 1), "people": people,
            "age": f"0.{draw.randint(1, 999)}", "cost": f"1.{draw.randint(0, 9)}", "risk": draw.randint(0, 100),
            "q": draw.randint(1, 6), "registered": draw.randint(0, 900), "marks": draw.randint(0, 9),
            "score": draw.randint(40, 100),
            "previous": None if draw.random() < 0.2 else f"{people * draw.randint(20, 90) / 100:.2f}",
            "prepaid": f"{draw.randint(0, 9999) / 100:.2f}", "carried": f"{draw.randint(0, 999) / 100:.2f}",
        }  # fmt: skip

    def _anybody(self) -> str:
        return str(self.random.choice(self.payees)["id"])

    def _rules(self) -> Row:
        pace = {"floor_change": self.random.choice(["-0.02", "-0.5", "-1"]),
                "cap_change": self.random.choice(["2", "9"]),
                "leakage": "hold_in_transition", "hold_in": "transition"}  # fmt: skip
        return {
            "pace": pace if self.random.random() < 0.6 else None,
            "reserves": [{"id": "r", "group": "rural", "minimum_share": self.random.choice(["0.05", "0.1", "0.333"])}]
            if self.random.random() < 0.6 else [],
            "earmark": self.random.choice(["need", *self.kinds]),
            "quarterly": {"advance": self.random.choice(["0.8", "1"]), "largest_change": "0.1"},
        }  # fmt: skip

    def looser(self) -> None:
        """Drop the next rule that may stand in the way."""
        for name in ("reserves", "pace", "earmark"):
            if self.rules[name]:
                self.rules[name] = [] if name == "reserves" else None
                return
        raise AssertionError("a city without rules does not divide")

    def spec(self, quarter: int) -> AllocationSpec:
        """The rules as they divide at the end of a quarter."""
        own = {**need(self.rules["pace"]), "share": None, "rest": True}
        streams = [{**self._stream(kind, quarter), "share": f"{share}"}
                   for kind, share in zip(self.kinds, self.shares, strict=True)]  # fmt: skip
        sources: list[Row] = [
            {"id": "central", "kind": "central", "share": f"{SHARE}"},
            {"id": "county", "kind": "county", "residual": True},
        ]
        if self.rules["earmark"]:
            sources.insert(1, {"id": "donor", "kind": "donation", "share": "0.11", "for": [self.rules["earmark"]]})
        return spec(
            [*streams, own], Decimal(self.fen) / 100, reserves=self.rules["reserves"], sources=sources,
            settlement={"prepaid": {"column": "prepaid"}, "carried_over": {"column": "carried"}},
            serves={"table": "serves", "institution": "institution", "community": "who", "share": "share",
                    "day": "2025-12-31"},
        )  # fmt: skip

    def _stream(self, kind: str, quarter: int) -> Row:
        columns = {"table": "wishes", "payee": "who"}
        return {
            "fund": {"kind": "fund", "fund": "contingency", "contingency": True},
            "results": {"kind": "performance", "registered": {"column": "registered"}, "figures": "year_so_far",
                        "score": "best_of_achievement_and_improvement", "through": f"2025Q{quarter}",
                        "data": {"table": "figures", "payee": "who", "indicator": "indicator", "quarter": "quarter",
                                 "numerator": "top", "denominator": "cases", "baseline": "base"},
                        "indicators": [{"id": "a", "weight": 2, "threshold": "0.2", "benchmark": "0.9"},
                                       {"id": "b", "weight": 1, "threshold": "0.5", "benchmark": "0.6"}],
                        "quarterly": self.rules["quarterly"]},
            "standard": {"kind": "standard", "population": {"column": "people"}, "standard": 99, "funded": "0.37",
                         "score": {"column": "score"}, "bands": [[80, 1], [0, "0.8"]], "over_pool": "pro_rata",
                         "regrant": {"at_least": 80, "by": {"column": "people"}}},
            "factors": {"kind": "factors", "factors": [{"id": "one", "weight": 1, "sum": [{"column": "people"}]}]},
            "awards": {"kind": "awards", "over_pool": "pro_rata", "classes": [
                {"id": "best", "by": "rank", "score": {"column": "marks"}, "amounts": [[1, 50], [2, "0.07"]]}]},
            "matching": {"kind": "matching", "base": "eligible_cost", "over_pool": "pro_rata", "rate": {},
                         "requests": {**columns, "request": "request", "base": "base", "capacity": "capacity"}},
            "purchases": {"kind": "purchases", "over_pool": "pro_rata",
                          "contracts": {**columns, "contract": "request", "verified": "verified", "price": "price"}},
        }[kind] | {"id": kind}  # fmt: skip

    def tables(self, quarter: int, *, turned: bool = False) -> dict[str, pl.DataFrame]:
        """What is known at the end of a quarter; `turned`: with rows in another order."""
        known = [{**row, "quarter": f"2025Q{row['quarter']}"} for row in self.figures if row["quarter"] <= quarter]
        serves = [{"institution": name, "who": row["id"], "share": share} for row in self.payees
                  for name, share in (("h1", "0.3"), ("h2", "0.7"))]  # fmt: skip
        rows = {"payees": self.payees, "figures": known, "wishes": self.wishes, "serves": serves}
        return {name: frame(own[::-1] if turned and name != "wishes" else own) for name, own in rows.items()}


def lived_through(seed: int) -> tuple[City, Allocation, list[PeriodPayment]]:
    """A city, the division of its year, and its four payments, each made knowing what was really paid before."""
    city = City(seed)
    while True:
        payments: list[PeriodPayment] = []
        for quarter in QUARTERS:
            rules = city.spec(quarter)
            found = allocate(rules, city.tables(quarter))
            if found.conflict is not None:
                assert not found.tables
                assert found.conflict.short > 0
                break
            payments.append(paid_in(rules, found.tables, found.budget, Part(quarter, len(QUARTERS)), record(payments)))
        if len(payments) == len(QUARTERS):
            return city, found, payments
        city.looser()


def record(payments: Sequence[PeriodPayment]) -> Record:
    """What was settled in each period before, and how much of it was set off instead of paid."""
    paid: dict[Key, list[int]] = {}
    taken: dict[Key, int] = defaultdict(int)
    for at, own in enumerate(payments):
        for row in own.payments.to_dicts():
            key, set_off = (row["payee_kind"], row["payee_id"], row["stream"]), max(0, -row["set_off_fen"])
            history = paid.setdefault(key, [0] * len(payments))
            history[at] = row["amount_fen"] + set_off
            taken[key] += set_off
    return Record(paid, taken)


def added_up(city: City, year: Allocation) -> None:
    """A division by plain addition: payees, statements, streams, sources, quarters, institutions, settlement."""
    tables = {name: own.to_dicts() for name, own in year.tables.items()}
    lines = tables["lines"]
    by_payee, by_stream, by_line = (sums(lines, *names) for names in (
        ("payee_kind", "payee_id"), ("stream",), ("payee_kind", "payee_id", "line_no")))  # fmt: skip
    paid = {(row["payee_kind"], row["payee_id"]): row["amount_fen"] for row in tables["payees"]}
    assert sum(paid.values()) == city.fen == year.budget
    assert min(paid.values()) >= 0
    assert without_zeros(paid) == by_payee
    assert sums(tables["streams"], "stream", name="pool_fen") == by_stream
    assert all(row["paid_fen"] + row["held_fen"] == row["pool_fen"] for row in tables["streams"])
    for row in tables["reserves"]:
        assert row["reached_fen"] >= row["base_fen"] * Fraction(row["minimum_share"])
    assert sums(tables["sources"], "payee_kind", "payee_id", "line_no") == by_line
    by_source = sums(tables["sources"], "source")
    assert by_source.get(("central",), 0) == int(SHARE * city.fen)
    donated = [row for row in tables["sources"] if row["source"] == "donor"]
    earmark = city.rules["earmark"]
    assert all(row["stream"] == earmark for row in donated)
    if earmark:
        assert by_source.get(("donor",), 0) == by_stream.get((earmark,), 0) * 11 // 100
    money = {key[1]: own for key, own in by_payee.items() if key[0] == "community"}
    assert sums(tables["institutions"], "community_id") == {(who,): own for who, own in money.items()}
    by_quarter = sums(tables["quarters"], "payee_id", "stream", name="paid_fen")
    taken = sums(tables["quarters"], "payee_id", "stream", name="claw_back_fen")
    of_stream = sums([row for row in lines if row["payee_kind"] != "fund"], "payee_id", "stream")
    for key, own in of_stream.items():
        assert by_quarter.get(key, 0) - taken.get(key, 0) == own
    for row in tables["settlement"]:
        assert row["due_fen"] == money.get(row["payee_id"], 0)
        used = row["prepaid_fen"] + row["carried_over_fen"] + row["claw_back_fen"] + row["payable_fen"]
        assert row["due_fen"] + row["offset_next_year_fen"] == used
        assert min(row["payable_fen"], row["offset_next_year_fen"]) == 0 <= row["payable_fen"]


def year_added_up(city: City, year: Allocation, payments: Sequence[PeriodPayment]) -> None:
    """Four payments by plain addition: each is a quarter of the budget, together they are what the year says."""
    keys = ("payee_kind", "payee_id", "stream")
    total: dict[Key, int] = defaultdict(int)
    for index, own in enumerate(payments, 1):
        lines, paid = own.lines.to_dicts(), own.payments.to_dicts()
        assert sum(row["amount_fen"] for row in lines) == city.fen * index // 4 - city.fen * (index - 1) // 4
        assert sums(lines, *keys) == sums(paid, *keys)
        assert all(row["amount_fen"] >= 0 for row in paid if row["payee_kind"] != "fund")
        assert own.sources is not None
        by_source = own.sources.to_dicts()
        assert sums(by_source, *keys[:2], "line_no") == sums(lines, *keys[:2], "line_no")
        for found in (sums(paid, *keys[:2]), sums(by_source, "source"), sums(paid, *keys)):
            for key, amount in found.items():
                total[key] += amount
    due, owed = year.tables["lines"].to_dicts(), owed_of(payments[-1])
    by_payee = sums(due, *keys[:2])
    for key in {key for key in (*total, *by_payee) if key[0] == "community"}:
        if len(key) == 2:
            assert total[key] - owed.get(key[1], 0) == by_payee.get(key, 0)
    # What advances paid too much is not there for the funds, until it is claimed back.
    funds = sum(own for key, own in by_payee.items() if key[0] == "fund")
    assert sum(own for key, own in total.items() if key[0] == "fund" and len(key) == 2) == funds - sum(owed.values())
    for (source,), amount in sums(year.tables["sources"].to_dicts(), "source").items():
        assert total[source,] == amount
    if not owed:
        assert {key: own for key, own in total.items() if len(key) == 3 and own} == sums(due, *keys)


def owed_of(last: PeriodPayment) -> dict[str, int]:
    """Payee → what it got in advances beyond the year, and gives back later."""
    assert last.settlement is not None
    return {
        key[0]: own for key, own in sums(last.settlement.to_dicts(), "payee_id", name="offset_next_year_fen").items()
    }


def sums(rows: Iterable[Row], *by: str, name: str = "amount_fen") -> dict[Key, int]:
    """Sums of a column, those of 0 left out."""
    found: dict[Key, int] = defaultdict(int)
    for row in rows:
        found[tuple(row[column] for column in by)] += row[name]
    return without_zeros(found)


def without_zeros(amounts: dict[Key, int]) -> dict[Key, int]:
    """Only what is not 0."""
    return {key: own for key, own in amounts.items() if own}
