"""Purchases, entitlements, matching, projects and their reviewers, awards: caps kept, decisions that can be redrawn."""

from decimal import Decimal
from fractions import Fraction
from hashlib import sha256

import pytest

from evaluations.allocation.awards import (
    Measured,
    Tier,
    by_chance,
    by_grade,
    by_rank,
    posterior_of,
    prior_of,
    ranks,
)
from evaluations.allocation.entitlements import Claim, totals
from evaluations.allocation.matching import Request, matched, rate_by_capacity, wished
from evaluations.allocation.projects import Application, NoPanelDecision, instalments_of, selected
from evaluations.allocation.purchases import Contract, bought
from evaluations.allocation.reviewers import NotConnected, Review, icc_2k, krippendorff, levelled


def test_volume_times_price_up_to_the_cap() -> None:
    found = bought(Contract(Fraction(120), Fraction(2550), 250_000, claimed=Fraction(130)))
    assert (found.worth, found.over_cap, found.due, found.refused) == (306_000, 56_000, 250_000, 25_500)
    assert bought(Contract(Fraction("0.5"), Fraction(333))).due == 166


@pytest.mark.parametrize(
    "contract",
    [
        Contract(Fraction(-1), Fraction(1)),
        Contract(Fraction(2), Fraction(1), claimed=Fraction(1)),
        Contract(Fraction(1), Fraction(-1)),
    ],
)
def test_no_more_is_verified_than_was_claimed(contract: Contract) -> None:
    with pytest.raises(ValueError, match="claimed"):
        bought(contract)


def test_caps_per_person_and_family_count_what_the_year_already_paid() -> None:
    claims = [
        Claim("town", "p1", "f1", Fraction(10), Fraction(100), paid_before=300),
        Claim("town", "p1", "f1", Fraction(5), Fraction(100)),
        Claim("town", "p2", "f1", Fraction(9), Fraction(100)),
        Claim("village", "p3", "f2", Fraction(2), Fraction(100)),
    ]
    found = totals(claims, per_person=1200, per_family=1800)
    # p1: 1200 − 300 leaves 900 of 1000, nothing for its second claim; family: 1800 − 300 − 900 leaves 600 of 900.
    assert found["town"].due == 900 + 600
    assert (found["town"].worth, found["town"].capped) == (2400, 900)
    assert (found["town"].persons, found["town"].families) == (2, 1)
    assert (found["village"].due, found["village"].capped) == (200, 0)


def test_a_person_in_two_families_is_refused() -> None:
    with pytest.raises(ValueError, match="two families"):
        totals([Claim("a", "p", "f1", Fraction(1), Fraction(1)), Claim("a", "p", "f2", Fraction(1), Fraction(1))])


def test_matching_by_fiscal_capacity() -> None:
    rate = rate_by_capacity(Fraction("0.6"), Fraction("0.3"), Fraction("0.5"))
    assert rate == Fraction("0.38")
    assert wished(Request(100_000_000, rate)) == 38_000_000
    assert wished(Request(100_000_000, rate, cap=35_000_000)) == 35_000_000
    assert rate_by_capacity(Fraction(1), Fraction("0.3"), Fraction("0.5")) == Fraction("0.3")
    assert rate_by_capacity(Fraction(0), Fraction("0.3"), Fraction("0.5")) == Fraction("0.5")


def test_matching_ends_where_the_fund_does_and_nothing_uncertified_is_matched() -> None:
    requests = [
        Request(100, Fraction("0.5")),
        Request(None, Fraction("0.5")),
        Request(101, Fraction("0.5")),
        Request(9, Fraction(1)),
    ]
    assert matched(requests, 90) == [50, 0, 40, 0]


def _application(name: str, score: int, half: int = 2, wish: int = 100, **more: object) -> Application:
    return Application(name, Fraction(score), Fraction(score - half), Fraction(score + half), wish, **more)  # type: ignore[arg-type]


FIELD = [_application("a", 95), _application("b", 90), _application("c", 84), _application("d", 83),
         _application("e", 82), _application("f", 70), _application("g", 99, eligible=False)]  # fmt: skip


def test_clearly_above_is_funded_clearly_below_is_not_and_the_grey_zone_is_drawn() -> None:
    found = selected(FIELD, 350, grey_by="lottery", seed="2025-03-01")
    assert found.lines["all"] == 83
    verdicts = {decision.id: decision.verdict for decision in found.decisions}
    assert (verdicts["a"], verdicts["b"], verdicts["f"], verdicts["g"]) == (
        "funded", "funded", "below_line", "not_eligible",
    )  # fmt: skip
    drawn = sorted("cde", key=lambda name: sha256(f"2025-03-01|{name}".encode()).hexdigest())
    by_id = {decision.id: decision for decision in found.decisions}
    assert [by_id[name].verdict for name in drawn] == ["funded", "partly", "not_drawn"]
    assert [by_id[name].grant for name in drawn] == [100, 50, 0]
    assert sum(decision.grant for decision in found.decisions) + found.left == 350


