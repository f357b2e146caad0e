"""All files of the finance office: workbook for people, JSON and CSV for a finance system, the schema of the JSON.

Put here: their names and the order of writing. Keep out: layout (finance_workbook), what is in them (finance_document).
"""

import json
from functools import cache
from pathlib import Path

import polars as pl

from data_contracts.finance import FinanceFile, FinancePayee, broken_sums, finance_schema
from reports.finance_document import FinanceDocument, finance_file
from reports.finance_workbook import write_finance_workbook
from reports.harmless import harmless_columns

SCHEMA_FILE = "finance.schema.json"
_MARK = b"\xef\xbb\xbf"


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
    for name, frame in finance_tables(file).items():
        (folder / f"{base}_{name}.csv").write_bytes(csv_bytes(frame))
    return file


def _write_json(document: object, path: Path) -> None:
    path.write_text(indented(document) + "\n", encoding="utf-8")


def indented(item: object, depth: int = 0) -> str:
    """The text of `json.dumps(item, ensure_ascii=False, sort_keys=True, indent=1)`; keys are texts.

    That writes every word by itself. Here what holds no other list or object goes through the fast writer at once.
    """
    parts = item.values() if isinstance(item, dict) else item if isinstance(item, list | tuple) else ()
    flat, inner, outer = _flat(depth), "\n" + " " * (depth + 1), "\n" + " " * depth
    if not parts:
        return flat.encode(item)
    if not any(isinstance(part, dict | list | tuple) for part in parts):
        found = flat.encode(item)
        return f"{found[0]}{inner}{found[1:-1]}{outer}{found[-1]}"
    if isinstance(item, dict):
        inside = [f"{flat.encode(name)}: {indented(item[name], depth + 1)}" for name in sorted(item)]
        return "{" + inner + f",{inner}".join(inside) + outer + "}"
    return "[" + inner + f",{inner}".join(indented(part, depth + 1) for part in parts) + outer + "]"


@cache
def _flat(depth: int) -> json.JSONEncoder:
    return json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",\n" + " " * (depth + 1), ": "))


def finance_tables(file: FinanceFile) -> dict[str, pl.DataFrame]:
    """The tables of payees and of their sources, as the CSV files hold them."""
    payees = pl.DataFrame(
        [payee.model_dump(exclude={"sources"}) for payee in file.payees],
        schema={name: pl.Int64 if name == "number" or name.endswith("_fen") else pl.String
                for name in FinancePayee.model_fields if name != "sources"},
    )  # fmt: skip
    parts = [
        {"payee_kind": payee.payee_kind, "payee_id": payee.payee_id, **part.model_dump()}
        for payee in file.payees
        for part in payee.sources
    ]
    kinds = {"payee_kind": pl.String, "payee_id": pl.String, "source": pl.String, "cash": pl.Boolean,
             "amount_fen": pl.Int64}  # fmt: skip
    return {"payees": payees, "sources": pl.DataFrame(parts, schema=kinds)}


def csv_bytes(frame: pl.DataFrame) -> bytes:
    """A table as CSV: UTF-8 with its mark, which spreadsheet programs need to read Chinese, and LF."""
    texts = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.String)]
    return _MARK + frame.with_columns(harmless_columns(texts)).write_csv(line_terminator="\n").encode()
