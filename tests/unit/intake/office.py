"""An office with one feed: files land, are taken in and staged; what counts in the end can be asked for."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from assets.engine.duck import EngineLimits
from assets.intake import ledger
from assets.intake.delivery import Intake
from assets.intake.landing import scan
from assets.intake.quality import file_rows, quarantine_rows
from assets.lake.home import Home
from assets.lake.parts import files_in_force
from assets.vault.crypto import VaultKeys
from data_contracts.closed import parse
from data_contracts.contracts import Catalog
from data_contracts.settings.home import HomeDocument
from tests.unit.intake.conftest import Bench

KEY = "office.cases"
MONTHS = [f"2025-{month:02d}" for month in range(1, 5)]
START = datetime(2025, 2, 1, 8, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
HOME = {
    "format": 1,
    "name": {"zh": "小城", "en": "Town"},
    "level": "community",
    "calendar": {"grain": "month", "first": "2025-01", "last": "2025-04"},
    "levels": [{"id": "community", "titles": {"zh": "社区", "en": "Community"}}],
    "senders": {"office": {"titles": {"zh": "办公室", "en": "Office"}, "deadline_days": 10}},
    "rule_sets": [],
}
COLUMNS = [
    {"name": "no", "type": "text", "required": True, "header": "编号"},
    {"name": "amount", "type": "money", "money_unit": "yuan", "header": "金额"},
    {"name": "day", "type": "date", "header": "日期"},
]
IN_PERIOD = ("day_in_period", "error", "day between period_start and period_end")


class Office:
    """Lands files `no,amount,day` and tells which rows count, and what was said about each file."""

    def __init__(self, folder: Path, bench: Bench, columns: list[dict[str, Any]] | None = None, **extras: Any) -> None:
        (folder / "home.yaml").touch()
        self.home = Home.open(folder)
        rules = extras.pop("rules", [IN_PERIOD])
        self.contract = bench.contract(columns or COLUMNS, rules, **{"event_date": "day", **extras})
        self.catalog = Catalog({self.contract.key: (self.contract,)}, bench.codes)
        self.keys = VaultKeys.load(self.home)
        self.intake = Intake(self.home, self.catalog, self.keys, bench.limits, EngineLimits(500, 1))
        self.document = parse(HomeDocument, HOME, "home.yaml")
        self.now = START

    def land(self, name: str, rows: list[str] | str, note: str = "", institution: str = "H1") -> Path:
        """A file as it is laid into the folder of an institution; rows without the header, or a whole text."""
        path = self.home.landing / "office" / "cases" / institution / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = rows if isinstance(rows, str) else "".join(f"{row}\n" for row in ["编号,金额,日期", *rows])
        path.write_text(text, encoding="utf-8")
        path.with_name(f"{name}.note.yaml").write_text(note, encoding="utf-8")
        return path

    def run(self, periods: list[str] = MONTHS) -> int:
        """Take in what lies there, a day later than the time before, and stage it."""
        self.now += timedelta(days=1)
        landed = scan(self.home, self.catalog)
        taken = ledger.register(self.home, landed, self.catalog, self.keys, self.intake.limits, self.now, MONTHS)
        self.intake.stage_feed(KEY, periods)
        return taken

    def counted(self, period: str) -> dict[str, str]:
        """The rows that count in a period: number → amount in fen, and the period they bear."""
        files = files_in_force(self.home, self.contract.table, [period])
        if not files:
            return {}
        rows = pl.concat([pl.read_parquet(path, hive_partitioning=False) for path in files])
        hidden = self.intake.not_current(self.contract, period)
        rows = rows.join(hidden, on=["file_id", "record_no"], how="anti").sort("no", "amount")
        assert rows["period"].to_list() == [period] * rows.height
        assert rows["no"].n_unique() == rows.height
        return {row["no"]: row["amount"] for row in rows.iter_rows(named=True)}

    def files(self) -> dict[str, dict[str, Any]]:
        """Rows of quality__files by file name; each closes."""
        rows = file_rows(self.intake, MONTHS, self.document).to_dicts()
        names = {entry.file_id: Path(entry.landing_name).name for entry in ledger.entries(self.home)}
        parts = ("unreadable", "non_data", "quarantined", "current", "superseded", "duplicate")
        for row in rows:
            assert row["records"] == sum(row[part] for part in parts)
            assert min(row[part] for part in parts) >= 0
        return {f"{row['institution']}/{names[row['file_id']]}": row for row in rows}

    def counts(self, name: str) -> tuple[int, int, int, int]:
        """Quarantined, current, superseded and duplicate records of a file."""
        row = self.files()[name]
        return row["quarantined"], row["current"], row["superseded"], row["duplicate"]

    def said(self, name: str) -> set[str]:
        """Sentences about a file as a whole."""
        return set((self.files()[name]["findings"] or "").split(";")) - {""}

    def refused(self) -> dict[str, str]:
        """Files that were not taken at all, at landing or as a whole: name → sentence."""
        found = {item["name"].removeprefix("office/cases/"): item["sentence"] for item in ledger.refusals(self.home)}
        for period in MONTHS:
            for item in self.intake.staged(KEY, period):
                if item.refused is not None:
                    found[item.entry.landing_name.removeprefix("office/cases/")] = item.refused.sentence
        return found

    def quarantine(self) -> list[tuple[str, str, int]]:
        """Rule, severity and records of every row of quality__quarantine."""
        return quarantine_rows(self.intake, MONTHS).select("rule_id", "severity", "records").rows()
