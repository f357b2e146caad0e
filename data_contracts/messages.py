"""Every sentence a user reads, by id, in Chinese and English.

Put here: looking a sentence up and filling it. Keep out: the sentences (messages/*.yaml, one file per room).
"""

from functools import cache
from pathlib import Path

from data_contracts.closed import DefinitionError, nearest, read_yaml

LANGUAGES = ("zh", "en")
_FOLDER = Path(__file__).parent / "messages"


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """All sentences: id → {zh, en}. An id defined twice or in one language only is an error."""
    sentences: dict[str, dict[str, str]] = {}
    for path in sorted(_FOLDER.glob("*.yaml")):
        for message_id, wording in (read_yaml(path) or {}).items():
            if message_id in sentences:
                raise DefinitionError(f"{path.name}: sentence '{message_id}' is defined in another file too")
            if not isinstance(wording, dict) or sorted(wording) != ["en", "zh"]:
                raise DefinitionError(f"{path.name}: sentence '{message_id}' needs exactly zh and en")
            sentences[message_id] = {language: str(wording[language]) for language in LANGUAGES}
    return sentences


def text(message_id: str, language: str, **params: object) -> str:
    """The sentence `message_id` in `language` with `{name}` places filled from `params`."""
    sentences = catalogue()
    if message_id not in sentences:
        raise KeyError(f"no sentence '{message_id}'; nearest: {nearest(message_id, sorted(sentences))}")
    return sentences[message_id][language].format(**params)


def both(message_id: str, **params: object) -> dict[str, str]:
    """The sentence in both languages: {"zh": …, "en": …}."""
    return {language: text(message_id, language, **params) for language in LANGUAGES}
