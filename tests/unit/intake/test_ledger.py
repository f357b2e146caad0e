"""The ledger: what is new, in which order, what gives way; and that no crash splits an arrival or loses bytes."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from itertools import permutations

import pytest

from assets.intake import landing, ledger, precedence
from assets.intake.landing import scan
from assets.intake.ledger import Entry, LedgerError
from assets.lake.home import Home
from assets.lake.parts import clear_leftovers
from assets.vault.crypto import VaultKeys
from data_contracts.contracts import Catalog
from data_contracts.settings.limits import Limits

FEED = "health_bureau/residents"
NOW = datetime(2026, 1, 10, 8, 0, tzinfo=UTC)
LIMITS = Limits(
    file_bytes=1000,
    decompressed_bytes=50_000_000,
    decompressed_ratio=200,
    nesting=2,
    rows=10,
    columns=10,
    cells=10,
    field_length=10,
    quarantine_share="0.05",
    resend_share="0.5",
    memory_limit_mb=500,
    threads=1,
)


@pytest.fixture(scope="module")
def catalog():
    return Catalog.load()


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home.yaml").touch()
    return Home.open(tmp_path)


@pytest.fixture
def take_in(home, catalog):
    def run(now=NOW):
        return ledger.register(home, scan(home, catalog), catalog, VaultKeys.load(home), LIMITS, now)

    return run


def _land(home, name, data=b"a,b\n", note="period: 2025Q4\n"):
    path = home.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    beside = path.with_name(path.name + ".note.yaml")
    if note is None:
        beside.unlink(missing_ok=True)
    else:
        beside.write_text(note, encoding="utf-8")
    return path


def _bytes(home, entry):
    return b"".join(ledger.read_bytes(home, entry, VaultKeys.load(home)))


def _batches(home):
    return sorted(path.name for path in home.ledger.glob("*.json"))


def test_a_delivery_is_kept_and_listed(home, take_in):
    path = _land(home, f"{FEED}/990101/a.csv", b"abc", "period: 2025Q4\nsequence: 2\nrows: 7\n")
    assert take_in() == 1
    path.unlink()
    (entry,) = ledger.entries(home)
    assert (entry.key, entry.institution_id, entry.period) == ("health_bureau.residents", "990101", "2025Q4")
    assert (entry.sequence, entry.note_rows, entry.size) == (2, 7, 3)
    assert entry.sha256 == sha256(b"abc").hexdigest()
    assert _bytes(home, entry) == b"abc"


def test_the_same_delivery_again_changes_nothing(home, take_in):
    _land(home, f"{FEED}/990101/a.csv")
    assert take_in() == 1
    assert take_in(NOW + timedelta(days=1)) == 0
    _land(home, f"{FEED}/990101/b.csv")
    assert take_in() == 0
    assert len(ledger.entries(home)) == 1
    assert _batches(home) == ["0000001.json"]


def test_same_bytes_for_another_institution_or_period_are_another_delivery(home, take_in):
    _land(home, f"{FEED}/990101/a.csv", b"nothing to report")
    assert take_in() == 1
    _land(home, f"{FEED}/990102/a.csv", b"nothing to report")
    _land(home, f"{FEED}/990101/b.csv", b"nothing to report", "period: 2025Q3\n")
    assert take_in() == 2
    found = {(entry.institution_id, entry.period) for entry in ledger.entries(home)}
    assert found == {("990101", "2025Q4"), ("990102", "2025Q4"), ("990101", "2025Q3")}
    assert len({entry.file_id for entry in ledger.entries(home)}) == 3
    assert len(list(home.archive.iterdir())) == 1


def test_a_refusal_stands_until_its_cause_is_gone(home, take_in):
    _land(home, f"{FEED}/a.csv", note="perod: 2025Q4\n")
    assert take_in() == 1
    assert take_in() == 0, "an unchanged refusal is no news"
    (item,) = ledger.refusals(home)
    assert (item["name"], item["sentence"]) == (f"{FEED}/a.csv", "landing_note_wrong")
    _land(home, f"{FEED}/a.csv", note="perriod: 2025Q4\n")
    assert take_in() == 1, "another cause is news"
    assert len(ledger.refusals(home)) == 1
    _land(home, f"{FEED}/a.csv")
    assert take_in() == 1
    assert ledger.refusals(home) == []
    assert len(ledger.entries(home)) == 1
    assert take_in() == 0


def test_a_refusal_ends_when_the_bytes_arrive_elsewhere_or_other_bytes_under_the_name(home, take_in):
    moved = _land(home, "health_bureau/resident/a.csv", b"one")
    _land(home, f"{FEED}/b.csv", b"")
    take_in()
    assert {item["sentence"] for item in ledger.refusals(home)} == {"landing_unknown_feed", "intake_empty"}
    moved.unlink()
    moved.with_name(f"{moved.name}.note.yaml").unlink()
    _land(home, f"{FEED}/a.csv", b"one")
    _land(home, f"{FEED}/b.csv", b"two")
    take_in()
    assert ledger.refusals(home) == []


@pytest.mark.parametrize(("size", "sentence"), [(0, "intake_empty"), (1000, None), (1001, "intake_too_large")])
def test_sizes_at_the_limits(home, take_in, size, sentence):
    _land(home, f"{FEED}/a.csv", b"a" * size)
    take_in()
    assert [item["sentence"] for item in ledger.refusals(home)] == ([sentence] if sentence else [])
    assert len(list(home.archive.iterdir())) == (0 if sentence else 1)


def test_a_period_before_the_first_contract_refuses_the_file_only(home, take_in):
    _land(home, f"{FEED}/old.csv", note="period: 1999Q1\n")
    _land(home, f"{FEED}/new.csv")
    take_in()
    (item,) = ledger.refusals(home)
    assert (item["sentence"], item["params"]["period"]) == ("landing_no_contract", "1999Q1")
    assert [entry.period for entry in ledger.entries(home)] == ["2025Q4"]


def test_a_file_that_changes_while_it_is_read_waits_for_the_next_run(home, catalog, take_in):
    path = _land(home, f"{FEED}/a.csv", b"first half")
    landed = scan(home, catalog)
    path.write_bytes(b"first half, second half")
    keys = VaultKeys.load(home)
    assert ledger.register(home, landed, catalog, keys, LIMITS, NOW) == 0
    assert ledger.entries(home) == []
    assert list(home.archive.iterdir()) == []
    assert take_in() == 1
    assert _bytes(home, ledger.entries(home)[0]) == b"first half, second half"


def test_a_stale_hash_is_found_out_and_forgotten(home, catalog, take_in, monkeypatch):
    _land(home, f"{FEED}/a.csv", b"abc")
    real = landing.sha256_file
    monkeypatch.setattr(landing, "sha256_file", lambda _: "0" * 64)
    assert take_in() == 0
    monkeypatch.setattr(landing, "sha256_file", real)
    assert take_in() == 1
    assert ledger.entries(home)[0].sha256 == sha256(b"abc").hexdigest()


def test_no_crash_splits_an_arrival_or_leaves_an_entry_without_bytes(home, take_in, crash_everywhere):
    VaultKeys.load(home)
    for number in range(3):
        _land(home, f"{FEED}/9901{number:02d}/a.csv", b"%d" % number)
    _land(home, f"{FEED}/bad.csv", note="perod: 1\n")

    def prepare():
        for folder in (home.ledger, home.archive):
            shutil.rmtree(folder)
            folder.mkdir(mode=0o700)

    def check(_):
        found = ledger.entries(home)
        assert len(found) in (0, 3)
        assert len(ledger.refusals(home)) == (1 if found else 0)
        assert [_bytes(home, entry) for entry in found] == [b"0", b"1", b"2"][: len(found)]
        clear_leftovers(home)
        take_in()
        assert [entry.landing_name[-12:] for entry in ledger.entries(home)] == [
            "990100/a.csv",
            "990101/a.csv",
            "990102/a.csv",
        ]
        assert _batches(home) == ["0000001.json"]
        assert not list(home.vault.rglob(".tmp-*"))

    assert crash_everywhere(prepare, lambda _: take_in(), check) >= 12


def test_a_missing_batch_stops_everything_by_name(home, take_in):
    for number in range(3):
        _land(home, f"{FEED}/{number}.csv", b"%d" % number)
        take_in()
    (home.ledger / "0000002.json").unlink()
    with pytest.raises(LedgerError, match=r"0000002\.json"):
        ledger.entries(home)
    _land(home, f"{FEED}/4.csv", b"4")
    with pytest.raises(LedgerError):
        take_in()
    assert _batches(home) == ["0000001.json", "0000003.json"]


def test_times_of_notes_are_compared_as_times(home, take_in):
    offsets = {
        "east.csv": "received_at: 2026-01-05T08:00:00+08:00\n",
        "utc.csv": "received_at: 2026-01-05T00:30:00Z\n",
        "local.csv": "received_at: 2026-01-05 07:00\n",
    }
    for name, line in offsets.items():
        _land(home, f"{FEED}/{name}", name.encode(), f"period: 2025Q4\n{line}")
    take_in(NOW.astimezone(timezone(timedelta(hours=8))))
    found = ledger.entries(home)
    rank = precedence.ranks(found)
    ordered = sorted(found, key=lambda entry: rank[entry.file_id])
    assert [entry.landing_name.rsplit("/", 1)[1] for entry in ordered] == ["local.csv", "east.csv", "utc.csv"]


def _entry(name, **changes):
    base = Entry(
        file_id=name,
        sha256=sha256(name.encode()).hexdigest(),
        size=1,
        sender="s",
        feed="f",
        institution_id="i1",
        period="2025Q4",
        sequence=0,
        received_at="2026-01-10T00:00:00+00:00",
        supersedes=[],
        landing_name=f"s/f/i1/{name}.csv",
        note_rows=None,
    )
    return replace(base, **changes)


def test_precedence_is_sequence_then_time_then_hash_whatever_the_order():
    by_hash = sorted([_entry("a"), _entry("b")], key=lambda entry: entry.sha256)
    later = _entry("c", received_at="2026-01-11T00:00:00+00:00")
    second = _entry("d", sequence=1, received_at="2020-01-01T00:00:00+00:00")
    expected = {entry.file_id: rank for rank, entry in enumerate([*by_hash, later, second])}
    for order in permutations([*by_hash, later, second]):
        assert precedence.ranks(list(order)) == expected


def test_a_named_file_gives_way_by_hash_or_by_name():
    old = _entry("old")
    assert precedence.withdrawn([old, _entry("new", supersedes=["old.csv"])]) == {"old"}
    assert precedence.withdrawn([old, _entry("new", supersedes=[old.sha256.upper()])]) == {"old"}
    assert precedence.withdrawn([old, _entry("new", supersedes=["other.csv"])]) == set()


def test_a_file_that_is_refused_itself_supersedes_nothing():
    old, new = _entry("old"), _entry("new", supersedes=["old.csv"])
    for order in permutations([old, new]):
        assert precedence.withdrawn(list(order)) == {"old"}
        assert precedence.withdrawn(list(order), {"new"}) == set()


def test_a_file_of_another_feed_is_never_meant():
    other = _entry("old", feed="g")
    assert precedence.withdrawn([other, _entry("new", supersedes=["old.csv", other.sha256])]) == set()


def test_a_name_counts_within_the_institution_and_period_only():
    new = _entry("new", supersedes=["old.csv"])
    elsewhere = _entry("old", institution_id="i2", landing_name="s/f/i2/old.csv")
    before = _entry("old", period="2025Q3")
    assert precedence.withdrawn([elsewhere, new]) == set()
    assert precedence.withdrawn([before, new]) == set()
    by_hash = _entry("new", supersedes=[before.sha256])
    assert precedence.withdrawn([before, by_hash]) == {"old"}


def test_corrections_under_one_name_leave_the_newest():
    name = "s/f/i1/x.csv"
    first = _entry("a", landing_name=name)
    second = _entry("b", landing_name=name, sequence=1, supersedes=["x.csv"])
    third = _entry("c", landing_name=name, sequence=2, supersedes=["x.csv"])
    assert precedence.withdrawn([first]) == set()
    assert precedence.withdrawn([first, second]) == {"a"}
    for order in permutations([first, second, third]):
        assert precedence.withdrawn(list(order)) == {"a", "b"}


def test_equal_bytes_beside_it_do_not_hide_a_refusal(home, take_in):
    _land(home, f"{FEED}/990101/a.csv", b"nothing to report")
    _land(home, f"{FEED}/990102/a.csv", b"nothing to report", "perod: 2025Q4\n")
    take_in()
    take_in()
    assert [item["name"] for item in ledger.refusals(home)] == [f"{FEED}/990102/a.csv"]
    assert take_in() == 0
