"""Checking one file before it is sent: the pass of the pipeline with a throw-away key and nothing stored.

Put here: the verdict on a file alone. Keep out: wording for the terminal and writing fix lists.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from assets.intake.account import Account
from assets.intake.findings import FileRefused, Finding
from assets.intake.fixes import COLUMNS, finding_list, fix_list
from assets.intake.landing import Note, read_note
from assets.intake.period import period_of
from assets.intake.staging import FileContext, stage
from assets.vault.crypto import VaultKeys
from data_contracts.contracts import Catalog, FeedContract
from data_contracts.settings import Limits

_PIECE = 8 * 1024 * 1024


@dataclass(frozen=True)
class CheckResult:
    """The verdict on one file. `fixes` has the columns of the fix list; `not_checked` are sentence ids."""

    feed: str
    period: str | None
    account: Account
    refused: Finding | None
    fixes: pl.DataFrame
    not_checked: list[str]
    refused_share_limit: float

    @property
    def refused_share(self) -> float:
        """Share of records that cannot be taken; 0 for a file without records."""
        records = self.account.records - self.account.non_data
        return (self.account.quarantined + self.account.unreadable) / records if records else 0.0

    @property
    def passed(self) -> bool:
        """The file can be taken and no more records are refused than the settings allow."""
        return self.refused is None and self.refused_share <= self.refused_share_limit


def check_file(path: Path, feed: str, catalog: Catalog, limits: Limits, period: str | None = None) -> CheckResult:
    """Judge one file as the pipeline would; `period` stands in for what the delivery note may say.

    Raises DefinitionError for an unknown feed or a contract that cannot be evaluated.
    """
    contract = catalog.feed(feed)
    account = Account()
    lists = [pl.DataFrame(schema=COLUMNS)]
    refused: Finding | None = None
    key: str | None = None
    try:
        note, wrong = read_note(path, path.name)
        if wrong is not None:
            raise FileRefused(wrong.sentence, **wrong.params)
        key = period_of(note.period or period, path.name, contract)
        contract = catalog.feed(feed, key)
        lists.extend(_staged(path, contract, note, key, catalog, limits, account))
    except FileRefused as refusal:
        refused = refusal.finding
        account = Account(findings=account.findings)
        lists = [finding_list([refused], path.name, "error")]
    lists.append(finding_list(account.findings, path.name, "warning"))
    return CheckResult(
        feed, key, account, refused, pl.concat(lists), _not_checked(contract), float(limits.quarantine_share)
    )


def _staged(
    path: Path, contract: FeedContract, note: Note, period: str, catalog: Catalog, limits: Limits, account: Account
) -> Iterator[pl.DataFrame]:
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise FileRefused("intake_too_large", limit=limits.file_bytes)
    context = FileContext(path.name, period, note.institution)
    key = VaultKeys.throw_away().pseudonym
    for chunk in stage(_pieces(path), contract, context, catalog.code_lists["yes_no"], key, limits, account):
        yield fix_list(chunk.fixes, contract, path.name, account.sheet)
    found = account.records - account.non_data
    if note.rows is not None and note.rows != found:
        raise FileRefused("intake_note_rows", stated=note.rows, found=found)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece


def _not_checked(contract: FeedContract) -> list[str]:
    return [
        "intake_unchecked_selection",
        *(["intake_unchecked_linkage"] if contract.extras.person else []),
        *(["intake_unchecked_areas"] if contract.extras.area else []),
        "intake_unchecked_volume",
    ]
