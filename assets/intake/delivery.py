"""From ledger to staging tables: each file staged once, then the rows in force selected across files.

Put here: parts, sidecars with each file's account, selection per feed and period. Keep out: the pass over one file.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from assets.engine.duck import EngineLimits
from assets.intake import ledger
from assets.intake.account import Account, RuleCount
from assets.intake.findings import FileRefused, Finding
from assets.intake.ledger import Entry
from assets.intake.staging import FIX_COLUMNS, FileContext, stage
from assets.lake.atomic import read_json, write_json
from assets.lake.fingerprint import code_fingerprint, combine
from assets.lake.home import Home
from assets.lake.parts import Manifest, PartWriter, folder, part_path, read_manifest, write_manifest, write_part
from assets.lake.selection import SCHEMA, SelectablePart, select_rows
from assets.vault import quarantine
from assets.vault.crypto import VaultKeys
from data_contracts.contracts import Catalog, FeedContract
from data_contracts.settings import Limits

_CODE = ("assets/intake", "assets/vault/pseudonym.py")
# The hash of a row is the engine's, and its next version may have another one.
_ENGINE = version("duckdb")
_AT_ONCE = 2
# A smaller file is staged sooner than a thread has opened a connection of its own.
_LARGE = 2_000_000


@dataclass(frozen=True)
class StagedFile:
    """A file of the ledger with its part and its account."""

    entry: Entry
    part_id: str
    account: Account

    @property
    def refused(self) -> Finding | None:
        """Why the whole file was refused, if it was."""
        return next((finding for finding in self.account.findings if finding.params.get("refused")), None)


@dataclass(frozen=True)
class Intake:
    """What intake needs of a home."""

    home: Home
    catalog: Catalog
    keys: VaultKeys
    limits: Limits
    engine: EngineLimits

    def stage_feed(self, key: str, periods: Sequence[str]) -> list[str]:
        """Bring the staging table of a feed up to date for `periods`; returns the periods that changed."""
        entries = [entry for entry in ledger.entries(self.home) if entry.key == key]
        # A file sent under the wrong period is superseded from another one.
        gone = ledger.withdrawn(entries)
        found: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.period in periods:
                found.setdefault(entry.period, []).append(entry)
        self._stage_large([entry for period in found.values() for entry in period])
        return [period for period in sorted(found) if self._stage_period(key, period, found[period], gone)]

    def is_staged(self, key: str, period: str) -> bool:
        """Whether every file of a feed and period has been through intake in its present form."""
        contract = self.catalog.feed(key, period)
        entries = [entry for entry in ledger.entries(self.home) if entry.key == key and entry.period == period]
        return all(self._sidecar(entry, contract).is_file() for entry in entries)

    def staged(self, key: str, period: str) -> list[StagedFile]:
        """The files of a feed and period with their accounts, in order of arrival."""
        contract = self.catalog.feed(key, period)
        entries = [entry for entry in ledger.entries(self.home) if entry.key == key and entry.period == period]
        return [self._staged(entry, contract) for entry in entries]

    def _part_id(self, entry: Entry, contract: FeedContract) -> str:
        code = combine(code_fingerprint(*_CODE), _ENGINE)
        return combine(entry.file_id, contract.fingerprint, self.keys.id, code)[:20]

    def _stage_period(self, key: str, period: str, entries: list[Entry], withdrawn: set[str]) -> bool:
        contract = self.catalog.feed(key, period)
        part_ids = [self._part_id(entry, contract) for entry in entries]
        gone = {entry.file_id for entry in entries} & withdrawn
        fingerprint = combine(contract.table, *part_ids, *sorted(gone), *map(str, ledger.ranks(entries).values()))
        manifest = read_manifest(self.home, contract.table, period)
        if manifest is not None and manifest.fingerprint == fingerprint:
            return False
        staged = [self._stage_file(entry, contract) for entry in entries]
        ranks = ledger.ranks(entries)
        parts = [
            SelectablePart(
                part_path(self.home, contract.table, period, item.part_id),
                item.entry.file_id,
                ranks[item.entry.file_id],
                item.entry.file_id in gone,
            )
            for item in staged
            if item.account.accepted
        ]
        chosen = select_rows(parts, contract.extras.business_key, self.engine)
        selection = f"sel__{contract.sender}__{contract.feed}"
        write_part(self.home, selection, period, fingerprint[:20], chosen)
        write_manifest(self.home, selection, period, Manifest(fingerprint, [fingerprint[:20]], chosen.height, {}))
        rows = sum(item.account.accepted for item in staged) - chosen.height
        kept = [item.part_id for item in staged if item.account.accepted]
        write_manifest(self.home, contract.table, period, Manifest(fingerprint, kept, rows, {}))
        return True

    def _sidecar(self, entry: Entry, contract: FeedContract) -> Path:
        """Where the account of a file is kept; it is written last, so a file that has one has been staged."""
        return folder(self.home, contract.table, entry.period) / f"{self._part_id(entry, contract)}.json"

    def _stage_large(self, entries: list[Entry]) -> None:
        """Stage new large files two at a time: much of the pass over one keeps a single core busy."""
        large = [(entry, self.catalog.feed(entry.key, entry.period)) for entry in entries if entry.size >= _LARGE]
        missing = [item for item in large if not self._sidecar(*item).is_file()]
        with ThreadPoolExecutor(min(_AT_ONCE, self.engine.threads)) as pool:
            list(pool.map(lambda item: self._stage_file(*item), missing))

    def _stage_file(self, entry: Entry, contract: FeedContract) -> StagedFile:
        sidecar = self._sidecar(entry, contract)
        if not sidecar.is_file():
            account = self._write(entry, contract, self._part_id(entry, contract))
            write_json(sidecar, asdict(account))
        return self._staged(entry, contract)

    def _staged(self, entry: Entry, contract: FeedContract) -> StagedFile:
        document = read_json(self._sidecar(entry, contract))
        return StagedFile(entry, self._part_id(entry, contract), _account(document))

    def _write(self, entry: Entry, contract: FeedContract, part_id: str) -> Account:
        account = Account()
        context = FileContext(entry.file_id, entry.period, entry.institution_id)
        refused: list[pl.DataFrame] = []
        fixes: list[pl.DataFrame] = [pl.DataFrame(schema=FIX_COLUMNS)]
        path = part_path(self.home, contract.table, entry.period, part_id)
        data = ledger.read_bytes(self.home, entry, self.keys)
        yes_no = self.catalog.code_lists["yes_no"]
        try:
            with PartWriter(path) as writer:
                for chunk in stage(data, contract, context, yes_no, self.keys.pseudonym, self.limits, account):
                    refused.append(chunk.refused)
                    fixes.append(chunk.fixes)
                    if chunk.accepted.height:
                        writer.write(chunk.accepted)
                if entry.note_rows is not None and entry.note_rows != account.records - account.non_data:
                    raise FileRefused(
                        "intake_note_rows", stated=entry.note_rows, found=account.records - account.non_data
                    )
                if account.accepted:
                    writer.commit()
        except FileRefused as refusal:
            finding = Finding(refusal.finding.sentence, {**refusal.finding.params, "refused": True})
            return Account(findings=[*account.findings, finding])
        if any(frame.height for frame in refused):
            quarantine.store(self.home, entry.file_id, pl.concat(refused), self.keys)
        write_part(self.home, f"fix_{contract.table}", entry.period, part_id, pl.concat(fixes))
        return account

    def fixes(self, item: StagedFile, contract: FeedContract) -> pl.DataFrame:
        """Where a file has to be corrected: record, line, rule, severity."""
        path = part_path(self.home, f"fix_{contract.table}", item.entry.period, item.part_id)
        return pl.read_parquet(path) if path.is_file() else pl.DataFrame(schema=FIX_COLUMNS)

    def not_current(self, contract: FeedContract, period: str) -> pl.DataFrame:
        """Rows of a feed and period that are not current, with their verdict."""
        manifest = read_manifest(self.home, f"sel__{contract.sender}__{contract.feed}", period)
        if manifest is None:
            return pl.DataFrame(schema=SCHEMA)
        return pl.concat(
            [
                pl.read_parquet(part_path(self.home, f"sel__{contract.sender}__{contract.feed}", period, part))
                for part in manifest.parts
            ]
        )


def _account(document: dict[str, Any]) -> Account:
    rules = {rule: RuleCount(**count) for rule, count in document.pop("rules").items()}
    findings = [Finding(**finding) for finding in document.pop("findings")]
    return Account(**document, rules=rules, findings=findings)
