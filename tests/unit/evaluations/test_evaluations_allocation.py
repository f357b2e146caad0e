"""The division of money: what it refuses, what it says about impossible rules, which line explains which step."""

from collections import defaultdict
from decimal import Decimal

import pytest

from evaluations.allocation_v1 import (
    RESERVE_FUND,
    SUPPORT_FUND,
    Allocation,
    AllocationRule,
    Conflict,
    Payee,
    ReserveRule,
    StreamRule,
    allocate,
)

PER_HEAD = StreamRule("per_head", "per_head", Decimal(1))


def _rule(budget: int, *streams: tuple[str, str], floor: str | None = None, cap: str | None = None) -> AllocationRule:
    rules = [StreamRule(kind, kind, Decimal(share)) for kind, share in streams]
    low, high = (None if bound is None else Decimal(bound) for bound in (floor, cap))
    return AllocationRule(budget, "community", rules, low, high)


def _payee(
    name: str,
    people: str,
    weighted: str | None = None,
    *,
    risk: str | None = None,
    score: str | None = None,
    in_: str = "",
) -> Payee:
    return Payee(
        name,
        Decimal(people),
        Decimal(weighted or people),
        None if risk is None else Decimal(risk),
        None if score is None else Decimal(score),
        frozenset(in_.split()),
    )


def _steps(found: Allocation) -> dict[str, dict[str, int]]:
    steps: dict[str, dict[str, int]] = defaultdict(dict)
    for line in found.lines:
        steps[line.payee_id][line.line_id] = line.amount
    return dict(steps)


def _paid(found: Allocation) -> dict[str, int]:
    paid: dict[str, int] = defaultdict(int)
    for line in found.lines:
        paid[line.payee_id] += line.amount
    return dict(paid)


def test_streams_of_one_budget_line_by_line() -> None:
    rule = _rule(1_000_000, ("per_head", "0.5"), ("need", "0.2"), ("performance", "0.2"), ("reserve", "0.1"))
    found = allocate(rule, [_payee("a", "300", "100", score="80"), _payee("b", "100", "100", score="37.5")])
    assert _steps(found) == {
        "a": {"per_head": 375_000, "need": 100_000, "performance": 150_000, "not_earned": -30_000},
        "b": {"per_head": 125_000, "need": 100_000, "performance": 50_000, "not_earned": -31_250},
        SUPPORT_FUND: {"unearned": 61_250},
        RESERVE_FUND: {"held": 100_000},
    }
    assert found.equal_shares == {"a": 525_000, "b": 175_000}
    assert found.bounds == {"a": "none", "b": "none"}


def test_what_is_earned_is_rounded_down_to_whole_units() -> None:
    found = allocate(_rule(202, ("per_head", "0.5"), ("performance", "0.5")), [_payee("a", "1", score="99.5")])
    assert _steps(found)["a"] == {"per_head": 101, "performance": 101, "not_earned": -1}
    assert _paid(found)[SUPPORT_FUND] == 1


def test_risk_doubles_the_money_of_a_head_from_lowest_to_highest() -> None:
    tilted = StreamRule("need", "need", Decimal(1), (Decimal(2), Decimal(50)))
    payees = [_payee("a", "10", risk="0"), _payee("b", "10", risk="100"), _payee("c", "10", risk="50")]
    found = allocate(AllocationRule(10**9, "community", [tilted]), payees)
    amounts = _paid(found)
    assert amounts["b"] == pytest.approx(2 * amounts["a"], abs=1)
    assert amounts["c"] == pytest.approx(2**0.5 * amounts["a"], abs=1)
    assert [line.rate for line in found.lines] == ["0.7071", "1.4142", "1.0000"]


