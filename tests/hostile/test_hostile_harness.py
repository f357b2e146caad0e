"""The judge itself: every way in which a verdict can be wrong is found."""

import pytest

from tests.hostile.harness import Case, Fate, bad, ok, other, refused, safe, unread
from tests.hostile.records import id18, table, visit, visits

GOOD = visits(2)
ODD = visit(3, sbp="999")
DATA = table([*GOOD, ODD]).encode() + b"V4,x\n\n"
RIGHT: list[Fate] = [*map(ok, GOOD), bad("sbp_range"), unread("record_shape"), other()]


def test_the_right_verdict_stands(verdict):
    verdict(Case("right", DATA, RIGHT))


def test_either_of_two_right_verdicts_stands(verdict):
    verdict(Case("safe", DATA, [*(safe(record) for record in GOOD), safe(ODD), *RIGHT[3:]]))


WRONG = {
    "a value though safe": [safe(visit(1, {"fee": 106})), *RIGHT[1:]],
    "a value": [ok(visit(1, {"fee": 106})), *RIGHT[1:]],
    "a person": [ok(visit(1, {"idno": id18(9)})), *RIGHT[1:]],
    "a lost record": RIGHT[:-1],
    "a record too many": [*RIGHT, bad()],
    "accepted though bad": [*RIGHT[:2], ok(ODD), *RIGHT[3:]],
    "refused though sound": [refused(), *RIGHT[1:]],
    "another rule": [*RIGHT[:2], bad("dbp_range"), *RIGHT[3:]],
    "unreadable for quarantined": [*RIGHT[:2], unread(), *RIGHT[3:]],
    "quarantined for unreadable": [*RIGHT[:3], bad(), RIGHT[4]],
    "order": [RIGHT[1], RIGHT[0], *RIGHT[2:]],
    "no record for a blank line": [*RIGHT[:4], unread()],
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_verdict_falls(verdict, wrong):
    with pytest.raises(AssertionError):
        verdict(Case("wrong", DATA, WRONG[wrong]))


def test_a_load_that_should_be_refused_falls(verdict):
    with pytest.raises(AssertionError, match="should be refused"):
        verdict(Case("wrong", DATA, None, ("nul",)))


def test_a_refusal_by_another_name_falls(verdict):
    with pytest.raises(AssertionError, match="refused as"):
        verdict(Case("wrong", b"\0", None, ("header",)))


def test_a_finding_that_is_not_told_falls(verdict):
    with pytest.raises(AssertionError, match="no finding"):
        verdict(Case("wrong", DATA, RIGHT, findings=("replacement",)))


def test_a_cell_that_is_told_falls(verdict):
    with pytest.raises(AssertionError, match="is told"):
        verdict(Case("wrong", DATA, RIGHT, secrets=("sbp_range",)))
