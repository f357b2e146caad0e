"""Sound tables of the demo's feeds, row by row by hand: what its faults are planted in when no city is at hand."""

import csv
import io
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import polars as pl
from stdnum.cn import ric

from data_contracts.contracts import Catalog, Column, FeedContract
from pipelines.demo.generator import generate

PERIOD = "2025Q4"
# What is said of a file or of other records, and what a changed birth date or sex brings along.
ASIDE = (
    "example_row", "key_conflict", "person_birth_differs", "person_id_rounded", "person_sex_differs", "truncated_tail",
)  # fmt: skip


@cache
def delivered() -> dict[str, FeedContract]:
    """The feeds of a demo city with the columns that it writes; of a feed without CSV all but what nobody counts."""
    catalog = Catalog.load()
    with tempfile.TemporaryDirectory() as folder:
        feeds = generate(Path(folder), residents=300, first="2025Q4", last="2025Q4", faults=False).feeds
        landing = Path(folder) / "landing"
        headers = {key: _header(landing / key.replace(".", "/")) for key in sorted(feeds)}
    return {key: _cut(catalog.feed(key), found) for key, found in headers.items()}


def _header(folder: Path) -> set[str]:
    for path in sorted(folder.rglob("*.csv")):
        raw = path.read_bytes()
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("gb18030")
        return set(next(csv.reader(io.StringIO(text))))
    return set()


def _cut(contract: FeedContract, headers: set[str]) -> FeedContract:
    columns = (
        column
        for column in contract.columns
        if (column.headers[0] in headers if headers else column.name not in ("source", "counted_on"))
    )
    return replace(contract, columns=tuple(columns))


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
    ("health_bureau.residents", "birth_date"): lambda number: "{}-{}-{}".format(*_born(number)),
    ("health_bureau.residents", "sex"): _turns("女", "男"),
    ("health_bureau.residents", "is_hypertension_registered"): _turns("否", "是"),
    ("health_bureau.survey", "sex"): _turns("男", "女"),
    ("insurers.settlements", "insurance_type"): _turns("310", "390", "390"),
    ("insurers.settlements", "fund_pay_fen"): _turns("2100.00", "2100.00", "-2100.00"),
    ("insurers.settlements", "is_reversal"): _turns("0", "0", "1"),
    ("insurers.settlements", "person_pay_fen"): _turns("1421.40", "1421.40", "-1421.40"),
    ("insurers.settlements", "total_fee_fen"): _turns("3521.40", "3521.40", "-3521.40"),
}


def person_id(number: int) -> str:
    """A right identity number of nobody: no region begins with 99."""
    serial = number % 1000
    # A number that ends in three zeros looks as if a spreadsheet had rounded it.
    body = "990101" + "".join(_born(number)) + f"{serial + 2 * (serial % 100 == 0):03}"
    return body + str(ric.calc_check_digit(body + "0"))


def _born(number: int) -> tuple[str, str, str]:
    return f"{1930 + number % 90}", f"{number % 12 + 1:02}", f"{number % 28 + 1:02}"


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
    if column.role == "key" or (column.type == "text" and column.name in contract.extras.business_key):
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
