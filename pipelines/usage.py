"""What is wrong with the words of a command, in both languages: the command-line library itself speaks English only.

Put here: from the library's complaint to ours. Keep out: anything a command does.
"""

import re

from typer.exceptions import TyperException

from data_contracts.messages import both

_SENTENCES = {
    "MissingParameter": "usage_missing",
    "NoSuchOption": "usage_no_option",
    "BadParameter": "usage_value",
    "BadOptionUsage": "usage_option_values",
}


# What was given, as the library quotes it after the name of the option.
_QUOTED = re.compile(r"'([^']+)'")


def wrong_usage(error: TyperException) -> dict[str, str]:
    """The complaint in zh and en; in English the library's own words, which name the nearest option too."""
    sentence = _SENTENCES.get(type(error).__name__, "usage_other")
    context = getattr(error, "ctx", None)
    if sentence == "usage_no_option" and context is not None and context.parent is None:
        # Before the command stands nothing but the program's own name, and every option is of a command.
        return both("usage_option_before", name=getattr(error, "option_name", ""))
    parameter = getattr(error, "param", None)
    name = getattr(error, "option_name", None) or (parameter.opts[0] if parameter is not None else "")
    given = _QUOTED.search(error.format_message().partition(":")[2]) if sentence == "usage_value" else None
    words = both(sentence, name=name, given=f"“{given[1]}”" if given else "")
    return {**words, "en": error.format_message()}
