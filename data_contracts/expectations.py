"""What a whole delivery of a feed is expected to look like, column by column, from its contract alone.

Put here: contract → expectations as plain data. Keep out: measuring deliveries, comparing periods and thresholds
(assets.compute, limits.yaml). Only stored columns are named: of others nothing is left to measure.
"""

from dataclasses import dataclass

from data_contracts.closed import Bilingual
from data_contracts.contracts import Column, FeedContract, stored_names
from data_contracts.vocabulary import ColumnType, Severity

# Units of what a person reads off an instrument and writes down, where digits are rounded by hand.
_READ_BY_HAND = ("mmHg", "kPa", "cm", "m", "kg", "mmol/L", "mg/dL", "℃", "次/分")


@dataclass(frozen=True)
class ColumnExpectation:
    """One stored column.

    `required`: no accepted record may lack it. `categories`: the stored values it may have, in the order of the code
    list; None for a column without list. `digits`: decimals of a value somebody read off an instrument, whose last
    digits should be spread evenly; None for any other. `additive`: its sum is a control total (money in minor units,
    counted facts).
    """

    column: str
    titles: Bilingual
    type: ColumnType
    unit: str | None
    required: bool
    categories: tuple[str, ...] | None
    digits: int | None
    additive: bool


@dataclass(frozen=True)
class ReferenceExpectation:
    """Values of `columns` that must exist in `target` of another feed."""

    rule: str
    columns: tuple[str, ...]
    feed: str
    target: tuple[str, ...]
    severity: Severity


@dataclass(frozen=True)
class FeedExpectations:
    """A feed as a whole. `key` identifies a record; None stands for what the feed has not."""

    feed: str
    table: str
    delivery: str
    key: tuple[str, ...]
    event_date: str | None
    channel: str | None
    has_persons: bool
    columns: tuple[ColumnExpectation, ...]
    references: tuple[ReferenceExpectation, ...]


def expectations_of(contract: FeedContract) -> FeedExpectations:
    """What the contract says about a delivery as a whole; columns in the order of the contract."""
    extras = contract.extras
    stored = set(stored_names(contract))
    return FeedExpectations(
        contract.key,
        contract.table,
        extras.delivery,
        tuple(extras.business_key),
        extras.event_date,
        extras.channel,
        extras.person is not None,
        tuple(_column(column) for column in contract.columns if column.name in stored),
        tuple(
            ReferenceExpectation(item.id, tuple(item.columns), item.feed, tuple(item.target), item.severity)
            for item in extras.references
        ),
    )


def _column(column: Column) -> ColumnExpectation:
    categories = tuple(column.code_list.values) if column.code_list else None
    if column.type == "boolean":
        categories = ("true", "false")
    by_hand = column.type in ("integer", "decimal") and column.extras.unit in _READ_BY_HAND
    return ColumnExpectation(
        column.name,
        column.titles,
        column.type,
        column.extras.unit,
        column.required,
        categories,
        column.extras.scale if by_hand else None,
        column.type == "money" or column.role == "fact",
    )
