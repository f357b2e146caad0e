"""Files that replace others: only sound ones do, nothing open is forgotten, and a correction is no double export."""

from itertools import permutations

import pytest

from assets.intake.precedence import withdrawn
from assets.intake.standing import labels
from tests.unit.intake.office import KEY, Office
from tests.unit.intake.test_ledger import _entry

OLD = [f"{number},1.00,2025-01-05" for number in range(100)]
SUPERSEDES = "period: 2025-01\nsequence: 2\nsupersedes: [a.csv]\n"


@pytest.fixture
def office(tmp_path, bench):
    return Office(tmp_path, bench)


@pytest.fixture
def register(tmp_path, bench):
    return Office(tmp_path, bench, delivery="snapshot", rules=[])


def _correction(good, bad):
    return [*OLD[:good], *(f"x{number},oops,2025-01-05" for number in range(bad))]


def _findings(office, name):
    return office.intake.noticed(KEY, "2025-01").get(office.files()[name]["file_id"], [])


def _standing(office):
    staged = office.intake.staged(KEY, "2025-01")
    return [labels(staged)[item.entry.file_id] for item in office.intake.standing(KEY, "2025-01")]


# The limit is 5 %: one record less than it, exactly it, one more.
@pytest.mark.parametrize(("bad", "withdraws"), [(1, True), (2, True), (3, False), (40, False)])
def test_a_correction_withdraws_only_while_few_of_its_records_are_refused(office, bad, withdraws):
    office.land("a.csv", OLD, "period: 2025-01\n")
    office.land("b.csv", _correction(40 - bad, bad), SUPERSEDES)
    office.run()
    assert len(office.counted("2025-01")) == (40 - bad if withdraws else 100)
    assert office.files()["H1/a.csv"]["status"] == ("withdrawn" if withdraws else "taken")
    # Sent for 100 records it is short as well, which is said and stops nothing.
    assert office.said("H1/b.csv") == {f"accounting_withdrawal_{'short' if withdraws else 'unsound'}"}
    if not withdraws:
        (finding,) = _findings(office, "H1/b.csv")
        assert finding.params == {"other": "a.csv", "records": 40, "refused": bad, "limit": "5%"}
        assert _standing(office) == ["a.csv", "b.csv"]


def test_a_correction_of_which_nothing_is_left_makes_no_record_disappear_and_works_once_it_is_mended(office):
    office.land("a.csv", OLD, "period: 2025-01\n")
    office.land("b.csv", _correction(0, 50), SUPERSEDES)
    office.run()
    assert len(office.counted("2025-01")) == 100
    office.land("b.csv", [*OLD[:50], "50,9.00,2025-01-05"], SUPERSEDES)
    office.run()
    assert len(office.counted("2025-01")) == 51
    assert office.counted("2025-01")["50"] == 900
    assert _standing(office) == ["b.csv"]
    assert office.intake.stage_feed(KEY, ["2025-01"]) == []


@pytest.mark.parametrize("supersedes", ["[b.csv]", "[a.csv, b.csv]"])
def test_who_replaces_an_unsound_correction_replaces_what_that_was_to_replace(office, supersedes):
    office.land("a.csv", OLD, "period: 2025-01\n")
    office.land("b.csv", _correction(1, 9), SUPERSEDES)
    office.run()
    office.land("c.csv", OLD[:30], f"period: 2025-01\nsequence: 3\nsupersedes: {supersedes}\n")
    office.run()
    assert sorted(office.counted("2025-01"), key=int) == [str(number) for number in range(30)]
    assert office.said("H1/c.csv") == {"accounting_withdrawal_short"}


def test_a_correction_that_is_refused_says_that_it_replaces_nothing(office):
    office.land("a.csv", OLD, "period: 2025-01\n")
    office.land("b.csv", OLD[:9], f"{SUPERSEDES}rows: 10\n")
    office.run()
    assert "accounting_withdrawal_refused" in office.said("H1/b.csv")
    assert len(office.counted("2025-01")) == 100


def test_a_name_that_nobody_bears_is_pointed_out_until_its_file_comes(office):
    office.land("b.csv", OLD[:50], SUPERSEDES)
    office.run()
    assert office.said("H1/b.csv") == {"accounting_withdrawal_unknown"}
    office.land("a.csv", OLD, "period: 2025-01\n")
    office.run()
    assert office.said("H1/b.csv") == set()
    assert len(office.counted("2025-01")) == 50