@pytest.mark.parametrize(
    ("others", "factor"), [(("20", "90"), "0.8123"), (("70", "90"), "1.0000"), ((None, None), "1.0000")]
)
def test_without_risk_the_lowest_factor_counts_but_never_more_than_neutral(
    others: tuple[str | None, str | None], factor: str
) -> None:
    tilted = StreamRule("need", "need", Decimal(1), (Decimal(2), Decimal(50)))
    payees = [_payee("a", "10"), _payee("b", "10", risk=others[0]), _payee("c", "10", risk=others[1])]
    found = allocate(AllocationRule(1000, "community", [tilted]), payees)
    assert found.lines[0].rate == factor


def test_without_score_the_lowest_score_counts() -> None:
    payees = [_payee("a", "10"), _payee("b", "10", score="40"), _payee("c", "10", score="90")]
    found = allocate(_rule(6000, ("per_head", "0.5"), ("performance", "0.5")), payees)
    assert [_steps(found)[payee]["not_earned"] for payee in "abc"] == [-600, -600, -100]
    nobody = allocate(_rule(6000, ("per_head", "0.5"), ("performance", "0.5")), [_payee("a", "10")])
    assert _steps(nobody)["a"]["not_earned"] == -3000


def test_a_payee_without_people_gets_nothing_whatever_its_weight() -> None:
    found = allocate(
        _rule(1000, ("per_head", "0.4"), ("need", "0.6")), [_payee("a", "0", "50"), _payee("b", "5", "50")]
    )
    assert _paid(found) == {"a": 0, "b": 1000}


def test_the_line_names_the_bound_only_where_the_bound_moved_money() -> None:
    # a is far below the floor; making room for it lowers b and c, and b comes to rest on its own floor.
    rule = _rule(3000, ("need", "1"), floor="0.9")
    payees = [_payee("a", "1", "10"), _payee("b", "1", "92"), _payee("c", "1", "198")]
    found = allocate(rule, payees)
    assert _steps(found) == {
        "a": {"need": 100, "floor": 800},
        "b": {"need": 920, "scaling": -20},
        "c": {"need": 1980, "scaling": -780},
    }
    assert found.bounds == {"a": "floor", "b": "floor", "c": "free"}


def test_a_cap_gives_its_money_to_those_below() -> None:
    found = allocate(
        _rule(3000, ("need", "1"), cap="1.5"), [_payee("a", "1", "10"), _payee("b", "1", "40"), _payee("c", "1", "50")]
    )
    assert _paid(found) == {"a": 300, "b": 1200, "c": 1500}
    found = allocate(
        _rule(3000, ("need", "1"), cap="1.4"), [_payee("a", "1", "10"), _payee("b", "1", "40"), _payee("c", "1", "50")]
    )
    assert _steps(found) == {
        "a": {"need": 300, "scaling": 20},
        "b": {"need": 1200, "scaling": 80},
        "c": {"need": 1500, "cap": -100},
    }
    assert found.bounds == {"a": "free", "b": "free", "c": "cap"}


def test_two_streams_rounded_apart_stay_within_a_common_cap() -> None:
    # Both streams round the smallest id up; the cap leaves room for one of the two units only.
    payees = [_payee(name, "1") for name in "abc"]
    rule = _rule(8, ("per_head", "0.5"), ("need", "0.5"), cap="1.13")
    found = allocate(rule, payees)
    assert _paid(found) == {"a": 3, "b": 3, "c": 2}


def test_bounds_that_nobody_meets_change_nothing() -> None:
    # Rounded stream by stream: 2 + 2, 1 + 1, 1 + 1. Rounded at once it would be 3, 3, 2.
    rule = _rule(8, ("per_head", "0.5"), ("need", "0.5"), floor="0.1")
    found = allocate(rule, [_payee(name, "1") for name in "abc"])
    assert [_steps(found)[name] for name in "abc"] == [
        {"per_head": 2, "need": 2},
        {"per_head": 1, "need": 1},
        {"per_head": 1, "need": 1},
    ]


def _with_reserve(rule: AllocationRule, *reserves: tuple[str, str, str]) -> AllocationRule:
    rules = tuple(ReserveRule(name, group, Decimal(share)) for name, group, share in reserves)
    return AllocationRule(rule.budget, rule.payee_kind, rule.streams, rule.floor, rule.cap, rules)


