"""Refused records are unreadable at rest and opened only on the record."""

import polars as pl
import pytest

from assets.vault import access, quarantine
from assets.vault.crypto import VaultError, VaultKeys

FRAME = pl.DataFrame(
    {"record_no": [3], "line_no": [4], "rules": ["id_valid"], "raw": ["330101199001011234\x1f王小明"]},
    schema=quarantine.COLUMNS,
)


def test_records_come_back_and_the_opening_is_on_record(home):
    keys = VaultKeys.load(home)
    quarantine.store(home, "f1", FRAME, keys)
    assert quarantine.open_records(home, "f1", keys, user="zhang", purpose="appeal 12").equals(FRAME)
    (entry,) = access.entries(home)
    assert (entry["user"], entry["purpose"], entry["target"]) == ("zhang", "appeal 12", "f1")


def test_no_value_is_readable_in_the_home(home):
    quarantine.store(home, "f1", FRAME, VaultKeys.load(home))
    for path in home.path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"330101199001011234" not in data
            assert "王小明".encode() not in data


def test_without_purpose_nothing_opens(home):
    keys = VaultKeys.load(home)
    quarantine.store(home, "f1", FRAME, keys)
    with pytest.raises(ValueError, match="purpose"):
        quarantine.open_records(home, "f1", keys, user="zhang", purpose="")
    assert access.entries(home) == []


def test_an_attempt_that_fails_is_on_record_too(home):
    keys = VaultKeys.load(home)
    quarantine.store(home, "f1", FRAME, keys)
    with pytest.raises(VaultError):
        quarantine.open_records(home, "f1", VaultKeys.throw_away(), user="zhang", purpose="appeal 12")
    assert access.verify_chain(home).entries == 1
