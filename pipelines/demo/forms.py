"""How senders write their files: headers, encodings, workbooks, notes.

Put here: text forms of typed tables, and bytes. Keep out: content and faults.
"""

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from data_contracts.contracts import Catalog, FeedContract
from pipelines.demo.city import City
from pipelines.demo.people import People
from pipelines.demo.timeline import Span


class Forms:
    """Writes typed tables of the city as the texts of a feed, in the header order of its contract."""

    def __init__(self, catalog: Catalog, city: City, people: People) -> None:
        self._catalog, self._city, self._people = catalog, city, people
        self._community_ids = city.base["community_id"]

    def at(self, span: Span) -> None:
        """Write community codes as they are at the end of a period from now on."""
        self._community_ids = self._city.codes(span)

    def contract(self, key: str) -> FeedContract:
        """The newest contract of a feed."""
        return self._catalog.feed(key)

    def texts(self, key: str, table: pl.DataFrame, extra: Mapping[str, pl.Series | str]) -> pl.DataFrame:
        """The columns of the contract that the city delivers, as text; `extra` gives columns that are not in the table.

        A column that is not required may be left out.
        """
        contract = self.contract(key)
        delivered = {*table.columns, *extra, "person_id_no", "person_name", "community_id"}
        return pl.DataFrame(
            [
                self._column(column.name, table, extra, contract).alias(column.name)
                for column in contract.columns
                if column.required or column.name in delivered
            ]
        )

    def _column(
        self, name: str, table: pl.DataFrame, extra: Mapping[str, pl.Series | str], contract: FeedContract
    ) -> pl.Series:
        if name in extra:
            value = extra[name]
            return pl.Series([value]).new_from_index(0, table.height) if isinstance(value, str) else value
        if name == "person_id_no":
            return self._people.ids[table["person"]]
        if name == "person_name":
            return self._people.names[table["person"]]
        if name == "community_id":
            return self._community_ids[table["community"]]
        return self._text(table[name], name, contract)

    def _text(self, series: pl.Series, name: str, contract: FeedContract) -> pl.Series:
        column = contract.by_name[name]
        if column.type == "date":
            return series.cast(pl.Int32).cast(pl.Date).dt.to_string("%Y-%m-%d").fill_null("")
        if column.type == "money":
            return money(series)
        if column.type == "boolean":
            return pl.select(pl.when(series).then(pl.lit("是")).otherwise(pl.lit("否"))).to_series()
        if column.code_list is not None:
            known = {code: titles.zh for code, titles in column.code_list.values.items()}
            return series.cast(pl.String).replace(known).fill_null("")
        return series.cast(pl.String).fill_null("")


def delivered(contract: FeedContract, texts: pl.DataFrame) -> FeedContract:
    """The contract with those of its columns that are in `texts`."""
    return replace(contract, columns=tuple(column for column in contract.columns if column.name in texts.columns))


def money(series: pl.Series) -> pl.Series:
    """Integer fen as yuan with two digits."""
    size = series.abs()
    sign = pl.select(pl.when(series < 0).then(pl.lit("-")).otherwise(pl.lit(""))).to_series()
    return sign + decimal(size, 2)


def decimal(series: pl.Series, digits: int) -> pl.Series:
    """Whole numbers that are not negative, written with so many digits after the point."""
    unit = 10**digits
    text: pl.Series = (series // unit).cast(pl.String) + "." + (series % unit).cast(pl.String).str.zfill(digits)
    return text


def csv_bytes(contract: FeedContract, texts: pl.DataFrame, encoding: str, broken: set[int]) -> bytes:
    """A CSV with the contract's headers; broken lines get one field too many."""
    header = ",".join(contract.by_name[name].headers[0] for name in texts.columns)
    mark = "\ufeff" if encoding == "utf-8-sig" else ""
    buffer = io.BytesIO()
    buffer.write(f"{mark}{header}\n".encode())
    texts.write_csv(buffer, include_header=False, quote_style="never")
    data = buffer.getvalue()
    if broken:
        lines = data.split(b"\n")
        for at in broken:
            lines[at + 1] += ",多余".encode()
        data = b"\n".join(lines)
    return data.decode().encode("gb18030") if encoding == "gb18030" else data


def population_workbook(contract: FeedContract, table: pl.DataFrame, title: str) -> bytes:
    """A workbook with title row, unit row, two-row merged header, totals row and signature foot."""
    from datetime import datetime

    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"created": datetime(2026, 1, 1)})  # noqa: DTZ001  (fixed, so that bytes repeat)
    sheet = book.add_worksheet("人口")
    facts = [column for column in contract.columns if column.role == "fact"]
    paths = [
        column.headers[0].split("/") if "/" in column.headers[0] else column.extras.aliases[-1].split("/")
        for column in facts
    ]
    width = 2 + len(facts)
    sheet.merge_range(0, 0, 0, width - 1, title)
    sheet.write_string(1, width - 1, "单位：人")
    sheet.merge_range(2, 0, 3, 0, contract.by_name["community_id"].headers[0])
    sheet.merge_range(2, 1, 3, 1, contract.by_name["community_name"].headers[0])
    for at, (group, leaf) in enumerate(paths):
        if at % 4 == 0:
            sheet.merge_range(2, 2 + at, 2, 5 + at, group)
        sheet.write_string(3, 2 + at, leaf)
    counts = table.select(column.name for column in facts).to_numpy()
    for at in range(table.height):
        sheet.write_string(4 + at, 0, table["community_id"][at])
        sheet.write_string(4 + at, 1, table["community_name"][at])
        for place, value in enumerate(counts[at]):
            sheet.write_number(4 + at, 2 + place, int(value))
    foot = 4 + table.height
    sheet.write_string(foot, 0, "合计")
    for place, value in enumerate(np.sum(counts, axis=0)):
        sheet.write_number(foot, 2 + place, int(value))
    sheet.write_string(foot + 1, 0, "制表人：        审核人：        负责人（盖章）：")
    book.close()
    return buffer.getvalue()


def write(path: Path, data: bytes, note: str | None = None) -> None:
    """Write a landing file and, if given, its delivery note."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if note is not None:
        path.with_name(path.name + ".note.yaml").write_text(note, encoding="utf-8")
