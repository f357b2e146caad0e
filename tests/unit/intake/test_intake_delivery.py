"""From the ledger to parts in force: the same bytes however many files are staged at once, and when a part is stale."""

import shutil
import threading
from datetime import UTC, datetime

import pytest

from assets.engine.duck import EngineLimits
from assets.intake import delivery, ledger
from assets.intake.delivery import Intake
from assets.intake.landing import scan
from assets.lake.home import Home
from assets.lake.parts import read_manifest
from assets.vault.crypto import VaultKeys
from data_contracts.contracts import Catalog
from data_contracts.settings.limits import Limits

NOW = datetime(2026, 1, 10, 8, 0, tzinfo=UTC)
COLUMNS = [
    {"name": "no", "type": "text", "required": True},
    {"name": "amount", "type": "integer", "required": True},
]
PERIODS = ["2025Q1", "2025Q2"]
FILES = {
    "a_2025Q1.csv": "no,amount\n1,10\n2,20\n3,oops\n",
    "b_2025Q1.csv": "no,amount\n1,10\n2,21\nstray\n",
    "a_2025Q2.csv": "no,amount\n1,10\n",
    "b_2025Q2.csv": "no,amount\n\n2,20\n",
    "c_2025Q2.csv": "no,total\n1,10\n",
}


@pytest.fixture
def intake(tmp_path, bench):
    (tmp_path / "home.yaml").touch()
    home = Home.open(tmp_path)
    contract = bench.contract(COLUMNS)
    catalog = Catalog({contract.key: (contract,)}, bench.codes)
    folder = home.landing / "office" / "cases"
    folder.mkdir(parents=True)
    for number, (name, text) in enumerate(FILES.items(), start=1):
        (folder / name).write_text(text, encoding="utf-8")
        note = f"period: {name[2:8]}\nsequence: {number}\n"
        (folder / f"{name}.note.yaml").write_text(note, encoding="utf-8")
    keys = VaultKeys.load(home)
    limits = Limits(**{**bench.limits.model_dump(), "threads": 2})
    ledger.register(home, scan(home, catalog), catalog, keys, limits, NOW)
    return Intake(home, catalog, keys, limits, EngineLimits(500, 2))


def _lake(intake):
    return {
        path.relative_to(intake.home.lake).as_posix(): path.read_bytes()
        for path in sorted(intake.home.lake.rglob("*"))
        if path.is_file()
    }


def _threads_of(intake, monkeypatch):
    """The threads in which files are staged from now on."""
    seen, write = set(), Intake._write

    def noting(self, *arguments):
        seen.add(threading.current_thread().name)
        return write(self, *arguments)

    monkeypatch.setattr(Intake, "_write", noting)
    return seen


def _again(intake):
    shutil.rmtree(intake.home.lake)
    intake.home.lake.mkdir()


def test_two_files_at_a_time_give_the_bytes_of_one_by_one(intake, monkeypatch):
    (key,) = intake.catalog.feeds
    assert intake.stage_feed(key, PERIODS) == PERIODS
    one_by_one = _lake(intake)
    _again(intake)
    threads = _threads_of(intake, monkeypatch)
    monkeypatch.setattr(delivery, "_LARGE", 0)
    intake.stage_large([key], PERIODS)
    assert intake.stage_feed(key, PERIODS) == PERIODS
    assert not any(name == "MainThread" for name in threads)
    assert _lake(intake) == one_by_one
    assert intake.stage_feed(key, PERIODS) == []


def test_what_was_staged_is_what_the_files_say(intake, monkeypatch):
    monkeypatch.setattr(delivery, "_LARGE", 0)
    (key,) = intake.catalog.feeds
    intake.stage_large([key], PERIODS)
    intake.stage_feed(key, PERIODS)
    contract = intake.catalog.feed(key)
    accounts = {item.entry.landing_name[-12:]: item for period in PERIODS for item in intake.staged(key, period)}
    counts = {
        name: (item.account.records, item.account.unreadable, item.account.non_data, item.account.quarantined)
        for name, item in accounts.items()
    }
    assert counts == {
        "a_2025Q1.csv": (3, 0, 0, 1),
        "b_2025Q1.csv": (3, 1, 0, 0),
        "a_2025Q2.csv": (1, 0, 0, 0),
        "b_2025Q2.csv": (2, 0, 1, 0),
        "c_2025Q2.csv": (0, 0, 0, 0),
    }
    assert accounts["c_2025Q2.csv"].refused is not None
    # The later file repeats record 1 and corrects record 2.
    older = accounts["a_2025Q1.csv"].entry.file_id
    assert intake.not_current(contract, "2025Q1").rows() == [(older, 1, "duplicate"), (older, 2, "superseded")]
    assert read_manifest(intake.home, contract.table, "2025Q1").rows == 2


def test_another_version_of_engine_or_readers_makes_other_parts(intake, monkeypatch):
    (key,) = intake.catalog.feeds
    intake.stage_feed(key, PERIODS)
    assert intake.is_staged(key, "2025Q1")
    monkeypatch.setattr(delivery, "_LIBRARIES", "another")
    assert not intake.is_staged(key, "2025Q1")
    assert intake.stage_feed(key, PERIODS) == PERIODS
