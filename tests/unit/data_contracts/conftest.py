"""A shipped contract to change in one place, and the files it and other documents are written to."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import settings

import data_contracts
from data_contracts.closed import read_yaml
from data_contracts.codes import CodeList, read_code_lists
from data_contracts.contracts import Catalog, FeedContract, read_feed

# Shared machines pause tests for longer than a deadline allows.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

PACKAGE = Path(data_contracts.__file__).parent
Change = Callable[[dict[str, Any]], object]


def unchanged(document: dict[str, Any]) -> None:
    """Change nothing."""


@dataclass
class Draft:
    """A copy of a shipped contract: `read` applies a change to the document and reads it from a file."""

    folder: Path
    key: str
    codes: dict[str, CodeList]

    def read(self, change: Change = unchanged) -> FeedContract:
        path = self.folder / self.key / "2017-01-01.yaml"
        document = copy.deepcopy(read_yaml(PACKAGE / "feeds" / self.key / path.name))
        change(document)
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        return read_feed(path, self.codes)


@pytest.fixture
def draft(tmp_path):
    """Make a draft of the feed named."""

    def make(key: str, codes: dict[str, CodeList] | None = None) -> Draft:
        return Draft(tmp_path, key, codes or read_code_lists())

    return make


@pytest.fixture
def written(tmp_path):
    """Write text or bytes to a file of the name given."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture(scope="session")
def catalog():
    """The feeds the package ships."""
    return Catalog.load()
