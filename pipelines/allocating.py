"""The allocation engine alone: a spec and a folder of tables in, explained tables out.

Put here: finding and reading the tables, running the engine, its tables with sentences, the conflict in words.
Keep out: arithmetic, drawing, exit codes.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from assets.lake.atomic import sha256_file, write_json
from assets.release.tables import write_csv
from data_contracts.allocation_spec.document import (
    AllocationSpec,
    check_index,
    read_spec,
    risk_indices,
    spec_hash,
    tables_used,
)
from data_contracts.index_spec.document import indicators_of
from data_contracts.index_spec.document import read_spec as index_spec
from data_contracts.messages import LANGUAGES, both, did_you_mean, text, wrong
from evaluations.allocation.engine import allocate
from evaluations.allocation.lines import FUND, yuan
from evaluations.allocation.problem import Conflict
from evaluations.allocation.snapshot import ROW, DataError
from evaluations.index.sheet import SheetError
from evaluations.index.tables import index_tables
from pipelines.engines import read_table, sheet_names
from pipelines.outcomes import SaysNo

EXAMPLES = Path(__file__).parent.parent / "data_contracts" / "examples" / "allocation"
_SUFFIXES = (".csv", ".xlsx")
_NAMED = 10
Shown = Callable[[str], None]


@dataclass(frozen=True)
class AllocateRun:
    """What a run of the allocation engine made, for the terminal and for machines. `budget` in fen."""

    spec: AllocationSpec
    out: Path
    budget: int
    tables: Mapping[str, pl.DataFrame]
    inputs: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """The run as plain values; paths relative to the folder given."""
        return {
            "status": "ok",
            "spec": self.spec.id,
            "spec_hash": spec_hash(self.spec),
            "data_sha256": dict(self.inputs),
            "budget_fen": self.budget,
            "tables": {
                name: {"path": f"tables/{name}.csv", "rows": frame.height, "sha256": sha256_file(self._path(name))}
                for name, frame in self.tables.items()
            },
        }

    def _path(self, name: str) -> Path:
        return self.out / "tables" / f"{name}.csv"

    def lines(self, language: str) -> list[str]:
        """The run in words."""
        funds = self.tables["payees"].filter(payee_kind=FUND).height
        payees = self.tables["payees"].height - funds
        title = self.spec.titles.get(language)
        return [
            text("allocate_done", language, title=title, budget=yuan(self.budget), payees=payees, funds=funds,
                 tables=len(self.tables), path=self.out / "tables"),
            text("allocate_hash", language, hash=spec_hash(self.spec)),
        ]  # fmt: skip


def run_allocate(
    spec_path: Path, data: Path, out: Path, *, language: str = "zh", progress: Shown = lambda _: None
) -> AllocateRun:
    """Read spec and tables, divide, write `tables/*.csv` and `run.json` into `out`.

    Raises DefinitionError where the spec is wrong or names a table or column that is not there, SaysNo where cells do
    not allow the division, or where the rules cannot hold together: then `run.json` says so, and no table is left.
    """
    spec = read_spec(spec_path)
    progress(text("allocate_step_reading", language))
    paths = table_paths(spec, data)
    tables = {name: read_table(path, sheet, numbered=ROW) for name, (path, sheet) in paths.items()}
    progress(text("allocate_step_dividing", language))
    try:
        tables |= risk_tables(spec, spec_path.parent, tables)
        found = allocate(spec, tables)
    except (DataError, SheetError) as error:
        raise SaysNo(error.words) from None
    _clear(out)
    if found.conflict is not None:
        words = conflict_words(found.conflict)
        write_json(out / "run.json", {"status": "infeasible", "spec": spec.id, "spec_hash": spec_hash(spec),
                                      "conflict": {**_plain(found.conflict), "words": words}})  # fmt: skip
        raise SaysNo(words)
    shown = {**found.tables, "lines": with_words(found.tables["lines"])}
    (out / "tables").mkdir(parents=True, exist_ok=True)
    for name, frame in shown.items():
        write_csv(frame, out / "tables" / f"{name}.csv")
    read = [path for path, _ in paths.values()]
    read += [spec_path.parent / risk.index.spec for risk in risk_indices(spec) if risk.index is not None]
    inputs = {path.name: sha256_file(path) for path in read}
    run = AllocateRun(spec, out, found.budget, shown, dict(sorted(inputs.items())))
    write_json(out / "run.json", run.as_dict())
    return run


def table_paths(spec: AllocationSpec, data: Path) -> dict[str, tuple[Path, str | None]]:
    """Where each table of the spec stands: a file of the folder, a sheet of the workbook, or the one table there is.

    Raises DefinitionError for a table that is not there, SaysNo for one that stands in two files.
    """
    wanted = tables_used(spec)
    there = _there(data, spec.payees.table)
    if not there:
        raise SaysNo(both("allocate_no_tables", file=data.name))
    for name in wanted:
        if name not in there:
            raise wrong("allocate_no_table", table=name, place=data.name, hint=did_you_mean(name, there))
    return {name: there[name] for name in wanted}


def _there(data: Path, only: str) -> dict[str, tuple[Path, str | None]]:
    if data.is_file():
        sheets = sheet_names(data) if data.suffix.lower() == ".xlsx" else []
        return {sheet: (data, sheet) for sheet in sheets} if len(sheets) > 1 else {only: (data, None)}
    found: dict[str, tuple[Path, str | None]] = {}
    for path in sorted(data.iterdir()):
        if path.suffix.lower() not in _SUFFIXES or path.name.startswith(("~$", ".")):
            continue
        if path.stem in found:
            raise SaysNo(both("allocate_table_twice", table=path.stem, left=found[path.stem][0].name, right=path.name))
        found[path.stem] = (path, None)
    return found


def risk_tables(spec: AllocationSpec, folder: Path, tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Risk indices that the spec has computed first, as tables of the payees' id and the risk.

    Raises DefinitionError for a wrong index spec, one that is not about need or has an indicator that pays, SheetError
    for its data.
    """
    found = {}
    for risk in risk_indices(spec):
        if risk.index is None or risk.table is None:
            continue
        index = index_spec(folder / risk.index.spec)
        if index.purpose != "need":
            raise wrong("allocate_index_purpose", spec=risk.index.spec, purpose=index.purpose)
        check_index(spec, risk, [item.id for item in indicators_of(index.tree)])
        scores = index_tables(index, tables[risk.index.table].drop(ROW))["scores"].filter(part=index.tree.id)
        found[risk.table] = scores.select(
            pl.col("unit").alias(spec.payees.id), pl.col("value").cast(pl.String).alias(risk.column)
        )
    return found


