"""The gain-share simulator on the tables of a spec.

Put here: from costs, strata or people to the table of the simulation. Keep out: its arithmetic (gainshare), money that
is paid.
"""

from collections import defaultdict
from collections.abc import Mapping

import polars as pl

from data_contracts.allocation_spec.funding import CostTable, GainShare, PeopleTable, StrataTable
from evaluations.allocation import gainshare
from evaluations.allocation.lines import frame_of
from evaluations.allocation.records import columns_of, figures, repeated
from evaluations.allocation.snapshot import Rows, Snapshot

_PLACE = "gain_share"
Found = tuple[list[gainshare.Costs], Mapping[str, tuple[float, float]]]
"""Costs by payee, and intervals of savings where they were drawn."""


def gain_share_table(snapshot: Snapshot, words: GainShare) -> pl.DataFrame:
    """What the terms would share, per payee: an estimate, labelled as simulation in every row."""
    if words.costs is not None:
        costs, intervals = _given(snapshot, words.costs)
    elif words.strata is not None:
        costs, intervals = _standardised(snapshot, words.strata)
    elif words.people is not None:
        costs, intervals = _drawn(snapshot, words.people)
    terms = gainshare.Terms(
        float(words.minimum_rate), float(words.sharing_rate), float(words.most), float(words.loss_rate)
    )
    found = gainshare.simulated(costs, terms, words.expected_from, intervals)
    return frame_of(
        [
            (item.id, item.observed, item.expected, item.savings, item.lower, item.upper, item.sure, item.rate,
             item.shared, item.reason, words.expected_from, item.label)
            for item in found
        ],
        payee_id=pl.String, observed_fen=pl.Int64, expected_fen=pl.Int64, savings_fen=pl.Int64, lower_fen=pl.Int64,
        upper_fen=pl.Int64, sure=pl.Boolean, rate=pl.Float64, would_share_fen=pl.Int64, reason=pl.String,
        expected_from=pl.String, label=pl.String,
    )  # fmt: skip


def _fen(snapshot: Snapshot, rows: Rows, column: str) -> list[float]:
    return [float(item * snapshot.spec.fen_per_unit) for item in figures(rows, column)]


def _given(snapshot: Snapshot, words: CostTable) -> Found:
    rows = snapshot.rows(words.table, columns_of(words.model_dump()), f"{_PLACE}.costs")
    at = snapshot.places(rows, words.payee)
    rows.refuse(repeated(at), "allocate_id_again", words.payee)
    observed, expected, errors = (
        _fen(snapshot, rows, column) for column in (words.observed, words.expected, words.error)
    )
    rows.refuse([item <= 0 for item in expected], "allocate_not_positive", words.expected)
    found = zip(at, observed, expected, errors, strict=True)
    return [gainshare.Costs(snapshot.ids[own], *rest) for own, *rest in sorted(found)], {}


def _standardised(snapshot: Snapshot, words: StrataTable) -> Found:
    rows = snapshot.rows(words.table, columns_of(words.model_dump()), f"{_PLACE}.strata")
    at = snapshot.places(rows, words.payee)
    strata = rows.known(words.stratum, rows.words(words.stratum))
    rows.refuse(repeated(list(zip(at, strata, strict=True))), "allocate_row_again", words.payee,
                columns=f"{words.payee}, {words.stratum}")  # fmt: skip
    people = figures(rows, words.people)
    rows.refuse([count.denominator != 1 for count in people], "allocate_not_whole", words.people)
    reference = _fen(snapshot, rows, words.reference)
    rows.refuse([cost <= 0 for cost in reference], "allocate_not_positive", words.reference)
    known: dict[str, float] = {}
    rows.refuse([known.setdefault(name, cost) != cost for name, cost in zip(strata, reference, strict=True)],
                "allocate_differs_in_stratum", words.reference)  # fmt: skip
    observed = _fen(snapshot, rows, words.observed)
    # The unit enters a square twice.
    squares = [item * snapshot.spec.fen_per_unit for item in _fen(snapshot, rows, words.squares)]
    impossible = [
        (not count and cost > 0) or square * float(count) < cost**2 * (1 - 1e-9)
        for count, cost, square in zip(people, observed, squares, strict=True)
    ]
    rows.refuse(impossible, "allocate_squares", words.squares)
    total: dict[int, int] = defaultdict(int)
    for own, count in zip(at, people, strict=True):
        total[own] += int(count)
    rows.refuse([not total[own] for own in at], "allocate_not_positive", words.people)
    cells = [
        gainshare.Cell(snapshot.ids[own], name, int(count), cost, square)
        for own, name, count, cost, square in zip(at, strata, people, observed, squares, strict=True)
    ]
    return gainshare.standardised(cells, known), {}


def _drawn(snapshot: Snapshot, words: PeopleTable) -> Found:
    rows = snapshot.rows(words.table, columns_of(words.model_dump()), f"{_PLACE}.people")
    at = snapshot.places(rows, words.payee)
    observed, expected = (_fen(snapshot, rows, column) for column in (words.observed, words.expected))
    people: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for own, cost, due in zip(at, observed, expected, strict=True):
        people[snapshot.ids[own]][0].append(cost)
        people[snapshot.ids[own]][1].append(due)
    rows.refuse([not sum(people[snapshot.ids[own]][1]) for own in at], "allocate_not_positive", words.expected)
    costs = [gainshare.Costs(own, sum(people[own][0]), sum(people[own][1]), 0.0) for own in sorted(people)]
    return costs, gainshare.bootstrapped(people, words.seed, words.draws)
