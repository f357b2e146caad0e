"""Faults for tests of everything that must survive them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeVar

import pytest

State = TypeVar("State")
CrashEverywhere = Callable[[Callable[[], Any], Callable[[Any], object], Callable[[Any], None]], int]

_CHANGES = ("fsync", "rename", "replace", "unlink", "mkdir", "chmod")


class Crash(BaseException):
    """The process died here: nothing it tries afterwards reaches the disk."""


@contextmanager
def _dying_at(step: int) -> Iterator[None]:
    """From the `step`-th call that changes the disk on, no such call happens any more."""
    steps = count(1)

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if next(steps) >= step:
                raise Crash
            return real(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in _CHANGES:
            patch.setattr(os, name, failing(getattr(os, name)))
        yield


@pytest.fixture
def crash_everywhere() -> CrashEverywhere:
    """Run prepare → act → check with act dying at its first, second … change of the disk, until it gets through."""

    def run(prepare: Callable[[], State], act: Callable[[State], object], check: Callable[[State], None]) -> int:
        for step in count(1):
            state = prepare()
            try:
                with _dying_at(step):
                    act(state)
            except Crash:
                check(state)
            else:
                check(state)
                return step - 1
        raise AssertionError

    return run