@pytest.mark.parametrize(("share", "rural"), [("0.19", 200), ("0.2", 200), ("0.201", 201), ("0.5", 500), ("1", 1000)])
def test_a_reserved_share_is_met_exactly_where_it_was_not_met(share: str, rural: int) -> None:
    rule = _with_reserve(_rule(1000, ("per_head", "1")), ("rural", "r", share))
    found = allocate(rule, [_payee("a", "2", in_="r"), _payee("b", "8")])
    assert _paid(found) == {"a": rural, "b": 1000 - rural}
    assert ("reserve" in _steps(found)["a"]) == (rural != 200)


def test_money_earned_by_the_group_counts_towards_its_share() -> None:
    rule = _with_reserve(_rule(2000, ("per_head", "0.5"), ("performance", "0.5")), ("rural", "r", "0.3"))
    payees = [_payee("a", "2", score="50", in_="r"), _payee("b", "8", score="100")]
    assert _steps(allocate(rule, payees))["a"] == {
        "per_head": 200,
        "reserve": 300,
        "performance": 200,
        "not_earned": -100,
    }


def test_money_held_back_is_not_part_of_the_base_of_a_reserved_share() -> None:
    rule = _with_reserve(_rule(1000, ("per_head", "0.8"), ("reserve", "0.2")), ("rural", "r", "0.3"))
    found = allocate(rule, [_payee("a", "2", in_="r"), _payee("b", "8")])
    assert _paid(found) == {"a": 240, "b": 560, RESERVE_FUND: 200}


def test_several_reserved_shares_hold_at_once() -> None:
    payees = [_payee("a", "1", in_="A"), _payee("b", "1", in_="B"), _payee("c", "8")]
    rule = _with_reserve(_rule(1000, ("per_head", "1")), ("ra", "A", "0.4"), ("rb", "B", "0.35"))
    assert _paid(allocate(rule, payees)) == {"a": 400, "b": 350, "c": 250}


def test_lifting_one_group_may_pull_another_below_its_own_share() -> None:
    payees = [_payee("a", "3", in_="A"), _payee("b", "1", in_="B"), _payee("c", "6")]
    rule = _with_reserve(_rule(1000, ("per_head", "1")), ("ra", "A", "0.29"), ("rb", "B", "0.35"))
    assert _paid(allocate(rule, payees)) == {"a": 290, "b": 350, "c": 360}


def test_the_bound_told_is_the_one_after_the_reserve() -> None:
    rule = _with_reserve(_rule(1000, ("per_head", "1"), cap="1.5"), ("rural", "r", "0.3"))
    found = allocate(rule, [_payee("a", "2", in_="r"), _payee("b", "8")])
    assert _paid(found) == {"a": 300, "b": 700}
    assert found.bounds == {"a": "cap", "b": "free"}


@pytest.mark.parametrize(
    ("bounds", "reserves", "conflict"),
    [
        ({"floor": "1.1"}, [], Conflict(("floors",), 100, 1000)),
        ({"cap": "0.9"}, [], Conflict(("caps",), 100, 900)),
        ({"cap": "1.5"}, [("rural", "r", "0.301")], Conflict(("rural", "caps"), 1, 300)),
        ({"floor": "0.9"}, [("rural", "r", "0.281")], Conflict(("rural", "floors"), 1, 280)),
        # Both stand in the way; the tighter one is named and decides what can be reached.
        ({"floor": "0.9", "cap": "1.5"}, [("rural", "r", "0.5")], Conflict(("rural", "floors"), 220, 280)),
        ({}, [("nobody", "x", "0.1")], Conflict(("nobody", "caps"), 100, 0)),
        ({}, [("rural", "r", "0.6"), ("town", "t", "0.5")], Conflict(("town", "rural", "floors"), 100, 400)),
    ],
)
def test_impossible_rules_are_named_and_nothing_is_paid(
    bounds: dict[str, str], reserves: list[tuple[str, str, str]], conflict: Conflict
) -> None:
    rule = _with_reserve(_rule(1000, ("per_head", "1"), **bounds), *reserves)
    payees = [_payee("a", "2", in_="r"), _payee("b", "8", in_="t")]
    assert allocate(rule, payees) == Allocation([], {}, {}, conflict)


