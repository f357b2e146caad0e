"""Fingerprints: what a result depends on, as one hash. Equal fingerprints mean there is nothing to recompute."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def combine(*parts: str) -> str:
    """One hash of several texts; order matters, boundaries cannot be confused."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:".encode())
        digest.update(part.encode())
    return digest.hexdigest()


@cache
def code_fingerprint(*rooms: str) -> str:
    """Hash of all Python and SQL source below the given folders of the project, such as `assets/intake`."""
    files = sorted(
        path
        for room in rooms
        for path in ((_ROOT / room).rglob("*") if (_ROOT / room).is_dir() else [_ROOT / room])
        if path.suffix in (".py", ".sql") and "__pycache__" not in path.parts
    )
    return combine(*(text for path in files for text in (str(path.relative_to(_ROOT)), path.read_text("utf-8"))))


def library_fingerprint(*names: str) -> str:
    """Hash of the installed versions of libraries whose next version may make something else of the same input."""
    return combine(*(text for name in names for text in (name, version(name))))
