"""A small home whose staging parts and marts are written by the tests themselves."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.lake import parts
from assets.lake.home import Home
from data_contracts.contracts import Catalog, stored_columns
from data_contracts.periods import Period
from data_contracts.settings.loading import load_settings
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables

_HOME = """
format: 1
name: {zh: 测试市, en: Test city}
level: city
calendar: {grain: quarter, first: 2024Q1, last: 2025Q4}
levels:
  - {id: community, titles: {zh: 社区, en: Community}}
  - {id: township, titles: {zh: 乡镇, en: Township}}
  - {id: county, titles: {zh: 县, en: County}}
  - {id: city, titles: {zh: 市, en: City}}
rule_sets: [national_2017, platform_2011]
"""


@dataclass(frozen=True)
class Workshop:
    """A home with ways to fill it."""

    home: Home
    catalog: Catalog

    @property
    def settings(self) -> Settings:
        return load_settings(self.home.path)

    def write_settings(self, name: str, text: str) -> None:
        (self.home.settings / f"{name}.yaml").write_text(text, encoding="utf-8")

    def stage(self, feed: str, period: str, rows: Sequence[dict[str, Any]]) -> None:
        """One part of a feed; columns a row leaves out are null."""
        contract = self.catalog.feed(feed, period)
        file_id = _hash(feed, period)[:16]
        full = [
            {"file_id": file_id, "record_no": number, "period": period, "warnings": "", "row_hash": number, **row}
            for number, row in enumerate(rows, 1)
        ]
        schema = dict(stored_columns(contract))
        self.put(contract.table, period, pl.DataFrame(full, schema=schema))

    def put(self, table: str, period: str, frame: pl.DataFrame) -> None:
        """A finished table of a later stage."""
        parts.put_table(self.home, table, period, _hash(table, period, frame.write_csv()), frame)

    def put_rows(self, table: str, period: str, rows: Sequence[dict[str, Any]]) -> None:
        """Rows of a table that has a contract; the period is filled in."""
        contract = output_tables()[table]
        full = pl.DataFrame([{"period": period, **row} for row in rows], schema=contract.schema)
        self.put(table, period, contract.shape(full))

    def put_tree(self, period: str, leaves: dict[str, Sequence[str]]) -> None:
        """The area closure: leaf → its township, county and city."""
        levels = [level.id for level in self.settings.home.levels]
        rows = [
            {"leaf_id": leaf, "level_no": number, "area_level": level, "area_id": area}
            for leaf, above in leaves.items()
            for number, (level, area) in enumerate(zip(levels, [leaf, *above], strict=True))
        ]
        self.put_rows("mart__area_closure", period, rows)

    def build(self, step: Callable[..., pl.DataFrame | None], table: str, period: str) -> pl.DataFrame | None:
        """Run a build step of one mart, put its result in force and return it."""
        frame = step(self.home, self.settings, self.catalog, *([] if table == "link__persons" else [table]), at(period))
        if frame is not None:
            self.put(table, period, frame)
        return frame


def at(period: str) -> Period:
    return Period.parse(period)


def _hash(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def new_workshop(folder: Path) -> Workshop:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "home.yaml").write_text(_HOME, encoding="utf-8")
    return Workshop(Home.open(folder), Catalog.load())


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return new_workshop(tmp_path / "home")


@pytest.fixture
def make_workshop(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Workshop]:
    return lambda: new_workshop(tmp_path_factory.mktemp("home"))
