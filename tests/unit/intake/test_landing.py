"""What is taken for a delivery, what is refused by name, and that nothing in the folder can stop a scan."""

import hashlib
import os
from pathlib import Path

import pytest

from assets.intake import landing
from assets.intake.landing import scan
from assets.lake.home import Home
from data_contracts.contracts import Catalog

FEED = "health_bureau/residents"


@pytest.fixture(scope="module")
def catalog():
    return Catalog.load()


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home.yaml").touch()
    return Home.open(tmp_path)


def _land(home: Home, name: str, data: bytes = b"a,b\n", note: str | None = None) -> Path:
    path = home.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if note is not None:
        path.with_name(path.name + ".note.yaml").write_text(note, encoding="utf-8")
    return path


def _only(home, catalog):
    (file,) = scan(home, catalog)
    return file


def test_a_file_is_found_with_sender_feed_and_institution(home, catalog):
    _land(home, f"{FEED}/990101/居民.csv", b"abc")
    file = _only(home, catalog)
    assert (file.name, file.sender, file.feed) == (f"{FEED}/990101/居民.csv", "health_bureau", "residents")
    assert (file.institution, file.size, file.refusal) == ("990101", 3, None)
    assert file.sha256 == hashlib.sha256(b"abc").hexdigest()


def test_the_note_wins_over_the_folder(home, catalog):
    _land(home, f"{FEED}/990101/x.csv", note="institution: '990102'\n")
    assert _only(home, catalog).institution == "990102"


def test_unfinished_hidden_and_system_files_are_no_deliveries(home, catalog):
    ignored = ["a.csv.part", "a.csv.filepart", "a.csv.tmp", ".tmp-1-a.csv", ".DS_Store", "~$a.xlsx", "Thumbs.db"]
    for name in [*ignored, ".sync/a.csv", "a.csv.crdownload", "a.csv.note.yaml"]:
        _land(home, f"{FEED}/{name}")
    assert scan(home, catalog) == []


def test_notes_keep_codes_as_they_are_written(home, catalog):
    _land(
        home, f"{FEED}/x.csv", note="institution: 0110\nperiod: 2025\nsequence: 3\nrows:\nsupersedes: [0012, old.csv]\n"
    )
    file = _only(home, catalog)
    assert file.refusal is None
    assert file.institution == "0110"
    assert (file.note.period, file.note.sequence, file.note.rows) == ("2025", 3, None)
    assert file.note.supersedes == ["0012", "old.csv"]


@pytest.mark.parametrize(
    ("note", "says"),
    [
        ("sequnce: 1\n", "did you mean 'sequence'"),
        ("sequence: first\n", "sequence"),
        ("period: [\n", "note.yaml:2"),
        ("- 1\n- 2\n", "note.yaml"),
        ("period: 2025\nperiod: 2024\n", "stands twice"),
        ("rows: 1\nreceived_at: yesterday\n", "received_at"),
    ],
)
def test_a_wrong_note_refuses_its_file_only(home, catalog, note, says):
    _land(home, f"{FEED}/bad.csv", note=note)
    _land(home, f"{FEED}/good.csv")
    bad, good = scan(home, catalog)
    assert bad.refusal.sentence == "landing_note_wrong"
    assert says in bad.refusal.params["problem"]
    assert good.refusal is None
    assert all(bad.refusal.words(language) for language in ("zh", "en"))


def test_a_note_that_is_not_text_refuses_its_file_only(home, catalog):
    path = _land(home, f"{FEED}/bad.csv")
    path.with_name("bad.csv.note.yaml").write_bytes(b"\xff\xfe\x00\x81")
    assert _only(home, catalog).refusal.sentence == "landing_note_wrong"


def test_a_note_named_without_the_ending_of_its_file_is_not_passed_over(home, catalog):
    file = _land(home, f"{FEED}/居民.csv")
    short = file.with_name("居民.note.yaml")
    short.write_text("sequence: 2", encoding="utf-8")
    found = _only(home, catalog)
    assert found.refusal is not None
    assert found.refusal.sentence == "landing_note_name"
    assert found.refusal.params == {"note": "居民.note.yaml", "wanted": "居民.csv.note.yaml"}
    short.rename(file.with_name("居民.csv.note.yaml"))
    assert (_only(home, catalog).refusal, _only(home, catalog).note.sequence) == (None, 2)


