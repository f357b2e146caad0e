"""Who pays, whom money passes through, what an insurer would share: to the fen, and refused by name."""

from fractions import Fraction

import numpy as np
import polars as pl
import pytest

from data_contracts.closed import DefinitionError
from data_contracts.national_funding import national_funding
from evaluations.allocation.funding import split_by_stream
from evaluations.allocation.gainshare import (
    BeforeAfter,
    Cell,
    Costs,
    Terms,
    bootstrapped,
    simulated,
    standardised,
)
from evaluations.allocation.problem import Infeasible
from evaluations.allocation.serving import MapFault, Serves, passed_on, served_by
from evaluations.allocation.sources import (
    SharedBase,
    Source,
    SourcesConflict,
    amounts_of,
    by_stream,
    cut_rows,
    shared_lines,
    shared_rows,
)
from tests.unit.evaluations.allocation_world import need, run

JULY = "2025-07-01"


def test_the_batch_of_a_district_with_the_city_cut_and_the_district_taking_the_rest() -> None:
    """834.66 (万元): central 60 %, province 8 %, city 12.8 %, printed to a whole yuan; the district takes the rest."""
    found = cut_rows([834_660_000], [Fraction("0.60"), Fraction("0.08"), Fraction("0.128"), None], unit=100)
    assert found == [[500_796_000, 66_772_800, 106_836_400, 160_254_800]]
    assert 65 * 927_400 * 100 == 6_028_100_000
    assert 9 * 927_400 * 100 == 834_660_000


def test_shares_and_amounts_make_up_the_total() -> None:
    shares = {"central": Fraction("0.6"), "province": Fraction("0.2"), "county": Fraction("0.2")}
    found = amounts_of(101, {}, [SharedBase(101, shares)], None, list(shares))
    assert found == {"central": 61, "province": 20, "county": 20}
    given = [SharedBase(1000, {"central": Fraction("0.6")})]
    found = amounts_of(1000, {"donor": 333}, given, "county", ["central", "county", "donor"])
    assert found == {"central": 600, "county": 67, "donor": 333}
    with pytest.raises(SourcesConflict) as no:
        amounts_of(1000, {"donor": 300, "fee": 600}, [], None, ["donor", "fee"])
    assert (no.value.held, no.value.need, no.value.short, no.value.idle) == (900, 1000, 100, False)


def test_shares_of_different_streams_make_up_their_own_money_to_the_fen() -> None:
    thirds = {name: Fraction(1, 3) for name in "abc"}
    halves = {name: Fraction(1, 2) for name in "xy"}
    found = amounts_of(201, {}, [SharedBase(100, thirds), SharedBase(101, halves)], None, list("abcxy"))
    assert found == {"a": 34, "b": 33, "c": 33, "x": 51, "y": 50}
    # 0.6 of all and 0.4 of each of two streams: together everything, though no part of it is whole.
    shares = [SharedBase(201, {"m": Fraction("0.6")}), SharedBase(100, {"n": Fraction("0.4")}),
              SharedBase(101, {"o": Fraction("0.4")})]  # fmt: skip
    assert amounts_of(201, {}, shares, None, list("mno")) == {"m": 121, "n": 40, "o": 40}


def test_earmarks_are_kept_and_general_money_fills_the_rest() -> None:
    sources = [
        Source("general", 60),
        Source("insurer", 30, frozenset({"clinic"})),
        Source("donor", 10, frozenset({"a"})),
    ]
    found = by_stream(sources, {"a": 40, "clinic": 60})
    assert found == {"a": {"general": 30, "donor": 10}, "clinic": {"general": 30, "insurer": 30}}


def test_earmarks_that_only_fit_in_one_way_are_found() -> None:
    sources = [Source("x", 10, frozenset({"one", "two"})), Source("y", 10, frozenset({"two", "three"}))]
    found = by_stream(sources, {"one": 5, "two": 10, "three": 5})
    assert found == {"one": {"x": 5}, "two": {"x": 5, "y": 5}, "three": {"y": 5}}


