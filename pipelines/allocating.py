"""The allocation engine alone: a spec and a folder of tables in, explained tables out.

Put here: finding and reading the tables, running the engine, its tables with sentences, the conflict in words.
Keep out: arithmetic, drawing, exit codes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from assets.compute.incentives import audit_words, draft_reasons, told_reasons
from assets.compute.refusals import conflict_words, summary
from assets.lake.atomic import sha256_file, write_json
from assets.release.finance import document_of_spec
from assets.release.subject import FINANCE, alone_files, alone_hash, outputs_of
from assets.release.tables import write_csv
from data_contracts.allocation_spec.document import (
    AllocationSpec,
    check_index,
    read_spec,
    risk_indices,
    spec_hash,
    tables_used,
)
from data_contracts.closed import Bilingual
from data_contracts.index_spec.document import indicators_of
from data_contracts.index_spec.document import read_spec as index_spec
from data_contracts.messages import LANGUAGES, both, did_you_mean, text, wrong
from evaluations.allocation.audit import AuditResult, may_be_approved
from evaluations.allocation.engine import allocate
from evaluations.allocation.lines import FUND, yuan
from evaluations.allocation.problem import Conflict
from evaluations.allocation.snapshot import ROW, DataError
from evaluations.index.sheet import SheetError
from evaluations.index.tables import index_tables
from pipelines.allocation_pages import asked_about, what_if, write_pages
from pipelines.approving import keep_approved
from pipelines.auditing import run_audit
from pipelines.engines import read_table, sheet_names
from pipelines.outcomes import SaysNo
from pipelines.refusing import write_conflict
from pipelines.signing import indices_of, reasons_of_spec
from reports.finance_files import finance_names, write_finance
from reports.money_words import FILES as PAGES
from reports.refusal_page import FILES

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
    statements: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Payee → name of its statement page without suffix."""
    audit: AuditResult | None = None
    """The incentive audit, if it was asked for."""
    unsigned: Sequence[Mapping[str, str]] = ()
    """Exceptions of the spec that nobody has signed as they stand, in zh and en."""

    @property
    def status(self) -> str:
        """Ok, or draft where the audit failed or an exception is not signed."""
        return "ok" if not self.unsigned and self.passed else "draft"

    @property
    def passed(self) -> bool:
        """Whether the audit, if it was asked for, found nobody who would lose money by getting better."""
        return self.audit is None or may_be_approved(self.audit)

    def as_dict(self) -> dict[str, Any]:
        """The run as plain values; paths relative to the folder given."""
        return {
            "status": self.status,
            "spec": self.spec.id,
            "spec_hash": spec_hash(self.spec),
            "spec_document": self.spec.model_dump(mode="json", by_alias=True),
            "data_sha256": dict(self.inputs),
            "budget_fen": self.budget,
            "pages": list(PAGES.values()),
            "finance": [f"{FINANCE}/{name}" for name in finance_names("allocation")],
            "statements": {
                f"{kind}:{payee}": f"statements/{name}.html" for (kind, payee), name in self.statements.items()
            },
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
            text("allocate_page_at", language, path=self.out / PAGES[language]),
            *(words[language] for words in (audit_words(self.spec, self.audit) if self.audit is not None else [])),
            *(text("run_draft", language, reason=words[language]) for words in self.unsigned),
        ]  # fmt: skip


def run_allocate(
    spec_path: Path, data: Path, out: Path, *, payees: Sequence[str] = (), audit: bool = False, language: str = "zh",
    progress: Shown = lambda _: None,
) -> AllocateRun:  # fmt: skip
    """Read spec and tables, divide, write `tables/*.csv`, pages and `run.json` into `out`.

    `payees`: ids whose statements are asked for; with none, everybody's where there are not too many. `audit`: whether
    incentives are audited; where that fails the division is a draft.
    Raises DefinitionError where the spec is wrong or names a table or column that is not there, SaysNo where cells do
    not allow the division, or where the rules cannot hold together: then `run.json` says so, and no table is left.
    SaysNo too, with nothing touched, where `out` holds an approved result.
    """
    keep_approved(out)
    spec = read_spec(spec_path)
    progress(text("allocate_step_reading", language))
    try:
        tables, inputs = tables_of(spec, spec_path.parent, data)
        progress(text("allocate_step_dividing", language))
        found = allocate(spec, tables)
        named = asked_about(found, payees)
        more = what_if(spec, tables, named, language, progress) if found.conflict is None else {}
        checked = None
        if audit and found.conflict is None:
            checked = run_audit(spec, spec_path.parent, tables, language, progress)
            more |= {**checked.tables, "audit_reasons": told_reasons(spec, checked)}
    except (DataError, SheetError) as error:
        clear(out)
        raise SaysNo(error.words) from None
    clear(out)
    if found.conflict is not None:
        raise _refused(spec, found.conflict, out)
    shown = {**found.tables, "lines": with_words(found.tables["lines"], spec.currency), **more}
    (out / "tables").mkdir(parents=True, exist_ok=True)
    for name, frame in shown.items():
        write_csv(frame, out / "tables" / f"{name}.csv")
    progress(text("allocate_step_finance", language))
    unsigned = reasons_of_spec(spec_path, spec, indices_of(spec, spec_path.parent)).flaws()
    draft = bool(unsigned or draft_reasons(spec, checked))
    write_finance(replace(document_of_spec(spec, shown), draft=draft), out / FINANCE, "allocation")
    progress(text("allocate_step_pages", language))
    statements = write_pages(spec, shown, inputs, named, out)
    run = AllocateRun(spec, out, found.budget, shown, inputs, statements, checked, unsigned)
    write_json(out / "run.json", _listed(run))
    return run


