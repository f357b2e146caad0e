"""Writing so that a crash leaves the old state or the new one: temporary name, fsync, rename, fsync of the folder.

Put here: files, folders, JSON and locks. Keep out: what is written.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Create `folder` and those above it that are missing, each durable before the next is made."""
    for missing in reversed([item for item in (folder, *folder.parents) if not item.is_dir()]):
        missing.mkdir(mode=mode, exist_ok=True)
        sync_folder(missing.parent)


def temporary_beside(path: Path) -> Path:
    """Name under which this process prepares `path`; `clear_leftovers` finds it if the process dies."""
    return path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")


def write_with(path: Path, write: Callable[[Path], None], mode: int | None = None) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place in one step.

    With `mode` the file has these permissions before its first byte is written.
    """
    make_folder(path.parent)
    temporary = temporary_beside(path)
    try:
        if mode is not None:
            temporary.touch(mode=mode)
        write(temporary)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_chunks(path: Path, chunks: Iterable[bytes], mode: int | None = None) -> None:
    """Write a stream of bytes as one file in one step."""

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as stream:
            for chunk in chunks:
                stream.write(chunk)

    write_with(path, fill, mode)


def write_json(path: Path, document: Any, mode: int | None = None) -> None:
    """Write a document as readable JSON with sorted keys, in one step."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
    write_chunks(path, [text.encode()], mode)


def read_json(path: Path) -> Any:
    """The document in `path`."""
    return json.loads(path.read_bytes())


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for others; the system lets go of it when the process dies."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def clear_leftovers(found: Iterable[Path]) -> None:
    """Remove temporary files of processes that are gone, and of this one, which has none open."""
    for path in sorted(found):
        if path.is_file() and not _another_writes(path):
            path.unlink(missing_ok=True)


def _another_writes(temporary: Path) -> bool:
    process = temporary.name.removeprefix(TEMPORARY).partition("-")[0]
    if not process.isdigit() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