def test_another_seed_draws_another_order() -> None:
    seeds = {
        tuple(d.id for d in selected(FIELD, 350, grey_by="lottery", seed=f"s{at}").decisions if d.grant == 100)
        for at in range(30)
    }
    assert len(seeds) == 3


def test_a_panel_decides_the_grey_zone_or_is_asked_to() -> None:
    decided = [_application("a", 95), _application("c", 84, panel=False), _application("d", 83, panel=True)]
    found = selected(decided, 200, grey_by="panel", line=Fraction(84))
    assert [(x.id, x.verdict) for x in found.decisions] == [("a", "funded"), ("c", "panel_refused"), ("d", "funded")]
    with pytest.raises(NoPanelDecision) as no:
        selected(FIELD, 350, grey_by="panel")
    assert no.value.projects == ("c", "d", "e")


def test_where_the_fund_carries_everybody_there_is_no_line() -> None:
    found = selected(FIELD, 600, grey_by="panel")
    assert found.lines == {"all": None}
    assert [decision.grant for decision in found.decisions] == [100] * 6 + [0]


def test_the_reserve_list_is_served_first() -> None:
    found = selected(FIELD, 350, grey_by="lottery", seed="x", reserved={"e", "f"}, reserve=150)
    verdicts = {decision.id: decision for decision in found.decisions}
    # 150 are reached with f only, which is served although it is far below everybody else.
    assert found.lines["reserve"] == 70
    assert (verdicts["e"].place, verdicts["f"].place) == (1, 2)
    assert [verdicts[name].verdict for name in "ab"] == ["funded", "partly"]


def test_a_reserved_list_stops_where_its_part_is_spent() -> None:
    found = selected(FIELD, 300, grey_by="lottery", seed="x", reserved={"c", "d", "e"}, reserve=100)
    places = {decision.id: decision.place for decision in found.decisions}
    assert sorted(name for name in "cde" if places[name] == 1) == [
        min("cde", key=lambda name: sha256(f"x|{name}".encode()).hexdigest())
    ]
    assert (places["a"], places["b"]) == (2, 3)


def test_an_interval_that_touches_the_line_is_grey() -> None:
    field = [_application("a", 86), _application("b", 84), _application("c", 82)]
    found = selected(field, 300, grey_by="lottery", seed="x", line=Fraction(84))
    assert {decision.id: decision.zone for decision in found.decisions} == {"a": "grey", "b": "grey", "c": "grey"}
    found = selected(
        [_application("a", 87), _application("c", 81)], 300, grey_by="lottery", seed="x", line=Fraction(84)
    )
    assert [decision.zone for decision in found.decisions] == ["above", "below"]


def test_a_reserve_that_the_first_of_its_list_reaches_serves_nobody_clearly_below_it() -> None:
    found = selected(FIELD, 350, grey_by="lottery", seed="x", reserved={"e", "f"}, reserve=90)
    verdicts = {decision.id: decision for decision in found.decisions}
    assert found.lines["reserve"] == 82
    assert verdicts["e"].place == 1
    assert verdicts["f"].verdict == "below_line"


def test_instalments_by_milestone_and_grade() -> None:
    shares = [Fraction("0.4"), Fraction("0.4"), Fraction("0.2")]
    assert instalments_of(1001, shares) == ([400, 400, 201], [400, 400, 201])
    assert instalments_of(1001, shares, milestones=1) == ([400, 400, 201], [400, 0, 0])
    assert instalments_of(1001, shares, grade=Fraction("0.5")) == ([400, 400, 201], [400, 400, 100])


REVIEWS = [("A", "R1", 90), ("B", "R1", 85), ("B", "R2", 70), ("C", "R2", 78), ("C", "R3", 82), ("A", "R3", 80)]


def test_levelling_severe_and_mild_reviewers_changes_the_winner() -> None:
    found = levelled([Review(project, reviewer, Fraction(score)) for project, reviewer, score in REVIEWS])
    assert {name: f"{float(score):.2f}" for name, score in found.adjusted.items()} == {
        "A": "81.83", "B": "76.50", "C": "84.17",
    }  # fmt: skip
    assert sum(found.severity.values()) == 0


