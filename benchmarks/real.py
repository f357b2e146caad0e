"""`make real`: the road on public data that nobody here wrote, by contracts and settings alone.

Each folder of benchmarks/real/ is a home in YAML plus sources.yaml, which says where below KANGHENG_DATA each landing
file comes from. This driver knows no home; it copies, runs, verifies and prints what was accepted, refused, computed.
"""

import os
import shutil
import sys
from pathlib import Path

import polars as pl
import yaml

from assets.intake.tabular import UNREADABLE_RULES
from assets.release.publish import PROFILE
from assets.release.verify import verify
from pipelines.run import run_period

_TEMPLATES = Path(__file__).parent / "real"
_BUILT = Path(__file__).parents[1] / ".home" / "real"


class MissingDataError(RuntimeError):
    """The folder of public data is not there; the message names it."""


def build_home(template: Path, data: Path, place: Path) -> Path:
    """Copy the home in `template` to `place` and land its files from `data`."""
    sources = yaml.safe_load((template / "sources.yaml").read_text("utf-8"))
    for source in sources.values():
        if not (data / source).is_file():
            raise MissingDataError(f"{data / source}: not there; KANGHENG_DATA must name the folder that holds it")
    if place.exists():
        shutil.rmtree(place)
    shutil.copytree(template, place, ignore=shutil.ignore_patterns("sources.yaml"))
    for landing, source in sources.items():
        target = place / "landing" / landing
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(data / source, target)
    return place


def report(home: Path) -> bool:
    """Run the home's last period and print the outcome; whether the release verifies."""
    result = run_period(home, None)
    for line in result.lines("en"):
        print(line)
    tables = result.release / PROFILE / "tables"
    files = pl.read_parquet(tables / "quality__files.parquet")
    print("\nFiles: records = unreadable + not data + quarantined + current + superseded + duplicate")
    for row in files.sort("sender", "feed").iter_rows(named=True):
        counts = [row[name] for name in ("unreadable", "non_data", "quarantined", "current", "superseded", "duplicate")]
        print(f"  {row['sender']}.{row['feed']}: {row['records']} = {' + '.join(map(str, counts))}")
    rules = pl.read_parquet(tables / "quality__rules.parquet")
    print("\nRules: violated / checked (built-in checks only where violated)")
    built_in = pl.col("rule_id").str.contains("^(type|required|code)_") | pl.col("rule_id").is_in(UNREADABLE_RULES)
    for row in rules.filter((pl.col("records") > 0) | ~built_in).sort("feed", "rule_id").iter_rows(named=True):
        print(f"  {row['feed']} {row['rule_id']} ({row['severity']}): {row['records']} / {row['checked']}")
    values = pl.read_parquet(tables / "ind__values.parquet")
    top = pl.read_parquet(tables / "mart__areas.parquet").sort("leaf_count").tail(1)
    print("\nIndicators of the whole area, and areas by status")
    whole = values.filter((pl.col("area_level") == top["area_level"][0]) & (pl.col("area_id") == top["area_id"][0]))
    for row in whole.sort("indicator_id").iter_rows(named=True):
        spread = values.filter(pl.col("indicator_id") == row["indicator_id"])["status"].value_counts().sort("status")
        shares = ", ".join(f"{status} {count}" for status, count in spread.rows())
        counts = f"{row['numerator']} / {row['denominator']}"
        print(f"  {row['indicator_id']}: {row['value']} [{counts}] {row['status']}; areas: {shares}")
    payees = pl.read_parquet(tables / "alloc__payees.parquet")
    if payees.height:
        bounds = payees["bound"].value_counts().sort("bound").rows()
        print(f"\nMoney: {payees.height} payees, {payees['amount_fen'].sum()} minor units; bounds {dict(bounds)}")
    outcome = verify(result.release)
    print("\n".join(outcome.lines("en")))
    return outcome.passed


def main() -> int:
    """Run every home below benchmarks/real/."""
    data = os.environ.get("KANGHENG_DATA")
    if not data:
        print("KANGHENG_DATA is not set; it must name the folder of public data sets", file=sys.stderr)
        return 2
    passed = True
    for template in sorted(path for path in _TEMPLATES.iterdir() if path.is_dir()):
        print(f"\n=== {template.name} " + "=" * 60)
        try:
            home = build_home(template, Path(data), _BUILT / template.name)
        except MissingDataError as error:
            print(error, file=sys.stderr)
            return 2
        passed = report(home) and passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
