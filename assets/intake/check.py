"""Checking one file before it is sent: the way of the pipeline from landing folder to last rule, with nothing stored.

Put here: the verdict on a file alone. Keep out: which feed it might be (recognising.py), what a home says about it,
wording for the terminal, writing fix lists.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from assets.intake import ledger
from assets.intake.account import Account, Verdict
from assets.intake.across import Known, in_passes
from assets.intake.findings import FileRefused, Finding
from assets.intake.fixes import COLUMNS, finding_list, fix_list
from assets.intake.landing import alone
from assets.intake.ledger import Entry
from assets.intake.period import period_origin
from assets.intake.staging import FileContext, stage
from assets.vault.crypto import VaultKeys
from data_contracts.contracts import Catalog, FeedContract
from data_contracts.settings.limits import Limits

_PIECE = 8 * 1024 * 1024


@dataclass(frozen=True)
class CheckResult:
    """The verdict on one file. `fixes` has the columns of the fix list; `not_checked` are sentence ids.

    `entry` is what the ledger would write, None where the file would not get there. `period_origin`: what told the
    period, `name`, `note`, `option` or `contract`.
    """

    feed: str
    period: str | None
    account: Account
    refused: Finding | None
    fixes: pl.DataFrame
    not_checked: list[str]
    limits: Limits
    entry: Entry | None = None
    period_origin: str | None = None

    @property
    def verdict(self) -> Verdict:
        """What a run would make of the file."""
        return self.account.verdict(self.refused, self.limits)

    @property
    def passed(self) -> bool:
        """The file can be sent as it is."""
        return self.verdict == "taken"


def check_file(
    path: Path,
    feed: str,
    catalog: Catalog,
    limits: Limits,
    period: str | None = None,
    *,
    institution: str | None = None,
    calendar: Collection[str] | None = None,
    keys: VaultKeys | None = None,
    keep: Callable[[pl.DataFrame], None] | None = None,
) -> CheckResult:
    """Judge one file as the pipeline would; `period` and `institution` stand in for what its note does not say.

    `keep` is given the accepted rows, pseudonyms made with `keys`, without them with a key that is thrown away. Raises
    DefinitionError for an unknown feed or a contract that cannot be evaluated.
    """
    contract, entry, walk, origin = catalog.feed(feed), None, None, None
    account, refused = Account(), None
    lists = [pl.DataFrame(schema=COLUMNS)]
    try:
        landed = alone(path, feed, catalog, institution)
        said = period if landed.note.period is None else None
        if said is not None:
            landed = replace(landed, note=landed.note.model_copy(update={"period": said}))
        entry = ledger.entry_of(landed, catalog, limits, datetime.now(UTC), calendar)
        origin = "option" if said else period_origin(landed.note.period, path.name, contract)
        contract = catalog.feed(feed, entry.period)
        walk = _Walk(path, contract, entry, catalog, limits, keys or VaultKeys.throw_away(), keeps=keep is not None)
        in_passes(walk.go)
        account = walk.account
        if keep is not None:
            for rows in walk.accepted:
                keep(rows)
    except FileRefused as refusal:
        refused = refusal.finding
        account = Account(findings=walk.account.findings if walk else [])
        lists.append(finding_list([refused], path.name, "error"))
    lists += [*(walk.fixes if walk else []), finding_list(account.findings, path.name, "warning")]
    return CheckResult(
        feed,
        entry.period if entry else None,
        account,
        refused,
        pl.concat(lists),
        [*_not_checked(contract), *(["intake_unchecked_calendar"] if calendar is None else [])],
        limits,
        entry,
        origin,
    )


@dataclass
class _Walk:
    """One way through a file, gone again where its records turn out to contradict each other; the last one counts."""

    path: Path
    contract: FeedContract
    entry: Entry
    catalog: Catalog
    limits: Limits
    keys: VaultKeys
    keeps: bool
    account: Account = field(default_factory=Account)
    accepted: list[pl.DataFrame] = field(default_factory=list)
    fixes: list[pl.DataFrame] = field(default_factory=list)

    def go(self, known: Known) -> None:
        """Walk the whole file; raises FileRefused where it cannot be taken."""
        self.account, self.accepted, self.fixes = Account(), [], []
        entry, yes_no, key = self.entry, self.catalog.code_lists["yes_no"], self.keys.pseudonym
        context = FileContext(entry.file_id, entry.period, entry.institution_id, entry.stated)
        data = pieces_of(self.path)
        for chunk in stage(data, self.contract, context, yes_no, key, self.limits, self.account, known):
            self.fixes.append(fix_list(chunk.fixes, self.contract, self.path.name, self.account.sheet))
            if self.keeps:
                self.accepted.append(chunk.accepted)


def pieces_of(path: Path) -> Iterator[bytes]:
    """The bytes of a file, piece by piece."""
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece


def _not_checked(contract: FeedContract) -> list[str]:
    extras = contract.extras
    return [
        "intake_unchecked_selection",
        *(["intake_unchecked_linkage"] if extras.person else []),
        *(["intake_unchecked_areas"] if extras.area else []),
        *(["intake_unchecked_references"] if extras.references else []),
        "intake_unchecked_volume",
    ]