def test_what_the_group_earns_counts_as_reachable() -> None:
    rule = _rule(2000, ("per_head", "0.5"), ("performance", "0.5"), cap="1.5")
    payees = [_payee("a", "2", score="50", in_="r"), _payee("b", "8", score="100")]
    found = allocate(_with_reserve(rule, ("rural", "r", "0.25")), payees)
    assert found.conflict == Conflict(("rural", "caps"), 100, 400)


@pytest.mark.parametrize("payees", [[], [_payee("a", "0"), _payee("b", "0")]])
def test_money_that_nobody_counts_for_is_a_conflict(payees: list[Payee]) -> None:
    assert allocate(_rule(1000, ("per_head", "1")), payees).conflict == Conflict(("no_weights",), 1000, 0)


def test_a_need_stream_without_any_weight_is_a_conflict() -> None:
    rule = _rule(1000, ("per_head", "0.6"), ("need", "0.4"))
    payees = [Payee("a", Decimal(3), Decimal(0)), Payee("b", Decimal(1), Decimal(0))]
    assert allocate(rule, payees).conflict == Conflict(("no_weights",), 400, 0)


def test_no_budget_pays_nobody() -> None:
    assert set(_paid(allocate(_rule(0, ("per_head", "1"), floor="0.9"), [_payee("a", "3")])).values()) == {0}


@pytest.mark.parametrize(
    ("budget", "streams", "message"),
    [
        (-1, [PER_HEAD], "negative"),
        (1, [StreamRule("a", "per_head", Decimal("0.9"))], "sum to 1"),
        (1, [StreamRule("a", "reserve", Decimal(1))], "per_head or need"),
        (1, [StreamRule("a", "need", Decimal("0.5")), StreamRule("a", "need", Decimal("0.5"))], "same id"),
        (
            1,
            [
                StreamRule("a", "need", Decimal("0.4")),
                StreamRule("b", "performance", Decimal("0.3")),
                StreamRule("c", "performance", Decimal("0.3")),
            ],
            "at most one performance",
        ),
    ],
)
def test_rules_that_make_no_sense_are_refused(budget: int, streams: list[StreamRule], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AllocationRule(budget, "community", streams)


@pytest.mark.parametrize("figure", ["-0.0001", "100.0001"])
def test_scores_and_risks_outside_their_scale_are_refused(figure: str) -> None:
    for name in ("risk", "score"):
        with pytest.raises(ValueError, match="payee a: risk and score must lie from 0 to 100"):
            _payee("a", "1", **{name: figure})
    with pytest.raises(ValueError, match="payee a: people are negative"):
        _payee("a", figure) if figure.startswith("-") else _payee("a", "1", f"-{figure}")


def test_two_payees_with_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="same id"):
        allocate(AllocationRule(10, "community", [PER_HEAD]), [_payee("a", "1"), _payee("a", "2")])


def test_lines_are_numbered_within_a_payee_in_the_order_of_steps() -> None:
    rule = _rule(1000, ("per_head", "0.5"), ("need", "0.3"), ("performance", "0.2"))
    frame = allocate(rule, [_payee("b", "1", score="50"), _payee("a", "1", score="50")]).lines_frame()
    own = frame.filter(payee_kind="community")
    assert own["payee_id"].to_list() == ["a"] * 4 + ["b"] * 4
    assert own["line_id"].to_list() == ["per_head", "need", "performance", "not_earned"] * 2
    assert own["line_no"].to_list() == [1, 2, 3, 4] * 2
    assert frame["amount_fen"].sum() == 1000
