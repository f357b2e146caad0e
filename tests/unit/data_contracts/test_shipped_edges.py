"""Row rules of the shipped contracts at their edges, from delivered text: rule_edges.yaml says by hand which cells
break exactly one rule and which just hold."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.intake.rules import evaluate
from assets.intake.typed import type_columns
from data_contracts.closed import read_yaml
from tests.unit.data_contracts.test_shipped_rules import EDGES as EDGES_OF_TYPED_CELLS

START, END = date(2025, 10, 1), date(2025, 12, 31)
EDGES = read_yaml(Path(__file__).with_name("rule_edges.yaml"), only_text=True)


def judged(contract, rows, yes_no):
    """For each row of texts the ids of the rules it breaks; every cell must be readable."""
    texts = pl.DataFrame(rows).with_columns(pl.lit(1).alias("record_no"), pl.lit(1).alias("line_no"))
    typed = type_columns(texts, contract, yes_no)
    # An unreadable cell is null, and a rule that is silent for that reason would look as if it held.
    unread = [rule for rule, where in typed.violations.items() if rule.startswith(("type_", "code_")) and where.any()]
    assert unread == []
    frame = typed.frame.with_columns(period_start=pl.lit(START), period_end=pl.lit(END))
    outcome = pl.DataFrame(list(evaluate(frame, contract.rules).values()))
    return [[rule for rule, holds in row.items() if holds is False] for row in outcome.rows(named=True)]


def cases(feed):
    for rule, sides in EDGES[feed].items():
        for side in sides:
            for change in sides[side]:
                yield rule, change, [rule] if side == "breaks" else []


@pytest.mark.parametrize("feed", sorted(EDGES))
def test_a_fault_breaks_exactly_its_rule_and_the_last_sound_cell_none(catalog, feed):
    contract = catalog.feed(feed)
    sound = {column.name: column.examples[0] for column in contract.columns}
    stated = list(cases(feed))
    for _, change, _ in stated:
        assert set(change) <= set(sound), change
    found = judged(contract, [sound | change for _, change, _ in stated], catalog.code_lists["yes_no"])
    assert [(rule, change, broken) for (rule, change, _), broken in zip(stated, found, strict=True)] == stated


def test_every_shipped_rule_has_a_fault_that_breaks_it(catalog):
    shipped = {(contract.key, rule.id) for contract in catalog.current() for rule in contract.rules}
    typed = {(feed, rule) for feed, rule, _, holds in EDGES_OF_TYPED_CELLS if not holds}
    texts = {(feed, rule) for feed, rules in EDGES.items() for rule, sides in rules.items() if sides.get("breaks")}
    assert shipped == typed | texts
