"""The access log: who opened what and why, as a chain in which every entry carries the hash of the one before.

Put here: appending to the log and proving it. Keep out: what is opened, and deciding who may.
A chain shows any change within it. That its end was cut off shows only against a head kept elsewhere.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.lake.atomic import canonical_json, locked, sha256_of, sync_folder
from assets.lake.home import Home

_START = "0" * 64


class AccessLogError(RuntimeError):
    """The access log is not the one that was written; the message names the line."""


@dataclass(frozen=True)
class Head:
    """The end of the chain: how many entries, and the hash of the last one."""

    entries: int
    sha256: str


def record(home: Home, *, user: str, purpose: str, action: str, target: str) -> Head:
    """Append an entry, durably, before the caller does what it announces; raises ValueError without user and purpose.

    Raises AccessLogError, and writes nothing, if the log so far does not hold.
    """
    if not user.strip() or not purpose.strip():
        raise ValueError(f"{action}: user and purpose are needed")
    path = _path(home)
    with locked(path):
        head = verify_chain(home)
        entry = {
            "number": head.entries + 1,
            "previous": head.sha256,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "user": user,
            "purpose": purpose,
            "action": action,
            "target": target,
        }
        line = canonical_json(entry)
        data = path.read_bytes()
        with path.open("ab") as log:
            # An entry torn by a crash stays where it is; the next one starts on a line of its own.
            log.write((b"" if data.endswith(b"\n") or not data else b"\n") + line + b"\n")
            log.flush()
            os.fsync(log.fileno())
        path.chmod(0o600)
        sync_folder(path.parent)
    return Head(head.entries + 1, sha256_of(line))


def entries(home: Home) -> list[dict[str, Any]]:
    """All entries in order, after proving the chain."""
    return [entry for entry, _ in _proven(_path(home))]


def verify_chain(home: Home) -> Head:
    """The end of the chain; raises AccessLogError naming the first line that was changed, moved or taken out."""
    proven = _proven(_path(home))
    return Head(len(proven), proven[-1][1] if proven else _START)


def _proven(path: Path) -> list[tuple[dict[str, Any], str]]:
    found: list[tuple[dict[str, Any], str]] = []
    lines = path.read_bytes().split(b"\n") if path.is_file() else []
    for place, line in enumerate(lines, start=1):
        entry = _entry(line)
        if entry is None:
            continue
        expected = (len(found) + 1, found[-1][1] if found else _START)
        if (entry.get("number"), entry.get("previous")) != expected:
            raise AccessLogError(f"{path.name}, line {place}: does not follow from the entry before it")
        found.append((entry, sha256_of(line)))
    return found


def _entry(line: bytes) -> dict[str, Any] | None:
    """The entry on a line, or None for an empty or torn line, which was never a finished entry."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _path(home: Home) -> Path:
    return home.vault / "access.jsonl"