def test_order_of_the_ledger_decides_nothing_about_chains():
    old, bad = _entry("a", sequence=1), _entry("b", sequence=2, supersedes=["a.csv"])
    good = _entry("c", sequence=3, supersedes=["b.csv"])
    for found in ([old, bad, good], [good, bad, old], [bad, old, good]):
        assert withdrawn(found, {bad.file_id}) == {old.file_id, bad.file_id}
        assert withdrawn(found[:], {bad.file_id, good.file_id}) == set()


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize(("named", "gone"), [("bca", {"a"}), ("cab", {"a", "b"})])
def test_files_that_supersede_each_other_in_a_ring_do_not_all_disappear(order, named, gone):
    """Within a ring none gives way to one of lower rank, so the highest always stands."""
    ring = [
        _entry(name, sequence=at, supersedes=[f"{other}.csv"])
        for at, (name, other) in enumerate(zip("abc", named, strict=True), 1)
    ]
    assert withdrawn([ring[at] for at in order]) == gone


# 100 records of which 3 are refused come first; so many are sent again under the same name.
@pytest.mark.parametrize(("again", "settled"), [(1, False), (99, False), (100, True), (101, True)])
def test_what_is_sent_again_in_part_hides_nothing_that_was_wrong_before(office, again, settled):
    bad = [f"{number},oops,2025-01-05" for number in range(97, 100)]
    office.land("a.csv", [*OLD[:97], *bad], "period: 2025-01\n")
    office.run()
    office.land("a.csv", [*OLD, "100,1.00,2025-01-05"][:again], "period: 2025-01\nsequence: 2\n")
    office.run()
    assert _standing(office) == (["a.csv"] if settled else ["a.csv #1", "a.csv"])
    noticed = office.intake.noticed(KEY, "2025-01").values()
    said = [finding.sentence for findings in noticed for finding in findings]
    assert said == ([] if settled else ["accounting_resent_in_part"])


def test_of_a_file_without_one_good_record_a_part_settles_nothing(office):
    office.land("a.csv", _correction(0, 10), "period: 2025-01\n")
    office.run()
    office.land("a.csv", OLD[:9], "period: 2025-01\n")
    office.run()
    assert _standing(office) == ["a.csv #1", "a.csv"]
    office.land("a.csv", OLD[:9], "period: 2025-01\nsupersedes: [a.csv]\n")
    office.run()
    assert _standing(office) == ["a.csv"]


def test_a_state_that_took_the_place_of_another_settles_it(register):
    register.land("a.csv", [*OLD[:9], "9,oops,2025-01-05"], "period: 2025-01\n")
    register.run()
    register.land("a.csv", OLD[:8], "period: 2025-01\n")
    register.run()
    assert _standing(register) == ["a.csv"]


@pytest.mark.parametrize(
    ("name", "note", "resent"),
    [
        ("b.csv", SUPERSEDES, True),
        ("a.csv", "period: 2025-01\nsequence: 2\n", True),
        ("b.csv", "period: 2025-01\nsequence: 2\n", False),
        ("b.csv", "period: 2025-01\n", False),
    ],
)
def test_what_a_correction_repeats_is_told_from_an_export_made_twice(office, name, note, resent):
    """Too many of its records are refused for a withdrawal, so that what it repeats shows as duplicates."""
    office.land("a.csv", OLD, "period: 2025-01\n")
    office.run()
    office.land(name, [*OLD[:90], *_correction(0, 10)], note)
    office.run()
    assert list(office.intake.resent(KEY, "2025-01").values()) == ([90] if resent else [])


def test_a_record_twice_in_one_file_is_no_correction(office):
    office.land("a.csv", [*OLD, *OLD[:60]], "period: 2025-01\n")
    office.run()
    assert office.files()["H1/a.csv"]["duplicate"] == 60
    assert office.files()["H1/a.csv"]["resent"] == 0


def test_a_state_sent_again_is_no_export_made_twice(register):
    register.land("a.csv", OLD, "period: 2025-01\n")
    register.run()
    register.land("b.csv", [*OLD[:99], "99,2.00,2025-01-05"], "period: 2025-01\nsequence: 2\n")
    register.run()
    row = register.files()["H1/a.csv"]
    assert (row["duplicate"], row["resent"], row["superseded"]) == (99, 99, 1)