def test_projects_without_a_common_chain_of_reviewers_are_named() -> None:
    reviews = [*REVIEWS, ("D", "R9", 88), ("E", "R9", 60)]
    with pytest.raises(NotConnected) as no:
        levelled([Review(project, reviewer, Fraction(score)) for project, reviewer, score in reviews])
    assert no.value.projects == ("D", "E")


def test_agreement_of_four_judges_of_six_targets() -> None:
    """The table of Shrout and Fleiss (1979): ICC(2,4) = 0.62."""
    rows = [(9, 2, 5, 8), (6, 1, 3, 2), (8, 4, 6, 8), (7, 1, 2, 6), (10, 5, 6, 9), (6, 2, 4, 7)]
    found = icc_2k([[Fraction(score) for score in row] for row in rows])
    assert found is not None
    assert f"{float(found):.2f}" == "0.62"
    assert icc_2k([[Fraction(1), Fraction(2)]]) is None


def test_agreement_with_gaps() -> None:
    """The textbook example of three coders and fifteen units: interval α = 0.811."""
    coders = ["*****34121133*3", "*2133434" + "*" * 7, "**21344*211334"]
    coders[1], coders[2] = "1*213343" + "*" * 7, "**21344*2113" + "3*4"
    reviews = [
        Review(f"u{unit:02d}", f"c{coder}", Fraction(int(score)))
        for coder, scores in enumerate(coders)
        for unit, score in enumerate(scores)
        if score != "*"
    ]
    found = krippendorff(reviews)
    assert found is not None
    assert f"{float(found):.3f}" == "0.811"


def test_awards_need_to_be_sure_not_only_high() -> None:
    tiers = [Tier("gold", Decimal(90), 50_000_000), Tier("bronze", Decimal(80), 20_000_000)]
    figures = [
        Measured("sure", Decimal(92), Decimal("0.5")),
        Measured("lucky", Decimal(88), Decimal(12)),
        Measured("fair", Decimal(84), Decimal("1.5")),
        Measured("low", Decimal(70), Decimal(1)),
        Measured("none", None, Decimal(1)),
    ]
    found = {award.id: award for award in by_chance(figures, tiers, Decimal("0.8"))}
    assert {name: award.tier for name, award in found.items()} == {
        "sure": "gold", "lucky": None, "fair": "bronze", "low": None, "none": None,
    }  # fmt: skip
    assert found["sure"].amount == 50_000_000
    assert found["lucky"].chance is not None
    assert found["lucky"].chance < Decimal("0.8")
    assert found["none"].chance is None


def test_posterior_is_the_normal_one() -> None:
    """Two figures with equal errors: weights by hand."""
    figures = [Measured("a", Decimal(10), Decimal(2)), Measured("b", Decimal(20), Decimal(2))]
    prior = prior_of(figures)
    assert prior is not None
    # Q = 2·25/4 = 12.5, (Q − 1)/(0.5 − 0.25) = 46; ρ = 46/50; mean variance 25.
    assert (prior.mean, prior.between, prior.mean_variance) == (15, 46, 25)
    own = posterior_of(figures[1], prior)
    assert own is not None
    assert own.mean == Decimal("19.6")
    assert abs(own.deviation**2 - (Decimal("0.92") * 4 + Decimal("0.0064") * 25)) < Decimal("1e-20")
    assert own.chance(own.mean) == Decimal("0.5")
    assert own.chance(own.mean - own.deviation) == Decimal("0.841345")


def test_an_error_of_nothing_leaves_the_score() -> None:
    won = by_chance(
        [Measured("a", Decimal(80), Decimal(0)), Measured("b", Decimal("79.99"), Decimal(0))],
        [Tier("t", Decimal(80), 5)],
        Decimal("0.8"),
    )
    assert [award.amount for award in won] == [5, 0]


def test_places_go_to_the_surest() -> None:
    figures = [Measured(name, Decimal(score), Decimal(1)) for name, score in (("a", 91), ("b", 95), ("c", 97))]
    won = by_chance(figures, [Tier("t", Decimal(85), 5)], Decimal("0.8"), places=2)
    assert [award.amount for award in won] == [0, 5, 5]
    assert [(award.tier, award.no_place) for award in won] == [("t", True), ("t", False), ("t", False)]


def test_township_awards_by_rank_share_a_rank_and_by_grade() -> None:
    places = ranks([Decimal(90), Decimal(95), Decimal(90), None, Decimal(80)])
    assert places == [2, 1, 2, None, 4]
    assert by_rank(places, [(1, 30), (3, 10)]) == [10, 30, 10, 0, 0]
    assert by_grade(["优", "良", None], {"优": 7}) == [7, 0, 0]
