"""Laws of sources that do not fit what they pay: sets in conflict are irreducible, each way out is the nearest.

Oracle: Hall's condition, subset by subset, and every amount that a source could have.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from evaluations.allocation.source_conflict import RuleOfSources, SourcesProblem, in_conflict, ways_out
from evaluations.allocation.sources import Source

STREAMS = ("a", "b", "c")
EARMARK = st.none() | st.frozensets(st.sampled_from(STREAMS), min_size=1)


@st.composite
def paid_by(draw: st.DrawFn) -> SourcesProblem:
    need = {stream: draw(st.integers(0, 12)) for stream in STREAMS}
    sources = [Source(f"s{at}", draw(st.integers(0, 14)), draw(EARMARK)) for at in range(draw(st.integers(1, 4)))]
    residual = draw(st.none() | st.builds(Source, st.just("rest"), st.just(0), EARMARK))
    return SourcesProblem(sources, need, residual)


def fits(own: SourcesProblem, sources: Sequence[Source], gives: set[str], limits: set[str], streams: set[str],
         full: set[str]) -> bool:  # fmt: skip
    """By Hall's condition over all subsets: `gives` must be placed, `streams` take no more than they need.

    `full` must be paid, sources outside `limits` may give more than is stated.
    """
    for size in range(1, len(sources) + 1):
        for some in combinations([each for each in sources if each.id in gives], size):
            taken = {stream for stream in own.need if any(each.pays(stream) for each in some)}
            if taken <= streams and sum(each.amount for each in some) > sum(own.need[stream] for stream in taken):
                return False
    for size in range(1, len(own.need) + 1):
        for these in combinations(sorted(full), size):
            payers = [each for each in sources if any(each.pays(stream) for stream in these)]
            rest = own.residual is not None and any(own.residual.pays(stream) for stream in these)
            limited = all(each.id in limits for each in payers) and not rest
            if limited and sum(each.amount for each in payers) < sum(own.need[stream] for stream in these):
                return False
    return True


def all_fits(own: SourcesProblem, sources: Sequence[Source]) -> bool:
    ids = {each.id for each in sources}
    return fits(own, sources, ids, ids, set(STREAMS), set(STREAMS))


@settings(max_examples=100)
@given(paid_by())
def test_sources_in_conflict_are_irreducible_and_each_way_out_is_the_nearest(own: SourcesProblem) -> None:
    rules = in_conflict(own)
    assert bool(rules) != all_fits(own, own.sources)

    def holds(kept: Sequence[RuleOfSources]) -> bool:
        def of(kind: str) -> set[str]:
            subjects = [STREAMS if rule.subject is None else [rule.subject] for rule in kept if rule.kind == kind]
            return {name for own in subjects for name in own}

        return fits(own, own.sources, of("source_gives"), of("source_limit"), of("streams_take"), of("streams_need"))

    if rules:
        assert not holds(rules)
        assert all(holds([rule for rule in rules if rule != left]) for left in rules)
    for way in ways_out(own):
        if way.widened:
            wide = [replace(each, streams=None) if each.id == way.source else each for each in own.sources]
            assert (way.after is not None) == all_fits(own, wide)
            continue
        good = [
            amount for amount in range(own.total + 1)
            if all_fits(own, [replace(each, amount=amount) if each.id == way.source else each for each in own.sources])
        ]  # fmt: skip
        nearest = min(good, key=lambda amount: abs(amount - way.before), default=None)
        assert way.after == nearest


def test_sources_above_the_whole_name_only_those_that_are_and_lower_only_what_can_give_way() -> None:
    """Nine tenths and two tenths of 10,000,000; an insurer with 250,000 and a donor with 30,000 cannot make room."""
    own = SourcesProblem(
        [
            Source("central", 9_000_000),
            Source("province", 2_000_000),
            Source("insurer", 250_000),
            Source("donor", 30_000),
        ],
        {"need": 8_000_000, "paid": 2_000_000},
        Source("county", 0),
    )
    assert [(rule.kind, rule.subject) for rule in in_conflict(own)] == [
        ("source_gives", "central"), ("source_gives", "province"), ("streams_take", None),
    ]  # fmt: skip
    ways = {way.source: way.after for way in ways_out(own)}
    assert ways == {"central": 7_720_000, "province": 720_000, "insurer": None, "donor": None}
