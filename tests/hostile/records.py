"""The table that is made hostile: a feed of visits and one of counts, sound records, and what they say.

Put here: contracts of the two feeds, records as cells and as values, plain texts of them. Keep out: damage (the test
modules) and judging (harness.py).
"""

import hashlib
import hmac
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from data_contracts.codes import read_code_lists
from data_contracts.contracts import Catalog
from tests.unit.intake.conftest import Bench

FEED = "office.cases"
PERIOD = "2025Q1"
KEY = b"k" * 32
_PERIOD_IN_NAME = {"file_name": r"(?P<period>(?<!\d)\d{4}Q[1-4])"}

# ---------------------------------------------------------------------------------------------------- contracts

VISIT_COLUMNS: list[dict[str, Any]] = [
    {"name": "no", "type": "text", "header": "编号", "role": "key", "required": True},
    {"name": "idno", "type": "text", "header": "身份证号", "role": "person_id", "aliases": ["公民身份号码"]},
    {"name": "name", "type": "text", "header": "姓名", "role": "drop"},
    {"name": "site", "type": "text", "header": "机构编码"},
    {"name": "day", "type": "date", "header": "日期", "required": True},
    {"name": "mode", "type": "code", "header": "方式", "codes": "visit_mode", "required": True},
    {"name": "sbp", "type": "integer", "header": "收缩压", "unit": "mmHg", "missing": ["-", "未测"]},
    {"name": "glucose", "type": "decimal", "header": "血糖", "scale": 1, "unit": "mmol/L", "missing": ["-", "—"]},
    {"name": "fee", "type": "money", "header": "费用（元）", "money_unit": "yuan", "aliases": ["费用"]},
    {"name": "done", "type": "boolean", "header": "完成"},
    {"name": "rate", "type": "decimal", "header": "达标率", "scale": 1, "unit": "%"},
    {"name": "note", "type": "text", "header": "备注", "missing": ["无", "不详"]},
]
VISIT_RULES = [
    ("sbp_range", "error", "sbp between 50 and 300"),
    ("glucose_range", "error", "glucose between 1 and 40"),
    ("day_in_period", "error", "day between period_start and period_end"),
]
FOOTERS = ["合计", "总计", "小计", "制表人", "审核人", "注：", "说明"]
TALLY_COLUMNS: list[dict[str, Any]] = [
    {"name": "town", "type": "text", "header": "乡镇", "required": True},
    {"name": "village", "type": "text", "header": "村", "required": True},
    {"name": "men_young", "type": "integer", "header": "男/0-14岁", "unit": "人", "required": True},
    {"name": "men_old", "type": "integer", "header": "男/65岁及以上", "unit": "人", "required": True},
    {"name": "women_young", "type": "integer", "header": "女/0-14岁", "unit": "人", "required": True},
    {"name": "women_old", "type": "integer", "header": "女/65岁及以上", "unit": "人", "required": True},
]


@cache
def desk(kind: str = "visits") -> Catalog:
    """The catalog of one feed: `visits` (persons, one row each) or `tally` (counts under a header of two rows)."""
    bench = Bench(Path(tempfile.mkdtemp(prefix=f"hostile_{kind}_")), read_code_lists())
    if kind == "visits":
        contract = bench.contract(
            VISIT_COLUMNS,
            VISIT_RULES,
            person={"column": "idno", "id_scheme": "cn_id"},
            event_date="day",
            institution={"column": "site"},
            period=_PERIOD_IN_NAME,
            file={"footer_markers": FOOTERS},
        )
    else:
        contract = bench.contract(
            TALLY_COLUMNS,
            period=_PERIOD_IN_NAME,
            business_key=["town", "village"],
            file={"header_rows": 2, "footer_markers": FOOTERS, "fill_down": ["town"]},
        )
    return Catalog({contract.key: (contract,)}, bench.codes)


# ------------------------------------------------------------------------------------------------- good records


def check_digit(body: str) -> str:
    """The last digit of an identity number, by GB 11643-1999."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]


def id18(number: int) -> str:
    """A right identity number, by the standard's own arithmetic; different for each number."""
    body = f"110105{1940 + number % 60}{number % 12 + 1:02}{number % 28 + 1:02}{number % 999 + 1:03}"
    return body + check_digit(body)


