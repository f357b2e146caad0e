"""How a command can end without being done: words for the entry point to turn into exit codes."""


class SaysNo(RuntimeError):  # noqa: N818
    """Data or rules say no: a blocking check failed or money rules conflict. The release in force is unchanged."""


class StepFailed(RuntimeError):  # noqa: N818
    """A step of the road failed; the message names the step and the kind of failure."""
