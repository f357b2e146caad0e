"""A process that dies at any moment leaves the rows and verdicts of before or of after, and the next gets through."""

import shutil
from dataclasses import replace

import pytest

from assets.intake import ledger
from assets.lake.parts import clear_leftovers
from tests.unit.intake.office import KEY, MONTHS, Office

BEFORE = ["1,10.00,2025-01-05", "2,20.00,2025-01-06", "3,oops,2025-01-07"]


@pytest.fixture
def office(tmp_path, bench):
    return Office(tmp_path, bench, delivery="snapshot", rules=[])


def _state(office):
    return office.counted("2025-01"), office.counted("2025-02")


def test_staging_that_dies_leaves_the_old_state_or_the_new(office, crash_everywhere):
    office.land("a.csv", BEFORE, "period: 2025-01\nsequence: 1\nrows: 3\n")
    office.land("x.csv", ["7,7.00,2025-01-05"], "period: 2025-02\n")
    office.run()
    before = _state(office)
    lake = {folder: office.home.path / f"kept-{folder.name}" for folder in (office.home.lake, office.home.quarantine)}
    for folder, kept in lake.items():
        shutil.copytree(folder, kept)
    office.land("b.csv", ["1,11.00,2025-01-05", "2,20.00,2025-01-06"], "period: 2025-01\nsequence: 2\n")
    office.land("x.csv", ["9,1.00,2025-01-05"], "period: 2025-02\nsupersedes: [x.csv]\n")
    office.run()
    after, whole = _state(office), office.files()
    assert (before, after) == (({"1": 1000, "2": 2000}, {"7": 700}), ({"1": 1100, "2": 2000}, {"9": 100}))

    def prepare():
        for folder, kept in lake.items():
            shutil.rmtree(folder)
            shutil.copytree(kept, folder)

    seen = []

    def check(_):
        seen.append(_state(office))
        # Of two periods one may be new already: each is put in force for itself.
        assert all(found in (old, new) for found, old, new in zip(seen[-1], before, after, strict=True))
        if len(seen) % 8 == 1 or seen[-1] != before:
            clear_leftovers(office.home)
            office.intake.stage_feed(KEY, MONTHS)
            assert _state(office) == after
            assert office.files() == whole
            assert not list(office.home.path.rglob(".tmp-*"))

    assert crash_everywhere(prepare, lambda _: office.intake.stage_feed(KEY, MONTHS), check) >= 12
    assert {str(before), str(after)} <= {str(state) for state in seen}


def test_another_contract_leaves_no_quarantine_of_the_one_before(office, bench):
    office.land("a.csv", BEFORE, "period: 2025-01\n")
    office.run()
    (entry,) = ledger.entries(office.home)
    assert (office.home.quarantine / f"{entry.file_id}.enc").is_file()
    again = Office(
        office.home.path,
        bench,
        [{"name": "no", "type": "text", "header": "编号"}, {"name": "amount", "type": "text", "header": "金额"}],
        rules=[],
        event_date=None,
    )
    again.intake.stage_feed(KEY, MONTHS)
    assert len(again.counted("2025-01")) == 3
    assert list(office.home.quarantine.iterdir()) == []


def test_a_limit_that_was_raised_takes_the_file_it_had_refused(office):
    def with_rows(rows):
        return replace(office.intake, limits=office.intake.limits.model_copy(update={"rows": rows}))

    office.intake = with_rows(2)
    office.land("a.csv", BEFORE, "period: 2025-01\n")
    office.run()
    assert office.refused() == {"H1/a.csv": "intake_too_many_rows"}
    office.intake = with_rows(3)
    office.intake.stage_feed(KEY, MONTHS)
    assert office.refused() == {}
    assert office.counts("H1/a.csv") == (1, 2, 0, 0)
