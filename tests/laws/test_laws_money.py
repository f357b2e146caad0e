"""Laws of what streams pay: nothing lost, nothing above its limits, sources sum on every line and in every column."""

from fractions import Fraction
from random import Random

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.closed import parse
from evaluations.allocation.engine import Allocation, allocate
from evaluations.allocation.exact import half_up
from evaluations.allocation.matching import Request, matched
from evaluations.allocation.projects import Application, instalments_of, selected
from evaluations.allocation.serving import passed_on
from evaluations.allocation.sources import Source, SourcesConflict, by_stream, cut_rows, shared_lines, shared_rows
from evaluations.allocation.standard import Band, coefficients, dues, regranted
from evaluations.allocation.workpoints import work_points

AMOUNT = st.integers(0, 10**9)
PART = st.integers(0, 1000).map(lambda number: Fraction(number, 1000))
BANDS = [Band(Fraction(90), Fraction(1)), Band(Fraction(60), Fraction("0.9")), Band(Fraction(0), Fraction("0.7"))]


@given(st.lists(st.tuples(AMOUNT, PART, st.one_of(st.none(), st.integers(0, 100))), min_size=1, max_size=9))
def test_earned_and_deducted_money_are_the_standard(payees: list[tuple[int, Fraction, int | None]]) -> None:
    """Law 17: earned ≤ potential, earned + unearned = stream."""
    people = [Fraction(number, 7) for number, _, _ in payees]
    factors = coefficients([None if score is None else Fraction(score) for _, _, score in payees], BANDS)
    due = dues(people, [Fraction(9900)] * len(payees), [share for _, share, _ in payees], factors)
    assert all(0 <= own <= full for own, full in zip(due.due, due.standard, strict=True))
    ids = [f"{at}" for at in range(len(payees))]
    again = regranted(due.deducted, people, [factor == 1 for factor in factors], ids)
    earners = any(factor == 1 and number for factor, number in zip(factors, people, strict=True))
    assert sum(due.due) + sum(again) == sum(due.standard) - (0 if earners else due.deducted)
    assert all(abs(own - n * 9900 * share * factor) <= Fraction(1, 2) for own, n, share, factor in
               zip(due.due, people, [share for _, share, _ in payees], factors, strict=True))  # fmt: skip


@given(st.lists(st.tuples(st.lists(st.integers(0, 50), min_size=3, max_size=3), PART), min_size=1, max_size=8), AMOUNT)
def test_work_points_spend_the_whole_budget_or_nothing(payees: list[tuple[list[int], Fraction]], pool: int) -> None:
    work = [[Fraction(count) for count in counts] for counts, _ in payees]
    ids = [f"{at}" for at in range(len(payees))]
    found = work_points(work, [Fraction(1), Fraction("2.5"), Fraction(4)], [part for _, part in payees], pool, ids)
    assert sum(found.paid) == (pool if any(found.corrected) else 0)
    assert sum(found.paid) + found.unspent == pool
    assert all(not paid for paid, corrected in zip(found.paid, found.corrected, strict=True) if not corrected)


APPLICATIONS = st.lists(
    st.tuples(st.integers(0, 100), st.integers(0, 8), st.integers(0, 10**6), st.booleans(), st.booleans()), max_size=14
)


