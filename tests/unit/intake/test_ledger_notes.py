"""Corrected notes of known files: the newest counts, nothing is overwritten, and nothing goes back and forth."""

import json
import re
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.intake import ledger
from assets.intake.landing import scan
from assets.lake.home import Home
from assets.vault.crypto import VaultKeys
from tests.unit.intake.office import KEY, MONTHS, Office

ROW = ["1,10.00,2025-01-05"]


@pytest.fixture
def office(tmp_path, bench):
    return Office(tmp_path, bench)


def _batches(home):
    return {path.name: path.read_bytes() for path in sorted(home.ledger.glob("*.json"))}


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("period: 2025-02", {"period": "2025-02"}),
        ("period: 2025-01\nsequence: 4", {"sequence": 4}),
        ("period: 2025-01\nrows: 1", {"note_rows": 1}),
        ("period: 2025-01\nsums: {金额: '10'}", {"note_sums": {"金额": "10"}}),
        ("period: 2025-01\ndistinct: {编号: 1}", {"note_distinct": {"编号": 1}}),
        ("period: 2025-01\nsupersedes: [x.csv]", {"supersedes": ["x.csv"]}),
        ("period: 2025-01\ninstitution: H7", {"institution_id": "H7"}),
        ("period: 2025-01\nreceived_at: 2025-01-31 08:00", {"received_at": "2025-01-31T00:00:00+00:00"}),
    ],
)
def test_a_new_note_replaces_the_old_one_in_a_batch_of_its_own(office, line, changed):
    office.land("a.csv", ROW, "period: 2025-01\n")
    assert office.run() == 1
    (before,), kept = ledger.entries(office.home), _batches(office.home)
    office.land("a.csv", ROW, f"{line}\n")
    assert office.run() == 1
    (after,) = ledger.entries(office.home)
    assert {name: getattr(after, name) for name in changed} == changed
    assert after.sha256 == before.sha256
    assert (after.file_id == before.file_id) == (not {"period", "institution_id"} & set(changed))
    assert after.mark != before.mark
    if "received_at" not in changed:
        assert after.received_at == before.received_at, "the bytes came when they came"
    now = _batches(office.home)
    assert {name: now[name] for name in kept} == kept
    assert office.run() == 0


def test_a_note_that_is_taken_away_or_says_nothing_takes_nothing_back(office):
    path = office.land("a.csv", ROW, "period: 2025-01\nsequence: 4\n")
    office.run()
    for note in ("", "sequence:\n"):
        office.land("a.csv", ROW, note)
        assert office.run() == 0
    path.with_name("a.csv.note.yaml").unlink()
    assert office.run() == 0
    (entry,) = ledger.entries(office.home)
    assert (entry.period, entry.sequence, ledger.refusals(office.home)) == ("2025-01", 4, [])


def test_a_note_broken_and_mended_leaves_no_refusal(office):
    office.land("a.csv", ROW, "period: 2025-01\n")
    office.run()
    office.land("a.csv", ROW, "perod: 2025-01\n")
    assert office.run() == 1
    assert [item["sentence"] for item in ledger.refusals(office.home)] == ["landing_note_wrong"]
    assert len(office.counted("2025-01")) == 1, "what was taken stays"
    office.land("a.csv", ROW, "period: 2025-01\n")
    assert office.run() == 1
    assert (ledger.refusals(office.home), office.run()) == ([], 0)


def test_a_wrong_note_is_told_in_chinese_without_english(office):
    for at, note in enumerate(["perod: 2025-01\n", "rows: 很多\n", "period: [\n", "- 1\n", "a: 1\na: 2\n"]):
        office.land(f"{at}.csv", ROW, note)
    office.run()
    items = ledger.refusals(office.home)
    assert len(items) == 5
    for item in items:
        chinese = item["params"]["problem_zh"].replace(item["name"], "").replace(".note.yaml", "").replace(".csv", "")
        assert set(re.findall("[A-Za-z]{2,}", chinese)) <= {"perod", "period", "rows", "YAML"}


