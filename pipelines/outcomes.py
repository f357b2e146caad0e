"""How a command can end without being done: words for the entry point to turn into exit codes."""

from collections.abc import Mapping


class SaysNo(RuntimeError):  # noqa: N818
    """Data or rules say no: a blocking check failed or money rules conflict. A release in force is unchanged.

    `words`: why, in zh and en.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__(words["en"])
        self.words = words


class StepFailed(RuntimeError):  # noqa: N818
    """A step of the road failed; the message names the step and the kind of failure."""
