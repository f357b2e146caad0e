"""Every sentence a user reads, by id, in Chinese and English.

Put here: looking a sentence up and filling it. Keep out: the sentences (messages/*.yaml, one file per room).
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from data_contracts.closed import DefinitionError, nearest, read_yaml

LANGUAGES = ("zh", "en")
_YUAN = {"zh": "元", "en": "yuan"}
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
    """The sentence `message_id` in `language` with `{name}` places filled from `params`.

    `{major}`, the currency, is yuan where nobody says otherwise.
    """
    sentences = catalogue()
    if message_id not in sentences:
        raise KeyError(f"no sentence '{message_id}'; nearest: {nearest(message_id, sorted(sentences))}")
    return sentences[message_id][language].format(**{"major": _YUAN[language], **params})


def both(message_id: str, **params: object) -> dict[str, str]:
    """The sentence in both languages: {"zh": …, "en": …}; a parameter may itself be such words in both."""
    return {
        language: text(
            message_id,
            language,
            **{name: value[language] if isinstance(value, dict) else value for name, value in params.items()},
        )
        for language in LANGUAGES
    }


def wrong(message_id: str, **params: object) -> DefinitionError:
    """The error to raise where a definition or an argument is wrong, in both languages."""
    words = both(message_id, **params)
    return DefinitionError(words.__getitem__)


def wrong_condition(where: str, problem: str) -> DefinitionError:
    """The error for a condition of a home that the engine may not run; `problem` is said in English only."""
    words = {"zh": text("wrong_condition", "zh"), "en": problem}
    return wrong("wrong_at", where=where, problem=words)


def did_you_mean(name: str, known: Iterable[str], sentence: str = "wrong_hint") -> dict[str, str]:
    """The end of a sentence that names the nearest known name, empty words where nothing is near."""
    near = nearest(name, sorted(known))
    return both(sentence, near=near) if near else dict.fromkeys(LANGUAGES, "")
