"""Writing so that a crash leaves the old state or the new one: temporary name, fsync, rename, fsync of the folder.

Put here: files and JSON. Keep out: what is written.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

TEMPORARY = ".tmp-"


def canonical_json(document: Any) -> bytes:
    """JSON with sorted keys and fixed spacing, as bytes; the form that is hashed."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sha256_of(data: bytes) -> str:
    """Hex sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file, read once."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make renames within `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_with(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        write(temporary)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_chunks(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a stream of bytes as one file in one step."""

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as stream:
            for chunk in chunks:
                stream.write(chunk)

    write_with(path, fill)


def write_json(path: Path, document: Any) -> None:
    """Write a document as readable JSON with sorted keys, in one step."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
    write_chunks(path, [text.encode()])


def read_json(path: Path) -> Any:
    """The document in `path`."""
    return json.loads(path.read_bytes())
