"""From ledger to staging tables: each file staged once, then the rows in force selected across files.

Put here: parts, sidecars with each file's account, selection per feed and period. Keep out: the pass over one file.
"""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from assets.engine.duck import EngineLimits
from assets.intake import ledger, precedence
from assets.intake.account import Account, RuleCount
from assets.intake.across import Known, in_passes
from assets.intake.column_counts import COUNTS, added_up
from assets.intake.contests import noticed, resent
from assets.intake.findings import FileRefused, Finding
from assets.intake.ledger import Entry
from assets.intake.period import covered
from assets.intake.places import places
from assets.intake.staging import FIX_COLUMNS, FileContext, stage
from assets.intake.standing import resent_in_part, short, standing, unheard
from assets.lake.atomic import read_json, write_json
from assets.lake.fingerprint import code_fingerprint, combine, library_fingerprint
from assets.lake.home import Home
from assets.lake.parts import Manifest, PartWriter, folder, part_path, read_manifest, write_manifest, write_part
from assets.lake.selection import SCHEMA, SelectablePart, Selection, select_rows, verdicts_in_force
from assets.vault import quarantine
from assets.vault.crypto import VaultKeys
from data_contracts.contracts import Catalog, FeedContract
from data_contracts.periods import Period
from data_contracts.settings.limits import Limits

