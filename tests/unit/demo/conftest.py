"""Small demo cities and how to read their files with nothing but the csv module."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from data_contracts.contracts import Catalog, FeedContract
from data_contracts.periods import Period
from pipelines.demo.generator import generate
from tests.made_once import made_once
from tests.unit.demo.world import World, live, scenario_of_habits

FIRST, LAST, RESIDENTS, SEED = "2024Q4", "2025Q2", 4_000, 11
# Long enough for two communities to merge after a year and a township to be divided half a year later.
LONG_FIRST, LONG_LAST = "2023Q4", "2025Q2"
_ENCODINGS = dict.fromkeys(
    ("health_bureau.residents", "health_bureau.followups_dyslipidaemia", "civil_affairs.welfare"), "gb18030"
)
_DAY = re.compile(r"(\d{4})\D?(\d{1,2})\D?(\d{1,2})日?")


@dataclass(frozen=True)
class Record:
    """One record of a landing file: its place and its cells by column name; `whole`: as many cells as headers."""

    file: str
    number: int
    period: Period
    cells: dict[str, str]
    whole: bool


class Files:
    """The landing folder of a demo city."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._catalog = Catalog.load()

    def contract(self, key: str) -> FeedContract:
        return self._catalog.feed(key)

    def paths(self, key: str) -> list[Path]:
        return sorted((self.home / "landing" / key.replace(".", "/")).rglob("*.csv"))

    def records(self, key: str) -> Iterator[Record]:
        columns = {header: column.name for column in self.contract(key).columns for header in column.headers}
        for path in self.paths(key):
            text = path.read_bytes().decode(_ENCODINGS.get(key, "utf-8-sig"))
            rows = csv.reader(io.StringIO(text))
            names = [columns[header] for header in next(rows)]
            period = Period.parse(path.stem.rpartition("_")[2])
            for number, row in enumerate(rows, start=1):
                cells = dict(zip(names, row, strict=False))
                name = path.relative_to(self.home / "landing").as_posix()
                yield Record(name, number, period, cells, len(row) == len(names))

    def faults(self) -> list[tuple[str, int, str, str]]:
        with (self.home / "truth/faults.csv").open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream)
            return [(row["file"], int(row["record"]), row["rule"], row["kind"]) for row in rows]


def make(path: Path, *, faults: bool = True, seed: int = SEED) -> Files:
    generate(path, residents=RESIDENTS, seed=seed, first=FIRST, last=LAST, faults=faults)
    return Files(path)


@pytest.fixture(scope="session")
def spoiled_city(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(made_once(tmp_path_factory, "spoiled_city", make))


@pytest.fixture(scope="session")
def clean_city(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(made_once(tmp_path_factory, "clean_city", lambda path: make(path, faults=False)))


@pytest.fixture(scope="session")
def changing_city(tmp_path_factory: pytest.TempPathFactory) -> Files:
    def change(path: Path) -> None:
        generate(path, residents=RESIDENTS, seed=SEED, first=LONG_FIRST, last=LONG_LAST, faults=False)

    return Files(made_once(tmp_path_factory, "changing_city", change))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A city of eight communities with a habit each, over a year and a half."""
    home = tmp_path_factory.mktemp("demo") / "world"
    return live(home, scenario_of_habits(), 16_000, SEED, "2024Q1", "2025Q2")


def day(text: str) -> date | None:
    """A day as senders write it, or None."""
    match = _DAY.fullmatch(text.strip().partition(" ")[0])
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None