@given(
    APPLICATIONS, st.integers(0, 10**7), st.sampled_from(["lottery", "panel"]), AMOUNT, st.none() | st.integers(0, 100)
)
def test_grants_stay_within_wish_and_fund(
    rows: list[tuple[int, int, int, bool, bool]], fund: int, grey_by: str, reserve: int, line: int | None
) -> None:
    """Law 24; and nobody clearly below the line is funded while somebody clearly above it goes empty-handed."""
    field = [
        Application(
            f"p{at:02d}", Fraction(score), Fraction(score - half), Fraction(score + half), wish, eligible, panel=True
        )
        for at, (score, half, wish, eligible, _) in enumerate(rows)
    ]
    reserved = {item.id for item, row in zip(field, rows, strict=True) if row[4]}
    found = selected(field, fund, grey_by=grey_by, seed="s", line=None if line is None else Fraction(line),  # type: ignore[arg-type]
                     reserved=reserved, reserve=reserve)  # fmt: skip
    assert sum(item.grant for item in found.decisions) + found.left == fund
    assert found.left >= 0
    wishes = {item.id: item for item in field}
    assert all(0 <= item.grant <= wishes[item.id].wish for item in found.decisions)
    assert all(not item.grant for item in found.decisions if not wishes[item.id].eligible)
    if found.left:
        short = [item for item in found.decisions if item.verdict in ("partly", "fund_empty", "not_drawn")]
        assert not short
        # Without a stated line no money stays while an eligible application goes without.
        assert line is not None or all(
            item.grant == wishes[item.id].wish for item in found.decisions if wishes[item.id].eligible
        )
    # Whoever is served for its score alone is served in the order of scores, list by list.
    for inside in (True, False):
        served = [item for item in found.decisions if item.zone == "above" and (item.id in reserved) == inside]
        served = sorted((item for item in served if item.place), key=lambda item: item.place or 0)
        by_place = [wishes[item.id].score for item in served]
        assert by_place == sorted(by_place, reverse=True)
    places = sorted(item.place for item in found.decisions if item.place is not None)
    assert places == list(range(1, len(places) + 1))
    again = selected(list(reversed(field)), fund, grey_by=grey_by, seed="s",  # type: ignore[arg-type]
                     line=None if line is None else Fraction(line), reserved=reserved, reserve=reserve)  # fmt: skip
    assert {item.id: item for item in again.decisions} == {item.id: item for item in found.decisions}


@given(st.lists(st.tuples(st.none() | AMOUNT, PART, st.none() | AMOUNT), max_size=9), AMOUNT)
def test_a_matching_grant_keeps_rate_cap_and_fund(
    rows: list[tuple[int | None, Fraction, int | None]], fund: int
) -> None:
    grants = matched([Request(base, rate, cap) for base, rate, cap in rows], fund)
    assert sum(grants) <= fund
    for grant, (base, rate, cap) in zip(grants, rows, strict=True):
        assert 0 <= grant <= (base or 0) * rate
        assert cap is None or grant <= cap


@given(AMOUNT, st.integers(0, 3), PART)
def test_instalments_sum_to_the_grant(grant: int, milestones: int, grade: Fraction) -> None:
    planned, paid = instalments_of(grant, [Fraction("0.4"), Fraction("0.4"), Fraction("0.2")], milestones, grade)
    assert sum(planned) == grant
    assert all(0 <= now <= whole for now, whole in zip(paid, planned, strict=True))
    running = [
        sum(planned[: part + 1]) - grant * share
        for part, share in enumerate((Fraction("0.4"), Fraction("0.8"), Fraction(1)))
    ]
    assert all(-1 < rest <= 0 for rest in running)


@given(st.lists(AMOUNT, min_size=1, max_size=25), st.data())
def test_sources_sum_on_every_row_and_in_every_column(rows: list[int], data: st.DataObject) -> None:
    edges = sorted(data.draw(st.lists(st.integers(0, sum(rows)), max_size=4)))
    sources = [later - earlier for earlier, later in zip([0, *edges], [*edges, sum(rows)], strict=True)]
    found = shared_rows(rows, sources)
    assert [sum(row) for row in found] == rows
    assert [sum(column) for column in zip(*found, strict=True)] == sources
    assert all(part >= 0 for row in found for part in row)
    # Near to proportional: what remains is followed, so that a row is off by less than one fen for each row before it.
    whole = sum(rows) or 1
    for at, (row, parts) in enumerate(zip(rows, found, strict=True)):
        assert all(
            abs(part - Fraction(row * source, whole)) <= at + 1 for part, source in zip(parts, sources, strict=True)
        )


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=8), st.data())
@example([-1, -1], None)
def test_sources_sum_on_every_line_also_where_lines_take_away(lines: list[int], data: st.DataObject | None) -> None:
    total, sign = abs(sum(lines)), 1 if sum(lines) >= 0 else -1
    # A payee may give back more than it gets: then every source gets something back.
    edges = [1, 2] if data is None else sorted(data.draw(st.lists(st.integers(0, total), min_size=2, max_size=2)))
    parts = [sign * edges[0], sign * (edges[1] - edges[0]), sign * (total - edges[1])]
    found = shared_lines(lines, parts, [3, 2, 1])
    assert [sum(row) for row in found] == lines
    assert [sum(column) for column in zip(*found, strict=True)] == parts
    assert all(part * line >= 0 for row, line in zip(found, lines, strict=True) for part in row)


