"""`make scenarios`: every scenario of the demo through the whole road, and whether it gives its figures.

A twin must miss exactly those figures of its original that it says. Names of scenarios as arguments choose some.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

from pipelines.demo.scenario import Scenario, load_scenario, scenario_names
from pipelines.demo_home import make_demo_home
from pipelines.expectations import as_promised, compare
from pipelines.outcomes import SaysNo
from pipelines.run import run_period

_HOMES = Path(__file__).parents[1] / ".home" / "scenarios"


def holds(name: str) -> bool:
    """Make, run and compare one scenario; prints every figure."""
    scenario, home = load_scenario(name), _HOMES / name
    shutil.rmtree(home, ignore_errors=True)
    start = time.perf_counter()
    summary = make_demo_home(home, scenario=name)
    made = time.perf_counter()
    print(f"\n{name}: {summary.records:,} records in {summary.files} files")
    try:
        release = run_period(home, None).release
    except SaysNo as refusal:
        return _refused(scenario, refusal.words["zh"])
    print(f"made in {made - start:.1f} s, run in {time.perf_counter() - made:.1f} s")
    found = compare(scenario, release)
    for item in found:
        mark, where = "holds" if item.holds else "misses", f"{item.expected.area} {item.expected.period}"
        value = "—" if item.value is None else f"{item.value:,.2f}"
        print(f"  {mark:6} {item.expected.what.en} ({where}): {value}; expected {item.expected.expected:,g}")
    if scenario.refused:
        print("  misses the refusal that was expected")
        return False
    return as_promised(scenario, found)


def _refused(scenario: Scenario, refusal: str) -> bool:
    print(f"  refused: {refusal}")
    return bool(scenario.refused) and all(words in refusal for words in scenario.refused)


def main() -> int:
    """Run the scenarios named as arguments, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=scenario_names())
    wrong = [name for name in parser.parse_args().names if not holds(name)]
    print(f"\nnot as promised: {', '.join(wrong)}" if wrong else "\nall as promised")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