def _listed(run: AllocateRun) -> dict[str, Any]:
    """The run with all its files and the hash that an approval is given for."""
    files = alone_files(run.out, list(PAGES.values()))
    reasons = [*draft_reasons(run.spec, run.audit), *run.unsigned]
    document = {**run.as_dict(), "draft_reasons": reasons, "outputs": outputs_of(files, run.out)}
    return {**document, "content_hash": alone_hash(document)}


def tables_of(spec: AllocationSpec, folder: Path, data: Path) -> tuple[dict[str, pl.DataFrame], dict[str, str]]:
    """The tables of the spec, computed ones too, and the sha256 of each file by its name; `folder`: of the spec.

    Raises as `table_paths` and `risk_tables` do.
    """
    paths = table_paths(spec, data)
    tables = {name: read_table(path, sheet, numbered=ROW) for name, (path, sheet) in paths.items()}
    tables |= risk_tables(spec, folder, tables)
    read = [path for path, _ in paths.values()]
    read += [folder / risk.index.spec for risk in risk_indices(spec) if risk.index is not None]
    return tables, dict(sorted((path.name, sha256_file(path)) for path in read))


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


def with_words(lines: pl.DataFrame, currency: Bilingual) -> pl.DataFrame:
    """The lines with their sentences, `words_zh` and `words_en`, and yuan beside fen."""
    columns: dict[str, list[str]] = {language: [] for language in LANGUAGES}
    major = {language: currency.get(language) for language in LANGUAGES}
    for line_id, quantity, rate, params in lines.select("line_id", "quantity", "rate", "params").iter_rows():
        own = {**json.loads(params), "quantity": quantity, "rate": rate}
        for language, said in columns.items():
            said.append(text(f"allocate.line.{line_id}", language, **own, major=major[language]))
    amount = pl.Series("amount_yuan", [yuan(fen).replace(",", "") for fen in lines["amount_fen"]], dtype=pl.String)
    words = [pl.Series(f"words_{language}", said, dtype=pl.String) for language, said in columns.items()]
    return lines.with_columns(amount, *words)


def _refused(spec: AllocationSpec, conflict: Conflict, out: Path) -> SaysNo:
    """Write conflict tables, pages and `run.json`; the error says the conflict, the ways out, and where they stand."""
    words, found = conflict_words(spec, conflict, spec.currency), write_conflict(spec, conflict, out)
    tables = {name: {"path": f"tables/{name}.csv", "rows": frame.height} for name, frame in found.items()}
    write_json(out / "run.json", {"status": "infeasible", "spec": spec.id, "spec_hash": spec_hash(spec),
                                  "conflict": {**_plain(conflict), "words": words}, "tables": tables})  # fmt: skip
    said = [words, *summary(found), both("allocate.refusal.page_at", path=str(out / FILES["zh"]))]
    return SaysNo({language: "\n".join(own[language] for own in said) for language in LANGUAGES})


def _plain(conflict: Conflict) -> dict[str, Any]:
    return {
        "rules": list(conflict.rules), "subject": conflict.subject, "short_fen": conflict.short,
        "reachable_fen": conflict.reachable, "payees": list(conflict.payees),
    }  # fmt: skip


def clear(out: Path) -> None:
    """Take away the tables that an earlier run left here: nobody shall pay by them."""
    try:
        earlier = json.loads((out / "run.json").read_text(encoding="utf-8"))
        names = [str(table["path"]) for table in earlier.get("tables", {}).values()]
        statements = [Path(str(name)).name for name in earlier.get("statements", {}).values()]
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return
    for name in names:
        path = out / name
        if path.parent == out / "tables":
            path.unlink(missing_ok=True)
    for name in statements:
        (out / "statements" / name).unlink(missing_ok=True)
        (out / "statements" / "en" / name).unlink(missing_ok=True)
    for name in earlier.get("finance", []):
        (out / FINANCE / Path(str(name)).name).unlink(missing_ok=True)
    for name in (*FILES.values(), *PAGES.values()):
        (out / name).unlink(missing_ok=True)
    (out / "run.json").unlink()