def test_a_note_may_belong_to_a_file_without_ending(home, catalog):
    _land(home, f"{FEED}/居民", b"1", note="sequence: 2")
    _land(home, f"{FEED}/居民.csv", b"2")
    assert [(file.refusal, file.note.sequence) for file in scan(home, catalog)] == [(None, 2), (None, None)]


def test_the_hash_of_the_note_is_held_against_the_file(home, catalog):
    right = hashlib.sha256(b"abc").hexdigest()
    _land(home, f"{FEED}/a.csv", b"abc", f"sha256: {right.upper()}\n")
    _land(home, f"{FEED}/b.csv", b"abd", f"sha256: {right}\n")
    assert [file.refusal and file.refusal.sentence for file in scan(home, catalog)] == [None, "landing_note_hash"]


def test_an_unknown_feed_is_named_with_the_nearest(home, catalog):
    _land(home, "health_bureau/resident/x.csv")
    _land(home, "loose.csv")
    _land(home, "health_bureau/loose.csv")
    found = scan(home, catalog)
    assert [file.refusal.sentence for file in found] == ["landing_unknown_feed"] * 3
    nearest = {file.name: file.refusal.params["nearest"] for file in found}
    assert nearest["health_bureau/resident/x.csv"] == "health_bureau.residents"


@pytest.mark.parametrize("kind", ["file", "folder", "nowhere"])
def test_links_are_refused_unread(home, catalog, tmp_path, kind):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.csv").write_bytes(b"secret")
    target = {"file": outside / "x.csv", "folder": outside, "nowhere": outside / "gone"}[kind]
    folder = home.landing / FEED
    folder.mkdir(parents=True)
    (folder / "link.csv").symlink_to(target)
    file = _only(home, catalog)
    assert (file.refusal.sentence, file.sha256, file.size) == ("landing_link", "", 0)
    assert file.refusal.words("zh")


def test_a_file_that_cannot_be_read_is_refused_and_the_rest_goes_on(home, catalog, monkeypatch):
    _land(home, f"{FEED}/a.csv")
    _land(home, f"{FEED}/b.csv")
    real = landing.sha256_file

    def failing(path: Path) -> str:
        if path.name == "a.csv":
            raise PermissionError
        return real(path)

    monkeypatch.setattr(landing, "sha256_file", failing)
    assert [file.refusal and file.refusal.sentence for file in scan(home, catalog)] == ["landing_unreadable", None]


def test_a_file_taken_away_during_the_scan_is_no_delivery(home, catalog, monkeypatch):
    _land(home, f"{FEED}/a.csv")

    def gone(path: Path) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(landing, "sha256_file", gone)
    assert scan(home, catalog) == []


def test_unchanged_files_are_hashed_once(home, catalog, monkeypatch):
    path = _land(home, f"{FEED}/a.csv", b"old")
    first = _only(home, catalog).sha256
    hashed = []
    real = landing.sha256_file
    monkeypatch.setattr(landing, "sha256_file", lambda item: hashed.append(item.name) or real(item))
    assert _only(home, catalog).sha256 == first
    assert hashed == []
    path.write_bytes(b"new")
    os.utime(path, ns=(1, 1))
    assert _only(home, catalog).sha256 == hashlib.sha256(b"new").hexdigest()
    landing.forget_hashes(home)
    scan(home, catalog)
    assert hashed == ["a.csv", "a.csv"]


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff"])
def test_a_damaged_hint_only_costs_time(home, catalog, damage):
    _land(home, f"{FEED}/a.csv", b"abc")
    scan(home, catalog)
    (home.temporary / "hashes.json").write_bytes(damage)
    assert _only(home, catalog).sha256 == hashlib.sha256(b"abc").hexdigest()
