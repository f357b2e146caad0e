"""Reading the SQL files by table name.

Put here: name → text. Keep out: changing the text in any way.
"""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@cache
def read(table: str) -> str:
    """The SELECT that makes `table`; FileNotFoundError if there is none."""
    return (_FOLDER / f"{table}.sql").read_text("utf-8")


def names() -> list[str]:
    """All tables that have a SQL file, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.sql"))
