"""What intake says about a file as a whole: a finding with a sentence id, never with a value from the file."""

from dataclasses import dataclass, field
from typing import Any

from data_contracts.messages import both


@dataclass(frozen=True)
class Finding:
    """Something about a file, by sentence id; `params` hold places, names of columns and counts only.

    A parameter may itself be words: {"zh": …, "en": …}.
    """

    sentence: str
    params: dict[str, Any] = field(default_factory=dict)

    def words(self, language: str) -> str:
        """The finding as a sentence."""
        return both(self.sentence, **self.params)[language]


class FileRefused(Exception):  # noqa: N818  (a verdict about a file, not a fault of the program)
    """The file as a whole cannot be taken; `finding` says why and what to do."""

    def __init__(self, sentence: str, **params: Any) -> None:
        self.finding = Finding(sentence, params)
        super().__init__(sentence)


_SHOWN = 5


@dataclass
class Places:
    """How often something was met, and on which lines first."""

    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Once more, on `line`."""
        self.count += 1
        if len(self.lines) < _SHOWN and line not in self.lines:
            self.lines.append(line)

    def finding(self, sentence: str, **params: Any) -> Finding:
        """The finding that names `count` and the first of the lines."""
        shown = ", ".join(map(str, self.lines)) + (" …" if self.count > len(self.lines) else "")
        return Finding(sentence, {"count": self.count, "lines": shown, **params})
