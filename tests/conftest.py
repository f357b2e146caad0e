"""One profile for Hypothesis: a busy machine is no failure, so an example has no deadline. And the order of tests."""

import gc
from collections import defaultdict

import pytest
from hypothesis import settings

settings.register_profile("kangheng", deadline=None)
settings.load_profile("kangheng")
# As the command line does (pipelines.cli): else a tenth of the time goes into looking for garbage among libraries.
gc.set_threshold(20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules that take longest first: no worker begins one when the other has nothing left, or waits for its city."""
    modules: defaultdict[str, list[bool]] = defaultdict(list)
    for item in items:
        modules[item.nodeid.partition("::")[0]].append(_takes_long(item))
    share = {name: sum(long) / len(long) for name, long in modules.items()}
    items.sort(key=lambda item: -share[item.nodeid.partition("::")[0]])


def _takes_long(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None or "city" in getattr(item, "fixturenames", ())