_VOCABULARY = ("expectations", "feed", "vocabulary")
_CODE = ("assets/intake", "assets/vault/pseudonym.py", *(f"data_contracts/{name}.py" for name in _VOCABULARY))
_SELECTION = "assets/lake/selection.py"
# Limits that decide nothing about what is read from a file.
_NOT_OF_READING = {"quarantine_share", "resend_share", "memory_limit_mb", "threads"}
# Who reads files, types cells and hashes rows: their next version may do it otherwise. Calamine comes with fastexcel.
_LIBRARIES = library_fingerprint("duckdb", "fastexcel", "polars", "pyarrow", "sqlglot", "xlrd")
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

    def stage_large(self, keys: Sequence[str], periods: Sequence[str]) -> None:
        """Stage the new large files of several feeds, two at a time and the largest first.

        Much of the pass over one file keeps a single core busy; `stage_feed` then finds them done.
        """
        found = [
            (entry, self._contract(entry))
            for entry in ledger.entries(self.home)
            if entry.key in keys and entry.size >= _LARGE and not set(self._reach(entry)).isdisjoint(periods)
        ]
        missing = [item for item in found if not self._sidecar(*item).is_file()]
        with ThreadPoolExecutor(min(_AT_ONCE, self.engine.threads)) as pool:
            list(pool.map(lambda item: self._stage_file(*item), sorted(missing, key=lambda item: -item[0].size)))

    def stage_feed(self, key: str, periods: Sequence[str]) -> list[str]:
        """Bring the staging table of a feed up to date for `periods`; returns the periods that changed."""
        entries = [entry for entry in ledger.entries(self.home) if entry.key == key]
        found: dict[str, list[Entry]] = {}
        for entry in entries:
            for period in set(self._reach(entry)).intersection(periods):
                found.setdefault(period, []).append(entry)
        gone = self._withdrawn(entries)
        # A corrected note may have taken the last file of a period away.
        table = self.catalog.feed(key).table
        known = [period for period in periods if period in found or read_manifest(self.home, table, period)]
        return [
            period
            for period in sorted(known)
            if self._stage_period(key, period, self._deciding(key, period, entries, found.get(period, [])), gone)
        ]

    def _deciding(self, key: str, period: str, entries: Sequence[Entry], reaching: Sequence[Entry]) -> list[Entry]:
        """The files that decide which rows of a period count: those that reach it.

        Of a cumulative feed all of the year, in which a corrected date moves a record from one period to another.
        """
        contract, year = self.catalog.feed(key, period), Period.parse(period).year
        if contract.delivery != "cumulative":
            return list(reaching)
        own = [entry for entry in entries if Period.parse(entry.period).year == year]
        return [entry for entry in own if self._contract(entry).fingerprint == contract.fingerprint]

    def _reach(self, entry: Entry) -> list[str]:
        """The periods a file may hold records of: its own, and of a cumulative feed those of the year before it."""
        contract = self._contract(entry)
        return [period.key for period in covered(contract, Period.parse(entry.period))]

    def _contract(self, entry: Entry) -> FeedContract:
        return self.catalog.feed(entry.key, entry.period)

    def _withdrawn(self, entries: Sequence[Entry]) -> set[str]:
        """Files superseded as a whole. What makes a file unsound shows when it is staged, so that is done first."""
        return precedence.withdrawn(list(entries), self._unsound(entries))

    def _unsound(self, entries: Sequence[Entry]) -> dict[str, StagedFile]:
        """Files that were to supersede others and may not: refused as a whole, or too many of their records are."""
        replacing = [self._stage_file(entry, self._contract(entry)) for entry in entries if entry.supersedes]
        return {
            item.entry.file_id: item
            for item in replacing
            if item.refused is not None or not item.account.is_whole(self.limits)
        }

    def withdrawn(self, key: str) -> set[str]:
        """Ids of the files of a feed that another one supersedes as a whole, from another period too."""
        return self._withdrawn([entry for entry in ledger.entries(self.home) if entry.key == key])

    def standing(self, key: str, period: str) -> list[StagedFile]:
        """The files of a feed and period whose faults are still open, in order of arrival."""
        staged = self.staged(key, period)
        if not staged:
            return []
        contract, gone = self.catalog.feed(key, period), self.withdrawn(key)
        return standing(staged, cache(lambda: self.current(key, period)), contract, gone)

    def is_staged(self, key: str, period: str) -> bool:
        """Whether every file of a feed and period has been through intake in its present form."""
        entries = [entry for entry in ledger.entries(self.home) if entry.key == key and entry.period == period]
        return all(self._sidecar(entry, self._contract(entry)).is_file() for entry in entries)

    def staged(self, key: str, period: str) -> list[StagedFile]:
        """The files of a feed and period with their accounts, in order of arrival."""
        entries = [entry for entry in ledger.entries(self.home) if entry.key == key and entry.period == period]
        return [self._staged(entry, self._contract(entry)) for entry in entries]

    def _part_id(self, entry: Entry, contract: FeedContract) -> str:
        code = combine(code_fingerprint(*_CODE), _LIBRARIES)
        sizes = str(self.limits.model_dump(exclude=_NOT_OF_READING))
        return combine(entry.file_id, contract.fingerprint, self.keys.id, code, sizes, str(entry.stated))[:20]

    def _stage_period(self, key: str, period: str, entries: list[Entry], withdrawn: set[str]) -> bool:
        contract = self.catalog.feed(key, period)
        part_ids = [self._part_id(entry, self._contract(entry)) for entry in entries]
        gone = {entry.file_id for entry in entries} & withdrawn
        ranks = precedence.ranks(entries)
        bounds = (str(self.limits.resend_share), str(self.limits.quarantine_share))
        order = (str(ranks[entry.file_id]) for entry in entries)
        mark = (*part_ids, *sorted(gone), *order, *bounds, code_fingerprint(_SELECTION))
        fingerprint = combine(contract.table, *mark)
        manifest = read_manifest(self.home, contract.table, period)
        if manifest is not None and manifest.fingerprint == fingerprint:
            return False
        staged = [self._stage_file(entry, self._contract(entry)) for entry in entries]
        held = [item for item in staged if item.account.periods.get(period)]
        places = [part_path(self.home, contract.table, period, item.part_id) for item in held]
        files = [(item.entry, item.account) for item in held]
        elsewhere = [(item, step) for item in staged for step in sorted(item.account.periods) if step != period]
        rivals = [
            SelectablePart(
                part_path(self.home, contract.table, step, item.part_id),
                item.entry.file_id,
                ranks[item.entry.file_id],
                item.entry.file_id in gone,
            )
            for item, step in elsewhere
        ]
        chosen = self._selected(contract, files, places, ranks, gone, rivals)
        write_part(self.home, _selection(contract), period, fingerprint[:20], chosen.verdicts)
        verdicts = Manifest(fingerprint, [fingerprint[:20]], chosen.verdicts.height, {})
        write_manifest(self.home, _selection(contract), period, verdicts)
        rows = sum(item.account.periods[period] for item in held) - chosen.verdicts.height
        notes = {"contests": chosen.contests.to_dicts(), "meetings": chosen.meetings.to_dicts()}
        write_manifest(self.home, contract.table, period, Manifest(fingerprint, [i.part_id for i in held], rows, notes))
        return True

    def _selected(
        self,
        contract: FeedContract,
        files: Sequence[tuple[Entry, Account]],
        places: Sequence[Path],
        ranks: Mapping[str, int],
        gone: Collection[str],
        rivals: Sequence[SelectablePart] = (),
    ) -> Selection:
        parts = [
            SelectablePart(
                place,
                entry.file_id,
                ranks[entry.file_id],
                entry.file_id in gone,
                (entry.institution_id or "") if contract.delivery == "snapshot" else None,
                account.is_whole(self.limits),
            )
            for (entry, account), place in zip(files, places, strict=True)
        ]
        enough = Fraction(str(self.limits.resend_share))
        return select_rows(parts, contract.extras.business_key, self.engine, enough=enough, rivals=rivals)

    def selection_with(self, entry: Entry, place: Path, account: Account) -> Selection:
        """What would be decided of the rows of a period if a file with its accepted rows at `place` came too.

        For feeds of which a file holds one period only. Nothing is kept of it.
        """
        contract = self._contract(entry)
        staged = [item for item in self.staged(entry.key, entry.period) if item.account.periods.get(entry.period)]
        files = [*((item.entry, item.account) for item in staged), *([(entry, account)] if account.accepted else [])]
        places = [part_path(self.home, contract.table, entry.period, item.part_id) for item in staged]
        delivered = [item for item in ledger.entries(self.home) if item.key == entry.key]
        unsound = {*self._unsound(delivered), *(() if account.is_whole(self.limits) else (entry.file_id,))}
        gone = precedence.withdrawn([*delivered, entry], unsound)
        ranks = precedence.ranks([owner for owner, _ in files])
        return self._selected(contract, files, [*places, *([place] if account.accepted else [])], ranks, gone)

    def _sidecar(self, entry: Entry, contract: FeedContract) -> Path:
        """Where the account of a file is kept; it is written last, so a file that has one has been staged."""
        return folder(self.home, contract.table, entry.period) / f"{self._part_id(entry, contract)}.json"

    def _stage_file(self, entry: Entry, contract: FeedContract) -> StagedFile:
        sidecar = self._sidecar(entry, contract)
        if not sidecar.is_file():
            part_id = self._part_id(entry, contract)
            account = in_passes(lambda known: self._write(entry, contract, part_id, known))
            write_json(sidecar, asdict(account))
        return self._staged(entry, contract)

    def _staged(self, entry: Entry, contract: FeedContract) -> StagedFile:
        document = read_json(self._sidecar(entry, contract))
        return StagedFile(entry, self._part_id(entry, contract), _account(document))

    def _write(self, entry: Entry, contract: FeedContract, part_id: str, known: Known) -> Account:
        account = Account()
        context = FileContext(entry.file_id, entry.period, entry.institution_id, entry.stated)
        refused: list[pl.DataFrame] = []
        fixes: list[pl.DataFrame] = [pl.DataFrame(schema=FIX_COLUMNS)]
        counts: list[pl.DataFrame] = []
        data = ledger.read_bytes(self.home, entry, self.keys)
        yes_no = self.catalog.code_lists["yes_no"]
        periods: dict[str, int] = {}
        try:
            with ExitStack() as open_parts:
                writers: dict[str, PartWriter] = {}
                for chunk in stage(data, contract, context, yes_no, self.keys.pseudonym, self.limits, account, known):
                    refused.append(chunk.refused)
                    fixes.append(chunk.fixes)
                    counts.append(chunk.counts)
                    for period, rows in _by_period(chunk.accepted, contract, entry.period):
                        if period not in writers:
                            path = part_path(self.home, contract.table, period, part_id)
                            writers[period] = open_parts.enter_context(PartWriter(path))
                        writers[period].write(rows)
                        periods[period] = periods.get(period, 0) + rows.height
                for writer in writers.values():
                    writer.commit()
        except FileRefused as refusal:
            finding = Finding(refusal.finding.sentence, {**refusal.finding.params, "refused": True})
            account, refused = Account(findings=[*account.findings, finding]), []
        else:
            account.periods = periods
            write_part(self.home, f"profile_{contract.table}", entry.period, part_id, added_up(counts))
        quarantine.store(self.home, entry.file_id, pl.concat(refused) if refused else quarantine.NOTHING, self.keys)
        # What was wrong in the records of a refused file may be why it was refused.
        write_part(self.home, f"fix_{contract.table}", entry.period, part_id, pl.concat(fixes))
        return account

    def fixes(self, item: StagedFile, contract: FeedContract) -> pl.DataFrame:
        """Where a file has to be corrected: record, line, rule, severity."""
        path = part_path(self.home, f"fix_{contract.table}", item.entry.period, item.part_id)
        return pl.read_parquet(path) if path.is_file() else pl.DataFrame(schema=FIX_COLUMNS)

    def lines(self, item: StagedFile, contract: FeedContract, record_no: pl.Series) -> pl.DataFrame:
        """`record_no` and `line_no` of these records of a file; reads the file again."""
        data = ledger.read_bytes(self.home, item.entry, self.keys)
        return places(data, item.entry, contract, self.limits, record_no)

    def column_counts(self, item: StagedFile, contract: FeedContract) -> pl.DataFrame:
        """What was counted of the columns of a file; none of a file refused as a whole."""
        path = part_path(self.home, f"profile_{contract.table}", item.entry.period, item.part_id)
        return pl.read_parquet(path) if path.is_file() else pl.DataFrame(schema=COUNTS)

    def not_current(self, contract: FeedContract, period: str) -> pl.DataFrame:
        """Rows of a feed and period that are not current, with their verdict."""
        paths = verdicts_in_force(self.home, contract.table, _selection(contract), period)
        return pl.concat([pl.DataFrame(schema=SCHEMA), *(pl.read_parquet(p, hive_partitioning=False) for p in paths)])

    def verdicts(self, key: str, period: str) -> dict[tuple[str, str], int]:
        """Rows of the files of a feed and period that are not current, counted by file and verdict."""
        contract = self.catalog.feed(key, period)
        frames = [self.not_current(contract, step.key) for step in covered(contract, Period.parse(period))]
        counted = pl.concat(frames).group_by("file_id", "verdict").len()
        return {(file_id, verdict): count for file_id, verdict, count in counted.rows()}

    def noticed(self, key: str, period: str) -> dict[str, list[Finding]]:
        """What the files of a feed and period are said to do to each other, by file id; see contests.py."""
        contract = self.catalog.feed(key, period)
        entries = [entry for entry in ledger.entries(self.home) if entry.key == key]
        unsound = self._unsound(entries)
        gone = precedence.withdrawn(entries, unsound)
        standing = [entry for entry in entries if entry.file_id not in gone]
        notes = self._selection_notes(contract, period)
        again = resent_in_part(self.staged(key, period), cache(lambda: self.current(key, period)), contract, gone)
        named = unheard(entries, unsound, period, self.limits)
        known = {entry.file_id: entry for entry in entries}
        effect = {new: [known[old] for old in olds] for new, olds in precedence.in_effect(entries, unsound).items()}
        own = {item.entry.file_id: item.account.accepted for item in self.staged(key, period)} if effect else {}
        fewer = short(effect, self._accepted, own, self.limits)
        return noticed(standing, contract, period, notes, [*named, *again, *fewer])

    def _accepted(self, entry: Entry) -> int:
        return self._stage_file(entry, self._contract(entry)).account.accepted

    def resent(self, key: str, period: str) -> dict[str, int]:
        """File id → how many of its duplicates are in a file that is it sent again; see contests.py."""
        entries = [entry for entry in ledger.entries(self.home) if entry.key == key]
        return resent(entries, self._selection_notes(self.catalog.feed(key, period), period))

    def _selection_notes(self, contract: FeedContract, period: str) -> dict[str, list[Any]]:
        """What the selections that concern the files of a period left."""
        notes: dict[str, list[Any]] = {}
        for step in covered(contract, Period.parse(period)):
            manifest = read_manifest(self.home, contract.table, step.key)
            for name, rows in (manifest.notes if manifest else {}).items():
                notes.setdefault(name, []).extend(rows)
        return notes

    def current(self, key: str, period: str) -> dict[str, int]:
        """How many records of each file of a feed and period count."""
        verdicts = self.verdicts(key, period)
        lost = {file_id: 0 for file_id, _ in verdicts}
        for (file_id, _), count in verdicts.items():
            lost[file_id] += count
        return {
            item.entry.file_id: item.account.accepted - lost.get(item.entry.file_id, 0)
            for item in self.staged(key, period)
        }


def _selection(contract: FeedContract) -> str:
    """The table of verdicts on the rows of a feed."""
    return f"sel__{contract.sender}__{contract.feed}"


def _by_period(rows: pl.DataFrame, contract: FeedContract, period: str) -> list[tuple[str, pl.DataFrame]]:
    """Rows by the period they belong to: that of the file, of a cumulative feed that of the event."""
    if contract.delivery != "cumulative":
        return [(period, rows)] if rows.height else []
    split = rows.partition_by("period", as_dict=True)
    return [(str(key[0]), part) for key, part in sorted(split.items())]


def _account(document: dict[str, Any]) -> Account:
    rules = {rule: RuleCount(**count) for rule, count in document.pop("rules").items()}
    findings = [Finding(**finding) for finding in document.pop("findings")]
    return Account(**document, rules=rules, findings=findings)
