"""`make real`: the road on public data that nobody here wrote, by contracts and settings alone.

Each folder of benchmarks/real/ is a home in YAML plus sources.yaml, which says where below KANGHENG_DATA each landing
file comes from: a copy of a file, or the answer of a query to such files. This driver knows no home; it lands, runs,
verifies and prints what was accepted, refused, computed.
"""

import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import polars as pl
import yaml

from assets.engine.duck import query
from assets.intake.blocks import UNREADABLE_RULES
from assets.intake.quality import rule_rows
from assets.release.publish import PROFILE
from assets.release.verify import verify
from assets.stages.road import Road
from data_contracts.closed import Closed, parse
from pipelines.run import run_period

_TEMPLATES = Path(__file__).parent / "real"
_BUILT = Path(__file__).parents[1] / ".home" / "real"


class MissingDataError(RuntimeError):
    """The folder of public data is not there; the message names it."""


class Derived(Closed):
    """A landing file that no sender delivers: the answer of a query to files of KANGHENG_DATA, every column as text."""

    query: str
    tables: dict[str, str]
    parameters: dict[str, str] = {}


def build_home(template: Path, data: Path, place: Path) -> Path:
    """Make the home in `template` at `place` and land its files from `data`."""
    document = yaml.safe_load((template / "sources.yaml").read_text("utf-8"))
    sources = {
        landing: source if isinstance(source, str) else parse(Derived, source, f"{template.name}/sources.yaml")
        for landing, source in document.items()
    }
    for source in sources.values():
        for name in [source] if isinstance(source, str) else source.tables.values():
            if not (data / name).is_file():
                raise MissingDataError(f"{data / name}: not there; KANGHENG_DATA must name the folder that holds it")
    if place.exists():
        shutil.rmtree(place)
    shutil.copytree(template, place, ignore=shutil.ignore_patterns("sources.yaml"))
    for landing, source in sources.items():
        target = place / "landing" / landing
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, str):
            shutil.copyfile(data / source, target)
        else:
            _derive(source, data).write_csv(target)
    return place


def _derive(derived: Derived, data: Path) -> pl.DataFrame:
    tables = {name: pl.read_csv(data / path, infer_schema=False) for name, path in derived.tables.items()}
    return query(derived.query, tables, parameters=derived.parameters)


def report(home: Path) -> bool:
    """Run the home's last period and print the outcome; whether the release verifies."""
    result = run_period(home, None)
    road = Road.open(home)
    tables = result.release / PROFILE / "tables"
    outcome = verify(result.release)
    parts = (
        result.lines("en"),
        _deliveries(road, pl.read_parquet(tables / "quality__files.parquet")),
        _indicators(tables),
        _series(road.settings.levels[0], tables),
        _money(pl.read_parquet(tables / "alloc__payees.parquet")),
        outcome.lines("en"),
    )
    for lines in parts:
        print("\n".join(lines))
    return outcome.passed


def _deliveries(road: Road, files: pl.DataFrame) -> list[str]:
    """The account of every file, and the rules of every period."""
    lines = ["\nFiles: records = unreadable + not data + quarantined + current + superseded + duplicate"]
    for row in files.sort("sender", "feed", "period").iter_rows(named=True):
        counts = [row[name] for name in ("unreadable", "non_data", "quarantined", "current", "superseded", "duplicate")]
        named = f"{row['sender']}.{row['feed']} {row['period']}"
        lines.append(f"  {named}: {row['records']} = {' + '.join(map(str, counts))}")
    rules = rule_rows(road.intake, files["period"].unique().sort().to_list())
    lines.append("\nRules: violated / applied (built-in checks only where violated)")
    built_in = pl.col("rule_id").str.contains("^(type|required|code)_") | pl.col("rule_id").is_in(UNREADABLE_RULES)
    shown = rules.filter((pl.col("records") > 0) | ~built_in).sort("feed", "period", "rule_id")
    lines += [
        f"  {row['feed']} {row['period']} {row['rule_id']} ({row['severity']}): "
        f"{row['records']} / {row['checked'] - row['not_applicable']}"
        for row in shown.iter_rows(named=True)
    ]
    return lines


def _indicators(tables: Path) -> list[str]:
    """What holds for the whole area in every period, and how many areas have which status."""
    values = pl.read_parquet(tables / "ind__values.parquet").filter(pl.col("stratum") == "all")
    top = pl.read_parquet(tables / "mart__areas.parquet").sort("leaf_count").tail(1).select("area_level", "area_id")
    lines = ["\nIndicators of the whole area, and areas by status"]
    for row in values.join(top, on=top.columns).sort("indicator_id", "rule_set", "period").iter_rows(named=True):
        same = [pl.col(name) == row[name] for name in ("indicator_id", "rule_set", "period")]
        spread = ", ".join(f"{k} {n}" for k, n in values.filter(same)["status"].value_counts().sort("status").rows())
        counts = f"{row['numerator']} / {row['denominator']}"
        lines.append(f"  {row['indicator_id']} {row['period']}: {row['value']} [{counts}] {row['status']}; {spread}")
    return lines


def _series(level: str, tables: Path) -> list[str]:
    """How long the series of the lowest-level areas are; nothing for a home with one period."""
    keys = ["indicator_id", "area_id", "period"]
    counted = (pl.col("area_level") == level) & (pl.col("stratum") == "all") & pl.col("numerator").is_not_null()
    delivered = pl.read_parquet(tables / "ind__values.parquet").filter(counted).select(keys).unique()
    anew = pl.read_parquet(tables / "ind__rebased.parquet").filter(counted).select(keys).unique()
    areas = pl.read_parquet(tables / "mart__areas.parquet").filter(pl.col("area_level") == level)
    said: dict[str, list[str]] = {}
    for (indicator,), rows in delivered.sort(keys).partition_by("indicator_id", as_dict=True).items():
        periods = rows["period"].unique().sort()
        if len(periods) < 2:
            continue
        moved = anew.filter(pl.col("indicator_id") == indicator)
        now = rows.filter(pl.col("period") == periods[-1]).join(areas, on="area_id", how="semi")
        joined = pl.concat([rows, moved]).unique().join(now, on="area_id", how="semi")
        words = (
            f"  in {', '.join(periods)}: codes as delivered {_lengths(rows)}; codes of {periods[-1]} "
            f"{_lengths(joined)}, of them {moved['area_id'].n_unique()} going on from another code"
        )
        said.setdefault(words, []).append(str(indicator))
    lines = [f"{words} ({', '.join(sorted(ids))})" for words, ids in said.items()]
    return [f"\nSeries: how many codes of level {level} have figures in how many periods", *lines] if lines else []


def _lengths(rows: pl.DataFrame) -> str:
    """How many areas have as many periods, the longest series first."""
    counted = Counter(rows["area_id"].value_counts()["count"].to_list())
    return " + ".join(f"{counted[length]} in {length}" for length in sorted(counted, reverse=True))


def _money(payees: pl.DataFrame) -> list[str]:
    """Payees, the sum and how many met which bound; nothing where no money is divided."""
    bounds = payees["bound"].value_counts().sort("bound").rows()
    total = payees["amount_fen"].sum()
    return [f"\nMoney: {payees.height} payees, {total} minor units; bounds {dict(bounds)}"] if payees.height else []


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