@given(st.lists(AMOUNT, max_size=9), st.lists(PART, min_size=3, max_size=3), st.sampled_from([1, 100, 10_000]))
def test_cut_shares_leave_the_rest_to_one_source(rows: list[int], shares: list[Fraction], unit: int) -> None:
    shares = [share / 3 for share in shares]
    found = cut_rows(rows, [*shares, None], unit)
    for row, parts in zip(rows, found, strict=True):
        assert sum(parts) == row
        assert all(
            part % unit == 0 and 0 <= row * share - part < unit for part, share in zip(parts, shares, strict=False)
        )


STREAMS = ("a", "b", "c", "d")
NEED = st.dictionaries(st.sampled_from(STREAMS), st.integers(0, 60), min_size=1)
MARKS = st.none() | st.frozensets(st.sampled_from(STREAMS), min_size=1)


def _earmarked(need: dict[str, int], marks: list[frozenset[str] | None], edges: list[int]) -> list[Source]:
    bounds = zip([0, *sorted(edges)], [*sorted(edges), sum(need.values())], strict=True)
    return [
        Source(f"s{at}", high - low, mark) for at, ((low, high), mark) in enumerate(zip(bounds, marks, strict=True))
    ]


def _conflict(sources: list[Source], need: dict[str, int]) -> SourcesConflict | None:
    try:
        by_stream(sources, need)
    except SourcesConflict as no:
        return no
    return None


@given(NEED, st.lists(MARKS, min_size=1, max_size=5), st.data())
def test_earmarks_hold_or_the_conflict_is_a_true_bottleneck(
    need: dict[str, int], marks: list[frozenset[str] | None], data: st.DataObject
) -> None:
    cut = st.integers(0, sum(need.values()))
    sources = _earmarked(need, marks, data.draw(st.lists(cut, min_size=len(marks) - 1, max_size=len(marks) - 1)))
    no = _conflict(sources, need)
    if no is not None:
        inside = [source for source in sources if source.id in no.sources]
        assert no.held == sum(source.amount for source in inside)
        assert no.need == sum(need[stream] for stream in no.streams)
        assert no.idle
        assert no.short == no.held - no.need > 0
        # These sources may pay nothing but these streams: no division whatever can place their money.
        assert {stream for stream in need for source in inside if source.pays(stream)} == set(no.streams)
        return
    found = by_stream(sources, need)
    assert {stream: sum(parts.values()) for stream, parts in found.items()} == need
    for source in sources:
        given_away = {stream: parts[source.id] for stream, parts in found.items() if parts.get(source.id)}
        assert sum(given_away.values()) == source.amount
        assert all(source.pays(stream) for stream in given_away)
        assert all(part > 0 for part in given_away.values())