HEADER = {column["name"]: column["header"] for column in VISIT_COLUMNS}
STORED = [name for name in HEADER if name not in ("idno", "name")]


@dataclass(frozen=True)
class Visit:
    """One record: its cells as text, and what a careful person would read in them (`idno`: the canonical id)."""

    cells: dict[str, str]
    read: dict[str, Any]

    def typed(self, key: bytes = KEY) -> tuple[Any, ...]:
        """The row as it must stand in stg: the pseudonym, then the stored columns."""
        person = hmac.new(key, self.read["idno"].encode(), hashlib.sha256).hexdigest()[:32]
        return (person, *(self.read[name] for name in STORED))

    def texts(self) -> list[str]:
        """The cells in the order of the header."""
        return [self.cells[name] for name in HEADER]


def visit(number: int, read: dict[str, Any] | None = None, **cells: str) -> Visit:
    """The sound record of a number with some cells written in another way; `read`: what these then say."""
    plain = {
        "no": f"V{number:04}",
        "idno": id18(number),
        "name": f"张三marker{number}",
        "site": f"9901010010{number % 10}",
        "day": f"2025-{number % 3 + 1:02}-{number % 28 + 1:02}",
        "mode": "门诊",
        "sbp": str(110 + number % 50),
        "glucose": f"{5 + number % 5}.{number % 10}",
        "fee": f"{number}.05",
        "done": "是" if number % 2 else "否",
        "rate": f"{number % 90}.5",
        "note": f"备注marker{number}",
    }
    meant = {
        "no": plain["no"],
        "idno": plain["idno"],
        "site": plain["site"],
        "day": date(2025, number % 3 + 1, number % 28 + 1),
        "mode": "outpatient",
        "sbp": 110 + number % 50,
        "glucose": Decimal(50 + number % 5 * 10 + number % 10) / 10,
        "fee": number * 100 + 5,
        "done": number % 2 == 1,
        "rate": Decimal(number % 90 * 10 + 5) / 10,
        "note": plain["note"],
    }
    return Visit({**plain, **cells}, {**meant, **(read or {})})


def visits(count: int, start: int = 1) -> list[Visit]:
    """Sound records."""
    return [visit(number) for number in range(start, start + count)]


def quoted(cell: str, delimiter: str = ",") -> str:
    """A cell as RFC 4180 wants it."""
    return '"' + cell.replace('"', '""') + '"' if any(mark in cell for mark in (delimiter, '"', "\n", "\r")) else cell


def line(cells: Iterable[str], delimiter: str = ",") -> str:
    """Cells as one line, without its end."""
    return delimiter.join(quoted(cell, delimiter) for cell in cells)


def table(records: Iterable[Visit], header: Sequence[str] | None = None, delimiter: str = ",", end: str = "\n") -> str:
    """A delimited text with a header."""
    rows = [list(header or HEADER.values()), *(record.texts() for record in records)]
    return "".join(line(row, delimiter) + end for row in rows)


def typed_frame(records: Sequence[Visit], **columns: Any) -> pl.DataFrame:
    """The records as a typed frame, some columns otherwise."""
    plain: dict[str, Any] = {HEADER[name]: [record.cells[name] for record in records] for name in HEADER}
    plain[HEADER["day"]] = [record.read["day"] for record in records]
    plain[HEADER["sbp"]] = [record.read["sbp"] for record in records]
    plain[HEADER["glucose"]] = pl.Series([record.read["glucose"] for record in records], dtype=pl.Decimal(10, 1))
    plain[HEADER["fee"]] = pl.Series([Decimal(r.read["fee"]) / 100 for r in records], dtype=pl.Decimal(18, 2))
    plain[HEADER["rate"]] = pl.Series([r.read["rate"] for r in records], dtype=pl.Decimal(10, 1))
    plain[HEADER["done"]] = [record.read["done"] for record in records]
    return pl.DataFrame(plain | {HEADER[name]: values for name, values in columns.items()}, strict=False)