def test_a_period_left_by_its_last_file_has_no_rows_any_more(office):
    office.land("a.csv", ROW, "period: 2025-02\n")
    office.run()
    assert office.files()["H1/a.csv"]["quarantined"] == 1
    office.land("a.csv", ROW, "period: 2025-01\n")
    office.run()
    assert list(office.files()) == ["H1/a.csv"]
    assert (office.counted("2025-01"), office.counted("2025-02")) == ({"1": 1000}, {})
    assert office.intake.stage_feed(KEY, MONTHS) == []


def test_a_ledger_written_before_there_were_corrections_is_read(office):
    office.land("a.csv", ROW, "period: 2025-01\nsequence: 1\n")
    office.run()
    path = office.home.ledger / "0000001.json"
    batch = json.loads(path.read_text("utf-8"))
    for name in ("note_sums", "note_distinct", "note_mark", "received_noted"):
        del batch["files"][0][name]
    del batch["settled"]
    path.write_text(json.dumps(batch), encoding="utf-8")
    assert office.run() == 0, "the note that lies there says what is known"
    office.land("a.csv", ROW, "period: 2025-01\nsequence: 2\n")
    assert office.run() == 1
    assert [entry.sequence for entry in ledger.entries(office.home)] == [2]


NOTES = st.sampled_from(["", "period: 2025-01\n", "period: 2025-02\n", "period: 2025-01\nsequence: 2\n", "rows: 1\n"])


@pytest.fixture
def any_office(tmp_path, bench):
    """Makes an office in a folder of its own, as often as it is asked."""
    numbers = count()

    def make():
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return Office(folder, bench, period={"file_name": r"(?P<period>\d{4}-\d\d)"})

    return make


@given(landings=st.lists(st.tuples(st.sampled_from(["a_2025-01.csv", "b_2025-01.csv"]), NOTES), min_size=1, max_size=5))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_notes_lie_beside_two_copies_a_second_look_finds_nothing_new(any_office, landings):
    office = any_office()
    keys, last = VaultKeys.load(office.home), {}

    def take_in():
        office.now += timedelta(days=1)
        landed = scan(office.home, office.catalog)
        return ledger.register(office.home, landed, office.catalog, keys, office.intake.limits, office.now, MONTHS)

    for name, note in landings:
        office.land(name, ROW, note)
        last[name] = note
        take_in()
        assert take_in() == 0
    entries = ledger.entries(office.home)
    assert len({entry.file_id for entry in entries}) == len(entries)
    assert 1 <= len(entries) <= len(last)
    # The newest note of the file that was touched last is in force, if it says anything.
    name, note = landings[-1]
    if "period" in note and len(last) == 1:
        assert note[8:15] in {entry.period for entry in entries}


def test_no_crash_loses_a_note_or_half_of_one(office, crash_everywhere, tmp_path):
    office.land("a.csv", ROW, "period: 2025-02\n")
    office.land("b.csv", ["2,1.00,2025-01-05"], "period: 2025-01\nrows: 3\n")
    office.run()
    before = [entry.mark for entry in ledger.entries(office.home)]
    office.land("a.csv", ROW, "period: 2025-01\n")
    office.land("b.csv", ["2,1.00,2025-01-05"], "period: 2025-01\nrows: 1\n")
    kept = _batches(office.home)
    seen = set()

    def prepare():
        for path in office.home.ledger.glob("0000002.json"):
            path.unlink()
        office.now -= timedelta(days=1)

    def act(_):
        office.now += timedelta(days=1)
        landed = scan(office.home, office.catalog)
        ledger.register(office.home, landed, office.catalog, office.keys, office.intake.limits, office.now, MONTHS)

    def check(_):
        found = [(entry.period, entry.note_rows) for entry in ledger.entries(Home(office.home.path))]
        seen.add(tuple(sorted(found, key=str)))
        assert {name: text for name, text in _batches(office.home).items() if name in kept} == kept

    crash_everywhere(prepare, act, check)
    assert seen == {(("2025-01", 3), ("2025-02", None)), (("2025-01", 1), ("2025-01", None))}
    assert len(before) == 2
