"""`make bench`: how long the road takes from archive to indicators, against DuckDB copying the same files as text.

Benchmark home: one million residents, four quarters of 2025, no faults; kept in .home/ between runs. Only ratios of
one run mean anything; seconds are printed to read them by.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from pipelines.demo_home import make_demo_home
from pipelines.run import run_period

_HOMES = Path(__file__).parents[1] / ".home"
_PERIOD = "2025Q4"
_STAGES = ("archive", "stg", "link", "mart", "ind")


def copy_as_text(home: Path, scratch: Path) -> float:
    """Seconds DuckDB takes to copy every CSV of the landing folder to Parquet with all columns as text.

    DuckDB reads UTF-8 only, so files in another encoding are transcoded first, outside the measured time.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    sources = []
    for number, path in enumerate(sorted((home / "landing").rglob("*.csv"))):
        data = path.read_bytes()
        try:
            data.decode("utf-8")
            sources.append(path)
        except UnicodeDecodeError:
            copy = scratch / f"{number}.csv"
            copy.write_bytes(data.decode("gb18030").encode())
            sources.append(copy)
    with duckdb.connect(config={"threads": "2"}) as con:
        start = time.perf_counter()
        for number, source in enumerate(sources):
            name, target = str(source).replace("'", "''"), scratch / f"{number}.parquet"
            con.execute(
                f"copy (select * from read_csv('{name}', all_varchar = true, header = true, delim = ',')) "  # noqa: S608
                f"to '{target}' (format parquet)"
            )
        elapsed = time.perf_counter() - start
    shutil.rmtree(scratch)
    return elapsed


def walk(home: Path) -> dict[str, float]:
    """Seconds per stage from archive to indicators, in a fresh vault and lake, after imports."""
    from assets.stages import road as steps
    from assets.stages.plan import Plan

    for name in ("vault", "lake", "releases", "tmp"):
        shutil.rmtree(home / name, ignore_errors=True)
    road, plan = steps.Road.open(home), Plan.of_home(home)
    tables = {
        "archive": ["archive__files"],
        "stg": [feed.table for feed in plan.feeds],
        "link": ["link__persons"],
        "mart": list(plan.marts),
        "ind": ["ind__counts", "ind__values"],
    }
    seconds = {}
    for stage in _STAGES:
        start = time.perf_counter()
        road.advance(stage, tables[stage], _PERIOD)
        seconds[stage] = time.perf_counter() - start
    return seconds


def late_file(home: Path) -> float:
    """Seconds to take in one late file, a copy of a small one with another name and a delivery note."""
    source = next(iter(sorted((home / "landing/health_bureau/survey").rglob("*2025Q4*.csv"))))
    late = source.with_name("late_2025Q4.csv")
    late.write_bytes(source.read_bytes().replace(b"DC2025Q4", b"DX2025Q4"))
    start = time.perf_counter()
    try:
        run_period(home, _PERIOD)
    finally:
        elapsed = time.perf_counter() - start
        late.unlink()
    return elapsed


def nothing_new(home: Path) -> float:
    """Seconds of a run with nothing new, in a process of its own."""
    start = time.perf_counter()
    command = [str(Path(sys.executable).with_name("kangheng")), "run", "--home", str(home), "--period", _PERIOD]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--residents", type=int, default=1_000_000)
    residents = arguments.parse_args().residents
    home = _HOMES / f"bench-{residents}"
    if not (home / "home.yaml").is_file():
        shutil.rmtree(home, ignore_errors=True)
        start = time.perf_counter()
        summary = make_demo_home(home, residents=residents, seed=1, first="2025Q1", last="2025Q4", faults=False)
        print(f"generated {summary.records} records in {summary.files} files: {time.perf_counter() - start:.1f} s")
    copy = copy_as_text(home, home / "tmp" / "copy")
    seconds = walk(home)
    total = sum(seconds.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"copy as text: {copy:.1f} s")
    print("  ".join(f"{stage} {value:.1f} s" for stage, value in seconds.items()))
    print(f"archive to ind: {total:.1f} s = {total / copy:.2f} x copy; peak memory {peak:.2f} GB")
    start = time.perf_counter()
    run_period(home, _PERIOD)
    print(f"the rest of the road (scores, money, release): {time.perf_counter() - start:.1f} s")
    print(f"nothing new: {nothing_new(home):.1f} s")
    print(f"one late file: {late_file(home):.1f} s")


if __name__ == "__main__":
    main()
