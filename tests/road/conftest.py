"""A small demo city run once per test session, and how to run the command line as a user would."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipelines import cli
from tests.made_once import made_once

# Long enough that two communities merge and a township is divided.
FIRST, LAST, RESIDENTS, SEED = "2024Q1", "2025Q3", 2_000, 7


def kangheng(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the console script in a process of its own."""
    command = [str(Path(sys.executable).with_name("kangheng")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


@pytest.fixture
def kangheng_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """As `kangheng` in this process: the same entry point, without starting Python and loading libraries again."""

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = ["kangheng", *map(str, arguments)]
        monkeypatch.setattr("sys.argv", command)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(command, ended.value.code, *capsys.readouterr())

    return call


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


def before_any_run(city: Path, path: Path) -> Path:
    """The home `city` as it was before anything ran in it, copied to `path`: another vault with other keys."""
    path.mkdir(parents=True)
    for name in ("home.yaml", "settings", "landing", "contracts"):
        source = city / name
        shutil.copytree(source, path / name) if source.is_dir() else shutil.copyfile(source, path / name)
    return path


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
