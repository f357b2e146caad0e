"""Two allocation specs on the same data: who gains, who loses and why, as tables and pages.

Put here: running both sides and writing what they differ in. Keep out: arithmetic (evaluations), drawing, exit codes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from assets.compute.refusals import conflict_words
from assets.lake.atomic import sha256_file, write_json
from assets.release.tables import write_csv
from data_contracts.allocation_spec.document import read_spec, spec_hash
from data_contracts.messages import LANGUAGES, both, text
from evaluations.allocation.compare import compared
from evaluations.allocation.engine import Allocation, allocate
from evaluations.allocation.lines import FUND
from evaluations.allocation.snapshot import DataError
from evaluations.index.sheet import SheetError
from pipelines.allocating import clear, tables_of
from pipelines.approving import keep_approved
from pipelines.outcomes import SaysNo
from reports.compare_page import ComparePage, Side, write_compare_pages
from reports.money_words import FILES

Shown = Callable[[str], None]
_SIDES = ("A", "B")


@dataclass(frozen=True)
class CompareRun:
    """What a comparison made, for the terminal and for machines."""

    out: Path
    page: ComparePage
    tables: dict[str, pl.DataFrame]

    def counts(self) -> dict[str, int]:
        """How many payees gain, lose, and stay."""
        moved = self.tables["payees"].filter(pl.col("payee_kind") != FUND)["difference_fen"]
        kinds = {"gain": moved > 0, "lose": moved < 0, "same": moved == 0}
        return {name: int(own.sum()) for name, own in kinds.items()}

    def as_dict(self) -> dict[str, Any]:
        """The comparison as plain values; paths relative to the folder given."""
        return {
            **_head(self.page),
            "status": "ok",
            **self.counts(),
            "pages": list(FILES.values()),
            "tables": {
                name: {"path": f"tables/{name}.csv", "rows": frame.height,
                       "sha256": sha256_file(self.out / "tables" / f"{name}.csv")}
                for name, frame in self.tables.items()
            },
        }  # fmt: skip

    def lines(self, language: str) -> list[str]:
        """The comparison in words."""
        return [
            text("allocate_compared", language, **self.counts()),
            text("allocate_page_at", language, path=self.out / FILES[language]),
        ]


def run_compare(
    specs: tuple[Path, Path], data: Path, out: Path, *, language: str = "zh", progress: Shown = lambda _: None
) -> CompareRun:
    """Divide by both specs; write `tables/*.csv` (payees, steps, streams, sources), pages and `run.json` into `out`.

    Raises DefinitionError where a spec is wrong, SaysNo where cells do not allow a division; and SaysNo where the rules
    of a side cannot hold: then the pages and `run.json` say which and why, and no table is left. SaysNo too where
    `out` holds an approved result.
    """
    keep_approved(out)
    found: list[Allocation] = []
    sides: list[Side] = []
    for name, path in zip(_SIDES, specs, strict=True):
        spec = read_spec(path)
        progress(text("allocate_step_side", language, side=name))
        try:
            tables, _ = tables_of(spec, path.parent, data)
            result = allocate(spec, tables)
        except (DataError, SheetError) as error:
            raise SaysNo(error.words) from None
        found.append(result)
        conflict = None if result.conflict is None else conflict_words(spec, result.conflict, spec.currency)
        sides.append(Side(path.name, spec, spec_hash(spec), result.tables, conflict))
    a, b = sides
    clear(out)
    out.mkdir(parents=True, exist_ok=True)
    if a.conflict is not None or b.conflict is not None:
        raise _one_side(ComparePage(a, b), out)
    difference = compared(found[0], found[1])
    progress(text("allocate_step_pages", language))
    page = ComparePage(a, b, difference.payees, difference.steps, difference.totals)
    totals = {name: frame for name, frame in difference.totals.items() if frame.height}
    written = {"payees": difference.payees, "steps": difference.steps, **totals}
    (out / "tables").mkdir(exist_ok=True)
    for name, frame in written.items():
        write_csv(frame, out / "tables" / f"{name}.csv")
    write_compare_pages(page, out)
    run = CompareRun(out, page, written)
    write_json(out / "run.json", run.as_dict())
    return run


def _head(page: ComparePage) -> dict[str, Any]:
    return {
        name: {"spec": side.spec.id, "spec_hash": side.spec_hash}
        for name, side in zip(("a", "b"), (page.a, page.b), strict=True)
    }


def _one_side(page: ComparePage, out: Path) -> SaysNo:
    """Write which side cannot hold, and the error that says so."""
    write_compare_pages(page, out)
    failed = {
        name: side.conflict for name, side in zip(_SIDES, (page.a, page.b), strict=True) if side.conflict is not None
    }
    write_json(out / "run.json", {**_head(page), "status": "infeasible", "conflicts": failed,
                                  "pages": list(FILES.values())})  # fmt: skip
    sides = {"zh": "、".join(failed), "en": ", ".join(failed)}
    words = {language: " ".join(own[language] for own in failed.values()) for language in LANGUAGES}
    return SaysNo(both("allocate_compare_no", side=sides, words=words, path=str(out / FILES["zh"])))
