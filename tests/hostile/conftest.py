"""One fixture: judge a case in a folder of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.hostile.harness")

from assets.intake.check import CheckResult  # noqa: E402
from tests.hostile.harness import Case, judge  # noqa: E402


@pytest.fixture
def verdict(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Callable[[Case], CheckResult]:
    """Judge a case; what it logs is looked at too."""
    return lambda case: judge(case, tmp_path, caplog)
