"""The filled example of our templates, told apart from what a sender delivers.

Put here: recognising it. Keep out: writing it (reports.template) and its values (contracts).
"""

import polars as pl

from data_contracts.contracts import EXAMPLE_MARK, FeedContract

EXAMPLE_ROW = "example_row"
_EDGES = " \t\r\n'"


def marked(texts: pl.DataFrame) -> pl.Series:
    """Rows with text in the column of the template that marks the example; none where the file has no such column."""
    if EXAMPLE_MARK not in texts.columns:
        return pl.repeat(value=False, n=texts.height, dtype=pl.Boolean, eager=True)
    return (texts[EXAMPLE_MARK].str.strip_chars() != "").fill_null(value=False)


def like_example(texts: pl.DataFrame, contract: FeedContract) -> pl.Series:
    """Rows whose cells all say what the example of the contract says: it may have been copied without its mark."""
    alike = pl.repeat(value=texts.height > 0, n=texts.height, dtype=pl.Boolean, eager=True)
    for column in contract.columns:
        if column.name in texts.columns:
            said = texts[column.name].str.strip_chars(_EDGES).fill_null("")
            alike = alike & said.is_in([column.filled, column.example, *column.examples[:1]])
            if not alike.any():
                break
    return alike
