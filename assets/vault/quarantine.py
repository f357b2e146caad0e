"""Refused records, encrypted, one file per delivered file; opening them is logged.

Put here: storing and opening. Keep out: counts and rules, which are public to the pipeline (quality tables).
"""

import io
import json
from pathlib import Path

import polars as pl

from assets.lake.home import Home
from assets.vault.crypto import VaultKeys, decrypt_from, encrypt_to

COLUMNS = {"record_no": pl.Int32(), "line_no": pl.Int32(), "rules": pl.String(), "raw": pl.String()}


def store(home: Home, file_id: str, frame: pl.DataFrame, keys: VaultKeys) -> None:
    """Keep the refused records of a file: record and line number, rules, raw text."""
    buffer = io.BytesIO()
    frame.select(list(COLUMNS)).cast(COLUMNS).write_parquet(buffer)  # type: ignore[arg-type]
    encrypt_to(_path(home, file_id), [buffer.getvalue()], keys)


def open_records(home: Home, file_id: str, keys: VaultKeys, *, user: str, purpose: str) -> pl.DataFrame:
    """The refused records of a file; who opened them and why is appended to the access log first."""
    if not user or not purpose:
        raise ValueError("opening quarantined records needs a user and a purpose")
    entry = {"user": user, "purpose": purpose, "action": "open quarantine", "file": file_id}
    with (home.vault / "access.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(entry, ensure_ascii=False, sort_keys=True) + "\n")
    return pl.read_parquet(io.BytesIO(b"".join(decrypt_from(_path(home, file_id), keys))))


def _path(home: Home, file_id: str) -> Path:
    return home.quarantine / f"{file_id}.enc"