def with_words(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines with their sentences, `words_zh` and `words_en`, and yuan beside fen."""
    columns: dict[str, list[str]] = {language: [] for language in LANGUAGES}
    for line_id, quantity, rate, params in lines.select("line_id", "quantity", "rate", "params").iter_rows():
        words = both(f"allocate.line.{line_id}", **{**json.loads(params), "quantity": quantity, "rate": rate})
        for language in LANGUAGES:
            columns[language].append(words[language])
    amount = pl.Series("amount_yuan", [yuan(fen).replace(",", "") for fen in lines["amount_fen"]], dtype=pl.String)
    said = [pl.Series(f"words_{language}", said, dtype=pl.String) for language, said in columns.items()]
    return lines.with_columns(amount, *said)


def conflict_words(conflict: Conflict) -> dict[str, str]:
    """The conflict in zh and en: rules by name, by how much, what can be reached, who is concerned."""
    rules = [_rule(rule) for rule in conflict.rules]
    named = "、".join(conflict.payees[:_NAMED]) + (" …" if len(conflict.payees) > _NAMED else "")
    whose = both("allocate_whose", payees=named) if named else dict.fromkeys(LANGUAGES, "")
    listed = {"zh": "、".join(rule["zh"] for rule in rules), "en": ", ".join(rule["en"] for rule in rules)}
    return both("allocate_conflict", subject=conflict.subject, rules=listed, short=yuan(conflict.short),
                reachable=yuan(conflict.reachable), whose=whose)  # fmt: skip


def _rule(rule: str) -> dict[str, str]:
    name, _, subject = rule.partition(":")
    return both(f"allocate_rule_{name}", id=subject)


def _plain(conflict: Conflict) -> dict[str, Any]:
    return {
        "rules": list(conflict.rules), "subject": conflict.subject, "short_fen": conflict.short,
        "reachable_fen": conflict.reachable, "payees": list(conflict.payees),
    }  # fmt: skip


def _clear(out: Path) -> None:
    """Take away the tables that an earlier run left here: nobody shall pay by them."""
    try:
        earlier = json.loads((out / "run.json").read_text(encoding="utf-8"))
        names = [str(table["path"]) for table in earlier.get("tables", {}).values()]
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return
    for name in names:
        path = out / name
        if path.parent == out / "tables":
            path.unlink(missing_ok=True)
    (out / "run.json").unlink()
