"""A home to write in."""

from pathlib import Path

import pytest

from assets.lake.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home.yaml").write_text("format: 1\n", encoding="utf-8")
    return Home.open(tmp_path)
