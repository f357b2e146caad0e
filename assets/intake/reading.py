"""What every reader of a form of file is given, and what all of them do with a header.

Put here: contract, limits and account of one file on its way to records. Keep out: reading bytes (one module per form).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from assets.intake.account import Account
from assets.intake.blocks import Shape
from assets.intake.findings import FileRefused
from assets.intake.headers import HeaderMap, find_header
from assets.intake.outsiders import Outsiders
from data_contracts.contracts import FeedContract
from data_contracts.settings.limits import Limits


@dataclass(frozen=True)
class Reading:
    """One file being read: what was agreed, what is allowed, and the account that takes the findings.

    `whole`: it is known that nothing of the file is missing.
    """

    contract: FeedContract
    limits: Limits
    account: Account
    whole: bool = False

    def header(self, rows: Sequence[Sequence[str]]) -> HeaderMap:
        """The header among the first rows; its findings go to the account."""
        found = find_header(rows, self.contract)
        if len(found.names) > self.limits.columns:
            raise FileRefused("intake_too_many_columns", limit=self.limits.columns)
        self.account.findings.extend(found.findings)
        self.account.units.update(found.units)
        return found

    def shape(self, header: HeaderMap, above: Sequence[Sequence[str]], delimiter: str = "\t") -> Shape:
        """The shape of the records below a header; `above` are the rows of the file down to it."""
        by_name = self.contract.by_name
        outsiders = Outsiders(
            [by_name.get(name) if name else None for name in header.names],
            above,
            frozenset(text for column in self.contract.columns for text in column.headers),
            tuple(self.contract.extras.file.footer_markers),
        )
        # A column without any header text is told apart from one whose header nobody knows.
        headed = {at for row in above for at, cell in enumerate(row) if cell.strip()}
        columns = [
            name or f"{'unknown' if at in headed else 'unnamed'} {at + 1}" for at, name in enumerate(header.names)
        ]
        return Shape(columns, delimiter, self.limits.field_length, outsiders)


def check_span(rows: int, columns: int, limits: Limits) -> None:
    """Refuse a table that spans too much, before it is unfolded."""
    if columns > limits.columns:
        raise FileRefused("intake_too_many_columns", limit=limits.columns)
    if rows * columns > limits.cells:
        raise FileRefused("intake_too_many_cells", limit=limits.cells)