def test_money_that_may_not_be_spent_is_named_with_how_much() -> None:
    sources = [Source("donor", 50, frozenset({"a"})), Source("general", 50)]
    with pytest.raises(SourcesConflict) as no:
        by_stream(sources, {"a": 30, "b": 70})
    found = no.value
    assert (found.sources, found.streams, found.held, found.need, found.short, found.idle) == (
        ("donor",), ("a",), 50, 30, 20, True,
    )  # fmt: skip


def test_a_stream_that_nobody_may_pay_is_named() -> None:
    with pytest.raises(SourcesConflict) as no:
        by_stream([Source("donor", 50, frozenset({"a"}))], {"a": 50, "b": 5})
    assert (no.value.sources, no.value.streams, no.value.short, no.value.idle) == ((), ("b",), 5, False)


def test_lines_with_deductions_are_split_without_turning_a_sign() -> None:
    found = shared_lines([100, -7, 8], [60, 41], [1, 1])
    assert [sum(row) for row in found] == [100, -7, 8]
    assert [sum(column) for column in zip(*found, strict=True)] == [60, 41]
    found = shared_lines([7, -7], [0, 0], [2, 1])
    assert found == [[5, 2], [-5, -2]]


def test_a_stream_without_money_needs_nobody_who_may_pay_it() -> None:
    """All that there is may only go to need money; two streams of nothing beside it have lines of nothing."""
    empty = [{"id": "z", "kind": "fund", "share": 0, "fund": "z"},
             {"id": "f", "kind": "factors", "share": 0,
              "factors": [{"id": "one", "weight": 1, "sum": [{"column": "people"}]}]}]  # fmt: skip
    source = {"id": "county", "kind": "county", "share": 1, "for": ["need"]}
    found = run([*empty, need(share=None, rest=True)], sources=[source])
    assert found.tables["sources"]["amount_fen"].sum() == found.tables["lines"]["amount_fen"].sum() == 900_000_000
    assert set(found.tables["sources"]["stream"]) == {"need"}


@pytest.mark.parametrize(("amounts", "moved"), [([0, 0], None), ([5, -5], 5), ([-3, 4], 4)])
def test_money_that_moves_within_a_stream_that_nobody_may_pay_is_refused_by_name(
    amounts: list[int], moved: int | None
) -> None:
    rows = [("community", own, "f", amount) for own, amount in zip("AB", amounts, strict=True)]
    lines = pl.DataFrame(rows, schema=["payee_kind", "payee_id", "stream", "amount_fen"], orient="row")
    if moved is None:
        assert split_by_stream({"f": {}}, ["county"], lines).tolist() == [[0], [0]]
        return
    with pytest.raises(Infeasible) as no:
        split_by_stream({"f": {}}, ["county"], lines)
    assert (no.value.conflict.rules, no.value.conflict.subject, no.value.conflict.short) == (("sources",), "f", moved)


def test_rows_and_sources_must_agree() -> None:
    with pytest.raises(ValueError, match="sum to the same"):
        shared_rows([5], [4])


MAP = [
    Serves("H1", "C1", Fraction("0.6"), None, "2025-06-30"),
    Serves("H2", "C1", Fraction("0.4"), None, None),
    Serves("H3", "C1", Fraction("0.6"), JULY, None),
    Serves("H1", "C2", Fraction(1)),
]


def test_money_goes_to_the_institutions_of_the_day() -> None:
    before = served_by(MAP, "2025-06-30", ["C1", "C2"])
    assert passed_on({"C1": 101, "C2": 7}, before) == {("C1", "H1"): 61, ("C1", "H2"): 40, ("C2", "H1"): 7}
    after = served_by(MAP, JULY, ["C1"])
    assert passed_on({"C1": 101}, after) == {("C1", "H2"): 40, ("C1", "H3"): 61}


