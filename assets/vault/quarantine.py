"""Refused records, encrypted, one file per delivered file; opening them is logged.

Put here: storing and opening. Keep out: counts and rules, which are public to the pipeline (quality tables).
"""

import io
from pathlib import Path

import polars as pl

from assets.lake.home import Home
from assets.vault import access
from assets.vault.crypto import VaultKeys, decrypt_from, encrypt_to

COLUMNS = {"record_no": pl.Int32(), "line_no": pl.Int32(), "rules": pl.String(), "raw": pl.String()}


NOTHING = pl.DataFrame(schema=COLUMNS)


def store(home: Home, file_id: str, frame: pl.DataFrame, keys: VaultKeys) -> None:
    """Keep the refused records of a file: record and line number, rules, raw text; what was kept before is replaced.

    Of a file without refused records nothing is kept.
    """
    if frame.is_empty():
        _path(home, file_id).unlink(missing_ok=True)
        return
    buffer = io.BytesIO()
    frame.select(list(COLUMNS)).cast(COLUMNS).write_parquet(buffer)  # type: ignore[arg-type]
    encrypt_to(_path(home, file_id), [buffer.getvalue()], keys)


def open_records(home: Home, file_id: str, keys: VaultKeys, *, user: str, purpose: str) -> pl.DataFrame:
    """The refused records of a file; who opened them and why is appended to the access log first.

    Raises ValueError without user and purpose, FileNotFoundError if the file has no refused record.
    """
    access.record(home, user=user, purpose=purpose, action="open quarantine", target=file_id)
    return pl.read_parquet(io.BytesIO(b"".join(decrypt_from(_path(home, file_id), keys))))


def _path(home: Home, file_id: str) -> Path:
    return home.quarantine / f"{file_id}.enc"
