"""Hostile files of every feed in a landing folder: intake refuses each with the sentence the demo states."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml

import data_contracts
from assets.engine.duck import EngineLimits
from assets.intake import ledger
from assets.intake.delivery import Intake
from assets.intake.landing import scan
from assets.lake.home import Home
from assets.vault.crypto import VaultKeys
from data_contracts.contracts import Catalog
from data_contracts.settings.limits import Limits
from pipelines.demo.faults import faults_of
from pipelines.demo.hostile import HostileFile, hostile_files
from tests.unit.demo.sound import ASIDE, PERIOD, csv_of, delivered, sound

pytestmark = pytest.mark.slow
CATALOG = Catalog.load()
# Of the contracts the columns that the city writes.
DELIVERED = delivered()
Files: TypeAlias = dict[str, list[HostileFile]]
FEEDS = list(DELIVERED)
# Fewer than are copied into a hostile file, so that a copy could be the sound file itself.
ROWS = 12
# What every feed can be refused with, and what only some can: those with persons, money or a totals row.
EVERYWHERE = {
    "intake_archive_damaged", "intake_archive_several", "intake_empty",
    "intake_encoding_mixed", "intake_header_missing", "intake_header_twice",
    "intake_markup_without_table",
    "intake_kind_not_supported", "intake_no_header", "intake_note_rows", "intake_nul_byte", "intake_period_unknown",
    "intake_period_wrong", "intake_too_many_cells", "intake_too_many_columns", "intake_workbook_damaged",
    "landing_no_contract", "landing_note_hash", "landing_note_wrong", "landing_outside_calendar",
    "landing_unknown_feed",
}  # fmt: skip
SOMEWHERE = {"intake_id_as_number", "intake_total_mismatch", "intake_unit_differs"}


def _sound_path(key: str) -> str:
    return f"{key.replace('.', '/')}/990101/数据_{PERIOD}.csv"


def _files(key: str) -> list[HostileFile]:
    contract = DELIVERED[key]
    texts = sound(contract, ROWS)
    return hostile_files(contract, texts, _sound_path(key), csv_of(contract, texts))


@pytest.fixture(scope="module")
def hostile() -> Files:
    return {key: _files(key) for key in FEEDS}


def _write(landing: Path, path: str, data: bytes, note: str | None = None) -> None:
    place = landing / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    if note is not None:
        place.with_name(place.name + ".note.yaml").write_text(note, encoding="utf-8")


@dataclass(frozen=True)
class Verdicts:
    """What intake said about the files of a home."""

    refused: dict[str, str]
    accepted: dict[str, int]
    fixes: dict[str, list[tuple[int, str]]]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory, hostile: Files) -> Verdicts:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "home.yaml").touch()
    home = Home.open(folder)
    for key, files in hostile.items():
        contract = DELIVERED[key]
        _write(home.landing, _sound_path(key), csv_of(contract, sound(contract, ROWS)))
        for file in files:
            _write(home.landing, file.path, file.data, file.note)
    keys = VaultKeys.load(home)
    path = Path(data_contracts.__file__).parent / "registry/limits.yaml"
    limits = Limits(**yaml.safe_load(path.read_text("utf-8")))
    ledger.register(home, scan(home, CATALOG), CATALOG, keys, limits, datetime(2026, 1, 10, 8, 0, tzinfo=UTC), [PERIOD])
    refused = {item["name"]: item["sentence"] for item in ledger.refusals(home)}
    accepted, fixes = {}, {}
    intake = Intake(home, CATALOG, keys, limits, EngineLimits(500, 1))
    for key in FEEDS:
        intake.stage_feed(key, [PERIOD])
        for item in intake.staged(key, PERIOD):
            if item.refused is not None:
                refused[item.entry.landing_name] = item.refused.sentence
                continue
            accepted[item.entry.landing_name] = item.account.accepted
            found = intake.fixes(item, CATALOG.feed(key)).select("record_no", "rule")
            fixes[item.entry.landing_name] = sorted(row for row in found.iter_rows() if row[1] not in ASIDE)
    return Verdicts(refused, accepted, fixes)


@pytest.mark.parametrize("key", FEEDS)
def test_a_file_is_refused_with_its_sentence(key: str, verdicts: Verdicts, hostile: Files) -> None:
    stated = {file.path: file.rule for file in hostile[key] if file.kind == "refused"}
    assert {path: verdicts.refused.get(path) for path in stated} == stated


@pytest.mark.parametrize("key", FEEDS)
def test_a_file_of_refused_records_is_taken_without_any_of_them(key: str, verdicts: Verdicts, hostile: Files) -> None:
    (file,) = (file for file in hostile[key] if file.kind == "records")
    assert verdicts.accepted[file.path] == 0
    assert verdicts.fixes[file.path] == sorted((at + 1, rule) for at, rule, _ in file.records)
    refusing = [fault for fault in faults_of(DELIVERED[key], "every") if fault.kind in ("reject", "unreadable")]
    assert Counter(rule for _, rule, _ in file.records) == Counter(fault.rule for fault in refusing)


def test_nothing_but_the_sound_files_adds_a_record(verdicts: Verdicts, hostile: Files) -> None:
    """Of the same bytes under two names the first by name is taken, and the other is neither taken nor refused."""
    assert {path: number for path, number in verdicts.accepted.items() if number} == dict.fromkeys(
        (min(_sound_path(key), _duplicate(hostile[key])) for key in FEEDS), ROWS
    )
    stated = {file.path for files in hostile.values() for file in files if file.kind == "refused"}
    assert set(verdicts.refused) == stated


def _duplicate(files: list[HostileFile]) -> str:
    (file,) = (file for file in files if file.kind == "duplicate")
    return file.path


@pytest.mark.parametrize("key", FEEDS)
def test_every_feed_meets_every_sentence_it_can(key: str, hostile: Files) -> None:
    contract = DELIVERED[key]
    sentences = {file.rule for file in hostile[key] if file.kind == "refused"}
    assert EVERYWHERE <= sentences <= EVERYWHERE | SOMEWHERE
    assert ("intake_id_as_number" in sentences) == (contract.extras.person is not None)
    assert ("intake_total_mismatch" in sentences) == bool(contract.extras.file.footer_markers)


def test_names_and_contents_are_all_different_and_bytes_repeat(hostile: Files) -> None:
    """Contents of two deliveries that agree would be one delivery, and the sound one could be lost with the other."""
    paths = [file.path for files in hostile.values() for file in files]
    assert len(set(paths)) == len(paths)
    for key, files in hostile.items():
        contents = [file.data for file in files if file.rule not in ("intake_empty", "intake_kind_not_supported")]
        assert len(set(contents)) == len(contents), key
    assert hostile == {key: _files(key) for key in FEEDS}
