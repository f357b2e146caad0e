"""Homes of benchmarks/real/ built from public data and computed without a release; counted again from the files."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.real import build_home
from data_contracts.closed import DefinitionError
from tests.computed import Computed, compute

DATA = os.environ.get("KANGHENG_DATA")
TEMPLATES = Path(__file__).parents[2] / "benchmarks" / "real"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of public data sets."""
    if not DATA:
        pytest.skip("KANGHENG_DATA is not set: nothing is compared with public data")
    return Path(DATA)


@pytest.fixture(scope="session")
def rows(data: Path) -> Callable[[str], list[dict[str, str]]]:
    """The rows of a file below the folder of public data, as text."""

    def read(name: str) -> list[dict[str, str]]:
        with (data / name).open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.DictReader(stream))

    return read


@pytest.fixture(scope="session")
def computed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Computed]:
    """Build the home of a template and compute it as far as indicators, or as `stages` say."""

    def build(template: str, *stages: tuple[str, list[str]]) -> Computed:
        home = build_home(TEMPLATES / template, data, tmp_path_factory.mktemp(template) / "home")
        try:
            return compute(home, stages)
        except DefinitionError as error:
            pytest.fail(str(error))

    return build
