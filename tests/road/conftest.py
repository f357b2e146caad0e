"""A small demo city run once per test session, and how to run the command line as a user would."""

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.made_once import made_once

# Long enough that two communities merge and a township is divided.
FIRST, LAST, RESIDENTS, SEED = "2024Q1", "2025Q3", 2_000, 7


def kangheng(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the console script in a process of its own."""
    command = [str(Path(sys.executable).with_name("kangheng")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


def make_city(path: Path, residents: int = RESIDENTS, first: str = FIRST) -> Path:
    """The small demo city in `path`, not run yet."""
    done = kangheng("demo", "--home", path, "--residents", residents, "--seed", SEED, "--periods", f"{first}:{LAST}")
    assert done.returncode == 0, done.stderr
    return path


def run_city(path: Path, **environment: str) -> Path:
    """Run the last period; returns the release folder, which is the last word printed."""
    done = kangheng("run", "--home", path, "--period", LAST, **environment)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip().splitlines()[-1].split("：")[-1])


def released(release: Path, table: str) -> pl.DataFrame:
    """A released table."""
    return pl.read_parquet(release / "internal" / "tables" / f"{table}.parquet")


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo city that has been run; whoever changes anything in it copies it first."""
    return made_once(tmp_path_factory, "city_on_the_road", lambda path: run_city(make_city(path)))


@pytest.fixture(scope="session")
def release(city: Path) -> Path:
    """Its release."""
    return city / "releases" / f"{LAST}-r1"