@given(st.dictionaries(st.sampled_from("xyz"), AMOUNT), st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_what_institutions_get_is_what_the_community_had(amounts: dict[str, int], weights: list[int]) -> None:
    shares = {name: {f"h{at}": Fraction(weight, sum(weights)) for at, weight in enumerate(weights)} for name in amounts}
    found = passed_on(amounts, shares)
    for name, amount in amounts.items():
        own = [part for (community, _), part in found.items() if community == name]
        assert sum(own) == amount
        assert all(abs(part - amount * Fraction(w, sum(weights))) < 1 for part, w in zip(own, weights, strict=True))


@given(st.fractions(max_denominator=100))
def test_half_up_is_the_nearest(value: Fraction) -> None:
    found = half_up(value)
    assert abs(found - value) <= Fraction(1, 2)
    if abs(found - value) == Fraction(1, 2):
        assert abs(found) > abs(value)


CENTRES = ["c1", "c2", "c3"]


def _with_awards(scores: list[int], budget: int, award: int, over_pool: str) -> Allocation:
    spec = {
        "id": "law",
        "titles": {"zh": "一", "en": "one"},
        "references": ["一"],
        "year": 2025,
        "unit": "yuan",
        "payees": {"table": "centres", "id": "id", "kind": "institution"},
        "budget": {"amount": budget + 10_000},
        "streams": [
            {"id": "base", "kind": "need", "amount": budget, "population": {"column": "people"}},
            {"id": "awards", "kind": "awards", "amount": 10_000, "over_pool": over_pool,
             "classes": [{"id": "first", "by": "rank", "score": {"column": "score"}, "amounts": [[2, award]]}]},
        ],
    }  # fmt: skip
    centres = pl.DataFrame({"id": CENTRES, "people": ["3", "2", "2"], "score": [f"{score}" for score in scores]})
    return allocate(parse(AllocationSpec, spec, "spec"), {"centres": centres})


def _among_two(scores: list[int]) -> list[str]:
    return [who for who, own in zip(CENTRES, scores, strict=True) if sum(other > own for other in scores) < 2]


@settings(max_examples=25)
@given(st.lists(st.integers(0, 3), min_size=3, max_size=3), st.integers(0, 10**6), st.integers(0, 9000))
def test_what_is_paid_once_never_enters_the_base_of_next_year(scores: list[int], budget: int, award: int) -> None:
    """Law 23: whoever wins whatever, the base is that of no award at all; and the best win."""
    bases = set()
    for own, money in ((scores, award), ([0, 0, 0], 0)):
        found = _with_awards(own, budget, money, "pro_rata")
        payees = found.tables["payees"].filter(payee_kind="institution")
        bases.add(tuple(payees["next_base_fen"]))
        won = payees["amount_fen"] - payees["next_base_fen"]
        assert won.sum() == min(10_000, money * len(winners := _among_two(own))) * 100
        # Those among the first two, who share a rank where scores are equal, and in equal parts where money is short.
        assert all(bool(own) == (who in winners) for who, own in zip(CENTRES, won, strict=True)) or not won.sum()
        assert max(won) - min(fen for fen, who in zip(won, CENTRES, strict=True) if who in winners) <= 1
    assert len(bases) == 1


def test_awards_beyond_their_pool_are_refused_by_name() -> None:
    found = _with_awards([3, 2, 1], 0, 9000, "refuse")
    assert found.conflict is not None
    assert (found.conflict.rules[0], found.conflict.short) == ("due:awards", 8_000 * 100)
    assert not found.tables


COUNT = st.integers(0, 5000)
CITY = st.lists(
    st.tuples(COUNT, st.none() | st.integers(0, 100), COUNT, COUNT, st.integers(0, 10)), min_size=1, max_size=6
)
SIZES = st.lists(st.integers(0, 10**6), min_size=4, max_size=4)
EARMARK = st.lists(st.sampled_from(["std", "fac", "match", "aw"]), unique=True, max_size=3)


def _city(rows: list[tuple[int, int | None, int, int, int]], order: list[int]) -> dict[str, pl.DataFrame]:
    ids = [f"c{at}" for at in range(len(rows))]
    columns = {
        "id": ids,
        "people": [str(row[0]) for row in rows],
        "score": ["" if row[1] is None else str(row[1]) for row in rows],
        "staff": [str(row[2] + 1) for row in rows],
        "error": [str(row[4] + 1) for row in rows],
    }
    requests = {"request": ids, "who": ids, "base": [str(row[3]) for row in rows],
                "capacity": [f"{row[4] / 10}" for row in rows]}  # fmt: skip
    return {
        "centres": pl.DataFrame(columns)[order],
        "requests": pl.DataFrame(requests)[list(reversed(order))],
    }


def _city_spec(sizes: list[int], earmark: list[str], share: int) -> AllocationSpec:
    sources = [
        {"id": "central", "kind": "central", "share": f"{share / 100}"},
        {"id": "donor", "kind": "donation", "amount": sum(sizes) // 7, "for": earmark},
        {"id": "county", "kind": "county", "residual": True},
    ]
    spec = {
        "id": "city",
        "titles": {"zh": "一", "en": "one"},
        "references": ["一"],
        "year": 2025,
        "unit": "yuan",
        "payees": {"table": "centres", "id": "id"},
        "budget": {"amount": sum(sizes)},
        "streams": [
            {"id": "std", "kind": "standard", "amount": sizes[0], "population": {"column": "people"}, "standard": 99,
             "funded": "0.37", "score": {"column": "score"}, "bands": [[80, 1], [0, "0.8"]], "over_pool": "pro_rata",
             "regrant": {"at_least": 80, "by": {"column": "people"}}},
            {"id": "fac", "kind": "factors", "amount": sizes[1],
             "factors": [{"id": "staff", "weight": "0.7", "sum": [{"column": "staff"}]},
                         {"id": "both", "weight": "0.3", "sum": [{"column": "staff", "times": "0.1"},
                                                                  {"column": "people"}]}]},
            {"id": "match", "kind": "matching", "amount": sizes[2], "base": "eligible_cost", "over_pool": "pro_rata",
             "rate": {}, "requests": {"table": "requests", "request": "request", "payee": "who", "base": "base",
                                      "capacity": "capacity"}},
            {"id": "aw", "kind": "awards", "amount": sizes[3], "over_pool": "pro_rata",
             "classes": [{"id": "sure", "by": "chance", "score": {"column": "score"}, "error": {"column": "error"},
                          "tiers": [{"id": "t", "standard": 60, "amount": 5000}]}]},
        ],
        "sources": sources,
    }  # fmt: skip
    return parse(AllocationSpec, spec, "spec")


@settings(max_examples=30)
@given(CITY, SIZES, EARMARK, st.integers(0, 90), st.randoms(use_true_random=False))
def test_no_fen_is_lost_and_no_order_of_rows_matters(
    rows: list[tuple[int, int | None, int, int, int]],
    sizes: list[int],
    earmark: list[str],
    share: int,
    random: Random,
) -> None:
    spec = _city_spec(sizes, earmark, share)
    order = list(range(len(rows)))
    found = allocate(spec, _city(rows, order))
    random.shuffle(order)
    again = allocate(spec, _city(rows, order))
    assert found.conflict == again.conflict
    if found.conflict is not None:
        assert found.conflict.rules[-1] == "sources"
        assert found.conflict.short > 0
        assert not found.tables
        return
    for name in ("lines", "payees", "streams", "sources"):
        assert found.tables[name].equals(again.tables[name])
    lines, sources = found.tables["lines"], found.tables["sources"]
    assert lines["amount_fen"].sum() == sum(sizes) * 100
    per_line = sources.group_by("payee_kind", "payee_id", "line_no").agg(pl.col("amount_fen").sum().alias("paid"))
    split = lines.join(per_line, on=["payee_kind", "payee_id", "line_no"], how="left")
    assert (split["paid"].fill_null(0) == split["amount_fen"]).all()
    given_away = dict(sources.group_by("source").agg(pl.col("amount_fen").sum()).iter_rows())
    assert given_away.get("donor", 0) == sum(sizes) // 7 * 100
    assert given_away.get("central", 0) == sum(sizes) * share
    donor = sources.filter(source="donor")
    assert not earmark or set(donor["stream"]) <= set(earmark)
    payees = lines.filter(pl.col("payee_kind") != "fund").group_by("payee_id", "stream").agg(pl.col("amount_fen").sum())
    assert payees["amount_fen"].min() is None or payees["amount_fen"].min() >= 0
