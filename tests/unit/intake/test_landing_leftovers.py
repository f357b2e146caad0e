"""What lies in the landing folder without its other half: notes without a file, refusals of files that are gone."""

import json

import pytest

from assets.intake import ledger
from assets.intake.arrivals import not_taken
from assets.intake.landing import NOTE, scan
from assets.intake.quality import landing_refusals, quarantine_rows
from tests.unit.intake.office import Office

ROWS = ["1,10.00,2025-01-05"]


@pytest.fixture
def office(tmp_path, bench):
    return Office(tmp_path, bench)


def _note(office, name, text="period: 2025-01\n"):
    office.land(name, ROWS, text).unlink()


def _refused(office):
    return {item["name"].removeprefix("office/cases/H1/"): item["sentence"] for item in ledger.refusals(office.home)}


def _history(office):
    batches = [json.loads(path.read_text("utf-8")) for path in sorted(office.home.ledger.glob("[0-9]*.json"))]
    return [(item["name"], item["sentence"]) for batch in batches for item in batch["refused"]]


def test_a_note_without_its_file_is_named_until_the_file_comes(office):
    _note(office, "a.csv", "period: 2025-01\nrows: 1\n")
    assert office.run() == 1
    assert _refused(office) == {f"a.csv{NOTE}": "landing_note_alone"}
    assert office.run() == 0
    assert not_taken(office.home, scan(office.home, office.catalog)) == []
    office.land("a.csv", ROWS, "period: 2025-01\nrows: 1\n")
    assert _refused(office) == {}, "the file is there before anybody has taken it in"
    office.run()
    assert len(office.counted("2025-01")) == 1
    assert office.run() == 0


def test_a_note_that_is_taken_away_is_named_no_more(office):
    _note(office, "a.csv")
    office.run()
    (office.home.landing / "office" / "cases" / "H1" / f"a.csv{NOTE}").unlink()
    assert _refused(office) == {}
    assert [name.rsplit("/", 1)[1] for name, _ in _history(office)] == [f"a.csv{NOTE}"]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("period: 2025-01\n", {}),
        ("", {}),
        ("period: 2025-02\n", {f"a.csv{NOTE}": "landing_note_alone"}),
        ("peroid: 2025-02\n", {f"a.csv{NOTE}": "landing_note_wrong"}),
    ],
)
def test_of_a_file_that_was_taken_only_a_changed_note_is_named(office, after, expected):
    path = office.land("a.csv", ROWS, "period: 2025-01\n")
    office.run()
    path.unlink()
    path.with_name(path.name + NOTE).write_text(after, encoding="utf-8")
    office.run()
    assert _refused(office) == expected
    assert len(office.counted("2025-01")) == 1


def test_a_note_is_not_alone_while_its_file_is_being_copied_or_lacks_only_the_ending_in_its_name(office):
    _note(office, "a.csv")
    (office.home.landing / "office" / "cases" / "H1" / "a.csv.part").write_text("x", encoding="utf-8")
    path = office.land("b.csv", ROWS, "")
    path.with_name(path.name + NOTE).rename(path.with_name(f"b{NOTE}"))
    office.run()
    assert _refused(office) == {"b.csv": "landing_note_name"}


def test_of_two_notes_for_one_file_the_one_that_nobody_reads_is_named(office):
    path = office.land("b.csv", ROWS, "period: 2025-01\n")
    for name in (f"b{NOTE}", f"b.csv{NOTE.upper()}"):
        path.with_name(name).write_text("period: 2025-02\n", encoding="utf-8")
    office.run()
    assert _refused(office) == {f"b{NOTE}": "landing_note_alone", f"b.csv{NOTE.upper()}": "landing_note_name"}
    assert len(office.counted("2025-01")) == 1


def test_a_refused_file_that_was_taken_away_is_history_and_comes_back_with_it(office):
    path = office.land("a.csv", "", "period: 2025-01\n")
    office.run()
    assert _refused(office) == {"a.csv": "intake_empty"}
    path.unlink()
    path.with_name(path.name + NOTE).unlink()
    assert _refused(office) == {}
    office.run()
    assert _refused(office) == {}
    assert [sentence for _, sentence in _history(office)] == ["intake_empty"]
    office.land("a.csv", "", "period: 2025-01\n")
    assert office.run() == 1
    assert _refused(office) == {"a.csv": "intake_empty"}
    assert [sentence for _, sentence in _history(office)] == ["intake_empty"] * 2


def test_what_was_not_taken_in_is_in_the_accounting_of_its_period(office):
    _note(office, "a.csv", "period: 2025-02\n")
    path = office.land("b.csv", "", "period: 2025-01\n")
    office.land("c.csv", "", "")
    office.run()
    rows = quarantine_rows(office.intake, ["2025-01", "2025-02"]).select("period", "institution", "rule_id", "severity")
    assert rows.rows() == [
        ("2025-01", "H1", "intake_empty", "file"),
        ("2025-02", "H1", "landing_note_alone", "file"),
    ]
    assert quarantine_rows(office.intake, ["2025-03"]).is_empty()
    before = landing_refusals(office.intake, ["2025-01"])
    path.unlink()
    path.with_name(path.name + NOTE).unlink()
    assert landing_refusals(office.intake, ["2025-01"]) == before, "a release hangs on the ledger alone"
    office.run()
    assert landing_refusals(office.intake, ["2025-01"]) == []


def test_copies_of_a_file_that_is_not_taken_are_told_once_each(office):
    """Two empty files are one content under two names."""
    for name in ("a.csv", "b.csv"):
        office.land(name, "", "period: 2025-01\n")
    office.run()
    assert _refused(office) == {"a.csv": "intake_empty", "b.csv": "intake_empty"}
    assert quarantine_rows(office.intake, ["2025-01"])["rule_id"].to_list() == ["intake_empty"] * 2
