"""The same content under other keys, folders, time zones, locales and threads, after kills, and through the desk."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_contracts.settings.loading import REGISTRY
from tests.made_once import made_once
from tests.road.conftest import LAST, before_any_run, make_city, run_city

# As many periods as carry something on to the next: these tests walk the whole road again and again.
FIRST, RESIDENTS = "2025Q2", 800
CHANGED = ("threads", "memory_limit_mb")
ELSEWHERE = {"TZ": "America/Los_Angeles", "LC_ALL": "C", "POLARS_MAX_THREADS": "1", "PYTHONHASHSEED": "5"}


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smaller city, run; whoever changes anything in it copies it first."""

    def make(path: Path) -> None:
        run_city(make_city(path, residents=RESIDENTS, first=FIRST))

    return made_once(tmp_path_factory, "small_city_on_the_road", make)


@pytest.fixture(scope="session")
def release(city: Path) -> Path:
    """Its release."""
    return city / "releases" / f"{LAST}-r1"


def content_hash(release: Path) -> str:
    """The hash a release promises."""
    return str(json.loads((release / "internal/manifest.json").read_text("utf-8"))["content_hash"])


@pytest.mark.slow
def test_killed_anywhere_the_next_run_gives_the_same(city: Path, release: Path, tmp_path: Path) -> None:
    """And with another key, in another folder, time zone and locale, on one thread."""
    city = before_any_run(city, tmp_path / "另一个 目录")
    own = [line for line in (REGISTRY / "limits.yaml").read_text("utf-8").splitlines() if line.startswith(CHANGED)]
    assert len(own) == len(CHANGED)
    (city / "settings/limits.yaml").write_text("threads: 1\nmemory_limit_mb: 1500\n", encoding="utf-8")
    rng = random.Random(11)  # noqa: S311
    command = [str(Path(sys.executable).with_name("kangheng")), "run", "--home", str(city), "--period", LAST]
    kills = 0
    for _ in range(4):
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **ELSEWHERE},
        )
        time.sleep(rng.uniform(1.0, 9.0))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
        pointer = city / "releases/current.json"
        if pointer.is_file():
            named = json.loads(pointer.read_text("utf-8"))["periods"][LAST]
            assert (city / "releases" / named / "internal/manifest.json").is_file()
    assert kills
    assert content_hash(run_city(city, **ELSEWHERE)) == content_hash(release)


@pytest.mark.slow
def test_materialising_from_the_desk_gives_the_same(city: Path, release: Path, tmp_path: Path) -> None:
    copy = before_any_run(city, tmp_path / "desk")
    script = (
        "import dagster as dg\n"
        "from pipelines.definitions import defs\n"
        f"with dg.DagsterInstance.ephemeral() as i:\n"
        f"    r = defs.resolve_job_def('road').execute_in_process(instance=i, partition_key='{LAST}')\n"
        "    assert r.success\n"
    )
    environment = {**os.environ, "KANGHENG_HOME": str(copy), "DAGSTER_DISABLE_TELEMETRY": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert content_hash(copy / "releases" / f"{LAST}-r1") == content_hash(release)


def test_a_late_file_makes_a_new_release_and_only_then(city: Path, release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "late"
    shutil.copytree(city, copy)
    source = next(iter(sorted((copy / "landing/health_bureau/survey").rglob(f"*{LAST}.csv"))))
    late = source.with_name(f"补报_{LAST}.csv")
    lines = source.read_text("utf-8").splitlines()
    late.write_text(
        "\n".join([lines[0], *(line.replace("DC", "DX", 1) for line in lines[1:40])]) + "\n", encoding="utf-8"
    )
    second = run_city(copy)
    assert second.name == f"{LAST}-r2"
    assert content_hash(second) != content_hash(release)
    assert content_hash(copy / "releases" / f"{LAST}-r1") == content_hash(release)
    manifest = json.loads((second / "internal/manifest.json").read_text("utf-8"))
    assert manifest["previous"]["release"] == f"{LAST}-r1"
