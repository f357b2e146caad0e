"""All files of the finance office: workbook for people, JSON and CSV for a finance system, the schema of the JSON.

Put here: their names and the order of writing. Keep out: layout (finance_workbook), what is in them (finance_document).
"""

import json
from pathlib import Path

import polars as pl

from data_contracts.finance import FinanceFile, FinancePart, FinancePayee, broken_sums, finance_schema
from reports.finance_document import FinanceDocument, finance_file
from reports.finance_workbook import write_finance_workbook
from reports.harmless import harmless_columns

SCHEMA_FILE = "finance.schema.json"


def finance_names(base: str) -> list[str]:
    """Names of all files that are written."""
    return [f"{base}.xlsx", f"{base}.json", f"{base}_payees.csv", f"{base}_sources.csv", SCHEMA_FILE]


def write_finance(document: FinanceDocument, folder: Path, base: str) -> FinanceFile:
    """Write `<base>.xlsx`, `<base>.json`, `<base>_payees.csv`, `<base>_sources.csv` and the schema into `folder`.

    Raises ValueError where a sum does not hold; nothing is written then.
    """
    file = finance_file(document)
    broken = broken_sums(file)
    if broken:
        raise ValueError(f"the table does not add up ({', '.join(broken)}); nothing written")
    folder.mkdir(parents=True, exist_ok=True)
    write_finance_workbook(document, file, folder / f"{base}.xlsx")
    _write_json(file.model_dump(), folder / f"{base}.json")
    _write_json(finance_schema(), folder / SCHEMA_FILE)
    payees = pl.DataFrame(
        [payee.model_dump(exclude={"sources"}) for payee in file.payees],
        schema={name: pl.Int64 if name == "number" or name.endswith("_fen") else pl.String
                for name in FinancePayee.model_fields if name != "sources"},
    )  # fmt: skip
    _write_csv(payees, folder / f"{base}_payees.csv")
    columns = ["payee_kind", "payee_id", *FinancePart.model_fields]
    parts = document.sources.select(columns) if document.sources.height else pl.DataFrame(
        schema=dict.fromkeys(columns, pl.String)
    )  # fmt: skip
    _write_csv(parts, folder / f"{base}_sources.csv")
    return file


def _write_json(document: object, path: Path) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1) + "\n", encoding="utf-8")


def _write_csv(frame: pl.DataFrame, path: Path) -> None:
    texts = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.String)]
    frame.with_columns(harmless_columns(texts)).write_csv(path, line_terminator="\n")
