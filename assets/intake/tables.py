"""The tables of a file, and which of several holds the feed: the one named, or the only visible one with its header.

Put here: what a reader of a form of file offers, and the choice. Keep out: reading tables.
A table that is not read must not vanish: two visible ones with the header of the feed refuse the file, a hidden one is
told.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from assets.intake.blocks import Block
from assets.intake.findings import FileRefused, Finding
from assets.intake.headers import recognised
from assets.intake.reading import Reading

VISIBLE, HIDDEN = "visible", "hidden"


@dataclass(frozen=True)
class Table:
    """A table by name (empty where it has none); `state` is `visible` or another word, `first_rows` its beginning."""

    name: str
    state: str
    first_rows: Callable[[], list[list[str]]]


class Source(Protocol):
    """An opened file of some form."""

    def tables(self) -> list[Table]:
        """The tables it may be read as, without choosing."""

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """The records of the table that holds the feed; FileRefused where it cannot be taken. One pass."""


def chosen(tables: Sequence[Table], reading: Reading) -> str:
    """The name of the table to read; findings about the others go to the account."""
    shown = [item for item in tables if item.state == VISIBLE]
    hidden = [item for item in tables if item.state != VISIBLE]
    wanted = reading.contract.extras.file.sheet
    if wanted is not None and wanted not in [item.name for item in tables]:
        raise FileRefused("intake_sheet_missing", sheet=wanted)
    if not shown and wanted is None:
        raise FileRefused("intake_sheet_missing", sheet="")
    fitting = [item.name for item in shown if recognised(item.first_rows(), reading.contract)] if len(shown) > 1 else []
    if wanted is None and len(fitting) > 1:
        raise FileRefused("intake_sheets_several", count=len(fitting), sheets="、".join(fitting))
    name = wanted or (fitting[0] if fitting else shown[0].name)
    findings = reading.account.findings
    if len(tables) > 1:
        findings.append(Finding("intake_other_sheets", {"sheet": name, "shown": len(shown), "hidden": len(hidden)}))
    for item in hidden:
        if item.name != name and recognised(item.first_rows(), reading.contract):
            findings.append(Finding("intake_hidden_sheet", {"sheet": item.name}))
    return name
