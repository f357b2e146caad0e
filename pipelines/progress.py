"""Progress on a terminal: a line that names the step, and nothing at all where there is no terminal."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """A function that shows the step it is given until the next one."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("…") as status:
        yield status.update


class _Shown(logging.Handler):
    """Gives what is logged to a function that shows it."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show(record.getMessage())


@contextmanager
def steps_logged_to(name: str) -> Iterator[None]:
    """Show every step that is logged under `name` until the end."""
    logger = logging.getLogger(name)
    level = logger.level
    with steps() as show:
        handler = _Shown(show)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = True
