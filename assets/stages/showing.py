"""How notes of a step look on Dagster's page: numbers, links that open from the page, tables with links in them.

Put here: from plain values to Dagster's metadata. Keep out: what is noted (notes.py, checks.py).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg

from data_contracts.messages import both

# Where the desk serves what people open: address → folder below the home, and below the program.
HOME_FOLDERS = {"/home/fixlists": "fixlists", "/home/releases": "releases", "/home/contracts": "contracts"}
PROGRAM_FOLDERS = {"/program/sql": "sql", "/program/feeds": "data_contracts/feeds"}
_ROWS = 200


def address(path: Path, home: Path) -> str:
    """The address at which the desk of `home` serves the file `path`."""
    relative = path.relative_to(home).as_posix()
    return next(
        f"{place}/{_quoted(relative.removeprefix(f'{folder}/'))}"
        for place, folder in HOME_FOLDERS.items()
        if relative.startswith(f"{folder}/")
    )


def _quoted(path: str) -> str:
    """Quoted where an address needs it; Chinese stays readable."""
    return "".join(letter if letter > "\x7f" else quote(letter) for letter in path)


def shown(notes: Mapping[str, Any], home: Path) -> dict[str, Any]:
    """Notes as Dagster metadata."""
    return {label(name): _value(value, home) for name, value in notes.items()}


def label(name: str) -> str:
    """A note's name as people read it, `fix_list H01` with what it is about; Dagster's own names stay as they are."""
    if name.startswith("dagster/"):
        return name
    kind, _, about = name.partition(" ")
    return " ".join([*both(f"desk_note_{kind}").values(), about]).rstrip()


def _value(value: Any, home: Path) -> Any:
    if isinstance(value, Path):
        return dg.MetadataValue.url(address(value, home))
    if isinstance(value, list):
        return dg.MetadataValue.md(_table(value, home))
    return value


def _table(rows: list[dict[str, Any]], home: Path) -> str:
    if not rows:
        return "—"
    names = list(rows[0])
    lines = [[label(name) for name in names], ["---"] * len(names)]
    lines += [[_cell(row[name], home) for name in names] for row in rows[:_ROWS]]
    if len(rows) > _ROWS:
        lines.append([f"… {len(rows) - _ROWS}", *[""] * (len(names) - 1)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any, home: Path) -> str:
    if isinstance(value, Path):
        return f"[{_plain(value.name)}]({address(value, home)})"
    return _plain(str(value))


def _plain(text: str) -> str:
    """Text that Markdown shows as it is; names of files come from senders."""
    return re.sub(r"([\\`*_{}\[\]()<>#+!|~-])", r"\\\1", " ".join(text.split()))