def test_a_map_that_does_not_serve_everybody_once_is_refused_by_name() -> None:
    with pytest.raises(MapFault) as no:
        served_by(MAP[:2], JULY, ["C1"])
    assert (no.value.community, no.value.total) == ("C1", Fraction("0.4"))
    with pytest.raises(MapFault) as no:
        served_by([*MAP, Serves("H2", "C2", Fraction(1))], JULY, ["C2"])
    assert no.value.total == 2
    with pytest.raises(MapFault) as no:
        served_by([*MAP, Serves("H1", "C2", Fraction(0))], JULY, ["C2"])
    assert no.value.twice == "H1"
    with pytest.raises(MapFault):
        served_by(MAP, JULY, ["C9"])


TERMS = Terms(minimum_rate=0.02, sharing_rate=0.5, cap=0.1)


def test_savings_are_shared_above_the_minimum_rate_and_up_to_the_cap() -> None:
    costs = [
        Costs("a", 950, 1000, 10),
        Costs("b", 985, 1000, 10),
        Costs("c", 600, 1000, 10),
        Costs("d", 1100, 1000, 80),
    ]
    found = {item.id: item for item in simulated(costs, TERMS, "risk_model")}
    assert {name: (item.shared, item.reason) for name, item in found.items()} == {
        "a": (25, "shared"), "b": (0, "below_minimum_rate"), "c": (100, "shared"), "d": (0, "loss_not_shared"),
    }  # fmt: skip
    assert (found["a"].lower, found["a"].upper, found["a"].sure) == (30, 70, True)
    assert not found["d"].sure
    both = simulated(costs, Terms(0.02, 0.5, 0.1, loss_rate=0.3), "comparison_group")
    assert (both[3].shared, both[3].reason) == (-30, "borne")


@pytest.mark.parametrize("given", ["previous_year", "before_after", ""])
def test_a_before_after_figure_is_refused(given: str) -> None:
    with pytest.raises(BeforeAfter):
        simulated([Costs("a", 1, 2, 0)], TERMS, given)


def test_expected_cost_by_indirect_standardisation() -> None:
    cells = [Cell("a", "old", 2, 300, 50_000), Cell("a", "young", 1, 40, 1600), Cell("b", "young", 3, 90, 2700)]
    found = standardised(cells, {"old": 200.0, "young": 50.0})
    assert [(item.id, item.observed, item.expected) for item in found] == [("a", 340, 450), ("b", 90, 150)]
    # (100, 200): sample variance 5000, of the sum of two 10,000; everybody of b cost the same.
    assert (found[0].error, found[1].error) == (100, 0)
    with pytest.raises(ValueError, match="stratum"):
        standardised(cells, {"old": 1.0})


def test_the_bootstrap_is_seeded_and_covers_what_the_delta_method_does() -> None:
    rng = np.random.default_rng(5)
    observed, expected = rng.gamma(2, 500, 400), np.full(400, 1050.0)
    found = bootstrapped({"a": (observed, expected)}, seed=3, draws=2000)
    assert found == bootstrapped({"a": (observed, expected)}, seed=3, draws=2000)
    savings, error = float((expected - observed).sum()), float((expected - observed).std(ddof=1) * 20)
    lower, upper = found["a"]
    assert abs(lower - (savings - 1.96 * error)) < 0.15 * error
    assert abs(upper - (savings + 1.96 * error)) < 0.15 * error


def test_the_register_of_national_funding() -> None:
    register = national_funding()
    assert register.standard(2025).yuan == 99
    assert [register.standard(year).yuan for year in (2020, 2024)] == [74, 94]
    shares = {
        "湖南省": "0.6",
        "430111": "0.6",
        "深圳市": "0.3",
        "4403": "0.3",
        "440106": "0.3",
        "广西壮族自治区": "0.8",
    }
    assert {region: f"{register.central_share(region, 2025).normalize()}" for region in shares} == shares
    assert sum(len(tier.regions) for tier in register.central_shares[0].tiers) == 36
    with pytest.raises(DefinitionError, match="2026"):
        register.standard(2026)
    with pytest.raises(DefinitionError, match="central shares"):
        register.central_share("北京", 2018)
    with pytest.raises(DefinitionError, match="湖南"):
        register.central_share("湖南州省", 2025)
