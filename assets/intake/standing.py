"""Which delivered files a sender still has to answer for, and whose wish to replace another was not granted.

Put here: from accounts, verdicts and notes to the files that stand and findings about those that do not do what they
were sent for. Keep out: which rows count (assets.lake.selection), which file withdraws which (precedence.py), wording.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assets.intake.findings import Finding
from assets.intake.ledger import Entry
from assets.intake.precedence import unknown_names, without_effect
from data_contracts.contracts import FeedContract
from data_contracts.settings.limits import Limits

if TYPE_CHECKING:
    from assets.intake.delivery import StagedFile

Current = Callable[[], Mapping[str, int]]
# Findings about a wish that was not granted: an operator has to know, or takes the earlier file for replaced.
NOT_GRANTED = (
    "accounting_withdrawal_refused",
    "accounting_withdrawal_unsound",
    "accounting_withdrawal_unknown",
    "accounting_resent_in_part",
)
# A wish that was granted and may be a slip.
SHORT = "accounting_withdrawal_short"


def standing(
    staged: Sequence["StagedFile"], current: Current, contract: FeedContract, gone: Collection[str]
) -> list["StagedFile"]:
    """The files whose faults are still open, in order of arrival.

    Without those another one supersedes (`gone`), and those sent again under the same name: of a file that was taken
    only where the later one settles it (see `_settles`), of one refused as a whole always.
    """
    found: list[StagedFile] = []
    for item in staged:
        found = [older for older in found if not _settles(item, older, current, contract)]
        found.append(item)
    return [item for item in found if item.entry.file_id not in gone]


def labels(staged: Sequence["StagedFile"]) -> dict[str, str]:
    """What to call each file of a feed and period: its name, and one sent again under it later also by a number."""
    places = [item.entry.landing_name for item in staged]
    return {
        item.entry.file_id: f"{Path(place).name} #{places[: at + 1].count(place)}"
        if place in places[at + 1 :]
        else Path(place).name
        for at, (item, place) in enumerate(zip(staged, places, strict=True))
    }


def resent_in_part(
    staged: Sequence["StagedFile"], current: Current, contract: FeedContract, gone: Collection[str]
) -> Iterator[tuple[str, Finding]]:
    """File id → that the file before it under its name is still in force, or may hold faults that it does not mend."""
    named = labels(staged)
    taken = [item for item in standing(staged, current, contract, gone) if item.refused is None]
    for at, newer in enumerate(taken):
        for older in taken[:at]:
            if older.entry.landing_name == newer.entry.landing_name:
                counts = {"records": _records(older), "count": current()[older.entry.file_id]}
                yield (
                    newer.entry.file_id,
                    Finding(
                        "accounting_resent_in_part",
                        {"other": named[older.entry.file_id], "own": _records(newer), **counts},
                    ),
                )


def unheard(
    entries: Sequence[Entry], unsound: Mapping[str, "StagedFile"], period: str, limits: Limits
) -> Iterator[tuple[str, Finding]]:
    """File id → that a file of `period` replaces none of those its note names, and why."""
    known = {entry.file_id: entry for entry in entries}
    for newer, older in without_effect(list(entries), unsound):
        item = unsound[newer]
        other = {"other": Path(known[older].landing_name).name}
        if item.entry.period != period:
            continue
        if item.refused is not None:
            yield newer, Finding("accounting_withdrawal_refused", other)
            continue
        account = item.account
        counts = {"records": _records(item), "refused": account.quarantined + account.unreadable}
        limit = account.shares(limits)["limit"]
        yield newer, Finding("accounting_withdrawal_unsound", {**other, **counts, "limit": limit})
    for entry in entries:
        count = unknown_names(entry, list(entries)) if entry.period == period and entry.supersedes else 0
        if count:
            yield entry.file_id, Finding("accounting_withdrawal_unknown", {"count": count})


def short(
    withdrawing: Mapping[str, Sequence[Entry]], accepted: Callable[[Entry], int], own: Mapping[str, int], limits: Limits
) -> Iterator[tuple[str, Finding]]:
    """File id → that a correction brings clearly fewer records than a file it withdraws.

    `withdrawing`: file → those that its note supersedes; `own`: accepted records of the files to be spoken of.
    """
    for newer in withdrawing.keys() & own.keys():
        # Corrections of corrections repeat each other, so the largest is the measure.
        lost, largest = max((accepted(older), older.landing_name) for older in withdrawing[newer])
        if own[newer] < limits.resend_share * lost:
            yield newer, Finding(SHORT, {"other": Path(largest).name, "count": lost, "own": own[newer]})


def _settles(newer: "StagedFile", older: "StagedFile", current: Current, contract: FeedContract) -> bool:
    """Whether a file sent again under one name leaves nothing open of the one before.

    Nothing of the earlier one may count any more; and as refused records have no key to be found again by, the later
    file must hold as many records, or be a whole state that has taken the place of the earlier one.
    """
    if newer.entry.landing_name != older.entry.landing_name:
        return False
    if older.refused is not None:
        return True
    if newer.refused is not None or current()[older.entry.file_id] > 0:
        return False
    replaced = contract.delivery == "snapshot" and older.account.accepted > 0
    return replaced or _records(newer) >= _records(older)


def _records(item: "StagedFile") -> int:
    return item.account.records - item.account.non_data
