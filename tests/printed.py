"""A page of money as a test reads it: rows, links, elements, words, and printed amounts as fen.

Put here: reading of pages that several tests share. Keep out: what a page ought to say.
"""

from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """Tables as rows of (class, cells), links, the names of elements, and every piece of text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.rows: list[tuple[str, list[str]]] = []
        self.links: list[str] = []
        self.elements: set[str] = set()
        self.words: list[str] = []
        self._cell: list[str] | None = None
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.add(tag)
        if tag == "tr":
            self.rows.append((given.get("class") or "", []))
        if tag in ("td", "th"):
            self._cell = []
        if href := given.get("href"):
            self.links.append(href)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.rows[-1][1].append("".join(self._cell).strip())
            self._cell = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._cell is not None:
            self._cell.append(data)


def fen(cell: str) -> int:
    """The amount of a printed cell."""
    return int(Decimal(cell.replace(",", "").replace("−", "-").replace("+", "")) * 100)
