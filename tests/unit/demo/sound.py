"""Sound tables of every feed, row by row by hand: what the demo's faults are planted in when no city is at hand."""

import io
from collections.abc import Callable

import polars as pl
from stdnum.cn import ric

from data_contracts.contracts import Column, FeedContract

PERIOD = "2025Q4"


def _turns(*texts: str) -> Callable[[int], str]:
    return lambda number: texts[number % len(texts)]


# Cells that are not the example of their column.
_CELLS: dict[tuple[str, str], Callable[[int], str]] = {
    ("civil_affairs.area_changes", "change_kind"): _turns("合并", "改码", "拆分"),
    ("health_bureau.device_readings", "measured_on"): _turns("2025-10-01", "2025-11-09", "2025-12-31"),
    ("health_bureau.exams", "exam_date"): _turns("2025-10-01", "2025-11-12", "2025-12-31"),
    ("health_bureau.followups_hypertension", "sbp_mmhg"): _turns("138", "162"),
    ("health_bureau.followups_hypertension", "dbp_mmhg"): _turns("86", "97"),
    ("health_bureau.followups_hypertension", "classification"): _turns("控制满意", "控制不满意"),
    ("health_bureau.fund_ledger", "entry_date"): _turns("2025-10-01", "2025-12-31"),
    ("health_bureau.fund_ledger", "entry_type"): _turns("支出", "预算", "拨款"),
    ("health_bureau.residents", "sex"): _turns("男", "女"),
    ("health_bureau.residents", "is_hypertension_registered"): _turns("否", "是"),
    ("health_bureau.survey", "sex"): _turns("男", "女"),
    ("insurers.settlements", "insurance_type"): _turns("310", "390", "390"),
    ("insurers.settlements", "is_reversal"): _turns("0", "0", "1"),
}


def person_id(number: int) -> str:
    """A right identity number of nobody: no region begins with 99."""
    body = f"990101{1930 + number % 90}{number % 12 + 1:02}{number % 28 + 1:02}{number % 1000:03}"
    return body + str(ric.calc_check_digit(body + "0"))


def sound(contract: FeedContract, rows: int) -> pl.DataFrame:
    """`rows` records of a feed without any fault; every third cell of an optional column is empty."""
    return pl.DataFrame(
        {column.name: [_cell(contract, column, number) for number in range(rows)] for column in contract.columns}
    )


def _cell(contract: FeedContract, column: Column, number: int) -> str:
    if column.role == "person_id":
        return person_id(number)
    if column.role == "drop":
        return "甲"
    if not column.required and column.extras.missing and number % 3 == 2:
        return ""
    if column.role == "key":
        return f"{column.examples[0]}{number:05}"
    return _CELLS.get((contract.key, column.name), _turns(column.examples[0]))(number)


def csv_of(contract: FeedContract, texts: pl.DataFrame, broken: set[int] = frozenset()) -> bytes:
    """A file of these records; rows in `broken` get a field too many. Cells are written as they stand."""
    headers = [contract.by_name[name].headers[0] for name in texts.columns]
    out = io.StringIO()
    for line in [headers] * contract.extras.file.header_rows:
        out.write(",".join(line) + "\n")
    for at, row in enumerate(texts.rows()):
        out.write(",".join([*row, *(["多余"] if at in broken else [])]) + "\n")
    return out.getvalue().encode()
