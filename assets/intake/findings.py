"""What intake says about a file as a whole: a finding with a sentence id, never with a value from the file."""

from dataclasses import dataclass, field
from typing import Any

from data_contracts.messages import text


@dataclass(frozen=True)
class Finding:
    """Something about a file, by sentence id; `params` hold places, names of columns and counts only."""

    sentence: str
    params: dict[str, Any] = field(default_factory=dict)

    def words(self, language: str) -> str:
        """The finding as a sentence."""
        return text(self.sentence, language, **self.params)


class FileRefused(Exception):  # noqa: N818  (a verdict about a file, not a fault of the program)
    """The file as a whole cannot be taken; `finding` says why and what to do."""

    def __init__(self, sentence: str, **params: Any) -> None:
        self.finding = Finding(sentence, params)
        super().__init__(sentence)
